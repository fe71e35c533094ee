"""All findings at once: systems by kinds, one system, how many there were day by day, the list as a file (C1, J1)."""

from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.calendar_days import TOKYO
from idm.queries.information_systems.systems import system_row
from idm.queries.sweep.finding_figures import UNREPAIRED, TrendDay, figures_of_system, late_of_system, matrix, trend
from idm.queries.sweep.findings import FindingFilter, FindingRow, all_findings, findings_page
from idm.vocabulary import FINDING_STATE_TITLES, FINDING_TITLES, FindingState
from web import current
from web.csv_files import csv_answer
from web.sweep.findings import STATES, wanted_findings
from web.sweep.trend_drawing import Drawing, drawn_line

blueprint = Blueprint("finding_overview", __name__)

PERIODS = (31, 92, 366)
"""Days that the trend can be drawn over; the second is what is shown at first."""


@blueprint.get("/findings/overview")
def index() -> str:
    """Systems by kinds, and the trend of all."""
    wanted, days = wanted_findings(), _days()
    state = wanted.state if wanted.state in UNREPAIRED else FindingState.OPEN
    with current.look() as session:
        found = matrix(session, state, day=current.today(), owner=wanted.owner)
        points = trend(session, day=current.today(), days=days)
    return render_template(
        "findings/overview.html", matrix=found, state=state, mine=wanted.owner is not None, points=points[::-1],
        drawing=_drawn(points), days=days, periods=PERIODS,
        states={key: one for key, one in STATES.items() if one in UNREPAIRED},
    )  # fmt: skip


@blueprint.get("/systems/<int:system_id>/findings")
def of_system(system_id: int) -> str:
    """One system: its kinds by where they stand, its trend, and what has been open longest."""
    days, day = _days(), current.today()
    with current.look() as session:
        system = system_row(session, system_id, day)
        figures = figures_of_system(session, system_id, day=day)
        late = late_of_system(session, system_id, day=day)
        points = trend(session, day=day, days=days, system_id=system_id)
        page = findings_page(session, FindingFilter(system_id=system_id, day=day), reader=current.reader())
    return render_template(
        "findings/system.html", system=system, figures=figures, states=UNREPAIRED, late=late, page=page,
        points=points[::-1], drawing=_drawn(points), days=days, periods=PERIODS,
    )  # fmt: skip


@blueprint.get("/findings.csv")
def table() -> Response:
    """The list that the address asks for, all of it."""
    headings = (
        _("番号"), _("種類"), _("情報システム"), _("ID"), _("職員"), _("状態"), _("わかったこと"), _("是正の案"),
        _("最終利用"), _("いつから"), _("最後に見つかった日時"), _("解消"), _("担当"), _("期限"), _("期限超過"),
    )  # fmt: skip
    with current.look() as session:
        lines = [_cells(row) for row in all_findings(session, wanted_findings(), reader=current.reader())]
    return csv_answer("findings.csv", headings, lines)


def _cells(row: FindingRow) -> list[str]:
    moments = (row.last_used_at, row.first_seen_at, row.last_seen_at, row.resolved_at)
    used, first, last, gone = (f"{at.astimezone(TOKYO):%Y-%m-%d %H:%M}" if at is not None else "" for at in moments)
    return [
        str(row.id), FINDING_TITLES[row.kind], row.system_name or _("本製品"), row.label, row.person_name or "",
        FINDING_STATE_TITLES[row.state], row.reason or "", row.repair or "", used, first, last, gone,
        row.owner_name or current.policy().title_of(row.office), row.due_on.isoformat() if row.due_on else "",
        _("超過") if row.late else "",
    ]  # fmt: skip


def _days() -> int:
    asked = request.args.get("days", "")
    return int(asked) if asked in {str(days) for days in PERIODS} else PERIODS[1]


def _drawn(points: list[TrendDay]) -> Drawing | None:
    return drawn_line([(point.day, point.unrepaired) for point in points])
