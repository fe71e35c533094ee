"""Takes the inventory of a system: every account, and who is in the groups that stand for a right; writes nothing.

What a person asked for on a page is done by the worker here; what failed is told on that page.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.errors import ConfigurationInvalid, NotFound, Refusal, TargetError
from idm.models.going_live import SystemProgress
from idm.models.systems import Entitlement, InformationSystem
from idm.operations.information_systems.inventory import Inventory, progress_of, record_inventory
from idm.ports import Directory, ExternalId, TargetAccount
from idm.queries.governance.configuration import policy_in_force
from idm.unit_of_work import unit_of_work
from idm.vocabulary import EntitlementKind
from jobs.information_systems.own_account import recognise_own
from jobs.installation import Installation

ACTOR = Actor.job("jobs.information_systems.inventory")


def take(installation: Installation, code: str, *, dry_run: bool = False, gone_is_right: bool = False) -> Inventory:
    """Afterwards what is in the system's target is on record; with `dry_run` nothing is, and the answer is the same.

    Raises NotFound, TargetError, ConfigurationInvalid, SafetyLimit.
    """
    with installation.database.reading() as session:
        system = session.scalar(select(InformationSystem).where(InformationSystem.code == code))
        rights = session.scalars(select(Entitlement).join(Entitlement.system).where(InformationSystem.code == code))
        groups = [right for right in rights if right.kind is EntitlementKind.GROUP]
    if system is None:
        raise NotFound(f"情報システム「{code}」がありません。")
    directory = installation.open_target(system)
    try:
        known = {right.id: _group_id(directory, right) for right in groups}
        # Read to the end first: a slow directory must not keep the database locked.
        seen = list(_with_groups(directory.accounts(), _memberships(directory, known)))
        if not dry_run:
            recognise_own(installation, directory, system, ACTOR)
    finally:
        directory.close()
    return _recorded(installation, system.id, known, seen, dry_run=dry_run, gone_is_right=gone_is_right)


def run_asked(installation: Installation) -> int:
    """Afterwards every inventory that somebody asked for was taken, or says why not. Returns how many were tried."""
    with installation.database.reading() as session:
        asked = session.execute(
            select(InformationSystem.id, InformationSystem.code)
            .join(SystemProgress, SystemProgress.system_id == InformationSystem.id)
            .where(SystemProgress.asked_at.is_not(None), InformationSystem.zone.in_(installation.settings.zones))
        ).all()
    for system_id, code in asked:
        try:
            take(installation, code)
        except (TargetError, Refusal) as failure:
            mistakes = failure.mistakes if isinstance(failure, ConfigurationInvalid) else ()
            with installation.database.writing() as session:
                progress = progress_of(session, system_id)
                progress.asked_at, progress.failure = None, "・".join((str(failure), *mistakes))
    return len(asked)


def _group_id(directory: Directory, right: Entitlement) -> ExternalId:
    return right.external_id or directory.group(right.target_name or "").external_id


def _memberships(directory: Directory, groups: Mapping[int, ExternalId]) -> dict[ExternalId, set[ExternalId]]:
    """Account → the managed groups it is in."""
    found: dict[ExternalId, set[ExternalId]] = defaultdict(set)
    for group in groups.values():
        for member in directory.members(group):
            found[member].add(group)
    return found


def _with_groups(
    accounts: Iterator[TargetAccount], memberships: Mapping[ExternalId, set[ExternalId]]
) -> Iterator[TargetAccount]:
    for account in accounts:
        yield replace(account, groups=frozenset(memberships.get(account.external_id, ())))


def _recorded(
    installation: Installation, system_id: int, groups: Mapping[int, ExternalId], seen: Iterable[TargetAccount], *,
    dry_run: bool, gone_is_right: bool,
) -> Inventory:  # fmt: skip
    now = installation.clock()
    attempt = unit_of_work(
        installation.database, actor=ACTOR, now=now, attempted="inventory.record", obj=("system", system_id)
    )
    with installation.database.reading() if dry_run else attempt as session:  # what is only read is rolled back
        system = _learn_groups(session, system_id, groups)
        return record_inventory(
            session, system, seen, gone_is_right=gone_is_right, actor=ACTOR,
            policy=policy_in_force(session, now=now), now=now,
        )  # fmt: skip


def _learn_groups(session: Session, system_id: int, groups: Mapping[int, ExternalId]) -> InformationSystem:
    """Afterwards each right that is a group knows its group by the target's immutable id."""
    system = session.get_one(InformationSystem, system_id)
    for right in system.entitlements:
        right.external_id = groups.get(right.id, right.external_id)
    return system
