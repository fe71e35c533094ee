"""`idm reconcile`: what directories show beyond, or short of, what was approved, at once and not only at night."""

import click

from idm.operations.sweep.findings import SweepResult
from idm.vocabulary import FINDING_TITLES
from jobs.commands.options import dry_run_option, installation, json_option
from jobs.commands.terminal import print_json, print_table, say
from jobs.sweep import reconcile as job

SOME_FAILED, SAFETY = 3, 5


@click.command()
@click.option("--system", "system_code", help="この情報システムだけを調べます。")
@click.option("--changed", is_flag=True, help="前回から変わったIDだけを調べます（接続先が答えられる場合）。")
@dry_run_option
@json_option
@click.pass_context
def reconcile(context: click.Context, system_code: str | None, *, changed: bool, dry_run: bool, as_json: bool) -> None:
    """ディレクトリの実際と承認された内容を比べ、食い違いを記録します。是正するかどうかはプロファイルの定めによります。"""
    results = job.reconcile(installation(), system_code=system_code, changed=changed, dry_run=dry_run)
    if as_json:
        print_json({"version": 1, "dry_run": dry_run, "systems": [as_data(result) for result in results]})
    else:
        for result in results:
            rows = (
                (FINDING_TITLES[found.kind], found.label, found.details.get("reason"), found.details.get("repair"))
                for found in result.found
            )
            print_table(("種類", "利用者名", "食い違い", "是正の案"), rows, title=result.system_code)
    for result in results:
        say(f"{result.system_code}: {_summary(result)}" + ("（記録していません）" if dry_run else ""))
    if any(result.held_back for result in results):
        context.exit(SAFETY)
    if any(result.failure for result in results):
        context.exit(SOME_FAILED)


def _summary(result: SweepResult) -> str:
    if result.failure is not None:
        return f"調べられませんでした。{result.failure}"
    held_back = f" {result.held_back}" if result.held_back else ""
    return f"{result.examined} 件を比べ、{len(result.found)} 件の食い違いがあります。{held_back}"


def as_data(result: SweepResult) -> dict[str, object]:
    """The result as plain data; the keys are stable."""
    return {
        "system": result.system_code,
        "compared": result.examined,
        "failure": result.failure,
        "held_back": result.held_back,
        "found": [
            {"kind": f.kind.value, "login_name": f.label, "id": f.subject_key, **f.details} for f in result.found
        ],
    }
