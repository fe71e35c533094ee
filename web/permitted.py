"""A page that exists only for those whose roles allow it: for everybody else it is not there (`web.route_access`).

This is about looking. What is sent is judged by its operation, in a unit of work that also records the refusal.
"""

from collections.abc import Collection

from flask_babel import gettext as _

from idm.errors import NotFound
from idm.permissions import Action, may
from web import current


def require_page(opened_by: Collection[Action]) -> None:
    """Afterwards one of the actions (or that there are none) opens the page to this person.

    Raises NotFound, which says nothing of whether it exists.
    """
    if opened_by and not any(may(current.roles(), action) for action in opened_by):
        raise NotFound(_("アドレスが変わったか、もう存在しないか、あなたには表示できないページです。"))
