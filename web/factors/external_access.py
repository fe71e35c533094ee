"""The register of access from outside: who, which right, why, until when, by which permission (FK 6-2(4), I1)."""

from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.calendar_days import end_to_last_day
from idm.factors.factor_gate import VERDICT_TITLES
from idm.grant_state import TITLES as GRANT_TITLES
from idm.permissions import Action, may
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.queries.rights.external_access import ExternalRight, external_rights
from web import current
from web.csv_files import csv_answer
from web.row_ids import row_id

blueprint = Blueprint("external_access", __name__)


@blueprint.get("/external-access")
def index() -> str:
    """The register, those without an end on top, then the right that ends first."""
    rows = _rows()
    number = nearest_page(request.args.get("page", 1, type=row_id), len(rows))
    first = offset_of(number)
    page = Page(tuple(rows[first : first + ROWS_A_PAGE]), number, len(rows))
    return render_template(
        "external_access/index.html", page=page, rules=current.policy().external_access,
        endless=sum(row.endless for row in rows), today=current.today(),
        may_open=may(current.roles(), Action.SEE_ALL_REQUESTS), may_see_people=may(current.roles(), Action.SEE_PEOPLE),
    )  # fmt: skip


@blueprint.get("/external-access.csv")
def table() -> Response:
    """The whole register as a list to keep."""
    headings = (
        _("氏名"), _("職員番号"), _("所属"), _("利用者名"), _("情報システム"), _("権限"), _("区分"), _("状態"),
        _("開始日"), _("最終日"), _("理由"), _("申請"), _("二要素認証"),
    )  # fmt: skip
    return csv_answer("external-access.csv", headings, map(_line, _rows()))


def _rows() -> list[ExternalRight]:
    with current.look() as session:
        return external_rights(session, policy=current.policy(), now=current.now(), reader=current.reader())


def _line(row: ExternalRight) -> list[str]:
    last = end_to_last_day(row.valid_until)
    return [
        row.person.name, row.person.staff_number or "", row.person.unit or "", row.login_name, row.system_name,
        row.right_name, kind_of(row), GRANT_TITLES[row.state], row.valid_from.isoformat(),
        last.isoformat() if last is not None else _("期限なし（要見直し）"), row.reason, row.request_number,
        VERDICT_TITLES[row.verdict],
    ]  # fmt: skip


@blueprint.app_template_filter("external_kind")
def kind_of(row: ExternalRight) -> str:
    """Why the right stands in the register."""
    title: str = _("委託事業者によるクラウドの管理") if row.cloud else _("外部からの利用")
    return title
