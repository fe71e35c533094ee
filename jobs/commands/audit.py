"""`idm audit verify|export`: the check that an auditor can repeat, with a copy of the checkpoints of their own."""

from dataclasses import asdict
from datetime import date
from pathlib import Path

import click

from idm import audit as records
from idm.calendar_days import start_of
from idm.keys.signing import load_public_key
from jobs.commands.options import Day, installation, json_option
from jobs.commands.terminal import print_json, say


@click.group()
def audit() -> None:
    """監査記録。"""


@audit.command()
@click.option(
    "--checkpoints",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="別に保管している署名の控え。省くと設定のものを使います。",
)
@click.option(
    "--public-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="署名を確かめる公開鍵。"
)
@json_option
@click.pass_context
def verify(context: click.Context, checkpoints: Path | None, public_key: Path | None, *, as_json: bool) -> None:
    """監査記録の連鎖と署名を確かめ、誤りがあれば最初の記録を示します。"""
    found = installation()
    key = load_public_key(public_key or found.settings.secrets_dir / "audit-signing.pub")
    kept = records.read_checkpoints(checkpoints or found.settings.checkpoint_file)
    with found.database.reading() as session:
        result = records.verify(session, public_key=key, checkpoints_elsewhere=kept)
    if as_json:
        wrong = result.first_wrong
        print_json({
            "version": 1, "ok": result.ok, "records": result.records, "sealed": result.sealed,
            "unsealed": result.unsealed, "checkpoints": result.checkpoints_checked,
            "first_wrong": asdict(wrong) if wrong else None,
        })  # fmt: skip
    say(
        f"記録 {result.records} 件、連鎖 {result.sealed} 件、未連鎖 {result.unsealed} 件、"
        f"署名の控え {result.checkpoints_checked} 件を確かめました。"
    )
    if result.first_wrong is not None:
        wrong = result.first_wrong
        say(f"誤り: 連番 {wrong.sequence}、記録 {wrong.record_id}: {wrong.reason}")
        context.exit(1)
    say("すべて正しくつながっています。")


@audit.command()
@click.option("--since", type=Day(), help="この日から。")
@click.option("--until", type=Day(), help="この日まで（この日を含みません）。")
@click.option(
    "--format", "form", type=click.Choice(["record", "ecs"]), default="record",
    help="record: 連鎖を確かめられる形。ecs: Elastic Common Schema の名前（封印済みの記録だけ）。",
)  # fmt: skip
@click.option("--after", type=click.IntRange(min=0), help="ecs のとき、この連番より後の記録だけ。")
def export(since: date | None, until: date | None, form: str, after: int | None) -> None:
    """監査記録を JSON の行として標準出力に書きます。"""
    if form == "ecs":
        if since is not None or until is not None:
            raise click.UsageError("ecs では、日の代わりに --after で連番を指定してください。")
        with installation().database.reading() as session:
            for event in records.sealed_events(session, after=after or 0):
                click.echo(records.ecs_line(event))
        return
    if after is not None:
        raise click.UsageError("--after は --format ecs のときだけ使えます。")
    with installation().database.reading() as session:
        for line in records.export_lines(
            session, since=start_of(since) if since else None, until=start_of(until) if until else None
        ):
            click.echo(line)
