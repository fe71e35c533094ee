"""Forms: checked here for range and form (FK 6-3(5), MT 7-3(7)), and told in Japanese what to mend.

What a form lets through is still judged by the operation; a refusal that names fields is shown at those fields.
"""

from typing import Any

from flask_wtf import FlaskForm

from idm.errors import InvalidInput


class Form(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """A form of ours: WTForms' own sentences in Japanese, and refusals at their fields."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """Settings WTForms reads."""

        locales = ("ja",)

        def get_translations(self, form: FlaskForm) -> Any:
            """WTForms' own catalogue; Flask-Babel's holds none of its sentences."""
            return super(FlaskForm.Meta, self).get_translations(form)

    def summary(self) -> dict[str, list[str]]:
        """The mistakes for the summary above the form: field id → sentences that begin with the field's label."""
        return {
            self[name].id: [f"{self[name].label.text}：{message}" for message in messages]
            for name, messages in self.errors.items()
        }

    def take(self, refusal: InvalidInput) -> dict[str, list[str]]:
        """Afterwards each mistake stands at its field; returns those that belong to no field, for the summary."""
        rest: dict[str, list[str]] = {}
        for name, message in (refusal.fields or {"main": refusal.message}).items():
            if name in self._fields:
                self._fields[name].errors = [*self._fields[name].errors, message]
            else:
                rest[name] = [message]
        return rest


def described_by(ids: str, error: str) -> dict[str, str]:
    """The attributes that tie a field to its hint and its error for a screen reader."""
    attributes = {"aria-describedby": ids.strip()} if ids.strip() else {}
    return {**attributes, "aria-invalid": "true"} if error else attributes
