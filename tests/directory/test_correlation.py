"""Whose an account is: what a machine decides, what it leaves to a person, and that order never matters."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.directory.correlation import Candidate, Doubt, Found, Known, Match, Rule, correlate

AOKI = Known(
    1, frozenset({"000123"}), frozenset({"青木　一郎"}), "総務課", "aoki@example.jp", made_names=frozenset({"u000123"})
)
IMAIZUMI = Known(
    2, frozenset({"000456"}), frozenset({"今泉　二葉"}), "総務課", "imaizumi@example.jp",
    made_names=frozenset({"u000456"}),
)  # fmt: skip
ACCOUNT = Found("e-1", "ichiro", "ichiro")


def match(account: Found, *known: Known, widths: tuple[int, ...] = (6,)) -> Match:
    return correlate([account], known or (AOKI, IMAIZUMI), number_widths=widths)[account.key]


@pytest.mark.parametrize("number", ["000123", "123", "１２３", " 0123 "])
def test_the_staff_number_decides_whether_or_not_its_zeros_are_written(number: str) -> None:
    assert match(replace(ACCOUNT, employee_number=number)).person_id == 1


def test_a_number_is_not_filled_up_to_a_width_that_no_file_has() -> None:
    assert match(replace(ACCOUNT, employee_number="123"), widths=()).doubt is Doubt.NUMBER_UNKNOWN


@pytest.mark.parametrize(
    ("account", "rule"),
    [
        (replace(ACCOUNT, employee_number="000123"), Rule.EMPLOYEE_NUMBER),
        (replace(ACCOUNT, login_name="U000123"), Rule.RULE_NAME),
        (replace(ACCOUNT, mail="Aoki@Example.jp"), Rule.MAIL),
        (replace(ACCOUNT, display_name="青木 一郎", unit_name="総務課"), Rule.NAME_AND_UNIT),
    ],
)
def test_each_rule_decides_alone(account: Found, rule: Rule) -> None:
    assert match(account) == Match(1, rule, None, (Candidate(1, (rule,)),))


def test_a_name_that_was_chosen_for_somebody_is_theirs() -> None:
    found = match(replace(ACCOUNT, login_name="ichiro"), replace(AOKI, chosen_name="ichiro"), IMAIZUMI)
    assert (found.person_id, found.rule) == (1, Rule.CHOSEN_NAME)


def test_the_name_alone_decides_nothing() -> None:
    assert match(replace(ACCOUNT, display_name="青木　一郎")).doubt is Doubt.NO_CANDIDATE


def test_two_people_of_one_name_in_one_unit_are_for_a_person_to_tell_apart() -> None:
    found = match(
        replace(ACCOUNT, display_name="青木一郎", unit_name="総務課"), AOKI, replace(IMAIZUMI, names=AOKI.names)
    )
    assert found.doubt is Doubt.SEVERAL_PEOPLE
    assert [one.person_id for one in found.candidates] == [1, 2]


def test_a_number_of_one_and_the_name_of_another_is_for_a_person() -> None:
    found = match(replace(ACCOUNT, employee_number="123", login_name="u000456"))
    assert (found.person_id, found.doubt) == (None, Doubt.CONTRADICTION)
    assert found.candidates == (Candidate(1, (Rule.EMPLOYEE_NUMBER,)), Candidate(2, (Rule.RULE_NAME,)))


def test_a_number_that_nobody_has_is_not_overruled_by_a_name() -> None:
    found = match(replace(ACCOUNT, employee_number="999999", login_name="u000123"))
    assert (found.person_id, found.doubt) == (None, Doubt.NUMBER_UNKNOWN)
    assert [one.person_id for one in found.candidates] == [1]


def test_the_account_of_somebody_who_left_is_for_a_person() -> None:
    found = match(replace(ACCOUNT, employee_number="123"), replace(AOKI, employed=False))
    assert (found.person_id, found.doubt) == (None, Doubt.LEFT)


@pytest.mark.parametrize(
    ("account", "doubt"),
    [(replace(ACCOUNT, protected=True), Doubt.PROTECTED), (replace(ACCOUNT, marked=True), Doubt.MARKED)],
)
def test_an_account_that_is_guarded_or_marked_by_others_is_for_a_person(account: Found, doubt: Doubt) -> None:
    found = match(replace(account, employee_number="123"))
    assert (found.person_id, found.doubt) == (None, doubt)


def test_two_accounts_for_one_person_are_both_for_a_person() -> None:
    by_number, by_name = replace(ACCOUNT, employee_number="123"), Found("e-2", "u000123", "x")
    found = correlate([by_number, by_name], [AOKI], number_widths=(6,))
    assert {one.doubt for one in found.values()} == {Doubt.SEVERAL_ACCOUNTS}
    assert [one.person_id for one in found["e-2"].candidates] == [1]


def test_somebody_who_has_an_account_already_is_given_no_second() -> None:
    found = match(replace(ACCOUNT, employee_number="123"), replace(AOKI, has_account=True))
    assert found.doubt is Doubt.SEVERAL_ACCOUNTS


# --- properties ------------------------------------------------------------------------------------------------------

NUMBERS = st.sampled_from(["1", "01", "2", "02", "3", "99"])
LOGINS = st.sampled_from(["u01", "u02", "u03", "taro", "jiro"])
NAMES = st.sampled_from(["甲　太郎", "甲太郎", "乙　次郎"])
UNITS = st.sampled_from([None, "総務課", "税務課"])
MAILS = st.sampled_from([None, "a@x.jp", "b@x.jp"])
ACCOUNTS = st.lists(
    st.builds(
        Found, key=st.integers(0, 8).map(str), login_name=LOGINS, display_name=NAMES, unit_name=UNITS,
        employee_number=st.none() | NUMBERS, mail=MAILS, protected=st.booleans(),
    ),
    unique_by=lambda one: one.key, max_size=6,
)  # fmt: skip
PEOPLE = st.lists(
    st.builds(
        Known, person_id=st.integers(1, 6), staff_numbers=st.frozensets(NUMBERS.map(lambda n: n.zfill(2)), max_size=2),
        names=st.frozensets(NAMES, min_size=1, max_size=2), unit_name=UNITS, mail=MAILS,
        chosen_name=st.none() | LOGINS, made_names=st.frozensets(LOGINS, max_size=2), employed=st.booleans(),
        has_account=st.booleans(),
    ),
    unique_by=lambda one: one.person_id, max_size=5,
)  # fmt: skip


@given(ACCOUNTS, PEOPLE)
def test_nobody_is_given_two_accounts_and_no_account_is_left_without_a_word(
    accounts: list[Found], people: list[Known]
) -> None:
    found = correlate(accounts, people, number_widths=(2,))
    assert found.keys() == {one.key for one in accounts}
    given_to = Counter(one.person_id for one in found.values() if one.person_id is not None)
    assert all(times == 1 for times in given_to.values())
    assert all((one.person_id is None) == (one.rule is None) != (one.doubt is None) for one in found.values())


@given(ACCOUNTS, PEOPLE)
def test_whoever_is_given_an_account_is_employed_has_none_and_every_rule_that_speaks_names_them(
    accounts: list[Found], people: list[Known]
) -> None:
    by_id = {one.person_id: one for one in people}
    for one in correlate(accounts, people, number_widths=(2,)).values():
        if one.person_id is not None:
            assert by_id[one.person_id].employed
            assert not by_id[one.person_id].has_account
            mine = next(c for c in one.candidates if c.person_id == one.person_id)
            assert {rule for c in one.candidates for rule in c.rules} == set(mine.rules)


@given(ACCOUNTS, PEOPLE, st.randoms(use_true_random=False))
def test_the_order_of_accounts_and_people_changes_nothing(
    accounts: list[Found], people: list[Known], random: Random
) -> None:
    shuffled_accounts, shuffled_people = list(accounts), list(people)
    random.shuffle(shuffled_accounts)
    random.shuffle(shuffled_people)
    one = correlate(accounts, people, number_widths=(2,))
    assert one == correlate(shuffled_accounts, shuffled_people, number_widths=(2,))


@given(ACCOUNTS, PEOPLE)
def test_one_more_person_never_moves_an_account_to_somebody_else_who_was_known(
    accounts: list[Found], people: list[Known]
) -> None:
    for left_out in people:
        before = correlate(accounts, [one for one in people if one is not left_out], number_widths=(2,))
        after = correlate(accounts, people, number_widths=(2,))
        for key, now in after.items():
            was = before[key].person_id
            if was is not None and now.person_id is not None:
                assert now.person_id in (was, left_out.person_id)
