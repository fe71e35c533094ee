"""Who is told for somebody who has no mail address: who answers for them, or the manager of their section (D3)."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.outside import Sponsorship
from idm.models.people import Person
from idm.queries.factors.authenticators import units_of_owner
from idm.queries.rights.leaving import SectionManagers


def told_for(session: Session, person_ids: Collection[int], day: date) -> dict[int, frozenset[int]]:
    """Person → who reads what they are told: themselves, or else their sponsor, or else who manages their section."""
    told = {person_id: frozenset({person_id}) for person_id in person_ids}
    without = set(session.scalars(select(Person.id).where(Person.id.in_(person_ids), Person.mail.is_(None))))
    if not without:
        return told
    sponsors = defaultdict[int, set[int]](set)
    answering = (
        select(Sponsorship.person_id, Sponsorship.sponsor_id)
        .join(Person, Sponsorship.sponsor_id == Person.id)
        .where(
            Sponsorship.person_id.in_(without), Sponsorship.ended_at.is_(None), Sponsorship.accepted_at.is_not(None),
            Person.mail.is_not(None),
        )
    )  # fmt: skip
    for person_id, sponsor in session.execute(answering):
        sponsors[person_id].add(sponsor)
    managers = SectionManagers.on(session, day)
    for person_id in without:
        told[person_id] = frozenset(sponsors[person_id]) or frozenset().union(
            *(managers.of(unit, without=frozenset({person_id})) for unit in units_of_owner(session, person_id, day))
        )
    return told
