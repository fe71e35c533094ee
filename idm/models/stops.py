"""Stops: of a person, a card, a system or an incident's list of accounts; violations and what was done (H4, H5, J5)."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.people import Person
from idm.models.systems import Account, InformationSystem
from idm.vocabulary import StopCause, StopKind


class ViolationReport(Base):
    """What somebody did against the rules, the guidance they were given, and what came of it (FK 10)."""

    __tablename__ = "violation_reports"
    __table_args__ = (
        CheckConstraint("reported_by_id <> person_id", name="not_by_oneself"),
        CheckConstraint("guided_by_id IS NULL OR guided_by_id <> person_id", name="not_guided_by_oneself"),
        CheckConstraint("guidance_failed_at IS NULL OR guided_at IS NOT NULL", name="guided_first"),
        CheckConstraint("(guidance_failed_at IS NULL) = (guidance_failed_by_id IS NULL)", name="failed_by_someone"),
        CheckConstraint("guidance_failed_by_id IS NULL OR guidance_failed_by_id <> person_id",
                        name="not_failed_by_oneself"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    what: Mapped[str] = mapped_column(Text)
    clause: Mapped[str | None] = mapped_column(Text)
    reported_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    reported_at: Mapped[datetime] = mapped_column(Instant)
    guided_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    guided_at: Mapped[datetime | None] = mapped_column(Instant)
    guidance: Mapped[str | None] = mapped_column(Text)
    guidance_failed_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the section manager recorded that it did not help: only then may rights be stopped for it (FK 10(3))."""
    guidance_failed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    guidance_failure: Mapped[str | None] = mapped_column(Text)
    """What did not improve, for whoever decides on it."""
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closing_note: Mapped[str | None] = mapped_column(Text)

    person: Mapped[Person] = relationship(foreign_keys=[person_id])


ONE_OF_A_PERSON = "kind = 'person' AND cause = 'incident' AND lifted_at IS NULL"
ONE_OF_A_SYSTEM = "kind = 'system' AND lifted_at IS NULL"
"""Two heads at once give one order, which is lifted once."""


class StopOrder(Base):
    """One order to stop: at once, told, never given up until everything it reaches is stopped; lifted by two."""

    __tablename__ = "stop_orders"
    __table_args__ = (
        CheckConstraint("(kind IN ('person', 'card')) = (person_id IS NOT NULL)", name="names_a_person"),
        CheckConstraint("(kind = 'system') = (system_id IS NOT NULL)", name="names_a_system"),
        CheckConstraint("(kind = 'card') = (authenticator_id IS NOT NULL)", name="names_a_card"),
        CheckConstraint("(cause = 'violation') = (violation_id IS NOT NULL)", name="violation_recorded"),
        CheckConstraint("cause <> 'violation' OR kind = 'person'", name="violation_of_a_person"),
        CheckConstraint("cause <> 'violation' OR ordered_by_id <> person_id", name="not_by_oneself"),
        CheckConstraint("lifted_by_id IS NULL OR (lift_asked_by_id IS NOT NULL AND lifted_by_id <> lift_asked_by_id)",
                        name="lifted_by_two"),
        CheckConstraint("person_id IS NULL OR lift_asked_by_id IS NULL OR lift_asked_by_id <> person_id",
                        name="not_asked_by_oneself"),
        CheckConstraint("person_id IS NULL OR lifted_by_id IS NULL OR lifted_by_id <> person_id",
                        name="not_lifted_by_oneself"),
        CheckConstraint("(lifted_at IS NULL) = (lifted_by_id IS NULL)", name="lifted_by_someone"),
        CheckConstraint("(ordered_by_id IS NULL) = (operator IS NOT NULL)", name="ordered_by_someone"),
        CheckConstraint("operator IS NULL OR cause = 'incident'", name="no_violation_by_operator"),
        CheckConstraint("(confirmed_at IS NULL) = (confirmed_by_id IS NULL)", name="confirmed_by_someone"),
        CheckConstraint("operator IS NOT NULL OR confirmed_at IS NULL", name="only_operators_confirmed"),
        CheckConstraint("person_id IS NULL OR confirmed_by_id IS NULL OR confirmed_by_id <> person_id",
                        name="not_confirmed_by_oneself"),
        Index("ix_stop_orders_open", "kind", "person_id", "system_id",
              sqlite_where=text("lifted_at IS NULL"), postgresql_where=text("lifted_at IS NULL")),
        Index("uq_stop_orders_person", "person_id", unique=True,
              sqlite_where=text(ONE_OF_A_PERSON), postgresql_where=text(ONE_OF_A_PERSON)),
        Index("uq_stop_orders_system", "system_id", unique=True,
              sqlite_where=text(ONE_OF_A_SYSTEM), postgresql_where=text(ONE_OF_A_SYSTEM)),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[StopKind] = mapped_column(closed_list(StopKind))
    cause: Mapped[StopCause] = mapped_column(closed_list(StopCause))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    system_id: Mapped[int | None] = mapped_column(ForeignKey("information_systems.id"))
    authenticator_id: Mapped[int | None] = mapped_column(ForeignKey("authenticators.id"))
    violation_id: Mapped[int | None] = mapped_column(ForeignKey("violation_reports.id"))
    reason: Mapped[str] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)
    """The incident's number in the organisation's own books."""
    ordered_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    operator: Mapped[str | None] = mapped_column(Text)
    """Who stopped it at the command line, while no page could be reached: in words, as they said and the machine knows
    them. One of the heads confirms it afterwards."""
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    ordered_at: Mapped[datetime] = mapped_column(Instant)
    lift_asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    lift_asked_at: Mapped[datetime | None] = mapped_column(Instant)
    lift_reason: Mapped[str | None] = mapped_column(Text)
    lifted_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    lifted_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_told_at: Mapped[datetime | None] = mapped_column(Instant)
    """When whoever ordered it was told that somebody had enabled again what it stops; told once."""
    left_out: Mapped[list[str]] = mapped_column(JSON, default=list)
    """The names of the product's own accounts in the system: without them no stop would arrive, and none come back."""

    person: Mapped[Person | None] = relationship(foreign_keys=[person_id])
    system: Mapped[InformationSystem | None] = relationship()


class AccountStop(Base):
    """One reason why an account lets nobody in: an order, or long disuse. It opens again when none is left.

    What it may then do is what is approved at that moment: exactly what was there, less what ended meanwhile.
    """

    __tablename__ = "account_stops"
    __table_args__ = (
        CheckConstraint("(stop_id IS NULL) <> (dormancy_id IS NULL)", name="one_cause"),
        Index("uq_account_stops_order", "account_id", "stop_id", unique=True,
              sqlite_where=text("stop_id IS NOT NULL"), postgresql_where=text("stop_id IS NOT NULL")),
        Index("uq_account_stops_disuse", "account_id", unique=True,
              sqlite_where=text("dormancy_id IS NOT NULL AND until IS NULL"),
              postgresql_where=text("dormancy_id IS NOT NULL AND until IS NULL")),
        Index("ix_account_stops_open", "account_id",
              sqlite_where=text("until IS NULL"), postgresql_where=text("until IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    stop_id: Mapped[int | None] = mapped_column(ForeignKey("stop_orders.id"), index=True)
    dormancy_id: Mapped[int | None] = mapped_column(ForeignKey("dormancy_cases.id"))
    since: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime | None] = mapped_column(Instant)
    was_enabled: Mapped[bool | None]
    """Whether it let somebody in before, by what was read last."""
    stopped_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the directory was read and showed it disabled, or the hands that did it were confirmed."""
    restored_at: Mapped[datetime | None] = mapped_column(Instant)
    watched_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was read last only to see that it is still stopped."""
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was last seen that somebody had enabled it all the same."""

    account: Mapped[Account] = relationship()


class EntryStop(Base):
    """An order's stop of an account of a directory that is nobody's own in our books: a service's, an orphan.

    Such an account is changed in no other way, so that what it showed before is kept here, and shown again at the end.
    """

    __tablename__ = "entry_stops"
    __table_args__ = (
        UniqueConstraint("stop_id", "system_id", "external_id"),
        CheckConstraint("restored_at IS NULL OR until IS NOT NULL", name="restored_after_its_end"),
        CheckConstraint("(claimed_by IS NULL) = (claimed_until IS NULL)", name="claimed_for_a_while"),
        Index("ix_entry_stops_entry", "system_id", "external_id"),
        Index("ix_entry_stops_unfinished", "system_id", "due_at",
              sqlite_where=text("restored_at IS NULL"), postgresql_where=text("restored_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    stop_id: Mapped[int] = mapped_column(ForeignKey("stop_orders.id"))
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    external_id: Mapped[str] = mapped_column(Text)
    login_name: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime | None] = mapped_column(Instant)
    was_enabled: Mapped[bool | None]
    """Whether the directory let somebody in by it, as read right before anything was written; None = not read yet."""
    was_until: Mapped[datetime | None] = mapped_column(Instant)
    """The end that the directory itself had for it then."""
    stopped_at: Mapped[datetime | None] = mapped_column(Instant)
    restored_at: Mapped[datetime | None] = mapped_column(Instant)
    watched_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    """When it is tried next."""
    error: Mapped[str | None] = mapped_column(Text)
    """Why the last try came to nothing."""
    claimed_by: Mapped[str | None] = mapped_column(String(64))
    claimed_until: Mapped[datetime | None] = mapped_column(Instant)
