"""Asks the targets whether temporary passwords were changed in time, and has those replaced that were not (control E2).

What a target says decides; where it cannot be asked, nothing is assumed, and it is asked again in the next round. The
locking and the replacing are the provisioning's: this only says that they are due, so that whatever dies, and however
often this runs, the end is the same.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from idm.actor import Actor
from idm.errors import ConfigurationInvalid, NotOnTarget, TargetError, TargetRefused
from idm.models.systems import Handover, InformationSystem
from idm.operations.passwords import leaks, temporary_passwords
from idm.operations.passwords.temporary_passwords import Change, change_shown
from idm.ports import PasswordState, ReadsPasswordState
from idm.queries.governance.configuration import policy_in_force
from idm.queries.passwords.temporary_passwords import Watched, watched_by_system
from idm.vocabulary import Zone
from jobs.installation import Installation
from jobs.passwords.zone_printer import printed_notices

ACTOR = Actor.job("jobs.passwords.temporary_passwords")
LOG = logging.getLogger("idm.worker")


@dataclass(frozen=True)
class Result:
    """One round: how many were asked about, were changed, are overdue, and which targets were silent.

    `unproven`: past their hours, and the target cannot say whether they were changed; nobody is locked out for that.
    """

    asked: int = 0
    changed: int = 0
    overdue: int = 0
    unproven: int = 0
    unreachable: tuple[str, ...] = ()

    def __add__(self, other: "Result") -> "Result":
        return Result(
            self.asked + other.asked, self.changed + other.changed, self.overdue + other.overdue,
            self.unproven + other.unproven, self.unreachable + other.unreachable,
        )  # fmt: skip


Judge = Callable[[Installation, Watched, PasswordState | None, datetime], Result]
"""What is made of a target's answer about one password: None = the account is not there any more."""


def run_due(installation: Installation, *, only: int | None = None) -> Result:
    """Afterwards every temporary password of the zones served here is as its target says, where that could be asked.

    `only`: of that system alone. Reports of leaked passwords say how far they are, and notices that nobody needs any
    more are gone.
    """
    result = _every_system(installation, only, _judge)
    now = installation.clock()
    with installation.database.writing() as session:
        leaks.follow(session, actor=ACTOR, policy=policy_in_force(session, now=now), now=now)
    _tidy(installation)
    return result


def would_find(installation: Installation, *, only: int | None = None) -> Result:
    """What `run_due` would find at this moment; nothing is recorded."""
    return _every_system(installation, only, _told)


def _every_system(installation: Installation, only: int | None, judge: Judge) -> Result:
    zones = [Zone(zone) for zone in installation.settings.zones]
    with installation.database.reading() as session:
        watched = watched_by_system(session, zones)
    result = Result()
    for system_id, some in watched.items():
        if only in (None, system_id):
            result += _one_system(installation, system_id, some, judge)
    return result


def _one_system(installation: Installation, system_id: int, watched: Sequence[Watched], judge: Judge) -> Result:
    with installation.database.reading() as session:
        system = session.get_one(InformationSystem, system_id)
    result = Result()
    try:
        directory = installation.open_target(system)
        try:
            if not isinstance(directory, ReadsPasswordState):
                raise TargetRefused("このシステムのコネクターはパスワードの状態を読めません。")
            for one in watched:
                asked_at = installation.clock()  # before the answer: what changes meanwhile was changed after it
                result += judge(installation, one, _said(directory, one), asked_at)
        finally:
            directory.close()
    except (TargetError, ConfigurationInvalid) as failure:
        LOG.warning("temporary passwords of %s: %s", system.code, failure)
        result += Result(unreachable=(system.code,))
    return result


def _said(directory: ReadsPasswordState, one: Watched) -> PasswordState | None:
    """What the target says of the password; None where the account is not there any more."""
    try:
        return directory.password_state(one.external_id)
    except NotOnTarget:
        return None


def _told(_installation: Installation, one: Watched, state: PasswordState | None, now: datetime) -> Result:
    """What the target said, counted; what is unproven is neither changed nor overdue."""
    if state is None:
        return Result(asked=1)
    change, late = change_shown(state, set_time=one.set_time), one.change_by <= now
    return Result(
        asked=1, changed=int(change is Change.MADE), overdue=int(change is Change.NOT_MADE and late),
        unproven=int(change is Change.UNPROVEN and late),
    )  # fmt: skip


def _judge(installation: Installation, one: Watched, state: PasswordState | None, now: datetime) -> Result:
    """Afterwards what the target said is recorded, as of the moment at which it was asked."""
    told = _told(installation, one, state, now)
    if state is None or not (told.changed or told.overdue):
        return told
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        if told.overdue:
            news = temporary_passwords.overdue(session, one.handover_id, actor=ACTOR, policy=policy, now=now)
            return replace(told, overdue=int(news))
        news = temporary_passwords.changed(
            session, one.handover_id, at=state.changed_at or now, actor=ACTOR, policy=policy, now=now
        )
        return replace(told, changed=int(news))


def _tidy(installation: Installation) -> None:
    """Afterwards no notice lies in the folder whose password was received, changed, replaced or given up."""
    notices = printed_notices(installation.settings.notices.folder)
    if not notices:
        return
    with installation.database.reading() as session:
        waiting = set(
            session.scalars(
                select(Handover.id).where(
                    Handover.id.in_(notices), Handover.received_at.is_(None), Handover.changed_at.is_(None),
                    Handover.replaced_at.is_(None), Handover.closed_at.is_(None),
                )
            )
        )  # fmt: skip
    for handover_id in notices.keys() - waiting:
        notices[handover_id].unlink(missing_ok=True)
