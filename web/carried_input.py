"""What was typed into a form while its session ran out is not lost: it is carried through sign-in and offered again.

Only a form that came from our own page is carried (its token was checked before), never a password or a code, and
nothing is sent again without a press of its button.
"""

import json
from dataclasses import dataclass

from flask import Response, make_response, render_template, request

from idm.errors import InvalidInput
from web.security import local_path

FIELD = "carried"
FRESH_CODE, FRESH_PASSKEY, FRESH_WAY = "fresh_code", "fresh_passkey", "fresh_way"
"""Bring a second factor along with the form that needs one, or ask for a passkey (`web.signing_in.fresh_factor`)."""
NEVER_CARRIED = frozenset({
    "csrf_token", "password", "password_again", "current_password", "code", "recovery_code", FIELD, FRESH_CODE,
    FRESH_PASSKEY, FRESH_WAY,
})  # fmt: skip
MAXIMUM_CHARACTERS = 200_000


@dataclass(frozen=True)
class CarriedInput:
    """A form on its way through sign-in: where it was going, and its fields in their order."""

    path: str
    fields: tuple[tuple[str, str], ...]

    def to_text(self) -> str:
        """For a hidden field."""
        return json.dumps({"path": self.path, "fields": self.fields}, ensure_ascii=False)


def from_text(text: str) -> CarriedInput:
    """What `to_text` wrote. Raises InvalidInput, also when it goes anywhere but to a form of ours."""
    try:
        content = json.loads(text[: MAXIMUM_CHARACTERS + 1])
        path = local_path(content["path"], method="POST")
        fields = tuple((str(name), str(value)) for name, value in content["fields"])
    except (ValueError, TypeError, KeyError, RecursionError):
        path, fields = None, ()
    if path is None:
        raise InvalidInput("保持していた入力内容を読み取れません。元の画面を開き直して、入力し直してください。")
    return CarriedInput(path, fields)


def of_request() -> CarriedInput:
    """The form that was just sent."""
    query = request.query_string.decode("ascii", "ignore")
    fields = tuple((name, value) for name, value in request.form.items(multi=True) if name not in NEVER_CARRIED)
    return CarriedInput(f"{request.path}?{query}" if query else request.path, fields)


def keep_what_was_typed() -> Response:
    """The sign-in page, holding the form that came too late."""
    page = render_template("sign_in/start.html", carried=of_request().to_text(), next=None, reason="time_out_form")
    return make_response(page, 401)
