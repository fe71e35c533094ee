"""One row written in every format and encoding reads back the same, and no file raises anything but a refusal."""

from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idm.errors import FeedRefused
from idm.feed.profile import FeedProfile, shipped_feed_profile
from idm.feed.reader import Feed, read_feed
from idm.wareki import format_wareki
from tests.feed.files import events, spreadsheet, staff, text_file, with_part

CSV, XLSX, EVENTS = (shipped_feed_profile(name) for name in ("aoba", "aoba-xlsx", "aoba-events"))
ENCODINGS = ("cp932", "utf-8", "utf-8-sig", "utf-16")
HEADING = staff().heading
SPREADSHEET = spreadsheet([HEADING, *staff().rows[:3], ["件数", "3"]])

# Characters that every encoding can hold and no rule refuses.
KANJI = st.text(alphabet="髙﨑濵德邉山田川原樹葵一二﨟", min_size=1, max_size=8)
KANA = st.text(alphabet="ｱｲｳﾔﾏﾀアイウ", min_size=1, max_size=8)
DAYS = st.dates(date(2000, 1, 1), date(2026, 4, 1))


@st.composite
def lines(draw: st.DrawFn) -> list[list[str]]:
    rows = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        employed = draw(DAYS)
        spelt = draw(st.sampled_from([date.isoformat, format_wareki, lambda day: f"{day:%Y%m%d}"]))
        rows.append(
            [
                f"{number:06}", f"{draw(KANJI)}　{draw(KANJI)}", draw(KANA), "", f"{draw(st.integers(0, 9999)):04}",
                draw(KANJI), draw(KANJI), "本務", draw(st.sampled_from(["正規", "派遣"])), spelt(employed), "99999999",
                "", spelt(draw(st.dates(employed, date(2026, 4, 1)))), draw(st.sampled_from(["", "a@example.jp"])),
            ]
        )  # fmt: skip
    return [list(HEADING), *rows, ["件数", str(len(rows))]]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(lines())
def test_rows_read_back_equal_in_every_format_and_encoding(written: list[list[str]]) -> None:
    expected = read_feed(text_file(written), CSV)
    assert [row.name for row in expected.rows] == [line[1] for line in written[1:-1]]
    assert [row.unit_name for row in expected.rows] == [line[5] for line in written[1:-1]]
    assert read_feed(spreadsheet(written), XLSX).rows == expected.rows
    for encoding in ENCODINGS:
        for delimiter in (",", "\t"):
            profile = replace(CSV, encoding=encoding, delimiter=delimiter)  # type: ignore[arg-type]
            data = text_file(written, encoding=encoding, delimiter=delimiter)
            assert read_feed(data, profile).rows == expected.rows


def read_or_refused(data: bytes, profile: FeedProfile) -> Feed | None:
    with suppress(FeedRefused):
        return read_feed(data, profile)
    return None


@settings(max_examples=300)
@given(st.text(max_size=300), st.sampled_from(ENCODINGS), st.sampled_from([CSV, XLSX, EVENTS]))
def test_any_text_is_read_or_refused(text: str, encoding: str, profile: FeedProfile) -> None:
    assert read_or_refused(text.encode(encoding, "replace"), profile) is None


@settings(max_examples=300)
@given(st.sampled_from(HEADING), st.text(max_size=20), st.sampled_from(["aoba", "aoba-events", "aoba-xlsx"]))
def test_any_text_in_any_cell_is_read_or_refused(column: str, text: str, feed: str) -> None:
    sheet = events() if feed == "aoba-events" else replace(staff(), rows=staff().rows[:3])
    if column in sheet.heading:
        changed = sheet.with_cells(column, lambda _: text, only=1)
        data = spreadsheet(changed.lines()) if feed == "aoba-xlsx" else text_file(changed.lines(), encoding="utf-8-sig")
        profile = shipped_feed_profile(feed)
        read = read_or_refused(data, profile if feed == "aoba-xlsx" else replace(profile, encoding="utf-8-sig"))
        assert read is None or len(read.rows) + len(read.events) == len(sheet.rows)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(SPREADSHEET) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_garbled_bytes_of_a_spreadsheet_are_refused_or_change_nobody(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SPREADSHEET)
    for place, value in changes:
        data[place] = value
    feed = read_or_refused(bytes(data), XLSX)
    assert feed is None or len(feed.rows) == 3


@settings(max_examples=200)
@given(
    st.sampled_from(["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "xl/styles.xml"]),
    st.integers(0, 5000),
    st.binary(max_size=6),
)
def test_garbled_xml_of_a_spreadsheet_is_refused_or_changes_nobody(part: str, place: int, put: bytes) -> None:
    data = with_part(SPREADSHEET, part, lambda xml: xml[: place % len(xml)] + put + xml[place % len(xml) + len(put) :])
    feed = read_or_refused(data, XLSX)
    assert feed is None or len(feed.rows) == 3


@pytest.mark.parametrize("encoding", [b"latin-9000", b"cp932", b"utf-7"])
def test_a_spreadsheet_part_in_an_encoding_that_xml_does_not_know_is_refused(encoding: bytes) -> None:
    data = with_part(SPREADSHEET, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"UTF-8", encoding, 1))
    assert data != SPREADSHEET
    with pytest.raises(FeedRefused, match="XML"):
        read_feed(data, XLSX)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_event_list_reads_back_equal_in_every_encoding(encoding: str) -> None:
    profile = replace(EVENTS, encoding=encoding)  # type: ignore[arg-type]
    feed = read_feed(text_file(events().lines(), encoding=encoding), profile)
    assert feed.events == read_feed(text_file(events().lines()), EVENTS).events


def test_an_event_list_may_come_as_a_spreadsheet() -> None:
    profile = replace(EVENTS, format="xlsx")
    feed = read_feed(spreadsheet(events().lines()), profile)
    assert feed.events == read_feed(text_file(events().lines()), EVENTS).events
