"""Devices that the body did not issue (支給以外の端末): applications, permits, regular checks (control I4)."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from idm.models.base import Base, Instant, closed_list
from idm.vocabulary import OwnDeviceEnd, OwnDeviceState, Role


class OwnDevice(Base):
    """One application by whoever holds the device, and from its permits on one entry of the register.

    What changes, and every further period, is applied for anew (`replaces_id`); the device stays the same one.
    """

    __tablename__ = "own_devices"
    __table_args__ = (
        UniqueConstraint("id", "holder_id", name="holder"),
        CheckConstraint("begins_on < ends_on", name="period"),
        CheckConstraint("confidentiality BETWEEN 1 AND 3", name="confidentiality"),
        CheckConstraint("state NOT IN ('to_clear', 'cleared') OR end_reason IS NOT NULL", name="why_ended"),
        CheckConstraint("end_reason IS NULL OR end_reason <> 'taken_back' OR end_note IS NOT NULL",
                        name="taken_back_why"),
        CheckConstraint("state <> 'cleared' OR (cleared_how IS NOT NULL AND cleared_by_id IS NOT NULL)",
                        name="cleared_how"),
        CheckConstraint("state NOT IN ('lost') OR (lost_what IS NOT NULL AND lost_told_by_id IS NOT NULL)",
                        name="lost_what"),
        CheckConstraint("(state = 'closed') = (closed_by_id IS NOT NULL)", name="closed_by"),
        CheckConstraint("closed_by_id IS NULL OR closed_by_id <> holder_id", name="two_people"),
        CheckConstraint("closed_by_id IS NULL OR cleared_by_id IS NULL OR closed_by_id <> cleared_by_id",
                        name="confirmed_by_another"),
        Index("uq_own_devices_replacing", "replaces_id", unique=True,
              sqlite_where=text("state = 'asked'"), postgresql_where=text("state = 'asked'")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[OwnDeviceState] = mapped_column(closed_list(OwnDeviceState))
    since: Mapped[datetime] = mapped_column(Instant)
    """When the state began."""
    holder_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    unit_code: Mapped[str] = mapped_column(Text)
    """Of the section whose manager permits it, in which the holder worked when they applied."""
    contact: Mapped[str] = mapped_column(Text)
    """How the holder is reached while they are out."""
    contract_holder: Mapped[str] = mapped_column(Text)
    """In whose name the carrier's contract is; says so where there is none."""
    maker: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    os: Mapped[str] = mapped_column(Text)
    os_version: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    information: Mapped[str] = mapped_column(Text)
    confidentiality: Mapped[int]
    """The highest confidentiality of the information that is handled with it (1 to 3)."""
    place: Mapped[str] = mapped_column(Text)
    line: Mapped[str] = mapped_column(Text)
    """The network service that it mostly uses."""
    connects_inside: Mapped[bool]
    """Whether it is connected to a network of the body (MC 6.1(19))."""
    answers: Mapped[dict[str, str]] = mapped_column(JSON)
    """Measure of the profile, by its code → how it is carried out on this device."""
    begins_on: Mapped[date]
    ends_on: Mapped[date]
    """The first day on which it is no longer used."""
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("own_devices.id"))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    reminded_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the holder was told that the period ends soon."""
    end_reason: Mapped[OwnDeviceEnd | None] = mapped_column(closed_list(OwnDeviceEnd))
    end_note: Mapped[str | None] = mapped_column(Text)
    """Why the permit was taken back."""
    cleared_how: Mapped[str | None] = mapped_column(Text)
    cleared_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    lost_what: Mapped[str | None] = mapped_column(Text)
    """When and where it was lost, and what was on it."""
    lost_told_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    lost_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who confirmed that nothing is left on it, or settled its loss; never its holder."""
    closing_note: Mapped[str | None] = mapped_column(Text)


class OwnDevicePermit(Base):
    """One office's answer to an application, in the order of the profile; every one by another person."""

    __tablename__ = "own_device_permits"
    __table_args__ = (
        ForeignKeyConstraint(["device_id", "holder_id"], ["own_devices.id", "own_devices.holder_id"]),
        CheckConstraint("by_id <> holder_id", name="two_people"),
        UniqueConstraint("device_id", "position", name="one_answer"),
        UniqueConstraint("device_id", "by_id", name="another_each_time"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(index=True)
    holder_id: Mapped[int]
    position: Mapped[int]
    """From 0."""
    role: Mapped[Role] = mapped_column(closed_list(Role))
    given: Mapped[bool]
    by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    at: Mapped[datetime] = mapped_column(Instant)
    note: Mapped[str] = mapped_column(Text)


class OwnDeviceCheck(Base):
    """Somebody looked whether a device is still needed and still as it was permitted."""

    __tablename__ = "own_device_checks"

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("own_devices.id"), index=True)
    checked_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    checked_at: Mapped[datetime] = mapped_column(Instant)
    still_needed: Mapped[bool]
    comment: Mapped[str] = mapped_column(Text)
