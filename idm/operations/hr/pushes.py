"""People pushed by another system: kept as they were told, and carried out as the line of a personnel file (A7).

Everything a file meets is met here: the profile's codes, held rows, questions of identity, publication, the safety
limits and the audit record. What would pass a limit is kept and not carried out: HR takes it up as a file, looks at it,
and plans a batch that another permits. No right comes in this way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import NotFound, PushConflict, SafetyLimit
from idm.feed.profile import FeedProfile, load_feed_profile
from idm.feed.pushed_line import EMPLOYMENT, file_of, require_for_pushes, value_of
from idm.models.feeds import FeedSource
from idm.models.pushes import PushedPerson
from idm.operations.hr import feed_import, feed_notices
from idm.policy import Policy
from idm.queries.governance.configuration import feed_text_in_force

LEFT_ON, BIRTH_DATE = "leftOn", "birthDate"
STOPPED = "安全のための上限を超えるため、送られた人の変更を止めています。"
TAKEN = "{what}「{value}」の人は、すでに送られています。"


@dataclass(frozen=True, kw_only=True)
class CarryingOut:
    """Into which feed, with which secret for match keys, in whose name, by which rules and when."""

    feed: str
    match_secret: bytes = field(repr=False)
    actor: Actor
    policy: Policy
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Pushing(CarryingOut):
    """The same, and by which token."""

    token_id: int


def find(session: Session, feed: str, person_id: str) -> PushedPerson:
    """The person of that id. Raises NotFound, also for those of other feeds."""
    found = session.get(PushedPerson, person_id, with_for_update=True, populate_existing=True)
    if found is None or found.feed != feed or found.withdrawn_at is not None:
        raise NotFound("この人は送られていません。")
    return found


def create(session: Session, resource: Mapping[str, Any], *, by: Pushing) -> PushedPerson:
    """Afterwards the person is known as told, or waits. Raises PushConflict, FeedRefused, ConfigurationInvalid."""
    person = PushedPerson(
        id=str(uuid4()), feed=by.feed, token_id=by.token_id, created_at=by.now, changed_at=by.now, user_name="",
        staff_number="", resource={},
    )  # fmt: skip
    _tell(session, person, resource, by)
    return person


def change(session: Session, person: PushedPerson, resource: Mapping[str, Any], *, by: Pushing) -> None:
    """Afterwards the person is known as told now, or waits. Raises as `create` does."""
    _tell(session, person, resource, by)


def withdraw(session: Session, person: PushedPerson, *, by: Pushing) -> None:
    """Afterwards the person leaves today unless an end was told, and the other system sees them no more.

    Nothing that is known of them is deleted: how long that is kept is decided elsewhere.
    """
    _tell(session, person, {**person.resource, "active": False}, by)
    person.withdrawn_at = by.now


def settle(session: Session, *, by: CarryingOut) -> int:
    """Afterwards nobody waits any more with whom there is nothing left to stop: HR has seen to it. Returns how many."""
    waiting = session.scalars(
        select(PushedPerson).where(PushedPerson.feed == by.feed, PushedPerson.waiting_since.is_not(None))
    ).all()
    return sum(_carry_out(session, person, person.resource, by, quiet=True) for person in waiting)


def waiting_file(session: Session, feed: str, *, now: datetime) -> bytes | None:
    """Everybody of the feed who waits, as one personnel file; None = nobody does."""
    waiting = session.scalars(
        select(PushedPerson)
        .where(PushedPerson.feed == feed, PushedPerson.waiting_since.is_not(None))
        .order_by(PushedPerson.waiting_since, PushedPerson.id)
    ).all()
    return file_of([one.resource for one in waiting], _profile(session, feed, now=now)) if waiting else None


def _profile(session: Session, feed: str, *, now: datetime) -> FeedProfile:
    profile = load_feed_profile(feed_text_in_force(session, feed, now=now), feed)
    require_for_pushes(profile, feed)
    return profile


def _tell(session: Session, person: PushedPerson, resource: Mapping[str, Any], by: Pushing) -> None:
    told = _with_an_end(resource, person.resource, by.now)
    profile = _profile(session, by.feed, now=by.now)
    user_name, number = str(told.get("userName", "")), value_of(told, profile.columns.staff_number[0])
    _require_free(session, person, user_name, number)
    if person.staff_number not in ("", number):
        raise PushConflict("職員番号は変えられません。再任用などで番号が変わる人は、新しい番号で送ってください。")
    _carry_out(session, person, told, by)
    person.user_name, person.staff_number = user_name.casefold(), number
    person.external_id = told.get("externalId")
    person.resource, person.changed_at, person.token_id = _without_birth_date(told), by.now, by.token_id
    session.add(person)
    session.flush()


def _with_an_end(resource: Mapping[str, Any], before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The same with a last day: whoever is not active any more leaves today, where no day was told.

    One who is active again has none; the day that was told before goes with what it was told for.
    """
    told = dict(resource)
    employment = dict(told.get(EMPLOYMENT) or {})
    if told.get("active") is False and not employment.get(LEFT_ON):
        employment[LEFT_ON] = day_of(now).isoformat()
    elif told.get("active") is not False and before.get("active") is False:
        employment.pop(LEFT_ON, None)
    if employment:
        told[EMPLOYMENT] = employment
    return told


def _without_birth_date(told: Mapping[str, Any]) -> dict[str, Any]:
    employment = {name: said for name, said in (told.get(EMPLOYMENT) or {}).items() if name != BIRTH_DATE}
    return {**told, EMPLOYMENT: employment} if EMPLOYMENT in told else dict(told)


def _require_free(session: Session, person: PushedPerson, user_name: str, number: str) -> None:
    others = select(PushedPerson.id).where(
        PushedPerson.feed == person.feed, PushedPerson.id != person.id, PushedPerson.withdrawn_at.is_(None)
    )
    if session.scalar(others.where(PushedPerson.user_name == user_name.casefold()).limit(1)) is not None:
        raise PushConflict(TAKEN.format(what="userName", value=user_name))
    if session.scalar(others.where(PushedPerson.staff_number == number).limit(1)) is not None:
        raise PushConflict(TAKEN.format(what="職員番号", value=number))


def _carry_out(
    session: Session, person: PushedPerson, resource: Mapping[str, Any], by: CarryingOut, *, quiet: bool = False
) -> bool:
    """Whether the records say now what was told; otherwise the person waits for HR. `quiet`: HR knows already."""
    prepared = feed_import.prepare(
        session, file_of([resource], _profile(session, by.feed, now=by.now)), feed_name=by.feed, as_of=day_of(by.now),
        match_secret=by.match_secret, policy=by.policy, now=by.now,
    )  # fmt: skip
    if prepared.assessment.excesses or (quiet and prepared.touched):
        _hold(session, person, "\n".join(excess.sentence for excess in prepared.assessment.excesses), by, quiet=quiet)
        return False
    applied = feed_import.carry_out(
        session, prepared, source=FeedSource.SCIM, match_secret=by.match_secret, actor=by.actor, policy=by.policy,
        now=by.now,
    )  # fmt: skip
    run = applied.run if applied is not None else prepared.repeated
    person.run_id = run.id if run is not None else None
    person.waiting_since = person.waiting_why = None
    return True


def _hold(session: Session, person: PushedPerson, why: str, by: CarryingOut, *, quiet: bool) -> None:
    if quiet:
        return
    others = select(PushedPerson.id).where(PushedPerson.feed == by.feed, PushedPerson.waiting_since.is_not(None))
    first = session.scalar(others.limit(1)) is None
    person.waiting_since, person.waiting_why = person.waiting_since or by.now, why
    audit.record(
        session, action="push.held", actor=by.actor, obj=("pushed_person", person.id), now=by.now,
        payload={"feed": by.feed, "why": why}, policy_digest=by.policy.digest,
    )  # fmt: skip
    if first:  # one notice, not one for each of a hundred
        message = f"{STOPPED}\n{why}\n画面の「人事データ」で確かめてください。"
        feed_notices.tell_refused(session, by.feed, FeedSource.SCIM, SafetyLimit(message), now=by.now)
