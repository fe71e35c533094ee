"""Lists of user IDs of systems without an interface: sent, compared with the books, taken over (controls A9, C1)."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import ContentChanged, FeedRefused, IllegalTransition, InvalidInput, NotFound, Refusal, SafetyLimit
from idm.lists.listing_comparison import Verdict
from idm.operations.information_systems import listings
from idm.operations.information_systems.listings import SentListing
from idm.permissions import Action
from idm.queries.information_systems.listings import (
    ListedSystem,
    age_in_days,
    comparison,
    counts_of,
    find_listing,
    listed_systems,
    listings_of,
    missing_of,
    spoken_of,
)
from idm.queries.organisation.reach import systems_reached
from idm.wareki import format_wareki, parse_date
from web import current, refusals
from web.row_ids import row_id

blueprint = Blueprint("listings", __name__)


@blueprint.get("/listings")
def index() -> str:
    """The systems without an interface, how old their lists are, and the lists that counted."""
    with current.look() as session:
        systems = _systems(session)
        past = listings_of(session, [system.system_id for system in systems])
    limit, now = current.policy().work_orders.listing_days, current.now()
    ages = {system.system_id: age_in_days(system.newest, now) for system in systems if system.newest is not None}
    return render_template("listings/index.html", systems=systems, past=past, ages=ages, limit=limit)


@blueprint.get("/listings/new")
def new() -> str:
    """The form for a list."""
    typed = {"system": request.args.get("system", ""), "as_of": format_wareki(current.today())}
    return _form(typed, {}, None)


@blueprint.post("/listings")
def send() -> Response:
    """Afterwards the list waits beside the books; nothing of it counts."""
    typed = {name: request.form.get(name, "").strip() for name in ("system", "as_of")}
    try:
        sent = _sent(typed)
        with current.act("listing.upload", ("system", sent.system_id)) as session:
            listing = listings.receive(
                session, sent, actor=current.actor(), policy=current.policy(), now=current.now()
            )  # fmt: skip
    except InvalidInput as mistake:
        return make_response(_form(typed, mistake.fields or {"file": mistake.message}, None), 422)
    except FeedRefused as refused:
        return make_response(_form(typed, {}, refused), 422)
    return redirect(url_for("listings.show", listing_id=listing.id))


@blueprint.get("/listings/<int:listing_id>")
def show(listing_id: int) -> Response:
    """The list beside the books of this moment."""
    return _page(listing_id)


@blueprint.post("/listings/<int:listing_id>/taking-over")
def take_over(listing_id: int) -> Response:
    """Afterwards the books say what the list shows; or the comparison is shown anew with the reason."""
    try:
        with current.act("listing.take_over", ("listing", listing_id)) as session:
            listings.take_over(
                session, listing_id, shown=request.form.get("shown", ""),
                missing_is_right=request.form.get("missing_is_right", 0, type=row_id), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except (ContentChanged, IllegalTransition, SafetyLimit) as refusal:
        return _page(listing_id, refusal)
    flash(_("一覧を取り込みました。食い違いは、次の点検で点検結果になります。"), "success")
    return redirect(url_for("listings.show", listing_id=listing_id))


@blueprint.post("/listings/<int:listing_id>/discard")
def discard(listing_id: int) -> Response:
    """Afterwards the list is gone."""
    with current.act("listing.discard", ("listing", listing_id)) as session:
        listings.discard(session, listing_id, actor=current.actor(), policy=current.policy(), now=current.now())
    flash(_("一覧を破棄しました。何も取り込んでいません。"), "success")
    return redirect(url_for("listings.index"))


def _page(listing_id: int, refusal: Refusal | None = None) -> Response:
    with current.look() as session:
        listing = find_listing(session, listing_id)
        if listing.system_id not in _reach(session):
            raise NotFound(_("この一覧は見つかりません。"))
        compared = comparison(session, listing, now=current.now())
        missing = missing_of(spoken_of(session, listing))
        page = render_template(
            "listings/show.html", listing=listing, compared=[c for c in compared if c.verdict is not Verdict.AGREES],
            counts=counts_of(compared), refusal=refusal, missing=missing,
            too_much=listings.too_much_missing(missing, current.policy()),
        )  # fmt: skip
    return make_response(page, refusals.page_of(refusal)[0] if refusal is not None else 200)


def _form(typed: Mapping[str, str], errors: Mapping[str, str], refused: FeedRefused | None) -> str:
    with current.look() as session:
        systems = [system for system in _systems(session) if system.listed]
    return render_template("listings/new.html", typed=typed, errors=errors, refused=refused, systems=systems)


def _systems(session: Session) -> list[ListedSystem]:
    return listed_systems(session, _reach(session))


def _reach(session: Session) -> frozenset[int]:
    return systems_reached(session, current.signed_in().person_id, Action.UPLOAD_LISTING, current.today())


def _sent(typed: Mapping[str, str]) -> SentListing:
    """What the form holds. Raises InvalidInput with every field that is missing or wrong."""
    fields: dict[str, str] = {}
    day: date | None = None
    system_id = request.form.get("system", 0, type=row_id)
    with current.look() as session:
        if system_id not in {system.system_id for system in _systems(session)}:
            fields["system"] = _("情報システムを選んでください。")
    try:
        day = parse_date(typed["as_of"]).day
    except ValueError as mistake:
        fields["as_of"] = str(mistake)
    file = request.files.get("file")
    if file is None or not file.filename:
        fields["file"] = _("ファイルを選んでください。")
    if fields or day is None or file is None:
        raise InvalidInput(_("入力内容を確認してください。"), fields=fields)
    return SentListing(system_id, day, file.filename or "", file.read())
