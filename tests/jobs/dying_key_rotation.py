"""The replacement of the vault's key, killed with signal 9 at a named point: `python -m … SETTINGS POINT`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from idm.database import Database
from idm.settings import Settings
from jobs.installation import Installation
from jobs.vault import key_rotation
from jobs.vault.key_files import KeyFiles
from tests.jobs.dying_rotation import die

POINTS = ("begun", "linked", "swapped", "one resealed", "all resealed", "retired")


def after(times: int, act: Callable[..., Any]) -> Callable[..., Any]:
    """Does it that many times, and dies when asked once more."""
    left = iter(range(times))

    def act_or_die(*values: object, **named: object) -> Any:
        return act(*values, **named) if next(left, None) is not None else die()

    return act_or_die


def main(settings: str, point: str) -> None:
    """A replacement that ends at the point."""
    where: dict[str, tuple[Any, str, Callable[..., Any]]] = {
        "begun": (KeyFiles, "begin_replacing", die),
        "linked": (Path, "replace", die),
        "swapped": (key_rotation, "_reseal_all", die),
        "one resealed": (key_rotation, "_reseal_one", after(1, key_rotation._reseal_one)),
        "all resealed": (key_rotation, "_retire", die),
        "retired": (KeyFiles, "finish_replacing", die),
    }
    setattr(*where[point])
    found = Settings.model_validate_json(settings)
    key_rotation.replace_key(Installation(found, Database(found.database_url)))


if __name__ == "__main__":
    main(*sys.argv[1:])
