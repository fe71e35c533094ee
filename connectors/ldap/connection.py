"""One verified, signed-in connection: ldap3 opens it, these guards decide what it may do.

ldap3's defaults are unsafe: it checks no certificate, follows referrals carrying the service password with it, waits
for ever, and answers errors with False. Here the server is verified (`tls`) before a byte of the password is sent;
referrals are never followed; every wait ends; and after the sign-in ldap3 is out of the way: requests and answers are
our own bytes (`encoding`, `decoding`) on its stream.
"""

import contextlib
import ssl
from collections.abc import Sequence

import ldap3
from ldap3.core.exceptions import LDAPException

from connectors.ldap.encoding import Control, Operation, message
from connectors.ldap.settings import LdapSettings
from connectors.ldap.tls import TlsStream, VerifyingTls
from idm.errors import ConfigurationInvalid, TargetUnavailable


class Connection:
    """An open, encrypted, authenticated connection. After any TargetUnavailable it is closed and must not be reused."""

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
    opened = _prepared(settings, context)
    try:
        opened.open(read_server_info=False)
        if settings.transport == "starttls":
            opened.start_tls(read_server_info=False)
        stream = opened.socket
        if not isinstance(stream, TlsStream):
            raise TargetUnavailable("ディレクトリとの接続を暗号化できないため、接続しません。")
        _sign_in(opened)
    except TargetUnavailable:
        _drop(opened)
        raise
    except Exception as error:  # besides its own errors, ldap3 raises whatever its decoder stumbles over
        _drop(opened)
        raise TargetUnavailable(f"ディレクトリ {settings.host} に接続できません（{_short(error)}）。") from None
    opened.password = None
    return Connection(opened, stream)


def _prepared(settings: LdapSettings, context: ssl.SSLContext) -> ldap3.Connection:
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
        user=settings.bind_dn,
        password=settings.password.encode(),  # type: ignore[arg-type]  # bytes: ldap3 would rewrite text (SASLprep)
        authentication=ldap3.SIMPLE,
        client_strategy=ldap3.SAFE_SYNC,
        auto_bind=ldap3.AUTO_BIND_NONE,
        auto_referrals=False,
        raise_exceptions=True,
        receive_timeout=settings.answer_timeout_seconds,
        check_names=False,
    )


def _sign_in(opened: ldap3.Connection) -> None:
    """Afterwards the server itself says that somebody is signed in. Raises TargetUnavailable or an LDAPException."""
    _, answered, _, _ = opened.bind(read_server_info=False)
    if answered["result"] != 0:  # a referral raises nothing
        raise TargetUnavailable(f"ディレクトリがサインインに「{answered['description']}」と答えました。従いません。")
    if not opened.extend.standard.who_am_i():
        raise TargetUnavailable("ディレクトリが接続を匿名として扱っています。接続アカウントを確認してください。")


def _drop(opened: ldap3.Connection) -> None:
    if opened.socket is not None:
        opened.socket.close()


def _short(error: Exception) -> str:
    """The kind and beginning of an error; ldap3's texts hold no password, but they can be pages long."""
    return f"{type(error).__name__}: {str(error)[:200]}"
