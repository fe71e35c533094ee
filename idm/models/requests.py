"""Written applications (申請書), their lines and approval steps, and the grants that come of them.

The composite keys carry applicant and subject down to every decision, so that the database itself can refuse that a
decider is either of them (FK 1-2(7)①, MT 2(6)ア): it repeats what `idm.separation_of_duties` rules.
"""

from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.grant_state import EndReason, GrantState, SuspensionReason
from idm.models.base import Base, Instant, closed_list
from idm.models.people import Person
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.request_state import LineState, RequestState, StepState
from idm.vocabulary import LineEffect, RequestAction, Role


class Request(Base):
    """One application to one system. Numbered at submission and unchangeable from then on (control A1)."""

    __tablename__ = "requests"
    __table_args__ = (
        UniqueConstraint("number"),
        UniqueConstraint("id", "applicant_id"),
        CheckConstraint("state = 'draft' OR (applicant_id IS NOT NULL AND number IS NOT NULL "
                        "AND submitted_at IS NOT NULL AND content_hash IS NOT NULL)", name="submitted_complete"),
        # A draft can go; the audit record names applications by id, so no id ever comes back.
        {"sqlite_autoincrement": True},
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str | None] = mapped_column(String(32))
    action: Mapped[RequestAction] = mapped_column(closed_list(RequestAction))
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    applicant_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    """None only in a draft made by a personnel file, until the named HR officer submits it."""
    reason: Mapped[str] = mapped_column(Text)
    cites_id: Mapped[int | None] = mapped_column(ForeignKey("requests.id"))
    feed_run_id: Mapped[int | None] = mapped_column(ForeignKey("feed_runs.id"))
    adopts: Mapped[bool] = mapped_column(default=False)
    """The inventory application of a system: its rights were held before the product came (control A18)."""
    published_on: Mapped[date | None]
    """内示: until this day only applicant, deciders and those who may see unpublished appointments see it."""
    state: Mapped[RequestState] = mapped_column(closed_list(RequestState))
    content_hash: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 of everything that is decided on; what an approver was shown must have this hash."""
    policy_digest: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    submitted_at: Mapped[datetime | None] = mapped_column(Instant)
    last_decision_at: Mapped[datetime | None] = mapped_column(Instant)
    """Written at every decision: two simultaneous approvers must meet on this row."""
    reminded_level: Mapped[int] = mapped_column(default=0)
    """How far it was brought to mind while nobody decided: 1 = its deciders, then one more for each level above."""
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict

    system: Mapped[InformationSystem] = relationship()
    applicant: Mapped[Person | None] = relationship(foreign_keys=[applicant_id])
    cites: Mapped["Request | None"] = relationship(remote_side=[id])
    lines: Mapped[list["RequestLine"]] = relationship(
        back_populates="request", order_by="RequestLine.id", foreign_keys="RequestLine.request_id"
    )


class RequestNumber(Base):
    """The last number given in a fiscal year (April to March)."""

    __tablename__ = "request_numbers"

    fiscal_year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class RequestLine(Base):
    """One decidable line: one person and one right."""

    __tablename__ = "request_lines"
    __table_args__ = (
        ForeignKeyConstraint(["request_id", "applicant_id"], ["requests.id", "requests.applicant_id"],
                             onupdate="CASCADE"),
        ForeignKeyConstraint(["entitlement_id", "system_id"], ["entitlements.id", "entitlements.system_id"]),
        UniqueConstraint("id", "applicant_id", "subject_id"),
        UniqueConstraint("request_id", "subject_id", "entitlement_id", "effect"),
        CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="period"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), index=True)
    system_id: Mapped[int]
    applicant_id: Mapped[int | None]
    subject_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    entitlement_id: Mapped[int]
    effect: Mapped[LineEffect] = mapped_column(closed_list(LineEffect))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    state: Mapped[LineState] = mapped_column(closed_list(LineState))

    request: Mapped[Request] = relationship(back_populates="lines", foreign_keys=[request_id])
    subject: Mapped[Person] = relationship(foreign_keys=[subject_id])
    entitlement: Mapped[Entitlement] = relationship()
    steps: Mapped[list["ApprovalStep"]] = relationship(
        back_populates="line",
        order_by="ApprovalStep.position",
        primaryjoin="RequestLine.id == foreign(ApprovalStep.line_id)",
    )


class ApprovalStep(Base):
    """One seat's decision on one line."""

    __tablename__ = "approval_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["line_id", "applicant_id", "subject_id"],
            ["request_lines.id", "request_lines.applicant_id", "request_lines.subject_id"],
            onupdate="CASCADE",
        ),
        UniqueConstraint("line_id", "position"),
        CheckConstraint("decider_id IS NULL OR (decider_id <> applicant_id AND decider_id <> subject_id)",
                        name="sod_1_2"),
        CheckConstraint("acting_for_id IS NULL OR (acting_for_id <> applicant_id AND acting_for_id <> subject_id "
                        "AND acting_for_id <> decider_id)", name="sod_3"),
        CheckConstraint("(decider_id IS NULL) = (state IN ('pending', 'closed'))", name="decided_by_someone"),
        CheckConstraint("decider_id IS NULL OR (decided_at IS NOT NULL AND shown_hash IS NOT NULL)",
                        name="decided_on_what_was_shown"),
        Index("uq_approval_steps_sod_4", "line_id", "decider_id", unique=True,
              sqlite_where=text("exception_id IS NULL"), postgresql_where=text("exception_id IS NULL")),
        Index("uq_approval_steps_sod_3", "line_id", "acting_for_id", unique=True),
        Index("ix_approval_steps_waiting", "state", "seat"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    line_id: Mapped[int] = mapped_column(index=True)
    applicant_id: Mapped[int]
    subject_id: Mapped[int]
    position: Mapped[int]
    seat: Mapped[Role] = mapped_column(closed_list(Role))
    state: Mapped[StepState] = mapped_column(closed_list(StepState))
    decider_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    rung: Mapped[str | None] = mapped_column(String(16))
    """By which rung of the ladder: holder, deputy, vice_ciso or ciso."""
    acting_for_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    shown_hash: Mapped[str | None] = mapped_column(String(64))
    comment: Mapped[str | None] = mapped_column(Text)
    exception_id: Mapped[int | None] = mapped_column(ForeignKey("policy_exceptions.id"))

    line: Mapped[RequestLine] = relationship(
        back_populates="steps", primaryjoin="RequestLine.id == foreign(ApprovalStep.line_id)"
    )
    decider: Mapped[Person | None] = relationship(foreign_keys=[decider_id])
    acting_for: Mapped[Person | None] = relationship(foreign_keys=[acting_for_id])


class PolicyException(Base):
    """An exception (例外措置) to one separation rule for one application, permitted by the CISO (FK 8(1))."""

    __tablename__ = "policy_exceptions"
    __table_args__ = (
        CheckConstraint("permitted_by_id <> beneficiary_id", name="not_for_oneself"),
        CheckConstraint("rule IN ('SOD-4', 'D1-CAP')", name="rule"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), index=True)
    rule: Mapped[str] = mapped_column(String(16))
    beneficiary_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    reason: Mapped[str] = mapped_column(Text)
    permitted_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    permitted_at: Mapped[datetime] = mapped_column(Instant)
    valid_until: Mapped[date]


class Grant(Base):
    """Who has what, from when to when, and by which line of which application. Ended grants stay as history."""

    __tablename__ = "grants"
    __table_args__ = (
        CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="period"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL AND end_reason IS NOT NULL)", name="end_explained"),
        Index("uq_grants_live", "account_id", "entitlement_id", unique=True,
              sqlite_where=text("state <> 'ended'"), postgresql_where=text("state <> 'ended'")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    entitlement_id: Mapped[int] = mapped_column(ForeignKey("entitlements.id"))
    line_id: Mapped[int] = mapped_column(ForeignKey("request_lines.id"))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    state: Mapped[GrantState] = mapped_column(closed_list(GrantState))
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    end_reason: Mapped[EndReason | None] = mapped_column(closed_list(EndReason))
    ended_by_line_id: Mapped[int | None] = mapped_column(ForeignKey("request_lines.id"))
    reminded_days: Mapped[int | None]
    """Which of the profile's days before its end its holder was last reminded at; None = not yet (control A8)."""
    rests_on_unit: Mapped[str | None] = mapped_column(String(32))
    rests_on_post: Mapped[str | None] = mapped_column(Text)
    """The unit and the post on which a privileged right rests: it ends with them, whatever its period (D7)."""

    account: Mapped[Account] = relationship()
    entitlement: Mapped[Entitlement] = relationship()
    line: Mapped[RequestLine] = relationship(foreign_keys=[line_id])
    suspensions: Mapped[list["GrantSuspension"]] = relationship()


class GrantSuspension(Base):
    """One reason why a grant is held back. Access returns when no open one is left."""

    __tablename__ = "grant_suspensions"
    __table_args__ = (
        Index("ix_grant_suspensions_open", "reason", "grant_id",
              sqlite_where=text("until IS NULL"), postgresql_where=text("until IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    grant_id: Mapped[int] = mapped_column(ForeignKey("grants.id"), index=True)
    reason: Mapped[SuspensionReason] = mapped_column(closed_list(SuspensionReason))
    since: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime | None] = mapped_column(Instant)
