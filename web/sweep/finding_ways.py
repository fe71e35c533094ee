"""From a finding to the form of an exception or an application, filled in: one click (FK 8(1), 6-2(1)①)."""

from collections.abc import Mapping
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from idm.permissions import Action, may
from idm.queries.approval.choices import scope_of, subject_in_scope
from idm.queries.sweep.finding_leads import Lead, lead_of
from idm.queries.sweep.findings import FindingSheet
from idm.vocabulary import FINDING_TITLES, LOG_FINDINGS, FindingKind, FindingState
from web import current

CLAUSES: Mapping[FindingKind, str] = {
    **dict.fromkeys((FindingKind.DORMANT, FindingKind.NEVER_USED, FindingKind.LAST_USE_UNKNOWN), "6-2(2)③"),
    **dict.fromkeys((FindingKind.CHECK_FAILED, FindingKind.NOT_CHECKED), "6-2(2)③"),
    **dict.fromkeys(
        (
            FindingKind.ORPHAN, FindingKind.UNADOPTED, FindingKind.MISSING, FindingKind.DRIFT,
            FindingKind.EXTRA_MEMBER, FindingKind.CHANGE_DUE,
        ),
        "6-2(1)②",
    ),
    **dict.fromkeys(LOG_FINDINGS, "6-1(6)③"),
    FindingKind.CLOCK_DRIFT: "7-1(2)",
    FindingKind.EXPORT_LATE: "6-1(6)②",
    FindingKind.SERVICE_UNCARED: "11-2(6)③",
    FindingKind.OFFICIAL_ACCOUNT_UNCARED: "6-1(22)",
    FindingKind.OWN_DEVICE_UNCARED: "5-1(1)④",
    FindingKind.WORK_OVERDUE: "6-1(4)③",
    FindingKind.DEFAULT_NAME: "6-2(3)⑥",
    FindingKind.ROTATION_OVERDUE: "6-2(3)⑤",
    FindingKind.REPORT_OVERDUE: "6-2(10)",
    FindingKind.OWNER_GONE: "5-4(2)",
    FindingKind.PASSWORD_RULES: "5-4(3)③",
    FindingKind.PASSWORD_OVERDUE: "5-4(3)③",
    FindingKind.TEMPORARY_OVERDUE: "6-2(9)②",
}  # fmt: skip
"""Kind → the clause that an exception from it departs from; of what no exception may cover there is none."""


def ways_from(session: Session, sheet: FindingSheet, *, never: bool) -> dict[str, str]:
    """Form ("exception", "application") → its address, filled in; only those that this reader may send."""
    ways: dict[str, str] = {}
    if sheet.row.state is not FindingState.OPEN:
        return ways
    lead = lead_of(session, sheet.row.id, reader=current.reader())
    if not never and may(current.roles(), Action.ASK_EXCEPTION):
        ways["exception"] = _exception(sheet, lead)
    if lead.action is not None and _may_apply(session, lead):
        ways["application"] = url_for(
            "application_wizard.start", subject=lead.holder_id, what=f"{lead.action.value}:{lead.system_id}",
            give=sorted(lead.give), take=sorted(lead.take),
        )  # fmt: skip
    return ways


def _exception(sheet: FindingSheet, lead: Lead) -> str:
    filled: dict[str, Any] = {
        "finding_kind": sheet.row.kind.value, "clause": CLAUSES.get(sheet.row.kind, ""), "scope": lead.scope.value,
        "system": str(lead.system_id or ""), "login_name": lead.login_name, "staff_number": lead.staff_number,
        "what": f"{FINDING_TITLES[sheet.row.kind]}：{sheet.row.label}",
    }  # fmt: skip
    return url_for("exceptions.new", **{name: value for name, value in filled.items() if value})


def _may_apply(session: Session, lead: Lead) -> bool:
    day, policy = current.today(), current.policy()
    scope = scope_of(session, current.signed_in().person_id, current.roles(), policy=policy, day=day)
    holder = lead.holder_id or 0
    return subject_in_scope(session, scope, holder, day=day, reader=current.reader()) is not None
