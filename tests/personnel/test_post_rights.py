"""Rights by post: the union of what every valid post gives, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from idm.employment_kind import EmploymentKind
from idm.organisation import PostRight
from idm.personnel.post_rights import Post, RightName, rights_by_post, rights_under_rules, unit_and_above

REGULAR, PART_TIME = EmploymentKind.REGULAR, EmploymentKind.FISCAL_YEAR_PART
CLERK = Post(frozenset({"0110", "総務課人事係", "0100", "総務課"}), "主事", REGULAR)
HEAD = Post(frozenset({"0200", "会計課"}), "課長", REGULAR)
EVERYONE = PostRight("office", ("account",))
GENERAL = PostRight("ledger", ("account", "enter"), units=("0100",))
HEADS = PostRight("ledger", ("approve",), posts=("課長", "係長"))
NOT_PART_TIME = PostRight("pension", ("account",), kinds=(REGULAR,))
RULES = (EVERYONE, GENERAL, HEADS, NOT_PART_TIME)

ACCOUNT, ENTER = RightName("ledger", "account"), RightName("ledger", "enter")
APPROVE, OFFICE, PENSION = (
    RightName("ledger", "approve"),
    RightName("office", "account"),
    RightName("pension", "account"),
)


def test_a_rule_for_a_unit_reaches_the_units_below_it() -> None:
    assert rights_by_post([CLERK], [GENERAL]) == {ACCOUNT, ENTER}


def test_a_unit_may_be_named_by_its_name() -> None:
    assert rights_by_post([CLERK], [PostRight("ledger", ("enter",), units=("総務課",))]) == {ENTER}


def test_a_rule_without_conditions_is_for_everyone_with_a_post() -> None:
    assert rights_by_post([CLERK], [EVERYONE]) == rights_by_post([HEAD], [EVERYONE]) == {OFFICE}
    assert rights_by_post([], [EVERYONE]) == frozenset()


def test_every_condition_of_a_rule_must_hold() -> None:
    rule = PostRight("ledger", ("approve",), units=("0100",), posts=("課長",), kinds=(REGULAR,))
    assert rights_by_post([CLERK, HEAD], [rule]) == frozenset()
    both = Post(CLERK.units, "課長", REGULAR)
    assert rights_by_post([both], [rule]) == {APPROVE}
    assert rights_by_post([Post(CLERK.units, "課長", PART_TIME)], [rule]) == frozenset()


def test_a_concurrent_post_adds_and_its_end_takes_only_what_no_other_post_gives() -> None:
    both = rights_by_post([CLERK, HEAD], RULES)
    assert both == {OFFICE, ACCOUNT, ENTER, APPROVE, PENSION}
    assert both - rights_by_post([CLERK], RULES) == {APPROVE}


def test_what_rules_speak_of_is_what_they_could_give() -> None:
    assert rights_under_rules(RULES) == {OFFICE, ACCOUNT, ENTER, APPROVE, PENSION}


def test_the_rules_may_be_read_only_once() -> None:
    assert rights_by_post([CLERK, HEAD], iter(RULES)) == rights_by_post([CLERK, HEAD], RULES)


posts = st.lists(st.sampled_from([CLERK, HEAD, Post(frozenset({"0300"}), "主事", PART_TIME)]), max_size=3)
rules = st.lists(st.sampled_from(RULES), max_size=4)


@given(posts, posts, rules)
def test_the_rights_of_two_sets_of_posts_are_the_union_of_their_rights(
    one: list[Post], other: list[Post], some: list[PostRight]
) -> None:
    assert rights_by_post([*one, *other], some) == rights_by_post(one, some) | rights_by_post(other, some)
    assert rights_by_post(one, some) <= rights_under_rules(some)


NAMES = {"0100": "総務課", "0110": "総務課人事係", "0111": "給与担当"}


def test_a_unit_brings_the_codes_and_names_of_all_units_above_it() -> None:
    parents = {"0111": "0110", "0110": "0100"}
    assert unit_and_above("0111", NAMES, parents) == {*NAMES, *NAMES.values()}
    assert unit_and_above("0100", NAMES, parents) == {"0100", "総務課"}


def test_a_unit_without_a_name_is_known_by_its_code() -> None:
    assert unit_and_above("9999", NAMES, {}) == {"9999"}


def test_a_circle_in_the_tree_ends() -> None:
    assert unit_and_above("0100", NAMES, {"0100": "0110", "0110": "0100"}) >= {"0100", "0110"}
