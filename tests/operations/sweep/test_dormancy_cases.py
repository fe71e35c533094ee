"""Unused IDs, night by night: warned of, stopped, deleted, let go; each step once, recorded and told (control C1)."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.directory.wanted_account import wanted_account
from idm.employment_kind import EmploymentKind
from idm.errors import IllegalTransition, InvalidInput, NotPermitted, SeparationOfDuties
from idm.grant_state import EndReason, SuspensionReason
from idm.models.audit import AuditRecord
from idm.models.dormancy import DormancyCase
from idm.models.exceptions import RegisteredException
from idm.models.people import Employment, Person
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.models.work import MailMessage, MailState
from idm.operations.rights import grants, suspensions
from idm.operations.sweep import dormancy_cases
from idm.operations.sweep.findings import Found, SweepResult
from idm.oversight.dormancy import Closing, Holding
from idm.ports import LastUseSource
from idm.queries.rights.account_facts import account_facts
from idm.vocabulary import AccountKind, DormancyStage, ExceptionScope, ExceptionState, FindingKind, Stage
from tests.cast import NOW, Cast

SWEEP = Actor.job("tests.sweep")
LONG_AGO = NOW - timedelta(days=200)
DAY = timedelta(days=1)
WARNED_ON = datetime(2026, 7, 15, 17, 0, tzinfo=UTC)
"""Two in the morning of Thursday, 16 July: more than 90 days after the account was handed over."""
STOPPED_ON = datetime(2026, 7, 29, 17, 0, tzinfo=UTC)
"""Thursday, 30 July."""


@pytest.fixture
def held(office: Cast) -> Cast:
    """青木 and 今泉 have accounts that let them in."""
    for who in ("staff", "other"):
        office.approve(office.file("hr", (who, "ledger/account")))
    with office.database.writing() as session:
        for account in session.scalars(select(Account)):
            account.external_id, account.handed_over_at = f"e-{account.id}", NOW
            account.seen_at, account.seen_present, account.seen_enabled = NOW, True, True
    return office


def account_of(cast: Cast, who: str = "staff") -> Account:
    with cast.database.reading() as session:
        return session.scalars(select(Account).where(Account.person_id == cast.people[who])).one()


def night(
    cast: Cast, *who: str, now: datetime, kind: FindingKind = FindingKind.DORMANT,
    change: Callable[[SweepResult], SweepResult] = lambda result: result,
) -> int:  # fmt: skip
    """A night finds these people's IDs unused and reads when the others were used; how many steps were taken."""
    found = []
    for one in who:
        account = account_of(cast, one)
        used = None if kind is FindingKind.NEVER_USED else LONG_AGO.isoformat()
        details: dict[str, object] = {"last_used_at": used, "source": LastUseSource.AUTH_TIMESTAMP.value}
        found.append(Found(kind, account.external_id or "", account.login_name, account.id, details))
    result = change(SweepResult(account_of(cast).system_id, "ledger", 2, tuple(found), use_read=_others(cast, who)))
    with cast.database.writing() as session:
        return dormancy_cases.follow(session, result, actor=SWEEP, policy=cast.policy, now=now).done


def _others(cast: Cast, who: Collection[str]) -> frozenset[int]:
    people = {cast.people[one] for one in who}
    with cast.database.reading() as session:
        return frozenset(session.scalars(select(Account.id).where(Account.person_id.not_in(people))))


def cases(cast: Cast) -> list[DormancyCase]:
    with cast.database.reading() as session:
        return list(session.scalars(select(DormancyCase).order_by(DormancyCase.id)))


def lets_in(cast: Cast, who: str = "staff", *, now: datetime) -> tuple[bool, bool]:
    """(It should be there, it should let somebody in)."""
    account = account_of(cast, who)
    with cast.database.reading() as session:
        facts = account_facts(session, [account.id], now=now)[account.id]
    wanted = wanted_account(facts, now=now, delete_after_days=cast.policy.personnel.delete_after_days)
    return wanted.present, wanted.enabled


def seen(cast: Cast, *, enabled: bool, who: str = "staff") -> None:
    with cast.database.writing() as session:
        session.get_one(Account, account_of(cast, who).id).seen_enabled = enabled


def stopped(cast: Cast) -> DormancyCase:
    """青木's ID was stopped for disuse."""
    night(cast, "staff", now=WARNED_ON)
    night(cast, "staff", now=STOPPED_ON)
    seen(cast, enabled=False)
    (case,) = cases(cast)
    assert case.stage is DormancyStage.DISABLED
    return case


def mails(cast: Cast, who: str) -> list[str]:
    with cast.database.reading() as session:
        query = select(MailMessage.body).where(
            MailMessage.person_id == cast.people[who], MailMessage.subject.startswith("使われていない"),
        )  # fmt: skip
        return list(session.scalars(query.order_by(MailMessage.id)))


def test_an_unused_id_is_warned_of_once_and_stopped_on_its_day(held: Cast) -> None:
    assert night(held, "staff", now=WARNED_ON) == 1
    (case,) = cases(held)
    assert (case.stage, case.source, case.disable_on) == (DormancyStage.WARNED, "authTimestamp", date(2026, 7, 30))
    assert night(held, "staff", now=STOPPED_ON - DAY) == 0
    assert lets_in(held, now=STOPPED_ON) == (True, True)
    assert night(held, "staff", now=STOPPED_ON) == 1
    assert lets_in(held, now=STOPPED_ON) == (True, False)
    assert lets_in(held, "other", now=STOPPED_ON) == (True, True)
    assert night(held, "staff", now=STOPPED_ON + DAY) == 0


def test_the_holder_and_the_section_manager_are_told_of_each_step_once(held: Cast) -> None:
    stopped(held)
    told = mails(held, "staff")
    assert len(told) == 2
    assert "令和8年7月30日" in told[0]
    assert "停止しました" in told[1]
    assert ["停止　1 件" in body for body in mails(held, "security")] == [True, True]


def address(cast: Cast, who: str, mail: str | None) -> None:
    with cast.database.writing() as session:
        session.get_one(Person, cast.people[who]).mail = mail


def refused(cast: Cast) -> None:
    """Every notice that waits was refused by its address."""
    with cast.database.writing() as session:
        for message in session.scalars(select(MailMessage).where(MailMessage.state == MailState.WAITING)):
            message.state = MailState.REFUSED


def test_where_no_mail_reaches_the_holder_the_section_manager_is_asked_to_tell_them(held: Cast) -> None:
    address(held, "staff", None)
    night(held, "staff", now=WARNED_ON)
    asked = [body for body in mails(held, "security") if "伝えてください" in body]
    assert len(asked) == 1
    assert account_of(held).login_name in asked[0]
    assert "令和8年7月30日" in asked[0]
    night(held, "staff", now=STOPPED_ON)
    (case,) = cases(held)
    assert (case.stage, case.told_id) == (DormancyStage.DISABLED, held.people["security"])


def test_nothing_is_stopped_of_which_nobody_could_be_told_and_the_days_count_from_when_somebody_is(held: Cast) -> None:
    for who in ("staff", "security"):
        address(held, who, None)
    night(held, "staff", now=WARNED_ON)
    assert night(held, "staff", now=STOPPED_ON) == 0
    (case,) = cases(held)
    assert (case.stage, case.told_id, case.held_back) == (DormancyStage.WARNED, None, Holding.UNTOLD.value)
    address(held, "staff", "aoki@example.lg.jp")
    night(held, "staff", now=STOPPED_ON + DAY)
    (case,) = cases(held)
    assert (case.told_id, case.disable_on, case.held_back) == (held.people["staff"], date(2026, 8, 14), None)
    assert [("令和8年8月14日" in body) for body in mails(held, "staff")] == [True]
    night(held, "staff", now=STOPPED_ON + 15 * DAY)
    assert cases(held)[0].stage is DormancyStage.DISABLED


def test_a_warning_that_its_address_refused_goes_to_somebody_else_and_the_days_begin_anew(held: Cast) -> None:
    night(held, "staff", now=WARNED_ON)
    refused(held)
    night(held, "staff", now=STOPPED_ON)
    (case,) = cases(held)
    assert (case.stage, case.told_id, case.disable_on) == (DormancyStage.WARNED, None, date(2026, 7, 30))
    address(held, "security", "section@example.lg.jp")
    night(held, "staff", now=STOPPED_ON + DAY)
    (case,) = cases(held)
    assert (case.told_id, case.disable_on) == (held.people["security"], date(2026, 8, 14))


def test_the_database_stops_nothing_of_which_nobody_was_told(held: Cast) -> None:
    night(held, "staff", now=WARNED_ON)
    stopped = update(DormancyCase).values(stage=DormancyStage.DISABLED, disabled_at=NOW, told_id=None)
    with held.database.writing() as session, pytest.raises(IntegrityError, match="told"):
        session.execute(stopped)


def test_each_step_is_in_the_audit_record(held: Cast) -> None:
    stopped(held)
    with held.database.reading() as session:
        query = select(AuditRecord.action).where(AuditRecord.action.startswith("unused_id."))
        actions = list(session.scalars(query.order_by(AuditRecord.id)))
    assert actions == ["unused_id.warned", "unused_id.disabled"]


def test_use_after_the_warning_ends_it(held: Cast) -> None:
    night(held, "staff", now=WARNED_ON)
    night(held, now=WARNED_ON + DAY)
    (case,) = cases(held)
    assert (case.stage, case.close_reason) == (DormancyStage.CLOSED, Closing.USED.value)
    assert night(held, now=STOPPED_ON) == 0


def test_use_before_the_stop_that_is_shown_only_after_it_opens_the_id_again(held: Cast) -> None:
    stopped(held)
    night(held, now=STOPPED_ON + DAY)
    assert lets_in(held, now=STOPPED_ON + DAY) == (True, True)


@pytest.mark.parametrize(
    "change",
    [
        lambda result: replace(result, failure="接続できません。"),
        lambda result: replace(result, unlooked=frozenset({FindingKind.DORMANT})),
    ],
)
def test_what_could_not_be_read_moves_nothing(held: Cast, change: Callable[[SweepResult], SweepResult]) -> None:
    assert night(held, "staff", now=WARNED_ON, change=change) == 0
    before = stopped(held)
    assert night(held, now=STOPPED_ON + DAY, change=change) == 0
    assert cases(held)[0].stage is before.stage


def test_of_whom_no_last_use_was_read_nothing_is_taken_for_use(held: Cast) -> None:
    before = stopped(held)
    night(held, now=STOPPED_ON + DAY, change=lambda result: replace(result, use_read=frozenset()))
    (case,) = cases(held)
    assert (case.stage, case.held_back) == (before.stage, Holding.UNREAD.value)
    assert lets_in(held, now=STOPPED_ON + DAY) == (True, False)


def test_a_system_that_is_not_enforced_warns_nobody(held: Cast) -> None:
    with held.database.writing() as session:
        session.get_one(Account, account_of(held).id).system.stage = Stage.ADOPT
    assert night(held, "staff", now=WARNED_ON) == 0


def test_unknown_last_use_never_begins_a_case_and_holds_one_back(held: Cast) -> None:
    assert night(held, "staff", now=WARNED_ON, kind=FindingKind.LAST_USE_UNKNOWN) == 0
    night(held, "staff", now=WARNED_ON)
    assert night(held, "staff", now=STOPPED_ON, kind=FindingKind.LAST_USE_UNKNOWN) == 0
    assert cases(held)[0].held_back == Holding.UNKNOWN.value


def test_an_id_handed_over_lately_is_not_unused(held: Cast) -> None:
    assert night(held, "staff", now=NOW + 29 * DAY, kind=FindingKind.NEVER_USED) == 0
    assert night(held, "staff", now=NOW + 30 * DAY, kind=FindingKind.NEVER_USED) == 1


def test_more_than_the_limit_waits_and_says_so(held: Cast) -> None:
    night(held, "staff", "other", now=WARNED_ON)
    assert night(held, "staff", "other", now=STOPPED_ON) == 1
    first, second = cases(held)
    assert (first.stage, second.stage) == (DormancyStage.DISABLED, DormancyStage.WARNED)
    assert second.held_back == Holding.LIMIT.value
    assert night(held, "staff", "other", now=STOPPED_ON + DAY) == 0
    assert night(held, "staff", "other", now=STOPPED_ON + 7 * DAY) == 1


def employed_until(cast: Cast, last: date | None, who: str = "staff") -> None:
    with cast.database.writing() as session:
        query = select(Employment).where(Employment.person_id == cast.people[who])
        session.scalars(query).one().valid_until = last


def test_an_id_is_deleted_only_when_nobody_has_been_employed_for_some_time(held: Cast) -> None:
    stopped(held)
    due = STOPPED_ON + 370 * DAY
    assert night(held, "staff", now=due) == 0
    assert cases(held)[0].held_back == Holding.EMPLOYED.value
    assert lets_in(held, now=due)[0]
    # A new term is told in the morning at best, and often days later.
    employed_until(held, (due - DAY).date())
    kept = held.policy.dormancy.keep_after_leaving_days
    assert night(held, "staff", now=due + (kept - 3) * DAY) == 0
    gone = due + (kept + 4) * DAY
    assert lets_in(held, now=gone)[0]
    assert night(held, "staff", now=gone) == 1
    assert cases(held)[0].stage is DormancyStage.DELETED
    assert not lets_in(held, now=gone)[0]


def test_nobody_is_deleted_whose_next_employment_is_on_record(held: Cast) -> None:
    stopped(held)
    due = STOPPED_ON + 370 * DAY
    employed_until(held, (due - 100 * DAY).date())
    with held.database.writing() as session:
        session.add(Employment(
            person_id=held.people["staff"], staff_number="100099", kind=EmploymentKind.REGULAR,
            valid_from=(due + 90 * DAY).date(),
        ))  # fmt: skip
    assert night(held, "staff", now=due) == 0
    assert cases(held)[0].stage is DormancyStage.DISABLED


def test_who_comes_back_after_the_deletion_has_an_id_again(held: Cast) -> None:
    test_an_id_is_deleted_only_when_nobody_has_been_employed_for_some_time(held)
    employed_until(held, None)
    assert lets_in(held, now=STOPPED_ON + 430 * DAY) == (True, True)


def on_leave(cast: Cast, since: datetime, *, until: datetime | None = None) -> None:
    with cast.database.writing() as session:
        for grant in session.scalars(select(Grant).where(Grant.account_id == account_of(cast).id)):
            suspensions.suspend(session, grant, SuspensionReason.LEAVE, actor=SWEEP, policy=cast.policy, now=since)
            if until is not None:
                suspensions.resume(session, grant, SuspensionReason.LEAVE, actor=SWEEP, policy=cast.policy, now=until)


def test_a_privileged_id_of_somebody_on_leave_is_no_case(held: Cast) -> None:
    with held.database.writing() as session:
        account = session.get_one(Account, account_of(held).id)
        account.kind, account.seen_enabled = AccountKind.PRIVILEGED, False
    on_leave(held, NOW + DAY)
    night(held, "staff", now=WARNED_ON)
    assert cases(held) == []


def test_leave_that_began_today_stops_nobody_though_the_directory_was_not_written_yet(held: Cast) -> None:
    night(held, "staff", now=WARNED_ON)
    on_leave(held, STOPPED_ON - timedelta(hours=1))
    night(held, "staff", now=STOPPED_ON)
    assert cases(held)[0].close_reason == Closing.OUT_OF_USE.value


def test_who_was_given_the_right_again_is_not_warned_on_the_first_night(held: Cast) -> None:
    with held.database.writing() as session:
        for grant in session.scalars(select(Grant).where(Grant.account_id == account_of(held).id)):
            grants.end(session, grant, EndReason.REQUESTED, actor=SWEEP, policy=held.policy, now=NOW + 10 * DAY)
    held.approve(held.file("hr", ("staff", "ledger/account"), now=WARNED_ON - DAY), now=WARNED_ON - DAY)
    night(held, "staff", now=WARNED_ON)
    assert cases(held) == []


def test_a_renewal_begins_no_days_anew(held: Cast) -> None:
    ends = day_of(WARNED_ON + 20 * DAY)
    with held.database.writing() as session:
        session.scalars(select(Grant).where(Grant.account_id == account_of(held).id)).one().valid_until = ends
    held.approve(
        held.file("hr", ("staff", "ledger/account"), now=WARNED_ON - DAY, valid_from=ends, valid_until=ends + 90 * DAY),
        now=WARNED_ON - DAY,
    )
    assert night(held, "staff", now=WARNED_ON) == 1


def test_whoever_waits_longest_is_stopped_first_and_deleted_first(held: Cast) -> None:
    night(held, "other", now=WARNED_ON)
    night(held, "staff", "other", now=WARNED_ON + DAY)
    first, second = (account_of(held, one).id for one in ("staff", "other"))
    assert first < second
    night(held, "staff", "other", now=STOPPED_ON + 5 * DAY)
    stages = {case.account_id: case.stage for case in cases(held)}
    assert stages == {first: DormancyStage.WARNED, second: DormancyStage.DISABLED}
    night(held, "staff", "other", now=STOPPED_ON + 13 * DAY)
    for who in ("staff", "other"):
        employed_until(held, (STOPPED_ON + 30 * DAY).date(), who)
    night(held, "staff", "other", now=STOPPED_ON + 390 * DAY)
    stages = {case.account_id: case.stage for case in cases(held)}
    assert stages == {first: DormancyStage.DISABLED, second: DormancyStage.DELETED}, "no more at once than are stopped"


def exempted(cast: Cast, until: date) -> None:
    with cast.database.writing() as session:
        session.add(
            RegisteredException(
                state=ExceptionState.PERMITTED, clause="6-2(2)③", finding_kind=FindingKind.DORMANT,
                scope=ExceptionScope.ACCOUNT, account_id=account_of(cast).id, what="年に一度の処理", reason="決算",
                compensating_control="使用の都度の確認", valid_from=date(2026, 4, 1), valid_until=until,
                asked_by_id=cast.people["security"], asked_at=NOW, answered_by_id=cast.people["ciso"], answered_at=NOW,
            )
        )  # fmt: skip


def test_only_an_exception_lets_an_unused_id_be_and_it_ends(held: Cast) -> None:
    exempted(held, date(2026, 7, 18))
    assert night(held, "staff", now=WARNED_ON) == 0
    assert night(held, "staff", now=WARNED_ON + 5 * DAY) == 1


def test_an_exception_opens_a_stopped_id_again(held: Cast) -> None:
    stopped(held)
    exempted(held, date(2026, 12, 31))
    night(held, "staff", now=STOPPED_ON + DAY)
    assert cases(held)[0].close_reason == Closing.EXEMPT.value
    assert lets_in(held, now=STOPPED_ON + DAY) == (True, True)


def reopen(cast: Cast, who: str, reason: str = "監査のため必要") -> None:
    now = STOPPED_ON + DAY
    with cast.acting(who, now=now) as session:
        dormancy_cases.reopen(
            session, cases(cast)[0].id, reason=reason, actor=cast.actor(who), policy=cast.policy, now=now
        )  # fmt: skip


def test_the_systems_manager_lets_the_holder_in_again_and_the_days_begin_anew(held: Cast) -> None:
    stopped(held)
    reopen(held, "system")
    assert lets_in(held, now=STOPPED_ON + DAY) == (True, True)
    seen(held, enabled=True)
    assert night(held, "staff", now=STOPPED_ON + 60 * DAY) == 0
    assert night(held, "staff", now=STOPPED_ON + 92 * DAY) == 1


@pytest.mark.parametrize(("who", "refusal"), [("staff", NotPermitted), ("desk", NotPermitted), ("chief", NotPermitted)])
def test_nobody_else_does(held: Cast, who: str, refusal: type[Exception]) -> None:
    stopped(held)
    with pytest.raises(refusal):
        reopen(held, who)
    assert lets_in(held, now=STOPPED_ON + DAY) == (True, False)


def test_nobody_opens_their_own_id(held: Cast) -> None:
    stopped(held)
    with held.database.writing() as session:
        session.get_one(Account, account_of(held).id).person_id = held.people["security"]
    with pytest.raises(SeparationOfDuties):
        reopen(held, "security")


def test_opening_again_needs_a_reason_and_a_stop(held: Cast) -> None:
    stopped(held)
    with pytest.raises(InvalidInput):
        reopen(held, "system", " ")
    reopen(held, "system")
    with pytest.raises(IllegalTransition):
        reopen(held, "system")


def test_an_id_that_is_out_of_use_anyway_is_no_case_any_more(held: Cast) -> None:
    night(held, "staff", now=WARNED_ON)
    seen(held, enabled=False)
    night(held, "staff", now=WARNED_ON + DAY)
    assert cases(held)[0].close_reason == Closing.OUT_OF_USE.value


def test_in_a_system_with_times_of_its_own_those_count_from_the_warning_to_the_deletion(held: Cast) -> None:
    with held.database.writing() as session:
        session.get_one(Account, account_of(held).id).system.unused_times = {
            "unused_days": 45, "disable_after_days": 7, "delete_after_days": 30,
        }  # fmt: skip
    warned_on = datetime(2026, 5, 31, 17, 0, tzinfo=UTC)  # Monday, 1 June, in Tokyo
    assert night(held, "staff", now=warned_on) == 1
    assert cases(held)[0].disable_on == date(2026, 6, 8)
    assert night(held, "staff", now=warned_on + timedelta(days=7)) == 1
    assert cases(held)[0].delete_on == date(2026, 7, 8)
