"""Lists of who is enrolled in a product that verifies factors: sent, compared, taken over (controls B1, B2).

Nothing of a list is kept but what it shows of accounts of ours: whoever has looked at the comparison sends it again,
and the digest of what they looked at with it.
"""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, make_response, render_template, request
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.calendar_days import day_of
from idm.errors import ContentChanged, FeedRefused, IllegalTransition, InvalidInput, Refusal, SafetyLimit, SameListAgain
from idm.factors.enrolment_comparison import Comparison, Standing, too_many
from idm.operations.factors import enrolment_lists
from idm.operations.factors.enrolment_lists import SentEnrolments, moment_of_day
from idm.permissions import Action
from idm.queries.factors.enrolment_lists import (
    ListedProduct,
    hidden_accounts,
    imports_of,
    listed_products,
    repeated,
    spoken_day,
)
from idm.queries.organisation.reach import systems_reached
from idm.wareki import parse_date
from web import current
from web.row_ids import row_id

blueprint = Blueprint("enrolment_lists", __name__)

YES = "yes"
TAKE = "take"
"""The button that takes the list over; without it, the form only shows the comparison."""


@blueprint.get("/enrolment-lists")
def index() -> str:
    """The systems whose product prints who is enrolled, how old their lists are, and the lists that counted."""
    with current.look() as session:
        products = _products(session)
        past = imports_of(session, [product.system_id for product in products])
    today = current.today()
    ages = {one.system_id: (today - day_of(one.newest.made_on)).days for one in products if one.newest is not None}
    return render_template(
        "enrolment_lists/index.html", products=products, past=past, ages=ages,
        limit=current.policy().factors.readback_days,
    )  # fmt: skip


@blueprint.get("/enrolment-lists/new")
def new() -> str:
    """The form for a list."""
    return _form({"system": request.args.get("system", ""), "made_on": ""}, {})


@blueprint.post("/enrolment-lists")
def send() -> Response:
    """Afterwards the list has been taken over, or is only shown beside the register, as the button says."""
    typed = {name: request.form.get(name, "").strip() for name in ("system", "made_on")}
    takes = request.form.get("step") == TAKE
    try:
        sent = _sent(typed)
        shown, changed = _take_over(sent) if takes else (_look(sent), 0)
    except InvalidInput as mistake:
        return make_response(_form(typed, mistake.fields or {"file": mistake.message}), 422)
    except FeedRefused as refused:
        return make_response(_form(typed, {}, refused=refused), 422)
    except IllegalTransition as refusal:
        return make_response(_form(typed, {"file": refusal.message}), 409)
    except (SafetyLimit, SameListAgain, ContentChanged) as refusal:
        return make_response(_result(_look(sent), typed, sent, refusal=refusal), 409)
    return make_response(_result(shown, typed, sent, takes=takes, changed=changed))


def _look(sent: SentEnrolments) -> Comparison:
    with current.act("enrolment_list.look", ("system", sent.system_id)) as session:
        return enrolment_lists.look(
            session, sent, actor=current.actor(), policy=current.policy(), now=current.now()
        )  # fmt: skip


def _take_over(sent: SentEnrolments) -> tuple[Comparison, int]:
    with current.act("enrolment_list.import", ("system", sent.system_id)) as session:
        taken = enrolment_lists.take_over(
            session, sent, stopping_is_right=request.form.get("stopping_is_right", 0, type=row_id),
            same_content_is_right=request.form.get("same_content_is_right") == YES,
            actor=current.actor(), policy=current.policy(), now=current.now(),
        )  # fmt: skip
    return taken.comparison, taken.changed


def _result(
    compared: Comparison, typed: Mapping[str, str], sent: SentEnrolments, *, takes: bool = False, changed: int = 0,
    refusal: Refusal | None = None,
) -> str:  # fmt: skip
    with current.look() as session:
        products = _products(session)
        unseen = hidden_accounts(session, sent.system_id, current.reader())
        earlier = None if takes else repeated(session, sent.system_id, sent.digest, sent.made_on)
    told = [
        one for one in compared.lines
        if (one.standing is not Standing.AGREES or one.differences) and one.account_id not in unseen
    ]  # fmt: skip
    return render_template(
        "enrolment_lists/result.html", compared=compared, told=told, typed=typed, takes=takes, changed=changed,
        refusal=refusal, too_many=too_many(compared.stopped, compared.in_effect, current.policy().factors),
        counts={standing: compared.count(standing) for standing in Standing}, products=products,
        system=next((one for one in products if one.system_id == sent.system_id), None), digest=sent.digest,
        same_as=spoken_day(earlier.made_on) if earlier is not None else None,
    )  # fmt: skip


def _form(typed: Mapping[str, str], errors: Mapping[str, str], refused: FeedRefused | None = None) -> str:
    with current.look() as session:
        products = _products(session)
    return render_template(
        "enrolment_lists/new.html", typed=typed, errors=errors, refused=refused, products=products
    )  # fmt: skip


def _products(session: Session) -> list[ListedProduct]:
    reached = systems_reached(session, current.signed_in().person_id, Action.UPLOAD_ENROLMENTS, current.today())
    return listed_products(session, reached)


def _sent(typed: Mapping[str, str]) -> SentEnrolments:
    """What the form holds. Raises InvalidInput with every field that is missing or wrong."""
    fields: dict[str, str] = {}
    day: date | None = None
    system_id = request.form.get("system", 0, type=row_id)
    with current.look() as session:
        if system_id not in {product.system_id for product in _products(session)}:
            fields["system"] = _("情報システムを選んでください。")
    try:
        day = parse_date(typed["made_on"]).day
    except ValueError as mistake:
        fields["made_on"] = str(mistake)
    file = request.files.get("file")
    if file is None or not file.filename:
        fields["file"] = _("ファイルを選んでください。")
    if fields or day is None or file is None:
        raise InvalidInput(_("入力内容を確認してください。"), fields=fields)
    return SentEnrolments(
        system_id, moment_of_day(day, now=current.now()), file.filename or "", file.read(),
        request.form.get("compared", ""),
    )  # fmt: skip
