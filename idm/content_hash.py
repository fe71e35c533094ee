"""What an approver decides on, as one hash (so that what was shown and what is decided cannot differ). Pure."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256

from idm.vocabulary import LineEffect, RequestAction


@dataclass(frozen=True, order=True)
class LineContent:
    """One line of an application as it is decided on."""

    subject_id: int
    entitlement_id: int
    effect: LineEffect
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True)
class RequestContent:
    """An application as it is decided on. Whatever is added here is covered by every later decision."""

    action: RequestAction
    system_id: int
    applicant_id: int
    reason: str
    cites_id: int | None


def content_hash(request: RequestContent, lines: Iterable[LineContent]) -> str:
    """SHA-256, in hex, of the application's canonical form; the order of its lines does not matter."""
    ordered = sorted(lines, key=lambda line: (line.subject_id, line.entitlement_id, line.effect))
    canonical = json.dumps(
        {"request": asdict(request), "lines": [vars(line) for line in ordered]},
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
        default=date.isoformat,
    )
    return sha256(canonical.encode()).hexdigest()
