"""Answering an access review: line by line or the rest at once, seen once more before it counts; or in a file (A10)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import FeedRefused, InvalidInput, NotFound
from idm.keys.secret_files import REVIEW_KEY, load_or_create_key
from idm.operations.reviews import answering, workbooks
from idm.operations.reviews.answering import Answered, Shown
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.queries.reviews.reviews import CampaignRow, LineToAnswer, campaign_row, has_answered, to_answer
from idm.reviews.review_rows import is_sealed, seal
from idm.reviews.review_rules import with_bulk
from idm.reviews.review_workbook import ROWS_A_FILE, workbook
from idm.vocabulary import REVIEW_DECISION_TITLES, ReviewDecision
from web import current
from web.row_ids import row_id

blueprint = Blueprint("review_answers", __name__)

MOST_DIGITS = 11
"""Of seconds since 1970."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Given:
    """One line of the summary: what is about to be recorded."""

    line: LineToAnswer
    decision: ReviewDecision
    reason: str
    seal: str


@blueprint.get("/reviews/<int:campaign_id>/answers")
def index(campaign_id: int) -> Response:
    """The lines that wait for this person, a page at a time."""
    return _page(campaign_id)


@blueprint.post("/reviews/<int:campaign_id>/answers/check")
def check(campaign_id: int) -> Response:
    """What is about to be recorded, to be looked at once more; nothing is recorded."""
    row, lines = _own(campaign_id)
    given = _given({one.line_id: one for one in lines})
    missing = {f"reason-{one.line.line_id}": _("「不要」「変更が必要」には理由を書いてください。") for one in given
               if one.decision is not ReviewDecision.KEEP and not one.reason}  # fmt: skip
    if not given:
        missing = {"bulk": _("一つも回答が選ばれていません。")}
    return _page(campaign_id, missing) if missing else _summary(row, given, _shown_at())


@blueprint.post("/reviews/<int:campaign_id>/answers")
def give(campaign_id: int) -> Response:
    """Afterwards these lines are answered, and what is not needed has ended."""
    form = request.form
    answers = {
        line_id: Answered(decision, form.get(f"reason-{line_id}", ""), form.get(f"seal-{line_id}", ""))
        for line_id in form.getlist("line", type=row_id) if (decision := _decision(f"decision-{line_id}")) is not None
    }  # fmt: skip
    try:
        with current.act("review.answer", ("review", campaign_id)) as session:
            counted = answering.answer(
                session, campaign_id, answers, shown=_shown(), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _page(campaign_id, mistake.fields or {"bulk": mistake.message})
    return _done(campaign_id, counted)


@blueprint.get("/reviews/<int:campaign_id>/workbook")
def save(campaign_id: int) -> Response:
    """The lines that wait for this person, as a workbook to be filled in; the part that was asked for of many."""
    _row, lines = _own(campaign_id)
    part = min(request.args.get("part", 1, type=row_id), _parts(len(lines)))
    lines = lines[(part - 1) * ROWS_A_FILE : part * ROWS_A_FILE]
    me, now, key = current.signed_in().person_id, current.now(), _key()
    rows = [(one.row.cells, seal(key, campaign_id, me, now, one.row.cells)) for one in lines]
    answer = make_response(workbook(rows, made_at=now))
    answer.headers["Content-Type"] = XLSX
    answer.headers["Content-Disposition"] = f'attachment; filename="review-{campaign_id}-{part}.xlsx"'
    return answer


@blueprint.post("/reviews/<int:campaign_id>/workbook")
def send(campaign_id: int) -> Response:
    """What the workbook would record, to be looked at once more; or which of its rows are refused, and why."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page(campaign_id, {"file": _("ファイルを選んでください。")})
    try:
        with current.act("review.answer", ("review", campaign_id)) as session:
            filled = workbooks.filled_in(
                session, campaign_id, file.read(), key=_key(), actor=current.actor(), now=current.now()
            )  # fmt: skip
    except InvalidInput as mistake:
        return _page(campaign_id, {"file": " ".join(mistake.fields.values()) or mistake.message})
    except FeedRefused as refused:
        return _page(campaign_id, refused=refused)
    row, own = _own(campaign_id)
    lines = {one.line_id: one for one in own}
    if not lines.keys() >= filled.answers.keys():
        return _page(campaign_id, {"file": _("今のあなたの職では回答できない行があります。保存し直してください。")})
    given = [Given(lines[one], said.decision, said.reason, said.seal) for one, said in filled.answers.items()]
    return _summary(row, given, filled.shown_at, by_file=True)


def _own(campaign_id: int) -> tuple[CampaignRow, list[LineToAnswer]]:
    """The campaign and what waits in it for this person. Raises NotFound where it never was theirs."""
    me, day = current.signed_in().person_id, current.today()
    with current.look() as session:
        row = campaign_row(session, campaign_id, day=day)
        lines = to_answer(session, campaign_id, me, rules=current.policy().reviews, day=day)
        if not lines and not has_answered(session, campaign_id, me):
            raise NotFound(_("この棚卸しは見つかりません。"))
    return row, lines


def _page(
    campaign_id: int, mistakes: Mapping[str, str] | None = None, refused: FeedRefused | None = None
) -> Response:  # fmt: skip
    row, lines = _own(campaign_id)
    number = nearest_page(request.values.get("page", 1, type=row_id), len(lines))
    shown = lines[offset_of(number) : offset_of(number) + ROWS_A_PAGE]
    since = _still_shown(campaign_id, shown) or current.now()
    key, me = _key(), current.signed_in().person_id
    seals = {one.line_id: seal(key, campaign_id, me, since, one.row.cells) for one in shown}
    page = render_template(
        "reviews/answers.html", row=row, page=Page(tuple(shown), number, len(lines)), seals=seals,
        shown_at=int(since.timestamp()), titles=REVIEW_DECISION_TITLES, typed=request.form, mistakes=mistakes or {},
        refused=refused, today=current.today(), parts=_parts(len(lines)),
    )  # fmt: skip
    return make_response(page, 422 if mistakes or refused else 200)


def _still_shown(campaign_id: int, lines: Sequence[LineToAnswer]) -> datetime | None:
    """Since when a page that comes back with mistakes has been shown; None where its seals do not say so."""
    key, me, since = _key(), current.signed_in().person_id, _shown_at()
    sealed = (
        is_sealed(key, campaign_id, me, since, one.row.cells, request.form.get(f"seal-{one.line_id}", ""))
        for one in lines
    )
    return since if all(sealed) else None


def _summary(row: CampaignRow, given: Sequence[Given], shown_at: datetime, *, by_file: bool = False) -> Response:
    counted = Counter(one.decision for one in given)
    page = render_template(
        "reviews/check.html", row=row, given=given, counted=counted, shown_at=int(shown_at.timestamp()),
        by_file=by_file, titles=REVIEW_DECISION_TITLES, page_number=request.form.get("page", 1, type=row_id),
        unneeded=[one for one in given if one.decision is ReviewDecision.REMOVE],
    )  # fmt: skip
    return make_response(page)


def _given(lines: Mapping[int, LineToAnswer]) -> list[Given]:
    """What was chosen of these lines, with one answer for all the rest where one was chosen."""
    form = request.form
    on_page = [line_id for line_id in form.getlist("line", type=row_id) if line_id in lines]
    chosen = {line_id: _decision(f"decision-{line_id}") for line_id in on_page}
    careful = {line_id for line_id in on_page if lines[line_id].careful}
    decided = with_bulk(chosen, _decision("bulk"), careful)
    common = form.get("bulk-reason", "").strip()
    return [
        Given(
            lines[line_id], decision,
            form.get(f"reason-{line_id}", "").strip() or ("" if chosen[line_id] is not None else common),
            form.get(f"seal-{line_id}", ""),
        )
        for line_id, decision in decided.items()
    ]  # fmt: skip


def _decision(field: str) -> ReviewDecision | None:
    said = request.form.get(field, "")
    return ReviewDecision(said) if said in set(ReviewDecision) else None


def _shown() -> Shown:
    return Shown(_shown_at(), _key(), by_file=request.form.get("by_file") == "1")


def _parts(total: int) -> int:
    return max(1, ceil(total / ROWS_A_FILE))


def _shown_at() -> datetime:
    """When the page was shown, as it says itself; the seals tell whether that is so."""
    said = request.form.get("shown_at", "")
    sound = said.isascii() and said.isdecimal() and len(said) <= MOST_DIGITS
    return datetime.fromtimestamp(int(said) if sound else 0, UTC)


def _key() -> bytes:
    return load_or_create_key(current.site().settings.secrets_dir, REVIEW_KEY)


def _done(campaign_id: int, counted: Counter[ReviewDecision]) -> Response:
    said = "、".join(f"{title} {counted[decision]}件" for decision, title in REVIEW_DECISION_TITLES.items())
    flash(_("回答を記録しました（%(said)s）。", said=said), "success")
    return redirect(url_for("review_answers.index", campaign_id=campaign_id))
