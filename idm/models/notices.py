"""How somebody wants to be told: at once or once a day, and who is told while they are away."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from idm.models.base import Base, Instant


class NoticePreference(Base):
    """One person's choice. Nothing urgent waits for a digest, and being away takes no decision from anybody."""

    __tablename__ = "notice_preferences"
    __table_args__ = (
        CheckConstraint("away_until IS NULL OR away_from IS NOT NULL", name="away_since"),
        CheckConstraint("away_until IS NULL OR away_until > away_from", name="period"),
        CheckConstraint("told_instead_id IS NULL OR told_instead_id <> person_id", name="somebody_else"),
    )

    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    daily: Mapped[bool] = mapped_column(default=False)
    away_from: Mapped[date | None]
    away_until: Mapped[date | None]
    told_instead_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who gets a copy of what asks for action meanwhile; deciding needs a deputyship all the same (代決)."""
    changed_at: Mapped[datetime] = mapped_column(Instant)
