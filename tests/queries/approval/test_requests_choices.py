"""For whom somebody may apply, what a person may be given, and what the first page says."""

from dataclasses import replace
from datetime import date, timedelta

from idm.models.feeds import FeedRun, HeldRow
from idm.operations.approval.requests import draft
from idm.policy import ZoneRules
from idm.publication import Reader
from idm.queries.approval.choices import Scope, SystemChoice, choices, find_subjects, scope_of, subject_in_scope
from idm.queries.home import own_requests, own_rights
from idm.queries.hr.feed_runs import drafts, last_runs, waiting_rows
from idm.queries.organisation.officers import roles_of
from idm.vocabulary import LineEffect, RequestAction, Role
from tests.cast import NOW, TODAY, Cast
from tests.statements import counted


def scope(cast: Cast, who: str) -> Scope:
    with cast.database.reading() as session:
        roles = roles_of(session, cast.people[who], TODAY)
        return scope_of(session, cast.people[who], roles, policy=cast.policy, day=TODAY)


def subjects(cast: Cast, who: str, text: str = "") -> list[str]:
    with cast.database.reading() as session:
        return [card.name for card in find_subjects(session, scope(cast, who), text, day=TODAY, limit=50)]


def systems(cast: Cast, who: str) -> dict[str, SystemChoice]:
    with cast.database.reading() as session:
        return {
            system.name: system
            for system in choices(session, cast.people[who], policy=cast.policy, reader=Reader(TODAY))
        }


def test_staff_apply_for_themselves_alone(cast: Cast) -> None:
    assert scope(cast, "staff").only_oneself
    assert subjects(cast, "staff") == ["青木　一郎"]


def test_a_section_manager_applies_for_the_unit_and_the_units_below_it(cast: Cast) -> None:
    assert subjects(cast, "security") == ["青木　一郎", "今泉　二葉", "香椎　宮子", "薬院　大通"]


def test_hr_applies_for_everyone_found_by_name_reading_or_number(cast: Cast) -> None:
    assert len(subjects(cast, "hr")) == len(cast.people)
    for text in ("青木", "あおき", "１００００９"):
        assert subjects(cast, "hr", text) == ["青木　一郎"]


def test_nobody_is_found_after_they_left_and_everybody_before_they_come(cast: Cast) -> None:
    with cast.database.writing() as session:
        cast.employment(session, "staff").valid_until = TODAY
        cast.employment(session, "other").valid_from = TODAY + timedelta(days=30)
    assert subjects(cast, "hr", "青木") == []
    assert subjects(cast, "hr", "今泉") == ["今泉　二葉"]


def test_somebody_of_another_unit_is_outside_the_scope(cast: Cast) -> None:
    manager = scope(cast, "security")
    with cast.database.reading() as session:
        assert subject_in_scope(session, manager, cast.people["system"], day=TODAY) is None
        found = subject_in_scope(session, manager, cast.people["staff"], day=TODAY)
    assert found is not None
    assert (found.name, found.unit, found.post, found.staff_number) == ("青木　一郎", "総務課", "主事", "100009")


def test_a_choice_says_what_is_held_what_is_asked_and_what_is_free(cast: Cast) -> None:
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    cast.file("staff", ("staff", "ledger/enter"), action=RequestAction.CHANGE)
    ledger = systems(cast, "staff")["会計システム"]
    assert [right.name for right in ledger.held] == ["利用者ID"]
    assert [right.name for right in ledger.free] == ["伝票入力", "伝票承認", "管理用ID", "システム管理"]
    assert ledger.free[0].asked == (LineEffect.GRANT, "R8-000002")
    assert ledger.free[1].asked is None


def test_a_my_number_system_is_closed_where_the_profile_keeps_out_of_its_zone(cast: Cast) -> None:
    assert not systems(cast, "staff")["年金システム"].zone_closed
    found = systems(replace(cast, policy=replace(cast.policy, zones=ZoneRules(mynumber_forbidden=True))), "staff")
    assert found["年金システム"].zone_closed
    assert not found["会計システム"].zone_closed


def test_the_right_that_ends_first_stands_first_and_the_employment_may_end_it(cast: Cast) -> None:
    filed = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"), valid_until=date(2026, 9, 1))
    cast.approve(filed, line=0)
    cast.approve(filed, line=1)
    with cast.database.writing() as session:
        cast.employment(session, "staff").valid_until = date(2026, 7, 1)
    with cast.database.reading() as session:
        rights = own_rights(session, cast.people["staff"], reader=Reader(TODAY))
    assert [(own.ends, own.by_employment, own.days_left(TODAY)) for own in rights] == [(date(2026, 7, 1), True, 91)] * 2


def test_a_right_without_end_stands_last(cast: Cast) -> None:
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    cast.approve(cast.file("staff", ("staff", "ledger/enter"), valid_until=date(2026, 9, 1)))
    with cast.database.reading() as session:
        rights = own_rights(session, cast.people["staff"], reader=Reader(TODAY))
    assert [own.ends for own in rights] == [date(2026, 9, 1), None]
    assert rights[1].days_left(TODAY) is None


def test_an_open_application_says_where_it_waits(cast: Cast) -> None:
    filed = cast.file("security", ("staff", "ledger/account"))
    cast.decide("chief", filed, Role.CHIEF)
    with cast.database.reading() as session:
        (own,) = own_requests(session, cast.people["staff"], reader=Reader(TODAY))
    assert own.request.id == filed
    assert [(place.seat, place.names) for place in own.stuck] == [(Role.SYSTEM, ("箱崎　花子",))]


def test_only_the_newest_file_of_a_feed_holds_rows(cast: Cast) -> None:
    with cast.database.writing() as session:
        for number in (1, 2):
            run = FeedRun(feed="aoba", sha256=str(number) * 64, applied_at=NOW, as_of=TODAY, row_count=3, joiners=1,
                          movers=1, leavers=0, held=1)  # fmt: skip
            session.add(run)
            session.flush()
            session.add(HeldRow(run_id=run.id, row_number=number, staff_number=f"{number}", name="保留", reason="同名"))
    with cast.database.reading() as session:
        assert [row.row_number for row in waiting_rows(session)] == [2]
        assert [run.id for run in last_runs(session, 10)] == [2, 1]


def test_drafts_stand_oldest_first_with_their_people(cast: Cast) -> None:
    with cast.acting("hr") as session:
        system_id = cast.entitlement(session, "ledger/account").system_id
        for people in (("staff", "other"), ("desk",)):
            lines = [cast.line(session, who, "ledger/account") for who in people]
            draft(session, action=RequestAction.REGISTER, system_id=system_id, lines=lines, reason="採用", now=NOW)
    with cast.database.reading() as session, counted(cast.database) as sent:
        rows = drafts(session)
    assert [(row.people, row.lines) for row in rows] == [(("青木　一郎", "今泉　二葉"), 2), (("西新　町子",), 1)]
    assert len(sent) <= 3
