"""What every table shares: names of constraints, instants in UTC, closed lists with a CHECK."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CHAR, DateTime, Dialect, Enum, MetaData, TypeDecorator, Uuid
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeEngine

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Root of the tables."""

    metadata = MetaData(naming_convention=NAMING)


class Instant(TypeDecorator[datetime]):
    """An aware instant; stored in UTC. Refuses a datetime without a time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Back as an aware instant (SQLite forgets the zone)."""
        if value is None:
            return None
        instant: datetime = value
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


class UuidDigits(TypeDecorator[str]):
    """A UUID read and looked for as its 32 digits: where there are a hundred thousand, an object for each costs."""

    impl = CHAR(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """As the column is kept."""
        return dialect.type_descriptor(Uuid(as_uuid=False) if dialect.name == "postgresql" else CHAR(32))

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Its digits alone."""
        return None if value is None else str(value).replace("-", "")


def closed_list(kind: type[StrEnum]) -> Enum:
    """A column whose values are the members of the list, stored by value and guarded by a CHECK."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=f"{kind.__name__.lower()}",
        values_callable=lambda members: [member.value for member in members],
    )
