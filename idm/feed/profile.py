"""What one personnel system's export looks like: format, shape, headings, codes and limits, as a frozen profile.

A profile is a TOML file that an office can read. Nothing about a file is guessed: what the profile does not say, the
reader refuses.
"""

from dataclasses import fields
from functools import cached_property
from importlib import resources
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from idm.employment_kind import EmploymentKind
from idm.errors import ConfigurationInvalid
from idm.feed.codes import EventCode, FeedShape, Nothing, PostKind, RecordKind, event_code
from idm.feed.delivery import FeedDelivery
from idm.feed.profile_rules import profile_mistakes
from idm.personnel_event import AbsenceKind, LeavingKind
from idm.toml_values import parse_toml, read_values
from idm.wareki import NO_END

__all__ = ["FIELDS", "FeedProfile", "FeedShape", "PostKind", "load_feed_profile", "shipped_feed_profile"]

STRICT = ConfigDict(extra="forbid")
Word = Annotated[str, Field(min_length=1)]
Headings = tuple[Word, ...]
"""The spellings of one heading; a file has exactly one of them. An empty list = the export has no such column."""
Place = Annotated[int, Field(ge=1)] | Word | None
"""A column by its number from 1, or by its heading."""


@dataclass(frozen=True, config=STRICT, kw_only=True)
class FeedColumns:
    """Which headings hold which fact. Which of them a profile must name depends on its shape."""

    staff_number: Headings = ()
    name: Headings = ()
    kana: Headings = ()
    work_name: Headings = ()
    romaji: Headings = ()
    birth_date: Headings = ()
    unit_code: Headings = ()
    unit_name: Headings = ()
    post: Headings = ()
    post_kind: Headings = ()
    employment_kind: Headings = ()
    employed_from: Headings = ()
    term_end: Headings = ()
    left_on: Headings = ()
    leaving: Headings = ()
    assigned_from: Headings = ()
    absence: Headings = ()
    absence_from: Headings = ()
    absence_until: Headings = ()
    mail: Headings = ()
    published_on: Headings = ()
    record_kind: Headings = ()
    event: Headings = ()
    cancelled: Headings = ()
    effective: Headings = ()
    former_unit_code: Headings = ()
    former_post: Headings = ()
    former_staff_number: Headings = ()


@dataclass(frozen=True, config=STRICT, kw_only=True)
class FeedCodes:
    """What the export's own codes mean. The key "" says what an empty cell means."""

    employment_kind: dict[str, EmploymentKind] = Field(default_factory=dict)
    post_kind: dict[str, PostKind] = Field(default_factory=dict)
    event: dict[str, str] = Field(default_factory=dict)
    absence: dict[str, AbsenceKind | Nothing] = Field(default_factory=dict)
    leaving: dict[str, LeavingKind | Nothing] = Field(default_factory=dict)
    cancelled: dict[str, bool] = Field(default_factory=dict)
    record_kind: dict[str, RecordKind] = Field(default_factory=dict)

    @cached_property
    def events(self) -> dict[str, EventCode]:
        """The meaning of every word for an event."""
        return {word: event_code(text) for word, text in self.event.items()}


@dataclass(frozen=True, config=STRICT)
class FeedDates:
    """Spellings of "no such day" besides an empty cell, and whether serial numbers of spreadsheets are days."""

    no_end: tuple[str, ...] = tuple(sorted(NO_END))
    excel_serials: bool = False


@dataclass(frozen=True, config=STRICT)
class FeedHeader:
    """The header record: its first cell is the marker. Empty = there is none. `where` = beside the heading row."""

    marker: str = ""
    where: Literal["before", "after"] = "before"
    count_column: Place = None
    date_column: Place = None


@dataclass(frozen=True, config=STRICT)
class FeedTrailer:
    """The count row (件数行): its first cell is the marker, another the number of rows. Empty = there is none."""

    marker: str = ""
    count_column: Place = 2
    date_column: Place = None


@dataclass(frozen=True, config=STRICT)
class FeedLimits:
    """The largest file that is read at all; the last three are for spreadsheets, which are packed."""

    max_rows: Annotated[int, Field(gt=0)] = 100_000
    max_bytes: Annotated[int, Field(gt=0)] = 64_000_000
    max_columns: Annotated[int, Field(gt=0)] = 200
    max_cells: Annotated[int, Field(gt=0)] = 5_000_000
    max_unpacked_bytes: Annotated[int, Field(gt=0)] = 200_000_000


@dataclass(frozen=True, config=STRICT, kw_only=True)
class FeedProfile:
    """One personnel system's export. The widths restore the leading zeros that spreadsheets drop."""

    title: str
    shape: FeedShape = FeedShape.SNAPSHOT
    covers_all: bool | None = None
    announces: bool = True
    """Whether a snapshot also tells of days to come; one that stands beside an event list says false."""
    format: Literal["delimited", "xlsx"] = "delimited"
    encoding: Literal["cp932", "utf-8", "utf-8-sig", "utf-16"] = "cp932"
    delimiter: Literal[",", "\t"] = ","
    sheet: str = ""
    staff_number_width: Annotated[int, Field(ge=1, le=20)]
    unit_code_width: Annotated[int, Field(ge=1, le=32)] | None = None
    columns: FeedColumns
    codes: FeedCodes
    ignored_columns: tuple[Word, ...] = ()
    dates: FeedDates = FeedDates()
    header: FeedHeader = FeedHeader()
    trailer: FeedTrailer = FeedTrailer()
    limits: FeedLimits = FeedLimits()
    delivery: FeedDelivery = FeedDelivery()

    @property
    def names_everybody(self) -> bool:
        """Whether somebody who is not in the file is missing from it: never so of a mere list of events."""
        return self.shape is not FeedShape.EVENTS and self.covers_all is not False


FIELDS = tuple(field.name for field in fields(FeedColumns))
"""Our names of the facts a row can carry."""


def load_feed_profile(text: str, name: str) -> FeedProfile:
    """The feed profile a TOML text describes. Raises ConfigurationInvalid naming file and key of every mistake."""
    file = f"{name}.toml"
    table = parse_toml(text, file)
    mistakes = [f"{file}: {mistake}" for mistake in profile_mistakes(table)]
    try:
        profile = read_values(FeedProfile, table, file)
    except ConfigurationInvalid as refusal:
        mistakes = [*refusal.mistakes, *mistakes]
    if mistakes:
        raise ConfigurationInvalid(f"{file} に誤りが {len(mistakes)} 件あります。", mistakes=tuple(mistakes))
    return profile


def shipped_feed_profile(name: str) -> FeedProfile:
    """The feed profile of that name that comes with the product. Raises ConfigurationInvalid when there is none."""
    file = resources.files("idm") / "feed" / "profiles" / f"{name}.toml"
    if not name.replace("-", "").isalnum() or not file.is_file():
        raise ConfigurationInvalid(
            f"人事ファイルの定義「{name}」がありません。", mistakes=(f"{name}.toml: 見つかりません",)
        )
    return load_feed_profile(file.read_text(encoding="utf-8"), name)
