"""Where accounts are kept: the first rule that fits, units below included, and names compared as directories do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.directory.containers import Place, place_of, same_place

PARENTS = {"0110": "0100", "0100": "0001", "0600": None}
PLACES = (Place(frozenset({"0110"}), "OU=人事,DC=x"), Place(frozenset({"0100"}), "OU=総務,DC=x"))


@pytest.mark.parametrize(
    ("unit", "container"), [("0110", "OU=人事,DC=x"), ("0100", "OU=総務,DC=x"), ("0600", None), (None, None)]
)
def test_a_unit_is_kept_where_the_first_rule_that_fits_says(unit: str | None, container: str | None) -> None:
    assert place_of(unit, PLACES, PARENTS) == container


def test_units_below_go_where_the_unit_above_goes_and_a_circle_ends() -> None:
    assert place_of("0110", PLACES[1:], PARENTS) == "OU=総務,DC=x"
    assert place_of("a", PLACES, {"a": "b", "b": "a"}) is None


@pytest.mark.parametrize(
    "written",
    [
        "ou=Staff,ou=People,dc=example,dc=jp", "OU=staff, OU=people, DC=Example, DC=JP",
        " ou = Staff ,ou=People,dc=example,dc=jp",
        r"ou=\53taff,ou=People,dc=example,dc=jp", "OU=ＳＴＡＦＦ,ou=People,dc=example,dc=jp",
    ],
)  # fmt: skip
def test_case_spaces_and_escapes_make_no_other_place(written: str) -> None:
    assert same_place(written, "OU=Staff,OU=People,DC=example,DC=jp")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ou=a,dc=x", "ou=a,ou=b,dc=x"), ("ou=a,dc=x", "cn=a,dc=x"), (r"ou=a\,b,dc=x", "ou=a,ou=b,dc=x"),
        ("ou=a,dc=x", "dc=x,ou=a"), ("ou=sougumu ka,dc=x", "ou=sougumuka,dc=x"),
    ],
)  # fmt: skip
def test_another_place_stays_another(one: str, other: str) -> None:
    assert not same_place(one, other)


def test_an_escaped_comma_and_its_code_are_the_same_sign() -> None:
    assert same_place(r"ou=a\,b,dc=x", r"OU=A\2cB,DC=X")


def test_parts_that_stand_together_have_no_order() -> None:
    assert same_place("ou=a+l=tokyo,dc=x", "L=Tokyo + OU=A, DC=x")


@given(st.text(), st.text())
def test_comparing_any_two_names_gives_an_answer_that_does_not_depend_on_their_order(one: str, other: str) -> None:
    assert same_place(one, other) == same_place(other, one)
    assert same_place(one, one)
