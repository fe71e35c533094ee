"""Consent on paper, recorded; internet and e-mail reported as not needed, and given back (FK 5-1(2)②③)."""

from collections.abc import Mapping

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.employment_kind import EMPLOYMENT_KIND_TITLES
from idm.errors import InvalidInput
from idm.operations.approval import consent
from idm.operations.rights import service_blocks
from idm.permissions import Action, may
from idm.queries.outsiders.outside_duties import block_rows, last_consents, without_consent
from idm.vocabulary import SERVICE_TITLES, Service
from web import current
from web.outsiders.outside import reach_or_nothing
from web.outsiders.outside_forms import Typed, at_our_fields
from web.row_ids import row_id

blueprint = Blueprint("outside_duties", __name__)

CONSENTS_SHOWN = 50


@blueprint.get("/outside/consents")
def consents() -> str:
    """Who still owes a consent, and the last ones recorded."""
    return _consents_page(request.args, {})


@blueprint.post("/outside/consents")
def record_consent() -> Response:
    """Afterwards the consent is on record."""
    typed = Typed(request.form)
    ticked = request.form.getlist("person", type=row_id)
    try:
        with current.act("consent.record", ("person", typed.text("staff_number")[:32] or "*")) as session:
            people = list(dict.fromkeys(ticked))
            if typed.text("staff_number") or not people:
                people.append(typed.person(session, "staff_number"))
            given_on = typed.day("given_on", _("同意した日"))
            typed.done()
            for person_id in people:
                consent.record(
                    session, person_id=person_id, given_on=given_on, document=typed.text("document"),
                    actor=current.actor(), policy=current.policy(), now=current.now(),
                )  # fmt: skip
    except InvalidInput as refusal:
        mistakes = at_our_fields(refusal, "staff_number")
        return make_response(_consents_page(request.form, mistakes, frozenset(ticked)), 422)
    flash(_("%(count)s人の同意書を記録しました。", count=len(people)), "success")
    return redirect(url_for("outside_duties.consents"))


def _consents_page(typed: Mapping[str, str], mistakes: Mapping[str, str], ticked: frozenset[int] = frozenset()) -> str:
    with current.look() as session:
        units, today = reach_or_nothing(session).unit_codes, current.today()
        missing = without_consent(
            session, units, policy=current.policy(), day=today, unpublished=may(current.roles(), Action.SEE_UNPUBLISHED)
        )
        recorded = last_consents(session, units, day=today, limit=CONSENTS_SHOWN)
    needing = [EMPLOYMENT_KIND_TITLES[kind] for kind in EMPLOYMENT_KIND_TITLES
               if kind in current.policy().outside.consent_kinds]  # fmt: skip
    return render_template(
        "outside/consents.html", missing=missing, recorded=recorded, typed=typed, mistakes=mistakes, needing=needing,
        ticked=ticked, kinds=EMPLOYMENT_KIND_TITLES, may_record=may(current.roles(), Action.RECORD_CONSENT),
    )  # fmt: skip


@blueprint.get("/outside/services")
def services() -> str:
    """What is reported as not needed, and by whom."""
    return _services_page(request.args, {})


@blueprint.post("/outside/services")
def report() -> Response:
    """Afterwards the service is blocked for the person."""
    typed = Typed(request.form)
    chosen = typed.text("service")
    try:
        with current.act("service.report", ("person", typed.text("staff_number")[:32])) as session:
            person_id = typed.person(session, "staff_number")
            if chosen not in set(Service):
                typed.mistakes["service"] = _("どれか選んでください")
            typed.done()
            service_blocks.report(
                session, person_id=person_id, service=Service(chosen), reason=typed.text("reason"),
                actor=current.actor(), policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as refusal:
        return make_response(_services_page(request.form, at_our_fields(refusal, "staff_number")), 422)
    flash(_("不要の報告を記録し、利用を止めました。"), "success")
    return redirect(url_for("outside_duties.services"))


@blueprint.post("/outside/services/<int:block_id>/lifting")
def lift(block_id: int) -> Response:
    """Afterwards the service is open again, unless another reason holds it back."""
    with current.act("service.lift", ("service_block", block_id)) as session:
        service_blocks.lift(session, block_id, actor=current.actor(), policy=current.policy(), now=current.now())
    flash(_("不要の報告を取り消しました。"), "success")
    return redirect(url_for("outside_duties.services"))


def _services_page(typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        units, today = reach_or_nothing(session).unit_codes, current.today()
        rows = block_rows(session, units, day=today)
    return render_template(
        "outside/services.html", blocks=rows, typed=typed, mistakes=mistakes, services=SERVICE_TITLES,
        choices=[(service.value, title) for service, title in SERVICE_TITLES.items()],
        may_report=may(current.roles(), Action.REPORT_NOT_NEEDED), me=current.signed_in().person_id,
    )  # fmt: skip
