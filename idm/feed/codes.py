"""What the words of a personnel system mean: its codes for events, absences, leavings and kinds of line.

The code maps are data of the profile. A word of an event may say more than its kind: "leave_begin/childcare",
"retire/death", "transfer/cancelled".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from idm.personnel_event import AbsenceKind, EventKind, LeavingKind
from idm.toml_values import nearest

CANCELLED = "cancelled"
"""The part of an event's code that says 発令取消."""

Nothing = Literal["none"]
"""The code of "no absence" or "not leaving", where a system has a word for it."""


class PostKind(StrEnum):
    """Whether a row is a person's own post (本務) or one held beside it (兼務)."""

    PRIMARY = "primary"
    CONCURRENT = "concurrent"


class FeedShape(StrEnum):
    """What the lines of a file are: everybody employed, the events of some days, or both."""

    SNAPSHOT = "snapshot"
    EVENTS = "events"
    BOTH = "both"


class RecordKind(StrEnum):
    """What one line of a file of both kinds is (レコード区分)."""

    SNAPSHOT = "snapshot"
    EVENT = "event"


ABSENT = frozenset({EventKind.LEAVE_BEGIN, EventKind.LEAVE_END, EventKind.SECOND_OUT, EventKind.SECOND_RETURN})
"""Events whose code may name an absence."""

LEAVING = frozenset({EventKind.RETIRE, EventKind.TERM_END})
"""Events whose code may name why somebody leaves."""


@dataclass(frozen=True)
class EventCode:
    """What one word of the export says of an event."""

    kind: EventKind
    absence: AbsenceKind | None = None
    leaving: LeavingKind | None = None
    cancelled: bool = False


def event_code(text: str) -> EventCode:
    """The meaning of "kind", "kind/absence", "kind/leaving", each also with "/cancelled". Raises ValueError."""
    word, *parts = text.split("/")
    kind = EventKind(_known(word, EventKind))
    cancelled = CANCELLED in parts
    rest = [part for part in parts if part != CANCELLED]
    if len(rest) > 1 or len(parts) - len(rest) > 1 or (rest and kind not in ABSENT | LEAVING):
        raise ValueError(f"「{text}」は書けません。「{kind}」のあとに書けるものを確かめてください。")
    if not rest:
        return EventCode(kind, cancelled=cancelled)
    if kind in ABSENT:
        return EventCode(kind, absence=AbsenceKind(_known(rest[0], AbsenceKind)), cancelled=cancelled)
    return EventCode(kind, leaving=LeavingKind(_known(rest[0], LeavingKind)), cancelled=cancelled)


def event_code_mistakes(codes: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Each word whose meaning cannot be read, with the reason."""
    for word, text in codes.items():
        if isinstance(text, str):
            try:
                event_code(text)
            except ValueError as refusal:
                yield word, str(refusal)


def _known(word: str, kinds: type[StrEnum]) -> str:
    known = [kind.value for kind in kinds]
    if word not in known:
        near = nearest(word, known)
        hint = f"（「{near}」のことですか）" if near else f"（使えるのは {'・'.join(known)}）"
        raise ValueError(f"「{word}」は決められた値ではありません{hint}。")
    return word
