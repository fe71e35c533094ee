"""Our own access tokens: client credentials through msal, by certificate or by secret (RFC 6749 4.4, RFC 7523)."""

from typing import Any
from urllib.parse import urlsplit

import jwt
import msal

from connectors.entra.settings import MICROSOFT, EntraSettings
from connectors.oidc.conversation import Conversation
from idm.errors import TargetRefused

REFUSED = (
    "Entra ID がアプリケーションを受け付けません（{error}）。テナントID、クライアントID、証明書又はシークレットと、"
    "その期限を確かめてください。"
)


class Tokens:
    """The token of one application in one tenant, kept in memory until it is near its end."""

    def __init__(self, settings: EntraSettings) -> None:
        self._settings = settings
        self._client: msal.ConfidentialClientApplication | None = None

    def bearer(self) -> str:
        """A token that counts now. Raises TargetUnavailable, TargetRefused."""
        settings = self._settings
        try:
            self._client = self._client or self._application()
            said: dict[str, Any] = self._client.acquire_token_for_client([f"{_resource(settings.graph)}/.default"])
        except (ValueError, KeyError, TypeError) as fault:  # what msal raises for what it cannot use
            raise TargetRefused(REFUSED.format(error=type(fault).__name__)) from None
        token = said.get("access_token")
        if not isinstance(token, str):
            raise TargetRefused(REFUSED.format(error=said.get("error", "トークンなし")))
        return token

    def drop(self) -> None:
        """Afterwards the next one is asked for anew: the service no longer took the last."""
        self._client = None

    def permissions(self) -> frozenset[str]:
        """What the tenant has consented to, as the token itself says to Graph; our own token is not checked by us."""
        roles = self._claims().get("roles")
        return frozenset(str(one) for one in roles) if isinstance(roles, list) else frozenset()

    def own_id(self) -> str:
        """Our application's id among the principals of the tenant, "" where the token does not say it."""
        return str(self._claims().get("oid", ""))

    def _claims(self) -> dict[str, Any]:
        return dict(jwt.decode(self.bearer(), options={"verify_signature": False}))

    def _application(self) -> msal.ConfidentialClientApplication:
        settings = self._settings
        credential: str | dict[str, str] = settings.secret
        if settings.certificate is not None:
            credential = {"private_key": settings.secret, "public_certificate": settings.certificate}
        return msal.ConfidentialClientApplication(
            settings.client_id, client_credential=credential, authority=f"{settings.authority}/{settings.tenant_id}",
            instance_discovery=settings.authority == MICROSOFT, http_client=Conversation(settings.ca_file),
        )  # fmt: skip


def _resource(graph: str) -> str:
    """Whom the token is for: Microsoft's, whatever address answers in its place under test."""
    host = urlsplit(graph).hostname or ""
    return f"https://{host}" if host.endswith((".microsoft.com", ".us", ".cn")) else "https://graph.microsoft.com"
