"""The register of IDs that are nobody's daily one: built-in, shared, a service's (FK 6-2(3)①; controls D1, D10).

Each was found by the inventory. One person proposes it, with what it is for, who answers for it and until when it is
needed; another accepts it. Nothing in the product changes such an account in its directory; only its password is in our
keeping, where that was accepted.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Never
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, iso
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.going_live import FoundAccount
from idm.models.people import Employment, Person
from idm.models.periods import holding_on
from idm.models.privileged import RegisteredId
from idm.models.systems import Account, InformationSystem
from idm.operations.accounts import lock_names, take_over
from idm.operations.notices import notify
from idm.operations.privileged import rotations, uses
from idm.operations.privileged.caps import require_room_for_registered
from idm.operations.system_scope import require_for_system
from idm.own_service_account import Named, is_own
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.configuration import organisation_in_force
from idm.queries.officers import contracted, holders, humans, roles_of
from idm.queries.own_service_accounts import own_service_accounts
from idm.step_up import require_fresh_factor
from idm.vocabulary import ACCOUNT_KIND_TITLES, BY_HAND, AccountKind, FoundState, Role, RotationReason
from idm.written_text import written

KINDS = (AccountKind.PRIVILEGED, AccountKind.SHARED, AccountKind.SERVICE)


@dataclass(frozen=True)
class WantedId:
    """What is proposed for a found account. `valid_until`: the first day on which it is no longer needed."""

    kind: AccountKind
    purpose: str
    owner_id: int
    kept: bool
    valid_until: date | None


def propose(
    session: Session, found_id: int, wanted: WantedId, *, actor: Actor, policy: Policy, now: datetime
) -> RegisteredId:
    """Afterwards the account waits for another person to accept it into the register.

    Raises NotFound, NotPermitted, IllegalTransition for one that is somebody's or stands there already, InvalidInput,
    FreshFactorNeeded.
    """
    found = session.get(FoundAccount, found_id, with_for_update=True, populate_existing=True)
    if found is None or found.gone_at is not None:
        raise NotFound("この利用者IDは棚卸しの記録にないか、すでに消えています。")
    person_id = _person_of(actor)
    require_for_system(session, found.system, Action.PROPOSE_REGISTERED_ID, person_id=person_id, day=day_of(now))
    require_fresh_factor(actor, policy=policy, now=now)
    _require_nobodys(session, found)
    purpose = written(wanted.purpose, field="purpose", empty="何に使うIDかを書いてください。")
    _require_sensible(session, found, wanted, day_of(now))
    registered = RegisteredId(
        system_id=found.system_id, found_id=found.id, kind=wanted.kind, purpose=purpose, owner_id=wanted.owner_id,
        kept=wanted.kept, valid_until=wanted.valid_until, proposed_by_id=person_id, proposed_at=now,
        system=found.system, found=found,
    )  # fmt: skip
    session.add(registered)
    session.flush()
    _record(session, "registered_id.proposed", registered, actor=actor, policy=policy, now=now)
    told = {one for role in (Role.CHIEF, Role.SECURITY) for one in holders(session, role, None, day_of(now))}
    _tell(session, told - {person_id}, registered, "登録の申出があります", now=now)
    return registered


def accept(session: Session, registered_id: int, *, actor: Actor, policy: Policy, now: datetime) -> RegisteredId:
    """Afterwards the ID stands in the register; where it is kept, a worker takes its password into our keeping.

    Raises NotFound, NotPermitted, SeparationOfDuties for whoever proposed it or answers for it, IllegalTransition,
    CapReached, InvalidInput, FreshFactorNeeded.
    """
    registered = _open(session, registered_id)
    _require_accepter(session, registered, actor, policy=policy, now=now)
    if registered.accepted_at is not None:
        raise IllegalTransition("このIDは、すでに登録されています。")
    found = session.get_one(FoundAccount, registered.found_id, with_for_update=True, populate_existing=True)
    if found.gone_at is not None:
        raise IllegalTransition("このIDはシステムから消えています。申出を却下してください。")
    if found.person_id is not None:
        raise IllegalTransition("このIDは、その後、個人のIDと判断されています。申出を却下してください。")
    lock_names(session, registered.system_id, organisation_in_force(session, now=now).login_names)
    _require_still_sensible(session, registered, day_of(now))
    require_room_for_registered(session, registered.system_id, registered.kind)
    _settle(found, registered, actor, now=now)
    registered.account = _account_of(session, registered, found, now=now)
    registered.accepted_by_id, registered.accepted_at = actor.person_id, now
    session.flush()
    _record(session, "registered_id.accepted", registered, actor=actor, policy=policy, now=now)
    if registered.kept:
        rotations.ask(session, [registered.account.id], RotationReason.FIRST, actor=actor, policy=policy, now=now)
    _tell(session, {registered.owner_id, registered.proposed_by_id}, registered, "登録が承認されました", now=now)
    return registered


def refuse(
    session: Session, registered_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> RegisteredId:
    """Afterwards the proposal is history. Raises what `accept` raises, and InvalidInput without a reason."""
    registered = _open(session, registered_id)
    _require_accepter(session, registered, actor, policy=policy, now=now)
    if registered.accepted_at is not None:
        raise IllegalTransition("このIDはすでに登録されています。不要になったときは、登録を終えてください。")
    registered.ended_at = now
    registered.end_reason = written(reason, field="reason", empty="却下の理由を書いてください。")
    session.flush()
    _record(session, "registered_id.refused", registered, actor=actor, policy=policy, now=now)
    _tell(session, {registered.proposed_by_id}, registered, "登録の申出が却下されました", now=now)
    return registered


def renew(
    session: Session, registered_id: int, *, valid_until: date | None, actor: Actor, policy: Policy, now: datetime
) -> RegisteredId:
    """Afterwards the ID stands in the register until another day: decided by somebody who did not propose it.

    Raises what `accept` raises.
    """
    registered = _open(session, registered_id)
    _require_accepter(session, registered, actor, policy=policy, now=now)
    if registered.accepted_at is None:
        raise IllegalTransition("このIDはまだ登録されていません。")
    _require_end(registered.kind, valid_until, day_of(now))
    registered.valid_until = valid_until
    session.flush()
    _record(session, "registered_id.renewed", registered, actor=actor, policy=policy, now=now)
    return registered


def end(
    session: Session, registered_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> RegisteredId:
    """Afterwards nobody uses the ID by the register any more; what somebody may know of its password is worthless.

    The account itself stays as it is: whoever answers for it deletes it by hand, or it is a finding from now on.
    Raises NotFound, NotPermitted, InvalidInput, FreshFactorNeeded.
    """
    registered = _open(session, registered_id)
    person_id = _person_of(actor)
    require_for_system(session, registered.system, Action.PROPOSE_REGISTERED_ID, person_id=person_id, day=day_of(now))
    require_fresh_factor(actor, policy=policy, now=now)
    reason = written(reason, field="reason", empty="登録を終える理由を書いてください。")
    if registered.account_id is not None:
        uses.end_resting_on(session, account_ids=[registered.account_id], actor=actor, policy=policy, now=now)
        if registered.kept:
            rotations.ask(
                session, [registered.account_id], RotationReason.HOLDER_CHANGED, actor=actor, policy=policy, now=now
            )
    registered.ended_at, registered.end_reason = now, reason
    session.flush()
    _record(session, "registered_id.ended", registered, actor=actor, policy=policy, now=now)
    _tell(session, {registered.owner_id} - {person_id}, registered, "登録が終わりました", now=now)
    return registered


# --- what has to be so ------------------------------------------------------------------------------------------------


def _person_of(actor: Actor) -> int:
    if actor.person_id is None:
        raise NotPermitted("特権ID等の登録は、名前のある人だけが行えます。")
    return actor.person_id


def _open(session: Session, registered_id: int) -> RegisteredId:
    registered = session.get(RegisteredId, registered_id, with_for_update=True, populate_existing=True)
    if registered is None:
        raise NotFound("登録が見つかりません。")
    if registered.ended_at is not None:
        raise IllegalTransition("この登録は、すでに終わっています。")
    return registered


def _require_accepter(
    session: Session, registered: RegisteredId, actor: Actor, *, policy: Policy, now: datetime
) -> None:
    """Two people, and neither of them judges of what they answer for."""
    person_id = _person_of(actor)
    require(roles_of(session, person_id, day_of(now)), Action.ACCEPT_REGISTERED_ID)
    human = humans(session, [person_id])[person_id]
    if human.is_one_of(frozenset({registered.proposed_by_id})):
        raise SeparationOfDuties("自分が申し出たIDの登録を、自分で承認することはできません。（SOD-1）", code="SOD-1")
    if human.is_one_of(frozenset({registered.owner_id})):
        raise SeparationOfDuties(
            "自分が管理責任者となるIDの登録を、自分で承認することはできません。（SOD-2）", code="SOD-2"
        )
    require_fresh_factor(actor, policy=policy, now=now)


def _require_nobodys(session: Session, found: FoundAccount) -> None:
    if found.person_id is not None:
        raise IllegalTransition("個人のIDです。本人の管理用ID（特権ID）は、申請によって登録簿に載ります。")
    live = select(RegisteredId.id).where(RegisteredId.found_id == found.id, RegisteredId.ended_at.is_(None))
    if session.scalar(live) is not None:
        raise IllegalTransition("このIDは、すでに登録されているか、登録の申出が出ています。")


def _require_sensible(session: Session, found: FoundAccount, wanted: WantedId, day: date) -> None:
    if wanted.kind not in KINDS:
        _refuse("kind", "特権ID、共用ID、サービスIDのどれかを選んでください。")
    _require_end(wanted.kind, wanted.valid_until, day)
    _require_owner(session, wanted.owner_id, day)
    if wanted.kept:
        _require_keepable(session, found)


def _require_still_sensible(session: Session, registered: RegisteredId, day: date) -> None:
    """Between the proposal and its acceptance an owner leaves, a day passes, a directory begins to guard the ID."""
    _require_end(registered.kind, registered.valid_until, day)
    _require_owner(session, registered.owner_id, day)
    if registered.kept:
        _require_keepable(session, registered.found)


def _require_end(kind: AccountKind, valid_until: date | None, day: date) -> None:
    if valid_until is None and kind is not AccountKind.SERVICE:
        _refuse("valid_until", f"{ACCOUNT_KIND_TITLES[kind]}には、必要な期間の最終日を入れてください。")
    if valid_until is not None and valid_until <= day:
        _refuse("valid_until", "今日以後の日にしてください。")


def _require_owner(session: Session, owner_id: int, day: date) -> None:
    employed = select(Employment.id).where(Employment.person_id == owner_id, holding_on(Employment, day))
    if session.get(Person, owner_id) is None or session.scalar(employed.limit(1)) is None:
        _refuse("owner", "管理責任者には、在職している職員を選んでください。")
    if contracted(session, humans(session, [owner_id])[owner_id].rows, day):
        _refuse("owner", "委託事業者を管理責任者にすることはできません。職員を選んでください。")


def _require_keepable(session: Session, found: FoundAccount) -> None:
    if found.system.connector == BY_HAND:
        _refuse("kept", "連携のないシステムのパスワードは預かれません。手作業で変更してください。")
    if found.protected or found.marked:
        _refuse(
            "kept",
            "ディレクトリの管理者として保護されたID、又はほかの管理番号の付いたIDのパスワードは預かれません。"
            "手作業で変更し、封をして保管してください。",
        )
    if is_own(Named(found.system.connector, found.external_id, found.login_name), own_service_accounts(session)):
        _refuse("kept", "この製品が接続に使うIDです。パスワードを変えると接続が止まるため、預かれません。")


def _refuse(field: str, problem: str) -> Never:
    raise InvalidInput(problem, fields={field: problem})


# --- what follows -----------------------------------------------------------------------------------------------------


def _account_of(session: Session, registered: RegisteredId, found: FoundAccount, *, now: datetime) -> Account:
    """The account in our books: the same as at its last registration, where it stood there before."""
    known = session.scalars(
        select(Account).where(Account.system_id == found.system_id, Account.external_id == found.external_id)
    ).one_or_none()
    account = known or Account(
        uuid=uuid4(), system_id=found.system_id, person_id=None, created_at=now, generation=0, login_name="",
        kind=registered.kind,
    )  # fmt: skip
    account.kind = registered.kind
    take_over(session, account, found, now=now)
    return account


def _settle(found: FoundAccount, registered: RegisteredId, actor: Actor, *, now: datetime) -> None:
    found.state, found.kind, found.rule, found.doubt = FoundState.NOT_PERSONAL, registered.kind, None, None
    found.settled_by_id, found.settled_at, found.reason = actor.person_id, now, registered.purpose


def _tell(session: Session, people: set[int], registered: RegisteredId, what: str, *, now: datetime) -> None:
    system = session.get_one(InformationSystem, registered.system_id)
    notify(
        session, people, now=now, link=f"/privileged/registered/{registered.id}",
        subject=f"【特権ID等の登録】{system.name}「{registered.found.login_name}」：{what}",
        body=f"「{system.name}」の{ACCOUNT_KIND_TITLES[registered.kind]}「{registered.found.login_name}」について、{what}。",
    )  # fmt: skip


def _record(
    session: Session, action: str, registered: RegisteredId, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("registered_id", str(registered.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "system": registered.system_id, "login_name": registered.found.login_name,
            "external_id": registered.found.external_id, "account": registered.account_id,
            "kind": registered.kind.value, "purpose": registered.purpose, "owner": registered.owner_id,
            "kept": registered.kept, "valid_until": iso(registered.valid_until), "end_reason": registered.end_reason,
        },
    )  # fmt: skip
