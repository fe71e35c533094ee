"""Privileged IDs: their register, each use of them, the passwords we keep, and who stands in (FK 6-2(3), 6-2(10))."""

from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.going_live import FoundAccount
from idm.models.people import Person
from idm.models.requests import Grant
from idm.models.systems import Account, InformationSystem
from idm.vocabulary import AccountKind, Role, RotationReason, RotationState, UseEnd, UseState, VerifiedHow

_USE_UNDER_WAY = "state IN ('open', 'ending')"
_OPEN_ROTATION = "state NOT IN ('confirmed', 'cancelled')"


class RegisteredId(Base):
    """An ID that is nobody's daily one and follows from no application of its holder: built-in, shared or a service's.

    Proposed by one person and accepted by another. A person's own privileged ID is registered by its grants. `account`
    is made from what the inventory found when it is accepted.
    """

    __tablename__ = "registered_ids"
    __table_args__ = (
        CheckConstraint("accepted_by_id IS NULL OR accepted_by_id <> proposed_by_id", name="two_people"),
        CheckConstraint("(accepted_at IS NULL) = (accepted_by_id IS NULL)", name="accepted_by_someone"),
        CheckConstraint("accepted_at IS NULL OR account_id IS NOT NULL", name="accepted_as_account"),
        CheckConstraint("kind IN ('privileged', 'shared', 'service')", name="kept_kind"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="end_explained"),
        Index("uq_registered_ids_live", "found_id", unique=True,
              sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
        Index("uq_registered_ids_account", "account_id", unique=True,
              sqlite_where=text("ended_at IS NULL AND account_id IS NOT NULL"),
              postgresql_where=text("ended_at IS NULL AND account_id IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"), index=True)
    found_id: Mapped[int] = mapped_column(ForeignKey("found_accounts.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[AccountKind] = mapped_column(closed_list(AccountKind))
    purpose: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    """Who answers for it."""
    kept: Mapped[bool]
    """Whether its password is in our keeping; one that the target guards is not, and is changed by hand."""
    valid_until: Mapped[date | None]
    """The first day on which it is no longer needed; None only for a service's."""
    owner_unit: Mapped[str | None] = mapped_column(String(32))
    """The unit for which the owner answers, theirs when it was accepted; None = no post of theirs was on record."""
    owner_gone_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it was told that the owner has left, or has left that unit; None = the owner is there."""
    end_told_for: Mapped[date | None]
    """The end of which owner and manager have been told beforehand: once for each."""
    change_due_since: Mapped[datetime | None] = mapped_column(Instant)
    """Since when somebody who may know a password that we do not keep is no longer among its users (A13)."""
    changed_at: Mapped[datetime | None] = mapped_column(Instant)
    """When somebody last said that they changed it by hand."""
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    accepted_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    end_reason: Mapped[str | None] = mapped_column(Text)

    system: Mapped[InformationSystem] = relationship()
    found: Mapped[FoundAccount] = relationship()
    account: Mapped[Account | None] = relationship()
    owner: Mapped[Person] = relationship(foreign_keys=[owner_id])


class OwnerChange(Base):
    """Somebody else is to answer for a registered ID: proposed by one person, decided by another (A13). Kept."""

    __tablename__ = "owner_changes"
    __table_args__ = (
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> proposed_by_id", name="two_people"),
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> owner_id", name="not_by_the_owner"),
        CheckConstraint("(decided_at IS NULL) = (accepted IS NULL)", name="decided"),
        CheckConstraint("accepted IS NOT true OR decided_by_id IS NOT NULL", name="accepted_by_someone"),
        Index("uq_owner_changes_open", "registered_id", unique=True,
              sqlite_where=text("decided_at IS NULL"), postgresql_where=text("decided_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    registered_id: Mapped[int] = mapped_column(ForeignKey("registered_ids.id"))
    before_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    reason: Mapped[str] = mapped_column(Text)
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    proposed_at: Mapped[datetime] = mapped_column(Instant)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """None, where it was decided = the registration ended first."""
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    accepted: Mapped[bool | None]

    owner: Mapped[Person] = relationship(foreign_keys=[owner_id])


class RegisteredIdHolder(Base):
    """One person who may use one registered ID: by their office, as a deputy, as its owner, or by right (A13, D4, D7).

    As the product saw it last: where somebody is no longer among them, the password is changed. Kept as history.
    """

    __tablename__ = "registered_id_holders"
    __table_args__ = (
        CheckConstraint("ended_at IS NULL OR ended_at >= since", name="period"),
        Index("uq_registered_id_holders_live", "account_id", "person_id", unique=True,
              sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    since: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)

    account: Mapped[Account] = relationship()
    person: Mapped[Person] = relationship()


class PrivilegedUse(Base):
    """One use of a privileged ID: asked, approved by another, open for so many hours, ended, reported (D6).

    One at a time for each ID; others of it may be permitted for another time. A check-out of its password is part of
    it: sealed to the key of the asking browser, shown once, rotated at the end.
    """

    __tablename__ = "privileged_uses"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "system_id"], ["accounts.id", "accounts.system_id"]),
        CheckConstraint("approver_id IS NULL OR approver_id <> person_id", name="not_by_oneself"),
        CheckConstraint("named_by_id IS NULL OR named_by_id <> person_id", name="named_by_another"),
        CheckConstraint("approver_id IS NULL OR named_by_id IS NULL OR approver_id <> named_by_id",
                        name="not_by_the_asking"),
        CheckConstraint("attended_by_id IS NULL OR attended_by_id <> person_id", name="attended_by_another"),
        CheckConstraint("checked_by_id IS NULL OR checked_by_id <> person_id", name="checked_by_another"),
        CheckConstraint("opens_at IS NULL OR emergency OR NOT approval_needed OR approver_id IS NOT NULL",
                        name="approved"),
        CheckConstraint("(opens_at IS NULL) = (ends_at IS NULL)", name="boxed"),
        CheckConstraint("ends_at IS NULL OR ends_at > opens_at", name="period"),
        CheckConstraint("attendance_needed = (attended_by_id IS NOT NULL)", name="attended"),
        CheckConstraint("state <> 'open' OR NOT attendance_needed OR attended_at IS NOT NULL", name="attending"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="end_explained"),
        CheckConstraint("shown_at IS NULL OR sealed IS NULL", name="shown_once"),
        Index("uq_privileged_uses_under_way", "account_id", unique=True,
              sqlite_where=text(_USE_UNDER_WAY), postgresql_where=text(_USE_UNDER_WAY)),
        Index("ix_privileged_uses_due", "state", "ends_at"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(index=True)
    system_id: Mapped[int]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    named_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Whoever asked that a contractor use it; None = the user asked."""
    state: Mapped[UseState] = mapped_column(closed_list(UseState))
    emergency: Mapped[bool]
    purpose: Mapped[str] = mapped_column(Text)
    ticket: Mapped[str | None] = mapped_column(Text)
    hours: Mapped[int]
    asked_at: Mapped[datetime] = mapped_column(Instant)
    wanted_from: Mapped[datetime] = mapped_column(Instant)
    """When the work is to begin: an approved use opens then, not before. `asked_at` = as soon as it is permitted."""
    approval_needed: Mapped[bool]
    approver_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    acting_for_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Whom the approver decided for, as their deputy."""
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decision_comment: Mapped[str | None] = mapped_column(Text)
    attendance_needed: Mapped[bool]
    attended_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """The member of staff who is there while a contractor works (D3)."""
    attended_at: Mapped[datetime | None] = mapped_column(Instant)
    """When they said, in their own name, that they are there."""
    deputyship_id: Mapped[int | None] = mapped_column(ForeignKey("privilege_deputies.id"))
    """By which deputyship for privilege (代行者) the ID is used, if by one."""

    opens_at: Mapped[datetime | None] = mapped_column(Instant)
    ends_at: Mapped[datetime | None] = mapped_column(Instant)
    """The directory itself ends it then, where it can; the worker does in any case."""
    opened_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the directory was read back with what is used."""
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    end_reason: Mapped[UseEnd | None] = mapped_column(closed_list(UseEnd))
    end_note: Mapped[str | None] = mapped_column(Text)
    """Why it was stopped, or why it never began, in words."""
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the directory was read back without it."""

    public_key: Mapped[bytes | None]
    """Of the asking browser; None = no password is wanted (a card is used, or the right alone)."""
    sealed: Mapped[bytes | None]
    sealed_at: Mapped[datetime | None] = mapped_column(Instant)
    shown_at: Mapped[datetime | None] = mapped_column(Instant)
    check_out_error: Mapped[str | None] = mapped_column(Text)
    """Why no password could be prepared yet; it is tried again."""
    check_out_due_at: Mapped[datetime | None] = mapped_column(Instant)
    """Not before then; None = at once."""

    report_due_at: Mapped[datetime | None] = mapped_column(Instant)
    report: Mapped[str | None] = mapped_column(Text)
    reported_at: Mapped[datetime | None] = mapped_column(Instant)
    checked_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """Who read the work report, and of an emergency use: the CISO who was given it."""
    checked_at: Mapped[datetime | None] = mapped_column(Instant)
    escalated_at: Mapped[datetime | None] = mapped_column(Instant)

    account: Mapped[Account] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    named_by: Mapped[Person | None] = relationship(foreign_keys=[named_by_id])
    approver: Mapped[Person | None] = relationship(foreign_keys=[approver_id])
    acting_for: Mapped[Person | None] = relationship(foreign_keys=[acting_for_id])
    attended_by: Mapped[Person | None] = relationship(foreign_keys=[attended_by_id])
    checked_by: Mapped[Person | None] = relationship(foreign_keys=[checked_by_id])
    rights: Mapped[list["PrivilegedUseRight"]] = relationship()


class PrivilegedUseRight(Base):
    """One approved right that a use activates."""

    __tablename__ = "privileged_use_rights"

    use_id: Mapped[int] = mapped_column(ForeignKey("privileged_uses.id"), primary_key=True)
    grant_id: Mapped[int] = mapped_column(ForeignKey("grants.id"), primary_key=True)

    grant: Mapped[Grant] = relationship()


class VaultKey(Base):
    """A key that passwords are sealed under. The key itself is in a file or a token of the worker's, never here."""

    __tablename__ = "vault_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    """By which a key is recognised; says nothing of it."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    retired_at: Mapped[datetime | None] = mapped_column(Instant)
    """When nothing was left that is sealed under it."""


class VaultSecret(Base):
    """The password of one ID as it is in its directory, sealed; a worker alone can open it (FK 6-2(3)①)."""

    __tablename__ = "vault_secrets"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    key_id: Mapped[int] = mapped_column(ForeignKey("vault_keys.id"))
    sealed: Mapped[bytes]
    confirmed_at: Mapped[datetime] = mapped_column(Instant)
    verified_how: Mapped[VerifiedHow] = mapped_column(closed_list(VerifiedHow))
    known_since: Mapped[datetime | None] = mapped_column(Instant)
    """Since when somebody has seen this value; None = nobody has."""

    account: Mapped[Account] = relationship()


class Rotation(Base):
    """One change of a kept password, and the journal of its steps: sealed first, then set, verified, confirmed (D4).

    The value on its way is in `sealed` until it is confirmed, so that a death at any point loses none.
    """

    __tablename__ = "rotations"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "system_id"], ["accounts.id", "accounts.system_id"]),
        CheckConstraint("(state IN ('sealed', 'set')) = (sealed IS NOT NULL)", name="value_on_its_way"),
        CheckConstraint("(sealed IS NULL) = (key_id IS NULL)", name="under_a_key"),
        CheckConstraint("(state = 'confirmed') = (confirmed_at IS NOT NULL AND verified_how IS NOT NULL)",
                        name="proven"),
        Index("uq_rotations_open", "account_id", unique=True,
              sqlite_where=text(_OPEN_ROTATION), postgresql_where=text(_OPEN_ROTATION)),
        Index("ix_rotations_due", "state", "due_at"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(index=True)
    system_id: Mapped[int]
    reason: Mapped[RotationReason] = mapped_column(closed_list(RotationReason))
    asked_at: Mapped[datetime] = mapped_column(Instant)
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    """None = the product did: by its clock, or because somebody lost a post or returned a password."""
    use_id: Mapped[int | None] = mapped_column(ForeignKey("privileged_uses.id"))
    state: Mapped[RotationState] = mapped_column(closed_list(RotationState))
    key_id: Mapped[int | None] = mapped_column(ForeignKey("vault_keys.id"))
    sealed: Mapped[bytes | None]
    sealed_at: Mapped[datetime | None] = mapped_column(Instant)
    changed_before: Mapped[datetime | None] = mapped_column(Instant)
    """When the directory said, before the value was set, that the password was last changed."""
    set_at: Mapped[datetime | None] = mapped_column(Instant)
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    verified_how: Mapped[VerifiedHow | None] = mapped_column(closed_list(VerifiedHow))
    due_at: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[str | None] = mapped_column(String(64))
    claimed_until: Mapped[datetime | None] = mapped_column(Instant)
    """A claim is a lease: a worker that died loses it."""
    last_error: Mapped[str | None] = mapped_column(Text)

    account: Mapped[Account] = relationship()


class PrivilegeDeputy(Base):
    """Somebody who exercises privilege in an officer's place (代行者, FK 6-2(3)②): named, accepted by the CISO, timed.

    Another thing than deciding in their place (`idm.models.officers.Deputy`).
    """

    __tablename__ = "privilege_deputies"
    __table_args__ = (
        CheckConstraint("deputy_id <> principal_id", name="not_oneself"),
        CheckConstraint("named_by_id <> deputy_id", name="not_named_by_oneself"),
        CheckConstraint("accepted_by_id IS NULL OR (accepted_by_id <> deputy_id AND accepted_by_id <> named_by_id)",
                        name="accepted_by_another"),
        CheckConstraint("(accepted_at IS NULL) = (accepted_by_id IS NULL)", name="accepted_by_someone"),
        CheckConstraint("valid_until > valid_from", name="period"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    principal_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    role: Mapped[Role] = mapped_column(closed_list(Role))
    """The office in whose place: of the chief, or of a system's manager."""
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    """The system whose privileged IDs may be used."""
    deputy_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    named_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    named_at: Mapped[datetime] = mapped_column(Instant)
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    accepted_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    principal: Mapped[Person] = relationship(foreign_keys=[principal_id])
    deputy: Mapped[Person] = relationship(foreign_keys=[deputy_id])
    named_by: Mapped[Person] = relationship(foreign_keys=[named_by_id])
    accepted_by: Mapped[Person | None] = relationship(foreign_keys=[accepted_by_id])
    system: Mapped[InformationSystem] = relationship()


class HolderCount(Base):
    """How many IDs of a kind had a holder in a system on one day, and how many might have had (D1)."""

    __tablename__ = "holder_counts"

    day: Mapped[date] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"), primary_key=True)
    kind: Mapped[AccountKind] = mapped_column(closed_list(AccountKind), primary_key=True)
    holders: Mapped[int]
    most: Mapped[int | None]


class LeakReport(Base):
    """Somebody's password may have leaked (E6): replaced at once, sessions ended, handed over anew."""

    __tablename__ = "leak_reports"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    """Whose it is."""
    reported_by_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    reported_at: Mapped[datetime] = mapped_column(Instant)
    note: Mapped[str] = mapped_column(Text)
    replaced_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the directory took a random one that nobody knows."""

    account: Mapped[Account] = relationship()
