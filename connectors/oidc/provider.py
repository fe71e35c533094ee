"""Sign-in at a provider through msal: authorisation code with PKCE, state and nonce (RFC 9700; OpenID Connect Core).

msal makes the addresses and redeems the code. It does not check the ID token (since its 1.38): `id_token` does. Nothing
of what comes is kept: no token is stored anywhere, and the refresh token is not even asked for.
"""

import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import msal

from connectors.oidc.conversation import Conversation
from connectors.oidc.discovery import KEPT_FOR, Metadata, read_keys, read_metadata
from connectors.oidc.id_token import Expected, Key, proven
from idm.errors import ConfigurationInvalid, TargetRefused, TargetUnavailable
from idm.ports import Begun, ProvenIdentity

# An answer posted from another site would come without our cookies; the code in the address is of use to nobody without
# the verifier of PKCE, once, and stands in no log and no referrer of ours.
warnings.filterwarnings("ignore", message="response_mode='form_post' is recommended", category=UserWarning)

MICROSOFT = "login.microsoftonline.com"
"""The only host whose instance discovery is asked."""
TENANT = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LATER = frozenset({"temporarily_unavailable", "server_error"})
"""Errors that pass by themselves (RFC 6749 4.1.2.1)."""
AWAY_FOR = timedelta(seconds=30)
"""So long a provider that did not answer is not asked again: one that is silent costs one thread, not all of them."""
FIRST_WAIT_SECONDS = 2.0
"""So long others wait while the provider is asked for the first time."""
OF_THE_ANSWER = ("code", "state", "error", "error_description")


class OidcProvider:
    """One provider, and us as its confidential client (`IdentityProvider`).

    `issuer` is what its ID tokens say, exactly; `entra`: an Entra ID tenant, whose id ends the authority.
    """

    def __init__(
        self, *, authority: str, issuer: str, client_id: str, secret: str, entra: bool, ca_file: Path | None,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        """Raises ConfigurationInvalid. Asks nobody yet."""
        self._authority, self._issuer = authority.rstrip("/"), issuer
        self._client_id, self._secret = client_id, secret
        self._tenant = _tenant_of(self._authority) if entra else None
        self._ca_file, self._clock = ca_file, clock
        self._lock, self._asking = Lock(), Lock()
        self._away_until: datetime | None = None
        self._metadata: Metadata | None = None
        self._keys: tuple[Key, ...] = ()

    def __repr__(self) -> str:
        return f"OidcProvider({self._issuer!r})"

    def begin(self, redirect_uri: str, *, max_age: timedelta) -> Begun:
        """See `IdentityProvider`."""
        with self._client(self._published()) as client:
            flow = client.initiate_auth_code_flow(
                [], redirect_uri=redirect_uri, max_age=int(max_age.total_seconds()), response_mode="query"
            )
        flow["issuer"] = self._issuer
        return Begun(address=flow.pop("auth_uri"), state=flow["state"], kept=json.dumps(flow))

    def complete(self, kept: str, answer: Mapping[str, str]) -> ProvenIdentity:
        """See `IdentityProvider`."""
        flow = json.loads(kept)
        if flow.pop("issuer") != self._issuer:  # another one is in force meanwhile: it must not see the code
            raise TargetRefused("begun at another provider")
        metadata = self._published()
        said = answer.get("iss")
        if said != metadata.issuer and (said is not None or metadata.names_itself):
            raise TargetRefused(f"the answer is of another provider: {said!r}")
        expected = Expected(
            issuer=metadata.issuer, client_id=self._client_id, nonce=sha256(flow["nonce"].encode()).hexdigest(),
            max_age=timedelta(seconds=flow["max_age"]), tenant=self._tenant,
        )  # fmt: skip
        token = self._redeemed(flow, {name: answer[name] for name in OF_THE_ANSWER if name in answer}, metadata)
        return proven(token, lambda anew: self._published_keys(metadata, anew=anew), expected, now=self._clock())

    def sign_out_address(self) -> str | None:
        """See `IdentityProvider`."""
        return self._metadata.end_session if self._metadata is not None else None

    def _redeemed(self, flow: dict[str, Any], answer: dict[str, str], metadata: Metadata) -> str:
        """The ID token the code stands for, not checked yet."""
        try:
            with self._client(metadata) as client:
                result = client.acquire_token_by_auth_code_flow(flow, answer)
        except (ValueError, RuntimeError, KeyError, TypeError, AttributeError) as fault:  # what msal raises
            raise TargetRefused(f"the provider's answer cannot be used: {type(fault).__name__}") from None
        if "error" in result:
            said = f"{result['error']}: {result.get('error_description', '')}"
            raise TargetUnavailable(said) if result["error"] in LATER else TargetRefused(said)
        token = result.get("id_token")
        if not isinstance(token, str):
            raise TargetRefused("the provider gave no ID token")
        return token

    @contextmanager
    def _client(self, metadata: Metadata) -> Iterator[msal.ConfidentialClientApplication]:
        """msal for one step: what it remembers goes with it."""
        address: dict[str, str | bool] = {"oidc_authority": self._authority}
        if self._tenant is not None:
            address = {"authority": self._authority}
        if urlsplit(self._authority).hostname != MICROSOFT:
            address["instance_discovery"] = False
        with Conversation(self._ca_file, {metadata.address: metadata.answer}) as conversation:
            try:
                client = msal.ConfidentialClientApplication(
                    self._client_id, client_credential=self._secret, exclude_scopes=["offline_access"],
                    http_client=conversation, **address,
                )  # fmt: skip
            except (ValueError, KeyError) as fault:
                raise TargetRefused(f"msal does not take this provider: {fault}") from None
            yield client

    def _published(self) -> Metadata:
        known = self._metadata
        if known is not None and self._is_fresh(known):
            return known
        self._require_not_away()
        # Whoever comes while it is read again goes on with what was known; the first ones of all wait a moment.
        if not self._asking.acquire(timeout=0 if known is not None else FIRST_WAIT_SECONDS):
            if known is not None:
                return known
            raise TargetUnavailable("the provider is being asked and has not answered yet")
        try:
            read = self._metadata
            if read is not None and self._is_fresh(read):
                return read
            self._require_not_away()
            return self._ask_anew(self._clock())
        finally:
            self._asking.release()

    def _require_not_away(self) -> None:
        if self._away_until is not None and self._clock() < self._away_until:
            raise TargetUnavailable("the provider was away a moment ago")

    def _is_fresh(self, known: Metadata) -> bool:
        return known.read_at <= self._clock() < known.read_at + KEPT_FOR

    def _ask_anew(self, now: datetime) -> Metadata:
        try:
            with Conversation(self._ca_file) as conversation:
                read = read_metadata(conversation, self._issuer, now=now)
        except TargetUnavailable:
            self._away_until = self._clock() + AWAY_FOR
            raise
        with self._lock:
            self._metadata, self._keys, self._away_until = read, (), None
        return read

    def _published_keys(self, metadata: Metadata, *, anew: bool) -> tuple[Key, ...]:
        with self._lock:
            known = self._keys
        if known and not anew:
            return known
        with Conversation(self._ca_file) as conversation:
            read = read_keys(conversation, metadata)
        with self._lock:
            self._keys = read
        return read


def _tenant_of(authority: str) -> str:
    tenant = authority.rpartition("/")[2]
    if not TENANT.fullmatch(tenant):
        message = (
            "sign_in_provider.authority: Entra ID では https://login.microsoftonline.com/テナントID と書いてください"
        )
        raise ConfigurationInvalid("サインインのサービスの設定に誤りがあります。", mistakes=(message,))
    return tenant
