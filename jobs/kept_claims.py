"""Keeps a batch of claims from running out while it is worked on, however slowly its directory answers.

The claims are short, so that an account whose worker was killed is soon somebody else's; a thread of the worker renews
them. It dies with its process, and gives up on work that hangs.
"""

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from idm.operations import outbox
from jobs.installation import Installation

LOG = logging.getLogger("idm.worker")
EVERY_SECONDS = outbox.LEASE.total_seconds() / 4


@contextmanager
def kept_claims(installation: Installation, task_ids: Collection[int], *, worker: str) -> Iterator[None]:
    """While it is open, these claims of the worker are renewed; for `outbox.LONGEST_HOLD` at the most."""
    over = threading.Event()
    renewing = threading.Thread(
        target=_renew, args=(installation, task_ids, worker, over), name="kept claims", daemon=True
    )
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()


def _renew(installation: Installation, task_ids: Collection[int], worker: str, over: threading.Event) -> None:
    until = installation.clock() + outbox.LONGEST_HOLD
    while not over.wait(EVERY_SECONDS) and (now := installation.clock()) < until:
        try:
            with installation.database.writing() as session:
                outbox.renew(session, task_ids, worker=worker, now=now)
        except SQLAlchemyError as failure:  # the next time, or the claim runs out: that is sound too
            LOG.warning("kept claims: %s", type(failure).__name__)
