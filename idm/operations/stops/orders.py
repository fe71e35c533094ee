"""The big red button: a person, a card, a system or an incident's IDs are stopped at once (FK 5-4(1), 6-5(2); H5).

One act, one reason, a second factor given just now. Nothing of who may decide about whom stands in its way: whoever may
stop may stop anybody, and more than one may. What is stopped here is stopped at the next request; the directories are
told before anything else that waits for them, and never given up.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.models.people import Person
from idm.models.stops import StopOrder
from idm.models.systems import Account, InformationSystem
from idm.operations.factors import losses
from idm.operations.information_systems.system_scope import require_for_system
from idm.operations.privileged import holder_changes, uses
from idm.operations.rights import account_stops
from idm.operations.signing_in.web_sessions import end_all_sessions
from idm.operations.stops import entry_stops, stop_notices
from idm.operations.stops.deciding import require_free, require_two_left
from idm.operations.stops.incident_list import named_by
from idm.permissions import Action, everywhere, require
from idm.policy import Policy
from idm.queries.factors.authenticators import open_systems
from idm.queries.organisation.officers import humans, roles_of
from idm.queries.organisation.reach import systems_reached
from idm.queries.stops.entries import Entry, stoppable_entries
from idm.step_up import require_fresh_factor
from idm.vocabulary import StopCause, StopKind
from idm.written_text import written

LONGEST_REFERENCE = 100


@dataclass(frozen=True)
class Why:
    """Why something is stopped; `reference` is the incident's number in the organisation's own books."""

    reason: str
    reference: str = ""


def stop_person(
    session: Session, person_id: int, why: Why, *, actor: Actor, policy: Policy, now: datetime
) -> StopOrder:  # fmt: skip
    """Afterwards this human is let in nowhere: signed out here, every ID wanted disabled, every privileged use over.

    What they know of the kept passwords is to be replaced. Raises FreshFactorNeeded, NotPermitted, NotFound,
    InvalidInput without a reason, IllegalTransition where they are stopped already.
    """
    require_everywhere(session, actor, policy=policy, now=now)
    require_not_stopped(session, StopOrder.person_id == person_id, kind=StopKind.PERSON)
    order = _order(why, StopKind.PERSON, actor, person_id=_person(session, person_id).id, now=now)
    return carry_out_on_person(session, order, actor=actor, policy=policy, now=now)


def stop_system(
    session: Session, system_id: int, why: Why, *, actor: Actor, policy: Policy, now: datetime
) -> StopOrder:  # fmt: skip
    """Afterwards nobody is let into this system by any ID that is known there, and every privileged use is over.

    Only the product's own account stays: by it the stops arrive, and come back; the order says so. Raises as
    `stop_person` does.
    """
    system = session.get(InformationSystem, system_id)
    if system is None:
        raise NotFound("この情報システムは見つかりません。")
    person_id = _ordering(session, actor, policy=policy, now=now)
    require_for_system(session, system, Action.ORDER_STOP, person_id=person_id, day=day_of(now))
    require_not_stopped(session, StopOrder.system_id == system_id, kind=StopKind.SYSTEM)
    order = _order(why, StopKind.SYSTEM, actor, system_id=system_id, now=now)
    return carry_out_on_system(session, order, actor=actor, policy=policy, now=now)


def carry_out_on_system(
    session: Session, order: StopOrder, *, actor: Actor, policy: Policy, now: datetime
) -> StopOrder:  # fmt: skip
    """Afterwards the order, which names a system, is in force."""
    system_id = order.system_id or 0
    accounts = session.scalars(select(Account.id).where(Account.system_id == system_id)).all()
    owned = session.scalars(
        select(Account.id).where(Account.system_id == system_id, Account.person_id.is_not(None))
    ).all()
    entries, own = stoppable_entries(session, system_id)
    order.left_out = [one.login_name for one in own]
    _place(session, order, owned, entries, actor=actor, policy=policy, now=now)
    uses.end_resting_on(session, account_ids=accounts, actor=actor, policy=policy, now=now)
    return _told(session, order, len(owned) + len(entries), actor=actor, policy=policy, now=now)


def stop_card(
    session: Session, authenticator_id: int, why: Why, *, actor: Actor, policy: Policy, now: datetime
) -> StopOrder:
    """Afterwards the card or token is reported lost, with all that follows from that, and where it is in use the IDs of
    its owner, under any row (SOD-5), let nobody in until two have lifted the order; what rests on its loss comes back
    by the desk only.

    Raises as `stop_person` does, and IllegalTransition for what is lost already or cannot be.
    """
    require_everywhere(session, actor, policy=policy, now=now)
    reason = written(why.reason, field="reason", empty="止める理由を書いてください。")
    card = losses.lost_by_order(session, authenticator_id, reason, actor=actor, policy=policy, now=now)
    order = _order(why, StopKind.CARD, actor, person_id=card.person_id, authenticator_id=card.id, now=now)
    in_use = {system_id for system_id, *_ in open_systems(session, card.id)}
    accounts = session.scalars(
        select(Account.id).where(
            Account.person_id.in_(humans(session, [card.person_id])[card.person_id].rows),
            Account.system_id.in_(in_use),
        )
    ).all()
    _place(session, order, accounts, actor=actor, policy=policy, now=now)
    return _told(session, order, len(accounts), actor=actor, policy=policy, now=now)


def stop_accounts(
    session: Session, names: str, why: Why, *, actor: Actor, policy: Policy, now: datetime
) -> StopOrder:  # fmt: skip
    """Afterwards every ID of the pasted list lets nobody in, and its uses are over; one wrong line: nothing is done.

    Raises as `stop_person` does; InvalidInput names every line that is not an ID of the systems that the actor stops.
    """
    person_id, day = _ordering(session, actor, policy=policy, now=now), day_of(now)
    require(roles_of(session, person_id, day), Action.ORDER_STOP)
    order = _order(why, StopKind.ACCOUNTS, actor, now=now)
    reached = systems_reached(session, person_id, Action.ORDER_STOP, day)
    named = named_by(session, names, reached=reached)
    _place(session, order, named.accounts, named.entries, actor=actor, policy=policy, now=now)
    registered = {one.account_id for one in named.entries if one.account_id is not None}
    uses.end_resting_on(session, account_ids=named.accounts | registered, actor=actor, policy=policy, now=now)
    return _told(session, order, len(named.accounts) + len(named.entries), actor=actor, policy=policy, now=now)


def carry_out_on_person(
    session: Session, order: StopOrder, *, actor: Actor, policy: Policy, now: datetime
) -> StopOrder:  # fmt: skip
    """Afterwards the order, which names a person, is in force under every row of that human (SOD-5).

    Raises IllegalTransition where fewer than two would be left who can lift it.
    """
    rows = humans(session, [order.person_id or 0])[order.person_id or 0].rows
    require_two_left(session, rows, day_of(now))
    accounts = session.scalars(select(Account.id).where(Account.person_id.in_(rows))).all()
    _place(session, order, accounts, actor=actor, policy=policy, now=now)
    for row in sorted(rows):
        end_all_sessions(session, person_id=row, actor=actor, policy=policy, now=now)
    holder_changes.follow_stopped(session, rows, accounts, actor=actor, policy=policy, now=now)
    return _told(session, order, len(accounts), actor=actor, policy=policy, now=now)


def require_everywhere(session: Session, actor: Actor, *, policy: Policy, now: datetime) -> int:
    """Who stops, which they may anywhere. Raises FreshFactorNeeded, NotPermitted."""
    person_id = _ordering(session, actor, policy=policy, now=now)
    roles = roles_of(session, person_id, day_of(now))
    require(roles, Action.ORDER_STOP)
    if not everywhere(roles, Action.ORDER_STOP):
        raise NotPermitted(
            "人やカードを止められるのは、CISO、副CISO、統括情報セキュリティ責任者、情報セキュリティ責任者です。"
            "情報システム管理者は、所管する情報システムと、そのIDを止められます。"
        )
    return person_id


def _ordering(session: Session, actor: Actor, *, policy: Policy, now: datetime) -> int:
    if actor.person_id is None:
        raise NotPermitted("緊急停止は、名前のある人だけができます。")
    require_free(session, actor.person_id)
    require_fresh_factor(actor, policy=policy, now=now)
    return actor.person_id


def _person(session: Session, person_id: int) -> Person:
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound("この人は見つかりません。")
    return person


def require_not_stopped(session: Session, named: ColumnElement[bool], *, kind: StopKind) -> None:
    """Raises IllegalTransition where an order because of an incident is in force already."""
    query = select(StopOrder.id).where(
        named, StopOrder.kind == kind, StopOrder.cause == StopCause.INCIDENT, StopOrder.lifted_at.is_(None)
    )
    if session.scalars(query.limit(1)).first() is not None:
        raise IllegalTransition("すでに停止命令が出ています。「緊急停止」の一覧で、届き具合を確かめてください。")


def _order(
    why: Why, kind: StopKind, actor: Actor, *, person_id: int | None = None, system_id: int | None = None,
    authenticator_id: int | None = None, now: datetime,
) -> StopOrder:  # fmt: skip
    order = new_order(why, kind, person_id=person_id, system_id=system_id, authenticator_id=authenticator_id, now=now)
    order.ordered_by_id = actor.person_id
    return order


def new_order(
    why: Why, kind: StopKind, *, person_id: int | None = None, system_id: int | None = None,
    authenticator_id: int | None = None, operator: str | None = None, now: datetime,
) -> StopOrder:  # fmt: skip
    """The order as it will stand, without whoever gives it where that is no operator. Raises InvalidInput."""
    reason = written(why.reason, field="reason", empty="止める理由を書いてください。")
    reference = written(why.reference, field="reference", empty="") if why.reference.strip() else None
    if reference is not None and len(reference) > LONGEST_REFERENCE:
        problem = f"事案の番号は{LONGEST_REFERENCE}文字までにしてください。"
        raise InvalidInput(problem, fields={"reference": problem})
    return StopOrder(
        kind=kind, cause=StopCause.INCIDENT, person_id=person_id, system_id=system_id,
        authenticator_id=authenticator_id, reason=reason, reference=reference, operator=operator, ordered_at=now,
    )  # fmt: skip


def _place(
    session: Session, order: StopOrder, account_ids: Collection[int], entries: Collection[Entry] = (), *,
    actor: Actor, policy: Policy, now: datetime,
) -> None:  # fmt: skip
    session.add(order)
    session.flush()
    account_stops.place(session, account_ids, stop_id=order.id, actor=actor, policy=policy, now=now)
    entry_stops.place(session, entries, stop_id=order.id, actor=actor, policy=policy, now=now)


def _told(
    session: Session, order: StopOrder, accounts: int, *, actor: Actor, policy: Policy, now: datetime
) -> StopOrder:  # fmt: skip
    """Afterwards the order is on record, and who has to know of it is told at once."""
    audit.record(
        session, action="stop.ordered", actor=actor, obj=("stop", str(order.id)), now=now, policy_digest=policy.digest,
        payload={
            "kind": order.kind.value, "cause": order.cause.value, "person": order.person_id, "system": order.system_id,
            "authenticator": order.authenticator_id, "accounts": accounts, "reason": order.reason,
            "reference": order.reference, "ordered_by": actor.label, "left_out": order.left_out or [],
        },
    )  # fmt: skip
    stop_notices.tell_ordered(session, order, accounts, actor=actor, policy=policy, now=now)
    return order
