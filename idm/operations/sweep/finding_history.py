"""The one place where the history of findings is written: what happened to each, when, and by whom (C1, J1)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from idm.database import in_chunks
from idm.models.finding_history import FindingEvent
from idm.vocabulary import FindingEventKind


def note(
    session: Session, kind: FindingEventKind, finding_ids: Iterable[int], *, person_id: int | None, now: datetime,
    said: str | None = None,
) -> None:  # fmt: skip
    """Afterwards this happened to each of the findings, in as few statements as there are thousands of them.

    `person_id`: who did it; None = the sweep, or the clock.
    """
    for some in in_chunks(finding_ids):
        rows = [
            {"finding_id": one, "kind": kind, "at": now, "person_id": person_id, "note": said} for one in some
        ]  # fmt: skip
        session.execute(insert(FindingEvent), rows)
