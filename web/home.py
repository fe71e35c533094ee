"""The first page after sign-in: what is one's own, and what waits for oneself."""

from flask import Blueprint, render_template

from idm.permissions import Action, may
from idm.queries.home import own_requests, own_rights
from idm.queries.hr.feed_runs import drafts, last_runs, waiting_rows
from idm.queries.information_systems.found_accounts import unfinished_for
from web import current
from web.waiting_work import waiting_work

blueprint = Blueprint("home", __name__)

PENDING_SHOWN = 5


@blueprint.get("/")
def index() -> str:
    """The home page."""
    me, day = current.signed_in().person_id, current.today()
    reader = current.reader()
    sees_feed = may(current.roles(), Action.SEE_FEED)
    with current.look() as session:
        rights, requests = own_rights(session, me, reader=reader), own_requests(session, me, reader=reader)
        runs = last_runs(session, 1) if sees_feed else []
        held = len(waiting_rows(session)) if sees_feed else 0
        unfinished = unfinished_for(session, me, day)
        waiting_drafts = drafts(session) if may(current.roles(), Action.SUBMIT_DRAFT) else []
    return render_template(
        "home/index.html", rights=rights, requests=requests, waiting=waiting_work(), shown=PENDING_SHOWN, runs=runs,
        held=held, drafts=waiting_drafts, sees_feed=sees_feed, today=day, unfinished=unfinished,
    )  # fmt: skip
