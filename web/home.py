"""The first page after sign-in."""

from flask import Blueprint, render_template

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def index() -> str:
    """The home page."""
    return render_template("home.html")
