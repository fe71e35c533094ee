"""`idm lifecycle run`: carries out what falls due by the calendar, or rehearses a day."""

import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from idm.personnel.due_changes import DUE_TITLES, Due
from idm.queries.rights.rehearsal import summary
from jobs import lifecycle as due
from jobs.commands.options import as_of_option, dry_run_option, installation, json_option
from jobs.commands.rehearsal_file import as_data, csv_bytes
from jobs.commands.terminal import print_json, print_table, say
from jobs.installation import Installation
from jobs.lifecycle import Rehearsed, RunResult


@click.group()
def lifecycle() -> None:
    """期日の来た開始・終了・休職・復職・退職・失効。"""


@lifecycle.command()
@as_of_option
@dry_run_option
@json_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="予行の一覧を CSV で書きます（--dry-run と使います）。",
)
def run(as_of: date | None, *, dry_run: bool, as_json: bool, out: Path | None) -> None:
    """期日の来たものをすべて行います。同じ日に二度行っても、二度目は何も変わりません。

    途中で止まったときは、もう一度行えば続きから行います。
    --dry-run は、その日に何が変わるかを、何も変えずに一覧にします。
    """
    if out is not None and not dry_run:
        raise click.UsageError("--out は --dry-run と一緒に使ってください。")
    found = installation()
    if dry_run:
        _rehearse(found, as_of, as_json=as_json, out=out)
        return
    result = _run(found, as_of)
    if as_json:
        print_json({"version": 2, "dry_run": False, **asdict(result)})
    say(
        f"離職による停止 {result.left} 人、異動による特権の終了 {result.posts_lost}、"
        f"組織改正による特権の引継ぎ {result.posts_moved}、休職等による停止 {result.suspended}、再開 {result.resumed}、"
        f"開始 {result.begun}、満了 {result.expired}、削除の予定 {result.deletions}、申請の失効 {result.lapsed}、"
        f"返却物の確認表 {result.checklists}"
    )


def _run(found: Installation, as_of: date | None) -> RunResult:
    """The run, with a bar on stderr where somebody looks on."""
    if not sys.stderr.isatty():
        return due.run(found, as_of=as_of)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("期日の処理", total=None)

        def told(stage: str, done: int, total: int) -> None:
            bar.update(task, description=f"{stage}（{done} / {total} 人）", completed=done, total=total)

        return due.run(found, as_of=as_of, progress=told)


def _rehearse(found: Installation, as_of: date | None, *, as_json: bool, out: Path | None) -> None:
    rehearsed = due.rehearse(found, as_of=as_of)
    if out is not None:
        out.write_bytes(csv_bytes(rehearsed))
    if as_json:
        print_json(as_data(rehearsed))
    elif out is None:
        _show(rehearsed)
    say(f"{rehearsed.rehearsal.day} の予行: {summary(rehearsed.rehearsal)}（表示しただけです。何も変えていません）")
    _tell_limits(rehearsed)


def _show(rehearsed: Rehearsed) -> None:
    found = rehearsed.rehearsal
    print_table(
        ("氏名", "職員番号", "所属", "情報システム", "権限", "動作", "日付", "理由"),
        (
            (one.person_name, one.staff_number, one.unit_name, one.system_name, one.right_name, DUE_TITLES[one.due],
             one.day, one.because)
            for one in found.changes
        ),
        title=f"{found.day} に変わるもの",
    )  # fmt: skip
    present = [due for due in Due if due in found.people_by_due]
    print_table(
        ("所属", *(DUE_TITLES[one] for one in present)),
        (
            (name or "所属なし", *(counted.get(one, 0) for one in present))
            for (_, name), counted in found.people_by_unit.items()
        ),
        title="所属ごとの人数",
    )


def _tell_limits(rehearsed: Rehearsed) -> None:
    for excess in rehearsed.excesses:
        say(f"上限を超えます: {excess.sentence}")
    if rehearsed.excesses:
        say("このままでは実行できません。人事担当者が画面の「一括処理」で計画し、許可を受けてください。")
    elif rehearsed.batch_id is not None:
        say(f"許可された一括処理（第{rehearsed.batch_id}号）により、上限の内です。")
