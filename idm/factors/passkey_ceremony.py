"""Passkeys (W3C WebAuthn Level 3): what a browser is asked, and whether its answer proves what was asked.

The one module that knows the library. It asks for what this product needs and for nothing else: a second factor after a
password (no sign-in without a name), user verification every time, no attestation. Whatever cannot be read or verified
is one and the same refusal; an answer is a stranger's bytes until the last check has passed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from idm.errors import Refusal

CHALLENGE_BYTES = 32
TIMEOUT_MILLISECONDS = 180_000
LONGEST_ANSWER = 20_000
"""In characters; real answers have about a tenth of it."""
LONGEST_CREDENTIAL_ID = 1023
"""In bytes (WebAuthn 4, Credential ID)."""


class AnswerRefused(Refusal):
    """The browser's answer does not prove what was asked. The message says nothing of why."""

    code = "PASSKEY"


@dataclass(frozen=True)
class RelyingParty:
    """Who asks: the host passkeys are bound to, and the one origin an answer may come from."""

    host: str
    origin: str
    name: str


@dataclass(frozen=True)
class NewPasskey:
    """What a verified enrolment brought."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    backed_up: bool


@dataclass(frozen=True)
class Proof:
    """What a verified answer brought: the counter it gave, and whether the passkey is kept in more than one place."""

    sign_count: int
    backed_up: bool


def relying_party(base_url: str, name: str) -> RelyingParty:
    """The relying party of an installation that people reach at this address."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in {None, standard} else f":{parts.port}"
    return RelyingParty(host, f"{parts.scheme}://{host}{port}", name)


def enrolment_question(
    party: RelyingParty, *, challenge: bytes, person_id: int, name: str, display_name: str, known: Sequence[bytes]
) -> str:
    """What a browser is asked to make a passkey, as JSON. `known`: credentials that must not be enrolled twice."""
    options = generate_registration_options(
        rp_id=party.host, rp_name=party.name, user_name=name, user_display_name=display_name, challenge=challenge,
        user_id=sha256(b"idm person %d" % person_id).digest(), timeout=TIMEOUT_MILLISECONDS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
    )  # fmt: skip
    return options_to_json(options)


def sign_in_question(party: RelyingParty, *, challenge: bytes, known: Sequence[bytes]) -> str:
    """What a browser is asked to prove that one of these credentials is there, as JSON."""
    options = generate_authentication_options(
        rp_id=party.host, challenge=challenge, timeout=TIMEOUT_MILLISECONDS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )  # fmt: skip
    return options_to_json(options)


def verified_enrolment(party: RelyingParty, answer: str, challenge: bytes) -> NewPasskey:
    """The passkey that the browser made for this challenge. Raises AnswerRefused."""
    try:
        read = _read(answer)
        found = verify_registration_response(
            credential=read, expected_challenge=challenge, expected_rp_id=party.host, expected_origin=party.origin,
            require_user_verification=True,
        )  # fmt: skip
    except Exception as cause:  # the library raises many kinds for bytes that a stranger may choose
        raise _refusal() from cause
    if not 0 < len(found.credential_id) <= LONGEST_CREDENTIAL_ID:
        raise _refusal()
    return NewPasskey(found.credential_id, found.credential_public_key, found.sign_count, found.credential_backed_up)


def credential_of(answer: str) -> bytes:
    """The credential an answer says it comes from. Raises AnswerRefused."""
    try:
        return base64url_to_bytes(_read(answer)["rawId"])
    except Exception as cause:
        raise _refusal() from cause


def verified_sign_in(party: RelyingParty, answer: str, challenge: bytes, public_key: bytes) -> Proof:
    """The proof that the owner of this public key answered this challenge. Raises AnswerRefused.

    The counter is not judged: whoever keeps it compares and swaps it in the database.
    """
    try:
        read = _read(answer)
        found = verify_authentication_response(
            credential=read, expected_challenge=challenge, expected_rp_id=party.host, expected_origin=party.origin,
            credential_public_key=public_key, credential_current_sign_count=0, require_user_verification=True,
        )  # fmt: skip
    except Exception as cause:
        raise _refusal() from cause
    return Proof(found.new_sign_count, found.credential_backed_up)


def _read(answer: str) -> dict[str, Any]:
    """The answer as it was sent, from a page that no other page holds in a frame. Raises ValueError and others."""
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("too long")
    read: dict[str, Any] = json.loads(answer)
    told = json.loads(base64url_to_bytes(read["response"]["clientDataJSON"]))
    if told.get("crossOrigin", False) is not False or "topOrigin" in told:
        raise ValueError("asked from within another site's page")
    return read


def _refusal() -> AnswerRefused:
    return AnswerRefused(
        "パスキーを確認できませんでした。この画面をもう一度開いて、やり直してください。続くときは、認証アプリなど別の方法を"
        "使い、情報システムの担当に知らせてください。"
    )
