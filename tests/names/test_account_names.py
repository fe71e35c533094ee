"""Account names: patterns in their order, numbers behind them, and nothing that a directory would cut or change."""

import re
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import InvalidInput
from idm.names.account_names import (
    LIMITS,
    NARROWEST,
    RESERVED,
    Bar,
    Limit,
    Source,
    Subject,
    candidates,
    limit_of,
    privileged_candidates,
    require_usable,
    staff_number_name,
)
from idm.names.latin_names import LatinName, NameSource
from idm.organisation import LoginNames

ROMAJI = LoginNames(rule="romaji")
AD, OPENLDAP = limit_of("active_directory"), limit_of("openldap")
HANAKO = LatinName("sato", "hanako", NameSource.READING)
PATTERN = st.sampled_from(
    ["{given}.{family}", "{family}-{g}", "{family}-{given}", "{f}{given}", "{family}", "x_{family}"]
)
LETTERS = st.text(st.characters(min_codepoint=ord("a"), max_codepoint=ord("z")), min_size=1, max_size=30)


def tried(latin: LatinName, count: int, rule: LoginNames = ROMAJI, limit: Limit = OPENLDAP) -> list[str]:
    return [found.name for found in islice(candidates(Subject("1", latin), rule, limit), count)]


# --- by staff number -------------------------------------------------------------------------------------------------


def test_the_name_is_the_prefix_and_the_staff_number() -> None:
    assert staff_number_name("012345") == "u012345"
    assert staff_number_name("K00123", LoginNames(prefix="aoba")) == "aobak00123"
    assert staff_number_name("012345", LoginNames(prefix="")) == "012345"


@pytest.mark.parametrize("number", ["", "０１２３４５", "12 345", "12345.", "山田", "12345\n", "u1@x", "１", "ſ1"])
def test_a_staff_number_that_is_not_plain_is_refused_not_mended(number: str) -> None:
    with pytest.raises(InvalidInput, match="職員番号"):
        list(candidates(Subject(number, None), LoginNames(), OPENLDAP))


def test_a_staff_number_gives_one_name_and_no_other() -> None:
    (only,) = candidates(Subject("012345", None), LoginNames(), OPENLDAP)
    assert (only.name, only.source, only.bar) == ("u012345", Source.STAFF_NUMBER, None)
    (reserved,) = candidates(Subject("Admin", None), LoginNames(prefix=""), OPENLDAP)
    assert reserved.bar is Bar.RESERVED


@given(st.text(max_size=24), st.sampled_from(["", "u", "k", "aoba"]))
def test_any_staff_number_makes_a_safe_name_or_a_refusal(number: str, prefix: str) -> None:
    try:
        (found,) = candidates(Subject(number, None), LoginNames(prefix=prefix), AD)
    except InvalidInput:
        return
    if found.bar is None:
        assert re.fullmatch(r"[a-z0-9]{1,20}", found.name)
        assert found.name not in RESERVED
        assert found.name.endswith(number.lower())


# --- by romaji -------------------------------------------------------------------------------------------------------


def test_patterns_are_tried_in_order_and_then_numbers() -> None:
    assert tried(HANAKO, 6) == [
        "hanako.sato", "sato-h", "sato-hanako", "hanako.sato-2", "hanako.sato-3", "hanako.sato-4",
    ]  # fmt: skip


def test_two_patterns_that_spell_the_same_are_tried_once_in_the_place_of_the_first() -> None:
    rule = LoginNames(rule="romaji", patterns=("{f}{given}", "{given}", "{family}{given}"))
    assert tried(LatinName("s", "hana", NameSource.OWN), 3, rule) == ["shana", "hana", "shana-2"]


def test_the_first_number_is_the_organisations() -> None:
    rule = LoginNames(rule="romaji", patterns=("{f}{family}",), start_after_collision=10)
    assert tried(HANAKO, 3, rule) == ["ssato", "ssato-10", "ssato-11"]


def test_nothing_is_cut_to_fit_the_next_pattern_is_tried() -> None:
    long = LatinName("teshigawara", "kazunosuke", NameSource.READING)
    listed = list(islice(candidates(Subject("1", long), ROMAJI, AD), 4))
    assert [(c.name, c.bar) for c in listed] == [
        ("kazunosuke.teshigawara", Bar.TOO_LONG), ("teshigawara-k", None), ("teshigawara-kazunosuke", Bar.TOO_LONG),
        ("teshigawara-k-2", None),
    ]  # fmt: skip


def test_a_number_that_no_longer_fits_is_put_behind_the_next_pattern_and_then_there_are_no_more() -> None:
    rule = LoginNames(rule="romaji", patterns=("{given}", "{family}"))
    found = tried(LatinName("sato", "hanakohanakohanako", NameSource.READING), 100, rule, Limit("目録", 20))
    assert found[:2] == ["hanakohanakohanako", "sato"]
    assert found[2:11] == [*(f"hanakohanakohanako-{n}" for n in range(2, 10)), "sato-2"]
    every = list(candidates(Subject("1", HANAKO), rule, Limit("目録", 7)))
    assert {c.name for c in every if c.bar is None} == {"hanako", "sato", *(f"sato-{n}" for n in range(2, 100))}


def test_a_name_of_one_part_asks_for_no_given_name() -> None:
    one = LatinName("maria", "", NameSource.READING)
    assert tried(one, 2) == ["maria", "maria-2"]
    assert tried(one, 1, LoginNames(rule="romaji", patterns=("{given}.{family}", "x.{family}"))) == ["x.maria"]


def test_ones_own_name_in_another_system_comes_first_and_a_chosen_one_stands_alone() -> None:
    known = Subject("1", HANAKO, elsewhere=("hana.sato",))
    assert [c.name for c in islice(candidates(known, ROMAJI, OPENLDAP), 2)] == ["hana.sato", "hanako.sato"]
    same = Subject("1", HANAKO, elsewhere=("hanako.sato",))
    assert [c.name for c in islice(candidates(same, ROMAJI, OPENLDAP), 2)] == ["hanako.sato", "sato-h"]
    chosen = Subject("1", None, chosen="hanachan", elsewhere=("hana.sato",))
    assert [(c.name, c.source) for c in candidates(chosen, ROMAJI, OPENLDAP)] == [("hanachan", Source.CHOSEN)]


def test_reserved_words_are_passed_over_the_organisations_own_too() -> None:
    rule = LoginNames(rule="romaji", patterns=("{given}",), reserved=("hanako",))
    listed = list(islice(candidates(Subject("1", HANAKO), rule, OPENLDAP), 2))
    assert [(c.name, c.bar) for c in listed] == [("hanako", Bar.RESERVED), ("hanako-2", None)]


def test_without_letters_there_is_no_name() -> None:
    with pytest.raises(InvalidInput, match="ローマ字がない"):
        list(candidates(Subject("1", None), ROMAJI, OPENLDAP))


@given(
    st.from_regex(r"[a-z0-9]{1,40}([._-][a-z0-9]{1,20}){0,2}", fullmatch=True),
    st.one_of(st.none(), st.text(max_size=24)),
    st.from_regex(r"[a-z]{1,8}-", fullmatch=True), st.sampled_from(list(LIMITS)),
)  # fmt: skip
def test_every_name_of_a_privileged_id_has_its_prefix_and_fits_or_says_why_not(
    daily: str, number: str | None, prefix: str, connector: str
) -> None:
    rule, limit = LoginNames(privileged_prefix=prefix), limit_of(connector)
    listed = privileged_candidates(daily, number, rule, limit)
    assert listed[0].name == f"{prefix}{daily}"
    assert len({found.name for found in listed}) == len(listed)
    for found in listed:
        assert found.name.startswith(prefix)
        assert found.name != daily
        assert (found.bar is Bar.TOO_LONG) == (len(found.name) > limit.length)
        if found.bar is None:
            assert re.fullmatch(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", found.name)
            assert not set(found.name) & set(limit.forbidden)


def test_a_privileged_id_is_named_after_the_daily_one_then_by_number_then_counted() -> None:
    listed = privileged_candidates("hanako.sato-watanabe", "012345", LoginNames(), AD)
    assert [(found.name, found.bar) for found in listed[:2]] == [
        ("adm-hanako.sato-watanabe", Bar.TOO_LONG), ("adm-u012345", None),
    ]  # fmt: skip
    assert [found.name for found in listed if found.bar is None][:3] == [
        "adm-u012345",
        "adm-u012345-2",
        "adm-u012345-3",
    ]


@given(LETTERS, LETTERS, st.lists(PATTERN, min_size=1, unique=True), st.sampled_from(list(LIMITS)))
def test_every_candidate_fits_its_directory_or_says_why_not(
    family: str, given_name: str, patterns: list[str], connector: str
) -> None:
    rule, limit = LoginNames(rule="romaji", patterns=tuple(patterns)), limit_of(connector)
    subject = Subject("1", LatinName(family, given_name, NameSource.READING))
    listed = list(islice(candidates(subject, rule, limit), 30))
    free = [c.name for c in listed if c.bar is None]
    assert len(set(free)) == len(free)
    for found in listed:
        fits = len(found.name) <= limit.length
        assert (found.bar is Bar.TOO_LONG) == (not fits)
        if found.bar is None:
            assert re.fullmatch(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", found.name)
            assert not set(found.name) & set(limit.forbidden)
            assert found.name not in RESERVED
    assert list(islice(candidates(subject, rule, limit), 30)) == listed


# --- what a directory takes ------------------------------------------------------------------------------------------


def test_each_kind_of_target_has_its_limit_and_an_unknown_one_the_narrowest() -> None:
    kinds = ("openldap", "389", "389-ds", "directory_389", "scim", "entra", "memory")
    assert [limit_of(kind).length for kind in kinds] == [64] * 7
    assert limit_of("active-directory").length == limit_of("ad").length == limit_of("ACTIVE_DIRECTORY").length == 20
    assert limit_of("adabas") is limit_of("389x") is NARROWEST
    assert NARROWEST.length == 20
    assert set('"/\\[]:;|=,+*?<>@') == set(AD.forbidden)


@pytest.mark.parametrize(
    "name",
    [
        "U012345",
        "u012345$",
        "u012345.",
        ".u012345",
        "-u1",
        "_u1",
        "u..1",
        "u 1",
        "u/1",
        "u@1",
        'u"1',
        "u,1",
        "ü1",
        "u1\n",
    ],
)
def test_a_name_some_directory_would_refuse_or_change_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="使えるのは") as refusal:
        require_usable(name, ROMAJI, OPENLDAP)
    assert "login_name" in refusal.value.fields


@pytest.mark.parametrize("name", ["u012345", "yamada.taro", "yamada-taro2", "a_b", "0", "x" * 20])
def test_a_name_every_directory_takes_passes(name: str) -> None:
    for kind in LIMITS:
        require_usable(name, ROMAJI, limit_of(kind))


def test_one_sign_too_many_is_refused_with_the_directory_and_its_limit() -> None:
    with pytest.raises(InvalidInput, match="21文字あります。Active Directory（sAMAccountName）では20文字まで"):
        require_usable("u" * 21, ROMAJI, AD)
    require_usable("u" * 64, ROMAJI, OPENLDAP)
    with pytest.raises(InvalidInput, match="64文字まで"):
        require_usable("u" * 65, ROMAJI, OPENLDAP)


def test_an_empty_or_reserved_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="空"):
        require_usable("", ROMAJI, OPENLDAP)
    with pytest.raises(InvalidInput, match="予約語"):
        require_usable("soumu", ROMAJI, OPENLDAP)
    with pytest.raises(InvalidInput, match="予約語"):
        require_usable("kaikei", LoginNames(reserved=("kaikei",)), OPENLDAP)
