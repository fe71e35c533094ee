"""The invented organisation: its files are what its generator makes, and hold what demonstrations rely on."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from idm.employment_kind import EmploymentKind
from idm.feed.profile import PostKind, shipped_feed_profile
from idm.feed.reader import FeedRow, read_feed
from idm.names.account_names import staff_number_name
from idm.names.personal_names import search_key, split_name
from idm.personnel_event import EventKind
from idm.samples import NEXT_FEED, ORDERS_FEED, SAMPLE_FEED
from idm.samples.orders import write_sample
from idm.samples.people import UNITS, write_samples

PROFILE = shipped_feed_profile("aoba")
NOW = read_feed(SAMPLE_FEED.read_bytes(), PROFILE)
LATER = read_feed(NEXT_FEED.read_bytes(), PROFILE)
ORDERS = read_feed(ORDERS_FEED.read_bytes(), shipped_feed_profile("aoba-events"))
NEXT_DAY = date(2026, 10, 1)

OFFICERS = {
    ("事務局", "事務局長"): "000401",
    ("事務局", "事務局参事"): "000407",
    ("事務局", "事務局次長"): "000412",
    ("総務課", "課長"): "000418",
    ("年金課", "課長"): "000423",
    ("保健課", "課長"): "000429",
    ("福祉課", "課長"): "000434",
    ("資格審査課", "課長"): "000440",
    ("情報システム課", "課長"): "000445",
    ("監査室", "監査室長"): "000451",
    ("総務課人事係", "係長"): "000456",
    ("情報システム課情報管理係", "係長"): "000462",
}


def primary(rows: tuple[FeedRow, ...]) -> dict[str, FeedRow]:
    return {row.staff_number: row for row in rows if row.post_kind is PostKind.PRIMARY}


def test_the_files_are_what_the_generator_makes(tmp_path: Path) -> None:
    feed, following = tmp_path / "now.csv", tmp_path / "next.csv"
    write_samples(feed, following)
    assert feed.read_bytes() == SAMPLE_FEED.read_bytes()
    assert following.read_bytes() == NEXT_FEED.read_bytes()


def test_the_notice_is_what_its_generator_makes_and_holds_most_kinds_of_event(tmp_path: Path) -> None:
    write_sample(tmp_path / "orders.csv")
    assert (tmp_path / "orders.csv").read_bytes() == ORDERS_FEED.read_bytes()
    assert not any(event.held for event in ORDERS.events)
    kinds = Counter(event.kind for event in ORDERS.events)
    assert kinds[EventKind.TRANSFER] >= 35
    assert kinds[EventKind.RENEW] >= 35
    assert len(kinds) >= 10
    known = {row.staff_number for row in NOW.rows}
    new = {event.staff_number for event in ORDERS.events if event.kind in (EventKind.HIRE, EventKind.RENEW)}
    assert {event.staff_number for event in ORDERS.events} <= known | new
    assert not new & known


def test_about_three_hundred_people_are_read_without_a_warning() -> None:
    assert 280 <= len(primary(NOW.rows)) <= 320
    assert NOW.warnings == LATER.warnings == ()
    assert not any(row.held for row in NOW.rows)


@pytest.mark.parametrize("rows", [NOW.rows, LATER.rows])
def test_every_officer_post_has_exactly_one_holder_and_the_same_in_both_files(rows: tuple[FeedRow, ...]) -> None:
    for (unit, post), number in OFFICERS.items():
        holders = [row.staff_number for row in rows if (row.unit_name, row.post) == (unit, post)]
        assert holders == [number]


def test_every_subsection_has_one_chief() -> None:
    chiefs = Counter(row.unit_code for row in NOW.rows if row.post == "係長")
    assert chiefs == {code: 1 for code in UNITS if not code.endswith("00")}


def test_every_kind_of_employment_a_staff_list_has_is_there() -> None:
    kinds = Counter(row.employment_kind for row in NOW.rows)
    others = {EmploymentKind.MEMBER, EmploymentKind.COMMITTEE, EmploymentKind.CONTRACTOR, EmploymentKind.EXTERNAL}
    assert set(kinds) == set(EmploymentKind) - others
    for kind in (EmploymentKind.FISCAL_YEAR_FULL, EmploymentKind.FISCAL_YEAR_PART):
        assert {row.term_end for row in NOW.rows if row.employment_kind is kind} == {date(2027, 3, 31)}


def test_names_that_programs_stumble_over_are_there() -> None:
    names = {row.name for row in NOW.rows}
    for piece in ("髙", "濵", "﨑", "德", "邉", "原　樹", "プトリ", "グエン　ティ　ラン"):
        assert any(piece in name for name in names)
    assert any(not split_name(name)[1] for name in names)
    keys = Counter(search_key(row.name, row.kana) for row in primary(NOW.rows).values())
    assert max(keys.values()) >= 2


def test_people_with_a_second_post_and_with_a_last_day_are_there() -> None:
    assert sum(row.post_kind is PostKind.CONCURRENT for row in NOW.rows) == 6
    left = sorted(row.left_on for row in primary(NOW.rows).values() if row.left_on)
    assert left == [date(2026, 3, 31), date(2026, 9, 30), date(2027, 3, 31)]


def test_every_number_makes_an_account_name_and_every_unit_is_of_the_table() -> None:
    for row in (*NOW.rows, *LATER.rows):
        assert staff_number_name(row.staff_number) == f"u{row.staff_number}"
        assert UNITS[row.unit_code] == row.unit_name
        assert row.birth_date is not None


def test_half_a_year_later_four_joined_five_moved_two_are_leaving_and_one_is_held() -> None:
    before, after = primary(NOW.rows), primary(LATER.rows)
    held = [row.staff_number for row in LATER.rows if row.held]
    assert held == ["009102"]
    assert len(after.keys() - before.keys() - set(held)) == 4
    assert before.keys() - after.keys() == {
        row.staff_number for row in before.values() if row.left_on == date(2026, 3, 31)
    }
    stayed = before.keys() & after.keys()
    moved = [number for number in stayed if after[number].unit_code != before[number].unit_code]
    assert len(moved) == 5
    assert {after[number].assigned_from for number in moved} == {NEXT_DAY}
    leaving = [number for number in stayed if after[number].left_on != before[number].left_on]
    assert len(leaving) == 2
    assert {after[number].left_on for number in leaving} == {date(2026, 9, 30)}


def test_the_held_row_holds_gaiji_as_the_bytes_f040() -> None:
    assert b"\xf0\x40" in NEXT_FEED.read_bytes()
    assert b"\xf0\x40" not in SAMPLE_FEED.read_bytes()
