"""Names of organisation units by generation (機構改革): what is asked about a day is told with that day's names."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from idm.models.people import Assignment, Employment, OrganisationUnit
from idm.models.periods import holding_on


@dataclass(frozen=True)
class Generation:
    """One name of a unit and the half-open period in which it is in force."""

    name: str
    valid_from: date
    valid_until: date | None


Generations = Mapping[str, Sequence[Generation]]
"""Unit code → its generations, oldest first; never none."""


def generations(session: Session, *, known_on: date | None = None) -> dict[str, tuple[Generation, ...]]:
    """Every unit's generations. With `known_on` a name announced for a later day is not among them.

    A unit that will only begin later keeps its first name: there is no other to call it by.
    """
    columns = (
        OrganisationUnit.code, OrganisationUnit.name, OrganisationUnit.valid_from, OrganisationUnit.valid_until,
    )  # fmt: skip
    found: dict[str, list[Generation]] = defaultdict(list)
    for code, name, begins, until in session.execute(select(*columns).order_by(OrganisationUnit.valid_from)):
        if known_on is None or begins <= known_on or not found[code]:
            found[code].append(Generation(name, begins, until))
    return {code: tuple(of_unit) for code, of_unit in found.items()}


def unit_names_on(session: Session, day: date) -> dict[str, str]:
    """Unit code → the name in force on the day; a unit that is over by its last name, one to come by its first."""
    return {code: name_on(of_unit, day) for code, of_unit in generations(session).items()}


def unit_on(session: Session, code: str, day: date) -> OrganisationUnit | None:
    """The generation of the unit that holds on the day."""
    held = select(OrganisationUnit).where(OrganisationUnit.code == code, holding_on(OrganisationUnit, day))
    return session.scalar(held)


def parents(session: Session) -> dict[str, str | None]:
    """Unit → the unit above it, by the newest generation of each."""
    units = select(OrganisationUnit.code, OrganisationUnit.parent_code).order_by(OrganisationUnit.valid_from)
    return dict(session.execute(units).all())


def units_of_posts(person_id: int) -> Select[OrganisationUnit]:
    """The units of all posts (Assignment) of somebody's employments (Employment), past and to come."""
    return (
        select(OrganisationUnit)
        .join(Assignment, Assignment.unit_id == OrganisationUnit.id)
        .join(Employment, Assignment.employment_id == Employment.id)
        .where(Employment.person_id == person_id)
    )


def name_on(of_unit: Sequence[Generation], day: date) -> str:
    """The name of the unit on the day."""
    begun = [generation for generation in of_unit if generation.valid_from <= day]
    return (begun or of_unit[:1])[-1].name


def name_within(of_unit: Sequence[Generation], begins: date, until: date | None, day: date) -> str:
    """The name by which a post of that period is told of on the day: the day's, or that of its nearest day."""
    last = day if until is None else until - timedelta(days=1)
    return name_on(of_unit, max(begins, min(day, last)))


def names_over(of_unit: Sequence[Generation], begins: date, until: date | None) -> list[Generation]:
    """The half-open period split where the unit is renamed within it."""
    changes = [g.valid_from for g in of_unit if g.valid_from > begins and (until is None or g.valid_from < until)]
    spans: list[Generation] = []
    for start, end in zip([begins, *changes], [*changes, until], strict=True):
        name = name_on(of_unit, start)
        if spans and spans[-1].name == name:
            spans[-1] = Generation(name, spans[-1].valid_from, end)
        else:
            spans.append(Generation(name, start, end))
    return spans
