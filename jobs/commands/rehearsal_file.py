"""A rehearsal as a file for a spreadsheet, and as plain data."""

import csv
from dataclasses import asdict
from io import StringIO

from idm.personnel.due_changes import DUE_TITLES, Due
from idm.queries.rehearsal import RehearsedChange
from jobs.lifecycle import Rehearsed

HEADINGS = (
    "氏名", "職員番号", "所属コード", "所属", "情報システム", "権限", "動作", "日付", "理由",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula, in half and in full width."""


def csv_bytes(rehearsed: Rehearsed) -> bytes:
    """Every change as one row, in UTF-8 with a byte order mark; no cell can be taken for a formula."""
    text = StringIO(newline="")
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(HEADINGS)
    rows.writerows([harmless(cell) for cell in _cells(one)] for one in rehearsed.rehearsal.changes)
    return text.getvalue().encode("utf-8-sig")


def harmless(cell: str) -> str:
    """The cell as text, whatever program opens it."""
    return f"'{cell}" if cell.lstrip(" \u3000").startswith(_FORMULA) else cell


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
