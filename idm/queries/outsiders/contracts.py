"""Contracts and what hangs on them: subcontracts, the people who work under them, and the proof that none outlives one.

A contract holds on a day when it and every contract above it do (FK 6-3(2)⑪, MT 7-3(3)イ(ア)).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from idm.calendar_days import holds
from idm.employment_kind import EmploymentKind
from idm.errors import NotFound
from idm.models.outside import Contract
from idm.models.people import Employment
from idm.models.periods import holding_on
from idm.personnel.outside_rules import Period, narrowest


@dataclass(frozen=True)
class ContractBranch:
    """One contract at its depth in the tree, with the entries of the people who work under it."""

    contract: Contract
    depth: int
    people: tuple[Employment, ...]


def find_contract(session: Session, contract_id: int, *, lock: bool = False) -> Contract:
    """The contract; with `lock`, as it is now, and until this transaction ends. Raises NotFound."""
    query = select(Contract).where(Contract.id == contract_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        raise NotFound("契約が見つかりません。")
    return found


def period_under(session: Session, contract: Contract) -> Period:
    """The days on which the contract and every contract above it hold."""
    periods = []
    step: Contract | None = contract
    while step is not None:
        periods.append(Period(step.valid_from, step.valid_until))
        step = session.get(Contract, step.above_id) if step.above_id is not None else None
    return narrowest(periods)


def descendants(session: Session, contract: Contract, *, lock: bool = False) -> list[Contract]:
    """The contracts under it, from above; with `lock`, as they are now."""
    found: list[Contract] = []
    level = [contract.id]
    while level:
        query = select(Contract).where(Contract.above_id.in_(level)).order_by(Contract.id)
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        below = list(session.scalars(query))
        found += below
        level = [one.id for one in below]
    return found


def employments_under(session: Session, contracts: Collection[int], *, lock: bool = False) -> list[Employment]:
    """Every entry made under one of the contracts, over or not."""
    query = select(Employment).where(Employment.contract_id.in_(contracts)).order_by(Employment.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(query))


def contract_tree(session: Session, contract_id: int) -> list[ContractBranch]:
    """The contract and everything under it, depth first. Raises NotFound."""
    top = find_contract(session, contract_id)
    below: dict[int | None, list[Contract]] = defaultdict(list)
    every = descendants(session, top)
    for one in every:
        below[one.above_id].append(one)
    people: dict[int | None, list[Employment]] = defaultdict(list)
    query = select(Employment).where(Employment.contract_id.in_([top.id, *(one.id for one in every)]))
    for employment in session.scalars(query.options(joinedload(Employment.person)).order_by(Employment.staff_number)):
        people[employment.contract_id].append(employment)

    def branches(contract: Contract, depth: int) -> Iterator[ContractBranch]:
        yield ContractBranch(contract, depth, tuple(people[contract.id]))
        for one in below[contract.id]:
            yield from branches(one, depth + 1)

    return list(branches(top, 0))


def contracts_in(session: Session, units: Collection[str] | None, *, day: date, over: bool = False) -> list[Contract]:
    """The contracts of the units (None = of all) that have not ended by the day, or those that have; by number."""
    query = select(Contract).where(Contract.valid_until <= day if over else Contract.valid_until > day)
    if units is not None:
        query = query.where(Contract.unit_code.in_(units))
    return list(session.scalars(query.order_by(Contract.number)))


def contractors_without_live_contract(session: Session, day: date) -> list[Employment]:
    """Contractors employed on the day although their contract, or one above it, does not hold: always empty."""
    contracts = {contract.id: contract for contract in session.scalars(select(Contract))}
    employed = session.scalars(
        select(Employment)
        .where(
            Employment.kind == EmploymentKind.CONTRACTOR,
            holding_on(Employment, day),
        )
        .order_by(Employment.id)
    )
    return [employment for employment in employed if not _live(contracts, employment.contract_id, day)]


def _live(contracts: dict[int, Contract], contract_id: int | None, day: date) -> bool:
    """Whether the contract and all above it hold on the day. A circle holds nothing."""
    seen: set[int] = set()
    while contract_id is not None and contract_id not in seen:
        seen.add(contract_id)
        contract = contracts[contract_id]
        if not holds(contract.valid_from, contract.valid_until, day):
            return False
        contract_id = contract.above_id
    return bool(seen) and contract_id is None
