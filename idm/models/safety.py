"""What keeps a run from stopping too many: counts of what runs did, and batches planned and approved beforehand."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.vocabulary import SafetyAction


class RunKind(StrEnum):
    """What kind of run."""

    FEED = "feed"
    LIFECYCLE = "lifecycle"
    REVIEW = "review"
    """What an access review takes away unanswered: no batch permits it, a second person does (control A10)."""


class SafetyCount(Base):
    """How many people of one unit one run did one thing to: what the sliding window adds up.

    `batch_id` = done within an approved batch, and so not counted against the limits.
    """

    __tablename__ = "safety_counts"
    __table_args__ = (
        Index("ix_safety_counts_window", "action", "at"),
        CheckConstraint("people > 0", name="counted"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    kind: Mapped[RunKind] = mapped_column(closed_list(RunKind))
    action: Mapped[SafetyAction] = mapped_column(closed_list(SafetyAction))
    unit_code: Mapped[str] = mapped_column(String(32))
    people: Mapped[int]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("planned_batches.id"))


class PlannedBatch(Base):
    """A run planned in advance and approved by another person: only what it lists may exceed the limits."""

    __tablename__ = "planned_batches"
    __table_args__ = (
        CheckConstraint("approved_by_id IS NULL OR approved_by_id <> proposed_by_id", name="two_people"),
        CheckConstraint("(approved_at IS NULL) = (approved_by_id IS NULL)", name="approved_by_someone"),
        CheckConstraint("refused_at IS NULL OR approved_at IS NULL", name="one_answer"),
        CheckConstraint("kind <> 'feed' OR (feed IS NOT NULL AND sha256 IS NOT NULL)", name="names_its_file"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[RunKind] = mapped_column(closed_list(RunKind))
    feed: Mapped[str | None] = mapped_column(String(64))
    sha256: Mapped[str | None] = mapped_column(String(64))
    day: Mapped[date]
    """The day the run is for."""
    reason: Mapped[str] = mapped_column(Text)
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    approved_at: Mapped[datetime | None] = mapped_column(Instant)
    refused_at: Mapped[datetime | None] = mapped_column(Instant)

    items: Mapped[list["PlannedItem"]] = relationship(cascade="all, delete-orphan")


class PlannedItem(Base):
    """One person and what the batch does to them."""

    __tablename__ = "planned_items"

    batch_id: Mapped[int] = mapped_column(ForeignKey("planned_batches.id"), primary_key=True)
    action: Mapped[SafetyAction] = mapped_column(closed_list(SafetyAction), primary_key=True)
    staff_number: Mapped[str] = mapped_column(String(32), primary_key=True)
