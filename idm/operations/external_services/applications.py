"""An external service is applied for, decided on and entered in the register (FK 11-2(4), MT 9(2)ウ; control I2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotPermitted
from idm.models.external_services import ExternalService
from idm.models.systems import InformationSystem
from idm.operations.external_services.authority import locked, named, require_may_answer, require_may_ask
from idm.operations.external_services.service_notices import record, tell
from idm.policy import Policy
from idm.queries.organisation.officers import contracted, holders, humans
from idm.queries.privileged.eligibility import is_employed
from idm.registers.external_service_state import ServiceEvent, after, require_answered
from idm.vocabulary import ExternalServiceState
from idm.written_text import written


@dataclass(frozen=True)
class WantedService:
    """What is applied for. `contract_until`: the first day on which the contract no longer holds; None = it has no
    end. `replaces_id`: the entry that this application changes."""

    name: str
    provider: str
    purpose: str
    users: str
    information: str
    confidential: bool
    place: str
    answers: Mapping[str, str] = field(default_factory=dict)
    contract_until: date | None = None
    system_id: int | None = None
    replaces_id: int | None = None


TEXTS: Mapping[str, str] = {
    "name": "外部サービスの名称を書いてください。", "provider": "提供者を書いてください。",
    "purpose": "利用の目的（業務）を書いてください。", "users": "利用する人の範囲を書いてください。",
    "information": "取り扱う情報を書いてください。", "place": "データの保存される国・地域と準拠法を書いてください。",
}  # fmt: skip
"""Field → what is said where nothing is written."""


def ask(
    session: Session, wanted: WantedService, *, actor: Actor, policy: Policy, now: datetime
) -> ExternalService:  # fmt: skip
    """Afterwards the application waits for whoever decides, who have been told; nothing may be used yet.

    Raises InvalidInput, NotPermitted, SeparationOfDuties, IllegalTransition for a change of what is not in use.
    """
    person_id, day = named(actor), day_of(now)
    require_may_ask(session, person_id, policy=policy, day=day)
    rules = policy.external_services
    texts = {name: written(getattr(wanted, name), field=name, empty=empty) for name, empty in TEXTS.items()}
    require_answered(rules.questions, wanted.answers)
    answers = {code: written(wanted.answers[code], field=f"check_{code}", empty="") for code in rules.questions}
    if wanted.contract_until is not None and wanted.contract_until <= day:
        said = "契約の終わる日は、今日以後にしてください。"
        raise InvalidInput(said, fields={"contract_until": said})
    _require_system(session, wanted)
    _require_replaceable(session, wanted)
    service = ExternalService(
        state=ExternalServiceState.ASKED, confidential=wanted.confidential, answers=answers,
        contract_until=wanted.contract_until, system_id=wanted.system_id, replaces_id=wanted.replaces_id,
        asked_by_id=person_id, asked_at=now, **texts,
    )  # fmt: skip
    session.add(service)
    session.flush()
    record(session, "external_service.asked", service, actor=actor, policy=policy, now=now)
    deciding = {one for role in rules.decided_by for one in holders(session, role, None, day)}
    tell(session, deciding - humans(session, [person_id])[person_id].rows, service, "利用の申請",
         f"{actor.label} さんが外部サービスの利用を申請しました。利用の可否を決めてください。", now=now)  # fmt: skip
    return service


def answer(
    session: Session, service_id: int, *, permit: bool, note: str, administrator_id: int | None = None, actor: Actor,
    policy: Policy, now: datetime,
) -> ExternalService:  # fmt: skip
    """Afterwards the service may be used, under the administrator who was named with it, or it may not.

    What it changes is replaced in the same moment. Raises NotFound, NotPermitted, SeparationOfDuties, InvalidInput,
    IllegalTransition.
    """
    person_id, day = named(actor), day_of(now)
    service = locked(session, service_id)
    require_may_answer(session, service, person_id, policy=policy, day=day)
    following = after(service.state, ServiceEvent.APPROVE if permit else ServiceEvent.REFUSE)
    said = written(note, field="answer_note", empty="理由（承認するときは、条件があればその条件も）を書いてください。")
    if permit:
        _replace(session, service, actor=actor, policy=policy, now=now)
        service.administrator_id = _administrator(session, administrator_id, policy, day)
    service.state, service.answered_by_id, service.answered_at, service.answer_note = following, person_id, now, said
    session.flush()
    record(session, f"external_service.{'approved' if permit else 'refused'}", service, actor=actor, policy=policy,
           now=now, note=said)  # fmt: skip
    verdict = "承認" if permit else "不承認と"
    told = f"利用を{verdict}しました。\n・理由・条件: {said}"
    tell(session, {service.asked_by_id}, service, "申請の結果", told, now=now, asks=False)
    if permit and service.administrator_id is not None:
        _tell_administrator(session, service, now=now)
    return service


def withdraw(session: Session, service_id: int, *, actor: Actor, policy: Policy, now: datetime) -> ExternalService:
    """Afterwards whoever asked has taken the application back. Raises NotFound, NotPermitted, IllegalTransition."""
    service = locked(session, service_id)
    if not humans(session, [named(actor)])[named(actor)].is_one_of(frozenset({service.asked_by_id})):
        raise NotPermitted("申請を取り下げられるのは、申請した人だけです。")
    service.state = after(service.state, ServiceEvent.WITHDRAW)
    session.flush()
    record(session, "external_service.withdrawn", service, actor=actor, policy=policy, now=now)
    return service


def name_administrator(
    session: Session, service_id: int, person_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> ExternalService:
    """Afterwards somebody else is the service's administrator; whoever decides on services names them (FK 11-2(4)③).

    Raises NotFound, NotPermitted, SeparationOfDuties, InvalidInput, IllegalTransition where it is not in use.
    """
    service, day = locked(session, service_id), day_of(now)
    require_may_answer(session, service, named(actor), policy=policy, day=day)
    if service.state is not ExternalServiceState.APPROVED:
        raise IllegalTransition("利用中の外部サービスだけ、管理者を替えられます。")
    before = service.administrator_id
    service.administrator_id = _administrator(session, person_id, policy, day)
    session.flush()
    record(session, "external_service.administrator_named", service, actor=actor, policy=policy, now=now, before=before)
    _tell_administrator(session, service, now=now)
    return service


def _tell_administrator(session: Session, service: ExternalService, *, now: datetime) -> None:
    body = "あなたが外部サービス管理者に指名されました。定期確認と、終了のときの手続をお願いします。"
    tell(session, {service.administrator_id or 0}, service, "外部サービス管理者の指名", body, now=now)


def _administrator(session: Session, person_id: int | None, policy: Policy, day: date) -> int | None:
    """Raises InvalidInput where the profile asks for one and there is none, or they cannot answer for a service."""
    if person_id is None and policy.external_services.administrator_named:
        said = "外部サービス管理者を指名してください。"
    elif person_id is None or (
        is_employed(session, person_id, day)
        and not contracted(session, humans(session, [person_id])[person_id].rows, day)
    ):
        return person_id
    else:
        said = "外部サービス管理者には、在籍している職員（委託事業者を除く）を指名してください。"
    raise InvalidInput(said, fields={"administrator": said})


def _require_system(session: Session, wanted: WantedService) -> None:
    if wanted.system_id is None:
        return
    system = session.get(InformationSystem, wanted.system_id)
    if system is None or not system.external_service:
        said = "外部サービスとして登録された情報システム（設定の external_service）を選んでください。"
        raise InvalidInput(said, fields={"system": said})
    in_use = (ExternalServiceState.APPROVED, ExternalServiceState.ENDING)
    taken = session.scalars(
        select(ExternalService.id).where(
            ExternalService.system_id == wanted.system_id, ExternalService.state.in_(in_use)
        )
    ).all()
    if any(one != wanted.replaces_id for one in taken):
        said = "この情報システムの外部サービスは、すでに台帳にあります。その変更として申請してください。"
        raise InvalidInput(said, fields={"system": said})


def _require_replaceable(session: Session, wanted: WantedService) -> None:
    if wanted.replaces_id is None:
        return
    before = locked(session, wanted.replaces_id)
    after(before.state, ServiceEvent.REPLACE)
    waiting = select(ExternalService.id).where(
        ExternalService.replaces_id == before.id, ExternalService.state == ExternalServiceState.ASKED
    )
    if session.scalar(waiting) is not None:
        raise IllegalTransition("この外部サービスの変更は、すでに申請されています。")


def _replace(session: Session, service: ExternalService, *, actor: Actor, policy: Policy, now: datetime) -> None:
    if service.replaces_id is None:
        return
    before = locked(session, service.replaces_id)
    before.state = after(before.state, ServiceEvent.REPLACE)
    session.flush()
    record(session, "external_service.replaced", before, actor=actor, policy=policy, now=now, by=service.id)
