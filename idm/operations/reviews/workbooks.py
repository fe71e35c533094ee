"""Answers that come back in a workbook: every row is what its reviewer was given, or none of them counts (A10)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import InvalidInput
from idm.feed.problem import FeedProblem, shown
from idm.grant_state import GrantState
from idm.models.reviews import ReviewLine
from idm.operations.reviews.answering import Answered
from idm.queries.reviews.review_lines import lines_of, rows_of
from idm.reviews.review_rows import ReviewRow, is_sealed
from idm.reviews.review_workbook import ANSWER, REASON, SheetRow, read_workbook, refused
from idm.vocabulary import REVIEW_DECISION_TITLES, ReviewDecision

DECISIONS = {title: decision for decision, title in REVIEW_DECISION_TITLES.items()}


@dataclass(frozen=True)
class FilledIn:
    """What a workbook answers: line → answer, and when its rows were shown to who filled it in."""

    answers: Mapping[int, Answered]
    shown_at: datetime


def filled_in(
    session: Session, campaign_id: int, data: bytes, *, key: bytes, actor: Actor, now: datetime
) -> FilledIn:  # fmt: skip
    """What this person's workbook answers. Changes nothing: it counts when it was seen once more and confirmed.

    Raises FeedRefused with every row that was changed, belongs to somebody or somewhere else, stands there twice, or is
    no longer as it was when the workbook was made; InvalidInput without any answer.
    """
    rows = read_workbook(data)
    problems = list(_not_given(rows, campaign_id, actor.person_id or 0, key))
    if problems:
        raise refused(problems)
    filled = [row for row in rows if row.answer or row.reason]
    if not filled:
        raise InvalidInput("回答の入った行がありません。", fields={"file": "「回答」の列に記入してください。"})
    lines = {line.id: line for line in lines_of(session, campaign_id, line_ids=[_line_id(row) for row in filled])}
    current = rows_of(session, list(lines.values()), day=day_of(now))
    problems = [*_not_an_answer(filled), *_stale(filled, lines, current)]
    if problems:
        raise refused(sorted(problems, key=lambda problem: problem.row or 0))
    answers = {_line_id(row): Answered(DECISIONS[row.answer], row.reason, row.seal) for row in filled}
    return FilledIn(answers, filled[0].made_at)


def _not_given(rows: Sequence[SheetRow], campaign_id: int, person_id: int, key: bytes) -> Iterator[FeedProblem]:
    """Rows that are not, sign by sign, what this person was given, together, of this campaign."""
    seen: dict[str, int] = {}
    for row in rows:
        if not is_sealed(key, campaign_id, person_id, row.made_at, row.cells, row.seal):
            message = "書き換えられた行か、ほかの棚卸し又はほかの人のファイルの行です。"
            yield FeedProblem(row.number, None, message)
        elif row.cells[0] in seen:
            yield FeedProblem(row.number, None, f"{seen[row.cells[0]]}行目と同じ行です。")
        elif row.made_at != rows[0].made_at:
            yield FeedProblem(row.number, None, "別に保存したファイルの行が混ざっています。")
        seen.setdefault(row.cells[0], row.number)


def _not_an_answer(rows: Sequence[SheetRow]) -> Iterator[FeedProblem]:
    for row in rows:
        decision = DECISIONS.get(row.answer)
        if decision is None:
            named = "・".join(DECISIONS)
            yield FeedProblem(row.number, ANSWER, f"「{shown(row.answer)}」は回答ではありません（{named}）。")
        elif decision is not ReviewDecision.KEEP and not row.reason:
            yield FeedProblem(row.number, REASON, f"「{row.answer}」には理由が必要です。")


def _stale(
    rows: Sequence[SheetRow], lines: Mapping[int, ReviewLine], current: Mapping[int, ReviewRow]
) -> Iterator[FeedProblem]:
    """Rows of which the books say something else by now."""
    for row in rows:
        line = lines.get(_line_id(row))
        if line is None or line.grant.state is GrantState.ENDED:
            yield FeedProblem(row.number, None, "この権限はすでに終わっています。回答を消してください。")
        elif line.decision is not None:
            yield FeedProblem(row.number, None, "すでに回答されています。回答を消してください。")
        elif current[line.id].cells != row.cells:
            yield FeedProblem(row.number, None, "ファイルを保存した後に内容が変わりました。保存し直してください。")


def _line_id(row: SheetRow) -> int:
    """The line's id: a sealed row has one."""
    return int(row.cells[0])
