"""What was found when a connection was last looked over (`idm system test`, control D10)."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idm.models.base import Base, Instant, closed_list
from idm.models.systems import InformationSystem
from idm.ports import CheckVerdict


class SystemTest(Base):
    """One examination of one system's connection. The newest one decides whether anything is written through it."""

    __tablename__ = "system_tests"
    __table_args__ = (Index("ix_system_tests_newest", "system_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    system_id: Mapped[int] = mapped_column(ForeignKey("information_systems.id"))
    at: Mapped[datetime] = mapped_column(Instant)
    verdict: Mapped[CheckVerdict] = mapped_column(closed_list(CheckVerdict))
    """The worst of its checks."""
    reached: Mapped[bool]
    """Whether the target answered: one that was away was not examined."""
    stops_writing: Mapped[str | None] = mapped_column(Text)
    """Why nothing may be written until it is put right; None = nothing stands against it."""
    checks: Mapped[list[dict[str, object]]] = mapped_column(JSON)

    system: Mapped[InformationSystem] = relationship()
