"""The register of exceptions (例外措置; FK 8, MT 8-4; control H1 to H3): asked, answered by the CISO, ended, checked.

An emergency is acted upon first: it is written down with the moment of the act, and reported to the CISO within the
profile's hours; only then is it answered. It covers nothing of what the sweep finds before that answer.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.exceptions import ExceptionCheck, RegisteredException
from idm.models.people import Person
from idm.models.systems import Account, InformationSystem
from idm.operations.exceptions.authority import answering_for, require_may_ask, require_may_end
from idm.operations.exceptions.exception_notices import record, tell, tell_ciso, tell_subjects
from idm.oversight.exception_state import (
    ExceptionEvent,
    after,
    may_renew,
    report_levels,
    require_coverable,
    require_period,
)
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.approval.bench import Bench
from idm.queries.exceptions.answering import answering, subjects_of
from idm.queries.organisation.officers import contracted, holders, humans, roles_of
from idm.queries.organisation.units import unit_on
from idm.routing import RUNG_TITLES, Seated
from idm.step_up import require_fresh_factor
from idm.vocabulary import ExceptionScope, ExceptionState, FindingKind
from idm.written_text import written


@dataclass(frozen=True)
class WantedException:
    """What is asked for. `valid_until`: the first day on which it no longer holds. `acted_at`: an emergency, acted upon
    at that moment; with `report` it is reported at once."""

    clause: str
    scope: ExceptionScope
    what: str
    reason: str
    compensating_control: str
    valid_from: date
    valid_until: date
    finding_kind: FindingKind | None = None
    system_id: int | None = None
    account_id: int | None = None
    person_id: int | None = None
    unit_code: str | None = None
    renews_id: int | None = None
    acted_at: datetime | None = None
    report: str = ""


def ask(
    session: Session, wanted: WantedException, *, actor: Actor, policy: Policy, now: datetime
) -> RegisteredException:
    """Afterwards the exception waits for the CISO, who has been told (FK 8(1)); nothing is covered by it yet.

    No contractor asks: nobody who works under a contract holds an office (SOD-7). Raises InvalidInput, NotPermitted,
    IllegalTransition for a renewal that is too early or asked for already.
    """
    person_id, day = _person(actor), day_of(now)
    require_coverable(wanted.finding_kind)
    _require_target(session, wanted, day)
    require_period(
        wanted.valid_from, wanted.valid_until, day, emergency=wanted.acted_at is not None, rules=policy.exceptions
    )
    _require_acted(wanted, now)
    exception = _row(wanted, person_id, now)
    require_may_ask(session, exception, person_id, policy=policy, day=day)
    _require_renewable(session, wanted, policy, day)
    session.add(exception)
    session.flush()
    record(session, "registered_exception.asked", exception, actor=actor, policy=policy, now=now)
    if exception.acted_at is None:
        tell_ciso(session, exception, "許可の申請", f"{actor.label} さんが例外措置の許可を求めています。", now=now)
        return exception
    tell_ciso(session, exception, "緊急の措置", f"{actor.label} さんが緊急の措置をとりました。", now=now)
    if wanted.report.strip():
        report(session, exception.id, text=wanted.report, actor=actor, policy=policy, now=now)
    return exception


def report(
    session: Session, exception_id: int, *, text: str, actor: Actor, policy: Policy, now: datetime
) -> RegisteredException:
    """Afterwards the CISO has the report of the emergency and can answer it (FK 8(2)).

    For those who may ask for it. Raises NotFound, NotPermitted, InvalidInput, IllegalTransition where there is nothing
    to report any more.
    """
    person_id = _person(actor)
    exception = _locked(session, exception_id)
    require_may_ask(session, exception, person_id, policy=policy, day=day_of(now))
    if exception.acted_at is None or exception.reported_at is not None or exception.state is not ExceptionState.ASKED:
        raise IllegalTransition("報告を待っている緊急の措置ではありません。")
    exception.report = written(text, field="report", empty="とった措置と、そのときの状況を書いてください。")
    exception.reported_at = now
    _tell_levels(session, exception, policy=policy, now=now)
    exception.escalated_level, exception.escalated_at = 0, None
    session.flush()
    record(session, "registered_exception.reported", exception, actor=actor, policy=policy, now=now)
    tell_ciso(session, exception, "緊急の措置の報告", f"{actor.label} さんが報告しました。", now=now)
    return exception


def _tell_levels(session: Session, exception: RegisteredException, *, policy: Policy, now: datetime) -> None:
    """Afterwards every level that has to know of a late report by now does: also where the act is written down only
    with its report, long after (FK 8(2))."""
    levels = report_levels(exception.acted_at or now, now, policy.exceptions)
    told: set[int] = set()
    for role in policy.exceptions.emergency_escalate_to[exception.escalated_level : levels]:
        told.update(holders(session, role, None, day_of(now)))
    hours = policy.exceptions.emergency_report_hours
    said = f"緊急の措置が、とってから{hours}時間を過ぎて報告されました。"
    tell(session, told, exception, "報告の遅れた緊急の措置", said, now=now)


def answer(
    session: Session, exception_id: int, *, permit: bool, note: str, actor: Actor, policy: Policy, now: datetime
) -> RegisteredException:
    """Afterwards the CISO has permitted or refused it, and whoever asked knows; permitted, it covers from now on.

    Where the CISO asked for it, or it is about them, whoever stands in for them on the ladder does (`answering`).
    Raises NotFound, NotPermitted for anyone else, SeparationOfDuties for the CISO in that case, IllegalTransition where
    it was answered, is over, or its report is missing, InvalidInput, FreshFactorNeeded.
    """
    person_id, day = _person(actor), day_of(now)
    exception = _locked(session, exception_id)
    seat = _seat(session, exception, person_id, day)
    following = after(exception.state, ExceptionEvent.PERMIT if permit else ExceptionEvent.REFUSE)
    if exception.acted_at is not None and exception.reported_at is None:
        raise IllegalTransition("緊急の措置の報告を受けてから、答えてください。")
    if permit and exception.valid_until <= day:
        raise IllegalTransition("期間が過ぎているため許可できません。必要なら申請し直してもらってください。")
    said = written(note, field="answer_note", empty="許可・不許可の理由を書いてください。")
    require_fresh_factor(actor, policy=policy, now=now)
    exception.state, exception.answer_note = following, said
    exception.answered_by_id, exception.answered_at = person_id, now
    exception.escalated_level, exception.escalated_at = 0, None
    session.flush()
    action = "registered_exception.permitted" if permit else "registered_exception.refused"
    record(
        session, action, exception, actor=actor, policy=policy, now=now, note=said, rung=seat.rung.value,
        acting_for=seat.acting_for,
    )  # fmt: skip
    title = "許可されました" if permit else "許可されませんでした"
    tell(
        session, {exception.asked_by_id}, exception, title, f"{RUNG_TITLES[seat.rung] or 'CISO'}の答え: {said}", now=now
    )
    return exception


def _seat(session: Session, exception: RegisteredException, person_id: int, day: date) -> Seated:
    """How this person comes to answer it. Raises NotPermitted, SeparationOfDuties."""
    seat = answering(session, exception, Bench.on(session, day)).get(person_id)
    if seat is not None:
        return seat
    require(roles_of(session, person_id, day), Action.PERMIT_EXCEPTION)
    raise SeparationOfDuties(
        "自分が関わる例外措置に自分で答えることはできません。副CISOが答えます。（SOD-1）", code="SOD-1"
    )


def end(
    session: Session, exception_id: int, *, note: str, actor: Actor, policy: Policy, now: datetime
) -> RegisteredException:
    """Afterwards it covers nothing any more: taken back, not needed any longer, or said of one that has expired.

    For whoever asked, those who answer for what it is about, and the CISO; taking away asks for no second factor.
    Raises NotFound, NotPermitted, IllegalTransition, InvalidInput.
    """
    person_id, day = _person(actor), day_of(now)
    exception = _locked(session, exception_id)
    if person_id != exception.asked_by_id or exception.state is not ExceptionState.ASKED:
        require_may_end(session, exception, person_id, day=day)
    if contracted(session, humans(session, [person_id])[person_id].rows, day):
        raise SeparationOfDuties("委託事業者は、例外措置を終えられません。（SOD-7）", code="SOD-7")
    following = after(exception.state, ExceptionEvent.END)
    if exception.acted_at is not None and exception.reported_at is None:
        raise IllegalTransition("緊急の措置は、CISOに報告するまで終えられません。先に、とった措置を報告してください。")
    said = written(note, field="end_note", empty="終える理由を書いてください。")
    held, exception.state, exception.end_note = exception.state is ExceptionState.PERMITTED, following, said
    exception.ended_at, exception.ended_by_id = now, person_id
    session.flush()
    record(session, "registered_exception.ended", exception, actor=actor, policy=policy, now=now, note=said)
    tell(
        session, {exception.asked_by_id} - {person_id}, exception, "終わりました",
        f"{actor.label} さんが終えました。理由: {said}", now=now,
    )  # fmt: skip
    if held:
        tell_subjects(session, exception, "終わりました", "今日から効力がありません。", now=now)
    return exception


def check(
    session: Session, exception_id: int, *, still_needed: bool, comment: str, actor: Actor, policy: Policy,
    now: datetime,
) -> ExceptionCheck:  # fmt: skip
    """Afterwards somebody has put their name to having looked whether it is needed and its control holds (FK 8(3)).

    Not needed any longer, those who answer for it are told to end it, whom it is about that it will be, and what
    nobody ends is followed up (`unneeded`). Raises NotFound, NotPermitted, SeparationOfDuties where
    they asked for it or it is about them, IllegalTransition where it does not hold, InvalidInput for no reason given.
    """
    person_id = _person(actor)
    require(roles_of(session, person_id, day_of(now)), Action.CHECK_EXCEPTIONS)
    exception = _locked(session, exception_id)
    involved = frozenset({exception.asked_by_id}) | subjects_of(session, exception)
    if humans(session, [person_id])[person_id].is_one_of(involved):
        raise SeparationOfDuties("自分が関わる例外措置を自分で確認することはできません。（SOD-1）", code="SOD-1")
    if exception.state is not ExceptionState.PERMITTED:
        raise IllegalTransition("定期確認は、許可されている例外措置について行います。")
    said = written(comment, field="comment", empty="代替措置をどのように確かめたかを書いてください。")
    done = ExceptionCheck(
        exception_id=exception.id, checked_by_id=person_id, checked_at=now, still_needed=still_needed, comment=said
    )
    session.add(done)
    exception.escalated_level = 0
    session.flush()
    record(
        session, "registered_exception.checked", exception, actor=actor, policy=policy, now=now,
        still_needed=still_needed, comment=said,
    )  # fmt: skip
    if not still_needed:
        tell(
            session, answering_for(session, exception, policy=policy, day=day_of(now)), exception,
            "必要がなくなったようです",
            f"{actor.label} さんの定期確認: {said}\n必要がなければ、終えてください。", now=now,
        )  # fmt: skip
        tell_subjects(session, exception, "終わる予定です", "定期確認で必要がないとされました。", now=now)
    return done


def _row(wanted: WantedException, person_id: int, now: datetime) -> RegisteredException:
    return RegisteredException(
        state=ExceptionState.ASKED,
        clause=written(wanted.clause, field="clause", empty="対策基準のどの条項の例外かを書いてください。"),
        finding_kind=wanted.finding_kind, scope=wanted.scope, system_id=wanted.system_id, account_id=wanted.account_id,
        person_id=wanted.person_id, unit_code=wanted.unit_code,
        what=written(wanted.what, field="what", empty="何についての例外かを書いてください。"),
        reason=written(wanted.reason, field="reason", empty="例外が必要な理由を書いてください。"),
        compensating_control=written(
            wanted.compensating_control, field="compensating_control", empty="代わりにとる措置を書いてください。"
        ),
        valid_from=wanted.valid_from, valid_until=wanted.valid_until, asked_by_id=person_id, asked_at=now,
        acted_at=wanted.acted_at, renews_id=wanted.renews_id,
    )  # fmt: skip


def _require_target(session: Session, wanted: WantedException, day: date) -> None:
    """Afterwards exactly what the scope names is named, and exists. Raises InvalidInput."""
    named = {
        ExceptionScope.ACCOUNT: ("account", wanted.account_id, Account),
        ExceptionScope.PERSON: ("person", wanted.person_id, Person),
        ExceptionScope.SYSTEM: ("system", wanted.system_id, InformationSystem),
    }
    for scope, (field, key, _) in named.items():
        if scope is not wanted.scope and key is not None and not (field == "system" and _beside(wanted.scope)):
            _refuse(field, "対象の範囲に合わない指定です。")
    if wanted.scope in named:
        field, key, table = named[wanted.scope]
        if key is None or session.get(table, key) is None:
            _refuse(field, "対象を選んでください。")
    if wanted.system_id is not None and session.get(InformationSystem, wanted.system_id) is None:
        _refuse("system", "情報システムを選び直してください。")
    of_unit = wanted.scope is ExceptionScope.UNIT
    if of_unit != (wanted.unit_code is not None) or (of_unit and unit_on(session, wanted.unit_code or "", day) is None):
        _refuse("unit", "所属を選んでください。")


def _beside(scope: ExceptionScope) -> bool:
    """Whether a system may be named beside it: then it is covered only there."""
    return scope in (ExceptionScope.PERSON, ExceptionScope.UNIT)


def _refuse(field: str, problem: str) -> None:
    raise InvalidInput(problem, fields={field: problem})


def _require_acted(wanted: WantedException, now: datetime) -> None:
    if wanted.acted_at is not None and wanted.acted_at > now:
        _refuse("acted_at", "措置をとった日時は、今より前にしてください。")
    if wanted.acted_at is not None and wanted.valid_from < day_of(wanted.acted_at):
        _refuse("first_day", "期間の始まりは、措置をとった日以後にしてください。")


def _require_renewable(session: Session, wanted: WantedException, policy: Policy, day: date) -> None:
    if wanted.renews_id is None:
        return
    before = _locked(session, wanted.renews_id)
    if not may_renew(before.state, before.valid_until, day, policy.exceptions):
        raise IllegalTransition(
            f"更新を申請できるのは、期限の{policy.exceptions.remind_before_days}日前からです（終えたものは更新できません）。"
        )
    same = ("finding_kind", "scope", "system_id", "account_id", "person_id", "unit_code")
    if any(getattr(before, name) != getattr(wanted, name) for name in same):
        _refuse("scope", "更新では、対象を変えられません。対象が違うときは、新しく申請してください。")
    going_on = (ExceptionState.ASKED, ExceptionState.PERMITTED)
    query = select(RegisteredException.id).where(
        RegisteredException.renews_id == before.id, RegisteredException.state.in_(going_on)
    )
    if session.scalar(query) is not None:
        raise IllegalTransition("この例外措置の更新は、すでに申請されています。")


def _locked(session: Session, exception_id: int) -> RegisteredException:
    found = session.get(RegisteredException, exception_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("例外措置が見つかりません。")
    return found


def _person(actor: Actor) -> int:
    if actor.person_id is None:
        raise NotPermitted("例外措置を扱えるのは、名前のある人だけです。")
    return actor.person_id
