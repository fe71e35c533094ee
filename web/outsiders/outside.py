"""The register of people outside HR (外部者登録簿): who is in it, registering, renewing, ending, sponsors (A11, A12).

HR, heads and auditors see all, section managers their units, sponsors those they answer for. The operations decide.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.employment_kind import EMPLOYMENT_KIND_TITLES, OUTSIDE_KINDS
from idm.errors import InvalidInput, NotFound
from idm.keys.secret_files import MATCH_KEY, load_or_create_key
from idm.operations.outsiders import outside, sponsorship
from idm.operations.outsiders.outside_entry import KnownAlready, check
from idm.permissions import Action, everywhere, may
from idm.personnel.outside_rules import requires_consent
from idm.queries.organisation.people import UnitRow, units_on
from idm.queries.organisation.reach import units_reached
from idm.queries.outsiders.contracts import contracts_in
from idm.queries.outsiders.outside import (
    LISTED_TITLES,
    EntryRow,
    Listed,
    Reach,
    counts,
    entries_page,
    entry_row,
    reach_of,
    sponsor_history,
    unsponsored,
)
from idm.queries.outsiders.outside_duties import consents_of
from web import current
from web.outsiders.outside_forms import ENTRY_FIELDS, Typed, at_our_fields, entry_of
from web.permitted import require_page
from web.row_ids import row_id

blueprint = Blueprint("outside", __name__)


def reach_or_nothing(session: Session) -> Reach:
    """What this person sees of the register. Raises NotFound for those who see nothing of it."""
    reach = reach_of(session, current.signed_in().person_id, current.today())
    if reach.nothing:
        raise NotFound(_("アドレスが変わったか、もう存在しないか、あなたには表示できないページです。"))
    return reach


def choices_of(units: list[UnitRow]) -> list[tuple[str, str]]:
    """Units as a list to choose from: code, and what is shown."""
    return [(unit.code, f"{unit.code} {unit.name}") for unit in units]


def units_to_choose(session: Session) -> list[UnitRow]:
    """The units for which this person may register: HR for all, section managers for their own and those below."""
    reached = units_reached(session, current.signed_in().person_id, Action.REGISTER_OUTSIDE, current.today())
    units = units_on(session, current.today())
    return units if reached is None else [unit for unit in units if unit.code in reached]


@blueprint.get("/outside")
def index() -> str:
    """The entries of one list."""
    asked = request.args.get("list", Listed.CURRENT.value)
    listed = Listed(asked) if asked in set(Listed) else Listed.CURRENT
    text = request.args.get("q", "").strip()
    with current.look() as session:
        reach, today = reach_or_nothing(session), current.today()
        page = entries_page(
            session, reach, listed, text, day=today, asked=request.args.get("page", 1, type=row_id)
        )  # fmt: skip
        numbers, nobody = counts(session, reach, today), unsponsored(session, reach, today)
    return render_template(
        "outside/index.html", page=page, listed=listed, text=text, numbers=numbers, titles=LISTED_TITLES,
        kinds=EMPLOYMENT_KIND_TITLES, may_register=may(current.roles(), Action.REGISTER_OUTSIDE), reach=reach,
        nobody=nobody,
    )  # fmt: skip


@blueprint.get("/outside/new")
def new() -> str:
    """The form of a new entry."""
    return _form(request.args, {})


@blueprint.post("/outside/new/<step>")
def take_step(step: str) -> Response | str:
    """From the form to its check page (`check`), back (`edit`), or into the register (`register`)."""
    if step not in ("edit", "check", "register"):
        abort(404)
    typed = request.form
    try:
        if step == "register":
            return _register(typed)
        require_page((Action.REGISTER_OUTSIDE,))
        return _form(typed, {}) if step == "edit" else _check(typed)
    except KnownAlready as refusal:
        return make_response(_form(typed, at_our_fields(refusal, "name"), known=refusal), 422)
    except InvalidInput as refusal:
        return make_response(_form(typed, at_our_fields(refusal, "name")), 422)


def _register(typed: Mapping[str, str]) -> Response:
    with current.act("outside.register", ("unit", typed.get("unit", "")[:32])) as session:
        entered = outside.register_person(
            session, entry_of(session, typed), match_secret=_match_secret(), actor=current.actor(),
            policy=current.policy(), now=current.now(),
        )  # fmt: skip
        number, employment_id = entered.staff_number, entered.id
    flash(
        _("番号 %(number)s で登録しました。権限はまだ何もありません。必要な権限は申請してください。", number=number),
        "success",
    )
    return redirect(url_for("outside.show", employment_id=employment_id))


def _check(typed: Mapping[str, str]) -> str:
    with current.look() as session:
        checked = check(
            session, entry_of(session, typed), match_secret=_match_secret(), actor=current.actor(),
            policy=current.policy(), now=current.now(),
        )  # fmt: skip
        return render_template(
            "outside/check.html", checked=checked, typed=typed, fields=ENTRY_FIELDS, kinds=EMPLOYMENT_KIND_TITLES,
            handover_days=current.policy().outside.handover_days, me=current.signed_in().person_id,
            consent=requires_consent(checked.wanted.kind, current.policy().outside),
        )  # fmt: skip


def _form(typed: Mapping[str, str], mistakes: Mapping[str, str], known: KnownAlready | None = None) -> str:
    with current.look() as session:
        units = units_to_choose(session)
        contracts = contracts_in(session, {unit.code for unit in units}, day=current.today())
    return render_template(
        "outside/new.html", typed=typed, mistakes=mistakes, units=choices_of(units), known=known,
        contracts=[(one.id, f"{one.number} {one.company} {one.title}") for one in contracts],
        kinds=[(kind.value, EMPLOYMENT_KIND_TITLES[kind]) for kind in EMPLOYMENT_KIND_TITLES if kind in OUTSIDE_KINDS],
        longest=current.policy().outside.longest_days,
    )  # fmt: skip


def _match_secret() -> bytes:
    return load_or_create_key(current.site().settings.secrets_dir, MATCH_KEY)


@blueprint.get("/outside/<int:employment_id>")
def show(employment_id: int) -> str:
    """One entry: until when, under which contract, who answers, and what this person may do about it."""
    return _entry_page(employment_id)


def _entry_page(
    employment_id: int, typed: Mapping[str, str] | None = None, mistakes: Mapping[str, str] | None = None
) -> str:
    with current.look() as session:
        reach, today = reach_or_nothing(session), current.today()
        entry = entry_row(session, employment_id, reach)
        facts = {"history": sponsor_history(session, employment_id), "consents": consents_of(session, entry.person_id)}
    return render_template(
        "outside/show.html", entry=entry, today=today, typed=typed or {}, mistakes=mistakes or {}, **facts,
        kind=EMPLOYMENT_KIND_TITLES[entry.kind], needs_consent=requires_consent(entry.kind, current.policy().outside),
        may_see_people=may(current.roles(), Action.SEE_PEOPLE), **_possible(entry, reach, today),
    )  # fmt: skip


def _possible(entry: EntryRow, reach: Reach, today: date) -> dict[str, Any]:
    """Which forms are shown. A form that is not shown is courtesy; the operation is the rule."""
    me, going_on = current.signed_in().person_id, not entry.over_on(today)
    is_hr, is_sponsor = everywhere(current.roles(), Action.REGISTER_OUTSIDE), entry.sponsor_id == me
    oneself = entry.person_id == me
    return {
        "may_accept": going_on and is_sponsor and not entry.accepted,
        "may_renew": going_on and entry.accepted and (is_hr or is_sponsor) and not oneself,
        "may_hand_over": going_on and (is_hr or is_sponsor) and not oneself,
        "may_end": going_on and (is_hr or is_sponsor or entry.unit_code in reach.units) and not oneself,
    }


@blueprint.post("/outside/<int:employment_id>/renewal")
def renew(employment_id: int) -> Response:
    """Afterwards the entry holds longer."""
    try:
        with current.act("outside.renew", ("employment", employment_id)) as session:
            typed = Typed(request.form)
            until = typed.end()
            typed.done()
            outside.renew(
                session, employment_id, until, actor=current.actor(), policy=current.policy(), now=current.now()
            )
    except InvalidInput as refusal:
        return _again(employment_id, refusal, "last_day")
    flash(_("登録を更新しました。期限のある権限は延びません。続けて要る権限は申請してください。"), "success")
    return redirect(url_for("outside.show", employment_id=employment_id))


@blueprint.post("/outside/<int:employment_id>/end")
def end(employment_id: int) -> Response:
    """Afterwards the entry is over and its rights with it."""
    try:
        with current.act("outside.end", ("employment", employment_id)) as session:
            outside.end_now(
                session, employment_id, reason=request.form.get("reason", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as refusal:
        return _again(employment_id, refusal, "reason")
    flash(_("登録を終わらせました。利用はすぐに止まります。"), "success")
    return redirect(url_for("outside.index"))


@blueprint.post("/outside/<int:employment_id>/handover")
def hand_over(employment_id: int) -> Response:
    """Afterwards somebody else of the unit is asked to answer for the person."""
    try:
        with current.act("sponsorship.hand", ("employment", employment_id)) as session:
            typed = Typed(request.form)
            to = typed.person(session, "sponsor")
            typed.done()
            sponsorship.hand_to(
                session, employment_id, sponsor_id=to, actor=current.actor(), policy=current.policy(),
                now=current.now(),
            )  # fmt: skip
    except InvalidInput as refusal:
        return _again(employment_id, refusal, "sponsor")
    flash(_("新しい受入担当者に引受けを依頼しました。引き受けるまでの期限を過ぎると、利用は終わります。"), "success")
    return redirect(url_for("outside.index"))


@blueprint.post("/outside/<int:employment_id>/sponsor")
def name_sponsor(employment_id: int) -> Response:
    """Afterwards somebody is asked to answer for a person who came by a file or a migration."""
    with current.act("sponsorship.name", ("employment", employment_id)) as session:
        typed = Typed(request.form)
        to = typed.person(session, "sponsor")
        typed.done()
        sponsorship.name_first(
            session, employment_id, sponsor_id=to, actor=current.actor(), policy=current.policy(), now=current.now()
        )
    flash(_("受入担当者に引受けを依頼しました。"), "success")
    return redirect(url_for("outside.show", employment_id=employment_id))


@blueprint.post("/outside/<int:employment_id>/acceptance")
def accept(employment_id: int) -> Response:
    """Afterwards this person answers for the person of the entry."""
    with current.act("sponsorship.accept", ("employment", employment_id)) as session:
        entry = entry_row(session, employment_id, reach_or_nothing(session))
        sponsorship.accept(
            session, entry.sponsorship_id or 0, actor=current.actor(), policy=current.policy(), now=current.now()
        )
    flash(_("受入れを引き受けました。"), "success")
    return redirect(url_for("outside.show", employment_id=employment_id))


def _again(employment_id: int, refusal: InvalidInput, otherwise: str) -> Response:
    return make_response(_entry_page(employment_id, request.form, at_our_fields(refusal, otherwise)), 422)
