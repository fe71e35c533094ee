"""The nights by themselves: each day's sweep after the hour, once, beside the worker's rounds and holding up none."""

import logging
import threading
from datetime import time

from sqlalchemy.exc import SQLAlchemyError

from idm.calendar_days import TOKYO
from idm.errors import IdmError
from idm.operations.sweep import nights
from jobs.installation import Installation
from jobs.sweep import sweep

LOG = logging.getLogger("idm.worker")
NIGHTLY_AT = time(2, 0)
LOOKED_EVERY_SECONDS = 30.0


def run_due(installation: Installation) -> bool:
    """Whether there was a night to be had: now it is over. One that was missed or broken off is made up for."""
    local = installation.clock().astimezone(TOKYO)
    if local.time() < NIGHTLY_AT:
        return False
    with installation.database.reading() as session:
        if nights.is_over(session, local.date()) or nights.is_under_way(session, now=installation.clock()):
            return False
    sweep.sweep(installation)
    return True


def watch(installation: Installation, stop: threading.Event, *, pause_seconds: float = LOOKED_EVERY_SECONDS) -> None:
    """Has every night until `stop` is set; what fails is told and tried again."""
    while not stop.is_set():
        try:
            run_due(installation)
        except (IdmError, SQLAlchemyError, OSError) as failure:
            LOG.error("sweep: %s: %s", type(failure).__name__, failure)
        stop.wait(pause_seconds)
