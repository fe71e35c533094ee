"""The `idm` command: data on stdout, talk on stderr, stable exit codes, no traceback without --debug.

0 done · 1 failed · 2 usage · 3 finished, some items failed · 5 stopped by a safety limit · 75 temporary.
There is no command that approves anything: decisions are made by people, signed in, in the web interface.
"""

import logging
import sys
from importlib import import_module

import click
from sqlalchemy.exc import OperationalError

from idm.errors import ConfigurationInvalid, FeedRefused, IdmError, Refusal, SafetyLimit, TargetUnavailable
from jobs.commands.terminal import say

FAILED, SAFETY, TEMPORARY = 1, 5, 75
NOUNS = (
    "init", "demo", "serve", "work", "profile", "hr", "accounts", "lifecycle", "batch", "system", "listing", "factors",
    "review", "credentials", "vault", "sweep", "reconcile", "stop", "audit",
)  # fmt: skip
"""Each is a file of `jobs.commands` with a command of the same name."""


class Nouns(click.Group):
    """Loads a command's file only when it is asked for: most commands need neither the web server nor a directory."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which an installation meets them."""
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, if there is one."""
        if cmd_name not in NOUNS:
            return None
        command = getattr(import_module(f"jobs.commands.{cmd_name}"), cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=Nouns, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="失敗したときに内部の詳細を表示します。")
@click.version_option(package_name="idm")
@click.pass_context
def idm(context: click.Context, *, debug: bool) -> None:
    """利用者IDの申請・承認・付与・抹消を管理します（idm）。"""
    context.ensure_object(dict)["debug"] = debug
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("idm").setLevel(logging.INFO)


def main() -> None:
    """Runs the command and ends the process with its exit code."""
    try:
        code = idm.main(standalone_mode=False)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(mistake.exit_code)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.Abort:
        say("中止しました。")
        sys.exit(FAILED)
    except (IdmError, OperationalError) as failure:
        if "--debug" in sys.argv:
            raise
        tell(failure)
        sys.exit(exit_code(failure))
    sys.exit(code if isinstance(code, int) else 0)


def tell(failure: Exception) -> None:
    """Says what failed, with every mistake in it, in words for whoever ran the command."""
    if isinstance(failure, Refusal):
        say(f"{failure.message} [{failure.code}]")
    elif isinstance(failure, OperationalError):
        say("データベースを使えません。場所と権限を確かめてください。")
    else:
        say(str(failure))
    if isinstance(failure, ConfigurationInvalid):
        for mistake in failure.mistakes:
            say(f"  {mistake}")
    if isinstance(failure, FeedRefused):
        for problem in failure.problems:
            say(f"  {problem}")


def exit_code(failure: Exception) -> int:
    """The exit code that a failure stands for."""
    if isinstance(failure, SafetyLimit):
        return SAFETY
    return TEMPORARY if isinstance(failure, TargetUnavailable | OperationalError) else FAILED
