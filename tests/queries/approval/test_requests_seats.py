"""Who may decide now, for many steps at once: the same answer as the decision itself is judged by."""

import contextlib
from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.errors import NotSeated, SeparationOfDuties
from idm.models.officers import Deputy, Officer
from idm.models.requests import ApprovalStep, PolicyException
from idm.operations.approval import permitted_exceptions
from idm.operations.approval.decisions import Verdict, decide
from idm.operations.approval.requests import find
from idm.queries.approval.approvals import decided_page, held_requests, pending_for, stuck_at
from idm.queries.approval.seats import Bar, Seating, open_steps, seatings
from idm.request_state import Event, StepState
from idm.routing import Rung, Seated
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast
from tests.statements import counted


def seating(cast: Cast, request_id: int, seat: Role, line: int = 0) -> Seating:
    with cast.database.reading() as session:
        step = cast.step(session, request_id, seat, line)
        return seatings(session, open_steps(session, ApprovalStep.id == step.id), day=TODAY)[step.id]


def names(cast: Cast, found: Seating) -> list[str]:
    called = {person_id: name for name, person_id in cast.people.items()}
    return [called[seat.person_id] for seat in found.seated]


def end_tenures(cast: Cast, *roles: Role) -> None:
    with cast.database.writing() as session:
        for officer in session.scalars(select(Officer).where(Officer.role.in_(roles))):
            officer.valid_until = TODAY


def also_holds(cast: Cast, who: str, role: Role, unit_code: str | None = None) -> None:
    with cast.database.writing() as session:
        record = session.scalars(select(Officer.first_record_id)).first()
        session.add(Officer(role=role, person_id=cast.people[who], unit_code=unit_code, valid_from=TODAY,
                            first_record_id=record, confirmed_at=NOW))  # fmt: skip


def name_deputy(cast: Cast, principal: str, deputy: str, role: Role, *, accepted: bool = True) -> None:
    with cast.database.writing() as session:
        session.add(
            Deputy(
                principal_id=cast.people[principal],
                role=role,
                deputy_id=cast.people[deputy],
                valid_from=TODAY,
                valid_until=TODAY + timedelta(days=30),
                named_at=NOW,
                accepted_at=NOW if accepted else None,
                accepted_by_id=cast.people["ciso"] if accepted else None,
            )
        )


def test_the_holders_of_the_route_may_decide(cast: Cast) -> None:
    filed = cast.file("staff", ("staff", "ledger/account"))
    assert names(cast, seating(cast, filed, Role.CHIEF)) == ["chief"]
    assert names(cast, seating(cast, filed, Role.SYSTEM)) == ["system"]


def test_an_application_about_the_holder_goes_up_the_ladder_and_not_to_their_deputy(cast: Cast) -> None:
    name_deputy(cast, "chief", "desk", Role.CHIEF)
    filed = cast.file("hr", ("chief", "ledger/account"))
    found = seating(cast, filed, Role.CHIEF)
    assert found.seated == (Seated(cast.people["vice"], Rung.VICE_CISO),)
    assert (cast.people["chief"], Bar.SUBJECT) in found.barred


def test_whoever_decided_the_other_step_is_not_represented_in_this_one(cast: Cast) -> None:
    end_tenures(cast, Role.SYSTEM)
    also_holds(cast, "chief", Role.SYSTEM, "0600")
    name_deputy(cast, "chief", "desk", Role.SYSTEM)
    filed = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", filed, Role.CHIEF)
    found = seating(cast, filed, Role.SYSTEM)
    assert found.seated == (Seated(cast.people["vice"], Rung.VICE_CISO),)
    assert (cast.people["chief"], Bar.OTHER_STEP) in found.barred


def test_nobody_left_is_held_and_says_why(cast: Cast) -> None:
    end_tenures(cast, Role.SYSTEM, Role.VICE_CISO)
    filed = cast.file("ciso", ("ciso", "ledger/account"))
    found = seating(cast, filed, Role.SYSTEM)
    assert found.held
    assert found.barred == ((cast.people["ciso"], Bar.APPLICANT),)
    with cast.database.reading() as session:
        assert held_requests(session, day=TODAY) == [filed]


def test_an_exception_seats_its_beneficiary_for_the_other_step(cast: Cast) -> None:
    end_tenures(cast, Role.SYSTEM)
    also_holds(cast, "chief", Role.SYSTEM, "0600")
    filed = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", filed, Role.CHIEF)
    assert names(cast, seating(cast, filed, Role.SYSTEM)) == ["vice"]
    with cast.acting("ciso") as session:
        permitted_exceptions.permit(session, find(session, filed), rule="SOD-4", beneficiary_id=cast.people["chief"],
                          reason="急ぐため", days=1, actor=cast.actor("ciso"), policy=cast.policy, now=NOW)  # fmt: skip
    assert names(cast, seating(cast, filed, Role.SYSTEM)) == ["vice", "chief"]
    with cast.database.writing() as session:
        session.scalars(select(PolicyException)).one().valid_until = TODAY
    assert names(cast, seating(cast, filed, Role.SYSTEM)) == ["vice"]


@pytest.mark.parametrize("change", range(6))
def test_in_bulk_exactly_those_are_seated_whose_decision_goes_through(cast: Cast, change: int) -> None:
    match change:
        case 1:
            also_holds(cast, "chief", Role.SYSTEM, "0600")
        case 2:
            end_tenures(cast, Role.CHIEF)
        case 3:
            name_deputy(cast, "system", "desk", Role.SYSTEM)
            name_deputy(cast, "chief", "staff", Role.CHIEF, accepted=False)
        case 4:
            end_tenures(cast, Role.SYSTEM, Role.VICE_CISO)
        case 5:
            also_holds(cast, "auditor", Role.CHIEF)
            end_tenures(cast, Role.VICE_CISO)
    filed = [cast.file("hr", (who, "ledger/account")) for who in ("staff", "chief", "ciso")]
    if change not in (2, 4):
        cast.decide("chief", filed[0], Role.CHIEF)
    with cast.database.reading() as session:
        steps = open_steps(session, ApprovalStep.state == StepState.PENDING)
        found = seatings(session, steps, day=TODAY)
    for step in steps:
        assert {seat.person_id for seat in found[step.step_id].seated} == those_who_can(cast, step.step_id)


def those_who_can(cast: Cast, step_id: int) -> set[int]:
    """Everyone whose decision on the step goes through; each try is undone."""
    able = set()
    for name in ("ciso", "vice", "chief", "system", "auditor", "desk", "staff"):
        with cast.database.reading() as session, contextlib.suppress(SeparationOfDuties, NotSeated):
            step = session.get_one(ApprovalStep, step_id)
            verdict = Verdict(Event.APPROVE, "確認しました", step.line.request.content_hash or "")
            decide(session, step_id=step_id, verdict=verdict, actor=cast.actor(name), policy=cast.policy, now=NOW)
            able.add(cast.people[name])
    return able


def test_what_waits_for_one_is_counted_by_line_and_lapses_on_its_day(cast: Cast) -> None:
    cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    later = cast.file("other", ("other", "ledger/account"), now=NOW + timedelta(days=2))
    with cast.database.reading() as session:
        rows = pending_for(session, cast.people["chief"], day=TODAY, lapse_days=30)
        assert pending_for(session, cast.people["staff"], day=TODAY, lapse_days=30) == []
    assert [(row.request.subjects, row.lines, row.lapses_on) for row in rows] == [
        (("青木　一郎",), 2, TODAY + timedelta(days=30)),
        (("今泉　二葉",), 1, TODAY + timedelta(days=32)),
    ]
    assert rows[1].request.id == later
    assert rows[0].days_left(TODAY) == 30


def test_what_one_has_decided_waits_for_one_no_longer(cast: Cast) -> None:
    filed = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", filed, Role.CHIEF)
    with cast.database.reading() as session:
        assert pending_for(session, cast.people["chief"], day=TODAY, lapse_days=30) == []
        (place,) = stuck_at(session, [filed], day=TODAY)[filed]
        (row,) = decided_page(session, cast.people["chief"]).rows
    assert (place.seat, place.names, place.lines) == (Role.SYSTEM, ("箱崎　花子",), 1)
    assert (row.request.id, row.seat, row.state, row.lines) == (filed, Role.CHIEF, StepState.APPROVED, 1)


def test_decisions_stand_latest_first(cast: Cast) -> None:
    first, second = cast.file("staff", ("staff", "ledger/account")), cast.file("other", ("other", "ledger/account"))
    cast.decide("chief", second, Role.CHIEF, now=NOW + timedelta(hours=1))
    cast.decide("chief", first, Role.CHIEF, Event.REJECT, now=NOW + timedelta(hours=2))
    with cast.database.reading() as session:
        page = decided_page(session, cast.people["chief"])
    assert [(row.request.id, row.state) for row in page.rows] == [
        (first, StepState.REJECTED), (second, StepState.APPROVED)
    ]  # fmt: skip
    assert page.total == 2


def test_what_waits_is_found_without_a_statement_per_step(cast: Cast) -> None:
    def statements() -> int:
        with counted(cast.database) as sent, cast.database.reading() as session:
            pending_for(session, cast.people["chief"], day=TODAY, lapse_days=30)
        return len(sent)

    cast.file("staff", ("staff", "ledger/account"))
    few = statements()
    for who in ("other", "hr", "desk", "security"):
        cast.file(who, (who, "ledger/account"), (who, "ledger/enter"))
    assert statements() == few
