"""The work report of each use of a privileged ID: written by its user, read by another, asked for when late (D6, D8).

The report of an emergency use is the CISO's to receive (FK 8(2)). Whoever owes an overdue one gets no new use
(`uses.ask`); an emergency is never held up by it.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, NotFound, SeparationOfDuties
from idm.models.privileged import PrivilegedUse
from idm.models.systems import InformationSystem
from idm.operations.information_systems.system_scope import require_for_system
from idm.operations.notification.notices import notify
from idm.operations.privileged.use_notices import moment, named
from idm.operations.privileged.use_steps import locked_use, person_of, record
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.organisation.officers import auditing, contracted, holders, humans
from idm.queries.privileged.uses import HIGHER_AFTER, reports_to_escalate
from idm.vocabulary import Role
from idm.written_text import written


def write(
    session: Session, use_id: int, *, text: str, actor: Actor, policy: Policy, now: datetime
) -> PrivilegedUse:  # fmt: skip
    """Afterwards the user has said what they did; of an emergency use, the CISO has been given it.

    Raises NotFound for another's use, IllegalTransition before its end or twice, InvalidInput.
    """
    person_id, use = person_of(actor), locked_use(session, use_id)
    if use.person_id != person_id:
        raise NotFound("この利用は見つかりません。")
    if use.ended_at is None:
        raise IllegalTransition("作業報告は、利用を終えてから（返却してから）書いてください。")
    if use.reported_at is not None:
        raise IllegalTransition("この利用の作業報告は、すでに提出されています。")
    use.report, use.reported_at = written(text, field="text", empty="行った作業を書いてください。"), now
    session.flush()
    record(session, "privileged_use.reported", use, actor=actor, policy=policy, now=now, report=use.report)
    body = f"特権IDの作業報告が提出されました。確認してください。\n{named(session, use)}"
    _tell(session, use, _readers(session, use, now=now), "【特権ID】作業報告の確認の依頼", body, now=now)
    return use


def check(session: Session, use_id: int, *, actor: Actor, policy: Policy, now: datetime) -> PrivilegedUse:
    """Afterwards another human has read the report: of an emergency use, the CISO or the vice-CISO.

    Raises NotPermitted, SeparationOfDuties, NotFound, IllegalTransition before it is written, or twice.
    """
    person_id, use = person_of(actor), locked_use(session, use_id)
    action = Action.RECEIVE_EMERGENCY_REPORT if use.emergency else Action.CHECK_WORK_REPORT
    require_for_system(session, use.account.system, action, person_id=person_id, day=day_of(now))
    _require_another(session, use, person_id, now=now)
    if use.reported_at is None or use.checked_at is not None:
        raise IllegalTransition("この作業報告は、確認できる状態ではありません（未提出又は確認済み）。")
    use.checked_by_id, use.checked_at = person_id, now
    session.flush()
    record(session, "privileged_use.report_checked", use, actor=actor, policy=policy, now=now, checked_by=person_id)
    return use


def escalate(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards those who answer for it know of each report that is overdue. Returns of how many they were told now.

    User and manager when it is due, and of an emergency use the CISO as well; chief officer and CISO a day later. Where
    nobody but the user is on a level, the next one is told in its place.
    """
    uses = reports_to_escalate(session, now=now)
    return sum([_escalate(session, locked_use(session, one), actor=actor, policy=policy, now=now) for one in uses])


def _escalate(session: Session, use: PrivilegedUse, *, actor: Actor, policy: Policy, now: datetime) -> bool:
    if use.reported_at is not None or use.report_due_at is None:
        return False
    higher = ((Role.CHIEF, Role.CISO), (Role.VICE_CISO, Role.SECURITY))
    told = {use.person_id} | _first_others(session, use, ((Role.SYSTEM,), *higher), now=now)
    if use.emergency:
        told |= _readers(session, use, now=now)
    if now >= use.report_due_at + HIGHER_AFTER:
        told |= _first_others(session, use, higher, now=now)
    use.escalated_at = now
    session.flush()
    record(session, "privileged_use.report_overdue", use, actor=actor, policy=policy, now=now, told=sorted(told))
    body = (
        f"特権IDの作業報告が、期限（{moment(use.report_due_at)}）を過ぎても提出されていません。\n"
        f"{named(session, use)}\n"
        "利用した人は、すぐに作業報告を書いてください。提出されるまで、新しい利用の申出はできません。"
    )
    _tell(session, use, told, "【特権ID】作業報告の期限切れ", body, now=now)
    return True


def _readers(session: Session, use: PrivilegedUse, *, now: datetime) -> set[int]:
    """Who is to read the report, but never the user."""
    levels = ((Role.CISO,), (Role.VICE_CISO,)) if use.emergency else ((Role.SYSTEM, Role.SECURITY),)
    return _first_others(session, use, levels, now=now)


def _first_others(session: Session, use: PrivilegedUse, levels: Iterable[Iterable[Role]], *, now: datetime) -> set[int]:
    """Whoever holds the roles of the first level on which another human than the user is left."""
    day, unit = day_of(now), session.get_one(InformationSystem, use.system_id).manager_unit_code
    user = humans(session, [use.person_id])[use.person_id].rows
    for roles in levels:
        found = {one for role in roles for one in holders(session, role, unit if role is Role.SYSTEM else None, day)}
        if found - user:
            return found - user
    return set()


def _require_another(session: Session, use: PrivilegedUse, person_id: int, *, now: datetime) -> None:
    day, human = day_of(now), humans(session, [person_id])[person_id]
    if human.is_one_of(frozenset({use.person_id})):
        raise SeparationOfDuties("自分の作業報告を自分で確認することはできません。（SOD-2）", code="SOD-2")
    if auditing(session, human.rows, day):
        raise SeparationOfDuties("監査を行う者は、作業報告の確認をすることはできません。（SOD-6）", code="SOD-6")
    if contracted(session, human.rows, day):
        raise SeparationOfDuties("委託事業者は、作業報告の確認をすることはできません。（SOD-7）", code="SOD-7")


def _tell(
    session: Session, use: PrivilegedUse, people: Iterable[int], subject: str, body: str, *, now: datetime
) -> None:  # fmt: skip
    notify(session, people, subject=subject, body=body, link=f"/privileged-uses/{use.id}", now=now,
           urgent=True)  # fmt: skip
