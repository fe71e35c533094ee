"""The provider people sign in with, as the web is given it: from the accepted configuration and the secrets folder."""

from threading import Lock

from connectors.oidc.provider import OidcProvider
from idm.operations.signing_in.provider_sign_in import ProviderOpener
from idm.organisation import SignInProvider
from idm.ports import IdentityProvider
from jobs.installation import Installation, read_credential


def provider_opener(installation: Installation) -> ProviderOpener:
    """Gives the client of the provider that is named; a new one whenever the configuration or the secret is another."""
    kept: list[tuple[SignInProvider, str, OidcProvider]] = []
    lock = Lock()

    def open_provider(named: SignInProvider) -> IdentityProvider:
        secret = read_credential(installation.settings.secrets_dir, named.credential)
        with lock:
            if not kept or kept[0][:2] != (named, secret):
                kept[:] = [(named, secret, _client(installation, named, secret))]
            return kept[0][2]

    return open_provider


def _client(installation: Installation, named: SignInProvider, secret: str) -> OidcProvider:
    return OidcProvider(
        authority=named.authority, issuer=named.issuer, client_id=named.client_id, secret=secret, entra=named.entra,
        ca_file=installation.settings.sign_in_provider_ca_file, clock=installation.clock,
    )  # fmt: skip
