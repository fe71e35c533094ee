"""Delivers the notices that wait: one connection a round, retried with growing waits, nothing lost in between."""

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from urllib.parse import urljoin

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.work import MailMessage, MailState
from idm.operations.outbox import wait_before
from idm.settings import MailSettings
from jobs.installation import Installation, read_credential

ROUND = 50


def deliver_due(installation: Installation) -> int:
    """Afterwards each due notice was sent once or waits for its next try. Returns how many were sent."""
    mail = installation.settings.mail
    if not mail.host:
        return 0
    now = installation.clock()
    with installation.database.writing() as session:
        due = session.scalars(
            select(MailMessage)
            .where(MailMessage.state == MailState.WAITING, MailMessage.due_at <= now)
            .order_by(MailMessage.id)
            .limit(ROUND)
            .with_for_update(skip_locked=True)
        ).all()
        for message in due:
            # The next try is written before this one starts: a worker killed after sending repeats a notice at worst.
            message.attempts += 1
            message.due_at = now + wait_before(message.attempts, None)
    if not due:
        return 0
    return _send_all(installation, [message.id for message in due])


def _send_all(installation: Installation, message_ids: list[int]) -> int:
    sent = 0
    try:
        with _connect(installation) as server:
            for message_id in message_ids:
                sent += _send(installation, server, message_id)
    except (OSError, smtplib.SMTPException) as failure:
        _note_failure(installation, message_ids, f"{type(failure).__name__}: {failure}")
    return sent


def _connect(installation: Installation) -> smtplib.SMTP:
    mail = installation.settings.mail
    server = smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout_seconds)
    if mail.starttls:
        server.starttls(context=_tls(mail))
    if mail.username:
        server.login(mail.username, read_credential(installation.settings.secrets_dir, "mail.password"))
    return server


def _tls(mail: MailSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(mail.ca_file) if mail.ca_file else None)


def _send(installation: Installation, server: smtplib.SMTP, message_id: int) -> int:
    with installation.database.writing() as session:
        message = session.get_one(MailMessage, message_id)
        if message.state is MailState.SENT:
            return 0
        try:
            server.send_message(compose(message, installation.settings.mail.sender, installation.settings.base_url))
        except smtplib.SMTPResponseException as refusal:
            message.last_error = f"{refusal.smtp_code} {refusal.smtp_error!r}"
            return 0
        except smtplib.SMTPRecipientsRefused:
            message.last_error = "宛先が拒否されました"
            return 0
        message.state, message.sent_at, message.last_error = MailState.SENT, installation.clock(), None
    return 1


def compose(message: MailMessage, sender: str, base_url: str) -> EmailMessage:
    """The notice as a mail. Its one link begins with the configured address, whatever a request's Host said."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"], mail["From"], mail["To"] = message.subject, sender, message.recipient
    mail["Message-ID"] = make_msgid(idstring=str(message.id), domain=sender.rpartition("@")[2] or "localhost")
    mail["Auto-Submitted"] = "auto-generated"
    link = urljoin(base_url.rstrip("/") + "/", message.link.lstrip("/"))
    body = f"{message.body}\n\n{link}\n\nこのメールを開いただけでは、何も決裁されません。\n"
    mail.set_content(body, cte="base64")  # older relays spoil 8bit bodies
    return mail


def _note_failure(installation: Installation, message_ids: list[int], reason: str) -> None:
    with installation.database.writing() as session:
        for message in _waiting(session, message_ids):
            message.last_error = reason


def _waiting(session: Session, message_ids: list[int]) -> list[MailMessage]:
    query = select(MailMessage).where(MailMessage.id.in_(message_ids), MailMessage.state == MailState.WAITING)
    return list(session.scalars(query))
