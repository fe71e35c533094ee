"""Stops are carried out before anything else, and never given up (FK 5-4(1), 6-5(2); control H5).

A thread of the worker's own looks for them every second, whatever the rest of the worker is at: a night's sweep, a long
queue, a directory that does not answer. Each system has a connection of its own, so that one that hangs holds up no
other. A directory that was away is asked again within half a minute, for as long as it takes.
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from idm.actor import Actor
from idm.errors import IdmError
from idm.operations import outbox
from idm.operations.stops import unreached
from idm.queries.governance.configuration import policy_in_force
from jobs import provision
from jobs.installation import Installation

LOG = logging.getLogger("idm.worker")
ACTOR = Actor.job("jobs.stops")
PAUSE_SECONDS = 1.0
TRIED_AGAIN_WITHIN = timedelta(seconds=30)
AT_ONCE = 16
"""How many systems are told at the same time."""


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
    systems = provision.due_systems(installation, stops_only=True)
    if not systems:
        return 0
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(systems))) as pool:
        tried = sum(pool.map(lambda system_id: _told(installation, system_id, worker), systems))
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
        outbox.hurry_stops(session, before=now + TRIED_AGAIN_WITHIN)
        unreached.record(session, actor=ACTOR, policy=policy, now=now)
    return True


def _told(installation: Installation, system_id: int, worker: str) -> int:
    """What went wrong with one system is its own affair; the rest goes on."""
    try:
        return provision.run_system(installation, system_id, worker=f"{worker}:stops", stops_only=True)
    except (IdmError, SQLAlchemyError, OSError) as failure:
        LOG.error("stops in system %s: %s: %s", system_id, type(failure).__name__, failure)
        return 0
