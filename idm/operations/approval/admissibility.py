"""Whether an application may be submitted at all: who applies for whom, and what a line may ask for."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy.orm import Session

from idm.employment_kind import EMPLOYMENT_KIND_TITLES, EmploymentKind
from idm.errors import InvalidInput, NotPermitted, SeparationOfDuties, ZoneNotOpen
from idm.external_access import AskedFor, mistake_in
from idm.models.people import Assignment, Employment
from idm.models.periods import holding_on
from idm.models.requests import Request, RequestLine
from idm.operations.information_systems.system_scope import require_for_system
from idm.operations.rights.accounts import unsettled
from idm.permissions import Action, everywhere, require
from idm.personnel.outside_rules import requires_consent
from idm.policy import Policy
from idm.queries.approval.admission import Admission
from idm.queries.organisation.officers import contracted, humans, roles_of
from idm.queries.organisation.reach import managed_units
from idm.queries.organisation.units import units_of_posts
from idm.vocabulary import (
    ACTION_TITLES,
    EFFECT_TITLES,
    SERVICE_TITLES,
    EntitlementKind,
    LineEffect,
    RequestAction,
    Zone,
)
from idm.wareki import format_wareki


def require_may_apply(session: Session, request: Request, *, applicant_id: int, policy: Policy, day: date) -> None:
    """Afterwards this applicant may apply for every subject of it. Raises NotPermitted, SeparationOfDuties."""
    require_no_contractor(session, request.lines, applicant_id, day)
    rules, roles = policy.applications, roles_of(session, applicant_id, day)
    if request.feed_run_id is not None:
        require(roles, Action.SUBMIT_DRAFT)
    if request.adopts:
        require_for_system(session, request.system, Action.SETTLE_FOUND, person_id=applicant_id, day=day)
        return
    if rules.hr_for_all and everywhere(roles, Action.APPLY_FOR_ANYONE):
        return
    others = {line.subject_id for line in request.lines if not _is_own(line, applicant_id, own=rules.own)}
    if not others:
        return
    units: frozenset[str] | None = frozenset()
    if rules.section_for_own_unit:
        units = managed_units(session, applicant_id, Action.APPLY_FOR_OWN_UNIT, day)
    if units is not None and not all(units & _units_and_parents(session, subject, day) for subject in others):
        raise NotPermitted("この人のために申請することはできません。本人、所属の課長又は人事担当者が申請してください。")


def _is_own(line: RequestLine, applicant_id: int, *, own: bool) -> bool:
    """Whether a line is for the applicant, who may ask for that; to give back what they have everybody may (A8)."""
    return line.subject_id == applicant_id and (own or line.effect is LineEffect.REVOKE)


def require_no_contractor(session: Session, lines: Iterable[RequestLine], applicant_id: int, day: date) -> None:
    """A contractor asks for no privileged right, not even for themself: staff answer for it (FK 6-2(3)④, D3).

    Asked at the decision as well: the right may have become privileged since. Raises SeparationOfDuties.
    """
    if not any(line.effect is LineEffect.GRANT and line.entitlement.privileged for line in lines):
        return
    if contracted(session, humans(session, [applicant_id])[applicant_id].rows, day):
        raise SeparationOfDuties(
            "委託事業者は、特権の申請をすることができません。必要なときは、所管の職員に申請してもらってください。（SOD-7）",
            code="SOD-7",
        )


def _units_and_parents(session: Session, person_id: int, day: date) -> set[str]:
    units = session.scalars(units_of_posts(person_id).where(holding_on(Employment, day), holding_on(Assignment, day)))
    return {code for unit in units for code in (unit.code, unit.parent_code) if code is not None}


def require_action_fits(request: Request) -> None:
    """Afterwards the title of the form says what its lines do: 登録 gives, 抹消 takes. Raises InvalidInput."""
    effects = {line.effect for line in request.lines}
    forbidden = {RequestAction.REGISTER: LineEffect.REVOKE, RequestAction.REMOVE: LineEffect.GRANT}
    if forbidden.get(request.action) in effects:
        raise InvalidInput(
            f"{ACTION_TITLES[request.action]}の申請に、{EFFECT_TITLES[forbidden[request.action]]}の行があります。"
            f"{ACTION_TITLES[RequestAction.CHANGE]}の申請にしてください。",
            fields={"action": "選び直してください"},
        )


def require_admissible(line: RequestLine, facts: Admission, *, policy: Policy, day: date) -> None:
    """Afterwards the line asks for something that could be given or taken. Raises InvalidInput or ZoneNotOpen."""
    _require_period(line, day)
    if line.effect is LineEffect.REVOKE:
        _require_held(line, facts)
    else:
        _require_zone_open(line, policy)
        _require_service_in_use(line, facts)
        _require_shared_id(line, facts, line.valid_from)
        _require_asked_by_name(line)
        _require_external_access_bounded(line, policy, day)
        _require_employed(line, facts, line.valid_from)
        _require_consent(line, facts, policy, line.valid_from)
        _require_needed(line, facts)
        _require_end_where_needed(line, facts, policy)
        _require_not_held(line, facts)
        _require_settled(line, facts)
    twice = facts.asked_elsewhere(line)
    if twice is not None:
        raise InvalidInput(f"{_label(line)}は申請 {twice} で審査中です。")


def require_still_possible(line: RequestLine, facts: Admission, *, policy: Policy, day: date) -> None:
    """Afterwards what was admissible at submission can still be given. Raises InvalidInput or ZoneNotOpen.

    Between submission and approval a system may have come into the My Number zone, a person left, a period passed, a
    right become privileged.
    """
    if line.effect is LineEffect.REVOKE:
        return
    _require_zone_open(line, policy)
    if line.valid_until is not None and line.valid_until <= day:
        raise InvalidInput(f"{_label(line)}の期間はすでに過ぎています。差し戻して、申請し直してもらってください。")
    _require_service_in_use(line, facts)
    _require_shared_id(line, facts, max(line.valid_from, day))
    _require_asked_by_name(line)
    _require_external_access_bounded(line, policy, day)
    _require_employed(line, facts, max(line.valid_from, day))
    _require_consent(line, facts, policy, max(line.valid_from, day))
    _require_needed(line, facts)
    _require_end_where_needed(line, facts, policy)
    _require_settled(line, facts)


def is_overtaken(line: RequestLine, facts: Admission) -> bool:
    """Whether what the line asks for is so already, or is asked for by a submitted application.

    A leaver's right may have ended on the day; the application that records it (抹消) is made all the same.
    """
    for_the_record = line.request.action is RequestAction.REMOVE
    so_already = facts.holds(line) == (line.effect is LineEffect.GRANT)
    return (so_already and not for_the_record) or facts.asked_elsewhere(line) is not None


def _label(line: RequestLine) -> str:
    return f"{line.subject.name} さんの「{line.entitlement.name}」"


def _require_zone_open(line: RequestLine, policy: Policy) -> None:
    """An organisation that keeps out of the My Number zone asks for nothing there (MD 6(3)ア). Raises ZoneNotOpen.

    Elsewhere a right in that zone is asked for like any other; what it waits for is judged when it would take effect.
    """
    if line.entitlement.system.zone is Zone.MYNUMBER and policy.zones.mynumber_forbidden:
        raise ZoneNotOpen("このプロファイルでは、マイナンバー利用事務系の情報システムを使うことができません。")


def _require_service_in_use(line: RequestLine, facts: Admission) -> None:
    """In an external service rights are given while the register has it as approved, and no longer once its end is
    planned (FK 11-2(4), 11-2(7)). Raises InvalidInput."""
    system = line.entitlement.system
    if system.external_service and system.id not in facts.services_in_use:
        raise InvalidInput(
            f"{_label(line)}: 「{system.name}」は、外部サービス台帳で利用が承認されていないか、利用を終える手続に"
            "入っているため、申請できません。外部サービス台帳を確かめてください。"
        )


def _require_shared_id(line: RequestLine, facts: Admission, day: date) -> None:
    """A shared ID is used while it is registered, by staff: a contractor is named for one use, and attended (A13)."""
    if line.entitlement.kind is not EntitlementKind.SHARED_ID:
        return
    if line.entitlement.shared_account_id not in facts.shared_ids:
        raise InvalidInput(f"{_label(line)}: この共用IDは、いまは登録簿にありません（登録の終了又は期限切れ）。")
    if any(one.kind is EmploymentKind.CONTRACTOR for one in _not_over(line, facts, day)):
        raise InvalidInput(
            f"{_label(line)}: 委託事業者は、共用IDの利用者になれません。必要なときは、情報システム管理者が"
            "一回ごとの利用を申し出て、職員が立ち会います。（SOD-7）"
        )


def _require_external_access_bounded(line: RequestLine, policy: Policy, day: date) -> None:
    """Access from outside is asked for by name, for a time, and permitted by two (FK 6-2(4), 6-2(5))."""
    if not line.entitlement.external_access:
        return
    asked = AskedFor(line.valid_from, line.valid_until, by_name=line.request.feed_run_id is None)
    wrong = mistake_in(asked, policy.external_access, policy.applications.route, today=day)
    if wrong is not None:
        fields = {wrong.field: wrong.sentence} if wrong.field is not None else {}
        raise InvalidInput(f"{_label(line)}: {wrong.sentence}。", fields=fields)


def _require_asked_by_name(line: RequestLine) -> None:
    """A restricted right never follows from a post, even where a draft is older than the restriction (FK 6-1(1)③)."""
    if line.entitlement.by_name_only and line.request.feed_run_id is not None:
        raise InvalidInput(
            f"{_label(line)}は制限された権限のため、人事異動の下書きからは申請できません。"
            "この行を除き、必要な人を名指しして申請してください。"
        )


def _require_consent(line: RequestLine, facts: Admission, policy: Policy, day: date) -> None:
    """Non-regular staff consent in writing before their first right; all who have not are told at once (FK 5-1(2)②)."""
    if _consent_missing(line, facts, policy, day) is None:
        return
    lines = (one for one in line.request.lines if one.effect is LineEffect.GRANT)
    missing = {one.subject.name: _consent_missing(one, facts, policy, max(one.valid_from, day)) for one in lines}
    told = [f"{name} さん（{EMPLOYMENT_KIND_TITLES[kind]}）" for name, kind in missing.items() if kind is not None]
    raise InvalidInput(
        f"{'、'.join(told)}には、情報セキュリティポリシー等を守ることへの同意書の記録がありません。同意書を受け取り、"
        "「外部者登録簿」の「同意書」の画面で所属の課長又は人事担当者が記録してから、もう一度行ってください。"
    )


def _consent_missing(line: RequestLine, facts: Admission, policy: Policy, day: date) -> EmploymentKind | None:
    """The kind of the employment of that day, else of the next, that asks for a consent which is not on record."""
    if line.subject_id in facts.consented:
        return None
    not_over = _not_over(line, facts, day)
    of_the_day = [one for one in not_over if one.valid_from <= day] or not_over
    kinds = (one.kind for one in of_the_day)
    return next((kind for kind in kinds if requires_consent(kind, policy.outside)), None)


def _require_needed(line: RequestLine, facts: Admission) -> None:
    """What somebody's work does not need stays blocked until the report is taken back (FK 5-1(2)③)."""
    service = line.entitlement.service
    if service is not None and (line.subject_id, service) in facts.blocked:
        raise InvalidInput(
            f"{_label(line)}: {line.subject.name} さんの{SERVICE_TITLES[service]}は、業務に不要と報告されているため"
            "付与できません。必要になったときは、先に課長又は人事担当者が「不要の報告」を取り消してください。"
        )


def _require_settled(line: RequestLine, facts: Admission) -> None:
    """Nobody is given a second account beside one that may be theirs already (control A18)."""
    login_name = facts.unsettled.get((line.subject_id, line.system_id))
    if login_name is not None:
        raise unsettled(login_name)


def _require_period(line: RequestLine, day: date) -> None:
    from_feed = line.request.feed_run_id is not None
    if line.valid_from < day and not from_feed:
        raise InvalidInput("開始日は今日以後にしてください。", fields={"valid_from": "今日以後の日にしてください"})
    if line.valid_until is not None and line.valid_until <= max(day, line.valid_from):
        raise InvalidInput(
            "終了日が開始日より前か、すでに過ぎています。", fields={"valid_until": "開始日より後にしてください"}
        )


def _require_employed(line: RequestLine, facts: Admission, day: date) -> None:
    if not _not_over(line, facts, day):
        raise InvalidInput(f"{_label(line)}: 開始日に在職していないため、付与できません。")


def _not_over(line: RequestLine, facts: Admission, day: date) -> list[Employment]:
    """The subject's employments that hold on the day or begin after it."""
    held = facts.employments.get(line.subject_id, [])
    return [employment for employment in held if employment.valid_until is None or employment.valid_until > day]


def _require_end_where_needed(line: RequestLine, facts: Admission, policy: Policy) -> None:
    """Privileged rights, the use of shared IDs and contractors' rights always end (FK 6-2(3)①, 5-4(2), 6-3(2)⑪), the
    first two after so many days at the latest."""
    longest = policy.privileged.longest_days
    if line.valid_until is not None:
        if line.entitlement.bound_to_post and (line.valid_until - line.valid_from).days > longest:
            raise InvalidInput(
                f"{_label(line)}の期間は{longest}日までです。続けて必要なときは、期限の前に更新を申請してください。",
                fields={"valid_until": f"開始日から{longest}日以内にしてください"},
            )
        return
    contractor = any(e.kind is EmploymentKind.CONTRACTOR for e in _not_over(line, facts, line.valid_from))
    if line.entitlement.bound_to_post or contractor:
        raise InvalidInput(
            f"{_label(line)}には終了日が必要です（特権、共用IDの利用又は委託事業者の権限）。",
            fields={"valid_until": "終了日を入れてください"},
        )


def _require_held(line: RequestLine, facts: Admission) -> None:
    if not facts.holds(line) and line.request.feed_run_id is None:
        raise InvalidInput(f"{_label(line)}は付与されていないため、取り消すものがありません。")


def _require_not_held(line: RequestLine, facts: Admission) -> None:
    if facts.renews(line):
        return
    if facts.holds(line):
        ends = facts.ends(line)
        if ends is None:
            raise InvalidInput(f"{_label(line)}はすでに付与されています。")
        raise InvalidInput(
            f"{_label(line)}はすでに付与されています。続けて使うときは、開始日を、いまの期限の次の日"
            f"（{format_wareki(ends)}）にしてください。",
            fields={"valid_from": f"{format_wareki(ends)}にしてください"},
        )
    if line.entitlement.kind is not EntitlementKind.ACCOUNT and not facts.has_or_asks_account(line):
        needed = "管理用ID（特権を付ける本人の別のID）" if line.entitlement.privileged else "利用者ID"
        raise InvalidInput(f"{_label(line)}には、同じシステムの{needed}も一緒に申請してください。")
