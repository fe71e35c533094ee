"""The end of an external service: planned, told, carried out on its day, closed when nothing is left (control I3)."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput
from idm.grant_state import EndReason, GrantState
from idm.models.external_services import ExternalService, ExternalServiceCheck
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.models.work import Finding
from idm.operations.external_services.authority import locked, named, require_may_keep
from idm.operations.external_services.service_notices import record, tell
from idm.operations.rights import grants
from idm.operations.rights.accounts import schedule
from idm.operations.stops.stop_notices import section_managers
from idm.operations.sweep.findings import Found, record_everywhere
from idm.policy import Policy
from idm.queries.external_services.remains import people_working_with, remains_of
from idm.queries.organisation.officers import holders
from idm.queries.privileged.eligibility import is_employed
from idm.registers.external_service_state import (
    IN_USE,
    ServiceEvent,
    ServiceFacts,
    after,
    faults,
    left_to_do,
    review_due,
)
from idm.registers.external_service_state import require_end_day as _require_end_day
from idm.vocabulary import FindingKind, Role
from idm.wareki import format_wareki
from idm.written_text import written


def plan(
    session: Session, service_id: int, *, end_on: date, reason: str, actor: Actor, policy: Policy, now: datetime
) -> ExternalService:
    """Afterwards everybody who works with the service knows its end, and no right is given there any more.

    `end_on`: the first day on which nobody works with it. Raises NotFound, NotPermitted, InvalidInput,
    IllegalTransition.
    """
    service, person_id, day = locked(session, service_id), named(actor), day_of(now)
    require_may_keep(session, service, person_id, day=day)
    following = after(service.state, ServiceEvent.PLAN_END)
    _require_end_day(end_on, day, policy.external_services)
    said = written(reason, field="end_reason", empty="利用を終える理由を書いてください。")
    service.state, service.end_on, service.end_reason = following, end_on, said
    service.end_planned_by_id, service.end_planned_at = person_id, now
    users = people_working_with(session, service)
    service.users_told = len(users)
    session.flush()
    record(session, "external_service.end_planned", service, actor=actor, policy=policy, now=now, told=len(users))
    body = (
        f"この外部サービスは、{format_wareki(end_on)}から使えなくなります。必要なデータは、その前に移してください。"
        f"\n・理由: {said}"
    )
    tell(session, users, service, "利用の終了の予告", body, now=now, asks=False)
    managers = {one for user in users for one in section_managers(session, user, now=now)}
    keeping = {*managers, service.administrator_id or person_id, *holders(session, Role.CHIEF, None, day)}
    tell(session, keeping - users, service, "利用の終了の予告", body, now=now, asks=False)
    return service


def call_off(session: Session, service_id: int, *, actor: Actor, policy: Policy, now: datetime) -> ExternalService:
    """Afterwards the service goes on as it was approved; possible until its day. Raises NotFound, NotPermitted,
    IllegalTransition."""
    service, person_id = locked(session, service_id), named(actor)
    require_may_keep(session, service, person_id, day=day_of(now))
    following = after(service.state, ServiceEvent.CALL_OFF_END)
    if service.end_on is not None and service.end_on <= day_of(now):
        raise IllegalTransition(
            "終了の日を過ぎているため、取りやめることはできません。続けて使うときは、申請し直してください。"
        )
    users = people_working_with(session, service)
    tell(
        session,
        users,
        service,
        "利用の終了の取りやめ",
        "利用の終了を取りやめました。続けて使えます。",
        now=now,
        asks=False,
    )
    service.state, service.end_on, service.end_reason = following, None, None
    service.end_planned_by_id = service.end_planned_at = service.users_told = None
    session.flush()
    record(session, "external_service.end_called_off", service, actor=actor, policy=policy, now=now)
    return service


def close(session: Session, service_id: int, *, actor: Actor, policy: Policy, now: datetime) -> ExternalService:
    """Afterwards the entry is history: nothing of the service is left.

    Raises NotFound, NotPermitted, IllegalTransition, InvalidInput with everything that is left.
    """
    service, person_id = locked(session, service_id), named(actor)
    require_may_keep(session, service, person_id, day=day_of(now))
    following = after(service.state, ServiceEvent.CLOSE)
    remains = remains_of(session, service)
    left = left_to_do(remains, now)
    if left:
        said = "まだ閉じられません。" + "".join(left)
        raise InvalidInput(said, fields={"close": said})
    service.state, service.closed_at, service.closed_by_id = following, now, person_id
    session.flush()
    read_at = remains.read_at.isoformat() if remains.read_at is not None else None
    record(session, "external_service.closed", service, actor=actor, policy=policy, now=now, read_at=read_at)
    return service


def follow(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards services whose day has come let nobody in any more, and what nobody looks after is a finding.

    Returns how many ends were carried out. Running it again on the same day does nothing more.
    """
    in_use = session.scalars(
        select(ExternalService).where(ExternalService.state.in_(IN_USE)).order_by(ExternalService.id).with_for_update()
    ).all()
    day = day_of(now)
    due = [one for one in in_use if one.carried_out_at is None and one.end_on is not None and one.end_on <= day]
    for service in due:
        _carry_out(session, service, actor=actor, policy=policy, now=now)
    _find(session, in_use, actor=actor, policy=policy, now=now)
    return len(due)


def _carry_out(session: Session, service: ExternalService, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Every right there ends, and every account is made to go."""
    held = session.scalars(
        select(Grant).join(Account, Grant.account_id == Account.id)
        .where(Account.system_id == service.system_id, Grant.state != GrantState.ENDED)
        .options(joinedload(Grant.account), joinedload(Grant.entitlement)).order_by(Grant.id)
    ).all()  # fmt: skip
    for grant in held:
        grants.end(session, grant, EndReason.SERVICE_ENDED, actor=actor, policy=policy, now=now)
    for account in session.scalars(select(Account).where(Account.system_id == service.system_id).order_by(Account.id)):
        schedule(session, account, now=now)
    service.carried_out_at = now
    session.flush()
    record(session, "external_service.ended", service, actor=actor, policy=policy, now=now, rights=len(held))
    told = {service.administrator_id or service.asked_by_id, service.end_planned_by_id or service.asked_by_id}
    tell(session, told, service, "終了の手続",
         f"終了の日になったため、権限{len(held)}件を終え、利用者IDの削除を始めました。"
         "提供者の側に残るアカウントを削除・返却し、確認を受けてから、台帳を閉じてください。", now=now)  # fmt: skip


def _find(
    session: Session, in_use: Sequence[ExternalService], *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    day, checked = day_of(now), _last_checks(session)
    found = []
    for service in in_use:
        since = checked.get(service.id) or service.answered_at or service.asked_at
        facts = ServiceFacts(
            service.state, review_due(day_of(since), policy.external_services),
            _is_there(session, service, policy, day), service.contract_until, service.end_on,
        )  # fmt: skip
        wrong = faults(facts, day, policy.external_services)
        if wrong:
            label = f"{service.name}：{''.join(wrong)}"
            details: dict[str, object] = {"service": service.id, "faults": list(wrong)}
            found.append(Found(FindingKind.SERVICE_UNCARED, str(service.id), label, details=details))
    known = select(func.count()).where(Finding.kind == FindingKind.SERVICE_UNCARED, Finding.resolved_at.is_(None))
    if found or session.scalar(known):
        record_everywhere(session, [FindingKind.SERVICE_UNCARED], found, actor=actor, policy=policy, now=now)


def _is_there(session: Session, service: ExternalService, policy: Policy, day: date) -> bool:
    if service.administrator_id is None:
        return not policy.external_services.administrator_named
    return is_employed(session, service.administrator_id, day)


def _last_checks(session: Session) -> dict[int, datetime]:
    query = select(ExternalServiceCheck.service_id, func.max(ExternalServiceCheck.checked_at))
    return dict(row for row in session.execute(query.group_by(ExternalServiceCheck.service_id)))
