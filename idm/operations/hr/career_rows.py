"""Brings the rows of one employment to a career: what is the same stays the same row, so that tenures stay with it."""

from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from idm.database import in_chunks
from idm.models.officers import Officer
from idm.models.people import Absence, Assignment, Employment, OrganisationUnit, Person
from idm.names.personal_names import match_key, search_key
from idm.personnel.career import AbsencePeriod, Career, PostFacts, PostPeriod

Units = Mapping[str, OrganisationUnit]
"""Unit code → the generation that new posts are in."""


def employments_with_posts(session: Session, employment_ids: Collection[int]) -> dict[int, Employment]:
    """The employments with everything that hangs on them, read together."""
    found: dict[int, Employment] = {}
    for some in in_chunks(sorted(employment_ids)):
        query = select(Employment).where(Employment.id.in_(some)).options(
            joinedload(Employment.person),
            selectinload(Employment.assignments).joinedload(Assignment.unit),
            selectinload(Employment.absences),
        )  # fmt: skip
        found |= {employment.id: employment for employment in session.scalars(query)}
    return found


def describe(person: Person, career: Career, birth_date: date | None, secret: bytes) -> None:
    """Afterwards the person has the career's names; of the birth date only a keyed hash is kept."""
    person.name, person.kana, person.mail = career.name, career.kana, career.mail
    person.work_name, person.romaji = career.work_name, career.romaji
    person.search_key = search_key(f"{career.name}{career.work_name or ''}", career.kana)
    if birth_date is not None and career.kana:
        person.match_key = match_key(career.kana, birth_date, secret)


def bring_to(session: Session, employment: Employment, career: Career, units: Units, *, as_of: date) -> None:
    """Afterwards the employment, its posts and its absences are what the career says; the caller flushes."""
    employment.kind, employment.leaving = career.kind, career.leaving
    employment.valid_from, employment.valid_until = career.valid_from, career.valid_until
    _posts(session, employment, career, units, as_of)
    _absences(employment, career.absences)


def call_off(session: Session, employment: Employment) -> None:
    """Afterwards an employment that was announced and never began is gone; the person stays, with what they have."""
    for assignment in list(employment.assignments):
        _call_off(session, assignment)
    session.delete(employment)
    session.flush()


def _posts(session: Session, employment: Employment, career: Career, units: Units, as_of: date) -> None:
    rows = {(_facts(row), row.valid_from): row for row in employment.assignments}
    wanted = {(period.facts, period.valid_from): period for period in career.posts}
    moved = _moved_starts(rows.keys() - wanted.keys(), wanted.keys() - rows.keys())
    for old, new in moved.items():
        rows[new] = rows.pop(old)
        rows[new].valid_from = new[1]
    for key in rows.keys() - wanted.keys():
        _withdraw(session, rows.pop(key), as_of)
    for key, period in wanted.items():
        if key in rows:
            rows[key].valid_until = period.valid_until
        else:
            employment.assignments.append(_assignment(period, units))


def _moved_starts(
    gone: set[tuple[PostFacts, date]], new: set[tuple[PostFacts, date]]
) -> dict[tuple[PostFacts, date], tuple[PostFacts, date]]:
    """The same post with another first day is the same row, where that is plain: one goes, one comes."""
    found = {}
    for key in gone:
        same = [other for other in new if other[0] == key[0]]
        if len(same) == 1 and sum(other[0] == key[0] for other in gone) == 1:
            found[key] = same[0]
    return found


def _withdraw(session: Session, assignment: Assignment, as_of: date) -> None:
    """A post that will never begin leaves no row; one that was held until today, wrongly, ends today."""
    if assignment.valid_from >= as_of:
        _call_off(session, assignment)
    elif assignment.valid_until is None or assignment.valid_until > as_of:
        assignment.valid_until = as_of


def _call_off(session: Session, assignment: Assignment) -> None:
    """Neither the post nor the tenure that would have followed from it leaves a row."""
    for officer in session.scalars(select(Officer).where(Officer.assignment_id == assignment.id)):
        session.delete(officer)
    session.flush()
    assignment.employment.assignments.remove(assignment)
    session.delete(assignment)


def _assignment(period: PostPeriod, units: Units) -> Assignment:
    facts = period.facts
    return Assignment(
        unit=units[facts.unit_code], post=facts.post, primary=facts.primary, valid_from=period.valid_from,
        valid_until=period.valid_until, published_on=period.published_on,
    )  # fmt: skip


def _facts(row: Assignment) -> PostFacts:
    return PostFacts(row.unit.code, row.post, row.primary)


def _absences(employment: Employment, wanted: frozenset[AbsencePeriod]) -> None:
    rows = {(row.kind, row.valid_from): row for row in employment.absences}
    periods = {(period.kind, period.valid_from): period for period in wanted}
    for key in rows.keys() - periods.keys():
        employment.absences.remove(rows[key])
    for key, period in periods.items():
        if key in rows:
            rows[key].valid_until = period.valid_until
        else:
            employment.absences.append(Absence(**vars(period)))
