"""What somebody who applies may choose from: for whom, in which system, which rights.

A list is courtesy; what may be submitted is ruled by `idm.operations.approval.admissibility`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from unicodedata import normalize

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import Session

from idm.grant_state import GrantState
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.periods import holding_on, not_over_on
from idm.models.requests import Request, RequestLine
from idm.models.systems import Entitlement, InformationSystem
from idm.names.personal_names import fold
from idm.permissions import Action, everywhere
from idm.policy import Policy
from idm.publication import Reader
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.organisation.publication import hidden_requests, known, public, shown_rights
from idm.queries.organisation.reach import managed_units
from idm.queries.privileged.shared_ids import offered
from idm.queries.rights.held_rights import HeldRight, live_rights
from idm.request_state import LineState
from idm.vocabulary import EntitlementKind, LineEffect, Role, Zone


@dataclass(frozen=True)
class Scope:
    """For whom somebody may apply. `everyone` wins over `units`; `own` is themselves."""

    person_id: int
    own: bool
    units: frozenset[str]
    everyone: bool

    @property
    def only_oneself(self) -> bool:
        """Whether there is nobody else to choose."""
        return not self.everyone and not self.units


def scope_of(session: Session, person_id: int, roles: frozenset[Role], *, policy: Policy, day: date) -> Scope:
    """For whom the profile lets this person apply on the day."""
    rules = policy.applications
    everyone = rules.hr_for_all and everywhere(roles, Action.APPLY_FOR_ANYONE)
    units: frozenset[str] | None = frozenset()
    if rules.section_for_own_unit:
        units = managed_units(session, person_id, Action.APPLY_FOR_OWN_UNIT, day)
    return Scope(person_id, rules.own, units or frozenset(), everyone or units is None)


def find_subjects(
    session: Session, scope: Scope, text: str, *, day: date, limit: int, reader: Reader | None = None
) -> list[PersonCard]:
    """Up to `limit` people in the scope, employed or about to be, whom the words find; by reading.

    Somebody whom `reader` (without one, everybody) does not know of yet is not among them.
    """
    reads = reader or Reader(day)
    query = (
        select(Person.id)
        .join(Employment, Employment.person_id == Person.id)
        .where(known(reads), public(Employment, reads))
        .where(not_over_on(Employment, day), within(scope, day))
        .group_by(Person.id, Person.kana)
        .order_by(Person.kana, Person.id)
        .limit(limit)
    )
    if text.strip():
        by_name = Person.search_key.contains(fold(text), autoescape=True)
        number = normalize("NFKC", text).strip()
        query = query.where(or_(by_name, Employment.staff_number.startswith(number, autoescape=True)))
    ids = list(session.scalars(query))
    cards = person_cards(session, ids, day=day, reader=reads)
    return [cards[person_id] for person_id in ids]


def subject_in_scope(
    session: Session, scope: Scope, person_id: int, *, day: date, reader: Reader | None = None
) -> PersonCard | None:
    """The person's card, when somebody of this scope may apply for them and knows of them; None otherwise."""
    reads = reader or Reader(day)
    query = select(Person.id).where(Person.id == person_id, known(reads), within(scope, day))
    found = session.scalar(query)
    return None if found is None else person_cards(session, [found], day=day, reader=reads)[found]


def within(scope: Scope, day: date) -> ColumnElement[bool]:
    """Whether the person (Person) is one for whom somebody of this scope may apply on the day."""
    if scope.everyone:
        return true()
    own = Person.id == scope.person_id if scope.own else Person.id.is_(None)
    if not scope.units:
        return own
    in_unit = (
        select(Employment.person_id)
        .join(Assignment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(
            holding_on(Employment, day),
            holding_on(Assignment, day),
            public(Assignment, Reader(day)),
            or_(OrganisationUnit.code.in_(scope.units), OrganisationUnit.parent_code.in_(scope.units)),
        )
    )
    return or_(own, Person.id.in_(in_unit))


@dataclass(frozen=True)
class Choice:
    """One right of a system as one person stands to it: held, asked for already, or free."""

    entitlement_id: int
    name: str
    kind: EntitlementKind
    privileged: bool
    external_access: bool
    held: HeldRight | None
    asked: tuple[LineEffect, str] | None
    """What a pending application asks for it, and that application's number."""

    @property
    def needs_end(self) -> bool:
        """Whether it must be asked for until a day (FK 6-2(3)①, 6-2(4), 5-4(2))."""
        return self.privileged or self.external_access or self.kind is EntitlementKind.SHARED_ID

    @property
    def renewable(self) -> bool:
        """Whether it has begun and ends: more of it may be asked for, from that end on."""
        return self.held is not None and self.held.valid_until is not None and self.held.state is not GrantState.PLANNED


@dataclass(frozen=True)
class SystemChoice:
    """One system with its rights. `zone_closed`: the profile keeps out of its zone; nothing new can be asked for."""

    system_id: int
    name: str
    zone: Zone
    zone_closed: bool
    rights: tuple[Choice, ...]

    @property
    def held(self) -> tuple[Choice, ...]:
        """The rights the person has."""
        return tuple(right for right in self.rights if right.held is not None)

    @property
    def free(self) -> tuple[Choice, ...]:
        """The rights the person does not have."""
        return tuple(right for right in self.rights if right.held is None)

    @property
    def renewable(self) -> tuple[Choice, ...]:
        """The rights the person has until a day that is known."""
        return tuple(right for right in self.rights if right.renewable)


def choices(session: Session, person_id: int, *, policy: Policy, reader: Reader) -> list[SystemChoice]:
    """Every system and right as this person stands to it, as the reader sees it, systems by name."""
    seen = shown_rights(session, live_rights(session, [person_id]), reader)
    held = {right.entitlement_id: right for right in seen}
    asked = _asked(session, [person_id], reader)
    rows = session.execute(
        select(InformationSystem, Entitlement)
        .join(Entitlement, Entitlement.system_id == InformationSystem.id)
        .order_by(InformationSystem.name, Entitlement.id)
    )
    systems: dict[int, InformationSystem] = {}
    rights: dict[int, list[Choice]] = defaultdict(list)
    shared = offered(session, reader.day)
    for system, right in rows:
        systems[system.id] = system
        state = held.get(right.id), asked.get(right.id)
        if right.kind is EntitlementKind.SHARED_ID and right.shared_account_id not in shared and state[0] is None:
            continue
        choice = Choice(right.id, right.name, right.kind, right.privileged, right.external_access, *state)
        rights[system.id].append(choice)
    forbidden = {Zone.MYNUMBER} if policy.zones.mynumber_forbidden else set()
    return [SystemChoice(s.id, s.name, s.zone, s.zone in forbidden, tuple(rights[s.id])) for s in systems.values()]


def _asked(session: Session, person_ids: Iterable[int], reader: Reader) -> dict[int, tuple[LineEffect, str]]:
    rows = session.execute(
        select(RequestLine.entitlement_id, RequestLine.effect, Request.number)
        .join(Request, RequestLine.request_id == Request.id)
        .where(
            and_(RequestLine.subject_id.in_(set(person_ids)), RequestLine.state == LineState.PENDING),
            Request.number.is_not(None),
            Request.id.not_in(hidden_requests(session, reader)),
        )
    )
    return {right_id: (effect, number or "") for right_id, effect, number in rows}
