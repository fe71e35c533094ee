"""What the help desk asks of a directory about one account; a worker answers, never the web."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant
from idm.models.systems import Account


class UnlockRequest(Base):
    """Is this account locked by wrong passwords? With `unlock`: open it again, if it is."""

    __tablename__ = "unlock_requests"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "system_id"], ["accounts.id", "accounts.system_id"]),
        CheckConstraint("officer_id <> subject_id", name="not_for_oneself"),
        CheckConstraint("answered_at IS NOT NULL OR (was_locked IS NULL AND failure IS NULL)", name="answer_dated"),
        CheckConstraint("answered_at IS NULL OR was_locked IS NOT NULL OR failure IS NOT NULL", name="answer_given"),
        Index("uq_unlock_requests_open", "account_id", unique=True, sqlite_where=text("answered_at IS NULL"),
              postgresql_where=text("answered_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(index=True)
    system_id: Mapped[int]
    subject_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    officer_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    unlock: Mapped[bool]
    asked_at: Mapped[datetime] = mapped_column(Instant)
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    was_locked: Mapped[bool | None]
    """What the directory said before anything was done."""
    locked: Mapped[bool | None]
    """What it said last."""
    locked_until: Mapped[datetime | None] = mapped_column(Instant)
    """When a lock ends by itself; None while locked = when somebody ends it."""
    failure: Mapped[str | None] = mapped_column(Text)

    account: Mapped[Account] = relationship()
