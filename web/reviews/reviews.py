"""Access reviews (棚卸し): the campaigns and how far they are, opening and closing one, and its result (A10)."""

from collections.abc import Mapping
from datetime import date
from math import ceil

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput
from idm.operations.reviews import closing, opening, withdrawal
from idm.permissions import Action, everywhere, may
from idm.queries.information_systems.systems import system_names
from idm.queries.organisation.people import units_on
from idm.queries.organisation.reach import systems_reached
from idm.queries.reviews.results import result_lines
from idm.queries.reviews.review_candidates import Wanted
from idm.queries.reviews.review_lines import waiting_of
from idm.queries.reviews.reviews import asked_of, campaign_row, campaign_rows, campaigns, reviewer_rows, rights_in
from idm.vocabulary import REVIEW_DECISION_TITLES, REVIEW_SCOPE_TITLES, ReviewScope
from idm.wareki import parse_date
from web import current
from web.row_ids import row_id

blueprint = Blueprint("reviews", __name__)

LINES_A_SHEET = 1_000
"""Of a result to be printed."""
FIELDS = ("title", "scope", "system", "unit", "right", "answer_until")


@blueprint.get("/reviews")
def index() -> str:
    """What waits for this person's answer; and for those who may see them, the campaigns."""
    me, day = current.signed_in().person_id, current.today()
    rules, sees = current.policy().reviews, may(current.roles(), Action.SEE_REVIEWS)
    with current.look() as session:
        waiting = {one: len(lines) for one, lines in waiting_of(session, me, rules=rules, day=day).items()}
        own = campaign_rows(session, waiting, day=day)
        rows = campaigns(session, day=day, reader_id=me) if sees else []
    return render_template(
        "reviews/index.html", own=own, waiting=waiting, today=day,
        still_open=[row for row in rows if not row.closed_at], closed=[row for row in rows if row.closed_at],
        sees=sees, may_open=may(current.roles(), Action.OPEN_REVIEW), scopes=REVIEW_SCOPE_TITLES,
    )  # fmt: skip


@blueprint.get("/reviews/new")
def new() -> str:
    """The form for a campaign."""
    return _form({}, {})


@blueprint.post("/reviews")
def begin() -> Response | tuple[str, int]:
    """Afterwards the campaign is open, and whoever is asked has been told."""
    typed = {name: request.form.get(name, "").strip() for name in FIELDS}
    try:
        with current.act("review.open", ("review", typed["scope"][:20] or "-")) as session:
            campaign = opening.open_campaign(
                session, _wanted(typed), typed["title"], answer_until=_until(typed["answer_until"]),
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
            campaign_id = campaign.id
    except InvalidInput as mistake:
        return _form(typed, mistake.fields or {"title": mistake.message}), 422
    flash(_("棚卸しを始めました。回答する人に通知しました。"), "success")
    return redirect(url_for("reviews.show", campaign_id=campaign_id))


@blueprint.get("/reviews/<int:campaign_id>")
def show(campaign_id: int) -> str:
    """One campaign: who is asked, what waits, and how answers came."""
    return _one(campaign_id, {})


def _one(campaign_id: int, mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        row = campaign_row(session, campaign_id, day=current.today(), reader_id=current.signed_in().person_id)
        reviewers = reviewer_rows(session, campaign_id)
        mine = asked_of(session, current.signed_in().person_id).get(campaign_id, 0)
    return render_template(
        "reviews/show.html", row=row, reviewers=reviewers, mine=mine, scopes=REVIEW_SCOPE_TITLES,
        rules=current.policy().reviews, today=current.today(), may_close=may(current.roles(), Action.OPEN_REVIEW),
        mistakes=mistakes, typed=request.form,
    )  # fmt: skip


@blueprint.get("/reviews/<int:campaign_id>/result")
def result(campaign_id: int) -> str:
    """The result sheet, to be printed."""
    with current.look() as session:
        row = campaign_row(session, campaign_id, day=current.today(), reader_id=current.signed_in().person_id)
        sheets = max(1, ceil(row.total / LINES_A_SHEET))
        sheet = min(request.args.get("sheet", 1, type=row_id), sheets)
        lines = result_lines(
            session, campaign_id, day=current.today(), offset=(sheet - 1) * LINES_A_SHEET, limit=LINES_A_SHEET
        )  # fmt: skip
        reviewers = reviewer_rows(session, campaign_id)
    return render_template(
        "reviews/result.html", row=row, reviewers=reviewers, lines=lines, rules=current.policy().reviews,
        sheet=sheet, sheets=sheets, before=(sheet - 1) * LINES_A_SHEET,
        titles=REVIEW_DECISION_TITLES, scopes=REVIEW_SCOPE_TITLES,
    )  # fmt: skip


@blueprint.post("/reviews/<int:campaign_id>/closing")
def close(campaign_id: int) -> Response:
    """Afterwards the campaign is closed, and what nobody answered is treated as the profile says."""
    with current.act("review.close", ("review", campaign_id)) as session:
        closed = closing.close(
            session, campaign_id, actor=current.actor(), policy=current.policy(), now=current.now()
        )  # fmt: skip
    if closed.needs_another:
        flash(
            _(
                "取り消す数が上限を超えるため、まだ何も取り消していません。終えることのできる別の人が、同じ画面で終えてください。"
            ),
            "info",
        )
    else:
        flash(_("棚卸しを終えました。回答のなかった権限の取消しは%(count)s件です。", count=closed.removed), "success")
    return redirect(url_for("reviews.show", campaign_id=campaign_id))


@blueprint.post("/reviews/<int:campaign_id>/withdrawal")
def withdraw(campaign_id: int) -> Response | tuple[str, int]:
    """Afterwards somebody wants the campaign given up; or, by another person, it is."""
    reason = request.form.get("reason", "").strip()
    try:
        with current.act("review.withdraw", ("review", campaign_id)) as session:
            done = withdrawal.withdraw(
                session, campaign_id, reason, actor=current.actor(), policy=current.policy(), now=current.now()
            )  # fmt: skip
    except InvalidInput as mistake:
        return _one(campaign_id, mistake.fields), 422
    if done:
        flash(_("棚卸しを取り下げました。"), "success")
    else:
        flash(_("取下げを求めました。別の人が、同じ画面で理由を確かめて取り下げてください。"), "info")
    return redirect(url_for("reviews.show", campaign_id=campaign_id))


def _form(typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    me, day = current.signed_in().person_id, current.today()
    with current.look() as session:
        reached = systems_reached(session, me, Action.OPEN_REVIEW, day)
        systems = [(number, name) for number, name in system_names(session).items() if number in reached]
        rights = rights_in(session, [number for number, _name in systems])
        units = units_on(session, day)
    return render_template(
        "reviews/new.html", typed=typed, mistakes=mistakes, systems=systems, rights=rights, units=units,
        everything=everywhere(current.roles(), Action.OPEN_REVIEW), scopes=REVIEW_SCOPE_TITLES,
        days=current.policy().reviews.answer_days,
    )  # fmt: skip


def _wanted(typed: Mapping[str, str]) -> Wanted:
    """What was chosen. Raises InvalidInput without a scope."""
    if typed["scope"] not in set(ReviewScope):
        problem = _("何ごとに行うかを選んでください。")
        raise InvalidInput(problem, fields={"scope": problem})
    scope = ReviewScope(typed["scope"])
    return Wanted(
        scope, _id(typed["system"]) if scope is ReviewScope.SYSTEM else None,
        (typed["unit"] or None) if scope is ReviewScope.UNIT else None,
        _id(typed["right"]) if scope is ReviewScope.ENTITLEMENT else None,
    )  # fmt: skip


def _id(text: str) -> int | None:
    try:
        return row_id(text)
    except ValueError:
        return None


def _until(text: str) -> date | None:
    """The day that was typed; None = as the profile says. Raises InvalidInput."""
    if not text:
        return None
    try:
        return parse_date(text).day
    except ValueError as mistake:
        raise InvalidInput(str(mistake), fields={"answer_until": str(mistake)}) from None
