"""Notices over a mail server that demands STARTTLS and a login, greylists, refuses and breaks off."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from idm.models.notices import NoticePreference
from idm.models.people import Person
from idm.models.work import MailMessage, MailState
from idm.operations.notification.notices import notify
from idm.settings import MailSettings, Settings
from jobs.installation import Installation
from jobs.notification import mailer, notices
from tests.cast import NOW, Cast
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.smtp_sink import SmtpSink

LOGIN = ("idm", "himitsu")
ADDRESS = {"staff": "u100009@example.jp", "other": "u100010@example.jp", "chief": "u100003@example.jp"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Good ones and bad ones for the mail server."""
    return make_certificates(tmp_path_factory.mktemp("mail"))


@dataclass
class Post:
    """The office, what it is told, and the mailer at a clock of its own."""

    cast: Cast
    secrets: Path
    now: datetime = NOW

    def tell(self, *names: str, subject: str = "【件名】", urgent: bool = False) -> None:
        """Each of these people is told something."""
        with self.cast.database.writing() as session:
            for name in names:
                notify(session, [self.cast.people[name]], subject=subject, body="本文", link="/me", now=self.now,
                       urgent=urgent)  # fmt: skip

    def installation(self, sink: SmtpSink, **mail: Any) -> Installation:
        """Ours, with that mail server."""
        settings = Settings(
            database_url=self.cast.database.url, secrets_dir=self.secrets, base_url="https://idm.example.jp",
            mail=MailSettings(host=sink.host, port=sink.port, sender="idm@example.jp", **mail),
        )  # fmt: skip
        return Installation(settings, self.cast.database, lambda: self.now)

    def deliver(self, sink: SmtpSink, **mail: Any) -> int:
        """One round of the mailer."""
        return mailer.deliver_due(self.installation(sink, **mail))

    def messages(self) -> dict[str, tuple[MailState, int, str | None]]:
        """Address → state, attempts, last error."""
        with self.cast.database.reading() as session:
            return {
                one.recipient: (one.state, one.attempts, one.last_error) for one in session.scalars(select(MailMessage))
            }


@pytest.fixture
def post(cast: Cast, tmp_path: Path) -> Post:
    """The office and a secrets folder with the mail server's password."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "mail.password").write_text(LOGIN[1], encoding="utf-8")
    return Post(cast, secrets)


@pytest.mark.asvs("12.3.1")
def test_notices_leave_over_starttls_with_a_login(post: Post, certificates: Certificates) -> None:
    post.tell("staff", "other")
    with SmtpSink(certificate=certificates.good, login=LOGIN) as sink:
        assert post.deliver(sink, starttls=True, ca_file=certificates.good.ca_file, username="idm") == 2
    assert [received.recipients for received in sink.received] == [(ADDRESS["staff"],), (ADDRESS["other"],)]


@pytest.mark.asvs("12.3.2")
@pytest.mark.parametrize("bad", ["wrong_name", "expired", "other_authority"])
def test_a_server_that_cannot_prove_who_it_is_gets_no_password_and_no_notice(
    post: Post, certificates: Certificates, bad: str
) -> None:
    post.tell("staff")
    with SmtpSink(certificate=certificates.bad()[bad], login=LOGIN) as sink:
        assert post.deliver(sink, starttls=True, ca_file=certificates.good.ca_file, username="idm") == 0
    assert sink.received == []
    assert "SSLCertVerificationError" in (post.messages()[ADDRESS["staff"]][2] or "")


def test_a_wrong_password_refuses_nobodys_address_and_is_tried_again(post: Post, certificates: Certificates) -> None:
    post.tell("staff")
    (post.secrets / "mail.password").write_text("wrong", encoding="utf-8")
    tls: dict[str, Any] = {"starttls": True, "ca_file": certificates.good.ca_file, "username": "idm"}
    with SmtpSink(certificate=certificates.good, login=LOGIN) as sink:
        assert post.deliver(sink, **tls) == 0
        state, attempts, error = post.messages()[ADDRESS["staff"]]
        assert (state, attempts) == (MailState.WAITING, 1)
        assert "535" in (error or "")
        assert "wrong" not in (error or "")
        (post.secrets / "mail.password").write_text(LOGIN[1], encoding="utf-8")
        post.now += timedelta(minutes=1)
        assert post.deliver(sink, **tls) == 1
    assert post.messages()[ADDRESS["staff"]] == (MailState.SENT, 2, None)


def test_a_password_that_is_not_there_is_said_and_loses_nothing(post: Post) -> None:
    post.tell("staff")
    (post.secrets / "mail.password").unlink()
    with SmtpSink() as sink:
        assert post.deliver(sink, username="idm") == 0
    state, _, error = post.messages()[ADDRESS["staff"]]
    assert state is MailState.WAITING
    assert "mail.password" in (error or "")


@pytest.mark.parametrize("unreadable", ["tanaka@", ".@", "-@[-"])
def test_an_address_that_nobody_can_read_stops_nobody_elses_mail(post: Post, unreadable: str) -> None:
    with post.cast.database.writing() as session:
        session.get_one(Person, post.cast.people["staff"]).mail = unreadable
    post.tell("staff", "other")
    with SmtpSink() as sink:
        assert post.deliver(sink) == 1
    assert post.messages()[ADDRESS["other"]][0] is MailState.SENT
    assert post.messages()[unreadable][0] is MailState.REFUSED


def test_a_recipient_at_whom_the_server_hangs_up_keeps_nobody_else_waiting(post: Post) -> None:
    post.tell("staff", "other")
    with SmtpSink(hangs_up_at=ADDRESS["staff"]) as sink:
        assert post.deliver(sink) == 0
        assert post.messages()[ADDRESS["other"]][:2] == (MailState.WAITING, 0), "that was no try"
        assert post.deliver(sink) == 1
    assert post.messages()[ADDRESS["other"]][0] is MailState.SENT
    assert post.messages()[ADDRESS["staff"]][:2] == (MailState.WAITING, 1)


def test_a_slow_server_ends_the_round_before_anybody_else_may_send_what_is_left_of_it(post: Post) -> None:
    post.tell("staff", "other")

    class SlowSink(SmtpSink):
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            post.now += mailer.SPELL
            return await super().handle_DATA(server, session, envelope)

    with SlowSink() as sink:
        assert post.deliver(sink) == 1
        assert sorted(state for state, *_ in post.messages().values()) == [MailState.SENT, MailState.WAITING]
        assert sorted(attempts for _, attempts, _ in post.messages().values()) == [0, 1], "that was no try"
        assert post.deliver(sink) == 1
        assert len(sink.received) == 2


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\n"])
def test_a_subject_of_several_lines_is_sent_as_one(post: Post, sign: str) -> None:
    post.tell("other", subject=f"令和8年度{sign}棚卸し")
    with SmtpSink() as sink:
        assert post.deliver(sink) == 1
    assert post.messages()[ADDRESS["other"]][0] is MailState.SENT


def test_greylisting_is_waited_out_and_keeps_nobody_else_waiting(post: Post) -> None:
    post.tell("staff", "other")
    sink = SmtpSink(answers={ADDRESS["staff"]: "451 4.7.1 greylisted, come back later"})
    with sink:
        assert post.deliver(sink) == 1
        assert post.deliver(sink) == 0, "not at once"
        sink.answers.clear()
        post.now += timedelta(minutes=1)
        assert post.deliver(sink) == 1
    assert post.messages()[ADDRESS["staff"]] == (MailState.SENT, 2, None)


def test_an_address_that_refuses_for_good_is_tried_once_shown_and_told_to_the_officers(post: Post) -> None:
    post.tell("staff", "other")
    with SmtpSink(refuse=[ADDRESS["staff"]]) as sink:
        assert post.deliver(sink) == 1
        assert post.messages()[ADDRESS["staff"]] == (MailState.REFUSED, 1, "550 no such user")
        post.now += timedelta(days=1)
        notices.run_due(post.installation(sink))
        assert post.deliver(sink) == 2, "the officers, and nobody else"
        post.now += timedelta(days=1)
        notices.run_due(post.installation(sink))
        assert post.deliver(sink) == 0
    told = [received for received in sink.received if "届かない宛先" in received.message["Subject"]]
    assert sorted(received.recipients for received in told) == [(ADDRESS["chief"],), ("u100005@example.jp",)]


def test_a_refusal_that_is_about_the_sender_gives_nobody_up(post: Post) -> None:
    post.tell("staff")
    with SmtpSink(answers={ADDRESS["staff"]: "554 5.7.1 Relay access denied"}) as sink:
        assert post.deliver(sink) == 0
    assert post.messages()[ADDRESS["staff"]][0] is MailState.WAITING


def test_a_connection_lost_in_the_middle_repeats_nothing_and_loses_nothing(post: Post) -> None:
    post.tell("staff", "other", "chief")
    with SmtpSink(cut_after=1) as sink:
        assert post.deliver(sink) == 1
        assert {state for state, _, _ in post.messages().values()} == {MailState.SENT, MailState.WAITING}
        sink.cut_after = None
        post.now += timedelta(minutes=1)
        assert post.deliver(sink) == 2
    assert sorted(received.recipients[0] for received in sink.received) == sorted(ADDRESS.values())


def test_what_a_killed_mailer_had_claimed_is_sent_once_when_its_time_is_over(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.tell("staff")

    def killed(*_args: object) -> None:
        raise KeyboardInterrupt

    with SmtpSink() as sink:
        with monkeypatch.context() as patch:
            patch.setattr(mailer, "_send", killed)
            with pytest.raises(KeyboardInterrupt):
                post.deliver(sink)
        assert post.deliver(sink) == 0, "another worker's, as far as anybody knows"
        post.now += mailer.CLAIM
        assert [post.deliver(sink), post.deliver(sink)] == [1, 0]
    assert len(sink.received) == 1


def test_what_is_urgent_leaves_first(post: Post) -> None:
    post.tell("staff")
    post.tell("other", urgent=True)
    with SmtpSink() as sink:
        post.deliver(sink)
    assert [received.recipients[0] for received in sink.received] == [ADDRESS["other"], ADDRESS["staff"]]


def test_an_address_that_no_mail_can_bear_harms_no_other(post: Post) -> None:
    with post.cast.database.writing() as session:
        session.get_one(Person, post.cast.people["staff"]).mail = "誰か\n@example.jp"
    post.tell("staff", "other")
    with SmtpSink() as sink:
        assert post.deliver(sink) == 1
    assert post.messages()["誰か\n@example.jp"][0] is MailState.REFUSED


def test_a_subject_of_two_lines_puts_nothing_into_the_head_of_the_mail(post: Post) -> None:
    post.tell("staff", subject="件名\nBcc: evil@example.com")
    with SmtpSink() as sink:
        assert post.deliver(sink) == 1
    assert sink.received[0].recipients == (ADDRESS["staff"],)
    assert sink.received[0].message["Bcc"] is None


def test_a_digest_arrives_with_every_subject_and_every_address(post: Post) -> None:
    with post.cast.database.writing() as session:
        session.add(NoticePreference(person_id=post.cast.people["staff"], daily=True, changed_at=NOW))
    post.tell("staff", subject="【一】")
    post.tell("staff", subject="【二】")
    with SmtpSink() as sink:
        assert post.deliver(sink) == 0
        post.now += timedelta(days=1)
        notices.run_due(post.installation(sink))
        notices.run_due(post.installation(sink))
        assert post.deliver(sink) == 1
    (received,) = sink.received
    text = received.message.get_content()
    assert received.message["Subject"] == "【まとめ】通知 2件"
    assert all(part in text for part in ("【一】", "【二】", "https://idm.example.jp/notices"))
    assert text.count("https://idm.example.jp/me") == 2
