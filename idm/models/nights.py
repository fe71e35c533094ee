"""The nights of the sweep: what a night examined, and who put their name to the result (controls C1, C2)."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from idm.models.base import Base, Instant, closed_list
from idm.vocabulary import Role


class SweepNight(Base):
    """One night: begun once, resumed where it was broken off, finished when every system has an answer."""

    __tablename__ = "sweep_nights"
    __table_args__ = (UniqueConstraint("day"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date]
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    systems: Mapped[int]
    """How many systems there were to examine."""
    held_by: Mapped[str | None] = mapped_column(Text)
    """Whoever is having it; until `held_until` nobody else goes on with it."""
    held_until: Mapped[datetime | None] = mapped_column(Instant)


class SweepSignOff(Base):
    """One office's name under the results of one system up to one night (control C2)."""

    __tablename__ = "sweep_sign_offs"
    __table_args__ = (UniqueConstraint("system_id", "night_id", "seat"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    night_id: Mapped[int] = mapped_column(ForeignKey("sweep_nights.id"))
    seat: Mapped[Role] = mapped_column(closed_list(Role))
    signed_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    acting_for_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    signed_at: Mapped[datetime] = mapped_column(Instant)
    shown_hash: Mapped[str] = mapped_column(Text)
    """SHA-256 of what was shown when they did."""
    comment: Mapped[str | None] = mapped_column(Text)


class SweepSignOffReminder(Base):
    """Names under the results of one system that were asked for, or missed, once: `due_on` tells for which time."""

    __tablename__ = "sweep_sign_off_reminders"
    __table_args__ = (UniqueConstraint("system_id", "due_on", "overdue"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    due_on: Mapped[date]
    overdue: Mapped[bool]
    """False: the seats were told that it is time; True: the chief was told that it is not done."""
    told_at: Mapped[datetime] = mapped_column(Instant)
