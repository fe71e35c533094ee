"""Personnel files as HR sees them, and the drafts that become applications only in an officer's own name."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.factors.authenticator_state import AuthenticatorState
from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.authenticators import Authenticator, AuthenticatorUse
from idm.models.feeds import FeedRun, HeldRow
from idm.models.requests import Request, RequestLine
from idm.operations.approval.requests import draft
from idm.request_state import RequestState
from idm.vocabulary import AuthenticatorKind, HeldKind, RequestAction
from tests.cast import NOW, TODAY, Cast
from tests.web.office import Office


def feed(cast: Cast) -> int:
    """A file that was applied, with one row held."""
    with cast.database.writing() as session:
        run = FeedRun(feed="aoba", sha256="0" * 64, applied_at=NOW, as_of=TODAY, row_count=412, joiners=18, movers=64,
                      leavers=21, held=1)  # fmt: skip
        session.add(run)
        session.flush()
        session.add(HeldRow(run_id=run.id, row_number=45, staff_number="100077", name="那珂川　渡", reason="同じ人か"))
        return run.id


def drafted(cast: Cast, *wanted: tuple[str, str]) -> int:
    """A draft of that file, one line per (person, right)."""
    run_id = feed(cast)
    with cast.database.writing() as session:
        lines = [cast.line(session, who, right) for who, right in wanted]
        return draft(
            session, action=RequestAction.REGISTER, lines=lines, reason="採用等に伴う利用者登録", feed_run_id=run_id,
            now=NOW, system_id=cast.entitlement(session, wanted[0][1]).system_id,
        ).id  # fmt: skip


def lines_of(cast: Cast, request_id: int) -> list[int]:
    with cast.database.reading() as session:
        return list(session.scalars(select(RequestLine.id).where(RequestLine.request_id == request_id)))


def test_the_page_tells_what_the_files_did_and_what_waits(office: Office) -> None:
    drafted(office.cast, ("staff", "ledger/account"), ("other", "ledger/account"))
    page = office.browser("hr").page("/hr")
    for shown in ("412", "18", "64", "21", "那珂川　渡", "45行目", "同じ人か", "採用等に伴う利用者登録",
                  "青木　一郎、今泉　二葉", "提出を待っている下書き 1件", "保留になっている行 1件"):  # fmt: skip
        assert shown in page, shown


def test_a_draft_of_an_unpublished_appointment_is_for_hr_alone(office: Office) -> None:
    found = drafted(office.cast, ("staff", "ledger/account"))
    with office.database.writing() as session:
        session.get_one(Request, found).published_on = TODAY + timedelta(days=9)
    assert "青木　一郎" in office.browser("hr").page("/hr")
    for who in ("chief", "auditor"):
        assert "青木　一郎" not in office.browser(who).page("/hr")


def test_whoever_is_held_is_named_to_hr_alone_unless_they_are_known(office: Office) -> None:
    run_id = feed(office.cast)
    with office.database.writing() as session:
        session.add(
            HeldRow(run_id=run_id, kind=HeldKind.MISSING, staff_number="100009", name="青木　一郎", reason="ない")
        )
    assert "那珂川　渡" in office.browser("hr").page("/hr")
    page = office.browser("auditor").page("/hr")
    assert "那珂川　渡" not in page
    assert "100077" not in page
    assert "青木　一郎" in page


def test_before_the_first_file_the_page_says_so(office: Office) -> None:
    page = office.browser("hr").page("/hr")
    assert "まだ人事データを取り込んでいません" in page
    assert "提出を待っている下書きはありません" in page


@pytest.mark.parametrize("who", ["staff", "system", "desk", "contractor"])
def test_for_everybody_else_there_is_no_such_page(office: Office, who: str) -> None:
    found = drafted(office.cast, ("staff", "ledger/account"))
    browser = office.browser(who)
    for path in ("/hr", f"/hr/drafts/{found}"):
        answer = browser.open(path)
        assert answer.status_code == 404
        assert "那珂川" not in answer.text


@pytest.mark.parametrize("who", ["ciso", "auditor"])
def test_those_who_see_the_feed_see_drafts_but_open_none(office: Office, who: str) -> None:
    found = drafted(office.cast, ("staff", "ledger/account"))
    browser = office.browser(who)
    page = browser.page("/hr")
    assert "採用等に伴う利用者登録" in page
    assert f"/hr/drafts/{found}" not in page
    assert browser.open(f"/hr/drafts/{found}").status_code == 404


@pytest.mark.parametrize("act", ["drop", "submit"])
@pytest.mark.parametrize("who", ["staff", "ciso", "security"])
def test_nobody_but_hr_acts_on_a_draft_and_the_attempt_is_audited(office: Office, who: str, act: str) -> None:
    found = drafted(office.cast, ("staff", "ledger/account"))
    answer = office.browser(who).send(f"/hr/drafts/{found}/{act}", {"line": lines_of(office.cast, found)[0]})
    assert answer.status_code == 404
    assert len(lines_of(office.cast, found)) == 1
    with office.database.reading() as session:
        assert session.get_one(Request, found).state is RequestState.DRAFT
        refused = session.scalars(select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED)).one()
    assert (refused.object_kind, refused.object_id) == ("request", str(found))


def test_the_officer_submits_the_draft_in_their_own_name(office: Office) -> None:
    cast = office.cast
    found = drafted(cast, ("staff", "ledger/account"), ("staff", "ledger/enter"), ("other", "ledger/account"))
    browser = office.browser("hr")
    page = browser.page(f"/hr/drafts/{found}")
    assert "自分の名前で提出する（3行）" in page
    assert "aoba" in page
    page = browser.follow(browser.send(f"/hr/drafts/{found}/submit", {}, shown=f"/hr/drafts/{found}"))
    assert "R8-000001" in page
    with office.database.reading() as session:
        request = session.get_one(Request, found)
        assert (request.state, request.applicant_id) == (RequestState.SUBMITTED, cast.people["hr"])
    assert browser.open(f"/hr/drafts/{found}").status_code == 404
    assert browser.send(f"/hr/drafts/{found}/submit", {}).status_code == 404


def test_ticked_lines_are_dropped_from_the_draft(office: Office) -> None:
    found = drafted(office.cast, ("staff", "ledger/account"), ("other", "ledger/account"), ("desk", "ledger/account"))
    first, second, third = lines_of(office.cast, found)
    browser = office.browser("hr")
    page = browser.follow(browser.send(f"/hr/drafts/{found}/drop", {"line": [first, third]}))
    assert "選んだ行を下書きから除きました" in page
    assert lines_of(office.cast, found) == [second]
    with office.database.reading() as session:
        dropped = session.scalars(select(AuditRecord).where(AuditRecord.action == "request.line_dropped")).all()
    assert {record.actor for record in dropped} == {"薬院　大通"}
    assert len(dropped) == 2


def test_a_draft_without_a_line_is_gone(office: Office) -> None:
    found = drafted(office.cast, ("staff", "ledger/account"))
    browser = office.browser("hr")
    page = browser.follow(browser.send(f"/hr/drafts/{found}/drop", {"line": lines_of(office.cast, found)[0]}))
    assert "下書きはなくなりました" in page
    with office.database.reading() as session:
        assert session.get(Request, found) is None


@pytest.mark.parametrize("ticked", [[], [999], ["x"]])
def test_dropping_nothing_changes_nothing(office: Office, ticked: list[str | int]) -> None:
    found = drafted(office.cast, ("staff", "ledger/account"))
    answer = office.browser("hr").send(f"/hr/drafts/{found}/drop", {"line": ticked})
    assert answer.status_code in (404, 422)
    assert "除く行を選んでください" in answer.text or "この行はありません" in answer.text
    assert len(lines_of(office.cast, found)) == 1


def test_a_draft_that_cannot_be_submitted_names_the_line(office: Office) -> None:
    found = drafted(office.cast, ("staff", "ledger/account"), ("contractor", "ledger/account"))
    browser = office.browser("hr")
    answer = browser.send(f"/hr/drafts/{found}/submit", {})
    assert answer.status_code == 422
    assert "委託　三郎 さんの「利用者ID」には終了日が必要です" in answer.text
    assert "その行を除いてから提出してください" in answer.text
    browser.send(f"/hr/drafts/{found}/drop", {"line": lines_of(office.cast, found)[1]})
    assert browser.send(f"/hr/drafts/{found}/submit", {}).status_code == 302


def test_looking_at_drafts_changes_nothing(office: Office) -> None:
    found = drafted(office.cast, ("staff", "ledger/account"))
    browser = office.browser("hr")
    before = office.rows()
    browser.page("/hr")
    browser.page(f"/hr/drafts/{found}")
    assert browser.open(f"/hr/drafts/{found}/submit").status_code == 405
    assert office.rows() == before


def test_a_draft_says_what_the_gate_still_needs_of_a_my_number_right(office: Office) -> None:
    waits = "承認されても、二要素認証が必須になっていることが確認できるまで有効になりません"
    with office.database.writing() as session:
        card = Authenticator(
            person_id=office.cast.people["staff"], kind=AuthenticatorKind.IC_CARD, state=AuthenticatorState.ACTIVE,
            issued_at=NOW, issued_by_id=office.cast.people["desk"], activated_at=NOW,
            activated_by_id=office.cast.people["desk"],
        )  # fmt: skip
        system_id = office.cast.entitlement(session, "pension/account").system_id
        card.uses.append(AuthenticatorUse(system_id=system_id, since=NOW))
        session.add(card)
    assert waits in office.browser("hr").page(f"/hr/drafts/{drafted(office.cast, ('staff', 'pension/account'))}")
    assert waits not in office.browser("hr").page(f"/hr/drafts/{drafted(office.cast, ('staff', 'ledger/account'))}")
