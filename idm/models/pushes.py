"""People whom another system pushes to us (SCIM), and the tokens by which it may (control A7)."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from idm.models.base import Base, Instant


class PushToken(Base):
    """What one system may push by: into one feed, until its end at the latest. The token itself is kept nowhere."""

    __tablename__ = "push_tokens"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        CheckConstraint("made_at < ends_at", name="ends_after_it_was_made"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    feed: Mapped[str] = mapped_column(String(64))
    """The feed profile by which what comes is read; it gives no access to people of other feeds."""
    name: Mapped[str] = mapped_column(Text)
    """Which system it was given to."""
    token_hash: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    minute_began_at: Mapped[datetime | None] = mapped_column(Instant)
    minute_count: Mapped[int] = mapped_column(default=0)
    """Requests since then: a system that runs wild is slowed down."""


class PushedPerson(Base):
    """A person as a system last pushed them, and whether that was carried out. The birth date is not kept."""

    __tablename__ = "pushed_people"
    __table_args__ = (
        CheckConstraint("(waiting_since IS NULL) = (waiting_why IS NULL)", name="waiting_for_a_reason"),
        Index("uq_pushed_people_user_name", "feed", "user_name", unique=True,
              sqlite_where=text("withdrawn_at IS NULL"), postgresql_where=text("withdrawn_at IS NULL")),
        Index("uq_pushed_people_staff_number", "feed", "staff_number", unique=True,
              sqlite_where=text("withdrawn_at IS NULL"), postgresql_where=text("withdrawn_at IS NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """Ours, by which the other system names the person."""
    feed: Mapped[str] = mapped_column(String(64))
    token_id: Mapped[int] = mapped_column(ForeignKey("push_tokens.id"))
    """By which it was last pushed."""
    user_name: Mapped[str] = mapped_column(Text)
    """In small letters: it is compared without regard to case (RFC 7643 4.1)."""
    external_id: Mapped[str | None] = mapped_column(Text)
    staff_number: Mapped[str] = mapped_column(String(32))
    resource: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant)
    changed_at: Mapped[datetime] = mapped_column(Instant)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the other system deleted it; the person's record stays as everybody's does."""
    run_id: Mapped[int | None] = mapped_column(ForeignKey("feed_runs.id"))
    """What was carried out last, with what it holds of the person."""
    waiting_since: Mapped[datetime | None] = mapped_column(Instant)
    """Since when it waits for a person, because carrying it out would have passed a safety limit."""
    waiting_why: Mapped[str | None] = mapped_column(Text)
