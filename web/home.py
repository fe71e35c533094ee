"""The first page after sign-in: what is one's own, and what waits for oneself."""

from flask import Blueprint, render_template

from idm.permissions import Action, may
from idm.queries.approval.approvals import pending_for
from idm.queries.exceptions.exception_todo import exception_todo
from idm.queries.hand_work.work_orders import Reach, work_counts
from idm.queries.home import own_requests, own_rights
from idm.queries.hr.feed_runs import drafts, last_runs, waiting_rows
from idm.queries.information_systems.found_accounts import unfinished_for
from idm.queries.privileged.todo import privileged_todo
from idm.queries.reviews.reviews import asked_of
from idm.queries.sweep.finding_figures import own_findings
from web import current

blueprint = Blueprint("home", __name__)

PENDING_SHOWN = 5


@blueprint.get("/")
def index() -> str:
    """The home page."""
    me, day, policy = current.signed_in().person_id, current.today(), current.policy()
    reader = current.reader()
    sees_feed = may(current.roles(), Action.SEE_FEED)
    with current.look() as session:
        rights, requests = own_rights(session, me, reader=reader), own_requests(session, me, reader=reader)
        pending = pending_for(session, me, day=day, lapse_days=policy.applications.lapse_days)
        runs = last_runs(session, 1) if sees_feed else []
        held = len(waiting_rows(session)) if sees_feed else 0
        work = work_counts(session, me, Reach.of(session, me, day), now=current.now())
        unfinished = unfinished_for(session, me, day)
        reviews = sum(asked_of(session, me).values())
        findings = own_findings(session, me, day=day) if may(current.roles(), Action.SEE_FINDINGS) else None
        exceptions = exception_todo(session, me, policy=policy, now=current.now())
        privileged = privileged_todo(session, me, policy=policy, now=current.now())
        waiting_drafts = drafts(session) if may(current.roles(), Action.SUBMIT_DRAFT) else []
    return render_template(
        "home/index.html", rights=rights, requests=requests, pending=pending, shown=PENDING_SHOWN, runs=runs, held=held,
        drafts=waiting_drafts, sees_feed=sees_feed, today=day, work=work, unfinished=unfinished,
        privileged=privileged, reviews=reviews, findings=findings, exceptions=exceptions,
    )  # fmt: skip
