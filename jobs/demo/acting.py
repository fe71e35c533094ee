"""One act of one of the demonstration's people: an ordinary operation, in their name, at the demonstration's clock."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.models.people import Employment, Person
from idm.queries.governance.configuration import policy_in_force
from idm.unit_of_work import unit_of_work
from jobs.demo.cast import CAST
from jobs.installation import Installation

Answer = TypeVar("Answer")


def act_as(
    installation: Installation, who: str, attempted: str, obj: tuple[str, str | int], operation: Callable[..., Answer],
    /, *given: Any, **named: Any,
) -> Answer:  # fmt: skip
    """What the operation answers, done by one of the cast who has just given a second factor. Raises its refusals."""
    now = installation.clock()
    with installation.database.reading() as session:
        actor, policy = actor_of(session, who, now=now), policy_in_force(session, now=now)
    with unit_of_work(installation.database, actor=actor, now=now, attempted=attempted, obj=obj) as session:
        return operation(session, *given, **named, actor=actor, policy=policy, now=now)


def person_with(session: Session, staff_number: str) -> Person:
    """Who has that staff number."""
    return session.scalars(
        select(Person)
        .join(Employment, Employment.person_id == Person.id)
        .where(Employment.staff_number == staff_number)
    ).one()


def person_id_of(installation: Installation, who: str) -> int:
    """The id of one of the cast, or of whoever has that staff number."""
    with installation.database.reading() as session:
        return person_with(session, CAST[who][0] if who in CAST else who).id


def actor_of(session: Session, role: str, *, now: datetime) -> Actor:
    """One of the cast, who has just given a second factor."""
    person = person_with(session, CAST[role][0])
    return Actor(person.id, person.name, second_factor_at=now)
