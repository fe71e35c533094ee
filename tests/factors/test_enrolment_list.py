"""Lists of who is enrolled: read whole or refused with line and heading, and compared with the register (B2)."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import FeedRefused
from idm.factors.authenticator_state import AuthenticatorState
from idm.factors.enrolment_comparison import Booked, Compared, Item, Moment, Standing, compare, too_many
from idm.factors.enrolment_list import Enrolled, read_enrolments
from idm.factors.factor_gate import GateFacts, Reading, Verdict
from idm.organisation import EnrolmentShape
from idm.policy_file import load_profile
from idm.vocabulary import AuthenticatorKind, VerifiedBy
from tests.feed.archive_damage import bombs
from tests.feed.files import spreadsheet

CARD, FACE, TOKEN = AuthenticatorKind.IC_CARD, AuthenticatorKind.BIOMETRIC, AuthenticatorKind.HARDWARE_TOKEN
SHAPE = EnrolmentShape(
    login_name="ID", employee_number="職員番号", factors="認証", required="必須", required_words=("はい", "必須"),
    words={"ICカード": CARD, "顔": FACE},
)  # fmt: skip
HEADING = "ID,職員番号,認証,必須\r\n"
GOOD = HEADING + "u100009,100009,ICカード・顔,はい\r\nu100010,,顔・合言葉,いいえ\r\n"
SHEET = spreadsheet([["ID", "認証", "必須"], ["u1", "顔", "はい"]])
BOMBS = ("bomb/declared-size", "bomb/lying-size-and-checksum", "bomb/ratio", "bomb/far-cell", "bomb/entities",
         "bomb/many-parts", "archive/macro", "archive/office-password")  # fmt: skip
WORDS = st.sampled_from(["ICカード", "ＩＣカード", "顔", "合言葉", "パスワード"])


def read(text: str, shape: EnrolmentShape = SHAPE) -> tuple[Enrolled, ...]:
    return read_enrolments(text.encode("cp932"), shape)


def refused(text: str, shape: EnrolmentShape = SHAPE) -> list[str]:
    with pytest.raises(FeedRefused) as refusal:
        read(text, shape)
    assert refusal.value.message.startswith("登録者一覧を受け付けません。")
    return [str(problem) for problem in refusal.value.problems]


def test_a_list_is_read_with_its_kinds_and_whether_factors_are_asked_for() -> None:
    first, second = read(GOOD)
    assert (first.lines, first.login_name, first.employee_number) == ((2,), "u100009", "100009")
    assert (set(first.kinds), first.required, set(first.other_words)) == ({CARD, FACE}, True, set())
    assert (set(second.kinds), second.required, set(second.other_words)) == ({FACE}, False, {"合言葉"})


def test_without_its_column_the_product_asks_everybody_on_its_list() -> None:
    shape = EnrolmentShape(login_name="ID", factors="認証", words={"顔": FACE})
    assert [row.required for row in read("ID,認証\r\nu1,顔\r\nu2,\r\n", shape)] == [True, True]


def test_a_word_that_says_neither_yes_nor_no_is_no_yes() -> None:
    assert [row.required for row in read(HEADING + "u1,,顔,\r\nu2,,顔,対象外\r\nu3,,顔,ﾊｲ\r\n")] == [False] * 3


def test_a_person_may_stand_in_several_lines() -> None:
    (one,) = read(HEADING + "u1,1,ICカード,はい\r\nＵ1,1,顔・指,はい\r\n")
    assert (one.lines, set(one.kinds), set(one.other_words)) == ((2, 3), {CARD, FACE}, {"指"})


def test_somebody_may_be_found_by_their_number_alone() -> None:
    shape = EnrolmentShape(employee_number="職員番号", factors="認証", words={"顔": FACE})
    (one,) = read("職員番号,認証\r\n100009,顔\r\n", shape)
    assert (one.login_name, one.employee_number, one.called) == (None, "100009", "100009")


def test_a_spreadsheet_is_read_like_a_text_file() -> None:
    shape = replace(SHAPE, format="xlsx")
    data = spreadsheet([["ID", "職員番号", "認証", "必須"], ["u1", 100009, "顔", "はい"]])
    (one,) = read_enrolments(data, shape)
    assert (one.login_name, one.employee_number, set(one.kinds), one.required) == ("u1", "100009", {FACE}, True)


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig", "utf-16"])
def test_every_encoding_is_read_strictly(encoding: Literal["cp932", "utf-8", "utf-8-sig", "utf-16"]) -> None:
    shape = replace(SHAPE, encoding=encoding, delimiter="\t")
    (one, _) = read_enrolments(GOOD.replace(",", "\t").encode(encoding), shape)
    assert one.kinds == {CARD, FACE}


@pytest.mark.asvs("5.2.2")
@pytest.mark.parametrize("data", [b"ID,\xff\xff\r\n", b"\x00" * 40, b"", "ID,認証\r\n".encode("euc_jp")])
def test_bytes_that_are_no_list_are_refused(data: bytes) -> None:
    with pytest.raises(FeedRefused):
        read_enrolments(data, SHAPE)


@pytest.mark.asvs("5.2.3")
@pytest.mark.parametrize("name", BOMBS)
def test_no_bomb_and_no_locked_spreadsheet_is_read(name: str) -> None:
    assert read_enrolments(SHEET, replace(SHAPE, employee_number=None, format="xlsx"))
    with pytest.raises(FeedRefused):
        read_enrolments(dict(bombs(SHEET))[name], replace(SHAPE, employee_number=None, format="xlsx"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace("ID,", "利用者,", 1), "1行目: 見出し「ID」の列がありません"),
        (
            GOOD.replace("必須\r", "必 須 可否\r", 1),
            "1行目: 見出し「必須」の列がありません（「必須可否」の列がそれなら",
        ),
        (GOOD.replace("職員番号", "認証", 1), "1行目: 見出し「認証」が2列あります。"),
        (GOOD + ",100011,顔,はい\r\n", "4行目「ID」: 空です。"),
        (GOOD + "u1,123456789012,顔,はい\r\n", "4行目「職員番号」: 12桁の数字があります。"),
        (GOOD + "u1,,=顔,はい\r\n", "4行目「認証」: 「=」"),
        (GOOD + "u1,,顔\r\n", "4行目: セルが3個あります（見出しは4個です）。"),
        (GOOD + "u100009,100009,顔,いいえ\r\n", "4行目「必須」: 2行目の同じ人と違います。"),
        (GOOD + "u100009,100010,顔,はい\r\n", "4行目「職員番号」: 2行目の同じ人と職員番号が違います。"),
        (HEADING, "ファイル全体: 見出しの行だけで"),
        (GOOD[:-2], "3行目: 最後の行が改行で終わっていません。"),
    ],
)
def test_a_broken_list_is_refused_with_its_line_and_heading(text: str, told: str) -> None:
    problems = refused(text)
    assert any(problem.startswith(told) for problem in problems), problems


def test_every_mistake_is_told_at_once_by_line() -> None:
    problems = refused(GOOD + ",,顔,はい\r\nu1,,=1,はい\r\n")
    assert [problem[:3] for problem in problems] == ["4行目", "5行目"]


@given(st.dictionaries(st.from_regex(r"u[0-9]{1,6}", fullmatch=True), st.tuples(st.lists(WORDS), st.booleans()),
                       min_size=1, max_size=20))  # fmt: skip
def test_whatever_is_written_is_read_and_nothing_else(people: dict[str, tuple[list[str], bool]]) -> None:
    text = HEADING + "".join(
        f"{name},,{'・'.join(words)},{'はい' if required else 'いいえ'}\r\n"
        for name, (words, required) in people.items()
    )
    told = {row.called: (set(row.kinds), row.required) for row in read(text)}
    meant = {"ICカード": CARD, "ＩＣカード": CARD, "顔": FACE}
    assert told == {
        name: ({meant[word] for word in words if word in meant}, required) for name, (words, required) in people.items()
    }


@given(st.binary(max_size=400))
def test_any_bytes_are_a_list_or_refused(data: bytes) -> None:
    for shape in (SHAPE, replace(SHAPE, encoding="utf-8"), replace(SHAPE, format="xlsx")):
        people: tuple[Enrolled, ...] = ()
        with suppress(FeedRefused):
            people = read_enrolments(data, shape)
        assert all(row.called for row in people)


@given(st.permutations(["u1,,ICカード,はい", "u2,,顔,はい", "u1,,顔,はい", "u3,,,いいえ"]))
def test_the_order_of_the_lines_does_not_matter(lines: list[str]) -> None:
    told = {row.login_name: (row.kinds, row.required) for row in read(HEADING + "\r\n".join(lines) + "\r\n")}
    assert told == {"u1": ({CARD, FACE}, True), "u2": ({FACE}, True), "u3": (frozenset(), False)}


# --- beside our books -------------------------------------------------------------------------------------------------

NOW = datetime(2026, 4, 10, tzinfo=UTC)
MOMENT = Moment(made_on=NOW - timedelta(hours=2), now=NOW, longest=timedelta(days=35))
ACTIVE, LOST = AuthenticatorState.ACTIVE, AuthenticatorState.LOST
BEFORE = NOW - timedelta(days=30)


def booked(
    *items: Item, number: int = 9, live: bool = True, in_effect: bool = False, reading: Reading | None = None,
    password: bool = True,
) -> Booked:  # fmt: skip
    used = frozenset(item.kind for item in items if item.used_here and item.state is ACTIVE)
    facts = GateFacts(
        forbidden=False,
        by=VerifiedBy.PRODUCT,
        password=password,
        lists=True,
        verifiable=frozenset(AuthenticatorKind),
        registered=used,
        reading=reading,
    )
    return Booked(
        number, 1000 + number, f"u{number}", f"職員{number}", frozenset({f"10000{number}"}), live, in_effect, items,
        facts,
    )  # fmt: skip


def item(
    kind: AuthenticatorKind = CARD, state: AuthenticatorState = ACTIVE, number: int = 1, *, used: bool = True
) -> Item:
    return Item(number, kind, state, used)


def listed(*kinds: AuthenticatorKind, number: int = 9, required: bool = True, staff: str | None = None) -> Enrolled:
    return Enrolled((2,), f"u{number}", staff, frozenset(kinds), required)


def one(row: Enrolled, account: Booked, moment: Moment = MOMENT) -> Compared:
    (found,) = compare([row], [account], moment).lines
    return found


def shown(*kinds: AuthenticatorKind, required: bool = True) -> Reading:
    return Reading(required, frozenset(kinds), BEFORE)


def test_what_the_register_does_not_know_of_is_registered_and_opens_the_gate() -> None:
    found = one(listed(CARD), booked())
    assert (found.standing, set(found.registers), found.verdict) == (Standing.CHANGES, {CARD}, Verdict.OPEN)
    assert found.reading == Reading(True, frozenset({CARD}), MOMENT.made_on)


def test_what_is_known_already_agrees_and_only_grows_younger() -> None:
    found = one(listed(CARD), booked(item(), reading=shown(CARD), in_effect=True))
    assert (found.standing, found.registers, found.opens, found.closes) == (Standing.AGREES, frozenset(), (), ())
    assert found.reading == Reading(True, frozenset({CARD}), MOMENT.made_on)
    assert found.stops is False


def test_an_authenticator_of_that_kind_begins_to_be_used_and_none_is_made_up() -> None:
    older, newer = item(number=1, used=False), item(number=2, used=False)
    found = one(listed(CARD), booked(older, newer))
    assert (found.opens, found.registers) == ((newer,), frozenset())


def test_what_is_no_longer_listed_ends_and_stops_whoever_is_in() -> None:
    used = item()
    found = one(listed(FACE), booked(used, reading=shown(CARD), in_effect=True, password=False))
    assert (found.closes, set(found.registers), found.verdict, found.stops) == (
        (used,), {FACE}, Verdict.FACTOR_MISSING, True
    )  # fmt: skip


def test_whoever_is_not_listed_loses_everything_there() -> None:
    used = item()
    (found,) = compare([], [booked(used, reading=shown(CARD), in_effect=True)], MOMENT).lines
    assert (found.standing, found.closes, found.stops) == (Standing.MISSING, (used,), True)
    assert found.reading == Reading(False, frozenset(), MOMENT.made_on)


def test_whoever_is_no_longer_asked_is_stopped() -> None:
    found = one(listed(CARD, required=False), booked(item(), reading=shown(CARD), in_effect=True))
    assert (found.standing, found.verdict, found.stops) == (Standing.CHANGES, Verdict.NOT_ENFORCED, True)


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ((item(state=LOST),), "紛失の届出があるICカード"),
        ((item(state=LOST, used=False), item(number=2, used=False)), "紛失の届出があるICカード"),
        ((item(state=AuthenticatorState.COLLECTED, used=False),), "ICカードは回収済みです"),
        ((item(state=AuthenticatorState.DESTROYED, used=False),), "ICカードは回収済みです"),
        ((item(state=AuthenticatorState.WITHDRAWN, used=False),), "ICカードは回収済みです"),
        ((item(state=AuthenticatorState.ISSUED, used=False),), "ICカードは交付済みですが、使用開始の登録がありません"),
    ],
)
def test_a_list_revives_nothing_that_was_lost_or_given_back(items: tuple[Item, ...], told: str) -> None:
    found = one(listed(CARD), booked(*items))
    assert (found.registers, found.opens, found.verdict) == (frozenset(), (), Verdict.FACTOR_MISSING)
    assert found.differences[0].startswith(told)


def test_a_new_card_beside_a_lost_one_counts_once_an_officer_saw_it_there() -> None:
    found = one(listed(CARD), booked(item(state=LOST), item(number=2)))
    assert (found.differences, found.verdict) == ((), Verdict.OPEN)


def test_nobody_opens_the_gate_for_themself_but_may_close_it() -> None:
    own = replace(MOMENT, importer=frozenset({1009}))
    gain = one(listed(CARD), booked(), own)
    assert (gain.registers, gain.opens, gain.reading, gain.verdict) == (
        frozenset(), (), None, Verdict.FACTOR_MISSING
    )  # fmt: skip
    assert gain.differences == ("取り込む人自身の登録は、増やせません。ほかの担当者がこの一覧を取り込んでください",)
    stays = one(listed(CARD), booked(item(), reading=shown(CARD), in_effect=True), own)
    assert stays.reading == shown(CARD)
    loss = one(listed(CARD, required=False), booked(item(), reading=shown(CARD), in_effect=True), own)
    assert (loss.reading, loss.stops) == (Reading(False, frozenset({CARD}), BEFORE), True)


def test_rows_of_nobody_of_ours_count_for_nothing() -> None:
    rows = [listed(CARD, number=8), listed(CARD, staff="100008")]
    unknown, other, missing = compare(rows, [booked()], MOMENT).lines
    assert [unknown.standing, other.standing, missing.standing] == [
        Standing.UNKNOWN,
        Standing.UNKNOWN,
        Standing.MISSING,
    ]
    assert unknown.account_id is None
    assert other.differences == ("職員番号が違います（一覧 100008）。この行は数えません",)


def test_somebody_is_found_by_their_number_where_the_list_has_no_login_name() -> None:
    by_number = Enrolled((2,), None, "１００００９", frozenset({CARD}), required=True)
    assert one(by_number, booked()).account_id == 9


def test_whoever_holds_no_right_there_is_told_and_gains_nothing() -> None:
    found = one(listed(CARD), booked(live=False))
    assert (found.standing, found.registers, found.reading) == (Standing.NO_RIGHT, frozenset(), None)
    used = item(FACE)
    assert one(listed(CARD), booked(used, live=False)).closes == (used,)
    assert compare([], [booked(live=False)], MOMENT).lines == ()
    (unlisted,) = compare([], [booked(live=False, reading=shown(CARD))], MOMENT).lines
    assert unlisted.reading == Reading(False, frozenset(), MOMENT.made_on), "what an older list said is over"


def test_people_who_would_be_stopped_are_counted_once_each() -> None:
    accounts = [booked(item(), number=number, reading=shown(CARD), in_effect=True) for number in range(1, 5)]
    comparison = compare([listed(CARD, number=1)], accounts, MOMENT)
    assert (comparison.in_effect, comparison.stopped, comparison.count(Standing.MISSING)) == (4, 3, 3)


@pytest.mark.parametrize(
    ("stopped", "of", "many"),
    [(0, 0, False), (1, 1, False), (2, 19, True), (2, 20, False), (20, 1000, False), (21, 1000, True)],
)
def test_the_measure_of_a_wrong_list(stopped: int, of: int, *, many: bool) -> None:
    rules = replace(load_profile("fukuoka").policy.factors, most_share=0.1, most_people=20)
    assert too_many(stopped, of, rules) is many


KINDS = st.sets(st.sampled_from([CARD, FACE, TOKEN]))
ITEMS = st.lists(st.builds(
    Item, st.integers(1, 99), st.sampled_from([CARD, FACE, TOKEN]), st.sampled_from(AuthenticatorState), st.booleans()
), max_size=4)  # fmt: skip


@given(ITEMS, KINDS, st.booleans(), st.booleans())
def test_only_what_is_active_listed_and_asked_for_opens_the_gate(
    items: list[Item],
    kinds: set[AuthenticatorKind],
    required: bool,
    own: bool,  # drawn, not passed
) -> None:
    moment = replace(MOMENT, importer=frozenset({1009}) if own else frozenset())
    found = one(listed(*kinds, required=required), booked(*items), moment)
    if found.verdict is Verdict.OPEN:
        active = {item.kind for item in items if item.state is ACTIVE}
        assert required
        assert not own
        assert kinds & (active | {kind for kind in kinds if kind not in {item.kind for item in items}})
    assert not {item.kind for item in found.closes} & kinds
    assert all(item.state is ACTIVE for item in found.opens)
