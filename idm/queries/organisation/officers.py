"""Who holds which role on a day, who stands in for whom, and which person rows are one human.

A tenure counts when the first record named it or a second person confirmed it, its own period holds, and the post it
follows from is still held: losing the post loses the role at once (KT 第66), whatever else is written. Whoever is a
contractor on the day, by any row of theirs, holds no role and stands in for nobody (FK 6-2(3)④, control D3): that is so
for every action of `idm.permissions`, because every one of them asks here.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from idm.employment_kind import EmploymentKind
from idm.models.officers import Deputy, Officer
from idm.models.people import Assignment, Employment, Person
from idm.models.periods import holding_on
from idm.separation_of_duties import Human
from idm.vocabulary import Role

DAYS_AT_HAND = 64
"""Of so many days the statements below are kept: every page asks them several times, and putting one together costs
more than the database's answer. A statement never changes once it is made."""


@lru_cache(DAYS_AT_HAND)
def tenures_on(day: date) -> Select[Officer]:
    """The tenures that count on the day."""
    return (
        select(Officer)
        .outerjoin(Assignment, Officer.assignment_id == Assignment.id)
        .outerjoin(Employment, Assignment.employment_id == Employment.id)
        .where(
            holding_on(Officer, day),
            or_(Officer.first_record_id.is_not(None), Officer.confirmed_at.is_not(None)),
            or_(
                Officer.assignment_id.is_(None),
                and_(holding_on(Assignment, day), holding_on(Employment, day)),
            ),
            ~under_contract(Officer.person_id, day),
        )
    )


def under_contract(person_id: InstrumentedAttribute[int], day: date) -> ColumnElement[bool]:
    """Whether the person of that column is a contractor on the day, by any row of the same human (SOD-5, SOD-7)."""
    contract, contracted_row, own_row = aliased(Employment), aliased(Person), aliased(Person)
    return (
        exists()
        .where(
            own_row.id == person_id,
            or_(contracted_row.id == own_row.id, contracted_row.match_key == own_row.match_key),
            contract.person_id == contracted_row.id,
            contract.kind == EmploymentKind.CONTRACTOR,
            holding_on(contract, day),
        )
        .correlate(person_id.class_)
    )


def auditor_under_any_row(person_id: InstrumentedAttribute[int], day: date) -> ColumnElement[bool]:
    """Whether the person of that column is an auditor on the day, by any row of the same human (SOD-5, SOD-6)."""
    audits = tenures_on(day).where(Officer.role == Role.AUDITOR).with_only_columns(Officer.person_id)
    auditing_row, own_row = aliased(Person), aliased(Person)
    return (
        exists()
        .where(
            own_row.id == person_id,
            or_(auditing_row.id == own_row.id, auditing_row.match_key == own_row.match_key),
            auditing_row.id.in_(audits),
        )
        .correlate(person_id.class_)
    )


def roles_of(session: Session, person_id: int, day: date) -> frozenset[Role]:
    """The roles a person holds on the day."""
    return frozenset(
        session.scalars(tenures_on(day).where(Officer.person_id == person_id).with_only_columns(Officer.role))
    )


def units_of_role(session: Session, person_id: int, role: Role, day: date) -> frozenset[str]:
    """The codes of the units for which a person holds a role on the day."""
    codes = session.scalars(
        tenures_on(day).where(Officer.person_id == person_id, Officer.role == role).with_only_columns(Officer.unit_code)
    )
    return frozenset(code for code in codes if code is not None)


def holders(session: Session, role: Role, unit_code: str | None, day: date) -> list[int]:
    """The people who hold a role on the day; `unit_code` narrows it to the tenure of one unit."""
    query = tenures_on(day).where(Officer.role == role)
    if unit_code is not None:
        query = query.where(Officer.unit_code == unit_code)
    return sorted(set(session.scalars(query.with_only_columns(Officer.person_id))))


@lru_cache(DAYS_AT_HAND)
def deputations_on(day: date) -> Select[Deputy]:
    """The deputies who count on the day: accepted, within their period, employed, and no contractors."""
    employed = exists().where(Employment.person_id == Deputy.deputy_id, holding_on(Employment, day))
    counting = (Deputy.accepted_at.is_not(None), holding_on(Deputy, day), employed)
    return select(Deputy).where(*counting, ~under_contract(Deputy.deputy_id, day)).order_by(Deputy.id)


def auditing(session: Session, person_ids: Collection[int], day: date) -> frozenset[int]:
    """Those of the people who hold the role of auditor on the day (SOD-6)."""
    audits = tenures_on(day).where(Officer.role == Role.AUDITOR, Officer.person_id.in_(person_ids))
    return frozenset(session.scalars(audits.with_only_columns(Officer.person_id)))


def contracted(session: Session, person_ids: Collection[int], day: date) -> frozenset[int]:
    """Those of the people who are contractors on the day (SOD-7)."""
    contracts = select(Employment.person_id).where(
        Employment.person_id.in_(person_ids),
        Employment.kind == EmploymentKind.CONTRACTOR,
        holding_on(Employment, day),
    )
    return frozenset(session.scalars(contracts))


def never_deciding(session: Session, known: Iterable[Human], day: date) -> frozenset[int]:
    """Those person rows of these humans by which they never decide: auditors' and contractors' (SOD-6, SOD-7)."""
    rows = frozenset[int]().union(*(human.rows for human in known))
    return auditing(session, rows, day) | contracted(session, rows, day)


def humans(session: Session, person_ids: Iterable[int]) -> dict[int, Human]:
    """Each person with every other row that has the same kana and birth date: the same human (SOD-5)."""
    wanted = sorted(set(person_ids))
    other = aliased(Person)
    rows = session.execute(
        select(Person.id, other.id)
        .join(other, and_(other.match_key == Person.match_key, other.id != Person.id))
        .where(Person.id.in_(wanted))
    )
    same: dict[int, set[int]] = defaultdict(set)
    for person_id, other_id in rows:
        same[person_id].add(other_id)
    return {person_id: Human(person_id, frozenset(same[person_id])) for person_id in wanted}
