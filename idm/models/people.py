"""People, their employments, posts and organisation units. Person ≠ employment ≠ assignment ≠ account.

Every period is half-open in days of Asia/Tokyo; history is rows, never an overwritten value.
"""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.calendar_days import holds
from idm.employment_kind import EmploymentKind
from idm.models.base import Base, Instant, closed_list
from idm.personnel_event import AbsenceKind, LeavingKind


class Person(Base):
    """One human being, whatever numbers and posts they have had. Names stand as received."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kana: Mapped[str] = mapped_column(Text)
    search_key: Mapped[str] = mapped_column(Text, index=True)
    match_key: Mapped[str | None] = mapped_column(String(64), index=True)
    """Keyed hash of kana and birth date: finds the same human under another number without keeping the date."""
    mail: Mapped[str | None] = mapped_column(Text)
    work_name: Mapped[str | None] = mapped_column(Text)
    """The name used at work (旧姓使用・通称) where it differs from the registered one; directories show it."""
    romaji: Mapped[str | None] = mapped_column(Text)
    """The person's own spelling in Latin letters, as the personnel system has it."""
    created_at: Mapped[datetime] = mapped_column(Instant)

    employments: Mapped[list["Employment"]] = relationship(back_populates="person", order_by="Employment.valid_from")

    def employed_on(self, day: date) -> bool:
        """Whether any employment of this person holds on the day."""
        return any(holds(e.valid_from, e.valid_until, day) for e in self.employments)


class Employment(Base):
    """One 職員番号 with its kind and period. The end is what stops a leaver."""

    __tablename__ = "employments"
    __table_args__ = (
        UniqueConstraint("staff_number"),
        CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="period"),
        CheckConstraint("kind <> 'contractor' OR (contract_id IS NOT NULL AND valid_until IS NOT NULL)",
                        name="contractor_under_contract"),
        # An announced employment can be called off; the audit record names employments by id.
        {"sqlite_autoincrement": True},
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    staff_number: Mapped[str] = mapped_column(String(32))
    kind: Mapped[EmploymentKind] = mapped_column(closed_list(EmploymentKind))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    seen_in_run_id: Mapped[int | None] = mapped_column(ForeignKey("feed_runs.id"))
    """The last personnel file that named this employment."""
    leaving: Mapped[LeavingKind | None] = mapped_column(closed_list(LeavingKind))
    contract_id: Mapped[int | None] = mapped_column(ForeignKey("contracts.id"), index=True)
    """The contract a contractor works under: it ends the employment (FK 6-3(2)⑪)."""
    published_on: Mapped[date | None]
    """内示: until this day only the few who may see unpublished appointments see it; None = published."""

    person: Mapped[Person] = relationship(back_populates="employments")
    assignments: Mapped[list["Assignment"]] = relationship(
        back_populates="employment", order_by="Assignment.valid_from"
    )
    absences: Mapped[list["Absence"]] = relationship(
        back_populates="employment", order_by="Absence.valid_from", cascade="all, delete-orphan"
    )


class OrganisationUnit(Base):
    """One generation of a unit: last year's papers go on showing last year's name."""

    __tablename__ = "organisation_units"
    __table_args__ = (
        UniqueConstraint("code", "valid_from"),
        Index("uq_organisation_units_current", "code", unique=True, sqlite_where=text("valid_until IS NULL"),
              postgresql_where=text("valid_until IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(Text)
    parent_code: Mapped[str | None] = mapped_column(String(32))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]


class Assignment(Base):
    """A post in a unit for a period, primary (本務) or concurrent (兼務)."""

    __tablename__ = "assignments"
    __table_args__ = (
        CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="period"),
        Index("ix_assignments_post", "post", "unit_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    employment_id: Mapped[int] = mapped_column(ForeignKey("employments.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("organisation_units.id"))
    post: Mapped[str] = mapped_column(Text)
    primary: Mapped[bool]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    published_on: Mapped[date | None]

    employment: Mapped[Employment] = relationship(back_populates="assignments")
    unit: Mapped[OrganisationUnit] = relationship()


class Absence(Base):
    """A time away from work within an employment (休職, 育児休業, 停職, 出向 …). Identity stays, access may not."""

    __tablename__ = "absences"
    __table_args__ = (CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="period"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    employment_id: Mapped[int] = mapped_column(ForeignKey("employments.id"), index=True)
    kind: Mapped[AbsenceKind] = mapped_column(closed_list(AbsenceKind))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    published_on: Mapped[date | None]

    employment: Mapped[Employment] = relationship(back_populates="absences")
