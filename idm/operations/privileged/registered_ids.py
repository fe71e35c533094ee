"""The register of IDs that are nobody's daily one: built-in, shared, a service's (FK 6-2(3)①; controls D1, D10).

Each was found by the inventory. One person proposes it, with what it is for, who answers for it and until when it is
needed; another accepts it. Nothing in the product changes such an account in its directory; only its password is in our
keeping, where that was accepted.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.directory.own_service_account import Named, is_own
from idm.errors import IllegalTransition, NotFound
from idm.models.going_live import FoundAccount
from idm.models.privileged import RegisteredId
from idm.models.systems import Account
from idm.operations.information_systems.system_scope import require_for_system
from idm.operations.privileged import hand_changes, holder_changes, registered_owners, rotations, shared_ids, uses
from idm.operations.privileged.caps import require_room_for_registered
from idm.operations.privileged.registration_steps import (
    accepted_registration,
    open_registration,
    person_of,
    record,
    refuse_field,
    require_accepter,
    require_owner,
    take_charge,
    tell,
)
from idm.operations.rights.accounts import lock_names, take_over
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.governance.configuration import organisation_in_force
from idm.queries.information_systems.own_service_accounts import own_service_accounts
from idm.queries.organisation.officers import holders
from idm.queries.privileged.owners import owners_there
from idm.queries.privileged.shared_ids import users_on
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
    person_id = person_of(actor)
    require_for_system(session, found.system, Action.PROPOSE_REGISTERED_ID, person_id=person_id, day=day_of(now))
    require_fresh_factor(actor, policy=policy, now=now)
    _require_nobodys(session, found)
    purpose = written(wanted.purpose, field="purpose", empty="何に使うIDかを書いてください。")
    _require_sensible(session, found, wanted, day_of(now), policy)
    registered = RegisteredId(
        system_id=found.system_id, found_id=found.id, kind=wanted.kind, purpose=purpose, owner_id=wanted.owner_id,
        kept=wanted.kept, valid_until=wanted.valid_until, proposed_by_id=person_id, proposed_at=now,
        system=found.system, found=found,
    )  # fmt: skip
    session.add(registered)
    session.flush()
    record(session, "registered_id.proposed", registered, actor=actor, policy=policy, now=now)
    told = {one for role in (Role.CHIEF, Role.SECURITY) for one in holders(session, role, None, day_of(now))}
    tell(session, told - {person_id}, registered, "登録の申出があります", now=now)
    return registered


def accept(session: Session, registered_id: int, *, actor: Actor, policy: Policy, now: datetime) -> RegisteredId:
    """Afterwards the ID stands in the register; where it is kept, a worker takes its password into our keeping.

    Raises NotFound, NotPermitted, SeparationOfDuties for whoever proposed it or answers for it, IllegalTransition,
    CapReached, InvalidInput, FreshFactorNeeded.
    """
    registered = open_registration(session, registered_id)
    accepter = _accepter(session, registered, actor, policy=policy, now=now)
    if registered.accepted_at is not None:
        raise IllegalTransition("このIDは、すでに登録されています。")
    found = session.get_one(FoundAccount, registered.found_id, with_for_update=True, populate_existing=True)
    if found.gone_at is not None:
        raise IllegalTransition("このIDはシステムから消えています。申出を却下してください。")
    if found.person_id is not None:
        raise IllegalTransition("このIDは、その後、個人のIDと判断されています。申出を却下してください。")
    lock_names(session, registered.system_id, organisation_in_force(session, now=now).login_names)
    _require_still_sensible(session, registered, day_of(now), policy)
    require_room_for_registered(session, registered.system_id, registered.kind)
    _settle(found, registered, actor, now=now)
    registered.account = _account_of(session, registered, found, now=now)
    registered.accepted_by_id, registered.accepted_at = accepter, now
    take_charge(session, registered, registered.owner_id, day_of(now))
    shared_ids.offer(session, registered)
    record(session, "registered_id.accepted", registered, actor=actor, policy=policy, now=now)
    if registered.kept:
        rotations.ask(session, [registered.account.id], RotationReason.FIRST, actor=actor, policy=policy, now=now)
    holder_changes.follow_offices(session, actor=actor, policy=policy, now=now)
    tell(session, {registered.owner_id, registered.proposed_by_id}, registered, "登録が承認されました", now=now)
    return registered


def refuse(
    session: Session, registered_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> RegisteredId:
    """Afterwards the proposal is history. Raises what `accept` raises, and InvalidInput without a reason."""
    registered = open_registration(session, registered_id)
    _accepter(session, registered, actor, policy=policy, now=now)
    if registered.accepted_at is not None:
        raise IllegalTransition("このIDはすでに登録されています。不要になったときは、登録を終えてください。")
    registered.ended_at = now
    registered.end_reason = written(reason, field="reason", empty="却下の理由を書いてください。")
    session.flush()
    record(session, "registered_id.refused", registered, actor=actor, policy=policy, now=now)
    tell(session, {registered.proposed_by_id}, registered, "登録の申出が却下されました", now=now)
    return registered


def renew(
    session: Session, registered_id: int, *, valid_until: date | None, actor: Actor, policy: Policy, now: datetime
) -> RegisteredId:
    """Afterwards the ID stands in the register until another day: decided by somebody who did not propose it.

    Raises what `accept` raises; also where nobody answers for it any more, or nobody is on its list of users.
    """
    registered = accepted_registration(session, registered_id)
    _accepter(session, registered, actor, policy=policy, now=now)
    _require_end(registered.kind, valid_until, day_of(now), policy, going_on=registered.valid_until)
    _require_still_used(session, registered, now=now)
    registered.valid_until = valid_until
    session.flush()
    record(session, "registered_id.renewed", registered, actor=actor, policy=policy, now=now)
    return registered


def end(
    session: Session, registered_id: int, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> RegisteredId:
    """Afterwards nobody uses the ID by the register any more; what somebody may know of its password is worthless.

    Whoever was on the list of a shared ID is not any more: these rights end with it.
    The account itself stays as it is: whoever answers for it deletes it by hand, or it is a finding from now on.
    Raises NotFound, NotPermitted, InvalidInput, FreshFactorNeeded.
    """
    registered = open_registration(session, registered_id)
    person_id = person_of(actor)
    require_for_system(session, registered.system, Action.PROPOSE_REGISTERED_ID, person_id=person_id, day=day_of(now))
    require_fresh_factor(actor, policy=policy, now=now)
    reason = written(reason, field="reason", empty="登録を終える理由を書いてください。")
    if registered.account_id is not None:
        shared_ids.withdraw(session, registered, actor=actor, policy=policy, now=now)
        uses.end_resting_on(session, account_ids=[registered.account_id], actor=actor, policy=policy, now=now)
        if registered.kept:
            rotations.ask(
                session, [registered.account_id], RotationReason.HOLDER_CHANGED, actor=actor, policy=policy, now=now
            )
        else:
            hand_changes.ask(session, [registered.account_id], actor=actor, policy=policy, now=now)
    registered.ended_at, registered.end_reason = now, reason
    registered_owners.drop_proposal(session, registered, now=now)
    session.flush()
    record(session, "registered_id.ended", registered, actor=actor, policy=policy, now=now)
    holder_changes.follow_offices(session, actor=actor, policy=policy, now=now)
    tell(session, {registered.owner_id} - {person_id}, registered, "登録が終わりました", now=now)
    return registered


# --- what has to be so ------------------------------------------------------------------------------------------------


def _accepter(session: Session, registered: RegisteredId, actor: Actor, *, policy: Policy, now: datetime) -> int:
    return require_accepter(
        session, proposed_by=registered.proposed_by_id, owner=registered.owner_id, actor=actor, policy=policy, now=now
    )


def _require_still_used(session: Session, registered: RegisteredId, *, now: datetime) -> None:
    """What nobody answers for, or nobody uses, is not prolonged (A13). Raises IllegalTransition."""
    day = day_of(now)
    if registered.id not in owners_there(session, day):
        raise IllegalTransition(
            "管理責任者が、在職していないか、引き受けたときの課を離れています。先に管理責任者を変更してください。"
        )
    account_id = registered.account_id or 0
    if registered.kind is AccountKind.SHARED and not users_on(session, day, [account_id], now=now)[account_id]:
        raise IllegalTransition(
            "この共用IDの利用者が一人もいません。使う人の利用の申請が承認されてから期間を改めるか、登録を終えてください。"
        )


def _require_nobodys(session: Session, found: FoundAccount) -> None:
    if found.person_id is not None:
        raise IllegalTransition("個人のIDです。本人の管理用ID（特権ID）は、申請によって登録簿に載ります。")
    live = select(RegisteredId.id).where(RegisteredId.found_id == found.id, RegisteredId.ended_at.is_(None))
    if session.scalar(live) is not None:
        raise IllegalTransition("このIDは、すでに登録されているか、登録の申出が出ています。")


def _require_sensible(
    session: Session, found: FoundAccount, wanted: WantedId, day: date, policy: Policy
) -> None:  # fmt: skip
    if wanted.kind not in KINDS:
        refuse_field("kind", "特権ID、共用ID、サービスIDのどれかを選んでください。")
    _require_end(wanted.kind, wanted.valid_until, day, policy)
    require_owner(session, wanted.owner_id, day)
    if wanted.kept:
        _require_keepable(session, found)


def _require_still_sensible(session: Session, registered: RegisteredId, day: date, policy: Policy) -> None:
    """Between the proposal and its acceptance an owner leaves, a day passes, a directory begins to guard the ID."""
    _require_end(registered.kind, registered.valid_until, day, policy)
    require_owner(session, registered.owner_id, day)
    if registered.kept:
        _require_keepable(session, registered.found)


def _require_end(
    kind: AccountKind, valid_until: date | None, day: date, policy: Policy, *, going_on: date | None = None
) -> None:
    """`going_on`: until when it stands there already."""
    if valid_until is None:
        if kind is not AccountKind.SERVICE:
            refuse_field("valid_until", f"{ACCOUNT_KIND_TITLES[kind]}には、必要な期間の最終日を入れてください。")
        return
    if valid_until <= day:
        refuse_field("valid_until", "今日以後の日にしてください。")
    longest = policy.privileged.longest_days
    if (valid_until - max(day, going_on or day)).days > longest:
        since = "いまの期限" if going_on is not None and going_on > day else "今日"
        refuse_field("valid_until", f"{since}から{longest}日以内の日にしてください。期限の前に改められます。")


def _require_keepable(session: Session, found: FoundAccount) -> None:
    if found.system.connector == BY_HAND:
        refuse_field("kept", "連携のないシステムのパスワードは預かれません。手作業で変更してください。")
    if found.protected or found.marked:
        refuse_field(
            "kept",
            "ディレクトリの管理者として保護されたID、又はほかの管理番号の付いたIDのパスワードは預かれません。"
            "手作業で変更し、封をして保管してください。",
        )
    if is_own(Named(found.system.connector, found.external_id, found.login_name), own_service_accounts(session)):
        refuse_field("kept", "この製品が接続に使うIDです。パスワードを変えると接続が止まるため、預かれません。")


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
