"""A person's years as a picture: every bar in its place, whatever the periods and the day."""

from datetime import date, timedelta
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from idm.wareki import ERAS, LATEST_YEAR
from web.organisation.person_timeline import (
    BAR_HIGH,
    CHART_WIDE,
    LABELS_WIDE,
    Lane,
    Picture,
    Span,
    picture,
    pieces,
)

TODAY = date(2026, 4, 1)
DAYS = st.dates(ERAS[0].begins, date(LATEST_YEAR, 12, 31))


def drawn(*spans: Span, on: date = TODAY) -> Picture:
    return picture([Lane("本務", spans)], on=on)


def span(valid_from: date, valid_until: date | None, label: str = "総務課 主事") -> Span:
    return Span(label, "post", valid_from, valid_until)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    begins = draw(DAYS)
    days = draw(st.none() | st.integers(0, 40_000))
    return span(begins, None if days is None else begins + timedelta(days=days), draw(st.text(max_size=30)))


@given(st.lists(spans(), max_size=5), DAYS)
def test_every_bar_and_the_line_stand_inside_the_picture(periods: list[Span], on: date) -> None:
    shown = drawn(*periods, on=on)
    right = LABELS_WIDE + CHART_WIDE
    assert LABELS_WIDE <= shown.day_x <= right
    assert shown.first <= on < shown.last
    for bar in shown.bars:
        assert LABELS_WIDE <= bar.x <= right
        assert bar.width >= 3
        assert bar.x + bar.width <= right + 0.01
    assert all(LABELS_WIDE <= tick.x <= right for tick in shown.ticks)


def test_the_picture_shows_three_fiscal_years_before_the_day_and_one_after() -> None:
    shown = drawn(span(date(1990, 4, 1), None))
    assert (shown.first, shown.last) == (date(2022, 4, 1), date(2028, 4, 1))


def test_it_begins_with_the_first_fiscal_year_of_somebody_new() -> None:
    assert drawn(span(date(2025, 10, 1), None)).first == date(2025, 4, 1)


def test_what_ended_before_the_picture_begins_is_not_drawn() -> None:
    old = span(date(1990, 4, 1), date(2000, 4, 1))
    assert [bar.title[:2] for bar in drawn(old, span(date(2020, 4, 1), None, "現職")).bars] == ["現職"]


def test_a_label_stands_in_its_bar_only_where_it_fits() -> None:
    long, short = span(date(2023, 4, 1), date(2025, 4, 1)), span(date(2025, 4, 1), date(2025, 4, 20))
    assert [bar.label for bar in drawn(long, short).bars] == ["総務課 主事", ""]


def test_every_bar_says_its_period_with_the_last_day() -> None:
    (bar,) = drawn(span(date(2025, 4, 1), date(2026, 4, 1))).bars
    assert bar.title == "総務課 主事 令和7年4月1日から令和8年3月31日まで"


def test_a_period_that_follows_another_begins_where_that_one_ends() -> None:
    one, two = drawn(span(date(2023, 4, 1), date(2025, 4, 1)), span(date(2025, 4, 1), None)).bars
    assert abs(one.x + one.width - two.x) < 0.11


@given(st.lists(st.lists(spans(), max_size=6), max_size=4), DAYS)
def test_no_two_bars_lie_on_each_other(lanes: list[list[Span]], on: date) -> None:
    shown = picture([Lane(f"{number}", tuple(periods)) for number, periods in enumerate(lanes)], on=on)
    for one, other in combinations(shown.bars, 2):
        apart = one.x + one.width <= other.x + 0.1 or other.x + other.width <= one.x + 0.1
        assert apart or abs(one.y - other.y) >= BAR_HIGH
    assert all(bar.y + BAR_HIGH <= shown.height for bar in shown.bars)


@given(spans(), st.lists(spans(), max_size=5))
def test_the_pieces_of_a_period_follow_each_other_and_leave_nothing_out(whole: Span, marks: list[Span]) -> None:
    found = pieces(whole, marks)
    assert (found[0].valid_from, found[-1].valid_until) == (whole.valid_from, whole.valid_until)
    assert all(one.valid_until == other.valid_from for one, other in pairwise(found))


def test_a_time_of_suspension_is_told_apart_from_the_rest() -> None:
    whole = span(date(2025, 4, 1), None)
    away = Span("", "suspended", date(2025, 6, 1), date(2025, 8, 1))
    assert [(p.kind, p.valid_from) for p in pieces(whole, [away])] == [
        ("post", date(2025, 4, 1)), ("suspended", date(2025, 6, 1)), ("post", date(2025, 8, 1))
    ]  # fmt: skip
