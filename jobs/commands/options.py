"""Options and arguments that several commands share."""

from datetime import date

import click

from idm.database import Database
from idm.schema import require_current
from idm.settings import Settings
from idm.wareki import parse_date
from jobs.installation import Installation

json_option = click.option("--json", "as_json", is_flag=True, help="結果を JSON で標準出力に書きます。")
dry_run_option = click.option("--dry-run", is_flag=True, help="何をするかを表示するだけで、何も変えません。")


class Day(click.ParamType[date]):
    """A day as people write it: 2026-04-01, 令和8年4月1日, R8.4.1."""

    name = "日付"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day. A usage error says what was wrong with it."""
        if isinstance(value, date):
            return value
        try:
            return parse_date(str(value)).day
        except ValueError as mistake:
            self.fail(str(mistake), param, ctx)


as_of_option = click.option("--as-of", type=Day(), help="この日の時点として扱います（例 2026-04-01、令和8年4月1日）。")


def installation() -> Installation:
    """The installation that the settings describe. Raises ConfigurationInvalid on a schema of another release."""
    found = unchecked_installation()
    require_current(found.database)
    return found


def unchecked_installation() -> Installation:
    """The same, whether its database has tables or not."""
    settings = Settings()
    return Installation(settings, Database(settings.database_url))
