"""Who is in the privileged groups of a directory, groups within them too, and who of them may be now (control D9).

Looked at in every sweep and at every stage: the groups of privileged rights, and those of the directory's own
administrators (tier 0), which it knows by their numbers. The rows are read after the directory: a use that was opened
meanwhile is a reason to be there, and what a worker is about to write is not judged.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from idm.directory.out_of_band import PrivilegedMember, Registered, in_words, may_stay, removable
from idm.models.systems import InformationSystem
from idm.operations.sweep.findings import Found
from idm.ports import AccountId, Directory, ExternalId, KnowsProtected
from idm.queries.information_systems.comparable import WatchedGroup
from idm.queries.privileged.watched import MembersNow, members_now, registered_ids
from idm.vocabulary import FindingKind
from jobs.installation import Installation


@dataclass(frozen=True)
class _Group:
    external_id: ExternalId
    name: str
    tier0: bool
    by_hand: bool
    machines: bool


@dataclass(frozen=True)
class _Standing:
    """Who was in the groups, and what the rows said afterwards."""

    members: Mapping[_Group, set[ExternalId]]
    registered: Mapping[ExternalId, Registered]
    rows: MembersNow

    def admitted(self) -> list[tuple[_Group, ExternalId]]:
        """Who is there rightly."""
        return [one for one in self._everybody() if self._may(*one)]

    def extra(self) -> list[tuple[_Group, ExternalId]]:
        """Who is there and may not be, and whom no worker is about to write."""
        return [one for one in self._everybody() if not self._may(*one) and one[1] not in self.rows.under_way]

    def _everybody(self) -> Iterator[tuple[_Group, ExternalId]]:
        return ((group, member) for group, inside in self.members.items() for member in sorted(inside))

    def _may(self, group: _Group, member: ExternalId) -> bool:
        return (group.external_id, member) in self.rows.allowed or may_stay(self.registered.get(member))


@dataclass
class PrivilegedMembers:
    """What was found, and who is in one of the groups rightly."""

    found: list[Found] = field(default_factory=list)
    admitted: set[ExternalId] = field(default_factory=set)


def privileged_members(
    installation: Installation, directory: Directory, system: InformationSystem, watched: Iterable[WatchedGroup], *,
    delete_after_days: int,
) -> PrivilegedMembers:  # fmt: skip
    """Every member of a privileged group who may not be in it now, as findings. Raises TargetError."""
    rights = [group for group in watched if not group.demands]
    protected = list(directory.protected_groups()) if isinstance(directory, KnowsProtected) else []
    guarded = {one.external_id for one in protected}
    groups = [
        _Group(one.external_id, one.name, one.external_id in guarded, one.by_hand, machines=False)
        for one in rights
        if one.privileged or one.external_id in guarded
    ]
    known = {one.external_id for one in groups}
    groups += [
        _Group(one.external_id, one.name, True, True, one.machines) for one in protected if one.external_id not in known
    ]
    return _judged(installation, directory, system, groups, delete_after_days=delete_after_days)


def _members(directory: Directory, groups: Iterable[_Group]) -> dict[_Group, set[ExternalId]]:
    """Who is in each of them, in any way."""
    groups = list(groups)
    people = _people(directory) if any(group.machines for group in groups) else set()
    return {
        group: {
            member
            for member in directory.members(group.external_id, nested=True)
            if not group.machines or member in people
        }
        for group in groups
    }


def _people(directory: Directory) -> set[ExternalId]:
    """The accounts among what a directory guards: a controller in the controllers' group is where it belongs."""
    guarded = directory.protected_accounts() if isinstance(directory, KnowsProtected) else ()
    return {one.external_id for one in guarded}


def _judged(
    installation: Installation, directory: Directory, system: InformationSystem, groups: Iterable[_Group], *,
    delete_after_days: int,
) -> PrivilegedMembers:  # fmt: skip
    def standing(members: dict[_Group, set[ExternalId]]) -> _Standing:
        now, everybody = installation.clock(), set().union(*members.values())
        with installation.database.reading() as session:
            registered = registered_ids(session, system.id, now=now)
            rows = members_now(session, system.id, everybody, now=now, delete_after_days=delete_after_days)
        return _Standing(members, registered, rows)

    first = standing(_members(directory, groups))
    done = PrivilegedMembers(admitted={member for _, member in first.admitted()})
    extra = first.extra()
    if extra:
        # Whose use was closed after the group was read was there rightly: they are gone when it is read once more.
        again = standing(_members(directory, {group for group, _ in extra})).extra()
        extra = [one for one in extra if one in again]
    registered, rows = first.registered, first.rows
    names = _names(directory, {member for _, member in extra})
    direct = {group: set(directory.members(group.external_id)) for group in {group for group, _ in extra}}
    for group, member in extra:
        told = PrivilegedMember(
            group.external_id, group.name, group.tier0, group.by_hand, member, member in direct[group],
            registered.get(member),
        )  # fmt: skip
        done.found.append(out_of_band(told, names.get(member, member), rows.accounts.get(member)))
    return done


def _names(directory: Directory, wanted: set[ExternalId]) -> dict[ExternalId, str]:
    """The login names of these, wherever on the target they are; read only where somebody is found."""
    return {one.external_id: one.login_name for one in _everybody(directory, wanted) if one.external_id in wanted}


def _everybody(directory: Directory, wanted: set[ExternalId]) -> Iterator[AccountId]:
    if wanted:
        yield from directory.account_ids()
        yield from directory.protected_accounts() if isinstance(directory, KnowsProtected) else ()


def out_of_band(member: PrivilegedMember, login_name: str, account_id: int | None) -> Found:
    """The finding about one member of one group; `account_id`: the account of ours that it is."""
    reason, repair = in_words(member)
    return Found(
        FindingKind.OUT_OF_BAND, f"{member.group}:{member.member}", login_name, account_id,
        {
            "reason": reason, "repair": repair, "differences": [["out_of_band", member.group]], "more": True,
            "group": member.group, "group_name": member.group_name, "member": member.member,
            "tier0": member.tier0, "removable": removable(member),
        },
    )  # fmt: skip
