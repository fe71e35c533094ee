"""Stops are carried out before anything else, and never given up (FK 5-4(1), 6-5(2); control H5).

A thread of the worker's own looks for them every second, whatever the rest of the worker is at: a night's sweep, a long
queue, a directory that does not answer. Each system has a thread and a connection of its own, so that one that hangs,
or has thousands of IDs to stop, holds up no other and no later order. A directory that was away is asked again within
half a minute, for as long as it takes.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from idm.actor import Actor
from idm.operations import outbox
from idm.operations.stops import entry_stops as listed
from idm.operations.stops import unreached
from idm.queries.governance.configuration import policy_in_force
from jobs import entry_stops, provision
from jobs.installation import Installation

LOG = logging.getLogger("idm.worker")
ACTOR = Actor.job("jobs.stops")
PAUSE_SECONDS = 1.0
TRIED_AGAIN_WITHIN = timedelta(seconds=30)
END_SECONDS = 20.0
"""How long systems are waited for when the worker ends."""
Carry = Callable[[Installation, int, str], int]
Carrying = tuple[Carry, int]
"""What is carried out in one system: stops of accounts of ours, or of entries that are nobody's own."""


def watch(installation: Installation, stop: threading.Event, *, worker: str) -> None:
    """Carries out what stops somebody until `stop` is set, and waits for no system: the next look is a second away."""
    runners = Runners(installation, worker)
    while not stop.is_set():
        try:
            if keep_up(installation):
                runners.start_due()
        except Exception:  # nothing that goes wrong once may end the only thread that carries out stops
            LOG.exception("stops")
        stop.wait(PAUSE_SECONDS)
    runners.wait(END_SECONDS)


def run_due(installation: Installation, *, worker: str) -> int:
    """Afterwards every task that stops somebody was tried once, each system on its own. Returns how many were tried."""
    if not keep_up(installation):
        return 0
    runners = Runners(installation, worker)
    runners.start_due()
    runners.wait()
    with installation.database.writing() as session:
        outbox.hurry_stops(session, before=installation.clock() + TRIED_AGAIN_WITHIN)
    return runners.tried


class Runners:
    """One thread for each system in which somebody is to be stopped; none waits for another, and nobody for them."""

    def __init__(self, installation: Installation, worker: str) -> None:
        self.tried = 0
        self._installation, self._worker = installation, worker
        self._running: dict[Carrying, threading.Thread] = {}
        self._counting = threading.Lock()

    def start_due(self) -> None:
        """Afterwards every system for which a stop is due has its thread; one still at an earlier one keeps it."""
        self._running = {what: thread for what, thread in self._running.items() if thread.is_alive()}
        for what in _due(self._installation):
            if what not in self._running:
                name = f"stops in system {what[1]}"
                self._running[what] = threading.Thread(target=self._tell, args=what, name=name, daemon=True)
                self._running[what].start()

    def wait(self, seconds: float | None = None) -> None:
        """Afterwards all of them are done, or so many seconds are over. One that is broken off loses its claims."""
        until = None if seconds is None else time.monotonic() + seconds
        for thread in self._running.values():
            thread.join(None if until is None else max(0.0, until - time.monotonic()))

    def _tell(self, carry: Carry, system_id: int) -> None:
        """What went wrong with one system is its own affair; the rest goes on."""
        try:
            tried = carry(self._installation, system_id, f"{self._worker}:stops")
        except Exception:
            LOG.exception("stops in system %s", system_id)
            return
        with self._counting:
            self.tried += tried


def keep_up(installation: Installation) -> bool:
    """Afterwards open orders reach the accounts that came after them, none waits for long, and what is late is found.

    Returns whether there was anything to do; where nothing is being stopped, nothing is written.
    """
    with installation.database.reading() as session:
        if not unreached.to_do(session, now=installation.clock()):
            return False
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        unreached.reach_newcomers(session, actor=ACTOR, policy=policy, now=now)
        listed.follow_what_was_listed(session, actor=ACTOR, policy=policy, now=now)
        outbox.hurry_stops(session, before=now + TRIED_AGAIN_WITHIN)
        unreached.record(session, actor=ACTOR, policy=policy, now=now)
    return True


def _due(installation: Installation) -> list[Carrying]:
    return [
        *((_accounts, system_id) for system_id in provision.due_systems(installation, stops_only=True)),
        *((_entries, system_id) for system_id in entry_stops.due_systems(installation)),
    ]


def _accounts(installation: Installation, system_id: int, worker: str) -> int:
    return provision.run_system(installation, system_id, worker=worker, stops_only=True)


def _entries(installation: Installation, system_id: int, worker: str) -> int:
    return entry_stops.run_system(installation, system_id, worker=worker)
