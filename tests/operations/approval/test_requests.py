"""Written applications: who may apply for whom, what may be asked for, and how they end without a decision."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.calendar_days import start_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, Refusal, ZoneNotOpen
from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.people import Employment, OrganisationUnit, Person
from idm.models.requests import Request
from idm.models.systems import InformationSystem
from idm.models.work import MailMessage
from idm.operations.approval import requests
from idm.operations.approval.requests import NO_REASON, WantedLine
from idm.policy import ZoneRules
from idm.request_state import Event, LineState, RequestState, StepState
from idm.unit_of_work import unit_of_work
from idm.vocabulary import LineEffect, RequestAction, Role
from tests.cast import NOW, TODAY, Cast, add_person
from tests.statements import counted

TOMORROW = TODAY + timedelta(days=1)
NEXT_YEAR = date(2027, 4, 1)
JOB = Actor.job("tests.lifecycle")


def refusal_of(cast: Cast, *wanted: tuple[str, str], applicant: str = "staff", **options: object) -> Refusal:
    """The refusal that this application meets; nothing of it is left."""
    with pytest.raises(Refusal) as refusal:
        cast.file(applicant, *wanted, **options)  # type: ignore[arg-type]
    with cast.database.reading() as session:
        assert session.scalars(select(Request)).all() == []
    return refusal.value


def withdraw(cast: Cast, who: str, request_id: int, now: datetime = NOW) -> None:
    with cast.acting(who, "request.withdraw", now) as session:
        request = requests.find(session, request_id)
        requests.withdraw(session, request, actor=cast.actor(who), policy=cast.policy, now=now)


def lapse(cast: Cast, now: datetime) -> list[int]:
    with cast.database.writing() as session:
        return [r.id for r in requests.lapse_overdue(session, actor=JOB, policy=cast.policy, now=now)]


# --- submission ------------------------------------------------------------------------------------------------------


def test_an_application_is_numbered_complete_and_waits_for_both_seats(office: Cast) -> None:
    request_id = office.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    with office.database.reading() as session:
        request = session.get_one(Request, request_id)
        assert re.fullmatch(r"R8-\d{6}", request.number or "")
        assert (request.state, request.submitted_at, request.applicant_id) == (
            RequestState.SUBMITTED, NOW, office.people["staff"],
        )  # fmt: skip
        assert request.policy_digest == office.policy.digest
        assert len(request.content_hash or "") == 64
        for line in request.lines:
            assert line.state is LineState.PENDING
            assert [(step.seat, step.state, step.decider_id) for step in line.steps] == [
                (Role.CHIEF, StepState.PENDING, None), (Role.SYSTEM, StepState.PENDING, None),
            ]  # fmt: skip


def test_numbers_run_through_the_fiscal_year_and_begin_anew_in_april(cast: Cast) -> None:
    march = start_of(date(2026, 4, 1)) - timedelta(seconds=1)
    april = start_of(date(2026, 4, 1))
    filed = [
        cast.file("hr", ("staff", "ledger/account"), now=march, valid_from=date(2026, 3, 31)),
        cast.file("hr", ("other", "ledger/account"), now=march, valid_from=date(2026, 3, 31)),
        cast.file("hr", ("desk", "ledger/account"), now=april),
    ]
    with cast.database.reading() as session:
        numbers = [session.get_one(Request, request_id).number for request_id in filed]
    assert numbers == ["R7-000001", "R7-000002", "R8-000001"]


def test_the_holders_of_both_seats_have_one_notice_each_with_a_link_that_decides_nothing(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    with cast.database.reading() as session:
        notices = session.scalars(select(MailMessage)).all()
    assert sorted(notice.recipient for notice in notices) == ["u100003@example.jp", "u100004@example.jp"]
    assert {notice.link for notice in notices} == {f"/requests/{request_id}"}


def test_submission_is_audited_with_what_is_asked_for(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    with cast.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "request.submitted")).one()
    assert (record.object_kind, record.object_id, record.actor_id) == (
        "request", str(request_id), cast.people["staff"],
    )  # fmt: skip
    assert '"right":"account"' in (record.payload or "")


def test_a_refused_application_leaves_its_refusal_in_the_audit_and_nothing_else(office: Cast) -> None:
    refusal = refusal_of(office, ("staff", "ledger/enter"))
    with office.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED)).one()
    assert (record.action, record.code, record.actor_id) == ("request.submit", refusal.code, office.people["staff"])


def test_an_application_is_submitted_only_once(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    with pytest.raises(IllegalTransition), cast.acting("staff") as session:
        requests.submit(
            session, requests.find(session, request_id), actor=cast.actor("staff"), policy=cast.policy, now=NOW
        )


def submit_new(cast: Cast, actor: Actor, wanted: list[WantedLine], reason: str = "業務", **options: Any) -> None:
    """A draft made and submitted by the actor."""
    with unit_of_work(
        cast.database, actor=actor, now=NOW, attempted="request.submit", obj=("request", "new")
    ) as session:
        request = requests.draft(
            session, action=RequestAction.REGISTER, system_id=1, lines=wanted, reason=reason, now=NOW, **options
        )
        requests.submit(session, request, actor=actor, policy=cast.policy, now=NOW)


def test_nobody_without_a_name_applies(cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        submit_new(cast, JOB, lines(cast, ("staff", "ledger/account")))


def test_nobody_submits_anothers_draft(cast: Cast) -> None:
    wanted = lines(cast, ("staff", "ledger/account"))
    with pytest.raises(NotPermitted):
        submit_new(cast, cast.actor("hr"), wanted, applicant_id=cast.people["staff"])


def test_an_unknown_application_is_not_found(cast: Cast) -> None:
    with pytest.raises(NotFound), cast.database.reading() as session:
        requests.find(session, 4711)


# --- who applies for whom --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("applicant", "subject"),
    [("staff", "staff"), ("security", "staff"), ("security", "hr"), ("system", "desk"), ("hr", "chief"), ("hr", "hr")],
)
def test_oneself_ones_own_unit_and_hr_may_apply(cast: Cast, applicant: str, subject: str) -> None:
    cast.file(applicant, (subject, "ledger/account"))


@pytest.mark.parametrize(
    ("applicant", "subject"),
    [("staff", "other"), ("system", "staff"), ("security", "chief"), ("chief", "staff"), ("ciso", "staff"),
     ("auditor", "staff"), ("desk", "staff")],
)  # fmt: skip
def test_nobody_else_applies_for_another(cast: Cast, applicant: str, subject: str) -> None:
    assert isinstance(refusal_of(cast, (subject, "ledger/account"), applicant=applicant), NotPermitted)


def test_one_line_about_somebody_of_another_unit_refuses_the_whole(cast: Cast) -> None:
    wanted = (("staff", "ledger/account"), ("chief", "ledger/account"))
    assert isinstance(refusal_of(cast, *wanted, applicant="security"), NotPermitted)


def test_the_manager_of_a_former_employments_unit_does_not_apply_for_whoever_left_it(cast: Cast) -> None:
    with cast.database.writing() as session:
        cast.employment(session, "staff").valid_until = TODAY
        accounts = OrganisationUnit(code="0200", name="会計課", valid_from=date(2020, 4, 1))
        person = session.get_one(Person, cast.people["staff"])
        add_person(session, "300009", person.name, person.kana, accounts, "主事", person=person)
    assert isinstance(refusal_of(cast, ("staff", "ledger/account"), applicant="security"), NotPermitted)


# --- what may be asked for -------------------------------------------------------------------------------------------


def test_a_right_in_the_mynumber_zone_is_asked_for_like_any_other(cast: Cast) -> None:
    assert cast.file("staff", ("staff", "pension/account"))


def test_a_profile_may_keep_out_of_the_mynumber_zone(cast: Cast) -> None:
    forbidding = replace(cast, policy=replace(cast.policy, zones=ZoneRules(mynumber_forbidden=True)))
    refusal = refusal_of(forbidding, ("staff", "pension/account"))
    assert isinstance(refusal, ZoneNotOpen)
    assert refusal.code == "MYNUMBER-FORBIDDEN"


def test_a_group_needs_the_account_held_or_asked_for_with_it(cast: Cast) -> None:
    assert "利用者IDも一緒に" in refusal_of(cast, ("staff", "ledger/enter")).message
    account = cast.file("staff", ("staff", "ledger/account"))
    cast.file("staff", ("staff", "ledger/enter"))
    cast.approve(account)
    cast.file("staff", ("staff", "ledger/approve"))


def test_what_is_held_is_not_asked_for_again_and_what_is_not_held_is_not_given_back(cast: Cast) -> None:
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    with pytest.raises(InvalidInput, match="すでに付与されています"):
        cast.file("staff", ("staff", "ledger/account"))
    with pytest.raises(InvalidInput, match="取り消すものがありません"):
        cast.file("staff", ("staff", "ledger/enter"), action=RequestAction.REMOVE, effect=LineEffect.REVOKE)


def test_the_same_is_not_asked_for_twice_at_once(cast: Cast) -> None:
    first = cast.file("staff", ("staff", "ledger/account"))
    with cast.database.reading() as session:
        number = session.get_one(Request, first).number
    with pytest.raises(InvalidInput, match=f"申請 {number} で審査中"):
        cast.file("security", ("staff", "ledger/account"))


@pytest.mark.parametrize("who", ["staff", "contractor"])
def test_privileged_rights_and_contractors_rights_need_an_end(cast: Cast, who: str) -> None:
    wanted = ((who, "ledger/admin-account"), (who, "ledger/admin")) if who == "staff" else ((who, "ledger/account"),)
    assert "終了日が必要です" in refusal_of(cast, *wanted, applicant="hr").message
    cast.file("hr", *wanted, valid_until=NEXT_YEAR)


def test_privileged_rights_are_asked_for_for_as_long_as_the_profile_gives_them_at_a_time(cast: Cast) -> None:
    wanted = (("staff", "ledger/admin-account"), ("staff", "ledger/admin"))
    longest = timedelta(days=cast.policy.privileged.longest_days)
    assert (
        "366日まで"
        in refusal_of(cast, *wanted, applicant="hr", valid_until=TODAY + longest + timedelta(days=1)).message
    )
    cast.file("hr", *wanted, valid_until=TODAY + longest)


def test_a_contract_that_is_over_no_longer_asks_for_an_end(cast: Cast) -> None:
    with cast.database.writing() as session:
        person = session.get_one(Person, cast.people["contractor"])
        cast.employment(session, "contractor").valid_until = date(2024, 4, 1)
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0600")).one()
        add_person(session, "300001", person.name, person.kana, unit, "主事", person=person)
    cast.file("hr", ("contractor", "ledger/account"))


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "field"),
    [
        (TODAY - timedelta(days=1), None, "valid_from"),
        (TODAY, TODAY, "valid_until"),
        (TOMORROW, TODAY, "valid_until"),
    ],
)
def test_a_period_that_is_over_or_upside_down_is_refused_at_its_field(
    cast: Cast, valid_from: date, valid_until: date | None, field: str
) -> None:
    refusal = refusal_of(cast, ("staff", "ledger/account"), valid_from=valid_from, valid_until=valid_until)
    assert isinstance(refusal, InvalidInput)
    assert list(refusal.fields) == [field]


def test_a_right_for_one_day_may_be_asked_for(cast: Cast) -> None:
    cast.file("staff", ("staff", "ledger/account"), valid_from=TODAY, valid_until=TOMORROW)


@pytest.mark.parametrize(("last_from", "allowed"), [(TODAY - timedelta(days=1), True), (TODAY, False)])
def test_whoever_will_not_be_employed_on_the_first_day_gets_nothing(cast: Cast, last_from: date, allowed: bool) -> None:
    with cast.database.writing() as session:
        cast.employment(session, "staff").valid_until = last_from + timedelta(days=1)
    if allowed:
        assert "在職していない" in refusal_of(cast, ("staff", "ledger/account"), applicant="hr").message
    else:
        cast.file("hr", ("staff", "ledger/account"))


def test_taking_away_does_not_begin_in_the_past(cast: Cast) -> None:
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    with pytest.raises(InvalidInput, match="開始日は今日以後"):
        cast.file(
            "staff", ("staff", "ledger/account"), action=RequestAction.REMOVE, effect=LineEffect.REVOKE,
            valid_from=TODAY - timedelta(days=1),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("action", "effect"),
    [(RequestAction.REGISTER, LineEffect.REVOKE), (RequestAction.REMOVE, LineEffect.GRANT)],
)
def test_the_title_of_the_form_says_what_its_lines_do(cast: Cast, action: RequestAction, effect: LineEffect) -> None:
    refusal = refusal_of(cast, ("staff", "ledger/account"), action=action, effect=effect)
    assert isinstance(refusal, InvalidInput)
    assert list(refusal.fields) == ["action"]


# --- bad input -------------------------------------------------------------------------------------------------------


def draft(cast: Cast, lines: list[WantedLine], reason: str = "業務のため", cites_id: int | None = None) -> None:
    with cast.acting("staff") as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        requests.draft(
            session, action=RequestAction.REGISTER, system_id=system.id, lines=lines, reason=reason, now=NOW,
            cites_id=cites_id,
        )  # fmt: skip


def lines(cast: Cast, *wanted: tuple[str, str]) -> list[WantedLine]:
    with cast.database.reading() as session:
        return [cast.line(session, who, right) for who, right in wanted]


@pytest.mark.parametrize(
    ("reason", "problem"),
    [("あ" * 2001, "2000文字まで"), ("業務\0のため", "使えない文字"), ("業務\u202eのため", "使えない文字")],
)
def test_a_reason_that_cannot_be_kept_is_refused_at_its_field(office: Cast, reason: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem) as refusal:
        draft(office, lines(office, ("staff", "ledger/account")), reason)
    assert list(refusal.value.fields) == ["reason"]


@pytest.mark.parametrize("reason", ["", " 　\n"])
def test_an_application_without_reason_or_lines_names_every_missing_field(cast: Cast, reason: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        submit_new(cast, cast.actor("staff"), [], reason)
    assert refusal.value.fields["reason"] == NO_REASON
    assert set(refusal.value.fields) == {"reason", "entitlements"}


def test_a_right_of_another_system_is_refused(office: Cast) -> None:
    with pytest.raises(InvalidInput) as refusal:
        draft(office, lines(office, ("staff", "pension/account")))
    assert list(refusal.value.fields) == ["entitlements"]


@pytest.mark.parametrize(
    ("subject_id", "entitlement_id", "field"), [(4711, 1, "subjects"), (9, 4711, "entitlements"), (-1, 1, "subjects")]
)
def test_a_line_about_nobody_or_nothing_is_refused(
    office: Cast, subject_id: int, entitlement_id: int, field: str
) -> None:
    line = WantedLine(subject_id, entitlement_id, LineEffect.GRANT, TODAY)
    with pytest.raises(InvalidInput) as refusal:
        draft(office, [line])
    assert list(refusal.value.fields) == [field]


def test_the_same_line_twice_is_refused(office: Cast) -> None:
    with pytest.raises(InvalidInput, match="二度"):
        draft(office, lines(office, ("staff", "ledger/account"), ("staff", "ledger/account")))


# --- a returned application is put forward anew ----------------------------------------------------------------------


@pytest.fixture
def returned(cast: Cast) -> int:
    """An application that the chief has returned."""
    request_id = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", request_id, Role.CHIEF, Event.RETURN, comment="理由を具体的に")
    return request_id


def test_the_correction_of_a_returned_application_is_a_new_one_that_cites_it(cast: Cast, returned: int) -> None:
    draft(cast, lines(cast, ("staff", "ledger/account")), cites_id=returned)
    with cast.database.reading() as session:
        correction = session.scalars(select(Request).where(Request.cites_id == returned)).one()
        assert correction.id != returned


@pytest.mark.parametrize("state", ["undecided", "approved", "unknown"])
def test_only_what_ended_without_effect_can_be_cited(cast: Cast, state: str) -> None:
    cited = 4711 if state == "unknown" else cast.file("hr", ("other", "ledger/account"))
    if state == "approved":
        cast.approve(cited)
    with pytest.raises(InvalidInput) as refusal:
        draft(cast, lines(cast, ("staff", "ledger/account")), cites_id=cited)
    assert list(refusal.value.fields) == ["cites"]


# --- withdrawing and lapsing -----------------------------------------------------------------------------------------


def states(cast: Cast, request_id: int) -> tuple[str, list[str], list[str]]:
    with cast.database.reading() as session:
        request = session.get_one(Request, request_id)
        return (
            request.state.value,
            [line.state.value for line in request.lines],
            [step.state.value for line in request.lines for step in line.steps],
        )


def test_the_applicant_withdraws_what_is_undecided(office: Cast) -> None:
    request_id = office.file("staff", ("staff", "ledger/account"))
    office.decide("chief", request_id, Role.CHIEF)
    withdraw(office, "staff", request_id)
    assert states(office, request_id) == ("withdrawn", ["withdrawn"], ["approved", "closed"])
    with pytest.raises(IllegalTransition):
        office.decide("system", request_id, Role.SYSTEM)


@pytest.mark.parametrize("who", ["other", "hr", "ciso", "chief"])
def test_nobody_withdraws_anothers_application(cast: Cast, who: str) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    with pytest.raises(NotPermitted):
        withdraw(cast, who, request_id)


def test_what_was_approved_in_part_is_not_withdrawn(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    cast.approve(request_id, line=0)
    with pytest.raises(NotPermitted, match="抹消を申請"):
        withdraw(cast, "staff", request_id)


def test_nothing_is_withdrawn_twice(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    withdraw(cast, "staff", request_id)
    with pytest.raises(IllegalTransition):
        withdraw(cast, "staff", request_id)


@pytest.mark.parametrize(("seconds", "lapses"), [(-1, False), (0, True), (1, True)])
def test_an_application_nobody_decides_lapses_after_the_profiles_days(cast: Cast, seconds: int, lapses: bool) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    moment = NOW + timedelta(days=cast.policy.applications.lapse_days, seconds=seconds)
    assert lapse(cast, moment) == ([request_id] if lapses else [])
    assert states(cast, request_id)[0] == ("lapsed" if lapses else "submitted")
    assert lapse(cast, moment) == []


def test_a_lapse_closes_what_is_open_and_tells_the_applicant(cast: Cast) -> None:
    request_id = cast.file("hr", ("staff", "ledger/account"))
    cast.decide("chief", request_id, Role.CHIEF)
    lapse(cast, NOW + timedelta(days=31))
    assert states(cast, request_id) == ("lapsed", ["lapsed"], ["approved", "closed"])
    with cast.database.reading() as session:
        told = session.scalars(select(MailMessage.recipient).where(MailMessage.body.contains("失効しました"))).all()
        assert "u100006@example.jp" in told
        assert session.scalars(select(AuditRecord).where(AuditRecord.action == "request.lapsed")).one()


def test_lines_that_were_decided_stay_so_when_the_rest_lapses(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    cast.approve(request_id, line=0)
    lapse(cast, NOW + timedelta(days=31))
    assert states(cast, request_id)[:2] == ("approved", ["approved", "lapsed"])


def test_what_lapsed_is_not_decided_any_more(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    lapse(cast, NOW + timedelta(days=31))
    with pytest.raises(IllegalTransition):
        cast.decide("chief", request_id, Role.CHIEF, now=NOW + timedelta(days=31))


# --- what a database can hold ----------------------------------------------------------------------------------------


def by_hand(cast: Cast, *statements: str) -> None:
    """What somebody with the database's own tools does."""
    with cast.database.writing() as session:
        for statement in statements:
            session.execute(text(statement))


@pytest.mark.parametrize("column", ["applicant_id", "number", "submitted_at", "content_hash"])
def test_the_database_keeps_a_submitted_application_complete(office: Cast, column: str) -> None:
    request_id = office.file("staff", ("staff", "ledger/account"))
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE requests SET {column} = NULL WHERE id = {request_id}")


def test_the_database_gives_no_number_twice(office: Cast) -> None:
    office.file("staff", ("staff", "ledger/account"))
    office.file("other", ("other", "ledger/account"))
    with pytest.raises(IntegrityError):
        by_hand(office, "UPDATE requests SET number = 'R8-000001'")


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("request_lines", "valid_until = valid_from"),
        ("request_lines", "entitlement_id = (SELECT max(id) FROM entitlements)"),  # a right of the other system
        ("request_lines", "request_id = 4711"),
        ("request_lines", "applicant_id = 2"),
        ("request_lines", "state = 'done'"),
        ("requests", "state = 'done'"),
        ("requests", "action = 'delete'"),
        ("approval_steps", "applicant_id = 2"),
        ("approval_steps", "subject_id = 2"),
        ("approval_steps", "position = 1"),
        ("approval_steps", "seat = 'admin'"),
    ],
)
def test_the_database_refuses_what_no_application_can_be(office: Cast, table: str, change: str) -> None:
    office.file("staff", ("staff", "ledger/account"))
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE {table} SET {change}")


def test_the_database_has_each_line_once(office: Cast) -> None:
    office.file("staff", ("staff", "ledger/account"))
    columns = "request_id, system_id, applicant_id, subject_id, entitlement_id, effect, valid_from, state"
    with pytest.raises(IntegrityError):
        by_hand(office, f"INSERT INTO request_lines ({columns}) SELECT {columns} FROM request_lines")


# --- five hundred lines ----------------------------------------------------------------------------------------------


def test_a_batch_of_two_hundred_lines_does_not_ask_the_database_for_each(cast: Cast) -> None:
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        for number in range(200):
            add_person(session, f"4{number:05d}", f"多数　{number}", "タスウ", unit, "主事")
        people = session.scalars(select(Employment.person_id).where(Employment.staff_number.startswith("4"))).all()
        right = cast.entitlement(session, "ledger/account")
    wanted = [WantedLine(person, right.id, LineEffect.GRANT, TODAY) for person in people]
    with counted(cast.database) as sent:
        submit_new(cast, cast.actor("hr"), wanted)
    asked = [statement for statement in sent if statement.startswith("SELECT")]
    assert len(asked) < 40
