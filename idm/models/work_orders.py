"""Work done by hand in systems without an interface, and the lists such systems print (controls G2, A9, C1).

One person does it, another confirms it, neither is the person it is about: the database refuses anything else.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
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

from idm.directory.hand_work import HandProgress, HandStep
from idm.models.base import Base, Instant, closed_list
from idm.models.people import Person
from idm.models.systems import Account, InformationSystem


class WorkOrderState(StrEnum):
    """How far an order has come. What is returned is issued again; what a newer decision overtook is cancelled."""

    ISSUED = "issued"
    DONE = "done"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


STATE_TITLES = {
    WorkOrderState.ISSUED: "作業待ち",
    WorkOrderState.DONE: "作業済み・確認待ち",
    WorkOrderState.CONFIRMED: "完了",
    WorkOrderState.CANCELLED: "取消し（新しい決定に置き換え）",
}
OPEN_STATES = (WorkOrderState.ISSUED, WorkOrderState.DONE)
_OPEN = text("state IN ('issued', 'done')")
_BY_STATE = (
    "(state = 'issued' AND done_at IS NULL AND confirmed_at IS NULL AND cancelled_at IS NULL)"
    " OR (state = 'done' AND done_at IS NOT NULL AND confirmed_at IS NULL AND cancelled_at IS NULL)"
    " OR (state = 'confirmed' AND done_at IS NOT NULL AND confirmed_at IS NOT NULL AND cancelled_at IS NULL)"
    " OR (state = 'cancelled' AND confirmed_at IS NULL AND cancelled_at IS NOT NULL)"
)


def progress_of(open_order: WorkOrderState | None) -> HandProgress:
    """How far the work is, by the state of the account's open order; None = it has none."""
    if open_order is None:
        return HandProgress.NOTHING_OPEN
    return HandProgress.DONE if open_order is WorkOrderState.DONE else HandProgress.ISSUED


class WorkOrderNumber(Base):
    """The last number given to an order in a fiscal year (April to March)."""

    __tablename__ = "work_order_numbers"

    fiscal_year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class WorkOrder(Base):
    """One sheet of work about one account: at most one is open.

    `base` is what was so when it was issued and `wanted` what its steps lead to, both as `idm.directory.hand_work`
    keeps them.
    """

    __tablename__ = "work_orders"
    __table_args__ = (
        UniqueConstraint("number"),
        ForeignKeyConstraint(["account_id", "system_id"], ["accounts.id", "accounts.system_id"]),
        CheckConstraint("confirmed_by_id <> done_by_id", name="two_people"),
        CheckConstraint("done_by_id <> subject_id", name="not_done_for_oneself"),
        CheckConstraint("confirmed_by_id <> subject_id", name="not_confirmed_for_oneself"),
        CheckConstraint("(done_by_id IS NULL) = (done_at IS NULL)", name="done_by_somebody"),
        CheckConstraint("(confirmed_by_id IS NULL) = (confirmed_at IS NULL)", name="confirmed_by_somebody"),
        CheckConstraint("(returned_at IS NULL) = (return_reason IS NULL)", name="returned_with_reason"),
        CheckConstraint("NOT hands_over OR done_at IS NULL OR handed_to IS NOT NULL", name="handed_to_somebody"),
        CheckConstraint(_BY_STATE, name="by_state"),
        Index("uq_work_orders_open", "account_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_work_orders_state", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(16))
    system_id: Mapped[int] = mapped_column(index=True)
    account_id: Mapped[int] = mapped_column(index=True)
    subject_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Whose account it is; None = nobody's (a service's)."""
    generation: Mapped[int]
    """The newest decision about the account that this order still says."""
    state: Mapped[WorkOrderState] = mapped_column(closed_list(WorkOrderState))
    urgent: Mapped[bool]
    hands_over: Mapped[bool]
    """Whether a temporary password is made and given to the person (control E1)."""
    base: Mapped[dict[str, Any]] = mapped_column(JSON)
    wanted: Mapped[dict[str, Any]] = mapped_column(JSON)
    issued_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    done_at: Mapped[datetime | None] = mapped_column(Instant)
    note: Mapped[str | None] = mapped_column(Text)
    handed_to: Mapped[str | None] = mapped_column(Text)
    """To whom and how the operator gave the temporary password; never the password."""
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    returned_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    returned_at: Mapped[datetime | None] = mapped_column(Instant)
    """The last time it was returned; earlier ones are in the audit record."""
    return_reason: Mapped[str | None] = mapped_column(Text)
    cancelled_at: Mapped[datetime | None] = mapped_column(Instant)
    escalation_level: Mapped[int] = mapped_column(default=0)
    """How many of the profile's levels have been told that it is overdue."""
    escalated_at: Mapped[datetime | None] = mapped_column(Instant)

    account: Mapped[Account] = relationship()
    subject: Mapped[Person | None] = relationship(foreign_keys=[subject_id])
    done_by: Mapped[Person | None] = relationship(foreign_keys=[done_by_id])
    confirmed_by: Mapped[Person | None] = relationship(foreign_keys=[confirmed_by_id])
    returned_by: Mapped[Person | None] = relationship(foreign_keys=[returned_by_id])
    steps: Mapped[list["WorkOrderStep"]] = relationship(back_populates="order", order_by="WorkOrderStep.position")


class WorkOrderStep(Base):
    """One sentence of an order with its check mark."""

    __tablename__ = "work_order_steps"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        CheckConstraint("(ticked_by_id IS NULL) = (ticked_at IS NULL)", name="ticked_by_somebody"),
        CheckConstraint("claimed = (claimed_by_id IS NOT NULL)", name="claimed_by_somebody"),
        CheckConstraint("(kind IN ('add', 'remove')) = (group_id IS NOT NULL)", name="group_named"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("work_orders.id"))
    position: Mapped[int]
    kind: Mapped[HandStep] = mapped_column(closed_list(HandStep))
    group_id: Mapped[str | None] = mapped_column(Text)
    instruction: Mapped[str] = mapped_column(Text)
    ticked_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    ticked_at: Mapped[datetime | None] = mapped_column(Instant)
    claimed: Mapped[bool] = mapped_column(default=False)
    """It was said to be done, even if the order was returned since: an order in its place starts from there."""
    claimed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who said so; stays when the order is returned, for whoever said so confirms nothing that rests on it."""

    order: Mapped[WorkOrder] = relationship(back_populates="steps")


class Listing(Base):
    """The list of user IDs a system printed, as somebody uploaded it; it counts once it was taken over."""

    __tablename__ = "listings"
    __table_args__ = (
        CheckConstraint("row_count > 0", name="not_empty"),
        CheckConstraint("taken_at IS NOT NULL OR taken_by_id IS NULL", name="taken"),
        Index("uq_listings_taken", "system_id", "as_of", "sha256", unique=True,
              sqlite_where=text("taken_at IS NOT NULL"), postgresql_where=text("taken_at IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"), index=True)
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    as_of: Mapped[date]
    """The list shows the system as it was on this day."""
    row_count: Mapped[int]
    uploaded_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    uploaded_by_label: Mapped[str] = mapped_column(Text)
    uploaded_at: Mapped[datetime] = mapped_column(Instant)
    taken_at: Mapped[datetime | None] = mapped_column(Instant)
    taken_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    agreeing: Mapped[int] = mapped_column(default=0)
    differing: Mapped[int] = mapped_column(default=0)
    orphans: Mapped[int] = mapped_column(default=0)
    missing: Mapped[int] = mapped_column(default=0)
    """How the lines compared with the books when it was taken over, as the three above."""
    shows_enabled: Mapped[bool]
    shows_groups: Mapped[bool]
    shows_last_use: Mapped[bool]
    """Which of the columns that a list may have it has: what it does not show is not known, never "none"."""

    system: Mapped[InformationSystem] = relationship()
    accounts: Mapped[list["ListedAccount"]] = relationship(
        back_populates="listing", order_by="ListedAccount.line", cascade="all, delete-orphan"
    )


class ListedAccount(Base):
    """One line of a list."""

    __tablename__ = "listed_accounts"
    __table_args__ = (UniqueConstraint("listing_id", "login_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    line: Mapped[int]
    login_name: Mapped[str] = mapped_column(Text)
    login_key: Mapped[str] = mapped_column(Text)
    """The login name as names are compared: width and case do not count."""
    display_name: Mapped[str | None] = mapped_column(Text)
    employee_number: Mapped[str | None] = mapped_column(Text)
    enabled: Mapped[bool | None]
    last_used: Mapped[date | None]
    groups: Mapped[list[str] | None] = mapped_column(JSON)

    listing: Mapped[Listing] = relationship(back_populates="accounts")
