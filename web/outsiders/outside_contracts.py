"""Contracts with companies: the list, one contract with its subcontracts and people, registering, extending, ending."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from idm.errors import InvalidInput, NotFound
from idm.models.outside import Contract
from idm.operations.outsiders import contracts
from idm.permissions import Action, may
from idm.queries.organisation.units import unit_on
from idm.queries.outsiders.contracts import contract_tree, contracts_in, find_contract
from web import current
from web.outsiders.outside import choices_of, reach_or_nothing, units_to_choose
from web.outsiders.outside_forms import Typed, at_our_fields, contract_of
from web.row_ids import row_id

blueprint = Blueprint("outside_contracts", __name__)


@blueprint.get("/outside/contracts")
def index() -> str:
    """The contracts that hold or will, and those that are over."""
    with current.look() as session:
        units, today = reach_or_nothing(session).unit_codes, current.today()
        current_ones, over = contracts_in(session, units, day=today), contracts_in(session, units, day=today, over=True)
    return render_template(
        "outside/contracts.html", contracts=current_ones, over=over,
        may_register=may(current.roles(), Action.REGISTER_OUTSIDE),
    )  # fmt: skip


@blueprint.get("/outside/contracts/new")
def new() -> str:
    """The form of a new contract, or of a subcontract (`?above=`)."""
    return _form(request.args, {})


@blueprint.post("/outside/contracts")
def register() -> Response:
    """Afterwards the contract is in the register."""
    typed = request.form
    try:
        with current.act("contract.register", ("contract", typed.get("number", "")[:64])) as session:
            contract_id = contracts.register_contract(
                session, contract_of(typed), actor=current.actor(), policy=current.policy(), now=current.now()
            ).id
    except InvalidInput as refusal:
        return make_response(_form(typed, at_our_fields(refusal, "number")), 422)
    flash(_("契約を登録しました。"), "success")
    return redirect(url_for("outside_contracts.show", contract_id=contract_id))


def _form(typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    above_id = request.values.get("above", None, type=row_id)
    with current.look() as session:
        units = units_to_choose(session)
        above = _visible(session, above_id) if above_id is not None else None
    return render_template(
        "outside/contract_new.html", typed=typed, mistakes=mistakes, units=choices_of(units), above=above
    )


def _visible(session: Session, contract_id: int) -> Contract:
    """The contract, for those who see its unit. Raises NotFound for everybody else."""
    contract, units = find_contract(session, contract_id), reach_or_nothing(session).unit_codes
    if units is not None and contract.unit_code not in units:
        raise NotFound(_("契約が見つかりません。"))
    return contract


@blueprint.get("/outside/contracts/<int:contract_id>")
def show(contract_id: int) -> str:
    """One contract with everything under it."""
    return _page(contract_id, {}, {})


def _page(contract_id: int, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    with current.look() as session:
        contract, today = _visible(session, contract_id), current.today()
        tree = contract_tree(session, contract_id)
        above = find_contract(session, contract.above_id) if contract.above_id is not None else None
        unit = unit_on(session, contract.unit_code, today)
        mine = {unit.code for unit in units_to_choose(session)}
    going_on = contract.valid_until > today
    return render_template(
        "outside/contract.html", contract=contract, tree=tree, above=above, today=today, typed=typed,
        mistakes=mistakes, unit=unit.name if unit is not None else contract.unit_code,
        may_act=contract.unit_code in mine, going_on=going_on,
    )  # fmt: skip


@blueprint.post("/outside/contracts/<int:contract_id>/extension")
def extend(contract_id: int) -> Response:
    """Afterwards the contract holds longer, and nobody under it."""
    try:
        with current.act("contract.extend", ("contract", contract_id)) as session:
            contracts.extend_contract(
                session, contract_id, _end(), reason=request.form.get("reason", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as refusal:
        return make_response(_page(contract_id, request.form, at_our_fields(refusal, "last_day")), 422)
    flash(_("契約を延ばしました。働く人の登録は延びません。一人ずつ更新してください。"), "success")
    return redirect(url_for("outside_contracts.show", contract_id=contract_id))


@blueprint.post("/outside/contracts/<int:contract_id>/end")
def end(contract_id: int) -> Response:
    """Afterwards the contract, its subcontracts and everyone under them end on the day."""
    try:
        with current.act("contract.end", ("contract", contract_id)) as session:
            people = contracts.end_contract(
                session, contract_id, _end(), reason=request.form.get("reason", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip
    except InvalidInput as refusal:
        return make_response(_page(contract_id, request.form, at_our_fields(refusal, "last_day")), 422)
    flash(_("契約の終わりを記録しました。%(count)s人の登録も同じ日に終わります。", count=len(people)), "success")
    return redirect(url_for("outside_contracts.show", contract_id=contract_id))


def _end() -> date:
    """The end that was typed as a last day. Raises InvalidInput."""
    typed = Typed(request.form)
    found = typed.end()
    typed.done()
    return found
