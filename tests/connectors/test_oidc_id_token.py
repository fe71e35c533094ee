"""An ID token is believed only when everything about it is right (OpenID Connect Core 3.1.3.7, RFC 8725)."""

import hmac
import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from connectors.oidc.id_token import Expected, Key, proven
from idm.errors import TargetRefused
from idm.ports import ProvenIdentity

NOW = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
ISSUER, CLIENT, NONCE = "https://login.example.jp/tenant/v2.0", "idm", "of-this-sign-in"
TENANT = "9f2b3c4d-0000-4000-8000-000000000001"
EXPECTED = Expected(issuer=ISSUER, client_id=CLIENT, nonce=NONCE, max_age=timedelta(hours=8))
OURS = rsa.generate_private_key(65537, 2048)
STRANGERS = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
Claims = dict[str, Any]


def stamp(moment: datetime) -> int:
    return int(moment.timestamp())


def claims(**changed: object) -> Claims:
    """A good token's claims, with these changed; None = left out."""
    good = {
        "iss": ISSUER, "aud": CLIENT, "sub": "taro", "nonce": NONCE, "iat": stamp(NOW),
        "exp": stamp(NOW + timedelta(minutes=5)), "auth_time": stamp(NOW - timedelta(hours=1)),
    }  # fmt: skip
    return {name: value for name, value in (good | changed).items() if value is not None}


def published(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, kid: str = "one", **more: object) -> Key:
    if isinstance(key, rsa.RSAPrivateKey):
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", **more}


def token(said: Claims, *, key: Any = OURS, algorithm: str = "RS256", kid: str | None = "one", **header: object) -> str:
    headers = {**({"kid": kid} if kid is not None else {}), **header}
    return jwt.encode(said, key, algorithm=algorithm, headers=headers)


def judged(
    made: str, *keys: Key, expected: Expected = EXPECTED, anew: tuple[Key, ...] | None = None
) -> ProvenIdentity:  # fmt: skip
    known = keys or (published(OURS),)
    return proven(made, lambda again: anew if again and anew is not None else known, expected, now=NOW)


def refused(made: str, *keys: Key, expected: Expected = EXPECTED) -> str:
    with pytest.raises(TargetRefused) as caught:
        judged(made, *keys, expected=expected)
    return str(caught.value)


def part(content: object) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def test_a_good_token_proves_issuer_subject_and_time_and_says_nothing_of_factors() -> None:
    assert judged(token(claims(amr=["pwd", "mfa"]))) == ProvenIdentity(ISSUER, "taro", NOW - timedelta(hours=1))


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_signatures_by_an_rsa_key_are_accepted(algorithm: str) -> None:
    assert judged(token(claims(), algorithm=algorithm)).subject == "taro"


def test_a_signature_on_the_curve_is_accepted() -> None:
    assert judged(token(claims(), key=CURVE, algorithm="ES256"), published(CURVE)).subject == "taro"


@pytest.mark.asvs("6.8.2")
def test_a_token_without_a_signature_proves_nobody() -> None:
    head, body, _ = token(claims()).split(".")
    assert "not accepted" in refused(jwt.encode(claims(), "", algorithm="none", headers={"kid": "one"}))
    assert "not signed" in refused(f"{head}.{body}.")
    assert "cannot be read" in refused(f"{head}.{body}")
    for spelling in ("None", "NONE", "nOnE", ""):
        forged = part({"alg": spelling, "kid": "one"})
        assert "not accepted" in refused(f"{forged}.{body}.")


@pytest.mark.asvs("6.8.2")
def test_the_public_key_is_no_shared_secret() -> None:
    """The key that everybody can read, used as if it were a secret (RFC 8725 2.1)."""
    pem = OURS.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    signed = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(claims())}"
    mac = urlsafe_b64encode(hmac.digest(pem, signed.encode(), "sha256")).rstrip(b"=").decode()
    assert "not accepted" in refused(f"{signed}.{mac}")


@pytest.mark.asvs("6.8.2")
def test_another_key_proves_nobody_whatever_the_header_points_at() -> None:
    assert "not signed" in refused(token(claims(), key=STRANGERS))
    own = RSAAlgorithm.to_jwk(STRANGERS.public_key(), as_dict=True)
    led_away = token(claims(), key=STRANGERS, jku="https://evil.example/jwks", x5u="https://evil.example/x5", jwk=own)
    assert "not signed" in refused(led_away)
    assert "no key 'two'" in refused(token(claims(), key=STRANGERS, kid="two"))


@pytest.mark.asvs("6.8.2")
def test_changed_claims_break_the_signature() -> None:
    head, _, signature = token(claims()).split(".")
    assert "not signed" in refused(f"{head}.{part(claims(sub='mayor'))}.{signature}")


def test_a_key_that_is_not_known_yet_is_asked_for_once() -> None:
    made = token(claims(), key=STRANGERS, kid="new")
    assert judged(made, published(OURS), anew=(published(OURS), published(STRANGERS, "new"))).subject == "taro"


def test_a_key_for_encryption_or_another_algorithm_or_too_short_is_not_used() -> None:
    assert "no key" in refused(token(claims()), published(OURS, use="enc"))
    assert "no key" in refused(token(claims()), published(OURS, alg="PS256"))
    assert "no key" in refused(token(claims()), published(OURS), published(STRANGERS))  # one name, two keys
    assert "no key" in refused(token(claims(), kid=None), published(OURS), published(STRANGERS, "two"))
    short = rsa.generate_private_key(65537, 1024)
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        made = token(claims(), key=short)
    assert "too short" in refused(made, published(short))


def test_without_a_name_the_only_key_is_meant() -> None:
    assert judged(token(claims(), kid=None)).subject == "taro"


def test_a_header_that_must_be_understood_is_not_passed_over() -> None:
    assert "cannot be read" in refused(token(claims(), crit=["exp"]))


WRONG: dict[str, tuple[Claims, str]] = {
    "another issuer": ({"iss": "https://login.example.jp/other/v2.0"}, "another issuer"),
    "an issuer with a slash more": ({"iss": f"{ISSUER}/"}, "another issuer"),
    "no issuer": ({"iss": None}, "another issuer"),
    "another audience": ({"aud": "somebody"}, "somebody else"),
    "no audience": ({"aud": None}, "somebody else"),
    "an empty audience": ({"aud": []}, "somebody else"),
    "a part of our name": ({"aud": "idm-admin"}, "somebody else"),
    "several audiences without a party": ({"aud": [CLIENT, "other"]}, "asked for by"),
    "asked for by another": ({"aud": [CLIENT, "other"], "azp": "other"}, "asked for by"),
    "asked for by another alone": ({"azp": "other"}, "asked for by"),
    "another nonce": ({"nonce": "of-another"}, "another sign-in"),
    "no nonce": ({"nonce": None}, "another sign-in"),
    "a nonce that is no text": ({"nonce": [NONCE]}, "another sign-in"),
    "over": ({"exp": stamp(NOW - timedelta(seconds=61))}, "is over"),
    "no end": ({"exp": None}, "lacks exp"),
    "an end in words": ({"exp": "tomorrow"}, "lacks exp"),
    "an end beyond time": ({"exp": 10**30}, "no time"),
    "from the future": ({"iat": stamp(NOW + timedelta(seconds=90))}, "time to come"),
    "kept for long": ({"iat": stamp(NOW - timedelta(minutes=11))}, "is over"),
    "no beginning": ({"iat": None}, "lacks iat"),
    "not valid yet": ({"nbf": stamp(NOW + timedelta(seconds=90))}, "time to come"),
    "signed in too long ago": ({"auth_time": stamp(NOW - timedelta(hours=8, seconds=90))}, "too old"),
    "signed in tomorrow": ({"auth_time": stamp(NOW + timedelta(days=1))}, "too old"),
    "not said when": ({"auth_time": None}, "lacks auth_time"),
    "nobody": ({"sub": None}, "who it is"),
    "a blank one": ({"sub": ""}, "who it is"),
    "a number": ({"sub": 7}, "who it is"),
    "an endless one": ({"sub": "x" * 256}, "who it is"),
}


@pytest.mark.asvs("6.8.4", "10.5.1", "10.5.4")
@pytest.mark.parametrize(("changed", "told"), WRONG.values(), ids=WRONG)
def test_a_token_with_one_thing_wrong_proves_nobody(changed: Claims, told: str) -> None:
    assert told in refused(token(claims(**changed)))


def test_several_audiences_are_accepted_where_we_asked() -> None:
    assert judged(token(claims(aud=[CLIENT, "other"], azp=CLIENT))).subject == "taro"


ENTRA = replace(EXPECTED, tenant=TENANT)


@pytest.mark.asvs("6.8.1")
def test_at_entra_id_the_object_id_is_the_subject_and_the_tenant_must_be_ours() -> None:
    good = claims(tid=TENANT, oid="object-1", preferred_username="mayor@example.jp", email="mayor@example.jp")
    assert judged(token(good), expected=ENTRA).subject == "object-1"
    assert "another tenant" in refused(token(good | {"tid": TENANT.replace("9", "8")}), expected=ENTRA)
    assert "another tenant" in refused(token(claims(oid="object-1")), expected=ENTRA)
    assert "who it is: oid" in refused(token(claims(tid=TENANT)), expected=ENTRA)


@pytest.mark.asvs("6.8.4")
def test_what_the_provider_says_of_strength_makes_no_old_sign_in_new() -> None:
    old = claims(auth_time=stamp(NOW - timedelta(days=2)), acr="urn:strong", amr=["hwk", "mfa"])
    assert "too old" in refused(token(old))


def test_nothing_of_the_token_is_told_but_what_was_wrong() -> None:
    assert "secret-nonce" not in refused(token(claims(nonce="secret-nonce")))
