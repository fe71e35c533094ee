"""A personnel file from the browser: sent, looked at, then applied in one's own name, or discarded (control A7)."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import ContentChanged, FeedRefused, InvalidInput, NotFound, Refusal, SafetyLimit
from idm.keys.secret_files import MATCH_KEY, load_or_create_key
from idm.models.feeds import FeedSource, UploadedFeed
from idm.operations.hr import feed_notices, feed_uploads
from idm.operations.hr.feed_uploads import Preview, SentFile
from idm.permissions import Action, may
from idm.personnel.plan_tables import plan_tables
from idm.queries.hr.feed_runs import feeds_in_force
from idm.wareki import format_wareki, parse_date
from web import current, refusals
from web.csv_files import csv_answer

blueprint = Blueprint("feed_uploads", __name__)

ROWS_SHOWN = 50


@blueprint.get("/hr/uploads/new")
def new() -> str:
    """The form for a file."""
    return _form({"as_of": format_wareki(current.today())}, {})


@blueprint.post("/hr/uploads")
def send() -> Response | tuple[str, int]:
    """Afterwards the file is kept for a day and shown; nothing is applied."""
    typed = {name: request.form.get(name, "").strip() for name in ("feed", "as_of")}
    try:
        with current.act("feed.upload", ("feed", typed["feed"] or "?")) as session:
            upload = feed_uploads.receive(
                session, _sent(session, typed), actor=current.actor(), policy=current.policy(), now=current.now()
            )
    except InvalidInput as mistake:
        return _form(typed, mistake.fields or {"file": mistake.message}), 422
    return redirect(url_for("feed_uploads.show", upload_id=upload.id))


@blueprint.get("/hr/uploads/<int:upload_id>")
def show(upload_id: int) -> Response:
    """What the file would do, as of this moment; or every problem of it."""
    return _page(upload_id)


@blueprint.get("/hr/uploads/<int:upload_id>/<key>.csv")
def rows(upload_id: int, key: str) -> Response:
    """One list of the preview, whole. Raises NotFound for a list there is not."""
    with current.look() as session:
        upload = feed_uploads.find(session, upload_id, now=current.now())
        tables = plan_tables(_preview(session, upload).prepared.plan)
    table = next((table for table in tables if table.key == key), None)
    if table is None:
        raise NotFound(_("この一覧はありません。"))
    return csv_answer(f"upload-{upload_id}-{key}.csv", table.headings, table.rows)


@blueprint.post("/hr/uploads/<int:upload_id>/confirmation")
def confirm(upload_id: int) -> Response:
    """Afterwards exactly what was shown is applied in the name of the person signed in; or it is shown anew."""
    try:
        with current.act("feed.apply", ("uploaded_feed", upload_id)) as session:
            run = feed_uploads.confirm(
                session, upload_id, shown_digest=request.form.get("shown", ""), match_secret=_match_secret(),
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
            told = _("取り込みました（第%(run)s回）。保留 %(held)s件。", run=run.id, held=run.held)
    except (FeedRefused, SafetyLimit) as refusal:
        _tell(upload_id, refusal)
        return _page(upload_id, refusal)
    except ContentChanged as changed:
        return _page(upload_id, changed)
    flash(told, "success")
    return redirect(url_for("hr.index"))


@blueprint.post("/hr/uploads/<int:upload_id>/batch")
def propose_batch(upload_id: int) -> Response:
    """Afterwards a batch with exactly this list waits for permission; or the preview says why it does not."""
    try:
        with current.act("batch.propose", ("uploaded_feed", upload_id)) as session:
            batch = feed_uploads.propose_batch(
                session, upload_id, shown_digest=request.form.get("shown", ""), reason=request.form.get("reason", ""),
                match_secret=_match_secret(), actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except (InvalidInput, ContentChanged) as refusal:
        return _page(upload_id, refusal)
    flash(_("一括処理を計画しました。許可を受けた後、同じファイルをもう一度確かめて取り込んでください。"), "success")
    return redirect(url_for("batches.show", batch_id=batch.id))


@blueprint.post("/hr/uploads/<int:upload_id>/discard")
def discard(upload_id: int) -> Response:
    """Afterwards the file is gone and nothing was applied."""
    with current.act("feed.discard", ("uploaded_feed", upload_id)) as session:
        feed_uploads.discard(
            session, upload_id, actor=current.actor(), policy=current.policy(), now=current.now()
        )  # fmt: skip
    flash(_("ファイルを破棄しました。何も取り込んでいません。"), "success")
    return redirect(url_for("hr.index"))


def _page(upload_id: int, refusal: Refusal | None = None) -> Response:
    """The preview, or the problems of the file; `refusal` = why the last act changed nothing."""
    looked, problems, status = None, None, 200
    if refusal is not None:
        status = refusals.page_of(refusal)[0]
    with current.look() as session:
        upload = feed_uploads.find(session, upload_id, now=current.now())
        try:
            looked = _preview(session, upload)
        except FeedRefused as refused:
            problems, status = refused, 422
    page = render_template(
        "hr/upload.html", upload=upload, looked=looked, problems=problems, refusal=refusal, shown=ROWS_SHOWN,
        tables=plan_tables(looked.prepared.plan) if looked is not None else (),
        reason=request.form.get("reason", ""), may_propose=may(current.roles(), Action.PROPOSE_BATCH),
    )  # fmt: skip
    return make_response(page, status)


def _preview(session: Session, upload: UploadedFeed) -> Preview:
    return feed_uploads.preview(
        session, upload, match_secret=_match_secret(), policy=current.policy(), now=current.now()
    )


def _match_secret() -> bytes:
    return load_or_create_key(current.site().settings.secrets_dir, MATCH_KEY)


def _tell(upload_id: int, refusal: Refusal) -> None:
    with current.site().database.writing() as session:
        upload = feed_uploads.find(session, upload_id, now=current.now())
        feed_notices.tell_refused(session, upload.feed, FeedSource.UPLOAD, refusal, now=current.now())


def _sent(session: Session, typed: Mapping[str, str]) -> SentFile:
    """What the form holds. Raises InvalidInput with every field that is missing or wrong."""
    fields: dict[str, str] = {}
    day: date | None = None
    if typed["feed"] not in {feed.name for feed in feeds_in_force(session, now=current.now())}:
        fields["feed"] = _("人事ファイルの種類を選んでください。")
    try:
        day = parse_date(typed["as_of"]).day
    except ValueError as mistake:
        fields["as_of"] = str(mistake)
    file = request.files.get("file")
    if file is None or not file.filename:
        fields["file"] = _("ファイルを選んでください。")
    if fields or day is None or file is None:
        raise InvalidInput(_("入力内容を確認してください。"), fields=fields)
    return SentFile(typed["feed"], day, file.filename or "", file.read())


def _form(typed: Mapping[str, str], errors: Mapping[str, str]) -> str:
    with current.look() as session:
        feeds = [feed for feed in feeds_in_force(session, now=current.now()) if feed.profile is not None]
    return render_template("hr/upload_new.html", typed=typed, errors=errors, feeds=feeds)
