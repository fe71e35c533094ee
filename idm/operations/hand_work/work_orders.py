"""Work by hand: ticked off and done by one person, confirmed or returned by another (control G2; FK 6-1(4)③).

Only what was confirmed is true in our books, exactly as a read-back would make it; where the system has a connector,
the confirmation asks it to be read back instead. "Done" is what the operator says; it is never shown as complete.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.errors import IllegalTransition, InvalidInput, NotFound
from idm.models.systems import CredentialEvent, InformationSystem
from idm.models.work_orders import STATE_TITLES, WorkOrder, WorkOrderState
from idm.operations.hand_work import work_order_notices
from idm.operations.hand_work.work_order_authority import require_confirmer, require_operator
from idm.operations.hand_work.work_order_issue import finished_state, order_by_id, record_order
from idm.operations.outbox import record_seen
from idm.operations.rights import account_stops
from idm.operations.rights.accounts import schedule
from idm.policy import Policy
from idm.vocabulary import BY_HAND, CredentialEventKind
from idm.written_text import written

HANDED_TO_WHOM = "仮パスワードを誰にどのように渡したかを書いてください（例：本人に手渡し）。"


@dataclass(frozen=True)
class Report:
    """What the operator says: the steps done (by id), a remark, and to whom the temporary password was given how."""

    ticked: frozenset[int]
    note: str = ""
    handed_to: str = ""


def tick(
    session: Session, order_id: int, ticked: Collection[int], *, actor: Actor, policy: Policy, now: datetime
) -> WorkOrder:
    """Afterwards exactly these steps of the order are ticked; who ticked one first stays on it.

    Raises NotFound, NotPermitted, SeparationOfDuties, IllegalTransition, InvalidInput for steps of another order.
    """
    order = _at_work(session, order_id, actor=actor, policy=policy, now=now)
    _tick(order, frozenset(ticked), actor.person_id or 0, now)
    record_order(session, "work_order.ticked", order, actor=actor, policy=policy, now=now)
    return order


def do(session: Session, order_id: int, report: Report, *, actor: Actor, policy: Policy, now: datetime) -> WorkOrder:
    """Afterwards the work is done, as the operator says, and waits for another person's confirmation.

    Raises NotFound, NotPermitted, SeparationOfDuties, IllegalTransition, and InvalidInput where a step is not ticked or
    it is not said to whom the temporary password was given.
    """
    order = _at_work(session, order_id, actor=actor, policy=policy, now=now)
    _require_complete(order, report)
    _tick(order, report.ticked, actor.person_id or 0, now)
    order.note = written(report.note, field="note", empty="") if report.note.strip() else None
    if order.hands_over:
        order.handed_to = written(report.handed_to, field="handed_to", empty=HANDED_TO_WHOM)
    order.state, order.done_by_id, order.done_at = WorkOrderState.DONE, actor.person_id, now
    record_order(session, "work_order.done", order, actor=actor, policy=policy, now=now)
    work_order_notices.tell_done(session, order, now=now)
    return order


def confirm(session: Session, order_id: int, *, actor: Actor, policy: Policy, now: datetime) -> WorkOrder:
    """Afterwards the work is confirmed and our books say so; where there is a connector, it will be read back.

    Raises NotFound, NotPermitted, SeparationOfDuties (the operator, the person themself), IllegalTransition.
    """
    order = _to_confirm(session, order_id, actor=actor, policy=policy, now=now)
    order.state, order.confirmed_by_id, order.confirmed_at = WorkOrderState.CONFIRMED, actor.person_id, now
    session.flush()
    if session.get_one(InformationSystem, order.system_id).connector == BY_HAND:
        _enter_in_books(session, order, now)
    else:
        schedule(session, order.account, now=now)
    record_order(session, "work_order.confirmed", order, actor=actor, policy=policy, now=now)
    return order


def send_back(
    session: Session, order_id: int, reason: str, *, actor: Actor, policy: Policy, now: datetime
) -> WorkOrder:
    """Afterwards the order is open again, with the reason, and every step has to be ticked anew; who ticked it is kept.

    Raises what `confirm` does, and InvalidInput without a reason.
    """
    order = _to_confirm(session, order_id, actor=actor, policy=policy, now=now)
    reason = written(reason, field="reason", empty="差し戻す理由（何がどう違っていたか）を書いてください。")
    order.state, order.done_by_id, order.done_at = WorkOrderState.ISSUED, None, None
    order.returned_by_id, order.returned_at, order.return_reason = actor.person_id, now, reason
    for step in order.steps:
        step.claimed_by_id = step.ticked_by_id or step.claimed_by_id
        step.ticked_by_id, step.ticked_at = None, None
    record_order(session, "work_order.returned", order, actor=actor, policy=policy, now=now, reason=reason)
    return order


# --- parts -----------------------------------------------------------------------------------------------------------


def _at_work(session: Session, order_id: int, *, actor: Actor, policy: Policy, now: datetime) -> WorkOrder:
    order = _find(session, order_id)
    require_operator(session, order, actor=actor, policy=policy, now=now)
    _require_state(order, WorkOrderState.ISSUED, "作業を待っている状態ではありません。")
    return order


def _to_confirm(session: Session, order_id: int, *, actor: Actor, policy: Policy, now: datetime) -> WorkOrder:
    order = _find(session, order_id)
    require_confirmer(session, order, actor=actor, policy=policy, now=now)
    _require_state(order, WorkOrderState.DONE, "確認を待っている状態ではありません。")
    return order


def _find(session: Session, order_id: int) -> WorkOrder:
    order = order_by_id(session, order_id)
    if order is None:
        raise NotFound("この指示書は見つかりません。")
    return order


def _require_state(order: WorkOrder, state: WorkOrderState, message: str) -> None:
    if order.state is not state:
        now = STATE_TITLES[order.state]
        raise IllegalTransition(f"指示書 {order.number} は、{message}いまの状態は「{now}」です。")


def _require_complete(order: WorkOrder, report: Report) -> None:
    missing = [str(step.position) for step in order.steps if step.id not in report.ticked]
    if missing:
        message = f"手順 {'・'.join(missing)} にチェックがありません。すべて終えてから報告してください。"
        raise InvalidInput(message, fields={"steps": message})


def _tick(order: WorkOrder, ticked: frozenset[int], person_id: int, now: datetime) -> None:
    if not ticked <= {step.id for step in order.steps}:
        raise InvalidInput("この指示書にない手順です。画面を開き直してください。")
    for step in order.steps:
        if step.id in ticked and step.ticked_at is None:
            step.ticked_by_id, step.ticked_at, step.claimed = person_id, now, True
            # Whoever said so before a return did part of it too.
            step.claimed_by_id = step.claimed_by_id or person_id
        elif step.id not in ticked and step.ticked_at is not None:
            step.ticked_by_id, step.ticked_at = None, None
            # What was once reported may be there: unticking takes it back only before the first return.
            if order.returned_at is None:
                step.claimed, step.claimed_by_id = False, None


def _enter_in_books(session: Session, order: WorkOrder, now: datetime) -> None:
    """What was confirmed is what a read-back would have shown; a password that was given is a hand-over (E1, E3)."""
    account, state = order.account, finished_state(order, order.account)
    record_seen(account, state.account, now)
    if order.generation == account.generation:
        account_stops.follow_read_back(session, [account], now=now)
    if state.account is None or not state.handed_over:
        return
    if order.hands_over or account.handed_over_at is None:
        for kind in (CredentialEventKind.ISSUED, CredentialEventKind.HANDED_OVER):
            session.add(
                CredentialEvent(account_id=account.id, kind=kind, at=order.done_at or now, work_order_id=order.id)
            )
    account.handed_over_at = account.handed_over_at or order.done_at or now
