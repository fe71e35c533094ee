"""Contracts with companies and their subcontracts: registered, extended, ended with everyone under them (A11).

A contract's end is a wall: whoever works under it, or under a subcontract of it, is in the register no longer than it
holds (FK 6-3(2)⑪, MT 7-3(3)イ(ア)). Extending it lengthens nobody; each person's entry is renewed by itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, end_to_last_day
from idm.errors import IllegalTransition, InvalidInput
from idm.models.outside import Contract
from idm.models.people import Employment
from idm.operations.outsiders.outside_authority import person_acting, require_for_units
from idm.operations.outsiders.outside_end import shorten
from idm.permissions import Action
from idm.personnel.outside_rules import Period, earliest_end, end_of_shortened, require_contract_period
from idm.policy import Policy
from idm.queries.organisation.units import unit_on
from idm.queries.outsiders.contracts import descendants, employments_under, find_contract, period_under
from idm.wareki import format_wareki
from idm.written_text import written

LONGEST_NUMBER = 64


@dataclass(frozen=True)
class NewContract:
    """A contract as it is to be registered. `above_id`: the contract it is a subcontract (再委託) of."""

    number: str
    company: str
    title: str
    manager_name: str
    unit_code: str
    valid_from: date
    valid_until: date
    above_id: int | None = None


def register_contract(
    session: Session, wanted: NewContract, *, actor: Actor, policy: Policy, now: datetime
) -> Contract:
    """Afterwards the contract is in the register; a subcontract holds within the one above it, which holds today.

    Raises InvalidInput at the fields, NotPermitted outside one's own units, NotFound.
    """
    day = day_of(now)
    human = person_acting(session, actor, day)
    above = find_contract(session, wanted.above_id, lock=True) if wanted.above_id is not None else None
    units = [wanted.unit_code] if above is None else [above.unit_code]
    require_for_units(session, human, Action.REGISTER_OUTSIDE, units, day)
    contract = Contract(
        number=_number(session, wanted.number), company=one_line(wanted.company, "company", "会社名"),
        title=one_line(wanted.title, "title", "件名"),
        manager_name=one_line(wanted.manager_name, "manager_name", "委託先の責任者"),
        unit_code=wanted.unit_code if above is None else above.unit_code,
        above_id=wanted.above_id, valid_from=wanted.valid_from, valid_until=wanted.valid_until,
        registered_by_id=human.person_id, registered_at=now,
    )  # fmt: skip
    if unit_on(session, contract.unit_code, day) is None:
        raise InvalidInput("契約する課が見つかりません。", fields={"unit_code": "今ある課を選んでください"})
    period = Period(wanted.valid_from, wanted.valid_until)
    require_contract_period(period, period_under(session, above) if above is not None else None, day=day)
    session.add(contract)
    session.flush()
    _record(session, "contract.registered", contract, {}, actor=actor, policy=policy, now=now)
    return contract


def extend_contract(
    session: Session, contract_id: int, valid_until: date, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> Contract:
    """Afterwards the contract holds longer; nobody under it does.

    Raises IllegalTransition for one that has ended, InvalidInput, NotPermitted, NotFound.
    """
    contract = _of_ones_own(session, contract_id, actor=actor, now=now)
    reason = written(reason, field="reason", empty="変更の理由を書いてください。")
    day = day_of(now)
    if contract.valid_until <= day:
        raise IllegalTransition("終わった契約は延ばせません。新しい契約として登録してください。")
    if valid_until <= contract.valid_until:
        problem = "今の終わりの日より後にしてください。早く終わらせるときは「契約を終わらせる」を使ってください。"
        raise InvalidInput(problem, fields={"valid_until": problem})
    above = session.get(Contract, contract.above_id, with_for_update=True) if contract.above_id is not None else None
    period = Period(contract.valid_from, valid_until)
    require_contract_period(period, period_under(session, above) if above is not None else None, day=day)
    before, contract.valid_until = contract.valid_until, valid_until
    session.flush()
    more = {"before": before.isoformat(), "reason": reason}
    _record(session, "contract.extended", contract, more, actor=actor, policy=policy, now=now)
    return contract


def end_contract(
    session: Session, contract_id: int, end: date, *, reason: str, actor: Actor, policy: Policy, now: datetime
) -> list[Employment]:
    """Afterwards the contract, its subcontracts and everyone under them hold no longer than to `end`; returns them.

    `end` is the first day on which the contract no longer holds; it may lie in the past, but not before somebody's
    first day under it. What has not begun by then is called off. Raises InvalidInput, NotPermitted, NotFound.
    """
    contract = _of_ones_own(session, contract_id, actor=actor, now=now)
    reason = written(reason, field="reason", empty="終わらせる理由を書いてください。")
    tree = [contract, *descendants(session, contract, lock=True)]
    people = employments_under(session, [one.id for one in tree], lock=True)
    _require_possible_end(contract, tree[1:], people, end, day_of(now))
    changed = [
        employment
        for employment in people
        if shorten(session, employment, end, why="contract", actor=actor, policy=policy, now=now)
    ]
    for one in reversed(tree):
        _shorten(session, one, end, reason, actor=actor, policy=policy, now=now)
    return changed


def _require_possible_end(
    contract: Contract, below: Iterable[Contract], people: Iterable[Employment], end: date, day: date
) -> None:
    if end >= contract.valid_until:
        problem = "今の終わりの日より前にしてください。"
        raise InvalidInput(problem, fields={"end": problem})
    starts = [*(one.valid_from for one in below), *(one.valid_from for one in people)]
    begun = [start for start in starts if start <= day]
    earliest = earliest_end(begun, contract_from=contract.valid_from)
    if end < earliest:
        last = format_wareki(end_to_last_day(earliest) or earliest)
        problem = f"契約又はその下で働く人が{last}に始まっているため、契約の最後の日は{last}以後にしてください。"
        raise InvalidInput(problem, fields={"end": problem})


def _shorten(
    session: Session, contract: Contract, end: date, reason: str, *, actor: Actor, policy: Policy, now: datetime
) -> None:
    period = Period(contract.valid_from, contract.valid_until)
    until = end_of_shortened(period, end, day=day_of(now))
    if until == contract.valid_until:
        return
    if until is None:
        _record(session, "contract.called_off", contract, {"reason": reason}, actor=actor, policy=policy, now=now)
        session.delete(contract)
    else:
        contract.valid_until = until
        _record(session, "contract.ended", contract, {"reason": reason}, actor=actor, policy=policy, now=now)
    session.flush()


def _of_ones_own(session: Session, contract_id: int, *, actor: Actor, now: datetime) -> Contract:
    day = day_of(now)
    human = person_acting(session, actor, day)
    contract = find_contract(session, contract_id, lock=True)
    require_for_units(session, human, Action.REGISTER_OUTSIDE, [contract.unit_code], day)
    return contract


def _number(session: Session, number: str) -> str:
    plain = one_line(number, "number", "契約番号", longest=LONGEST_NUMBER)
    if session.scalar(select(Contract.id).where(Contract.number == plain)) is not None:
        raise InvalidInput(
            f"契約番号「{plain}」はすでに登録されています。", fields={"number": "番号を確かめてください"}
        )
    return plain


def one_line(text: str, field: str, label: str, *, longest: int = 200) -> str:
    """The text on one line, without outer spaces. Raises InvalidInput at the field when it is empty or too long."""
    plain = written(text, field=field, empty=f"{label}を入れてください。")
    if "\n" in plain or "\t" in plain or len(plain) > longest:
        problem = f"{label}は改行なしで{longest}文字までにしてください。"
        raise InvalidInput(problem, fields={field: problem})
    return plain


def _record(
    session: Session, action: str, contract: Contract, more: Mapping[str, object], *, actor: Actor, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("contract", str(contract.id)), now=now, policy_digest=policy.digest,
        payload={
            "number": contract.number, "company": contract.company, "unit": contract.unit_code,
            "above": contract.above_id, "from": contract.valid_from.isoformat(),
            "until": contract.valid_until.isoformat(), **more,
        },
    )  # fmt: skip
