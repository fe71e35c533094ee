"""Which accounts need no second look while a directory is read once, from its first entry to its last (A9).

An entry is recognised in one of two ways: its seal is the one it had when it showed what was approved, or it shows now,
to the letter, what our books say of one account (`idm.queries.information_systems.approved`). Everything else is left
to be compared one by one. Groups are not part of an entry: who is in them is looked at apart, each time.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.directory.default_names import is_default_name
from idm.directory.drift import likeness
from idm.models.systems import InformationSystem
from idm.operations.factors.factor_readings import read_accounts
from idm.operations.information_systems.settled import Settled, SettledAccounts
from idm.policy import Policy
from idm.ports import Directory, ExternalId, SealsAccounts, Sighting, Standing, TargetAccount
from idm.queries.information_systems.approved import Approved, approved_accounts
from idm.queries.information_systems.comparable import Comparable, accounts_by_digits
from idm.queries.information_systems.settled import accounts_by_external_id, settled_members, still_settled
from idm.vocabulary import Stage
from jobs.installation import Installation

STRANGERS_AT_ONCE = 1_000
TOLD_EVERY = 1_000
"""Accounts read between two words of progress."""
NO_GROUPS: frozenset[ExternalId] = frozenset()
Judge = Callable[[Comparable, TargetAccount], bool]
"""Whether an account shows what was approved of the example of its kind."""
_Seen = tuple[int, Standing, str | None, frozenset[ExternalId]]
"""Kind, standing, container and groups: accounts alike in them are judged alike."""


class SealedDirectory(Directory, SealsAccounts, Protocol):
    """A directory that can be read so."""


class Audience(Protocol):
    """Who is shown the accounts of a directory while it is read."""

    def must_see(self) -> Collection[int]:
        """The accounts of ours that are to be shown though nothing of them has changed."""
        ...

    def read(self, accounts: int) -> None:
        """So many more have been read, shown or not."""

    def ours(self, account_id: int, seen: Sighting) -> None:
        """One that was recognised."""

    def others(self, seen: Sequence[Sighting]) -> None:
        """Those that were not: they may be ours all the same."""


class Nobody:
    """Is shown nothing."""

    def must_see(self) -> Collection[int]:
        """None."""
        return ()

    def read(self, accounts: int) -> None:
        """Nothing."""

    def ours(self, account_id: int, seen: Sighting) -> None:
        """Nothing."""

    def others(self, seen: Sequence[Sighting]) -> None:
        """Nothing."""


@dataclass
class Recognised:
    """What one reading recognised. `accounts`: how many of those should be there.

    `rest`: the accounts of ours to be compared one by one; `absent`: those that are not there and need not be.
    `inside`: group → who of the recognised is in it, rightly. `still_so`: of the accounts whose factors were read,
    those that the directory vouched for.
    """

    examined: int = 0
    accounts: int = 0
    settled: SettledAccounts = field(default_factory=SettledAccounts)
    rest: set[int] = field(default_factory=set)
    absent: list[int] = field(default_factory=list)
    inside: dict[ExternalId, set[ExternalId]] = field(default_factory=lambda: defaultdict(set))
    still_so: set[int] = field(default_factory=set)


def may_settle(system: InformationSystem, login_name: str) -> bool:
    """Whether an account that is right needs no second look: not while others are still taken over, nor by a name that
    stands out, which is judged each night."""
    return system.stage is not Stage.ADOPT and not is_default_name(login_name, system.connector)


class _Seals:
    """The settled accounts of a system, by their seals; those that must be seen, or have moved, are not vouched for."""

    def __init__(self, session: Session, system_id: int, day: date) -> None:
        self.known = still_settled(session, system_id, day)
        self.members = settled_members(session, system_id, day)
        read = read_accounts(session, system_id=system_id)
        self.of_factors = set(read).intersection(self.known.values()) if read else set[int]()
        self.shown: dict[bytes, int] = {}
        self.moved: Collection[int] = ()

    def set_apart(self, must_see: Collection[int], moved: Collection[int]) -> None:
        """Afterwards neither those that must be seen are vouched for, nor those that have moved."""
        apart = {seal: one for seal, one in self.known.items() if one in must_see or one in moved}
        self.shown = {seal: one for seal, one in apart.items() if one not in moved}
        self.moved = moved
        for seal in apart:
            del self.known[seal]


def recognise(
    installation: Installation, directory: SealedDirectory, system: InformationSystem, groups: Collection[ExternalId],
    judge: Judge, *, policy: Policy, now: datetime, by_seal: bool, audience: Audience,
) -> Recognised:  # fmt: skip
    """Every entry of the directory looked at once. Raises TargetError.

    `by_seal`: accounts that are as they were when they were found right are not looked at.
    """
    reading = _Reading(installation, system, judge, audience)
    reading.prepare(directory, groups, policy=policy, now=now, by_seal=by_seal)
    reading.go(directory.sightings(reading.known))
    return reading.ended()


class _Reading:
    def __init__(self, installation: Installation, system: InformationSystem, judge: Judge, audience: Audience) -> None:
        self.installation, self.system, self.judge, self.audience = installation, system, judge, audience
        self.done = Recognised()
        self.seals: _Seals | None = None
        self.known: dict[bytes, int] = {}
        self.approved = Approved()
        self.held: Mapping[ExternalId, frozenset[ExternalId]] = {}
        self.verdicts: dict[_Seen, bool] = {}
        self.strangers: list[Sighting] = []
        self.seen_otherwise: set[int] = set()
        """Accounts of ours with an entry that was not recognised; another may have been, if it was copied."""

    def prepare(
        self, directory: Directory, groups: Collection[ExternalId], *, policy: Policy, now: datetime, by_seal: bool
    ) -> None:
        """Afterwards it is known what is to be recognised."""
        members = {group: set(directory.members(group)) for group in groups}
        self.held = _held(members)
        must_see = self.audience.must_see()
        with self.installation.database.reading() as session:
            if by_seal:
                self.seals = _Seals(session, self.system.id, day_of(now))
                self.seals.set_apart(must_see, _moved(session, self.system.id, members, self.seals))
                self.known = self.seals.known
            self.approved = approved_accounts(
                session, self.system, trusting_seals=by_seal, now=now,
                delete_after_days=policy.personnel.delete_after_days,
            )  # fmt: skip

    def go(self, entries: Iterator[bytes | Sighting]) -> None:
        """Afterwards each of the entries was looked at."""
        read, done = 0, self.done
        for read, entry in enumerate(entries, start=1):
            if read % TOLD_EVERY == 0:
                self.audience.read(TOLD_EVERY)
            if isinstance(entry, bytes):
                del self.known[entry]
                done.examined += 1
                done.accounts += 1
            else:
                self._look_at(entry)
        self.audience.read(read % TOLD_EVERY)
        self._look_up()

    def ended(self) -> Recognised:
        """What came of it, once everything was read."""
        done, approved = self.done, self.approved
        done.rest.update(approved.apart, self.known.values(), self.seen_otherwise)
        if self.seals is not None:
            done.rest.update(self.seals.shown.values(), self.seals.moved)
        left = list(approved.left())
        done.rest.update(account_id for account_id, example in left if example.wanted.required)
        done.absent = [account_id for account_id, _ in left if account_id not in done.rest]
        done.settled.drop(self.seen_otherwise)
        if self.seals is not None:
            done.still_so = self.seals.of_factors - done.rest
            for group, members in self.seals.members.items():
                done.inside[group].update(member for member, one in members.items() if one not in done.rest)
        return done

    def _look_at(self, seen: Sighting) -> None:
        account_id = self.seals.shown.pop(seen.seal, None) if self.seals is not None else None
        if account_id is not None:
            self.done.examined += 1
            self.done.accounts += 1
        else:
            account_id = self._recognised(seen)
        if account_id is not None:
            self.audience.ours(account_id, seen)
            return
        self.strangers.append(seen)
        if len(self.strangers) == STRANGERS_AT_ONCE:
            self._look_up()

    def _recognised(self, seen: Sighting) -> int | None:
        """The account of ours that the entry shows to the letter; it is settled if all the rest of it is right too."""
        if seen.uuid is None or seen.protected:
            return None
        taken = self.approved.take(likeness(seen.external_id, seen.uuid, seen.said))
        if taken is None:
            return None
        account_id, generation, kind = taken
        held = self.held.get(seen.external_id, NO_GROUPS)
        key, example = (kind, seen.standing, seen.container, held), self.approved.examples[kind]
        right = self.verdicts.get(key)
        if right is None:
            right = self.verdicts[key] = self.judge(example, _as_example(example, seen, held))
        if not right:
            self.done.rest.add(account_id)
            return account_id
        self.done.examined += 1
        self.done.accounts += example.wanted.required
        for group in held:
            self.done.inside[group].add(seen.external_id)
        if may_settle(self.system, seen.login_name):
            groups = "\n".join(sorted(held))
            self.done.settled.add(Settled(account_id, seen.seal, generation, example.changes_on, groups))
        return account_id

    def _look_up(self) -> None:
        """Afterwards accounts of ours among the strangers are to be compared: one that was copied is seen so too."""
        digits = [one.uuid for one in self.strangers if one.uuid is not None]
        if digits:
            with self.installation.database.reading() as session:
                self.seen_otherwise.update(accounts_by_digits(session, self.system.id, digits).values())
        if self.strangers:
            self.audience.others(self.strangers)
        self.strangers = []


def _as_example(example: Comparable, seen: Sighting, held: frozenset[ExternalId]) -> TargetAccount:
    """The example's account, standing as the one that was seen; what is said of the owners was compared already."""
    shown = seen.account(held)
    return replace(shown, external_id=example.external_id or "", attributes=example.wanted.attributes)


def _held(members: Mapping[ExternalId, Collection[ExternalId]]) -> dict[ExternalId, frozenset[ExternalId]]:
    """Account → the groups that it is in."""
    found: dict[ExternalId, frozenset[ExternalId]] = {}
    for group, inside in members.items():
        for member in inside:
            found[member] = found.get(member, NO_GROUPS) | {group}
    return found


def _moved(
    session: Session, system_id: int, members: Mapping[ExternalId, set[ExternalId]], seals: _Seals
) -> frozenset[int]:  # fmt: skip
    """The settled accounts that are in other groups than they were."""
    if not seals.known:
        return frozenset()
    moved = {one for group, inside in members.items() for one in inside ^ seals.members.get(group, {}).keys()}
    return frozenset(accounts_by_external_id(session, system_id, moved).values()).intersection(seals.known.values())
