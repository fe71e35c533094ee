"""Whether an ID token proves what it says (OpenID Connect Core 1.0, 3.1.3.7; RFC 8725).

Everything is checked: the key is the provider's own, published one, whatever the token's header points at; the
algorithm is one of a short list of signatures by private keys; the token was made for us, by this issuer, for this very
sign-in, now, and the person gave the provider their password not too long ago.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any

import jwt
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.types import Options

from idm.errors import TargetRefused
from idm.ports import ProvenIdentity

KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}
"""Algorithms that are accepted, and the type of key each needs. Never `none`, never one with a shared secret."""
LEEWAY = timedelta(seconds=60)
"""How far the provider's clock may be from ours."""
OLDEST = timedelta(minutes=10)
"""An ID token is made for the answer it comes in; one older than this was kept by somebody."""
SIGNATURE_ONLY: Options = {
    "verify_signature": True, "verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False,
    "verify_iss": False, "verify_sub": False, "verify_jti": False,
}  # fmt: skip
"""What PyJWT checks for us; what the claims must say is checked below, by our clock."""
LEAST_RSA_BITS = 2048
LONGEST_SUBJECT = 255

Key = Mapping[str, Any]
Keys = Callable[[bool], Sequence[Key]]
"""The provider's published keys; True = asked for anew."""


@dataclass(frozen=True)
class Expected:
    """What the token must say. `tenant`: of Entra ID, where the subject is the object id (`oid`)."""

    issuer: str
    client_id: str
    nonce: str
    max_age: timedelta
    tenant: str | None = None


def proven(token: str, keys: Keys, expected: Expected, *, now: datetime) -> ProvenIdentity:
    """Whom the token proves. Raises TargetRefused with what is wrong, and what `keys` raises."""
    claims = _signed_claims(token, keys)
    for check in (_of_issuer, _of_tenant, _for_us, _of_this_sign_in):
        check(claims, expected)
    _of_now(claims, now)
    return ProvenIdentity(
        issuer=expected.issuer,
        subject=_subject(claims, "sub" if expected.tenant is None else "oid"),
        signed_in_at=_signed_in_at(claims, expected, now),
    )


def _signed_claims(token: str, keys: Keys) -> dict[str, Any]:
    """The claims, once the signature is proven to be of one of these keys."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as fault:
        raise TargetRefused(f"the ID token cannot be read: {type(fault).__name__}") from None
    algorithm = header.get("alg")
    if algorithm not in KEY_TYPES or "crit" in header:
        raise TargetRefused(f"the ID token is signed in a way that is not accepted: {algorithm!r}")
    kid = header.get("kid")
    key = _key_of(keys(False), kid, algorithm) or _key_of(keys(True), kid, algorithm)
    if key is None:
        raise TargetRefused(f"the provider publishes no key {kid!r} for {algorithm}")
    try:
        claims: dict[str, Any] = jwt.decode(token, _public_key(key), algorithms=[algorithm], options=SIGNATURE_ONLY)
    except (jwt.PyJWTError, ValueError, TypeError) as fault:
        raise TargetRefused(f"the ID token is not signed by the provider: {type(fault).__name__}") from None
    return claims


def _key_of(published: Sequence[Key], kid: object, algorithm: str) -> Key | None:
    """The one key of that name for that algorithm; without a name, the only one there is."""
    fit = [
        key
        for key in published
        if key.get("kty") == KEY_TYPES[algorithm]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    return fit[0] if len(fit) == 1 else None


def _public_key(key: Key) -> Any:
    """The public half, whatever else was published by mistake."""
    if key["kty"] == "EC":
        if key.get("crv") != "P-256":
            raise TargetRefused("the provider's key is on another curve than ES256 needs")
        return ECAlgorithm.from_jwk({name: key.get(name) for name in ("kty", "crv", "x", "y")})
    public = RSAAlgorithm.from_jwk({name: key.get(name) for name in ("kty", "n", "e")})
    if public.key_size < LEAST_RSA_BITS:
        raise TargetRefused("the provider's key is too short")
    return public


def _of_issuer(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise TargetRefused(f"the ID token is of another issuer: {claims.get('iss')!r}")


def _for_us(claims: Mapping[str, Any], expected: Expected) -> None:
    """Made for our client, and where for others too, at our request."""
    audience, party = claims.get("aud"), claims.get("azp")
    audiences = audience if isinstance(audience, list) else [audience]
    if expected.client_id not in audiences:
        raise TargetRefused(f"the ID token is for somebody else: {audience!r}")
    if (len(audiences) > 1 or party is not None) and party != expected.client_id:
        raise TargetRefused(f"the ID token was asked for by somebody else: {party!r}")


def _of_this_sign_in(claims: Mapping[str, Any], expected: Expected) -> None:
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not compare_digest(nonce.encode(), expected.nonce.encode()):
        raise TargetRefused("the ID token is of another sign-in")


def _of_now(claims: Mapping[str, Any], now: datetime) -> None:
    issued = _moment(claims, "iat")
    if _moment(claims, "exp") <= now - LEEWAY or issued < now - OLDEST:
        raise TargetRefused("the ID token is over")
    if issued > now + LEEWAY or ("nbf" in claims and _moment(claims, "nbf") > now + LEEWAY):
        raise TargetRefused("the ID token is of a time to come: one of the clocks is wrong")


def _of_tenant(claims: Mapping[str, Any], expected: Expected) -> None:
    if expected.tenant is not None and claims.get("tid") != expected.tenant:
        raise TargetRefused(f"the ID token is of another tenant: {claims.get('tid')!r}")


def _signed_in_at(claims: Mapping[str, Any], expected: Expected, now: datetime) -> datetime:
    signed_in = _moment(claims, "auth_time")
    if signed_in < now - expected.max_age - LEEWAY or signed_in > now + LEEWAY:
        raise TargetRefused(f"the sign-in at the provider is too old, or of a time to come: {signed_in.isoformat()}")
    return signed_in


def _subject(claims: Mapping[str, Any], name: str) -> str:
    subject = claims.get(name)
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise TargetRefused(f"the ID token does not say who it is: {name}")
    return subject


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    """A time of the token (RFC 7519 2, NumericDate)."""
    seconds = claims.get(name)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TargetRefused(f"the ID token lacks {name}")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise TargetRefused(f"the ID token's {name} is no time") from None
