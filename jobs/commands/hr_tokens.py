"""`idm hr tokens`: which systems may push people by SCIM; made and withdrawn here, on record, and HR is told."""

import click

from idm.actor import Actor
from idm.operations.hr import push_tokens
from idm.queries.governance.configuration import policy_in_force
from idm.queries.hr.pushed_people import tokens as all_tokens
from idm.unit_of_work import unit_of_work
from jobs.commands.options import installation, json_option
from jobs.commands.terminal import print_json, print_table, say
from jobs.logs import sealing

ACTOR = Actor.job("jobs.commands.hr_tokens")
USUAL_DAYS = 180


@click.group()
def tokens() -> None:
    """SCIM で職員を送るシステムのトークン。"""


@tokens.command("make")
@click.option("--feed", required=True, help="承認済みの人事データ形式の名前。")
@click.option("--name", required=True, help="トークンを渡すシステムの名前。")
@click.option("--days", default=USUAL_DAYS, show_default=True, help="使える日数（400日まで）。")
def make(feed: str, name: str, days: int) -> None:
    """トークンを作り、一度だけ表示します。人事担当者に知らせます。"""
    found = installation()
    now = found.clock()
    with unit_of_work(found.database, actor=ACTOR, now=now, attempted="push_token.made", obj=("feed", feed)) as session:
        policy = policy_in_force(session, now=now)
        made = push_tokens.make(session, feed=feed, name=name, days=days, actor=ACTOR, policy=policy, now=now)
    sealing.seal(found, sign=True)
    say(f"トークン {made.token_id} を作りました。次の一行は、もう一度表示できません。")
    click.echo(made.secret)


@tokens.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """すべてのトークンと、最後に使われた日時を表示します。"""
    found = installation()
    with found.database.reading() as session:
        rows = [
            {
                "id": one.id, "feed": one.feed, "name": one.name, "ends_at": one.ends_at.isoformat(),
                "last_used_at": one.last_used_at.isoformat() if one.last_used_at else None,
                "withdrawn_at": one.withdrawn_at.isoformat() if one.withdrawn_at else None,
            }
            for one in all_tokens(session)
        ]  # fmt: skip
    if as_json:
        print_json(rows)
        return
    headings = ("番号", "種類", "システム", "期限", "最後の使用", "取消し")
    print_table(headings, [tuple(str(value or "－") for value in row.values()) for row in rows])


@tokens.command("withdraw")
@click.argument("token_id", type=int)
def withdraw(token_id: int) -> None:
    """トークンを、ただちに使えなくします。人事担当者に知らせます。"""
    found = installation()
    now = found.clock()
    with unit_of_work(
        found.database, actor=ACTOR, now=now, attempted="push_token.withdrawn", obj=("push_token", token_id)
    ) as session:
        policy = policy_in_force(session, now=now)
        name = push_tokens.withdraw(session, token_id, actor=ACTOR, policy=policy, now=now).name
    sealing.seal(found, sign=True)
    say(f"トークン {token_id}（{name}）は、もう使えません。")
