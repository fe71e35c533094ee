"""What waits for the person signed in, looked up once a request: for the first page, and as numbers in the menu."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from flask import g

from idm.permissions import Action, may
from idm.queries.approval.approvals import PendingRow, pending_for
from idm.queries.exceptions.exception_todo import ExceptionTodo, exception_todo
from idm.queries.external_services.service_sheets import administered_services, services_to_answer
from idm.queries.hand_work.work_orders import Reach, WorkCounts, work_counts
from idm.queries.official_accounts.account_sheets import accounts_looked_after, accounts_to_answer
from idm.queries.organisation.officers import humans
from idm.queries.own_devices.device_sheets import devices_to_answer
from idm.queries.privileged.todo import OthersUses, OwnUses, others_uses, own_uses
from idm.queries.reviews.reviews import asked_of
from idm.queries.sweep.finding_figures import Own, own_findings
from web import current


@dataclass(frozen=True)
class WaitingWork:
    """What waits for one person at one moment; each kind is looked up when it is first asked for."""

    person_id: int

    @cached_property
    def decisions(self) -> list[PendingRow]:
        """Applications to decide, the one that lapses first on top."""
        with current.look() as session:
            return pending_for(
                session, self.person_id, day=current.today(), lapse_days=current.policy().applications.lapse_days
            )

    @cached_property
    def reviews(self) -> int:
        """Rights of which they are asked whether they are still needed."""
        with current.look() as session:
            return sum(asked_of(session, self.person_id).values())

    @cached_property
    def work(self) -> WorkCounts:
        """Work by hand to do and to confirm."""
        with current.look() as session:
            reach = Reach.of(session, self.person_id, current.today())
            return work_counts(session, self.person_id, reach, now=current.now())

    @cached_property
    def findings(self) -> Own | None:
        """Open findings that are theirs; None for those who see no findings."""
        if not may(current.roles(), Action.SEE_FINDINGS):
            return None
        with current.look() as session:
            return own_findings(session, self.person_id, day=current.today())

    @cached_property
    def exceptions(self) -> ExceptionTodo:
        """What waits for them in the register of exceptions."""
        with current.look() as session:
            return exception_todo(session, self.person_id, policy=current.policy(), now=current.now())

    @cached_property
    def others_uses(self) -> OthersUses:
        """Uses of privileged IDs by other people that wait for them."""
        with current.look() as session:
            return others_uses(session, self.person_id, policy=current.policy(), now=current.now())

    @cached_property
    def own_uses(self) -> OwnUses:
        """Their own uses of privileged IDs."""
        with current.look() as session:
            return own_uses(session, self.person_id, now=current.now())

    @cached_property
    def services(self) -> list[tuple[int, str]]:
        """External services that they look after as the administrator: id and name."""
        with current.look() as session:
            return administered_services(session, humans(session, [self.person_id])[self.person_id].rows)

    @cached_property
    def services_to_answer(self) -> int:
        """Applications for external services that they decide on."""
        if not current.roles() & frozenset(current.policy().external_services.decided_by):
            return 0
        with current.look() as session:
            return services_to_answer(session, humans(session, [self.person_id])[self.person_id].rows)

    @cached_property
    def official_accounts(self) -> list[tuple[int, str]]:
        """Official accounts that they answer for or post with: id and name."""
        with current.look() as session:
            return accounts_looked_after(session, humans(session, [self.person_id])[self.person_id].rows)

    @cached_property
    def accounts_to_answer(self) -> int:
        """Applications for official accounts that they decide on."""
        if not current.roles() & frozenset(current.policy().official_accounts.decided_by):
            return 0
        with current.look() as session:
            return accounts_to_answer(session, humans(session, [self.person_id])[self.person_id].rows)

    @cached_property
    def devices_to_answer(self) -> int:
        """Applications for devices of people's own that wait for their permit."""
        if not may(current.roles(), Action.PERMIT_OWN_DEVICE):
            return 0
        with current.look() as session:
            return devices_to_answer(session, self.person_id, policy=current.policy(), day=current.today())


COUNTS: Mapping[str, Callable[[WaitingWork], int]] = {
    "approvals.index": lambda waiting: len(waiting.decisions),
    "reviews.index": lambda waiting: waiting.reviews,
    "work_orders.index": lambda waiting: waiting.work.to_do + waiting.work.to_confirm,
    "findings.index": lambda waiting: waiting.findings.open if waiting.findings else 0,
    "exceptions.index": lambda waiting: waiting.exceptions.number,
    "external_services.index": lambda waiting: waiting.services_to_answer,
    "official_accounts.index": lambda waiting: waiting.accounts_to_answer,
    "own_devices.index": lambda waiting: waiting.devices_to_answer,
    "privileged_use_oversight.index": lambda waiting: waiting.others_uses.number,
}
"""Page of the navigation → how much of what it shows waits for the person."""


def waiting_work() -> WaitingWork:
    """What waits for whoever sent this request."""
    if "waiting_work" not in g:
        g.waiting_work = WaitingWork(current.signed_in().person_id)
    found: WaitingWork = g.waiting_work
    return found


def waiting_on(endpoint: str) -> int:
    """How much waits for whoever sent this request on that page; 0 for a page on which nothing waits.

    After a fault nothing is looked up any more: its page must not come to the same fault.
    """
    count = COUNTS.get(endpoint) if not g.get("faulty") else None
    return count(waiting_work()) if count is not None else 0
