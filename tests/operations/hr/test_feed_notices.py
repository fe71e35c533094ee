"""HR hears of every import in its own transaction, and of every refusal after everything was undone."""

import pytest
from sqlalchemy import select

from idm.errors import FeedRefused, SafetyLimit
from idm.feed.problem import FeedProblem
from idm.models.feeds import FeedRun, FeedSource
from idm.models.work import MailMessage
from idm.operations.hr import feed_notices
from tests.cast import NOW, TODAY, Cast


def told(cast: Cast) -> list[tuple[str, str, str]]:
    with cast.database.reading() as session:
        found = session.scalars(select(MailMessage).where(MailMessage.subject.startswith("【人事データ】")))
        return [(message.recipient, message.subject, message.body) for message in found]


def a_run(**counts: int) -> FeedRun:
    numbers = {"row_count": 9, "joiners": 1, "movers": 2, "absences": 3, "leavers": 4, "corrections": 5,
               "unchanged": 6, "held": 7}  # fmt: skip
    return FeedRun(
        id=12, feed="aoba", source=FeedSource.INBOX, sha256="0" * 64, applied_at=NOW, as_of=TODAY,
        **(numbers | counts),
    )  # fmt: skip


def test_a_result_tells_every_number_to_hr_and_nobody_else(cast: Cast) -> None:
    with cast.database.writing() as session:
        feed_notices.tell_applied(session, a_run(), drafts=11, now=NOW)
    ((recipient, subject, body),) = told(cast)
    assert recipient == "u100006@example.jp"
    assert subject == "【人事データ】取り込みました（保留 7件）：aoba"
    for said in ("9行", "採用等 1", "異動 2", "休職・復職等 3", "退職等 4", "記載の変更 5", "変わりなし 6", "保留 7",
                 "下書き 11 件", "受付フォルダ"):  # fmt: skip
        assert said in body, said


def test_a_result_with_nothing_to_do_says_nothing_of_it(cast: Cast) -> None:
    with cast.database.writing() as session:
        feed_notices.tell_applied(session, a_run(held=0), drafts=0, now=NOW)
    ((_, subject, body),) = told(cast)
    assert subject == "【人事データ】取り込みました：aoba"
    assert [word for word in ("下書き", "確かめるまで") if word in body] == []


@pytest.mark.parametrize(("count", "rest"), [(10, None), (13, "ほか 3 件")])
def test_a_refused_file_is_told_with_its_first_problems(cast: Cast, count: int, rest: str | None) -> None:
    problems = tuple(FeedProblem(row, "氏名", f"誤り{row}番") for row in range(1, count + 1))
    with cast.database.writing() as session:
        feed_notices.tell_refused(session, "aoba", FeedSource.UPLOAD, FeedRefused("断る", problems=problems), now=NOW)
    ((_, subject, body),) = told(cast)
    assert subject == "【人事データ】受け付けませんでした：aoba"
    assert ("10行目「氏名」: 誤り10番" in body, "11行目" in body) == (True, False)
    assert (rest in body) if rest else ("ほか" not in body)


def test_a_stopped_file_is_told_as_stopped(cast: Cast) -> None:
    with cast.database.writing() as session:
        feed_notices.tell_refused(session, "aoba", FeedSource.INBOX, SafetyLimit("上限です"), now=NOW)
    ((_, subject, body),) = told(cast)
    assert subject == "【人事データ】上限を超えるため止めました：aoba"
    assert "上限です" in body
