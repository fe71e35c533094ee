"""What falls due to one right on one day: the calendar's side of a working life, as a table and a function. Pure.

    the person has left                         stop       (and nothing else)
    the right is over                           expire     (and nothing else)
    the post it rests on is lost                post_lost  (and nothing else; control D7)
    another came in that post's place           post_moved
    the person is absent, the reason is new     suspend
    the person is back, the reason still open   resume
    the right is planned, its day has come      begin      (suspended, while a reason is open)

Whoever has yet to begin has not left, and a right for a time to come waits for the employment of that time. Somebody is
absent when every employment that holds on the day is under an absence that suspends (FK 6-2(2)①, control A7).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from idm.calendar_days import Period, holds
from idm.grant_state import GrantState
from idm.vocabulary import SafetyAction


class Due(StrEnum):
    """What can fall due, in the order in which a run carries it out."""

    STOP = "stop"
    POST_MOVED = "post_moved"
    POST_LOST = "post_lost"
    SUSPEND = "suspend"
    RESUME = "resume"
    BEGIN = "begin"
    EXPIRE = "expire"
    DELETE = "delete"
    LAPSE = "lapse"


DUE_TITLES = {
    Due.STOP: "離職による停止",
    Due.POST_MOVED: "組織改正による特権の引継ぎ",
    Due.POST_LOST: "異動による特権の終了",
    Due.SUSPEND: "休職等による停止",
    Due.RESUME: "復職による再開",
    Due.BEGIN: "権限の開始",
    Due.EXPIRE: "権限の終了",
    Due.DELETE: "利用者IDの削除",
    Due.LAPSE: "申請の失効",
}
LIMITED = {
    Due.STOP: SafetyAction.STOP,
    Due.POST_LOST: SafetyAction.REVOKE,
    Due.SUSPEND: SafetyAction.SUSPEND,
    Due.EXPIRE: SafetyAction.REVOKE,
}
"""What a safety limit counts; the rest gives, or takes nothing from anybody."""


@dataclass(frozen=True)
class Service:
    """One employment and the absences within it that suspend."""

    valid_from: date
    valid_until: date | None
    absences: tuple[Period, ...] = ()


@dataclass(frozen=True)
class Standing:
    """How somebody stands to the office on a day. An account of nobody's is neither employed nor gone."""

    employed: bool
    left: bool
    coming: bool
    absent: bool
    somebody: bool = True


NOBODY = Standing(employed=False, left=False, coming=False, absent=False, somebody=False)


@dataclass(frozen=True)
class RightFacts:
    """One live right. `on_leave`: the reason leave is open. `post_lost`: its holder lost the post it rests on.

    `post_moved`: its holder has the post that came in that one's place.
    """

    state: GrantState
    valid_from: date
    valid_until: date | None
    on_leave: bool
    post_lost: bool = False
    post_moved: bool = False


def standing(services: Iterable[Service], day: date) -> Standing:
    """How somebody with these employments stands on the day."""
    services = tuple(services)
    held = [service for service in services if holds(service.valid_from, service.valid_until, day)]
    return Standing(
        employed=bool(held),
        left=any(service.valid_until is not None and service.valid_until <= day for service in services),
        coming=any(service.valid_from > day for service in services),
        absent=bool(held) and all(_away(service, day) for service in held),
    )


def _away(service: Service, day: date) -> bool:
    return any(holds(begins, ends, day) for begins, ends in service.absences)


def due_on(right: RightFacts, person: Standing, day: date) -> tuple[Due, ...]:
    """What falls due to the right on the day, in the order in which it is carried out; empty = nothing."""
    if right.state is GrantState.ENDED:
        return ()
    if _has_left(right, person):
        return (Due.STOP,)
    if right.valid_until is not None and right.valid_until <= day:
        return (Due.EXPIRE,)
    if right.post_lost:
        return (Due.POST_LOST,)
    begins = right.state is GrantState.PLANNED and right.valid_from <= day and (person.employed or not person.somebody)
    due = [Due.POST_MOVED] if right.post_moved else []
    if person.absent and not right.on_leave and (begins or right.state is not GrantState.PLANNED):
        due.append(Due.SUSPEND)
    if right.on_leave and not person.absent:
        due.append(Due.RESUME)
    return (*due, Due.BEGIN) if begins else tuple(due)


def _has_left(right: RightFacts, person: Standing) -> bool:
    """Not employed, and not waiting for an employment to come: a right in force waits only for somebody's first."""
    waits = person.coming and (right.state is GrantState.PLANNED or not person.left)
    return person.somebody and not person.employed and not waits
