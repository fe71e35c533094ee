"""`idm sweep run`: the nightly sweep by hand."""

from contextlib import closing
from datetime import date

import click
from rich.console import Console

from idm.operations.sweep.findings import SweepResult
from idm.vocabulary import FINDING_TITLES
from jobs.commands.options import as_of_option, dry_run_option, installation, json_option
from jobs.commands.sweep_progress import shown_on
from jobs.commands.terminal import print_json, print_table
from jobs.sweep import sweep as nightly

SOME_FAILED = 3


@click.group()
def sweep() -> None:
    """使われていないIDなどの点検。"""


@sweep.command()
@click.option("--system", "system_code", help="この情報システムだけを点検します。")
@as_of_option
@dry_run_option
@json_option
@click.pass_context
def run(context: click.Context, system_code: str | None, as_of: date | None, *, dry_run: bool, as_json: bool) -> None:
    """各システムのディレクトリに尋ね、使われていないID・持ち主のないID・承認のない特権・パスワードの規則の違いなどを記録します。"""
    dry_run = dry_run or as_of is not None
    progress = shown_on(Console(stderr=True), suffix="（記録していません）" if dry_run else "")
    with closing(progress):
        results = nightly.sweep(
            installation(), system_code=system_code, as_of=as_of, dry_run=dry_run, progress=progress
        )  # fmt: skip
    if as_json:
        print_json({"version": 1, "dry_run": dry_run, "systems": [as_data(result) for result in results]})
    else:
        for result in results:
            _show(result)
    if any(result.failure for result in results):
        context.exit(SOME_FAILED)


def _show(result: SweepResult) -> None:
    rows = (
        (
            FINDING_TITLES[found.kind],
            found.label,
            found.details.get("last_used_at"),
            found.details.get("source"),
            found.details.get("reason"),
        )
        for found in result.found
    )
    print_table(("種類", "利用者名", "最終利用", "根拠", "わかったこと"), rows, title=result.system_code)


def as_data(result: SweepResult) -> dict[str, object]:
    """The result as plain data; the keys are stable."""
    return {
        "system": result.system_code,
        "examined": result.examined,
        "failure": result.failure,
        "found": [
            {"kind": f.kind.value, "login_name": f.label, "id": f.subject_key, **f.details} for f in result.found
        ],
    }
