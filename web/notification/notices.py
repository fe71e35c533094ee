"""What was sent to oneself and to everybody, and how one is told: once a day, and in copy to somebody while away."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from idm.calendar_days import end_to_last_day, last_day_to_end
from idm.errors import InvalidInput
from idm.models.work import MailState
from idm.operations.notification import preferences
from idm.operations.notification.preferences import Chosen
from idm.permissions import Action, may
from idm.queries.notification.notices import STATE_TITLES, OwnChoice, all_notices, own_choice, own_notices
from idm.queries.organisation.people import person_with_number
from idm.wareki import parse_date
from web import current
from web.row_ids import row_id

blueprint = Blueprint("notices", __name__)

LOOKS = {
    MailState.WAITING: "info", MailState.HELD: "neutral", MailState.DIGESTED: "success", MailState.SENT: "success",
    MailState.REFUSED: "error",
}  # fmt: skip


@blueprint.get("/notices")
def index() -> str:
    """One's own notices, and how one is told."""
    return _own({}, {})


@blueprint.post("/notices/settings")
def choose() -> Response | tuple[str, int]:
    """Afterwards this person is told as they chose."""
    typed = request.form
    who = current.signed_in()
    try:
        with current.act("notices.choose", ("person", who.person_id)) as session:
            days = _days(typed)
            number = typed.get("staff_number", "").strip()
            named = person_with_number(session, number, reader=current.reader()) if number else None
            chosen = Chosen("daily" in typed, days["away_from"], last_day_to_end(days["away_last"]), named)
            preferences.choose(
                session, chosen, actor=who.actor, policy=current.policy(), now=current.now()
            )  # fmt: skip
    except InvalidInput as mistake:
        fields = {"away_last" if name == "away_until" else name: told for name, told in mistake.fields.items()}
        return _own(typed, fields or {"staff_number": mistake.message}), 422
    flash(_("通知の受け取り方を保存しました。"), "success")
    return redirect(url_for("notices.index"))


@blueprint.get("/notices/all")
def everybody() -> str:
    """Everybody's, by kind and how it went, without what it says."""
    asked = request.args.get("state", "")
    state = MailState(asked) if asked in set(MailState) else None
    with current.look() as session:
        number = request.args.get("page", 1, type=row_id)
        page = all_notices(session, state=state, reader=current.reader(), asked=number)
    return render_template(
        "notices/everybody.html", page=page, state=state, titles=STATE_TITLES, looks=LOOKS,
        may_open=may(current.roles(), Action.SEE_PEOPLE), sends=bool(current.site().settings.mail.host),
    )  # fmt: skip


def _days(typed: Mapping[str, str]) -> dict[str, date | None]:
    days: dict[str, date | None] = {}
    mistakes: dict[str, str] = {}
    for field in ("away_from", "away_last"):
        written = typed.get(field, "").strip()
        try:
            days[field] = parse_date(written).day if written else None
        except ValueError as mistake:
            mistakes[field] = str(mistake)
    if mistakes:
        raise InvalidInput(_("入力内容を確認してください。"), fields=mistakes)
    return days


def _own(typed: Mapping[str, str], mistakes: Mapping[str, str]) -> str:
    me = current.signed_in().person_id
    with current.look() as session:
        choice = own_choice(session, me)
        number = request.args.get("page", 1, type=row_id)
        page = own_notices(session, me, now=current.now(), asked=number)
    return render_template(
        "notices/index.html", page=page, choice=choice, mistakes=mistakes, titles=STATE_TITLES, looks=LOOKS,
        filled=typed if mistakes else _filled(choice), digest_at=current.policy().notices.digest_at,
        may_see_deputies=may(current.roles(), Action.SEE_SYSTEMS),
    )  # fmt: skip


def _filled(choice: OwnChoice) -> dict[str, str]:
    last = end_to_last_day(choice.away_until)
    return {
        **({"daily": "1"} if choice.daily else {}), "staff_number": choice.staff_number,
        "away_from": choice.away_from.isoformat() if choice.away_from else "",
        "away_last": last.isoformat() if last else "",
    }  # fmt: skip
