"""Role × action × scope, printed from the very table that decides (`idm.permissions`): what auditors ask for first."""

from flask import Blueprint, render_template
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.permissions import SCOPE_TITLES, SCOPES, TITLES, Action, Scope
from idm.vocabulary import Role
from web import current
from web.csv_files import csv_answer

blueprint = Blueprint("permissions", __name__)

MARKS = {
    Scope.EVERYTHING: "○", Scope.OWN_UNIT: "課", Scope.OWN_SYSTEM: "系", Scope.OWN_OFFICE: "職", Scope.OWN_CASES: "自",
}  # fmt: skip


@blueprint.get("/permissions")
def index() -> str:
    """The whole table, on one page to print."""
    return render_template(
        "permissions/index.html", scopes=SCOPES, titles=TITLES, actions=list(Action), roles=list(Role), marks=MARKS,
        scope_titles=SCOPE_TITLES,
    )  # fmt: skip


@blueprint.get("/permissions.csv")
def table() -> Response:
    """The same table as a list to keep: one line per action, one column per role, each cell its scope or empty."""
    title_of = current.policy().title_of
    return csv_answer("permissions.csv", (_("できること"), *(title_of(role) for role in Role)), map(_line, Action))


def _line(action: Action) -> list[str]:
    scopes = (SCOPES[action].get(role) for role in Role)
    return [TITLES[action], *("" if scope is None else SCOPE_TITLES[scope] for scope in scopes)]
