"""Takes out of a privileged group, in the run that found it, whoever is there out of band; and reads back (D9).

An account of ours goes the worker's own way: what it should be is computed from the rows of that moment. Whoever is not
ours is taken out by one step; right before it our rows are asked once more.
"""

from collections.abc import Collection, Sequence
from contextlib import closing

from idm.actor import Actor
from idm.errors import ConfigurationInvalid, TargetError
from idm.models.systems import InformationSystem
from idm.operations.privileged import out_of_band
from idm.operations.privileged.out_of_band import Removal
from idm.ports import Directory, RemoveMember, Writes
from idm.queries.governance.configuration import policy_in_force
from idm.queries.privileged.watched import members_now, registered_ids
from jobs import provision
from jobs.information_systems.examination import require_examined
from jobs.installation import Installation

ACTOR = Actor.job("jobs.sweep.out_of_band")
WORKER = "out-of-band"


def take_out(installation: Installation, system: InformationSystem, removals: Sequence[Removal]) -> None:
    """Afterwards each was tried once; who was read back as gone is on record as taken out, of the others is told."""
    if not removals:
        return
    gone: list[Removal] = []
    left = list(removals)
    try:
        if any(one.ours for one in removals):
            provision.run_system(installation, system.id, worker=WORKER)
        with closing(installation.open_target(system)) as directory:
            _remove(installation, directory, system, [one for one in removals if not one.ours])
            gone = _gone(directory, removals)
        left = _still_due(installation, system, [one for one in removals if one not in gone])
    except (TargetError, ConfigurationInvalid):
        pass  # what could not be read back was not removed: it is told of below, and tried again by the next sweep
    now = installation.clock()
    with installation.database.writing() as session:
        out_of_band.removed(
            session, gone, left, actor=ACTOR, policy=policy_in_force(session, now=now), now=now,
        )  # fmt: skip


def _remove(
    installation: Installation, directory: Directory, system: InformationSystem, removals: Sequence[Removal]
) -> None:
    if not removals or not isinstance(directory, Writes):
        return
    require_examined(installation, directory, system)
    due = _still_due(installation, system, removals)
    directory.perform([RemoveMember(one.member, one.group) for one in due])


def _still_due(
    installation: Installation, system: InformationSystem, removals: Collection[Removal]
) -> list[Removal]:  # fmt: skip
    now = installation.clock()
    with installation.database.reading() as session:
        delete_after = policy_in_force(session, now=now).personnel.delete_after_days
        registered = registered_ids(session, system.id, now=now)
        rows = members_now(
            session, system.id, [one.member for one in removals], now=now, delete_after_days=delete_after
        )
    return [
        one
        for one in removals
        if (one.group, one.member) not in rows.allowed
        and one.member not in rows.under_way
        and one.member not in registered
    ]


def _gone(directory: Directory, removals: Sequence[Removal]) -> list[Removal]:
    members = {group: set(directory.members(group)) for group in {one.group for one in removals}}
    return [one for one in removals if one.member not in members[one.group]]
