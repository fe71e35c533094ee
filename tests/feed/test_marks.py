"""Header records and count rows: where the profile says they are, with what they count; anything else is refused."""

import pytest

from idm.errors import FeedRefused
from idm.feed.problem import FeedProblem
from idm.feed.profile import load_feed_profile
from idm.feed.reader import Feed, read_feed
from tests.feed.files import text_file

TOML = """
title = "件数のあるファイル"
encoding = "utf-8"
delimiter = ","
staff_number_width = 4
ignored_columns = ["レコード区分"]
[columns]
staff_number = ["職員番号"]
name = ["氏名"]
kana = ["カナ"]
unit_code = ["所属コード"]
unit_name = ["所属"]
post = ["職"]
post_kind = ["区分"]
employment_kind = ["形態"]
employed_from = ["採用日"]
assigned_from = ["発令日"]
[codes.employment_kind]
"正" = "regular"
[codes.post_kind]
"" = "primary"
"""
HEADING = ["レコード区分", "職員番号", "氏名", "カナ", "所属コード", "所属", "職", "区分", "形態", "採用日", "発令日"]
ROWS = [
    ["D", "0001", "山田　太郎", "ﾔﾏﾀﾞ", "01", "総務課", "主事", "", "正", "H20.4.1", "R8.4.1"],
    ["D", "0002", "佐藤　花子", "ｻﾄｳ", "01", "総務課", "主事", "", "正", "H20.4.1", "R8.4.1"],
]
HEADER = '[header]\nmarker = "H"\ncount_column = "氏名"\ndate_column = 2\n'
AFTER = HEADER + 'where = "after"\n'
TRAILER = '[trailer]\nmarker = "T"\ncount_column = 4\n'


def read(marks: str, *lines: list[str]) -> Feed:
    return read_feed(text_file(lines, encoding="utf-8"), load_feed_profile(TOML + marks, "marks"))


def problems_of(marks: str, *lines: list[str]) -> list[FeedProblem]:
    with pytest.raises(FeedRefused) as refusal:
        read(marks, *lines)
    return [problem for problem in refusal.value.problems if isinstance(problem, FeedProblem)]


def test_a_header_before_the_heading_is_read_and_rows_keep_their_number() -> None:
    feed = read(HEADER, ["H", "20260401", "2"], HEADING, *ROWS)
    assert [row.row_number for row in feed.rows] == [3, 4]
    assert feed.warnings == ()


def test_a_header_after_the_heading_is_read() -> None:
    feed = read(AFTER, HEADING, ["H", "令和8年4月1日", "2"], *ROWS)
    assert [row.row_number for row in feed.rows] == [3, 4]


def test_a_count_may_stand_in_any_column() -> None:
    assert len(read(TRAILER, HEADING, *ROWS, ["T", "", "", "2"]).rows) == 2
    assert len(read(HEADER + TRAILER, ["H", "20260401", "2"], HEADING, *ROWS, ["T", "", "", "2"]).rows) == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (["H", "20260401", "3"], "データの行は2行"),
        (["H", "20260401", ""], "件数が正しく"),
        (["H", "20260401"], "件数が正しく"),
        (["H", "20260401", "2", "x"], "件数が正しく"),
        (["H", "20261301", "2"], "日付が読めません"),
        (["H", "", "2"], "日付が読めません"),
        (["H", "123456789012", "2"], "マイナンバー"),
    ],
)
@pytest.mark.parametrize("marks", [HEADER, AFTER])
def test_a_header_that_says_something_else_is_refused(marks: str, line: list[str], reason: str) -> None:
    lines = (line, HEADING) if marks == HEADER else (HEADING, line)
    problems = problems_of(marks, *lines, *ROWS)
    assert any(reason in problem.message and problem.row == lines.index(line) + 1 for problem in problems)


@pytest.mark.parametrize("marks", [HEADER, AFTER])
def test_a_missing_header_is_refused(marks: str) -> None:
    assert any("ヘッダー行（H）ではありません" in problem.message for problem in problems_of(marks, HEADING, *ROWS))


@pytest.mark.parametrize(
    "line", [["T", "2"], ["T", "", "", "1"], ["T", "", "", "2", "x"], ["T"], ["D", "", "", "2"], ["", "", "", "2"]]
)
def test_a_trailer_that_does_not_count_is_refused(line: list[str]) -> None:
    assert problems_of(TRAILER, HEADING, *ROWS, line)


def test_a_count_in_the_header_alone_is_enough_to_see_a_cut() -> None:
    assert read(HEADER, ["H", "20260401", "2"], HEADING, *ROWS).warnings == ()
    assert "データの行は1行" in problems_of(HEADER, ["H", "20260401", "2"], HEADING, ROWS[0])[0].message
    uncounted = '[header]\nmarker = "H"\n'
    assert "件数行のない" in read(uncounted, ["H"], HEADING, *ROWS).warnings[0].message


def test_mistakes_in_the_heading_are_told_with_its_row() -> None:
    problems = problems_of(HEADER, ["H", "20260401", "2"], [*HEADING[:-1], "発令曰"], *ROWS)
    assert {problem.row for problem in problems} == {2}
    assert len(problems) == 2
