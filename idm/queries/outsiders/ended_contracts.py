"""Whose contract is over: people who worked here under one, and nothing else lets them (FK 6-3(2)⑪; control C1)."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import holds
from idm.employment_kind import EmploymentKind
from idm.models.people import Employment
from idm.queries.outsiders.contracts import find_contract, period_under


def people_without_contract(session: Session, person_ids: Collection[int], day: date) -> set[int]:
    """Those of the people who are here under no contract any more, though that is how they came.

    Whoever has another employment today is not among them; nor is anybody whose last one was none under a contract.
    """
    under_one = select(Employment.person_id).where(Employment.kind == EmploymentKind.CONTRACTOR)
    rows: dict[int, list[Employment]] = defaultdict(list)
    for row in session.scalars(select(Employment).where(Employment.person_id.in_(under_one))):
        rows[row.person_id].append(row)
    return {person for person in rows.keys() & set(person_ids) if _is_over(session, rows[person], day)}


def _is_over(session: Session, employments: Collection[Employment], day: date) -> bool:
    begun = [one for one in employments if one.valid_from <= day]
    if any(_lets_in(session, one, day) for one in begun):
        return False
    last = max(begun, key=lambda one: (one.valid_until or date.max, one.id), default=None)
    return last is not None and last.kind is EmploymentKind.CONTRACTOR


def _lets_in(session: Session, employment: Employment, day: date) -> bool:
    if not holds(employment.valid_from, employment.valid_until, day):
        return False
    if employment.kind is not EmploymentKind.CONTRACTOR or employment.contract_id is None:
        return True
    period = period_under(session, find_contract(session, employment.contract_id))
    return holds(period.valid_from, period.valid_until, day)
