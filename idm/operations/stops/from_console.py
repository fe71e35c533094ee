"""Stops by an operator at the command line, while no page can be reached: stopped now, confirmed by an officer later.

Whoever can run the command could stop the machine as well; so it may stop, and nothing else: no order is lifted,
nothing is approved or given back by it (FK 5-4(1), 6-5(2); H5). Who did it stands in the record as they said it and as
the machine knows them, the heads are told at once, and the order is a finding until one of them has put their name to
it or two have lifted it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.people import Employment
from idm.models.stops import StopOrder
from idm.models.systems import InformationSystem
from idm.models.work import Finding
from idm.operations.stops import orders
from idm.operations.stops.deciding import require_free
from idm.operations.stops.orders import Why
from idm.operations.sweep.findings import Found, record_everywhere
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.organisation.officers import humans, roles_of
from idm.step_up import require_fresh_factor
from idm.vocabulary import FindingKind, StopKind
from idm.written_text import written

KINDS = frozenset({FindingKind.STOP_UNCONFIRMED})
LONGEST_NAME = 200


@dataclass(frozen=True)
class Operator:
    """Who runs the command: `name` as they say it, `account` as the machine knows them."""

    name: str
    account: str

    @property
    def words(self) -> str:
        """Both, for people."""
        return f"{self.name}（サーバーの利用者 {self.account}）"


def actor_of(operator: Operator) -> Actor:
    """Who acts, for the record. Raises InvalidInput without a name."""
    name = written(operator.name, field="operator", empty="止める人の名前を書いてください。")
    if len(name) > LONGEST_NAME:
        problem = f"名前は{LONGEST_NAME}文字までにしてください。"
        raise InvalidInput(problem, fields={"operator": problem})
    return Actor(None, operator.words)


def stop_person(
    session: Session, staff_number: str, why: Why, *, operator: Operator, policy: Policy, now: datetime
) -> StopOrder:
    """Afterwards this human is let in nowhere, as by an order of the heads, and the heads have to confirm it.

    Raises NotFound, InvalidInput, IllegalTransition where they are stopped already or fewer than two would be left who
    can lift it.
    """
    actor = actor_of(operator)
    person_id = session.scalar(select(Employment.person_id).where(Employment.staff_number == staff_number.strip()))
    if person_id is None:
        raise NotFound(f"職員番号「{staff_number.strip()}」の人は見つかりません。")
    orders.require_not_stopped(session, StopOrder.person_id == person_id, kind=StopKind.PERSON)
    order = orders.new_order(why, StopKind.PERSON, person_id=person_id, operator=operator.words, now=now)
    orders.carry_out_on_person(session, order, actor=actor, policy=policy, now=now)
    record(session, actor=actor, policy=policy, now=now)
    return order


def stop_system(
    session: Session, code: str, why: Why, *, operator: Operator, policy: Policy, now: datetime
) -> StopOrder:  # fmt: skip
    """Afterwards nobody is let into this system, as by an order of the heads. Raises as `stop_person` does."""
    actor = actor_of(operator)
    system_id = session.scalar(select(InformationSystem.id).where(InformationSystem.code == code.strip()))
    if system_id is None:
        raise NotFound(f"情報システム「{code.strip()}」は見つかりません。")
    orders.require_not_stopped(session, StopOrder.system_id == system_id, kind=StopKind.SYSTEM)
    order = orders.new_order(why, StopKind.SYSTEM, system_id=system_id, operator=operator.words, now=now)
    orders.carry_out_on_system(session, order, actor=actor, policy=policy, now=now)
    record(session, actor=actor, policy=policy, now=now)
    return order


def confirm(session: Session, stop_id: int, *, actor: Actor, policy: Policy, now: datetime) -> StopOrder:
    """Afterwards one of the heads has put their name to what an operator stopped; it goes on.

    Raises FreshFactorNeeded, NotPermitted, NotFound, SeparationOfDuties for whom it stops, IllegalTransition where
    there is nothing to confirm.
    """
    person_id = actor.person_id
    if person_id is None:
        raise NotPermitted("停止命令を確認できるのは、名前のある人だけです。")
    require(roles_of(session, person_id, day_of(now)), Action.LIFT_STOP)
    require_free(session, person_id)
    require_fresh_factor(actor, policy=policy, now=now)
    query = select(StopOrder).where(StopOrder.id == stop_id).with_for_update()
    order = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if order is None:
        raise NotFound("この停止命令は見つかりません。")
    if order.operator is None or order.confirmed_at is not None or order.lifted_at is not None:
        raise IllegalTransition("この停止命令は、確認を待っていません。")
    if order.person_id is not None and humans(session, [person_id])[person_id].is_one_of(frozenset({order.person_id})):
        raise SeparationOfDuties("自分を止めている停止命令を、自分で確認することはできません。（SOD-2）", code="SOD-2")
    order.confirmed_by_id, order.confirmed_at = person_id, now
    session.flush()
    audit.record(
        session, action="stop.confirmed", actor=actor, obj=("stop", str(order.id)), now=now,
        policy_digest=policy.digest, payload={"operator": order.operator, "reason": order.reason},
    )  # fmt: skip
    record(session, actor=actor, policy=policy, now=now)
    return order


def record(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the open findings name every order in force that an operator gave and nobody confirmed, no other."""
    waiting = select(StopOrder).where(
        StopOrder.operator.is_not(None), StopOrder.confirmed_at.is_(None), StopOrder.lifted_at.is_(None)
    )
    found = [
        Found(
            FindingKind.STOP_UNCONFIRMED, f"stop:{one.id}", f"停止命令 {one.id}",
            details={
                "reason": f"{one.operator}が、コマンドで止めました。理由：{one.reason}",
                "repair": "停止命令の画面で、責任者が確認する。止める必要がなければ、二人で解除する",
                "differences": [["operator", str(one.id)]],
            },
        )
        for one in session.scalars(waiting.order_by(StopOrder.id))
    ]  # fmt: skip
    known = select(Finding.id).where(Finding.kind.in_(KINDS), Finding.resolved_at.is_(None)).limit(1)
    if found or session.scalar(known) is not None:
        record_everywhere(session, KINDS, found, actor=actor, policy=policy, now=now)
