"""Role × action, printed from the very table that decides (`idm.permissions`): what an auditor asks for first."""

from flask import Blueprint, render_template

from idm.permissions import PERMISSIONS, TITLES, Action
from idm.vocabulary import Role

blueprint = Blueprint("permissions", __name__)


@blueprint.get("/permissions")
def index() -> str:
    """The whole table."""
    return render_template(
        "permissions/index.html", permissions=PERMISSIONS, titles=TITLES, actions=list(Action), roles=list(Role)
    )
