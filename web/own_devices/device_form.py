"""The application for a device of one's own, as it is typed (MC 5.1; control I4)."""

from collections.abc import Mapping
from datetime import date

from idm.calendar_days import end_to_last_day, last_day_to_end
from idm.operations.own_devices.applications import TEXTS, WantedDevice
from idm.policy import OwnDeviceRules
from idm.queries.own_devices.device_sheets import DeviceRow
from idm.vocabulary import OwnDeviceState
from idm.wareki import format_wareki, parse_date
from web.row_ids import row_id

Typed = Mapping[str, str]
LEVELS = ("1", "2", "3")


def wanted_device(typed: Typed, rules: OwnDeviceRules) -> tuple[WantedDevice, dict[str, str]]:
    """What was typed, and what cannot be read of it: field → what is said. What is missing is None."""
    unreadable: dict[str, str] = {}
    begins, last = (_day(typed, field, unreadable) for field in ("first_day", "last_day"))
    level, inside = typed.get("confidentiality", ""), typed.get("connects_inside", "")
    wanted = WantedDevice(
        **{name: typed.get(name, "") for name in TEXTS}, unit_code=typed.get("unit", ""),
        confidentiality=int(level) if level in LEVELS else None,
        connects_inside=inside == "yes" if inside in ("yes", "no") else None,
        begins_on=begins, ends_on=last_day_to_end(last), replaces_id=_number(typed, "replaces"),
        answers={code: typed.get(f"check_{code}", "") for code in rules.questions},
    )  # fmt: skip
    return wanted, unreadable


def typed_again(row: DeviceRow, today: date) -> dict[str, str]:
    """The form of a renewal, filled in with what was permitted; how long it is to be is left to the applicant."""
    first_day = max(row.ends_on, today) if row.state is OwnDeviceState.PERMITTED else today
    return {name: getattr(row, name) for name in TEXTS} | {
        "replaces": str(row.id), "confidentiality": str(row.confidentiality), "unit": row.unit_code,
        "connects_inside": "yes" if row.connects_inside else "no",
        "first_day": format_wareki(first_day),
        **{f"check_{code}": said for code, _question, said in row.answers},
    }  # fmt: skip


def last_day(row: DeviceRow) -> date:
    """The last day on which the device is used."""
    return end_to_last_day(row.ends_on) or row.ends_on


def _day(typed: Typed, field: str, unreadable: dict[str, str]) -> date | None:
    try:
        return parse_date(typed.get(field, "").strip()).day
    except ValueError as mistake:
        unreadable[field] = str(mistake)
        return None


def _number(typed: Typed, field: str) -> int | None:
    try:
        return row_id(typed.get(field, ""))
    except ValueError:
        return None
