"""Ids of rows in addresses and forms: a number no row can have names nothing, and never reaches the database."""

from typing import Any

from werkzeug.routing import IntegerConverter, Map

LARGEST = 2**31 - 1


def row_id(text: str) -> int:
    """The id a text names. Raises ValueError, so that `request.args.get(…, type=row_id)` takes it as not given."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(LARGEST)) or int(text) > LARGEST:
        raise ValueError("no id of a row")
    return int(text)


class RowIdConverter(IntegerConverter):
    """`<int:…>` of an address, up to the largest id."""

    def __init__(self, url_map: Map, **settings: Any) -> None:
        super().__init__(url_map, **{"max": LARGEST, **settings})
