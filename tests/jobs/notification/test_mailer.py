"""Notices leave through a real SMTP server: once, with one link, and again when it was away."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from idm.models.requests import Request
from idm.models.work import MailMessage, MailState
from idm.request_state import RequestState
from idm.settings import MailSettings
from jobs.installation import Installation
from jobs.notification import mailer
from tests.jobs.conftest import Office
from tests.servers.smtp_sink import SmtpSink


def _with_mail(office: Office, sink: SmtpSink) -> Installation:
    mail = MailSettings(host=sink.host, port=sink.port, sender="idm@example.jp")
    return replace(office.installation, settings=office.installation.settings.model_copy(update={"mail": mail}))


def _states(office: Office) -> list[MailState]:
    with office.cast.database.reading() as session:
        return list(session.scalars(select(MailMessage.state).order_by(MailMessage.id)))


def test_both_officers_get_one_mail_with_one_link(office: Office) -> None:
    request = office.cast.file("staff", ("staff", "ledger/account"), now=office.clock())
    with SmtpSink() as sink:
        assert mailer.deliver_due(_with_mail(office, sink)) == 2
        assert mailer.deliver_due(_with_mail(office, sink)) == 0
    assert {received.recipients for received in sink.received} == {("u100003@example.jp",), ("u100004@example.jp",)}
    message = sink.received[0].message
    assert "【承認依頼】" in message["Subject"]
    assert "青木　一郎" in message["Subject"]
    text = message.get_content()
    assert text.count("https://") == 1
    assert f"https://idm.example.jp/requests/{request}" in text


def test_result_is_told_to_the_applicant_and_names_no_secret(office: Office) -> None:
    office.grant("staff", "ledger/account")
    with SmtpSink() as sink:
        mailer.deliver_due(_with_mail(office, sink))
    last = sink.received[-1]
    assert last.recipients == ("u100009@example.jp",)
    assert "承認済み" in last.message.get_content()


def test_server_that_is_away_loses_nothing(office: Office) -> None:
    office.cast.file("staff", ("staff", "ledger/account"), now=office.clock())
    sink = SmtpSink()
    away = _with_mail(office, sink)
    assert mailer.deliver_due(away) == 0
    assert _states(office) == [MailState.WAITING, MailState.WAITING]
    with office.cast.database.reading() as session:
        assert all(message.last_error for message in session.scalars(select(MailMessage)))
    office.clock.ahead = timedelta(minutes=5)
    with sink:
        assert mailer.deliver_due(away) == 2
    assert _states(office) == [MailState.SENT, MailState.SENT]


def test_refused_recipient_does_not_keep_the_others_waiting(office: Office) -> None:
    office.cast.file("staff", ("staff", "ledger/account"), now=office.clock())
    with SmtpSink(refuse=["u100003@example.jp"]) as sink:
        assert mailer.deliver_due(_with_mail(office, sink)) == 1
        assert mailer.deliver_due(_with_mail(office, sink)) == 0
    assert sorted(_states(office)) == [MailState.REFUSED, MailState.SENT]
    with office.cast.database.reading() as session:
        attempts = session.scalars(select(MailMessage.attempts)).all()
    assert set(attempts) == {1}, "the refused one is not tried again"


def test_no_configured_server_leaves_notices_waiting(office: Office) -> None:
    office.cast.file("staff", ("staff", "ledger/account"), now=office.clock())
    assert mailer.deliver_due(office.installation) == 0
    assert _states(office) == [MailState.WAITING, MailState.WAITING]


def test_sending_decides_nothing(office: Office) -> None:
    request = office.cast.file("staff", ("staff", "ledger/account"), now=office.clock())
    with SmtpSink() as sink:
        mailer.deliver_due(_with_mail(office, sink))
    with office.cast.database.reading() as session:
        assert session.get_one(Request, request).state is RequestState.SUBMITTED
