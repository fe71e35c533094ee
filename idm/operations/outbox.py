"""The outbox: tasks are claimed, carried out elsewhere, and end with what was read back.

A task names an account and a generation, never a step. A claim is a short lease that its worker renews while it works;
whoever dies loses it, and the next run finds what was done already done.

An account is one worker's at a time: while a claim on any task of it lives, no other task of it is claimed. Whoever
comes back too late, after somebody else has looked, may have undone what that one did: the account is looked at again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager

from idm import audit
from idm.actor import Actor
from idm.database import in_chunks
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.operations.rights import account_stops
from idm.operations.rights.accounts import schedule
from idm.policy import Policy
from idm.ports import TargetAccount
from idm.queries.stops.holding import unreached
from idm.vocabulary import Stage, Zone

LEASE = timedelta(minutes=1)
"""How long a claim holds that nobody renews: so long an account waits whose worker was killed, a stop included."""
LONGEST_HOLD = timedelta(minutes=5)
"""For how long a worker renews the claims of one batch: one that hangs must not keep its accounts for good."""
FIRST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 1800


@dataclass(frozen=True)
class Carried:
    """How one task went: what was read back, or why not. `steps` are the kinds of step that were taken.

    `by_hand`: a person was asked to do it, so nothing was read back yet. `opens_by_itself`: the target has no password
    that could be handed over, so that whoever has the account has it from now on.
    """

    task_id: int
    seen: TargetAccount | None = None
    steps: tuple[str, ...] = ()
    unavailable: str | None = None
    refused: str | None = None
    retry_after_seconds: float | None = None
    by_hand: bool = False
    opens_by_itself: bool = False


def systems_with_due_tasks(
    session: Session, zones: Sequence[Zone], *, now: datetime, stops_only: bool = False
) -> list[int]:  # fmt: skip
    """The systems in these zones for which something is due. Where a system is only observed, nothing is (A18)."""
    due = and_(_due(now), _stops()) if stops_only else _due(now)
    query = (
        select(OutboxTask.system_id)
        .join(InformationSystem, OutboxTask.system_id == InformationSystem.id)
        .where(due, InformationSystem.zone.in_(zones), InformationSystem.stage != Stage.OBSERVE)
        .distinct()
    )
    return sorted(session.scalars(query))


def _stops() -> ColumnElement[bool]:
    """What stops somebody, and has not been seen to: it does not wait behind anything else (control H5)."""
    return OutboxTask.account_id.in_(unreached())


def _due(now: datetime) -> ColumnElement[bool]:
    waiting = and_(OutboxTask.state == TaskState.WAITING, OutboxTask.due_at <= now)
    abandoned = and_(OutboxTask.state == TaskState.CLAIMED, OutboxTask.claimed_until <= now)
    other = aliased(OutboxTask)
    taken = exists().where(
        other.account_id == OutboxTask.account_id, other.state == TaskState.CLAIMED, other.claimed_until > now
    )
    return and_(or_(waiting, abandoned), ~taken)


def claimed_accounts(session: Session, account_ids: Collection[int], *, now: datetime) -> frozenset[int]:
    """Those of these accounts that some worker is carrying out at this moment: what they show may change any time."""
    query = select(OutboxTask.account_id).where(
        OutboxTask.account_id.in_(account_ids), OutboxTask.state == TaskState.CLAIMED, OutboxTask.claimed_until > now
    )
    return frozenset(session.scalars(query))


def claim(
    session: Session, system_id: int, *, worker: str, limit: int, now: datetime, stops_only: bool = False
) -> list[OutboxTask]:  # fmt: skip
    """Up to `limit` due tasks of the system, now this worker's; those that a newer decision overtook are closed.

    Those that stop somebody are first, in a batch of their own, however long the queue is; with `stops_only` there are
    no others.
    Empty only when nothing is due, or the system is only observed (its tasks wait): a whole batch of overtaken tasks
    does not hide those behind it.
    """
    claimed: list[OutboxTask] = []
    if session.get_one(InformationSystem, system_id).stage is Stage.OBSERVE:
        return claimed
    while not claimed and (due := _next_due(session, system_id, limit, now, stops_only=stops_only)):
        # Asked again under the locks: a claim may have been committed since the tasks were chosen.
        taken = claimed_accounts(session, [task.account_id for task in due], now=now)
        for task in due:
            if task.account_id in taken:
                continue
            if task.generation < task.account.generation:
                task.state, task.finished_at = TaskState.SUPERSEDED, now
                continue
            task.state, task.claimed_by, task.claimed_until = TaskState.CLAIMED, worker, now + LEASE
            task.attempts += 1
            claimed.append(task)
    return claimed


def begin(
    session: Session, system_id: int, tasks: Collection[OutboxTask], *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    """Afterwards it is on record that the directory may now be changed for these claimed tasks, in one entry for all.

    Belongs in the claim's transaction: what cannot be put on record is not begun, stops included (FK 6-1(6)).
    """
    if tasks:
        audit.record(
            session, action="provision.begun", actor=actor, obj=("system", system_id), now=now,
            policy_digest=policy.digest, payload={"accounts": sorted(task.account_id for task in tasks)},
        )  # fmt: skip


def renew(session: Session, task_ids: Collection[int], *, worker: str, now: datetime) -> int:
    """Afterwards those of these claims that are still this worker's hold for another lease; returns how many.

    One that ran out is not brought back: somebody else may be at the account by another task of it. A row that
    somebody is looking at is left for the next time, so that nothing waits for another in a circle. One whose account
    is to be stopped meanwhile ends at once: a stop does not wait for what was begun before it (control H5).
    """
    held = session.scalars(
        select(OutboxTask)
        .join(OutboxTask.account)
        .options(contains_eager(OutboxTask.account))
        .where(
            OutboxTask.id.in_(task_ids), OutboxTask.state == TaskState.CLAIMED, OutboxTask.claimed_by == worker,
            OutboxTask.claimed_until > now,
        )
        .order_by(OutboxTask.id)
        .with_for_update(skip_locked=True, key_share=True, of=OutboxTask)
    ).all()  # fmt: skip
    overtaken = [task.account_id for task in held if task.generation < task.account.generation]
    stopping = select(Account.id).where(Account.id.in_(overtaken), Account.id.in_(unreached()))
    to_stop = frozenset(session.scalars(stopping)) if overtaken else frozenset[int]()
    for task in held:
        task.claimed_until = now if task.account_id in to_stop else now + LEASE
    return len(held) - len(to_stop)


def _next_due(
    session: Session, system_id: int, limit: int, now: datetime, *, stops_only: bool
) -> Sequence[OutboxTask]:  # fmt: skip
    # Nearly always there is none, and a long queue is not gone through to find that out.
    any_stop = session.scalars(unreached().limit(1)).first() is not None
    stops = _due_tasks(session, system_id, limit, now, _stops()) if any_stop else ()
    return stops if stops or stops_only else _due_tasks(session, system_id, limit, now)


def _due_tasks(
    session: Session, system_id: int, limit: int, now: datetime, *those: ColumnElement[bool]
) -> Sequence[OutboxTask]:  # fmt: skip
    return session.scalars(
        select(OutboxTask)
        .where(OutboxTask.system_id == system_id, _due(now), *those)
        .join(OutboxTask.account)
        .options(contains_eager(OutboxTask.account))
        .order_by(OutboxTask.id)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True, of=(OutboxTask, Account))
        .execution_options(populate_existing=True)
    ).all()


def finish(
    session: Session, carried: Sequence[Carried], *, worker: str, actor: Actor, policy: Policy, now: datetime
) -> frozenset[int]:
    """Afterwards each task has ended or waits for its next try, and each account says what its target said.

    Returns the tasks that were still this worker's; of the others nothing was recorded. Where somebody else has looked
    at the account meanwhile, it is looked at once more if anything may have been written.
    """
    tasks = session.scalars(
        select(OutboxTask)
        .where(OutboxTask.id.in_([c.task_id for c in carried]))
        .join(OutboxTask.account)
        .options(contains_eager(OutboxTask.account))
        .order_by(OutboxTask.account_id)
        .with_for_update(key_share=True, of=(Account, OutboxTask))
        .execution_options(populate_existing=True)
    ).all()
    by_id = {task.id: task for task in tasks}
    ours, shown = set[int](), list[Account]()
    for result in carried:
        task = by_id[result.task_id]
        lost = task.claimed_by != worker or task.state is not TaskState.CLAIMED
        if _may_have_written(result) and (lost or _looked_at_since(session, task)):
            schedule(session, task.account, now=now)
        if lost:
            continue  # the lease ran out and somebody else has it; what they read back is newer
        ours.add(task.id)
        if result.unavailable is None and result.refused is None and not result.by_hand:
            record_seen(task.account, result.seen, now)
            if result.opens_by_itself and result.seen is not None:
                task.account.handed_over_at = task.account.handed_over_at or now
            if task.generation == task.account.generation:
                shown.append(task.account)
        _end(task, result, now)
        _record(session, task, result, actor=actor, policy=policy, now=now)
    account_stops.follow_read_back(session, shown, now=now)
    return frozenset(ours)


def _may_have_written(result: Carried) -> bool:
    """What did not answer, or answered with a refusal, may have done something all the same."""
    return bool(result.steps) or result.unavailable is not None or result.refused is not None


def _looked_at_since(session: Session, task: OutboxTask) -> bool:
    """Whether somebody has claimed a newer task of the account: the lease of this one had run out."""
    newer = select(OutboxTask.id).where(
        OutboxTask.account_id == task.account_id, OutboxTask.generation > task.generation, OutboxTask.attempts > 0
    )
    return session.scalars(newer.limit(1)).first() is not None


def _end(task: OutboxTask, result: Carried, now: datetime) -> None:
    task.last_error = result.unavailable or result.refused
    task.claimed_until = None
    if result.unavailable is not None:
        task.state, task.due_at = TaskState.WAITING, now + wait_before(task.attempts, result.retry_after_seconds)
        return
    overtaken = task.generation < task.account.generation
    done = TaskState.REFUSED if result.refused is not None else TaskState.DONE
    task.state, task.finished_at = (TaskState.SUPERSEDED if overtaken else done), now


def wait_before(attempts: int, retry_after_seconds: float | None) -> timedelta:
    """How long to wait after that many tries: doubling up to half an hour, never less than the target asked for."""
    doubled = min(FIRST_WAIT_SECONDS * 2 ** min(attempts, 16), LONGEST_WAIT_SECONDS)
    return timedelta(seconds=max(doubled, retry_after_seconds or 0))


def record_seen(account: Account, seen: TargetAccount | None, now: datetime) -> None:
    """Afterwards the account says what its target showed at `now`; one that is gone was handed over to nobody (E3).

    Of one that is still to be taken over nothing is said: it is there, and not yet ours.
    """
    if seen is None and account.adopted_at is not None and account.seen_at is None:
        return
    account.seen_at = now
    if seen is None or seen.external_id != account.external_id:
        account.handed_over_at = None
    account.seen_present = seen is not None
    account.seen_enabled = seen.enabled if seen is not None else None
    account.seen_expires_at = seen.expires_at if seen is not None else None
    account.seen_groups = sorted(seen.groups or ()) if seen is not None else None
    if seen is not None:
        account.external_id = seen.external_id


def _record(
    session: Session, task: OutboxTask, result: Carried, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    action = "provision.by_hand" if result.by_hand else f"provision.{task.state.value}"
    audit.record(
        session, action=action, actor=actor, obj=("account", str(task.account_id)), now=now,
        policy_digest=policy.digest,
        payload={
            "account": task.account.login_name, "system": task.system_id, "generation": task.generation,
            "attempt": task.attempts, "steps": list(result.steps), "error": task.last_error,
            "present": result.seen is not None, "enabled": result.seen.enabled if result.seen else None,
        },
    )  # fmt: skip


def hurry(session: Session, account_ids: Collection[int], *, before: datetime) -> None:
    """Afterwards the newest task of each of these accounts, waiting or refused, is tried at `before` at the latest."""
    later = and_(OutboxTask.state == TaskState.WAITING, OutboxTask.due_at > before)
    unfinished = session.scalars(
        select(OutboxTask)
        .join(Account, OutboxTask.account_id == Account.id)
        .where(
            OutboxTask.account_id.in_(account_ids), or_(later, OutboxTask.state == TaskState.REFUSED),
            OutboxTask.generation == Account.generation,
        )
    )  # fmt: skip
    for task in unfinished:
        task.state, task.due_at, task.finished_at = TaskState.WAITING, before, None


def hurry_stops(session: Session, *, before: datetime) -> int:
    """Afterwards the newest task of every account that a stop has not reached is tried at `before` at the latest.

    Returns of how many accounts that is said. However long a directory has been away, nothing that stops somebody waits
    for long once it is back (control H5).
    """
    accounts = session.scalars(unreached()).all()
    for some in in_chunks(accounts):
        hurry(session, some, before=before)
    return len(accounts)


def retry_refused(session: Session, system_id: int, *, now: datetime) -> int:
    """Afterwards every account of the system whose newest task was refused is looked at once more."""
    refused = session.scalars(
        select(OutboxTask)
        .join(Account, OutboxTask.account_id == Account.id)
        .where(
            OutboxTask.system_id == system_id,
            OutboxTask.state == TaskState.REFUSED,
            OutboxTask.generation == Account.generation,
        )
    ).all()
    for task in refused:
        task.state, task.due_at, task.finished_at = TaskState.WAITING, now, None
    return len(refused)
