"""How far what a reported loss stops has come, account by account: as of an order to stop (FK 5-4(1)①ウ; H5)."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from idm.grant_state import SuspensionReason
from idm.models.authenticators import Authenticator, AuthenticatorUse
from idm.models.people import Person
from idm.models.requests import Grant, GrantSuspension
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask
from idm.models.work_orders import WorkOrder, WorkOrderState
from idm.queries.stops.orders import MOST_SHOWN, SystemProgress, WaitingAccount
from idm.stopping import Stopping, stopping


@dataclass(frozen=True)
class LossProgress:
    """Where the accounts are that a lost authenticator stops."""

    systems: tuple[SystemProgress, ...]
    waiting: tuple[WaitingAccount, ...]

    @property
    def accounts(self) -> int:
        """How many there are."""
        return sum(one.accounts for one in self.systems)

    @property
    def reached(self) -> int:
        """How many of them were seen to let nobody in."""
        return sum(one.reached for one in self.systems)

    @property
    def under_way(self) -> bool:
        """Whether something that is carried out by itself, or by an order to somebody's hands, is still to arrive."""
        return any(one.reached < one.accounts and one.by is not Stopping.NOT_BY_US for one in self.systems)


def loss_progress(session: Session, authenticator_id: int) -> LossProgress:
    """What the loss of this authenticator holds back now, in every system where it is in use."""
    newest = and_(OutboxTask.account_id == Account.id, OutboxTask.generation == Account.generation)
    by_hand = and_(
        WorkOrder.account_id == Account.id, WorkOrder.state.in_((WorkOrderState.ISSUED, WorkOrderState.DONE))
    )
    held = (
        select(Grant.account_id)
        .join(GrantSuspension, GrantSuspension.grant_id == Grant.id)
        .where(GrantSuspension.reason == SuspensionReason.LOST_CARD, GrantSuspension.until.is_(None))
    )
    rows = session.execute(
        select(Account, InformationSystem, Person.name, OutboxTask.last_error, WorkOrder.id, WorkOrder.number)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .join(AuthenticatorUse, AuthenticatorUse.system_id == InformationSystem.id)
        .join(Authenticator, AuthenticatorUse.authenticator_id == Authenticator.id)
        .join(Person, Account.person_id == Person.id)
        .outerjoin(OutboxTask, newest)
        .outerjoin(WorkOrder, by_hand)
        .where(
            Authenticator.id == authenticator_id, AuthenticatorUse.until.is_(None),
            Account.person_id == Authenticator.person_id, Account.id.in_(held),
        )
        .order_by(InformationSystem.name, Account.login_name)
    )  # fmt: skip
    accounts, waiting = defaultdict[int, list[bool]](list), list[WaitingAccount]()
    systems: dict[int, InformationSystem] = {}
    for account, system, person, error, order_id, number in rows:
        lets_in = bool(account.seen_present and account.seen_enabled)
        systems[system.id] = system
        accounts[system.id].append(not lets_in)
        if lets_in:
            # What was read last is what it was: nothing has been read since that shows anything else.
            waiting.append(WaitingAccount(system.name, account.login_name, person, True, error, order_id, number))
    return LossProgress(
        tuple(
            SystemProgress(
                system_id, systems[system_id].name, stopping(systems[system_id].stage, systems[system_id].connector),
                len(reached), sum(reached), 0,
            )
            for system_id, reached in accounts.items()
        ),
        tuple(waiting[:MOST_SHOWN]),
    )  # fmt: skip
