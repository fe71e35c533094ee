"""Deciding: the seat of this moment, every rule of 兼務の禁止 tried by every path, and what each verdict leads to."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.errors import (
    ContentChanged,
    DecidedMeanwhile,
    IllegalTransition,
    InvalidInput,
    NotFound,
    NotPermitted,
    NotSeated,
    Refusal,
    SeparationOfDuties,
    ZoneNotOpen,
)
from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.officers import Deputy, Officer
from idm.models.people import OrganisationUnit, Person
from idm.models.requests import ApprovalStep, Grant, PolicyException, Request
from idm.models.work import MailMessage, OutboxTask
from idm.operations.approval import decisions, permitted_exceptions, requests
from idm.operations.approval.decisions import Verdict
from idm.operations.approval.judgement import Judgement
from idm.operations.governance import officers
from idm.policy import ZoneRules
from idm.queries.approval.seats import Bar, open_steps, seatings
from idm.request_state import Event, RequestState
from idm.vocabulary import LineEffect, RequestAction, Role
from tests.cast import NOW, TODAY, Cast, add_person

TOMORROW = TODAY + timedelta(days=1)
BEFORE = date(2020, 4, 1)


@pytest.fixture
def account(office: Cast) -> int:
    """青木's application for an account, made by himself."""
    return office.file("staff", ("staff", "ledger/account"))


def refused(cast: Cast, who: str, request_id: int, seat: Role = Role.CHIEF, event: Event = Event.APPROVE) -> str:
    """The code with which the decision is refused. Nothing has changed, and the refusal is in the audit."""
    before = snapshot(cast)
    with pytest.raises(Refusal) as refusal:
        cast.decide(who, request_id, seat, event)
    assert snapshot(cast) == before
    with cast.database.reading() as session:
        record = session.scalars(select(AuditRecord).order_by(AuditRecord.id.desc()).limit(1)).one()
    assert (record.outcome, record.action, record.actor_id, record.code) == (
        AuditOutcome.REFUSED, "request.decide", cast.people[who], refusal.value.code,
    )  # fmt: skip
    return refusal.value.code


def snapshot(cast: Cast) -> tuple[object, ...]:
    """Everything that a decision could change."""
    with cast.database.reading() as session:
        steps = session.execute(select(ApprovalStep.id, ApprovalStep.state, ApprovalStep.decider_id)).all()
        requests = session.execute(select(Request.id, Request.state, Request.version)).all()
        counts = [session.scalar(select(func.count()).select_from(table)) for table in (Grant, OutboxTask, MailMessage)]
    return sorted(map(tuple, steps)), sorted(map(tuple, requests)), counts


def decider(cast: Cast, request_id: int, seat: Role, line: int = 0) -> tuple[int | None, str | None, int | None]:
    """Who decided the step, by which rung, for whom."""
    with cast.database.reading() as session:
        step = cast.step(session, request_id, seat, line)
        return step.decider_id, step.rung, step.acting_for_id


def seated_now(cast: Cast, request_id: int, seat: Role) -> set[int]:
    """Who could decide the step at this moment, as pages show it."""
    with cast.database.reading() as session:
        step = cast.step(session, request_id, seat)
        found = seatings(session, open_steps(session, ApprovalStep.id == step.id), day=TODAY)
        return {seat.person_id for seat in found[step.id].seated}


def same_human(cast: Cast, *names: str) -> None:
    """These person rows have one kana and birth date: one human."""
    with cast.database.writing() as session:
        for name in names:
            session.get_one(Person, cast.people[name]).match_key = "0" * 64


def hold_office(cast: Cast, who: str, role: Role, unit: str | None = None) -> None:
    """The person holds the role from now on, confirmed by a second person."""
    with cast.database.writing() as session:
        session.add(
            Officer(role=role, person_id=cast.people[who], unit_code=unit, valid_from=BEFORE, confirmed_at=NOW,
                    confirmed_by_id=cast.people["other" if who == "ciso" else "ciso"])
        )  # fmt: skip


def give_up(cast: Cast, who: str) -> None:
    """The person's posts end today."""
    with cast.database.writing() as session:
        for assignment in cast.employment(session, who).assignments:
            assignment.valid_until = TODAY


def deputise(cast: Cast, principal: str, deputy: str, role: Role) -> None:
    """`principal` names `deputy` and the CISO accepts."""
    with cast.acting(principal) as session:
        named = officers.name_deputy(
            session, role=role, deputy_id=cast.people[deputy], valid_from=TODAY, valid_until=TODAY + timedelta(days=30),
            actor=cast.actor(principal), policy=cast.policy, now=NOW,
        ).id  # fmt: skip
    with cast.acting("ciso") as session:
        officers.accept_deputy(session, named, actor=cast.actor("ciso"), policy=cast.policy, now=NOW)


# --- two people, each in their seat ----------------------------------------------------------------------------------


def test_the_chief_and_the_manager_of_that_very_system_approve(office: Cast, account: int) -> None:
    office.decide("chief", account, Role.CHIEF)
    with office.database.reading() as session:
        assert session.scalars(select(Grant)).all() == []
        assert session.get_one(Request, account).state.value == "submitted"
    office.decide("system", account, Role.SYSTEM)
    with office.database.reading() as session:
        assert session.scalars(select(Grant)).one().line.request_id == account
        assert session.get_one(Request, account).state.value == "approved"
        assert session.get_one(Request, account).last_decision_at == NOW
    assert decider(office, account, Role.CHIEF) == (office.people["chief"], "holder", None)
    assert decider(office, account, Role.SYSTEM) == (office.people["system"], "holder", None)


def test_the_order_of_the_two_does_not_matter(office: Cast, account: int) -> None:
    office.decide("system", account, Role.SYSTEM)
    office.decide("chief", account, Role.CHIEF)
    with office.database.reading() as session:
        assert session.get_one(Request, account).state.value == "approved"


@pytest.mark.parametrize(
    ("who", "seat"),
    [("system", Role.CHIEF), ("chief", Role.SYSTEM), ("other", Role.CHIEF), ("hr", Role.SYSTEM), ("desk", Role.CHIEF),
     ("vice", Role.CHIEF), ("ciso", Role.CHIEF), ("security", Role.SYSTEM)],
)  # fmt: skip
def test_nobody_decides_in_anothers_seat(cast: Cast, who: str, seat: Role) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    assert refused(cast, who, request_id, seat) == "NOT-SEATED"


def test_the_manager_of_another_system_is_not_the_manager_of_this_one(cast: Cast) -> None:
    hold_office(cast, "other", Role.SYSTEM, unit="0200")
    request_id = cast.file("staff", ("staff", "ledger/account"))
    assert refused(cast, "other", request_id, Role.SYSTEM) == "NOT-SEATED"


def test_nobody_without_a_name_decides(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    with cast.database.reading() as session:
        step_id = cast.step(session, request_id, Role.CHIEF).id
        shown = session.get_one(Request, request_id).content_hash or ""
    with pytest.raises(NotPermitted), cast.database.writing() as session:
        decisions.decide(
            session, step_id=step_id, verdict=Verdict(Event.APPROVE, "自動", shown), actor=Actor.job("jobs.any"),
            policy=cast.policy, now=NOW,
        )  # fmt: skip


def test_an_unknown_step_is_not_found(cast: Cast) -> None:
    with pytest.raises(NotFound), cast.acting("chief") as session:
        decisions.decide(
            session, step_id=4711, verdict=Verdict(Event.APPROVE, "確認", ""), actor=cast.actor("chief"),
            policy=cast.policy, now=NOW,
        )  # fmt: skip


# --- SOD-1, SOD-2: own application, application about oneself --------------------------------------------------------


def test_requester_cannot_approve(office: Cast) -> None:
    request_id = office.file("chief", ("chief", "ledger/account"))
    assert refused(office, "chief", request_id) == "SOD-1"


def test_requester_can_neither_return_nor_reject(cast: Cast) -> None:
    request_id = cast.file("chief", ("chief", "ledger/account"))
    assert {refused(cast, "chief", request_id, event=event) for event in (Event.RETURN, Event.REJECT)} == {"SOD-1"}


def test_nobody_approves_what_another_asked_for_them(office: Cast) -> None:
    request_id = office.file("hr", ("chief", "ledger/account"))
    assert refused(office, "chief", request_id) == "SOD-2"


def test_the_manager_who_applied_for_somebody_cannot_approve_it(cast: Cast) -> None:
    request_id = cast.file("system", ("desk", "ledger/account"))
    assert refused(cast, "system", request_id, Role.SYSTEM) == "SOD-1"


# --- SOD-5: a second account or employment of the same human ---------------------------------------------------------


def test_a_second_account_of_the_applicant_cannot_approve(office: Cast) -> None:
    same_human(office, "chief", "staff")
    request_id = office.file("staff", ("staff", "ledger/account"))
    assert refused(office, "chief", request_id) == "SOD-1"


def test_a_second_employment_of_the_subject_cannot_approve(office: Cast) -> None:
    same_human(office, "system", "other")
    request_id = office.file("hr", ("other", "ledger/account"))
    assert refused(office, "system", request_id, Role.SYSTEM) == "SOD-2"


def test_two_accounts_of_one_human_do_not_fill_both_seats(office: Cast) -> None:
    same_human(office, "chief", "system")
    request_id = office.file("staff", ("staff", "ledger/account"))
    office.decide("chief", request_id, Role.CHIEF)
    assert refused(office, "system", request_id, Role.SYSTEM) == "SOD-4"
    office.decide("vice", request_id, Role.SYSTEM)
    assert decider(office, request_id, Role.SYSTEM) == (office.people["vice"], "vice_ciso", None)


def test_an_auditor_who_decides_under_another_account_is_an_auditor_all_the_same(cast: Cast) -> None:
    same_human(cast, "chief", "auditor")
    request_id = cast.file("staff", ("staff", "ledger/account"))
    assert refused(cast, "chief", request_id) == "SOD-6"


# --- SOD-3: deputies -------------------------------------------------------------------------------------------------


def test_the_applicants_deputy_cannot_approve(office: Cast) -> None:
    deputise(office, "chief", "security", Role.CHIEF)
    request_id = office.file("chief", ("chief", "ledger/account"))
    assert refused(office, "security", request_id) == "SOD-3"


def test_the_subjects_deputy_cannot_approve(office: Cast) -> None:
    deputise(office, "chief", "security", Role.CHIEF)
    request_id = office.file("hr", ("chief", "ledger/account"))
    assert refused(office, "security", request_id) == "SOD-3"


def test_the_deputy_of_the_applicants_second_account_cannot_approve(office: Cast) -> None:
    same_human(office, "chief", "staff")
    deputise(office, "chief", "security", Role.CHIEF)
    request_id = office.file("staff", ("staff", "ledger/account"))
    assert refused(office, "security", request_id) == "SOD-3"


def test_a_deputation_to_oneself_under_another_account_seats_nobody(cast: Cast) -> None:
    """It was named and accepted before anybody knew that the two are one human."""
    deputise(cast, "chief", "security", Role.CHIEF)
    same_human(cast, "chief", "security")
    hold_office(cast, "other", Role.CHIEF)
    request_id = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", request_id, Role.CHIEF)
    second = cast.file("other", ("other", "ledger/account"))
    assert refused(cast, "security", second) == "SOD-3"


def test_whoever_decided_the_other_step_is_not_represented_and_the_ladder_goes_on(cast: Cast) -> None:
    """天神 is chief and manager of the system: one human never fills both steps, nor does somebody else for them."""
    hold_office(cast, "chief", Role.SYSTEM, unit="0600")
    give_up(cast, "system")
    deputise(cast, "chief", "security", Role.SYSTEM)
    request_id = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", request_id, Role.CHIEF)
    assert refused(cast, "chief", request_id, Role.SYSTEM) == "SOD-4"
    assert refused(cast, "security", request_id, Role.SYSTEM) == "SOD-3"
    cast.decide("vice", request_id, Role.SYSTEM)
    assert decider(cast, request_id, Role.SYSTEM) == (cast.people["vice"], "vice_ciso", None)


def test_a_step_decided_in_somebodys_place_counts_as_decided_by_both(cast: Cast) -> None:
    """香椎 decided as 天神's deputy: neither of them, nor 天神's deputy elsewhere, decides the other step."""
    hold_office(cast, "chief", Role.SYSTEM, unit="0600")
    give_up(cast, "system")
    deputise(cast, "chief", "security", Role.CHIEF)
    deputise(cast, "chief", "other", Role.SYSTEM)
    request_id = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("security", request_id, Role.CHIEF)
    assert decider(cast, request_id, Role.CHIEF) == (cast.people["security"], "deputy", cast.people["chief"])
    assert refused(cast, "chief", request_id, Role.SYSTEM) == "SOD-4"
    assert refused(cast, "other", request_id, Role.SYSTEM) == "SOD-3"
    cast.decide("vice", request_id, Role.SYSTEM)


def test_nobody_decides_both_steps_of_a_line_in_one_persons_place_not_even_at_once_and_by_exception(cast: Cast) -> None:
    """天神 is chief and manager of the system; 香椎, whom an exception lets decide twice, deputises for both."""
    hold_office(cast, "chief", Role.SYSTEM, unit="0600")
    give_up(cast, "system")
    for role in (Role.CHIEF, Role.SYSTEM):
        deputise(cast, "chief", "security", role)
    request_id = cast.file("staff", ("staff", "ledger/account"))
    permit(cast, request_id, beneficiary="security")
    with pytest.raises(SeparationOfDuties, match="SOD-3"):
        decide_every_step(cast, "security", request_id)


def decide_every_step(cast: Cast, who: str, request_id: int) -> None:
    """`who` approves every step of the application's first line, in one act."""
    with cast.acting(who, "request.decide") as session:
        request = session.get_one(Request, request_id)
        verdict = Verdict(Event.APPROVE, "確認しました", request.content_hash or "")
        decisions.decide_lines(
            session, request_id=request_id, verdicts={step.id: verdict for step in request.lines[0].steps},
            actor=cast.actor(who), policy=cast.policy, now=NOW,
        )  # fmt: skip


def test_the_database_itself_refuses_that_one_is_represented_twice_or_where_they_have_an_interest(cast: Cast) -> None:
    deputise(cast, "chief", "security", Role.CHIEF)
    request_id = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("security", request_id, Role.CHIEF)
    cast.decide("system", request_id, Role.SYSTEM)
    change = f"UPDATE approval_steps SET acting_for_id = {cast.people['chief']} WHERE seat = 'system'"
    with pytest.raises(IntegrityError), cast.database.writing() as session:
        session.execute(text(change))
    for interested in ("applicant_id", "decider_id"):
        with pytest.raises(IntegrityError, match="sod_3"), cast.database.writing() as session:
            session.execute(text(f"UPDATE approval_steps SET acting_for_id = {interested} WHERE seat = 'system'"))


def test_an_officer_and_their_deputy_may_both_decide_and_the_first_to_do_so_has(cast: Cast) -> None:
    deputise(cast, "chief", "security", Role.CHIEF)
    first, second = (cast.file("staff", ("staff", f"ledger/{right}")) for right in ("account", "enter"))
    cast.decide("chief", first, Role.CHIEF)
    assert decider(cast, first, Role.CHIEF) == (cast.people["chief"], "holder", None)
    cast.decide("security", second, Role.CHIEF)
    assert decider(cast, second, Role.CHIEF) == (cast.people["security"], "deputy", cast.people["chief"])


def test_the_ciso_decides_in_their_own_seat_though_they_are_also_the_applicants_deputy(cast: Cast) -> None:
    deputise(cast, "chief", "vice", Role.CHIEF)
    give_up(cast, "ciso")
    request_id = cast.file("chief", ("chief", "ledger/account"))
    cast.decide("vice", request_id, Role.CHIEF)
    assert decider(cast, request_id, Role.CHIEF) == (cast.people["vice"], "vice_ciso", None)


@pytest.mark.parametrize("fault", ["not accepted", "over", "not begun", "left", "contractor", "auditor"])
def test_a_deputy_who_does_not_count_seats_nobody_and_the_ladder_goes_on(cast: Cast, fault: str) -> None:
    with cast.database.writing() as session:
        deputy = {"contractor": "contractor", "auditor": "auditor"}.get(fault, "other")
        session.add(
            Deputy(
                principal_id=cast.people["chief"], role=Role.CHIEF, deputy_id=cast.people[deputy],
                valid_from=TOMORROW if fault == "not begun" else BEFORE,
                valid_until=TODAY if fault == "over" else date(2027, 4, 1), named_at=NOW,
                accepted_at=None if fault == "not accepted" else NOW,
                accepted_by_id=None if fault == "not accepted" else cast.people["ciso"],
            )
        )  # fmt: skip
        if fault == "left":
            cast.employment(session, "other").valid_until = TODAY
    hold_office(cast, "chief", Role.SYSTEM, unit="0600")
    give_up(cast, "system")
    request_id = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", request_id, Role.SYSTEM)
    assert seated_now(cast, request_id, Role.CHIEF) == {cast.people["vice"]}
    cast.decide("vice", request_id, Role.CHIEF)


# --- SOD-4 and its exception -----------------------------------------------------------------------------------------


@pytest.fixture
def both_seats(cast: Cast) -> int:
    """天神 holds both seats and has decided one of them."""
    hold_office(cast, "chief", Role.SYSTEM, unit="0600")
    give_up(cast, "system")
    request_id = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", request_id, Role.CHIEF)
    return request_id


def permit(cast: Cast, request_id: int, who: str = "ciso", *, beneficiary: str = "chief", **options: object) -> int:
    """The exception's id, permitted by `who`."""
    asked: dict[str, object] = {"rule": "SOD-4", "reason": "ほかに決裁できる人がいないため", "days": 1} | options
    with cast.acting(who, "exception.permit") as session:
        return permitted_exceptions.permit(
            session, session.get_one(Request, request_id), beneficiary_id=cast.people.get(beneficiary, 4711),
            actor=cast.actor(who), policy=cast.policy, now=NOW, **asked,  # type: ignore[arg-type]
        ).id  # fmt: skip


def test_one_human_decides_one_step(cast: Cast, both_seats: int) -> None:
    assert refused(cast, "chief", both_seats, Role.SYSTEM) == "SOD-4"


def test_an_exception_of_the_ciso_named_on_the_application_lifts_it_and_is_cited(cast: Cast, both_seats: int) -> None:
    exception = permit(cast, both_seats)
    cast.decide("chief", both_seats, Role.SYSTEM)
    with cast.database.reading() as session:
        assert cast.step(session, both_seats, Role.SYSTEM).exception_id == exception
        assert cast.step(session, both_seats, Role.CHIEF).exception_id is None
        assert session.get_one(Request, both_seats).state.value == "approved"


def test_an_exception_is_for_one_application_one_person_and_its_days(cast: Cast, both_seats: int) -> None:
    permit(cast, both_seats)
    other = cast.file("other", ("other", "ledger/account"))
    cast.decide("chief", other, Role.CHIEF)
    assert refused(cast, "chief", other, Role.SYSTEM) == "SOD-4"
    with pytest.raises(SeparationOfDuties):
        cast.decide("chief", both_seats, Role.SYSTEM, now=NOW + timedelta(days=1))


@pytest.mark.parametrize("rule", ["SOD-1", "SOD-2", "SOD-3", "SOD-5", "SOD-6", "SOD-7", "SOD-8", "", "all"])
def test_no_other_rule_has_an_exception(cast: Cast, both_seats: int, rule: str) -> None:
    with pytest.raises(InvalidInput, match="例外がありません"):
        permit(cast, both_seats, rule=rule)


@pytest.mark.parametrize("who", ["chief", "vice", "security", "hr", "auditor", "staff"])
def test_nobody_but_the_ciso_permits_an_exception(cast: Cast, both_seats: int, who: str) -> None:
    with pytest.raises(NotPermitted):
        permit(cast, both_seats, who)


def test_the_ciso_permits_none_to_themself_nor_for_what_is_about_them(cast: Cast, both_seats: int) -> None:
    with pytest.raises(SeparationOfDuties):
        permit(cast, both_seats, beneficiary="ciso")
    own = cast.file("hr", ("ciso", "ledger/account"))
    with pytest.raises(SeparationOfDuties):
        permit(cast, own)


@pytest.mark.parametrize(
    ("options", "field"),
    [({"reason": " "}, "reason"), ({"reason": "あ" * 2001}, "reason"), ({"days": 0}, "days"), ({"days": -1}, "days"),
     ({"days": 10_000_000}, "days"), ({"beneficiary": "nobody"}, "beneficiary")],
)  # fmt: skip
def test_an_exception_that_says_too_little_is_refused_at_its_field(
    cast: Cast, both_seats: int, options: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        permit(cast, both_seats, **options)
    assert list(refusal.value.fields) == [field]


def test_no_exception_for_what_is_settled(cast: Cast, both_seats: int) -> None:
    cast.decide("vice", both_seats, Role.SYSTEM, Event.REJECT)
    with pytest.raises(IllegalTransition):
        permit(cast, both_seats)


def test_an_exception_is_audited(cast: Cast, both_seats: int) -> None:
    permit(cast, both_seats)
    with cast.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "exception.permitted")).one()
    assert '"rule":"SOD-4"' in (record.payload or "")


# --- SOD-6, SOD-7 ----------------------------------------------------------------------------------------------------


def test_an_auditor_never_decides(cast: Cast) -> None:
    hold_office(cast, "auditor", Role.CHIEF)
    request_id = cast.file("staff", ("staff", "ledger/account"))
    assert refused(cast, "auditor", request_id) == "SOD-6"


def test_a_contractor_never_decides(cast: Cast) -> None:
    hold_office(cast, "contractor", Role.CHIEF)
    request_id = cast.file("staff", ("staff", "ledger/account"))
    assert refused(cast, "contractor", request_id) == "SOD-7"


def test_whoever_was_a_contractor_once_may_decide_now(cast: Cast) -> None:
    hold_office(cast, "contractor", Role.CHIEF)
    with cast.database.writing() as session:
        cast.employment(session, "contractor").valid_until = TODAY
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0600")).one()
        person = session.get_one(Person, cast.people["contractor"])
        add_person(session, "300001", person.name, person.kana, unit, "主事", person=person)
    cast.decide("contractor", cast.file("staff", ("staff", "ledger/account")), Role.CHIEF)


def test_a_seat_that_only_an_auditor_and_a_contractor_hold_goes_up_the_ladder(cast: Cast) -> None:
    for name in ("auditor", "contractor"):
        hold_office(cast, name, Role.CHIEF)
    give_up(cast, "chief")
    request_id = cast.file("staff", ("staff", "ledger/account"))
    assert seated_now(cast, request_id, Role.CHIEF) == {cast.people["vice"]}
    cast.decide("vice", request_id, Role.CHIEF)


# --- SOD-8 -----------------------------------------------------------------------------------------------------------


def test_conflicting_rights_are_not_given_to_one_human(office: Cast) -> None:
    request_id = office.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    office.approve(request_id, line=0)
    office.approve(request_id, line=1)
    conflicting = office.file("staff", ("staff", "ledger/approve"))
    assert refused(office, "chief", conflicting) == "SOD-8"
    office.decide("chief", conflicting, Role.CHIEF, Event.REJECT)


def test_conflicting_rights_are_not_given_to_two_accounts_of_one_human(cast: Cast) -> None:
    same_human(cast, "staff", "other")
    for who, right in (("staff", "ledger/enter"), ("other", "ledger/approve")):
        request_id = cast.file("hr", (who, "ledger/account"), (who, right))
        cast.approve(request_id, line=0)
        if right == "ledger/enter":
            cast.approve(request_id, line=1)
    with pytest.raises(SeparationOfDuties) as refusal:
        cast.decide("chief", request_id, Role.CHIEF, line=1)
    assert refusal.value.code == "SOD-8"


def test_two_conflicting_lines_of_one_application_are_not_both_approved(cast: Cast) -> None:
    wanted = ("ledger/account", "ledger/enter", "ledger/approve")
    request_id = cast.file("staff", *(("staff", right) for right in wanted))
    for line in (0, 1):
        cast.approve(request_id, line=line)
    with pytest.raises(SeparationOfDuties) as refusal:
        cast.decide("chief", request_id, Role.CHIEF, line=2)
    assert refusal.value.code == "SOD-8"


def test_one_act_does_not_approve_two_conflicting_lines(cast: Cast) -> None:
    request_id = cast.file(
        "staff", *(("staff", right) for right in ("ledger/account", "ledger/enter", "ledger/approve"))
    )
    for line in (0, 1, 2):
        cast.decide("chief", request_id, Role.CHIEF, line=line)
    with cast.database.reading() as session:
        verdict = Verdict(Event.APPROVE, "確認", session.get_one(Request, request_id).content_hash or "")
        steps = {cast.step(session, request_id, Role.SYSTEM, line).id: verdict for line in (0, 1, 2)}
    with pytest.raises(SeparationOfDuties) as refusal, cast.acting("system") as session:
        decisions.decide_lines(
            session, request_id=request_id, verdicts=steps, actor=cast.actor("system"), policy=cast.policy, now=NOW
        )
    assert refusal.value.code == "SOD-8"
    assert "伝票承認" in refusal.value.message


def changing(cast: Cast) -> tuple[int, dict[Role, dict[int, int]]]:
    """One application that takes one side of a conflict and gives the other; per seat, line → step."""
    held = cast.file("hr", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    for line in (0, 1):
        cast.approve(held, line=line)
    with cast.acting("hr", "request.submit") as session:
        taken = cast.line(session, "staff", "ledger/enter", LineEffect.REVOKE)
        lines = [taken, cast.line(session, "staff", "ledger/approve")]
        request = requests.draft(
            session, action=RequestAction.CHANGE, system_id=cast.entitlement(session, "ledger/enter").system_id,
            lines=lines, reason="異動のため", now=NOW,
        )  # fmt: skip
        requests.submit(session, request, actor=cast.actor("hr"), policy=cast.policy, now=NOW)
        seats = (Role.CHIEF, Role.SYSTEM)
        return request.id, {s: {at: cast.step(session, request.id, s, at).id for at in (0, 1)} for s in seats}


def approve_steps(cast: Cast, who: str, request_id: int, steps: list[int]) -> None:
    with cast.acting(who, "request.decide") as session:
        verdict = Verdict(Event.APPROVE, "確認", session.get_one(Request, request_id).content_hash or "")
        decisions.decide_lines(
            session, request_id=request_id, verdicts=dict.fromkeys(steps, verdict), actor=cast.actor(who),
            policy=cast.policy, now=NOW,
        )  # fmt: skip


def test_a_mover_may_lose_one_side_of_a_conflict_and_gain_the_other_in_one_application(cast: Cast) -> None:
    request_id, steps = changing(cast)
    approve_steps(cast, "chief", request_id, list(steps[Role.CHIEF].values()))
    approve_steps(cast, "system", request_id, list(steps[Role.SYSTEM].values()))
    with cast.database.reading() as session:
        assert session.get_one(Request, request_id).state is RequestState.APPROVED


def test_what_is_only_promised_to_be_taken_never_lets_the_other_side_be_given(cast: Cast) -> None:
    request_id, steps = changing(cast)
    approve_steps(cast, "chief", request_id, list(steps[Role.CHIEF].values()))
    with pytest.raises(SeparationOfDuties) as refusal:
        approve_steps(cast, "system", request_id, [steps[Role.SYSTEM][1]])
    assert refusal.value.code == "SOD-8"


def test_a_promise_counts_while_others_still_decide_and_not_for_the_last_word(cast: Cast) -> None:
    request_id, _ = changing(cast)
    with cast.database.reading() as session:
        request = session.get_one(Request, request_id)
        judgement = Judgement.of(session, request, person_id=cast.people["chief"], now=NOW)
        loss, gain = request.lines
        judgement.promised.append(loss)
        assert list(judgement.conflicting(gain, final=False)) == []
        assert list(judgement.conflicting(gain, final=True)) == [("伝票承認", "伝票入力")]


def test_rights_that_follow_one_another_do_not_conflict(cast: Cast) -> None:
    """The new duty begins on the day the old one ends."""
    may = date(2026, 5, 1)
    held = cast.file("hr", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    for line in (0, 1):
        cast.approve(held, line=line)
    taken = cast.file("hr", ("staff", "ledger/enter"), action=RequestAction.CHANGE, effect=LineEffect.REVOKE,
                      valid_from=may)  # fmt: skip
    cast.approve(taken)
    early = cast.file("hr", ("staff", "ledger/approve"), valid_from=may - timedelta(days=1))
    assert refused(cast, "chief", early) == "SOD-8"
    cast.decide("chief", early, Role.CHIEF, Event.REJECT)
    cast.approve(cast.file("hr", ("staff", "ledger/approve"), valid_from=may))


# --- the moment of decision ------------------------------------------------------------------------------------------


def test_whoever_took_the_seat_after_submission_decides_and_whoever_left_it_does_not(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    hold_office(cast, "other", Role.CHIEF)
    give_up(cast, "chief")
    assert refused(cast, "chief", request_id) == "NOT-SEATED"
    cast.decide("other", request_id, Role.CHIEF)


def test_an_applicant_who_became_chief_after_submission_cannot_approve(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    hold_office(cast, "staff", Role.CHIEF)
    give_up(cast, "chief")
    assert refused(cast, "staff", request_id) == "SOD-1"
    cast.decide("vice", request_id, Role.CHIEF)


def test_a_tenure_that_nobody_confirmed_seats_nobody(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.add(Officer(role=Role.CHIEF, person_id=cast.people["other"], valid_from=BEFORE))
    request_id = cast.file("staff", ("staff", "ledger/account"))
    assert refused(cast, "other", request_id) == "NOT-SEATED"


def test_a_leaver_decides_nothing_from_24_00_of_the_last_day_on(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    with cast.database.writing() as session:
        cast.employment(session, "chief").valid_until = TOMORROW
    second = cast.file("other", ("other", "ledger/account"))
    cast.decide("chief", request_id, Role.CHIEF)
    with pytest.raises(NotSeated):
        cast.decide("chief", second, Role.CHIEF, now=NOW + timedelta(days=1))


def test_the_vice_ciso_then_the_ciso_decide_where_the_seat_is_empty(cast: Cast) -> None:
    give_up(cast, "chief")
    first = cast.file("staff", ("staff", "ledger/account"))
    assert refused(cast, "ciso", first) == "NOT-SEATED"
    cast.decide("vice", first, Role.CHIEF)
    second = cast.file("hr", ("vice", "ledger/account"))
    assert refused(cast, "vice", second) == "SOD-2"
    cast.decide("ciso", second, Role.CHIEF)
    assert decider(cast, second, Role.CHIEF) == (cast.people["ciso"], "ciso", None)


def test_a_step_that_nobody_may_decide_is_held_and_shown_as_held(cast: Cast) -> None:
    give_up(cast, "chief")
    give_up(cast, "vice")
    request_id = cast.file("hr", ("ciso", "ledger/account"))
    with cast.database.reading() as session:
        step = cast.step(session, request_id, Role.CHIEF)
        seating = seatings(session, open_steps(session, ApprovalStep.id == step.id), day=TODAY)[step.id]
    assert seating.held
    assert (cast.people["ciso"], Bar.SUBJECT) in seating.barred
    assert refused(cast, "ciso", request_id) == "SOD-2"


# --- what was shown --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    ["UPDATE requests SET reason = '別の理由'", "UPDATE request_lines SET valid_until = '2030-04-01'",
     "UPDATE request_lines SET entitlement_id = 2", "UPDATE requests SET content_hash = '{forged}'"],
)  # fmt: skip
def test_content_that_changed_since_it_was_shown_is_not_decided(office: Cast, account: int, change: str) -> None:
    with office.database.writing() as session:
        session.execute(text(change.format(forged="f" * 64)))
    with office.database.reading() as session:
        shown = session.get_one(Request, account).content_hash
    with pytest.raises(ContentChanged):
        office.decide("chief", account, Role.CHIEF, shown_hash=shown)


def test_an_old_page_is_not_decided_on(office: Cast, account: int) -> None:
    with pytest.raises(ContentChanged):
        office.decide("chief", account, Role.CHIEF, shown_hash="0" * 64)
    with office.database.reading() as session:
        assert session.scalars(select(AuditRecord.code).where(AuditRecord.code == "CONTENT-CHANGED")).one()


def test_the_hash_that_was_shown_is_kept_with_the_decision(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", request_id, Role.CHIEF)
    with cast.database.reading() as session:
        assert (
            cast.step(session, request_id, Role.CHIEF).shown_hash == session.get_one(Request, request_id).content_hash
        )


# --- verdicts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("event", "state"), [(Event.RETURN, "returned"), (Event.REJECT, "rejected")])
def test_one_no_ends_the_line_and_nothing_is_given(office: Cast, account: int, event: Event, state: str) -> None:
    office.decide("chief", account, Role.CHIEF)
    office.decide("system", account, Role.SYSTEM, event, comment="期間を書いてください")
    with office.database.reading() as session:
        request = session.get_one(Request, account)
        assert (request.state.value, [line.state.value for line in request.lines]) == (state, [state])
        assert session.scalars(select(Grant)).all() == []


def test_a_no_closes_the_step_that_nobody_decided(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", request_id, Role.CHIEF, Event.RETURN)
    assert decider(cast, request_id, Role.SYSTEM) == (None, None, None)
    assert refused(cast, "system", request_id, Role.SYSTEM) == "STATE"


def test_lines_are_decided_one_by_one_and_the_application_settles_with_the_last(cast: Cast) -> None:
    request_id = cast.file("hr", ("staff", "ledger/account"), ("other", "ledger/account"), ("desk", "ledger/account"))
    cast.approve(request_id, line=0)
    cast.decide("chief", request_id, Role.CHIEF, Event.RETURN, line=1)
    with cast.database.reading() as session:
        assert session.get_one(Request, request_id).state.value == "submitted"
    cast.decide("system", request_id, Role.SYSTEM, Event.REJECT, line=2)
    with cast.database.reading() as session:
        request = session.get_one(Request, request_id)
        assert request.state.value == "approved"
        assert [line.state.value for line in request.lines] == ["approved", "returned", "rejected"]


def test_the_applicant_is_told_when_it_is_settled(cast: Cast) -> None:
    request_id = cast.file("hr", ("staff", "ledger/account"))
    cast.decide("chief", request_id, Role.CHIEF, Event.REJECT)
    with cast.database.reading() as session:
        told = session.scalars(select(MailMessage).where(MailMessage.subject.contains("申請結果"))).all()
    assert {message.recipient for message in told} == {"u100006@example.jp", "u100009@example.jp"}
    assert all("却下" in message.body for message in told)


@pytest.mark.parametrize("event", [Event.SUBMIT, Event.WITHDRAW, Event.LAPSE, Event.CLOSE, Event.SETTLE_APPROVED])
def test_nothing_else_is_a_verdict(cast: Cast, event: Event) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    assert refused(cast, "chief", request_id, event=event) == "INPUT"


@pytest.mark.parametrize("comment", ["", " 　\n", "あ" * 2001, "確認\0", "確認\u202e"])
def test_a_decision_needs_a_comment_that_can_be_kept(office: Cast, account: int, comment: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        office.decide("chief", account, Role.CHIEF, comment=comment)
    assert list(refusal.value.fields) == ["comment"]


def test_a_step_is_decided_once(office: Cast, account: int) -> None:
    office.decide("chief", account, Role.CHIEF)
    with pytest.raises(DecidedMeanwhile):
        office.decide("chief", account, Role.CHIEF)
    with pytest.raises(DecidedMeanwhile):
        office.decide("chief", account, Role.CHIEF, Event.REJECT)


def test_a_decision_is_audited_with_seat_rung_and_what_was_shown(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", request_id, Role.CHIEF, comment="職務に必要です")
    with cast.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "step.approved")).one()
    for part in ('"seat":"chief"', '"rung":"holder"', '"comment":"職務に必要です"', '"shown_hash":"'):
        assert part in (record.payload or "")


# --- what was possible at submission may no longer be ----------------------------------------------------------------


def make_privileged(cast: Cast, right: str) -> None:
    """The right is privileged from now on, while applications for it are under way."""
    with cast.database.writing() as session:
        cast.entitlement(session, right).privileged = True


def test_a_right_that_became_privileged_meanwhile_is_not_given_without_an_end(office: Cast, account: int) -> None:
    make_privileged(office, "ledger/account")
    with pytest.raises(InvalidInput, match="終了日が必要"):
        office.decide("chief", account, Role.CHIEF)
    office.decide("chief", account, Role.CHIEF, Event.RETURN)


def test_a_right_that_became_privileged_meanwhile_is_not_given_at_a_contractors_own_request(office: Cast) -> None:
    request_id = office.file("contractor", ("contractor", "ledger/account"), valid_until=TODAY + timedelta(days=30))
    make_privileged(office, "ledger/account")
    with pytest.raises(SeparationOfDuties, match="委託事業者は、特権の申請"):
        office.decide("system", request_id, Role.SYSTEM)


def test_nothing_is_approved_in_a_zone_that_the_profile_keeps_out_of(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "pension/account"))
    forbidding = replace(cast, policy=replace(cast.policy, zones=ZoneRules(mynumber_forbidden=True)))
    with pytest.raises(ZoneNotOpen):
        forbidding.decide("chief", request_id, Role.CHIEF)
    forbidding.decide("chief", request_id, Role.CHIEF, Event.REJECT)


def test_nothing_is_approved_for_whoever_has_left_meanwhile(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    with cast.database.writing() as session:
        cast.employment(session, "staff").valid_until = TOMORROW
    with pytest.raises(InvalidInput, match="在職していない"):
        cast.decide("chief", request_id, Role.CHIEF, now=NOW + timedelta(days=1))
    cast.decide("chief", request_id, Role.CHIEF, Event.RETURN, now=NOW + timedelta(days=1))


def test_nothing_is_approved_for_a_period_that_has_passed(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"), valid_until=TODAY + timedelta(days=3))
    cast.decide("chief", request_id, Role.CHIEF, now=NOW + timedelta(days=2))
    with pytest.raises(InvalidInput, match="期間はすでに過ぎています"):
        cast.decide("system", request_id, Role.SYSTEM, now=NOW + timedelta(days=3))


# --- several lines in one act ----------------------------------------------------------------------------------------


def decide_all(cast: Cast, who: str, request_id: int, seat: Role, events: list[Event]) -> None:
    with cast.acting(who, "request.decide") as session:
        request = session.get_one(Request, request_id)
        verdicts = {
            cast.step(session, request_id, seat, at).id: Verdict(event, "確認しました", request.content_hash or "")
            for at, event in enumerate(events)
        }
        decisions.decide_lines(
            session, request_id=request_id, verdicts=verdicts, actor=cast.actor(who), policy=cast.policy, now=NOW
        )


def test_several_lines_are_decided_in_one_act_each_with_its_verdict(office: Cast) -> None:
    request_id = office.file("hr", ("staff", "ledger/account"), ("other", "ledger/account"))
    decide_all(office, "chief", request_id, Role.CHIEF, [Event.APPROVE, Event.RETURN])
    decide_all(office, "system", request_id, Role.SYSTEM, [Event.APPROVE])
    with office.database.reading() as session:
        request = session.get_one(Request, request_id)
        assert [line.state.value for line in request.lines] == ["approved", "returned"]
        assert request.state.value == "approved"


def test_one_line_that_is_refused_refuses_the_act_and_says_which(office: Cast) -> None:
    request_id = office.file("hr", ("staff", "ledger/account"), ("chief", "ledger/account"))
    before = snapshot(office)
    with pytest.raises(SeparationOfDuties, match=r"SOD-2") as refusal:
        decide_all(office, "chief", request_id, Role.CHIEF, [Event.APPROVE, Event.APPROVE])
    assert "天神" in refusal.value.message
    assert snapshot(office) == before


def test_separation_is_judged_line_by_line(cast: Cast) -> None:
    request_id = cast.file("hr", ("staff", "ledger/account"), ("chief", "ledger/account"))
    cast.decide("chief", request_id, Role.CHIEF, line=0)
    with pytest.raises(SeparationOfDuties):
        cast.decide("chief", request_id, Role.CHIEF, line=1)
    cast.decide("vice", request_id, Role.CHIEF, line=1)


def test_a_step_of_another_application_is_not_decided_with_it(cast: Cast) -> None:
    one, other = cast.file("staff", ("staff", "ledger/account")), cast.file("other", ("other", "ledger/account"))
    with cast.database.reading() as session:
        step_id = cast.step(session, other, Role.CHIEF).id
        shown = session.get_one(Request, one).content_hash or ""
    with pytest.raises(NotFound), cast.acting("chief") as session:
        decisions.decide_lines(
            session, request_id=one, verdicts={step_id: Verdict(Event.APPROVE, "確認", shown)},
            actor=cast.actor("chief"), policy=cast.policy, now=NOW,
        )  # fmt: skip


def test_nothing_chosen_is_nothing_decided(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"))
    with pytest.raises(InvalidInput), cast.acting("chief") as session:
        decisions.decide_lines(
            session, request_id=request_id, verdicts={}, actor=cast.actor("chief"), policy=cast.policy, now=NOW
        )


# --- constraints repeat the rules ------------------------------------------------------------------------------------

DECIDED = "state = 'approved', decided_at = '2026-04-01 00:00:00', shown_hash = 'x'"


def by_hand(cast: Cast, statement: str) -> None:
    """What somebody with the database's own tools does."""
    with cast.database.writing() as session:
        session.execute(text(statement))


@pytest.mark.parametrize("whose", ["applicant_id", "subject_id"])
def test_the_database_refuses_a_decision_by_applicant_or_subject(office: Cast, whose: str) -> None:
    office.file("hr", ("staff", "ledger/account"))
    with pytest.raises(IntegrityError, match="sod_1_2"):
        by_hand(office, f"UPDATE approval_steps SET {DECIDED}, decider_id = {whose} WHERE seat = 'chief'")


def test_the_database_refuses_that_even_with_an_exception(office: Cast, account: int) -> None:
    with office.database.writing() as session:
        session.add(
            PolicyException(
                request_id=account, rule="SOD-4", beneficiary_id=office.people["staff"], reason="無理",
                permitted_by_id=office.people["ciso"], permitted_at=NOW, valid_until=TOMORROW,
            )
        )  # fmt: skip
    with pytest.raises(IntegrityError, match="sod_1_2"):
        by_hand(office, f"UPDATE approval_steps SET {DECIDED}, decider_id = applicant_id, exception_id = 1")


def test_the_database_refuses_one_decider_for_two_steps_of_a_line_without_an_exception(office: Cast) -> None:
    office.file("hr", ("staff", "ledger/account"))
    chief = office.people["chief"]
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE approval_steps SET {DECIDED}, decider_id = {chief}")


@pytest.mark.parametrize(
    "change",
    ["state = 'approved'", "state = 'pending', decider_id = 3", "state = 'closed', decider_id = 3",
     "state = 'approved', decider_id = 3", "state = 'approved', decider_id = 3, decided_at = '2026-04-01 00:00:00'",
     "state = 'decided'", f"{DECIDED}, decider_id = 4711", f"{DECIDED}, decider_id = 3, exception_id = 4711"],
)  # fmt: skip
def test_the_database_refuses_a_decision_without_its_decider_or_what_was_shown(
    office: Cast, account: int, change: str
) -> None:
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE approval_steps SET {change} WHERE seat = 'chief'")


@pytest.mark.parametrize(
    ("rule", "beneficiary", "permitted_by"), [("SOD-1", "chief", "ciso"), ("SOD-4", "ciso", "ciso")]
)
def test_the_database_refuses_an_exception_to_another_rule_or_to_oneself(
    office: Cast, account: int, rule: str, beneficiary: str, permitted_by: str
) -> None:
    people = office.people
    with pytest.raises(IntegrityError):
        by_hand(
            office,
            "INSERT INTO policy_exceptions (request_id, rule, beneficiary_id, reason, permitted_by_id, permitted_at, "
            f"valid_until) VALUES ({account}, '{rule}', {people[beneficiary]}, 'x', {people[permitted_by]}, "
            "'2026-04-01 00:00:00', '2026-04-02')",
        )
