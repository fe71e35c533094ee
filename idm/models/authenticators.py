"""The register of authenticators (FK 5-4(1), KT 第58), and what was read back of the factors in a system (FK 3(1)②ア).

No row holds a secret. What proves somebody to the product itself (`idm.models.sign_in`) has its row here as well.
"""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.factors.authenticator_state import AuthenticatorState
from idm.models.base import Base, Instant, closed_list
from idm.models.people import Person
from idm.models.systems import Account, InformationSystem
from idm.vocabulary import AUTHENTICATOR_TITLES, AuthenticatorKind, LossOutcome

_LABELLED = "label IS NOT NULL AND NOT own_sign_in AND state NOT IN ('destroyed', 'withdrawn')"
"""Whose number is nobody else's. What somebody calls their own is theirs to choose."""


class Authenticator(Base):
    """One thing somebody proves themself with, from its issue to its destruction. Rows stay as history."""

    __tablename__ = "authenticators"
    __table_args__ = (
        Index("uq_authenticators_label", "kind", "label", unique=True,
              sqlite_where=text(_LABELLED), postgresql_where=text(_LABELLED)),
        CheckConstraint("own_sign_in OR issued_by_id <> person_id", name="not_issued_to_oneself"),
        CheckConstraint("own_sign_in OR activated_by_id IS NULL OR activated_by_id <> person_id",
                        name="not_activated_by_oneself"),
        CheckConstraint("collected_by_id IS NULL OR collected_by_id <> person_id", name="not_collected_by_oneself"),
        CheckConstraint("destroyed_by_id IS NULL OR destroyed_by_id <> person_id", name="not_destroyed_by_oneself"),
        CheckConstraint("witness_id IS NULL OR (witness_id <> destroyed_by_id AND witness_id <> person_id)",
                        name="two_names"),
        CheckConstraint("state <> 'destroyed' OR (destroyed_by_id IS NOT NULL "
                        "AND (NOT witness_needed OR witness_id IS NOT NULL))", name="destruction_named"),
        CheckConstraint("(state = 'destroyed') = (destroyed_at IS NOT NULL)", name="destruction_dated"),
        CheckConstraint("state <> 'active' OR activated_at IS NOT NULL", name="activation_dated"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    kind: Mapped[AuthenticatorKind] = mapped_column(closed_list(AuthenticatorKind))
    label: Mapped[str | None] = mapped_column(String(64))
    """The number printed on it, or what its owner calls it (own sign-in)."""
    own_sign_in: Mapped[bool] = mapped_column(default=False)
    """It proves somebody to this product only; it never counts for a system (control B1)."""
    state: Mapped[AuthenticatorState] = mapped_column(closed_list(AuthenticatorState))
    issued_at: Mapped[datetime] = mapped_column(Instant)
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """None where its owner enrolled it for their own sign-in, or where a command read it in a product's list."""
    activated_at: Mapped[datetime | None] = mapped_column(Instant)
    activated_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    received_at: Mapped[datetime | None] = mapped_column(Instant)
    """When whoever activated it saw its owner take it."""
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it stopped counting: lost, collected or withdrawn. Emptied when it is found again."""
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("authenticators.id"))
    collected_at: Mapped[datetime | None] = mapped_column(Instant)
    collected_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    destroyed_at: Mapped[datetime | None] = mapped_column(Instant)
    destroyed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who says that they destroyed it; it is destroyed once a second name stands beside it, where one is needed."""
    witness_needed: Mapped[bool] = mapped_column(default=False)
    witness_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who put the second name to its destruction."""

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    uses: Mapped[list["AuthenticatorUse"]] = relationship(
        back_populates="authenticator", order_by="AuthenticatorUse.id"
    )

    @property
    def title(self) -> str:
        """What people call it: the kind, and the number where it has one."""
        return f"{AUTHENTICATOR_TITLES[self.kind]} {self.label or ''}".strip()


class AuthenticatorUse(Base):
    """That an authenticator is enrolled in a system, seen there by whoever confirmed it."""

    __tablename__ = "authenticator_uses"
    __table_args__ = (
        Index("uq_authenticator_uses_open", "authenticator_id", "system_id", unique=True,
              sqlite_where=text("until IS NULL"), postgresql_where=text("until IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    authenticator_id: Mapped[int] = mapped_column(ForeignKey("authenticators.id"), index=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"), index=True)
    since: Mapped[datetime] = mapped_column(Instant)
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who saw it work there; None = it stood in the list of the product that verifies it (`list_import_id`)."""
    list_import_id: Mapped[int | None] = mapped_column(ForeignKey("enrolment_list_imports.id"))
    until: Mapped[datetime | None] = mapped_column(Instant)

    authenticator: Mapped[Authenticator] = relationship(back_populates="uses")
    system: Mapped[InformationSystem] = relationship()


class LossReport(Base):
    """Somebody said that an authenticator is lost; open until the follow-up is done (FK 5-4(1)①ウ)."""

    __tablename__ = "loss_reports"
    __table_args__ = (
        Index("uq_loss_reports_open", "authenticator_id", unique=True, sqlite_where=text("closed_at IS NULL"),
              postgresql_where=text("closed_at IS NULL")),
        CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="closed_with_an_outcome"),
        CheckConstraint("closed_by_id IS NULL OR (closed_by_id <> owner_id AND closed_by_id <> reported_by_id)",
                        name="closed_by_another"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    authenticator_id: Mapped[int] = mapped_column(ForeignKey("authenticators.id"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    reported_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    reported_at: Mapped[datetime] = mapped_column(Instant)
    circumstances: Mapped[str] = mapped_column(Text)
    """Empty where nothing was written: to stop it matters more than to say how it went."""
    reminded_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    outcome: Mapped[LossOutcome | None] = mapped_column(closed_list(LossOutcome))
    note: Mapped[str | None] = mapped_column(Text)

    authenticator: Mapped[Authenticator] = relationship()


class FactorReading(Base):
    """What was last read back of one account: is a second factor asked for there, and what is enrolled (control B2)."""

    __tablename__ = "factor_readings"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    required: Mapped[bool]
    kinds: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """What is enrolled, as `AuthenticatorKind` values; None = what was read does not say."""
    read_at: Mapped[datetime] = mapped_column(Instant)
    list_import_id: Mapped[int | None] = mapped_column(ForeignKey("enrolment_list_imports.id"))
    """The list it stood in; None = read from the directory."""

    account: Mapped[Account] = relationship()


class EnrolmentListImport(Base):
    """One list of who is enrolled in the product that verifies factors in a system's zone."""

    __tablename__ = "enrolment_list_imports"
    __table_args__ = (UniqueConstraint("system_id", "digest", "imported_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"), index=True)
    file_name: Mapped[str] = mapped_column(String(255))
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the file, in hex."""
    made_on: Mapped[datetime] = mapped_column(Instant)
    """The moment for which the list speaks."""
    imported_at: Mapped[datetime] = mapped_column(Instant)
    imported_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    people: Mapped[int]
    """How many accounts of ours stood in it."""
    unknown: Mapped[int]
    """How many of its rows are nobody's account of ours."""

    system: Mapped[InformationSystem] = relationship()
