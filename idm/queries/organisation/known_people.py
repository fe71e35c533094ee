"""The people an account may belong to that was there before us, as `idm.directory.correlation` compares them."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of, holds
from idm.directory.correlation import Known
from idm.models.going_live import FoundAccount
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.systems import Account, ChosenName, InformationSystem
from idm.queries.governance.configuration import organisation_in_force
from idm.queries.hr.feed_runs import feeds_in_force
from idm.queries.organisation.units import unit_names_on
from idm.queries.rights.login_names import made_names
from idm.vocabulary import AccountKind, FoundState


@dataclass
class _Working:
    """Somebody's employments, as far as they matter here."""

    numbers: set[str] = field(default_factory=set)
    employed: bool = False


def known_people(session: Session, system: InformationSystem, *, now: datetime) -> list[Known]:
    """Everybody on record, those who left too: an account of theirs is not somebody else's.

    Whoever is only announced (内示) is not among them: the pages that show candidates are not for that.
    """
    day = day_of(now)
    working, units = _working(session, day), _units(session, day)
    chosen, taken = _chosen(session, system.id), _with_account(session, system.id)
    rule = organisation_in_force(session, now=now).login_names
    made = made_names(session, system, dict.fromkeys(working, day), rule)
    columns = (Person.id, Person.name, Person.work_name, Person.mail)
    return [
        Known(
            person_id=person_id, staff_numbers=frozenset(working[person_id].numbers), mail=mail,
            names=frozenset({name, work_name or name}), unit_name=units.get(person_id),
            chosen_name=chosen.get(person_id), made_names=made.get(person_id, frozenset()),
            employed=working[person_id].employed, has_account=person_id in taken,
        )
        for person_id, name, work_name, mail in session.execute(select(*columns).order_by(Person.id))
        if person_id in working
    ]  # fmt: skip


def number_widths(session: Session, *, now: datetime) -> frozenset[int]:
    """To how many digits the personnel files in force fill staff numbers up."""
    feeds = (feed.profile for feed in feeds_in_force(session, now=now))
    return frozenset(profile.staff_number_width for profile in feeds if profile is not None)


def _working(session: Session, day: date) -> dict[int, _Working]:
    found: dict[int, _Working] = defaultdict(_Working)
    columns = (Employment.person_id, Employment.staff_number, Employment.valid_from, Employment.valid_until)
    published = or_(Employment.published_on.is_(None), Employment.published_on <= day)
    for person_id, number, begins, until in session.execute(select(*columns).where(published)):
        found[person_id].numbers.add(number)
        found[person_id].employed |= holds(begins, until, day) or begins > day
    return found


def _units(session: Session, day: date) -> dict[int, str]:
    """Person → the name of the unit of their primary post today."""
    names = unit_names_on(session, day)
    rows = session.execute(
        select(Employment.person_id, OrganisationUnit.code, Assignment.valid_from, Assignment.valid_until)
        .join(Assignment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Assignment.primary)
    )
    return {person: names[code] for person, code, begins, until in rows if holds(begins, until, day)}


def _chosen(session: Session, system_id: int) -> dict[int, str]:
    rows = session.execute(select(ChosenName.person_id, ChosenName.login_name).where(ChosenName.system_id == system_id))
    return dict(rows.all())


def _with_account(session: Session, system_id: int) -> Collection[int]:
    """Who has an account there already: one that is or was on the target, or a found one that a person decided on."""
    made = select(Account.person_id).where(
        Account.system_id == system_id,
        Account.kind == AccountKind.PERSONAL,
        or_(Account.external_id.is_not(None), Account.adopted_at.is_not(None)),
    )
    settled = select(FoundAccount.person_id).where(
        FoundAccount.system_id == system_id,
        FoundAccount.state == FoundState.PERSON,
        FoundAccount.kind.is_(None),
        FoundAccount.gone_at.is_(None),
        or_(FoundAccount.settled_by_id.is_not(None), FoundAccount.account_id.is_not(None)),
    )
    return {person for query in (made, settled) for person in session.scalars(query) if person is not None}
