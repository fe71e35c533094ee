"""What a directory was last seen to enforce for passwords, and who was told that theirs falls due (D4, E4, E5)."""

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from idm.models.base import Base, Instant


class PasswordRulesRead(Base):
    """The newest reading of one system's rules for passwords, beside what the profile asks for."""

    __tablename__ = "password_rules_read"

    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"), primary_key=True, autoincrement=False)
    read_at: Mapped[datetime] = mapped_column(Instant)
    parts: Mapped[list[dict[str, object]]] = mapped_column(JSON)
    """The rules for everybody, then those for privileged IDs (`idm.operations.passwords.rules_read`)."""


class PasswordWarning(Base):
    """That the owner of an account was told of the day on which its password falls due, for the one they have."""

    __tablename__ = "password_warnings"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True, autoincrement=False)
    changed_on: Mapped[date]
    """When the password was changed that this is about: the next one is told of anew."""
    warned_at: Mapped[datetime | None] = mapped_column(Instant)
    """Some days before."""
    due_told_at: Mapped[datetime | None] = mapped_column(Instant)
    """On the day."""
