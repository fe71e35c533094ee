"""Lists of what is owed: non-regular staff without a consent on record, and services reported as not needed (A11, A12).

Section managers see their own units, HR all of them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, exists, select, true
from sqlalchemy.orm import Session, aliased

from idm.models.outside import Consent, ServiceBlock
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.periods import not_over_on
from idm.policy import Policy
from idm.publication import Reader
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.organisation.publication import public


@dataclass(frozen=True)
class BlockRow:
    """One report: who, what and why, by whom, and who took it back."""

    block: ServiceBlock
    person: PersonCard
    reported_by: str
    lifted_by: str | None


@dataclass(frozen=True)
class ConsentRow:
    """One consent on record."""

    consent: Consent
    person: PersonCard
    recorded_by: str


def without_consent(
    session: Session, units: Collection[str] | None, *, policy: Policy, day: date, unpublished: bool = False
) -> list[PersonCard]:
    """Those employed, or about to be, in a kind that needs a consent, without one on record; by reading.

    `unpublished`: also those whose appointment is not published yet, for whoever may see that.
    """
    ids = session.scalars(
        select(Person.id)
        .where(
            exists().where(
                Employment.person_id == Person.id,
                Employment.kind.in_(policy.outside.consent_kinds),
                not_over_on(Employment, day),
                public(Employment, Reader(day, may_see=unpublished)),
            ),
            ~exists().where(Consent.person_id == Person.id),
            _in_units(units, day),
        )
        .order_by(Person.kana, Person.id)
    ).all()
    cards = person_cards(session, ids, day=day)
    return [cards[person_id] for person_id in ids]


def last_consents(session: Session, units: Collection[str] | None, *, day: date, limit: int) -> list[ConsentRow]:
    """The consents recorded last, newest first."""
    recorder = aliased(Person)
    rows = session.execute(
        select(Consent, recorder.name)
        .join(Person, Consent.person_id == Person.id)
        .join(recorder, Consent.recorded_by_id == recorder.id)
        .where(_in_units(units, day))
        .order_by(Consent.id.desc())
        .limit(limit)
    ).all()
    cards = person_cards(session, [consent.person_id for consent, _ in rows], day=day)
    return [ConsentRow(consent, cards[consent.person_id], name) for consent, name in rows]


def consents_of(session: Session, person_id: int) -> list[Consent]:
    """The consents of one person, newest first."""
    return list(
        session.scalars(select(Consent).where(Consent.person_id == person_id).order_by(Consent.given_on.desc()))
    )


def block_rows(session: Session, units: Collection[str] | None, *, day: date, limit: int = 200) -> list[BlockRow]:
    """The reports, open ones first, then newest first."""
    reporter, lifter = aliased(Person), aliased(Person)
    rows = session.execute(
        select(ServiceBlock, reporter.name, lifter.name)
        .join(Person, ServiceBlock.person_id == Person.id)
        .join(reporter, ServiceBlock.reported_by_id == reporter.id)
        .outerjoin(lifter, ServiceBlock.lifted_by_id == lifter.id)
        .where(_in_units(units, day))
        .order_by(ServiceBlock.lifted_at.is_not(None), ServiceBlock.id.desc())
        .limit(limit)
    ).all()
    cards = person_cards(session, [block.person_id for block, _, _ in rows], day=day)
    return [BlockRow(block, cards[block.person_id], reported, lifted) for block, reported, lifted in rows]


def _in_units(units: Collection[str] | None, day: date) -> ColumnElement[bool]:
    if units is None:
        return true()
    return exists(
        select(Assignment.id)
        .join(Employment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(
            Employment.person_id == Person.id,
            OrganisationUnit.code.in_(units),
            not_over_on(Employment, day),
            not_over_on(Assignment, day),
            public(Assignment, Reader(day)),
            public(Employment, Reader(day)),
        )
    )
