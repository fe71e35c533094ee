"""The cast's office with two more systems: 戸籍附票, which has no interface, and a ledger group changed by hand only.

A second hand-over officer (今泉) and a second manager (百道) let one person do what another confirms.
"""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.officers import Officer
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work_orders import WorkOrder
from idm.operations import outbox
from idm.operations.hand_work import work_order_issue, work_orders
from idm.operations.hand_work.work_order_issue import Issued
from idm.operations.hand_work.work_orders import Report
from idm.operations.outbox import Carried
from idm.vocabulary import BY_HAND, EntitlementKind, Role, Stage, Zone
from tests.carried_out import WORKER
from tests.cast import NOW, Cast

SYSTEM = "koseki"
LISTING = {
    "login_name": "利用者ID", "display_name": "氏名", "employee_number": "職員番号", "enabled": "状態",
    "disabled": ["停止", "無効"], "last_used": "最終利用日", "groups": "権限", "separator": "・",
    "format": "delimited", "encoding": "cp932", "delimiter": ",", "sheet": "", "excel_serials": False,
}  # fmt: skip


def add_system(cast: Cast) -> None:
    """Afterwards there is a system without an interface, and 今泉 does work by hand beside 西新."""
    with cast.database.writing() as session:
        system = InformationSystem(
            code=SYSTEM, name="戸籍附票システム", zone=Zone.LGWAN, confidentiality=3, integrity=2, availability=2,
            manager_unit_code="0600", connector=BY_HAND, connector_settings={}, stage=Stage.ENFORCE, listing=LISTING,
        )  # fmt: skip
        session.add(system)
        session.flush()
        for code, name, kind in (
            ("account", "利用者ID", EntitlementKind.ACCOUNT),
            ("view", "附票の照会", EntitlementKind.GROUP),
            ("print", "附票の写しの交付", EntitlementKind.GROUP),
        ):
            group = f"K-{code}" if kind is EntitlementKind.GROUP else None
            session.add(
                Entitlement(system_id=system.id, code=code, name=name, kind=kind, target_name=group, privileged=False)
            )
    seat(cast, "other", Role.HANDOVER)


def seat(cast: Cast, who: str, role: Role, unit: str | None = None) -> None:
    """The person holds one role more."""
    with cast.database.writing() as session:
        session.add(
            Officer(role=role, person_id=cast.people[who], unit_code=unit, valid_from=date(2020, 4, 1),
                    confirmed_at=NOW, confirmed_by_id=cast.people["security"])
        )  # fmt: skip


def grant(cast: Cast, who: str, *rights: str, now: datetime = NOW, until: date | None = None) -> int:
    """`who` has been granted these rights of the system, and the orders are issued; the application's id."""
    request = cast.file("hr", *((who, f"{SYSTEM}/{right}") for right in rights), now=now, valid_until=until)
    for line in range(len(rights)):
        cast.approve(request, now=now, line=line)
    issue_due(cast, now=now)
    return request


def issue_due(cast: Cast, *, now: datetime = NOW) -> list[Issued]:
    """Afterwards the tasks of the system have become orders, as the job does it."""
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == SYSTEM)).one()
        tasks = outbox.claim(session, system.id, worker="t", limit=1000, now=now)
        found = work_order_issue.issue(
            session, system.id, [task.account_id for task in tasks], actor=WORKER, policy=cast.policy, now=now
        )
        carried = [Carried(task.id, by_hand=True) for task in tasks]
        outbox.finish(session, carried, worker="t", actor=WORKER, policy=cast.policy, now=now)
        return [found]


def orders(cast: Cast) -> list[WorkOrder]:
    """Every order, oldest first, with its steps."""
    with cast.database.reading() as session:
        found = list(session.scalars(select(WorkOrder).order_by(WorkOrder.id)))
        for order in found:
            _ = list(order.steps)
        return found


def kinds(order: WorkOrder) -> list[str]:
    """The kinds of its steps, in order."""
    return [step.kind.value for step in order.steps]


def tick(cast: Cast, order: WorkOrder, positions: Collection[int], *, who: str = "desk", now: datetime = NOW) -> None:
    """`who` ticks these steps and no others."""
    with cast.acting(who, "work_order.tick", now) as session:
        ids = [step.id for step in order.steps if step.position in positions]
        work_orders.tick(session, order.id, ids, actor=cast.actor(who), policy=cast.policy, now=now)


def do(
    cast: Cast, order: WorkOrder, *, who: str = "desk", now: datetime = NOW, handed_to: str = "本人に封書で手渡し",
    note: str = "", without: Collection[int] = (),
) -> None:  # fmt: skip
    """`who` reports the work as done, all steps ticked but those at the positions named."""
    with cast.acting(who, "work_order.do", now) as session:
        ticked = frozenset(step.id for step in order.steps if step.position not in without)
        report = Report(ticked, note=note, handed_to=handed_to)
        work_orders.do(session, order.id, report, actor=cast.actor(who), policy=cast.policy, now=now)


def confirm(cast: Cast, order: WorkOrder, *, who: str = "system", now: datetime = NOW) -> None:
    """`who` confirms the work."""
    with cast.acting(who, "work_order.confirm", now) as session:
        work_orders.confirm(session, order.id, actor=cast.actor(who), policy=cast.policy, now=now)


def carry_out(cast: Cast, *, who: str = "desk", by: str = "system", now: datetime = NOW) -> None:
    """Every open order is done and confirmed."""
    for order in orders(cast):
        if order.state.value == "issued":
            do(cast, order, who=who, now=now)
            confirm(cast, order, who=by, now=now)


def account(session: Session, cast: Cast, who: str) -> Account:
    """The person's account in the system."""
    return session.scalars(
        select(Account).join(Account.system)
        .where(Account.person_id == cast.people[who], InformationSystem.code == SYSTEM)
    ).one()  # fmt: skip
