"""Unused IDs on their way: every night each is warned of, stopped, deleted or let go, as is due (FK 6-2(2)③; C1).

What is due is `idm.oversight.dormancy`'s to say. Safety limits hold back what is too much at once, and say so. A
stopped ID opens again by somebody of the system or the security section who is not its holder, by an exception, or by
what shows that it was used after all.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.errors import IllegalTransition, NotFound, SeparationOfDuties
from idm.models.dormancy import DormancyCase
from idm.models.systems import Account, InformationSystem
from idm.operations.information_systems.system_scope import require_for_system
from idm.operations.rights import account_stops
from idm.operations.rights.lifecycle import employed_since
from idm.operations.sweep import dormancy_notices
from idm.operations.sweep.findings import Found, SweepResult
from idm.oversight.dormancy import Holding, Step, UnusedFacts, Verdict, delete_day, disable_day, next_step, room_left
from idm.permissions import Action
from idm.policy import DormancyRules, Policy
from idm.queries.exceptions.coverage import Covered, covering
from idm.queries.notification.notices import reached_by_mail
from idm.queries.organisation.officers import humans
from idm.queries.sweep.unused_ids import (
    accounts_there,
    deleted_within,
    let_in_by_books,
    main_units,
    open_cases,
    stopped_within,
    usable_since,
)
from idm.step_up import require_fresh_factor_for
from idm.vocabulary import AccountKind, DormancyStage, FindingKind, Stage
from idm.working_days import WorkingDays, working_days
from idm.written_text import written

Taken = list[tuple[Account, Step]]
UNUSED = frozenset({FindingKind.DORMANT, FindingKind.NEVER_USED, FindingKind.LAST_USE_UNKNOWN})
REOPENED = "申出により再開しました。理由：{}"
ACTIONS: Mapping[Step, str] = {
    Step.WARN: "unused_id.warned", Step.DISABLE: "unused_id.disabled", Step.DELETE: "unused_id.deleted",
    Step.CLOSE: "unused_id.closed",
}  # fmt: skip


def follow(session: Session, result: SweepResult, *, actor: Actor, policy: Policy, now: datetime) -> SweepResult:
    """Afterwards every unused ID of the system has taken the step that is due tonight; the result says how many did.

    Nothing happens where the system is not in our care yet, or where last use could not be read.
    """
    system = session.get_one(InformationSystem, result.system_id)
    unread = result.failure is not None or FindingKind.DORMANT in result.unlooked
    if unread or system.stage is not Stage.ENFORCE:
        return result
    night = _Night.of(session, system, result, policy=policy, now=now)
    night.tell_again(session)
    taken: Taken = [(one, step) for one in night.in_turn() if (step := night.step_of(one)) is not Step.NONE]
    for account, step in taken:
        night.take(session, account, step, actor=actor, policy=policy, now=now)
    dormancy_notices.tell(session, system, taken, night.cases, now=now)
    return replace(result, done=result.done + sum(step in dormancy_notices.WORDS for _, step in taken))


def reopen(
    session: Session, case_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> DormancyCase:  # fmt: skip
    """Afterwards the ID that was stopped for disuse lets its holder in again, and its days are counted from now.

    Its rights were never taken away, so that nothing is applied for anew; somebody else than its holder lets it.
    Raises NotFound, NotPermitted, SeparationOfDuties, InvalidInput, IllegalTransition, FreshFactorNeeded.
    """
    case = session.get(DormancyCase, case_id, with_for_update=True, populate_existing=True)
    if case is None:
        raise NotFound("この未使用IDの記録は見つかりません。")
    account, person_id, day = case.account, actor.person_id or 0, day_of(now)
    require_for_system(session, account.system, Action.REPAIR_FINDING, person_id=person_id, day=day)
    if humans(session, [person_id])[person_id].is_one_of(frozenset({account.person_id or 0})):
        raise SeparationOfDuties("自分の利用者IDを、自分で再開することはできません。", code="SOD-2")
    if case.closed_at is not None or case.stage is not DormancyStage.DISABLED:
        raise IllegalTransition("この利用者IDは、未使用のために停止されている状態ではありません。")
    said = written(reason, field="reason", empty="再開する理由を書いてください。")
    require_fresh_factor_for(account.system.zone, actor, policy=policy, now=now)
    _close(session, case, DormancyStage.CLOSED, REOPENED.format(said), actor=actor, policy=policy, now=now)
    _record(session, "unused_id.reopened", account, case, actor=actor, policy=policy, now=now)
    return case


@dataclass
class _Night:
    """What one night knows of the IDs of one system that are unused, or were."""

    system: InformationSystem
    accounts: list[Account]
    found: Mapping[int, Found]
    use_read: Collection[int]
    cases: dict[int, DormancyCase]
    since: Mapping[int, datetime]
    employed: Collection[int]
    """Who is employed, will be, or was until so lately that a new term may still be told."""
    units: Mapping[int, str]
    covered: Covered
    rules: DormancyRules
    calendar: WorkingDays
    now: datetime
    let_in: Collection[int]
    """Accounts that our books let somebody in by: a right in force, and no order to stop."""
    room: dict[Step, int]
    """How many more may be stopped, and how many deleted, within the window."""
    reasons: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, session: Session, system: InformationSystem, result: SweepResult, *, policy: Policy, now: datetime
    ) -> "_Night":
        cases = open_cases(session, system.id)
        found = {one.account_id: one for one in result.found if one.kind in UNUSED and one.account_id is not None}
        accounts = _accounts(session, {*cases, *found})
        people, day = {one.person_id for one in accounts if one.person_id is not None}, day_of(now)
        rules = policy.dormancy.in_system(system.unused_times)
        since, there = now - timedelta(days=rules.window_days), accounts_there(session, system.id)
        taken = {Step.DISABLE: stopped_within(session, system.id, since),
                 Step.DELETE: deleted_within(session, system.id, since)}  # fmt: skip
        kept = day - timedelta(days=rules.keep_after_leaving_days)
        return cls(
            system, accounts, found, result.use_read, cases, usable_since(session, [one.id for one in accounts]),
            employed_since(session, people, kept), main_units(session, people, day), covering(session, day), rules,
            working_days(policy.calendar), now, let_in_by_books(session, [one.id for one in accounts]),
            {step: room_left(rules, accounts=there, taken=number) for step, number in taken.items()},
        )  # fmt: skip

    def in_turn(self) -> list[Account]:
        """The accounts, whoever has waited longest first: where there is no room for all, nobody is passed over."""

        def due(account: Account) -> tuple[date, date, int]:
            case = self.cases.get(account.id)
            disable_on, delete_on = (case.disable_on, case.delete_on) if case is not None else (None, None)
            return disable_on or date.max, delete_on or date.max, account.id

        return sorted(self.accounts, key=due)

    def tell_again(self, session: Session) -> None:
        """Afterwards of each ID that is to be stopped somebody knows whom mail reaches, if there is anybody.

        The days of the warning are counted from when they were told.
        """
        day = day_of(self.now)
        warned = [case for case in self.cases.values() if case.stage is DormancyStage.WARNED]
        if not warned or not self.calendar.is_working(day):
            return
        told = {case.told_id for case in warned if case.told_id is not None}
        reached = reached_by_mail(session, told)
        for case in warned:
            if case.told_id in reached:
                continue
            again = disable_day(self.rules.times_of(case.account.kind), self.calendar, day)
            case.told_id = dormancy_notices.warn(session, self.system, case.account, again, now=self.now)
            if case.told_id is not None:
                case.warned_at, case.disable_on = self.now, again

    def step_of(self, account: Account) -> Step:
        """The step that is taken of the account tonight; what is held back is written on its case."""
        verdict = self._limited(self._due(account))
        if case := self.cases.get(account.id):
            case.held_back = verdict.reason if verdict.step is Step.HOLD else None
        if verdict.reason is not None:
            self.reasons[account.id] = verdict.reason
        return Step.NONE if verdict.step is Step.HOLD else verdict.step

    def take(
        self, session: Session, account: Account, step: Step, *, actor: Actor, policy: Policy, now: datetime
    ) -> None:
        """Afterwards the step is taken and on record."""
        case, day, times = self.cases.get(account.id), day_of(now), self.rules.times_of(account.kind)
        if case is None:
            case = _opened(account, self.found[account.id], disable_day(times, self.calendar, day), now=now)
            session.add(case)
            session.flush()
            self.cases[account.id] = case
        elif step is Step.DISABLE:
            case.stage, case.disabled_at = DormancyStage.DISABLED, now
            case.delete_on = delete_day(times, self.calendar, day)
            account_stops.place(session, [account.id], dormancy_id=case.id, actor=actor, policy=policy, now=now)
        elif step is Step.DELETE:
            _close(session, case, DormancyStage.DELETED, "使われないまま期限が過ぎたため、削除しました。",
                   actor=actor, policy=policy, now=now)  # fmt: skip
        else:
            _close(session, case, DormancyStage.CLOSED, self.reasons[account.id], actor=actor, policy=policy, now=now)
        _record(session, ACTIONS[step], account, case, actor=actor, policy=policy, now=now)

    def _due(self, account: Account) -> Verdict:
        found, case = self.found.get(account.id), self.cases.get(account.id)
        facts = UnusedFacts(
            stage=case.stage if case is not None else None, found=found.kind if found is not None else None,
            counts_from=_counts_from(found, self.since[account.id]),
            usable=_usable(account) and account.id in self.let_in,
            employed=account.person_id in self.employed, exempt=self._is_exempt(account, found, case),
            there=bool(account.seen_present), use_read=account.id in self.use_read,
            told=case is None or case.told_id is not None,
            disable_on=case.disable_on if case is not None else None,
            delete_on=case.delete_on if case is not None else None,
        )  # fmt: skip
        return next_step(facts, self.rules.times_of(account.kind), self.calendar, self.now)

    def _limited(self, verdict: Verdict) -> Verdict:
        if verdict.step not in self.room:
            return verdict
        if self.room[verdict.step] == 0:
            return Verdict(Step.HOLD, Holding.LIMIT.value)
        self.room[verdict.step] -= 1
        return verdict

    def _is_exempt(self, account: Account, found: Found | None, case: DormancyCase | None) -> bool:
        kinds = {found.kind if found is not None else None, case.kind if case is not None else None} - {None}
        unit = self.units.get(account.person_id or 0)
        return any(
            self.covered.of(kind, system_id=self.system.id, account_id=account.id, person_id=account.person_id,
                            unit_code=unit) is not None
            for kind in kinds if kind is not None
        )  # fmt: skip


def _accounts(session: Session, account_ids: Collection[int]) -> list[Account]:
    """Somebody's own ones; those that are nobody's are their register's."""
    found: list[Account] = []
    for some in in_chunks(sorted(account_ids)):
        found += session.scalars(
            select(Account).where(Account.id.in_(some), Account.person_id.is_not(None)).order_by(Account.id)
        )
    return found


def _usable(account: Account) -> bool:
    """Whether somebody could use it if they wanted to. A privileged ID sleeps, and can be used all the same (D6)."""
    return bool(account.seen_present) and (bool(account.seen_enabled) or account.kind is AccountKind.PRIVILEGED)


def _counts_from(found: Found | None, since: datetime) -> datetime:
    used = _last_used(found)
    return since if used is None else max(used, since)


def _last_used(found: Found | None) -> datetime | None:
    said = found.details.get("last_used_at") if found is not None else None
    return datetime.fromisoformat(str(said)) if said else None


def _opened(account: Account, found: Found, disable_on: date, *, now: datetime) -> DormancyCase:
    return DormancyCase(
        account_id=account.id, account=account, kind=found.kind, stage=DormancyStage.WARNED,
        last_used_at=_last_used(found), source=str(found.details.get("source", "")), warned_at=now,
        disable_on=disable_on,
    )  # fmt: skip


def _close(
    session: Session, case: DormancyCase, stage: DormancyStage, reason: str, *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    case.stage, case.closed_at, case.close_reason, case.held_back = stage, now, reason, None
    case.deleted_at = now if stage is DormancyStage.DELETED else None
    session.flush()
    account_stops.release(session, dormancy_id=case.id, actor=actor, policy=policy, now=now)


def _record(
    session: Session, action: str, account: Account, case: DormancyCase, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("account", str(account.id)), now=now, policy_digest=policy.digest,
        payload={
            "account": account.login_name, "person": account.person_id, "system": account.system_id,
            "dormancy": case.id, "source": case.source,
            "last_used_at": case.last_used_at.isoformat() if case.last_used_at is not None else None,
            "reason": case.close_reason,
        },
    )  # fmt: skip
