"""What the sweeps found, what has been resolved, and the sweeps themselves (controls C1, C3, A9)."""

from collections.abc import Mapping
from datetime import date, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput
from idm.operations import finding_answers
from idm.operations.findings import ANSWERABLE, COMPARED
from idm.permissions import Action, may
from idm.queries.findings import FindingFilter, finding_sheet, findings_page, open_counts, sweep_page
from idm.queries.systems import system_names
from idm.vocabulary import FindingKind
from idm.wareki import parse_date
from web import current
from web.row_ids import row_id

blueprint = Blueprint("findings", __name__)


@blueprint.get("/findings")
def index() -> str:
    """Open findings, or those that are history."""
    kind = request.args.get("kind", "")
    wanted = FindingFilter(
        kind=FindingKind(kind) if kind in set(FindingKind) else None,
        system_id=request.args.get("system", type=row_id),
        resolved=request.args.get("state") == "resolved",
        answered=request.args.get("state") == "answered",
        day=current.today(),
    )
    with current.look() as session:
        page = findings_page(session, wanted, asked=request.args.get("page", 1, type=row_id))
        counts, systems = open_counts(session, day=current.today()), system_names(session)
    return render_template(
        "findings/index.html", page=page, wanted=wanted, counts=counts, systems=systems, kinds=list(FindingKind)
    )


@blueprint.get("/findings/<int:finding_id>")
def show(finding_id: int) -> str:
    """One finding: what it says, what putting it right would do, and who answered for it."""
    return _sheet(finding_id, {}, {})


@blueprint.post("/findings/<int:finding_id>/repair")
def repair(finding_id: int) -> Response:
    """Afterwards a worker brings the account to what is approved."""
    with current.act("finding.repair", ("finding", finding_id)) as session:
        finding_answers.repair(
            session, finding_id, actor=current.actor(), policy=current.policy(), now=current.now()
        )  # fmt: skip
    flash(_("是正を頼みました。承認された内容へ戻し、次の点検で解決を確かめます。"), "success")
    return redirect(url_for("findings.show", finding_id=finding_id))


@blueprint.post("/findings/<int:finding_id>/justification")
def justify(finding_id: int) -> Response | tuple[str, int]:
    """Afterwards this person answers for the finding until a day."""
    typed = request.form
    try:
        with current.act("finding.justify", ("finding", finding_id)) as session:
            finding_answers.justify(
                session, finding_id, reason=typed.get("reason", ""), until=_day_after(typed.get("until", "")),
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _sheet(finding_id, typed, mistake.fields or {"reason": mistake.message}), 422
    flash(_("正当化を記録しました。期限が過ぎると、また未解決に戻ります。"), "success")
    return redirect(url_for("findings.show", finding_id=finding_id))


def _day_after(last_day: str) -> date:
    """The first day after the last day that was typed. Raises InvalidInput."""
    try:
        return parse_date(last_day).day + timedelta(days=1)
    except ValueError as mistake:
        raise InvalidInput(str(mistake), fields={"until": str(mistake)}) from None


def _sheet(finding_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        sheet = finding_sheet(session, finding_id, day=current.today())
    return render_template(
        "findings/show.html", sheet=sheet, row=sheet.row, typed=typed, mistakes=mistakes,
        may_repair=may(current.roles(), Action.REPAIR_FINDING),
        may_justify=may(current.roles(), Action.JUSTIFY_FINDING),
        own=sheet.holder_id == current.signed_in().person_id, compared=sheet.row.kind in COMPARED,
        answerable=sheet.row.kind in ANSWERABLE,
        days=current.policy().reconciliation.justify_days,
    )  # fmt: skip


@blueprint.get("/findings/sweeps")
def sweeps() -> str:
    """Every sweep, newest first."""
    system_id = request.args.get("system", type=row_id)
    with current.look() as session:
        page = sweep_page(session, system_id=system_id, asked=request.args.get("page", 1, type=row_id))
        systems = system_names(session)
    return render_template("findings/sweeps.html", page=page, systems=systems, system_id=system_id)
