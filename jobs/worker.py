"""The worker: seals, provisions and mails in a steady round; once a day it carries out what is due.

Everything it does is also a command of its own, and doing it twice changes nothing. Whatever fails is told and tried
again in the next round: a round never takes the worker down. What stops somebody waits for no round (`jobs.stops`), and
no round waits for the night's sweep (`jobs.nights`).
"""

import logging
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from idm.calendar_days import TOKYO
from idm.errors import IdmError
from idm.models.feeds import FeedRun
from jobs import (
    check_outs,
    feed_inbox,
    feed_uploads,
    finding_care,
    hand_work,
    inventory,
    lifecycle,
    log_check,
    mailer,
    nights,
    notices,
    privileged_uses,
    provision,
    retention,
    rotations,
    sealing,
    siem,
    stops,
    temporary_passwords,
    unlocking,
)
from jobs.installation import Installation

LOG = logging.getLogger("idm.worker")
CHECKPOINT_EVERY = timedelta(minutes=1)
NIGHT_MAY_END = timedelta(seconds=20)
"""How long a night under way is waited for at the end: one that is broken off is resumed where it stopped."""


@dataclass
class Rounds:
    """When what was last done."""

    checkpoint_at: datetime | None = None
    lifecycle_on: date | None = None
    followed_file: int | None = None
    """The newest personnel file that the day's run knew of."""
    inbox_at: datetime | None = None
    uploads_at: datetime | None = None
    escalated_at: datetime | None = None
    temporaries_at: datetime | None = None
    erased_on: date | None = None
    failures: int = field(default=0)


def work(installation: Installation, stop: threading.Event, *, pause_seconds: float = 1.0) -> None:
    """Runs until `stop` is set; the round under way is finished first."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    rounds = Rounds()
    stopping = threading.Thread(target=lambda: stops.watch(installation, stop, worker=name), name="stops", daemon=True)
    stopping.start()
    having = threading.Thread(target=lambda: nights.watch(installation, stop), name="nights", daemon=True)
    having.start()
    sending = threading.Thread(target=lambda: siem.watch(installation, stop, worker=name), name="siem", daemon=True)
    sending.start()
    while not stop.is_set():
        one_round(installation, rounds, worker=name)
        stop.wait(pause_seconds)
    stopping.join()
    having.join(NIGHT_MAY_END.total_seconds())
    sending.join()
    _guarded(rounds, "sealing", lambda: sealing.seal(installation, sign=True))


def one_round(installation: Installation, rounds: Rounds, *, worker: str) -> None:
    """One round of everything that is due."""
    now = installation.clock()
    today = now.astimezone(TOKYO).date()
    _guarded(rounds, "lifecycle", lambda: _carry_out_the_day(installation, rounds, today))
    _take_files_in(installation, rounds, now)
    _guarded(rounds, "unlocking", lambda: unlocking.run_due(installation))
    _guarded(rounds, "inventory", lambda: inventory.run_asked(installation))
    if rounds.temporaries_at is None or now - rounds.temporaries_at >= CHECKPOINT_EVERY:
        rounds.temporaries_at = now
        _guarded(rounds, "temporary passwords", lambda: temporary_passwords.run_due(installation))
    _guarded(rounds, "stops", lambda: stops.run_due(installation, worker=worker))
    # First what the clock ends: the directory is made so in this very round (D6).
    _guarded(rounds, "privileged uses", lambda: privileged_uses.run_due(installation))
    _guarded(rounds, "provision", lambda: provision.run_due(installation, worker=worker))
    _guarded(rounds, "rotations", lambda: rotations.run_due(installation, worker=worker))
    _guarded(rounds, "check-outs", lambda: check_outs.run_due(installation))
    if rounds.escalated_at is None or now - rounds.escalated_at >= CHECKPOINT_EVERY:
        rounds.escalated_at = now
        _guarded(rounds, "work orders", lambda: hand_work.escalate(installation))
        _guarded(rounds, "findings", lambda: finding_care.run_due(installation))
        _guarded(rounds, "log check", lambda: log_check.run_due(installation))
        _guarded(rounds, "notices", lambda: notices.run_due(installation))
        if rounds.erased_on != today and _guarded(rounds, "retention", lambda: retention.erase_due(installation)):
            rounds.erased_on = today
    _guarded(rounds, "mail", lambda: mailer.deliver_due(installation))
    sign = rounds.checkpoint_at is None or now - rounds.checkpoint_at >= CHECKPOINT_EVERY
    if _guarded(rounds, "sealing", lambda: sealing.seal(installation, sign=sign)) and sign:
        rounds.checkpoint_at = now


def _carry_out_the_day(installation: Installation, rounds: Rounds, today: date) -> None:
    """What is due by the calendar: once a day, and again after each personnel file, which may tell of days gone by.

    Who left, or lost the post of an administrator, yesterday does not wait for tomorrow's run (KT 第66, control D7).
    """
    with installation.database.reading() as session:
        newest = session.scalar(select(func.max(FeedRun.id)))
    if (rounds.lifecycle_on, rounds.followed_file) != (today, newest):
        lifecycle.run(installation)
        rounds.lifecycle_on, rounds.followed_file = today, newest


def _take_files_in(installation: Installation, rounds: Rounds, now: datetime) -> None:
    """Personnel files from the drop folder, where the worker watches it; and uploads that nobody confirmed go."""
    inbox = installation.settings.inbox
    pause = timedelta(seconds=inbox.poll_seconds)
    if inbox.watch and (rounds.inbox_at is None or now - rounds.inbox_at >= pause):
        rounds.inbox_at = now
        _guarded(rounds, "inbox", lambda: feed_inbox.collect(installation))
    if rounds.uploads_at is None or now - rounds.uploads_at >= CHECKPOINT_EVERY:
        rounds.uploads_at = now
        _guarded(rounds, "uploads", lambda: feed_uploads.empty_expired(installation))


def _guarded(rounds: Rounds, what: str, act: Callable[[], object]) -> bool:
    """Whether the act succeeded; its failure is told, and left for the next round."""
    try:
        act()
    except (IdmError, SQLAlchemyError, OSError) as failure:
        rounds.failures += 1
        LOG.error("%s: %s: %s", what, type(failure).__name__, failure)
        return False
    return True
