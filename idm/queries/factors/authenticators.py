"""The register of authenticators as pages show it: filtered, one life, one person's, and what rests on one (B6)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from idm.errors import NotFound
from idm.factors.authenticator_state import AuthenticatorState
from idm.factors.verifiable_kinds import verifiable_kinds
from idm.grant_state import GrantState, SuspensionReason
from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.authenticators import Authenticator, AuthenticatorUse
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.periods import not_over_on
from idm.models.requests import Grant, GrantSuspension
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.names.personal_names import fold
from idm.publication import Reader
from idm.queries.organisation.publication import known, public
from idm.queries.outsiders.outside_scope import units_of_person
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.queries.rights.leaving import units_of_employments
from idm.stopping import Stopping, stopping
from idm.vocabulary import AUTHENTICATOR_TITLES, THINGS, AuthenticatorKind

STILL_HELD = (AuthenticatorState.ISSUED, AuthenticatorState.ACTIVE)


@dataclass(frozen=True)
class RegisterFilter:
    """What to show. `text` is a part of the owner's name or reading, or of the number; None and empty mean any."""

    text: str = ""
    kind: AuthenticatorKind | None = None
    state: AuthenticatorState | None = None
    system_id: int | None = None
    person_id: int | None = None
    awaiting_witness: bool = False
    units: frozenset[str] | None = None
    """Only of the people of these units; None = of everybody."""


@dataclass(frozen=True)
class RegisterRow:
    """One authenticator in the register. `systems`: where it is in use, or was when it was lost."""

    id: int
    kind: AuthenticatorKind
    label: str | None
    own_sign_in: bool
    state: AuthenticatorState
    person_id: int
    person: str
    kana: str
    issued_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None
    awaits_witness: bool
    systems: tuple[str, ...]

    @property
    def title(self) -> str:
        """What people call it: the kind, and the number where it has one."""
        return f"{AUTHENTICATOR_TITLES[self.kind]} {self.label or ''}".strip()


@dataclass(frozen=True)
class UseRow:
    """One use in a system: who saw it work there, or None where the product's own list says so."""

    system_id: int
    system_name: str
    since: datetime
    confirmed_by: str | None
    until: datetime | None


@dataclass(frozen=True)
class LifeRow:
    """One thing that happened to it, by the audit record."""

    at: datetime
    action: str
    by: str


@dataclass(frozen=True)
class Linked:
    """Another authenticator that this one replaces, or that replaces it."""

    id: int
    title: str
    state: AuthenticatorState


@dataclass(frozen=True)
class AuthenticatorSheet:
    """One authenticator with its life."""

    row: RegisterRow
    issued_by: str | None
    activated_by: str | None
    received_at: datetime | None
    collected_at: datetime | None
    collected_by: str | None
    destroyed_at: datetime | None
    destroyed_by_id: int | None
    destroyed_by: str | None
    witness: str | None
    uses: tuple[UseRow, ...]
    life: tuple[LifeRow, ...]
    replaces: Linked | None
    replaced_by: tuple[Linked, ...]

    @property
    def in_use(self) -> tuple[UseRow, ...]:
        """The uses that are not over."""
        return tuple(use for use in self.uses if use.until is None)


@dataclass(frozen=True)
class Resting:
    """One right that rests on the authenticator. `lost`: it is held back for a lost card; `state` says the rest.

    `stopping`: who stops it in the system.
    """

    system_name: str
    right_name: str
    login_name: str
    state: GrantState
    lost: bool
    stopping: Stopping


def register_page(
    session: Session, wanted: RegisterFilter, *, reader: Reader, asked: int = 1
) -> Page[RegisterRow]:  # fmt: skip
    """One page of the register, newest first; of nobody whom the reader does not know of yet."""
    conditions = [known(reader), *_conditions(wanted, reader.day)]
    counted = select(func.count()).select_from(Authenticator).join(Person, Authenticator.person_id == Person.id)
    total = session.scalar(counted.where(*conditions)) or 0
    number = nearest_page(asked, total)
    query = _register(conditions).limit(ROWS_A_PAGE).offset(offset_of(number))
    return Page(tuple(_rows(session, query)), number, total)


def whole_register(session: Session, wanted: RegisterFilter, *, reader: Reader) -> list[RegisterRow]:
    """Everything the filter lets through, in the same order, for a file."""
    return list(_rows(session, _register([known(reader), *_conditions(wanted, reader.day)])))


def authenticators_of_person(session: Session, person_id: int) -> list[RegisterRow]:
    """The person's authenticators, those that are over last."""
    found = list(_rows(session, _register([Authenticator.person_id == person_id])))
    over = {AuthenticatorState.DESTROYED, AuthenticatorState.WITHDRAWN, AuthenticatorState.COLLECTED}
    return sorted(found, key=lambda row: row.state in over)


def authenticator_sheet(
    session: Session, authenticator_id: int, *, reader: Reader, units: frozenset[str] | None = None
) -> AuthenticatorSheet:
    """One authenticator with its life, of the people of these units (None = everybody's).

    Raises NotFound, also for somebody else's.
    """
    conditions = [known(reader), works_in(units, reader.day), Authenticator.id == authenticator_id]
    row = next(_rows(session, _register(conditions)), None)
    if row is None:
        raise NotFound("認証要素が見つかりません。")
    one = session.get_one(Authenticator, authenticator_id)
    names = _names(session, one)
    return AuthenticatorSheet(
        row=row, issued_by=names.get(one.issued_by_id), activated_by=names.get(one.activated_by_id),
        received_at=one.received_at, collected_at=one.collected_at, collected_by=names.get(one.collected_by_id),
        destroyed_at=one.destroyed_at, destroyed_by_id=one.destroyed_by_id,
        destroyed_by=names.get(one.destroyed_by_id), witness=names.get(one.witness_id),
        uses=tuple(_uses(session, authenticator_id)), life=tuple(_life(session, authenticator_id)),
        replaces=next(_linked(session, Authenticator.id == one.replaces_id), None),
        replaced_by=tuple(_linked(session, Authenticator.replaces_id == authenticator_id)),
    )  # fmt: skip


def rests_on(session: Session, authenticator_id: int) -> list[Resting]:
    """The live rights of its owner in every system where it is in use: what a report of its loss stops."""
    lost = exists().where(
        GrantSuspension.grant_id == Grant.id, GrantSuspension.until.is_(None),
        GrantSuspension.reason == SuspensionReason.LOST_CARD,
    )  # fmt: skip
    rows = session.execute(
        select(
            InformationSystem.name, Entitlement.name, Account.login_name, Grant.state, lost, InformationSystem.stage,
            InformationSystem.connector,
        )
        .select_from(Grant)
        .join(Account, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .join(AuthenticatorUse, AuthenticatorUse.system_id == InformationSystem.id)
        .join(Authenticator, AuthenticatorUse.authenticator_id == Authenticator.id)
        .where(
            Authenticator.id == authenticator_id, Account.person_id == Authenticator.person_id,
            AuthenticatorUse.until.is_(None), Grant.state != GrantState.ENDED,
        )
        .order_by(InformationSystem.code, Entitlement.id, Grant.id)
    )  # fmt: skip
    return [
        Resting(system, right, login, state, bool(is_lost), stopping(stage, connector))
        for system, right, login, state, is_lost, stage, connector in rows
    ]


def open_systems(session: Session, authenticator_id: int) -> list[tuple[int, str, str]]:
    """(id, code, name) of every system in which it is in use."""
    rows = session.execute(
        select(InformationSystem.id, InformationSystem.code, InformationSystem.name)
        .join(AuthenticatorUse, AuthenticatorUse.system_id == InformationSystem.id)
        .where(AuthenticatorUse.authenticator_id == authenticator_id, AuthenticatorUse.until.is_(None))
        .order_by(InformationSystem.code)
    )
    return [(system_id, code, name) for system_id, code, name in rows]


def systems_for(session: Session, row: RegisterRow) -> list[tuple[int, str]]:
    """(id, name) of every system that can verify this kind and in which it is not in use yet."""
    there = {system_id for system_id, *_ in open_systems(session, row.id)}
    systems = session.scalars(select(InformationSystem).order_by(InformationSystem.code))
    return [
        (one.id, one.name) for one in systems if one.id not in there and row.kind in verifiable_kinds(one.verification)
    ]


def held_things(session: Session, person_ids: Collection[int]) -> list[Authenticator]:
    """The cards and tokens that these people have and will have to give back."""
    if not person_ids:
        return []
    return list(
        session.scalars(
            select(Authenticator)
            .where(
                Authenticator.person_id.in_(person_ids), Authenticator.kind.in_(THINGS), ~Authenticator.own_sign_in,
                Authenticator.state.in_(STILL_HELD),
            )
            .order_by(Authenticator.id)
        )
    )  # fmt: skip


def units_of_owner(session: Session, person_id: int, day: date) -> frozenset[str]:
    """The units in which the owner works on the day; of somebody who has left, the last one."""
    codes = units_of_person(session, person_id, day)
    if codes:
        return codes
    last = select(Employment.id).where(Employment.person_id == person_id, public(Employment, Reader(day)))
    employment_id = session.scalars(last.order_by(Employment.valid_from.desc(), Employment.id.desc())).first()
    found = units_of_employments(session, [employment_id] if employment_id is not None else [])
    return frozenset(code for code, _ in found.values())


def _register(conditions: Sequence[ColumnElement[bool]]) -> Select[Authenticator, str, str]:
    return (
        select(Authenticator, Person.name, Person.kana)
        .join(Person, Authenticator.person_id == Person.id)
        .where(*conditions)
        .order_by(Authenticator.id.desc())
    )


def works_in(units: frozenset[str] | None, day: date) -> ColumnElement[bool]:
    """Whether the person (Person) works in one of the units on the day, or will; None = wherever they work."""
    if units is None:
        return true()
    return exists(
        select(Assignment.id)
        .join(Employment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(
            Employment.person_id == Person.id, OrganisationUnit.code.in_(units), not_over_on(Employment, day),
            not_over_on(Assignment, day), public(Assignment, Reader(day)), public(Employment, Reader(day)),
        )
    )  # fmt: skip


def _conditions(wanted: RegisterFilter, day: date) -> Iterator[ColumnElement[bool]]:
    yield works_in(wanted.units, day)
    if wanted.text:
        name = Person.search_key.contains(fold(wanted.text), autoescape=True)
        yield or_(name, Authenticator.label.contains(wanted.text, autoescape=True))
    if wanted.kind is not None:
        yield Authenticator.kind == wanted.kind
    if wanted.state is not None:
        yield Authenticator.state == wanted.state
    if wanted.person_id is not None:
        yield Authenticator.person_id == wanted.person_id
    if wanted.system_id is not None:
        yield exists().where(
            AuthenticatorUse.authenticator_id == Authenticator.id, AuthenticatorUse.system_id == wanted.system_id,
            AuthenticatorUse.until.is_(None),
        )  # fmt: skip
    if wanted.awaiting_witness:
        yield Authenticator.state == AuthenticatorState.COLLECTED
        yield Authenticator.destroyed_by_id.is_not(None)


def _rows(session: Session, query: Select[Authenticator, str, str]) -> Iterator[RegisterRow]:
    found = session.execute(query).all()
    systems = _systems(session, [one.id for one, *_ in found])
    for one, name, kana in found:
        yield RegisterRow(
            id=one.id, kind=one.kind, label=one.label, own_sign_in=one.own_sign_in, state=one.state,
            person_id=one.person_id, person=name, kana=kana, issued_at=one.issued_at, activated_at=one.activated_at,
            ended_at=one.ended_at, systems=tuple(systems[one.id]),
            awaits_witness=one.state is AuthenticatorState.COLLECTED and one.destroyed_by_id is not None,
        )  # fmt: skip


def _systems(session: Session, authenticator_ids: Collection[int]) -> dict[int, list[str]]:
    rows = session.execute(
        select(AuthenticatorUse.authenticator_id, InformationSystem.name)
        .join(InformationSystem, AuthenticatorUse.system_id == InformationSystem.id)
        .where(AuthenticatorUse.authenticator_id.in_(authenticator_ids), AuthenticatorUse.until.is_(None))
        .order_by(InformationSystem.code)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for authenticator_id, name in rows:
        found[authenticator_id].append(name)
    return found


def _names(session: Session, one: Authenticator) -> dict[int | None, str]:
    people = {one.issued_by_id, one.activated_by_id, one.collected_by_id, one.destroyed_by_id, one.witness_id}
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_(people - {None})))
    return dict(rows.all())


def _uses(session: Session, authenticator_id: int) -> Iterable[UseRow]:
    seer = aliased(Person)
    rows = session.execute(
        select(
            AuthenticatorUse.system_id, InformationSystem.name, AuthenticatorUse.since, seer.name,
            AuthenticatorUse.until,
        )
        .join(InformationSystem, AuthenticatorUse.system_id == InformationSystem.id)
        .outerjoin(seer, AuthenticatorUse.confirmed_by_id == seer.id)
        .where(AuthenticatorUse.authenticator_id == authenticator_id)
        .order_by(AuthenticatorUse.id)
    )  # fmt: skip
    return [UseRow(*row) for row in rows]


def _life(session: Session, authenticator_id: int) -> Iterable[LifeRow]:
    rows = session.execute(
        select(AuditRecord.at, AuditRecord.action, AuditRecord.actor)
        .where(
            AuditRecord.object_kind == "authenticator", AuditRecord.object_id == str(authenticator_id),
            AuditRecord.outcome == AuditOutcome.DONE,
        )
        .order_by(AuditRecord.id)
    )  # fmt: skip
    return [LifeRow(*row) for row in rows]


def _linked(session: Session, condition: ColumnElement[bool]) -> Iterator[Linked]:
    for one in session.scalars(select(Authenticator).where(condition).order_by(Authenticator.id)):
        yield Linked(one.id, one.title, one.state)
