"""Keeps a night its holder's while it is had, however slowly directories answer (control C1)."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from idm.operations.sweep import nights
from jobs.installation import Installation

LOG = logging.getLogger("idm.sweep")
EVERY_SECONDS = nights.LEASE.total_seconds() / 4


@contextmanager
def kept_night(installation: Installation, night_id: int, holder: str) -> Iterator[None]:
    """While it is open, nobody else goes on with the night. Whoever is killed keeps it from others no longer."""
    over = threading.Event()
    keeping = threading.Thread(
        target=_keep, args=(installation, night_id, holder, over), name="kept night", daemon=True
    )  # fmt: skip
    keeping.start()
    try:
        yield
    finally:
        over.set()
        keeping.join()


def _keep(installation: Installation, night_id: int, holder: str, over: threading.Event) -> None:
    while not over.wait(EVERY_SECONDS):
        try:
            with installation.database.writing() as session:
                nights.keep(session, night_id, holder=holder, now=installation.clock())
        except SQLAlchemyError as failure:  # the next time
            LOG.warning("kept night: %s", type(failure).__name__)
