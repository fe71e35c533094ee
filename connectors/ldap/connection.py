"""One verified connection, signed in or about to be: ldap3 opens it, these guards decide what it may do.

ldap3's defaults are unsafe: it checks no certificate, follows referrals carrying the service password with it, waits
for ever, and answers errors with False. Here the server is verified (`tls`) before a byte of the password is sent;
referrals are never followed; every wait ends; and once the stream is encrypted ldap3 is out of the way and has never
heard of a password: requests and answers are our own bytes (`encoding`, `decoding`).
"""

import contextlib
import ssl
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import ldap3
from ldap3.core.exceptions import LDAPException

from connectors.ldap.decoding import (
    BOUND,
    DONE,
    EXTENDED,
    Message,
    Result,
    control_values,
    next_message,
    response_value,
    result,
    unreadable,
)
from connectors.ldap.encoding import Control, Operation, Scope, message, present, search, simple_bind, who_am_i
from connectors.ldap.result_codes import PROTOCOL_ERROR, SUCCESS, described
from connectors.ldap.settings import LdapSettings
from connectors.ldap.tls import TlsStream, VerifyingTls
from idm.errors import ConfigurationInvalid, TargetUnavailable


class SingleAnswer(NamedTuple):
    """An answer that is one message: how it went, the value of an extended one, and its controls by name."""

    result: Result
    value: bytes | None
    controls: Mapping[str, bytes]


class Connection:
    """An open, encrypted connection. After any TargetUnavailable it is closed and must not be reused."""

    def __init__(self, opened: ldap3.Connection, stream: TlsStream) -> None:
        self._opened = opened
        self._stream = stream
        self._last_id: int = opened.server.next_message_id()
        self.closed = False

    def number(self) -> int:
        """The next message id."""
        self._last_id += 1
        return self._last_id

    def send(self, data: bytes) -> None:
        """Afterwards the bytes are on their way. Raises TargetUnavailable."""
        try:
            self._stream.sendall(data)
        except OSError as error:
            self.abandon()
            raise TargetUnavailable(f"ディレクトリとの接続が切れました（{_short(error)}）。") from None

    def ask(self, operation: Operation, controls: Sequence[Control] = ()) -> int:
        """Send one request; its message id. Raises TargetUnavailable."""
        message_id = self.number()
        self.send(message(message_id, operation, controls))
        return message_id

    def receive(self) -> bytearray:
        """What has come, at least one byte. Raises TargetUnavailable, also when nothing comes in time."""
        try:
            data = self._stream.receive()
        except OSError as error:
            self.abandon()
            raise TargetUnavailable(f"ディレクトリが応答しません（{_short(error)}）。") from None
        if not data:
            self.abandon()
            raise TargetUnavailable("ディレクトリが接続を切りました。")
        return data

    def only_answer(self, operation: Operation, tag: int, controls: Sequence[Control] = ()) -> "SingleAnswer":
        """The answer to a request that has just one, of this kind. Raises TargetUnavailable."""
        message_id = self.ask(operation, controls)
        block, found = self._message(bytearray())
        if found.message_id != message_id or found.tag != tag or found.end != len(block):
            raise unreadable("an answer to no question")
        value = response_value(block, found) if tag == EXTENDED else None
        return SingleAnswer(result(block, found), value, control_values(block, found))

    def ask_entry(self, dn: str) -> Result:
        """How the directory answers who asks for one entry, without its attributes. Raises TargetUnavailable."""
        message_id = self.ask(search(dn, Scope.BASE, present("objectClass"), ["1.1"]))
        received = bytearray()
        while True:
            block, found = self._message(received)
            if found.message_id != message_id:
                raise unreadable("an answer to no question")
            if found.tag == DONE:
                return result(block, found)
            received = bytearray(block[found.end :])

    def _message(self, received: bytearray) -> tuple[bytes, Message]:
        while (found := next_message(received, 0)) is None:
            received += self.receive()
        return bytes(received), found

    def certificate(self) -> Mapping[str, object]:
        """The certificate of the server at the other end."""
        return self._stream.certificate()

    def ended(self) -> bool:
        """Whether an idle connection is of no more use: closed, or the server has said something unasked."""
        return self.closed or self._stream.has_news()

    def close(self) -> None:
        """Afterwards the connection is closed, with a good-bye if the server still listens."""
        if not self.closed:
            with contextlib.suppress(LDAPException, OSError):
                self._opened.unbind()
            self.abandon()

    def abandon(self) -> None:
        """Afterwards the connection is closed, without another word."""
        self.closed = True
        with contextlib.suppress(OSError):
            self._stream.close()


def open_connection(settings: LdapSettings, context: ssl.SSLContext) -> Connection:
    """A connection signed in as the service account. Raises TargetUnavailable, whatever prevents it.

    A blank password is refused here as well as in the settings: a directory would take it for an anonymous visitor
    and answer success (RFC 4513 5.1.2).
    """
    if not settings.password.strip():
        raise ConfigurationInvalid("ディレクトリの接続パスワードが空です。")
    connection = encrypted_connection(settings, context)
    try:
        _sign_in(connection, settings)
    except BaseException:
        connection.abandon()
        raise
    return connection


def encrypted_connection(settings: LdapSettings, context: ssl.SSLContext) -> Connection:
    """A connection to the verified server, signed in as nobody yet. Raises TargetUnavailable, whatever prevents it."""
    opened = _prepared(settings, context)
    try:
        opened.open(read_server_info=False)
        if settings.transport == "starttls":
            opened.start_tls(read_server_info=False)
        stream = opened.socket
        if not isinstance(stream, TlsStream):
            raise TargetUnavailable("ディレクトリとの接続を暗号化できないため、接続しません。")
    except TargetUnavailable:
        _drop(opened)
        raise
    except Exception as error:  # besides its own errors, ldap3 raises whatever its decoder stumbles over
        _drop(opened)
        raise TargetUnavailable(f"ディレクトリ {settings.host} に接続できません（{_short(error)}）。") from None
    return Connection(opened, stream)


def _prepared(settings: LdapSettings, context: ssl.SSLContext) -> ldap3.Connection:
    """ldap3 connects and encrypts; it is told no name and no password."""
    server = ldap3.Server(
        settings.host,
        port=settings.port,
        use_ssl=settings.transport == "ldaps",
        tls=VerifyingTls(context, settings.host),
        get_info=ldap3.NONE,
        allowed_referral_hosts=[],
        connect_timeout=settings.connect_timeout_seconds,
    )
    return ldap3.Connection(
        server,
        authentication=ldap3.ANONYMOUS,
        client_strategy=ldap3.SAFE_SYNC,
        auto_bind=ldap3.AUTO_BIND_NONE,
        auto_referrals=False,
        raise_exceptions=True,
        receive_timeout=settings.answer_timeout_seconds,
        check_names=False,
    )


def _sign_in(connection: Connection, settings: LdapSettings) -> None:
    """Afterwards the server itself says that somebody is signed in. Raises TargetUnavailable."""
    said = connection.only_answer(simple_bind(settings.bind_dn, settings.password), BOUND)
    if said.result.code != SUCCESS:
        raise TargetUnavailable(
            f"ディレクトリ {settings.host} が接続アカウントのサインインを受け付けません（{described(said.result)}）。"
        )
    identity = connection.only_answer(who_am_i(), EXTENDED)
    if identity.result.code == PROTOCOL_ERROR:  # Samba has no such question; strangers may not read there
        looked = connection.ask_entry(settings.people_base)
        somebody = looked.code == SUCCESS
    else:
        somebody = identity.result.code == SUCCESS and bool(identity.value)
    if not somebody:
        raise TargetUnavailable("ディレクトリが接続を匿名として扱っています。接続アカウントを確認してください。")


def _drop(opened: ldap3.Connection) -> None:
    if opened.socket is not None:
        opened.socket.close()


def _short(error: Exception) -> str:
    """The kind and beginning of an error; ldap3's texts hold no password, but they can be pages long."""
    return f"{type(error).__name__}: {str(error)[:200]}"
