"""Role × action, printed from the very table that decides (`idm.permissions`): what an auditor asks for first."""

from flask import Blueprint, render_template

from idm.permissions import PERMISSIONS, TITLES, Action
from idm.vocabulary import Role
from web.permitted import only_for

blueprint = Blueprint("permissions", __name__)
only_for(blueprint, Action.SEE_AUDIT)


@blueprint.get("/permissions")
def index() -> str:
    """The whole table."""
    return render_template(
        "permissions/index.html", permissions=PERMISSIONS, titles=TITLES, actions=list(Action), roles=list(Role)
    )
