"""The worker: seals, provisions and mails in a steady round; once a day it carries out what is due.

`DUTIES` is all of it, in its order. Everything it does is also a command of its own, and doing it twice changes
nothing. Whatever fails is told and tried again: a round never takes the worker down. What stops somebody waits for no
round (`jobs.stops`), and no round waits for the night's sweep (`jobs.sweep.nights`).
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from idm.calendar_days import TOKYO
from idm.errors import IdmError
from idm.models.feeds import FeedRun
from jobs import hand_work, lifecycle, provision, stop_watch, stops
from jobs.hr import feed_inbox, feed_uploads
from jobs.information_systems import inventory
from jobs.installation import Installation
from jobs.logs import log_check, retention, sealing, siem
from jobs.notification import mailer, notices
from jobs.passwords import temporary_passwords, unlocking
from jobs.privileged import check_outs, privileged_uses, rotations
from jobs.sweep import finding_care, nights

LOG = logging.getLogger("idm.worker")
NIGHT_MAY_END = timedelta(seconds=20)
"""How long a night under way is waited for at the end: one that is broken off is resumed where it stopped."""


@dataclass(frozen=True)
class Turn:
    """One round, as its duties are given it."""

    installation: Installation
    worker: str
    now: datetime
    number: int
    """The rounds of this worker are counted from 1."""

    @property
    def today(self) -> date:
        """The day it is here."""
        return self.now.astimezone(TOKYO).date()


Moment = Callable[[Turn], Hashable]
"""Names the moment a duty belongs to: once done in it, it rests until the name changes. None: not at all."""


def every_round(turn: Turn) -> Hashable:
    """In every round."""
    return turn.number


def every_minute(turn: Turn) -> Hashable:
    """In the first round of every minute."""
    return turn.now.replace(second=0, microsecond=0)


def every_day(turn: Turn) -> Hashable:
    """In the first round of every day."""
    return turn.today


def every_look_at_the_inbox(turn: Turn) -> Hashable:
    """As often as the settings say, where the worker watches the drop folder at all."""
    inbox = turn.installation.settings.inbox
    return int(turn.now.timestamp() // inbox.poll_seconds) if inbox.watch else None


def every_day_and_file(turn: Turn) -> Hashable:
    """Once a day, and again after each personnel file, which may tell of days gone by.

    Who left, or lost the post of an administrator, yesterday does not wait for tomorrow's run (KT 第66, control D7).
    """
    with turn.installation.database.reading() as session:
        return turn.today, session.scalar(select(func.max(FeedRun.id)))


@dataclass(frozen=True)
class Duty:
    """Something the worker does again and again."""

    name: str
    act: Callable[[Turn], object]
    when: Moment = every_round
    until_done: bool = False
    """After a failure it is due again in the next round; others rest until their next moment."""


DUTIES = (
    Duty("lifecycle", lambda turn: lifecycle.run(turn.installation), every_day_and_file, until_done=True),
    Duty("inbox", lambda turn: feed_inbox.collect(turn.installation), every_look_at_the_inbox),
    Duty("uploads", lambda turn: feed_uploads.empty_expired(turn.installation), every_minute),
    Duty("unlocking", lambda turn: unlocking.run_due(turn.installation)),
    Duty("inventory", lambda turn: inventory.run_asked(turn.installation)),
    Duty("temporary passwords", lambda turn: temporary_passwords.run_due(turn.installation), every_minute),
    Duty("stops", lambda turn: stops.run_due(turn.installation, worker=turn.worker)),
    Duty("watch of stops", lambda turn: stop_watch.run_due(turn.installation), every_minute),
    # First what the clock ends: the directory is made so in this very round (D6).
    Duty("privileged uses", lambda turn: privileged_uses.run_due(turn.installation)),
    Duty("provision", lambda turn: provision.run_due(turn.installation, worker=turn.worker)),
    Duty("rotations", lambda turn: rotations.run_due(turn.installation, worker=turn.worker)),
    Duty("check-outs", lambda turn: check_outs.run_due(turn.installation)),
    Duty("work orders", lambda turn: hand_work.escalate(turn.installation), every_minute),
    Duty("findings", lambda turn: finding_care.run_due(turn.installation), every_minute),
    Duty("log check", lambda turn: log_check.run_due(turn.installation), every_minute),
    Duty("late export", lambda turn: siem.tell_if_late(turn.installation), every_minute),
    Duty("notices", lambda turn: notices.run_due(turn.installation), every_minute),
    Duty("retention", lambda turn: retention.erase_due(turn.installation), every_day, until_done=True),
    Duty("mail", lambda turn: mailer.deliver_due(turn.installation)),
    Duty("sealing", lambda turn: sealing.seal(turn.installation, sign=False)),
    Duty("signing", lambda turn: sealing.seal(turn.installation, sign=True), every_minute, until_done=True),
)


@dataclass
class Rounds:
    """What was last done, and in which moment of its own."""

    number: int = 0
    rested_since: dict[str, Hashable] = field(default_factory=dict)
    failures: int = 0


def work(installation: Installation, stop: threading.Event, *, pause_seconds: float = 1.0) -> None:
    """Runs until `stop` is set; the round under way is finished first."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    rounds = Rounds()
    stopping = _beside("stops", lambda: stops.watch(installation, stop, worker=name), stop)
    having = _beside("nights", lambda: nights.watch(installation, stop), stop)
    sending = _beside("siem", lambda: siem.watch(installation, stop, worker=name), stop)
    while not stop.is_set():
        one_round(installation, rounds, worker=name)
        stop.wait(pause_seconds)
    stopping.join()
    having.join(NIGHT_MAY_END.total_seconds())
    sending.join()
    _guarded("sealing", lambda: sealing.seal(installation, sign=True), rounds)


def one_round(installation: Installation, rounds: Rounds, *, worker: str) -> None:
    """One round of everything that is due."""
    rounds.number += 1
    turn = Turn(installation, worker, installation.clock(), rounds.number)
    for duty in DUTIES:
        _guarded(duty.name, partial(_do, duty, turn, rounds), rounds)


def _do(duty: Duty, turn: Turn, rounds: Rounds) -> None:
    moment = duty.when(turn)
    if moment is None or rounds.rested_since.get(duty.name) == moment:
        return
    if not duty.until_done:
        rounds.rested_since[duty.name] = moment
    duty.act(turn)
    rounds.rested_since[duty.name] = moment


def _beside(name: str, watch: Callable[[], None], stop: threading.Event) -> threading.Thread:
    """A thread of the worker's own, for what waits for no round; whatever ends it, it goes on until `stop` is set."""

    def watch_on() -> None:
        while not stop.is_set():
            try:
                watch()
                return
            except Exception:
                LOG.exception("%s", name)
            stop.wait(1.0)

    thread = threading.Thread(target=watch_on, name=name, daemon=True)
    thread.start()
    return thread


def _guarded(what: str, act: Callable[[], object], rounds: Rounds) -> None:
    """A failure is told and counted, and whatever comes after it is done all the same."""
    try:
        act()
    except (IdmError, SQLAlchemyError, OSError) as failure:
        rounds.failures += 1
        LOG.error("%s: %s: %s", what, type(failure).__name__, failure)
    except Exception:  # nobody thought of it: where it comes from is told too
        rounds.failures += 1
        LOG.exception("%s", what)
