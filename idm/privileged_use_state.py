"""The life of one use of a privileged ID: it opens for a task, for so many hours, and leaves nothing behind (D6).

    asked ──┬─ approve ──► approved ──┬─ open ─────► open ── end ──► ending ── close ──► ended
            ├─ refuse ───► refused    ├─ withdraw ─► withdrawn
            ├─ withdraw ─► withdrawn  └─ lapse ────► lapsed
            └─ lapse ────► lapsed

`approve` is somebody else's decision, or the profile's where it asks for none; an emergency use is approved by nobody
and told to two people at once. `open` means that a worker is to make the directory so; whether it is, is read back
(`opened_at`). `ending`: nothing of it is wanted any more, and the directory was not read back without it yet.
"""

from datetime import datetime, timedelta
from enum import StrEnum

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
LIVE = frozenset({UseState.APPROVED, UseState.OPEN, UseState.ENDING})
"""In these an ID is taken: nobody else uses it meanwhile."""
BEFOREHAND = timedelta(minutes=15)
"""How long before the beginning somebody can say that they are there to attend."""
ATTENDANCE_HOLDS = BEFOREHAND + timedelta(minutes=10)
"""For so long a use may begin on what its attendant said: the worker may come a little late, not hours."""


def is_attended(attended_at: datetime | None, *, now: datetime) -> bool:
    """Whether somebody has said lately enough that they are there, for a use to begin on it (D3)."""
    return attended_at is not None and now - attended_at <= ATTENDANCE_HOLDS


def after(state: UseState, event: UseEvent) -> UseState:
    """The state that follows. Raises IllegalTransition when the event may not happen in that state."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise IllegalTransition(f"この利用は「{USE_STATE_TITLES[state]}」の状態のため、この操作はできません。")
    return following
