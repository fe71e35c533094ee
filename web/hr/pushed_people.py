"""People whom a system pushed and who wait, because a safety limit would be passed: HR takes them up as a file (A7)."""

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import NotFound
from idm.operations.hr import feed_uploads, pushes
from idm.operations.hr.feed_uploads import SentFile
from idm.permissions import Action, require
from web import current

blueprint = Blueprint("pushed_people", __name__)


@blueprint.post("/hr/pushed/upload")
def take_up() -> Response:
    """Afterwards everybody of the feed who waits is an upload of this officer, to be looked at; nothing is applied."""
    feed = request.form.get("feed", "")
    with current.act("feed.upload", ("feed", feed[:64])) as session:
        require(current.roles(), Action.UPLOAD_FEED)
        content = pushes.waiting_file(session, feed, now=current.now())
        if content is None:
            raise NotFound(_("待っている人はいません。"))
        sent = SentFile(feed, current.today(), f"{feed}-waiting.csv", content)
        upload = feed_uploads.receive(
            session, sent, actor=current.actor(), policy=current.policy(), now=current.now()
        )  # fmt: skip
    return redirect(url_for("feed_uploads.show", upload_id=upload.id))
