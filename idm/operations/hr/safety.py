"""Before a run touches anybody: whether it may, and afterwards: how many it was (control A7).

The window is that of one kind of run: what a personnel file decides and what the calendar carries out of it is one
event in each, not two. Only what a permitted batch lists, for exactly this run, is left out of the counting.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from idm.calendar_days import day_of
from idm.errors import SafetyLimit
from idm.models.safety import PlannedBatch, RunKind, SafetyCount
from idm.personnel.safety_limits import Excess, Past, Touched, exceeded
from idm.policy import Policy
from idm.queries.organisation.departments import headcount
from idm.vocabulary import SafetyAction

DAYS_TO_USE = 7
"""For so many days after its day a permitted batch may still be run."""


@dataclass(frozen=True)
class Assessment:
    """What the limits say of a run. `batch` is the permitted batch it runs under, if there is one."""

    batch: PlannedBatch | None
    excesses: tuple[Excess, ...]


def assess(
    session: Session, touched: Collection[Touched], *, kind: RunKind, day: date, feed: str | None = None,
    sha256: str | None = None, policy: Policy, now: datetime,
) -> Assessment:  # fmt: skip
    """Which limits the run would pass, and under which permitted batch. Changes nothing."""
    batch = permitted_batch(session, kind=kind, day=day, feed=feed, sha256=sha256, now=now)
    found = exceeded(
        touched, _past(session, kind, policy=policy, now=now), headcount(session, day), policy.safety, _listed(batch)
    )
    return Assessment(batch, found)


def require_within_limits(
    session: Session, touched: Collection[Touched], *, kind: RunKind, day: date, feed: str | None = None,
    sha256: str | None = None, policy: Policy, now: datetime,
) -> PlannedBatch | None:  # fmt: skip
    """Afterwards the run passes no limit. Returns the permitted batch it runs under, if any. Raises SafetyLimit.

    `day` is the day the run is for, `feed` and `sha256` name its personnel file.
    """
    found = assess(session, touched, kind=kind, day=day, feed=feed, sha256=sha256, policy=policy, now=now)
    if found.excesses:
        sentences = "\n".join(f"・{excess.sentence}" for excess in found.excesses)
        raise SafetyLimit(
            f"安全のための上限を超えるため、何も変更していません。\n{sentences}\n{_what_to_do(found.batch, kind, day)}"
        )
    return found.batch


def count(
    session: Session, touched: Collection[Touched], *, kind: RunKind, batch: PlannedBatch | None, now: datetime
) -> None:
    """Afterwards the window holds these people; those whom the batch lists stand apart and count no further.

    Written in the transaction that touches them, so that a run that is broken off has counted what it did.
    """
    listed = _listed(batch)
    people = Counter(
        (one.action, one.unit_code, (one.action, one.staff_number) in listed) for one in dict.fromkeys(touched)
    )
    for (action, unit_code, inside), number in sorted(people.items()):
        session.add(
            SafetyCount(
                at=now, kind=kind, action=action, unit_code=unit_code, people=number,
                batch_id=batch.id if batch is not None and inside else None,
            )
        )  # fmt: skip


def permitted_batch(
    session: Session, *, kind: RunKind, day: date, feed: str | None, sha256: str | None, now: datetime
) -> PlannedBatch | None:
    """The batch last permitted for exactly this run; None when there is none, or its time is over."""
    if is_over(day, now=now):
        return None
    return session.scalars(
        select(PlannedBatch)
        .where(
            PlannedBatch.kind == kind,
            PlannedBatch.day == day,
            PlannedBatch.feed.is_(None) if feed is None else PlannedBatch.feed == feed,
            PlannedBatch.sha256.is_(None) if sha256 is None else PlannedBatch.sha256 == sha256,
            PlannedBatch.approved_at.is_not(None),
        )
        .options(selectinload(PlannedBatch.items))
        .order_by(PlannedBatch.approved_at.desc(), PlannedBatch.id.desc())
        .limit(1)
    ).first()


def day_to_run_under(session: Session, day: date, *, now: datetime) -> date:
    """The day whose permitted batch a run of the calendar for `day` may use: its own, else the latest still usable.

    A run that was broken off, or did not come about on its day, is finished under what was permitted for it.
    """
    usable = select(func.max(PlannedBatch.day)).where(
        PlannedBatch.kind == RunKind.LIFECYCLE,
        PlannedBatch.approved_at.is_not(None),
        PlannedBatch.day <= day,
        PlannedBatch.day >= day_of(now) - timedelta(days=DAYS_TO_USE),
    )
    return session.scalar(usable) or day


def is_over(day: date, *, now: datetime) -> bool:
    """Whether a batch of that day can no longer be used."""
    return day_of(now) > day + timedelta(days=DAYS_TO_USE)


def _listed(batch: PlannedBatch | None) -> frozenset[tuple[SafetyAction, str]]:
    return frozenset((item.action, item.staff_number) for item in batch.items) if batch is not None else frozenset()


def _past(session: Session, kind: RunKind, *, policy: Policy, now: datetime) -> list[Past]:
    """What runs of this kind did within each action's window, outside permitted batches."""
    found = []
    for action, limit in policy.safety.items():
        rows = session.execute(
            select(SafetyCount.unit_code, func.sum(SafetyCount.people))
            .where(
                SafetyCount.kind == kind,
                SafetyCount.action == action,
                SafetyCount.batch_id.is_(None),
                SafetyCount.at > now - timedelta(hours=limit.window_hours),
            )
            .group_by(SafetyCount.unit_code)
        )
        found += [Past(action, unit_code, int(people)) for unit_code, people in rows]
    return found


def _what_to_do(batch: PlannedBatch | None, kind: RunKind, day: date) -> str:
    if batch is not None:
        return (
            f"許可された一括処理（第{batch.id}号）に載っていない人が含まれています。"
            "その人たちを確かめ、正しければ一括処理を計画し直して許可を受けてください。"
        )
    if kind is RunKind.REVIEW:
        return "内容を確かめ、正しければ、棚卸しの画面から二人で終えてください。"
    if kind is RunKind.LIFECYCLE:
        return (
            f"idm lifecycle run --as-of {day} --dry-run で内容を確かめ、正しければ人事担当者が画面の「一括処理」で"
            f"{day} 分を計画し、許可を受けてから、もう一度行ってください。"
        )
    return (
        "ファイルを確かめてください。正しければ、人事担当者がこのファイルの取込みを一括処理として計画し、"
        "許可を受けてから、もう一度取り込んでください。"
    )
