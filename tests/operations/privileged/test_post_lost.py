"""An administrator who loses the post loses the right at once (KT 第66, control D7)."""

import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.errors import NotPermitted, SafetyLimit
from idm.grant_state import EndReason, GrantState
from idm.models.audit import AuditRecord
from idm.models.people import Assignment, OrganisationUnit
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement
from idm.operations.rights import grants
from idm.operations.rights.lifecycle import LifecycleResult, carry_out_due
from idm.queries.rights.rehearsal import rehearsal
from idm.vocabulary import SafetyAction
from tests.cast import NOW, TODAY, Cast
from tests.operations.governance.test_configuration import accept, organisation, propose
from tests.use_office import Uses

JOB = Actor.job("tests.lifecycle")
MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
NEXT_YEAR = date(2027, 1, 1)
ADMIN = ("account", "admin-account", "admin", "enter")


def administrator(
    cast: Cast, who: str = "staff", *, now: datetime = NOW, valid_from: date | None = None,
    valid_until: date = NEXT_YEAR,
) -> None:  # fmt: skip
    """The person has their daily rights and, on an ID of its own, the privileged ones; both officers approved."""
    filed = cast.file(
        "hr", *((who, f"ledger/{right}") for right in ADMIN), now=now, valid_from=valid_from,
        valid_until=valid_until,
    )  # fmt: skip
    for line in range(len(ADMIN)):
        cast.approve(filed, now=now, line=line)


def move(
    cast: Cast, who: str, unit_code: str, post: str, day: date, *, keeps: bool = False, hidden: bool = False
) -> None:
    """From the day on the person has this post; the others end with the day before, unless they keep them."""
    with cast.database.writing() as session:
        employment = cast.employment(session, who)
        for assignment in employment.assignments:
            if not keeps:
                assignment.valid_until = day
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == unit_code)).one()
        employment.assignments.append(
            Assignment(unit=unit, post=post, primary=not keeps, valid_from=day,
                       published_on=day + timedelta(days=30) if hidden else None)
        )  # fmt: skip


def run(cast: Cast, day: date) -> LifecycleResult:
    with cast.database.writing() as session:
        return carry_out_due(session, actor=JOB, policy=cast.policy, now=start_of(day))


def rights(cast: Cast, who: str = "staff") -> dict[str, tuple[GrantState, EndReason | None]]:
    with cast.database.reading() as session:
        rows = session.execute(
            select(Entitlement.code, Grant.state, Grant.end_reason)
            .join(Grant, Grant.entitlement_id == Entitlement.id)
            .join(Account, Grant.account_id == Account.id)
            .where(Account.person_id == cast.people[who])
            .order_by(Grant.id)
        )
        return {code: (state, reason) for code, state, reason in rows}


def rests_on(cast: Cast, who: str = "staff") -> set[tuple[str, str | None, str | None]]:
    with cast.database.reading() as session:
        rows = session.execute(
            select(Entitlement.code, Grant.rests_on_unit, Grant.rests_on_post)
            .join(Grant, Grant.entitlement_id == Entitlement.id)
            .join(Account, Grant.account_id == Account.id)
            .where(Account.person_id == cast.people[who])
        )
        return {(code, unit, post) for code, unit, post in rows}


IN_FORCE = (GrantState.IN_FORCE, None)
LOST = (GrantState.ENDED, EndReason.POST_LOST)
KEPT = dict.fromkeys(ADMIN, IN_FORCE)
GONE = {"account": IN_FORCE, "enter": IN_FORCE, "admin-account": LOST, "admin": LOST}


def test_a_privileged_right_rests_on_the_post_of_its_first_day_and_an_ordinary_one_on_none(office: Cast) -> None:
    administrator(office)
    assert rests_on(office) == {
        ("account", None, None), ("enter", None, None), ("admin-account", "0100", "主事"), ("admin", "0100", "主事"),
    }  # fmt: skip


def test_of_several_posts_the_one_in_the_managing_unit_counts(cast: Cast) -> None:
    move(cast, "staff", "0600", "主査", TODAY, keeps=True)
    administrator(cast)
    assert ("admin", "0600", "主査") in rests_on(cast)


@pytest.mark.parametrize(("unit", "post"), [("0600", "主事"), ("0100", "係長")])
def test_the_right_ends_in_the_run_of_the_day_without_any_days_of_overlap(office: Cast, unit: str, post: str) -> None:
    administrator(office)
    move(office, "staff", unit, post, MAY)
    assert run(office, MAY - timedelta(days=1)).posts_lost == 0
    assert rights(office) == KEPT
    assert run(office, MAY).posts_lost == 2
    assert rights(office) == GONE, "the daily rights go on; days of overlap are theirs alone"
    assert run(office, MAY).posts_lost == 0


def test_a_move_that_is_told_late_ends_it_in_the_next_run(cast: Cast) -> None:
    administrator(cast)
    move(cast, "staff", "0600", "主事", MAY)
    assert run(cast, MAY + timedelta(days=4)).posts_lost == 2
    assert rights(cast) == GONE


def test_a_move_that_is_not_published_yet_ends_it_on_its_day(cast: Cast) -> None:
    administrator(cast)
    move(cast, "staff", "0600", "主事", MAY, hidden=True)
    assert run(cast, MAY).posts_lost == 2


def test_a_post_that_ends_and_begins_anew_loses_nothing(cast: Cast) -> None:
    administrator(cast)
    move(cast, "staff", "0100", "主事", MAY)
    assert run(cast, MAY).posts_lost == 0
    assert rights(cast) == KEPT


def test_a_post_held_beside_the_one_that_counts_keeps_nothing_and_takes_nothing(cast: Cast) -> None:
    administrator(cast)
    move(cast, "staff", "0600", "主査", MAY, keeps=True)
    assert run(cast, MAY).posts_lost == 0
    with cast.database.writing() as session:
        cast.employment(session, "staff").assignments[0].valid_until = JUNE
    assert run(cast, JUNE).posts_lost == 2, "the other post was never what the right rested on"


def test_a_right_for_a_later_day_rests_on_the_post_of_that_day(cast: Cast) -> None:
    move(cast, "staff", "0600", "主事", MAY)
    administrator(cast, valid_from=JUNE)
    assert ("admin", "0600", "主事") in rests_on(cast)
    assert run(cast, MAY).posts_lost == 0
    assert run(cast, JUNE).begun == len(ADMIN)
    assert rights(cast) == KEPT


def test_a_right_for_a_day_on_which_the_post_is_lost_already_never_begins(cast: Cast) -> None:
    administrator(cast, valid_from=JUNE)
    move(cast, "staff", "0600", "主事", JUNE)
    assert (run(cast, JUNE).posts_lost, run(cast, JUNE).begun) == (2, 0)
    assert rights(cast) == GONE


def test_a_right_goes_on_under_a_new_line_only_on_the_post_of_that_day(cast: Cast) -> None:
    administrator(cast, valid_until=JUNE)
    move(cast, "staff", "0600", "主事", MAY)
    later = start_of(MAY - timedelta(days=5))
    filed = cast.file("hr", ("staff", "ledger/admin-account"), now=later, valid_from=JUNE, valid_until=NEXT_YEAR)
    cast.approve(filed, now=later)
    assert run(cast, MAY).posts_lost == 2, "renewed ahead of the move, it still rests on the post held then"


def test_a_post_told_after_the_right_began_is_rested_on_as_soon_as_it_is_known(cast: Cast) -> None:
    """The personnel file tells the post some days late; the right was decided meanwhile."""
    known = TODAY + timedelta(days=3)
    with cast.database.writing() as session:
        cast.employment(session, "staff").assignments[0].valid_from = known
    administrator(cast)
    assert {post for _, _, post in rests_on(cast)} == {None}
    with cast.database.writing() as session:
        assert grants.rest_on_known_posts(session, actor=JOB, policy=cast.policy, now=start_of(known)) == 2
        assert grants.rest_on_known_posts(session, actor=JOB, policy=cast.policy, now=start_of(known)) == 0
        told = session.scalars(select(AuditRecord).where(AuditRecord.action == "grant.rests_on_post")).all()
        assert [json.loads(one.payload or "{}")["rests_on"] for one in told] == [["0100", "主事"]] * 2
    move(cast, "staff", "0600", "主査", MAY)
    assert run(cast, MAY).posts_lost == 2


def test_of_several_posts_elsewhere_the_primary_one_counts(cast: Cast) -> None:
    """The concurrent one is the older: neither is in the unit that manages the system."""
    move(cast, "staff", "0900", "主査", date(2019, 4, 1), keeps=True)
    administrator(cast)
    assert ("admin", "0100", "主事") in rests_on(cast)


def test_whoever_left_is_counted_as_left_and_not_as_moved(cast: Cast) -> None:
    administrator(cast)
    with cast.database.writing() as session:
        employment = cast.employment(session, "staff")
        employment.valid_until = MAY
        employment.assignments[0].valid_until = MAY
    done = run(cast, MAY)
    assert (done.posts_lost, done.left) == (0, 1)
    assert {reason for _, reason in rights(cast).values()} == {EndReason.LEFT}


def test_nobody_uses_a_right_whose_post_is_lost_not_even_before_the_run_of_the_day(cast: Cast) -> None:
    uses = Uses(cast)
    uses.give("staff")
    uses.now = start_of(MAY)
    move(cast, "staff", "0600", "主事", MAY)
    with pytest.raises(NotPermitted):
        uses.ask("staff")
    move(cast, "staff", "0100", "主事", MAY, keeps=True)
    assert uses.ask("staff"), "the same post, begun anew"


# --- a reorganisation ------------------------------------------------------------------------------------------------

SUCCESSOR = {"unit": "0100", "new_unit": "0900", "day": "2026-05-01", "order": "組織規則の改正（令和8年規則第3号）"}


def reorganise(cast: Cast, **changes: str) -> None:
    """The organisation file in force says what came in the place of the unit, or of a post of it."""
    accept(cast, propose(cast, organisation(cast, successors=[SUCCESSOR | changes])))


def test_a_post_that_came_in_the_place_of_another_carries_the_right_along(cast: Cast) -> None:
    administrator(cast)
    reorganise(cast)
    move(cast, "staff", "0900", "主事", MAY)
    done = run(cast, MAY)
    assert (done.posts_moved, done.posts_lost) == (2, 0)
    assert rights(cast) == KEPT
    assert rests_on(cast) >= {("admin-account", "0900", "主事"), ("admin", "0900", "主事")}
    with cast.database.reading() as session:
        query = select(AuditRecord).where(AuditRecord.action == "grant.rests_on_successor")
        told = [json.loads(one.payload or "{}") for one in session.scalars(query)]
    assert [(one["rested_on"], one["rests_on"], one["order"]) for one in told] == [
        (["0100", "主事"], ["0900", "主事"], SUCCESSOR["order"])
    ] * 2
    assert run(cast, MAY).posts_moved == 0
    move(cast, "staff", "0600", "主事", JUNE)
    assert run(cast, JUNE).posts_lost == 2, "it rests on the new post, and ends with it"


def test_a_title_that_changed_carries_the_right_along(cast: Cast) -> None:
    administrator(cast)
    reorganise(cast, post="主事", new_unit="0100", new_post="主任")
    move(cast, "staff", "0100", "主任", MAY)
    assert (run(cast, MAY).posts_moved, rights(cast)) == (2, KEPT)


def test_whoever_moves_elsewhere_on_the_day_of_a_reorganisation_loses_the_right(cast: Cast) -> None:
    administrator(cast)
    reorganise(cast)
    move(cast, "staff", "0600", "主事", MAY)
    done = run(cast, MAY)
    assert (done.posts_moved, done.posts_lost) == (0, 2)


def test_a_right_decided_for_the_first_day_of_the_new_unit_begins_on_it(cast: Cast) -> None:
    administrator(cast, valid_from=MAY)
    reorganise(cast)
    move(cast, "staff", "0900", "主事", MAY)
    done = run(cast, MAY)
    assert (done.posts_moved, done.posts_lost, done.begun) == (2, 0, len(ADMIN))
    assert rights(cast) == KEPT


def test_an_id_is_used_on_in_the_new_unit_also_before_the_run_of_the_day(cast: Cast) -> None:
    uses = Uses(cast)
    uses.give("staff")
    reorganise(cast)
    move(cast, "staff", "0900", "主事", MAY)
    uses.now = start_of(MAY)
    assert uses.ask("staff")


def test_a_rehearsal_says_which_right_goes_on_and_by_which_order_and_counts_nobody(cast: Cast) -> None:
    administrator(cast)
    reorganise(cast)
    move(cast, "staff", "0900", "主事", MAY)
    with cast.database.reading() as session:
        found = rehearsal(session, MAY, policy=cast.policy, now=NOW)
    because = f"主事（0900）に引き継ぐ組織改正（{SUCCESSOR['order']}）"
    assert [(one.due, one.right_name, one.day, one.because) for one in found.changes] == [
        ("post_moved", name, MAY, because) for name in ("管理用ID", "システム管理")
    ]
    assert found.touched == frozenset()


def test_a_rehearsal_says_which_right_ends_and_because_of_which_post(cast: Cast) -> None:
    administrator(cast)
    move(cast, "staff", "0600", "主事", MAY)
    with cast.database.reading() as session:
        found = rehearsal(session, MAY, policy=cast.policy, now=NOW)
    told = [(one.right_name, one.day, one.because) for one in found.changes if one.due == "post_lost"]
    assert told == [(name, MAY, "主事（0100）の職を離れたため") for name in ("管理用ID", "システム管理")]
    assert {(one.action, one.staff_number) for one in found.touched} == {("revoke", "100009")}


def test_the_limits_of_a_run_count_who_loses_a_post_and_stop_a_run_that_would_take_too_many(cast: Cast) -> None:
    people = ("staff", "other", "desk")
    for who in people:
        administrator(cast, who)
    for who in people:
        move(cast, who, "0900", "主事", MAY)
    narrow = replace(cast.policy.safety[SafetyAction.REVOKE], count=2)
    policy = replace(cast.policy, safety={**cast.policy.safety, SafetyAction.REVOKE: narrow})
    with pytest.raises(SafetyLimit), cast.database.writing() as session:
        carry_out_due(session, actor=JOB, policy=policy, now=start_of(MAY))
    assert rights(cast) == KEPT, "nothing has changed: HR plans the run, the chief permits it"
