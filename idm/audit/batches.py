"""Reading many rows in flat memory, by key and not by cursor, even where somebody has damaged one of them."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Row, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from idm.errors import IdmError

AnyRow = Row[*tuple[Any, ...]]

BELOW_ALL = -(2**31)
"""Below every key a row can have, so that one hidden under a negative number is read too."""


class RowUnreadable(IdmError):
    """A row holds what no value of its column can be. `after` is the key of the last row before it."""

    def __init__(self, after: int) -> None:
        super().__init__("読み取れない値が入っています。書き換えられた疑いがあります。")
        self.after = after


def in_batches(
    session: Session, statement: Select[Any], key: ColumnElement[Any], *, after: int = BELOW_ALL, size: int = 2_000
) -> Iterator[AnyRow]:
    """The statement's rows with a key beyond `after`, in the order of the integer column `key`, which it selects.

    Raises RowUnreadable at the first row that cannot be read, once every row before it has been given out.
    """
    ordered = statement.order_by(key)
    while True:
        try:
            rows = session.execute(ordered.where(key > after).limit(size)).all()
        except (DBAPIError, ValueError, TypeError) as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            if size == 1:
                raise RowUnreadable(after) from error
            size = 1  # one at a time from here, to come to the damaged row itself
            continue
        yield from rows
        if not rows:
            return
        after = rows[-1]._mapping[key]
