"""`idm review`: opens campaigns of access reviews, tells how far they are, and closes what is due to be closed (A10).

No command answers anything: that is done by people, signed in, in the web interface.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import ContentChanged, IllegalTransition, NotFound
from idm.models.people import Person
from idm.models.systems import Entitlement, InformationSystem
from idm.operations.reviews import closing, opening
from idm.queries.governance.configuration import policy_in_force
from idm.queries.reviews.results import result_digest
from idm.queries.reviews.review_candidates import Wanted
from idm.queries.reviews.reviews import ReviewerRow, campaign_row, campaigns, reviewer_rows
from idm.unit_of_work import unit_of_work
from idm.vocabulary import REVIEW_SCOPE_TITLES, ReviewScope
from jobs.commands.options import Day, dry_run_option, installation, json_option
from jobs.commands.terminal import print_json, print_table, say
from jobs.installation import Installation

ACTOR = Actor.job("idm review")


@click.group()
def review() -> None:
    """権限の棚卸し。回答は、画面で、決められた人がします。"""


@review.command("open")
@click.option("--title", required=True, help="棚卸しの名前。")
@click.option("--system", "system_code", help="この情報システムの権限。")
@click.option("--right", help="この権限（情報システム/権限 の形）。")
@click.option("--unit", "unit_code", help="この所属（下の係を含む）の人の権限。")
@click.option("--all", "everybody", is_flag=True, help="組織全体の権限。")
@click.option("--until", type=Day(), help="回答の期限（省くとプロファイルの日数）。")
@dry_run_option
@json_option
def open_(
    title: str, system_code: str | None, right: str | None, unit_code: str | None, until: date | None, *,
    everybody: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """棚卸しを始め、回答する人に通知します。"""
    if sum(chosen is not None for chosen in (system_code, right, unit_code)) + everybody != 1:
        raise click.UsageError("--system、--right、--unit、--all のどれか一つを選んでください。")
    found = installation()
    now = found.clock()
    if dry_run:
        with found.database.reading() as session:
            policy = policy_in_force(session, now=now)
            wanted = _wanted(session, system_code, right, unit_code)
            would = opening.preview(session, wanted, policy=policy, now=now)
            names = _names(session, would.by_reviewer)
        _tell_preview(would, names, as_json=as_json)
        return
    with unit_of_work(
        found.database, actor=ACTOR, now=now, attempted="review.open", obj=("review", title[:60])
    ) as session:  # fmt: skip
        policy = policy_in_force(session, now=now)
        wanted = _wanted(session, system_code, right, unit_code)
        campaign = opening.open_campaign(
            session, wanted, title, answer_until=until, actor=ACTOR, policy=policy, now=now
        )  # fmt: skip
        row = campaign_row(session, campaign.id, day=day_of(now))
    if as_json:
        print_json({"version": 1, "dry_run": False, **asdict(row)})
    say(f"棚卸し「{row.title}」（番号 {row.campaign_id}）を始めました。対象 {row.total} 件、期限 {row.answer_until}")


@review.command()
@json_option
def status(*, as_json: bool) -> None:
    """行われている棚卸しと終わった棚卸しを、回答する人ごとの進み具合とともに表示します。"""
    found = installation()
    now = found.clock()
    with found.database.reading() as session:
        rows = campaigns(session, day=day_of(now))
        reviewers = {
            row.campaign_id: reviewer_rows(session, row.campaign_id) for row in rows if row.closed_at is None
        }  # fmt: skip
    if as_json:
        listed = [
            {**asdict(row), "reviewers": [_reviewer(one) for one in reviewers.get(row.campaign_id, [])]} for row in rows
        ]
        print_json({"version": 1, "campaigns": listed})
        return
    print_table(
        ("番号", "棚卸し", "対象", "期限", "終了", "全部", "回答済み", "不要", "変更", "回答待ち"),
        (
            (row.campaign_id, row.title, f"{REVIEW_SCOPE_TITLES[row.scope]}：{row.target}", row.answer_until,
             day_of(row.closed_at) if row.closed_at else None, row.total, row.answered, row.removed, row.changed,
             row.waiting)
            for row in rows
        ),
    )  # fmt: skip
    for campaign_id, asked in reviewers.items():
        print_table(
            ("回答する人", "回答待ち", "回答済み", "必要", "1件当たりの秒数"),
            (
                (one.name or "（回答できる人がいません）", one.waiting, one.pace.answers, one.pace.kept,
                 None if one.pace.seconds_each is None else f"{one.pace.seconds_each:.1f}")
                for one in asked
            ),
            title=f"番号 {campaign_id}",
        )  # fmt: skip
    if not rows:
        say("棚卸しはまだ行われていません。")


@review.command()
@click.argument("campaign_id", type=click.IntRange(1, 2**31 - 1), metavar="番号")
@dry_run_option
@json_option
def close(campaign_id: int, *, dry_run: bool, as_json: bool) -> None:
    """期限と猶予の過ぎた（又はすべて回答された）棚卸しを終え、回答のないものをプロファイルの定めに従って扱います。"""
    found = installation()
    now = found.clock()
    with found.database.reading() as session:
        policy = policy_in_force(session, now=now)
        would = closing.closing(session, campaign_id, policy=policy, now=now)
    if not dry_run:
        would = replace(would, removed=_close(found, campaign_id))
    if as_json:
        print_json({"version": 1, "dry_run": dry_run, "campaign_id": campaign_id, **asdict(would)})
    if dry_run:
        may = "終えられます" if would.may_close else "まだ終えられないか、すでに終わっています"
        say(f"「{would.title}」は{may}。回答待ち {would.waiting} 件、取り消す権限 {would.removed} 件（表示だけ）")
    else:
        say(f"「{would.title}」を終えました。取り消した権限 {would.removed} 件")


@review.command()
@click.argument("campaign_id", type=click.IntRange(1, 2**31 - 1), metavar="番号")
def check(campaign_id: int) -> None:
    """終わった棚卸しの結果が、終わったときのままかどうかを、照合値で確かめます。"""
    found = installation()
    with found.database.reading() as session:
        row = campaign_row(session, campaign_id, day=day_of(found.clock()))
        now_is = result_digest(session, campaign_id)
    if row.result_digest is None:
        raise IllegalTransition(f"「{row.title}」はまだ終わっていないため、照合値がありません。")
    if row.result_digest != now_is:
        raise ContentChanged(f"「{row.title}」の結果は、終わったときと違います。監査記録の照合値と比べてください。")
    say(f"「{row.title}」の結果は、終わったときのままです。照合値 {now_is}")


def _close(found: Installation, campaign_id: int) -> int:
    """How many rights went unanswered."""
    now = found.clock()
    with unit_of_work(
        found.database, actor=ACTOR, now=now, attempted="review.close", obj=("review", campaign_id)
    ) as session:  # fmt: skip
        policy = policy_in_force(session, now=now)
        return closing.close(session, campaign_id, actor=ACTOR, policy=policy, now=now).removed


def _wanted(session: Session, system_code: str | None, right: str | None, unit_code: str | None) -> Wanted:
    """What was named. Raises NotFound."""
    if right is not None:
        system, _, code = right.partition("/")
        of_that_name = (InformationSystem.code == system, Entitlement.code == code)
        found = session.scalar(select(Entitlement.id).join(Entitlement.system).where(*of_that_name))
        if found is None:
            raise NotFound(f"権限「{right}」がありません。")
        return Wanted(ReviewScope.ENTITLEMENT, entitlement_id=found)
    if system_code is not None:
        found = session.scalar(select(InformationSystem.id).where(InformationSystem.code == system_code))
        if found is None:
            raise NotFound(f"情報システム「{system_code}」がありません。")
        return Wanted(ReviewScope.SYSTEM, system_id=found)
    return Wanted(ReviewScope.UNIT, unit_code=unit_code)


def _names(session: Session, people: Mapping[int | None, int]) -> dict[int | None, str]:
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_([one for one in people if one])))
    return {None: "（回答できる人がいません）", **dict(rows.all())}


def _tell_preview(would: opening.Preview, names: Mapping[int | None, str], *, as_json: bool) -> None:
    asked = [{"reviewer": names[person], "lines": number} for person, number in would.by_reviewer.items()]
    if as_json:
        print_json({"version": 1, "dry_run": True, "lines": would.lines, "reviewers": asked})
    else:
        print_table(("回答する人", "件数"), ((one["reviewer"], one["lines"]) for one in asked))
    say(f"対象は {would.lines} 件です（表示しただけです。何も変えていません）")


def _reviewer(one: ReviewerRow) -> dict[str, object]:
    pace = one.pace
    return {
        "name": one.name or None, "waiting": one.waiting, "answers": pace.answers, "kept": pace.kept,
        "removed": one.removed, "changed": one.changed, "by_file": one.by_file,
        "seconds_each": pace.seconds_each, "all_kept": pace.all_kept,
    }  # fmt: skip
