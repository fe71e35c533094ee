"""`idm accounts preview|retire-names`: what accounts will be called, and names that are never to be given again."""

from datetime import datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.errors import InvalidInput
from idm.names.account_names import BAR_TITLES, SOURCE_TITLES
from idm.operations.rights.login_names import retire_names
from idm.queries.governance.configuration import policy_in_force
from idm.queries.organisation.people import person_with_number
from idm.queries.rights.name_preview import NamePreview, NameRow, names_of_person, names_of_request
from idm.unit_of_work import unit_of_work
from jobs.commands.options import installation, json_option
from jobs.commands.terminal import print_json, print_table, say
from jobs.logs import sealing

ACTOR = Actor.job("jobs.accounts")


@click.group()
def accounts() -> None:
    """利用者IDの名前。"""


@accounts.command()
@click.option("--request", "request_id", type=int, help="この申請（下書きを含む）の対象者について表示します。")
@click.option("--staff-number", help="この職員について、すべての情報システムでの名前を表示します。")
@json_option
def preview(request_id: int | None, staff_number: str | None, *, as_json: bool) -> None:
    """これから作られる利用者IDの名前を、理由と、使えなかった名前とともに表示します。何も変えません。"""
    if (request_id is None) == (staff_number is None):
        raise click.UsageError("--request か --staff-number のどちらか一方を指定してください。")
    found = installation()
    with found.database.reading() as session:
        previews = _previews(session, request_id, staff_number, now=found.clock())
    if as_json:
        print_json({"version": 1, "systems": [as_data(one) for one in previews]})
        return
    for one in previews:
        print_table(
            ("職員番号", "氏名", "利用者ID", "決め方", "使えなかった名前"), (_cells(row) for row in one.rows),
            title=f"{one.system_name}（{one.system_code}）",
        )  # fmt: skip
    refused = sum(row.existing is None and _name(row) is None for one in previews for row in one.rows)
    say(f"利用者ID {sum(len(one.rows) for one in previews)} 件、うち作れないもの {refused} 件。")


def _previews(
    session: Session, request_id: int | None, staff_number: str | None, *, now: datetime
) -> list[NamePreview]:
    if request_id is not None:
        return [names_of_request(session, request_id, now=now)]
    return names_of_person(session, person_with_number(session, staff_number or ""), now=now)


def _name(row: NameRow) -> str | None:
    return row.proposal.name if row.proposal is not None else row.existing


def _cells(row: NameRow) -> tuple[object, ...]:
    if row.proposal is None:
        return row.person.staff_number, row.person.name, row.existing, "すでにある利用者ID", ""
    made = row.proposal
    passed = "、".join(f"{name.name}（{BAR_TITLES[name.bar]}）" for name in made.passed)
    reason = SOURCE_TITLES[made.source] if made.source else made.refusal.message if made.refusal else ""
    return row.person.staff_number, row.person.name, made.name or "（作れません）", f"{reason} {made.pattern}", passed


def as_data(one: NamePreview) -> dict[str, object]:
    """The preview as plain data; the keys are stable."""
    return {
        "system": one.system_code,
        "rule": one.rule.rule,
        "maximum_length": one.limit.length,
        "names": [_row_data(row) for row in one.rows],
    }


def _row_data(row: NameRow) -> dict[str, object]:
    made = row.proposal
    return {
        "staff_number": row.person.staff_number,
        "name": row.person.name,
        "login_name": _name(row),
        "privileged": row.privileged,
        "exists": row.existing is not None,
        "source": made.source if made else None,
        "pattern": (made.pattern if made else "") or None,
        "passed": [{"login_name": passed.name, "reason": passed.bar} for passed in made.passed] if made else [],
        "refusal": made.refusal.message if made and made.refusal else None,
    }


@accounts.command("retire-names")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--system", "system_code", help="この情報システムでだけ使えなくします。省くとすべてのシステムで使えなくします。"
)
@click.option("--note", default="導入前に使われた名前", show_default=True, help="記録に残す説明。")
@json_option
def retire_names_(file: Path, system_code: str | None, note: str, *, as_json: bool) -> None:
    """導入前に使われた利用者IDを、1行に1つ書いたファイル（UTF-8）から読み、二度と付けないようにします。"""
    found = installation()
    now = found.clock()
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} は UTF-8 の文字として読めません。文字コードを変えてください。") from None
    with unit_of_work(
        found.database, actor=ACTOR, now=now, attempted="account.retire_names", obj=("system", system_code or "*")
    ) as session:
        policy = policy_in_force(session, now=now)
        done = retire_names(session, lines, system_code=system_code, note=note, actor=ACTOR, policy=policy, now=now)
    if as_json:
        print_json({"version": 1, "added": done.added, "known": done.known})
    say(f"{done.added} 件を登録しました。{done.known} 件はすでに登録されています。")
    sealing.seal(found, sign=True)
