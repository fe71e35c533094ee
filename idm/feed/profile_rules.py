"""What the parts of a feed profile must say together: which columns and codes its shape and format need.

The bare table is looked at, so that these mistakes are told together with those of form.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from idm.feed.codes import FeedShape, event_code_mistakes
from idm.feed.delivery import delivery_mistake

_ALWAYS = ("staff_number", "name")
_SNAPSHOT = (
    *_ALWAYS, "kana", "unit_code", "unit_name", "post", "post_kind", "employment_kind", "employed_from",
    "assigned_from",
)  # fmt: skip
REQUIRED_COLUMNS: Mapping[str, tuple[str, ...]] = {
    FeedShape.SNAPSHOT: _SNAPSHOT,
    FeedShape.EVENTS: (*_ALWAYS, "event", "effective"),
    FeedShape.BOTH: (*_SNAPSHOT, "event", "record_kind"),
}
"""The columns a profile of each shape must name. In a file of both, events may share the 発令日 of the rest."""

CODED = ("employment_kind", "post_kind", "event", "absence", "leaving", "cancelled", "record_kind")
"""Columns that mean nothing without a table of codes."""

_MISSING = "項目がありません"


def profile_mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    """Every mistake of a profile that no single value shows, each beginning with its key."""
    columns = _table(table, "columns")
    codes = _table(table, "codes")
    shape = table.get("shape", FeedShape.SNAPSHOT)
    for column in REQUIRED_COLUMNS.get(shape, ()) if isinstance(shape, str) else ():
        if not columns.get(column):
            yield f"columns.{column}: {_MISSING}"
    for column in CODED:
        if columns.get(column) and not codes.get(column):
            yield f"codes.{column}: {_MISSING}"
    for word, reason in event_code_mistakes(_table(codes, "event")):
        yield f"codes.event.{word}: {reason}"
    delivery = _table(table, "delivery")
    if mistake := delivery_mistake(delivery.get("require", "none"), delivery.get("public_key", "")):
        yield mistake
    yield from _format_mistakes(table, shape)
    yield from _headings_named_twice(table)


def _format_mistakes(table: Mapping[str, Any], shape: object) -> Iterator[str]:
    packed = table.get("format", "delimited") == "xlsx"
    for key in ("encoding", "delimiter"):
        if packed and key in table:
            yield f"{key}: XLSX の定義には書けません"
        elif not packed and key not in table:
            yield f"{key}: {_MISSING}"
    if not packed and table.get("sheet"):
        yield "sheet: XLSX の定義にだけ書けます"
    if shape == FeedShape.EVENTS and table.get("covers_all") is True:
        yield "covers_all: 発令だけのファイルは全職員の一覧ではないため、true にはできません"


def _headings_named_twice(table: Mapping[str, Any]) -> Iterator[str]:
    named = {f"columns.{field}": value for field, value in _table(table, "columns").items()}
    named["ignored_columns"] = table.get("ignored_columns")
    lists = {key: [str(item) for item in value] for key, value in named.items() if isinstance(value, list)}
    times = Counter(heading for headings in lists.values() for heading in headings)
    for key, headings in lists.items():
        for heading in dict.fromkeys(headings):
            if times[heading] > 1:
                yield f"{key}: 見出し「{heading}」が二度以上書かれています"


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}
