"""Standing approvals (包括承認): off unless the profile cites its rule; ordinary rights by post only (control A1)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant
from idm.models.systems import Entitlement, InformationSystem


class StandingApproval(Base):
    """One system's rights by post, approved once by both seats of the route for every later use.

    Proposed by one person and approved by two others, all three different; it lapses after either approver changes.
    """

    __tablename__ = "standing_approvals"
    __table_args__ = (
        CheckConstraint("chief_id IS NULL OR chief_id <> proposed_by_id", name="sod_1_chief"),
        CheckConstraint("manager_id IS NULL OR manager_id <> proposed_by_id", name="sod_1_manager"),
        CheckConstraint("chief_id IS NULL OR manager_id IS NULL OR chief_id <> manager_id", name="sod_4"),
        CheckConstraint("in_force_at IS NULL OR (chief_id IS NOT NULL AND manager_id IS NOT NULL)", name="approved"),
        Index("uq_standing_approvals_open", "system_id", unique=True,
              sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    rule: Mapped[str] = mapped_column(Text)
    """The organisation's rule that allows it, as the profile cites it."""
    reason: Mapped[str] = mapped_column(Text)
    rules_digest: Mapped[str] = mapped_column(Text)
    """SHA-256 of the rights-by-post rules it was given for: other rules are not approved."""
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    chief_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    chief_at: Mapped[datetime | None] = mapped_column(Instant)
    chief_for_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """In whose place it was approved there (代決)."""
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    manager_at: Mapped[datetime | None] = mapped_column(Instant)
    manager_for_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    in_force_at: Mapped[datetime | None] = mapped_column(Instant)
    lapses_on: Mapped[date | None]
    """Set when an approver no longer holds the seat; on this day it no longer holds."""
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    end_reason: Mapped[str | None] = mapped_column(Text)
    uses: Mapped[int] = mapped_column(default=0)

    system: Mapped[InformationSystem] = relationship()
    rights: Mapped[list["StandingRight"]] = relationship(cascade="all, delete-orphan")


class StandingRight(Base):
    """One right that the standing approval covers."""

    __tablename__ = "standing_rights"

    standing_id: Mapped[int] = mapped_column(ForeignKey("standing_approvals.id"), primary_key=True)
    entitlement_id: Mapped[int] = mapped_column(ForeignKey("entitlements.id"), primary_key=True)

    entitlement: Mapped[Entitlement] = relationship()


class StandingUse(Base):
    """One numbered use: the application that it approved."""

    __tablename__ = "standing_uses"
    __table_args__ = (UniqueConstraint("standing_id", "number"), UniqueConstraint("request_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    standing_id: Mapped[int] = mapped_column(ForeignKey("standing_approvals.id"), index=True)
    number: Mapped[int]
    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"))
    used_at: Mapped[datetime] = mapped_column(Instant)
