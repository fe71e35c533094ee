"""Unused IDs on their way: warned of, disabled, deleted, each step with its day (control C1)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.systems import Account
from idm.vocabulary import DormancyStage, FindingKind


class DormancyCase(Base):
    """One ID of ours that was found unused, until it is used again or gone."""

    __tablename__ = "dormancy_cases"
    __table_args__ = (
        Index("uq_dormancy_cases_open", "account_id", unique=True,
              sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL")),
        CheckConstraint("(closed_at IS NULL) = (close_reason IS NULL)", name="close_explained"),
        CheckConstraint("stage <> 'disabled' OR disabled_at IS NOT NULL", name="disabled_when"),
        CheckConstraint("stage <> 'disabled' OR told_id IS NOT NULL", name="stopped_after_somebody_was_told"),
        CheckConstraint("stage <> 'deleted' OR deleted_at IS NOT NULL", name="deleted_when"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[FindingKind] = mapped_column(closed_list(FindingKind))
    stage: Mapped[DormancyStage] = mapped_column(closed_list(DormancyStage))
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    source: Mapped[str] = mapped_column(String(32))
    """Where the last use was read (control C3)."""
    warned_at: Mapped[datetime] = mapped_column(Instant)
    disable_on: Mapped[date]
    """A working day."""
    told_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who was told of that day: the holder, or, where no mail reaches them, who manages their section. None = nobody
    could be told so far."""
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    delete_on: Mapped[date | None]
    deleted_at: Mapped[datetime | None] = mapped_column(Instant)
    held_back: Mapped[str | None] = mapped_column(Text)
    """Why the step that is due was not taken last night: a safety limit, an employment that lasts, an exception."""
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    close_reason: Mapped[str | None] = mapped_column(Text)

    account: Mapped[Account] = relationship()
