"""Pages that exist only for those whose roles allow them: for everybody else they are not there (`idm.permissions`).

This is about looking. What is sent is judged by its operation, in a unit of work that also records the refusal.
"""

from flask import Blueprint, request
from flask_babel import gettext as _

from idm.errors import NotFound
from idm.permissions import Action, may
from web import current


def only_for(blueprint: Blueprint, *actions: Action) -> None:
    """Afterwards every page of the blueprint is there only for those who may do one of the actions."""

    @blueprint.before_request
    def look_for_the_page() -> None:
        if request.method in {"GET", "HEAD"}:
            require_page(*actions)


def require_page(*actions: Action) -> None:
    """Afterwards this person may see the page. Raises NotFound, which says nothing of whether it exists."""
    if not any(may(current.roles(), action) for action in actions):
        raise NotFound(_("アドレスが変わったか、もう存在しないか、あなたには表示できないページです。"))
