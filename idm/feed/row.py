"""From the cells of one record to a frozen row of facts: one post of one employment (a line of a snapshot).

A mistake in a cell makes a problem, which refuses the whole file. A row that is well formed but must not act on its own
(外字 in a name, an unknown 任用形態) is held: it goes on to a person, the other rows go on without it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from idm.employment_kind import KINDS_WITH_TERM, EmploymentKind
from idm.feed.cells import LOST, Cells
from idm.feed.codes import PostKind
from idm.feed.gaiji import gaiji_reason
from idm.names.personal_names import has_private_use
from idm.personnel_event import AbsenceKind, LeavingKind

ORDER = (
    ("birth_date", "employed_from"),
    ("employed_from", "term_end"),
    ("employed_from", "left_on"),
    ("assigned_from", "term_end"),
    ("assigned_from", "left_on"),
    ("absence_from", "absence_until"),
)
"""Pairs of days of which the second is never before the first."""

_KANA = re.compile("[ァ-ヺーｦ-ﾟぁ-ゖゝゞヽヾA-Za-zＡ-Ｚａ-ｚ 　・･'’.,．，‐-]+")


@dataclass(frozen=True)
class FeedRow:
    """One post of one employment, as the file says it. Names stand as received.

    `term_end`, `left_on` and `absence_until` are last days (they end at 24:00), `employed_from`, `assigned_from` and
    `absence_from` first days; `published_on` is the day of the 内示. `work_name` is the name used at work (旧姓・通称).
    `held` is the reason why a person must look first; only then may `employment_kind` be None.
    """

    row_number: int
    staff_number: str
    name: str
    kana: str
    birth_date: date | None = field(repr=False)
    unit_code: str
    unit_name: str
    post: str
    post_kind: PostKind
    employment_kind: EmploymentKind | None
    employed_from: date
    term_end: date | None
    left_on: date | None
    assigned_from: date
    mail: str | None
    held: str | None = None
    work_name: str | None = None
    romaji: str | None = None
    absence: AbsenceKind | None = None
    absence_from: date | None = None
    absence_until: date | None = None
    leaving: LeavingKind | None = None
    published_on: date | None = None


def read_row(cells: Cells) -> FeedRow | None:
    """The row of a snapshot; None where its cells have mistakes, which the cells then know."""
    row = _row_of(cells)
    if row.employment_kind in KINDS_WITH_TERM and row.term_end is None and "term_end" in cells.heading.positions:
        cells.warn("term_end", "任期のある任用形態ですが、任期満了日がありません。")
    if row.absence_from is not None and row.absence is None and not cells.unknown:
        cells.warn("absence_from", "休職等の開始日がありますが、休職等の区分がありません。")
    if cells.days.get("assigned_from", row.employed_from) < row.employed_from:
        cells.warn("assigned_from", "採用日より前の発令日です。")
    cells.require_order(*ORDER)
    return row if not cells.problems and not cells.record.spoiled else None


def _row_of(cells: Cells) -> FeedRow:
    codes = cells.profile.codes
    employment_kind = cells.held_code("employment_kind", codes.employment_kind, required=True)
    absence = cells.held_code("absence", codes.absence, required=False)
    leaving = cells.held_code("leaving", codes.leaving, required=False)
    return FeedRow(
        row_number=cells.record.row,
        staff_number=cells.staff_number(),
        name=cells.name("name", required=True),
        kana=cells.name("kana", required=False),
        birth_date=cells.open_day("birth_date"),
        unit_code=cells.unit_code("unit_code", required=True),
        unit_name=cells.text("unit_name"),
        post=cells.text("post"),
        post_kind=cells.known_code("post_kind", codes.post_kind) or PostKind.PRIMARY,
        employment_kind=employment_kind,
        employed_from=cells.day("employed_from"),
        term_end=cells.open_day("term_end"),
        left_on=cells.open_day("left_on"),
        assigned_from=cells.day("assigned_from"),
        mail=cells.mail(),
        held="".join(hold_reasons(cells, kana_needed=True)) or None,
        work_name=cells.name("work_name", required=False) or None,
        romaji=cells.romaji(),
        absence=None if absence == "none" else absence,
        absence_from=cells.open_day("absence_from"),
        absence_until=cells.open_day("absence_until"),
        leaving=None if leaving == "none" else leaving,
        published_on=cells.open_day("published_on"),
    )


def hold_reasons(cells: Cells, *, kana_needed: bool) -> Iterator[str]:
    """Why a person must look at a record first; its codes have been read before."""
    names = [cells.raw(name) or "" for name in ("name", "kana", "work_name", "unit_name", "post", "former_post")]
    kana = names[1]
    if reason := gaiji_reason("".join(names)):
        yield reason
    if any(LOST.search(name) for name in names[:3]):
        yield "氏名の文字が「?」や「〓」に置き換わっています。"
    if not kana and kana_needed:
        yield "カナ氏名がありません。"
    elif kana and not has_private_use(kana) and not LOST.search(kana) and not _KANA.fullmatch(kana):
        yield "カナ氏名に仮名でない文字があります。"
    yield from cells.unknown
