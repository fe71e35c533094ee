"""Delivers the notices that wait: one connection a round, retried with growing waits, nothing lost in between.

An address that its server refuses for good is not tried again: the notice says so, and officers are told of it
(`jobs.notification.notices`). What is refused for the sender's sake (no permission to relay, a wrong password) says
nothing about an address, and is retried.
"""

import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from urllib.parse import urljoin

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.errors import IdmError
from idm.models.work import MailMessage, MailState
from idm.operations.outbox import wait_before
from idm.settings import MailSettings
from jobs.installation import Installation, read_credential

ROUND = 50
CLAIM = timedelta(minutes=15)
"""For how long a round has its notices to itself; a killed round's wait so long."""
SPELL = CLAIM / 2
"""For how long a round begins with another notice: one that its server keeps waiting ends long before the claim does
(at most ten replies of 25 seconds each), and nobody else sends what this round is sending."""
_PERMANENT = 500
_NOT_THE_ADDRESS = re.compile(r"\b5\.7\.\d+\b")
"""Security or policy (RFC 3463, 3.8): about who sends, not about who is sent to."""

_UNREADABLE = (ValueError, IndexError, AttributeError, TypeError)
"""What the standard library's reader of addresses raises at one it cannot read, from "tanaka@" to "-@[-"."""


@dataclass(frozen=True)
class Outcome:
    """How one notice went; `error` None = it left. `permanent`: its address is refused, whoever asks again."""

    error: str | None = None
    permanent: bool = False


def deliver_due(installation: Installation) -> int:
    """Afterwards each due notice was sent once, or waits for its next try, or is refused for good. Returns how many
    were sent."""
    mail = installation.settings.mail
    if not mail.host:
        return 0
    due = _claim(installation)
    return _send_all(installation, due) if due else 0


def _claim(installation: Installation) -> list[int]:
    """The next try is written before this one starts: a worker killed after sending repeats a notice at worst."""
    now = installation.clock()
    with installation.database.writing() as session:
        due = session.scalars(
            select(MailMessage)
            .where(MailMessage.state == MailState.WAITING, MailMessage.due_at <= now)
            .order_by(MailMessage.urgent.desc(), MailMessage.id)
            .limit(ROUND)
            .with_for_update(skip_locked=True)
        ).all()
        for message in due:
            message.attempts += 1
            message.due_at = now + CLAIM
        return [message.id for message in due]


def _send_all(installation: Installation, message_ids: Sequence[int]) -> int:
    """Nothing of the database is held while a mail server is waited for."""
    sent, left, begun = 0, list(message_ids), installation.clock()
    under_way = left
    try:
        with _connect(installation) as server:
            while left and installation.clock() < begun + SPELL:
                under_way, left = left[:1], left[1:]
                outcome = _send(installation, server, under_way[0])
                _note(installation, under_way, outcome)
                sent += outcome.error is None
            unsent, left = left, []
            _let_go(installation, unsent)
    except (OSError, smtplib.SMTPException, IdmError) as failure:
        _note(installation, under_way, Outcome(f"{type(failure).__name__}: {failure}"))
        if under_way is not left:
            _let_go(installation, left)
    return sent


def _let_go(installation: Installation, message_ids: Sequence[int]) -> None:
    """Who stood behind the one at whom the server hung up has had no try: they wait for the next round, not for it."""
    query = select(MailMessage).where(MailMessage.id.in_(message_ids), MailMessage.state == MailState.WAITING)
    with installation.database.writing() as session:
        for message in session.scalars(query):
            message.attempts -= 1
            message.due_at = installation.clock()


def _connect(installation: Installation) -> smtplib.SMTP:
    mail = installation.settings.mail
    server = smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout_seconds)
    try:
        if mail.starttls:
            server.starttls(context=_tls(mail))
        if mail.username:
            server.login(mail.username, read_credential(installation.settings.secrets_dir, "mail.password"))
    except BaseException:
        server.close()
        raise
    return server


def _tls(mail: MailSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(mail.ca_file) if mail.ca_file else None)


def _send(installation: Installation, server: smtplib.SMTP, message_id: int) -> Outcome:
    """What the server answered. Raises what ends the connection."""
    settings = installation.settings
    with installation.database.reading() as session:
        message = session.get_one(MailMessage, message_id)
        try:
            mail = compose(message, settings.mail.sender, settings.base_url, _listed(session, message))
        except _UNREADABLE as unreadable:
            return Outcome(f"宛先をメールに書けません: {unreadable}", permanent=True)
    try:
        server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as refused:
        code, said = next(iter(refused.recipients.values()))
        return _refusal(code, said)
    except smtplib.SMTPSenderRefused as refused:
        return Outcome(f"差出人が拒否されました: {refused.smtp_code} {_text(refused.smtp_error)}")
    except smtplib.SMTPDataError as refused:
        return _refusal(refused.smtp_code, refused.smtp_error)
    except (smtplib.SMTPNotSupportedError, UnicodeError):
        return Outcome("宛先に、メールサーバーの受け付けない文字があります", permanent=True)
    return Outcome()


def _refusal(code: int, said: bytes | str) -> Outcome:
    text = _text(said)
    return Outcome(f"{code} {text}", permanent=code >= _PERMANENT and not _NOT_THE_ADDRESS.search(text))


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _listed(session: Session, message: MailMessage) -> list[tuple[str, str]]:
    """Subjects and paths of what stands in a digest; empty for every other notice."""
    query = select(MailMessage.subject, MailMessage.link).where(MailMessage.digest_id == message.id)
    return [(subject, link) for subject, link in session.execute(query.order_by(MailMessage.id))]


def compose(
    message: MailMessage, sender: str, base_url: str, listed: Sequence[tuple[str, str]] = ()
) -> EmailMessage:  # fmt: skip
    """The notice as a mail. Its links begin with the configured address, whatever a request's Host said.

    Raises one of `_UNREADABLE` where the address cannot stand in a mail.
    """
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = " ".join(message.subject.splitlines())
    mail["From"], mail["To"] = sender, message.recipient
    mail["Message-ID"] = make_msgid(idstring=str(message.id), domain=sender.rpartition("@")[2] or "localhost")
    mail["Auto-Submitted"] = "auto-generated"
    lines = [f"・{subject}\n　{_address(base_url, link)}" for subject, link in listed]
    said = "\n\n".join([message.body, *(["\n".join(lines)] if lines else []), _address(base_url, message.link)])
    # Older relays spoil 8bit bodies.
    mail.set_content(f"{said}\n\nこのメールを開いただけでは、何も決裁されません。\n", cte="base64")
    return mail


def _address(base_url: str, link: str) -> str:
    return urljoin(base_url.rstrip("/") + "/", link.lstrip("/"))


def _note(installation: Installation, message_ids: Sequence[int], outcome: Outcome) -> None:
    now = installation.clock()
    query = select(MailMessage).where(MailMessage.id.in_(message_ids), MailMessage.state == MailState.WAITING)
    with installation.database.writing() as session:
        for message in session.scalars(query):
            message.last_error = outcome.error
            if outcome.error is None:
                message.state, message.sent_at = MailState.SENT, now
            elif outcome.permanent:
                message.state = MailState.REFUSED
            else:
                message.due_at = now + wait_before(message.attempts, None)
