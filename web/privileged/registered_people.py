"""Who answers for a registered ID, who may use it, and who used it at any moment (A13)."""

from collections.abc import Callable, Mapping
from datetime import datetime, time

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.calendar_days import TOKYO
from idm.errors import InvalidInput
from idm.operations.privileged import hand_changes, registered_owners
from idm.queries.organisation.people import person_with_number
from idm.queries.privileged.id_history import at_moment
from idm.queries.privileged.register import registered_row
from web import current
from web.outsiders.outside_forms import Typed
from web.privileged.register import sheet

blueprint = Blueprint("registered_people", __name__)

Answer = Response | tuple[str, int]
_FIELDS = {"owner": "staff_number", "reason": "owner_reason"}
"""Field of a refusal → what it is called in the form."""


@blueprint.get("/privileged/registered/<int:registered_id>/used")
def used(registered_id: int) -> str:
    """Who used the ID at the moment that the address names, and who might have; without one, now."""
    at, mistakes = _moment(request.args)
    with current.look() as session:
        row = registered_row(
            session, registered_id, policy=current.policy(), now=current.now(), reader=current.reader()
        )
        then = at_moment(session, row.account_id or 0, at, reader=current.reader())
    return render_template(
        "privileged/used.html", row=row, then=then, at=at, typed=request.args, mistakes=mistakes
    )  # fmt: skip


@blueprint.post("/privileged/registered/<int:registered_id>/owner")
def propose_owner(registered_id: int) -> Answer:
    """Afterwards somebody else is to answer for the ID, as soon as another person accepts it."""

    def propose(typed: Mapping[str, str]) -> None:
        with current.act("registered_id.propose_owner", ("registered_id", registered_id)) as session:
            owner = person_with_number(session, typed.get("staff_number", ""), reader=current.reader())
            registered_owners.propose(
                session, registered_id, owner_id=owner, reason=typed.get("owner_reason", ""), actor=current.actor(),
                policy=current.policy(), now=current.now(),
            )  # fmt: skip

    done = _("管理責任者の変更を申し出ました。申し出た人と新しい管理責任者のほかの人が承認すると、変わります。")
    return _answered(registered_id, propose, done)


@blueprint.post("/privileged/registered/<int:registered_id>/owner/acceptance")
def accept_owner(registered_id: int) -> Answer:
    """Afterwards the proposed person answers for the ID."""
    return _decided(registered_id, "accept_owner", registered_owners.accept, _("管理責任者の変更を承認しました。"))


@blueprint.post("/privileged/registered/<int:registered_id>/owner/refusal")
def refuse_owner(registered_id: int) -> Answer:
    """Afterwards the owner stays."""
    return _decided(
        registered_id, "refuse_owner", registered_owners.refuse, _("管理責任者の変更の申出を却下しました。")
    )


@blueprint.post("/privileged/registered/<int:registered_id>/changed")
def changed_by_hand(registered_id: int) -> Answer:
    """Afterwards somebody has said that they changed a password that we do not keep."""
    return _decided(registered_id, "changed_by_hand", hand_changes.done, _("パスワードを変更したことを記録しました。"))


def _decided(registered_id: int, act: str, operation: Callable[..., object], done: str) -> Answer:
    def decide(_typed: Mapping[str, str]) -> None:
        with current.act(f"registered_id.{act}", ("registered_id", registered_id)) as session:
            operation(session, registered_id, actor=current.actor(), policy=current.policy(), now=current.now())

    return _answered(registered_id, decide, done)


def _answered(registered_id: int, operation: Callable[[Mapping[str, str]], None], done: str) -> Answer:
    try:
        operation(request.form)
    except InvalidInput as mistake:
        fields = {_FIELDS.get(name, name): told for name, told in mistake.fields.items()}
        return sheet(registered_id, request.form, fields or {"staff_number": mistake.message}), 422
    flash(done, "success")
    return redirect(url_for("privileged_register.registered", registered_id=registered_id))


def _moment(typed: Mapping[str, str]) -> tuple[datetime, dict[str, str]]:
    """The moment that the address names, now where it names none or a wrong one; with what is wrong."""
    form = Typed(typed)
    day = form.optional_day("day")
    try:
        clock = time.fromisoformat(form.text("time")) if form.text("time") else time(0)
    except ValueError:
        form.mistakes["time"] = _("時刻を、13:30 のように入れてください")
    if day is None or form.mistakes:
        return current.now(), form.mistakes
    return datetime.combine(day, clock.replace(tzinfo=None), TOKYO), {}
