"""One hash of everything a personnel file would do, so that what was shown and what is applied cannot differ. Pure."""

import json
from collections.abc import Iterable
from dataclasses import astuple
from datetime import date
from hashlib import sha256

from idm.personnel.career import AbsencePeriod, Career, PostPeriod
from idm.personnel.plan import Changed, Joiner, PersonnelPlan
from idm.personnel.safety_limits import Touched


def plan_digest(personnel: PersonnelPlan, touched: Iterable[Touched], *, file_sha256: str) -> str:
    """SHA-256, in hex, of the plan in canonical form; the order in which anything was found does not matter."""
    content = {
        "file": file_sha256,
        "as_of": personnel.as_of.isoformat(),
        "joiners": sorted(map(_joiner, personnel.joiners)),
        "changes": {
            "movers": sorted(map(_change, personnel.movers)),
            "leavers": sorted(map(_change, personnel.leavers)),
            "absent": sorted(map(_change, personnel.absent)),
            "corrections": sorted(map(_change, personnel.corrections)),
        },
        "held": sorted(f"{h.row_number} {h.staff_number} {h.kind.value} {h.reason}" for h in personnel.held),
        "counts": [personnel.unchanged, personnel.past],
        "units": sorted(f"{unit.code} {unit.name} {unit.first_day}" for unit in personnel.units),
        "touched": sorted(f"{one.action.value} {one.staff_number}" for one in touched),
    }
    return sha256(_json(content).encode()).hexdigest()


def _joiner(joiner: Joiner) -> str:
    return _json([joiner.continues, _career(joiner.career)])


def _change(change: Changed) -> str:
    return _json([_career(change.before), _career(change.career)])


def _career(career: Career | None) -> object:
    """Every fact of a career; its sets in a fixed order."""
    if career is None:
        return None
    facts = {name: value for name, value in vars(career).items() if not isinstance(value, frozenset)}
    return [facts, _sorted(career.posts), _sorted(career.absences)]


def _sorted(periods: Iterable[PostPeriod | AbsencePeriod]) -> list[str]:
    return sorted(_json(astuple(period)) for period in periods)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
