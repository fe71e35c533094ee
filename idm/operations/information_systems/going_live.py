"""Moving a system from observing over adopting to enforcing (control A18): what has to be true before, what follows.

The rule is simple and has no exception: nobody enforces what has not been looked through. Every account that was there
is somebody's and taken over, or a person has said that it is nobody's or a finding; and nothing is being decided. A
system whose target is another one from now on has not been looked through, whatever was there before.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition
from idm.models.privileged import PrivilegedUse, Rotation, VaultSecret
from idm.models.requests import Request, RequestLine
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.operations.information_systems.inventory import progress_of
from idm.operations.notification.notices import notify
from idm.operations.rights.accounts import record_taken_over, schedule, take_over
from idm.organisation import Organisation, System
from idm.passwords.rotation_rules import OVER
from idm.policy import Policy
from idm.privileged_use_state import LIVE
from idm.queries.information_systems.found_accounts import progress_of_systems, refused_accounts
from idm.queries.organisation.officers import holders
from idm.request_state import LineState
from idm.vocabulary import STAGE_TITLES, AccountKind, Role, Stage
from idm.wareki import format_wareki

REMIND_EVERY_DAYS = 7
SAME_TARGET = frozenset({
    "port", "transport", "ca_file", "bind_dn", "page_size", "connect_timeout_seconds", "answer_timeout_seconds",
    "password_policy_dn", "domain_controllers", "last_use_attribute",
})  # fmt: skip
"""Settings of a connector that may change without its being another target; any other may make it one."""


def require_may_move(session: Session, organisation: Organisation) -> None:
    """Afterwards no system of the register would skip what going live asks for. Raises IllegalTransition."""
    wanted = {system.code: system for system in organisation.systems}
    for system in session.scalars(select(InformationSystem).order_by(InformationSystem.code)):
        described = wanted.get(system.code)
        if described is None:
            continue
        if described.stage is Stage.OBSERVE:
            _require_nothing_to_end(session, system)
            continue
        if is_another_target(system, described):
            raise IllegalTransition(
                f"「{system.name}」の接続先が変わります。新しい接続先は、まだだれも確かめていません。"
                "stage を observe（観察）にして提案し、承認のあとで棚卸しをしてから、進めてください。"
            )
        if described.stage is not system.stage:
            _require_ready(session, system, described.stage)


def forget_inventories_of_other_targets(session: Session, organisation: Organisation) -> None:
    """Afterwards a system that will be found somewhere else has to be looked through again before it moves on."""
    described = {system.code: system for system in organisation.systems}
    for system in session.scalars(select(InformationSystem)):
        if system.code in described and is_another_target(system, described[system.code]):
            progress = progress_of(session, system.id)
            progress.inventoried_at, progress.cursor = None, None


def is_another_target(system: InformationSystem, described: System) -> bool:
    """Whether what is described may be somewhere else than what the register has."""
    return system.connector != described.connector or _place(system.connector_settings) != _place(described.settings)


def _place(settings: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in settings.items() if key not in SAME_TARGET}


def _require_ready(session: Session, system: InformationSystem, stage: Stage) -> None:
    progress = progress_of_systems(session)[system.id]
    move = f"「{system.name}」を「{STAGE_TITLES[stage]}」に進めることはできません。"
    if system.stage is Stage.OBSERVE and progress.inventoried_at is None:
        raise IllegalTransition(f"{move}先に棚卸し（idm system inventory {system.code}）を行ってください。")
    if stage is not Stage.ENFORCE:
        return
    counts, deciding = progress.counts, _lines_under_decision(session, system.id)
    if counts.open or deciding:
        raise IllegalTransition(
            f"{move}持ち主の決まっていないIDが {counts.undecided} 件、引き継がれていないIDが {counts.waiting} 件、"
            f"決裁中の引継ぎの行が {deciding} 件あります。「引継ぎ」の画面で、引き継ぐか、個人のものではないとするか、"
            "点検結果として残すかを、すべて決めてください。"
        )


def _require_nothing_to_end(session: Session, system: InformationSystem) -> None:
    """Where a system is only observed nothing would end a use or replace a password that somebody knows (D4, D6)."""
    if system.stage is Stage.OBSERVE:
        return
    in_use = _count(session, PrivilegedUse.system_id == system.id, PrivilegedUse.state.in_(LIVE))
    changing = _count(session, Rotation.system_id == system.id, Rotation.state.not_in(OVER))
    known = _count(
        session, VaultSecret.known_since.is_not(None), VaultSecret.account_id == Account.id,
        Account.system_id == system.id,
    )  # fmt: skip
    if in_use or changing or known:
        raise IllegalTransition(
            f"「{system.name}」を「{STAGE_TITLES[Stage.OBSERVE]}」に戻すことはできません。"
            f"終わっていない特権IDの利用が {in_use} 件、取替え中のパスワードが {changing} 件、"
            f"人に知られたまま取り替えられていないパスワードが {known} 件あります。"
            "利用を終わらせ（返却または停止）、パスワードの取替えが済むのを待ってから、もう一度行ってください。"
        )


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).where(*conditions)) or 0


def require_not_only_observed(system: InformationSystem) -> None:
    """Afterwards what is asked for will be carried out. Raises IllegalTransition where the system is only observed."""
    if system.stage is Stage.OBSERVE:
        raise IllegalTransition(
            f"「{system.name}」は「{STAGE_TITLES[Stage.OBSERVE]}」の段階で、何も書き込まれません。特権IDは利用できません。"
            "段階を進めてから申し出るか、システムの管理者に相談してください。"
        )


def _lines_under_decision(session: Session, system_id: int) -> int:
    query = (
        select(func.count())
        .select_from(RequestLine)
        .join(Request, RequestLine.request_id == Request.id)
        .where(Request.adopts, RequestLine.system_id == system_id, RequestLine.state == LineState.PENDING)
    )
    return session.scalar(query) or 0


def moved(session: Session, systems: Iterable[tuple[InformationSystem, Stage]], *, actor: Actor, now: datetime) -> None:
    """Afterwards what a system's new stage asks for is under way; each comes with the stage it had before.

    Enforcing takes away what was rejected: the account that nobody approved is taken over and stopped, the group that
    was rejected is left.
    """
    for system, before in systems:
        if system.stage is not Stage.ENFORCE or before is Stage.ENFORCE:
            continue
        for found in refused_accounts(session, system.id):
            account = Account(
                uuid=uuid4(), system_id=system.id, person_id=found.person_id, kind=found.kind or AccountKind.PERSONAL,
                created_at=now, generation=0, login_name="",
            )  # fmt: skip
            take_over(session, account, found, now=now)
            record_taken_over(session, account, actor=actor, policy_digest="", now=now)
            schedule(session, account, now=now)
        for account in _with_rejected_rights(session, system.id):
            schedule(session, account, now=now)


def _with_rejected_rights(session: Session, system_id: int) -> list[Account]:
    """The accounts taken over of which an approver rejected a group."""
    ids = (
        select(Account.id)
        .join(RequestLine, (RequestLine.subject_id == Account.person_id) & (RequestLine.system_id == Account.system_id))
        .join(Request, RequestLine.request_id == Request.id)
        .join(Entitlement, RequestLine.entitlement_id == Entitlement.id)
        .where(
            Account.system_id == system_id, Account.adopted_at.is_not(None), Request.adopts,
            RequestLine.state == LineState.REJECTED, Entitlement.target_name.is_not(None),
        )
    )  # fmt: skip
    return list(session.scalars(select(Account).where(Account.id.in_(ids)).order_by(Account.id)))


def remind(session: Session, system: InformationSystem, *, policy: Policy, now: datetime) -> int:
    """Afterwards the system's managers know, once a week, what is left to be taken over before the last day.

    Returns how many were told. Nobody is while nothing is left, or the day is far.
    """
    day, until = day_of(now), system.adopt_until
    counts = progress_of_systems(session)[system.id].counts
    progress = progress_of(session, system.id)
    too_early = until is None or day < until - timedelta(days=policy.reconciliation.remind_before_days)
    too_soon = progress.reminded_on is not None and day < progress.reminded_on + timedelta(days=REMIND_EVERY_DAYS)
    if system.stage is Stage.ENFORCE or not counts.open or too_early or too_soon or until is None:
        return 0
    progress.reminded_on = day
    when = "期限を過ぎました" if day > until else f"期限は {format_wareki(until)} です"
    told = notify(
        session, holders(session, Role.SYSTEM, system.manager_unit_code, day), now=now,
        link=f"/systems/{system.id}/found", asks=True, subject=f"【利用者IDの引継ぎ】{system.name}：{when}",
        body=f"「{system.name}」の利用者IDの引継ぎが済んでいません。{when}。\n"
             f"照合待ち {counts.undecided} 件、引継ぎの申請・承認待ち {counts.waiting} 件です。",
    )  # fmt: skip
    return len(told)
