"""As if a worker had carried out every task that waits: what was decided is what is seen, or says why not."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.directory.wanted_account import wanted_account
from idm.keys.sealing import seal_to
from idm.models.systems import Account, Entitlement, Handover, InformationSystem
from idm.operations import outbox
from idm.operations.outbox import Carried
from idm.operations.passwords import handovers
from idm.policy import Policy
from idm.ports import TargetAccount
from idm.queries.rights.account_facts import account_facts
from tests.cast import NOW, Cast

WORKER = Actor.job("tests.worker")
PASSWORD = "Kt7-qmR4xnPw2Ybz"


def carry_out(cast: Cast, *, now: datetime = NOW, refused: str | None = None, unavailable: str | None = None) -> None:
    """Afterwards every task due at `now` has ended as a worker would end it; every group is known on its target."""
    with cast.database.writing() as session:
        for right in session.scalars(select(Entitlement).where(Entitlement.target_name.is_not(None))):
            right.external_id = right.external_id or f"id-of-{right.target_name}"
        session.flush()
        for system_id in session.scalars(select(InformationSystem.id)).all():
            tasks = outbox.claim(session, system_id, worker="tests", limit=1000, now=now)
            if refused or unavailable:
                carried = [Carried(task.id, unavailable=unavailable, refused=refused) for task in tasks]
            else:
                carried = [Carried(task.id, _as_wanted(session, task.account, cast.policy, now)) for task in tasks]
            outbox.finish(session, carried, worker="tests", actor=WORKER, policy=cast.policy, now=now)


def _as_wanted(session: Session, account: Account, policy: Policy, now: datetime) -> TargetAccount | None:
    facts = account_facts(session, [account.id], now=now)[account.id]
    wanted = wanted_account(facts, now=now, delete_after_days=policy.personnel.delete_after_days)
    if not wanted.present:
        return None
    return TargetAccount(
        str(account.uuid), account.uuid, wanted.attributes, wanted.enabled, wanted.expires_at, wanted.member_of
    )


def seal_open_handovers(cast: Cast, *, password: str = PASSWORD, now: datetime = NOW) -> None:
    """Afterwards the password waits, sealed, for every hand-over that was asked for, and its account is open."""
    with cast.database.writing() as session:
        asked = select(Handover).where(
            Handover.sealed.is_(None), Handover.shown_at.is_(None), Handover.closed_at.is_(None)
        )
        for handover in session.scalars(asked):
            sealed = seal_to(handover.public_key or b"", password.encode(), handovers.context(handover))
            handovers.seal(session, handover, sealed, actor=WORKER, policy=cast.policy, now=now)
    carry_out(cast, now=now)
