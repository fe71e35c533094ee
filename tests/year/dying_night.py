"""A night that is killed with signal 9: `python -m … SETTINGS SECONDS_AHEAD WHEN`."""

import os
import signal
import sys
from datetime import timedelta
from typing import Never

from idm.database import Database
from idm.models.systems import InformationSystem
from idm.operations.sweep.findings import SweepResult
from idm.settings import Settings
from jobs.installation import Installation, utc_now
from jobs.sweep import sweep


def _die(*_: object) -> Never:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class DyingWhenItReads(Installation):
    """Dies when a directory is to be opened: nothing is on record yet."""

    def open_target(self, system: InformationSystem) -> Never:
        """No last word."""
        _die(system)


class DyingWhenItIsAnswered(sweep.Silent):
    """Dies when what a directory showed is on record, before the night is over."""

    def ended(self, result: SweepResult) -> None:
        """No last word."""
        _die(result)


def main(settings: str, ahead: str, when: str) -> None:
    """One night that does not come to its end."""
    found, shift = Settings.model_validate_json(settings), timedelta(seconds=float(ahead))
    kind = DyingWhenItReads if when == "reading" else Installation
    installation = kind(found, Database(found.database_url), lambda: utc_now() + shift)
    sweep.sweep(installation, progress=DyingWhenItIsAnswered())


if __name__ == "__main__":
    main(*sys.argv[1:])
