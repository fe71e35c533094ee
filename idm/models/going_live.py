"""What was in a system before we came: each account as it was found, what it was taken for, and by whom (A18)."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.people import Person
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding
from idm.vocabulary import AccountKind, FoundState

_DAILY = "state = 'person' AND gone_at IS NULL AND kind IS NULL"
_PRIVILEGED = "state = 'person' AND gone_at IS NULL AND kind IS NOT NULL"


class FoundAccount(Base):
    """One account that the inventory found and that was not ours. Updated by every inventory, never deleted."""

    __tablename__ = "found_accounts"
    __table_args__ = (
        UniqueConstraint("system_id", "external_id"),
        CheckConstraint("(state = 'person') = (person_id IS NOT NULL)", name="whose"),
        CheckConstraint("CASE state WHEN 'not_personal' THEN kind IS NOT NULL AND kind <> 'personal' "
                        "WHEN 'person' THEN kind IS NULL OR kind = 'privileged' ELSE kind IS NULL END",
                        name="what_kind"),
        CheckConstraint("settled_by_id IS NULL OR person_id IS NULL OR settled_by_id <> person_id",
                        name="not_by_oneself"),
        CheckConstraint("settled_by_id IS NULL OR (settled_at IS NOT NULL AND reason IS NOT NULL)", name="reasoned"),
        CheckConstraint("account_id IS NULL OR state IN ('person', 'not_personal')", name="adopted_as_decided"),
        Index("uq_found_accounts_person", "system_id", "person_id", unique=True,
              sqlite_where=text(_DAILY), postgresql_where=text(_DAILY)),
        Index("uq_found_accounts_privileged", "system_id", "person_id", unique=True,
              sqlite_where=text(_PRIVILEGED), postgresql_where=text(_PRIVILEGED)),
        Index("ix_found_accounts_state", "system_id", "state"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    external_id: Mapped[str] = mapped_column(Text)
    login_name: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    employee_number: Mapped[str | None] = mapped_column(Text)
    mail: Mapped[str | None] = mapped_column(Text)
    unit_name: Mapped[str | None] = mapped_column(Text)
    container: Mapped[str | None] = mapped_column(Text)
    enabled: Mapped[bool]
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    protected: Mapped[bool]
    """One of the target's own administrators (tier 0): never taken over by a machine."""
    marked: Mapped[bool]
    """It carries an account number that is not in our books: of another installation, or of a copy."""
    groups: Mapped[list[str]] = mapped_column(JSON)
    """The target's ids of the managed groups it was in."""
    first_seen_at: Mapped[datetime] = mapped_column(Instant)
    last_seen_at: Mapped[datetime] = mapped_column(Instant)
    gone_at: Mapped[datetime | None] = mapped_column(Instant)

    state: Mapped[FoundState] = mapped_column(closed_list(FoundState))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    kind: Mapped[AccountKind | None] = mapped_column(closed_list(AccountKind))
    """Of an account that is nobody's own, which kind it is. Of somebody's: None = their daily one, else privileged."""
    rule: Mapped[str | None] = mapped_column(String(32))
    """The rule by which the machine decided; None = a person did, or nobody has."""
    doubt: Mapped[str | None] = mapped_column(String(32))
    """Why the machine did not."""
    candidates: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    """Whom it may belong to: `person`, and the `rules` that speak for them."""
    reason: Mapped[str | None] = mapped_column(Text)
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), unique=True)
    """The account it became when an approved application took it over, or when it was accepted into the register."""

    system: Mapped[InformationSystem] = relationship()
    person: Mapped[Person | None] = relationship(foreign_keys=[person_id])
    settled_by: Mapped[Person | None] = relationship(foreign_keys=[settled_by_id])
    account: Mapped[Account | None] = relationship()


class SystemProgress(Base):
    """Where a system stands on its way: its last inventory, and up to where its changes were read."""

    __tablename__ = "system_progress"

    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"), primary_key=True, autoincrement=False)
    asked_at: Mapped[datetime | None] = mapped_column(Instant)
    """A person asked for an inventory, and no worker has taken one since."""
    inventoried_at: Mapped[datetime | None] = mapped_column(Instant)
    failure: Mapped[str | None] = mapped_column(Text)
    """Why the last inventory that was tried came to nothing."""
    cursor: Mapped[str | None] = mapped_column(Text)
    """What the target calls the moment up to which its changes were read; None = never, or it cannot say."""
    reminded_on: Mapped[date | None]

    system: Mapped[InformationSystem] = relationship()


class SettledAccount(Base):
    """An account that was compared and showed exactly what was approved, with the seal its target gave it then."""

    __tablename__ = "settled_accounts"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    seal: Mapped[bytes]
    generation: Mapped[int]
    """The generation of the account that was compared: every decision since makes another."""
    until: Mapped[date | None]
    """The first day on which something else may be wanted though nobody decides anything."""
    groups: Mapped[str] = mapped_column(Text)
    """The groups standing for a right that it was in, by the target's id, a line each."""


class Justification(Base):
    """Somebody other than the holder answers for a finding until a day; from that day on it is open again."""

    __tablename__ = "justifications"
    __table_args__ = (
        CheckConstraint("holder_id IS NULL OR holder_id <> justified_by_id", name="not_by_the_holder"),
        Index("ix_justifications_finding", "finding_id", "valid_until"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("findings.id"))
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    """What exactly was justified: when the finding says something else, it is open again."""
    reason: Mapped[str] = mapped_column(Text)
    justified_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    justified_at: Mapped[datetime] = mapped_column(Instant)
    valid_until: Mapped[date]

    finding: Mapped[Finding] = relationship()
    justified_by: Mapped[Person] = relationship(foreign_keys=[justified_by_id])
