"""A mail server that keeps everything it is given and delivers nothing."""

import email
import email.policy
import ssl
from collections.abc import Collection, Mapping
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
    550, those in `answers` what stands there. With `cut_after` it drops whoever begins another message after so many;
    whoever names `hangs_up_at` as a recipient is dropped too.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        certificate: ServerCertificate | None = None,
        login: tuple[str, str] | None = None,
        refuse: Collection[str] = (),
        answers: Mapping[str, str] | None = None,
        cut_after: int | None = None,
        hangs_up_at: str | None = None,
    ) -> None:
        self.received: list[Received] = []
        self.answers = {**dict.fromkeys(refuse, "550 no such user"), **(answers or {})}
        self.cut_after, self.hangs_up_at = cut_after, hangs_up_at
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
        self, server: Any, session: object, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The answer to one recipient."""
        if address == self.hangs_up_at or (self.cut_after is not None and len(self.received) >= self.cut_after):
            server.transport.abort()
        if address in self.answers:
            return self.answers[address]
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
