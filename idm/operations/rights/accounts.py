"""Accounts and the outbox: a decision about an account makes it a generation older and leaves a task behind."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import InvalidInput
from idm.models.going_live import FoundAccount
from idm.models.requests import RequestLine
from idm.models.systems import Account, ChosenName, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.organisation import LoginNames
from idm.policy import Policy
from idm.queries.information_systems.found_accounts import in_the_way, recognised
from idm.queries.rights.login_names import Proposal, privileged_proposals, proposals
from idm.vocabulary import BY_HAND, AccountKind, FoundState

LONGEST_LOGIN_NAME = 64
"""Characters, as many as an account's column holds."""


def kind_for(*, privileged: bool) -> AccountKind:
    """On which of somebody's accounts a right takes effect: no daily one carries a privileged right (control D8)."""
    return AccountKind.PRIVILEGED if privileged else AccountKind.PERSONAL


def accounts_of(
    session: Session, lines: Sequence[RequestLine], *, rule: LoginNames, now: datetime
) -> dict[int, Account]:
    """Line id → the account on which it takes effect, of lines of one application.

    A privileged right's is the person's privileged ID of the system, any other's their daily one; made where there was
    none. Raises what `personal_accounts` raises.
    """
    today = day_of(now)
    wanted: dict[AccountKind, dict[int, date]] = defaultdict(dict)
    for line in lines:
        days = wanted[kind_for(privileged=line.entitlement.privileged)]
        days[line.subject_id] = max(today, line.valid_from)
    if AccountKind.PRIVILEGED in wanted:
        # Also what holders are counted under (control D1); the system before any account, so that none waits in a ring.
        lock_names(session, lines[0].system_id, rule)
    # The daily ones first: a privileged ID is called after the daily one.
    made: dict[AccountKind, dict[int, Account]] = {
        kind: personal_accounts(session, system_id=lines[0].system_id, days=wanted[kind], rule=rule, now=now, kind=kind)
        for kind in (AccountKind.PERSONAL, AccountKind.PRIVILEGED) if kind in wanted
    }  # fmt: skip
    return {line.id: made[kind_for(privileged=line.entitlement.privileged)][line.subject_id] for line in lines}


def personal_accounts(
    session: Session, *, system_id: int, days: Mapping[int, date], rule: LoginNames, now: datetime,
    kind: AccountKind = AccountKind.PERSONAL,
) -> dict[int, Account]:  # fmt: skip
    """Person → their account of this kind in the system, made where there was none. No name is ever another's again.

    An account that exists keeps its name, whatever the person's name, number or the rule have become; so does one that
    was there before us, which is taken over (control A18). `days` says for each person from when on it is wanted.
    Raises InvalidInput when somebody has no employment, no name is left them, or an account there may be theirs.
    """
    if _are_missing(session, system_id, days, kind):
        lock_names(session, system_id, rule)
    accounts = _known(session, system_id, days, kind)
    accounts |= _taken_over(session, system_id, [person for person in days if person not in accounts], kind, now=now)
    missing = {person: day for person, day in days.items() if person not in accounts}
    for person_id, proposal in _proposals(session, system_id, missing, rule, kind).items():
        if proposal.name is None:
            raise proposal.refusal or InvalidInput("利用者IDを作れません。")
        accounts[person_id] = Account(
            uuid=uuid4(), system_id=system_id, person_id=person_id, kind=kind,
            login_name=proposal.name, created_at=now, generation=0,
        )  # fmt: skip
    session.add_all(accounts.values())
    session.flush()
    return accounts


def _taken_over(
    session: Session, system_id: int, person_ids: Collection[int], kind: AccountKind, *, now: datetime
) -> dict[int, Account]:
    """Person → the account that was there before us and is theirs. Raises InvalidInput while that is not settled."""
    for login_name in in_the_way(session, system_id, person_ids).values():
        raise unsettled(login_name)
    accounts = {}
    for person_id, found in recognised(session, system_id, person_ids, kind).items():
        account = Account(
            uuid=uuid4(), system_id=system_id, person_id=person_id, kind=kind, created_at=now,
            generation=0, login_name="",
        )  # fmt: skip
        take_over(session, account, found, now=now)
        accounts[person_id] = account
    return accounts


def take_over(session: Session, account: Account, found: FoundAccount, *, now: datetime) -> None:
    """Afterwards the account is the one that was found: its name, its id on the target, and where it could be signed in
    to, its own password.

    It keeps whatever name it has, even one that our rule would not make. Raises InvalidInput where that name is
    another's in our books.
    """
    _require_free(session, found, account)
    account.login_name, account.external_id = found.login_name, found.external_id
    # One that was stopped is not opened again under a password of old: it is handed over anew (E3).
    account.adopted_at, account.handed_over_at = now, now if found.enabled else None
    if found.system.connector == BY_HAND:
        # Nothing is written there to make it ours: as the list shows it, it is.
        account.seen_at, account.seen_present, account.seen_enabled = found.last_seen_at, True, found.enabled
        account.seen_expires_at, account.seen_groups = found.expires_at, found.groups
    session.add(account)
    session.flush()
    found.account_id = account.id
    session.flush()


def record_taken_over(session: Session, account: Account, *, actor: Actor, policy_digest: str, now: datetime) -> None:
    """Afterwards the audit says that the account was there before us and is ours from now on."""
    audit.record(
        session, action="account.taken_over", actor=actor, obj=("account", str(account.id)), now=now,
        policy_digest=policy_digest,
        payload={
            "system": account.system_id, "login_name": account.login_name, "person": account.person_id,
            "external_id": account.external_id, "uuid": str(account.uuid),
        },
    )  # fmt: skip


def follow_matches(session: Session, system_id: int, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards an account that was approved but never made is the one that was found for the same person."""
    query = (
        select(FoundAccount, Account)
        .join(Account, (Account.person_id == FoundAccount.person_id) & (Account.system_id == FoundAccount.system_id))
        .where(
            FoundAccount.system_id == system_id, FoundAccount.state == FoundState.PERSON,
            FoundAccount.account_id.is_(None), FoundAccount.gone_at.is_(None),
            Account.kind == func.coalesce(FoundAccount.kind, AccountKind.PERSONAL.value),
            Account.external_id.is_(None), Account.adopted_at.is_(None),
        )
    )  # fmt: skip
    for found, account in session.execute(query).all():
        take_over(session, account, found, now=now)
        record_taken_over(session, account, actor=actor, policy_digest=policy.digest, now=now)
        schedule(session, account, now=now)


def unsettled(login_name: str) -> InvalidInput:
    """The refusal of a new account for somebody who may have one there already."""
    return InvalidInput(
        f"この人のものかもしれない利用者ID「{login_name}」がこのシステムに残っているため、新しく作れません。"
        "情報システム管理者が「引継ぎ」の画面でその持ち主を決めてから、もう一度行ってください。"
    )


def held_back(session: Session, system_id: int, accounts: Collection[Account]) -> dict[int, str]:
    """Account → why it is not made: somebody has to say first whose the account is that was there before us (A18)."""
    new = [one for one in accounts if one.external_id is None and one.adopted_at is None]
    names = in_the_way(session, system_id, {one.person_id or 0 for one in new})
    told = {one.id: names[one.person_id or 0] for one in new if one.person_id in names}
    for kind in (AccountKind.PERSONAL, AccountKind.PRIVILEGED):
        of_kind = {one.person_id or 0: one.id for one in new if one.kind is kind}
        for person_id, found in recognised(session, system_id, of_kind, kind).items():
            told[of_kind[person_id]] = found.login_name
    return {account_id: unsettled(name).message for account_id, name in told.items()}


def _require_free(session: Session, found: FoundAccount, account: Account) -> None:
    name = found.login_name.lower()
    if not 0 < len(name) <= LONGEST_LOGIN_NAME:
        raise InvalidInput(
            f"利用者ID「{found.login_name}」は長すぎるため、引き継げません（{LONGEST_LOGIN_NAME}文字まで）。"
        )
    other = select(Account.id).where(
        Account.system_id == found.system_id, func.lower(Account.login_name) == name, Account.id != (account.id or 0)
    )
    chosen = select(ChosenName.id).where(
        ChosenName.system_id == found.system_id, func.lower(ChosenName.login_name) == name,
        ChosenName.person_id != found.person_id,
    )  # fmt: skip
    if session.scalar(other.limit(1)) is not None or session.scalar(chosen.limit(1)) is not None:
        raise InvalidInput(
            f"利用者ID「{found.login_name}」は、台帳ではほかの人のものです。どちらの名前を残すかを決め、"
            "ディレクトリ又は台帳の名前を直してから、もう一度行ってください。"
        )


def lock_names(session: Session, system_id: int, rule: LoginNames) -> None:
    """Afterwards nobody else gives a name that this transaction might give, until it ends.

    Whoever makes accounts of a system waits for whoever is making some, and then sees them. Where a name must be free
    in every system, all are locked, always in the same order. The lock is that of an ordinary update: rows that refer
    to these may be inserted meanwhile.
    """
    systems = select(InformationSystem.id).order_by(InformationSystem.id).with_for_update(key_share=True)
    session.execute(systems if rule.rule == "romaji" else systems.where(InformationSystem.id == system_id))


def _proposals(
    session: Session, system_id: int, days: Mapping[int, date], rule: LoginNames, kind: AccountKind
) -> dict[int, Proposal]:
    propose = privileged_proposals if kind is AccountKind.PRIVILEGED else proposals
    return propose(session, session.get_one(InformationSystem, system_id), days, rule) if days else {}


def _are_missing(session: Session, system_id: int, person_ids: Collection[int], kind: AccountKind) -> bool:
    """Whether some of the people have no such account yet; accounts are never deleted, so that the answer no stays."""
    there = select(func.count()).where(
        Account.system_id == system_id, Account.person_id.in_(person_ids), Account.kind == kind
    )
    return (session.scalar(there) or 0) < len(person_ids)


def _known(session: Session, system_id: int, person_ids: Collection[int], kind: AccountKind) -> dict[int, Account]:
    """As they are now, and until this transaction ends: two decisions about one account follow one another."""
    query = select(Account).where(
        Account.system_id == system_id, Account.person_id.in_(person_ids), Account.kind == kind
    )
    locked = query.order_by(Account.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    return {account.person_id or 0: account for account in session.scalars(locked)}


def schedule(session: Session, account: Account, *, now: datetime) -> None:
    """Afterwards a worker will look at this account as of this decision; every older task about it is out of date."""
    account.generation += 1
    session.add(
        OutboxTask(
            system_id=account.system_id,
            account_id=account.id,
            generation=account.generation,
            state=TaskState.WAITING,
            due_at=now,
            created_at=now,
        )
    )
