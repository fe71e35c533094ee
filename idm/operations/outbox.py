"""The outbox: tasks are claimed, carried out elsewhere, and end with what was read back.

A task names an account and a generation, never a step. A claim is a lease; whoever dies loses it, and the next run
finds what was done already done.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, joinedload

from idm import audit
from idm.actor import Actor
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.policy import Policy
from idm.ports import TargetAccount
from idm.vocabulary import Stage, Zone

LEASE = timedelta(minutes=5)
FIRST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 1800


@dataclass(frozen=True)
class Carried:
    """How one task went: what was read back, or why not. `steps` are the kinds of step that were taken.

    `by_hand`: a person was asked to do it, so nothing was read back yet.
    """

    task_id: int
    seen: TargetAccount | None = None
    steps: tuple[str, ...] = ()
    unavailable: str | None = None
    refused: str | None = None
    retry_after_seconds: float | None = None
    by_hand: bool = False


def systems_with_due_tasks(session: Session, zones: Sequence[Zone], *, now: datetime) -> list[int]:
    """The systems in these zones for which something is due. Where a system is only observed, nothing is (A18)."""
    query = (
        select(OutboxTask.system_id)
        .join(InformationSystem, OutboxTask.system_id == InformationSystem.id)
        .where(_due(now), InformationSystem.zone.in_(zones), InformationSystem.stage != Stage.OBSERVE)
        .distinct()
    )
    return sorted(session.scalars(query))


def _due(now: datetime):  # type: ignore[no-untyped-def]  # a SQL condition; its type is the library's own
    waiting = and_(OutboxTask.state == TaskState.WAITING, OutboxTask.due_at <= now)
    abandoned = and_(OutboxTask.state == TaskState.CLAIMED, OutboxTask.claimed_until <= now)
    return or_(waiting, abandoned)


def claim(session: Session, system_id: int, *, worker: str, limit: int, now: datetime) -> list[OutboxTask]:
    """Up to `limit` due tasks of the system, now this worker's; those that a newer decision overtook are closed.

    Empty only when nothing is due, or the system is only observed (its tasks wait): a whole batch of overtaken tasks
    does not hide those behind it.
    """
    claimed: list[OutboxTask] = []
    if session.get_one(InformationSystem, system_id).stage is Stage.OBSERVE:
        return claimed
    while not claimed and (due := _due_tasks(session, system_id, limit, now)):
        for task in due:
            if task.generation < task.account.generation:
                task.state, task.finished_at = TaskState.SUPERSEDED, now
                continue
            task.state, task.claimed_by, task.claimed_until = TaskState.CLAIMED, worker, now + LEASE
            task.attempts += 1
            claimed.append(task)
    return claimed


def _due_tasks(session: Session, system_id: int, limit: int, now: datetime) -> Sequence[OutboxTask]:
    return session.scalars(
        select(OutboxTask)
        .where(OutboxTask.system_id == system_id, _due(now))
        .options(joinedload(OutboxTask.account))
        .order_by(OutboxTask.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=OutboxTask)
    ).all()


def finish(
    session: Session, carried: Sequence[Carried], *, worker: str, actor: Actor, policy: Policy, now: datetime
) -> frozenset[int]:
    """Afterwards each task has ended or waits for its next try, and each account says what its target said.

    Returns the tasks that were still this worker's; of the others nothing was recorded.
    """
    tasks = session.scalars(
        select(OutboxTask)
        .where(OutboxTask.id.in_([c.task_id for c in carried]))
        .options(joinedload(OutboxTask.account))
    )
    by_id = {task.id: task for task in tasks}
    ours = set[int]()
    for result in carried:
        task = by_id[result.task_id]
        if task.claimed_by != worker or task.state is not TaskState.CLAIMED:
            continue  # the lease ran out and somebody else has it; what they read back is newer
        ours.add(task.id)
        if result.unavailable is None and result.refused is None and not result.by_hand:
            record_seen(task.account, result.seen, now)
        _end(task, result, now)
        _record(session, task, result, actor=actor, policy=policy, now=now)
    return frozenset(ours)


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
    """Afterwards the newest waiting task of each of these accounts is tried at `before` at the latest."""
    waiting = session.scalars(
        select(OutboxTask)
        .join(Account, OutboxTask.account_id == Account.id)
        .where(
            OutboxTask.account_id.in_(account_ids), OutboxTask.state == TaskState.WAITING, OutboxTask.due_at > before,
            OutboxTask.generation == Account.generation,
        )
    )  # fmt: skip
    for task in waiting:
        task.due_at = before


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
