"""Stops are carried out before anything else, and never given up (FK 5-4(1), 6-5(2); control H5).

A thread of the worker's own looks for them every second, whatever the rest of the worker is at: a night's sweep, a long
queue, a directory that does not answer. Each system has a connection of its own, so that one that hangs holds up no
other. A directory that was away is asked again within half a minute, for as long as it takes.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from idm.actor import Actor
from idm.errors import IdmError
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
AT_ONCE = 16
"""How many systems are told at the same time."""
Carry = Callable[[Installation, int, str], int]
Carrying = tuple[Carry, int]
"""What is carried out in one system: stops of accounts of ours, or of entries that are nobody's own."""


def watch(installation: Installation, stop: threading.Event, *, worker: str) -> None:
    """Carries out what stops somebody until `stop` is set; a failure is told and tried again."""
    while not stop.is_set():
        try:
            run_due(installation, worker=worker)
        except (IdmError, SQLAlchemyError, OSError) as failure:
            LOG.error("stops: %s: %s", type(failure).__name__, failure)
        stop.wait(PAUSE_SECONDS)


def run_due(installation: Installation, *, worker: str) -> int:
    """Afterwards every task that stops somebody was tried once, each system on its own. Returns how many were tried."""
    if not keep_up(installation):
        return 0
    carrying: list[Carrying] = [
        *((_accounts, system_id) for system_id in provision.due_systems(installation, stops_only=True)),
        *((_entries, system_id) for system_id in entry_stops.due_systems(installation)),
    ]
    if not carrying:
        return 0
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(carrying))) as pool:
        tried = sum(pool.map(lambda one: _told(one[0], installation, one[1], worker), carrying))
    with installation.database.writing() as session:
        outbox.hurry_stops(session, before=installation.clock() + TRIED_AGAIN_WITHIN)
    return tried


def keep_up(installation: Installation) -> bool:
    """Afterwards open orders reach the accounts that came after them, none waits for long, and what is late is found.

    Returns whether there was anything to do; where nothing is being stopped, nothing is written.
    """
    with installation.database.reading() as session:
        if not unreached.to_do(session):
            return False
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        unreached.reach_newcomers(session, actor=ACTOR, policy=policy, now=now)
        listed.follow_what_was_listed(session, actor=ACTOR, policy=policy, now=now)
        outbox.hurry_stops(session, before=now + TRIED_AGAIN_WITHIN)
        unreached.record(session, actor=ACTOR, policy=policy, now=now)
    return True


def _accounts(installation: Installation, system_id: int, worker: str) -> int:
    return provision.run_system(installation, system_id, worker=worker, stops_only=True)


def _entries(installation: Installation, system_id: int, worker: str) -> int:
    return entry_stops.run_system(installation, system_id, worker=worker)


def _told(act: Carry, installation: Installation, system_id: int, worker: str) -> int:
    """What went wrong with one system is its own affair; the rest goes on."""
    try:
        return act(installation, system_id, f"{worker}:stops")
    except (IdmError, SQLAlchemyError, OSError) as failure:
        LOG.error("stops in system %s: %s: %s", system_id, type(failure).__name__, failure)
        return 0
