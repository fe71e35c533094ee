"""What people do by hand: every step leads to what is wanted, in words, urgent where somebody is stopped (G2, D10)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.directory.hand_work import (
    Asked,
    Books,
    CheckAccount,
    HandStep,
    Work,
    after,
    asked,
    books_as_data,
    books_from_data,
    for_connector,
    guarded_work,
    is_urgent,
    kind_of,
    rights_work,
    told,
    wanted_as_data,
    wanted_from_data,
    whole_work,
)
from idm.directory.reconciliation import next_wave
from idm.directory.wanted_account import WantedAccount
from idm.directory.work_instructions import SENTENCES, About, instruction
from idm.ports import (
    AddMember,
    Attributes,
    CreateAccount,
    RemoveMember,
    SetEnabled,
    SetTemporaryPassword,
    Step,
    TargetAccount,
)

UUID_ = UUID(int=7)
GROUPS = frozenset({"a", "b", "c"})
TIERS = frozenset({"c", "d"})
PERSON = Attributes("u1", "青木　一郎", "青木", "一郎", "100009", "u1@example.jp", "総務課")
ABOUT = About("戸籍附票システム", "u1", "青木　一郎", "アオキ　イチロウ", {"a": "照会"})

moments = st.none() | st.sampled_from([datetime(2026, 6, 1, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)])
people = st.sampled_from([PERSON, replace(PERSON, unit_name="会計課"), replace(PERSON, mail=None)])
groups = st.frozensets(st.sampled_from(sorted(GROUPS)))
in_force = st.builds(
    WantedAccount, present=st.just(True), required=st.just(True), enabled=st.booleans(), expires_at=moments,
    groups=groups, attributes=people,
)  # fmt: skip
stopped = st.builds(
    WantedAccount, present=st.booleans(), required=st.just(False), enabled=st.just(False), expires_at=st.none(),
    groups=st.just(frozenset[str]()), attributes=people,
)  # fmt: skip
wants = in_force | stopped
shown = st.builds(
    TargetAccount, external_id=st.just("u1"), account_uuid=st.just(UUID_), attributes=people.map(told),
    enabled=st.booleans(), expires_at=moments, groups=groups,
)  # fmt: skip
books = st.builds(Books, account=st.none() | shown, handed_over=st.booleans())


def done(start: Books, works: tuple[Work, ...], wanted: WantedAccount) -> Books:
    for work in works:
        start = after(start, asked(work), wanted, account_uuid=UUID_)
    return start


@given(books, wants)
def test_doing_every_step_leaves_nothing_to_do(start: Books, wanted: WantedAccount) -> None:
    end = done(start, whole_work(UUID_, wanted, start, GROUPS), wanted)
    assert whole_work(UUID_, wanted, end, GROUPS) == ()


@given(books, wants)
def test_the_end_is_what_a_connector_would_have_brought_about(start: Books, wanted: WantedAccount) -> None:
    end = done(start, whole_work(UUID_, wanted, start, GROUPS), wanted)
    plain = replace(wanted, attributes=told(wanted.attributes))
    if end.account is not None and not wanted.required:
        end = replace(end, account=replace(end.account, attributes=plain.attributes))
    assert next_wave(UUID_, plain, end.account, GROUPS) == ()


@given(books, in_force)
def test_nobody_is_let_in_without_a_password_of_their_own(start: Books, wanted: WantedAccount) -> None:
    works = whole_work(UUID_, wanted, start, GROUPS)
    owed = wanted.enabled and not (start.account is not None and start.handed_over)
    assert [kind_of(work) for work in works].count(HandStep.PASSWORD) == int(owed)
    kinds = [kind_of(work) for work in works]
    if owed and HandStep.OPEN in kinds:
        assert kinds.index(HandStep.PASSWORD) + 1 == kinds.index(HandStep.OPEN)
    assert done(start, works, wanted).handed_over or not wanted.enabled


@given(books, wants)
def test_what_stops_somebody_comes_first_and_is_urgent(start: Books, wanted: WantedAccount) -> None:
    works = whole_work(UUID_, wanted, start, GROUPS)
    kinds = [kind_of(work) for work in works]
    assert is_urgent(works) == bool({HandStep.STOP, HandStep.REMOVE} & set(kinds))
    if HandStep.STOP in kinds:
        assert kinds[0] is HandStep.STOP
    if HandStep.DELETE in kinds:
        assert kinds[-1] is HandStep.DELETE


@given(wants, st.none() | shown, st.frozensets(st.sampled_from(sorted(TIERS))))
def test_the_connector_and_the_hand_share_the_work_and_neither_does_the_others(
    wanted: WantedAccount, seen: TargetAccount | None, extra: frozenset[str]
) -> None:
    wanted = replace(wanted, groups=wanted.groups | extra)
    managed = GROUPS - TIERS
    by_hand = rights_work(wanted, seen, TIERS)
    for step in next_wave(UUID_, for_connector(wanted, managed), seen, managed):
        assert not isinstance(step, AddMember | RemoveMember) or step.group_id not in TIERS
    assert all(isinstance(work, AddMember | RemoveMember) and work.group_id in TIERS for work in by_hand)
    if seen is not None:
        end = done(Books(seen, handed_over=True), by_hand, wanted).account
        assert end is not None
        assert (end.groups or frozenset()) & TIERS == wanted.groups & TIERS


@given(wants, shown)
def test_all_that_a_connector_would_write_is_asked_of_a_person_where_the_account_is_guarded(
    wanted: WantedAccount, seen: TargetAccount
) -> None:
    works = guarded_work(UUID_, wanted, seen, GROUPS | TIERS)
    end = done(Books(seen, handed_over=True), works, wanted).account
    as_they_are = replace(wanted, attributes=seen.attributes)
    assert end is None or next_wave(UUID_, as_they_are, end, GROUPS | TIERS) == ()
    assert (end is None) == (not wanted.present)
    assert {kind_of(work) for work in works} <= {
        HandStep.STOP, HandStep.REMOVE, HandStep.ADD, HandStep.OPEN, HandStep.DELETE,
    }  # fmt: skip


@given(wants, shown)
def test_a_guarded_account_is_stopped_first_and_opened_last(wanted: WantedAccount, seen: TargetAccount) -> None:
    works = guarded_work(UUID_, wanted, seen, GROUPS)
    kinds = [kind_of(work) for work in works]
    assert (kinds[:1] == [HandStep.STOP]) == (seen.enabled and not wanted.enabled)
    assert (HandStep.STOP in kinds[1:], is_urgent(works)) == (False, bool({HandStep.STOP, HandStep.REMOVE} & {*kinds}))
    if seen.enabled is False and wanted.enabled:
        assert kinds[-1] is HandStep.OPEN
    if HandStep.ADD in kinds and HandStep.REMOVE in kinds:
        assert kinds.index(HandStep.ADD) > max(n for n, kind in enumerate(kinds) if kind is HandStep.REMOVE)


def test_nothing_is_asked_about_a_guarded_account_that_was_not_found() -> None:
    wanted = WantedAccount(True, True, True, None, frozenset({"a"}), PERSON)
    assert guarded_work(UUID_, wanted, None, GROUPS) == ()


@given(books)
def test_books_are_kept_and_found_again(start: Books) -> None:
    assert books_from_data(books_as_data(start), UUID_) == start


@given(wants)
def test_what_is_wanted_is_kept_as_far_as_people_are_told_of_it(wanted: WantedAccount) -> None:
    assert wanted_from_data(wanted_as_data(wanted)) == replace(wanted, attributes=told(wanted.attributes))


def test_an_account_from_before_us_is_looked_at_and_never_made_or_given_a_password() -> None:
    wanted = WantedAccount(True, True, True, None, frozenset({"a"}), PERSON, adopts="u1")
    start = Books(None, handed_over=False)
    works = whole_work(UUID_, wanted, start, GROUPS)
    assert [kind_of(work) for work in works] == [HandStep.ADOPT, HandStep.ADD]
    end = done(start, works, wanted)
    assert (end.handed_over, end.account is not None and end.account.enabled) == (True, True)
    assert whole_work(UUID_, replace(wanted, adopts=None), end, GROUPS) == ()


def test_a_step_about_an_account_that_is_not_there_changes_nothing() -> None:
    nothing = Books(None, handed_over=False)
    wanted = WantedAccount(True, True, True, None, frozenset(), PERSON)
    for kind in HandStep:
        if kind not in (HandStep.CREATE, HandStep.ADOPT):
            assert after(nothing, Asked(kind, "a"), wanted, account_uuid=UUID_) == nothing


# --- words -----------------------------------------------------------------------------------------------------------


def test_every_step_there_is_has_its_sentence() -> None:
    assert set(SENTENCES) == {*get_args(Step), CheckAccount}


@given(books, wants)
def test_every_sentence_names_the_account_and_asks_for_one_thing(start: Books, wanted: WantedAccount) -> None:
    for work in whole_work(UUID_, wanted, start, GROUPS):
        sentence = instruction(work, ABOUT)
        assert "「u1」" in sentence
        assert sentence.endswith("。")
        assert "None" not in sentence


@given(st.text(min_size=6, alphabet="abcdefghijkXYZ0123456789"))
def test_no_sentence_holds_a_password(password: str) -> None:
    sentence = instruction(SetTemporaryPassword("u1", password), ABOUT)
    assert password not in sentence
    assert "最初のサインインで変更を求める" in sentence


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (CreateAccount(UUID_, PERSON), "青木　一郎」（フリガナ アオキ　イチロウ）、職員番号「100009」、所属「総務課"),
        (AddMember("u1", "a"), "権限「照会」（グループ名 a）を付けて"),
        (RemoveMember("u1", "b"), "権限「b」を外して"),
        (SetEnabled("u1", enabled=False), "無効"),
        (SetEnabled("u1", enabled=True), "利用期限を「なし」"),
        (SetEnabled("u1", enabled=True, expires_at=datetime(2027, 3, 31, 15, tzinfo=UTC)),
         "利用期限を令和9年3月31日まで（この日を含む）"),
    ],
)  # fmt: skip
def test_a_sentence_says_exactly_what_to_enter(work: Work, words: str) -> None:
    assert words in instruction(work, ABOUT)
