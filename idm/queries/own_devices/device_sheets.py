"""The register of devices that the body did not issue, for a page, paper or a list (control I4)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.errors import NotFound
from idm.models.own_devices import OwnDevice, OwnDeviceCheck, OwnDevicePermit
from idm.models.people import Person
from idm.policy import OwnDeviceRules, Policy
from idm.queries.organisation.units import unit_names_on
from idm.queries.own_devices.permitting import permitters
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.registers.own_device_state import WATCHED, check_due, next_permit
from idm.vocabulary import OwnDeviceEnd, OwnDeviceState, Role


@dataclass(frozen=True)
class PermitRow:
    """One office's answer."""

    role: Role
    given: bool
    by: str
    at: datetime
    note: str


@dataclass(frozen=True)
class DeviceCheckRow:
    """One regular check: who looked when, and what they found."""

    by: str
    at: datetime
    still_needed: bool
    comment: str


@dataclass(frozen=True)
class DeviceRow:
    """One device as people read it. `check_due`: the last day for the next regular check, of one that is permitted."""

    id: int
    state: OwnDeviceState
    holder_id: int
    holder: str
    unit_code: str
    unit: str
    contact: str
    contract_holder: str
    maker: str
    model: str
    os: str
    os_version: str
    purpose: str
    information: str
    confidentiality: int
    place: str
    line: str
    connects_inside: bool
    answers: tuple[tuple[str, str, str], ...]
    """Code of a measure, its question, and how it is taken."""
    begins_on: date
    ends_on: date
    replaces_id: int | None
    asked_at: datetime
    permits: tuple[PermitRow, ...]
    end_reason: OwnDeviceEnd | None
    end_note: str | None
    cleared_how: str | None
    cleared_by_id: int | None
    cleared_by: str | None
    lost_what: str | None
    lost_told_by: str | None
    lost_at: datetime | None
    closed_by: str | None
    closing_note: str | None
    since: datetime
    check_due: date | None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in WATCHED | {OwnDeviceState.ASKED}


@dataclass(frozen=True)
class DeviceSheet:
    """One device with its regular checks, and whose permit it waits for (None = nobody's)."""

    row: DeviceRow
    checks: tuple[DeviceCheckRow, ...]
    waits_for: Role | None
    permitters: Mapping[int, str]
    """Who may give it now: person → name."""


def device_page(
    session: Session, rules: OwnDeviceRules, *, units: frozenset[str] | None, state: OwnDeviceState | None = None,
    asked: int = 1, day: date,
) -> Page[DeviceRow]:  # fmt: skip
    """One page of the register of these units (None = all): what waits and what is in use first."""
    conditions = (_within(units), OwnDevice.state == state if state is not None else true())
    total = session.scalar(select(func.count(OwnDevice.id)).where(*conditions)) or 0
    number = nearest_page(asked, total)
    part = _register(*conditions).limit(ROWS_A_PAGE).offset(offset_of(number))
    return Page(_rows(session, rules, part, day), number, total)


def device_rows(
    session: Session, rules: OwnDeviceRules, *, units: frozenset[str] | None, day: date
) -> tuple[DeviceRow, ...]:
    """The whole register of these units (None = all)."""
    return _rows(session, rules, _register(_within(units)), day)


def devices_of(
    session: Session, rules: OwnDeviceRules, person_ids: Collection[int], *, day: date
) -> tuple[DeviceRow, ...]:
    """Every device of one human."""
    return _rows(session, rules, _register(OwnDevice.holder_id.in_(person_ids)), day)


def device_sheet(session: Session, device_id: int, policy: Policy, *, day: date) -> DeviceSheet:
    """One of them. Raises NotFound."""
    found = _rows(session, policy.own_devices, _register(OwnDevice.id == device_id), day)
    if not found:
        raise NotFound("端末が見つかりません。")
    query = select(OwnDeviceCheck, Person.name).join(Person, OwnDeviceCheck.checked_by_id == Person.id)
    checks = session.execute(
        query.where(OwnDeviceCheck.device_id == device_id).order_by(OwnDeviceCheck.id.desc())
    ).all()  # fmt: skip
    waiting = found[0].state is OwnDeviceState.ASKED
    return DeviceSheet(
        found[0],
        tuple(DeviceCheckRow(name, one.checked_at, one.still_needed, one.comment) for one, name in checks),
        next_permit(len(found[0].permits), policy.own_devices) if waiting else None,
        _named(session, permitters(session, session.get_one(OwnDevice, device_id), policy=policy, day=day)),
    )


def devices_to_answer(session: Session, person_id: int, *, policy: Policy, day: date) -> int:
    """How many applications wait for this person's permit."""
    waiting = session.scalars(select(OwnDevice).where(OwnDevice.state == OwnDeviceState.ASKED)).all()
    return sum(1 for one in waiting if person_id in permitters(session, one, policy=policy, day=day))


def _within(units: frozenset[str] | None) -> ColumnElement[bool]:
    return true() if units is None else OwnDevice.unit_code.in_(units)


def _register(*conditions: ColumnElement[bool]) -> Select[OwnDevice]:
    """What waits and what is in somebody's hands first."""
    over = OwnDevice.state.not_in(WATCHED | {OwnDeviceState.ASKED})
    return select(OwnDevice).where(*conditions).order_by(over, OwnDevice.id.desc())


def _rows(
    session: Session, rules: OwnDeviceRules, part: Select[OwnDevice], day: date
) -> tuple[DeviceRow, ...]:  # fmt: skip
    devices = session.scalars(part).all()
    keys = [one.id for one in devices]
    permits = session.scalars(
        select(OwnDevicePermit).where(OwnDevicePermit.device_id.in_(keys)).order_by(OwnDevicePermit.position)
    ).all()
    checked = dict(
        row for row in session.execute(
            select(OwnDeviceCheck.device_id, func.max(OwnDeviceCheck.checked_at))
            .where(OwnDeviceCheck.device_id.in_(keys)).group_by(OwnDeviceCheck.device_id)
        )
    )  # fmt: skip
    people = {key for one in devices for key in _people_in(one)} | {one.by_id for one in permits}
    names = _named(session, people - {None})
    units = unit_names_on(session, day)
    answers: dict[int, list[PermitRow]] = {}
    for one in permits:
        answers.setdefault(one.device_id, []).append(
            PermitRow(one.role, one.given, names[one.by_id], one.at, one.note)
        )  # fmt: skip
    return tuple(_row(one, tuple(answers.get(one.id, ())), checked.get(one.id), names, units, rules) for one in devices)


def _named(session: Session, person_ids: Collection[int | None]) -> dict[int, str]:
    return dict(row for row in session.execute(select(Person.id, Person.name).where(Person.id.in_(person_ids))))


def _people_in(one: OwnDevice) -> tuple[int | None, ...]:
    return one.holder_id, one.cleared_by_id, one.lost_told_by_id, one.closed_by_id


def _row(
    one: OwnDevice, permits: tuple[PermitRow, ...], checked: datetime | None, names: Mapping[int, str],
    units: Mapping[str, str], rules: OwnDeviceRules,
) -> DeviceRow:  # fmt: skip
    return DeviceRow(
        id=one.id, state=one.state, holder_id=one.holder_id, holder=names[one.holder_id], unit_code=one.unit_code,
        unit=units.get(one.unit_code, one.unit_code), contact=one.contact, contract_holder=one.contract_holder,
        maker=one.maker, model=one.model, os=one.os, os_version=one.os_version, purpose=one.purpose,
        information=one.information, confidentiality=one.confidentiality, place=one.place, line=one.line,
        connects_inside=one.connects_inside,
        answers=tuple((code, rules.questions.get(code, code), said) for code, said in one.answers.items()),
        begins_on=one.begins_on, ends_on=one.ends_on, replaces_id=one.replaces_id, asked_at=one.asked_at,
        permits=permits, end_reason=one.end_reason, end_note=one.end_note, cleared_how=one.cleared_how,
        cleared_by_id=one.cleared_by_id, cleared_by=names.get(one.cleared_by_id or 0), lost_what=one.lost_what,
        lost_told_by=names.get(one.lost_told_by_id or 0), lost_at=one.lost_at,
        closed_by=names.get(one.closed_by_id or 0), closing_note=one.closing_note, since=one.since,
        check_due=check_due(day_of(checked or one.since), rules) if one.state is OwnDeviceState.PERMITTED else None,
    )  # fmt: skip
