"""Damaged personnel files: whatever happens to the bytes, never a silently shorter list of people."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idm.errors import FeedRefused
from idm.feed.profile import shipped_feed_profile
from idm.feed.reader import Feed, read_feed
from idm.samples import NEXT_FEED, SAMPLE_FEED

PROFILE = shipped_feed_profile("aoba")
WHOLE = SAMPLE_FEED.read_bytes()
LINES = WHOLE.splitlines(keepends=True)
# Few rows carry every kind of row and make a hundred damaged files a second.
SMALL_ROWS = [*LINES[1:6], *LINES[13:15], *LINES[-4:-1]]
COUNT = "件数,10\r\n".encode("cp932")
SMALL = b"".join([LINES[0], *SMALL_ROWS, COUNT])
NUMBERS = [row.staff_number for row in read_feed(SMALL, PROFILE).rows]

places = st.integers(0, len(SMALL) - 1)


def read_or_refused(data: bytes) -> Feed | None:
    with suppress(FeedRefused):
        return read_feed(data, PROFILE)
    return None


def test_the_small_file_is_whole() -> None:
    assert len(NUMBERS) == 10


def test_a_file_cut_at_any_byte_is_refused() -> None:
    assert [end for end in range(len(SMALL)) if read_or_refused(SMALL[:end]) is not None] == []


def test_a_file_whose_beginning_is_lost_is_refused() -> None:
    assert [start for start in range(1, len(SMALL)) if read_or_refused(SMALL[start:]) is not None] == []


@pytest.mark.parametrize("percent", range(1, 100, 7))
def test_the_whole_sample_cut_anywhere_is_refused(percent: int) -> None:
    assert read_or_refused(WHOLE[: len(WHOLE) * percent // 100]) is None


@given(places, places)
def test_a_hole_anywhere_never_shortens_the_list(first: int, second: int) -> None:
    start, end = sorted((first, second))
    feed = read_or_refused(SMALL[:start] + SMALL[end:])
    assert feed is None or len(feed.rows) == len(NUMBERS)


@settings(max_examples=500)
@given(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4))
def test_garbled_bytes_never_shorten_the_list(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SMALL)
    for place, value in changes:
        data[place] = value
    feed = read_or_refused(bytes(data))
    assert feed is None or len(feed.rows) == len(NUMBERS)


@settings(max_examples=500)
@given(places, st.sampled_from([b'"', b",", b"\r", b"\n", b"\r\n", b"\0", b"\x1a", b" ", b"\xef\xbb\xbf", b"0"]))
def test_an_inserted_separator_never_shortens_the_list(place: int, inserted: bytes) -> None:
    feed = read_or_refused(SMALL[:place] + inserted + SMALL[place:])
    assert feed is None or len(feed.rows) == len(NUMBERS)


@given(st.lists(st.integers(0, len(SMALL_ROWS) - 1), max_size=12))
def test_lost_or_doubled_rows_are_refused(kept: list[int]) -> None:
    data = b"".join([LINES[0], *(SMALL_ROWS[row] for row in kept), COUNT])
    feed = read_or_refused(data)
    assert feed is None or sorted(kept) == list(range(len(SMALL_ROWS)))


@given(st.permutations(range(len(SMALL_ROWS))))
def test_the_order_of_rows_changes_nothing_but_their_place(order: list[int]) -> None:
    data = b"".join([LINES[0], *(SMALL_ROWS[row] for row in order), COUNT])
    feed = read_or_refused(data)
    assert feed is not None
    assert sorted(row.staff_number for row in feed.rows) == sorted(NUMBERS)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    assert read_or_refused(data) is None


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "euc_jp", "iso2022_jp"])
def test_the_sample_in_another_encoding_is_refused(codec: str) -> None:
    text = WHOLE.decode("cp932").encode(codec, "replace")
    assert read_or_refused(text) is None


def test_columns_shifted_by_one_are_refused() -> None:
    rows = [row.rstrip(b"\r\n").split(b",") for row in SMALL_ROWS]
    for column in range(len(rows[0]) - 1):
        shifted = [[*row[:column], b"", *row[column:-1]] for row in rows]
        lines = [b",".join(row) + b"\r\n" for row in shifted]
        if shifted != rows:
            assert read_or_refused(b"".join([LINES[0], *lines, COUNT])) is None


@pytest.mark.parametrize("data", [WHOLE, NEXT_FEED.read_bytes()])
def test_an_undamaged_sample_is_read_whole(data: bytes) -> None:
    feed = read_or_refused(data)
    assert feed is not None
    assert len(feed.rows) == data.count(b"\r\n") - 2
