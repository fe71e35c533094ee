"""Sends the audit record to a collector: CEF in RFC 5424 over TLS, its spool the record itself (docs/siem.md).

A batch counts as handed over when the collector has answered our goodbye: with its own (RFC 5425 4.4), or, as widely
used collectors do, by ending the connection in order once it had taken everything. TLS keeps the order, so it has read
all of it by then. Without an answer the same batch is sent again, under the same numbers. Nothing is lost however long
the collector is away, and no more than one batch is ever told twice.
"""

import fcntl
import logging
import os
import socket
import ssl
import sys
import termios
import threading
from datetime import datetime, timedelta
from importlib.metadata import version
from itertools import islice
from urllib.parse import urlsplit

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from idm import audit
from idm.actor import Actor
from idm.database import Database
from idm.errors import IdmError
from idm.models.audit import AuditSeal
from idm.models.log_checks import ExportPosition
from idm.operations.logs import late_exports
from idm.queries.governance.configuration import policy_in_force
from idm.settings import SiemSettings
from jobs.installation import Installation

LOG = logging.getLogger("idm.worker")
ACTOR = Actor.job("jobs.logs.siem")
BATCH = 200
LOOKED_EVERY_SECONDS = 1.0
LEASE = timedelta(minutes=2)
"""Longer than any one batch takes; a worker that dies holds up the next one so long."""


def watch(installation: Installation, stop: threading.Event, *, worker: str) -> None:
    """Sends what is sealed until `stop` is set; what fails is told, kept and tried again after a pause."""
    siem = installation.settings.siem
    while siem.host and not stop.is_set():
        pause = LOOKED_EVERY_SECONDS
        try:
            while send_batch(installation, worker=worker) and not stop.is_set():
                pass
        except (IdmError, SQLAlchemyError, OSError) as failure:
            LOG.error("siem: %s: %s", type(failure).__name__, failure)
            pause = siem.retry_seconds
        stop.wait(pause)


def tell_if_late(installation: Installation) -> None:
    """Afterwards there is a finding where the collector has not taken what waits for hours, and none otherwise."""
    name, now, database = _name(installation.settings.siem), installation.clock(), installation.database
    with database.reading() as session:
        policy = policy_in_force(session, now=now)
        if not late_exports.has_changed(session, name, policy=policy, now=now):
            return
    with database.writing() as session:
        late_exports.record(session, name, actor=ACTOR, policy=policy, now=now)


def send_batch(installation: Installation, *, worker: str = f"{socket.gethostname()}:{os.getpid()}") -> int:
    """Afterwards the collector has up to a batch more; returns how many records. 0 = it has all, or another sends.

    Raises OSError (and with it every failure of TLS) when they could not be handed over; the position is unchanged.
    """
    siem, now, database = installation.settings.siem, installation.clock(), installation.database
    name = _name(siem)
    if not _anything_new(database, name):
        return 0
    position = _claim(database, name, worker, now)
    if position is None:
        return 0
    with database.reading() as session:
        events = list(islice(audit.sealed_events(session, after=position, size=BATCH), BATCH))
    if not events:
        return 0
    host, release = urlsplit(installation.settings.base_url).hostname or "", version("idm")
    frames = b"".join(audit.framed(audit.syslog_message(event, host=host, version=release)) for event in events)
    try:
        _hand_over(siem, frames)
    except OSError as failure:
        _note(database, name, worker, now, last_error=f"{type(failure).__name__}: {failure}")
        raise
    _note(database, name, worker, now, last_error=None, sequence=events[-1].sequence)
    return len(events)


def _name(siem: SiemSettings) -> str:
    return f"{siem.host}:{siem.port}" if siem.host else ""


def _hand_over(siem: SiemSettings, frames: bytes) -> None:
    """Afterwards the collector has read every byte. Raises OSError otherwise."""
    context = ssl.create_default_context(cafile=str(siem.ca_file) if siem.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection((siem.host, siem.port), timeout=siem.timeout_seconds) as plain,
        context.wrap_socket(plain, server_hostname=siem.host) as connection,
    ):
        connection.sendall(frames)
        _say_goodbye(connection)


def _say_goodbye(connection: ssl.SSLSocket) -> None:
    """Afterwards the collector has read every byte. Raises OSError otherwise, also where it reset the connection.

    Whoever ends a connection with bytes unread resets it, and an end in order acknowledges what came before it: so an
    end is an answer unless something that was sent is not acknowledged.
    """
    try:
        connection.unwrap().close()
    except ssl.SSLEOFError:
        if _unacknowledged(connection):
            raise


def _unacknowledged(connection: ssl.SSLSocket) -> int:
    """How many of the bytes sent the other side has not acknowledged."""
    waiting = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(waiting, sys.byteorder)


def _anything_new(database: Database, name: str) -> bool:
    """Whether the record has gone on since: asked every second, so nothing is written for it."""
    with database.reading() as session:
        position = session.scalar(select(ExportPosition.sequence).where(ExportPosition.name == name)) or 0
        return (session.scalar(select(func.max(AuditSeal.sequence))) or 0) > position


def _claim(database: Database, name: str, worker: str, now: datetime) -> int | None:
    """How far the collector has the record, if this worker may send now; nobody else does until the lease is over."""
    with database.writing() as session:
        known = session.scalars(select(ExportPosition).where(ExportPosition.name == name)).one_or_none()
        if known is None:
            session.add(ExportPosition(name=name, sequence=0, at=now, claimed_by=worker, claimed_until=now + LEASE))
            return 0
        mine = or_(
            ExportPosition.claimed_by == worker, ExportPosition.claimed_until.is_(None),
            ExportPosition.claimed_until < now,
        )  # fmt: skip
        claim = (
            update(ExportPosition)
            .where(ExportPosition.name == name, mine)
            .values(claimed_by=worker, claimed_until=now + LEASE)
            .returning(ExportPosition.sequence)
        )
        return session.scalars(claim, execution_options={"synchronize_session": False}).one_or_none()


def _note(database: Database, name: str, worker: str, now: datetime, **values: object) -> None:
    """How the try ended; whoever lost the lease meanwhile changes nothing."""
    with database.writing() as session:
        session.execute(
            update(ExportPosition)
            .where(ExportPosition.name == name, ExportPosition.claimed_by == worker)
            .values(at=now, claimed_until=None, **values)
        )
