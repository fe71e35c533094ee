"""The orderly way back from a stop: asked by one, confirmed by another, exactly what was there and no more (H5).

Closing the reasons is all that is done. What an account then shows is what is approved at that moment: a right that
ended meanwhile stays ended, a use that was over is asked for anew, nobody is signed in again by it.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import ContentChanged, IllegalTransition, NotFound, NotPermitted, SeparationOfDuties
from idm.models.stops import AccountStop, StopOrder
from idm.models.systems import Account
from idm.operations.rights import account_stops
from idm.operations.stops import entry_stops, from_console, stop_notices
from idm.operations.stops.deciding import require_free
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.organisation.officers import humans, roles_of
from idm.queries.stops.holding import person_is_stopped
from idm.queries.stops.orders import wish_to_lift
from idm.step_up import require_fresh_factor
from idm.vocabulary import StopKind
from idm.written_text import written


def ask_to_lift(
    session: Session, stop_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> StopOrder:  # fmt: skip
    """Afterwards the order goes on, and somebody else is asked to confirm that it may end.

    Raises FreshFactorNeeded, NotPermitted, NotFound, SeparationOfDuties for whom it stops, IllegalTransition,
    InvalidInput without a reason.
    """
    order, person_id = _deciding(session, stop_id, actor=actor, policy=policy, now=now)
    if order.lift_asked_at is not None:
        raise IllegalTransition("この停止命令の解除は、すでに求められています。別の人の確認を待っています。")
    order.lift_reason = written(reason, field="reason", empty="解除する理由を書いてください。")
    order.lift_asked_by_id, order.lift_asked_at = person_id, now
    session.flush()
    _record(session, "stop.lift_asked", order, actor=actor, policy=policy, now=now)
    stop_notices.tell_lift_asked(session, order, actor=actor, policy=policy, now=now)
    return order


def keep(session: Session, stop_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime) -> StopOrder:
    """Afterwards nobody asks to lift the order any more: whoever asked thought again, or another said no.

    Raises as `ask_to_lift` does.
    """
    order, _ = _deciding(session, stop_id, actor=actor, policy=policy, now=now)
    _require_asked(order)
    note = written(reason, field="reason", empty="止め続ける理由を書いてください。")
    _record(session, "stop.kept", order, actor=actor, policy=policy, now=now, note=note)
    order.lift_asked_by_id, order.lift_asked_at, order.lift_reason = None, None, None
    session.flush()
    return order


def lift(
    session: Session, stop_id: int, *, shown: str, actor: Actor, policy: Policy, now: datetime
) -> StopOrder:  # fmt: skip
    """Afterwards the order stops nothing any more; what other orders stop goes on being stopped.

    `shown` is the wish that was read (`queries.stops.orders.wish_to_lift`). Raises as `ask_to_lift` does,
    SeparationOfDuties for whoever asked, IllegalTransition where the asker is stopped by now, ContentChanged where
    another wish stands there.
    """
    order, person_id = _deciding(session, stop_id, actor=actor, policy=policy, now=now)
    _require_asked(order)
    if shown != wish_to_lift(order):
        raise ContentChanged(
            "解除の求めが、表示していたものから変わりました。今の理由を読んで、もう一度決めてください。"
        )
    if person_is_stopped(session, order.lift_asked_by_id or 0):
        raise IllegalTransition(
            "解除を求めた人の利用が、その後に停止されました。「解除せず、止め続ける」を選び、必要なら別の人が求め直してください。"
        )
    asker = humans(session, [order.lift_asked_by_id or 0])[order.lift_asked_by_id or 0]
    if asker.is_one_of(humans(session, [person_id])[person_id].rows):
        raise SeparationOfDuties(
            "解除を求めた人は、自分で解除を確認できません。別の人が確認してください。（SOD-4）", code="SOD-4"
        )
    order.lifted_by_id, order.lifted_at = person_id, now
    session.flush()
    _record(session, "stop.lifted", order, actor=actor, policy=policy, now=now)
    account_stops.release(session, stop_id=order.id, actor=actor, policy=policy, now=now)
    entry_stops.release(session, stop_id=order.id, actor=actor, policy=policy, now=now)
    from_console.record(session, actor=actor, policy=policy, now=now)
    stop_notices.tell_lifted(session, order, actor=actor, policy=policy, now=now)
    return order


def _deciding(
    session: Session, stop_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> tuple[StopOrder, int]:  # fmt: skip
    """The order, this transaction's until it ends, and who decides on it."""
    if actor.person_id is None:
        raise NotPermitted("停止命令を解除できるのは、名前のある人だけです。")
    require(roles_of(session, actor.person_id, day_of(now)), Action.LIFT_STOP)
    require_fresh_factor(actor, policy=policy, now=now)
    query = select(StopOrder).where(StopOrder.id == stop_id).with_for_update()
    order = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if order is None:
        raise NotFound("この停止命令は見つかりません。")
    if order.lifted_at is not None:
        raise IllegalTransition("この停止命令は、すでに解除されています。")
    if _stops(session, order, humans(session, [actor.person_id])[actor.person_id].rows):
        raise SeparationOfDuties("自分を止めている停止命令を、自分で解除することはできません。（SOD-2）", code="SOD-2")
    require_free(session, actor.person_id)
    return order, actor.person_id


def _stops(session: Session, order: StopOrder, rows: frozenset[int]) -> bool:
    """Whether the order is about one of these rows: by name, or by an ID of theirs on its list.

    Nobody is left to lift the stop of a system if whoever has an ID in it counts.
    """
    if order.person_id is not None:
        return not humans(session, [order.person_id])[order.person_id].rows.isdisjoint(rows)
    if order.kind is not StopKind.ACCOUNTS:
        return False
    listed = (
        select(AccountStop.id)
        .join(Account, AccountStop.account_id == Account.id)
        .where(AccountStop.stop_id == order.id, Account.person_id.in_(rows))
    )
    return session.scalars(listed.limit(1)).first() is not None


def _require_asked(order: StopOrder) -> None:
    if order.lift_asked_at is None:
        raise IllegalTransition("この停止命令の解除は、まだ求められていません。")


def _record(
    session: Session, action: str, order: StopOrder, *, actor: Actor, policy: Policy, now: datetime, note: str = ""
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("stop", str(order.id)), now=now, policy_digest=policy.digest,
        payload={
            "kind": order.kind.value, "person": order.person_id, "system": order.system_id,
            "asked_by": order.lift_asked_by_id, "reason": order.lift_reason, "note": note,
        },
    )  # fmt: skip
