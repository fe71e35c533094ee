"""A mail server that keeps everything it is given and delivers nothing."""

import email
import email.policy
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from jobs.demo.certificates import ServerCertificate
from tests.servers.processes import free_port


@dataclass(frozen=True)
class Received:
    """One message as it arrived: the envelope, and the message decoded."""

    mail_from: str
    recipients: tuple[str, ...]
    message: EmailMessage


class SmtpSink:
    """Listens on 127.0.0.1:`port` inside `with`; what came is in `received`, oldest first.

    With a certificate it demands STARTTLS, with a login it demands that name and password; recipients in `refuse` get
    550.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        certificate: ServerCertificate | None = None,
        login: tuple[str, str] | None = None,
        refuse: Collection[str] = (),
    ) -> None:
        self.received: list[Received] = []
        self.refuse = frozenset(refuse)
        self.port = free_port()  # aiosmtpd connects to itself on the port given, so it cannot be 0
        options: dict[str, Any] = {}
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate.certificate_file, certificate.key_file)
            options |= {"tls_context": context, "require_starttls": True}
        if login:
            options |= {"auth_required": True, "auth_require_tls": bool(certificate), "authenticator": _only(login)}
        self._controller = Controller(self, hostname=self.host, port=self.port, enable_SMTPUTF8=True, **options)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: object, session: object, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The answer to one recipient."""
        if address in self.refuse:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802  # likewise
        """Afterwards the message is in `received`."""
        message = email.message_from_bytes(cast("bytes", envelope.content), policy=email.policy.default)
        recipients = tuple(str(recipient) for recipient in envelope.rcpt_tos)
        self.received.append(Received(str(envelope.mail_from), recipients, message))
        return "250 queued"

    def __enter__(self) -> "SmtpSink":
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()


def _only(login: tuple[str, str]) -> Any:
    def authenticate(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == login
        return AuthResult(success=good, handled=False)  # handled: a wrong one would be cut off instead of answered

    return authenticate
