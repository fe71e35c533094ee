"""A passkey made of software: what a browser and an authenticator answer, right or wrong in every part."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from os import urandom
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

UP, UV, AT = 0x01, 0x04, 0x40


@dataclass
class SoftPasskey:
    """One credential. What a test changes here, the answers lie about."""

    origin: str
    host: str
    credential_id: bytes = field(default_factory=lambda: urandom(32))
    private: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    counter: int = 0
    step: int = 1
    """By how much the counter grows with each use; 0 = it counts nothing."""
    verifies: bool = True
    client_data: dict[str, Any] = field(default_factory=dict)
    """What the browser is made to say otherwise."""

    def made(self, question: str) -> str:
        """The answer to being asked to make a passkey."""
        asked = json.loads(question)
        data = self._authenticator_data(self._attested())
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": self._client_data("webauthn.create", asked["challenge"]),
            "attestationObject": bytes_to_base64url(attestation),
        }
        return self._answer(response)

    def proves(self, question: str) -> str:
        """The answer to being asked to prove that the passkey is there."""
        asked = json.loads(question)
        self.counter += self.step
        data = self._authenticator_data(b"")
        client = self._client_data("webauthn.get", asked["challenge"])
        signed = data + sha256(base64url_to_bytes(client)).digest()
        response = {
            "clientDataJSON": client,
            "authenticatorData": bytes_to_base64url(data),
            "signature": bytes_to_base64url(self.private.sign(signed, ECDSA(SHA256()))),
            "userHandle": None,
        }
        return self._answer(response)

    def _answer(self, response: dict[str, Any]) -> str:
        named = bytes_to_base64url(self.credential_id)
        return json.dumps(
            {"id": named, "rawId": named, "type": "public-key", "response": response, "clientExtensionResults": {}}
        )

    def _client_data(self, kind: str, challenge: str) -> str:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False, **self.client_data}
        return bytes_to_base64url(json.dumps(said).encode())

    def _authenticator_data(self, attested: bytes) -> bytes:
        flags = UP | (UV if self.verifies else 0) | (AT if attested else 0)
        return sha256(self.host.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big") + attested

    def _attested(self) -> bytes:
        numbers = self.private.public_key().public_numbers()
        key = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        return bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + encode_cbor(key)
