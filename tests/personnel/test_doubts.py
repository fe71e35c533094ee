"""What would end somebody's access, and is more likely a mistake, waits for a human."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from idm.employment_kind import EmploymentKind
from idm.feed.codes import PostKind
from idm.feed.row import FeedRow
from idm.personnel.career import AbsencePeriod, Career
from idm.personnel.doubts import LATEST_NOTICE, require_news, require_plausible, require_sure_end
from idm.personnel.events import Doubt
from idm.personnel.told import PersonTold
from idm.personnel_event import AbsenceKind

TODAY = date(2026, 4, 1)
ROW = FeedRow(
    row_number=2, staff_number="100001", name="青木　花", kana="アオキ　ハナ", birth_date=None, unit_code="0100",
    unit_name="総務課", post="主事", post_kind=PostKind.PRIMARY, employment_kind=EmploymentKind.FIXED_TERM,
    employed_from=date(2020, 4, 1), term_end=None, left_on=None, assigned_from=date(2020, 4, 1), mail=None,
)  # fmt: skip
KNOWN = Career(
    "100001", "青木　花", "ｱｵｷ ﾊﾅ", None, None, None, EmploymentKind.FIXED_TERM, date(2020, 4, 1), date(2029, 4, 1)
)  # fmt: skip

NONE: frozenset[AbsencePeriod] = frozenset()


def ended(on: date, rows: Iterable[FeedRow] = (ROW,), *, recognised: bool = False) -> None:
    require_sure_end(KNOWN, replace(KNOWN, valid_until=on), PersonTold(tuple(rows), ()), TODAY, recognised=recognised)


def test_an_end_under_another_family_name_waits_unless_the_person_is_recognised() -> None:
    other = (replace(ROW, kana="イマイズミ　ハナ"),)
    ended(TODAY)
    ended(TODAY, other, recognised=True)
    with pytest.raises(Doubt, match="番号の誤り"):
        ended(TODAY, other)


def test_an_end_of_more_than_a_quarter_ago_waits() -> None:
    ended(TODAY - LATEST_NOTICE)
    with pytest.raises(Doubt, match="年の誤り"):
        ended(TODAY - LATEST_NOTICE - timedelta(days=1))


def test_a_term_that_becomes_shorter_needs_a_day_of_leaving() -> None:
    shorter = replace(ROW, term_end=date(2027, 3, 31))
    require_plausible(KNOWN, [replace(shorter, left_on=date(2027, 3, 31))], TODAY)
    require_plausible(KNOWN, [replace(ROW, term_end=date(2029, 3, 31))], TODAY)
    with pytest.raises(Doubt, match="任期満了日が早まって"):
        require_plausible(KNOWN, [shorter], TODAY)


def test_an_event_of_a_leave_that_began_long_ago_waits_unless_it_is_over() -> None:
    begun = TODAY - LATEST_NOTICE - timedelta(days=1)
    require_news(frozenset({AbsencePeriod(AbsenceKind.SICK, begun, TODAY)}), NONE, TODAY)
    require_news(frozenset({AbsencePeriod(AbsenceKind.SICK, TODAY - LATEST_NOTICE, None)}), NONE, TODAY)
    with pytest.raises(Doubt, match="年の誤り"):
        require_news(frozenset({AbsencePeriod(AbsenceKind.SICK, begun, None)}), NONE, TODAY)


def test_the_announced_return_from_a_long_leave_does_not_wait() -> None:
    begun, back = TODAY - timedelta(days=300), TODAY + timedelta(days=7)
    away = frozenset({AbsencePeriod(AbsenceKind.SICK, begun, None)})
    told = frozenset({AbsencePeriod(AbsenceKind.SICK, begun, back)})
    require_news(told, away, TODAY)
    over = frozenset({AbsencePeriod(AbsenceKind.SICK, begun, TODAY)})
    with pytest.raises(Doubt, match="年の誤り"):
        require_news(told, over, TODAY)  # they are at work, and would be suspended
