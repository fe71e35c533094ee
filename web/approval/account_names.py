"""The account names that a draft will lead to, shown to HR before anything is made, and a field to choose another."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import IllegalTransition, InvalidInput, NotFound
from idm.names.account_names import BAR_TITLES, SOURCE_TITLES
from idm.operations.rights.login_names import choose_login_name
from idm.queries.approval.request_sheet import request_sheet, require_visible
from idm.queries.rights.name_preview import NamePreview, names_of_request
from idm.request_state import RequestState
from web import current
from web.row_ids import row_id

blueprint = Blueprint("account_names", __name__)


@blueprint.get("/hr/drafts/<int:request_id>/names")
def of_draft(request_id: int) -> str:
    """Who of the draft would get which name, why, and which names were passed over."""
    return _page(request_id, {}, {})


@blueprint.post("/hr/drafts/<int:request_id>/names")
def choose(request_id: int) -> Response | tuple[str, int]:
    """Afterwards the person who was picked will get the name that was typed."""
    typed = request.form
    try:
        with current.act("account.choose_name", ("request", request_id)) as session:
            preview = _preview(session, request_id)
            person_id = _picked(preview, typed.get("person", ""))
            chosen = choose_login_name(
                session, person_id, preview.system_id, typed.get("login_name", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
            name = chosen.login_name
    except InvalidInput as mistake:
        return _page(request_id, typed, mistake.fields or {"login_name": mistake.message}), 422
    except IllegalTransition as late:
        return _page(request_id, typed, {"person": late.message}), 409
    flash(_("利用者IDを「%(name)s」にしました。権限が承認されたときに、この名前で作られます。", name=name), "success")
    return redirect(url_for("account_names.of_draft", request_id=request_id))


def _picked(preview: NamePreview, typed: str) -> int:
    """The person of the draft who was picked. Raises InvalidInput for anybody else."""
    people = {str(row.person.person_id): row.person.person_id for row in preview.rows if not row.privileged}
    if typed not in people:
        message = _("対象者を選んでください。")
        raise InvalidInput(message, fields={"person": message})
    return row_id(typed)


def _preview(session: Session, request_id: int) -> NamePreview:
    """The names of the draft, for those who submit drafts. Raises NotFound for others and once it was submitted."""
    require_visible(
        session, request_id, person_id=current.signed_in().person_id, roles=current.roles(), day=current.today()
    )
    if request_sheet(session, request_id, day=current.today()).state is not RequestState.DRAFT:
        raise NotFound(_("この下書きはすでに提出されています。申請の一覧から探してください。"))
    return names_of_request(session, request_id, now=current.now())


def _page(request_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        preview = _preview(session, request_id)
    me = current.signed_in().person_id
    return render_template(
        "account_names/draft.html", request_id=request_id, preview=preview, typed=typed, mistakes=mistakes,
        choosable=[row for row in preview.rows if not (row.existing or row.privileged) and row.person.person_id != me],
        source_titles=SOURCE_TITLES, bar_titles=BAR_TITLES,
    )  # fmt: skip
