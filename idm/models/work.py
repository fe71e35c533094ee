"""What waits to be done outside the database: outbox tasks and mail; and what the sweep found."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.exceptions import RegisteredException
from idm.models.nights import SweepNight
from idm.models.systems import Account, InformationSystem
from idm.oversight.finding_state import NEVER_ANSWERED
from idm.vocabulary import FindingKind


class TaskState(StrEnum):
    """State of an outbox task."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    DONE = "done"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


class OutboxTask(Base):
    """*Look at this account as of this generation*: never a step, so a late or repeated one can undo nothing."""

    __tablename__ = "outbox_tasks"
    __table_args__ = (
        Index("ix_outbox_tasks_due", "state", "due_at"),
        Index("uq_outbox_tasks_generation", "account_id", "generation", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    generation: Mapped[int]
    state: Mapped[TaskState] = mapped_column(closed_list(TaskState))
    due_at: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[str | None] = mapped_column(String(64))
    claimed_until: Mapped[datetime | None] = mapped_column(Instant)
    """A claim is a lease: a worker that died loses it."""
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)

    account: Mapped[Account] = relationship()


class MailState(StrEnum):
    """State of a notice. Held = it waits for the day's digest; digested = it stands in one, a notice of its own.

    Refused = its address was refused for good, and it is not tried again.
    """

    WAITING = "waiting"
    HELD = "held"
    DIGESTED = "digested"
    SENT = "sent"
    REFUSED = "refused"


class MailMessage(Base):
    """One notice to one person, written in the transaction of the act that caused it."""

    __tablename__ = "mail_messages"
    __table_args__ = (
        Index("ix_mail_messages_due", "state", "due_at"),
        CheckConstraint("NOT (urgent AND state IN ('held', 'digested'))", name="urgent_waits_for_no_digest"),
        CheckConstraint("(state = 'digested') = (digest_id IS NOT NULL)", name="digested_in_one"),
        Index("ix_mail_messages_recipient", "recipient", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    recipient: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    copy_for_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who is away, where this is the copy for the person they named."""
    urgent: Mapped[bool] = mapped_column(default=False)
    """It waits for no digest, and leaves before what is not urgent."""
    digest_id: Mapped[int | None] = mapped_column(ForeignKey("mail_messages.id"), index=True)
    """The digest it stands in."""
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    link: Mapped[str] = mapped_column(Text)
    """Path of the page; the address before it is always the configured one, added when the notice leaves."""
    state: Mapped[MailState] = mapped_column(closed_list(MailState))
    due_at: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    refusal_told_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the officers were told that its address is refused."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)


_NEVER = ", ".join(f"'{kind.value}'" for kind in sorted(NEVER_ANSWERED))


class Finding(Base):
    """One fact the sweep found: one row from the night it was first seen until the night it was gone.

    Of no system where it is about the product itself, or about a person everywhere (controls G4, G5).
    """

    __tablename__ = "findings"
    __table_args__ = (
        Index("uq_findings_open", "kind", "system_id", "subject_key", unique=True,
              sqlite_where=text("resolved_at IS NULL"), postgresql_where=text("resolved_at IS NULL")),
        Index("uq_findings_open_everywhere", "kind", "subject_key", unique=True,
              sqlite_where=text("resolved_at IS NULL AND system_id IS NULL"),
              postgresql_where=text("resolved_at IS NULL AND system_id IS NULL")),
        CheckConstraint("(accepted_until IS NULL) = (accepted_by_id IS NULL)", name="accepted_by_someone"),
        CheckConstraint("accepted_until IS NULL OR accepted_reason IS NOT NULL", name="accepted_for_a_reason"),
        CheckConstraint(f"accepted_until IS NULL OR kind NOT IN ({_NEVER})", name="never_accepted"),
        Index("ix_findings_subject", "system_id", "subject_key"),
        Index("ix_findings_first_seen", "first_seen_at"),
        Index("ix_findings_resolved", "resolved_at",
              sqlite_where=text("resolved_at IS NOT NULL"), postgresql_where=text("resolved_at IS NOT NULL")),
        Index("ix_findings_since", "first_seen_at",
              sqlite_where=text("resolved_at IS NULL"), postgresql_where=text("resolved_at IS NULL")),
        Index("ix_findings_system_since", "system_id", "first_seen_at",
              sqlite_where=text("resolved_at IS NULL"), postgresql_where=text("resolved_at IS NULL")),
        Index("ix_findings_due", "due_on",
              sqlite_where=text("resolved_at IS NULL"), postgresql_where=text("resolved_at IS NULL")),
        Index("ix_findings_owner", "owner_id",
              sqlite_where=text("resolved_at IS NULL AND owner_id IS NOT NULL"),
              postgresql_where=text("resolved_at IS NULL AND owner_id IS NOT NULL")),
        Index("ix_findings_answered", "answered_at",
              sqlite_where=text("resolved_at IS NULL AND answered_at IS NOT NULL"),
              postgresql_where=text("resolved_at IS NULL AND answered_at IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[FindingKind] = mapped_column(closed_list(FindingKind))
    system_id: Mapped[int | None] = mapped_column(ForeignKey("information_systems.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Whom it is about, where it is about somebody and no account of theirs."""
    subject_key: Mapped[str] = mapped_column(Text)
    """The target's immutable id of what was found, or the system's code."""
    label: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, object]] = mapped_column(JSON)
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    """What exactly differs, whatever it is worded like: an answer for it holds for nothing else."""
    first_seen_at: Mapped[datetime] = mapped_column(Instant)
    last_seen_at: Mapped[datetime] = mapped_column(Instant)
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)
    again_of_id: Mapped[int | None] = mapped_column(ForeignKey("findings.id"))
    """The finding of the same fact that was repaired before: a fact that comes back has a new life, and names it."""
    repair_asked_at: Mapped[datetime | None] = mapped_column(Instant)
    repair_asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who had it put right; None with a time = the profile did."""
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who was given it by name; None = whoever holds the office that its kind belongs to (`finding_state`)."""
    due_on: Mapped[date | None]
    """The last day for an answer."""
    escalated_level: Mapped[int] = mapped_column(default=0)
    escalated_at: Mapped[datetime | None] = mapped_column(Instant)
    exception_id: Mapped[int | None] = mapped_column(ForeignKey("exceptions.id"))
    """The exception (例外措置) of the register that covers it now."""
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    accepted_until: Mapped[date | None]
    accepted_reason: Mapped[str | None] = mapped_column(Text)
    accepted_fingerprint: Mapped[str | None] = mapped_column(String(64))
    """The risk is accepted, by the CISO, until this day, and only of what was found then."""
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was answered for; None = nobody does. Kept until its history says that the answer has ended: whether it
    still holds is read from the answers themselves."""
    told_at: Mapped[datetime | None] = mapped_column(Instant)
    """When CISO and chief were told of it, where its kind is urgent (control J1)."""

    system: Mapped[InformationSystem | None] = relationship()
    account: Mapped[Account | None] = relationship()
    exception: Mapped[RegisteredException | None] = relationship()


class SweepRun(Base):
    """One sweep of one system: examined, found, done, failed (control C1)."""

    __tablename__ = "sweep_runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"), index=True)
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime] = mapped_column(Instant)
    examined: Mapped[int]
    found: Mapped[int]
    new: Mapped[int]
    resolved: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    """How many steps were taken: warnings, stops, deletions, removals."""
    failure: Mapped[str | None] = mapped_column(Text)
    night_id: Mapped[int | None] = mapped_column(ForeignKey("sweep_nights.id"), index=True)
    clock_apart: Mapped[float | None]
    """Seconds by which the directory's clock was ahead of ours; None = it does not tell (control G5)."""

    system: Mapped[InformationSystem] = relationship()
    night: Mapped[SweepNight | None] = relationship()
