"""Time-based one-time codes (RFC 6238: SHA-1, six digits, 30 seconds) as every authenticator app makes them.

A code is judged by its time step, never by its text: whoever accepts one must also refuse that step and every earlier
one from then on, in the database, or the same code would be accepted twice.
"""

import hmac
import os
import re
from base64 import b32decode, b32encode
from datetime import datetime

import pyotp

SECRET_BYTES = 20
STEP_SECONDS = 30
DRIFT_STEPS = 1
"""How many steps before and after the present one are accepted: clocks differ, and typing takes time."""

_FORM = re.compile("[0-9]{6}")


def new_secret() -> bytes:
    """A fresh random secret of 20 bytes (RFC 4226 4, R6)."""
    return os.urandom(SECRET_BYTES)


def secret_as_text(secret: bytes) -> str:
    """The secret in base32, as people type it into an app that cannot scan."""
    return b32encode(secret).decode()


def secret_from_text(text: str) -> bytes:
    """The secret of its base32 text."""
    return b32decode(text)


def provisioning_uri(secret: bytes, *, name: str, issuer: str) -> str:
    """The otpauth address an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret_as_text(secret)).provisioning_uri(name=name, issuer_name=issuer)


def has_form(code: str) -> bool:
    """Whether the text is six ASCII digits. Full-width digits are not: two texts must never be one code."""
    return _FORM.fullmatch(code) is not None


def step_of(now: datetime) -> int:
    """The time step of an aware instant."""
    return int(now.timestamp()) // STEP_SECONDS


def code_at(secret: bytes, step: int) -> str:
    """The code of a time step."""
    return pyotp.TOTP(secret_as_text(secret)).generate_otp(step)


def matching_step(secret: bytes, code: str, now: datetime) -> int | None:
    """The newest accepted step whose code this is; None when it is none of them."""
    if not has_form(code):
        return None
    present = step_of(now)
    steps = range(present + DRIFT_STEPS, present - DRIFT_STEPS - 1, -1)
    matching = [step for step in steps if hmac.compare_digest(code_at(secret, step), code)]
    return matching[0] if matching else None
