"""Violations: reported, guided, and only where guidance did not help decided on by the proper officer (FK 10; H4, J5).

The section manager is told at once of what is reported about their people, guides them, and says whether that helped;
nobody else does, unless there is no manager but the person themselves. A stop for a violation is decided by the offices
that the profile names, and by another human than recorded that guidance failed; CISO and manager are told at once.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.people import Person
from idm.models.stops import StopOrder, ViolationReport
from idm.operations.notification.notices import notify
from idm.operations.stops.deciding import require_free
from idm.operations.stops.orders import carry_out_on_person
from idm.operations.stops.stop_notices import people_told, section_managers
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.factors.authenticators import units_of_owner
from idm.queries.organisation.officers import humans, roles_of
from idm.queries.organisation.reach import units_reached
from idm.step_up import require_fresh_factor
from idm.vocabulary import StopCause, StopKind
from idm.written_text import written

LONGEST_CLAUSE = 100


def report(
    session: Session, person_id: int, *, what: str, clause: str, actor: Actor, policy: Policy, now: datetime
) -> ViolationReport:
    """Afterwards it is on record, and the person's section manager and those the profile names know (FK 10(1), J5).

    Raises NotPermitted, SeparationOfDuties for oneself, NotFound, InvalidInput.
    """
    if session.get(Person, person_id) is None:
        raise NotFound("この人は見つかりません。")
    reporter = _allowed(session, person_id, actor=actor, now=now)
    found = ViolationReport(
        person_id=person_id, what=written(what, field="what", empty="何があったかを書いてください。"),
        clause=_clause(clause), reported_by_id=reporter, reported_at=now,
    )  # fmt: skip
    session.add(found)
    session.flush()
    _record(session, "violation.reported", found, found.what, actor=actor, policy=policy, now=now)
    told = section_managers(session, person_id, now=now) | people_told(
        session, person_id, policy.stops.violation_told, now=now
    )
    body = (
        f"{found.person.name} さんについて、{actor.label} さんが違反を報告しました。\n\n{found.what}\n\n"
        "所属の課長は、本人に指導し、その結果を記録してください。"
    )
    notify(session, told - {reporter}, subject="違反の報告がありました", body=body,
           link=f"/violations/{found.id}", now=now, urgent=True)  # fmt: skip
    return found


def guide(
    session: Session, violation_id: int, *, guidance: str, actor: Actor, policy: Policy, now: datetime
) -> ViolationReport:
    """Afterwards it says which guidance the person's section manager gave them, and when (FK 10(2)).

    Raises as `report` does, NotPermitted for whoever does not manage their section, and IllegalTransition.
    """
    found, person_id = _guiding(session, violation_id, actor=actor, now=now)
    if found.guided_at is not None:
        raise IllegalTransition("指導は、すでに記録されています。")
    found.guidance = written(guidance, field="guidance", empty="指導した内容を書いてください。")
    found.guided_by_id, found.guided_at = person_id, now
    session.flush()
    _record(session, "violation.guided", found, found.guidance, actor=actor, policy=policy, now=now)
    return found


def guidance_failed(
    session: Session, violation_id: int, *, note: str, actor: Actor, policy: Policy, now: datetime
) -> ViolationReport:
    """Afterwards the officers whom the profile names may decide to stop the person, and know it (FK 10(3)).

    Raises as `guide` does; without guidance IllegalTransition.
    """
    found, person_id = _guiding(session, violation_id, actor=actor, now=now)
    if found.guided_at is None or found.guidance_failed_at is not None:
        raise IllegalTransition("指導を記録した後に、一度だけ記録できます。")
    text = written(note, field="note", empty="改善されなかったことを、具体的に書いてください。")
    found.guidance_failed_by_id, found.guidance_failed_at, found.guidance_failure = person_id, now, text
    session.flush()
    _record(session, "violation.guidance_failed", found, text, actor=actor, policy=policy, now=now)
    deciders = people_told(session, found.person_id, policy.stops.violation_decided_by, now=now)
    body = (
        f"{found.person.name} さんの違反について、指導しても改善されませんでした。\n\n{text}\n\n"
        "利用を止めるかどうかを決めてください。"
    )
    notify(session, deciders, subject="違反への対応の決定をお願いします", body=body,
           link=f"/violations/{found.id}", now=now, urgent=True)  # fmt: skip
    return found


def close(
    session: Session, violation_id: int, *, note: str, actor: Actor, policy: Policy, now: datetime
) -> ViolationReport:
    """Afterwards nothing more comes of it; a stop that was ordered for it goes on. Raises as `guide` does."""
    found, _ = _open(session, violation_id, actor=actor, now=now)
    found.closing_note = written(note, field="closing_note", empty="終わりにする理由を書いてください。")
    found.closed_at = now
    session.flush()
    _record(session, "violation.closed", found, found.closing_note, actor=actor, policy=policy, now=now)
    return found


def stop_for(
    session: Session, violation_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> StopOrder:
    """Afterwards the person's rights are suspended everywhere, by decision of an office that the profile names (H4).

    Raises FreshFactorNeeded, NotPermitted, SeparationOfDuties for oneself and whoever recorded that guidance failed,
    NotFound, InvalidInput, IllegalTransition before it has failed, or where it is ordered already.
    """
    if actor.person_id is None:
        raise NotPermitted("違反による停止を決められるのは、名前のある人だけです。")
    require_free(session, actor.person_id)
    roles = roles_of(session, actor.person_id, day_of(now))
    require(roles, Action.STOP_FOR_VIOLATION)
    if roles.isdisjoint(policy.stops.violation_decided_by):
        raise NotPermitted("違反による停止を決められるのは、プロファイルが定める職だけです。")
    require_fresh_factor(actor, policy=policy, now=now)
    found = _locked(session, violation_id)
    _require_not_oneself(session, found.person_id, actor.person_id)
    if found.closed_at is not None or found.guidance_failed_at is None:
        raise IllegalTransition("指導しても改善されなかったことを課長が記録した後でなければ、違反では止められません。")
    ordered = select(StopOrder.id).where(StopOrder.violation_id == found.id, StopOrder.lifted_at.is_(None))
    if session.scalars(ordered.limit(1)).first() is not None:
        raise IllegalTransition("この違反による停止命令は、すでに出ています。")
    if humans(session, [actor.person_id])[actor.person_id].is_one_of(frozenset({found.guidance_failed_by_id or 0})):
        raise SeparationOfDuties(
            "改善されなかったことを記録した人は、停止を自分で決められません。別の人が決めてください。（SOD-4）",
            code="SOD-4",
        )
    order = StopOrder(
        kind=StopKind.PERSON, cause=StopCause.VIOLATION, person_id=found.person_id, violation_id=found.id,
        reason=written(reason, field="reason", empty="止める理由を書いてください。"), ordered_by_id=actor.person_id,
        ordered_at=now,
    )  # fmt: skip
    return carry_out_on_person(session, order, actor=actor, policy=policy, now=now)


def may_handle(session: Session, person_id: int, *, actor: Actor, now: datetime) -> bool:
    """Whether this person may report and handle violations of that person's."""
    try:
        _allowed(session, person_id, actor=actor, now=now)
    except (NotPermitted, SeparationOfDuties):
        return False
    return True


def may_guide(session: Session, person_id: int, *, actor: Actor, now: datetime) -> bool:
    """Whether this person may say how that person was guided, and whether it helped."""
    return may_handle(session, person_id, actor=actor, now=now) and _guides(session, person_id, actor=actor, now=now)


def _guides(session: Session, person_id: int, *, actor: Actor, now: datetime) -> bool:
    """Whether it is their section manager; of whoever has no other manager than themselves, anybody who handles it."""
    managers = section_managers(session, person_id, now=now)
    me = actor.person_id or 0
    return not managers or humans(session, [me])[me].is_one_of(managers)


def _guiding(session: Session, violation_id: int, *, actor: Actor, now: datetime) -> tuple[ViolationReport, int]:
    found, person_id = _open(session, violation_id, actor=actor, now=now)
    if not _guides(session, found.person_id, actor=actor, now=now):
        raise NotPermitted("指導とその結果を記録するのは、所属の課長です。")
    return found, person_id


def _allowed(session: Session, person_id: int, *, actor: Actor, now: datetime) -> int:
    """Who handles violations of that person's. Raises NotPermitted, SeparationOfDuties."""
    if actor.person_id is None:
        raise NotPermitted("違反を報告できるのは、名前のある人だけです。")
    require_free(session, actor.person_id)
    require(roles_of(session, actor.person_id, day_of(now)), Action.REPORT_VIOLATION)
    _require_not_oneself(session, person_id, actor.person_id)
    units = units_reached(session, actor.person_id, Action.REPORT_VIOLATION, day_of(now))
    if units is not None and units.isdisjoint(units_of_owner(session, person_id, day_of(now))):
        raise NotPermitted("違反を報告できるのは、所属の課長、情報セキュリティ責任者、統括情報セキュリティ責任者です。")
    return actor.person_id


def _require_not_oneself(session: Session, person_id: int, actor_id: int) -> None:
    if humans(session, [actor_id])[actor_id].is_one_of(frozenset({person_id})):
        raise SeparationOfDuties(
            "自分の違反について、自分で記録し、又は決めることはできません。（SOD-2）", code="SOD-2"
        )


def _locked(session: Session, violation_id: int) -> ViolationReport:
    query = select(ViolationReport).where(ViolationReport.id == violation_id).with_for_update()
    found = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("この違反の報告は見つかりません。")
    return found


def _open(session: Session, violation_id: int, *, actor: Actor, now: datetime) -> tuple[ViolationReport, int]:
    found = _locked(session, violation_id)
    person_id = _allowed(session, found.person_id, actor=actor, now=now)
    if found.closed_at is not None:
        raise IllegalTransition("この違反の報告は、すでに終わっています。")
    return found, person_id


def _clause(clause: str) -> str | None:
    if not clause.strip():
        return None
    if len(clause) > LONGEST_CLAUSE:
        problem = f"規程の条項は{LONGEST_CLAUSE}文字までにしてください。"
        raise InvalidInput(problem, fields={"clause": problem})
    return written(clause, field="clause", empty="")


def _record(
    session: Session, action: str, found: ViolationReport, text: str, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("violation", str(found.id)), now=now, policy_digest=policy.digest,
        payload={"person": found.person_id, "clause": found.clause, "note": text},
    )  # fmt: skip
