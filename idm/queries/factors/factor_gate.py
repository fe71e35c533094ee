"""What the gate needs to know of accounts, read in bulk: rights behind it, factors, what was read back (B1, B2).

`idm.factors.factor_gate` judges; nothing here decides. Only an active authenticator with an open use in that very
system counts, and none that proves its owner to this product only.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Exists, Select, exists, select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.database import in_chunks
from idm.employment_kind import EmploymentKind
from idm.factors.authenticator_state import AuthenticatorState
from idm.factors.factor_gate import GatedRight, GateFacts, Reading, Verdict, holds_back, judge, needs_factors
from idm.factors.verifiable_kinds import verifiable_kinds
from idm.grant_state import GrantState, SuspensionReason
from idm.models.authenticators import Authenticator, AuthenticatorUse, FactorReading
from idm.models.people import Employment
from idm.models.periods import not_over_on
from idm.models.requests import Grant, GrantSuspension
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.policy import Policy
from idm.vocabulary import AuthenticatorKind, EntitlementKind, VerifiedBy, Zone

SET_BY_US = frozenset({VerifiedBy.SMART_CARD, VerifiedBy.GROUP})
"""What a worker sets in the directory and reads back; everything else is read from lists only."""


@dataclass(frozen=True)
class LiveGrant:
    """One grant that has not ended. `gated`: it needs factors; `held`: it is held back because they are missing.

    `opens`: it is the right to the account itself.
    """

    grant_id: int
    account_id: int
    state: GrantState
    opens: bool
    gated: bool
    held: bool

    @property
    def in_effect(self) -> bool:
        """Whether its holder has the right at this moment."""
        return self.state is GrantState.IN_FORCE


def live_grants(session: Session, account_ids: Collection[int], *, now: datetime) -> list[LiveGrant]:
    """Every grant of these accounts that has not ended, in the order of accounts and rights."""
    found: list[LiveGrant] = []
    for some in in_chunks(account_ids):
        found.extend(_live_grants(session, some, day_of(now)))
    return found


def _live_grants(session: Session, account_ids: Collection[int], day: date) -> Iterable[LiveGrant]:
    rows = session.execute(
        select(
            Grant.id, Grant.account_id, Grant.state, Entitlement.kind, InformationSystem.zone,
            Entitlement.external_access, Entitlement.privileged, Account.person_id, _held_back(),
        )
        .join(Account, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(Grant.account_id.in_(account_ids), Grant.state != GrantState.ENDED)
        .order_by(Grant.account_id, Grant.id)
    ).all()  # fmt: skip
    contractors = contractors_among(session, {row.person_id for row in rows if row.privileged}, day)
    for grant_id, account_id, state, kind, zone, external, privileged, person_id, is_held in rows:
        gated = is_gated(zone, external, privileged, contractor=person_id in contractors)
        yield LiveGrant(grant_id, account_id, state, kind is EntitlementKind.ACCOUNT, gated, bool(is_held))


def _held_back() -> Exists:
    return exists().where(
        GrantSuspension.grant_id == Grant.id, GrantSuspension.reason == SuspensionReason.MISSING_FACTOR,
        GrantSuspension.until.is_(None),
    )  # fmt: skip


def accounts_at_the_gate(
    session: Session, *, system_id: int | None = None, among: Collection[int] | None = None
) -> list[int]:
    """The accounts with a right that may need factors, or that is held back for want of them; of one system if named,
    and of these accounts, if any are.

    Whether a right needs them may depend on its holder (`live_grants` says so): here is everybody it could be.
    """
    cloud = (InformationSystem.zone == Zone.INTERNET) & Entitlement.privileged
    query = (
        select(Grant.account_id)
        .join(Account, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(
            Grant.state != GrantState.ENDED,
            (InformationSystem.zone == Zone.MYNUMBER) | Entitlement.external_access | cloud | _held_back(),
        )
        .distinct()
    )
    if system_id is not None:
        query = query.where(Account.system_id == system_id)
    if among is None:
        return sorted(session.scalars(query))
    asked = in_chunks(sorted(among))
    return [one for some in asked for one in sorted(session.scalars(query.where(Account.id.in_(some))))]


def is_gated(zone: Zone, external_access: bool, privileged: bool, *, contractor: bool) -> bool:
    """Whether such a right of somebody, who works for a contractor or not, stands behind the gate."""
    holder = EmploymentKind.CONTRACTOR if contractor else None
    return needs_factors(GatedRight(zone, external_access, privileged, holder))


def contractors_among(session: Session, person_ids: Collection[int | None], day: date) -> frozenset[int]:
    """Those who work for a contractor on the day; of people not here yet, those who will."""
    people = [person for person in person_ids if person is not None]
    if not people:
        return frozenset()
    query = select(Employment.person_id, Employment.kind, Employment.valid_from <= day)
    rows = session.execute(query.where(Employment.person_id.in_(people), not_over_on(Employment, day))).all()
    here = {person_id for person_id, _, begun in rows if begun}
    return frozenset(
        person_id for person_id, kind, begun in rows
        if kind is EmploymentKind.CONTRACTOR and (begun or person_id not in here)
    )  # fmt: skip


def gate_facts(session: Session, account_ids: Collection[int], *, policy: Policy) -> dict[int, GateFacts]:
    """Account id → what decides about the rights of this account that are behind the gate."""
    found: dict[int, GateFacts] = {}
    for some in in_chunks(account_ids):
        found |= _gate_facts(session, some, forbidding=policy.zones.mynumber_forbidden)
    return found


def enrolment_facts(session: Session, account_ids: Collection[int]) -> dict[int, GateFacts]:
    """The same without what a profile forbids: what is enrolled and demanded, whether or not it may be used."""
    return _gate_facts(session, account_ids, forbidding=False)


def _gate_facts(session: Session, account_ids: Collection[int], *, forbidding: bool) -> dict[int, GateFacts]:
    rows = session.execute(
        select(Account.id, InformationSystem.zone, InformationSystem.verification)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(Account.id.in_(account_ids))
    ).all()
    registered, readings = _registered(session, account_ids), _readings(session, account_ids)
    return {
        account_id: facts_of(
            verification, registered[account_id], readings.get(account_id),
            forbidden=forbidding and zone is Zone.MYNUMBER,
        )
        for account_id, zone, verification in rows
    }  # fmt: skip


def facts_of(
    verification: Mapping[str, Any] | None, registered: Collection[AuthenticatorKind], reading: Reading | None, *,
    forbidden: bool,
) -> GateFacts:  # fmt: skip
    """What decides, by `InformationSystem.verification`, the kinds that count there, and what was read back."""
    named = verification or {}
    return GateFacts(
        forbidden=forbidden,
        by=VerifiedBy(named["by"]) if named else None,
        password=bool(named.get("password")),
        lists=named.get("listing") is not None,
        verifiable=verifiable_kinds(verification),
        registered=frozenset(registered),
        reading=reading,
    )


def counting(*columns: Any) -> Select[*tuple[Any, ...]]:
    """These columns of every authenticator that counts, and its use: active, in open use in a system, and not what
    proves its owner to this product only."""
    return (
        select(*columns)
        .select_from(Authenticator)
        .join(AuthenticatorUse, AuthenticatorUse.authenticator_id == Authenticator.id)
        .where(
            AuthenticatorUse.until.is_(None),
            Authenticator.state == AuthenticatorState.ACTIVE,
            ~Authenticator.own_sign_in,
        )
    )


def counting_for(account_ids: Collection[int], *columns: Any) -> Select[*tuple[Any, ...]]:
    """The same of these accounts: of their owners, in their systems."""
    here = (Account.person_id == Authenticator.person_id) & (Account.system_id == AuthenticatorUse.system_id)
    return counting(*columns).join(Account, here).where(Account.id.in_(account_ids))


def _registered(session: Session, account_ids: Collection[int]) -> dict[int, set[AuthenticatorKind]]:
    """Account → the kinds of its owner's authenticators that are confirmed in its system and active."""
    rows = session.execute(counting_for(account_ids, Account.id, Authenticator.kind))
    found: dict[int, set[AuthenticatorKind]] = defaultdict(set)
    for account_id, kind in rows:
        found[account_id].add(kind)
    return found


def _readings(session: Session, account_ids: Collection[int]) -> dict[int, Reading]:
    rows = session.execute(
        select(FactorReading.account_id, FactorReading.required, FactorReading.kinds, FactorReading.read_at).where(
            FactorReading.account_id.in_(account_ids)
        )
    )
    return {
        account_id: Reading(
            required, frozenset(map(AuthenticatorKind, kinds)) if kinds is not None else None, read_at
        )
        for account_id, required, kinds, read_at in rows
    }  # fmt: skip


def verdicts(
    session: Session, account_ids: Collection[int], *, policy: Policy, now: datetime
) -> dict[int, Verdict]:  # fmt: skip
    """Account id → what the gate says of it at `now`, whether or not it holds a right behind the gate."""
    facts = gate_facts(session, account_ids, policy=policy)
    return {account_id: judged(one, policy=policy, now=now) for account_id, one in facts.items()}


def judged(facts: GateFacts, *, policy: Policy, now: datetime) -> Verdict:
    """What the gate says of these facts at `now`."""
    return judge(facts, now=now, longest=timedelta(days=policy.factors.readback_days))


def to_be_held(
    session: Session, account_ids: Collection[int], *, policy: Policy, now: datetime, new: Collection[int] = ()
) -> dict[LiveGrant, bool]:
    """Every live grant of the accounts → whether the gate holds it back. `new`: grants not yet in effect, by id."""
    grants = live_grants(session, account_ids, now=now)
    said = verdicts(session, {one.account_id for one in grants if one.gated}, policy=policy, now=now)
    return {
        one: one.gated
        and holds_back(said[one.account_id], in_effect=one.in_effect and one.grant_id not in new)
        for one in grants
    }  # fmt: skip
