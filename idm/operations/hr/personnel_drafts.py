"""What a named HR officer does with the drafts that a personnel file made, besides submitting them."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import InvalidInput
from idm.models.requests import Request
from idm.operations.approval.requests import drop_line
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.organisation.officers import roles_of


def drop_lines(
    session: Session, request: Request, line_ids: Collection[int], *, actor: Actor, policy: Policy, now: datetime
) -> bool:
    """Afterwards the draft is without these lines; a draft that has none left is gone. Returns whether it still is.

    Raises NotPermitted, NotFound, InvalidInput, IllegalTransition once it was submitted.
    """
    require(roles_of(session, actor.person_id or 0, day_of(now)), Action.SUBMIT_DRAFT)
    if not line_ids:
        raise InvalidInput("除く行を選んでください。", fields={"lines": "除く行を選んでください"})
    for line_id in line_ids:
        drop_line(session, request, line_id, actor=actor, policy=policy, now=now)
    if request.lines:
        return True
    session.delete(request)
    return False
