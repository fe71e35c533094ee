"""The audit record at a collector: every sealed record once and in order, over a TLS that is verified."""

import re
import ssl
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from idm import audit
from idm.actor import Actor
from idm.models.log_checks import ExportPosition
from idm.models.work import Finding
from idm.settings import Settings, SiemSettings
from idm.vocabulary import FindingKind
from jobs.installation import Installation
from jobs.logs import siem
from tests.cast import NOW, Cast
from tests.servers.certificates import BAD, Certificates, make_certificates
from tests.servers.processes import free_port
from tests.servers.syslog_sink import SyslogSink, frames_of, parsed

STAFF = Actor(9, "青木　一郎")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("siem"))


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def installation(cast: Cast, certificates: Certificates, port: int, tmp_path: Path) -> Installation:
    """An installation whose collector is to be at that port, with three sealed records of its own."""
    settings = Settings(
        database_url=cast.database.url, secrets_dir=tmp_path / "secrets", base_url="https://idm.example.jp",
        siem=SiemSettings(host="localhost", port=port, ca_file=certificates.good.ca_file, timeout_seconds=5),
    )  # fmt: skip
    return Installation(settings, cast.database, lambda: NOW)


def write(installation: Installation, number: int, **more: object) -> None:
    """So many more records, sealed."""
    with installation.database.writing() as session:
        for n in range(number):
            audit.record(session, action="test.told", actor=STAFF, obj=("person", n), now=NOW, **more)  # type: ignore[arg-type]
        session.flush()
        audit.seal(session, now=NOW)


def send_all(installation: Installation, worker: str = "w1") -> int:
    sent = 0
    while count := siem.send_batch(installation, worker=worker):
        sent += count
    return sent


def position(installation: Installation) -> ExportPosition:
    with installation.database.reading() as session:
        return session.scalars(select(ExportPosition)).one()


@pytest.mark.asvs("16.4.3")
def test_every_sealed_record_comes_once_and_in_the_order_of_the_chain(
    installation: Installation, certificates: Certificates, port: int
) -> None:
    write(installation, siem.BATCH + 3)
    with SyslogSink(certificates.good, port) as sink:
        sent = send_all(installation)
        assert (sink.numbers(), sink.connections) == (list(range(1, sent + 1)), 2)
        write(installation, 2)
        assert send_all(installation) == 2
        assert sink.numbers() == list(range(1, sent + 3))
        assert send_all(installation) == 0
    assert (position(installation).sequence, position(installation).last_error) == (sent + 2, None)


def test_a_message_says_who_did_what_to_whom_from_where(
    installation: Installation, certificates: Certificates, port: int
) -> None:
    write(installation, 1, payload={"source": "192.0.2.7"}, code="NOT-PERMITTED")
    with SyslogSink(certificates.good, port) as sink:
        send_all(installation)
    last = sink.received[-1]
    assert (last.priority, last.host, last.app, last.message_id) == (108, "idm.example.jp", "idm", "test.told")
    assert last.at == "2026-04-01T01:00:00.000000Z"
    assert re.fullmatch(r"CEF:0\|idm\|idm\|[^|]+\|test\.told\|test\.told\|6\|.*", last.text)
    for field in ("suid=9", "suser=青木　一郎", "duid=0", "src=192.0.2.7", "outcome=failure", "reason=NOT-PERMITTED"):
        assert field in last.text


def test_while_the_collector_is_away_nothing_is_lost_and_why_is_told(
    installation: Installation, certificates: Certificates, port: int
) -> None:
    write(installation, 3)
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            siem.send_batch(installation)
    assert position(installation).sequence == 0
    assert "ConnectionRefusedError" in (position(installation).last_error or "")
    write(installation, 2)
    with SyslogSink(certificates.good, port) as sink:
        sent = send_all(installation)
    assert sink.numbers() == list(range(1, sent + 1))


def test_a_collector_that_has_been_away_for_hours_is_a_finding_until_it_is_back(
    installation: Installation, certificates: Certificates, port: int
) -> None:
    def told(hours: int) -> list[tuple[str, bool]]:
        siem.tell_if_late(replace(installation, clock=lambda: NOW + timedelta(hours=hours)))
        with installation.database.reading() as session:
            found = session.scalars(select(Finding).where(Finding.kind == FindingKind.EXPORT_LATE)).all()
            return [(one.label, one.resolved_at is None) for one in found]

    write(installation, 3)
    with pytest.raises(ConnectionRefusedError):
        siem.send_batch(installation)
    assert told(23) == []
    assert told(25) == told(26) == [(f"localhost:{port}", True)]
    with SyslogSink(certificates.good, port):
        send_all(installation)
    assert told(27) == [(f"localhost:{port}", False)]


def test_a_batch_without_an_answer_is_sent_again_under_the_same_numbers(
    installation: Installation, certificates: Certificates, port: int
) -> None:
    write(installation, 3)
    with SyslogSink(certificates.good, port, ends="reset") as sink:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            siem.send_batch(installation)
        before = sink.numbers()
        sink.ends = "goodbye"
        sent = send_all(installation)
    assert sink.numbers() == before + list(range(1, sent + 1))
    assert before in ([], list(range(1, sent + 1)))


def test_a_collector_that_has_read_everything_and_ends_without_a_goodbye_gets_every_record_once(
    installation: Installation, certificates: Certificates, port: int
) -> None:
    write(installation, siem.BATCH + 3)
    with SyslogSink(certificates.good, port, ends="silence") as sink:
        sent = send_all(installation)
    assert sink.numbers() == list(range(1, sent + 1))
    assert sent > siem.BATCH


def test_a_collector_that_ends_before_everything_has_come_is_told_again(
    installation: Installation, certificates: Certificates, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end is no answer to what was sent after it: only what the other side acknowledged counts."""
    write(installation, 3)
    monkeypatch.setattr(siem, "_unacknowledged", lambda connection: 17)
    with SyslogSink(certificates.good, port, ends="silence"), pytest.raises(ssl.SSLEOFError):
        siem.send_batch(installation)
    assert position(installation).sequence == 0


@pytest.mark.asvs("12.3.2")
@pytest.mark.parametrize("wrong", BAD)
def test_a_collector_that_cannot_prove_itself_is_told_nothing(
    installation: Installation, certificates: Certificates, port: int, wrong: str
) -> None:
    write(installation, 1)
    with SyslogSink(certificates.bad()[wrong], port) as sink, pytest.raises(OSError, match="certificate"):
        siem.send_batch(installation)
    assert (sink.received, position(installation).sequence) == ([], 0)


def test_of_two_workers_one_sends(installation: Installation, certificates: Certificates, port: int) -> None:
    write(installation, 1)
    with pytest.raises(ConnectionRefusedError):
        siem.send_batch(installation, worker="w1")
    with installation.database.writing() as session:
        row = session.scalars(select(ExportPosition)).one()
        row.claimed_by, row.claimed_until = "w1", NOW + siem.LEASE
    with SyslogSink(certificates.good, port) as sink:
        assert siem.send_batch(installation, worker="w2") == 0
        later = replace(installation, clock=lambda: NOW + siem.LEASE + timedelta(seconds=1))
        assert send_all(later, worker="w2") == len(sink.received) > 0


def test_nothing_typed_ends_a_field_or_begins_a_message(
    installation: Installation, certificates: Certificates, port: int
) -> None:
    nasty = "a|b=c\\d\r\n<13>1 - - - - - - forged suid=1\x1b[2J"
    with installation.database.writing() as session:
        audit.record(session, action="test.told", actor=Actor(9, nasty), obj=("x|y", nasty), now=NOW)
        session.flush()
        audit.seal(session, now=NOW)
    with SyslogSink(certificates.good, port) as sink:
        sent = send_all(installation)
    assert len(sink.received) == sent
    text = sink.received[-1].text
    assert "\n" not in text
    assert "\x1b" not in text
    assert "suser=a|b\\=c\\\\d\\r\\n<13>1 - - - - - - forged suid\\=1 [2J" in text


def test_the_worker_sends_by_itself_and_waits_while_nobody_listens(
    installation: Installation, certificates: Certificates, port: int
) -> None:
    write(installation, 2)
    quick = installation.settings.siem.model_copy(update={"retry_seconds": 0.01})
    hurried = replace(installation, settings=installation.settings.model_copy(update={"siem": quick}))
    stop = threading.Event()
    sending = threading.Thread(target=lambda: siem.watch(hurried, stop, worker="w1"))
    sending.start()
    with SyslogSink(certificates.good, port) as sink:
        while not sink.received and sending.is_alive():
            stop.wait(0.01)
        stop.set()
        sending.join()
    assert sink.numbers() == list(range(1, len(sink.received) + 1))


def test_without_a_collector_nothing_is_sent(installation: Installation) -> None:
    write(installation, 1)
    nowhere = replace(installation, settings=installation.settings.model_copy(update={"siem": SiemSettings()}))
    siem.watch(nowhere, threading.Event(), worker="w1")
    with installation.database.reading() as session:
        assert session.scalars(select(ExportPosition)).all() == []


@pytest.mark.parametrize("stream", [b"5 abc", b"x", b"03 abc", b"3abc"])
def test_the_sink_itself_takes_no_broken_frame(stream: bytes) -> None:
    with pytest.raises(ValueError, match="no frame"):
        frames_of(stream)


def test_the_sink_itself_takes_no_broken_message() -> None:
    with pytest.raises(ValueError, match="no RFC 5424"):
        parsed(b"<13>Apr  1 10:00:00 host idm: text")
