"""The life of a written application (申請書), of one line of it, and of one approval step.

    application   draft ──use_standing─► approved         (every line covered by a standing approval)
                  draft ──submit──► submitted ──┬─ settle_approved ─► approved
                                                ├─ settle_returned ─► returned
                                                ├─ settle_rejected ─► rejected
                                                ├─ withdraw ───────► withdrawn
                                                └─ lapse ──────────► lapsed
    line          pending ──┬─ approve ─► approved        (when its last step is approved)
                            ├─ use_standing ─► approved   (without steps: a standing approval covers it)
                            ├─ return ──► returned
                            ├─ reject ──► rejected
                            ├─ withdraw ► withdrawn
                            └─ lapse ───► lapsed
    step          pending ──┬─ approve ─► approved
                            ├─ return ──► returned
                            ├─ reject ──► rejected
                            └─ close ───► closed          (its line ended without it)

Every state but draft, submitted and pending is final: a returned application is corrected by a new one that cites it
(FK 6-2(1)①, control A1). An application settles when its last line is final: approved if any line was approved,
otherwise returned if any was returned, otherwise rejected. One reader, `after`, is the only way to a next state.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import TypeVar, cast

from idm.errors import IllegalTransition


class RequestState(StrEnum):
    """State of an application."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    RETURNED = "returned"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class LineState(StrEnum):
    """State of one decidable line."""

    PENDING = "pending"
    APPROVED = "approved"
    RETURNED = "returned"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class StepState(StrEnum):
    """State of one approval step of one line."""

    PENDING = "pending"
    APPROVED = "approved"
    RETURNED = "returned"
    REJECTED = "rejected"
    CLOSED = "closed"


class Event(StrEnum):
    """What can happen to any of them."""

    SUBMIT = "submit"
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    CLOSE = "close"
    USE_STANDING = "use_standing"
    SETTLE_APPROVED = "settle_approved"
    SETTLE_RETURNED = "settle_returned"
    SETTLE_REJECTED = "settle_rejected"


State = TypeVar("State", RequestState, LineState, StepState)

REQUEST: dict[tuple[RequestState, Event], RequestState] = {
    (RequestState.DRAFT, Event.SUBMIT): RequestState.SUBMITTED,
    (RequestState.DRAFT, Event.USE_STANDING): RequestState.APPROVED,
    (RequestState.SUBMITTED, Event.SETTLE_APPROVED): RequestState.APPROVED,
    (RequestState.SUBMITTED, Event.SETTLE_RETURNED): RequestState.RETURNED,
    (RequestState.SUBMITTED, Event.SETTLE_REJECTED): RequestState.REJECTED,
    (RequestState.SUBMITTED, Event.WITHDRAW): RequestState.WITHDRAWN,
    (RequestState.SUBMITTED, Event.LAPSE): RequestState.LAPSED,
}
LINE: dict[tuple[LineState, Event], LineState] = {
    (LineState.PENDING, Event.APPROVE): LineState.APPROVED,
    (LineState.PENDING, Event.USE_STANDING): LineState.APPROVED,
    (LineState.PENDING, Event.RETURN): LineState.RETURNED,
    (LineState.PENDING, Event.REJECT): LineState.REJECTED,
    (LineState.PENDING, Event.WITHDRAW): LineState.WITHDRAWN,
    (LineState.PENDING, Event.LAPSE): LineState.LAPSED,
}
STEP: dict[tuple[StepState, Event], StepState] = {
    (StepState.PENDING, Event.APPROVE): StepState.APPROVED,
    (StepState.PENDING, Event.RETURN): StepState.RETURNED,
    (StepState.PENDING, Event.REJECT): StepState.REJECTED,
    (StepState.PENDING, Event.CLOSE): StepState.CLOSED,
}

# Kept apart per machine: members of different StrEnums with one spelling are equal, so one merged table would let an
# event of one machine move another.
TRANSITIONS: dict[type[RequestState] | type[LineState] | type[StepState], object] = {
    RequestState: REQUEST,
    LineState: LINE,
    StepState: STEP,
}


def after(state: State, event: Event) -> State:
    """The state that follows. Raises IllegalTransition when the event may not happen in that state."""
    table = cast("dict[tuple[State, Event], State]", TRANSITIONS[type(state)])
    following = table.get((state, event))
    if following is None:
        raise IllegalTransition(f"この申請は「{TITLES[state.value]}」の状態のため、この操作はできません。")
    return following


def settlement(lines: Collection[LineState]) -> Event | None:
    """The event that settles an application whose lines are these; None while one is undecided."""
    if LineState.PENDING in lines:
        return None
    if LineState.APPROVED in lines:
        return Event.SETTLE_APPROVED
    if set(lines) == {LineState.LAPSED}:
        return Event.LAPSE
    return Event.SETTLE_RETURNED if LineState.RETURNED in lines else Event.SETTLE_REJECTED


TITLES = {
    "draft": "下書き",
    "submitted": "審査中",
    "pending": "審査中",
    "approved": "承認済み",
    "returned": "差戻し",
    "rejected": "却下",
    "withdrawn": "取下げ",
    "lapsed": "失効",
    "closed": "終了",
}
"""What people read for each state. "Approved" is never "done": that is read from the directory."""
