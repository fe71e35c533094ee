"""Where people are signed in: one's own browsers, ended one by one or all but this; and others', ended by officers."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask import session as form_session
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.operations.signing_in import signed_in_places as places
from idm.queries.signing_in.open_sessions import people_signed_in
from web import current, session

blueprint = Blueprint("signed_in_places", __name__)


@blueprint.post("/me/sessions/<int:session_id>/end")
def end_own(session_id: int) -> Response:
    """One of one's own is ended; this one as well, where it is asked for."""
    who = current.signed_in()
    with current.act("sign_in.end_session", ("person", who.person_id)) as database_session:
        places.end_own(database_session, session_id, actor=who.actor, policy=current.policy(), now=current.now())
    flash(_("サインインを終了しました。"), "success")
    return redirect(url_for("me.index", _anchor="signed-in"))


@blueprint.post("/me/sessions/end-others")
def end_others() -> Response:
    """All of one's own but this one are ended."""
    who = current.signed_in()
    with current.act("sign_in.end_others", ("person", who.person_id)) as database_session:
        ended = places.end_others(database_session, keep_session=who.session_id, actor=who.actor,
                                  policy=current.policy(), now=current.now())  # fmt: skip
    flash(_("ほかの端末のサインインを終了しました（%(count)s件）。", count=ended), "success")
    return redirect(url_for("me.index", _anchor="signed-in"))


@blueprint.post("/people/<int:person_id>/sessions/end")
def end_of_person(person_id: int) -> Response:
    """All of one person's are ended."""
    with current.act("sign_in.end_persons_sessions", ("person", person_id)) as database_session:
        ended = places.end_of_person(database_session, person_id, actor=current.actor(), policy=current.policy(),
                                     now=current.now())  # fmt: skip
    flash(_("この人のサインインを終了しました（%(count)s件）。", count=ended), "success")
    return redirect(url_for("people.show", person_id=person_id, _anchor="sign-in"))


@blueprint.get("/sessions")
def everybody() -> str:
    """How many people are signed in, and the button that ends it for all of them."""
    with current.look() as database_session:
        people = people_signed_in(database_session, policy=current.policy(), now=current.now())
    return render_template("sign_in/everybody.html", people=people)


@blueprint.post("/sessions/end")
def end_of_everybody() -> Response:
    """Everybody's are ended, one's own as well."""
    with current.act("sign_in.end_everybodys_sessions", ("sign_in", "everybody")) as database_session:
        places.end_of_everybody(database_session, actor=current.actor(), policy=current.policy(), now=current.now())
    form_session.clear()
    flash(_("全員のサインインを終了しました。続けるには、もう一度サインインしてください。"), "success")
    return session.drop(redirect(url_for("sign_in.start")))
