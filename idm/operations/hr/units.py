"""Generations of organisation units (機構改革): a new name begins a new generation, the old one keeps its name."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.people import OrganisationUnit
from idm.personnel.told import UnitTold
from idm.queries.governance.configuration import organisation_in_force


def follow(session: Session, told: Iterable[UnitTold], *, as_of: date, now: datetime) -> dict[str, OrganisationUnit]:
    """Unit code → its newest generation, after the names that a file tells.

    A name that is told only of days to come begins on the first of them; until then the present one stays in force.
    """
    generations: dict[str, list[OrganisationUnit]] = defaultdict(list)
    for generation in session.scalars(select(OrganisationUnit).order_by(OrganisationUnit.valid_from)):
        generations[generation.code].append(generation)
    parents = {unit.code: unit.parent for unit in organisation_in_force(session, now=now).units}
    for unit in told:
        known = generations[unit.code]
        if known and not unit.name:
            continue
        if not known:
            known.append(_begin(session, unit, parents.get(unit.code), unit.first_day))
        elif not _told_already(known, unit, as_of):
            begins = max(as_of, unit.first_day, known[-1].valid_from + timedelta(days=1))
            known[-1].valid_until = begins
            session.flush()
            known.append(_begin(session, unit, parents.get(unit.code), begins))
    session.flush()
    return {code: units[-1] for code, units in generations.items()}


def _told_already(known: list[OrganisationUnit], unit: UnitTold, as_of: date) -> bool:
    """Whether it is the newest name, or the one still in force before an announced name begins."""
    newest = known[-1]
    in_force = [u for u in known if u.valid_from <= as_of][-1:]
    return unit.name == newest.name or (newest.valid_from > as_of and [u.name for u in in_force] == [unit.name])


def _begin(session: Session, unit: UnitTold, parent: str | None, begins: date) -> OrganisationUnit:
    name = unit.name or unit.code
    generation = OrganisationUnit(code=unit.code, name=name, parent_code=parent, valid_from=begins)
    session.add(generation)
    return generation
