"""Settings of one installation: where things are, never what the rules are (those are the profile's).

Read from, in order: arguments, environment (`IDM__MAIL__HOST=…`), a TOML file named by `IDM_SETTINGS`, defaults.
Secrets are files in `secrets_dir`, one secret a file; no setting holds one.
"""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


class MailSettings(BaseModel):
    """How notices leave. No host = they wait in the outbox and are shown as waiting."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = ""
    port: int = 25
    sender: str = "idm@localhost"
    starttls: bool = False
    ca_file: Path | None = None
    username: str = ""
    timeout_seconds: float = 10.0


class InboxSettings(BaseModel):
    """The drop folder of personnel files. `folder` holds inbox, claimed, waiting, processed and rejected.

    A file counts as completely written when nothing changed for `settle_seconds`; a missing checksum or signature is
    waited for `proof_minutes`. With `watch` the worker looks every `poll_seconds`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path = Path("hr-files")
    settle_seconds: float = Field(default=10.0, ge=0)
    proof_minutes: float = Field(default=30.0, ge=0)
    watch: bool = False
    poll_seconds: float = Field(default=60.0, gt=0)


class NoticeSettings(BaseModel):
    """Temporary passwords that are printed inside a closed zone, and shown on no screen (control E3).

    `zones`: where that is so. `folder`: where the worker that serves them puts what its printer takes; None = this
    installation's worker prints nothing. The folder is readable by the product's own user alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    zones: tuple[str, ...] = ()
    folder: Path | None = None


class VaultSettings(BaseModel):
    """Where the key is under which kept passwords are sealed; only the worker and `idm vault` read it (docs/vault.md).

    `key_dir`: a folder of its own, with `vault.key`; None = `vault` in the secrets folder; under systemd the service's
    credentials. With `pkcs11_module` (the maker's library) the key is in the token of that label and never leaves it;
    the folder then holds its `vault.pin`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_dir: Path | None = None
    pkcs11_module: Path | None = None
    pkcs11_token: str = "idm"  # noqa: S105  # the token's label
    pkcs11_key: str = "idm-vault"


class SiemSettings(BaseModel):
    """The collector that the audit record is sent to, as CEF over RFC 5424 and TLS (docs/siem.md). No host = none.

    `ca_file`: who vouches for it, where that is no public authority; its certificate must name `host`. TLS is not
    optional. The names of what is sent: `idm.audit.cef`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = ""
    port: int = 6514
    ca_file: Path | None = None
    timeout_seconds: float = Field(default=10.0, gt=0, le=25)
    retry_seconds: float = Field(default=30.0, gt=0)
    """The pause after a failure; what waits meanwhile is the audit record itself."""


class Settings(BaseSettings):
    """One installation. Unknown keys are errors."""

    model_config = SettingsConfigDict(env_prefix="IDM__", env_nested_delimiter="__", extra="forbid", frozen=True)

    database_url: str = "sqlite:///idm.db"
    secrets_dir: Path = Path("secrets")
    checkpoint_file: Path = Path("audit-checkpoints.jsonl")
    base_url: str = "http://localhost:8600"
    host: str = "127.0.0.1"
    port: int = 8600
    trusted_proxies: int = Field(default=0, ge=0)
    """So many reverse proxies of our own stand before the web server, each adding to `X-Forwarded-For` whom it serves.

    0 = the header is never believed.
    """
    zones: tuple[str, ...] = ("lgwan", "internet", "mynumber")
    sign_in_provider_ca_file: Path | None = None
    """Who vouches for the provider people sign in with, where that is no public authority."""
    mail: MailSettings = Field(default_factory=MailSettings)
    siem: SiemSettings = Field(default_factory=SiemSettings)
    inbox: InboxSettings = Field(default_factory=InboxSettings)
    vault: VaultSettings = Field(default_factory=VaultSettings)

    @property
    def vault_key_dir(self) -> Path:
        """The folder of the vault's key."""
        return self.vault.key_dir or self.secrets_dir / "vault"

    notices: NoticeSettings = Field(default_factory=NoticeSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then the TOML file."""
        path = os.environ.get("IDM_SETTINGS")
        toml = TomlConfigSettingsSource(settings_cls, Path(path)) if path else None
        return (init_settings, env_settings, toml) if toml else (init_settings, env_settings)
