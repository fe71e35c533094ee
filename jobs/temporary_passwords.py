"""Asks the targets whether temporary passwords were changed in time, and has those replaced that were not (control E2).

What a target says decides; where it cannot be asked, nothing is assumed, and it is asked again in the next round. The
locking and the replacing are the provisioning's: this only says that they are due, so that whatever dies, and however
often this runs, the end is the same.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from idm.actor import Actor
from idm.errors import ConfigurationInvalid, NotOnTarget, TargetError, TargetRefused
from idm.models.systems import Handover, InformationSystem
from idm.operations import leaks, temporary_passwords
from idm.operations.temporary_passwords import was_changed
from idm.ports import PasswordState, ReadsPasswordState
from idm.queries.configuration import policy_in_force
from idm.queries.temporary_passwords import Watched, watched_by_system
from idm.vocabulary import Zone
from jobs.installation import Installation
from jobs.zone_printer import printed_notices

ACTOR = Actor.job("jobs.temporary_passwords")
LOG = logging.getLogger("idm.worker")


@dataclass(frozen=True)
class Result:
    """One round: how many were asked about, how many were changed, how many are overdue; which targets were silent."""

    asked: int = 0
    changed: int = 0
    overdue: int = 0
    unreachable: tuple[str, ...] = ()

    def __add__(self, other: "Result") -> "Result":
        return Result(
            self.asked + other.asked, self.changed + other.changed, self.overdue + other.overdue,
            self.unreachable + other.unreachable,
        )  # fmt: skip


def run_due(installation: Installation) -> Result:
    """Afterwards every temporary password of the zones served here is as its target says, where that could be asked.

    Reports of leaked passwords say how far they are, and notices that nobody needs any more are gone.
    """
    zones = [Zone(zone) for zone in installation.settings.zones]
    with installation.database.reading() as session:
        watched = watched_by_system(session, zones)
    result = Result()
    for system_id, some in watched.items():
        result += _one_system(installation, system_id, some)
    now = installation.clock()
    with installation.database.writing() as session:
        leaks.follow(session, actor=ACTOR, policy=policy_in_force(session, now=now), now=now)
    _tidy(installation)
    return result


def _one_system(installation: Installation, system_id: int, watched: Sequence[Watched]) -> Result:
    with installation.database.reading() as session:
        system = session.get_one(InformationSystem, system_id)
    try:
        directory = installation.open_target(system)
        try:
            if not isinstance(directory, ReadsPasswordState):
                raise TargetRefused("このシステムのコネクターはパスワードの状態を読めません。")
            said = {one.handover_id: _said(directory, one) for one in watched}
        finally:
            directory.close()
    except (TargetError, ConfigurationInvalid) as failure:
        LOG.warning("temporary passwords of %s: %s", system.code, failure)
        return Result(unreachable=(system.code,))
    return _judge(installation, [(one, said[one.handover_id]) for one in watched])


def _said(directory: ReadsPasswordState, one: Watched) -> PasswordState | None:
    """What the target says of the password; None where the account is not there any more."""
    try:
        return directory.password_state(one.external_id)
    except NotOnTarget:
        return None


def _judge(installation: Installation, answers: Sequence[tuple[Watched, PasswordState | None]]) -> Result:
    changed = overdue = 0
    for one, state in answers:
        if state is None:
            continue
        now = installation.clock()
        if was_changed(state, set_time=one.set_time):
            with installation.database.writing() as session:
                policy = policy_in_force(session, now=now)
                changed += temporary_passwords.changed(
                    session, one.handover_id, at=state.changed_at or now, actor=ACTOR, policy=policy, now=now
                )
        elif one.change_by <= now:
            with installation.database.writing() as session:
                policy = policy_in_force(session, now=now)
                overdue += temporary_passwords.overdue(session, one.handover_id, actor=ACTOR, policy=policy, now=now)
    return Result(len(answers), changed, overdue)


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
