"""The accounts of a system as they are compared with its directory, and who may be in which group (controls A9, D9)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, exists, select, type_coerce
from sqlalchemy.orm import Session, aliased

from idm.database import in_chunks
from idm.directory.wanted_account import AccountFacts, WantedAccount, changes_by_itself_on, wanted_account
from idm.grant_state import GrantState
from idm.models.base import UuidDigits
from idm.models.going_live import FoundAccount
from idm.models.periods import holding_on
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.models.work_orders import OPEN_STATES, WorkOrder
from idm.ports import ExternalId
from idm.queries.rights.account_facts import account_facts, factor_group
from idm.queries.rights.account_status import FACTOR_GROUP
from idm.vocabulary import BY_HAND, EntitlementKind, FoundState


@dataclass(frozen=True)
class Comparable:
    """One account: what was decided about it now. `under_way`: a worker is about to write it, or a person at work."""

    account_id: int
    uuid: UUID
    login_name: str
    external_id: ExternalId | None
    facts: AccountFacts
    wanted: WantedAccount
    under_way: bool
    generation: int
    changes_on: date | None
    """The first day on which something else may be wanted though nobody decides anything."""


@dataclass(frozen=True)
class WatchedGroup:
    """A group that stands for a right, with the right's name; `by_hand`: only a person changes it (D10).

    `demands`: it stands for no right, its members are asked for a second factor (B2). `privileged`: so is its right.
    """

    external_id: ExternalId
    name: str
    by_hand: bool
    demands: bool = False
    privileged: bool = False


def comparable_accounts(
    session: Session, account_ids: Collection[int], *, now: datetime, delete_after_days: int
) -> list[Comparable]:
    """These accounts as they should be at `now`. `delete_after_days` is the profile's."""
    rows = session.scalars(select(Account).where(Account.id.in_(account_ids)).order_by(Account.id)).all()
    facts, busy = account_facts(session, [one.id for one in rows], now=now), under_way(session, account_ids)
    return [
        Comparable(
            one.id, one.uuid, one.login_name, one.external_id, facts[one.id],
            wanted_account(facts[one.id], now=now, delete_after_days=delete_after_days), one.id in busy, one.generation,
            changes_by_itself_on(facts[one.id], now=now, delete_after_days=delete_after_days),
        )
        for one in rows
    ]  # fmt: skip


def under_way(session: Session, account_ids: Collection[int] | Select[int]) -> frozenset[int]:
    """Those of the accounts that a worker is about to write, or a person at work."""
    query = (
        select(OutboxTask.account_id)
        .join(Account, OutboxTask.account_id == Account.id)
        .where(
            OutboxTask.account_id.in_(account_ids),
            OutboxTask.generation == Account.generation,
            OutboxTask.state.in_((TaskState.WAITING, TaskState.CLAIMED)),
        )
    )
    by_hand = (
        select(WorkOrder.account_id)
        .join(InformationSystem, WorkOrder.system_id == InformationSystem.id)
        .where(
            WorkOrder.account_id.in_(account_ids), WorkOrder.state.in_(OPEN_STATES),
            InformationSystem.connector == BY_HAND,
        )
    )  # fmt: skip
    return frozenset(session.scalars(query)) | frozenset(session.scalars(by_hand))


def account_ids_of(session: Session, system_id: int) -> list[int]:
    """Every account of the system."""
    return list(session.scalars(select(Account.id).where(Account.system_id == system_id).order_by(Account.id)))


def accounts_by_digits(session: Session, system_id: int, digits: Iterable[str]) -> dict[str, int]:
    """The 32 digits of an account's uuid → the account, for those of the system."""
    uuid, found = type_coerce(Account.uuid, UuidDigits), dict[str, int]()
    for some in in_chunks(digits):
        rows = session.execute(select(uuid, Account.id).where(Account.system_id == system_id, uuid.in_(some)))
        found.update(rows.all())
    return found


def accounts_of_system(session: Session, system_id: int) -> dict[UUID, int]:
    """Account uuid → its id, for every account of the system."""
    return dict(session.execute(select(Account.uuid, Account.id).where(Account.system_id == system_id)).all())


def unresolved_groups(session: Session, system_id: int) -> list[tuple[int, str]]:
    """Right and group name of those whose group is not known by the target's id yet."""
    rows = session.execute(
        select(Entitlement.id, Entitlement.target_name)
        .where(
            Entitlement.system_id == system_id, Entitlement.kind == EntitlementKind.GROUP,
            Entitlement.external_id.is_(None),
        )
        .order_by(Entitlement.id)
    )  # fmt: skip
    return [(entitlement_id, name) for entitlement_id, name in rows if name]


def rights_needed(
    session: Session, account_ids: Collection[int], entitlement_ids: Collection[int], *, day: date
) -> dict[int, int]:
    """Account → one of these rights that it should have on the day; none of an account that should be shut."""
    whole, right = aliased(Grant), aliased(Entitlement)
    alive = exists().where(
        whole.account_id == Grant.account_id, whole.entitlement_id == right.id, right.kind == EntitlementKind.ACCOUNT,
        whole.state == GrantState.IN_FORCE, holding_on(whole, day),
    )  # fmt: skip
    rows = session.execute(
        select(Grant.account_id, Grant.entitlement_id)
        .where(
            Grant.account_id.in_(account_ids), Grant.entitlement_id.in_(entitlement_ids),
            Grant.state == GrantState.IN_FORCE, holding_on(Grant, day), alive,
        )
        .order_by(Grant.id)
    )  # fmt: skip
    return dict(rows.all())


def watched_groups(
    session: Session, system_id: int, resolved: Mapping[int, ExternalId] | None = None
) -> list[WatchedGroup]:  # fmt: skip
    """Every group of the target that stands for a right, those changed by hand too, and the one demanding factors.

    `resolved`: right → the group just found for it by its name.
    """
    just_found = resolved or {}
    rows = session.execute(
        select(
            Entitlement.id, Entitlement.external_id, Entitlement.name, Entitlement.by_hand, Entitlement.privileged
        ).where(Entitlement.system_id == system_id)
    )  # fmt: skip
    groups = [
        WatchedGroup(group, name, by_hand, privileged=privileged)
        for entitlement_id, external_id, name, by_hand, privileged in rows
        if (group := external_id or just_found.get(entitlement_id)) is not None
    ]
    demanding = factor_group(session, system_id)
    return groups + ([WatchedGroup(demanding, FACTOR_GROUP, False, demands=True)] if demanding is not None else [])


def waiting_to_be_adopted(session: Session, system_id: int) -> frozenset[ExternalId]:
    """Accounts that were there before us and are still being decided about: what they hold is not a finding yet."""
    query = select(FoundAccount.external_id).where(
        FoundAccount.system_id == system_id,
        FoundAccount.gone_at.is_(None),
        FoundAccount.account_id.is_(None),
        FoundAccount.state.in_((FoundState.UNDECIDED, FoundState.PERSON)),
    )
    return frozenset(session.scalars(query))


def found_states(
    session: Session, system_id: int, external_ids: Iterable[ExternalId]
) -> Mapping[ExternalId, tuple[FoundState, bool]]:
    """External id → what the inventory knows of the account, and whether it was taken over; of these."""
    found: dict[ExternalId, tuple[FoundState, bool]] = {}
    for some in in_chunks(external_ids):
        rows = session.execute(
            select(FoundAccount.external_id, FoundAccount.state, FoundAccount.account_id).where(
                FoundAccount.system_id == system_id, FoundAccount.external_id.in_(some)
            )
        )
        found.update({external_id: (state, account_id is not None) for external_id, state, account_id in rows})
    return found
