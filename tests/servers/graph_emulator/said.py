"""What is said to a request, and a refusal in Graph's own form."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.servers.graph_emulator.tenant import stamp


@dataclass
class Reply:
    """One answer."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Said(Exception):
    """A refusal in Graph's own form ("Microsoft Graph error responses and resource types")."""

    def __init__(self, status: int, code: str, message: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        inner = {"date": stamp(datetime.now(UTC)), "request-id": str(uuid4()), "client-request-id": str(uuid4())}
        error = {"code": code, "message": message or code, "innerError": inner}
        self.reply = Reply(status, {"error": error}, headers or {})


def missing() -> Said:
    """404."""
    return Said(404, "Request_ResourceNotFound", "Resource does not exist.")


def bad(message: str) -> Said:
    """400."""
    return Said(400, "Request_BadRequest", message)
