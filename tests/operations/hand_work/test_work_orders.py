"""Work by hand: issued once, done by one person, confirmed by another, and true only then (controls G2, A9, E1)."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from idm.calendar_days import start_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, Refusal, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.people import Person
from idm.models.systems import CredentialEvent
from idm.models.work import MailMessage
from idm.models.work_orders import WorkOrder, WorkOrderState
from idm.operations.hand_work import work_order_notices, work_orders
from idm.operations.hand_work.work_orders import Report
from idm.operations.rights.accounts import schedule
from idm.vocabulary import CredentialEventKind, LineEffect, RequestAction, Role
from tests.carried_out import WORKER
from tests.cast import NOW, TODAY, Cast
from tests.hand_office import (
    SYSTEM,
    account,
    add_system,
    carry_out,
    confirm,
    do,
    grant,
    issue_due,
    kinds,
    orders,
    seat,
    tick,
)

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def office(office: Cast) -> Cast:
    """The office with a system that has no interface."""
    add_system(office)
    return office


def revoke(cast: Cast, who: str, right: str, *, now: datetime = NOW) -> None:
    request = cast.file(
        "hr", (who, f"{SYSTEM}/{right}"), action=RequestAction.CHANGE, effect=LineEffect.REVOKE, now=now
    )
    cast.approve(request, now=now)
    issue_due(cast, now=now)


def refusal(cast: Cast, order: WorkOrder, who: str, *, confirming: bool = False) -> Refusal:
    with pytest.raises(Refusal) as refused:
        (confirm if confirming else do)(cast, order, who=who)
    return refused.value


def mails(cast: Cast, subject: str) -> list[str]:
    with cast.database.reading() as session:
        query = select(MailMessage.recipient).where(MailMessage.subject == subject).order_by(MailMessage.id)
        return list(session.scalars(query))


# --- issuing ---------------------------------------------------------------------------------------------------------


def test_what_was_approved_becomes_one_order_in_the_order_of_safety(office: Cast) -> None:
    grant(office, "staff", "account", "view")
    (order,) = orders(office)
    assert kinds(order) == ["create", "add", "password", "open"]
    assert (order.number, order.state, order.urgent, order.hands_over) == (
        "作R8-000001", WorkOrderState.ISSUED, False, True
    )  # fmt: skip
    assert order.due_at == start_of(TODAY + timedelta(days=office.policy.work_orders.due_days + 1))
    assert "利用者ID「u100009」" in order.steps[0].instruction
    assert "氏名「青木　一郎」" in order.steps[0].instruction
    assert "権限「附票の照会」（グループ名 K-view）" in order.steps[1].instruction


def test_issuing_again_keeps_the_order(office: Cast) -> None:
    grant(office, "staff", "account")
    with office.database.writing() as session:
        schedule(session, account(session, office, "staff"), now=NOW)
    (again,) = issue_due(office)
    assert (again.issued, again.cancelled) == ((), ())
    (order,) = orders(office)
    with office.database.reading() as session:
        assert order.generation == account(session, office, "staff").generation


def test_a_newer_decision_replaces_the_order_that_nobody_began(office: Cast) -> None:
    grant(office, "staff", "account")
    grant(office, "staff", "view")
    first, second = orders(office)
    assert (first.state, kinds(second)) == (WorkOrderState.CANCELLED, ["create", "add", "password", "open"])


def test_what_was_said_to_be_done_is_not_forgotten_when_a_decision_overtakes_it(office: Cast) -> None:
    grant(office, "staff", "account", "view")
    (order,) = orders(office)
    do(office, order)
    revoke(office, "staff", "account")
    first, second = orders(office)
    assert first.state is WorkOrderState.CANCELLED
    assert (kinds(second), second.urgent) == (["stop", "remove"], True)


def test_work_begun_for_a_decision_that_was_taken_back_is_undone(office: Cast) -> None:
    grant(office, "staff", "account", "view")
    (order,) = orders(office)
    tick(office, order, {1, 2})
    revoke(office, "staff", "view")
    _, second = orders(office)
    assert kinds(second) == ["remove", "password", "open"]


def test_an_order_nobody_began_for_a_right_that_was_taken_back_is_only_cancelled(office: Cast) -> None:
    grant(office, "staff", "account")
    revoke(office, "staff", "account")
    (order,) = orders(office)
    assert order.state is WorkOrderState.CANCELLED


def test_work_said_to_be_done_that_needs_nothing_more_is_looked_at(office: Cast) -> None:
    grant(office, "staff", "account")
    carry_out(office)
    grant(office, "staff", "view", "print")
    order = orders(office)[-1]
    assert kinds(order) == ["add", "add"]
    tick(office, order, {2})  # K-view; K-print comes first by name
    revoke(office, "staff", "print")
    last = orders(office)[-1]
    assert kinds(last) == ["check"]
    do(office, last, handed_to="")
    confirm(office, last)
    with office.database.reading() as session:
        assert account(session, office, "staff").seen_groups == ["K-view"]


def test_stopping_somebody_is_urgent_and_everything_else_is_not(office: Cast) -> None:
    grant(office, "staff", "account", "view")
    carry_out(office)
    revoke(office, "staff", "view", now=LATER)
    order = orders(office)[-1]
    assert (kinds(order), order.urgent) == (["remove"], True)
    assert order.due_at == LATER + timedelta(hours=office.policy.work_orders.urgent_hours)


def test_numbers_begin_anew_with_the_fiscal_year(office: Cast) -> None:
    grant(office, "staff", "account")
    grant(office, "hr", "account")
    grant(office, "auditor", "account", now=start_of(date(2027, 4, 1)))
    assert [order.number for order in orders(office)] == ["作R8-000001", "作R8-000002", "作R9-000001"]


# --- doing -----------------------------------------------------------------------------------------------------------


def test_done_is_not_complete_until_another_confirms(office: Cast) -> None:
    grant(office, "staff", "account", "view")
    (order,) = orders(office)
    do(office, order)
    with office.database.reading() as session:
        assert account(session, office, "staff").seen_at is None
    confirm(office, order, now=LATER)
    with office.database.reading() as session:
        found = account(session, office, "staff")
        assert (found.seen_at, found.seen_present, found.seen_enabled, found.seen_groups) == (
            LATER, True, True, ["K-view"]
        )  # fmt: skip
        assert found.handed_over_at == NOW
        events = session.scalars(select(CredentialEvent).order_by(CredentialEvent.id)).all()
    assert [(event.kind, event.at, event.work_order_id) for event in events] == [
        (CredentialEventKind.ISSUED, NOW, order.id), (CredentialEventKind.HANDED_OVER, NOW, order.id),
    ]  # fmt: skip


def test_a_report_with_a_step_left_out_is_refused_and_names_it(office: Cast) -> None:
    grant(office, "staff", "account", "view")
    (order,) = orders(office)
    with pytest.raises(InvalidInput, match="手順 2 に") as refused:
        do(office, order, without={2})
    assert set(refused.value.fields) == {"steps"}
    assert orders(office)[0].state is WorkOrderState.ISSUED


def test_a_report_says_to_whom_the_temporary_password_was_given(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    with pytest.raises(InvalidInput, match="仮パスワードを誰に"):
        do(office, order, handed_to=" ")


def test_a_step_of_another_order_is_refused(office: Cast) -> None:
    grant(office, "staff", "account")
    grant(office, "hr", "account")
    first, second = orders(office)
    with pytest.raises(InvalidInput, match="この指示書にない"), office.acting("desk") as session:
        work_orders.tick(
            session, first.id, [second.steps[0].id], actor=office.actor("desk"), policy=office.policy, now=NOW
        )


def test_who_ticked_a_step_first_stays_on_it(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    tick(office, order, {1}, who="other")
    do(office, order)
    steps = orders(office)[0].steps
    assert [step.ticked_by_id for step in steps] == [
        office.people["other"], office.people["desk"], office.people["desk"]
    ]  # fmt: skip


def test_an_order_that_is_not_there_is_not_found(office: Cast) -> None:
    with pytest.raises(NotFound), office.acting("desk") as session:
        work_orders.do(session, 4711, Report(frozenset()), actor=office.actor("desk"), policy=office.policy, now=NOW)


def test_nothing_is_done_or_confirmed_twice(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    do(office, order)
    with pytest.raises(IllegalTransition, match="作業済み・確認待ち"):
        do(office, order)
    confirm(office, order)
    with pytest.raises(IllegalTransition, match="完了"):
        confirm(office, order)


# --- who -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["chief", "security", "hr", "auditor", "staff", "ciso"])
def test_others_do_no_work(office: Cast, who: str) -> None:
    grant(office, "other", "account")
    assert isinstance(refusal(office, orders(office)[0], who), NotPermitted)


@pytest.mark.parametrize("who", ["desk", "hr", "auditor", "staff", "ciso"])
def test_others_confirm_nothing(office: Cast, who: str) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    do(office, order, who="other")
    assert isinstance(refusal(office, order, who, confirming=True), NotPermitted)


def test_nobody_without_a_name_works(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    with pytest.raises(NotPermitted), office.database.writing() as session:
        work_orders.do(session, order.id, Report(frozenset()), actor=WORKER, policy=office.policy, now=NOW)


def test_whoever_did_the_work_does_not_confirm_it(office: Cast) -> None:
    grant(office, "staff", "account")
    carry_out(office, by="security")
    grant(office, "staff", "view")
    order = orders(office)[-1]
    do(office, order, who="system", handed_to="")
    assert refusal(office, order, "system", confirming=True).code == "SOD-4"
    confirm(office, order, who="security")


def test_whoever_did_one_step_does_not_confirm_either(office: Cast) -> None:
    seat(office, "other", Role.SECURITY)
    grant(office, "staff", "account")
    (order,) = orders(office)
    tick(office, order, {1}, who="other")
    do(office, order)
    assert refusal(office, order, "other", confirming=True).code == "SOD-4"


def test_whoever_began_the_order_that_was_overtaken_does_not_confirm_the_one_in_its_place(office: Cast) -> None:
    seat(office, "other", Role.SECURITY)
    grant(office, "staff", "account", "view")
    (order,) = orders(office)
    tick(office, order, {1, 2}, who="other")
    revoke(office, "staff", "view")
    second = orders(office)[-1]
    do(office, second)
    assert refusal(office, second, "other", confirming=True).code == "SOD-4"
    confirm(office, second)


def test_whoever_did_what_was_returned_does_not_confirm_the_order_in_its_place(office: Cast) -> None:
    seat(office, "other", Role.SECURITY)
    grant(office, "staff", "account")
    (order,) = orders(office)
    do(office, order, who="other")
    send_back(office, order, "所属が違います")
    revoke(office, "staff", "account")
    second = orders(office)[-1]
    assert kinds(second) == ["stop"]
    do(office, second, handed_to="")
    assert refusal(office, second, "other", confirming=True).code == "SOD-4"
    confirm(office, second)


def test_whoever_did_what_was_returned_does_not_confirm_it_when_another_does_it_again(office: Cast) -> None:
    seat(office, "other", Role.SECURITY)
    grant(office, "staff", "account")
    (order,) = orders(office)
    do(office, order, who="other")
    send_back(office, order, "所属が違います")
    tick(office, order, {step.position for step in order.steps}, who="other")
    tick(office, order, set(), who="other")  # nor by taking it back
    do(office, order)
    assert refusal(office, order, "other", confirming=True).code == "SOD-4"
    confirm(office, order)


def test_a_tick_that_was_taken_back_before_anything_was_reported_binds_nobody(office: Cast) -> None:
    seat(office, "other", Role.SECURITY)
    grant(office, "staff", "account")
    (order,) = orders(office)
    tick(office, order, {1}, who="other")
    tick(office, order, set(), who="other")
    do(office, order)
    confirm(office, order, who="other")
    assert orders(office)[0].state is WorkOrderState.CONFIRMED


def test_whoever_reported_an_order_that_was_overtaken_does_not_confirm_the_one_in_its_place(office: Cast) -> None:
    seat(office, "other", Role.SECURITY)
    grant(office, "staff", "account", "view")
    (order,) = orders(office)
    tick(office, order, {step.position for step in order.steps})
    do(office, order, who="other")
    revoke(office, "staff", "account")
    second = orders(office)[-1]
    do(office, second, handed_to="")
    assert refusal(office, second, "other", confirming=True).code == "SOD-4"
    confirm(office, second)


def test_the_database_knows_who_said_that_a_step_is_done(office: Cast) -> None:
    grant(office, "staff", "account")
    do(office, orders(office)[0])
    with pytest.raises(IntegrityError, match="claimed_by_somebody"), office.database.writing() as session:
        session.execute(text("UPDATE work_order_steps SET claimed_by_id = NULL"))


def test_no_second_row_of_the_operator_confirms(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    do(office, order)
    with office.database.writing() as session:
        for name in ("desk", "system"):
            session.get_one(Person, office.people[name]).match_key = "0" * 64
    assert refusal(office, order, "system", confirming=True).code == "SOD-4"


def test_nobody_works_on_or_confirms_their_own_account(office: Cast) -> None:
    grant(office, "desk", "account")
    (order,) = orders(office)
    assert refusal(office, order, "desk").code == "SOD-2"
    seat(office, "desk", Role.SECURITY)
    do(office, order, who="other")
    assert refusal(office, order, "desk", confirming=True).code == "SOD-2"


def test_an_approver_of_the_right_does_not_hand_over_its_password(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    assert refusal(office, order, "system").code == "SOD-4"


def test_a_contractor_confirms_nothing_and_hands_nothing_over(office: Cast) -> None:
    seat(office, "contractor", Role.SECURITY)
    seat(office, "contractor", Role.HANDOVER)
    grant(office, "staff", "account")
    (order,) = orders(office)
    with pytest.raises(NotPermitted):
        do(office, order, who="contractor")
    do(office, order)
    with pytest.raises(NotPermitted):
        confirm(office, order, who="contractor")


def test_an_auditor_with_another_role_confirms_nothing(office: Cast) -> None:
    seat(office, "auditor", Role.SECURITY)
    grant(office, "staff", "account")
    (order,) = orders(office)
    do(office, order)
    assert refusal(office, order, "auditor", confirming=True).code == "SOD-6"


def test_a_manager_of_other_systems_has_nothing_to_do_here(office: Cast) -> None:
    seat(office, "staff", Role.SYSTEM, "0100")
    grant(office, "hr", "account")
    (order,) = orders(office)
    assert "あなたの所管ではありません" in refusal(office, order, "staff").message
    do(office, order)
    assert "あなたの所管ではありません" in refusal(office, order, "staff", confirming=True).message


# --- the database ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("confirmed_by_id = done_by_id, confirmed_at = done_at, state = 'confirmed'", "two_people"),
        ("done_by_id = subject_id", "not_done_for_oneself"),
        ("confirmed_by_id = subject_id, confirmed_at = done_at, state = 'confirmed'", "not_confirmed_for_oneself"),
        ("state = 'confirmed'", "by_state"),
        ("state = 'issued'", "by_state"),
        ("done_by_id = NULL", "done_by_somebody"),
        ("handed_to = NULL", "handed_to_somebody"),
        ("return_reason = 'x'", "returned_with_reason"),
    ],
)
def test_the_database_refuses_it_as_well(office: Cast, change: str, constraint: str) -> None:
    grant(office, "staff", "account")
    do(office, orders(office)[0])
    with pytest.raises(IntegrityError, match=constraint), office.database.writing() as session:
        session.execute(text(f"UPDATE work_orders SET {change}"))


def test_the_database_knows_one_open_order_for_an_account(office: Cast) -> None:
    grant(office, "staff", "account")
    grant(office, "staff", "view")
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.execute(text("UPDATE work_orders SET state = 'issued', cancelled_at = NULL"))


# --- returned --------------------------------------------------------------------------------------------------------


def send_back(cast: Cast, order: WorkOrder, reason: str, who: str = "system") -> None:
    with cast.acting(who, "work_order.return") as session:
        work_orders.send_back(session, order.id, reason, actor=cast.actor(who), policy=cast.policy, now=LATER)


def test_what_is_returned_is_open_again_with_the_reason_and_unticked(office: Cast) -> None:
    grant(office, "staff", "account", "view")
    (order,) = orders(office)
    do(office, order)
    send_back(office, order, "権限が付いていません")
    (order,) = orders(office)
    assert (order.state, order.return_reason, order.done_by_id) == (
        WorkOrderState.ISSUED, "権限が付いていません", None
    )  # fmt: skip
    assert {step.ticked_at for step in order.steps} == {None}
    with office.database.reading() as session:
        assert account(session, office, "staff").seen_at is None


def test_work_that_was_returned_is_remembered_when_a_decision_overtakes_it(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    do(office, order)
    send_back(office, order, "所属が違います")
    revoke(office, "staff", "account")
    assert kinds(orders(office)[-1]) == ["stop"]


def test_nothing_is_returned_without_a_reason_or_by_the_operator(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    do(office, order)
    with pytest.raises(InvalidInput, match="理由"):
        send_back(office, order, "  ")
    with pytest.raises(NotPermitted):
        send_back(office, order, "やり直し", who="desk")


# --- leaving and coming back -----------------------------------------------------------------------------------------


def test_a_leavers_account_is_stopped_at_once_and_deleted_after_the_profiles_days(office: Cast) -> None:
    grant(office, "staff", "account", "view")
    carry_out(office)
    revoke(office, "staff", "account")
    assert kinds(orders(office)[-1]) == ["stop", "remove"]
    carry_out(office)
    later = NOW + timedelta(days=office.policy.personnel.delete_after_days + 1)
    with office.database.writing() as session:
        schedule(session, account(session, office, "staff"), now=later)
    issue_due(office, now=later)
    order = orders(office)[-1]
    assert (kinds(order), order.urgent) == (["delete"], False)
    carry_out(office, now=later)
    with office.database.reading() as session:
        found = account(session, office, "staff")
        assert (found.seen_present, found.handed_over_at) == (False, None)


# --- notices ---------------------------------------------------------------------------------------------------------


def tell(cast: Cast, *, now: datetime = NOW) -> None:
    with cast.database.writing() as session:
        found = session.scalars(select(WorkOrder).where(WorkOrder.issued_at == now)).all()
        work_order_notices.tell_issued(session, found, now=now)


def test_each_operator_is_told_once_a_day_however_many_orders_there_are(office: Cast) -> None:
    for who in ("staff", "hr", "auditor"):
        grant(office, who, "account")
    tell(office)
    tell(office)
    assert sorted(mails(office, work_order_notices.SUBJECT)) == [
        "u100004@example.jp", "u100007@example.jp", "u100010@example.jp"
    ]  # fmt: skip


def test_a_stop_is_told_at_once_even_on_a_day_with_a_notice(office: Cast) -> None:
    grant(office, "staff", "account")
    carry_out(office)
    tell(office)
    revoke(office, "staff", "account", now=LATER)
    tell(office, now=LATER)
    assert len(mails(office, work_order_notices.URGENT_SUBJECT)) == 3


def test_a_notice_names_no_person(office: Cast) -> None:
    grant(office, "staff", "account")
    tell(office)
    with office.database.reading() as session:
        bodies = [message.body for message in session.scalars(select(MailMessage)) if "作R8" in message.body]
    assert bodies
    assert not [body for body in bodies if "青木" in body]


def test_an_overdue_order_is_told_to_each_level_once(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    hours = timedelta(hours=office.policy.work_orders.escalate_hours)
    told = []
    for moment in (order.due_at - timedelta(minutes=1), order.due_at, order.due_at, order.due_at + hours,
                   order.due_at + 2 * hours, order.due_at + 9 * hours):  # fmt: skip
        with office.database.writing() as session:
            told.append(len(work_order_notices.escalate(session, actor=WORKER, policy=office.policy, now=moment)))
    assert told == [0, 1, 0, 1, 1, 0]
    assert mails(office, work_order_notices.OVERDUE_SUBJECT) == [
        "u100004@example.jp", "u100005@example.jp", "u100003@example.jp"
    ]  # fmt: skip


def test_levels_that_a_stopped_worker_missed_are_made_up(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    with office.database.writing() as session:
        late = order.due_at + timedelta(days=30)
        work_order_notices.escalate(session, actor=WORKER, policy=office.policy, now=late)
    assert len(mails(office, work_order_notices.OVERDUE_SUBJECT)) == 3
    assert orders(office)[0].escalation_level == 3


def test_every_step_of_an_order_is_audited(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    tick(office, order, {1})
    do(office, order)
    send_back(office, order, "確かめ直してください")
    do(office, order)
    confirm(office, order)
    with office.database.reading() as session:
        acts = session.scalars(
            select(AuditRecord.action).where(AuditRecord.object_kind == "work_order").order_by(AuditRecord.id)
        ).all()
    assert acts == [
        "work_order.issued", "work_order.ticked", "work_order.done", "work_order.returned", "work_order.done",
        "work_order.confirmed",
    ]  # fmt: skip


def test_a_refused_confirmation_is_on_record(office: Cast) -> None:
    grant(office, "staff", "account")
    (order,) = orders(office)
    do(office, order)
    seat(office, "desk", Role.SECURITY)
    with pytest.raises(SeparationOfDuties):
        confirm(office, order, who="desk")
    with office.database.reading() as session:
        refused = session.scalars(select(AuditRecord).where(AuditRecord.action == "work_order.confirm")).all()
    assert [record.code for record in refused] == ["SOD-4"]
