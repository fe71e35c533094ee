"""What one directory shows of use and ownership: unused, never used, left, orphan and unadopted IDs (C1, C3, A18).

The server filters by last use; only identities are streamed to find accounts that are nobody's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.directory.drift import stray_kind
from idm.models.going_live import SystemProgress
from idm.models.systems import Account, InformationSystem
from idm.operations.rights.lifecycle import employed_people
from idm.operations.sweep.findings import Found, SweepResult
from idm.oversight.dormancy import kind_of, never_used_cutoff, unused_cutoff
from idm.policy import DormancyRules, DormancyTimes
from idm.ports import AccountId, Directory, ExternalId, LastUse, ReportsLastUse
from idm.queries.information_systems.comparable import found_states
from idm.queries.outsiders.ended_contracts import people_without_contract
from idm.vocabulary import AccountKind, FindingKind, FoundState, Stage

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


@dataclass(frozen=True)
class Owner:
    """Whose an account is, by our books."""

    account_id: int
    login_name: str
    employed: bool
    contract_ended: bool = False
    kind: AccountKind = AccountKind.PERSONAL


def owners_of(session: Session, system_id: int, now: datetime) -> dict[UUID, Owner]:
    """Account uuid → owner, for every account of the system that our books know."""
    rows = session.execute(
        select(Account.uuid, Account.id, Account.login_name, Account.person_id, Account.kind).where(
            Account.system_id == system_id
        )
    ).all()
    people = {row.person_id for row in rows if row.person_id is not None}
    employed = employed_people(session, people, day_of(now))
    ended = people_without_contract(session, people, day_of(now))
    return {
        uuid: Owner(account_id, name, person in employed, person in ended, kind)
        for uuid, account_id, name, person, kind in rows
    }


@dataclass(frozen=True)
class Strays:
    """What is known of accounts that are not ours (control A18)."""

    states: Mapping[ExternalId, tuple[FoundState, bool]] = field(default_factory=dict)
    stage: Stage = Stage.ENFORCE
    inventoried: bool = False
    overdue: bool = False

    def kind_of(self, account: AccountId) -> FindingKind | None:
        """What such an account is found as; None = as nothing."""
        state, adopted = self.states.get(account.external_id, (None, False))
        return stray_kind(
            state, adopted=adopted, stage=self.stage, inventoried=self.inventoried, overdue=self.overdue
        )  # fmt: skip


def strays_of(session: Session, system: InformationSystem, now: datetime) -> Strays:
    """What the inventory of the system says of accounts that are not ours."""
    progress = session.get(SystemProgress, system.id)
    return Strays(
        found_states(session, system.id), system.stage,
        inventoried=progress is not None and progress.inventoried_at is not None,
        overdue=system.adopt_until is not None and day_of(now) > system.adopt_until,
    )  # fmt: skip


def examine(
    directory: Directory, system: InformationSystem, owners: dict[UUID, Owner], *, strays: Strays | None = None,
    watch: Sequence[Callable[[AccountId], None]] = (),
) -> SweepResult:  # fmt: skip
    """Whose the accounts of one directory are: left, contract ended, orphan and unadopted IDs. Raises TargetError.

    Everybody is read once, and shown to whoever watches.
    """
    found: list[Found] = []
    examined = 0
    for account in directory.account_ids():
        examined += 1
        for note in watch:
            note(account)
        found.extend(_ownership(account, owners, strays or Strays()))
    return SweepResult(system.id, system.code, examined, tuple(found))


def unused(
    directory: Directory, owners: dict[UUID, Owner], rules: DormancyRules, *, now: datetime
) -> list[Found]:  # fmt: skip
    """The IDs that nobody uses, never used, or of which that is unknown; nothing where it is not shown (C3).

    Each by the times of its kind. Raises TargetError.
    """
    if not isinstance(directory, ReportsLastUse):
        return []
    all_times = {rules.times, *rules.by_kind.values()}
    found: list[Found] = []
    for one in {times.unused_days: times for times in all_times}.values():
        read = directory.unused_since(unused_cutoff(one, now))
        found += [_last_use_finding(use, owners) for use in read
                  if _times_of(use, owners, rules).unused_days == one.unused_days]  # fmt: skip
    for one in {times.never_used_days: times for times in all_times}.values():
        read = directory.never_used(never_used_cutoff(one, now))
        found += [_last_use_finding(use, owners) for use in read
                  if _times_of(use, owners, rules).never_used_days == one.never_used_days]  # fmt: skip
    return found


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
            yield Found(kind, account.external_id, account.login_name, details=dict(WORDS[kind]))
    elif owner.contract_ended:
        yield Found(FindingKind.CONTRACT_ENDED, account.external_id, account.login_name, owner.account_id)
    elif not owner.employed:
        yield Found(FindingKind.LEFT, account.external_id, account.login_name, owner.account_id)
