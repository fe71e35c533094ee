"""What somebody who leaves has to give back, tracked to done (FK 5-1(1)⑧, MT 6-1(1)キ; control A15)."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.people import Employment


class ReturnState(StrEnum):
    """State of one thing to return."""

    OPEN = "open"
    RETURNED = "returned"
    LOST = "lost"
    NOT_HELD = "not_held"


class LeavingChecklist(Base):
    """The checklist of one employment's end."""

    __tablename__ = "leaving_checklists"
    __table_args__ = (UniqueConstraint("employment_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    employment_id: Mapped[int] = mapped_column(ForeignKey("employments.id"))
    due_on: Mapped[date]
    """The last day of the employment."""
    made_at: Mapped[datetime] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    """The leaving was called off."""
    reminded_at: Mapped[datetime | None] = mapped_column(Instant)

    employment: Mapped[Employment] = relationship()
    items: Mapped[list["ReturnItem"]] = relationship(order_by="ReturnItem.id", cascade="all, delete-orphan")


class ReturnItem(Base):
    """One thing to return; settled by somebody else than the one who leaves."""

    __tablename__ = "return_items"
    __table_args__ = (
        UniqueConstraint("checklist_id", "title"),
        CheckConstraint("(state = 'open') = (settled_at IS NULL)", name="settled_at_a_time"),
        CheckConstraint("(state = 'open') = (settled_by_id IS NULL)", name="settled_by_someone"),
        CheckConstraint("settled_by_id IS NULL OR settled_by_id <> person_id", name="not_by_oneself"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    checklist_id: Mapped[int] = mapped_column(ForeignKey("leaving_checklists.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    title: Mapped[str] = mapped_column(Text)
    state: Mapped[ReturnState] = mapped_column(closed_list(ReturnState))
    note: Mapped[str] = mapped_column(Text, default="")
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
