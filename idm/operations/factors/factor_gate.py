"""The gate, carried out: rights are held back and given again as `factor_gate` says (FK 3(1)②ア, controls B1, B2).

One rule for every occasion: an approval, a card activated or lost, a list read in, a directory read back, the night.
The right stays approved; what is held back is its effect, and the directory follows through the outbox.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from idm.actor import Actor
from idm.database import in_chunks
from idm.factors.factor_gate import Verdict
from idm.grant_state import GrantState, SuspensionReason
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.operations.factors import factor_readings
from idm.operations.rights import suspensions
from idm.operations.rights.accounts import schedule
from idm.policy import Policy
from idm.queries.factors.factor_gate import SET_BY_US, accounts_at_the_gate, live_grants, to_be_held, verdicts

WAITS_FOR_THE_DIRECTORY = frozenset({Verdict.NOT_SHOWN, Verdict.NOT_ENFORCED, Verdict.GROWN_OLD})


def apply(session: Session, account_ids: Collection[int], *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards every live grant of these accounts is held back or not, as the gate says. Returns how many changed.

    What is in effect is stopped in this transaction; a worker disables the account in its next pass.
    """
    session.flush()
    changed = 0
    for some in in_chunks(sorted(account_ids)):
        judged = to_be_held(session, _locked(session, some, now), policy=policy, now=now)
        hold = {one.grant_id: held for one, held in judged.items() if held is not one.held}
        grants, reason = _grants(session, hold), SuspensionReason.MISSING_FACTOR
        for grant in grants:
            if hold[grant.id]:
                changed += suspensions.suspend(session, grant, reason, actor=actor, policy=policy, now=now)
        opened = [grant for grant in grants if not hold[grant.id]]
        changed += suspensions.resume_all(session, opened, reason, actor=actor, policy=policy, now=now)
    return changed


def _locked(session: Session, account_ids: Collection[int], now: datetime) -> list[int]:
    """Those of the accounts that the gate has to do with, kept as they are until the transaction ends.

    Whoever changes one of the facts applies the gate after it: of two at one moment the second waits here, and judges
    by what the first has done. Without this a card given back and a reading at the same moment could miss each other.
    """
    concerned = {one.account_id for one in live_grants(session, account_ids, now=now) if one.gated or one.held}
    if not concerned:
        return []
    query = select(Account.id).where(Account.id.in_(concerned)).order_by(Account.id).with_for_update(key_share=True)
    return list(session.scalars(query))


def _grants(session: Session, grant_ids: Collection[int]) -> list[Grant]:
    if not grant_ids:
        return []
    loaded = (joinedload(Grant.account), joinedload(Grant.entitlement))
    return list(session.scalars(select(Grant).where(Grant.id.in_(grant_ids)).options(*loaded).order_by(Grant.id)))


def apply_to_people(
    session: Session, person_ids: Collection[int], *, system_id: int | None = None, actor: Actor, policy: Policy,
    now: datetime,
) -> int:  # fmt: skip
    """Afterwards the same is true of all accounts of these people, or of those in the one system named.

    Where nothing is missing but what a directory shows, a worker is asked to set it and to look.
    """
    session.flush()
    live = select(Grant.account_id).where(Grant.state != GrantState.ENDED)
    changed = 0
    for some in in_chunks(sorted(person_ids)):
        query = select(Account.id).where(Account.person_id.in_(some), Account.id.in_(live))
        if system_id is not None:
            query = query.where(Account.system_id == system_id)
        accounts = list(session.scalars(query))
        changed += apply(session, accounts, actor=actor, policy=policy, now=now)
        _look_again(session, accounts, policy=policy, now=now)
    return changed


def apply_to_all(
    session: Session, *, system_id: int | None = None, actor: Actor, policy: Policy, now: datetime
) -> int:  # fmt: skip
    """Afterwards the same is true of every account, or of every one in the system named: when rules have changed, and
    in the night, for whatever nobody told of. What was read for a right that needs factors no more is forgotten."""
    session.flush()
    read = factor_readings.read_accounts(session, system_id=system_id)
    factor_readings.forget_without_rights(session, read, now=now)
    accounts = accounts_at_the_gate(session, system_id=system_id)
    return apply(session, accounts, actor=actor, policy=policy, now=now)


def _look_again(session: Session, account_ids: Collection[int], *, policy: Policy, now: datetime) -> None:
    """A worker sets what is missing, reads back and applies the gate; without that, everybody waits for the night."""
    held = {one.account_id for one in live_grants(session, account_ids, now=now) if one.gated and one.held}
    said = verdicts(session, held, policy=policy, now=now)
    waiting = [one for one, verdict in said.items() if verdict in WAITS_FOR_THE_DIRECTORY]
    query = select(Account).where(Account.id.in_(waiting)).options(joinedload(Account.system)).order_by(Account.id)
    for account in session.scalars(query):
        if (account.system.verification or {}).get("by") in SET_BY_US:
            schedule(session, account, now=now)
