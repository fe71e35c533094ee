"""What proves that a delivered personnel file is whole and the sender's: nothing, a checksum, or a signature. Pure.

The proof is a second file beside the first: `<name>.sha256` as sha256sum writes it, or `<name>.sig`, the 64 raw bytes
of an Ed25519 signature (RFC 8032) of the file's bytes.
"""

import binascii
import re
from base64 import b64decode
from hashlib import sha256
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

KEY_BYTES, SIGNATURE_BYTES = 32, 64
SUFFIXES = {"sha256": ".sha256", "signature": ".sig"}
"""What is asked for → how the name of its file ends."""

_CHECKSUM = re.compile(r"([0-9a-fA-F]{64}) [ *]([^\r\n]+)\r?\n?")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FeedDelivery:
    """What must lie beside a file in the drop folder. `public_key` (base64, 32 bytes) verifies signatures."""

    require: Literal["none", "sha256", "signature"] = "none"
    public_key: str = ""

    @property
    def suffix(self) -> str | None:
        """How the name of the second file ends; None = there is none."""
        return SUFFIXES.get(self.require)


def delivery_mistake(require: object, public_key: object) -> str | None:
    """What is wrong with the two values together, beginning with the key; None = nothing."""
    if require != "signature":
        return "delivery.public_key: require が signature のときだけ書けます" if public_key else None
    if not isinstance(public_key, str) or _key(public_key) is None:
        return f"delivery.public_key: Ed25519 の公開鍵（{KEY_BYTES}バイト）を base64 で書いてください"
    return None


def proof_problem(delivery: FeedDelivery, name: str, data: bytes, proof: bytes) -> str | None:
    """Why the proof does not hold for exactly these bytes under this name; None = it holds."""
    if delivery.require == "sha256":
        return _checksum_problem(name, data, proof)
    if delivery.require == "signature":
        return _signature_problem(delivery.public_key, data, proof)
    return None


def _checksum_problem(name: str, data: bytes, proof: bytes) -> str | None:
    try:
        found = _CHECKSUM.fullmatch(proof.decode("utf-8"))
    except UnicodeDecodeError:
        found = None
    if found is None:
        return "チェックサムのファイルの形が違います。sha256sum の形の一行（チェックサムとファイル名）にしてください。"
    if found[2] != name:
        return "チェックサムのファイルが、別の名前のファイルのものです。"
    if found[1].lower() != sha256(data).hexdigest():
        return "チェックサムが合いません。ファイルが途中で切れたか、変わっています。送り直してください。"
    return None


def _signature_problem(public_key: str, data: bytes, proof: bytes) -> str | None:
    key = _key(public_key)
    if key is None or len(proof) != SIGNATURE_BYTES:
        return f"署名のファイルの形が違います。Ed25519 の署名（{SIGNATURE_BYTES}バイト）にしてください。"
    try:
        key.verify(proof, data)
    except InvalidSignature:
        return "署名が合いません。ファイルが変わっているか、定義にある鍵で署名されていません。"
    return None


def _key(text: str) -> Ed25519PublicKey | None:
    try:
        raw = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Ed25519PublicKey.from_public_bytes(raw) if len(raw) == KEY_BYTES else None
