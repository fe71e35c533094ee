"""One page of help, open to everyone and linked from the same place on every page."""

from flask import Blueprint, render_template

blueprint = Blueprint("help", __name__)


@blueprint.get("/help")
def index() -> str:
    """The help page."""
    return render_template("help.html")
