"""The life of one use of a privileged ID: it opens for a task, for so many hours, and leaves nothing behind (D6).

    asked ──┬─ approve ──► approved ──┬─ open ─────► open ── end ──► ending ── close ──► ended
            ├─ refuse ───► refused    ├─ withdraw ─► withdrawn
            ├─ withdraw ─► withdrawn  └─ lapse ────► lapsed
            └─ lapse ────► lapsed

`approve` is somebody else's decision, or the profile's where it asks for none; an emergency use is approved by nobody
and told to two people at once. `open` means that a worker is to make the directory so; whether it is, is read back
(`opened_at`). `ending`: nothing of it is wanted any more, and the directory was not read back without it yet.

A use has a time of its own, its window, from the moment it is permitted: it opens within it and ends with it, so that
permitted uses of one ID that do not overlap never meet. Whoever wants it `at once` has the hours from the permission;
whoever names a beginning has the hours from there, whenever it was permitted.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from idm.errors import IllegalTransition
from idm.vocabulary import USE_STATE_TITLES, UseState


class UseEvent(StrEnum):
    """What can happen to a use."""

    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    OPEN = "open"
    END = "end"
    CLOSE = "close"


TRANSITIONS: dict[tuple[UseState, UseEvent], UseState] = {
    (UseState.ASKED, UseEvent.APPROVE): UseState.APPROVED,
    (UseState.ASKED, UseEvent.REFUSE): UseState.REFUSED,
    (UseState.ASKED, UseEvent.WITHDRAW): UseState.WITHDRAWN,
    (UseState.ASKED, UseEvent.LAPSE): UseState.LAPSED,
    (UseState.APPROVED, UseEvent.WITHDRAW): UseState.WITHDRAWN,
    (UseState.APPROVED, UseEvent.LAPSE): UseState.LAPSED,
    (UseState.APPROVED, UseEvent.OPEN): UseState.OPEN,
    (UseState.OPEN, UseEvent.END): UseState.ENDING,
    (UseState.ENDING, UseEvent.CLOSE): UseState.ENDED,
}
UNDER_WAY = frozenset({UseState.OPEN, UseState.ENDING})
"""In these an ID is taken: nothing else of it opens meanwhile."""
LIVE = UNDER_WAY | {UseState.APPROVED}
"""Permitted, and not over."""
HOLDING = LIVE - {UseState.ENDING}
"""These hold their window of the ID: no other use is permitted that overlaps it."""
BEFOREHAND = timedelta(minutes=15)
"""How long before the beginning somebody can say that they are there to attend."""
ATTENDANCE_HOLDS = BEFOREHAND + timedelta(minutes=10)
"""For so long a use may begin on what its attendant said: the worker may come a little late, not hours."""


def is_attended(attended_at: datetime | None, *, now: datetime) -> bool:
    """Whether somebody has said lately enough that they are there, for a use to begin on it (D3)."""
    return attended_at is not None and now - attended_at <= ATTENDANCE_HOLDS


class Times(Protocol):
    """What says when a use is, or would be."""

    @property
    def state(self) -> UseState: ...
    @property
    def asked_at(self) -> datetime: ...
    @property
    def wanted_from(self) -> datetime: ...
    @property
    def hours(self) -> int: ...
    @property
    def decided_at(self) -> datetime | None: ...
    @property
    def opens_at(self) -> datetime | None: ...
    @property
    def ends_at(self) -> datetime | None: ...


@dataclass(frozen=True)
class Window:
    """A time with a beginning and an end that is not part of it; it is empty where the end comes first."""

    begins: datetime
    until: datetime

    def overlaps(self, other: "Window") -> bool:
        """Whether some moment is in both."""
        return max(self.begins, other.begins) < min(self.until, other.until)


class Lapse(StrEnum):
    """Why a use that has not begun is none any more."""

    UNANSWERED = "unanswered"
    NOT_AT_ONCE = "not_at_once"
    PASSED = "passed"


def is_wanted_at_once(use: Times) -> bool:
    """Whether it is to begin as soon as it is permitted, and not at a time that was named."""
    return use.wanted_from <= use.asked_at


def window_of(use: Times, *, now: datetime) -> Window:
    """When the use is open; of one that is not open yet, what is left of its time if it is permitted now, or was."""
    if use.opens_at is not None and use.ends_at is not None:
        return Window(use.opens_at, use.ends_at)
    begins = use.wanted_from
    if is_wanted_at_once(use):
        begins = now if use.state is UseState.ASKED else use.decided_at or use.asked_at
    # A directory knows whole seconds: what it is told is what it shows.
    return Window(max(begins, now), (begins + timedelta(hours=use.hours)).replace(microsecond=0))


def lapse_of(use: Times, *, asked_hours: int, at_once_hours: int, now: datetime) -> Lapse | None:
    """Why a use that has not begun is none any more by the clock; None = it still may begin."""
    waited = now - use.asked_at if use.state is UseState.ASKED else timedelta()
    if waited >= timedelta(hours=asked_hours):
        return Lapse.UNANSWERED
    if is_wanted_at_once(use) and waited >= timedelta(hours=at_once_hours):
        return Lapse.NOT_AT_ONCE
    return Lapse.PASSED if window_of(use, now=now).until <= now else None


def after(state: UseState, event: UseEvent) -> UseState:
    """The state that follows. Raises IllegalTransition when the event may not happen in that state."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise IllegalTransition(f"この利用は「{USE_STATE_TITLES[state]}」の状態のため、この操作はできません。")
    return following
