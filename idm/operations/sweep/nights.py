"""The nights of the sweep: begun once, resumed where one was broken off, ended when every system has an answer (C1)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, start_of
from idm.errors import IllegalTransition
from idm.models.nights import SweepNight
from idm.models.officers import ConfigurationVersion
from idm.models.work import Finding, SweepRun
from idm.policy import Policy

READ_ALL_EVERY_DAYS = 7
RESUMED_WITHIN = timedelta(hours=12)
"""A night that was broken off longer ago is past: what it saw then says nothing of now."""
LEASE = timedelta(minutes=2)
"""For how long a night is somebody's who says nothing more: so long it waits if they were killed."""


@dataclass(frozen=True)
class Night:
    """A night that is under way. `answered`: the systems that it has examined already."""

    id: int
    answered: frozenset[int] = frozenset()


def begin(session: Session, *, systems: int, holder: str, actor: Actor, policy: Policy, now: datetime) -> Night:
    """Afterwards a night is under way and `holder`'s: the one that was broken off lately, else the day's.

    A system that could not be examined has no answer yet. A night that had ended begins once more when it is asked for
    on the same day, and then every system is examined again. Raises IllegalTransition while somebody else has it.
    """
    broken_off = session.scalars(_broken_off(now).with_for_update()).one_or_none()
    if broken_off is not None:
        if _is_held(broken_off, now):
            raise IllegalTransition("点検は、いま別のところで行われています。終わってから、もう一度行ってください。")
        broken_off.held_by, broken_off.held_until = holder, now + LEASE
        answered = _answered(session, broken_off)
        _record(session, "sweep.night_resumed", broken_off, actor=actor, policy=policy, now=now, answered=len(answered))
        return Night(broken_off.id, answered)
    night = session.scalars(select(SweepNight).where(SweepNight.day == day_of(now)).with_for_update()).one_or_none()
    night = night or SweepNight(day=day_of(now))
    night.started_at, night.finished_at, night.systems = now, None, systems
    night.held_by, night.held_until = holder, now + LEASE
    session.add(night)
    session.flush()
    _record(session, "sweep.night_begun", night, actor=actor, policy=policy, now=now, systems=systems)
    return Night(night.id)


def end(
    session: Session, night_id: int, *, failed: Collection[str], actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards the night is over; which systems could not be examined is on record."""
    night = session.get_one(SweepNight, night_id)
    night.finished_at, night.held_by, night.held_until = now, None, None
    _record(session, "sweep.night_ended", night, actor=actor, policy=policy, now=now, failed=sorted(failed))


def keep(session: Session, night_id: int, *, holder: str, now: datetime) -> bool:
    """Whether the night is still this holder's; then it is for another while."""
    night = session.get_one(SweepNight, night_id, with_for_update=True)
    if night.held_by != holder:
        return False
    night.held_until = now + LEASE
    return True


def is_under_way(session: Session, *, now: datetime) -> bool:
    """Whether somebody is having a night at this moment."""
    night = session.scalars(_broken_off(now)).one_or_none()
    return night is not None and _is_held(night, now)


def is_over(session: Session, day: date) -> bool:
    """Whether the night of the day has been had, from its beginning to its end."""
    ended = select(SweepNight.id).where(SweepNight.day == day, SweepNight.finished_at.is_not(None))
    return session.scalar(ended) is not None


def trusts_seals(session: Session, system_id: int, *, now: datetime) -> bool:
    """Whether what was found right lately needs no reading tonight where its seal is unbroken (decision 0013).

    Once a week, on a day that differs from system to system, everything is read; and once after every change of the
    configuration, whatever it says.
    """
    week = day_of(now) - timedelta(days=(day_of(now).toordinal() + system_id) % READ_ALL_EVERY_DAYS)
    read_all_at = session.scalar(
        select(func.min(SweepRun.started_at)).where(
            SweepRun.system_id == system_id, SweepRun.failure.is_(None), SweepRun.started_at >= start_of(week)
        )
    )
    changed_at = session.scalar(select(func.max(ConfigurationVersion.accepted_at)))
    return read_all_at is not None and (changed_at is None or changed_at < read_all_at)


def repairs_asked(session: Session, system_id: int, *, now: datetime) -> int:
    """How many findings of the system are put right by the profile's rule, as of exactly this moment."""
    asked = select(func.count(Finding.id)).where(
        Finding.system_id == system_id, Finding.repair_asked_at == now, Finding.repair_asked_by_id.is_(None)
    )
    return session.scalar(asked) or 0


def _broken_off(now: datetime) -> Select[SweepNight]:
    return (
        select(SweepNight)
        .where(SweepNight.finished_at.is_(None), SweepNight.started_at > now - RESUMED_WITHIN)
        .order_by(SweepNight.started_at.desc())
        .limit(1)
    )


def _is_held(night: SweepNight, now: datetime) -> bool:
    return night.held_until is not None and night.held_until > now


def _answered(session: Session, night: SweepNight) -> frozenset[int]:
    return frozenset(
        session.scalars(
            select(SweepRun.system_id).where(
                SweepRun.night_id == night.id, SweepRun.started_at >= night.started_at, SweepRun.failure.is_(None)
            )
        )
    )


def _record(
    session: Session, action: str, night: SweepNight, *, actor: Actor, policy: Policy, now: datetime, **said: object
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("sweep", night.day.isoformat()), now=now,
        policy_digest=policy.digest, payload=said,
    )  # fmt: skip
