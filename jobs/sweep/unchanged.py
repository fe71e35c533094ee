"""Which accounts need no second look: their entries are what they were when they showed what was approved (A9).

A directory of a hundred thousand accounts is compared by their seals in little more than the time it takes to send
them; only what differs is read. Groups are not part of an entry: who is in them is looked at apart, each time.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from idm.calendar_days import day_of
from idm.models.systems import InformationSystem
from idm.ports import Directory, ExternalId, SealsAccounts
from idm.queries.information_systems.settled import StillSettled, still_settled
from jobs.installation import Installation


@dataclass(frozen=True)
class Unchanged:
    """The accounts that are as they were, and who of them is in which group: rightly, or they would not be here."""

    accounts: frozenset[int] = frozenset()
    members: dict[ExternalId, set[ExternalId]] = field(default_factory=dict)


def unchanged_accounts(
    installation: Installation, directory: Directory, system: InformationSystem, groups: Collection[ExternalId], *,
    now: datetime,
) -> Unchanged:  # fmt: skip
    """The settled accounts whose seal is unbroken and who are in the groups they were in. Raises TargetError."""
    if not isinstance(directory, SealsAccounts):
        return Unchanged()
    with installation.database.reading() as session:
        settled = still_settled(session, system.id, day_of(now))
    same = [row for seal in directory.seals() if (row := settled.get(seal)) is not None] if settled else []
    members = _members(same)
    moved = {member for group in groups for member in set(directory.members(group)) ^ members[group]}
    kept = [row for row in same if row[2] not in moved]
    return Unchanged(frozenset(row[1] for row in kept), _members(kept))


def _members(accounts: Collection[StillSettled]) -> dict[ExternalId, set[ExternalId]]:
    members: dict[ExternalId, set[ExternalId]] = defaultdict(set)
    for _, _, external_id, groups in accounts:
        if groups and external_id is not None:
            for group in groups.splitlines():
                members[group].add(external_id)
    return members
