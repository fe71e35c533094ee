"""`idm lifecycle run`: carries out what falls due by the calendar."""

from dataclasses import asdict
from datetime import date

import click

from jobs import lifecycle as due
from jobs.commands.options import as_of_option, dry_run_option, installation, json_option
from jobs.commands.terminal import print_json, say


@click.group()
def lifecycle() -> None:
    """期日の来た開始・終了・退職・失効。"""


@lifecycle.command()
@as_of_option
@dry_run_option
@json_option
def run(as_of: date | None, *, dry_run: bool, as_json: bool) -> None:
    """期日の来たものをすべて行います。同じ日に二度行っても、二度目は何も変わりません。"""
    result = due.run(installation(), as_of=as_of, dry_run=dry_run)
    if as_json:
        print_json({"version": 1, "dry_run": dry_run, **asdict(result)})
    say(
        f"開始 {result.begun}、満了 {result.expired}、離職による停止 {result.left} 人、削除の予定 {result.deletions}、"
        f"申請の失効 {result.lapsed}" + ("（表示しただけです）" if dry_run else "")
    )
