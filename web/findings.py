"""What the sweeps found, what has been resolved, and the sweeps themselves (controls C1, C3, A9)."""

from flask import Blueprint, render_template, request

from idm.permissions import Action
from idm.queries.findings import FindingFilter, findings_page, open_counts, sweep_page
from idm.queries.systems import system_names
from idm.vocabulary import FindingKind
from web import current
from web.permitted import only_for
from web.row_ids import row_id

blueprint = Blueprint("findings", __name__)
only_for(blueprint, Action.SEE_FINDINGS)


@blueprint.get("/findings")
def index() -> str:
    """Open findings, or those that are history."""
    kind = request.args.get("kind", "")
    wanted = FindingFilter(
        kind=FindingKind(kind) if kind in set(FindingKind) else None,
        system_id=request.args.get("system", type=row_id),
        resolved=request.args.get("state") == "resolved",
    )
    with current.look() as session:
        page = findings_page(session, wanted, asked=request.args.get("page", 1, type=row_id))
        counts, systems = open_counts(session), system_names(session)
    return render_template(
        "findings/index.html", page=page, wanted=wanted, counts=counts, systems=systems, kinds=list(FindingKind)
    )


@blueprint.get("/findings/sweeps")
def sweeps() -> str:
    """Every sweep, newest first."""
    system_id = request.args.get("system", type=row_id)
    with current.look() as session:
        page = sweep_page(session, system_id=system_id, asked=request.args.get("page", 1, type=row_id))
        systems = system_names(session)
    return render_template("findings/sweeps.html", page=page, systems=systems, system_id=system_id)
