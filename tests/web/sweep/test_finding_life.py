"""Findings on their pages: whose they are and until when, accepted risks, all of them at once, as a file, over time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.models.exceptions import RegisteredException
from idm.models.people import Person
from idm.models.work import Finding
from idm.operations.sweep.finding_following import follow
from idm.operations.sweep.findings import Found, SweepResult, record_everywhere, record_sweep
from idm.vocabulary import ExceptionScope, ExceptionState, FindingKind
from tests.carried_out import WORKER
from tests.cast import NOW, TODAY
from tests.web.office import Office
from tests.web.test_unpublished import NEWCOMER, announce

DRIFT = Found(FindingKind.DRIFT, "e-1", "u100009", details={"reason": "使えるはずのIDが止まっています。"})
ORPHAN = Found(FindingKind.ORPHAN, "e-2", "tanaka")
LATE = '<span class="chip error">期限超過</span>'
LEFT = Found(FindingKind.LEFT, "e-3", "u100042")


def sweep(office: Office, *found: Found, system_id: int = 1) -> None:
    with office.database.writing() as session:
        result = SweepResult(system_id, "ledger", 12, found)
        record_sweep(
            session, result, started_at=office.now, actor=WORKER, policy=office.cast.policy, now=office.now
        )  # fmt: skip


def row(office: Office) -> dict[str, object]:
    with office.database.reading() as session:
        return dict(session.execute(select(Finding.__table__)).mappings().one())


def test_a_finding_says_whose_it_is_and_until_when(office: Office) -> None:
    sweep(office, ORPHAN)
    page = office.browser("auditor").page("/findings")
    assert "情報システム管理者" in page
    assert "令和8年5月1日" in page
    assert LATE not in page
    office.pass_by(days=31)
    assert LATE in office.browser("auditor").page("/findings")


@pytest.mark.parametrize("path", ["/findings", "/findings/1", "/findings.csv", "/systems/1/findings"])
def test_of_whoever_is_not_published_yet_no_finding_tells_the_name(office: Office, path: str) -> None:
    announce(office.cast)
    with office.database.reading() as session:
        newcomer = session.scalars(select(Person.id).where(Person.name == NEWCOMER)).one()
    sweep(office, replace(ORPHAN, kind=FindingKind.NEVER_USED, person_id=newcomer))
    told = office.browser("system").open(path)
    assert told.status_code == 200
    assert "tanaka" in told.text
    assert NEWCOMER not in told.text


def test_what_is_ones_own_and_what_is_late_is_found(office: Office) -> None:
    sweep(office, ORPHAN, replace(ORPHAN, kind=FindingKind.SUDDEN_USE, subject_key="s", label="suzuki"))
    assert "tanaka" in office.browser("system").page("/findings?mine=1")
    assert "suzuki" not in office.browser("system").page("/findings?mine=1")
    assert "suzuki" in office.browser("security").page("/findings?mine=1")
    assert "suzuki" not in office.browser("security").page("/findings?late=1")
    office.pass_by(days=10)
    late = office.browser("security").page("/findings?late=1")
    assert ("suzuki" in late, "tanaka" in late) == (True, False), "an urgent kind has less time"
    assert "tanaka" not in office.browser("security").page("/findings?urgent=1")


def test_the_first_page_says_what_is_ones_own(office: Office) -> None:
    sweep(office, ORPHAN, DRIFT)
    assert "あなたが担当する点検結果が2件あります" in office.browser("system").page("/")
    assert "あなたが担当する点検結果" not in office.browser("security").page("/")
    assert "あなたが担当する点検結果" not in office.browser("staff").page("/")
    office.pass_by(days=31)
    assert "期限を過ぎたもの 2件" in office.browser("system").page("/")


def test_the_manager_is_given_it_notes_what_was_done_and_the_history_tells(office: Office) -> None:
    sweep(office, ORPHAN)
    chief = office.browser("chief")
    owner = office.cast.people["system"]
    page = chief.follow(chief.send("/findings/1/owner", {"owner": owner}, shown="/findings/1"))
    assert "担当者を変更しました" in page
    system = office.browser("system")
    assert "自分が担当する点検結果の期限は、自分では動かせません" in system.page("/findings/1")
    page = system.follow(system.send("/findings/1/notes", {"note": "台帳を調べています"}, shown="/findings/1"))
    history = page[page.index("これまでの経過") :]
    positions = [history.index(words) for words in ("台帳を調べています", "担当の変更", "見つかった")]
    assert positions == sorted(positions), "the newest first"


def test_the_last_day_is_moved_by_another(office: Office) -> None:
    sweep(office, ORPHAN)
    security = office.browser("security")
    said = {"due": "令和8年4月20日", "due_reason": "調査のため"}
    page = security.follow(security.send("/findings/1/due", said, shown="/findings/1"))
    assert "令和8年4月20日" in page
    late = security.send("/findings/1/due", {**said, "due": "令和8年6月1日"}, shown="/findings/1")
    assert (late.status_code, "期限は明日から" in late.text) == (422, True)
    own = office.browser("system").send("/findings/1/due", said, shown="/findings/1")
    assert own.status_code == 409


@pytest.mark.parametrize("act", ["owner", "due", "notes", "acceptance", "acceptance/end"])
@pytest.mark.parametrize("who", ["staff", "auditor", "hr", "vice"])
def test_others_change_nothing_about_a_finding(office: Office, act: str, who: str) -> None:
    sweep(office, ORPHAN)
    before = row(office)
    assert office.browser(who).send(f"/findings/1/{act}", {"note": "x", "owner": ""}).status_code == 403
    assert row(office) == before


def test_an_auditor_looks_and_finds_no_form(office: Office) -> None:
    sweep(office, ORPHAN)
    page = office.browser("auditor").page("/findings/1")
    main = page[page.index("<main") :]
    assert "<form" not in main
    assert "これまでの経過" in main


def test_the_ciso_accepts_a_risk_until_a_day_and_takes_it_back(office: Office) -> None:
    sweep(office, DRIFT)
    ciso = office.browser("ciso")
    said = {"accept_reason": "更改まで使うため", "accept_until": "令和8年9月30日"}
    page = ciso.follow(ciso.send("/findings/1/acceptance", said, shown="/findings/1"))
    assert "リスクを受容" in page
    assert "更改まで使うため" in page
    assert "u100009" not in ciso.page("/findings")
    assert "u100009" in ciso.page("/findings?state=accepted")
    page = ciso.follow(ciso.send("/findings/1/acceptance/end", {"back_reason": "事故のため"}, shown="/findings/1"))
    assert "u100009" in ciso.page("/findings")
    assert "事故のため" in page


def test_an_accepted_risk_is_open_again_after_its_last_day_without_anybody(office: Office) -> None:
    sweep(office, DRIFT)
    ciso = office.browser("ciso")
    ciso.send("/findings/1/acceptance", {"accept_reason": "x", "accept_until": "令和8年4月10日"}, shown="/findings/1")
    office.pass_by(days=9)
    assert "u100009" not in office.browser("ciso").page("/findings")
    office.pass_by(days=1)
    assert "u100009" in office.browser("ciso").page("/findings")


def test_for_what_the_standard_leaves_no_choice_about_there_is_no_form(office: Office) -> None:
    sweep(office, LEFT)
    ciso = office.browser("ciso")
    page = ciso.page("/findings/1")
    assert "離職者や契約の終わった人が使えるIDは" in page
    assert "accept_reason" not in page
    said = {"accept_reason": "x", "accept_until": "令和8年4月10日"}
    assert ciso.send("/findings/1/acceptance", said, shown="/findings").status_code == 409


def test_mistakes_in_an_acceptance_are_told_at_their_fields(office: Office) -> None:
    sweep(office, DRIFT)
    ciso = office.browser("ciso")
    for until, told in (("令和10年4月1日", "365日以内"), ("x", "日付")):
        answer = ciso.send("/findings/1/acceptance", {"accept_reason": "x", "accept_until": until}, shown="/findings/1")
        assert (answer.status_code, told in answer.text, 'id="accept_until-error"' in answer.text) == (422, True, True)


def test_a_fact_that_came_back_names_its_earlier_life(office: Office) -> None:
    sweep(office, ORPHAN)
    office.pass_by(days=1)
    sweep(office)
    office.pass_by(days=1)
    sweep(office, ORPHAN)
    page = office.browser("auditor").page("/findings/2")
    assert 'href="/findings/1">一度解消し、また見つかったものです' in page


def test_the_whole_is_counted_by_system_and_kind_and_each_number_leads_to_its_list(office: Office) -> None:
    sweep(office, ORPHAN, replace(ORPHAN, subject_key="e-9"), DRIFT)
    sweep(office, ORPHAN, system_id=2)
    with office.database.writing() as session:
        record_everywhere(
            session, {FindingKind.CLOCK_DRIFT}, [Found(FindingKind.CLOCK_DRIFT, "clock", "時計")], actor=WORKER,
            policy=office.cast.policy, now=NOW,
        )  # fmt: skip
    page = office.browser("auditor").page("/findings/overview")
    assert '<a href="/findings?kind=orphan&amp;system=1">2</a>' in page
    assert '<a href="/findings?kind=orphan">3</a>' in page
    assert '<a href="/findings?kind=clock_drift&amp;system=none">1</a>' in page
    assert '<a href="/findings">5</a>' in page
    assert "時計" in office.browser("auditor").page("/findings?system=none")
    assert "tanaka" not in office.browser("auditor").page("/findings?system=none")
    mine = office.browser("system").page("/findings/overview?mine=1")
    assert '<a href="/findings?mine=1">4</a>' in mine


def test_what_somebody_answers_for_is_counted_apart(office: Office) -> None:
    sweep(office, DRIFT, ORPHAN)
    ciso = office.browser("ciso")
    said = {"accept_reason": "x", "accept_until": "令和8年9月30日"}
    ciso.send("/findings/1/acceptance", said, shown="/findings/1")
    assert '<a href="/findings">1</a>' in ciso.page("/findings/overview")
    assert '<a href="/findings?state=accepted">1</a>' in ciso.page("/findings/overview?state=accepted")
    assert "該当する点検結果はありません" in ciso.page("/findings/overview?state=answered")
    page = ciso.page("/systems/1/findings")
    assert '<a href="/findings?system=1&amp;kind=drift&amp;state=accepted">1</a>' in page
    assert '<a href="/findings?system=1&amp;kind=orphan">1</a>' in page


def test_one_systems_page_tells_what_is_late(office: Office) -> None:
    sweep(office, LEFT)
    assert "期限を過ぎた点検結果が" not in office.browser("auditor").page("/systems/1/findings")
    office.pass_by(days=10)
    assert "期限を過ぎた点検結果が1件あります" in office.browser("auditor").page("/systems/1/findings")
    assert "期限を過ぎた点検結果が" not in office.browser("auditor").page("/systems/2/findings")


def test_the_trend_is_drawn_and_said_in_a_table(office: Office) -> None:
    sweep(office, ORPHAN, DRIFT)
    office.pass_by(days=2)
    sweep(office, DRIFT)
    office.pass_by(days=1)
    page = office.browser("auditor").page("/findings/overview?days=31")
    table = page[page.index("解消していない点検結果の件数（新しい日から）") :]
    rows = [row.split("</td>")[:3] for row in table.split("<tr>")[2:6]]
    numbers = [[int(cell.rpartition(">")[2]) for cell in row] for row in rows]
    assert numbers == [[1, 0, 0], [1, 0, 1], [2, 0, 0], [2, 2, 0]], "left, new, gone; today first"
    assert '<polyline points="' in page
    assert "今は1件" in page
    assert "<svg" not in office.browser("auditor").page("/findings")


def test_the_list_is_a_file_with_the_same_filters(office: Office) -> None:
    sweep(office, ORPHAN, DRIFT)
    browser = office.browser("auditor")
    assert 'href="/findings.csv?kind=drift"' in browser.page("/findings?kind=drift")
    answer = browser.open("/findings.csv?kind=drift")
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert answer.content_type == "text/csv; charset=utf-8"
    assert len(lines) == 2
    assert "2,承認と異なる状態のID,会計システム,u100009,,未対応,使えるはずのIDが止まっています。" in lines[1].replace(
        '"', ""
    )
    assert "2026-05-01" in lines[1]


@pytest.mark.parametrize("path", ["/findings/overview", "/systems/1/findings", "/findings.csv"])
@pytest.mark.parametrize("who", ["staff", "hr", "desk"])
def test_for_those_who_may_not_see_findings_there_is_no_overview(office: Office, path: str, who: str) -> None:
    assert office.browser(who).open(path).status_code == 404


def test_a_system_that_is_none_has_no_page(office: Office) -> None:
    assert office.browser("auditor").open("/systems/999/findings").status_code == 404


def test_an_exception_that_covers_is_named_and_leads_to_the_register(office: Office) -> None:
    sweep(office, DRIFT)
    with office.database.writing() as session:
        session.add(RegisteredException(
            state=ExceptionState.PERMITTED, clause="6-2(1)", finding_kind=FindingKind.DRIFT, what="旧サーバー",
            scope=ExceptionScope.ORGANISATION, reason="更改まで", compensating_control="毎週の目視",
            valid_from=TODAY, valid_until=TODAY + timedelta(days=30), asked_by_id=office.cast.people["system"],
            asked_at=NOW, answered_by_id=office.cast.people["ciso"], answered_at=NOW,
        ))  # fmt: skip
        session.flush()
        follow(session, actor=WORKER, policy=office.cast.policy, now=NOW)
    page = office.browser("auditor").page("/findings/1")
    assert 'href="/exceptions/1">例外措置 第1号' in page
    assert "例外措置等による" in page
    assert "u100009" in office.browser("auditor").page("/findings?state=answered")
