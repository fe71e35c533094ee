"""One line of an appointment notice (発令), as the file says it: who, what and from which day. Names as received.

Which cells a line needs depends on its kind (`NEEDS`); a line that calls an event off (発令取消) needs none of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from idm.employment_kind import EmploymentKind
from idm.feed.cells import Cells
from idm.feed.codes import EventCode, PostKind
from idm.feed.row import hold_reasons
from idm.personnel_event import EVENT_TITLES, AbsenceKind, EventKind, LeavingKind

NEEDS: Mapping[EventKind, tuple[str, ...]] = {
    EventKind.HIRE: ("kana", "unit_code", "unit_name", "post", "employment_kind"),
    EventKind.TRANSFER: ("unit_code", "unit_name", "post"),
    EventKind.PROMOTE: ("post",),
    EventKind.CONCURRENT_BEGIN: ("unit_code", "unit_name", "post"),
    EventKind.CONCURRENT_END: ("former_unit_code",),
    EventKind.SECOND_OUT: (),
    EventKind.SECOND_RETURN: ("unit_code", "unit_name", "post"),
    EventKind.LEAVE_BEGIN: ("absence",),
    EventKind.LEAVE_END: (),
    EventKind.RENEW: ("term_end",),
    EventKind.NAME_CHANGE: ("kana",),
    EventKind.RETIRE: (),
    EventKind.TERM_END: (),
}
"""What a line of each kind must say besides 職員番号, 氏名, 異動区分 and 発令日."""

NEED_TITLES = {
    "kana": "カナ氏名", "unit_code": "所属コード", "unit_name": "所属名", "post": "職名", "employment_kind": "任用形態",
    "former_unit_code": "解除する所属コード", "absence": "休職等の区分", "term_end": "任期満了日",
}  # fmt: skip
"""How a refusal calls what is missing where the file has no column for it."""

_CONCURRENT = frozenset({EventKind.CONCURRENT_BEGIN, EventKind.CONCURRENT_END})
_LAST_DAYS = ("term_end", "absence_until", "left_on")


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """One event of one person on its 発令日 (`effective`, a first day; for 退職 and 任期満了 the last day of work).

    `cancelled` calls off that person's event of that kind and day (発令取消). `term_end` and `absence_until` are last
    days. `former_unit_code` and `former_post` say which post is left. `held` is why a person must look first; only then
    may `kind` be None (a word the profile does not know).
    """

    row_number: int
    staff_number: str
    name: str
    kana: str
    birth_date: date | None = field(default=None, repr=False)
    kind: EventKind | None
    effective: date
    cancelled: bool = False
    unit_code: str | None = None
    unit_name: str | None = None
    post: str | None = None
    post_kind: PostKind = PostKind.PRIMARY
    former_unit_code: str | None = None
    former_post: str | None = None
    employment_kind: EmploymentKind | None = None
    former_staff_number: str | None = None
    term_end: date | None = None
    absence: AbsenceKind | None = None
    absence_until: date | None = None
    leaving: LeavingKind | None = None
    work_name: str | None = None
    romaji: str | None = None
    mail: str | None = None
    published_on: date | None = None
    held: str | None = None


def read_event(cells: Cells) -> EventRow | None:
    """The event a record says; None where its cells have mistakes, which the cells then know."""
    codes = cells.profile.codes
    code = cells.held_code("event", codes.events, required=True)
    effective = "effective" if "effective" in cells.heading.positions else "assigned_from"
    row = _event_of(cells, code, effective)
    if row.kind is not None and not row.cancelled:
        _require_needs(cells, row, row.kind)
    cells.require_order(("birth_date", effective), *((effective, last) for last in _LAST_DAYS))
    return row if not cells.problems and not cells.record.spoiled else None


def _event_of(cells: Cells, code: EventCode | None, effective: str) -> EventRow:
    codes = cells.profile.codes
    absence = cells.held_code("absence", codes.absence, required=False)
    leaving = cells.held_code("leaving", codes.leaving, required=False)
    kind = code.kind if code else None
    unit_code, post = cells.unit_code("unit_code", required=False) or None, cells.text("post", required=False) or None
    former_unit = cells.unit_code("former_unit_code", required=False) or None
    former_post = cells.text("former_post", required=False) or None
    if kind is EventKind.CONCURRENT_END and former_unit is None:
        # Many systems write the post that ends where others write the new one.
        former_unit, former_post, unit_code, post = unit_code, former_post or post, None, None
    return EventRow(
        row_number=cells.record.row,
        staff_number=cells.staff_number(),
        name=cells.name("name", required=True),
        kana=cells.name("kana", required=False),
        birth_date=cells.open_day("birth_date"),
        kind=kind,
        effective=cells.day(effective),
        cancelled=_cancelled(cells, code),
        unit_code=unit_code,
        unit_name=cells.text("unit_name", required=False) or None,
        post=post,
        post_kind=_post_kind(cells, kind),
        former_unit_code=former_unit,
        former_post=former_post,
        employment_kind=cells.held_code("employment_kind", codes.employment_kind, required=False),
        former_staff_number=cells.former_staff_number(),
        term_end=cells.open_day("term_end"),
        absence=(code and code.absence) or (None if absence == "none" else absence),
        absence_until=cells.open_day("absence_until"),
        leaving=(code and code.leaving) or (None if leaving == "none" else leaving),
        work_name=cells.name("work_name", required=False) or None,
        romaji=cells.romaji(),
        mail=cells.mail(),
        published_on=cells.open_day("published_on"),
        held=_held(cells, code, effective),
    )


def _cancelled(cells: Cells, code: EventCode | None) -> bool:
    said = cells.held_code("cancelled", cells.profile.codes.cancelled, required=False)
    return bool(said) or bool(code and code.cancelled)


def _post_kind(cells: Cells, kind: EventKind | None) -> PostKind:
    """本務 or 兼務; an empty cell means what the kind of event means."""
    if not cells.raw("post_kind") and "" not in cells.profile.codes.post_kind:
        return PostKind.CONCURRENT if kind in _CONCURRENT else PostKind.PRIMARY
    said = cells.known_code("post_kind", cells.profile.codes.post_kind) or PostKind.PRIMARY
    if said is PostKind.PRIMARY and kind in _CONCURRENT:
        cells.unknown.append("兼務の発令ですが、本務の区分になっています。")
    return said


def _held(cells: Cells, code: EventCode | None, effective: str) -> str | None:
    reasons = list(hold_reasons(cells, kana_needed=False))
    if code and code.kind in (EventKind.RETIRE, EventKind.TERM_END):
        left = cells.open_day("left_on")
        if left is not None and left != cells.days.get(effective):
            reasons.append("発令日と退職日が違います。")
    return "".join(reasons) or None


def _require_needs(cells: Cells, row: EventRow, kind: EventKind) -> None:
    for need in NEEDS[kind]:
        said = cells.raw(need)
        if getattr(row, need) or (said and need in ("employment_kind", "absence")):
            continue  # an unknown code holds the row instead
        if cells.heading.positions.get(need) in cells.record.spoiled:
            continue  # what is wrong with the cell is told already
        title = cells.column(need) or NEED_TITLES[need]
        cells.problem(need, f"「{EVENT_TITLES[kind]}」の発令には「{title}」が必要です。")
