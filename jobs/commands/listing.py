"""`idm listing import`: the list of user IDs that a system without an interface prints, beside our books."""

from datetime import date
from pathlib import Path

import click
from sqlalchemy import select

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import NotFound
from idm.lists.listing_comparison import Compared, Verdict
from idm.models.systems import InformationSystem
from idm.operations.information_systems import listings
from idm.operations.information_systems.listings import SentListing
from idm.queries.governance.configuration import policy_in_force
from idm.queries.information_systems.listings import comparison, counts_of, missing_of, spoken_of
from idm.unit_of_work import unit_of_work
from jobs.commands.options import as_of_option, dry_run_option, installation, json_option
from jobs.commands.terminal import print_json, print_table, say
from jobs.installation import Installation
from jobs.logs import sealing

ACTOR = Actor.job("idm listing import")
TITLES = {
    Verdict.AGREES: "一致",
    Verdict.DIFFERS: "食い違い",
    Verdict.ORPHAN: "台帳にないID",
    Verdict.MISSING: "一覧にないID",
    Verdict.IN_HAND: "手作業の途中",
}


@click.group()
def listing() -> None:
    """連携のないシステムの利用者ID一覧。"""


@listing.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--system", "system_code", required=True, help="情報システムの記号。")
@as_of_option
@click.option("--missing-is-right", is_flag=True, help="台帳にあるIDの多くが一覧になくても、そのとおり取り込みます。")
@dry_run_option
@json_option
def import_(
    file: Path, system_code: str, as_of: date | None, *, missing_is_right: bool, dry_run: bool, as_json: bool
) -> None:
    """利用者ID一覧を台帳と一行ずつ突き合わせて表示し、読み取った状態として取り込みます。

    権限は変わりません。食い違いは、夜間の点検（idm sweep run）で点検結果になります。
    台帳にあるIDの多くが一覧にないときは、別の一覧とみて取り込みません（終了コード5）。
    """
    found = installation()
    sent = _sent(found, file, system_code, as_of)
    compared = _look(found, sent) if dry_run else _take_over(found, sent, missing_is_right=missing_is_right)
    if as_json:
        print_json({"version": 1, "system": system_code, "as_of": sent.as_of, "dry_run": dry_run, **_as_data(compared)})
    else:
        rows = ((c.line, c.login_name, c.name, TITLES[c.verdict], "・".join(c.differences)) for c in compared
                if c.verdict is not Verdict.AGREES)  # fmt: skip
        print_table(("行", "利用者ID", "氏名", "結果", "違い"), rows, title=system_code)
    counts = counts_of(compared)
    say("、".join(f"{TITLES[verdict]} {count} 件" for verdict, count in counts.items()))
    say("表示しただけです。何も変えていません。" if dry_run else "取り込みました。")
    if not dry_run:
        sealing.seal(found, sign=True)


def _sent(found: Installation, file: Path, system_code: str, as_of: date | None) -> SentListing:
    with found.database.reading() as session:
        system = session.scalar(select(InformationSystem).where(InformationSystem.code == system_code))
    if system is None:
        raise NotFound(f"情報システム「{system_code}」がありません。")
    return SentListing(system.id, as_of or day_of(found.clock()), file.name, file.read_bytes())


def _look(found: Installation, sent: SentListing) -> tuple[Compared, ...]:
    with found.database.reading() as session:
        return listings.look(session, sent, now=found.clock())


def _take_over(found: Installation, sent: SentListing, *, missing_is_right: bool) -> tuple[Compared, ...]:
    now = found.clock()
    with unit_of_work(
        found.database, actor=ACTOR, now=now, attempted="listing.import", obj=("system", sent.system_id)
    ) as session:
        policy = policy_in_force(session, now=now)
        received = listings.receive(session, sent, actor=ACTOR, policy=policy, now=now)
        compared = comparison(session, received, now=now)
        right = missing_of(spoken_of(session, received)).accounts if missing_is_right else 0
        listings.take_over(
            session, received.id, shown=received.sha256, missing_is_right=right, actor=ACTOR, policy=policy, now=now
        )
    return compared


def _as_data(compared: tuple[Compared, ...]) -> dict[str, object]:
    """The comparison as plain data; the keys are stable."""
    return {
        "counts": {verdict.value: count for verdict, count in counts_of(compared).items()},
        "lines": [
            {"line": c.line, "login_name": c.login_name, "name": c.name, "verdict": c.verdict.value,
             "differences": list(c.differences)}
            for c in compared
        ],
    }  # fmt: skip
