"""Canaille (PyPI): an identity provider whose SCIM departs from the standard in many ways, in its own environment.

It needs older versions of the same libraries that our connector uses, so the two cannot live in one environment.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.own_python import own_python
from tests.servers.scim_service import ScimService

PLACE = Path(__file__).with_name("canaille_place")


class Canaille(ScimService):
    """One process with one service, in memory."""

    def __init__(self, folder: Path, python: Path) -> None:
        super().__init__(folder, "/scim/v2")
        self._python = python

    def command(self) -> list[str]:
        """What starts it."""
        return [str(self._python), str(PLACE / "serve.py"), *self.arguments()]


@contextmanager
def canaille(folder: Path) -> Iterator[Canaille]:
    """The service, up."""
    with own_python("canaille", PLACE / "requirements.txt") as python:
        server = Canaille(folder, python)
        server.start()
    try:
        yield server
    finally:
        server.stop()


if __name__ == "__main__":
    with own_python("canaille", PLACE / "requirements.txt"):
        pass
