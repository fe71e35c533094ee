"""Internet and e-mail reported as not needed for somebody's work: blocked until somebody lifts it (FK 5-1(2)③, A12)."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound
from idm.grant_state import SuspensionReason
from idm.models.outside import ServiceBlock
from idm.models.people import Person
from idm.models.requests import Grant
from idm.operations.outsiders.outside_authority import person_acting, require_for_units, require_not_oneself
from idm.operations.rights.grants import live_grants_of
from idm.operations.rights.suspensions import resume, suspend
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.outsiders.outside_scope import units_of_person
from idm.vocabulary import SERVICE_TITLES, Service
from idm.written_text import written


def report(
    session: Session, *, person_id: int, service: Service, reason: str, actor: Actor, policy: Policy, now: datetime
) -> ServiceBlock:
    """Afterwards the service is blocked for the person: what gives it is suspended, and no new right to it is given.

    Raises NotPermitted for another unit's people, InvalidInput, NotFound.
    """
    day = day_of(now)
    human = person_acting(session, actor, day)
    if session.get(Person, person_id) is None:
        raise NotFound("不要の報告をする相手が見つかりません。")
    require_for_units(session, human, Action.REPORT_NOT_NEEDED, units_of_person(session, person_id, day), day)
    reason = written(reason, field="reason", empty="業務に要らない理由を書いてください。")
    known = select(ServiceBlock.id).where(
        ServiceBlock.person_id == person_id, ServiceBlock.service == service, ServiceBlock.lifted_at.is_(None)
    )
    if session.scalar(known) is not None:
        problem = f"この人の{SERVICE_TITLES[service]}は、すでに不要と報告されています。"
        raise InvalidInput(problem, fields={"service": problem})
    block = ServiceBlock(
        person_id=person_id, service=service, reason=reason, reported_by_id=human.person_id, reported_at=now
    )
    session.add(block)
    session.flush()
    for grant in _giving(session, person_id, service):
        suspend(session, grant, SuspensionReason.NOT_NEEDED, actor=actor, policy=policy, now=now)
    _record(session, "service.reported_not_needed", block, actor=actor, policy=policy, now=now)
    return block


def lift(session: Session, block_id: int, *, actor: Actor, policy: Policy, now: datetime) -> ServiceBlock:
    """Afterwards the block is history, and what it held back is in force again unless another reason holds it back.

    Raises NotPermitted for the person themselves and for another unit's, IllegalTransition, NotFound.
    """
    day = day_of(now)
    human = person_acting(session, actor, day)
    block = session.get(ServiceBlock, block_id, with_for_update=True, populate_existing=True)
    if block is None:
        raise NotFound("不要の報告が見つかりません。")
    require_not_oneself(human, block.person_id, "不要の報告を取り消す")
    require_for_units(session, human, Action.REPORT_NOT_NEEDED, units_of_person(session, block.person_id, day), day)
    if block.lifted_at is not None:
        raise IllegalTransition("この報告はすでに取り消されています。")
    block.lifted_at, block.lifted_by_id = now, human.person_id
    session.flush()
    for grant in _giving(session, block.person_id, block.service):
        resume(session, grant, SuspensionReason.NOT_NEEDED, actor=actor, policy=policy, now=now)
    _record(session, "service.block_lifted", block, actor=actor, policy=policy, now=now)
    return block


def _giving(session: Session, person_id: int, service: Service) -> Iterable[Grant]:
    """The person's live grants of rights that open the service."""
    grants = session.scalars(live_grants_of([person_id])).all()
    return [grant for grant in grants if grant.entitlement.service is service]


def _record(session: Session, action: str, block: ServiceBlock, *, actor: Actor, policy: Policy, now: datetime) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("person", str(block.person_id)), now=now,
        policy_digest=policy.digest,
        payload={"block": block.id, "service": block.service.value, "reason": block.reason},
    )  # fmt: skip
