"""What follows when somebody may use a privileged ID no longer (MT 7-2(1)ウ(カ), KT 第66; controls D4, D7).

Uses that rested on it are over, and every kept password that they could use, or know as it is now, is replaced by one
that nobody knows: whatever it was that ended, a right, an office, a deputyship, an ownership or a contract.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.models.privileged import RegisteredIdHolder
from idm.models.requests import Grant
from idm.operations.privileged import hand_changes, rotations, uses
from idm.policy import Policy
from idm.queries.privileged.holders import Holder, holders_on, known_to, known_to_those_gone
from idm.queries.privileged.without_post import BEGUN
from idm.vocabulary import EntitlementKind, RotationReason


def follow_ended(session: Session, grants: Collection[Grant], *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards nobody works on by these rights, which have ended, and what their holders knew is to be replaced.

    Whoever had a right to a shared ID is off its list. Ordinary rights among them change nothing.
    """
    _follow_users(session, grants, actor=actor, policy=policy, now=now)
    ended = [grant for grant in grants if grant.entitlement.privileged]
    if not ended:
        return
    itself = {grant.account_id for grant in ended if grant.entitlement.kind is EntitlementKind.ACCOUNT}
    uses.end_resting_on(
        session, grant_ids=[grant.id for grant in ended], account_ids=itself, actor=actor, policy=policy, now=now
    )
    people = {grant.account.person_id for grant in ended if grant.account.person_id is not None}
    _replace(
        session, {grant.account_id for grant in ended} | known_to(session, people), actor=actor, policy=policy, now=now
    )


def follow_stopped(
    session: Session, person_ids: Collection[int], account_ids: Collection[int], *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """Afterwards nobody among these people uses a privileged ID, nor anybody these IDs, and what they knew is replaced.

    They have lost nothing for good: who is let in again asks for a use again (H5).
    """
    uses.end_resting_on(
        session, person_ids=person_ids, account_ids=account_ids, actor=actor, policy=policy, now=now
    )  # fmt: skip
    _replace(session, known_to(session, person_ids), actor=actor, policy=policy, now=now)


def follow_begun(session: Session, grants: Collection[Grant], *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards whoever has begun to have a right to a shared ID stands in the books as one of its users."""
    _follow_users(session, [one for one in grants if one.state in BEGUN], actor=actor, policy=policy, now=now)


def _follow_users(
    session: Session, grants: Collection[Grant], *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    if any(grant.entitlement.kind is EntitlementKind.SHARED_ID for grant in grants):
        follow_offices(session, actor=actor, policy=policy, now=now)


def follow_offices(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards the books say who may use which registered ID today; whoever no longer may knows no password of it.

    Whatever changed: an office, a deputyship, an owner, a right, the unit that manages a system, a contract. Uses whose
    basis is gone are over. Returns how many no longer may.
    """
    day = day_of(now)
    standing = _standing(session)
    wanted = holders_on(session, day, now=now)
    gone = [row for holder, row in sorted(standing.items()) if holder not in wanted]
    for row in gone:
        row.ended_at = now
    session.flush()
    session.add_all(
        RegisteredIdHolder(account_id=account, person_id=person, since=now)
        for account, person in sorted(wanted - standing.keys())
    )
    session.flush()
    _record(session, gone, actor=actor, policy=policy, now=now)
    uses.carry_on(session, actor=actor, policy=policy, now=now)
    worthless = {row.account_id for row in gone} | known_to(session, {row.person_id for row in gone})
    _replace(session, worthless | known_to_those_gone(session, day), actor=actor, policy=policy, now=now)
    hand_changes.ask(session, {row.account_id for row in gone}, actor=actor, policy=policy, now=now)
    return len(gone)


def _standing(session: Session) -> dict[Holder, RegisteredIdHolder]:
    """As the books have it, ours until this transaction ends."""
    query = select(RegisteredIdHolder).where(RegisteredIdHolder.ended_at.is_(None))
    rows = session.scalars(query.order_by(RegisteredIdHolder.id).with_for_update())
    return {(row.account_id, row.person_id): row for row in rows}


def _replace(
    session: Session, account_ids: Collection[int], *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    if account_ids:
        rotations.ask(session, account_ids, RotationReason.HOLDER_CHANGED, actor=actor, policy=policy, now=now)


def _record(
    session: Session, gone: Iterable[RegisteredIdHolder], *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    for row in gone:
        audit.record(
            session, action="registered_id.holder_gone", actor=actor, obj=("account", str(row.account_id)), now=now,
            policy_digest=policy.digest, payload={"person": row.person_id, "since": row.since.isoformat()},
        )  # fmt: skip
