"""What a provider publishes about itself, and its keys (OpenID Connect Discovery 1.0)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import requests

from connectors.oidc.conversation import Conversation
from idm.errors import TargetRefused

KEPT_FOR = timedelta(hours=1)
"""How long what a provider publishes is taken to be so. A key that is not among the kept ones is asked for at once."""


@dataclass(frozen=True)
class Metadata:
    """The published document as far as we use it; `answer` is the very one msal is given."""

    address: str
    answer: requests.Response
    issuer: str
    jwks_uri: str
    end_session: str | None
    names_itself: bool
    """Whether every answer of the provider carries `iss` (RFC 9207)."""
    read_at: datetime


def read_metadata(conversation: Conversation, issuer: str, *, now: datetime) -> Metadata:
    """What the issuer publishes. Raises TargetRefused also when it is another's (Discovery 4.3), TargetUnavailable."""
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    answer, content = conversation.document(address)
    if content.get("issuer") != issuer:
        raise TargetRefused(f"{address} is of another issuer: {content.get('issuer')!r}, not {issuer!r}")
    jwks_uri, end_session = content.get("jwks_uri"), content.get("end_session_endpoint")
    if not _is_https(jwks_uri):
        raise TargetRefused(f"{address} names no keys over TLS")
    if not _is_https(content.get("authorization_endpoint")):  # this one the browser is sent to
        raise TargetRefused(f"{address} names no sign-in page over TLS")
    return Metadata(
        address=address, answer=answer, issuer=issuer, jwks_uri=str(jwks_uri),
        end_session=str(end_session) if _is_https(end_session) else None,
        names_itself=content.get("authorization_response_iss_parameter_supported") is True, read_at=now,
    )  # fmt: skip


def read_keys(conversation: Conversation, metadata: Metadata) -> tuple[dict[str, Any], ...]:
    """The published keys (RFC 7517). Raises TargetUnavailable, TargetRefused."""
    _, content = conversation.document(metadata.jwks_uri)
    keys = content.get("keys")
    if not isinstance(keys, list):
        raise TargetRefused(f"{metadata.jwks_uri} holds no keys")
    return tuple(key for key in keys if isinstance(key, dict))


def _is_https(address: object) -> bool:
    return isinstance(address, str) and address.startswith("https://")
