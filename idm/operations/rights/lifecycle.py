"""What falls due by the calendar, carried out stage by stage and some people at a time (FK 6-2(2)①, control A7).

A run is planned whole and asked of the safety limits before its first change. Each part of it judges its people anew in
its own transaction: broken off anywhere and run again it ends in the same place, and running it twice does nothing the
second time. A missed day is made up by the next run.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, contains_eager

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.errors import InvalidInput
from idm.grant_state import EndReason, SuspensionReason
from idm.models.people import Employment
from idm.models.periods import holding_on
from idm.models.requests import Grant
from idm.models.safety import PlannedBatch, RunKind
from idm.models.systems import Account, Entitlement
from idm.operations.approval import requests
from idm.operations.hr import safety
from idm.operations.rights import grants, suspensions
from idm.operations.rights.accounts import schedule
from idm.personnel.due_changes import LIMITED, Due
from idm.personnel.safety_limits import Touched
from idm.policy import Policy
from idm.queries.organisation.departments import departments
from idm.queries.rights.due import DueRight, Holder, due_deletions, due_rights

STAGES = (Due.STOP, Due.POST_MOVED, Due.POST_LOST, Due.SUSPEND, Due.RESUME, Due.BEGIN, Due.EXPIRE)
"""What is done to rights, in this order; deletions and lapses follow."""


@dataclass(frozen=True)
class LifecycleResult:
    """How many of each were carried out: `left` people, otherwise rights, accounts and applications."""

    begun: int
    expired: int
    left: int
    deletions: int
    lapsed: int
    suspended: int = 0
    resumed: int = 0
    posts_lost: int = 0
    """Privileged rights that ended with the post they rested on (control D7)."""
    posts_moved: int = 0
    """Privileged rights that rest on the post that came in the place of theirs."""


@dataclass(frozen=True)
class Run:
    """One run as it was planned and let pass by the limits. `touched` says whom each limited stage counts."""

    day: date
    due: tuple[DueRight, ...]
    touched: dict[tuple[Due, Holder], Touched]
    batch: PlannedBatch | None

    def holders(self, stage: Due) -> list[Holder]:
        """Those to whom the stage does something, in their order."""
        return list(dict.fromkeys(one.holder for one in self.due if one.due is stage))

    def chunks(self, people: int) -> Iterator[tuple[Due, list[Holder]]]:
        """The parts of the run, of at most so many people each, in the order in which they are carried out."""
        for stage in STAGES:
            holders = self.holders(stage)
            for at in range(0, len(holders), people):
                yield stage, holders[at : at + people]


def begin_run(session: Session, day: date, *, policy: Policy, now: datetime) -> Run:
    """The run for a day that has come, let pass by the limits; nothing has been changed.

    What a permitted batch of the last days has left undone runs under that batch. Raises SafetyLimit, InvalidInput for
    a day still to come: rights do not end before their day.
    """
    if day > day_of(now):
        raise InvalidInput(f"{day} はまだ来ていません。先の日は --dry-run でだけ見られます。")
    due = due_rights(session, day, policy=policy, now=now)
    touched = touched_by(session, due, day)
    batch = safety.require_within_limits(
        session, list(touched.values()), kind=RunKind.LIFECYCLE, day=safety.day_to_run_under(session, day, now=now),
        policy=policy, now=now,
    )  # fmt: skip
    return Run(day, tuple(due), touched, batch)


def touched_by(session: Session, due: Sequence[DueRight], day: date) -> dict[tuple[Due, Holder], Touched]:
    """Whom the limits count, once per stage, under the number and the department they have as the day begins."""
    limited = [one for one in due if one.due in LIMITED and one.holder[0] is not None]
    found = departments(session, {one.holder[0] for one in limited if one.holder[0] is not None}, day)
    return {
        (one.due, one.holder): Touched(LIMITED[one.due], found[person].staff_number, found[person].unit_code)
        for one in limited
        if (person := one.holder[0]) in found
    }


def carry_out(
    session: Session, run: Run, stage: Due, holders: Collection[Holder], *, actor: Actor, policy: Policy, now: datetime
) -> list[DueRight]:
    """Afterwards what the stage does to these people is decided, counted, and waits in the outbox.

    What is no longer due has been done before, or need not be done. Returns what was.
    """
    found = _locked(session, holders)
    due = due_rights(session, run.day, policy=policy, now=now, holders=holders)
    still = [one for one in due if one.due is stage]
    for one in still:
        _do(session, found[one.grant_id], stage, run.day, actor=actor, policy=policy, now=now)
    touched = {run.touched[stage, one.holder] for one in still if (stage, one.holder) in run.touched}
    safety.count(session, sorted(touched), kind=RunKind.LIFECYCLE, batch=run.batch, now=now)
    return still


def _locked(session: Session, holders: Collection[Holder]) -> dict[int, Grant]:
    """The rights of these people as they are now, and until this transaction ends."""
    people = [person for person, _ in holders if person is not None]
    accounts = [account for person, account in holders if person is None]
    rows = session.scalars(
        select(Grant)
        .join(Account, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .where(or_(Account.person_id.in_(people), Account.id.in_(accounts)))
        .options(contains_eager(Grant.account), contains_eager(Grant.entitlement))
        .order_by(Account.id, Grant.id)
        .with_for_update(of=(Account, Grant), key_share=True)
        .execution_options(populate_existing=True)
    )
    return {grant.id: grant for grant in rows}


def _do(session: Session, grant: Grant, stage: Due, day: date, *, actor: Actor, policy: Policy, now: datetime) -> None:
    match stage:
        case Due.STOP:
            grants.end(session, grant, EndReason.LEFT, actor=actor, policy=policy, now=now)
        case Due.POST_MOVED:
            grants.rest_on_successor(session, grant, day, actor=actor, policy=policy, now=now)
        case Due.POST_LOST:
            grants.end(session, grant, EndReason.POST_LOST, actor=actor, policy=policy, now=now)
        case Due.SUSPEND:
            suspensions.suspend(session, grant, SuspensionReason.LEAVE, actor=actor, policy=policy, now=now)
        case Due.RESUME:
            suspensions.resume(session, grant, SuspensionReason.LEAVE, actor=actor, policy=policy, now=now)
        case Due.BEGIN:
            suspensions.come_into_force(session, grant, actor=actor, policy=policy, now=now)
        case _:
            reason = EndReason.REQUESTED if grant.ended_by_line_id is not None else EndReason.EXPIRED
            grants.end(session, grant, reason, actor=actor, policy=policy, now=now)


def schedule_deletions(session: Session, account_ids: Collection[int], *, policy: Policy, now: datetime) -> int:
    """Afterwards a worker will take away those of the accounts still due to go, once each. Returns how many."""
    due = set(account_ids) & set(due_deletions(session, policy=policy, at=now))
    accounts = session.scalars(select(Account).where(Account.id.in_(due)).order_by(Account.id).with_for_update()).all()
    for account in accounts:
        schedule(session, account, now=now)
    return len(accounts)


def lapse(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards no application has waited longer than the profile allows. Returns how many lapsed."""
    return len(requests.lapse_overdue(session, actor=actor, policy=policy, now=now))


def result_of(done: Collection[DueRight], *, deletions: int, lapsed: int) -> LifecycleResult:
    """The numbers of a run."""

    def rights(stage: Due) -> int:
        return sum(one.due is stage for one in done)

    return LifecycleResult(
        begun=rights(Due.BEGIN), expired=rights(Due.EXPIRE), suspended=rights(Due.SUSPEND), resumed=rights(Due.RESUME),
        posts_lost=rights(Due.POST_LOST), posts_moved=rights(Due.POST_MOVED),
        left=len({one.holder for one in done if one.due is Due.STOP}), deletions=deletions, lapsed=lapsed,
    )  # fmt: skip


def record_run(
    session: Session, run: Run, result: LifecycleResult, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards the audit says what a run did, where it did anything (FK 6-1(1))."""
    numbers = {name: number for name, number in vars(result).items() if number}
    if numbers:
        audit.record(
            session, action="lifecycle.carried_out", actor=actor, obj=("lifecycle", run.day.isoformat()), now=now,
            policy_digest=policy.digest, payload={**numbers, "batch": run.batch.id if run.batch is not None else None},
        )  # fmt: skip


def carry_out_due(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> LifecycleResult:
    """Afterwards everything due by the day of `now` is decided, in this one transaction. Raises SafetyLimit."""
    run = begin_run(session, day_of(now), policy=policy, now=now)
    done = [
        one
        for stage in STAGES
        for one in carry_out(session, run, stage, run.holders(stage), actor=actor, policy=policy, now=now)
    ]
    gone = due_deletions(session, policy=policy, at=now)
    deletions = schedule_deletions(session, gone, policy=policy, now=now)
    result = result_of(done, deletions=deletions, lapsed=lapse(session, actor=actor, policy=policy, now=now))
    record_run(session, run, result, actor=actor, policy=policy, now=now)
    return result


def employed_people(session: Session, person_ids: Collection[int], day: date) -> set[int]:
    """Those of the people who are employed on the day."""
    employed = select(Employment.person_id).where(holding_on(Employment, day))
    return {
        person for some in in_chunks(person_ids)
        for person in session.scalars(employed.where(Employment.person_id.in_(some)))
    }  # fmt: skip


def employed_since(session: Session, person_ids: Collection[int], day: date) -> set[int]:
    """Those of the people who were employed on the day or after it, or will be by what is on record."""
    employed = select(Employment.person_id).where(or_(Employment.valid_until.is_(None), Employment.valid_until > day))
    return {
        person for some in in_chunks(person_ids)
        for person in session.scalars(employed.where(Employment.person_id.in_(some)))
    }  # fmt: skip
