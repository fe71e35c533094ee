"""For each person of a personnel plan: the day their rights are judged on, and the kind of application that makes."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.employment_kind import EmploymentKind
from idm.models.people import Employment
from idm.personnel_plan import Changed, PersonnelPlan, posts_of
from idm.vocabulary import LineEffect, RequestAction
from idm.wanted_account import employed_until


@dataclass(frozen=True)
class Affected:
    """One person whom a plan touches. `day` is the day on which the change takes effect."""

    person_id: int
    day: date
    action: RequestAction
    leaving: bool
    fixed_end: date | None

    def until(self, effect: LineEffect) -> date | None:
        """The end of a right by post: a fixed term's own end, none for the rest."""
        return self.fixed_end if effect is LineEffect.GRANT else None


def affected(session: Session, personnel: PersonnelPlan, joined: list[Employment]) -> list[Affected]:
    """Everyone whose rights may change, once each. A successor employment at the instant of an end is no leaving.

    `joined` are the employments of `personnel.joiners`, in their order.
    """
    people: dict[int, Affected] = {}
    for employment, joiner in zip(joined, personnel.joiners, strict=True):
        action = RequestAction.REGISTER if joiner.continues is None else RequestAction.CHANGE
        day = max(employment.valid_from, personnel.as_of)
        _add(people, Affected(employment.person_id, day, action, False, _fixed_end(employment)))
    joined_ids = set(people)
    for change in personnel.changes:
        if change.known.person_id not in joined_ids:
            _add(people, _changed(session, change, personnel.as_of))
    return list(people.values())


def _add(people: dict[int, Affected], one: Affected) -> None:
    """Of two employments of one person, the later day counts: then both have changed."""
    known = people.get(one.person_id)
    if known is None or known.day < one.day:
        people[one.person_id] = one


def _changed(session: Session, change: Changed, as_of: date) -> Affected:
    employment = session.get_one(Employment, change.known.employment_id)
    days = [as_of, *(row.assigned_from for row in change.rows if posts_of([row]) & change.added)]
    if change.stops_earlier and change.valid_until is not None:
        periods = session.execute(
            select(Employment.valid_from, Employment.valid_until).where(Employment.person_id == employment.person_id)
        )
        goes_on, _ = employed_until([(begins, ends) for begins, ends in periods], change.valid_until)
        if not goes_on:
            return Affected(employment.person_id, change.valid_until, RequestAction.REMOVE, True, None)
        days.append(change.valid_until)
    return Affected(employment.person_id, max(days), RequestAction.CHANGE, False, _fixed_end(employment))


def _fixed_end(employment: Employment) -> date | None:
    """Contractors' rights carry an end of their own (FK 6-3(2)⑪); everyone else's follow the employment."""
    return employment.valid_until if employment.kind is EmploymentKind.CONTRACTOR else None
