"""Issues work orders: what is wanted, less what the books say is so, at this moment (controls G2, A9, D10).

An open order that still says the same is kept; one that a newer decision overtook is cancelled, and the one in its
place starts from what was already said to be done, so that nothing done meanwhile is forgotten. An account never has
two open orders.

Of an account that the directory guards as an administrator's everything is asked of a person, by what was read back a
moment ago: there the directory itself says how far the work is. Once it is guarded no more, the connector's part is
the connector's again.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, start_of
from idm.directory.hand_work import (
    Asked,
    Books,
    CheckAccount,
    HandStep,
    Work,
    after,
    asked,
    books_as_data,
    books_from_data,
    guarded_work,
    is_urgent,
    kind_of,
    rights_work,
    told,
    wanted_as_data,
    wanted_from_data,
    whole_work,
)
from idm.directory.reconciliation import in_our_care
from idm.directory.wanted_account import AccountFacts, WantedAccount, wanted_account
from idm.directory.work_instructions import About, instruction
from idm.models.people import Person
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work_orders import OPEN_STATES, WorkOrder, WorkOrderNumber, WorkOrderState, WorkOrderStep
from idm.policy import Policy
from idm.ports import Attributes, ExternalId, TargetAccount
from idm.queries.rights.account_facts import account_facts, factor_group, managed_groups
from idm.queries.rights.account_status import FACTOR_GROUP
from idm.vocabulary import BY_HAND, EntitlementKind, Stage


@dataclass(frozen=True)
class Issued:
    """What issuing did: the new orders, and those that were overtaken."""

    issued: tuple[WorkOrder, ...] = ()
    cancelled: tuple[WorkOrder, ...] = ()


@dataclass
class _Situation:
    """One system at the moment of issuing."""

    session: Session
    system: InformationSystem
    actor: Actor
    policy: Policy
    now: datetime
    groups: Mapping[ExternalId, str]
    by_hand: frozenset[ExternalId]
    known: Mapping[int, Attributes]
    facts: Mapping[int, AccountFacts]
    guarded: Mapping[int, TargetAccount]
    managed: frozenset[ExternalId]
    demanding: ExternalId | None
    """The group whose members are asked for a second factor."""
    issued: list[WorkOrder] = field(default_factory=list)
    cancelled: list[WorkOrder] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether everything in the system is done by hand."""
        return self.system.connector == BY_HAND


def issue(
    session: Session, system_id: int, account_ids: Collection[int], *, actor: Actor, policy: Policy, now: datetime,
    guarded: Mapping[int, TargetAccount] | None = None,
) -> Issued:  # fmt: skip
    """Afterwards each of the accounts has exactly the open order that leads to what is wanted, or none is needed.

    `guarded`: those that the directory guards as administrators', as they were read back just now (D10).
    """
    system = session.get_one(InformationSystem, system_id)
    if system.connector == BY_HAND:
        _name_groups(session, system)
    accounts = _locked(session, system_id, account_ids)
    situation = _situation(session, system, list(accounts), actor, policy, now, guarded or {})
    orders = open_orders(session, list(accounts))
    for account in accounts.values():
        settle = _settle_guarded if account.id in situation.guarded else _settle
        settle(situation, account, _wanted(situation, account), orders.get(account.id))
    session.flush()
    return Issued(tuple(situation.issued), tuple(situation.cancelled))


def _name_groups(session: Session, system: InformationSystem) -> None:
    """A system without a directory has no other identity for a group than its name."""
    for right in system.entitlements:
        if right.kind is EntitlementKind.GROUP and right.external_id is None:
            right.external_id = right.target_name
    session.flush()


def _locked(session: Session, system_id: int, account_ids: Collection[int]) -> dict[int, Account]:
    """The accounts as they are now, until this transaction ends: two orders about one account follow one another."""
    query = select(Account).where(Account.system_id == system_id, Account.id.in_(account_ids)).order_by(Account.id)
    locked = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return {account.id: account for account in session.scalars(locked)}


def _situation(
    session: Session, system: InformationSystem, accounts: list[int], actor: Actor, policy: Policy, now: datetime,
    guarded: Mapping[int, TargetAccount],
) -> _Situation:  # fmt: skip
    groups = [right for right in system.entitlements if right.external_id is not None]
    return _Situation(
        session, system, actor, policy, now,
        groups={right.external_id or "": right.name for right in groups},
        demanding=factor_group(session, system.id),
        by_hand=by_hand_groups(session, system.id),
        known=_known_attributes(session, accounts),
        facts=account_facts(session, accounts, now=now),
        guarded=guarded,
        managed=managed_groups(session, system.id),
    )  # fmt: skip


def _wanted(situation: _Situation, account: Account) -> WantedAccount:
    """What is wanted. An order hands an account over; of a guarded one, only what was handed over is ever opened."""
    facts, seen = situation.facts[account.id], situation.guarded.get(account.id)
    handed_over = seen is None or (facts.handed_over and seen.external_id == account.external_id)
    return wanted_account(
        replace(facts, handed_over=handed_over), now=situation.now,
        delete_after_days=situation.policy.personnel.delete_after_days,
    )  # fmt: skip


def by_hand_groups(session: Session, system_id: int) -> frozenset[ExternalId]:
    """The groups of the system that are changed by hand only, as far as they are known on its target."""
    query = select(Entitlement.external_id).where(Entitlement.system_id == system_id, Entitlement.by_hand)
    return frozenset(group for group in session.scalars(query) if group is not None)


def open_orders(session: Session, account_ids: Collection[int]) -> dict[int, WorkOrder]:
    """Account → its open order."""
    query = select(WorkOrder).where(WorkOrder.account_id.in_(account_ids), WorkOrder.state.in_(OPEN_STATES))
    return {order.account_id: order for order in session.scalars(query.options(selectinload(WorkOrder.steps)))}


def _known_attributes(session: Session, account_ids: list[int]) -> dict[int, Attributes]:
    """Account → what its newest confirmed order says was entered for the person."""
    rows = session.execute(
        select(WorkOrder.account_id, WorkOrder.wanted)
        .where(WorkOrder.account_id.in_(account_ids), WorkOrder.state == WorkOrderState.CONFIRMED)
        .order_by(WorkOrder.confirmed_at, WorkOrder.id)
    )
    return {account_id: wanted_from_data(wanted).attributes for account_id, wanted in rows}


def books_of(account: Account, attributes: Attributes) -> Books:
    """What our books say of the account: as it was confirmed or read back last."""
    if not account.seen_present:
        return Books(None, handed_over=False)
    shown = TargetAccount(
        account.external_id or account.login_name, account.uuid, attributes, bool(account.seen_enabled),
        account.seen_expires_at, frozenset(account.seen_groups or ()),
    )  # fmt: skip
    return Books(shown, handed_over=account.handed_over_at is not None)


# --- one account -----------------------------------------------------------------------------------------------------


def _settle(situation: _Situation, account: Account, wanted: WantedAccount, order: WorkOrder | None) -> None:
    books = books_of(account, situation.known.get(account.id, told(wanted.attributes)))
    if order is None:
        works = _works(situation, account, wanted, books)
        if works:
            _issue_one(situation, account, wanted, books, works)
        return
    base = _hand_part(situation, books_from_data(order.base, account.uuid), books)
    if _same(order, _works(situation, account, wanted, base), _about(situation, account)):
        order.generation = account.generation
        return
    claimed = _hand_part(situation, claimed_state(order, account), books)
    _cancel(situation, order)
    works = _works(situation, account, wanted, claimed)
    if not works and claimed != books:
        works = (CheckAccount(),)
    if works:
        _issue_one(situation, account, wanted, claimed, works)


def _hand_part(situation: _Situation, state: Books, books: Books) -> Books:
    """The state as far as it is a person's to bring about; what the connector keeps is as it was read back."""
    if situation.whole:
        return state
    if state.account is None or books.account is None:
        return books
    kept = (books.account.groups or frozenset()) - situation.by_hand
    changed = (state.account.groups or frozenset()) & situation.by_hand
    return replace(books, account=replace(books.account, groups=kept | changed))


def _settle_guarded(situation: _Situation, account: Account, wanted: WantedAccount, order: WorkOrder | None) -> None:
    """An open order is kept while it says what leads to what is wanted, and asks for all that is left to do."""
    seen = replace(situation.guarded[account.id], attributes=told(wanted.attributes))
    adopting = situation.system.stage is Stage.ADOPT
    groups = situation.by_hand | in_our_care(situation.facts[account.id], situation.managed, adopting=adopting)
    works = guarded_work(account.uuid, wanted, seen, groups)
    if order is not None:
        base = books_from_data(order.base, account.uuid).account
        about = _about(situation, account)
        if _same(order, guarded_work(account.uuid, wanted, base, groups), about) and _covers(order, works, about):
            order.generation = account.generation
            return
        _cancel(situation, order)
    if works:
        _issue_one(situation, account, wanted, Books(seen, handed_over=account.handed_over_at is not None), works)


def _covers(order: WorkOrder, works: Iterable[Work], about: About) -> bool:
    return {instruction(work, about) for work in works} <= {step.instruction for step in order.steps}


def _works(situation: _Situation, account: Account, wanted: WantedAccount, books: Books) -> tuple[Work, ...]:
    if situation.whole:
        return whole_work(account.uuid, wanted, books, frozenset(situation.groups))
    return rights_work(wanted, books.account, situation.by_hand)


def _same(order: WorkOrder, works: Iterable[Work], about: About) -> bool:
    kept = [(step.kind, step.group_id, step.instruction) for step in order.steps]
    wanted = [(asked(work).kind, asked(work).group, instruction(work, about)) for work in works]
    return kept == wanted or (order.steps[0].kind is HandStep.CHECK and not wanted)


def claimed_state(order: WorkOrder, account: Account) -> Books:
    """What is so if everything of the order that was said to be done is done."""
    return _carried(order, account, [step for step in order.steps if step.claimed])


def finished_state(order: WorkOrder, account: Account) -> Books:
    """What is so once all of the order is done."""
    return _carried(order, account, order.steps)


def _carried(order: WorkOrder, account: Account, steps: Iterable[WorkOrderStep]) -> Books:
    wanted, state = wanted_from_data(order.wanted), books_from_data(order.base, account.uuid)
    for step in steps:
        state = after(state, Asked(step.kind, step.group_id), wanted, account_uuid=account.uuid)
    return state


def _about(situation: _Situation, account: Account) -> About:
    person = situation.session.get(Person, account.person_id) if account.person_id is not None else None
    return About(
        situation.system.name, account.login_name, (person.work_name or person.name) if person else None,
        person.kana if person else None,
        {**situation.groups, **({situation.demanding: FACTOR_GROUP} if situation.demanding is not None else {})},
    )  # fmt: skip


def _issue_one(
    situation: _Situation, account: Account, wanted: WantedAccount, base: Books, works: tuple[Work, ...]
) -> None:
    session, now, about = situation.session, situation.now, _about(situation, account)
    urgent = is_urgent(works)
    order = WorkOrder(
        number=_next_number(session, now), system_id=account.system_id, account_id=account.id,
        subject_id=account.person_id, generation=account.generation, state=WorkOrderState.ISSUED, urgent=urgent,
        hands_over=any(kind_of(work) is HandStep.PASSWORD for work in works), base=books_as_data(base),
        wanted=wanted_as_data(wanted), issued_at=now, due_at=_due(situation.policy, now, urgent=urgent),
        escalation_level=0, account=account,
    )  # fmt: skip
    order.steps = [
        WorkOrderStep(
            position=position, kind=asked(work).kind, group_id=asked(work).group, instruction=instruction(work, about),
            claimed=False,
        )
        for position, work in enumerate(works, start=1)
    ]  # fmt: skip
    session.add(order)
    session.flush()
    situation.issued.append(order)
    record_order(session, "work_order.issued", order, actor=situation.actor, policy=situation.policy, now=now)


def _due(policy: Policy, now: datetime, *, urgent: bool) -> datetime:
    """Stopping somebody counts in hours; everything else may take until the end of its last day."""
    rules = policy.work_orders
    if urgent:
        return now + timedelta(hours=rules.urgent_hours)
    return start_of(day_of(now) + timedelta(days=rules.due_days + 1))


def _cancel(situation: _Situation, order: WorkOrder) -> None:
    order.state, order.cancelled_at = WorkOrderState.CANCELLED, situation.now
    situation.session.flush()
    situation.cancelled.append(order)
    record_order(
        situation.session, "work_order.cancelled", order, actor=situation.actor, policy=situation.policy,
        now=situation.now,
    )  # fmt: skip


def _next_number(session: Session, now: datetime) -> str:
    """The next number of the fiscal year, such as 作R8-000123: 令和8年度."""
    day = day_of(now)
    fiscal_year = day.year if day.month >= 4 else day.year - 1
    row = session.scalar(select(WorkOrderNumber).where(WorkOrderNumber.fiscal_year == fiscal_year).with_for_update())
    if row is None:
        row = WorkOrderNumber(fiscal_year=fiscal_year, last=0)
        session.add(row)
    row.last += 1
    session.flush()
    return f"作R{fiscal_year - 2018}-{row.last:06d}"


def record_order(
    session: Session, action: str, order: WorkOrder, *, actor: Actor, policy: Policy, now: datetime,
    reason: str | None = None,
) -> None:  # fmt: skip
    """Afterwards the audit says what happened to the order."""
    audit.record(
        session, action=action, actor=actor, obj=("work_order", str(order.id)), now=now, policy_digest=policy.digest,
        payload={
            "number": order.number, "system": order.system_id, "account": order.account_id, "person": order.subject_id,
            "generation": order.generation, "steps": [step.kind.value for step in order.steps],
            "urgent": order.urgent, "due_at": order.due_at.isoformat(), "done_by": order.done_by_id,
            "confirmed_by": order.confirmed_by_id, "reason": reason,
        },
    )  # fmt: skip


def order_by_id(session: Session, order_id: int) -> WorkOrder | None:
    """The order as it is now, and until this transaction ends, with its account and steps."""
    return session.scalar(
        select(WorkOrder)
        .where(WorkOrder.id == order_id)
        .options(joinedload(WorkOrder.account), selectinload(WorkOrder.steps))
        .with_for_update(of=WorkOrder)
        .execution_options(populate_existing=True)
    )
