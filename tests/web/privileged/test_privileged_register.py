"""The register of privileged IDs: who holds what and why, how many may, and IDs that are nobody's (D1, D8, D10)."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from idm.actor import Actor
from idm.calendar_days import TOKYO
from idm.models.privileged import PrivilegedUse, RegisteredId
from idm.models.requests import Grant, PolicyException
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.operations.privileged.holder_counts import count_holders
from idm.request_state import StepState
from idm.vocabulary import AccountKind, Role, Stage, UseEnd, UseState
from tests.cast import TODAY
from tests.going_live import STAFF, Ledger, there
from tests.web.deciding import shown_hash, step_id
from tests.web.office import Office
from tests.web.privileged_office import with_holder

FORM = {
    "kind": "shared", "purpose": "窓口端末の共用ID", "staff_number": "100004", "kept": "yes",
    "last_day": "令和8年9月30日",
}  # fmt: skip


@pytest.fixture
def ledger(office: Office) -> Ledger:
    """The ledger system with IDs that are nobody's."""
    ledger = Ledger(office.cast).at(Stage.ADOPT)
    ledger.take(STAFF, there("e-m", "madoguchi", groups=["admin"]), there("e-r", "root", protected=True))
    return ledger


def cap(office: Office, most: int) -> None:
    with office.database.writing() as session:
        session.get_one(InformationSystem, 1).most_holders = {"privileged": most}


def proposed(office: Office, ledger: Ledger, **more: str) -> int:
    path = f"/privileged/systems/1/found/{ledger.found('madoguchi').id}"
    answer = office.browser("system").send(path, {**FORM, **more}, shown=path)
    assert answer.status_code == 302, answer.text
    with office.database.reading() as session:
        return session.scalars(select(RegisteredId.id).order_by(RegisteredId.id.desc())).first() or 0


def count(office: Office) -> None:
    with office.database.writing() as session:
        count_holders(session, actor=Actor.job("tests"), policy=office.cast.policy, now=office.now)


@pytest.mark.parametrize("who", ["staff", "hr", "desk", "contractor"])
@pytest.mark.parametrize("path", ["/privileged", "/privileged/systems/1", "/privileged/print", "/privileged.csv"])
def test_others_have_no_register(office: Office, who: str, path: str) -> None:
    assert office.browser(who).open(path).status_code == 404


def test_it_shows_who_holds_what_why_by_which_application_and_until_when(office: Office) -> None:
    with_holder(office)
    cap(office, 3)
    browser = office.browser("auditor")
    assert "1／上限3" in browser.page("/privileged")
    page = browser.page("/privileged/systems/1")
    for told in ("青木　一郎", "adm-u100009", "システム管理", "業務のため", "R8-000001", "令和9年3月31日"):
        assert told in page
    for path in ("/privileged/print", "/privileged.csv"):
        assert "adm-u100009" in browser.open(path).text


def test_rights_that_no_loss_of_a_post_would_end_are_listed_with_what_to_do(office: Office) -> None:
    with_holder(office)
    heading = "職に結び付いていない特権の権限"
    assert heading not in office.browser("auditor").page("/privileged")
    with office.database.writing() as session:
        for grant in session.scalars(select(Grant).where(Grant.rests_on_post.is_not(None))):
            grant.rests_on_unit = grant.rests_on_post = None
    page = office.browser("auditor").page("/privileged")
    assert "職を離れても終わらない権限が2件あります" in page
    listed = page.partition(f"<caption>{heading}</caption>")[2].partition("</table>")[0]
    for told in ("青木　一郎", "adm-u100009", "管理用ID", "システム管理", "令和9年3月31日"):
        assert told in listed
    assert "人事担当者に、その人の所属と職名を人事データに入れて取り込んでもらってください" in page


def test_what_is_not_used_for_long_is_proposed_for_removal_with_the_application_filled_in(office: Office) -> None:
    account_id = with_holder(office)
    days = office.cast.policy.privileged.unused_days
    office.pass_by(days=days)
    page = office.browser("security").page("/privileged/systems/1")
    assert f"{days}日以上使われていない特権IDが1件あります" in page
    link = page.partition('href="/requests/new?')[2].partition('"')[0].replace("&amp;", "&")
    assert "管理用ID" in office.browser("hr").page(f"/requests/new?{link}")
    with office.database.writing() as session:
        session.add(
            PrivilegedUse(
                account_id=account_id, system_id=1, person_id=office.cast.people["staff"], state=UseState.ENDED,
                emergency=False, purpose="保守", hours=1, asked_at=office.now, wanted_from=office.now,
                approval_needed=False, attendance_needed=False, opens_at=office.now, opened_at=office.now,
                ends_at=office.now + timedelta(hours=1), ended_at=office.now, end_reason=UseEnd.RETURNED,
            )
        )  # fmt: skip
    assert "日以上使われていない" not in office.browser("security").page("/privileged/systems/1")


def test_the_trend_is_drawn_without_script_and_said_in_a_table_beside_it(office: Office) -> None:
    count(office)
    with_holder(office)
    cap(office, 2)
    office.pass_by(days=1)
    count(office)
    count(office)
    page = office.browser("auditor").page("/privileged/systems/1")
    assert page.count("<polyline") == 2
    assert 'role="img" aria-label="特権IDの数の推移' in page
    table = page.partition("<caption>特権IDの数が変わった日</caption>")[2].partition("</table>")[0]
    assert [cell.partition("<")[0] for cell in table.split('<td class="number">')[1:]] == ["0", "なし", "1", "2"]


def test_the_products_own_account_stands_there(office: Office) -> None:
    with office.database.writing() as session:
        session.get_one(InformationSystem, 1).service_account = "svc-idm"
    assert "この製品は「svc-idm」として接続しています" in office.browser("auditor").page("/privileged/systems/1")


def test_a_found_account_is_proposed_from_its_page_and_accepted_by_another(office: Office, ledger: Ledger) -> None:
    found = ledger.found("madoguchi").id
    link = f"/privileged/systems/1/found/{found}"
    assert link in office.browser("system").page(f"/systems/1/found/{found}")
    registered = proposed(office, ledger)
    page = f"/privileged/registered/{registered}"
    assert "登録の承認を待っているIDが1件あります" in office.browser("chief").page("/privileged")
    assert "の承認を待っています" in office.browser("system").page(page)
    assert office.browser("chief").send(f"{page}/accept", {}, shown=page).status_code == 302
    assert "登録済み" in office.browser("auditor").page(page)
    assert "窓口端末の共用ID" in office.browser("auditor").page("/privileged/systems/1")
    assert "登録簿に載っています" in office.browser("system").page(f"/systems/1/found/{found}")
    with office.database.reading() as session:
        account = session.scalars(select(Account).where(Account.login_name == "madoguchi")).one()
    assert (account.kind, account.person_id) == (AccountKind.SHARED, None)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"kind": ""}, "どれかを選んでください"),
        ({"kept": ""}, "パスワードを預かるかどうかを選んでください"),
        ({"purpose": " "}, "何に使うIDかを書いてください"),
        ({"staff_number": "999999"}, "の職員は見つかりません"),
        ({"staff_number": "900001"}, "委託事業者を管理責任者にすることはできません"),
        ({"last_day": ""}, "必要な期間の最終日を入れてください"),
        ({"last_day": "いつか"}, "日付"),
    ],
)
def test_mistakes_are_told_at_their_field(office: Office, ledger: Ledger, changed: dict[str, str], told: str) -> None:
    path = f"/privileged/systems/1/found/{ledger.found('madoguchi').id}"
    answer = office.browser("system").send(path, {**FORM, **changed}, shown=path)
    assert (answer.status_code, told in answer.text) == (422, True)


def test_whoever_answers_for_it_is_told_to_ask_another(office: Office, ledger: Ledger) -> None:
    page = f"/privileged/registered/{proposed(office, ledger, staff_number='100003')}"
    assert "申し出た人と管理責任者は、承認できません" in office.browser("chief").page(page)
    answer = office.browser("chief").send(f"{page}/accept", {}, shown=page)
    assert (answer.status_code, "SOD-2" in answer.text) == (409, True)


def test_a_proposal_is_refused_with_a_reason(office: Office, ledger: Ledger) -> None:
    page = f"/privileged/registered/{proposed(office, ledger)}"
    browser = office.browser("chief")
    assert browser.send(f"{page}/refuse", {"reason": ""}, shown=page).status_code == 422
    assert browser.send(f"{page}/refuse", {"reason": "使われていない"}, shown=page).status_code == 302
    assert "使われていない" in browser.page(page)


def test_it_is_renewed_and_ended(office: Office, ledger: Ledger) -> None:
    page = f"/privileged/registered/{proposed(office, ledger)}"
    chief, manager = office.browser("chief"), office.browser("system")
    chief.send(f"{page}/accept", {}, shown=page)
    assert chief.send(f"{page}/renew", {"last_day": "きのう"}, shown=page).status_code == 422
    unused = chief.send(f"{page}/renew", {"last_day": "令和9年3月31日"}, shown=page)
    assert (unused.status_code, "利用者が一人もいません" in unused.text) == (409, True)
    give(office)
    assert chief.send(f"{page}/renew", {"last_day": "令和9年3月31日"}, shown=page).status_code == 302
    assert "令和9年3月31日" in chief.page(page)
    assert manager.send(f"{page}/end", {"reason": "窓口を廃止した"}, shown=page).status_code == 302
    assert "窓口を廃止した" in manager.page(page)


def test_the_cap_is_told_when_applying_when_deciding_and_lifted_by_the_ciso(office: Office) -> None:
    with_holder(office)
    cap(office, 1)
    wanted = (("other", "ledger/admin-account"), ("other", "ledger/admin"))
    request_id = office.cast.file("other", *wanted, valid_until=TODAY + timedelta(days=30))
    sheet = f"/requests/{request_id}"
    assert "上限1人に対して今1人です" in office.browser("chief").page(sheet)
    assert "今泉　二葉 さんに承認すると上限を超えます" in office.browser("chief").page(sheet)
    office.cast.decide("chief", request_id, Role.CHIEF, line=0)
    manager = office.browser("system")
    decision = {
        f"verdict-{step_id(office.cast, request_id, Role.SYSTEM, 0)}": "approve", "comment": "要る",
        "shown_hash": shown_hash(office.cast, request_id),
    }  # fmt: skip
    answer = manager.send(f"{sheet}/decide", decision, shown=sheet)
    assert (answer.status_code, "D1-CAP" in answer.text) == (409, True)
    ciso = office.browser("ciso")
    assert f'href="{sheet}"' in ciso.page("/approvals")
    permit = {
        "exception_rule": "D1-CAP", "exception_beneficiary": str(office.cast.people["other"]), "exception_days": "7",
        "exception_reason": "更改のため",
    }  # fmt: skip
    assert ciso.send(f"{sheet}/exceptions", {**permit, "exception_reason": ""}, shown=sheet).status_code == 422
    assert ciso.send(f"{sheet}/exceptions", permit, shown=sheet).status_code == 302
    assert "CISOの例外措置（D1-CAP）により" in manager.page(sheet)
    assert manager.send(f"{sheet}/decide", decision, shown=sheet).status_code == 302
    with office.database.reading() as session:
        assert session.scalars(select(PolicyException.rule)).all() == ["D1-CAP"]
        assert office.cast.step(session, request_id, Role.SYSTEM, 0).state is StepState.APPROVED
    assert "2／上限1" in office.browser("auditor").page("/privileged")


@pytest.fixture
def shared(office: Office, ledger: Ledger) -> str:
    """The page of a shared ID that stands in the register."""
    page = f"/privileged/registered/{proposed(office, ledger)}"
    assert office.browser("chief").send(f"{page}/accept", {}, shown=page).status_code == 302
    return page


def give(office: Office) -> None:
    """青木 is one of the users of the shared ID."""
    rights = (("staff", "ledger/account"), ("staff", f"ledger/{right_to_use(office)}"))
    request = office.cast.file("hr", *rights, valid_until=date(2027, 4, 1))
    for line in (0, 1):
        office.cast.approve(request, line=line)


def right_to_use(office: Office) -> str:
    with office.database.reading() as session:
        return session.scalars(select(Entitlement.code).where(Entitlement.shared_account_id.is_not(None))).one()


def test_the_page_of_a_shared_id_says_who_uses_it_by_which_application_and_where_to_apply(
    office: Office, shared: str
) -> None:
    page = office.browser("auditor").page(shared)
    assert "利用者はいません" in page
    link = page.partition('href="/requests/new?')[2].partition('"')[0].replace("&amp;", "&")
    give(office)
    subject = office.cast.people["staff"]
    wizard = office.browser("hr").page(f"/requests/new?{link}&subject={subject}")
    assert "いつから、いつまで、なぜですか" in wizard, "the system and the right are chosen"
    assert f'name="give" value="{link.partition("give=")[2]}"' in wizard
    page = office.browser("auditor").page(shared)
    listed = page.partition("申請により、この共用IDを使う人")[2].partition("</table>")[0]
    for told in ("青木　一郎", "R8-000001", "令和9年3月31日"):
        assert told in listed
    for path in ("/privileged/systems/1", "/privileged/print", "/privileged.csv"):
        assert "青木　一郎" in office.browser("auditor").open(path).text


def test_who_used_it_is_asked_for_any_moment(office: Office, shared: str) -> None:
    with office.database.writing() as session:
        account = session.scalars(select(Account.id).where(Account.login_name == "madoguchi")).one()
        session.add(
            PrivilegedUse(
                account_id=account, system_id=1, person_id=office.cast.people["system"], state=UseState.ENDED,
                emergency=False, purpose="窓口の受付", hours=1, asked_at=office.now, wanted_from=office.now,
                approval_needed=False, attendance_needed=False, opens_at=office.now, opened_at=office.now,
                ends_at=office.now + timedelta(hours=1), ended_at=office.now + timedelta(minutes=30),
                end_reason=UseEnd.RETURNED, closed_at=office.now + timedelta(minutes=40),
            )
        )  # fmt: skip
    browser = office.browser("auditor")
    assert f"{shared}/used" in browser.page(shared)
    day = office.now.astimezone(TOKYO)
    for minutes, used, over in ((20, True, False), (35, True, True), (50, False, False)):
        clock = (day + timedelta(minutes=minutes)).strftime("%H:%M")
        page = browser.page(f"{shared}/used?day={day:%Y-%m-%d}&time={clock}")
        assert ("窓口の受付" in page, "終了処理中</" in page) == (used, over)
    assert "箱崎　花子" in page.partition("使うことができた人")[2]
    assert "13:30 のように" in browser.page(f"{shared}/used?day=2026-04-01&time=ひる")


def test_another_owner_is_proposed_by_one_and_accepted_by_another(office: Office, shared: str) -> None:
    manager, chief = office.browser("system"), office.browser("chief")
    wrong = manager.send(f"{shared}/owner", {"staff_number": "900001", "owner_reason": "異動"}, shown=shared)
    assert (wrong.status_code, "委託事業者を管理責任者にすることはできません" in wrong.text) == (422, True)
    form = {"staff_number": "100010", "owner_reason": "担当が替わった"}
    assert manager.send(f"{shared}/owner", form, shown=shared).status_code == 302
    assert "この変更を承認する" not in manager.page(shared)
    assert "担当が替わった" in chief.page(shared)
    assert chief.send(f"{shared}/owner/acceptance", {}, shown=shared).status_code == 302
    assert "今泉　二葉" in manager.page(shared).partition("管理責任者</dt>")[2].partition("</dd>")[0]


def test_a_change_of_owner_is_refused(office: Office, shared: str) -> None:
    manager, chief = office.browser("system"), office.browser("chief")
    manager.send(f"{shared}/owner", {"staff_number": "100010", "owner_reason": "異動"}, shown=shared)
    assert chief.send(f"{shared}/owner/refusal", {}, shown=shared).status_code == 302
    page = manager.page(shared)
    assert "箱崎　花子" in page.partition("管理責任者</dt>")[2].partition("</dd>")[0]
    assert "管理責任者を変更する" in page


def test_what_we_do_not_keep_is_changed_by_hand_and_said_so(office: Office, ledger: Ledger) -> None:
    page = f"/privileged/registered/{proposed(office, ledger, kept='no')}"
    office.browser("chief").send(f"{page}/accept", {}, shown=page)
    with office.database.writing() as session:
        session.scalars(select(RegisteredId)).one().change_due_since = office.now
    manager = office.browser("system")
    assert "パスワードを手作業で変更してください" in manager.page(page)
    assert manager.send(f"{page}/changed", {}, shown=page).status_code == 302
    assert "パスワードを手作業で変更してください" not in manager.page(page)
    assert "箱崎　花子" in manager.page(page).partition("手作業での変更")[2].partition("</dd>")[0]
