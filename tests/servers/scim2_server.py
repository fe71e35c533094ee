"""scim2-server: a strict and complete SCIM service (PyPI), in memory, over TLS, as a process of its own."""

import sys
from pathlib import Path
from uuid import uuid4

from tests.servers.scim_service import ScimService

PROGRAM = Path(__file__).with_name("scim2_place") / "serve.py"


class Scim2Server(ScimService):
    """One process, in which each test has a service of its own (`another`)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "")

    def command(self) -> list[str]:
        """What starts it."""
        return [sys.executable, str(PROGRAM), *self.arguments()]

    def another(self) -> str:
        """The address of an empty service."""
        return f"{self.url}/t{uuid4().hex}/v2"
