"""One application as its page shows it, and who may see that there is one."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from idm.directory.directory_status import DirectoryStatus
from idm.errors import NotFound
from idm.models.people import Assignment, OrganisationUnit
from idm.models.requests import Request
from idm.operations.approval.requests import draft, find, withdraw
from idm.queries.approval.request_sheet import RequestSheet, request_sheet, require_visible
from idm.queries.approval.timeline import timeline
from idm.queries.organisation.officers import roles_of
from idm.request_state import Event, StepState
from idm.routing import Rung
from idm.vocabulary import LineEffect, RequestAction, Role
from tests.carried_out import carry_out
from tests.cast import NOW, TODAY, Cast
from tests.statements import counted


def sheet(cast: Cast, request_id: int, day: date = TODAY) -> RequestSheet:
    with cast.database.reading() as session:
        return request_sheet(session, request_id, day=day)


def sees(cast: Cast, who: str, request_id: int) -> bool:
    person_id = cast.people[who]
    with cast.database.reading() as session:
        try:
            require_visible(
                session, request_id, person_id=person_id, roles=roles_of(session, person_id, TODAY), day=TODAY
            )
        except NotFound:
            return False
        return True


def test_the_hash_of_what_is_shown_is_the_hash_that_was_submitted(cast: Cast) -> None:
    filed = cast.file("security", ("staff", "ledger/account"), ("other", "ledger/enter"), ("other", "ledger/account"))
    with cast.database.reading() as session:
        assert sheet(cast, filed).shown_hash == session.get_one(Request, filed).content_hash


def test_the_hash_follows_the_rows_and_not_the_stored_one(cast: Cast) -> None:
    filed = cast.file("staff", ("staff", "ledger/account"))
    before = sheet(cast, filed).shown_hash
    with cast.database.writing() as session:
        session.get_one(Request, filed).reason = "書き換えられた理由"
    assert sheet(cast, filed).shown_hash != before


def test_a_step_says_who_decided_and_as_what(cast: Cast) -> None:
    filed = cast.file("hr", ("chief", "ledger/account"))
    cast.decide("vice", filed, Role.CHIEF, comment="次長本人の申請のため")
    (line,) = sheet(cast, filed).lines
    first, second = line.steps
    assert (first.state, first.decider, first.rung, first.comment, first.seating) == (
        StepState.APPROVED, "百道　浜男", Rung.VICE_CISO, "次長本人の申請のため", None
    )  # fmt: skip
    assert second.seating is not None
    assert [sheet(cast, filed).names[seat.person_id] for seat in second.seating.seated] == ["箱崎　花子"]


def test_what_the_subject_has_now_stands_beside_what_is_asked(cast: Cast) -> None:
    first = cast.file("staff", ("staff", "ledger/account"))
    cast.approve(first)
    second = cast.file("staff", ("staff", "ledger/enter"), action=RequestAction.CHANGE)
    held = sheet(cast, second).held_now[cast.people["staff"]]
    assert [right.right_name for right in held] == ["利用者ID"]


def test_a_right_that_must_not_be_held_beside_another_is_named(cast: Cast) -> None:
    together = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"), ("staff", "ledger/approve"))
    assert [line.conflicts for line in sheet(cast, together).lines] == [(), ("伝票承認",), ("伝票入力",)]


def test_what_came_of_a_line_is_read_from_the_directory(cast: Cast) -> None:
    filed = cast.file("staff", ("staff", "ledger/account"))
    assert sheet(cast, filed).lines[0].grants == ()
    cast.approve(filed)
    assert sheet(cast, filed).lines[0].grants[0].directory.status is DirectoryStatus.WAITING
    carry_out(cast, refused="そのような操作はできません")
    assert sheet(cast, filed).lines[0].grants[0].directory.status is DirectoryStatus.REFUSED


def test_a_removal_shows_what_it_took(cast: Cast) -> None:
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    carry_out(cast)
    removal = cast.file("staff", ("staff", "ledger/account"), action=RequestAction.REMOVE, effect=LineEffect.REVOKE)
    cast.approve(removal)
    (taken,) = sheet(cast, removal).lines[0].grants
    assert taken.directory.status is DirectoryStatus.TAKEN  # it was never opened: nothing to be seen in the directory
    assert taken.ended_by_line_id == sheet(cast, removal).lines[0].line_id


def test_last_years_form_goes_on_showing_last_years_unit(cast: Cast) -> None:
    filed = cast.file("staff", ("staff", "ledger/account"))
    later = TODAY + timedelta(days=365)
    with cast.database.writing() as session:
        old = session.scalars(
            select(Assignment).where(Assignment.employment_id == cast.employment(session, "staff").id)
        ).one()
        old.valid_until = later - timedelta(days=1)
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0600")).one()
        session.add(Assignment(employment_id=old.employment_id, unit=unit, post="係長", primary=True,
                               valid_from=later - timedelta(days=1)))  # fmt: skip
    assert sheet(cast, filed, later).lines[0].subject.unit == "総務課"


@pytest.mark.parametrize("who", ["staff", "security", "chief", "system", "ciso", "vice", "hr", "auditor"])
def test_those_concerned_and_those_who_may_see_all_see_an_application(cast: Cast, who: str) -> None:
    assert sees(cast, who, cast.file("security", ("staff", "ledger/account")))


@pytest.mark.parametrize("who", ["other", "desk", "contractor"])
def test_for_everybody_else_there_is_no_application(cast: Cast, who: str) -> None:
    assert not sees(cast, who, cast.file("security", ("staff", "ledger/account")))


def test_whoever_is_seated_sees_it_and_whoever_decided_goes_on_seeing_it(cast: Cast) -> None:
    filed = cast.file("staff", ("staff", "ledger/account"))
    assert sees(cast, "system", filed)
    cast.decide("system", filed, Role.SYSTEM)
    cast.decide("chief", filed, Role.CHIEF)
    assert sees(cast, "system", filed)


def test_an_approver_still_finds_what_was_taken_back_before_they_looked(cast: Cast) -> None:
    filed = cast.file("staff", ("staff", "ledger/account"))
    with cast.acting("staff") as session:
        withdraw(session, find(session, filed), actor=cast.actor("staff"), policy=cast.policy, now=NOW)
    assert sees(cast, "system", filed)
    assert not sees(cast, "other", filed)


def test_a_draft_is_seen_by_those_who_submit_drafts_alone(cast: Cast) -> None:
    with cast.acting("hr") as session:
        lines = [cast.line(session, "staff", "ledger/account")]
        system_id = cast.entitlement(session, "ledger/account").system_id
        drafted = draft(
            session, action=RequestAction.REGISTER, system_id=system_id, lines=lines, reason="採用", now=NOW
        )
    assert [who for who in cast.people if sees(cast, who, drafted.id)] == ["hr"]


def test_an_application_that_does_not_exist_is_not_found(cast: Cast) -> None:
    assert not sees(cast, "ciso", 999)
    with pytest.raises(NotFound):
        sheet(cast, 999)


def test_the_timeline_counts_lines_decided_in_one_act_as_one(cast: Cast) -> None:
    filed = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    cast.decide("chief", filed, Role.CHIEF)
    cast.decide("chief", filed, Role.CHIEF, line=1)
    cast.decide("system", filed, Role.SYSTEM, Event.RETURN, now=NOW + timedelta(minutes=1))
    with cast.database.reading() as session:
        events = timeline(session, filed)
    assert [(event.title, event.actor, event.count) for event in events] == [
        ("提出しました", "青木　一郎", 1), ("承認しました", "天神　太郎", 2), ("差し戻しました", "箱崎　花子", 1)
    ]  # fmt: skip


def test_a_sheet_asks_no_statement_per_line(cast: Cast) -> None:
    one = cast.file("security", ("staff", "ledger/account"))
    with counted(cast.database) as few:
        sheet(cast, one)
    many_lines = [(who, right) for who in ("other", "security") for right in ("ledger/account", "ledger/enter")]
    several = cast.file("security", *many_lines)
    with counted(cast.database) as many:
        sheet(cast, several)
    assert len(many) == len(few)
