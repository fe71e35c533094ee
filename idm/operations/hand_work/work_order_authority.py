"""Who may do work by hand and who may confirm it: two people, neither the one it is about (control G2).

The rules are those of every decision (`idm.separation_of_duties`): the same human under another row is the same person,
whoever audits and a contractor confirm nothing. Where a temporary password is given, its rules are those of every
hand-over: no approver of the right, no contractor (control E3).
"""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import NotPermitted, SeparationOfDuties
from idm.models.systems import InformationSystem
from idm.models.work_orders import WorkOrder, WorkOrderState, WorkOrderStep
from idm.operations.passwords import handovers
from idm.operations.passwords.credential_desk import require_uninvolved
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.organisation.officers import auditing, contracted, humans, roles_of
from idm.queries.organisation.reach import systems_reached
from idm.separation_of_duties import Human
from idm.step_up import require_fresh_factor_for


def person_at_work(session: Session, system_id: int, action: Action, *, actor: Actor, now: datetime) -> Human:
    """The human behind the actor, who may do the action for the system. Raises NotPermitted."""
    if actor.person_id is None:
        raise NotPermitted("手作業の実施と確認は、名前のある人だけができます。")
    day = day_of(now)
    require(roles_of(session, actor.person_id, day), action)
    if system_id not in systems_reached(session, actor.person_id, action, day):
        name = session.get_one(InformationSystem, system_id).name
        raise NotPermitted(f"「{name}」は、あなたの所管ではありません。所管課の担当者に頼んでください。")
    return humans(session, [actor.person_id])[actor.person_id]


def require_operator(session: Session, order: WorkOrder, *, actor: Actor, policy: Policy, now: datetime) -> Human:
    """Whoever may do the work of the order. Raises NotPermitted, SeparationOfDuties, FreshFactorNeeded."""
    human = person_at_work(session, order.system_id, Action.DO_WORK, actor=actor, now=now)
    _require_another(order, human, "自分の利用者IDの作業を自分で行うことはできません。")
    if order.hands_over:
        _require_no_contractor(session, human, day_of(now), handovers.DESK.contractor)
        require_uninvolved(handovers.DESK, session, order.account, human.person_id)
    require_fresh_factor_for(order.account.system.zone, actor, policy=policy, now=now)
    return human


def require_confirmer(session: Session, order: WorkOrder, *, actor: Actor, policy: Policy, now: datetime) -> Human:
    """Whoever may confirm, or return, the work of the order. Raises as `require_operator` does."""
    human = person_at_work(session, order.system_id, Action.CONFIRM_WORK, actor=actor, now=now)
    _require_another(order, human, "自分の利用者IDの作業を自分で確認することはできません。")
    workers = {order.done_by_id, *_began(session, order)}
    workers |= {worker for step in order.steps for worker in (step.ticked_by_id, step.claimed_by_id)}
    if human.is_one_of(frozenset(worker for worker in workers if worker is not None)):
        raise SeparationOfDuties(
            "自分が行った作業を自分で確認することはできません。別の人に頼んでください。（SOD-4）",
            code="SOD-4",
        )
    if auditing(session, human.rows, day_of(now)):
        raise SeparationOfDuties("監査を行う者は、監査の対象となる作業を確認できません。（SOD-6）", code="SOD-6")
    _require_no_contractor(session, human, day_of(now), "委託事業者は手作業の確認をすることができません。")
    require_fresh_factor_for(order.account.system.zone, actor, policy=policy, now=now)
    return human


def _began(session: Session, order: WorkOrder) -> Iterable[int | None]:
    """Whoever worked on orders that this one took the place of: what they said is done is confirmed with it."""
    of_account = WorkOrder.account_id == order.account_id
    settled = select(func.max(WorkOrder.confirmed_at)).where(of_account).scalar_subquery()
    overtaken = select(WorkOrder.id).where(
        of_account, WorkOrder.state == WorkOrderState.CANCELLED,
        or_(settled.is_(None), WorkOrder.cancelled_at > settled),
    )  # fmt: skip
    of_overtaken = WorkOrderStep.order_id.in_(overtaken)
    said = select(WorkOrderStep.ticked_by_id, WorkOrderStep.claimed_by_id).where(of_overtaken, WorkOrderStep.claimed)
    reported = select(WorkOrder.done_by_id).where(WorkOrder.id.in_(overtaken))
    return [*(worker for row in session.execute(said) for worker in row), *session.scalars(reported)]


def _require_another(order: WorkOrder, human: Human, message: str) -> None:
    if order.subject_id is not None and human.is_one_of(frozenset({order.subject_id})):
        raise SeparationOfDuties(f"{message}（SOD-2）", code="SOD-2")


def _require_no_contractor(session: Session, human: Human, day: date, message: str) -> None:
    if contracted(session, human.rows, day):
        raise SeparationOfDuties(f"{message}（SOD-7）", code="SOD-7")
