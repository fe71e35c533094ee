"""Many independent requests at once on one connection: none waits for the answer to the one before it.

A directory may carry them out in any order, so nothing that depends on another may be in the same exchange. When the
connection is cut, every request without an answer has an unknown outcome, and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.ldap.connection import Connection
from connectors.ldap.decoding import (
    ANSWERS,
    ENTRY,
    EXTENDED,
    INTERMEDIATE,
    REFERENCE,
    Message,
    Result,
    next_message,
    result,
    unreadable,
)
from connectors.ldap.encoding import Control, Operation, message
from connectors.ldap.entry_decoding import Entry, entry
from connectors.ldap.result_codes import REFERRED
from connectors.ldap.seals import seal
from idm.errors import TargetUnavailable

WINDOW_REQUESTS = 100
WINDOW_BYTES = 64 * 1024
"""Never more unanswered than the kernels between us hold: then both sides writing at once cannot block each other."""


@dataclass
class Answer:
    """What the directory said to one request."""

    result: Result
    entries: list[Entry] = field(default_factory=list)


def exchange(
    connection: Connection, operations: Sequence[Operation], controls: Sequence[Control] = ()
) -> list[Answer | TargetUnavailable]:
    """Send every request; the answer of each, in order. Raises nothing: what was cut off is in its place."""
    under_way = _Exchange(connection, controls)
    answers: dict[int, Answer | TargetUnavailable] = {}
    try:
        for index, operation in enumerate(operations):
            under_way.put(index, operation)
        under_way.finish()
    except TargetUnavailable as error:
        connection.abandon()
        answers = dict.fromkeys(range(len(operations)), error)
    answers.update(under_way.answers)
    return [answers[index] for index in range(len(operations))]


class _Exchange:
    def __init__(self, connection: Connection, controls: Sequence[Control]) -> None:
        self.answers: dict[int, Answer] = {}
        self._controls = controls
        self._connection = connection
        self._unsent: list[bytes] = []
        self._unanswered: dict[int, tuple[int, int]] = {}  # message id: index of the request, its size
        self._unanswered_bytes = 0
        self._received = bytearray()
        self._entries: dict[int, list[Entry]] = {}

    def put(self, index: int, operation: Operation) -> None:
        """Afterwards the request is sent or about to be."""
        message_id = self._connection.number()
        encoded = message(message_id, operation, self._controls)
        if not self._has_room(len(encoded), WINDOW_REQUESTS):
            while self._unanswered and not self._has_room(len(encoded), WINDOW_REQUESTS // 2):
                self._read()
        self._unanswered[message_id] = (index, len(encoded))
        self._unanswered_bytes += len(encoded)
        self._unsent.append(encoded)

    def finish(self) -> None:
        """Afterwards every request has its answer."""
        while self._unanswered:
            self._read()
        if self._received:
            self._connection.abandon()  # the server said something nobody asked for

    def _has_room(self, size: int, requests: int) -> bool:
        return len(self._unanswered) < requests and self._unanswered_bytes + size <= WINDOW_BYTES

    def _read(self) -> None:
        if self._unsent:
            self._connection.send(b"".join(self._unsent))
            self._unsent.clear()
        self._received += self._connection.receive()
        if next_message(self._received, 0) is None:
            return
        block, position = bytes(self._received), 0
        while (found := next_message(block, position)) is not None:
            self._take(block, found)
            position = found.end
        del self._received[:position]

    def _take(self, block: bytes, found: Message) -> None:
        if found.message_id not in self._unanswered:
            if found.tag == EXTENDED and found.message_id == 0:
                raise TargetUnavailable("ディレクトリが接続を終えると通知しました。")
            raise unreadable("an answer to no question")
        index, size = self._unanswered[found.message_id]
        if found.tag == ENTRY:
            read = entry(block, found.operation, found.end)._replace(seal=seal(block[found.operation : found.end]))
            self._entries.setdefault(index, []).append(read)
        elif found.tag == REFERENCE:
            self.answers[index] = Answer(REFERRED)
        elif found.tag in ANSWERS:
            del self._unanswered[found.message_id]
            self._unanswered_bytes -= size
            self.answers.setdefault(index, Answer(result(block, found), self._entries.pop(index, [])))
        elif found.tag != INTERMEDIATE:
            raise unreadable("an answer of no known kind")
