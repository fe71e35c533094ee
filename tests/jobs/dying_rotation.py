"""A worker that is killed with signal 9 at a named point of a rotation: `python -m … SETTINGS POINT HOURS`."""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from idm.database import Database
from idm.operations.privileged import rotations as steps
from idm.settings import Settings
from jobs.installation import Installation
from jobs.privileged import rotations as rotating

POINTS = ("claimed", "sealing", "sealed", "told", "set", "proven", "confirming")


def die(*_: object, **__: object) -> NoReturn:
    """Dies at once, without a last word."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def then_die(act: Callable[..., Any]) -> Callable[..., NoReturn]:
    """Dies when it has done that."""

    def act_and_die(*values: object, **named: object) -> NoReturn:
        act(*values, **named)
        die()

    return act_and_die


def main(settings: str, point: str, hours: str) -> None:
    """One round of the rotating job that ends at the point."""
    where: dict[str, tuple[Any, str, Callable[..., Any]]] = {
        "claimed": (rotating, "_change", die),
        "sealing": (steps, "put_on_its_way", then_die(steps.put_on_its_way)),
        "sealed": (rotating, "_set", die),
        "told": (steps, "mark_set", die),
        "set": (rotating, "_prove", die),
        "proven": (rotating, "_finish", die),
        "confirming": (steps, "confirm", then_die(steps.confirm)),
    }
    setattr(*where[point])
    found = Settings.model_validate_json(settings)
    ahead = timedelta(hours=float(hours))
    installation = Installation(found, Database(found.database_url), lambda: datetime.now(UTC) + ahead)
    rotating.run_due(installation, worker="dying")


if __name__ == "__main__":
    main(*sys.argv[1:])
