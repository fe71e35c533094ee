"""Who holds a right behind the gate, with what factors, verified by what, and how old the read-back is (B1, B2).

This is the evidence: every holder stands here with the gate's verdict. That nobody has such a right in effect without
two kinds of factor is `without_factors` of all of them being empty.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.factors.factor_gate import KEEPS, GateFacts, Verdict, enrolled
from idm.models.authenticators import Authenticator, AuthenticatorUse
from idm.models.people import Person
from idm.models.systems import Account
from idm.policy import Policy
from idm.queries.factors.factor_gate import (
    LiveGrant,
    accounts_at_the_gate,
    counting_for,
    gate_facts,
    judged,
    live_grants,
)
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.vocabulary import AUTHENTICATOR_TITLES, AuthenticatorKind, Factor


@dataclass(frozen=True)
class HeldFactor:
    """One authenticator that counts there: since when it is enrolled, and whether a person or a list said so."""

    kind: AuthenticatorKind
    label: str | None
    since: datetime
    listed: bool

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{AUTHENTICATOR_TITLES[self.kind]} {self.label or ''}".strip()


@dataclass(frozen=True)
class Holder:
    """One account with rights behind the gate. `in_effect`: one of them is; `held`: one is held back by the gate;
    `opens`: the account itself is one of them.

    `enabled` is what the directory showed last, None = not read yet.
    """

    account_id: int
    system_id: int
    person_id: int | None
    name: str
    login_name: str
    key: str
    held_factors: tuple[HeldFactor, ...]
    kinds: frozenset[Factor]
    verdict: Verdict
    required: bool | None
    """Whether two factors were demanded when that was last read; None = never read."""
    read_at: datetime | None
    in_effect: bool
    held: bool
    opens: bool
    enabled: bool | None


def holders_behind_gate(
    session: Session, *, system_id: int | None = None, account_ids: Collection[int] | None = None, policy: Policy,
    now: datetime,
) -> list[Holder]:  # fmt: skip
    """Every account with a live right behind the gate, by system and login name; of one system, or these, if named."""
    chosen = accounts_at_the_gate(session, system_id=system_id, among=account_ids)
    found = [one for some in in_chunks(chosen) for one in _holders(session, some, policy, now)]
    return sorted(found, key=lambda one: (one.system_id, one.login_name))


@dataclass(frozen=True)
class GateFigures:
    """What an auditor reads first. `without`: how many have a right in effect that the gate does not let be."""

    holders: int
    in_effect: int
    held: int
    without: int
    oldest: datetime | None
    """The oldest read-back among those with a right in effect; None where nobody has one."""


def figures_of(holders: Collection[Holder]) -> GateFigures:
    """The holders counted."""
    read = [one.read_at for one in holders if one.in_effect and one.read_at is not None]
    return GateFigures(
        len(holders), sum(one.in_effect for one in holders), sum(one.held for one in holders),
        len(without_factors(holders)), min(read, default=None),
    )  # fmt: skip


def holders_page(holders: Sequence[Holder], *, asked: int = 1) -> Page[Holder]:
    """One page of them, those whom the gate does not let in first."""
    number = nearest_page(asked, len(holders))
    ordered = sorted(holders, key=lambda one: (one.verdict is Verdict.OPEN, one.login_name))
    first = offset_of(number)
    return Page(tuple(ordered[first : first + ROWS_A_PAGE]), number, len(holders))


def without_factors(holders: Iterable[Holder]) -> list[Holder]:
    """Those with a right in effect whose gate does not let it be: after every run of the gate there is nobody here."""
    return [one for one in holders if one.in_effect and one.verdict not in KEEPS]


def _holders(session: Session, account_ids: Sequence[int], policy: Policy, now: datetime) -> list[Holder]:
    gated: dict[int, list[LiveGrant]] = defaultdict(list)
    for grant in live_grants(session, account_ids, now=now):
        if grant.gated:
            gated[grant.account_id].append(grant)
    facts, held = gate_facts(session, gated.keys(), policy=policy), _held_factors(session, gated.keys())
    said = {account_id: judged(one, policy=policy, now=now) for account_id, one in facts.items()}
    rows = session.execute(
        select(Account, Person.name).outerjoin(Person, Account.person_id == Person.id).where(Account.id.in_(gated))
    )
    return [
        _holder(account, name, gated[account.id], facts[account.id], said[account.id], held)
        for account, name in rows
    ]  # fmt: skip


def _holder(
    account: Account, name: str | None, grants: list[LiveGrant], facts: GateFacts, verdict: Verdict,
    held: Mapping[int, list[HeldFactor]],
) -> Holder:  # fmt: skip
    reading = facts.reading
    return Holder(
        account.id, account.system_id, account.person_id, name or "", account.login_name,
        account.external_id or str(account.uuid), tuple(held.get(account.id, ())), enrolled(facts), verdict,
        reading.required if reading is not None else None, reading.read_at if reading is not None else None,
        any(one.in_effect for one in grants), any(one.held for one in grants), any(one.opens for one in grants),
        account.seen_enabled,
    )  # fmt: skip


def _held_factors(session: Session, account_ids: Iterable[int]) -> dict[int, list[HeldFactor]]:
    columns = (
        Account.id, Authenticator.kind, Authenticator.label, AuthenticatorUse.since, AuthenticatorUse.list_import_id,
    )  # fmt: skip
    counted = counting_for(list(account_ids), *columns)
    rows = session.execute(counted.order_by(AuthenticatorUse.since, AuthenticatorUse.id))
    found: dict[int, list[HeldFactor]] = defaultdict(list)
    for account_id, kind, label, since, list_import_id in rows:
        found[account_id].append(HeldFactor(kind, label, since, list_import_id is not None))
    return found
