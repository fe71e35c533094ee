"""Reads a personnel file whole: every row of it as frozen facts, or a refusal that names every mistake (control A7).

Nothing is decided here: joiners, movers and leavers follow from comparing these rows with the records. Absence from a
file is no fact of it either.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from idm.feed.event_row import EventRow
from idm.feed.gaiji import Unmapped
from idm.feed.problem import FeedProblem, refusal
from idm.feed.profile import FeedProfile, PostKind
from idm.feed.row import FeedRow, read_row
from idm.feed.table import Record, read_table

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


def read_feed(data: bytes, profile: FeedProfile) -> Feed:
    """The rows of a personnel file, all of them. Raises FeedRefused with every problem, and then gives no row."""
    table = read_table(data, profile)
    readings = [read_row(record, table.heading, profile) for record in table.records]
    rows = [reading.row for reading in readings if reading.row is not None]
    problems = [
        *table.problems,
        *(problem for reading in readings for problem in reading.problems),
        *_identical(table.records),
        *_two_primary_posts(rows),
    ]
    if problems:
        raise refusal(sorted(problems, key=lambda problem: problem.row or 0))
    padded = sum(reading.padded for reading in readings)
    warnings = [*_about_file(padded, profile), *_unit_names(rows)]
    warnings.extend(warning for reading in readings for warning in reading.warnings)
    return Feed(_with_holds(rows), sha256(data).hexdigest(), tuple(warnings))


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


def _about_file(padded: int, profile: FeedProfile) -> Iterator[FeedProblem]:
    if padded:
        message = f"職員番号の先頭の0が落ちていたため、{padded}行で補いました。"
        yield FeedProblem(None, None, message)
    if not profile.trailer.marker:
        message = "件数行のないファイルのため、行の境目で切れていても分かりません。"
        yield FeedProblem(None, None, message)


def _unit_names(rows: Iterable[FeedRow]) -> Iterator[FeedProblem]:
    names: dict[str, str] = {}
    for row in rows:
        if names.setdefault(row.unit_code, row.unit_name) != row.unit_name:
            message = f"所属コード{row.unit_code}に、二通りの所属名があります。"
            yield FeedProblem(row.row_number, None, message)


def _with_holds(rows: list[FeedRow]) -> tuple[FeedRow, ...]:
    """The rows, each person's held together: half of a person's posts must not act without the other half."""
    by_number: dict[str, list[FeedRow]] = defaultdict(list)
    for row in rows:
        by_number[row.staff_number].append(row)
    reasons = {number: _hold_reason(group) for number, group in by_number.items()}
    return tuple(replace(row, held=reasons[row.staff_number]) if reasons[row.staff_number] else row for row in rows)


def _hold_reason(rows: list[FeedRow]) -> str | None:
    """Why the rows of one staff number need a person first; None = they do not."""
    reasons = [row.held for row in rows if row.held]
    births = {row.birth_date for row in rows if row.birth_date is not None}
    if len({(row.name, row.kana) for row in rows}) > 1 or len(births) > 1:
        reasons.append("同じ職員番号の行で、氏名・カナ氏名・生年月日のどれかが違います。")
    if all(row.post_kind is PostKind.CONCURRENT for row in rows):
        reasons.append("本務の行がありません。")
    return "".join(dict.fromkeys(reasons)) or None
