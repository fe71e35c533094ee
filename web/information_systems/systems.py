"""The register of information systems, one system from close, and who holds each of its rights (A14, A9, C1, D1)."""

from flask import Blueprint, render_template, request
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from idm.factors.factor_gate import LETS_IN, VERDICT_TITLES, in_words
from idm.operations.information_systems.system_tests import newest_test
from idm.passwords.password_rules import RULE_TITLES, RULE_VERDICT_TITLES, RuleVerdict, ruleset_in_words
from idm.permissions import Action, may
from idm.ports import CheckVerdict
from idm.queries.factors.enrolment_lists import verification_in
from idm.queries.factors.factor_holders import Holder, figures_of, holders_behind_gate, holders_page
from idm.queries.information_systems.found_accounts import progress_of_systems
from idm.queries.information_systems.system_rights import holders_page as right_holders_page
from idm.queries.information_systems.system_rights import right_of_system, rights_of_system, unfinished_tasks
from idm.queries.information_systems.systems import system_row, system_rows
from idm.queries.organisation.reach import systems_reached
from idm.queries.passwords.password_rules import rules_sheet
from idm.queries.stops.orders import orders_in_force
from idm.queries.sweep.findings import FindingFilter, findings_page, sweep_page
from web import current
from web.row_ids import row_id

blueprint = Blueprint("systems", __name__)

SWEEPS_SHOWN = 5
VERDICT_WORDS = {
    CheckVerdict.FINE: _("問題なし"), CheckVerdict.WARNING: _("注意"), CheckVerdict.FAILED: _("要修正"),
}  # fmt: skip

RULE_LOOKS = {
    RuleVerdict.AGREES: "success", RuleVerdict.STRONGER: "success", RuleVerdict.WEAKER: "error",
    RuleVerdict.OTHERWISE: "error", RuleVerdict.NOT_READABLE: "warning", RuleVerdict.NOT_SHOWN: "neutral",
}  # fmt: skip


@blueprint.get("/systems")
def index() -> str:
    """The register."""
    with current.look() as session:
        rows, progress = system_rows(session, current.today()), progress_of_systems(session)
    return render_template(
        "systems/index.html", rows=rows, progress=progress, may_see_findings=_sees_findings()
    )  # fmt: skip


@blueprint.get("/systems/<int:system_id>")
def show(system_id: int) -> str:
    """One system: its rights, what could not be written, and what the sweeps found."""
    with current.look() as session:
        system = system_row(session, system_id, current.today())
        verification = verification_in(session, system_id)
        rights = rights_of_system(session, system_id)
        may_stop = system_id in systems_reached(
            session, current.signed_in().person_id, Action.ORDER_STOP, current.today()
        )
        sees_stops = system_id in systems_reached(
            session, current.signed_in().person_id, Action.SEE_STOPS, current.today()
        )
        stopped_by = orders_in_force(session, system_id=system_id) if sees_stops else ()
        tasks = unfinished_tasks(
            session, system_id, reader=current.reader(), asked=request.args.get("page", 1, type=row_id)
        )
        progress = progress_of_systems(session)[system_id]
        open_there = FindingFilter(system_id=system_id, day=current.today())
        found = findings_page(session, open_there, reader=current.reader()) if _sees_findings() else None
        sweeps = sweep_page(session, system_id=system_id) if _sees_findings() else None
        tested = newest_test(session, system_id) if _sees_findings() else None
        gate = figures_of(_holders(session, system_id))
    return render_template(
        "systems/show.html", system=system, progress=progress, may_see_found=_sees_found(), rights=rights,
        gate=gate, verification=verification, may_bring_lists=may(current.roles(), Action.UPLOAD_ENROLMENTS),
        tasks=tasks, found=found, may_see_findings=_sees_findings(), may_stop=may_stop, stopped_by=stopped_by,
        sweeps=sweeps.rows[:SWEEPS_SHOWN] if sweeps is not None else (),
        may_see_people=may(current.roles(), Action.SEE_PEOPLE), tested=tested, verdict_words=VERDICT_WORDS,
    )  # fmt: skip


@blueprint.get("/systems/<int:system_id>/rights/<int:right_id>")
def right(system_id: int, right_id: int) -> str:
    """Who holds one right of the system."""
    with current.look() as session:
        system = system_row(session, system_id, current.today())
        shown = right_of_system(session, system_id, right_id)
        page = right_holders_page(session, right_id, asked=request.args.get("page", 1, type=row_id))
    return render_template(
        "systems/right.html", system=system, right=shown, page=page,
        may_open=may(current.roles(), Action.SEE_ALL_REQUESTS), may_see_people=may(current.roles(), Action.SEE_PEOPLE),
    )  # fmt: skip


@blueprint.get("/systems/<int:system_id>/factors")
def factors(system_id: int) -> str:
    """Who holds rights there that need two kinds of factor, with what, verified by what, and when that was read."""
    with current.look() as session:
        system = system_row(session, system_id, current.today())
        verification, holders = verification_in(session, system_id), _holders(session, system_id)
    page = holders_page(holders, asked=request.args.get("page", 1, type=row_id))
    return render_template(
        "systems/factors.html", system=system, verification=verification, figures=figures_of(holders), page=page,
        verdicts=VERDICT_TITLES, lets_in=LETS_IN, kinds=in_words, now=current.now(),
        readback_days=current.policy().factors.readback_days, may_see_people=may(current.roles(), Action.SEE_PEOPLE),
    )  # fmt: skip


@blueprint.get("/systems/<int:system_id>/password-rules")
def password_rules(system_id: int) -> str:
    """What the profile asks of passwords, and what the directory enforces, as the newest sweep read it (D4, E4)."""
    with current.look() as session:
        system = system_row(session, system_id, current.today())
        sheet = rules_sheet(session, system_id)
    return render_template(
        "systems/password_rules.html", system=system, sheet=sheet, titles=RULE_TITLES, verdicts=RULE_VERDICT_TITLES,
        looks=RULE_LOOKS, ruleset=ruleset_in_words(current.policy().passwords),
    )  # fmt: skip


def _holders(session: Session, system_id: int) -> list[Holder]:
    return holders_behind_gate(session, system_id=system_id, policy=current.policy(), now=current.now())


def _sees_findings() -> bool:
    return may(current.roles(), Action.SEE_FINDINGS)


def _sees_found() -> bool:
    return _sees_findings() or may(current.roles(), Action.SETTLE_FOUND)
