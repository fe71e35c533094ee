"""Units stand above each other: a manager's reach is their unit with everything below it."""

from idm.personnel.unit_tree import upwards, with_those_below

PARENTS = {"0111": "0110", "0110": "0100", "0100": None, "0200": None}


def test_units_go_upwards_and_a_circle_ends() -> None:
    assert upwards("0111", PARENTS) == ["0111", "0110", "0100"]
    assert upwards("1", {"1": "2", "2": "1"}) == ["1", "2"]
    assert upwards("9", {}) == ["9"]


def test_a_reach_is_the_units_with_everything_below_and_nothing_above_or_beside() -> None:
    assert with_those_below(frozenset({"0110"}), PARENTS) == {"0110", "0111"}
    assert with_those_below(frozenset({"0100", "0200"}), PARENTS) == set(PARENTS)
    assert with_those_below(frozenset(), PARENTS) == frozenset()
