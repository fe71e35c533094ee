"""What is typed to ask for the use of a privileged ID, as the operation's value, or every mistake (control D6)."""

from dataclasses import dataclass
from datetime import datetime, time

from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from idm.calendar_days import TOKYO
from idm.operations.privileged.uses import WantedUse
from web.outsiders.outside_forms import Typed
from web.row_ids import row_id

OUR_FIELDS = {"grant_ids": "grants", "person_id": "person", "attended_by_id": "attended_by", "wanted_from": "from_day"}
"""Field of the operation → field of the form."""
NOW, LATER = "now", "later"
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Asking:
    """One form that was sent. `moment` is the request's."""

    typed: MultiDict[str, str]
    moment: datetime

    def wanted(self, session: Session, public_key: bytes) -> WantedUse:
        """What is asked for. Raises InvalidInput with every mistake."""
        form = Typed(self.typed)
        begins = self._begins(form)
        for_another = bool(form.text("person"))
        wanted = WantedUse(
            account_id=self.typed.get("account", 0, type=row_id),
            person_id=form.person(session, "person") if for_another else None,
            grant_ids=tuple(self.typed.getlist("grants", type=row_id)),
            purpose=form.text("purpose"),
            ticket=form.text("ticket"),
            hours=self._hours(form),
            wanted_from=begins,
            public_key=public_key if form.text("check_out") != NO else None,
            attended_by_id=form.person(session, "attended_by") if form.text("attended_by") else None,
        )
        form.done()
        return wanted

    def _hours(self, form: Typed) -> int:
        text = form.text("hours")
        if not (text.isascii() and text.isdecimal()) or len(text) > 3:
            form.mistakes["hours"] = _("使う時間を、数字で入れてください")
            return 1
        return int(text)

    def _begins(self, form: Typed) -> datetime:
        if form.text("from") != LATER:
            return self.moment
        day = form.day("from_day", _("始める日"))
        try:
            clock = time.fromisoformat(form.text("from_time"))
        except ValueError:
            form.mistakes["from_time"] = _("始める時刻を、13:30 のように入れてください")
            return self.moment
        return self.moment if form.mistakes else datetime.combine(day, clock.replace(tzinfo=None), TOKYO)


def at_our_fields(fields: dict[str, str]) -> dict[str, str]:
    """The mistakes of an operation, at the fields of the form."""
    return {OUR_FIELDS.get(name, name): message for name, message in fields.items()}
