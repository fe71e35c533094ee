"""The roll: who is employed, as the personnel plan and the post rules need to see it."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import Period, holds
from idm.database import in_chunks
from idm.models.people import Absence, Assignment, Employment, OrganisationUnit, Person
from idm.organisation import Organisation
from idm.personnel.career import AbsencePeriod, Career, PostFacts, PostPeriod
from idm.personnel.plan import KnownEmployment
from idm.personnel.post_rights import Post, unit_and_above
from idm.personnel.right_periods import PostSpell


def known_employments(session: Session, numbers: Collection[str] | None = None) -> list[KnownEmployment]:
    """Every employment on record, or those of the staff numbers, with posts and absences. Plain rows, for speed."""
    if numbers is None:
        return _known(session, None)
    return known_by_id(session, employments_of(session, numbers))


def known_by_id(session: Session, employments: Collection[int]) -> list[KnownEmployment]:
    """These employments, with posts and absences, in the order in which they came to be known."""
    return [known for some in in_chunks(sorted(employments)) for known in _known(session, some)]


def employments_of(session: Session, numbers: Collection[str]) -> dict[int, str]:
    """Employment → staff number, of those of the numbers that are on record."""
    found: dict[int, str] = {}
    for some in in_chunks(sorted(numbers)):
        rows = session.execute(select(Employment.id, Employment.staff_number).where(Employment.staff_number.in_(some)))
        found.update(rows.all())
    return found


def _known(session: Session, chosen: list[int] | None) -> list[KnownEmployment]:
    posts, absences = _post_periods(session, chosen), _absence_periods(session, chosen)
    person = (Person.name, Person.kana, Person.work_name, Person.romaji, Person.mail)
    columns = (
        Employment.id, Employment.person_id, Employment.seen_in_run_id, Employment.staff_number, *person,
        Employment.kind, Employment.valid_from, Employment.valid_until, Employment.leaving,
    )  # fmt: skip
    query = select(*columns).join(Person, Employment.person_id == Person.id).order_by(Employment.id)
    rows = session.execute(query if chosen is None else query.where(Employment.id.in_(chosen)))
    return [
        KnownEmployment(
            row.id,
            row.person_id,
            row.seen_in_run_id is not None,
            Career(
                row.staff_number, row.name, row.kana, row.work_name, row.romaji, row.mail, row.kind, row.valid_from,
                row.valid_until, row.leaving, frozenset(posts.get(row.id, ())), frozenset(absences.get(row.id, ())),
            ),
        )
        for row in rows
    ]  # fmt: skip


def _post_periods(session: Session, chosen: list[int] | None) -> dict[int, list[PostPeriod]]:
    columns = (
        Assignment.employment_id, OrganisationUnit.code, Assignment.post, Assignment.primary, Assignment.valid_from,
        Assignment.valid_until, Assignment.published_on,
    )  # fmt: skip
    query = select(*columns).join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
    found: dict[int, list[PostPeriod]] = defaultdict(list)
    if chosen is not None:
        query = query.where(Assignment.employment_id.in_(chosen))
    for employment_id, code, post, primary, begins, ends, published in session.execute(query):
        found[employment_id].append(PostPeriod(PostFacts(code, post, primary), begins, ends, published))
    return found


def _absence_periods(session: Session, chosen: list[int] | None) -> dict[int, list[AbsencePeriod]]:
    columns = (
        Absence.employment_id, Absence.kind, Absence.valid_from, Absence.valid_until, Absence.published_on,
    )  # fmt: skip
    query = select(*columns)
    if chosen is not None:
        query = query.where(Absence.employment_id.in_(chosen))
    found: dict[int, list[AbsencePeriod]] = defaultdict(list)
    for employment_id, kind, begins, ends, published in session.execute(query):
        found[employment_id].append(AbsencePeriod(kind, begins, ends, published))
    return found


def people_by_match_key(session: Session, keys: Iterable[str]) -> dict[str, frozenset[int]]:
    """Match key → the people on record who have it."""
    found: dict[str, set[int]] = defaultdict(set)
    for some in in_chunks(sorted(set(keys))):
        for key, person_id in session.execute(select(Person.match_key, Person.id).where(Person.match_key.in_(some))):
            found[key or ""].add(person_id)
    return {key: frozenset(people) for key, people in found.items()}


def posts_on(
    session: Session, person_ids: Iterable[int], day: date, organisation: Organisation
) -> dict[int, list[Post]]:
    """The posts each person holds on the day, with the units above each: what rights by post derive from."""
    spells = post_spells(session, person_ids, organisation)
    return {
        person_id: held
        for person_id, all_spells in spells.items()
        if (held := [spell.post for spell in all_spells if holds(spell.valid_from, spell.valid_until, day)])
    }


def post_spells(session: Session, person_ids: Iterable[int], organisation: Organisation) -> dict[int, list[PostSpell]]:
    """Every post of each person, past and to come, cut to the employment it belongs to."""
    tree = _UnitTree(session, organisation)
    rows = session.execute(
        select(
            Employment.person_id, Employment.kind, OrganisationUnit.code, Assignment.post,
            Employment.valid_from, Employment.valid_until, Assignment.valid_from, Assignment.valid_until,
        )
        .join(Assignment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Employment.person_id.in_(list(person_ids)))
    )  # fmt: skip
    found: dict[int, list[PostSpell]] = defaultdict(list)
    for person_id, kind, code, post, employed, left, begins, ends in rows:
        until = min((end for end in (left, ends) if end is not None), default=None)
        found[person_id].append(PostSpell(Post(tree.above(code), post, kind), max(employed, begins), until))
    return found


def employment_periods(session: Session, person_ids: Iterable[int]) -> dict[int, list[Period]]:
    """The periods of every employment of each person."""
    columns = (Employment.person_id, Employment.valid_from, Employment.valid_until)
    found: dict[int, list[Period]] = defaultdict(list)
    for person_id, begins, ends in session.execute(select(*columns).where(Employment.person_id.in_(list(person_ids)))):
        found[person_id].append((begins, ends))
    return found


class _UnitTree:
    """The units above each unit, by code and newest name; looked up once per unit."""

    def __init__(self, session: Session, organisation: Organisation) -> None:
        rows = session.execute(
            select(OrganisationUnit.code, OrganisationUnit.name).order_by(OrganisationUnit.valid_from)
        )
        self._names = dict(rows.all())
        self._parents = {unit.code: unit.parent for unit in organisation.units}
        self._above: dict[str, frozenset[str]] = {}

    def above(self, code: str) -> frozenset[str]:
        """The codes and names of the unit and of every unit above it."""
        if code not in self._above:
            self._above[code] = unit_and_above(code, self._names, self._parents)
        return self._above[code]
