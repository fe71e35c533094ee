"""The check of our own record, its custody, and how far it was handed to a SIEM (controls G3, G4)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from idm.models.base import Base, Instant


class LogCheck(Base):
    """One run of the rules over the records up to one sequence number."""

    __tablename__ = "log_checks"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    from_sequence: Mapped[int]
    to_sequence: Mapped[int]
    """Half-open: [from, to)."""
    examined: Mapped[int]
    """How many records of what people did or tried."""
    found: Mapped[int]
    """How many facts that were not known."""
    overdue_told: Mapped[bool] = mapped_column(default=False)
    """Whether this run told the checkers that their names are overdue: once, until the next signature."""


class LogCheckSignature(Base):
    """Somebody's name to having looked at what the checks found up to a day (FK 6-1(6)③)."""

    __tablename__ = "log_check_signatures"

    id: Mapped[int] = mapped_column(primary_key=True)
    up_to: Mapped[date]
    signed_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    signed_at: Mapped[datetime] = mapped_column(Instant)
    looked_at: Mapped[int]
    """How many findings were closed by it."""
    left_open: Mapped[int]
    """How many were left to somebody else: they are about whoever signed."""
    comment: Mapped[str] = mapped_column(Text)


class LegalHold(Base):
    """Logs that are not erased though their period is over, while it is open."""

    __tablename__ = "legal_holds"
    __table_args__ = (
        CheckConstraint("lifted_by_id IS NULL OR (lift_asked_by_id IS NOT NULL AND lifted_by_id <> lift_asked_by_id)",
                        name="lifted_by_two"),
        CheckConstraint("(lifted_by_id IS NULL) = (lifted_at IS NULL)", name="lifted_by_someone"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    ordered_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    ordered_at: Mapped[datetime] = mapped_column(Instant)
    from_day: Mapped[date | None]
    """Only what is of this day or later; None = everything."""
    lift_asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    lift_asked_at: Mapped[datetime | None] = mapped_column(Instant)
    lifted_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    lifted_at: Mapped[datetime | None] = mapped_column(Instant)


class ExportPosition(Base):
    """How far one collector has the audit record."""

    __tablename__ = "export_positions"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    sequence: Mapped[int]
    """The last one that was handed over."""
    at: Mapped[datetime] = mapped_column(Instant)
    """When something was handed over, or tried to be, last."""
    last_error: Mapped[str | None] = mapped_column(Text)
    """Why the last try failed; None = it did not."""
    claimed_by: Mapped[str | None] = mapped_column(Text)
    """The worker that sends: one at a time."""
    claimed_until: Mapped[datetime | None] = mapped_column(Instant)
