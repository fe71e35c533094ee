"""Who answers for a registered ID (control A13): somebody there, proposed by one person and accepted by another.

Once a day it is looked whether the owner is still there, and whether the registration is about to end: whoever has to
see to it is told, once.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound
from idm.models.privileged import OwnerChange, RegisteredId
from idm.operations.information_systems.system_scope import require_for_system
from idm.operations.privileged import holder_changes
from idm.operations.privileged.registration_steps import (
    accepted_registration,
    in_charge,
    person_of,
    record,
    require_accepter,
    require_owner,
    take_charge,
    tell,
)
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.organisation.officers import holders
from idm.queries.privileged.owners import live_registrations, owners_there, waiting_owner_change
from idm.step_up import require_fresh_factor
from idm.vocabulary import Role
from idm.wareki import format_wareki
from idm.written_text import written


def propose(
    session: Session, registered_id: int, *, owner_id: int, reason: str, actor: Actor, policy: Policy, now: datetime
) -> OwnerChange:
    """Afterwards somebody else is to answer for the ID, as soon as another person accepts it.

    Raises NotFound, NotPermitted, IllegalTransition where one waits already, InvalidInput, FreshFactorNeeded.
    """
    registered = accepted_registration(session, registered_id)
    person_id, day = person_of(actor), day_of(now)
    require_for_system(session, registered.system, Action.PROPOSE_REGISTERED_ID, person_id=person_id, day=day)
    require_fresh_factor(actor, policy=policy, now=now)
    if waiting_owner_change(session, registered.id) is not None:
        raise IllegalTransition("管理責任者の変更の申出が、すでに出ています。承認又は却下されてから申し出てください。")
    told = written(reason, field="reason", empty="管理責任者を変更する理由を書いてください。")
    require_owner(session, owner_id, day)
    if owner_id == registered.owner_id and registered.id in owners_there(session, day):
        problem = "いまの管理責任者と同じ人です。"
        raise InvalidInput(problem, fields={"owner": problem})
    change = OwnerChange(
        registered_id=registered.id, before_id=registered.owner_id, owner_id=owner_id, reason=told,
        proposed_by_id=person_id, proposed_at=now,
    )  # fmt: skip
    session.add(change)
    session.flush()
    _record(session, "registered_id.owner_proposed", registered, change, actor=actor, policy=policy, now=now)
    heads = {one for role in (Role.CHIEF, Role.SECURITY) for one in holders(session, role, None, day)}
    tell(session, heads - {person_id}, registered, "管理責任者の変更の申出があります", now=now)
    return change


def accept(session: Session, registered_id: int, *, actor: Actor, policy: Policy, now: datetime) -> OwnerChange:
    """Afterwards the proposed person answers for the ID, and whoever did knows no password of it.

    Raises NotFound, NotPermitted, SeparationOfDuties for whoever proposed it or will answer for it, IllegalTransition
    where nothing waits, InvalidInput where that person cannot answer for it any more, FreshFactorNeeded.
    """
    registered, change = _waiting(session, registered_id)
    accepter = _accepter(session, change, actor, policy=policy, now=now)
    require_owner(session, change.owner_id, day_of(now))
    change.decided_by_id, change.decided_at, change.accepted = accepter, now, True
    take_charge(session, registered, change.owner_id, day_of(now))
    _record(session, "registered_id.owner_changed", registered, change, actor=actor, policy=policy, now=now)
    holder_changes.follow_offices(session, actor=actor, policy=policy, now=now)
    told = {change.before_id, change.owner_id, change.proposed_by_id}
    tell(session, told, registered, "管理責任者が変わりました", more=f"{registered.owner.name} さんです。", now=now)
    return change


def refuse(session: Session, registered_id: int, *, actor: Actor, policy: Policy, now: datetime) -> OwnerChange:
    """Afterwards the owner stays, and another may be proposed. Raises what `accept` raises."""
    registered, change = _waiting(session, registered_id)
    change.decided_by_id = _accepter(session, change, actor, policy=policy, now=now)
    change.decided_at, change.accepted = now, False
    session.flush()
    _record(session, "registered_id.owner_refused", registered, change, actor=actor, policy=policy, now=now)
    tell(session, {change.proposed_by_id}, registered, "管理責任者の変更の申出が却下されました", now=now)
    return change


def drop_proposal(session: Session, registered: RegisteredId, *, now: datetime) -> None:
    """Afterwards no change of owner waits: the registration is over."""
    change = waiting_owner_change(session, registered.id)
    if change is not None:
        change.decided_at, change.accepted = now, False


# --- by the clock -----------------------------------------------------------------------------------------------------


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards whoever has to see to it knows which registered IDs nobody answers for, and which end soon: once."""
    day = day_of(now)
    there = owners_there(session, day)
    query = select(RegisteredId).where(live_registrations()).order_by(RegisteredId.id).with_for_update()
    for registered in session.scalars(query.execution_options(populate_existing=True)).all():
        _follow_owner(session, registered, there=registered.id in there, actor=actor, policy=policy, now=now)
        _follow_end(session, registered, there=registered.id in there, actor=actor, policy=policy, now=now)


def _follow_owner(
    session: Session, registered: RegisteredId, *, there: bool, actor: Actor, policy: Policy, now: datetime
) -> None:
    if there:
        registered.owner_gone_at = None
    elif registered.owner_gone_at is None:
        registered.owner_gone_at = now
        session.flush()
        record(session, "registered_id.owner_gone", registered, actor=actor, policy=policy, now=now)
        tell(
            session, in_charge(session, registered, day_of(now)), registered, "管理責任者がいなくなりました",
            more=f"{registered.owner.name} さんが、離職したか、引き受けたときの課を離れました。"
            "新しい管理責任者を申し出るか、不要なら登録を終えてください。", now=now,
        )  # fmt: skip


def _follow_end(
    session: Session, registered: RegisteredId, *, there: bool, actor: Actor, policy: Policy, now: datetime
) -> None:
    day, until = day_of(now), registered.valid_until
    if until is None or registered.end_told_for == until or not _is_near(until, day, policy):
        return
    registered.end_told_for = until
    session.flush()
    record(session, "registered_id.end_told", registered, actor=actor, policy=policy, now=now)
    last = format_wareki(until - timedelta(days=1))
    told = in_charge(session, registered, day) | ({registered.owner_id} if there else set())
    tell(
        session, told, registered, f"登録の最終日は{last}です",
        more="まだ必要なら、統括情報セキュリティ責任者又は情報セキュリティ責任者に、期間を改めてもらってください。"
        "必要でなければ、登録を終えてください。", now=now,
    )  # fmt: skip


def _is_near(until: date, day: date, policy: Policy) -> bool:
    """Whether so few days are left; what is over already is a finding, and told by it."""
    return day < until <= day + timedelta(days=policy.privileged.end_notice_days)


# --- the rows ---------------------------------------------------------------------------------------------------------


def _waiting(session: Session, registered_id: int) -> tuple[RegisteredId, OwnerChange]:
    registered = accepted_registration(session, registered_id)
    change = waiting_owner_change(session, registered.id)
    if change is None:
        raise NotFound("管理責任者の変更の申出はありません。")
    return registered, change


def _accepter(session: Session, change: OwnerChange, actor: Actor, *, policy: Policy, now: datetime) -> int:
    return require_accepter(
        session, proposed_by=change.proposed_by_id, owner=change.owner_id, actor=actor, policy=policy, now=now
    )


def _record(
    session: Session, action: str, registered: RegisteredId, change: OwnerChange, *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    record(
        session, action, registered, actor=actor, policy=policy, now=now, change=change.id, before=change.before_id,
        proposed=change.owner_id, reason=change.reason,
    )  # fmt: skip
