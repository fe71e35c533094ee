"""Profile, organisation and feeds: their versions, a proposal by one person, its acceptance by another (control A16).

Editing a file changes nothing; what runs is what was accepted here, and every version stays with who and why.
"""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.errors import ConfigurationInvalid, InvalidInput
from idm.operations.governance import configuration
from idm.operations.governance.configuration_text import canonical_text
from idm.permissions import Action, may, require
from idm.queries.governance.configuration import version_in_force
from idm.queries.governance.configuration_history import (
    VersionState,
    comparison,
    effective_values,
    version_row,
    version_rows,
)
from idm.vocabulary import ConfigurationKind
from web import current

blueprint = Blueprint("configuration", __name__)


@blueprint.get("/configuration")
def index() -> str:
    """What is in force, what waits, and every version before."""
    with current.look() as session:
        rows = version_rows(session)
    return render_template(
        "configuration/index.html",
        in_force=[row for row in rows if row.state is VersionState.IN_FORCE],
        proposed=[row for row in rows if row.state is VersionState.PROPOSED],
        earlier=[row for row in rows if row.state in (VersionState.REPLACED, VersionState.REFUSED)],
        may_propose=may(current.roles(), Action.PROPOSE_CONFIGURATION),
    )


@blueprint.get("/configuration/profile")
def profile() -> str:
    """Every value of the profile in force, with the file that says it and the clause it serves."""
    with current.look() as session:
        version = version_in_force(session, ConfigurationKind.PROFILE, now=current.now())
    return render_template("configuration/profile.html", version=version, values=effective_values(version.content))


@blueprint.get("/configuration/versions/<int:version_id>")
def show(version_id: int) -> str:
    """One version, and what it changes."""
    return _version_page(version_id)


@blueprint.get("/configuration/proposals/new")
def new() -> str:
    """The form for a proposal."""
    return _form({}, {}, ())


@blueprint.post("/configuration/proposals")
def propose() -> Response | tuple[str, int]:
    """Afterwards the text waits for another person's acceptance; or all its mistakes are shown."""
    typed = dict(request.form)
    try:
        with current.act("configuration.propose", ("configuration", "proposal")) as session:
            require(current.roles(), Action.PROPOSE_CONFIGURATION)
            typed["content"] = _written()
            version = configuration.propose(
                session, canonical_text(_kind(typed), typed.get("name", "").strip(), typed["content"]),
                reason=typed.get("reason", ""), actor=current.actor(), now=current.now(),
            )  # fmt: skip
    except ConfigurationInvalid as refusal:
        return _form(typed, {"content": refusal.message}, refusal.mistakes), 422
    except InvalidInput as mistake:
        return _form(typed, mistake.fields, ()), 422
    flash(_("変更を提案しました。別の人の承認を待っています。"), "success")
    return redirect(url_for("configuration.show", version_id=version.id))


@blueprint.post("/configuration/versions/<int:version_id>/acceptance")
def accept(version_id: int) -> Response | tuple[str, int]:
    """Afterwards the version is in force; or it is shown why it cannot take effect."""
    try:
        with current.act("configuration.accept", ("configuration", version_id)) as session:
            configuration.accept(session, version_id, actor=current.actor(), now=current.now())
    except ConfigurationInvalid as refusal:
        return _version_page(version_id, refusal), 422
    flash(_("承認しました。この版を適用しています。"), "success")
    return redirect(url_for("configuration.show", version_id=version_id))


@blueprint.post("/configuration/versions/<int:version_id>/refusal")
def refuse(version_id: int) -> Response:
    """Afterwards the proposal is closed and nothing has changed."""
    with current.act("configuration.refuse", ("configuration", version_id)) as session:
        configuration.refuse(session, version_id, actor=current.actor(), now=current.now())
    flash(_("提案を却下しました。設定は変わっていません。"), "success")
    return redirect(url_for("configuration.show", version_id=version_id))


def _version_page(version_id: int, refusal: ConfigurationInvalid | None = None) -> str:
    with current.look() as session:
        version, compared = version_row(session, version_id), comparison(session, version_id)
    return render_template(
        "configuration/version.html", version=version, compared=compared, refusal=refusal,
        may_accept=may(current.roles(), Action.ACCEPT_CONFIGURATION),
        own=version.proposed_by_id == current.signed_in().person_id,
    )  # fmt: skip


def _kind(typed: Mapping[str, str]) -> ConfigurationKind:
    kind = typed.get("kind", "")
    if kind not in set(ConfigurationKind):
        raise InvalidInput(_("種類を選んでください。"), fields={"kind": _("種類を選んでください。")})
    return ConfigurationKind(kind)


def _written() -> str:
    """The text of the file that was sent, or what stands in the field. Raises InvalidInput."""
    file = request.files.get("file")
    sent = file.read() if file is not None and file.filename else b""
    try:
        text = sent.decode("utf-8-sig") if sent else request.form.get("content", "")
    except UnicodeDecodeError:
        message = _("ファイルの文字コードが UTF-8 ではありません。UTF-8 で保存してから選び直してください。")
        raise InvalidInput(message, fields={"file": message}) from None
    if not text.strip():
        message = _("ファイルを選ぶか、内容を貼り付けてください。")
        raise InvalidInput(message, fields={"content": message})
    return text.replace("\r\n", "\n")


def _form(typed: Mapping[str, str], errors: Mapping[str, str], mistakes: tuple[str, ...]) -> str:
    summary = {**errors, "content": list(mistakes)} if mistakes else errors
    return render_template(
        "configuration/propose.html", typed=typed, errors=errors, summary=summary, kinds=list(ConfigurationKind)
    )
