"""The register of information systems (MT 3(2)ア(イ), FK 2(1)), what can be granted in them, and their accounts."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.people import Person
from idm.vocabulary import AccountKind, CredentialEventKind, EntitlementKind, HandoverWay, Service, Stage, Zone


class InformationSystem(Base):
    """One system: its zone, its classes, the unit whose manager answers for it, and how it is reached."""

    __tablename__ = "information_systems"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("confidentiality BETWEEN 1 AND 3", name="confidentiality"),
        CheckConstraint("integrity BETWEEN 1 AND 2", name="integrity"),
        CheckConstraint("availability BETWEEN 1 AND 2", name="availability"),
        Index("uq_information_systems_sign_in", "for_sign_in", unique=True, sqlite_where=text("for_sign_in"),
              postgresql_where=text("for_sign_in")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(Text)
    zone: Mapped[Zone] = mapped_column(closed_list(Zone))
    confidentiality: Mapped[int]
    integrity: Mapped[int]
    availability: Mapped[int]
    manager_unit_code: Mapped[str] = mapped_column(String(32))
    connector: Mapped[str] = mapped_column(String(32))
    connector_settings: Mapped[dict[str, object]] = mapped_column(JSON)
    """Where the target is and how it is spoken to. No secret: `credential` names a file of the secrets folder."""
    credential: Mapped[str | None] = mapped_column(String(64))
    overlap_days: Mapped[int | None]
    """猶予期間 of this system: how long a mover keeps what the old post gave; None = the profile's."""

    stage: Mapped[Stage] = mapped_column(closed_list(Stage))
    """How far it is on its way into our care (control A18)."""
    adopt_until: Mapped[date | None]
    """The last day on which what was there before may be taken over; from the next on, what is left is a finding."""
    containers: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)
    """Where accounts are kept: `units` and `container`, the first that fits."""
    stopped_container: Mapped[str | None] = mapped_column(Text)
    listing: Mapped[dict[str, object] | None] = mapped_column(JSON(none_as_null=True))
    """What the list of its user IDs looks like (`idm.organisation.ListingShape`); None = it prints none."""
    service_account: Mapped[str | None] = mapped_column(Text)
    """Our own account there, as the register of privileged IDs names it (control D10)."""
    service_account_id: Mapped[str | None] = mapped_column(Text)
    """Its immutable id on the target, as the target said to these settings; None = it has not said (D10)."""
    verification: Mapped[dict[str, object] | None] = mapped_column(JSON(none_as_null=True))
    """What verifies two kinds of factor there (`idm.organisation.Verification`); None = nothing we know of (B2)."""
    factor_group_id: Mapped[str | None] = mapped_column(Text)
    """The target's immutable id of the group whose members are asked for factors, filled at its first resolution."""
    keeps_ends: Mapped[bool] = mapped_column(default=True)
    """Whether the target ends accounts by itself, as it last said; where not, an end is carried out on its day."""
    demanded_cards: Mapped[bool] = mapped_column(default=False)
    """Whether a card was demanded of accounts at some time: what is left of that is ours to lift (B2)."""
    most_holders: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """Kind of account → how many of that kind may have a holder there (control D1)."""
    unused_times: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """Times of its own for unused IDs, by name (`idm.policy.DormancyTimes`); the profile's hold beside them (C1)."""
    external_service: Mapped[bool] = mapped_column(default=False)
    """Whether it is somebody else's service, in which rights are given only while the register approves it (I2)."""
    for_sign_in: Mapped[bool] = mapped_column(default=False)
    """Whether people sign in to this product with its passwords; one system at most."""

    entitlements: Mapped[list["Entitlement"]] = relationship(back_populates="system", order_by="Entitlement.id")


class Entitlement(Base):
    """Something grantable in a system: the account itself, a group of the target, or the use of a shared ID."""

    __tablename__ = "entitlements"
    __table_args__ = (
        UniqueConstraint("system_id", "code"),
        UniqueConstraint("id", "system_id"),
        UniqueConstraint("shared_account_id"),
        ForeignKeyConstraint(["shared_account_id", "system_id"], ["accounts.id", "accounts.system_id"]),
        CheckConstraint("kind <> 'group' OR target_name IS NOT NULL", name="group_named"),
        CheckConstraint("(kind = 'shared_id') = (shared_account_id IS NOT NULL)", name="shared_id_named"),
        CheckConstraint("kind <> 'shared_id' OR NOT privileged", name="shared_id_on_the_daily_one"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    code: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[EntitlementKind] = mapped_column(closed_list(EntitlementKind))
    target_name: Mapped[str | None] = mapped_column(Text)
    external_id: Mapped[str | None] = mapped_column(Text)
    """The target's immutable id of the group, filled at its first resolution and used from then on."""
    privileged: Mapped[bool]
    by_name_only: Mapped[bool] = mapped_column(default=False)
    """Restricted (FK 6-1(1)③): never follows from a post, asked for by name only."""
    service: Mapped[Service | None] = mapped_column(closed_list(Service))
    """Internet or e-mail, where this right gives it: it can be reported as not needed."""
    external_access: Mapped[bool] = mapped_column(default=False)
    """It lets people in from outside, or out to the internet (FK 6-2(4), 6-2(5))."""
    by_hand: Mapped[bool] = mapped_column(default=False)
    """Given and taken by a work order even where the system has a connector (tier-0 groups, control D10)."""
    shared_account_id: Mapped[int | None]
    """The shared ID that its holders may use (A13); what an organisation file says has none."""

    system: Mapped[InformationSystem] = relationship(back_populates="entitlements")

    @property
    def bound_to_post(self) -> bool:
        """Whether it ends with the post for which it was given, at once: privilege, and passwords that others know."""
        return self.privileged or self.kind is EntitlementKind.SHARED_ID


class EntitlementConflict(Base):
    """Two entitlements that one human never holds at once (SOD-8)."""

    __tablename__ = "entitlement_conflicts"
    __table_args__ = (CheckConstraint("first_id < second_id", name="ordered"),)

    first_id: Mapped[int] = mapped_column(ForeignKey("entitlements.id"), primary_key=True)
    second_id: Mapped[int] = mapped_column(ForeignKey("entitlements.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)


class Account(Base):
    """One user ID in one system. Never deleted here: a name once used stays taken (tombstone).

    What it should be is derived from grants, employments and stops (`idm.directory.wanted_account`); `seen_*` is what
    the target said at `seen_at`. `generation` grows with every decision about it, so that a late task can see that it
    is late.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        UniqueConstraint("uuid"),
        UniqueConstraint("system_id", "login_name"),
        UniqueConstraint("id", "system_id"),
        Index("uq_accounts_entry", "system_id", "external_id", unique=True,
              sqlite_where=text("external_id IS NOT NULL"), postgresql_where=text("external_id IS NOT NULL")),
        Index("uq_accounts_personal", "system_id", "person_id", unique=True,
              sqlite_where=text("kind = 'personal'"), postgresql_where=text("kind = 'personal'")),
        Index("uq_accounts_privileged", "system_id", "person_id", unique=True,
              sqlite_where=text("kind = 'privileged' AND person_id IS NOT NULL"),
              postgresql_where=text("kind = 'privileged' AND person_id IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[UUID] = mapped_column(Uuid)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    kind: Mapped[AccountKind] = mapped_column(closed_list(AccountKind))
    login_name: Mapped[str] = mapped_column(String(64))
    generation: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Instant)
    handed_over_at: Mapped[datetime | None] = mapped_column(Instant)
    """When its first temporary password was handed over; until then the account is disabled (control E3)."""
    external_id: Mapped[str | None] = mapped_column(Text)
    adopted_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was taken over from what was there before us; None = we made it (control A18)."""
    seen_at: Mapped[datetime | None] = mapped_column(Instant)
    seen_present: Mapped[bool | None]
    seen_enabled: Mapped[bool | None]
    seen_expires_at: Mapped[datetime | None] = mapped_column(Instant)
    seen_groups: Mapped[list[str] | None] = mapped_column(JSON)

    system: Mapped[InformationSystem] = relationship()
    person: Mapped[Person | None] = relationship()


class RetiredName(Base):
    """A login name used before the product was there: never given again (`system_id` None = in no system)."""

    __tablename__ = "retired_names"
    __table_args__ = (
        Index("uq_retired_names_system", "system_id", "login_name", unique=True,
              sqlite_where=text("system_id IS NOT NULL"), postgresql_where=text("system_id IS NOT NULL")),
        Index("uq_retired_names_everywhere", "login_name", unique=True,
              sqlite_where=text("system_id IS NULL"), postgresql_where=text("system_id IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int | None] = mapped_column(ForeignKey("information_systems.id"))
    login_name: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class ChosenName(Base):
    """A login name that HR chose for somebody before the account exists; the rule would have made another."""

    __tablename__ = "chosen_names"
    __table_args__ = (
        UniqueConstraint("system_id", "person_id"),
        UniqueConstraint("system_id", "login_name"),
        CheckConstraint("chosen_by_id <> person_id", name="not_by_oneself"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    login_name: Mapped[str] = mapped_column(String(64))
    chosen_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    chosen_at: Mapped[datetime] = mapped_column(Instant)


class CredentialEvent(Base):
    """Something happened to a credential. The secret itself is nowhere (FK 6-2(9))."""

    __tablename__ = "credential_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    kind: Mapped[CredentialEventKind] = mapped_column(closed_list(CredentialEventKind))
    at: Mapped[datetime] = mapped_column(Instant)
    handover_id: Mapped[int | None] = mapped_column(ForeignKey("handovers.id"))
    work_order_id: Mapped[int | None] = mapped_column(ForeignKey("work_orders.id"))
    """The order by which it was done by hand."""


class Handover(Base):
    """One hand-over of one temporary password: asked, sealed to its own key, shown once, receipt recorded (E3).

    The database holds the public key only; the private key is in the asking officer's browser. `sealed` is emptied
    when it is shown. What the printer of a closed zone prints has no key, and is never sealed: it is in no database.
    """

    __tablename__ = "handovers"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "system_id"], ["accounts.id", "accounts.system_id"]),
        CheckConstraint("officer_id <> subject_id", name="not_to_oneself"),
        CheckConstraint("shown_at IS NULL OR sealed IS NULL", name="shown_once"),
        CheckConstraint("(way = 'zone_printer') = (public_key IS NULL)", name="key_by_way"),
        CheckConstraint("way <> 'zone_printer' OR sealed IS NULL", name="printed_inside"),
        CheckConstraint("received_by IS NULL OR received_at IS NOT NULL", name="received_by_someone"),
        CheckConstraint("changed_at IS NULL OR replaced_at IS NULL", name="one_end"),
        Index("uq_handovers_open", "account_id", unique=True,
              sqlite_where=text("shown_at IS NULL AND closed_at IS NULL"),
              postgresql_where=text("shown_at IS NULL AND closed_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    system_id: Mapped[int]
    subject_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    officer_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    public_key: Mapped[bytes | None]
    sealed: Mapped[bytes | None]
    sealed_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the target had taken the password."""
    shown_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was shown, or printed inside its zone."""
    received_at: Mapped[datetime | None] = mapped_column(Instant)
    received_by: Mapped[str | None] = mapped_column(Text)
    """Who took the closed notice to its owner; None = its owner did."""
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    """Given up before it was received: a newer one took its place, its hours were over, or it may have leaked."""
    way: Mapped[HandoverWay] = mapped_column(closed_list(HandoverWay), default=HandoverWay.SCREEN)
    change_by: Mapped[datetime | None] = mapped_column(Instant)
    """Until when it has to be changed (E2); set when the target took it."""
    set_time: Mapped[datetime | None] = mapped_column(Instant)
    """The target's own time of that change; None where it states none of a password that must be changed."""
    overdue_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the target was asked after `change_by` and it was unchanged: a worker locks the account and replaces it."""
    changed_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was changed, as the directory itself says."""
    replaced_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was replaced by a random one that nobody knows, because it was not changed in time (E2)."""

    account: Mapped[Account] = relationship()
