"""Event lists and files of both kinds: each line read by its kind, held or refused with kind and column named."""

from datetime import date

import pytest

from idm.errors import FeedRefused
from idm.feed.codes import EventCode, event_code
from idm.feed.event_row import NEEDS, EventRow
from idm.feed.problem import FeedProblem
from idm.feed.profile import FeedProfile, PostKind, load_feed_profile, shipped_feed_profile
from idm.feed.reader import Feed, read_feed
from idm.personnel_event import EVENT_TITLES, AbsenceKind, EventKind, LeavingKind
from tests.feed.files import EVENT_HEADING, events, text_file

PROFILE = shipped_feed_profile("aoba-events")
ROW = dict.fromkeys(EVENT_HEADING, "") | {
    "職員番号": "000123",
    "氏名": "髙橋　太郎",
    "カナ氏名": "ﾀｶﾊｼ ﾀﾛｳ",
    "異動区分": "異動",
    "発令日": "令和8年10月1日",
    "所属コード": "0200",
    "所属名": "総務課",
    "職名": "主査",
}

BOTH = """
title = "両方"
shape = "both"
encoding = "utf-8"
delimiter = "\\t"
staff_number_width = 6
[columns]
record_kind = ["レコード区分"]
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
left_on = ["退職日"]
event = ["異動区分"]
absence = ["休職区分"]
absence_from = ["休職開始"]
absence_until = ["休職終了"]
leaving = ["退職事由"]
[codes.record_kind]
"1" = "snapshot"
"2" = "event"
[codes.employment_kind]
"正" = "regular"
[codes.post_kind]
"" = "primary"
"兼" = "concurrent"
[codes.event]
"転" = "transfer"
"休" = "leave_begin"
"退" = "retire"
[codes.absence]
"0" = "none"
"育" = "childcare"
[codes.leaving]
"定" = "retirement"
"""
BOTH_HEADING = (
    "レコード区分", "職員番号", "氏名", "カナ", "所属コード", "所属", "職", "区分", "形態", "採用日", "発令日",
    "退職日", "異動区分", "休職区分", "休職開始", "休職終了", "退職事由",
)  # fmt: skip
PERSON = {"職員番号": "000123", "氏名": "髙橋　太郎", "カナ": "ﾀｶﾊｼ", "発令日": "R8.4.1"}
POST = {"所属コード": "0100", "所属": "総務課", "職": "主事", "形態": "正", "採用日": "H20.4.1"}


def read(*changes: dict[str, str], profile: FeedProfile = PROFILE) -> Feed:
    rows = [list((ROW | change).values()) for change in changes]
    return read_feed(text_file([list(EVENT_HEADING), *rows, ["件数", str(len(rows))]]), profile)


def one(**changes: str) -> EventRow:
    (event,) = read(changes).events
    return event


def problems_of(**changes: str) -> list[FeedProblem]:
    with pytest.raises(FeedRefused) as refusal:
        read(changes)
    return [problem for problem in refusal.value.problems if isinstance(problem, FeedProblem)]


def both(*lines: dict[str, str], toml: str = BOTH) -> Feed:
    rows = [[line.get(name, "") for name in BOTH_HEADING] for line in lines]
    data = text_file([BOTH_HEADING, *rows], encoding="utf-8", delimiter="\t")
    return read_feed(data, load_feed_profile(toml, "both"))


# --- one line --------------------------------------------------------------------------------------------------------


def test_an_event_is_read_exactly() -> None:
    said = {"前所属コード": "0100", "前職名": "主任", "内示公表日": "R8.9.18", "ローマ字": "TAKAHASHI"}
    assert one(**said | {"旧姓・通称": "旧　太郎"}) == EventRow(
        row_number=2,
        staff_number="000123",
        name="髙橋　太郎",
        kana="ﾀｶﾊｼ ﾀﾛｳ",
        kind=EventKind.TRANSFER,
        effective=date(2026, 10, 1),
        unit_code="0200",
        unit_name="総務課",
        post="主査",
        former_unit_code="0100",
        former_post="主任",
        published_on=date(2026, 9, 18),
        work_name="旧　太郎",
        romaji="TAKAHASHI",
    )


def test_an_event_list_names_not_the_whole_staff() -> None:
    feed = read({})
    assert not feed.covers_all
    assert feed.rows == ()


def test_a_birth_date_is_not_in_the_text_of_an_event() -> None:
    assert "1985" not in repr(one(生年月日="S60.4.2"))


@pytest.mark.parametrize(
    ("word", "kind", "absence", "leaving"),
    [
        ("育児休業", EventKind.LEAVE_BEGIN, AbsenceKind.CHILDCARE, None),
        ("停職", EventKind.LEAVE_BEGIN, AbsenceKind.DISCIPLINE, None),
        ("派遣", EventKind.SECOND_OUT, AbsenceKind.SECONDMENT, None),
        ("死亡退職", EventKind.RETIRE, None, LeavingKind.DEATH),
        ("任期満了", EventKind.TERM_END, None, LeavingKind.TERM),
        ("復職", EventKind.LEAVE_END, None, None),
    ],
)
def test_one_word_may_say_kind_and_reason(
    word: str, kind: EventKind, absence: AbsenceKind | None, leaving: LeavingKind | None
) -> None:
    event = one(異動区分=word)
    assert (event.kind, event.absence, event.leaving) == (kind, absence, leaving)


def test_every_kind_of_event_is_in_the_sample() -> None:
    feed = read_feed(text_file(events().lines()), PROFILE)
    assert {event.kind for event in feed.events} == set(EventKind)
    assert not any(event.held for event in feed.events)


def test_a_leaving_needs_no_unit_and_no_post() -> None:
    event = one(異動区分="普通退職", 所属コード="", 所属名="", 職名="")
    assert (event.unit_code, event.unit_name, event.post, event.held) == (None, None, None, None)


def test_the_post_that_ends_may_stand_where_others_write_the_new_one() -> None:
    event = one(異動区分="兼務解除")
    assert (event.unit_code, event.post, event.former_unit_code, event.former_post) == (None, None, "0200", "主査")
    assert event.post_kind is PostKind.CONCURRENT


def test_an_order_may_be_called_off_by_column_or_word() -> None:
    assert one(取消区分="取消").cancelled
    assert not one().cancelled
    assert one(取消区分="取消", 所属コード="", 所属名="", 職名="").held is None


def test_a_number_held_before_is_read_with_its_zeros() -> None:
    assert one(異動区分="再任用", 旧職員番号="99", 任期満了日="R9.3.31").former_staff_number == "000099"


# --- what is missing, unknown or wrong -------------------------------------------------------------------------------

COLUMN_OF = {
    "kana": "カナ氏名", "unit_code": "所属コード", "unit_name": "所属名", "post": "職名", "employment_kind": "任用形態",
    "former_unit_code": "前所属コード", "term_end": "任期満了日",
}  # fmt: skip
WORDS = {code.kind: word for word, code in PROFILE.codes.events.items()}


@pytest.mark.parametrize(("kind", "need"), [(kind, need) for kind, needs in NEEDS.items() for need in needs])
def test_what_an_event_needs_is_missed_by_kind_and_column(kind: EventKind, need: str) -> None:
    if need == "absence":
        with pytest.raises(FeedRefused) as refusal:
            both({"レコード区分": "2", "異動区分": "休"} | PERSON, {"レコード区分": "1"} | PERSON | POST)
        assert "「休職・休業・停職」の発令には「休職区分」が必要です" in str(refusal.value.problems[0])
        return
    full = {"異動区分": WORDS[kind], "任用形態": "正規", "任期満了日": "R9.3.31"}
    assert one(**full).kind is kind
    cleared = {COLUMN_OF[need]: ""} | ({"所属コード": ""} if need == "former_unit_code" else {})
    (problem,) = problems_of(**(full | cleared))
    assert (problem.row, problem.column) == (2, COLUMN_OF[need])
    assert f"「{EVENT_TITLES[kind]}」の発令には" in problem.message


def test_every_kind_has_its_table_of_needs() -> None:
    assert set(NEEDS) == set(EventKind)


@pytest.mark.parametrize("word", ["分限処分", ""])
def test_an_unknown_word_for_an_event_holds_the_row(word: str) -> None:
    event = one(異動区分=word)
    assert event.kind is None
    assert f"異動区分「{word}」は定義にありません" in (event.held or "")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"取消区分": "?"}, "取消の区分「?」"),
        ({"任用形態": "謎"}, "任用形態「謎」"),
        ({"氏名": "\ue000田　太郎"}, "U+E000"),
        ({"前職名": "主\ue001"}, "U+E001"),
        ({"氏名": "?田　太郎"}, "置き換わって"),
        ({"カナ氏名": "漢字"}, "仮名でない"),
    ],
)
def test_an_event_that_must_not_act_on_its_own_is_held(changes: dict[str, str], reason: str) -> None:
    assert reason in (one(**changes).held or "")


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("発令日", "", "空です"),
        ("発令日", "46296", "通し番号"),
        ("任期満了日", "R8.9.30", "「発令日」より前"),
        ("休職等終了予定日", "R8.9.30", "「発令日」より前"),
        ("旧職員番号", "1234567", "6桁"),
        ("ローマ字", "たかはし", "英字"),
        ("氏名", "", "空です"),
        ("職名", "=1+1", "計算式"),
        ("職名", "123456789012", "マイナンバー"),
        ("前職名", "1234-5678-9012", "マイナンバー"),
    ],
)
def test_a_mistake_in_an_event_refuses_the_file(column: str, value: str, reason: str) -> None:
    (problem,) = problems_of(**{column: value})
    assert (problem.row, problem.column) == (2, column)
    assert reason in problem.message


def test_the_same_event_twice_is_refused() -> None:
    with pytest.raises(FeedRefused, match="まったく同じ"):
        read({}, {})
    with pytest.raises(FeedRefused, match="2行目と同じ内容です"):
        read({}, {"発令日": "R8.10.1"})


# --- files of both kinds ---------------------------------------------------------------------------------------------


def test_a_file_of_both_says_line_by_line_what_it_is() -> None:
    feed = both(
        {"レコード区分": "1", "休職区分": "育", "休職開始": "R8.4.1", "休職終了": "R9.3.31"} | PERSON | POST,
        {"レコード区分": "2", "異動区分": "退", "退職事由": "定", "退職日": "R9.3.31"} | PERSON | {"発令日": "R9.3.31"},
    )
    (row,), (event,) = feed.rows, feed.events
    assert (row.absence, row.absence_from, row.absence_until) == (
        AbsenceKind.CHILDCARE, date(2026, 4, 1), date(2027, 3, 31),
    )  # fmt: skip
    assert (event.kind, event.leaving, event.effective) == (
        EventKind.RETIRE, LeavingKind.RETIREMENT, date(2027, 3, 31),
    )  # fmt: skip
    assert feed.covers_all
    assert row.held is event.held is None


def test_a_word_for_no_absence_is_none_and_an_unknown_one_holds() -> None:
    assert both({"レコード区分": "1", "休職区分": "0"} | PERSON | POST).rows[0].absence is None
    (row,) = both({"レコード区分": "1", "休職区分": "謎"} | PERSON | POST).rows
    assert "休職等の区分「謎」" in (row.held or "")


def test_an_absence_begins_before_it_ends_and_has_a_kind() -> None:
    posts = {"レコード区分": "1", "休職開始": "R8.4.1"} | PERSON | POST
    assert any(warning.column == "休職開始" for warning in both(posts).warnings)
    with pytest.raises(FeedRefused, match="「休職開始」より前"):
        both(posts | {"休職区分": "育", "休職終了": "R8.3.31"})


def test_a_second_post_may_not_be_called_the_own_one() -> None:
    toml = BOTH.replace('"休" =', '"兼務" = "concurrent_begin"\n"休" =').replace('"" = "primary"', '"本" = "primary"')
    event = {"レコード区分": "2", "異動区分": "兼務", "発令日": "R8.10.1"}
    posts = {"レコード区分": "1", "区分": "本"} | PERSON | POST
    (held,) = both(posts, PERSON | POST | event | {"区分": "本"}, toml=toml).events
    assert "本務の区分になっています" in (held.held or "")
    for said in ("", "兼"):
        (event_row,) = both(posts, PERSON | POST | event | {"区分": said}, toml=toml).events
        assert (event_row.post_kind, event_row.held) == (PostKind.CONCURRENT, None)


def test_a_line_of_neither_kind_is_refused() -> None:
    with pytest.raises(FeedRefused, match="「9」は定義にない区分"):
        both({"レコード区分": "9"} | PERSON | POST)


def test_a_list_of_everybody_without_anybody_is_refused() -> None:
    event = {"レコード区分": "2", "異動区分": "退", "発令日": "R9.3.31"}
    with pytest.raises(FeedRefused, match="職員の行が一つもありません"):
        both(PERSON | event)
    changed = BOTH.replace('shape = "both"', 'shape = "both"\ncovers_all = false')
    feed = both(PERSON | event, toml=changed)
    assert (len(feed.events), feed.covers_all) == (1, False)


def test_a_last_day_that_is_not_the_day_of_the_order_is_held() -> None:
    event = {"レコード区分": "2", "異動区分": "退", "退職日": "R9.3.31", "発令日": "R9.3.30"}
    posts = {"レコード区分": "1"} | PERSON | POST
    assert "発令日と退職日が違います" in (both(posts, PERSON | event).rows[0].held or "")


# --- codes -----------------------------------------------------------------------------------------------------------


def test_the_code_of_an_event_says_kind_reason_and_cancelling() -> None:
    assert event_code("transfer") == EventCode(EventKind.TRANSFER)
    assert event_code("leave_begin/sick/cancelled") == EventCode(
        EventKind.LEAVE_BEGIN, absence=AbsenceKind.SICK, cancelled=True
    )
    assert event_code("retire/secondment") == EventCode(EventKind.RETIRE, leaving=LeavingKind.SECONDMENT)


@pytest.mark.parametrize(
    "text",
    ["", "move", "transfer/death", "retire/sick", "leave_begin/death", "retire/", "hire/cancelled/cancelled", "a/b/c"],
)
def test_any_other_code_of_an_event_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"。$"):
        event_code(text)
