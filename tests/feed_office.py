"""Personnel files for the cast's office: its HR system exports the shipped feed `aoba`, as text and as bytes."""

from dataclasses import replace
from datetime import timedelta

from idm.database import Database
from idm.feed.profiles import FEEDS
from idm.models.officers import ConfigurationVersion
from idm.vocabulary import ConfigurationKind
from tests.cast import NOW
from tests.feed.files import Sheet, staff, text_file

LEAVING = "令和8年4月30日"


def add_feed(database: Database, name: str = "aoba") -> None:
    """Afterwards the shipped profile of that name is in force."""
    content, day_before = (FEEDS / f"{name}.toml").read_text(encoding="utf-8"), NOW - timedelta(days=1)
    with database.writing() as session:
        session.add(
            ConfigurationVersion(
                kind=ConfigurationKind.FEED, name=name, version=1, content=content, digest="0" * 64, reason="試験",
                proposed_at=day_before, accepted_at=day_before,
            )
        )  # fmt: skip


def sheet(count: int = 6) -> Sheet:
    """The first people of the invented organisation."""
    return Sheet(staff().heading, staff().rows[:count])


def sample(count: int = 6) -> bytes:
    """A file of them."""
    return text_file(sheet(count).lines())


def everyone_leaves(count: int = 6) -> bytes:
    """The same people, all on their last day."""
    return text_file(sheet(count).with_cells("退職日", lambda _: LEAVING).lines())


def with_row(count: int = 6, **cells: str) -> bytes:
    """The file with one more row like its first, with other cells."""
    known = sheet(count)
    row = [cells.get(name, cell) for name, cell in zip(known.heading, known.rows[0], strict=True)]
    return text_file(replace(known, rows=(*known.rows, tuple(row))).lines())


def with_name(name: str, count: int = 6) -> bytes:
    """The file in which the first person has this name."""
    return text_file(sheet(count).with_cells("氏名", lambda _: name, 0).lines())
