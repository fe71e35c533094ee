"""What an audit record may carry: plain JSON values, never a secret, in one form that can be hashed."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from unicodedata import normalize

from idm.errors import IdmError

SALT_BYTES = 16
SECRET_WORDS = frozenset({"secret", "secrets", "token", "tokens", "pin", "pwd", "otp", "totp", "passcode", "cookie"})
SECRET_PARTS = ("password", "passwd", "passphrase", "api_key", "private_key", "パスワード", "暗証番号", "秘密鍵")
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\x00-\x7f]+")


class PayloadInvalid(IdmError):
    """A program tried to record what the audit record does not take. A fault of that program, not a refusal."""


def canonical(value: object) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no escape that is not needed, no NaN."""
    return _encode(value)


def canonical_payload(payload: Mapping[str, object]) -> str:
    """The JSON text of a payload. Raises PayloadInvalid, naming the place and never the value."""
    return canonical(_plain(payload, "payload"))


def payload_hash(salt: bytes, payload: str) -> str:
    """SHA-256 over salt and payload, in hex. The salt's length is fixed, so no two pairs share their bytes."""
    return sha256(salt + payload.encode()).hexdigest()


def storable(text: str) -> str:
    """The text with what no database keeps (NUL, lone surrogates) written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _plain(value: object, place: str) -> object:
    """The value, made of nothing but dict, list, str, int, bool and None."""
    if isinstance(value, Mapping):
        return {_name(key, place): _plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{place}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, str):
        return _text(value, place)
    if value is None or isinstance(value, (bool, int)):
        return value
    raise PayloadInvalid(f"{place}: {type(value).__name__} は監査記録に書けません。文字列か整数にしてください。")


def _name(key: object, place: str) -> str:
    if not isinstance(key, str):
        raise PayloadInvalid(f"{place}: 項目名は文字列にしてください ({type(key).__name__})。")
    words = [word.lower() for word in _WORD.findall(normalize("NFKC", key))]
    spelled = "_".join(words)
    if SECRET_WORDS.intersection(words) or any(part in spelled for part in SECRET_PARTS):
        raise PayloadInvalid(f"{place}.{key}: 秘密を思わせる名前の項目は監査記録に書けません。")
    return _text(key, place)


def _text(text: str, place: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PayloadInvalid(f"{place}: 文字として成り立たない符号が含まれています。") from None
    return text
