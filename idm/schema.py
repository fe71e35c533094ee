"""Creates or upgrades the database's tables, and refuses to run on a schema of another release."""

from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from idm.database import Database
from idm.errors import ConfigurationInvalid


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("idm") / "migrations"))
    return config


def upgrade(database: Database) -> str:
    """Afterwards the schema is this release's. Returns its revision."""
    config = _config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return newest()


def newest() -> str:
    """The revision of this release."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise ConfigurationInvalid("データベースの移行ファイルがありません。インストールし直してください。")
    return revision


def current(database: Database) -> str | None:
    """The revision the database has; None = no tables yet."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def require_current(database: Database) -> None:
    """Afterwards the schema is known to be this release's. Raises ConfigurationInvalid saying what to run."""
    found = current(database)
    if found != newest():
        state = "まだ作られていません" if found is None else f"別の版（{found}）です"
        raise ConfigurationInvalid(f"データベースの表が{state}。idm init を実行してください。")
