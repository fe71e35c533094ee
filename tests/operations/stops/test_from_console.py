"""What an operator stops at the command line: told at once, a finding until an officer confirms it (H5)."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.errors import FreshFactorNeeded, IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.stops import AccountStop, StopOrder
from idm.models.work import Finding, MailMessage
from idm.operations.stops import from_console
from idm.operations.stops.from_console import Operator
from idm.operations.stops.orders import Why
from idm.queries.stops.holding import person_is_stopped
from idm.queries.stops.orders import order_sheet
from idm.vocabulary import FindingKind
from tests.cast import NOW, Cast
from tests.operations.stops.test_stops import LATER, ask_to_lift, lift, stop_person

WHY = Why("侵入の疑い", "事案2026-8")
OPERATOR = Operator("運用　四郎（保守担当）", "ops（sudo: yonro）")


def stop(cast: Cast, staff_number: str = "100009", *, operator: Operator = OPERATOR, why: Why = WHY) -> int:
    with cast.database.writing() as session:
        return from_console.stop_person(
            session, staff_number, why, operator=operator, policy=cast.policy, now=NOW
        ).id  # fmt: skip


def confirm(cast: Cast, stop_id: int, who: str = "security", *, stale: bool = False) -> None:
    actor = cast.stale(who) if stale else cast.actor(who)
    with cast.acting(who, "stop.confirm", LATER) as session:
        from_console.confirm(session, stop_id, actor=actor, policy=cast.policy, now=LATER)


def unconfirmed(cast: Cast) -> list[str]:
    with cast.database.reading() as session:
        kind, gone = Finding.kind == FindingKind.STOP_UNCONFIRMED, Finding.resolved_at.is_not(None)
        return list(session.scalars(select(Finding.subject_key).where(kind, ~gone)))


@pytest.fixture
def working(cast: Cast) -> Cast:
    """青木 has an account in the ledger."""
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    return cast


def test_it_stops_as_an_order_of_the_heads_does_and_they_are_told_at_once(working: Cast) -> None:
    order = stop(working)
    with working.database.reading() as session:
        assert person_is_stopped(session, working.people["staff"])
        assert session.scalars(select(AccountStop).where(AccountStop.stop_id == order)).one()
        told = [one for one in session.scalars(select(MailMessage)) if "停止命令が出ました" in one.subject]
        shown = order_sheet(session, order).order
    assert told
    assert all("コマンドで止められました" in one.body and "運用　四郎" in one.body for one in told)
    assert shown.unconfirmed
    assert (shown.ordered_by, shown.operator) == (OPERATOR.words, OPERATOR.words)


def test_it_is_a_finding_until_one_of_the_heads_confirms_it_and_it_goes_on(working: Cast) -> None:
    order = stop(working)
    assert unconfirmed(working) == [f"stop:{order}"]
    confirm(working, order)
    assert unconfirmed(working) == []
    with working.database.reading() as session:
        assert person_is_stopped(session, working.people["staff"])
        assert not order_sheet(session, order).order.unconfirmed
        acts = [one for one in session.scalars(select(AuditRecord)) if one.object_id == str(order)]
    by = {one.action: one for one in acts}
    assert (by["stop.ordered"].actor_id, by["stop.ordered"].actor) == (None, OPERATOR.words)
    assert by["stop.confirmed"].actor_id == working.people["security"]
    with pytest.raises(IllegalTransition, match="確認を待っていません"):
        confirm(working, order, "chief")


def test_two_lift_it_as_any_other_order_and_it_is_no_finding_any_more(working: Cast) -> None:
    order = stop(working)
    ask_to_lift(working, order)
    lift(working, order, by="chief")
    assert unconfirmed(working) == []
    with pytest.raises(IllegalTransition, match="確認を待っていません"):
        confirm(working, order)


def test_a_system_is_stopped_likewise(working: Cast) -> None:
    with working.database.writing() as session:
        order = from_console.stop_system(
            session, "ledger", WHY, operator=OPERATOR, policy=working.policy, now=NOW
        ).id  # fmt: skip
    assert unconfirmed(working) == [f"stop:{order}"]
    with pytest.raises(NotFound, match="nowhere"), working.database.writing() as session:
        from_console.stop_system(session, "nowhere", WHY, operator=OPERATOR, policy=working.policy, now=NOW)


def test_nobody_is_stopped_without_a_name_a_reason_and_somebody_to_stop(working: Cast) -> None:
    with pytest.raises(InvalidInput, match="名前"):
        stop(working, operator=Operator(" ", "root"))
    with pytest.raises(InvalidInput, match="止める理由"):
        stop(working, why=Why(""))
    with pytest.raises(NotFound, match="999999"):
        stop(working, "999999")
    stop(working)
    with pytest.raises(IllegalTransition, match="すでに"):
        stop(working)


def test_the_last_two_heads_who_could_lift_it_are_not_stopped(working: Cast) -> None:
    for number in ("100001", "100002"):
        stop(working, number)
    with pytest.raises(IllegalTransition):
        stop(working, "100003")


@pytest.mark.parametrize("who", ["system", "hr", "staff", "auditor", "other"])
def test_only_the_heads_confirm(working: Cast, who: str) -> None:
    order = stop(working)
    with pytest.raises(NotPermitted):
        confirm(working, order, who)
    assert unconfirmed(working) == [f"stop:{order}"]


def test_whom_it_stops_does_not_confirm_it_and_confirming_asks_for_a_second_factor(working: Cast) -> None:
    chiefs, other = stop(working, "100003"), stop(working)
    with pytest.raises((NotPermitted, SeparationOfDuties)):
        confirm(working, chiefs, "chief")
    with pytest.raises(NotPermitted, match="停止されています"):
        confirm(working, other, "chief")
    with pytest.raises(FreshFactorNeeded):
        confirm(working, other, stale=True)
    with pytest.raises(NotPermitted, match="名前のある人"), working.database.writing() as session:
        from_console.confirm(session, other, actor=Actor.job("tests"), policy=working.policy, now=LATER)


def test_what_a_head_ordered_waits_for_no_confirmation(working: Cast) -> None:
    order = stop_person(working)
    assert unconfirmed(working) == []
    with pytest.raises(IllegalTransition, match="確認を待っていません"):
        confirm(working, order)


def test_the_database_keeps_no_order_without_somebody_who_gave_it(office: Cast) -> None:
    order = stop(office)
    for values in (
        {"operator": None}, {"ordered_by_id": office.people["chief"]},
        {"confirmed_by_id": office.people["staff"], "confirmed_at": NOW},
    ):  # fmt: skip
        with pytest.raises(IntegrityError), office.database.writing() as session:
            session.execute(update(StopOrder).where(StopOrder.id == order).values(**values))
