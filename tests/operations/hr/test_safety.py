"""Whether a run may touch so many people: the sliding window, permitted batches, and what a run leaves behind."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from idm.errors import SafetyLimit
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.safety import PlannedBatch, PlannedItem, RunKind, SafetyCount
from idm.operations.hr import safety
from idm.personnel.safety_limits import Touched
from idm.policy import Policy
from idm.queries.organisation.departments import departments, headcount
from idm.vocabulary import SafetyAction
from tests.cast import NOW, TODAY, Cast, add_person

STOP, SUSPEND = SafetyAction.STOP, SafetyAction.SUSPEND
LIFECYCLE, FEED = RunKind.LIFECYCLE, RunKind.FEED
SHA = "a" * 64
MAY = date(2026, 5, 1)


def strict(cast: Cast, count: int = 3) -> Policy:
    """The profile, with a limit of three people in 24 hours."""
    limit = replace(cast.policy.safety[STOP], count=count, share=1.0, unit_share=1.0)
    return replace(cast.policy, safety=dict.fromkeys(SafetyAction, limit))


def people(*numbers: int, unit: str = "0100") -> list[Touched]:
    return [Touched(STOP, f"{number}", unit) for number in numbers]


def ran(cast: Cast, touched: Sequence[Touched], *, at: datetime = NOW, kind: RunKind = LIFECYCLE) -> None:
    """One run touches the people, within the limits."""
    with cast.database.writing() as session:
        batch = safety.require_within_limits(session, touched, kind=kind, day=TODAY, policy=strict(cast), now=at)
        safety.count(session, touched, kind=kind, batch=batch, now=at)


def permitted(
    cast: Cast, numbers: Sequence[int], *, kind: RunKind = LIFECYCLE, day: date = TODAY, feed: str | None = None,
    answer: str = "permitted", at: datetime = NOW,
) -> None:  # fmt: skip
    """A batch that lists the people, proposed by 薬院 and answered by 天神."""
    batch = PlannedBatch(
        kind=kind, feed=feed, sha256=SHA if feed else None, day=day, reason="年度末", proposed_at=at,
        proposed_by_id=cast.people["hr"],
        items=[PlannedItem(action=STOP, staff_number=str(number)) for number in numbers],
    )  # fmt: skip
    if answer == "permitted":
        batch.approved_at, batch.approved_by_id = at, cast.people["chief"]
    elif answer == "refused":
        batch.refused_at = at
    with cast.database.writing() as session:
        session.add(batch)


def test_ten_small_runs_may_do_no_more_than_one_big_one(office: Cast) -> None:
    for number in range(3):
        ran(office, people(number), at=NOW + timedelta(minutes=number))
    with pytest.raises(SafetyLimit) as refused:
        ran(office, people(3), at=NOW + timedelta(minutes=3))
    assert "全体で 4 人になります（今回 1 人、直前の 24 時間に 3 人）" in refused.value.message
    assert "--as-of 2026-04-01 --dry-run" in refused.value.message


def test_after_the_window_the_counting_begins_anew(cast: Cast) -> None:
    ran(cast, people(1, 2, 3))
    with pytest.raises(SafetyLimit):
        ran(cast, people(4), at=NOW + timedelta(hours=24) - timedelta(seconds=1))
    ran(cast, people(4), at=NOW + timedelta(hours=24))


def test_a_file_and_the_calendar_carrying_it_out_are_not_added_up(cast: Cast) -> None:
    ran(cast, people(1, 2, 3), kind=FEED)
    ran(cast, people(1, 2, 3), kind=LIFECYCLE)


def test_a_run_leaves_one_row_per_action_and_unit(cast: Cast) -> None:
    ran(cast, [*people(1, 2), *people(3, unit="0200"), *people(1)])
    with cast.database.reading() as session:
        rows = session.execute(select(SafetyCount.action, SafetyCount.unit_code, SafetyCount.people)).all()
    assert sorted(map(tuple, rows)) == [(STOP, "0100", 2), (STOP, "0200", 1)]


def test_a_permitted_batch_lets_its_people_pass_and_counts_them_apart(office: Cast) -> None:
    permitted(office, range(10))
    ran(office, people(*range(10), 11))
    with office.database.reading() as session:
        rows = session.scalars(select(SafetyCount).order_by(SafetyCount.people)).all()
        assert [(row.people, row.batch_id is not None) for row in rows] == [(1, False), (10, True)]
    ran(office, people(12, 13))  # the ten do not stand in the window
    with pytest.raises(SafetyLimit):
        ran(office, people(14))


def test_one_more_than_the_limit_beside_the_batch_is_refused(cast: Cast) -> None:
    permitted(cast, range(10))
    with pytest.raises(SafetyLimit, match="第1号"):
        ran(cast, people(*range(14)))


@pytest.mark.parametrize("answer", ["refused", "waiting"])
def test_a_batch_that_nobody_permitted_lets_nobody_pass(cast: Cast, answer: str) -> None:
    permitted(cast, range(10), answer=answer)
    with pytest.raises(SafetyLimit):
        ran(cast, people(*range(10)))


def test_a_batch_of_another_day_or_kind_or_file_lets_nobody_pass(cast: Cast) -> None:
    permitted(cast, range(10), day=MAY)
    permitted(cast, range(10), kind=FEED, feed="town")
    with pytest.raises(SafetyLimit):
        ran(cast, people(*range(10)))
    for feed, sha256 in (("town", "b" * 64), ("city", SHA)):
        with pytest.raises(SafetyLimit), cast.database.reading() as session:
            safety.require_within_limits(
                session, people(*range(10)), kind=FEED, day=TODAY, feed=feed, sha256=sha256, policy=strict(cast),
                now=NOW,
            )  # fmt: skip
    with cast.database.reading() as session:
        found = safety.require_within_limits(
            session, people(*range(10)), kind=FEED, day=TODAY, feed="town", sha256=SHA, policy=strict(cast), now=NOW
        )
        assert found is not None


def test_a_batch_is_over_seven_days_after_its_day(cast: Cast) -> None:
    permitted(cast, range(10))
    ran(cast, people(*range(10)), at=NOW + timedelta(days=7))
    with pytest.raises(SafetyLimit):
        ran(cast, people(*range(10)), at=NOW + timedelta(days=8))


def test_looking_counts_nothing(cast: Cast) -> None:
    with cast.database.writing() as session:
        found = safety.assess(
            session, people(1, 2, 3, 4), kind=LIFECYCLE, day=TODAY, policy=strict(cast), now=NOW
        )  # fmt: skip
        assert [excess.people for excess in found.excesses] == [4]
    with cast.database.reading() as session:
        assert session.scalars(select(SafetyCount)).all() == []


# --- departments -----------------------------------------------------------------------------------------------------


def test_whose_last_day_was_yesterday_is_counted_where_they_were(cast: Cast) -> None:
    with cast.database.writing() as session:
        cast.employment(session, "staff").valid_until = TODAY
    with cast.database.reading() as session:
        found = headcount(session, TODAY)
        assert (found.total, found.by_unit["0100"], found.names["0100"]) == (11, 3, "総務課")
        assert headcount(session, TODAY + timedelta(days=1)).by_unit["0100"] == 2
        one = departments(session, [cast.people["staff"]], MAY)[cast.people["staff"]]
        assert (one.staff_number, one.unit_code, one.unit_name) == ("100009", "0100", "総務課")


def test_the_department_is_the_unit_of_the_primary_post_of_the_day_before(cast: Cast) -> None:
    with cast.database.writing() as session:
        other = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0900")).one()
        employment = cast.employment(session, "staff")
        employment.assignments[0].valid_until = TODAY
        employment.assignments.append(Assignment(unit=other, post="主事", primary=True, valid_from=TODAY))
        hall = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0600")).one()
        employment.assignments.append(Assignment(unit=hall, post="主事", primary=False, valid_from=date(2019, 4, 1)))
    with cast.database.reading() as session:
        person = cast.people["staff"]
        on = [departments(session, [person], day)[person].unit_code for day in (TODAY, TODAY + timedelta(days=1))]
        assert on == ["0100", "0900"]


def test_somebody_without_a_post_has_a_department_without_a_name(cast: Cast) -> None:
    with cast.database.writing() as session:
        for post in session.scalars(select(Assignment).join(Employment).where(Employment.staff_number == "100010")):
            session.delete(post)
    with cast.database.reading() as session:
        assert departments(session, [cast.people["other"]], TODAY)[cast.people["other"]].unit_code == ""


def test_the_headcount_counts_everybody_where_the_limits_count_them(cast: Cast) -> None:
    """Somebody with two employments, with a concurrent post only, with none on the day, and with an end that day."""
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0600")).one()
        person = session.get_one(Person, cast.people["staff"])
        add_person(session, "100099", person.name, person.kana, unit, "主事", person=person)
        second = session.scalars(select(Employment).where(Employment.staff_number == "100099")).one()
        second.valid_from = date(2025, 4, 1)
        cast.employment(session, "other").assignments[0].primary = False
        cast.employment(session, "desk").assignments[0].valid_until = TODAY - timedelta(days=3)
        cast.employment(session, "hr").valid_until = TODAY
    with cast.database.reading() as session:
        for day in (TODAY - timedelta(days=400), TODAY, TODAY + timedelta(days=1), TODAY + timedelta(days=400)):
            before = day - timedelta(days=1)
            employed = {e.person_id for e in session.scalars(select(Employment)) if e.person.employed_on(before)}
            expected = Counter(one.unit_code for one in departments(session, employed, day).values())
            found = headcount(session, day)
            assert (found.total, found.by_unit) == (len(employed), expected)
