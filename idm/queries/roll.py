"""The roll: who is employed, as the personnel plan and the post rules need to see it."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, selectinload

from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.organisation import Organisation
from idm.personnel_plan import KnownEmployment, PostFacts
from idm.post_rights import Post, unit_and_above


def known_employments(session: Session) -> list[KnownEmployment]:
    """Every employment on record, with the posts whose end is not known yet."""
    query = select(Employment).options(
        selectinload(Employment.person), selectinload(Employment.assignments).selectinload(Assignment.unit)
    )
    return [_known(employment) for employment in session.scalars(query.order_by(Employment.id))]


def _known(employment: Employment) -> KnownEmployment:
    person = employment.person
    return KnownEmployment(
        employment_id=employment.id,
        person_id=person.id,
        staff_number=employment.staff_number,
        name=person.name,
        kana=person.kana,
        mail=person.mail,
        kind=employment.kind,
        valid_from=employment.valid_from,
        valid_until=employment.valid_until,
        posts=frozenset(
            PostFacts(assignment.unit.code, assignment.post, assignment.primary)
            for assignment in employment.assignments
            if assignment.valid_until is None
        ),
        from_feed=employment.seen_in_run_id is not None,
    )


def employed_count(session: Session, day: date) -> int:
    """How many people are employed on the day."""
    return (
        session.scalar(
            select(func.count(func.distinct(Employment.person_id))).where(
                Employment.valid_from <= day, or_(Employment.valid_until.is_(None), Employment.valid_until > day)
            )
        )
        or 0
    )


def people_by_match_key(session: Session, keys: Iterable[str]) -> dict[str, frozenset[int]]:
    """Match key → the people on record who have it."""
    found: dict[str, set[int]] = defaultdict(set)
    wanted = set(keys)
    for key, person_id in session.execute(select(Person.match_key, Person.id).where(Person.match_key.is_not(None))):
        if key in wanted:
            found[key].add(person_id)
    return {key: frozenset(people) for key, people in found.items()}


def posts_on(
    session: Session, person_ids: Iterable[int], day: date, organisation: Organisation
) -> dict[int, list[Post]]:
    """The posts each person holds on the day, with the units above each: what rights by post derive from."""
    units = {
        unit.code: unit for unit in session.scalars(select(OrganisationUnit).order_by(OrganisationUnit.valid_from))
    }
    names = {code: unit.name for code, unit in units.items()}
    parents = {unit.code: unit.parent for unit in organisation.units}
    rows = session.execute(
        select(Employment.person_id, Employment.kind, OrganisationUnit.code, Assignment.post)
        .join(Assignment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(
            Employment.person_id.in_(list(person_ids)),
            Employment.valid_from <= day,
            or_(Employment.valid_until.is_(None), Employment.valid_until > day),
            Assignment.valid_from <= day,
            or_(Assignment.valid_until.is_(None), Assignment.valid_until > day),
        )
    )
    held: dict[int, list[Post]] = defaultdict(list)
    for person_id, kind, code, post in rows:
        held[person_id].append(Post(unit_and_above(code, names, parents), post, kind))
    return held
