"""A sweep that is killed with signal 9 when its first system has been examined: `python -m … SETTINGS`."""

import os
import signal
import sys
import threading

from idm.database import Database
from idm.models.systems import InformationSystem
from idm.operations.sweep.findings import SweepResult
from idm.ports import Directory
from idm.settings import Settings
from jobs.installation import Installation
from jobs.sweep import sweep

FIRST = "ledger"


class Waiting(Installation):
    """No system but the first ever answers."""

    def open_target(self, system: InformationSystem) -> Directory:
        """Waits for ever."""
        if system.code != FIRST:
            threading.Event().wait()
        return super().open_target(system)


class Dying(sweep.Silent):
    """Dies at once, without a last word."""

    def ended(self, result: SweepResult) -> None:
        """The first system has its answer."""
        os.kill(os.getpid(), signal.SIGKILL)


def main(settings: str) -> None:
    """One sweep that does not come to its end."""
    found = Settings.model_validate_json(settings)
    sweep.sweep(Waiting(found, Database(found.database_url)), progress=Dying())


if __name__ == "__main__":
    main(sys.argv[1])
