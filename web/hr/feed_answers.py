"""What HR answers a personnel file: the same person or somebody else, and what a 外字 stands for (control A7)."""

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, NotFound, NotPermitted, Refusal
from idm.names.personal_names import has_private_use
from idm.operations.hr import feed_answers
from idm.operations.hr.feed_answers import codes_of
from idm.queries.hr.feed_answers import Candidate, Question, mappings, questions, unmapped_signs
from idm.queries.hr.feed_runs import feeds_in_force
from idm.written_text import written
from web import current, refusals
from web.row_ids import row_id

blueprint = Blueprint("feed_answers", __name__)
blueprint.add_app_template_filter(codes_of, "codes_of")

OTHER = "other"


@blueprint.get("/hr/matches")
def matches() -> str:
    """The questions, and what was answered."""
    with current.look() as session:
        found = questions(session)
    return render_template(
        "hr/matches.html", waiting=[q for q in found if q.answered_at is None and not q.joined],
        answered=[q for q in found if q.answered_at is not None],
    )  # fmt: skip


@blueprint.get("/hr/matches/<int:question_id>")
def match(question_id: int) -> str:
    """One question: the new number and the known people side by side."""
    return render_template("hr/match.html", question=_question(question_id), refusal=None)


@blueprint.get("/hr/matches/<int:question_id>/check")
def check_match(question_id: int) -> str | tuple[str, int]:
    """What the answer would mean, before it is given."""
    question = _question(question_id)
    try:
        chosen = _chosen(question, request.args.get("answer", ""))
    except InvalidInput as mistake:
        return render_template("hr/match.html", question=question, refusal=mistake), 422
    return render_template("hr/match_check.html", question=question, chosen=chosen)


@blueprint.post("/hr/matches/<int:question_id>")
def answer_match(question_id: int) -> Response:
    """Afterwards the question is answered; the same file, imported again, acts on it."""
    question = _question(question_id)
    try:
        with current.act("feed.match", ("match_question", question_id)) as session:
            chosen = _chosen(question, request.form.get("answer", ""))
            feed_answers.answer_match(
                session, question_id, person_id=chosen.person_id if chosen is not None else None,
                shown_answer=_shown(question, request.form.get("shown", "")), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except (NotFound, NotPermitted):
        raise
    except Refusal as refusal:
        page = render_template("hr/match.html", question=_question(question_id), refusal=refusal)
        return make_response(page, refusals.page_of(refusal)[0])
    flash(
        _("答えを記録しました。まだ何も変わっていません。同じファイルをもう一度取り込むと、答えに従って登録されます。"),
        "success",
    )
    return redirect(url_for("feed_answers.matches"))


@blueprint.get("/hr/gaiji")
def gaiji() -> str:
    """The 外字 nobody has mapped, and every mapping, of before too."""
    with current.look() as session:
        waiting, known = unmapped_signs(session), mappings(session)
    return render_template("hr/gaiji.html", waiting=waiting, mappings=known)


@blueprint.get("/hr/gaiji/map")
def map_form() -> str:
    """The form for one character of one feed."""
    return _map_form(request.args, {})


@blueprint.post("/hr/gaiji/check")
def check_gaiji() -> str | tuple[str, int]:
    """The replacement large and with its codes, before it is registered."""
    typed = request.form
    try:
        replacement = feed_answers.replacement_of(typed.get("replacement", ""))
        note = written(typed.get("note", ""), field="note", empty=_("何で確かめたかを入力してください。"))
    except InvalidInput as mistake:
        return _map_form(typed, mistake.fields), 422
    feed, character = _feed_and_character(typed)
    return render_template("hr/gaiji_check.html", feed=feed, character=character, replacement=replacement, note=note)


@blueprint.post("/hr/gaiji")
def map_gaiji() -> Response | tuple[str, int]:
    """Afterwards the character is read as the replacement, from the next import on."""
    typed = request.form
    try:
        with current.act("feed.map_gaiji", ("feed", typed.get("feed", "?"))) as session:
            feed, character = _feed_and_character(typed)
            feed_answers.map_gaiji(
                session, feed, character, replacement=typed.get("replacement", ""), note=typed.get("note", ""),
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as mistake:
        return _map_form(typed, mistake.fields or {"replacement": mistake.message}), 422
    flash(_("外字を登録しました。同じファイルをもう一度取り込むと、保留が解けます。"), "success")
    return redirect(url_for("feed_answers.gaiji"))


def _question(question_id: int) -> Question:
    with current.look() as session:
        found = questions(session, [question_id])
    if not found:
        raise NotFound(_("照合の問いが見つかりません。"))
    return found[0]


def _chosen(question: Question, answer: str) -> Candidate | None:
    """The candidate that was chosen; None = somebody else. Raises InvalidInput."""
    if answer == OTHER:
        return None
    try:
        return next(one for one in question.candidates if one.person_id == row_id(answer))
    except (ValueError, StopIteration):
        message = _("同じ人か、別の人かを選んでください。")
        raise InvalidInput(message, fields={"answer": message}) from None


def _shown(question: Question, text: str) -> datetime | None:
    """When the answer was given that the person saw; an answer of another time is told as one given meanwhile."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return datetime.min.replace(tzinfo=question.asked_at.tzinfo)


def _feed_and_character(typed: Mapping[str, str]) -> tuple[str, str]:
    """The feed and the 外字 of a form or address. Raises NotFound for what is neither."""
    code, feed = typed.get("character", ""), typed.get("feed", "")
    try:
        character = chr(int(code.removeprefix("U+"), 16)) if len(code) <= 8 else ""
    except (ValueError, OverflowError):
        character = ""
    with current.look() as session:
        known = {one.name for one in feeds_in_force(session, now=current.now())}
    if feed not in known or not character or not has_private_use(character):
        raise NotFound(_("この人事ファイルの外字は見つかりません。"))
    return feed, character


def _map_form(typed: Mapping[str, str], errors: Mapping[str, str]) -> str:
    feed, character = _feed_and_character(typed)
    with current.look() as session:
        places = next((one for one in unmapped_signs(session) if (one.feed, one.character) == (feed, character)), None)
        history = mappings(session, feed, character)
    return render_template(
        "hr/gaiji_map.html", feed=feed, character=character, places=places, history=history, typed=typed,
        errors=errors,
    )  # fmt: skip
