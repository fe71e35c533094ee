"""Two at once: one account never has two open orders, and one order is never confirmed twice (control G2)."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select

from idm.errors import DecidedMeanwhile, IllegalTransition, Refusal
from idm.models.systems import InformationSystem
from idm.models.work_orders import WorkOrderState
from idm.operations.hand_work import work_order_issue
from tests.carried_out import WORKER
from tests.cast import NOW, Cast
from tests.hand_office import SYSTEM, account, add_system, confirm, do, grant, orders


@pytest.fixture
def office(postgres_office: Cast) -> Cast:
    """The office on a database that lets two write at once, with 青木's approved account."""
    add_system(postgres_office)
    request = postgres_office.file("hr", ("staff", f"{SYSTEM}/account"))
    postgres_office.approve(request)
    return postgres_office


def at_once(*acts: Callable[[], object]) -> list[Exception]:
    """What went wrong when all of them were begun at the same moment."""
    start, wrong = threading.Barrier(len(acts)), list[Exception]()

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except Exception as problem:
            wrong.append(problem)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_two_workers_issue_one_order(office: Cast) -> None:
    with office.database.reading() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == SYSTEM)).one()
        account_id = account(session, office, "staff").id

    def issue() -> None:
        with office.database.writing() as session:
            work_order_issue.issue(session, system_id, [account_id], actor=WORKER, policy=office.policy, now=NOW)

    wrong = at_once(issue, issue, issue, issue)
    assert wrong == []
    assert [order.state for order in orders(office)] == [WorkOrderState.ISSUED]


def test_two_people_confirm_once(office: Cast) -> None:
    grant(office, "staff", "view")
    order = orders(office)[-1]
    do(office, order)
    wrong = at_once(lambda: confirm(office, order, who="system"), lambda: confirm(office, order, who="security"))
    assert len(wrong) == 1
    assert isinstance(wrong[0], IllegalTransition | DecidedMeanwhile)
    assert isinstance(wrong[0], Refusal)
    assert orders(office)[-1].state is WorkOrderState.CONFIRMED
