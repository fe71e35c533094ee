"""Personnel files that were sent from a browser and wait to be confirmed."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.feeds import UploadedFeed, UploadState
from idm.models.people import Person


@dataclass(frozen=True)
class UploadRow:
    """One upload that waits."""

    id: int
    feed: str
    file_name: str
    as_of: date
    uploaded_by: str
    uploaded_at: datetime
    expires_at: datetime


def waiting_uploads(session: Session, *, now: datetime) -> list[UploadRow]:
    """The uploads that wait and are not too old, newest first; without their content."""
    upload = UploadedFeed
    rows = session.execute(
        select(
            upload.id, upload.feed, upload.file_name, upload.as_of, Person.name, upload.uploaded_at, upload.expires_at
        )
        .join(Person, upload.uploaded_by_id == Person.id)
        .where(upload.state == UploadState.WAITING, upload.expires_at > now)
        .order_by(upload.id.desc())
    )
    return [UploadRow(*row) for row in rows]
