"""The heading row of a personnel file: which column holds which of our fields.

Columns are found by name, never by place. A heading nobody defined, one that is missing and one that comes twice are
each refused, because a renamed column read as "empty" would look like everybody's end date being withdrawn.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from idm.feed.problem import FeedProblem, shown
from idm.feed.profile import FIELDS, FeedProfile
from idm.toml_values import nearest


@dataclass(frozen=True)
class Heading:
    """The headings as a message may show them, the position of each field found, and what is wrong with them."""

    names: tuple[str, ...]
    positions: Mapping[str, int]
    problems: tuple[FeedProblem, ...]


def read_heading(cells: Iterable[str], profile: FeedProfile, row: int = 1) -> Heading:
    """The heading a row makes under a profile; its problems are told, not raised."""
    plain = [_plain(cell) for cell in cells]
    defined = {_plain(name): field for field in FIELDS for name in getattr(profile.columns, field)}
    positions: dict[str, int] = {}
    for position, cell in enumerate(plain):
        if cell in defined:
            positions.setdefault(defined[cell], position)
    ignored = {_plain(name) for name in profile.ignored_columns}
    found = (*_repeated(plain, defined), *_unknown(plain, defined, ignored), *_missing(positions, plain, profile))
    problems = tuple(FeedProblem(row, column, message) for column, message in found)
    return Heading(tuple(shown(cell) for cell in plain), positions, problems)


def _plain(cell: str) -> str:
    return "".join(unicodedata.normalize("NFKC", cell).split())


def _repeated(cells: list[str], defined: Mapping[str, str]) -> Iterator[tuple[str | None, str]]:
    first: dict[str, int] = {}
    for position, cell in enumerate(cells, start=1):
        meaning = defined.get(cell, cell)
        if meaning in first:
            message = (
                f"見出し「{shown(cell)}」は{first[meaning]}列目にもあります（同じ項目の列は一つだけにしてください）。"
            )
            yield f"{position}列目", message
        first.setdefault(meaning, position)


def _unknown(cells: list[str], defined: Mapping[str, str], ignored: set[str]) -> Iterator[tuple[str | None, str]]:
    for position, cell in enumerate(cells, start=1):
        if cell not in defined and cell not in ignored:
            near = nearest(cell, defined)
            hint = f"「{near}」のことですか。" if near else "使わない列なら ignored_columns に書いてください。"
            yield f"{position}列目", f"見出し「{shown(cell)}」は定義にありません。{hint}"


def _missing(positions: Mapping[str, int], cells: list[str], profile: FeedProfile) -> Iterator[tuple[str | None, str]]:
    for field in FIELDS:
        names: tuple[str, ...] = getattr(profile.columns, field)
        if names and field not in positions:
            near = next((found for name in names if (found := nearest(name, cells))), None)
            hint = f"（「{shown(near)}」の列がそれなら、定義に加えてください）" if near else ""
            yield None, f"見出し「{names[0]}」がありません{hint}。"
