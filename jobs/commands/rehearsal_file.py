"""A rehearsal as a file for a spreadsheet, and as plain data."""

from dataclasses import asdict

from idm.lists import spreadsheet_text
from idm.personnel.due_changes import DUE_TITLES, Due
from idm.queries.rights.rehearsal import RehearsedChange
from jobs.lifecycle import Rehearsed

HEADINGS = (
    "氏名", "職員番号", "所属コード", "所属", "情報システム", "権限", "動作", "日付", "理由",
)  # fmt: skip


def csv_bytes(rehearsed: Rehearsed) -> bytes:
    """Every change as one row."""
    return spreadsheet_text.csv_bytes(HEADINGS, (_cells(one) for one in rehearsed.rehearsal.changes))


def _cells(one: RehearsedChange) -> tuple[str, ...]:
    return (
        one.person_name, one.staff_number, one.unit_code, one.unit_name, one.system_name, one.right_name,
        DUE_TITLES[one.due], one.day.isoformat(), one.because,
    )  # fmt: skip


def as_data(rehearsed: Rehearsed) -> dict[str, object]:
    """The rehearsal as plain data; the keys are stable."""
    found = rehearsed.rehearsal
    return {
        "version": 2,
        "dry_run": True,
        "day": found.day.isoformat(),
        "people": {due.value: found.people_by_due.get(due, 0) for due in Due},
        "departments": [
            {"unit": code, "name": name, "people": {due.value: people for due, people in counted.items()}}
            for (code, name), counted in found.people_by_unit.items()
        ],
        "limits_exceeded": [
            {"action": one.action.value, "unit": one.unit_code, "in_run": one.in_run, "before": one.before,
             "sentence": one.sentence}
            for one in rehearsed.excesses
        ],
        "batch": rehearsed.batch_id,
        "batch_needed": bool(rehearsed.excesses),
        "changes": [{**asdict(one), "due": one.due.value, "day": one.day.isoformat()} for one in found.changes],
    }  # fmt: skip
