"""What HR is told of every personnel file, whichever way it came (control A7): numbers, never a name or a birth date.

The result of an import is told in its own transaction; a refusal in one of its own, after everything was undone.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.errors import FeedRefused, Refusal, SafetyLimit
from idm.models.feeds import FeedRun, FeedSource
from idm.operations.notification.notices import notify
from idm.queries.organisation.officers import holders
from idm.vocabulary import Role
from idm.wareki import format_wareki

SOURCE_TITLES = {
    FeedSource.COMMAND: "コマンド",
    FeedSource.UPLOAD: "画面からのアップロード",
    FeedSource.INBOX: "受付フォルダ",
    FeedSource.SCIM: "SCIM",
}
SHOWN_PROBLEMS = 10


def tell_applied(session: Session, run: FeedRun, *, drafts: int, now: datetime) -> None:
    """Afterwards everyone who is HR on the day knows what the file did and what waits for them.

    Of people who are pushed one by one, only what waits for somebody.
    """
    if run.source is FeedSource.SCIM and not run.held:
        return
    lines = [
        f"{run.feed} の人事データを取り込みました（第{run.id}回、{SOURCE_TITLES[run.source]}、"
        f"基準日 {format_wareki(run.as_of)}）。",
        f"{run.row_count}行：採用等 {run.joiners}、異動 {run.movers}、休職・復職等 {run.absences}、"
        f"退職等 {run.leavers}、記載の変更 {run.corrections}、変わりなし {run.unchanged}、保留 {run.held}",
    ]
    if drafts:
        lines.append(f"申請の下書き {drafts} 件が、人事担当者の提出を待っています。")
    if run.held:
        lines.append("保留の行は、人が確かめるまで動きません。理由と次にすることを画面で確かめてください。")
    waiting = f"（保留 {run.held}件）" if run.held else ""
    _tell(session, f"取り込みました{waiting}：{run.feed}", "\n".join(lines), now=now)


def tell_refused(session: Session, feed_name: str, source: FeedSource, refusal: Refusal, *, now: datetime) -> None:
    """Afterwards everyone who is HR on the day knows that a file was not applied, and why."""
    lines = [f"{feed_name} の人事データ（{SOURCE_TITLES[source]}）を取り込みませんでした。何も変わっていません。"]
    lines.append(refusal.message)
    if isinstance(refusal, FeedRefused) and refusal.problems:
        lines += [f"・{problem}" for problem in refusal.problems[:SHOWN_PROBLEMS]]
        if (rest := len(refusal.problems) - SHOWN_PROBLEMS) > 0:
            lines.append(f"・ほか {rest} 件")
    stopped = isinstance(refusal, SafetyLimit)
    title = "上限を超えるため止めました" if stopped else "受け付けませんでした"
    _tell(session, f"{title}：{feed_name}", "\n".join(lines), now=now)


def tell_of_token(session: Session, sentence: str, *, now: datetime) -> None:
    """Afterwards HR knows which system may push people, or may no more."""
    _tell(session, "送信元のシステムの変更", sentence, now=now)


def _tell(session: Session, title: str, body: str, *, now: datetime) -> None:
    people = holders(session, Role.HR, None, day_of(now))
    notify(session, people, subject=f"【人事データ】{title}", body=body, link="/hr", now=now)
