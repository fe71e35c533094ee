"""The register of external services (外部サービス台帳), their regular checks and what ends with them (I2 and I3)."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from idm.models.base import Base, Instant, closed_list
from idm.vocabulary import ExternalServiceState, ProviderAccountEnd


class ExternalService(Base):
    """One application, and from its approval on one entry. What is changed is asked for anew (`replaces_id`)."""

    __tablename__ = "external_services"
    __table_args__ = (
        CheckConstraint("answered_by_id IS NULL OR answered_by_id <> asked_by_id", name="two_people"),
        CheckConstraint("state IN ('asked', 'withdrawn') OR answered_by_id IS NOT NULL", name="answered"),
        CheckConstraint("state NOT IN ('ending', 'closed') OR (end_on IS NOT NULL AND end_planned_by_id IS NOT NULL)",
                        name="end_planned"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_when"),
        CheckConstraint("closed_at IS NULL OR carried_out_at IS NOT NULL", name="closed_after_its_end"),
        Index("uq_external_services_system", "system_id", unique=True,
              sqlite_where=text("state IN ('approved', 'ending')"),
              postgresql_where=text("state IN ('approved', 'ending')")),
        Index("uq_external_services_replacing", "replaces_id", unique=True,
              sqlite_where=text("state = 'asked'"), postgresql_where=text("state = 'asked'")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[ExternalServiceState] = mapped_column(closed_list(ExternalServiceState))
    name: Mapped[str] = mapped_column(Text)
    provider: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    users: Mapped[str] = mapped_column(Text)
    """Who is to work with it."""
    information: Mapped[str] = mapped_column(Text)
    """Which information it is given."""
    confidential: Mapped[bool]
    """Whether information of confidentiality 2 or more is among it (FK 11-2, else 11-3)."""
    place: Mapped[str] = mapped_column(Text)
    """Where the data lie, and under whose law."""
    answers: Mapped[dict[str, str]] = mapped_column(JSON)
    """Check of the profile, by its code → what was found."""
    contract_until: Mapped[date | None]
    """The first day on which the contract no longer holds."""
    system_id: Mapped[int | None] = mapped_column(ForeignKey("information_systems.id"))
    """The information system whose user IDs are people's there; None = nobody needs one."""
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("external_services.id"))
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    answer_note: Mapped[str | None] = mapped_column(Text)
    """The reason, and what the approval is on condition of."""
    administrator_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """The service's administrator (外部サービス管理者), named with the approval (FK 11-2(4)③)."""
    end_on: Mapped[date | None]
    """The first day on which nobody works with it any more."""
    end_reason: Mapped[str | None] = mapped_column(Text)
    end_planned_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    end_planned_at: Mapped[datetime | None] = mapped_column(Instant)
    users_told: Mapped[int | None]
    """How many people were told of its end."""
    carried_out_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the rights of everybody there were ended."""
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))


class ExternalServiceCheck(Base):
    """Somebody looked whether a service is still needed and still used as it was approved (FK 11-2(6)③)."""

    __tablename__ = "external_service_checks"

    id: Mapped[int] = mapped_column(primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("external_services.id"), index=True)
    checked_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    checked_at: Mapped[datetime] = mapped_column(Instant)
    still_needed: Mapped[bool]
    comment: Mapped[str] = mapped_column(Text)


class ProviderAccount(Base):
    """An account at the provider that no connector looks after: its administrator's, special ones (control I3).

    One person deletes it or gives it back and says how its being used again was ruled out; another confirms.
    """

    __tablename__ = "provider_accounts"
    __table_args__ = (
        CheckConstraint("(done_at IS NULL) = (done_how IS NULL)", name="done_how"),
        CheckConstraint("done_at IS NULL OR (done_by_id IS NOT NULL AND done_note IS NOT NULL)", name="done_by"),
        CheckConstraint("confirmed_at IS NULL OR (done_at IS NOT NULL AND confirmed_by_id IS NOT NULL)", name="done"),
        CheckConstraint("confirmed_by_id IS NULL OR confirmed_by_id <> done_by_id", name="two_people"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("external_services.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    administers: Mapped[bool]
    named_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    named_at: Mapped[datetime] = mapped_column(Instant)
    done_how: Mapped[ProviderAccountEnd | None] = mapped_column(closed_list(ProviderAccountEnd))
    done_note: Mapped[str | None] = mapped_column(Text)
    """How its being used again was ruled out."""
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    done_at: Mapped[datetime | None] = mapped_column(Instant)
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
