"""The provider that the web is given: from the accepted configuration and a file of the secrets folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from idm.errors import ConfigurationInvalid
from idm.organisation import SignInProvider
from idm.settings import Settings
from jobs.installation import Installation
from jobs.sign_in_providers import provider_opener
from tests.cast import Cast

NAMED = SignInProvider("庁内認証基盤", "https://login.example.jp/tenant/v2.0", "idm", "provider.secret")


@pytest.fixture
def installation(cast: Cast, tmp_path: Path) -> Installation:
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "provider.secret").write_text("first\n", encoding="utf-8")
    return Installation(Settings(database_url=cast.database.url, secrets_dir=secrets), cast.database)


def test_one_client_serves_until_the_configuration_or_the_secret_is_another(installation: Installation) -> None:
    opened = provider_opener(installation)
    first = opened(NAMED)
    assert opened(NAMED) is first
    other = opened(replace(NAMED, client_id="idm-2"))
    assert other is not first
    assert opened(replace(NAMED, client_id="idm-2")) is other
    (installation.settings.secrets_dir / "provider.secret").write_text("second\n", encoding="utf-8")
    assert opened(replace(NAMED, client_id="idm-2")) is not other


def test_without_its_secret_there_is_no_client(installation: Installation) -> None:
    (installation.settings.secrets_dir / "provider.secret").unlink()
    with pytest.raises(ConfigurationInvalid, match=r"provider\.secret"):
        provider_opener(installation)(NAMED)


def test_the_issuer_is_the_authority_as_written_and_at_entra_id_its_second_version() -> None:
    tenant = "https://login.microsoftonline.com/9f2b3c4d-0000-4000-8000-000000000001"
    assert NAMED.issuer == "https://login.example.jp/tenant/v2.0"
    assert replace(NAMED, authority=tenant, entra=True).issuer == f"{tenant}/v2.0"
