"""外字: mapped ones are replaced in names, any other holds its person and is listed with its places."""

import pytest

from idm.feed.gaiji import Unmapped
from idm.feed.profile import shipped_feed_profile
from idm.feed.reader import Feed, read_feed
from tests.feed.files import Sheet, events, spreadsheet, staff, text_file


def read(sheet: Sheet, gaiji: dict[str, str] | None = None, feed: str = "aoba") -> Feed:
    data = spreadsheet(sheet.lines()) if feed == "aoba-xlsx" else text_file(sheet.lines())
    return read_feed(data, shipped_feed_profile(feed), gaiji=gaiji or {})


def spoilt(column: str, text: str, only: int = 0) -> Sheet:
    return staff().with_cells(column, lambda _: text, only=only)


@pytest.mark.parametrize("feed", ["aoba", "aoba-xlsx"])
def test_a_mapped_character_is_replaced_and_holds_nobody(feed: str) -> None:
    sheet = spoilt("氏名", "\ue000橋　\ue001一")
    first = read(sheet, {"\ue000": "髙", "\ue001": "葛\U000e0100"}, feed).rows[0]
    assert (first.name, first.held) == ("髙橋　葛\U000e0100一", None)


@pytest.mark.parametrize("feed", ["aoba", "aoba-xlsx"])
def test_an_unmapped_character_holds_the_person_and_is_listed_with_its_places(feed: str) -> None:
    sheet = spoilt("氏名", "\ue000橋　\ue001一").with_cells("所属名", lambda _: "総務\ue000課", only=3)
    read_back = read(sheet, {"\ue001": "誠"}, feed)
    assert "U+E000" in (read_back.rows[0].held or "")
    assert "U+E001" not in (read_back.rows[0].held or "")
    assert read_back.unmapped == (Unmapped("\ue000", "U+E000", (2, 5), ("name", "unit_name")),)


def test_every_column_of_text_is_looked_at() -> None:
    for column, name in (("氏名", "name"), ("カナ氏名", "kana"), ("所属名", "unit_name"), ("職名", "post")):
        feed = read(spoilt(column, "\ue757"))
        assert feed.unmapped == (Unmapped("\ue757", "U+E757", (2,), (name,)),)
        assert feed.rows[0].held
    for column, name in (("旧姓・通称", "work_name"), ("前職名", "former_post")):
        feed = read(events().with_cells(column, lambda _: "\ue757", only=1), feed="aoba-events")
        assert [found.fields for found in feed.unmapped] == [(name,)]
        assert feed.events[1].held


def test_all_rows_of_the_person_are_held_and_no_other() -> None:
    sheet = staff()
    number = next(row[0] for row in sheet.rows if row[sheet.column("本務兼務区分")] == "兼務")
    place = next(place for place, row in enumerate(sheet.rows) if row[0] == number)
    feed = read(sheet.with_cells("職名", lambda _: "主\ue000", only=place))
    assert {row.staff_number for row in feed.rows if row.held} == {number}
    assert sum(row.held is not None for row in feed.rows) == 2


def test_only_private_use_characters_can_be_mapped_so_no_name_is_ever_normalised() -> None:
    sheet = spoilt("氏名", "\ufa10田　\ufa19子")
    mapping = {"\ufa10": "塚", "田": "畑", "": "x", "\ue000\ue001": "y", "\ue002": ""}
    feed = read(sheet, mapping)
    assert feed.rows[0].name == "\ufa10田　\ufa19子"
    assert feed.unmapped == ()


def test_a_character_mapped_to_another_private_one_is_still_unmapped() -> None:
    feed = read(spoilt("氏名", "\ue000橋"), {"\ue000": "\ue001"})
    assert [found.code for found in feed.unmapped] == ["U+E001"]
    assert "U+E001" in (feed.rows[0].held or "")
