"""The register of exceptions (例外措置): asked with reason, scope and period, permitted by the CISO (FK 8, MT 8-4)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from idm.models.base import Base, Instant, closed_list
from idm.vocabulary import ExceptionScope, ExceptionState, FindingKind


class RegisteredException(Base):
    """One exception. It holds on [valid_from, valid_until) while it is permitted, and expires by itself."""

    __tablename__ = "exceptions"
    __table_args__ = (
        CheckConstraint("valid_until > valid_from", name="period"),
        CheckConstraint("answered_by_id IS NULL OR answered_by_id <> asked_by_id", name="two_people"),
        CheckConstraint(
            "state NOT IN ('permitted', 'expired') OR answered_by_id IS NOT NULL", name="permitted_by_ciso"
        ),
        CheckConstraint("(scope = 'account') = (account_id IS NOT NULL)", name="names_an_account"),
        CheckConstraint("(scope = 'person') = (person_id IS NOT NULL)", name="names_a_person"),
        CheckConstraint("(scope = 'unit') = (unit_code IS NOT NULL)", name="names_a_unit"),
        CheckConstraint("scope <> 'system' OR system_id IS NOT NULL", name="names_a_system"),
        CheckConstraint("acted_at IS NOT NULL OR reported_at IS NULL", name="report_of_an_emergency"),
        Index("ix_exceptions_holding", "state", "valid_until"),
        Index("uq_exceptions_renewal", "renews_id", unique=True,
              sqlite_where=text("state IN ('asked', 'permitted')"),
              postgresql_where=text("state IN ('asked', 'permitted')")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[ExceptionState] = mapped_column(closed_list(ExceptionState))
    clause: Mapped[str] = mapped_column(Text)
    """Which clause of the standard it departs from."""
    finding_kind: Mapped[FindingKind | None] = mapped_column(closed_list(FindingKind))
    """The kind of finding that it covers; None = it covers none, it is kept for the record."""
    scope: Mapped[ExceptionScope] = mapped_column(closed_list(ExceptionScope))
    system_id: Mapped[int | None] = mapped_column(ForeignKey("information_systems.id"))
    """Beside a person or a unit: only there."""
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    unit_code: Mapped[str | None] = mapped_column(Text)
    what: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    compensating_control: Mapped[str] = mapped_column(Text)
    """What is done instead (代替措置)."""
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    acted_at: Mapped[datetime | None] = mapped_column(Instant)
    """An emergency: when it was acted upon, before anybody had permitted it (FK 8(2))."""
    reported_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the CISO had the report of it."""
    report: Mapped[str | None] = mapped_column(Text)
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    answer_note: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    end_note: Mapped[str | None] = mapped_column(Text)
    reminded_on: Mapped[date | None]
    escalated_level: Mapped[int] = mapped_column(default=0)
    escalated_at: Mapped[datetime | None] = mapped_column(Instant)
    renews_id: Mapped[int | None] = mapped_column(ForeignKey("exceptions.id"))
    """The one that it goes on with."""


class ExceptionCheck(Base):
    """Somebody looked whether an exception is still needed and its compensating control still holds (FK 8(3))."""

    __tablename__ = "exception_checks"

    id: Mapped[int] = mapped_column(primary_key=True)
    exception_id: Mapped[int] = mapped_column(ForeignKey("exceptions.id"), index=True)
    checked_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    checked_at: Mapped[datetime] = mapped_column(Instant)
    still_needed: Mapped[bool]
    comment: Mapped[str | None] = mapped_column(Text)
