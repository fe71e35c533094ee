"""The connections of one connector: one for commands, kept; one more for each large reading, closed with it.

So a caller may write while it reads, and a reading that is given up half-way leaves nothing behind to be mistaken for
an answer. Nothing is tried twice: a cut connection is an error now and a new connection at the next call.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from connectors.ldap.connection import Connection, open_connection
from connectors.ldap.encoding import Control, Filter, Operation, Scope, equal, every, search, some
from connectors.ldap.entry_decoding import Columns, Entry, Row
from connectors.ldap.paging import Sealed, stream, stream_unknown
from connectors.ldap.pipeline import Answer, exchange
from connectors.ldap.result_codes import NO_SUCH_OBJECT, SUCCESS, refusal
from connectors.ldap.settings import LdapSettings
from connectors.ldap.tls import verifying_context
from idm.errors import TargetError, TargetUnavailable

LOOKUP_VALUES = 100
"""How many values one search looks for."""


class Session:
    """Not for several threads at once."""

    def __init__(self, settings: LdapSettings, search_controls: Sequence[Control] = ()) -> None:
        """Raises ConfigurationInvalid when the authority's certificate cannot be read; opens nothing yet."""
        self._settings = settings
        self._search_controls = tuple(search_controls)
        self._context = verifying_context(settings)
        self._connection: Connection | None = None

    def exchange(
        self, operations: Sequence[Operation], controls: Sequence[Control] = ()
    ) -> list[Answer | TargetUnavailable]:
        """The answer to each request. Raises TargetUnavailable only when nothing was sent."""
        return exchange(self._opened(), operations, controls) if operations else []

    def certificate(self) -> Mapping[str, object]:
        """The server's certificate, once it was verified and has let us in. Raises TargetUnavailable."""
        return self._opened().certificate()

    def _opened(self) -> Connection:
        if self._connection is None or self._connection.ended():
            self.close()
            self._connection = open_connection(self._settings, self._context)
        return self._connection

    def find(
        self, operations: Sequence[Operation], *, base_may_be_gone: bool = False, controls: Sequence[Control] = ()
    ) -> list[list[Entry]]:
        """What each search found. Raises TargetError; a base that is not there is nothing found only if it may be."""
        fine = (SUCCESS, NO_SUCH_OBJECT) if base_may_be_gone else (SUCCESS,)
        found = []
        for answer in self.exchange(operations, (*self._search_controls, *controls)):
            if isinstance(answer, TargetUnavailable):
                raise answer
            if answer.result.code not in fine:
                raise refusal(answer.result)
            found.append(answer.entries)
        return found

    def look_up(
        self, base: str, kind: Filter, attribute: str, values: Iterable[str | bytes], wanted: Sequence[str]
    ) -> list[Entry]:
        """The entries of a kind below the base that have one of the values. Raises TargetError."""
        looked_for = list(dict.fromkeys(values))
        pieces = (looked_for[start : start + LOOKUP_VALUES] for start in range(0, len(looked_for), LOOKUP_VALUES))
        conditions = (every(kind, some(*(equal(attribute, value) for value in piece))) for piece in pieces)
        searches = [search(base, Scope.SUBTREE, condition, wanted) for condition in conditions]
        return [entry for entries in self.find(searches) for entry in entries]

    def stream(self, base: str, condition: Filter, wanted: Sequence[str]) -> Iterator[Row]:
        """Yield the wanted attributes of every entry below the base that matches, page by page. Raises TargetError."""
        connection = open_connection(self._settings, self._context)
        try:
            operation = search(base, Scope.SUBTREE, condition, wanted)
            yield from stream(connection, operation, Columns(wanted), self._settings.page_size, self._search_controls)
        finally:
            connection.close()

    def stream_unknown(
        self, base: str, condition: Filter, wanted: Sequence[str], known: Container[bytes]
    ) -> Iterator[Sealed]:
        """Yield the seal of every entry that matches, and where it is not known, what is wanted. Raises TargetError."""
        connection = open_connection(self._settings, self._context)
        try:
            operation = search(base, Scope.SUBTREE, condition, wanted)
            size, controls = self._settings.page_size, self._search_controls
            yield from stream_unknown(connection, operation, Columns(wanted), known, size, controls)
        finally:
            connection.close()

    def rows(self, base: str, condition: Filter, wanted: Sequence[str]) -> list[Row]:
        """All of a small result at once, page by page on the command connection. Raises TargetError."""
        operation = search(base, Scope.SUBTREE, condition, wanted)
        try:
            pages = stream(self._opened(), operation, Columns(wanted), self._settings.page_size, self._search_controls)
            return list(pages)
        except TargetError:
            self.close()  # what else was on its way would be mistaken for an answer
            raise

    def close(self) -> None:
        """Afterwards the command connection is closed; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
