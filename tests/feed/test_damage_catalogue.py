"""Every damaged file of the catalogue is refused, told or held; what is neither is listed, with the reason."""

from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Literal

import pytest

from idm.errors import FeedRefused
from idm.feed.profile import FeedProfile, shipped_feed_profile
from idm.feed.reader import EventRow, Feed, FeedRow, read_feed
from tests.feed.damage import PLAN_JUDGES, SAME_FACTS, Damaged, damaged, sound

Outcome = Literal["refused", "told", "same", "silent"]

MAY_ONLY_BE_TOLD = frozenset(
    {
        "zeros-lost", "gaiji", "lost-sign", "geta", "kana-not-kana", "kana-emptied", "kana-garbled", "code-unknown",
        "code-blank", "rows-hidden", "headings-swapped", "formula-text", "dates-blank", "mojibake",
    }
)  # fmt: skip
"""Kinds that may leave a file that is read, with a warning or with held people. All others refuse the file."""


@cache
def profile(feed: str) -> FeedProfile:
    return shipped_feed_profile(feed)


def lines_of(feed: Feed) -> tuple[FeedRow | EventRow, ...]:
    return (*feed.rows, *feed.events)


def facts_of(feed: Feed) -> Counter[FeedRow | EventRow]:
    return Counter(replace(line, row_number=0) for line in lines_of(feed))


@cache
def sound_facts(feed: str) -> Counter[FeedRow | EventRow]:
    return facts_of(read_feed(sound()[feed], profile(feed)))


def outcome(file: Damaged) -> Outcome:
    try:
        feed = read_feed(file.data, profile(file.feed))
    except FeedRefused as refusal:
        return "refused" if refusal.problems else "silent"
    if feed.warnings or any(line.held for line in lines_of(feed)):
        return "told"
    return "same" if facts_of(feed) == sound_facts(file.feed) else "silent"


def allowed(kind: str) -> set[Outcome]:
    if kind in SAME_FACTS:
        return {"same"}
    if kind in PLAN_JUDGES:
        return {"refused", "told", "silent", "same"} if kind == "byte-lost" else {"refused", "told", "silent"}
    return {"refused", "told"} if kind in MAY_ONLY_BE_TOLD else {"refused"}


@cache
def catalogue() -> tuple[Damaged, ...]:
    return tuple(damaged())


@cache
def outcomes() -> dict[str, dict[Outcome, list[str]]]:
    found: dict[str, dict[Outcome, list[str]]] = defaultdict(lambda: defaultdict(list))
    for file in catalogue():
        found[file.kind][outcome(file)].append(file.name)
    return found


@pytest.mark.parametrize("feed", ["aoba", "aoba-events", "aoba-xlsx"])
def test_the_sound_files_are_read_without_a_warning(feed: str) -> None:
    read = read_feed(sound()[feed], profile(feed))
    assert read.warnings == ()
    assert not any(line.held for line in lines_of(read))
    assert len(lines_of(read)) == (17 if feed == "aoba-events" else 294)


def test_no_damaged_file_passes_unless_its_kind_is_listed_with_a_reason() -> None:
    wrong = {
        name: found
        for kind, results in outcomes().items()
        for found, names in results.items()
        for name in names
        if found not in allowed(kind)
    }
    assert wrong == {}


def test_there_are_more_than_five_hundred_files_each_with_a_name_of_its_own() -> None:
    names = [name for results in outcomes().values() for found in results.values() for name in found]
    assert len(names) > 500
    assert len(set(names)) == len(names)


def test_every_listed_kind_is_in_the_catalogue_and_needs_its_place_in_the_list() -> None:
    for kinds, result in ((PLAN_JUDGES, "silent"), (SAME_FACTS, "same"), (MAY_ONLY_BE_TOLD, "told")):
        assert {kind for kind in kinds if result not in outcomes().get(kind, {})} == set()


def test_the_catalogue_is_always_the_same() -> None:
    assert list(islice(damaged(), 0, 600, 7)) == list(catalogue()[:600:7])
