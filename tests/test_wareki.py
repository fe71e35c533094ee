"""Era dates: every spelling personnel systems use, and nothing that is in no calendar."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.wareki import ERAS, NO_END, ParsedDate, format_wareki, format_wareki_weekday, parse_date, plain_spelling

DAYS = st.dates(ERAS[0].begins, date(2117, 12, 31))


@pytest.mark.parametrize(
    "text",
    [
        "2026/4/1",
        "2026/04/01",
        "2026-04-01",
        "2026.4.1",
        "20260401",
        "2026年4月1日",
        "令和8年4月1日",
        "令8.4.1",
        "R8.4.1",
        "r8.4.1",
        "R08/04/01",
        "R8-4-1",
        "5080401",
        "R080401",
        "２０２６／０４／０１",
        "Ｒ８．４．１",
        "令和８年４月１日",
        "令和　８年 ４月 １日",
        " 令 和 8 年 4 月 1 日 ",
        "令和八年四月一日",
        "二〇二六年四月一日",
        "二千二十六年四月一日",
        "令和8年4月1日付",
        "令和8年4月1日付け",
        "令和8年4月1日（水）",
        "令和8年4月1日(水曜日)付",
        "㋿8年4月1日㈬",
        "2026−04−01",
    ],
)
def test_every_spelling_of_one_day_is_that_day(text: str) -> None:
    assert parse_date(text) == ParsedDate(date(2026, 4, 1))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("令和元年5月1日", date(2019, 5, 1)),
        ("R元.5.1", date(2019, 5, 1)),
        ("平成元年1月8日", date(1989, 1, 8)),
        ("平成31年4月30日", date(2019, 4, 30)),
        ("昭和64年1月7日", date(1989, 1, 7)),
        ("大正元年7月30日", date(1912, 7, 30)),
        ("明治45年7月29日", date(1912, 7, 29)),
        ("S45.12.31", date(1970, 12, 31)),
        ("4310430", date(2019, 4, 30)),
        ("3401231", date(1965, 12, 31)),
        ("平成二十八年十二月三十一日", date(2016, 12, 31)),
        ("2024/2/29", date(2024, 2, 29)),
    ],
)
def test_first_and_last_days_of_eras_are_read(text: str, day: date) -> None:
    assert parse_date(text) == ParsedDate(day)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("平成35年3月31日", date(2023, 3, 31)),
        ("H35.3.31", date(2023, 3, 31)),
        ("4350331", date(2023, 3, 31)),
        ("昭和64年1月8日", date(1989, 1, 8)),
        ("昭和101年4月1日", date(2026, 4, 1)),
        ("令和元年4月1日", date(2019, 4, 1)),
    ],
)
def test_a_day_outside_its_era_is_read_with_a_warning_that_names_the_day(text: str, day: date) -> None:
    parsed = parse_date(text)
    assert parsed.day == day
    assert parsed.warning is not None
    assert format_wareki(day) in parsed.warning


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026/2/29",
        "令和8年2月30日",
        "令和8年13月1日",
        "令和0年4月1日",
        "5089999",
        "20261301",
        "00000000",
        "99999999",
        "8.4.1",
        "080401",
        "6080401",
        "X8.4.1",
        "26/4/1",
        "2026/4-1",
        "2026/4/1 0",
        "20 26/4/1",
        "2026 4 1",
        "2026/4/1 0:00",
        "令和八年四月十十日",
        "令和8年4月",
        "令和8年4月1日（木）",
        "46113",
        "1872/12/31",
        "明治5年12月2日",
        "2200/1/1",
        "あした",
    ],
)
def test_what_is_no_day_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"。$"):
        parse_date(text)


@pytest.mark.parametrize("text", ["", "  ", "　", "99999999", "９９９９９９９９", "9999999", "9999/12/31", "00000000"])
def test_no_end_has_many_spellings_and_none_of_them_is_a_day(text: str) -> None:
    assert plain_spelling(text) in NO_END
    with pytest.raises(ValueError, match=r"。$"):
        parse_date(text)


def test_days_are_written_in_era_years() -> None:
    assert format_wareki(date(2026, 4, 1)) == "令和8年4月1日"
    assert format_wareki(date(2019, 5, 1)) == "令和元年5月1日"
    assert format_wareki(date(2019, 4, 30)) == "平成31年4月30日"
    assert format_wareki_weekday(date(2026, 4, 1)) == "令和8年4月1日（水）"


def test_a_day_of_the_old_calendar_is_not_written() -> None:
    with pytest.raises(ValueError, match="範囲"):
        format_wareki(date(1872, 12, 31))


def test_the_era_table_is_in_order_and_unambiguous() -> None:
    assert [era.begins for era in ERAS] == sorted(era.begins for era in ERAS)
    for spelling in ("name", "letter", "digit"):
        assert len({getattr(era, spelling) for era in ERAS}) == len(ERAS)


@given(DAYS)
def test_a_written_day_reads_back_without_a_warning(day: date) -> None:
    assert parse_date(format_wareki(day)) == ParsedDate(day)
    assert parse_date(format_wareki_weekday(day)) == ParsedDate(day)


@given(DAYS)
def test_machine_spellings_read_back(day: date) -> None:
    era = next(era for era in reversed(ERAS) if era.begins <= day)
    year = day.year - era.year_one + 1
    for text in (
        day.isoformat(),
        f"{day:%Y%m%d}",
        f"{day.year}/{day.month}/{day.day}",
        f"{era.digit}{year:02}{day:%m%d}",
        f"{era.letter}{year:02}{day:%m%d}",
        f"{era.letter}{year}.{day.month}.{day.day}",
    ):
        assert parse_date(text) == ParsedDate(day)


@given(DAYS)
def test_a_weekday_that_is_not_the_days_is_refused(day: date) -> None:
    wrong = format_wareki_weekday(day + timedelta(days=1))[-3:]
    with pytest.raises(ValueError, match="曜日"):
        parse_date(format_wareki(day) + wrong)


@given(st.text(alphabet="0123456789０１元一十百年月日付RHS令和平成昭./- 　（）水", max_size=14))
def test_any_text_is_a_day_or_a_sentence(text: str) -> None:
    try:
        parsed = parse_date(text)
    except ValueError as refusal:
        assert str(refusal).endswith("。")  # noqa: PT017 -- either outcome is right, neither may be anything else
    else:
        assert parse_date(parsed.day.isoformat()).day == parsed.day
