"""A lost authenticator: stopped by the report itself, found again or replaced, and followed up (FK 5-4(1)①ウ, ②; B6).

Stopping never waits: a report asks for no fresh second factor, for no reason and for no permission but to be the owner,
to manage them, or to stand at the desk. Everything that gives access back does
(`idm.operations.factors.authenticator_desk`).
"""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.factors.authenticator_state import AuthenticatorEvent, AuthenticatorState, after
from idm.models.authenticators import Authenticator, LossReport
from idm.operations.factors import consequences
from idm.operations.factors.authenticator_desk import (
    at_desk,
    locked,
    name_of,
    record,
    require_uninvolved_in,
    tell_owner,
)
from idm.operations.factors.loss_notices import remind_officers, tell_of_loss
from idm.operations.factors.lost_card import Followed
from idm.operations.signing_in import own_factors
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.factors.authenticators import held_things, open_systems, units_of_owner
from idm.queries.factors.losses import possible_outcomes
from idm.queries.organisation.officers import humans, roles_of
from idm.queries.organisation.reach import units_reached
from idm.step_up import require_fresh_factor
from idm.vocabulary import LOSS_OUTCOME_TITLES, LossOutcome
from idm.written_text import written


def report_loss(
    session: Session, authenticator_id: int, *, circumstances: str, actor: Actor, policy: Policy, now: datetime
) -> Followed:
    """Afterwards the authenticator counts nowhere and everything of its owner's where it is in use is held back.

    Of one that the desk had collected nothing rests any more, but its follow-up is open.

    What its owner enrolled for their own sign-in is withdrawn, and their sessions are ended. The worker stops the
    accounts in its next pass; those who answer for it are told. Returns what was stopped. Raises NotFound,
    NotPermitted, IllegalTransition for what is lost already or cannot be, InvalidInput.
    """
    authenticator = locked(session, authenticator_id)
    require_may_report(session, authenticator.person_id, actor=actor, now=now)
    return _lose(session, authenticator, _told(circumstances), actor=actor, policy=policy, now=now)


def lost_at_leaving(
    session: Session, person_id: int, title: str, note: str, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    """Afterwards what somebody who leaves could not give back counts as reported lost; nothing of that name, nothing.

    Whoever settles what is given back needs no other permission to stop it (`idm.operations.rights.leaving`).
    """
    for thing in held_things(session, [person_id]):
        if thing.title == title:
            _lose(session, locked(session, thing.id), note, actor=actor, policy=policy, now=now)


def lost_by_order(
    session: Session, authenticator_id: int, note: str, *, actor: Actor, policy: Policy, now: datetime
) -> Authenticator:
    """Afterwards it counts as reported lost because somebody who may stop anybody stopped it (`idm.operations.stops`).

    Raises NotFound, IllegalTransition for what is lost already or cannot be.
    """
    authenticator = locked(session, authenticator_id)
    _lose(session, authenticator, note, actor=actor, policy=policy, now=now)
    return authenticator


def _lose(
    session: Session, authenticator: Authenticator, circumstances: str, *, actor: Actor, policy: Policy, now: datetime
) -> Followed:
    if authenticator.state is AuthenticatorState.LOST:
        raise IllegalTransition("この認証要素は、すでに紛失として届けられ、止められています。")
    authenticator.state = after(authenticator.state, AuthenticatorEvent.REPORT_LOSS)
    authenticator.ended_at = authenticator.ended_at or now
    # Where one was said to be destroyed, nobody can witness that any more.
    said_destroyed_by, authenticator.destroyed_by_id = authenticator.destroyed_by_id, None
    authenticator.witness_needed = False
    report = _report(session, authenticator, circumstances, actor=actor, now=now)
    systems = open_systems(session, authenticator.id)
    followed = consequences.follow(session, authenticator.person_id, actor=actor, policy=policy, now=now)
    if authenticator.own_sign_in:
        own_factors.withdraw(session, authenticator, actor=actor, policy=policy, now=now)
    record(
        session, "authenticator.lost", authenticator, actor=actor, policy=policy, now=now, report=report.id,
        reported_by=actor.label, circumstances=report.circumstances, systems=[code for _, code, _ in systems],
        stopped=len(followed.stopped), said_destroyed_by=name_of(session, said_destroyed_by),
    )  # fmt: skip
    tell_of_loss(session, authenticator, report, followed.stopped, actor=actor, now=now)
    return followed


def require_may_report(session: Session, owner_id: int, *, actor: Actor, now: datetime) -> None:
    """Afterwards this person may report a loss of the owner's. Raises NotPermitted."""
    if not may_report(session, owner_id, actor=actor, now=now):
        raise NotPermitted("紛失を届け出られるのは、本人、所属の課長、窓口の担当者、情報セキュリティ責任者です。")


def may_report(session: Session, owner_id: int, *, actor: Actor, now: datetime) -> bool:
    """Whether this person is the owner, manages their section, stands at the desk, or is the security officer."""
    person_id, day = actor.person_id, day_of(now)
    if person_id is None:
        return False
    if humans(session, [person_id])[person_id].is_one_of(frozenset({owner_id})):
        return True
    units = units_reached(session, person_id, Action.REPORT_LOSS, day)
    return units is None or not units.isdisjoint(units_of_owner(session, owner_id, day))


def recover(
    session: Session, authenticator_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> Followed:  # fmt: skip
    """Afterwards what was found again, and checked at the desk, counts as before; what rested on its loss is lifted.

    Raises FreshFactorNeeded, NotPermitted, SeparationOfDuties, NotFound, IllegalTransition for what was never in use,
    or has been replaced meanwhile.
    """
    authenticator, officer_id = at_desk(session, authenticator_id, actor=actor, policy=policy, now=now)
    following = after(authenticator.state, AuthenticatorEvent.RECOVER)
    systems = open_systems(session, authenticator.id)
    if authenticator.own_sign_in:
        raise IllegalTransition(
            "サインインのための認証要素は、見つかっても元に戻せません。新しく登録し直してもらってください。"
        )
    if authenticator.activated_at is None or not systems:
        raise IllegalTransition(
            "どの情報システムでも使われていないもの（使用を始める前のもの、取り替えたもの、回収したものなど）は、"
            "元に戻せません。回収してください。"
        )  # fmt: skip
    require_uninvolved_in(session, authenticator.person_id, {system_id for system_id, *_ in systems}, officer_id)
    authenticator.state, authenticator.ended_at = following, None
    followed = consequences.follow(session, authenticator.person_id, actor=actor, policy=policy, now=now)
    record(
        session, "authenticator.recovered", authenticator, actor=actor, policy=policy, now=now,
        checked_by=name_of(session, officer_id), systems=[code for _, code, _ in systems], lifted=len(followed.lifted),
    )  # fmt: skip
    tell_owner(session, authenticator, "発見（使用の再開）", now=now)
    return followed


def close_loss(
    session: Session, report_id: int, *, outcome: LossOutcome, note: str, actor: Actor, policy: Policy, now: datetime
) -> LossReport:
    """Afterwards the follow-up is done; what is still lost stays stopped.

    Raises FreshFactorNeeded, NotPermitted, SeparationOfDuties for owner and reporter, NotFound, IllegalTransition,
    InvalidInput for an outcome that the register does not show.
    """
    person_id = actor.person_id or 0
    require(roles_of(session, person_id, day_of(now)), Action.CLOSE_LOSS)
    require_fresh_factor(actor, policy=policy, now=now)
    report = _locked_report(session, report_id)
    _require_another(session, report, person_id)
    if report.closed_at is not None:
        raise IllegalTransition("この紛失の事後処理は、すでに終わっています。")
    text = written(note, field="note", empty="確かめたことと、とった措置を書いてください。")
    if outcome not in possible_outcomes(session, report.authenticator):
        problem = f"登録簿の状態と合わないため、「{LOSS_OUTCOME_TITLES[outcome]}」では終えられません。"
        raise InvalidInput(problem, fields={"outcome": problem})
    report.closed_at, report.closed_by_id, report.outcome, report.note = now, person_id, outcome, text
    session.flush()
    record(
        session, "authenticator.loss_closed", report.authenticator, actor=actor, policy=policy, now=now,
        report=report.id, outcome=outcome.value, note=text, reported_by=name_of(session, report.reported_by_id),
        closed_by=name_of(session, person_id),
    )  # fmt: skip
    return report


def remind(session: Session, *, policy: Policy, now: datetime) -> int:
    """Afterwards the security officers know of follow-ups that are open too long, each once in so many days."""
    before = now - timedelta(days=policy.factors.follow_up_days)
    due = session.scalars(
        select(LossReport)
        .where(
            LossReport.closed_at.is_(None), LossReport.reported_at <= before,
            or_(LossReport.reminded_at.is_(None), LossReport.reminded_at <= before),
        )
        .options(joinedload(LossReport.authenticator).joinedload(Authenticator.person))
        .order_by(LossReport.id)
    ).all()  # fmt: skip
    for report in due:
        report.reminded_at = now
    remind_officers(session, due, now=now)
    return len(due)


def _told(circumstances: str) -> str:
    return written(circumstances, field="circumstances", empty="") if circumstances.strip() else ""


def _report(
    session: Session, authenticator: Authenticator, circumstances: str, *, actor: Actor, now: datetime
) -> LossReport:
    """The open report; one that is still open because the same thing was lost before is written on."""
    query = select(LossReport).where(LossReport.authenticator_id == authenticator.id, LossReport.closed_at.is_(None))
    report = session.scalars(query).one_or_none()
    if report is not None:
        report.circumstances = f"{report.circumstances}\n〔再び紛失：{actor.label}〕{circumstances}".strip()
        return report
    report = LossReport(
        authenticator_id=authenticator.id, owner_id=authenticator.person_id, reported_by_id=actor.person_id or 0,
        reported_at=now, circumstances=circumstances,
    )  # fmt: skip
    session.add(report)
    session.flush()
    return report


def _locked_report(session: Session, report_id: int) -> LossReport:
    query = select(LossReport).where(LossReport.id == report_id).with_for_update()
    report = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if report is None:
        raise NotFound("紛失の届出が見つかりません。")
    return report


def _require_another(session: Session, report: LossReport, person_id: int) -> None:
    human = humans(session, [person_id])[person_id]
    if human.is_one_of(frozenset({report.owner_id})):
        raise SeparationOfDuties("自分の紛失の事後処理を、自分で終えることはできません。（SOD-2）", code="SOD-2")
    if human.is_one_of(frozenset({report.reported_by_id})):
        raise SeparationOfDuties("紛失を届け出た人は、その事後処理を終えることができません。（SOD-1）", code="SOD-1")
