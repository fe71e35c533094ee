"""One's own second factors: removed, and recovery codes made. What there is stands on one's own page."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.operations.signing_in.own_factors import remove
from idm.operations.signing_in.recovery_codes import draw_codes, keep_codes, may_have_codes
from idm.queries.signing_in.own_factors import listed, own_factors
from web import current

blueprint = Blueprint("own_factors", __name__)
SECTION = "second-factors"


@blueprint.get("/me/second-factors/<int:authenticator_id>/removal")
def confirm_removal(authenticator_id: int) -> str:
    """Which one is removed, and the button that does it."""
    with current.look() as database_session:
        rows = listed(database_session, current.signed_in().person_id)
    found = next((row for row in rows if row.authenticator_id == authenticator_id), None)
    if found is None:
        abort(404)
    return render_template("sign_in/factor_removal.html", row=found, last=len(rows) == 1)


@blueprint.post("/me/second-factors/<int:authenticator_id>/removal")
def removal(authenticator_id: int) -> Response:
    """It is removed."""
    who = current.signed_in()
    with current.act("sign_in.remove_factor", ("person", who.person_id)) as database_session:
        remove(database_session, authenticator_id, actor=who.actor, policy=current.policy(), now=current.now(),
               keep_session=who.session_id)  # fmt: skip
    flash(_("登録を取り消しました。ほかの端末のサインインは終了しました。"), "success")
    return redirect(url_for("me.index", _anchor=SECTION))


@blueprint.get("/me/recovery-codes")
def codes() -> str:
    """What recovery codes are, how many are left, and the button that makes a new set."""
    with current.look() as database_session:
        found = own_factors(database_session, current.signed_in().person_id)
    return render_template("sign_in/recovery_codes.html", found=found)


@blueprint.post("/me/recovery-codes")
def make_codes() -> str:
    """A new set, on the only page that ever shows it."""
    who = current.signed_in()
    with current.act("sign_in.make_recovery_codes", ("person", who.person_id)) as database_session:
        may_have_codes(database_session, signed_in=who, policy=current.policy(), now=current.now())
    drawn = draw_codes()
    with current.act("sign_in.make_recovery_codes", ("person", who.person_id)) as database_session:
        keep_codes(database_session, drawn, signed_in=who, policy=current.policy(), now=current.now())
    return render_template("sign_in/new_recovery_codes.html", codes=drawn.shown)
