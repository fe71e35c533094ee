"""Where a right goes on when units or titles change: with whoever went along, and with nobody else."""

from dataclasses import replace
from datetime import date

import pytest

from idm.organisation import Successor
from idm.personnel.post_succession import HeldPost, Post, succession, succession_mistakes

APRIL, MAY, JUNE, JULY = date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
OLD, NEW, LAST = Post("0100", "主事"), Post("0300", "主事"), Post("0400", "主事")
LONG_AGO = date(2020, 4, 1)
UNIT = Successor(unit="0100", new_unit="0300", day=MAY, order="規則第3号")
NEXT = Successor(unit="0300", new_unit="0400", day=JUNE, order="規則第9号")
TITLE = Successor(unit="0100", post="主事", new_unit="0100", new_post="主任", day=MAY, order="規則第3号")
WENT = (HeldPost(OLD, LONG_AGO, MAY), HeldPost(NEW, MAY, None))


def gone_to(*held: HeldPost, lines: tuple[Successor, ...] = (UNIT,), day: date = MAY) -> Post | None:
    found = succession(OLD, held, lines, day)
    return found.post if found is not None else None


def test_whoever_went_along_has_the_post_that_came_after() -> None:
    assert gone_to(*WENT) == NEW
    assert gone_to(*WENT, day=JULY) == NEW


def test_a_line_counts_from_its_day_on() -> None:
    early = (HeldPost(OLD, LONG_AGO, APRIL), HeldPost(NEW, APRIL, None))
    assert gone_to(*early, day=APRIL) is None
    assert gone_to(*early, day=MAY) is None, "had left before anything changed"


def test_whoever_went_elsewhere_on_that_day_has_lost_it() -> None:
    assert gone_to(HeldPost(OLD, LONG_AGO, MAY), HeldPost(Post("0600", "主事"), MAY, None)) is None
    assert gone_to(HeldPost(OLD, LONG_AGO, MAY), HeldPost(Post("0300", "係長"), MAY, None)) is None


def test_whoever_comes_into_the_new_post_later_has_lost_the_old_one() -> None:
    assert gone_to(HeldPost(OLD, LONG_AGO, MAY), HeldPost(NEW, JUNE, None), day=JUNE) is None


def test_the_personnel_file_may_change_some_days_after_the_order() -> None:
    late = date(2026, 5, 7)
    assert gone_to(HeldPost(OLD, LONG_AGO, MAY), HeldPost(OLD, MAY, late), HeldPost(NEW, late, None), day=late) == NEW


def test_an_old_line_says_nothing_of_a_code_that_is_used_anew() -> None:
    again = (HeldPost(OLD, JUNE, JULY), HeldPost(NEW, JULY, None))
    assert gone_to(*again, day=JULY) is None


def test_a_post_that_changed_more_than_once_is_followed_to_the_end() -> None:
    held = (HeldPost(OLD, LONG_AGO, MAY), HeldPost(NEW, MAY, JUNE), HeldPost(LAST, JUNE, None))
    assert gone_to(*held, lines=(NEXT, UNIT), day=JUNE) == LAST
    assert gone_to(*held, lines=(NEXT, UNIT), day=MAY) == NEW
    assert gone_to(*held, lines=(UNIT,), day=JUNE) is None


def test_codes_that_move_on_by_one_place_on_one_day_carry_nobody_two_places() -> None:
    at_once = (UNIT, replace(NEXT, day=MAY))
    assert gone_to(*WENT, lines=at_once) == NEW
    assert gone_to(HeldPost(OLD, LONG_AGO, MAY), HeldPost(LAST, MAY, None), lines=at_once) is None
    both = (HeldPost(OLD, LONG_AGO, MAY), HeldPost(NEW, LONG_AGO, JUNE), HeldPost(LAST, JUNE, None))
    assert gone_to(*both, lines=at_once, day=JUNE) is None


def test_a_line_about_the_post_comes_before_the_one_about_its_unit() -> None:
    both = replace(TITLE, new_unit="0300")
    held = (HeldPost(OLD, LONG_AGO, MAY), HeldPost(Post("0300", "主任"), MAY, None))
    assert gone_to(*held, lines=(UNIT, both)) == Post("0300", "主任")
    assert gone_to(*WENT, lines=(UNIT, both)) is None


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((UNIT, TITLE, NEXT), []),
        ((UNIT, replace(UNIT, new_unit="0500")), ["successors.1: 「0100」の後継は successors.0 にもあります"]),
        ((replace(UNIT, new_unit="0100"),), ["successors.0: 前と後が同じです"]),
        ((replace(UNIT, new_post="主任"),), ["successors.0.new_post: 職名を変えるときは"]),
        ((UNIT, NEXT, Successor(unit="0400", new_unit="0100", day=JULY, order="規則第10号")),
         ["successors.0: 「0100」は、後継をたどると元に戻ります（循環）", "successors.1: 「0300」は、",
          "successors.2: 「0400」は、"]),
        ((TITLE, replace(TITLE, post="主任", new_post="主事")),
         ["successors.0: 「0100 主事」は、後継を", "successors.1: 「0100 主任」は、後継を"]),
    ],
)  # fmt: skip
def test_a_list_that_says_two_things_or_goes_round_is_refused(lines: tuple[Successor, ...], told: list[str]) -> None:
    found = list(succession_mistakes(lines))
    assert len(found) == len(told)
    assert all(said.startswith(start) for said, start in zip(found, told, strict=True))
