"""Who is told of work to be done by hand: operators when orders are issued, the profile's levels when one is overdue.

Systems, numbers and days, never a person's name. However many orders a run issues, each operator has one notice a day;
only what stops somebody is told again at once. Each level is told of an overdue order once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from idm.actor import Actor
from idm.calendar_days import TOKYO, day_of, start_of
from idm.models.systems import InformationSystem
from idm.models.work import MailMessage
from idm.models.work_orders import OPEN_STATES, STATE_TITLES, WorkOrder, WorkOrderState
from idm.operations.hand_work.work_order_issue import record_order
from idm.operations.notification.notices import notify
from idm.policy import Policy
from idm.queries.organisation.officers import holders
from idm.vocabulary import Role
from idm.wareki import format_wareki

LINK = "/work-orders"
SUBJECT, URGENT_SUBJECT = "【手作業】新しい作業があります", "【至急・手作業】利用の停止などの作業があります"
OVERDUE_SUBJECT, CONFIRM_SUBJECT = (
    "【期限超過・手作業】終わっていない作業があります",
    "【手作業】確認を待っている作業があります",
)
SHOWN = 30


def tell_issued(session: Session, orders: Sequence[WorkOrder], *, now: datetime) -> int:
    """Afterwards whoever does this work knows of it: once a day, and at once where it is urgent. Returns how many."""
    told = 0
    for urgent, subject in ((True, URGENT_SUBJECT), (False, SUBJECT)):
        chosen = [order for order in orders if order.urgent is urgent]
        for person_id, theirs in _by_person(session, chosen, (Role.SYSTEM, Role.HANDOVER), now).items():
            if urgent or not _told_today(session, person_id, subject, now):
                body = _body(session, theirs, "次の作業が出ました。画面で手順を確かめ、終わったら報告してください。")
                told += len(notify(session, [person_id], subject=subject, body=body, link=LINK, now=now, urgent=urgent,
                                   asks=True))  # fmt: skip
    return told


def tell_done(session: Session, order: WorkOrder, *, now: datetime) -> int:
    """Afterwards those who may confirm have been told today that something waits for them. Returns how many."""
    told = 0
    for person_id, theirs in _by_person(session, [order], (Role.SYSTEM, Role.SECURITY), now).items():
        if person_id != order.done_by_id and not _told_today(session, person_id, CONFIRM_SUBJECT, now):
            body = _body(session, theirs, "作業が終わったと報告がありました。作業した人とは別の人が確認してください。")
            told += len(notify(session, [person_id], subject=CONFIRM_SUBJECT, body=body, link=LINK, now=now, asks=True))
    return told


def escalate(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> list[WorkOrder]:
    """Afterwards each overdue order has been told to every level that is due, once each. Returns those told of."""
    levels = policy.work_orders.escalate_to
    raised: dict[Role, list[WorkOrder]] = defaultdict(list)
    told: list[WorkOrder] = []
    for order in overdue_orders(session, now=now):
        due = min(_levels_due(order, policy, now), len(levels))
        for role in levels[order.escalation_level : due]:
            raised[role].append(order)
        if order.escalation_level < due:
            order.escalation_level, order.escalated_at = due, now
            record_order(session, "work_order.escalated", order, actor=actor, policy=policy, now=now)
            told.append(order)
    words = "次の作業が期限を過ぎています。作業又は確認が終わるように手配してください。"
    for role, orders in raised.items():
        for person_id, theirs in _by_person(session, orders, (role,), now).items():
            notify(
                session, [person_id], subject=OVERDUE_SUBJECT, body=_body(session, theirs, words), link=LINK, now=now,
                asks=True,
            )  # fmt: skip
    return told


def overdue_orders(session: Session, *, now: datetime, system_id: int | None = None) -> list[WorkOrder]:
    """The open orders whose time is over, of one system or of all, the longest overdue first."""
    query = select(WorkOrder).where(WorkOrder.state.in_(OPEN_STATES), WorkOrder.due_at <= now)
    if system_id is not None:
        query = query.where(WorkOrder.system_id == system_id)
    return list(session.scalars(query.options(joinedload(WorkOrder.account)).order_by(WorkOrder.due_at, WorkOrder.id)))


def _levels_due(order: WorkOrder, policy: Policy, now: datetime) -> int:
    return 1 + int((now - order.due_at) / timedelta(hours=policy.work_orders.escalate_hours))


def _by_person(
    session: Session, orders: Iterable[WorkOrder], roles: Sequence[Role], now: datetime
) -> Mapping[int, list[WorkOrder]]:
    """Person → the orders they are told of; a system's manager only of those of their unit's systems."""
    by_person: dict[int, list[WorkOrder]] = defaultdict(list)
    day = day_of(now)
    for order in orders:
        unit = session.get_one(InformationSystem, order.system_id).manager_unit_code
        people = {
            person for role in roles for person in holders(session, role, unit if role is Role.SYSTEM else None, day)
        }
        for person_id in sorted(people):
            by_person[person_id].append(order)
    return by_person


def _told_today(session: Session, person_id: int, subject: str, now: datetime) -> bool:
    query = select(MailMessage.id).where(
        MailMessage.person_id == person_id, MailMessage.copy_for_id.is_(None), MailMessage.subject == subject,
        MailMessage.created_at >= start_of(day_of(now)),
    )  # fmt: skip
    return session.scalar(query.limit(1)) is not None


def _body(session: Session, orders: Sequence[WorkOrder], words: str) -> str:
    lines = [words]
    for order in orders[:SHOWN]:
        system = session.get_one(InformationSystem, order.system_id).name
        waiting = f"（{STATE_TITLES[order.state]}）" if order.state is WorkOrderState.DONE else ""
        lines.append(f"・{order.number}　{system}　期限 {_moment(order.due_at)}{waiting}")
    if (rest := len(orders) - SHOWN) > 0:
        lines.append(f"・ほか {rest} 件")
    return "\n".join(lines)


def _moment(moment: datetime) -> str:
    local = moment.astimezone(TOKYO)
    if local.hour == 0 and local.minute == 0:
        return f"{format_wareki((local - timedelta(days=1)).date())}中"
    return f"{format_wareki(local.date())} {local:%H:%M}"
