"""Accounts that let nobody in: a reason is opened and closed here, the outbox does the rest (controls C1, H4, H5).

An account opens again when no reason is left, and then shows what is approved at that moment: what was there before,
less what has ended meanwhile.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.database import in_chunks
from idm.models.stops import AccountStop
from idm.models.systems import Account
from idm.operations.rights.accounts import schedule
from idm.policy import Policy
from idm.vocabulary import AccountKind


def place(
    session: Session, account_ids: Collection[int], *, stop_id: int | None = None, dormancy_id: int | None = None,
    actor: Actor, policy: Policy, now: datetime,
) -> int:  # fmt: skip
    """Afterwards each of these accounts lets nobody in for this reason. Returns for how many the reason is new.

    Exactly one of `stop_id` and `dormancy_id` says what the reason is. IDs that are nobody's own are left to their
    register.
    """
    placed = 0
    for some in in_chunks(sorted(set(account_ids))):
        accounts = _locked(session, some)
        known = {stop.account_id for stop in session.scalars(_open(stop_id, dormancy_id))}
        for account in accounts:
            if account.id in known or (account.person_id is None and account.kind is not AccountKind.PERSONAL):
                continue
            session.add(
                AccountStop(account_id=account.id, stop_id=stop_id, dormancy_id=dormancy_id, since=now,
                            was_enabled=account.seen_enabled)
            )  # fmt: skip
            schedule(session, account, now=now)
            _record(session, "account.stopped", account, stop_id, dormancy_id, actor=actor, policy=policy, now=now)
            placed += 1
        session.flush()
    return placed


def release(
    session: Session, *, stop_id: int | None = None, dormancy_id: int | None = None,
    actor: Actor, policy: Policy, now: datetime,
) -> int:  # fmt: skip
    """Afterwards this reason stops no account any more. Returns how many it did; other reasons go on."""
    stops = session.scalars(_open(stop_id, dormancy_id).order_by(AccountStop.account_id)).all()
    by_account = {stop.account_id: stop for stop in stops}
    for some in in_chunks(by_account):
        for account in _locked(session, some):
            by_account[account.id].until = now
            schedule(session, account, now=now)
            _record(session, "account.stop_ended", account, stop_id, dormancy_id, actor=actor, policy=policy, now=now)
        session.flush()
    return len(stops)


def follow_read_back(session: Session, accounts: Iterable[Account], *, now: datetime) -> None:
    """Afterwards the stops of these accounts, which were read back at `now`, say that they were reached, or are over.

    What was read before says nothing.
    """
    by_id = {account.id: account for account in accounts}
    for some in in_chunks(by_id):
        _follow(session, some, by_id, now=now)


def _follow(session: Session, account_ids: Collection[int], by_id: Mapping[int, Account], *, now: datetime) -> None:
    reached = or_(
        and_(AccountStop.until.is_(None), AccountStop.stopped_at.is_(None), AccountStop.since <= now),
        and_(AccountStop.until <= now, AccountStop.restored_at.is_(None)),
    )
    for stop in session.scalars(select(AccountStop).where(AccountStop.account_id.in_(account_ids), reached)):
        account = by_id[stop.account_id]
        if stop.until is not None:
            stop.restored_at = now
        elif not account.seen_present or not account.seen_enabled:
            stop.stopped_at = now


def _open(stop_id: int | None, dormancy_id: int | None) -> Select[AccountStop]:
    if (stop_id is None) is (dormancy_id is None):
        raise ValueError("a stop has exactly one cause")
    cause: ColumnElement[bool] = (
        AccountStop.stop_id == stop_id if stop_id is not None else AccountStop.dormancy_id == dormancy_id
    )
    return select(AccountStop).where(cause, AccountStop.until.is_(None))


def _locked(session: Session, account_ids: Collection[int]) -> list[Account]:
    """As they are now, and until this transaction ends: two decisions about one account follow one another."""
    query = select(Account).where(Account.id.in_(account_ids)).order_by(Account.id)
    return list(session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)))


def _record(
    session: Session, action: str, account: Account, stop_id: int | None, dormancy_id: int | None,
    *, actor: Actor, policy: Policy, now: datetime,
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("account", str(account.id)), now=now, policy_digest=policy.digest,
        payload={
            "account": account.login_name, "person": account.person_id, "system": account.system_id,
            "stop": stop_id, "dormancy": dormancy_id,
        },
    )  # fmt: skip
