"""Official social-media accounts: the register, who posts, regular checks, take-overs (control I6)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from idm.models.base import Base, Instant, closed_list
from idm.vocabulary import OfficialAccountState


class OfficialAccount(Base):
    """One application, and from its approval on one entry of the register. No password stands in it."""

    __tablename__ = "official_accounts"
    __table_args__ = (
        CheckConstraint("answered_by_id IS NULL OR answered_by_id <> asked_by_id", name="two_people"),
        CheckConstraint("state IN ('asked', 'withdrawn') OR answered_by_id IS NOT NULL", name="answered"),
        CheckConstraint("state NOT IN ('ended', 'closed') OR (ended_by_id IS NOT NULL AND ended_how IS NOT NULL)",
                        name="ended_how"),
        CheckConstraint("(state = 'closed') = (closed_by_id IS NOT NULL)", name="closed_by"),
        CheckConstraint("closed_by_id IS NULL OR closed_by_id <> ended_by_id", name="confirmed_by_another"),
        Index("uq_official_accounts_live", "service", "handle", unique=True,
              sqlite_where=text("state IN ('in_use', 'taken_over', 'ended')"),
              postgresql_where=text("state IN ('in_use', 'taken_over', 'ended')")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[OfficialAccountState] = mapped_column(closed_list(OfficialAccountState))
    since: Mapped[datetime] = mapped_column(Instant)
    """When the state began."""
    unit_code: Mapped[str] = mapped_column(Text)
    """The section that speaks with it."""
    service: Mapped[str] = mapped_column(Text)
    handle: Mapped[str] = mapped_column(Text)
    """The account's name there."""
    address: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    own_page: Mapped[str] = mapped_column(Text)
    """Where the body's own web site names the account as its own, and how the account itself names the body."""
    same_elsewhere: Mapped[str] = mapped_column(Text)
    """Where what people rely on (availability 2) also stands on the own web site; says so where there is none of it."""
    custody: Mapped[str] = mapped_column(Text)
    """Where and by whom what opens it is kept; never the password."""
    two_factors: Mapped[bool]
    recovery: Mapped[str] = mapped_column(Text)
    """Where the second factor and the codes for an emergency are kept."""
    responsible_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    """Who answers for it (責任者)."""
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    answer_note: Mapped[str | None] = mapped_column(Text)
    password_due_since: Mapped[datetime | None] = mapped_column(Instant)
    """Since when somebody may know the password who is not to: one who posts no longer, or who took the account."""
    password_changed_at: Mapped[datetime | None] = mapped_column(Instant)
    password_changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    ended_how: Mapped[str | None] = mapped_column(Text)
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    closing_note: Mapped[str | None] = mapped_column(Text)


class OfficialAccountPoster(Base):
    """Somebody who posts with an official account, for a while."""

    __tablename__ = "official_account_posters"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="end_explained"),
        Index("uq_official_account_posters_live", "official_account_id", "person_id", unique=True,
              sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    official_account_id: Mapped[int] = mapped_column(ForeignKey("official_accounts.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    unit_code: Mapped[str] = mapped_column(Text)
    """Where they worked when they were named; who works there no longer posts no longer."""
    named_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    since: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    end_reason: Mapped[str | None] = mapped_column(Text)


class OfficialAccountCheck(Base):
    """Somebody looked whether an official account is kept as it was approved."""

    __tablename__ = "official_account_checks"

    id: Mapped[int] = mapped_column(primary_key=True)
    official_account_id: Mapped[int] = mapped_column(ForeignKey("official_accounts.id"), index=True)
    checked_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    checked_at: Mapped[datetime] = mapped_column(Instant)
    comment: Mapped[str] = mapped_column(Text)


class TakeOver(Base):
    """Somebody else had an official account, or may have had it, and what was done about it."""

    __tablename__ = "official_account_take_overs"
    __table_args__ = (
        CheckConstraint("(settled_at IS NULL) = (settled_by_id IS NULL)", name="settled_by_someone"),
        CheckConstraint("confirmed_by_id IS NULL OR (settled_by_id IS NOT NULL AND confirmed_by_id <> settled_by_id)",
                        name="confirmed_by_another"),
        Index("uq_official_account_take_overs_open", "official_account_id", unique=True,
              sqlite_where=text("confirmed_at IS NULL"), postgresql_where=text("confirmed_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    official_account_id: Mapped[int] = mapped_column(ForeignKey("official_accounts.id"))
    what: Mapped[str] = mapped_column(Text)
    reported_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    reported_at: Mapped[datetime] = mapped_column(Instant)
    settled_note: Mapped[str | None] = mapped_column(Text)
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)


class TakeOverStep(Base):
    """One thing of the profile's that was done about a take-over, or does not apply."""

    __tablename__ = "official_account_take_over_steps"
    __table_args__ = (UniqueConstraint("take_over_id", "code", name="once"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    take_over_id: Mapped[int] = mapped_column(ForeignKey("official_account_take_overs.id"))
    code: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    done_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    done_at: Mapped[datetime] = mapped_column(Instant)
