"""Large results, page by page (RFC 2696), with memory for one page whatever the directory's size."""

from collections.abc import Container, Iterator, Sequence

from connectors.ldap.connection import Connection
from connectors.ldap.decoding import (
    DONE,
    INTERMEDIATE,
    REFERENCE,
    Place,
    Result,
    entry_places,
    next_message,
    result,
    unreadable,
)
from connectors.ldap.encoding import Control, Operation, integer, paged
from connectors.ldap.entry_decoding import Columns, Row, row
from connectors.ldap.result_codes import REFERRED, refusal
from connectors.ldap.seals import seal

Sealed = tuple[bytes, Row | None]
"""The seal of an entry, and its columns; None = the seal was known."""


def stream(
    connection: Connection,
    operation: Operation,
    columns: Columns,
    page_size: int,
    controls: Sequence[Control] = (),
) -> Iterator[Row]:
    """Yield the columns of every entry found. Raises as `_pages` does."""
    for page, places in _pages(connection, operation, page_size, controls):
        for position, end in places:
            yield row(page, position, end, columns)


def stream_unknown(
    connection: Connection,
    operation: Operation,
    columns: Columns,
    known: Container[bytes],
    page_size: int,
    controls: Sequence[Control] = (),
) -> Iterator[Sealed]:
    """Yield the seal of every entry found, and its columns where the seal is not known. Raises as `_pages` does."""
    for page, places in _pages(connection, operation, page_size, controls):
        for position, end in places:
            seen = seal(page[position:end])
            yield (seen, None) if seen in known else (seen, row(page, position, end, columns))


def _pages(
    connection: Connection, operation: Operation, page_size: int, controls: Sequence[Control]
) -> Iterator[tuple[bytes, list[Place]]]:
    """The bytes of each page, and where its entries lie.

    The next page is asked for before this one is read, so that server and reader work at the same time. Raises
    TargetUnavailable, and TargetRefused when the server refuses or points elsewhere: an incomplete list is no list.
    """
    rest = bytearray()
    message_id = connection.ask(operation, [paged(page_size, b""), *controls])
    while True:
        page, places, ended, rest = _next_page(connection, message_id, rest)
        if ended.code != 0:
            raise refusal(ended)
        if ended.cookie:
            message_id = connection.ask(operation, [paged(page_size, ended.cookie), *controls])
        yield page, places
        if not ended.cookie:
            return


def _next_page(
    connection: Connection, message_id: int, received: bytearray
) -> tuple[bytes, list[Place], Result, bytearray]:
    """The bytes of one page, where its entries lie, how it ended, and what came after it."""
    mark = integer(message_id)
    places: list[Place] = []
    position = 0
    while True:
        position = entry_places(received, position, mark, places)
        found = next_message(received, position)
        if found is None:
            received += connection.receive()
        elif found.message_id != message_id:
            raise unreadable("an answer to no question")
        elif found.tag == DONE:
            page = bytes(received)
            return page, places, result(page, found), received[found.end :]
        elif found.tag == INTERMEDIATE:
            position = found.end
        else:
            raise refusal(REFERRED) if found.tag == REFERENCE else unreadable("an answer that belongs to no search")
