"""Personnel files: read whole and exactly, held row by row, or refused with every mistake named."""

from dataclasses import replace
from datetime import date

import pytest

from idm.employment_kind import EmploymentKind
from idm.errors import FeedRefused
from idm.feed.profile import FeedLimits, FeedProfile, FeedTrailer, load_feed_profile
from idm.feed.reader import Feed, FeedProblem, FeedRow, PostKind, read_feed

TOML = """
title = "町の人事システム"
encoding = "cp932"
delimiter = ","
staff_number_width = 6
ignored_columns = ["内線"]
[columns]
staff_number = ["職員番号", "職員コード"]
name = ["氏名"]
kana = ["カナ氏名"]
birth_date = ["生年月日"]
unit_code = ["所属コード"]
unit_name = ["所属名"]
post = ["職名"]
post_kind = ["本務兼務"]
employment_kind = ["任用形態"]
employed_from = ["採用日"]
term_end = ["任期満了日"]
left_on = ["退職日"]
assigned_from = ["発令日"]
mail = ["メール"]
[codes.employment_kind]
"正規" = "regular"
"会計年度" = "fiscal_year_full"
[codes.post_kind]
"本務" = "primary"
"兼務" = "concurrent"
[trailer]
marker = "件数"
"""
PROFILE = load_feed_profile(TOML, "town")

ROW = {
    "職員番号": "000123",
    "氏名": "髙橋　太郎",
    "カナ氏名": "ﾀｶﾊｼ ﾀﾛｳ",
    "生年月日": "S60.4.2",
    "所属コード": "0100",
    "所属名": "総務課",
    "職名": "主事",
    "本務兼務": "本務",
    "任用形態": "正規",
    "採用日": "平成20年4月1日",
    "任期満了日": "99999999",
    "退職日": "",
    "発令日": "R8.4.1",
    "メール": "taro@example.jp",
    "内線": "123",
}
HEADING = ",".join(ROW)
MY_NUMBER = "123456789012"


def encoded(encoding: str) -> FeedProfile:
    return load_feed_profile(TOML.replace('"cp932"', f'"{encoding}"'), "town")


def line(**changes: str) -> str:
    return ",".join((ROW | changes).values())


def file_of(*lines: str, heading: str = HEADING, trailer: str | None = None) -> bytes:
    last = f"件数,{len(lines)}" if trailer is None else trailer
    return "".join(f"{part}\r\n" for part in (heading, *lines, last) if part).encode("cp932")


def read(*lines: str, profile: FeedProfile = PROFILE) -> Feed:
    return read_feed(file_of(*lines), profile)


def problems_of(data: bytes, profile: FeedProfile = PROFILE) -> tuple[FeedProblem, ...]:
    with pytest.raises(FeedRefused) as refusal:
        read_feed(data, profile)
    problems = tuple(problem for problem in refusal.value.problems if isinstance(problem, FeedProblem))
    assert problems
    assert str(len(problems)) in refusal.value.message
    return problems


def only_problem(data: bytes, profile: FeedProfile = PROFILE) -> FeedProblem:
    (problem,) = problems_of(data, profile)
    return problem


# --- what is read ----------------------------------------------------------------------------------------------------


def test_a_row_is_read_exactly() -> None:
    feed = read(line())
    assert feed.warnings == ()
    assert feed.rows == (
        FeedRow(
            row_number=2,
            staff_number="000123",
            name="髙橋　太郎",
            kana="ﾀｶﾊｼ ﾀﾛｳ",
            birth_date=date(1985, 4, 2),
            unit_code="0100",
            unit_name="総務課",
            post="主事",
            post_kind=PostKind.PRIMARY,
            employment_kind=EmploymentKind.REGULAR,
            employed_from=date(2008, 4, 1),
            term_end=None,
            left_on=None,
            assigned_from=date(2026, 4, 1),
            mail="taro@example.jp",
            held=None,
        ),
    )


def test_the_digest_is_of_the_bytes() -> None:
    assert read(line()).sha256 == read(line()).sha256
    assert read(line()).sha256 != read(line(内線="124")).sha256


def test_last_days_stay_last_days() -> None:
    (row,) = read(line(任用形態="会計年度", 任期満了日="令和9年3月31日", 退職日="令和8年9月30日")).rows
    assert row.term_end == date(2027, 3, 31)
    assert row.left_on == date(2026, 9, 30)


@pytest.mark.parametrize("spelling", ["", "99999999", "９９９９９９９９", "9999/12/31", "00000000"])
def test_no_last_day_is_read_in_every_spelling(spelling: str) -> None:
    (row,) = read(line(任期満了日=spelling, 退職日=spelling)).rows
    assert (row.term_end, row.left_on) == (None, None)


def test_names_are_not_normalised() -> None:
    (row,) = read(line(氏名="\ufa10田　\ufa19子　")).rows
    assert row.name == "\ufa10田　\ufa19子"


def test_a_birth_date_is_not_in_the_text_of_a_row() -> None:
    assert "1985" not in repr(read(line()).rows[0])


def test_lost_leading_zeros_are_restored_and_told() -> None:
    feed = read(line(職員番号="123"), line(職員番号="０００１２４"))
    assert [row.staff_number for row in feed.rows] == ["000123", "000124"]
    assert [str(warning) for warning in feed.warnings] == [
        "ファイル全体: 職員番号の先頭の0が落ちていたため、1行で補いました。"
    ]


def test_a_date_of_an_era_already_over_is_read_with_a_warning() -> None:
    feed = read(line(任用形態="会計年度", 任期満了日="平成39年3月31日"))
    assert feed.rows[0].term_end == date(2027, 3, 31)
    (warning,) = feed.warnings
    assert (warning.row, warning.column) == (2, "任期満了日")
    assert "平成39年3月31日" in warning.message


def test_a_term_without_an_end_deserves_a_look() -> None:
    (warning,) = read(line(任用形態="会計年度", 任期満了日="")).warnings
    assert warning.column == "任期満了日"


def test_an_order_before_the_first_day_of_work_deserves_a_look() -> None:
    (warning,) = read(line(発令日="H19.4.1")).warnings
    assert (warning.row, warning.column) == (2, "発令日")


def test_two_names_of_one_unit_deserve_a_look() -> None:
    (warning,) = read(line(), line(職員番号="000124", 所属名="総務部総務課")).warnings
    assert warning.row == 3


def test_a_concurrent_post_is_a_second_row() -> None:
    rows = read(line(), line(本務兼務="兼務", 所属コード="0200", 所属名="税務課")).rows
    assert [row.post_kind for row in rows] == [PostKind.PRIMARY, PostKind.CONCURRENT]
    assert not any(row.held for row in rows)


@pytest.mark.parametrize("name", ["原　樹", "プトリ", "グエン　ティ　ラン", "SMITH　JOHN", "Ｏ’ＢＲＩＥＮ　Ａ"])
def test_names_of_every_shape_pass(name: str) -> None:
    (row,) = read(line(氏名=name)).rows
    assert (row.name, row.held) == (name, None)


def test_headings_may_be_spelt_in_full_width_and_stand_in_any_order() -> None:
    cells = dict(zip(HEADING.split(","), line().split(","), strict=True))
    order = sorted(cells)
    heading = ",".join(order).replace("氏名", "氏　名", 1)
    (row,) = read_feed(file_of(",".join(cells[key] for key in order), heading=heading), PROFILE).rows
    assert row == read(line()).rows[0]


@pytest.mark.parametrize(
    ("encoding", "codec"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16")],
)
def test_other_encodings_give_the_same_rows(encoding: str, codec: str) -> None:
    data = file_of(line()).decode("cp932").encode(codec)
    profile = encoded(encoding)
    assert read_feed(data, profile).rows == read(line()).rows


def test_tab_separated_and_quoted_files_give_the_same_rows() -> None:
    text = file_of(line()).decode("cp932")
    tabs = replace(PROFILE, delimiter="\t")
    assert read_feed(text.replace(",", "\t").encode("cp932"), tabs).rows == read(line()).rows
    quoted = text.replace(",", '","').replace("\r\n", '"\r\n"')[:-1]
    assert read_feed(f'"{quoted}'.encode("cp932"), PROFILE).rows == read(line()).rows


def test_a_file_without_a_count_row_is_read_where_the_profile_says_so_and_told() -> None:
    feed = read_feed(file_of(line(), trailer=""), replace(PROFILE, trailer=FeedTrailer()))
    assert len(feed.rows) == 1
    assert "件数行のない" in feed.warnings[0].message


# --- what is held ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"氏名": "\ue000田　太郎"}, "外字"),
        ({"所属名": "総務\ue757課"}, "外字"),
        ({"氏名": "?田　太郎"}, "置き換わって"),
        ({"氏名": "〓　太郎"}, "置き換わって"),
        ({"カナ氏名": ""}, "カナ氏名がありません"),
        ({"カナ氏名": "高橋　太郎"}, "仮名でない"),
        ({"任用形態": "特別職"}, "「特別職」は定義にありません"),
        ({"任用形態": ""}, "任用形態"),
        ({"本務兼務": "兼務"}, "本務の行がありません"),
    ],
)
def test_a_row_that_must_not_act_on_its_own_is_held_and_the_others_go_on(changes: dict[str, str], reason: str) -> None:
    held, other = read(line(**changes), line(職員番号="000124")).rows
    assert held.held is not None
    assert reason in held.held
    assert other.held is None


def test_every_row_of_a_person_is_held_with_one() -> None:
    rows = read(line(氏名="\ue000田　太郎"), line(氏名="\ue000田　太郎", 本務兼務="兼務", 任用形態="謎")).rows
    assert rows[0].held == rows[1].held
    assert "外字" in (rows[0].held or "")
    assert "謎" in (rows[0].held or "")
    assert rows[1].employment_kind is None


@pytest.mark.parametrize("changes", [{"氏名": "山田　花子"}, {"カナ氏名": "ﾔﾏﾀﾞ ﾊﾅｺ"}, {"生年月日": "S60.4.3"}])
def test_two_people_under_one_staff_number_are_held(changes: dict[str, str]) -> None:
    rows = read(line(), line(本務兼務="兼務", **changes)).rows
    assert all("同じ職員番号" in (row.held or "") for row in rows)


def test_a_missing_birth_date_beside_a_given_one_holds_nobody() -> None:
    assert not any(row.held for row in read(line(), line(本務兼務="兼務", 生年月日="")).rows)


# --- what is refused in a cell ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("職員番号", "", "職員番号は6桁"),
        ("職員番号", "1234567", "職員番号は6桁"),
        ("職員番号", "000000", "職員番号は6桁"),
        ("職員番号", "123.0", "職員番号は6桁"),
        ("職員番号", "1.2E+05", "職員番号は6桁"),
        ("職員番号", "K12", "英字"),
        ("氏名", "", "空です"),
        ("氏名", "=HYPERLINK(1)", "計算式"),
        ("氏名", "＋山田", "計算式"),
        ("氏名", "-山田", "計算式"),
        ("カナ氏名", "@SUM", "計算式"),
        ("氏名", "000123", "文字がありません"),
        ("氏名", "山" * 101, "長すぎます"),
        ("氏名", "山田\x0b太郎", "制御文字"),
        ("所属コード", "", "空です"),
        ("所属コード", "総務課", "英数字"),
        ("所属名", "", "空です"),
        ("職名", "", "空です"),
        ("所属名", "=1+1", "計算式"),
        ("職名", "＠SUM", "計算式"),
        ("本務兼務", "併任", "「併任」は定義にない区分"),
        ("本務兼務", "", "定義にない区分"),
        ("採用日", "", "空です"),
        ("採用日", "令和8年2月30日", "暦にない"),
        ("採用日", "99999999", "暦にない"),
        ("採用日", "39539", "通し番号"),
        ("任期満了日", "2027/2/29", "暦にない"),
        ("退職日", "未定", "読めません"),
        ("発令日", "8.4.1", "読めません"),
        ("生年月日", "S60.2.30", "暦にない"),
        ("任期満了日", "2026/3/31", "「発令日」より前"),
        ("退職日", "2026/3/31", "「発令日」より前"),
        ("メール", "taro", "メールアドレス"),
        ("メール", "太郎@example.jp", "メールアドレス"),
    ],
)
def test_a_mistake_in_a_cell_refuses_the_file_and_names_row_and_column(column: str, value: str, reason: str) -> None:
    problem = only_problem(file_of(line(), line(**{"職員番号": "000124", column: value})))
    assert (problem.row, problem.column) == (3, column)
    assert reason in problem.message
    assert f"3行目「{column}」: " in str(problem)


def test_an_impossible_birth_date_is_not_repeated() -> None:
    assert "60" not in only_problem(file_of(line(生年月日="S60.2.30"))).message


def test_an_end_before_the_first_day_of_work_is_refused() -> None:
    problems = problems_of(file_of(line(任期満了日="2008/3/31", 発令日="2007/4/1", 退職日="2008/3/31")))
    assert [problem.column for problem in problems] == ["任期満了日", "退職日"]
    assert all("「採用日」より前" in problem.message for problem in problems)


def test_an_end_on_the_first_day_is_read() -> None:
    (row,) = read(line(退職日="2026/4/1")).rows
    assert row.left_on == row.assigned_from


def test_a_birth_after_the_first_day_of_work_is_refused() -> None:
    assert only_problem(file_of(line(生年月日="H21.1.1"))).column == "採用日"


def test_all_mistakes_are_told_together_in_order() -> None:
    data = file_of(
        line(職員番号="", 採用日="x"),
        line(職員番号="000124", 氏名="=1", メール="?"),
        line(職員番号="000125", 本務兼務="?"),
        trailer="件数,9",
    )
    found = [(problem.row, problem.column) for problem in problems_of(data)]
    assert found == [(2, "職員番号"), (2, "採用日"), (3, "氏名"), (3, "メール"), (4, "本務兼務"), (5, None)]


def test_a_row_with_a_mistake_is_not_compared_with_others() -> None:
    problems = problems_of(file_of(line(職員番号=""), line(職員番号="", 氏名="山田　花子")))
    assert [(problem.row, problem.column) for problem in problems] == [(2, "職員番号"), (3, "職員番号")]
    problems = problems_of(file_of(line(職員番号=MY_NUMBER), line(職員番号=MY_NUMBER, 氏名="山田　花子")))
    assert [(problem.row, problem.column) for problem in problems] == [(2, "職員番号"), (3, "職員番号")]


# --- My Number -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", list(ROW))
@pytest.mark.parametrize(
    "spelling",
    [MY_NUMBER, "１２３４５６７８９０１２", "1234-5678-9012", "1234 5678 9012", "No.123456789012", "'123456789012"],
)
def test_a_personal_number_in_any_column_is_refused_and_never_repeated(column: str, spelling: str) -> None:
    data = file_of(line(), line(**{"職員番号": "000124", column: spelling}))
    with pytest.raises(FeedRefused) as refusal:
        read_feed(data, PROFILE)
    (problem,) = refusal.value.problems
    assert isinstance(problem, FeedProblem)
    assert (problem.row, problem.column) == (3, column)
    assert "マイナンバー" in problem.message
    told = f"{refusal.value!r} {refusal.value} {refusal.value.problems!r}"
    assert "5678" not in told
    assert "５６７８" not in told


@pytest.mark.parametrize(
    "data",
    [
        file_of(line(), heading=HEADING.replace("内線", MY_NUMBER)),
        file_of(line(), heading=line(職員番号=MY_NUMBER)),
        file_of(line(), line(職員番号="12345678901")),
        file_of(line(), line(採用日="12345678901")),
        file_of(line(), line(本務兼務="12345678901")),
        file_of(line(), f"{MY_NUMBER},1"),
        file_of(line(), trailer=f"件数,{MY_NUMBER}"),
        file_of(line(), trailer=MY_NUMBER),
    ],
)
def test_no_refusal_repeats_a_long_number_wherever_it_stands(data: bytes) -> None:
    told = " ".join(f"{problem!r} {problem}" for problem in problems_of(data))
    assert "4567" not in told


def test_an_ordinary_telephone_number_is_no_personal_number() -> None:
    assert len(read(line(内線="+81-90-1234-5678")).rows) == 1


# --- headings --------------------------------------------------------------------------------------------------------


def test_an_unknown_heading_is_refused_with_the_nearest_known_one() -> None:
    problems = problems_of(file_of(line(), heading=HEADING.replace("退職日", "退職曰")))
    assert any("「退職曰」" in problem.message and "「退職日」" in problem.message for problem in problems)
    assert any("見出し「退職日」がありません" in problem.message for problem in problems)
    assert all(problem.row == 1 for problem in problems)


def test_an_extra_column_is_refused() -> None:
    problem = only_problem(file_of(f"{line()},9", heading=f"{HEADING},号給"))
    assert problem.column == "16列目"
    assert "号給" in problem.message


def test_every_missing_heading_is_named() -> None:
    problems = problems_of(file_of("1", heading="職員番号"))
    assert sum("がありません" in problem.message for problem in problems) == 13


@pytest.mark.parametrize("double", ["氏名", "職員コード"])
def test_a_heading_that_comes_twice_is_refused(double: str) -> None:
    problem = only_problem(file_of(f"{line()},x", heading=f"{HEADING},{double}"))
    assert "列目にもあります" in problem.message


def test_a_mistake_in_the_heading_does_not_hide_those_in_the_rows() -> None:
    problems = problems_of(file_of(line(採用日="x"), heading=HEADING.replace("退職日", "去った日")))
    assert [(problem.row, problem.column) for problem in problems] == [(1, "12列目"), (1, None), (2, "採用日")]


def test_a_file_without_a_heading_is_refused_without_repeating_its_people() -> None:
    problem = only_problem(file_of(line(職員番号="000124"), heading=line()))
    assert "見出しが一つもありません" in problem.message
    assert "髙橋" not in str(problem)


# --- the file as a whole ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"\r\n", b" \r\n\r\n"])
def test_an_empty_file_is_refused(data: bytes) -> None:
    assert "空" in only_problem(data).message


@pytest.mark.parametrize("trailer", ["件数,0", ""])
def test_a_heading_alone_is_refused(trailer: str) -> None:
    profile = PROFILE if trailer else replace(PROFILE, trailer=FeedTrailer())
    assert any("見出しの行だけ" in problem.message for problem in problems_of(file_of(trailer=trailer), profile))


@pytest.mark.parametrize("trailer", ["件数,1", "件数,3", "件数", "件数,", "件数,２", "件数,-2", "件数,2,x"])
def test_a_count_row_that_does_not_count_the_rows_is_refused(trailer: str) -> None:
    data = file_of(line(), line(職員番号="000124"), trailer=trailer)
    assert only_problem(data).row == 4


def test_a_missing_count_row_is_refused_as_a_cut_file() -> None:
    assert "途中で切れています" in only_problem(file_of(line(), trailer="")).message


@pytest.mark.parametrize("row", [line() + ",", line().rsplit(",", 1)[0], "000124", "", "件数,1"])
def test_a_row_with_another_number_of_cells_is_refused(row: str) -> None:
    data = (HEADING + "\r\n" + row + "\r\n" + line() + "\r\n件数,2\r\n").encode("cp932")
    problem = only_problem(data)
    assert problem.row == 2
    assert "セルが" in problem.message


@pytest.mark.parametrize("end", [-1, -2, -3, -6])
def test_a_file_that_does_not_end_in_a_line_break_is_refused(end: int) -> None:
    assert any("改行で終わっていません" in problem.message for problem in problems_of(file_of(line())[:end]))


def test_an_unclosed_quote_is_refused_at_the_row_where_it_opens() -> None:
    problems = problems_of(file_of(line(), line(職員番号="000124", 内線='"1'), line(職員番号="000125")))
    assert any(problem.row == 3 and "引用符" in problem.message for problem in problems)


def test_a_line_break_inside_a_cell_is_refused() -> None:
    problem = only_problem(file_of(line(所属名='"総務\n課"')))
    assert (problem.row, problem.column) == (2, "所属名")


def test_an_identical_row_is_refused() -> None:
    problems = problems_of(file_of(line(), line(職員番号="000124"), line()))
    assert any(problem.row == 4 and "2行目とまったく同じ" in problem.message for problem in problems)


@pytest.mark.parametrize("number", ["000123", "123", "０００１２３"])
def test_two_primary_posts_of_one_number_are_refused(number: str) -> None:
    problem = only_problem(file_of(line(), line(職員番号=number, 所属コード="0200", 所属名="税務課")))
    assert problem.row == 3
    assert "2行目にも" in problem.message


def test_a_file_over_the_limits_is_refused() -> None:
    rows = [line(職員番号=f"{number:06}") for number in range(1, 4)]
    few = replace(PROFILE, limits=FeedLimits(max_rows=2))
    small = replace(PROFILE, limits=FeedLimits(max_bytes=300))
    assert "多すぎます" in only_problem(file_of(*rows), few).message
    assert len(read(*rows[:2], profile=few).rows) == 2
    assert "大きすぎます" in only_problem(file_of(*rows), small).message


# --- encodings -------------------------------------------------------------------------------------------------------


def test_bytes_that_are_no_cp932_are_refused_with_their_place() -> None:
    data = file_of(line(), line(職員番号="000124"))
    place = data.index("主事".encode("cp932"), data.index(b"000124"))
    problem = only_problem(data[:place] + b"\x85\x40" + data[place + 2 :])
    assert problem.row == 3
    assert f"{place}バイト目" in problem.message


@pytest.mark.parametrize("stray", [b"\x80", b"\xa0", b"\xfd", b"\xfe", b"\xff"])
def test_single_bytes_that_no_japanese_system_writes_are_refused(stray: bytes) -> None:
    data = file_of(line(内線="12#"))
    problem = only_problem(data.replace(b"#", stray))
    assert problem.row == 2
    assert f"{data.index(b'#')}バイト目" in problem.message


@pytest.mark.parametrize(("encoding", "codec"), [("utf-16", "utf-16-le"), ("utf-8-sig", "utf-8")])
def test_the_place_of_unreadable_bytes_counts_the_mark(encoding: str, codec: str) -> None:
    text = file_of(line(氏名="上野　上"), line(職員番号="000124", 内線="#")).decode("cp932")  # 上 is 0A 4E in UTF-16
    mark = "\ufeff".encode(codec)
    before, after = (part.encode(codec) for part in text.split("#"))
    problem = only_problem(mark + before + b"\xff\xdf" + after, encoded(encoding))
    assert problem.row == 3
    assert f"{len(mark + before)}バイト目" in problem.message


def test_a_utf8_file_under_a_cp932_profile_is_refused_and_recognised() -> None:
    problem = only_problem(file_of(line()).decode("cp932").encode())
    assert "UTF-8" in problem.message


def test_utf8_that_happens_to_be_valid_cp932_is_refused_and_recognised() -> None:
    data = "職員番号,氏名,採用日\r\n".encode()
    assert data.decode("cp932")
    assert "UTF-8" in only_problem(data).message


def test_a_cp932_file_under_a_utf8_profile_is_refused_and_recognised() -> None:
    problem = only_problem(file_of(line()), encoded("utf-8"))
    assert "CP932" in problem.message


@pytest.mark.parametrize(
    ("encoding", "codec"),
    [
        ("cp932", "utf-8-sig"),
        ("cp932", "utf-16"),
        ("utf-8", "utf-8-sig"),
        ("utf-8", "utf-16"),
        ("utf-16", "utf-8-sig"),
        ("utf-16", "utf-16-le"),
        ("utf-16", "cp932"),
    ],
)
def test_a_byte_order_mark_that_contradicts_the_profile_is_refused(encoding: str, codec: str) -> None:
    data = file_of(line()).decode("cp932").encode(codec)
    assert "文字コードは" in only_problem(data, encoded(encoding)).message


def test_nul_bytes_are_refused() -> None:
    problem = only_problem(file_of(line(氏名="山田\0太郎")))
    assert problem.row == 2
    assert "NUL" in problem.message


def test_utf16_without_a_mark_read_as_utf8_is_refused() -> None:
    assert problems_of("a,b\r\n".encode("utf-16-le"), encoded("utf-8"))
