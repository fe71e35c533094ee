"""Spreadsheets: plain values of one sheet, each cell of its kind; whatever else a spreadsheet can be is refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import pytest

from idm.errors import FeedRefused
from idm.feed.problem import FeedProblem
from idm.feed.profile import FeedDates, FeedLimits, FeedProfile, shipped_feed_profile
from idm.feed.reader import Feed, read_feed
from tests.feed.archive_damage import SHEET, bombs, error_value
from tests.feed.files import Book, Cells, SheetChange, Value, spreadsheet, staff, text_file, with_part

PROFILE = shipped_feed_profile("aoba-xlsx")
HEADING = staff().heading
PEOPLE = staff().rows[:4]
SOUND = spreadsheet([HEADING, *PEOPLE, ["件数", "4"]])
BOMBS = dict(bombs(SOUND))


def _lines() -> list[list[Value]]:
    people: list[list[Value]] = [[*row] for row in PEOPLE]
    return [[*HEADING], *people, ["件数", "4"]]


def file_of(
    column: str = "", value: Value = None, *, since_1904: bool = False, change: SheetChange | None = None
) -> bytes:
    """The first four people, the second of them with another value in one column."""
    lines = _lines()
    if column:
        lines[2][HEADING.index(column)] = value
    return spreadsheet(lines, since_1904=since_1904, change=change)


def read(data: bytes, profile: FeedProfile = PROFILE) -> Feed:
    return read_feed(data, profile)


def problems_of(data: bytes, profile: FeedProfile = PROFILE) -> list[FeedProblem]:
    with pytest.raises(FeedRefused) as refusal:
        read_feed(data, profile)
    return [problem for problem in refusal.value.problems if isinstance(problem, FeedProblem)]


def only_problem(data: bytes, profile: FeedProfile = PROFILE) -> FeedProblem:
    (problem,) = problems_of(data, profile)
    return problem


def test_a_spreadsheet_gives_the_same_rows_as_the_text_file() -> None:
    text = read_feed(text_file(staff().lines()), shipped_feed_profile("aoba"))
    feed = read(spreadsheet(staff().lines()))
    assert feed.rows == text.rows
    assert feed.warnings == ()
    assert feed.covers_all


def test_reading_aids_and_formatted_parts_of_a_name_change_nothing() -> None:
    name = PEOPLE[0][1]
    parts = f"<r><t>{name[:2]}</t></r><r><t>{name[2:]}</t></r><rPh sb='0' eb='2'><t>タカハシ</t></rPh>"
    data = with_part(SOUND, "xl/sharedStrings.xml", lambda xml: xml.replace(f"<t>{name}</t>".encode(), parts.encode()))
    assert data != SOUND
    assert read(data).rows == read(SOUND).rows


# --- kinds of cells --------------------------------------------------------------------------------------------------


def test_a_number_where_a_staff_number_is_meant_gets_its_zeros_back_and_that_is_told() -> None:
    feed = read(file_of("職員番号", 407))
    assert feed.rows[1].staff_number == "000407"
    assert "1行で補いました" in feed.warnings[0].message


def test_a_number_where_a_unit_code_is_meant_gets_its_zeros_back_only_where_the_width_is_known() -> None:
    feed = read(file_of("所属コード", 100))
    assert feed.rows[1].unit_code == "0100"
    assert feed.warnings[0].column == "所属コード"
    problem = only_problem(file_of("所属コード", 100), replace(PROFILE, unit_code_width=None))
    assert (problem.row, problem.column) == (3, "所属コード")
    assert "数値のセル" in problem.message


@pytest.mark.parametrize(
    "value",
    [date(2025, 4, 1), 45748, "45748", "令和7年4月1日", "R7.4.1", "R07/04/01", "5070401", "R070401", "2025/4/1",
     20250401, 5070401, "令和七年四月一日", "令和　7年 4月 1日付", "２０２５．４．１"],
)  # fmt: skip
def test_a_day_is_read_from_every_kind_of_cell_and_every_spelling(value: Value) -> None:
    feed = read(file_of("発令日", value))
    assert feed.rows[1].assigned_from == date(2025, 4, 1)
    assert feed.warnings == ()


def test_a_day_number_is_a_day_only_where_the_profile_says_so() -> None:
    plain = replace(PROFILE, dates=FeedDates())
    assert "通し番号" in only_problem(file_of("発令日", 45748), plain).message
    assert "通し番号" in only_problem(file_of("発令日", "45748"), plain).message
    assert read(file_of("発令日", date(2025, 4, 1)), plain).rows[1].assigned_from == date(2025, 4, 1)


def test_a_text_file_may_hold_day_numbers_where_its_profile_says_so() -> None:
    lines = [list(HEADING), *([*row] for row in PEOPLE), ["件数", "4"]]
    lines[2][HEADING.index("発令日")] = "45748"
    profile = replace(shipped_feed_profile("aoba"), dates=FeedDates(excel_serials=True))
    assert read_feed(text_file(lines), profile).rows[1].assigned_from == date(2025, 4, 1)
    lines[2][HEADING.index("発令日")] = "2026"
    with pytest.raises(FeedRefused, match="読めません"):
        read_feed(text_file(lines), profile)


def test_the_days_of_1904_are_counted_from_1904() -> None:
    for value in (date(2025, 4, 1), (date(2025, 4, 1) - date(1904, 1, 1)).days):
        assert read(file_of("発令日", value, since_1904=True)).rows[1].assigned_from == date(2025, 4, 1)


def test_no_end_may_be_a_number_or_the_last_day_a_spreadsheet_knows() -> None:
    for value in (99999999, "99999999", date(9999, 12, 31), None):
        assert read(file_of("任期満了日", value)).rows[1].term_end is None


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("職員番号", 407.5, "小数"),
        ("発令日", 45748.5, "小数"),
        ("所属コード", 1.5, "小数"),
        ("職名", date(2026, 3, 1), "日付の書式"),
        ("職員番号", date(2026, 3, 1), "日付の書式"),
        ("発令日", datetime.fromisoformat("2026-03-01T08:30"), "時刻"),
        ("職名", True, "TRUE"),
        ("氏名", 407, "文字がありません"),
        ("職員番号", 123456789012, "マイナンバー"),
        ("メールアドレス", 123456789012, "マイナンバー"),
        ("発令日", "123456789012", "マイナンバー"),
        ("職名", 123456789012.0, "マイナンバー"),
        ("氏名", "山田\n太郎", "制御文字"),
        ("氏名", "山田\x07太郎", "制御文字"),
    ],
)
def test_a_cell_of_the_wrong_kind_is_refused_with_row_and_column(column: str, value: Value, reason: str) -> None:
    problem = only_problem(file_of(column, value))
    assert (problem.row, problem.column) == (3, column)
    assert reason in problem.message
    assert "45678" not in f"{problem!r}"


def test_a_fraction_in_a_column_nobody_reads_is_nothing() -> None:
    profile = replace(PROFILE, ignored_columns=("勤務時間",))
    lines = _lines()
    lines[0].append("勤務時間")
    for line in lines[1:-1]:
        line.append(7.75)
    assert read(spreadsheet(lines), profile).rows == read(SOUND).rows
    lines[1][-1] = 123456789012
    assert "マイナンバー" in only_problem(spreadsheet(lines), profile).message


# --- what else a sheet can hold --------------------------------------------------------------------------------------


def _merged(_: Book, cells: Cells) -> None:
    cells.merge_range("B3:C3", "x")


def _second(book: Book, _: Cells) -> None:
    book.add_worksheet("控え").write_string(0, 0, "x")


def _formula(_: Book, cells: Cells) -> None:
    cells.write_formula("B3", "=A1", None, "x")
    cells.write_formula("D4", "=A1", None, "x")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_formula, "計算式のセルがあります（B3・D4）"),
        (_merged, "結合されたセルがあります（B3:C3）"),
        (_second, "空でないシートが2枚あります（職員・控え）"),
    ],
)
def test_what_is_no_plain_sheet_is_refused_and_named(change: SheetChange, reason: str) -> None:
    assert reason in only_problem(file_of(change=change)).message


def test_an_error_value_is_refused_and_named() -> None:
    assert "エラー値のセルがあります（C3）" in only_problem(error_value(SOUND, "C3")).message


def test_an_empty_second_sheet_is_nothing_and_a_named_sheet_is_read() -> None:
    assert read(file_of(change=lambda book, _: book.add_worksheet("空"))).rows == read(SOUND).rows
    assert read(file_of(change=_second), replace(PROFILE, sheet="職員")).rows == read(SOUND).rows
    assert "「一覧」がありません" in only_problem(SOUND, replace(PROFILE, sheet="一覧")).message


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _, cells: cells.set_row(2, None, None, {"hidden": True}), "非表示の行が1行あります（3行目）"),
        (lambda _, cells: cells.set_column(1, 1, None, None, {"hidden": True}), "非表示の列"),
    ],
)
def test_hidden_cells_are_read_and_told(change: Callable[[Book, Cells], object], reason: str) -> None:
    feed = read(file_of(change=change))
    assert feed.rows == read(SOUND).rows
    assert reason in feed.warnings[0].message


def test_a_heading_may_stand_on_two_lines() -> None:
    lines = _lines()
    lines[0][0] = "職員\n番号"
    assert read(spreadsheet(lines)).rows == read(SOUND).rows


def test_an_empty_row_between_people_is_refused() -> None:
    problems = problems_of(spreadsheet([HEADING, *PEOPLE[:2], [], *PEOPLE[2:], ["件数", "4"]]))
    assert any(problem.row == 4 and "空の行" in problem.message for problem in problems)


def test_a_cell_beyond_the_heading_is_refused() -> None:
    problem = only_problem(file_of(change=lambda _, cells: cells.write_string(2, 20, "x")))
    assert (problem.row, "セルが21個" in problem.message) == (3, True)


def test_an_empty_spreadsheet_is_refused() -> None:
    assert "空" in only_problem(spreadsheet([])).message


# --- archives --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bomb/declared-size", "大きすぎます"),
        ("bomb/declared-too-small", "書かれている大きさより大きく"),
        ("bomb/lying-size-and-checksum", "書かれている大きさより大きく"),
        ("bomb/ratio", "100倍"),
        ("bomb/unpacked-size", "大きすぎます"),
        ("bomb/many-parts", "中のファイルが多すぎます"),
        ("bomb/many-sheets", "シートが多すぎます"),
        ("bomb/far-cell", "行が多すぎます"),
        ("bomb/far-column", "列が多すぎます"),
        ("bomb/far-row", "行が多すぎます"),
        ("bomb/huge-row-number", "番号が正しくありません"),
        ("bomb/entities", "DTD"),
        ("bomb/entities-in-sheet", "DTD"),
        ("bomb/entities-in-styles", "DTD"),
        ("archive/locked", "パスワード"),
        ("archive/office-password", "パスワード"),
        ("archive/old-xls", "古い形式"),
        ("archive/no-zip", "XLSX ではない"),
        ("archive/before-it", "XLSX ではない"),
        ("archive/macro", "マクロ"),
        ("archive/name-twice", "同じ名前の部分"),
        ("archive/no-sheet", "シートの中身"),
        ("archive/no-strings", "文字列の番号"),
        ("archive/broken-sheet", "壊れています"),
        ("archive/string-of-no-number", "番号が正しくありません"),
        ("archive/cells-out-of-order", "順序"),
        ("archive/rows-out-of-order", "順序"),
    ],
)
def test_an_archive_that_would_break_its_reader_is_refused_for_what_it_is(name: str, reason: str) -> None:
    assert reason in only_problem(BOMBS[name]).message


def test_texts_that_every_row_shares_count_as_often_as_they_are_read() -> None:
    long = with_part(SOUND, "xl/sharedStrings.xml", lambda xml: xml.replace("本務".encode(), b"x" * 20_000))
    limits = FeedLimits(max_unpacked_bytes=60_000)
    assert "文字が多すぎます" in only_problem(long, replace(PROFILE, limits=limits)).message


def test_the_limits_of_rows_columns_and_cells_are_the_profiles() -> None:
    for limits, reason in (
        (FeedLimits(max_columns=13), "列が多すぎます"),
        (FeedLimits(max_cells=40), "セルが多すぎます"),
        (FeedLimits(max_rows=2), "行が多すぎます"),
        (FeedLimits(max_bytes=1000), "大きすぎます"),
        (FeedLimits(max_unpacked_bytes=5000), "大きすぎます"),
    ):
        assert reason in only_problem(SOUND, replace(PROFILE, limits=limits)).message


def test_a_formula_is_found_under_any_prefix() -> None:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    cell = f'<x:c xmlns:x="{space}" r="X1"><x:f>1</x:f></x:c></row>'.encode()
    data = with_part(SOUND, SHEET, lambda xml: xml.replace(b"</row>", cell, 1))
    assert "計算式のセルがあります（X1）" in only_problem(data).message
