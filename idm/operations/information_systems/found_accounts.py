"""A person says whose an account is where no machine could (control A18): somebody's, nobody's, or left as a finding.

Never about oneself. What was settled may be settled anew until an application took the account over or asks for it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Never

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, SeparationOfDuties
from idm.models.going_live import FoundAccount
from idm.models.people import Person
from idm.models.requests import Request, RequestLine
from idm.models.systems import Account, InformationSystem
from idm.operations.information_systems.inventory import progress_of
from idm.operations.information_systems.system_scope import require_for_system
from idm.operations.rights.accounts import follow_matches, lock_names
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.governance.configuration import organisation_in_force
from idm.queries.organisation.officers import humans
from idm.request_state import LineState
from idm.step_up import require_fresh_factor_for
from idm.vocabulary import AccountKind, FoundState
from idm.written_text import written

NOT_PERSONAL = frozenset({AccountKind.PRIVILEGED, AccountKind.SHARED, AccountKind.SERVICE})


@dataclass(frozen=True)
class Settlement:
    """What a person says of a found account. `person_id` for `person`, `kind` for `not_personal`.

    Of somebody's account `kind` None says that it is their daily one, `privileged` their privileged ID (control D8).
    """

    state: FoundState
    reason: str
    person_id: int | None = None
    kind: AccountKind | None = None


def settle(
    session: Session, found_id: int, settlement: Settlement, *, actor: Actor, policy: Policy, now: datetime
) -> FoundAccount:
    """Afterwards the account is what this person says it is, with their reason.

    Raises NotPermitted, SeparationOfDuties, NotFound, IllegalTransition once it was taken over or is applied for,
    InvalidInput, FreshFactorNeeded.
    """
    found = session.get(FoundAccount, found_id, with_for_update=True, populate_existing=True)
    if found is None or found.gone_at is not None:
        raise NotFound("この利用者IDは棚卸しの記録にないか、すでに消えています。")
    require_for_system(session, found.system, Action.SETTLE_FOUND, person_id=actor.person_id or 0, day=day_of(now))
    _require_not_about_oneself(session, found, settlement, actor)
    _require_open(session, found)
    require_fresh_factor_for(found.system.zone, actor, policy=policy, now=now)
    reason = written(settlement.reason, field="reason", empty="そう判断した理由（確かめた資料など）を書いてください。")
    _require_sensible(session, found, settlement, now)
    before = found.state
    found.state, found.person_id, found.kind = settlement.state, settlement.person_id, settlement.kind
    found.rule, found.doubt, found.reason = None, None, reason
    found.settled_by_id, found.settled_at = actor.person_id, now
    session.flush()
    _record(session, found, before, actor=actor, policy=policy, now=now)
    follow_matches(session, found.system_id, actor=actor, policy=policy, now=now)
    return found


def ask_for_inventory(
    session: Session, system_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> InformationSystem:
    """Afterwards the next round of the worker takes an inventory of the system. Raises NotFound, NotPermitted."""
    system = session.get(InformationSystem, system_id)
    if system is None:
        raise NotFound("この情報システムは見つかりません。")
    require_for_system(session, system, Action.SETTLE_FOUND, person_id=actor.person_id or 0, day=day_of(now))
    progress_of(session, system_id).asked_at = now
    audit.record(
        session, action="inventory.asked", actor=actor, obj=("system", str(system_id)), now=now,
        policy_digest=policy.digest, payload={"system": system.code},
    )  # fmt: skip
    return system


def _require_not_about_oneself(session: Session, found: FoundAccount, settlement: Settlement, actor: Actor) -> None:
    """Neither to give oneself an account nor to let one's own go by: whoever may be its owner does not decide."""
    concerned = {settlement.person_id or 0, found.person_id or 0}
    concerned |= {int(str(candidate["person"])) for candidate in found.candidates}
    person_id = actor.person_id or 0
    if humans(session, [person_id])[person_id].is_one_of(frozenset(concerned)):
        raise SeparationOfDuties(
            "自分のものかもしれない利用者IDの持ち主を、自分で決めることはできません。"
            "情報セキュリティ責任者に決めてもらってください。",
            code="SOD-2",
        )


def _require_open(session: Session, found: FoundAccount) -> None:
    if found.account_id is not None:
        raise IllegalTransition("この利用者IDはすでに引き継がれています。権限の変更は申請で行ってください。")
    if found.person_id is None:
        return
    asked = (
        select(Request.number)
        .join(RequestLine, RequestLine.request_id == Request.id)
        .where(
            Request.adopts, RequestLine.system_id == found.system_id, RequestLine.subject_id == found.person_id,
            RequestLine.state == LineState.PENDING,
        )
    )  # fmt: skip
    number = session.scalars(asked).first()
    if number is not None:
        raise IllegalTransition(f"この利用者IDは申請 {number} で決裁中です。取下げか決裁の後で行ってください。")


def _require_sensible(session: Session, found: FoundAccount, settlement: Settlement, now: datetime) -> None:
    if settlement.state is FoundState.PERSON:
        _require_person_fits(session, found, settlement, now)
    elif settlement.state is FoundState.NOT_PERSONAL:
        if settlement.kind not in NOT_PERSONAL:
            _refuse("kind", "特権ID、共用ID、サービスIDのどれかを選んでください。")
    elif settlement.state is not FoundState.FINDING:
        _refuse("state", "どれかを選んでください。")


def _require_person_fits(session: Session, found: FoundAccount, settlement: Settlement, now: datetime) -> None:
    lock_names(session, found.system_id, organisation_in_force(session, now=now).login_names)
    person = session.get(Person, settlement.person_id or 0)
    if person is None:
        _refuse("person", "職員を選んでください。")
    if settlement.kind not in (None, AccountKind.PRIVILEGED):
        _refuse("kind", "本人のIDは、日常の利用者IDか管理用ID（特権ID）のどちらかです。")
    if found.protected or found.marked:
        _refuse(
            "person",
            "ディレクトリの管理者として保護されたID、又はほかの管理番号の付いたIDは引き継げません。"
            "点検結果として残してください。",
        )
    if not any(one.valid_until is None or one.valid_until > day_of(now) for one in person.employments):
        _refuse("person", f"{person.name} さんは離職しています。点検結果として残し、IDを止めてください。")
    _require_no_other(session, found, person, settlement.kind)


def _require_no_other(session: Session, found: FoundAccount, person: Person, kind: AccountKind | None) -> None:
    others = select(FoundAccount.login_name).where(
        FoundAccount.system_id == found.system_id, FoundAccount.person_id == person.id, FoundAccount.id != found.id,
        FoundAccount.gone_at.is_(None), FoundAccount.kind.is_(None) if kind is None else FoundAccount.kind == kind,
    )  # fmt: skip
    ours = select(Account.login_name).where(
        Account.system_id == found.system_id, Account.person_id == person.id, Account.external_id.is_not(None),
        Account.kind == (kind or AccountKind.PERSONAL),
    )  # fmt: skip
    which = "利用者ID" if kind is None else "管理用ID"
    for login_name in (*session.scalars(others), *session.scalars(ours)):
        _refuse("person", f"{person.name} さんには、このシステムの{which}「{login_name}」がすでにあります。")


def _refuse(field: str, problem: str) -> Never:
    raise InvalidInput(problem, fields={field: problem})


def _record(
    session: Session, found: FoundAccount, before: FoundState, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    audit.record(
        session, action="found.settled", actor=actor, obj=("found_account", str(found.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "system": found.system_id, "login_name": found.login_name, "external_id": found.external_id,
            "before": before.value, "state": found.state.value, "person": found.person_id,
            "kind": found.kind.value if found.kind is not None else None, "reason": found.reason,
        },
    )  # fmt: skip
