"""`idm factors import`: the list of who is enrolled in the product that verifies factors, beside our register (B2).

Nobody answers for a command, so it only stops people: what opens the gate is brought by somebody in their own name.
"""

from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import select

from idm.actor import Actor
from idm.calendar_days import TOKYO
from idm.errors import NotFound
from idm.factors.enrolment_comparison import STANDING_TITLES, Compared, Comparison, Standing
from idm.factors.factor_gate import VERDICT_TITLES
from idm.models.systems import InformationSystem
from idm.operations.factors import enrolment_lists
from idm.operations.factors.enrolment_lists import SentEnrolments, moment_of_day
from idm.queries.governance.configuration import policy_in_force
from idm.unit_of_work import unit_of_work
from idm.vocabulary import AUTHENTICATOR_TITLES
from idm.wareki import parse_date
from jobs.commands.options import dry_run_option, installation, json_option
from jobs.commands.terminal import print_json, print_table, say
from jobs.installation import Installation
from jobs.logs import sealing

ACTOR = Actor.job("idm factors import")


@click.group()
def factors() -> None:
    """認証要素の確認。"""


@factors.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--system", "system_code", required=True, help="情報システムの記号。")
@click.option(
    "--made-on", required=True, help="一覧を出力した日又は日時（例 2026-04-01、令和8年4月1日、2026-04-01T09:00）。"
)
@click.option("--missing-is-right", is_flag=True, help="多くの人の利用が止まっても、そのとおり取り込みます。")
@click.option("--same-content-is-right", is_flag=True, help="別の日の一覧と同じ中身でも、そのとおり取り込みます。")
@dry_run_option
@json_option
def import_(
    file: Path, system_code: str, made_on: str, *, missing_is_right: bool, same_content_is_right: bool, dry_run: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """二要素認証製品の登録者一覧を登録簿と突き合わせて表示し、登録がなくなった人の利用を止めます。

    取り込むのは、二つの種類の認証要素が確かめられなくなった人についてだけです。利用を始めさせ、確認を新しくするのは、
    画面で自分の名前で取り込む担当者です。多くの人の利用が止まるときは、別の一覧とみて取り込みません（終了コード5）。
    """
    found = installation()
    sent = _sent(found, file, system_code, made_on)
    if dry_run:
        compared = _look(found, sent)
    else:
        compared = _take_over(
            found, sent, missing_is_right=missing_is_right, same_content_is_right=same_content_is_right
        )  # fmt: skip
    if as_json:
        head = {"version": 1, "system": system_code, "made_on": sent.made_on, "dry_run": dry_run}
        print_json(head | _as_data(compared))
    else:
        shown = (one for one in compared.lines if one.standing is not Standing.AGREES or one.differences)
        headings = ("行", "利用者", "氏名", "結果", "登録されている認証", "取込み後", "説明")
        print_table(headings, map(_told, shown), title=system_code)
    counts = (f"{title} {compared.count(standing)} 件" for standing, title in STANDING_TITLES.items())
    say("、".join(counts) + f"。利用が止まる人 {compared.stopped} 人（利用中 {compared.in_effect} 人のうち）。")
    say("表示しただけです。何も変えていません。" if dry_run else "登録がなくなった人についてだけ、取り込みました。")
    if not dry_run:
        sealing.seal(found, sign=True)


def _sent(found: Installation, file: Path, system_code: str, made_on: str) -> SentEnrolments:
    with found.database.reading() as session:
        system = session.scalar(select(InformationSystem).where(InformationSystem.code == system_code))
    if system is None:
        raise NotFound(f"情報システム「{system_code}」がありません。")
    return SentEnrolments(system.id, _moment(made_on, found.clock()), file.name, file.read_bytes())


def _moment(text: str, now: datetime) -> datetime:
    """The moment for which the list speaks; a day is meant until its end. A usage error says what is wrong."""
    if "T" in text:
        try:
            told = datetime.fromisoformat(text)
        except ValueError:
            raise click.BadParameter("日時は 2026-04-01T09:00 のように書いてください。") from None
        return (told if told.tzinfo is not None else told.replace(tzinfo=TOKYO)).astimezone(UTC)
    try:
        return moment_of_day(parse_date(text).day, now=now)
    except ValueError as mistake:
        raise click.BadParameter(str(mistake)) from None


def _look(found: Installation, sent: SentEnrolments) -> Comparison:
    now = found.clock()
    with found.database.reading() as session:
        return enrolment_lists.look(session, sent, actor=ACTOR, policy=policy_in_force(session, now=now), now=now)


def _take_over(
    found: Installation, sent: SentEnrolments, *, missing_is_right: bool, same_content_is_right: bool
) -> Comparison:
    now = found.clock()
    with unit_of_work(
        found.database, actor=ACTOR, now=now, attempted="enrolment_list.import", obj=("system", sent.system_id)
    ) as session:
        policy = policy_in_force(session, now=now)
        right = 0
        if missing_is_right:
            right = enrolment_lists.look(session, sent, actor=ACTOR, policy=policy, now=now).stopped
        taken = enrolment_lists.take_over(
            session, sent, stopping_is_right=right, same_content_is_right=same_content_is_right, actor=ACTOR,
            policy=policy, now=now,
        )  # fmt: skip
    return taken.comparison


def _told(one: Compared) -> tuple[object, ...]:
    said = [*one.differences, "この人の利用が止まります"] if one.stops else [*one.differences]
    return (
        "・".join(map(str, one.lines)), one.called, one.name, STANDING_TITLES[one.standing],
        "・".join(AUTHENTICATOR_TITLES[kind] for kind in sorted(one.kinds)),
        VERDICT_TITLES[one.verdict] if one.verdict is not None else None, "。".join(said),
    )  # fmt: skip


def _as_data(compared: Comparison) -> dict[str, object]:
    """The comparison as plain data; the keys are stable."""
    return {
        "counts": {standing.value: compared.count(standing) for standing in Standing},
        "in_effect": compared.in_effect,
        "stopped": compared.stopped,
        "lines": [
            {"lines": list(one.lines), "called": one.called, "name": one.name, "result": one.standing.value,
             "enrolled": sorted(one.kinds), "required": one.required, "gains": sorted(one.gains),
             "loses": sorted({item.kind for item in one.closes}), "stops": one.stops,
             "gate": one.verdict.value if one.verdict is not None else None, "differences": list(one.differences)}
            for one in compared.lines
        ],
    }  # fmt: skip
