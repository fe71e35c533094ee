"""People outside HR: contracts, sponsors, consent, services reported as not needed (FK 5-1(2), 6-3(2)⑪)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.people import Employment, Person
from idm.vocabulary import Service


class Contract(Base):
    """One contract with a company; a subcontract (再委託) names the contract above it and ends no later."""

    __tablename__ = "contracts"
    __table_args__ = (
        UniqueConstraint("number"),
        CheckConstraint("valid_until > valid_from", name="period"),
        CheckConstraint("above_id IS NULL OR above_id <> id", name="not_under_itself"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(64))
    company: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    manager_name: Mapped[str] = mapped_column(Text)
    """The company's person in charge of information security (委託先の責任者)."""
    unit_code: Mapped[str] = mapped_column(String(32))
    """The unit that lets the contract."""
    above_id: Mapped[int | None] = mapped_column(ForeignKey("contracts.id"))
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    registered_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    registered_at: Mapped[datetime] = mapped_column(Instant)

    above: Mapped["Contract | None"] = relationship(remote_side=[id])


class Sponsorship(Base):
    """Who answers for somebody outside HR. History is rows; at most one is open, and nobody sponsors themselves."""

    __tablename__ = "sponsorships"
    __table_args__ = (
        CheckConstraint("sponsor_id <> person_id", name="not_oneself"),
        CheckConstraint("(accepted_at IS NULL) = (accepted_by_id IS NULL)", name="accepted_by_someone"),
        Index("uq_sponsorships_open", "employment_id", unique=True,
              sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    employment_id: Mapped[int] = mapped_column(ForeignKey("employments.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    sponsor_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    unit_code: Mapped[str] = mapped_column(String(32))
    """The unit in whose name the sponsor answers: leaving it ends the sponsorship."""
    since: Mapped[datetime] = mapped_column(Instant)
    accepted_at: Mapped[datetime | None] = mapped_column(Instant)
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    accept_by: Mapped[date | None]
    """After a hand-over: the last day to accept; after it the outside person's employment ends."""
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    end_reason: Mapped[str | None] = mapped_column(Text)

    employment: Mapped[Employment] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    sponsor: Mapped[Person] = relationship(foreign_keys=[sponsor_id])


class Consent(Base):
    """Somebody agreed in writing to keep the security policy (FK 5-1(2)②)."""

    __tablename__ = "consents"
    __table_args__ = (
        CheckConstraint("recorded_by_id <> person_id", name="not_by_oneself"),
        UniqueConstraint("person_id", "given_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    given_on: Mapped[date]
    document: Mapped[str] = mapped_column(Text)
    """Where the signed paper is filed (綴り・文書番号)."""
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class ServiceBlock(Base):
    """Internet or e-mail reported as not needed for somebody's work, and therefore blocked (FK 5-1(2)③)."""

    __tablename__ = "service_blocks"
    __table_args__ = (
        CheckConstraint("(lifted_at IS NULL) = (lifted_by_id IS NULL)", name="lifted_by_someone"),
        CheckConstraint("lifted_by_id IS NULL OR lifted_by_id <> person_id", name="not_lifted_by_oneself"),
        Index("uq_service_blocks_open", "person_id", "service", unique=True,
              sqlite_where=text("lifted_at IS NULL"), postgresql_where=text("lifted_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    service: Mapped[Service] = mapped_column(closed_list(Service))
    reason: Mapped[str] = mapped_column(Text)
    reported_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    reported_at: Mapped[datetime] = mapped_column(Instant)
    lifted_at: Mapped[datetime | None] = mapped_column(Instant)
    lifted_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
