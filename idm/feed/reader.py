"""Reads a personnel file whole: every row of it as frozen facts, or a refusal that names every mistake (control A7).

Nothing is decided here: joiners, movers and leavers follow from comparing these rows with the records. Absence from a
file is no fact of it either.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from idm.feed.cells import Cells
from idm.feed.codes import FeedShape, PostKind, RecordKind
from idm.feed.event_row import EventRow, read_event
from idm.feed.event_set import person_reasons
from idm.feed.gaiji import Unmapped, translation, unmapped
from idm.feed.problem import FeedProblem, refusal
from idm.feed.profile import FeedProfile
from idm.feed.row import FeedRow, read_row
from idm.feed.table import FeedTable, Record, read_table

__all__ = ["EventRow", "Feed", "FeedProblem", "FeedRow", "PostKind", "Unmapped", "read_feed"]


@dataclass(frozen=True)
class Feed:
    """One personnel file: its rows and events in order, the SHA-256 of its bytes, and what deserves a look.

    `covers_all` says that the file names the whole staff: whoever is absent from it is then held.
    """

    rows: tuple[FeedRow, ...]
    sha256: str
    warnings: tuple[FeedProblem, ...]
    events: tuple[EventRow, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    covers_all: bool = True


@dataclass
class _Reading:
    """What the records of a file have given so far."""

    cells: list[Cells] = field(default_factory=list)
    rows: list[FeedRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)


def read_feed(data: bytes, profile: FeedProfile, gaiji: Mapping[str, str] | None = None) -> Feed:
    """The rows of a personnel file, all of them; `gaiji` says what private-use characters (外字) are to be read as.

    Raises FeedRefused with every problem, and then gives no row.
    """
    return feed_of(read_table(data, profile), profile, gaiji or {}, sha256(data).hexdigest())


def feed_of(table: FeedTable, profile: FeedProfile, gaiji: Mapping[str, str], digest: str) -> Feed:
    """What the records of a table say. Raises FeedRefused with every problem."""
    reading = _read(table, profile, translation(gaiji))
    problems = [
        *table.problems,
        *(problem for cells in reading.cells for problem in cells.problems),
        *_identical(table.records),
        *_two_primary_posts(reading.rows),
        *_same_facts(reading),
        *_nobody(reading, profile, table),
    ]
    if problems:
        raise refusal(sorted(problems, key=lambda problem: problem.row or 0))
    padded = sum(cells.padded for cells in reading.cells)
    warnings = [*_about_file(padded, profile), *table.warnings, *_unit_names((*reading.rows, *reading.events))]
    warnings.extend(warning for cells in reading.cells for warning in cells.warnings)
    reasons = person_reasons(reading.rows, reading.events)
    return Feed(
        rows=tuple(replace(row, held=reasons.get(row.staff_number)) for row in reading.rows),
        sha256=digest,
        warnings=tuple(warnings),
        events=tuple(replace(event, held=reasons.get(event.staff_number)) for event in reading.events),
        unmapped=unmapped(reading.cells),
        covers_all=profile.names_everybody,
    )


def _read(table: FeedTable, profile: FeedProfile, gaiji: Mapping[int, str]) -> _Reading:
    reading = _Reading()
    for record in table.records:
        cells = Cells(record, table.heading, profile, gaiji=gaiji, since_1904=table.since_1904)
        reading.cells.append(cells)
        kind = _kind_of(cells)
        if kind is RecordKind.SNAPSHOT and (row := read_row(cells)):
            reading.rows.append(row)
        if kind is RecordKind.EVENT and (event := read_event(cells)):
            reading.events.append(event)
    return reading


def _kind_of(cells: Cells) -> RecordKind | None:
    """What a line is; None where a file of both kinds does not say it, which is then a problem."""
    if cells.profile.shape is FeedShape.BOTH:
        return cells.known_code("record_kind", cells.profile.codes.record_kind)
    return RecordKind.EVENT if cells.profile.shape is FeedShape.EVENTS else RecordKind.SNAPSHOT


# --- what rows say together ------------------------------------------------------------------------------------------


def _identical(records: Iterable[Record]) -> Iterator[FeedProblem]:
    first: dict[tuple[str, ...], int] = {}
    for record in records:
        if record.cells in first:
            yield FeedProblem(record.row, None, f"{first[record.cells]}行目とまったく同じ行です。")
        first.setdefault(record.cells, record.row)


def _two_primary_posts(rows: Iterable[FeedRow]) -> Iterator[FeedProblem]:
    first: dict[str, int] = {}
    for row in rows:
        if row.post_kind is PostKind.PRIMARY:
            if row.staff_number in first:
                message = f"同じ職員番号の本務の行が{first[row.staff_number]}行目にもあります。"
                yield FeedProblem(row.row_number, None, message)
            first.setdefault(row.staff_number, row.row_number)


def _same_facts(reading: _Reading) -> Iterator[FeedProblem]:
    """Rows that say the same although a column we ignore differs; identical ones are told elsewhere."""
    cells = {each.record.row: each.record.cells for each in reading.cells}
    first: dict[FeedRow | EventRow, int] = {}
    concurrent = [row for row in reading.rows if row.post_kind is PostKind.CONCURRENT]
    rows: Sequence[FeedRow | EventRow] = (*concurrent, *reading.events)
    for row in rows:
        facts = replace(row, row_number=0)
        before = first.setdefault(facts, row.row_number)
        if before != row.row_number and cells[before] != cells[row.row_number]:
            yield FeedProblem(row.row_number, None, f"{before}行目と同じ内容です。")


def _nobody(reading: _Reading, profile: FeedProfile, table: FeedTable) -> Iterator[FeedProblem]:
    """A list of everybody that names nobody would have everybody missing."""
    unread = table.problems or any(cells.problems for cells in reading.cells)
    if profile.shape is FeedShape.BOTH and profile.names_everybody and not reading.rows and not unread:
        yield FeedProblem(None, None, "全職員の一覧のはずですが、職員の行が一つもありません。")


def _about_file(padded: int, profile: FeedProfile) -> Iterator[FeedProblem]:
    if padded:
        message = f"職員番号の先頭の0が落ちていたため、{padded}行で補いました。"
        yield FeedProblem(None, None, message)
    if not profile.trailer.marker and not (profile.header.marker and profile.header.count_column):
        message = "件数行のないファイルのため、行の境目で切れていても分かりません。"
        yield FeedProblem(None, None, message)


def _unit_names(rows: Iterable[FeedRow | EventRow]) -> Iterator[FeedProblem]:
    names: dict[str, str] = {}
    for row in rows:
        if row.unit_code and row.unit_name and names.setdefault(row.unit_code, row.unit_name) != row.unit_name:
            message = f"所属コード{row.unit_code}に、二通りの所属名があります。"
            yield FeedProblem(row.row_number, None, message)
