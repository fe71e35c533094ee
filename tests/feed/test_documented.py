"""What docs/hr-feed.md shows is what a feed profile can say."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from idm.employment_kind import EmploymentKind
from idm.feed.codes import event_code
from idm.feed.profile import FIELDS, FeedCodes, FeedProfile, load_feed_profile
from idm.feed.profile_rules import profile_mistakes
from idm.personnel_event import AbsenceKind, EventKind, LeavingKind
from idm.toml_values import read_values

TEXT = (Path(__file__).parents[2] / "docs" / "hr-feed.md").read_text(encoding="utf-8")
WHOLE, *PARTS = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    both = dict(base)
    for key, value in more.items():
        inner = both.get(key)
        both[key] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both


def test_the_whole_example_is_a_profile() -> None:
    assert load_feed_profile(WHOLE, "example").trailer.marker == "件数"


@pytest.mark.parametrize("part", PARTS)
def test_every_part_completes_the_whole_example(part: str) -> None:
    table = merged(tomllib.loads(WHOLE), tomllib.loads(part))
    if table.get("format") == "xlsx":
        del table["encoding"], table["delimiter"]
    assert list(profile_mistakes(table)) == []
    profile = read_values(FeedProfile, table, "example.toml")
    assert all(event_code(text) for text in profile.codes.event.values())


@pytest.mark.parametrize("names", [FIELDS, [field.name for field in fields(FeedCodes)]])
def test_every_column_and_table_of_codes_is_explained(names: list[str]) -> None:
    assert [name for name in names if f"`{name}`" not in TEXT] == []


@pytest.mark.parametrize("kinds", [EmploymentKind, EventKind, AbsenceKind, LeavingKind])
def test_every_meaning_of_a_code_is_listed(kinds: type[EventKind]) -> None:
    assert [kind.value for kind in kinds if f"`{kind.value}`" not in TEXT] == []
