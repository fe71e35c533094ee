"""What is typed into the forms of the register of people outside HR, as values of the operations, or every mistake.

People write last days; the operations know the day after.
"""

from collections.abc import Mapping
from datetime import date
from typing import TypeVar

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from idm.calendar_days import last_day_to_end
from idm.employment_kind import OUTSIDE_KINDS, EmploymentKind
from idm.errors import InvalidInput
from idm.operations.outsiders.contracts import NewContract
from idm.operations.outsiders.outside_entry import NewPerson
from idm.queries.organisation.people import person_with_number
from idm.wareki import parse_date
from web.row_ids import row_id

OUR_FIELDS = {"valid_until": "last_day", "end": "last_day", "sponsor_id": "sponsor", "unit_code": "unit",
              "contract_id": "contract", "above_id": "above", "same_person_id": "same"}  # fmt: skip
"""Field of an operation → field of the form."""
ANOTHER = "another"
"""What is sent when somebody of the same name is said to be somebody else."""
ENTRY_FIELDS = ("name", "kana", "birth_date", "mail", "kind", "unit", "post", "sponsor", "contract", "valid_from",
                "last_day", "same")  # fmt: skip
Value = TypeVar("Value")


class Typed:
    """The fields of one form; every mistake is kept until `done`."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields, self.mistakes = fields, dict[str, str]()

    def text(self, name: str) -> str:
        """The field without outer spaces; empty where there is none."""
        return self.fields.get(name, "").strip()

    def day(self, name: str, label: str) -> date:
        """The day in the field; any day after a mistake."""
        return self.optional_day(name) or self._miss(name, _("%(label)sを入れてください", label=label), date.min)

    def optional_day(self, name: str) -> date | None:
        """The day in the field, None where nothing is written."""
        if not self.text(name):
            return None
        try:
            return parse_date(self.text(name)).day
        except ValueError as mistake:
            return self._miss(name, str(mistake), date.min)

    def end(self, name: str = "last_day") -> date:
        """The day after the last day in the field."""
        last = self.day(name, _("終わる日"))
        return last_day_to_end(last) or last

    def optional_id(self, name: str) -> int | None:
        """The row the field names, None where nothing is chosen."""
        try:
            return row_id(self.text(name)) if self.text(name) else None
        except ValueError:
            return self._miss(name, _("選び直してください"), 0)

    def person(self, session: Session, name: str) -> int:
        """Whoever has the staff number in the field."""
        try:
            return person_with_number(session, self.text(name))
        except InvalidInput as mistake:
            return self._miss(name, mistake.message, 0)

    def done(self) -> None:
        """Afterwards there was no mistake. Raises InvalidInput with every one."""
        if self.mistakes:
            raise InvalidInput(_("入力内容を確認してください。"), fields=self.mistakes)

    def _miss(self, name: str, told: str, instead: Value) -> Value:
        self.mistakes.setdefault(name, told)
        return instead

    def kind(self) -> EmploymentKind:
        """The kind of employment that is chosen."""
        chosen = self.text("kind")
        if chosen in {kind.value for kind in OUTSIDE_KINDS}:
            return EmploymentKind(chosen)
        return self._miss("kind", _("種類を選んでください"), EmploymentKind.EXTERNAL)


def entry_of(session: Session, fields: Mapping[str, str]) -> NewPerson:
    """The entry that was typed. Raises InvalidInput with every mistake."""
    typed = Typed(fields)
    same = typed.text("same")
    wanted = NewPerson(
        name=typed.text("name"), kana=typed.text("kana"), kind=typed.kind(), unit_code=typed.text("unit"),
        post=typed.text("post"), sponsor_id=typed.person(session, "sponsor"),
        valid_from=typed.day("valid_from", _("始まる日")), valid_until=typed.end(),
        birth_date=typed.optional_day("birth_date"), contract_id=typed.optional_id("contract"),
        same_person_id=typed.optional_id("same") if same != ANOTHER else None, another_person=same == ANOTHER,
        mail=typed.text("mail") or None,
    )  # fmt: skip
    typed.done()
    return wanted


def contract_of(fields: Mapping[str, str]) -> NewContract:
    """The contract that was typed. Raises InvalidInput with every mistake."""
    typed = Typed(fields)
    wanted = NewContract(
        number=typed.text("number"), company=typed.text("company"), title=typed.text("title"),
        manager_name=typed.text("manager_name"), unit_code=typed.text("unit"),
        valid_from=typed.day("valid_from", _("始まる日")), valid_until=typed.end(), above_id=typed.optional_id("above"),
    )  # fmt: skip
    typed.done()
    return wanted


def at_our_fields(refusal: InvalidInput, otherwise: str) -> dict[str, str]:
    """The mistakes by the names of the form's fields; one that names none stands at the field `otherwise`."""
    fields = refusal.fields or {otherwise: refusal.message}
    return {OUR_FIELDS.get(name, name): message for name, message in fields.items()}
