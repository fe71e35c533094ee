"""What one personnel system's export looks like: encoding, headings, codes and limits, as a frozen profile.

A profile is a TOML file that an office can read. Nothing about a file is guessed: what the profile does not say, the
reader refuses.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from enum import StrEnum
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from idm.employment_kind import EmploymentKind
from idm.errors import ConfigurationInvalid
from idm.toml_values import parse_toml, read_values
from idm.wareki import NO_END

STRICT = ConfigDict(extra="forbid")
Word = Annotated[str, Field(min_length=1)]
Headings = Annotated[tuple[Word, ...], Field(min_length=1)]
"""The spellings of one heading; a file has exactly one of them."""


class PostKind(StrEnum):
    """Whether a row is a person's own post (本務) or one held beside it (兼務)."""

    PRIMARY = "primary"
    CONCURRENT = "concurrent"


@dataclass(frozen=True, config=STRICT, kw_only=True)
class FeedColumns:
    """Which headings hold which fact. An empty list = the export does not carry that fact."""

    staff_number: Headings
    name: Headings
    kana: Headings
    birth_date: tuple[Word, ...] = ()
    unit_code: Headings
    unit_name: Headings
    post: Headings
    post_kind: Headings
    employment_kind: Headings
    employed_from: Headings
    term_end: tuple[Word, ...] = ()
    left_on: tuple[Word, ...] = ()
    assigned_from: Headings
    mail: tuple[Word, ...] = ()


@dataclass(frozen=True, config=STRICT)
class FeedCodes:
    """What the export's own codes mean. The key "" says what an empty cell means."""

    employment_kind: Annotated[dict[str, EmploymentKind], Field(min_length=1)]
    post_kind: Annotated[dict[str, PostKind], Field(min_length=1)]


@dataclass(frozen=True, config=STRICT)
class FeedDates:
    """Spellings of "no such day" in the columns that may be without one, besides an empty cell."""

    no_end: tuple[str, ...] = tuple(sorted(NO_END))


@dataclass(frozen=True, config=STRICT)
class FeedTrailer:
    """The count row (件数行): its first cell is the marker, its second the number of rows. Empty = there is none."""

    marker: str = ""


@dataclass(frozen=True, config=STRICT)
class FeedLimits:
    """The largest file that is read at all."""

    max_rows: Annotated[int, Field(gt=0)] = 100_000
    max_bytes: Annotated[int, Field(gt=0)] = 64_000_000


@dataclass(frozen=True, config=STRICT)
class FeedProfile:
    """One personnel system's export. `staff_number_width` restores the leading zeros that spreadsheets drop."""

    title: str
    encoding: Literal["cp932", "utf-8", "utf-8-sig", "utf-16"]
    delimiter: Literal[",", "\t"]
    staff_number_width: Annotated[int, Field(ge=1, le=20)]
    columns: FeedColumns
    codes: FeedCodes
    ignored_columns: tuple[Word, ...] = ()
    dates: FeedDates = FeedDates()
    trailer: FeedTrailer = FeedTrailer()
    limits: FeedLimits = FeedLimits()


FIELDS = tuple(field.name for field in fields(FeedColumns))
"""Our names of the facts a row can carry."""


def load_feed_profile(text: str, name: str) -> FeedProfile:
    """The feed profile a TOML text describes. Raises ConfigurationInvalid naming file and key of every mistake."""
    file = f"{name}.toml"
    table = parse_toml(text, file)
    mistakes = [f"{file}: {mistake}" for mistake in _headings_named_twice(table)]
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


def _headings_named_twice(table: dict[str, Any]) -> Iterator[str]:
    """Looks at the bare table, so that these mistakes are told together with those of form."""
    columns = table.get("columns")
    named = {f"columns.{field}": value for field, value in columns.items()} if isinstance(columns, dict) else {}
    named["ignored_columns"] = table.get("ignored_columns")
    lists = {key: [str(item) for item in value] for key, value in named.items() if isinstance(value, list)}
    times = Counter(heading for headings in lists.values() for heading in headings)
    for key, headings in lists.items():
        for heading in dict.fromkeys(headings):
            if times[heading] > 1:
                yield f"{key}: 見出し「{heading}」が二度以上書かれています"
