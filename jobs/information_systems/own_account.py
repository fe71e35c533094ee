"""Asks a directory which of its accounts the product itself is signed in as (control D10)."""

from idm.actor import Actor
from idm.models.systems import InformationSystem
from idm.operations.information_systems.own_service_accounts import recognise
from idm.ports import Directory, KnowsItself
from idm.queries.governance.configuration import policy_in_force
from jobs.installation import Installation


def recognise_own(installation: Installation, directory: Directory, system: InformationSystem, actor: Actor) -> None:
    """Afterwards our own account is known by its id, where the directory says it. Raises TargetUnavailable.

    A directory that says nothing takes nothing back: what it said before to the same settings stays true.
    """
    said = directory.own_account_id() if isinstance(directory, KnowsItself) else None
    if said is None:
        return
    with installation.database.reading() as session:
        if session.get_one(InformationSystem, system.id).service_account_id == said:
            return
    now = installation.clock()
    with installation.database.writing() as session:
        recognise(session, system, said, actor=actor, policy=policy_in_force(session, now=now), now=now)
