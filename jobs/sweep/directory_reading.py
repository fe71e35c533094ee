"""What one directory shows of use and ownership: unused, never used, left, orphan and unadopted IDs (C1, C3, A18).

The server filters by last use; only identities are streamed to find accounts that are nobody's.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Protocol
from uuid import UUID

from sqlalchemy import Row, exists, select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.directory.drift import stray_kind
from idm.employment_kind import EmploymentKind
from idm.errors import TargetRefused
from idm.models.going_live import SystemProgress
from idm.models.people import Employment
from idm.models.periods import holding_on
from idm.models.systems import Account, InformationSystem
from idm.operations.rights.lifecycle import employed_people
from idm.operations.sweep.findings import Found
from idm.oversight.dormancy import kind_of, never_used_cutoff, unused_cutoff
from idm.policy import DormancyRules, DormancyTimes
from idm.ports import SOURCE_LAG, AccountId, Directory, ExternalId, LastUse, ReportsLastUse, Sighting
from idm.queries.information_systems.comparable import found_states
from idm.queries.information_systems.settled import accounts_by_external_id
from idm.queries.outsiders.ended_contracts import people_without_contract
from idm.queries.privileged.owners import registrations_over
from idm.vocabulary import AccountKind, FindingKind, FoundState, Stage
from jobs.installation import Installation

ACCOUNTS_AT_ONCE = 1_000

WORDS: Mapping[FindingKind, Mapping[str, object]] = {
    FindingKind.ORPHAN: {
        "reason": "idm の台帳にないIDです。", "repair": "持ち主を確かめ、申請してもらうか、ディレクトリで止める",
    },
    FindingKind.UNADOPTED: {
        "reason": "引継ぎの期限を過ぎても、引き継がれていません。",
        "repair": "「引継ぎ」の画面で持ち主を決め、申請するか、点検結果として残す",
    },
}  # fmt: skip
"""What is said of accounts that are not ours, and what to do about them."""
NO_LONGER_REGISTERED: Mapping[str, object] = {
    "reason": "登録が終わったか、登録の期限が過ぎた共用ID・サービスID等です。",
    "repair": "使っていなければディレクトリから削除し、使うなら登録し直すか期間を改める",
}


@dataclass(frozen=True)
class Owner:
    """Whose an account is, by our books."""

    account_id: int
    login_name: str
    employed: bool
    contract_ended: bool = False
    kind: AccountKind = AccountKind.PERSONAL


def owners_of(
    session: Session, system_id: int, account_uuids: Collection[UUID], now: datetime
) -> dict[UUID, Owner]:  # fmt: skip
    """Account uuid → owner, for those of them that our books know in the system."""
    rows: list[Row[UUID, int, str, int | None, AccountKind]] = []
    columns = (Account.uuid, Account.id, Account.login_name, Account.person_id, Account.kind)
    for some in in_chunks(account_uuids):
        rows += session.execute(select(*columns).where(Account.system_id == system_id, Account.uuid.in_(some))).all()
    people = {row[3] for row in rows if row[3] is not None}
    employed = employed_people(session, people, day_of(now))
    ended = people_without_contract(session, people, day_of(now))
    return {
        uuid: Owner(account_id, name, person in employed, person in ended, kind)
        for uuid, account_id, name, person, kind in rows
    }


def gone_from(session: Session, system_id: int, now: datetime) -> dict[int, FindingKind]:
    """Account → what it is found as, for those whose owner has left, or whose contract is over."""
    day, ours = day_of(now), Account.system_id == system_id
    employed = exists().where(Employment.person_id == Account.person_id, holding_on(Employment, day))
    gone = dict.fromkeys(session.scalars(select(Account.id).where(ours, ~employed)), FindingKind.LEFT)
    contractors = select(Employment.person_id).where(Employment.kind == EmploymentKind.CONTRACTOR)
    query = select(Account.id, Account.person_id).where(ours, Account.person_id.in_(contractors))
    rows = session.execute(query).all()
    ended = people_without_contract(session, {person for _, person in rows if person is not None}, day)
    return gone | {account_id: FindingKind.CONTRACT_ENDED for account_id, person in rows if person in ended}


@dataclass(frozen=True)
class Strays:
    """What is known of accounts that are not ours (control A18)."""

    states: Mapping[ExternalId, tuple[FoundState, bool]] = field(default_factory=dict)
    stage: Stage = Stage.ENFORCE
    inventoried: bool = False
    overdue: bool = False
    over: frozenset[ExternalId] = frozenset()
    """Those that stood in the register of shared and service IDs."""

    def kind_of(self, account: AccountId) -> FindingKind | None:
        """What such an account is found as; None = as nothing."""
        state, adopted = self.states.get(account.external_id, (None, False))
        return stray_kind(
            state, adopted=adopted, stage=self.stage, inventoried=self.inventoried, overdue=self.overdue,
            over=account.external_id in self.over,
        )  # fmt: skip

    def words_of(self, account: AccountId, kind: FindingKind) -> dict[str, object]:
        """What is said of it."""
        return dict(NO_LONGER_REGISTERED if account.external_id in self.over else WORDS[kind])


def strays_of(
    session: Session, system: InformationSystem, external_ids: Collection[ExternalId], now: datetime
) -> Strays:  # fmt: skip
    """What the inventory of the system says of these accounts that are not ours."""
    progress = session.get(SystemProgress, system.id)
    return Strays(
        found_states(session, system.id, external_ids), system.stage,
        inventoried=progress is not None and progress.inventoried_at is not None,
        overdue=system.adopt_until is not None and day_of(now) > system.adopt_until,
        over=registrations_over(session, system.id, external_ids, day_of(now)),
    )  # fmt: skip


class Watcher(Protocol):
    """Looks at each account that is read, for reasons of its own."""

    def note(self, account: AccountId | Sighting) -> None:
        """One of them."""
        ...


@dataclass
class Ownership:
    """Whose the accounts of one directory are, found while it is read: left, contract ended, orphan and unadopted IDs.

    `seen_anyway`: accounts, by the target's ids, that the watchers want to see though nothing of them has changed.
    """

    installation: Installation
    system: InformationSystem
    now: datetime
    watchers: Sequence[Watcher] = ()
    seen_anyway: Collection[ExternalId] = ()
    told: Callable[[int], None] = lambda _accounts: None
    """Is told how many have been read, now and then."""
    found: list[Found] = field(default_factory=list)
    examined: int = 0
    gone: dict[int, FindingKind] = field(default_factory=dict)

    def must_see(self) -> Collection[int]:
        """See `jobs.sweep.recognition.Audience`."""
        with self.installation.database.reading() as session:
            self.gone = gone_from(session, self.system.id, self.now)
            asked_for = accounts_by_external_id(session, self.system.id, self.seen_anyway)
        return self.gone.keys() | set(asked_for.values())

    def read(self, accounts: int) -> None:
        """See `jobs.sweep.recognition.Audience`."""
        self.examined += accounts
        self.told(self.examined)

    def ours(self, account_id: int, seen: Sighting) -> None:
        """See `jobs.sweep.recognition.Audience`."""
        for watcher in self.watchers:
            watcher.note(seen)
        kind = self.gone.get(account_id)
        if kind is not None:
            self.found.append(Found(kind, seen.external_id, seen.login_name, account_id))

    def others(self, seen: Sequence[Sighting]) -> None:
        """See `jobs.sweep.recognition.Audience`."""
        self.of_any([one.account_id() for one in seen])

    def of_any(self, accounts: Sequence[AccountId]) -> None:
        """Afterwards it is known of each of them whose it is."""
        for account in accounts:
            for watcher in self.watchers:
                watcher.note(account)
        uuids = [one.account_uuid for one in accounts if one.account_uuid is not None]
        with self.installation.database.reading() as session:
            owners = owners_of(session, self.system.id, uuids, self.now)
            strays = strays_of(session, self.system, [one.external_id for one in accounts], self.now)
        for account in accounts:
            self.found.extend(_ownership(account, owners, strays))


def examine(directory: Directory, ownership: Ownership) -> None:
    """Afterwards it is known whose every account of the directory is. Raises TargetError.

    For directories that are not read from end to end when they are compared.
    """
    for some in in_chunks(directory.account_ids(), ACCOUNTS_AT_ONCE):
        ownership.of_any(some)
        ownership.read(len(some))


def unused(
    directory: Directory, owners: Callable[[Collection[UUID]], dict[UUID, Owner]], rules: DormancyRules, *,
    now: datetime,
) -> list[Found]:  # fmt: skip
    """The IDs that nobody uses, never used, or of which that is unknown; nothing where it is not shown (C3).

    Each by the times of its kind; `owners` says whose accounts are. Raises TargetError.
    """
    if not isinstance(directory, ReportsLastUse):
        return []
    all_times, found = {rules.times, *rules.by_kind.values()}, list[Found]()

    def take(read: Iterable[LastUse], is_due: Callable[[DormancyTimes], bool]) -> None:
        for uses in in_chunks(read, ACCOUNTS_AT_ONCE):
            known = owners([use.account_uuid for use in uses if use.account_uuid is not None])
            found.extend(_last_use_finding(use, known) for use in uses if is_due(_times_of(use, known, rules)))

    for days in {times.unused_days: times for times in all_times}.values():
        take(directory.unused_since(unused_cutoff(days, now)), partial(_same_days, "unused_days", days))
    for days in {times.never_used_days: times for times in all_times}.values():
        take(directory.never_used(never_used_cutoff(days, now)), partial(_same_days, "never_used_days", days))
    return found


def use_read(
    directory: Directory, owners: Callable[[Collection[UUID]], dict[UUID, Owner]], asked: Collection[int], *,
    now: datetime,
) -> frozenset[int]:  # fmt: skip
    """Those of these accounts whose last use the directory shows, or that they were never used, whenever it was.

    Raises TargetError; TargetRefused where it shows that of nobody at all: then it is not ours to read (any more).
    """
    if not asked or not isinstance(directory, ReportsLastUse):
        return frozenset()
    read, anybody = set[int](), False
    later = now + max(SOURCE_LAG.values())
    for uses in in_chunks(chain(directory.unused_since(later), directory.never_used(now)), ACCOUNTS_AT_ONCE):
        anybody = True
        known = owners([use.account_uuid for use in uses if use.account_uuid is not None])
        read.update(owner.account_id for owner in known.values())
    if not anybody:
        raise TargetRefused("最終利用日が、どのIDについても示されません。")
    return frozenset(read & set(asked))


def _same_days(which: str, one: DormancyTimes, other: DormancyTimes) -> bool:
    return bool(getattr(one, which) == getattr(other, which))


def _times_of(last_use: LastUse, owners: dict[UUID, Owner], rules: DormancyRules) -> DormancyTimes:
    owner = owners.get(last_use.account_uuid) if last_use.account_uuid else None
    return rules.times_of(owner.kind) if owner is not None else rules.times


def _last_use_finding(last_use: LastUse, owners: dict[UUID, Owner]) -> Found:
    owner = owners.get(last_use.account_uuid) if last_use.account_uuid else None
    return Found(
        kind_of(last_use), last_use.external_id, last_use.login_name, owner.account_id if owner else None,
        {
            "last_used_at": last_use.last_used_at.isoformat() if last_use.last_used_at else None,
            "source": last_use.source.value,
        },
    )  # fmt: skip


def _ownership(account: AccountId, owners: dict[UUID, Owner], strays: Strays) -> Iterator[Found]:
    owner = owners.get(account.account_uuid) if account.account_uuid else None
    if owner is None:
        kind = strays.kind_of(account)
        if kind is not None:
            yield Found(kind, account.external_id, account.login_name, details=strays.words_of(account, kind))
    elif owner.contract_ended:
        yield Found(FindingKind.CONTRACT_ENDED, account.external_id, account.login_name, owner.account_id)
    elif not owner.employed:
        yield Found(FindingKind.LEFT, account.external_id, account.login_name, owner.account_id)
