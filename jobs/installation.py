"""One installation at hand: its settings, database, keys and clock. Made once, at the edge, and passed down."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connectors.registry import open_directory
from idm.database import Database
from idm.errors import ConfigurationInvalid
from idm.keys.secret_files import MATCH_KEY, load_or_create_key
from idm.models.systems import InformationSystem
from idm.ports import Directory
from idm.queries.governance.configuration import policy_in_force
from idm.settings import Settings
from idm.vocabulary import BY_HAND, Stage
from jobs.information_systems.read_only import read_only
from jobs.sweep.listed_directory import open_listing

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The machine's clock: read here, at the edge, and nowhere below."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Installation:
    """Everything a job or a command needs from outside."""

    settings: Settings
    database: Database
    clock: Clock = utc_now

    @property
    def match_secret(self) -> bytes:
        """The key of the same-person hash; made at first use, kept in a file of its own."""
        return load_or_create_key(self.settings.secrets_dir, MATCH_KEY)

    def open_target(self, system: InformationSystem) -> Directory:
        """A connection to the system's target; one that can only read where the system is only observed (A18).

        Of a system without an interface, the newest list of its user IDs stands in for it. Raises TargetUnavailable,
        TargetRefused, ConfigurationInvalid.
        """
        if system.connector == BY_HAND:
            now = self.clock()
            with self.database.reading() as session:
                return open_listing(session, system, policy=policy_in_force(session, now=now), now=now)
        password = read_credential(self.settings.secrets_dir, system.credential) if system.credential else None
        directory = open_directory(system.connector, system.connector_settings, password, clock=self.clock)
        return read_only(directory) if system.stage is Stage.OBSERVE else directory


def read_credential(folder: Path, name: str) -> str:
    """The secret in a file of the secrets folder. Raises ConfigurationInvalid when it is not there."""
    file = folder / name
    if "/" in name or not file.is_file():
        raise ConfigurationInvalid(
            f"資格情報ファイル「{name}」がありません。", mistakes=(f"{folder}/{name}: 見つかりません",)
        )
    return file.read_text(encoding="utf-8").strip()
