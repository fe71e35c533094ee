"""The life of a grant: who has what, from when to when. A grant is a decision; whether the directory agrees is read.

    planned ──begin──► in_force ──suspend──► suspended ──resume──► in_force
       │                  │                     │
       └──────end─────────┴────────end──────────┴──► ended

Suspension reasons are a set: access returns only when it is empty.
"""

from enum import StrEnum

from idm.errors import IllegalTransition


class GrantState(StrEnum):
    """State of a grant."""

    PLANNED = "planned"
    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    ENDED = "ended"


class GrantEvent(StrEnum):
    """What can happen to it."""

    BEGIN = "begin"
    SUSPEND = "suspend"
    RESUME = "resume"
    END = "end"


class SuspensionReason(StrEnum):
    """Why access is held back. Several may hold at once."""

    LEAVE = "leave"
    MISSING_FACTOR = "missing_factor"
    LOST_CARD = "lost_card"
    NOT_NEEDED = "not_needed"


class EndReason(StrEnum):
    """Why a grant ended."""

    REQUESTED = "requested"
    EXPIRED = "expired"
    LEFT = "left"
    POST_LOST = "post_lost"
    """The post that a privileged right rests on (control D7)."""
    REVIEWED = "reviewed"
    """A review (棚卸し) found that it is not needed, or nobody answered for it (control A10)."""
    GIVEN_BACK = "given_back"
    """Its holder said that it is not needed any more, where the profile takes note of that (control A8)."""
    ID_GONE = "id_gone"
    """The shared ID that the right lets somebody use is no longer registered (A13)."""
    SERVICE_ENDED = "service_ended"
    """The external service is not used any more (control I3)."""


TRANSITIONS: dict[tuple[GrantState, GrantEvent], GrantState] = {
    (GrantState.PLANNED, GrantEvent.BEGIN): GrantState.IN_FORCE,
    (GrantState.PLANNED, GrantEvent.END): GrantState.ENDED,
    (GrantState.IN_FORCE, GrantEvent.SUSPEND): GrantState.SUSPENDED,
    (GrantState.IN_FORCE, GrantEvent.END): GrantState.ENDED,
    (GrantState.SUSPENDED, GrantEvent.SUSPEND): GrantState.SUSPENDED,
    (GrantState.SUSPENDED, GrantEvent.RESUME): GrantState.IN_FORCE,
    (GrantState.SUSPENDED, GrantEvent.END): GrantState.ENDED,
}


def after(state: GrantState, event: GrantEvent) -> GrantState:
    """The state that follows. Raises IllegalTransition when the event may not happen in that state."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise IllegalTransition(f"この権限は「{TITLES[state]}」の状態のため、この操作はできません。")
    return following


TITLES = {
    GrantState.PLANNED: "開始前",
    GrantState.IN_FORCE: "有効",
    GrantState.SUSPENDED: "停止中",
    GrantState.ENDED: "終了",
}
