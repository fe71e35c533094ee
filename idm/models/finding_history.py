"""What happened to findings: found, given to somebody, answered for, open again, gone."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from idm.models.base import Base, Instant, closed_list
from idm.vocabulary import FindingEventKind


class FindingEvent(Base):
    """One thing that happened to one finding; never changed."""

    __tablename__ = "finding_events"
    __table_args__ = (Index("ix_finding_events_finding", "finding_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("findings.id"))
    kind: Mapped[FindingEventKind] = mapped_column(closed_list(FindingEventKind))
    at: Mapped[datetime] = mapped_column(Instant)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who did it; None = the sweep, or the clock."""
    note: Mapped[str | None] = mapped_column(Text)
