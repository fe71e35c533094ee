"""Reads again what is stopped, every few minutes, and stops again what somebody has enabled by hand (control H5).

Each system is read on its own, so many IDs in one round: neither a big stop nor a directory that is away keeps the
worker from the rest of its round. What is found open is stopped by the thread that carries out stops.
"""

import logging
from contextlib import closing

from idm.actor import Actor
from idm.errors import ConfigurationInvalid, TargetError
from idm.models.systems import InformationSystem
from idm.operations.stops import watching
from idm.operations.stops.watching import Watched
from idm.ports import Directory, FindsByOwnId
from idm.queries.governance.configuration import policy_in_force
from idm.vocabulary import Zone
from jobs.installation import Installation

LOG = logging.getLogger("idm.worker")
ACTOR = Actor.job("jobs.stops")


def run_due(installation: Installation) -> int:
    """Afterwards what is due was read in every system of the zones served here. Returns how many stops were undone."""
    zones, now = [Zone(zone) for zone in installation.settings.zones], installation.clock()
    with installation.database.reading() as session:
        policy = policy_in_force(session, now=now)
        systems = watching.systems_to_watch(session, zones, policy=policy, now=now)
    return sum(_watch(installation, system_id) for system_id in systems)


def _watch(installation: Installation, system_id: int) -> int:
    read_at = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=read_at)
        system = session.get_one(InformationSystem, system_id)
        watched = watching.to_watch(session, system_id, policy=policy, now=read_at)
    try:
        with closing(installation.open_target(system)) as directory:
            enabled = _enabled(directory, watched)
    except (TargetError, ConfigurationInvalid) as failure:
        LOG.error("watch of stops in system %s: %s", system_id, failure)
        return 0
    if not enabled.accounts and not enabled.entries:
        return 0
    with installation.database.writing() as session:
        return watching.stop_again(
            session, system_id, enabled, read_at=read_at, actor=ACTOR, policy=policy, now=installation.clock()
        )


def _enabled(directory: Directory, watched: Watched) -> Watched:
    """What of it lets somebody in."""
    accounts = directory.find(watched.accounts) if watched.accounts else {}
    entries = directory.find_by_own_id(watched.entries) if isinstance(directory, FindsByOwnId) else {}
    return Watched(
        frozenset(uuid for uuid, one in accounts.items() if one.enabled),
        frozenset(external_id for external_id, one in entries.items() if one.enabled),
    )
