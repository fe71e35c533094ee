"""Lists of user IDs: read whole or refused with line numbers, and compared with the books line by line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import FeedRefused
from idm.lists.listing import Listed, read_listing
from idm.lists.listing_comparison import Booked, Verdict, compare
from idm.lists.printed_list import name_key
from idm.organisation import ListingShape
from tests.feed.archive_damage import bombs
from tests.feed.files import spreadsheet

SHAPE = ListingShape(
    login_name="利用者ID", display_name="氏名", employee_number="職員番号", enabled="状態", disabled=("停止", "無効"),
    last_used="最終利用日", groups="権限",
)  # fmt: skip
HEADING = "利用者ID,氏名,職員番号,状態,最終利用日,権限,備考\r\n"
GOOD = HEADING + "u100009,青木　一郎,100009,有効,R8.3.31,K-view・K-print,\r\nold1,,,停止,,,前任\r\n"


def refused(text: str, shape: ListingShape = SHAPE) -> list[str]:
    with pytest.raises(FeedRefused) as refusal:
        read_listing(text.encode("cp932"), shape)
    assert refusal.value.message.startswith("利用者ID一覧を受け付けません。")
    return [str(problem) for problem in refusal.value.problems]


def test_a_list_is_read_with_its_words_its_days_and_its_groups() -> None:
    first, second = read_listing(GOOD.encode("cp932"), SHAPE)
    assert (first.line, first.login_name, first.display_name, first.employee_number) == (
        2, "u100009", "青木　一郎", "100009"
    )  # fmt: skip
    assert (first.enabled, str(first.last_used)) == (True, "2026-03-31")
    assert first.groups == frozenset({"K-view", "K-print"})
    assert (second.enabled, second.last_used, second.groups, second.display_name) == (False, None, frozenset(), None)


def test_what_the_list_has_no_column_for_is_unknown() -> None:
    (row,) = read_listing(b"ID\r\nu1\r\n", ListingShape(login_name="ID"))
    assert (row.enabled, row.last_used, row.groups) == (None, None, None)


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig", "utf-16"])
def test_every_encoding_and_tabs_are_read(encoding: str) -> None:
    shape = ListingShape(login_name="利用者ID", enabled="状態", disabled=("停止",), encoding=encoding, delimiter="\t")  # type: ignore[arg-type]
    data = "利用者ID\t状態\r\nu1\t停止\r\n".encode(encoding)
    assert [(row.login_name, row.enabled) for row in read_listing(data, shape)] == [("u1", False)]


def test_a_spreadsheet_is_read_like_a_text_file() -> None:
    shape = ListingShape(login_name="ID", employee_number="職員番号", format="xlsx")
    (row,) = read_listing(spreadsheet([["ID", "職員番号"], ["u1", 100009]]), shape)
    assert (row.login_name, row.employee_number, row.line) == ("u1", "100009", 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "Ｕ100009,,,有効,,,\r\n", "4行目「利用者ID」: 同じ利用者ID「Ｕ100009」が2行目にもあります。"),
        (GOOD.replace("利用者ID,", "ユーザー,", 1), "1行目: 見出し「利用者ID」の列がありません"),
        (GOOD.replace("備考", "状態", 1), "1行目: 見出し「状態」が2列あります。"),
        (GOOD + ",名前,,有効,,,\r\n", "4行目「利用者ID」: 空です。"),
        (GOOD + "=1+1,,,有効,,,\r\n", "4行目「利用者ID」: 「=」「+」「-」「@」で始まっています。"),
        (GOOD + "u2,＠SUM(A1),,有効,,,\r\n", "4行目「氏名」: 「=」"),
        (GOOD + "u2,,,有効,きのう,,\r\n", "4行目「最終利用日」: 「きのう」は日付として読めません。"),
        (GOOD + "u2,,,有効\r\n", "4行目: セルが4個あります（見出しは7個です）。"),
        (GOOD + "u2,123456789012,,有効,,,\r\n", "4行目「氏名」: 12桁の数字があります。"),
        (GOOD + "u2,a\tb,,有効,,,\r\n", "4行目「氏名」: 改行などの制御文字"),
        (HEADING, "ファイル全体: 見出しの行だけで"),
        (GOOD[:-2], "3行目: 最後の行が改行で終わっていません。"),
    ],
)
def test_a_broken_list_is_refused_with_its_line(text: str, told: str) -> None:
    problems = refused(text)
    assert any(problem.startswith(told) for problem in problems), problems


def test_every_mistake_is_told_at_once() -> None:
    assert len(refused(GOOD + "=1,,,有効,,,\r\nu2,,,有効,きのう,,\r\n")) == 2


def test_a_formula_in_a_spreadsheet_is_refused() -> None:
    with pytest.raises(FeedRefused, match="計算式"):
        read_listing(spreadsheet([["ID"], ["=1+1"]]), ListingShape(login_name="ID", format="xlsx"))


BOMBS = ("bomb/declared-size", "bomb/lying-size-and-checksum", "bomb/ratio", "bomb/far-cell", "bomb/entities",
         "bomb/many-parts", "archive/macro", "archive/office-password")  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_no_bomb_and_no_locked_spreadsheet_is_read(name: str) -> None:
    data = dict(bombs(spreadsheet([["ID"], ["u1"]])))[name]
    with pytest.raises(FeedRefused):
        read_listing(data, ListingShape(login_name="ID", format="xlsx"))


@pytest.mark.parametrize("data", [b"", b"\x81\x00", b"\x00", b"PK\x03\x04", "利用者ID\r\nu1\r\n".encode("utf-16")])
def test_bytes_that_are_no_list_are_refused(data: bytes) -> None:
    with pytest.raises(FeedRefused):
        read_listing(data, SHAPE)


# --- comparison ------------------------------------------------------------------------------------------------------

BOOKED = Booked(7, "u100009", "青木　一郎", "100009", True, True, frozenset({"K-view"}))
LISTED = Listed(2, "u100009", "青木 一郎", "100009", True, None, frozenset({"K-view"}))
RIGHTS = {"K-view": "附票の照会"}


def verdicts(listed: list[Listed], booked: list[Booked]) -> list[tuple[str, Verdict, tuple[str, ...]]]:
    return [(one.login_name, one.verdict, one.differences) for one in compare(listed, booked, RIGHTS)]


def test_the_same_on_both_sides_agrees_however_it_is_spelled() -> None:
    assert verdicts([Listed(2, "Ｕ１００００９", "青木一郎", None, True, None, None)], [BOOKED]) == [
        ("Ｕ１００００９", Verdict.AGREES, ())
    ]


@pytest.mark.parametrize(
    ("listed", "difference"),
    [
        (Listed(2, "u100009", enabled=False), "一覧では無効、台帳では有効"),
        (Listed(2, "u100009", groups=frozenset()), "権限「附票の照会」が一覧にありません"),
        (Listed(2, "u100009", groups=frozenset({"K-view", "K-x"})), "権限「K-x」が一覧にだけあります"),
        (Listed(2, "u100009", employee_number="100010"), "職員番号が違います（一覧 100010、台帳 100009）"),
        (Listed(2, "u100009", display_name="今泉　二葉"), "氏名が違います（一覧「今泉　二葉」）"),
    ],
)
def test_what_differs_is_named(listed: Listed, difference: str) -> None:
    assert verdicts([listed], [BOOKED]) == [("u100009", Verdict.DIFFERS, (difference,))]


def test_an_id_that_only_one_side_has_is_an_orphan_or_missing() -> None:
    gone = Booked(8, "u100010", None, None, False, False, frozenset())
    assert verdicts([Listed(2, "shokuin1")], [BOOKED, gone]) == [
        ("shokuin1", Verdict.ORPHAN, ()), ("u100009", Verdict.MISSING, ()),
    ]  # fmt: skip


def test_what_somebody_is_working_on_is_not_judged() -> None:
    busy = Booked(7, "u100009", "青木　一郎", "100009", False, False, frozenset(), in_hand=True)
    assert [verdict for _, verdict, _ in verdicts([LISTED], [busy])] == [Verdict.IN_HAND]
    assert [verdict for _, verdict, _ in verdicts([], [busy])] == [Verdict.IN_HAND]


names = st.text("abcABCａｂｃ12", min_size=1, max_size=4)


@given(st.lists(names, unique_by=name_key), st.lists(names, unique_by=name_key))
def test_every_id_of_either_side_is_told_exactly_once(listed: list[str], booked: list[str]) -> None:
    rows = [Listed(line, name) for line, name in enumerate(listed, start=2)]
    books = [Booked(number, name, None, None, True, True, frozenset()) for number, name in enumerate(booked)]
    found = compare(rows, books, {})
    assert sorted(name_key(one.login_name) for one in found) == sorted({name_key(name) for name in (*listed, *booked)})
    both = {name_key(name) for name in listed} & {name_key(name) for name in booked}
    assert {name_key(one.login_name) for one in found if one.verdict is Verdict.AGREES} == both
