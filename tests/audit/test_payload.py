"""What may stand in a payload, and that a secret may not."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.audit.payload import PayloadInvalid, canonical, canonical_payload, payload_hash, storable
from idm.vocabulary import Zone
from tests.audit.ledger import UNHURRIED

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text("abcxyz_0123山川", min_size=1)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=6,
)


@UNHURRIED
@given(payload=st.dictionaries(KEYS, VALUES))
def test_plain_payload_reads_back_as_it_was(payload: dict[str, Any]) -> None:
    assert json.loads(canonical_payload(payload)) == payload


@UNHURRIED
@given(payload=st.dictionaries(KEYS, VALUES, min_size=2))
def test_order_of_the_keys_does_not_matter(payload: dict[str, Any]) -> None:
    backwards = dict(reversed(payload.items()))
    assert canonical_payload(backwards) == canonical_payload(payload)


@UNHURRIED
@given(first=st.dictionaries(KEYS, VALUES), second=st.dictionaries(KEYS, VALUES))
def test_different_payloads_have_different_texts(first: dict[str, Any], second: dict[str, Any]) -> None:
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (canonical_payload(first) == canonical_payload(second)) == same


def test_japanese_is_written_as_it_is() -> None:
    assert canonical_payload({"理由": "異動", "b": [1, None, True]}) == '{"b":[1,null,true],"理由":"異動"}'


def test_member_of_a_closed_list_is_written_by_its_value() -> None:
    assert canonical_payload({"zone": Zone.LGWAN}) == '{"zone":"lgwan"}'


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), float("inf"), b"bytes", bytearray(b"x"), {1, 2}, datetime(2026, 4, 1, tzinfo=UTC),
     date(2026, 4, 1), object(), 1j],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"inner": value}])
def test_anything_but_plain_values_is_refused(value: object, wrap: Any) -> None:
    with pytest.raises(PayloadInvalid, match=type(value).__name__):
        canonical_payload({"field": wrap(value)})


@pytest.mark.parametrize("key", [1, None, b"key", ("a",)])
def test_key_that_is_no_text_is_refused(key: Any) -> None:
    with pytest.raises(PayloadInvalid, match="項目名"):
        canonical_payload({"outer": {key: "value"}})


@pytest.mark.parametrize(
    "key",
    ["password", "Password", "newPassword", "temporary_password", "password_hash", "passwd", "passphrase", "secret",
     "client_secret", "clientSecret", "token", "access_token", "accessToken", "id-token", "pin", "PIN", "otp", "totp",
     "pwd", "api_key", "apiKey", "API_KEY", "private_key", "privateKey", "cookie", "passcode", "ｐａｓｓｗｏｒｄ",
     "パスワード", "仮パスワード", "暗証番号", "秘密鍵", "newpassword"],
)  # fmt: skip
def test_key_that_names_a_secret_is_refused_without_its_value(key: str) -> None:
    with pytest.raises(PayloadInvalid) as refused:
        canonical_payload({"account": {key: "Haru-no-umi-2026"}})
    assert key in str(refused.value)
    assert "Haru-no-umi-2026" not in str(refused.value)


@pytest.mark.parametrize("key", ["pinned", "spinning", "monkey", "key_id", "credential", "secretary", "tokenised"])
def test_harmless_key_is_not_mistaken_for_a_secret(key: str) -> None:
    assert canonical_payload({key: 1}) == f'{{"{key}":1}}'


def test_lone_surrogate_is_refused() -> None:
    with pytest.raises(PayloadInvalid, match=r"payload\.name"):
        canonical_payload({"name": "\ud800"})


@UNHURRIED
@given(text=st.text())
def test_storable_text_can_be_stored(text: str) -> None:
    stored = storable(text)
    assert "\0" not in stored
    assert stored.encode().decode() == stored


@UNHURRIED
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_ordinary_text_is_stored_as_it_is(text: str) -> None:
    assert storable(text) == text


@UNHURRIED
@given(first=TEXT, second=TEXT)
def test_salted_hashes_differ_with_salt_and_payload(first: str, second: str) -> None:
    assert (payload_hash(b"s" * 16, first) == payload_hash(b"s" * 16, second)) == (first == second)
    assert payload_hash(b"s" * 16, first) != payload_hash(b"t" * 16, first)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_canonical_json_has_no_nan(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical(value)
