"""Officers, deputies and the configuration that names them: the root of trust (FK 1-2, MT 2; control A16)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.people import Assignment, Person
from idm.vocabulary import ConfigurationKind, Role


class ConfigurationVersion(Base):
    """One accepted or proposed text of a profile, an organisation file or a feed. What runs is what was accepted.

    Proposed by one person and accepted by another; only the first record has neither, and it is signed as a whole.
    """

    __tablename__ = "configuration_versions"
    __table_args__ = (
        UniqueConstraint("kind", "name", "version"),
        CheckConstraint("accepted_by_id IS NULL OR accepted_by_id <> proposed_by_id", name="two_people"),
        CheckConstraint("version = 1 OR proposed_by_id IS NOT NULL", name="proposed"),
        CheckConstraint("version = 1 OR accepted_at IS NULL OR accepted_by_id IS NOT NULL", name="accepted"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[ConfigurationKind] = mapped_column(closed_list(ConfigurationKind))
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    content: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    accepted_at: Mapped[datetime | None] = mapped_column(Instant)
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    refused_at: Mapped[datetime | None] = mapped_column(Instant)

    proposed_by: Mapped[Person | None] = relationship(foreign_keys=[proposed_by_id])
    accepted_by: Mapped[Person | None] = relationship(foreign_keys=[accepted_by_id])


class Officer(Base):
    """Someone's tenure of a role: it counts when the first record named it or a second person confirmed it.

    `unit_code` is the unit of a `section` seat; `system_id` of a `system` seat is not kept: the system names its unit.
    A tenure ends with the assignment it follows from, whatever this row says.
    """

    __tablename__ = "officers"
    __table_args__ = (
        CheckConstraint("confirmed_by_id IS NULL OR confirmed_by_id <> person_id", name="not_by_oneself"),
        CheckConstraint("confirmed_at IS NULL OR confirmed_by_id IS NOT NULL OR first_record_id IS NOT NULL",
                        name="confirmed_by_someone"),
        Index("uq_officers_tenure", "role", "person_id", "assignment_id", unique=True,
              sqlite_where=text("assignment_id IS NOT NULL"), postgresql_where=text("assignment_id IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[Role] = mapped_column(closed_list(Role))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    unit_code: Mapped[str | None] = mapped_column(String(32))
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignments.id"))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    first_record_id: Mapped[int | None] = mapped_column(ForeignKey("configuration_versions.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    confirmed_by: Mapped[Person | None] = relationship(foreign_keys=[confirmed_by_id])
    assignment: Mapped[Assignment | None] = relationship()


class Deputy(Base):
    """Someone who decides for an officer (代決) for a period; named by that officer, accepted by the CISO."""

    __tablename__ = "deputies"
    __table_args__ = (
        CheckConstraint("deputy_id <> principal_id", name="not_oneself"),
        CheckConstraint("accepted_by_id IS NULL OR accepted_by_id <> deputy_id", name="not_accepted_by_oneself"),
        CheckConstraint("valid_until > valid_from", name="period"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    principal_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    role: Mapped[Role] = mapped_column(closed_list(Role))
    deputy_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    named_at: Mapped[datetime] = mapped_column(Instant)
    accepted_at: Mapped[datetime | None] = mapped_column(Instant)
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    principal: Mapped[Person] = relationship(foreign_keys=[principal_id])
    deputy: Mapped[Person] = relationship(foreign_keys=[deputy_id])
