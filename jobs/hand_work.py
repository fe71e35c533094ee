"""Where there is no directory to write to, a task becomes a work order; a person's hands do the rest (control G2).

The same task, the same moment, the same rows: only what carries them out is another. Orders are issued in the
transaction that ends the task, so a worker that dies leaves neither without the other.
"""

from collections.abc import Collection, Mapping

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.operations import outbox
from idm.operations.factors import factor_gate
from idm.operations.hand_work import work_order_notices
from idm.operations.hand_work.work_order_issue import by_hand_groups, issue, open_orders
from idm.operations.information_systems import listings
from idm.operations.outbox import LONGEST_WAIT_SECONDS, Carried
from idm.operations.rights import account_stops
from idm.operations.rights.accounts import held_back
from idm.policy import Policy
from idm.ports import TargetAccount
from idm.queries.governance.configuration import policy_in_force
from jobs.installation import Installation

ACTOR = Actor.job("jobs.hand_work")
BATCH = 250


def run_system(
    installation: Installation, system_id: int, *, worker: str, limit: int | None = None, stops_only: bool = False
) -> int:  # fmt: skip
    """Afterwards every due task of a system without an interface has become work, or needed none. Returns how many."""
    tried = 0
    while limit is None or tried < limit:
        most = BATCH if limit is None else min(BATCH, limit - tried)
        done = _one_batch(installation, system_id, worker, most, stops_only=stops_only)
        if not done:
            break
        tried += done
    return tried


def _one_batch(
    installation: Installation, system_id: int, worker: str, limit: int, *, stops_only: bool
) -> int:  # fmt: skip
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        tasks = outbox.claim(session, system_id, worker=worker, limit=limit, now=now, stops_only=stops_only)
        factor_gate.apply(session, [task.account_id for task in tasks], actor=ACTOR, policy=policy, now=now)
        # What an order asks for already is kept up to date, or a clerk would go on with what nobody wants any more.
        asked = open_orders(session, [task.account_id for task in tasks])
        held = held_back(session, system_id, [task.account for task in tasks if task.account_id not in asked])
        due = [task.account_id for task in tasks if task.account_id not in held]
        issued = _issue(session, installation, system_id, due, policy)
        carried = [
            Carried(task.id, unavailable=held[task.account_id], retry_after_seconds=LONGEST_WAIT_SECONDS)
            if task.account_id in held
            else Carried(task.id, by_hand=True, steps=issued.get(task.account_id, ()))
            for task in tasks
        ]
        outbox.finish(session, carried, worker=worker, actor=ACTOR, policy=policy, now=now)
        # Where the books already show it and no hand is asked for anything, a stop has been reached.
        asked = open_orders(session, due)
        settled = [task.account for task in tasks if task.account_id in due and task.account_id not in asked]
        account_stops.follow_read_back(session, settled, now=now)
    return len(tasks)


def follow_read_back(
    session: Session, installation: Installation, system_id: int, seen: Mapping[int, TargetAccount | None],
    policy: Policy,
) -> None:  # fmt: skip
    """Afterwards what the connector of a system may not change has its orders (D10). `seen`: account → as read back.

    That is: groups that are changed by hand only, and everything about accounts that the directory guards.
    """
    guarded = {account_id: account for account_id, account in seen.items() if account and account.protected}
    asked = seen.keys() if by_hand_groups(session, system_id) else guarded.keys() | open_orders(session, list(seen))
    _issue(session, installation, system_id, asked, policy, guarded)


def _issue(
    session: Session, installation: Installation, system_id: int, account_ids: Collection[int], policy: Policy,
    guarded: Mapping[int, TargetAccount] | None = None,
) -> dict[int, tuple[str, ...]]:  # fmt: skip
    """Account → what it says in the audit record of its task."""
    if not account_ids:
        return {}
    now = installation.clock()
    result = issue(session, system_id, account_ids, actor=ACTOR, policy=policy, now=now, guarded=guarded)
    work_order_notices.tell_issued(session, result.issued, now=now)
    return {order.account_id: ("WorkOrder",) for order in result.issued}


def escalate(installation: Installation) -> int:
    """Afterwards every level that is due has been told of what is overdue. Returns how many orders that were.

    Lists of user IDs that nobody took over within a day are gone.
    """
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        listings.empty_expired(session, now=now)
        return len(work_order_notices.escalate(session, actor=ACTOR, policy=policy, now=now))
