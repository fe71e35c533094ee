"""Decisions at the same instant, on SQLite and on PostgreSQL: one effect, and nothing that hangs.

Each round lets threads that wait at one gate decide at once. Whoever is too late is told so by name, and that refusal
is in the audit record like any other.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from threading import Barrier

from sqlalchemy import ColumnElement, Update, event, func, select, update
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.database import Database
from idm.errors import Refusal
from idm.keys.sealing import new_handover_key, seal_to
from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.base import Base
from idm.models.officers import Deputy, Officer
from idm.models.people import OrganisationUnit, Person
from idm.models.requests import ApprovalStep, Grant, Request, RequestLine
from idm.models.systems import Account, Handover
from idm.models.work import OutboxTask
from idm.operations.approval import decisions, requests
from idm.operations.approval.decisions import Verdict
from idm.operations.governance import officers
from idm.operations.passwords import handovers
from idm.operations.rights.lifecycle import carry_out_due
from idm.request_state import Event, StepState
from idm.unit_of_work import unit_of_work
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast, add_person, build

ROUNDS, FEWER = 50, 10
CHIEF, SYSTEM = Role.CHIEF, Role.SYSTEM
LATE = {"DECIDED-MEANWHILE"}
JOB = Actor.job("tests.lifecycle")
Act = Callable[[], object]


def at_once(*acts: Act) -> list[str]:
    """What came of acts that began together: "done", or the code of the refusal."""
    gate = Barrier(len(acts))

    def run(act: Act) -> str:
        gate.wait()
        try:
            act()
        except Refusal as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def newcomers(cast: Cast, count: int = ROUNDS) -> list[str]:
    """As many people of 総務課, by their names in the cast."""
    with cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        for number in range(count):
            person = add_person(session, f"5{number:05d}", f"回　{number}", "カイ", unit, "主事")
            cast.people[f"round-{number}"] = person.id
    return [f"round-{number}" for number in range(count)]


def state_of(cast: Cast, request_id: int) -> tuple[str, list[str], list[str]]:
    with cast.database.reading() as session:
        request = session.get_one(Request, request_id)
        steps = sorted(step.state.value for line in request.lines for step in line.steps)
        return request.state.value, [line.state.value for line in request.lines], steps


def grants_of(session: Session, request_id: int) -> list[Grant]:
    return [grant for grant in session.scalars(select(Grant)) if grant.line.request_id == request_id]


def count(cast: Cast, table: type[Base], *conditions: ColumnElement[bool]) -> int:
    with cast.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


# --- one step --------------------------------------------------------------------------------------------------------


def test_of_many_who_decide_one_step_at_once_exactly_one_does(office: Cast) -> None:
    with office.database.writing() as session:
        session.add(
            Officer(role=CHIEF, person_id=office.people["other"], valid_from=date(2020, 4, 1), confirmed_at=NOW,
                    confirmed_by_id=office.people["ciso"])
        )  # fmt: skip
    for who in newcomers(office):
        request_id = office.file("hr", (who, "ledger/account"))
        said = at_once(
            partial(office.decide, "chief", request_id, CHIEF),
            partial(office.decide, "other", request_id, CHIEF),
            partial(office.decide, "chief", request_id, CHIEF, Event.REJECT),
            partial(office.decide, "other", request_id, CHIEF, Event.RETURN),
        )
        assert Counter(said)["done"] == 1
        assert set(said) - {"done"} <= LATE
    assert count(office, ApprovalStep, ApprovalStep.decider_id.is_not(None)) == ROUNDS
    assert count(office, AuditRecord, AuditRecord.action.startswith("step.")) == ROUNDS
    assert count(office, AuditRecord, AuditRecord.outcome == AuditOutcome.REFUSED) == 3 * ROUNDS


# --- both steps of one line ------------------------------------------------------------------------------------------


def test_two_who_approve_the_two_steps_of_a_line_at_once_leave_it_approved_with_one_grant(office: Cast) -> None:
    for who in newcomers(office):
        request_id = office.file("hr", (who, "ledger/account"))
        said = at_once(
            partial(office.decide, "chief", request_id, CHIEF), partial(office.decide, "system", request_id, SYSTEM)
        )
        assert said == ["done", "done"]
        assert state_of(office, request_id) == ("approved", ["approved"], ["approved", "approved"])
    assert count(office, Grant) == count(office, OutboxTask) == count(office, Account) == ROUNDS
    assert count(office, AuditRecord, AuditRecord.action == "grant.decided") == ROUNDS


def test_an_approval_and_a_rejection_of_one_line_at_once_never_give_anything(office: Cast) -> None:
    for who in newcomers(office, FEWER):
        request_id = office.file("hr", (who, "ledger/account"))
        approved, rejected = at_once(
            partial(office.decide, "chief", request_id, CHIEF),
            partial(office.decide, "system", request_id, SYSTEM, Event.REJECT),
        )
        assert rejected == "done"
        assert approved in {"done", "STATE"}
        other = "approved" if approved == "done" else "closed"
        assert state_of(office, request_id) == ("rejected", ["rejected"], sorted([other, "rejected"]))
    assert count(office, Grant) == 0


def test_the_last_two_lines_of_an_application_decided_at_once_settle_it(office: Cast) -> None:
    people = newcomers(office, 2 * FEWER)
    for one, other in zip(people[::2], people[1::2], strict=True):
        request_id = office.file("hr", (one, "ledger/account"), (other, "ledger/account"))
        for line in (0, 1):
            office.decide("chief", request_id, CHIEF, line=line)
        said = at_once(
            partial(office.decide, "system", request_id, SYSTEM, line=0),
            partial(office.decide, "system", request_id, SYSTEM, Event.REJECT, line=1),
        )
        assert said == ["done", "done"]
        assert state_of(office, request_id)[:2] == ("approved", ["approved", "rejected"])


# --- a decision beside something else --------------------------------------------------------------------------------


def test_a_withdrawal_and_the_last_approval_at_once_leave_one_of_the_two(office: Cast) -> None:
    def withdraw() -> None:
        with office.acting("hr", "request.withdraw") as session:
            request = requests.find(session, request_id)
            requests.withdraw(session, request, actor=office.actor("hr"), policy=office.policy, now=NOW)

    for who in newcomers(office, FEWER):
        request_id = office.file("hr", (who, "ledger/account"))
        office.decide("chief", request_id, CHIEF)
        said = at_once(partial(office.decide, "system", request_id, SYSTEM), withdraw)
        state, line_states, steps = state_of(office, request_id)
        with office.database.reading() as session:
            given = len(grants_of(session, request_id))
        assert Counter(said)["done"] == 1
        assert (state, line_states, steps, given) in [
            ("approved", ["approved"], ["approved", "approved"], 1),
            ("withdrawn", ["withdrawn"], ["approved", "closed"], 0),
        ]
        assert (state == "approved") == (said[0] == "done")


def test_a_lapse_and_the_last_approval_at_once_leave_one_of_the_two(office: Cast) -> None:
    late = NOW + timedelta(days=31)

    def run() -> None:
        with unit_of_work(office.database, actor=JOB, now=late, attempted="lifecycle.run", obj=("run", "1")) as session:
            carry_out_due(session, actor=JOB, policy=office.policy, now=late)

    for who in newcomers(office, FEWER):
        request_id = office.file("hr", (who, "ledger/account"))
        office.decide("chief", request_id, CHIEF)
        decided, ran = at_once(partial(office.decide, "system", request_id, SYSTEM, now=late), run)
        assert ran in {"done", *LATE}
        assert decided in {"done", "STATE", *LATE}
        run()
        state, line_states, _ = state_of(office, request_id)
        with office.database.reading() as session:
            given = len(grants_of(session, request_id))
        assert (state, line_states, given) in [("approved", ["approved"], 1), ("lapsed", ["lapsed"], 0)]
        assert (state == "approved") == (decided == "done")


def test_two_applications_about_one_account_approved_at_once_both_take_effect(office: Cast) -> None:
    """They follow one another: the later one has the newer generation, so that no task can undo it."""
    for who in newcomers(office, FEWER):
        filed = [office.file("hr", (who, right)) for right in ("ledger/account", "ledger/enter")]
        for request_id in filed:
            office.decide("chief", request_id, CHIEF)
        said = at_once(*(partial(office.decide, "system", one, SYSTEM) for one in filed))
        assert said == ["done", "done"]
        assert [state_of(office, request_id)[0] for request_id in filed] == ["approved", "approved"]
        with office.database.reading() as session:
            account = session.scalars(select(Account).where(Account.person_id == office.people[who])).one()
            tasks = session.scalars(select(OutboxTask.generation).where(OutboxTask.account_id == account.id)).all()
            assert sorted(tasks) == [1, 2]
            assert account.generation == 2


def test_the_same_right_asked_for_twice_at_once_is_given_once(office: Cast) -> None:
    for who in newcomers(office, FEWER):
        wanted = (who, "ledger/account")
        assert "done" in at_once(partial(office.file, "hr", wanted), partial(office.file, "security", wanted))
        with office.database.reading() as session:
            about = select(RequestLine.request_id).where(RequestLine.subject_id == office.people[who])
            filed = session.scalars(about).all()
        for request_id in filed:
            at_once(partial(office.decide, "chief", request_id, CHIEF))
            at_once(partial(office.decide, "system", request_id, SYSTEM))
        with office.database.reading() as session:
            held = select(Grant).join(Account, Grant.account_id == Account.id)
            assert len(session.scalars(held.where(Account.person_id == office.people[who])).all()) == 1


# --- other things that two people could do at once -------------------------------------------------------------------


def test_a_tenure_is_confirmed_once(office: Cast) -> None:
    for _ in range(FEWER):
        with office.database.writing() as session:
            officer = Officer(role=Role.HR, person_id=office.people["other"], valid_from=TODAY)
            session.add(officer)
            session.flush()
            officer_id = officer.id

        def confirm(who: str, officer_id: int = officer_id) -> None:
            with office.acting(who, "officer.confirm") as session:
                officers.confirm(session, officer_id, actor=office.actor(who), policy=office.policy, now=NOW)

        said = at_once(lambda: confirm("chief"), lambda: confirm("security"), lambda: confirm("ciso"))
        assert Counter(said) == {"done": 1, "STATE": 2}
    assert count(office, AuditRecord, AuditRecord.action == "officer.confirmed") == FEWER


def test_a_deputy_is_accepted_once(office: Cast) -> None:
    for _ in range(FEWER):
        with office.acting("chief") as session:
            deputy_id = officers.name_deputy(
                session, role=CHIEF, deputy_id=office.people["other"], valid_from=TODAY,
                valid_until=TODAY + timedelta(days=1), actor=office.actor("chief"), policy=office.policy, now=NOW,
            ).id  # fmt: skip

        def accept(deputy_id: int = deputy_id) -> None:
            with office.acting("ciso", "deputy.accept") as session:
                officers.accept_deputy(session, deputy_id, actor=office.actor("ciso"), policy=office.policy, now=NOW)

        assert Counter(at_once(accept, accept)) == {"done": 1, "STATE": 1}
    assert count(office, Deputy, Deputy.accepted_at.is_not(None)) == FEWER


def test_a_temporary_password_is_shown_once(office: Cast) -> None:
    office.approve(office.file("hr", ("staff", "ledger/account")))
    with office.database.writing() as session:
        account = session.scalars(select(Account)).one()
        account.seen_present = True
        account_id = account.id
    for _ in range(FEWER):
        private, public = new_handover_key()
        with office.acting("desk") as session:
            handover_id = handovers.ask(
                session, account_id=account_id, public_key=public, actor=office.actor("desk"), policy=office.policy,
                now=NOW,
            ).id  # fmt: skip
        with office.database.writing() as session:
            handover = session.get_one(Handover, handover_id)
            sealed = seal_to(public, b"Kt7-qmR4xnPw2Ybz", handovers.context(handover))
            handovers.seal(session, handover, sealed, actor=JOB, policy=office.policy, now=NOW)

        def show(handover_id: int = handover_id, private: bytes = private) -> None:
            with office.acting("desk", "handover.show") as session:
                handovers.show(
                    session, handover_id=handover_id, private_key=private, actor=office.actor("desk"),
                    policy=office.policy, now=NOW,
                )  # fmt: skip

        assert Counter(at_once(show, show, show)) == {"done": 1, "STATE": 2}


def test_one_handover_is_open_for_an_account_at_a_time(office: Cast) -> None:
    office.approve(office.file("hr", ("staff", "ledger/account")))
    with office.database.writing() as session:
        account = session.scalars(select(Account)).one()
        account.seen_present = True
        account_id = account.id

    def ask() -> None:
        with office.acting("desk", "handover.ask") as session:
            handovers.ask(
                session, account_id=account_id, public_key=new_handover_key()[1], actor=office.actor("desk"),
                policy=office.policy, now=NOW,
            )  # fmt: skip

    for _ in range(FEWER):
        said = at_once(ask, ask)
        assert "done" in said
        assert set(said) <= {"done", *LATE}
        assert count(office, Handover, Handover.shown_at.is_(None), Handover.closed_at.is_(None)) == 1


def test_of_two_acts_that_wait_for_each_other_one_gives_way_by_name(office: Cast) -> None:
    """SQLite lets one writer in at a time; PostgreSQL breaks the deadlock, and the loser is told to look again."""
    people = [office.people["staff"], office.people["other"]]
    both_hold_one = Barrier(2, timeout=5)

    def touch(first: int, second: int) -> None:
        with unit_of_work(
            office.database, actor=JOB, now=NOW, attempted="test.touch", obj=("person", first)
        ) as session:
            session.execute(lock(first))
            if office.database.engine.dialect.name == "postgresql":
                both_hold_one.wait()
            session.execute(lock(second))

    said = at_once(lambda: touch(people[0], people[1]), lambda: touch(people[1], people[0]))
    expected = {"done": 2} if office.database.engine.dialect.name == "sqlite" else {"done": 1, "DECIDED-MEANWHILE": 1}
    assert Counter(said) == expected


def lock(person_id: int) -> Update:
    """A statement that holds the person's row until the transaction ends."""
    return update(Person).where(Person.id == person_id).values(mail="touched@example.jp")


def test_what_a_session_read_before_the_lock_does_not_count(postgres_database: Database) -> None:
    """A page may have loaded the application in the same session, just before somebody else decided the other step."""
    office = build(postgres_database)
    request_id = office.file("hr", ("staff", "ledger/account"))
    with office.acting("system", "request.decide") as session:
        request = session.get_one(Request, request_id)
        shown = request.content_hash or ""
        steps = {step.seat: step for line in request.lines for step in line.steps}
        office.decide("chief", request_id, CHIEF)
        assert steps[CHIEF].state is StepState.PENDING
        decisions.decide(
            session, step_id=steps[SYSTEM].id, verdict=Verdict(Event.APPROVE, "確認", shown),
            actor=office.actor("system"), policy=office.policy, now=NOW,
        )  # fmt: skip
    assert state_of(office, request_id) == ("approved", ["approved"], ["approved", "approved"])
    assert count(office, Grant) == 1


def test_a_step_that_was_closed_between_reading_and_writing_is_not_decided(postgres_database: Database) -> None:
    """Whoever does not ask for the lock cannot be kept out by it: the decision is written only on a step that waits."""
    office = build(postgres_database)
    request_id = office.file("hr", ("staff", "ledger/account"))
    elsewhere = Database(postgres_database.url)
    closed: list[int] = []

    def close_first(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE approval_steps") and not closed:
            with elsewhere.writing() as session:
                session.execute(update(ApprovalStep).values(state=StepState.CLOSED))
            closed.append(request_id)

    event.listen(postgres_database.engine, "before_cursor_execute", close_first)
    said = at_once(partial(office.decide, "chief", request_id, CHIEF))
    event.remove(postgres_database.engine, "before_cursor_execute", close_first)
    elsewhere.dispose()
    assert closed
    assert said == ["DECIDED-MEANWHILE"]
    assert count(office, ApprovalStep, ApprovalStep.decider_id.is_not(None)) == 0
