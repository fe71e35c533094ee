"""The pages of unused IDs: what happens next and when, for officers and for the holder (control C1)."""

from datetime import date

from sqlalchemy import select

from idm.actor import Actor
from idm.models.dormancy import DormancyCase
from idm.models.systems import Account, InformationSystem
from idm.operations.rights import account_stops
from idm.vocabulary import DormancyStage, FindingKind
from tests.cast import NOW
from tests.web.office import Office

PAGE = "/findings/unused-ids"


def case(office: Office, *, stopped: bool = False) -> int:
    """青木's ID is warned of, or stopped, for disuse."""
    office.cast.approve(office.cast.file("hr", ("staff", "ledger/account")))
    with office.database.writing() as session:
        account = session.scalars(select(Account).where(Account.person_id == office.cast.people["staff"])).one()
        one = DormancyCase(
            account_id=account.id, kind=FindingKind.NEVER_USED, source="authTimestamp", warned_at=NOW,
            stage=DormancyStage.DISABLED if stopped else DormancyStage.WARNED, disable_on=date(2026, 4, 15),
            disabled_at=NOW if stopped else None, told_id=account.person_id,
        )  # fmt: skip
        session.add(one)
        session.flush()
        if stopped:
            account_stops.place(
                session, [account.id], dormancy_id=one.id, actor=Actor.job("tests.web"), policy=office.cast.policy,
                now=NOW,
            )  # fmt: skip
        return one.id


def test_officers_see_what_happens_next_and_where_the_date_was_read(office: Office) -> None:
    case(office)
    page = office.browser("auditor").page(PAGE)
    assert "に停止します" in page
    assert "authTimestamp" in page
    assert "一度も使われていません" in page
    assert "再開する</button>" not in page


def test_the_holder_sees_on_their_own_page_when_their_id_is_stopped(office: Office) -> None:
    case(office)
    page = office.browser("staff").page("/me")
    assert "使われていない利用者ID" in page
    assert "に停止します" in page


def test_the_systems_manager_opens_a_stopped_id_again_with_a_reason(office: Office) -> None:
    number = case(office, stopped=True)
    browser = office.browser("system")
    page = browser.page(PAGE)
    missing = browser.send_on(page, f"{PAGE}/{number}/reopening", {"reason": " "})
    assert missing.status_code == 422
    assert "再開する理由を書いてください" in missing.text
    told = browser.follow(browser.send_on(page, f"{PAGE}/{number}/reopening", {"reason": "決算で使うため"}))
    assert "再開しました" in told
    assert "決算で使うため" in browser.page(f"{PAGE}?state=closed")


def test_for_those_who_may_not_see_findings_there_is_no_page(office: Office) -> None:
    assert office.browser("staff").open(PAGE).status_code == 404


def test_the_times_of_every_system_are_shown_and_which_are_its_own(office: Office) -> None:
    with office.database.writing() as session:
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        ledger.unused_times = {"unused_days": 45}
    page = office.browser("auditor").page(PAGE)
    times = page[page.index("情報システムごとの日数") :]
    assert times.count("独自の日数") == 1
    assert "45日" in times
    assert "90日" in times, "the other system's"
