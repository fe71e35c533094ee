"""Answers in a workbook: what was given comes back as it was, row by row, or nothing of it counts."""

import io
from collections import Counter
from datetime import date, datetime, timedelta

import pytest
import xlsxwriter  # type: ignore[import-untyped]
from python_calamine import load_workbook

from idm.calendar_days import day_of
from idm.errors import FeedRefused, InvalidInput
from idm.models.people import Person
from idm.models.reviews import ReviewLine
from idm.operations.reviews.answering import Shown, answer
from idm.operations.reviews.workbooks import filled_in
from idm.queries.reviews.reviews import reviewer_rows, to_answer
from idm.reviews.review_rows import seal
from idm.reviews.review_workbook import ANSWER, COLUMNS, REASON, SEAL, SHEET, workbook
from idm.vocabulary import ReviewDecision
from tests.cast import NOW, Cast
from tests.review_office import KEY, Reviews

KEEP, REMOVE, CHANGE = ReviewDecision.KEEP, ReviewDecision.REMOVE, ReviewDecision.CHANGE
LATER = NOW + timedelta(minutes=5)
Sheet = list[list[str]]


def saved(reviews: Reviews, who: str = "security", campaign_id: int = 1, at: datetime = NOW) -> bytes:
    """The workbook that this person is given."""
    person = reviews.cast.people[who]
    with reviews.cast.database.reading() as session:
        lines = to_answer(session, campaign_id, person, rules=reviews.cast.policy.reviews, day=day_of(NOW))
    rows = [(one.row.cells, seal(KEY, campaign_id, person, at, one.row.cells)) for one in lines]
    return workbook(rows, made_at=at)


def opened(data: bytes) -> Sheet:
    with load_workbook(io.BytesIO(data)) as book:
        return [[str(cell) for cell in row] for row in book.get_sheet_by_name(SHEET).to_python()]


def stored(sheet: Sheet) -> bytes:
    """What a spreadsheet program makes of it."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False}) as book:
        page = book.add_worksheet(SHEET)
        for number, row in enumerate(sheet):
            for place, cell in enumerate(row):
                page.write_string(number, place, cell)
    return file.getvalue()


def fill(sheet: Sheet, *answers: tuple[str, str]) -> Sheet:
    """Row by row below the headings: answer and reason."""
    for row, (said, reason) in zip(sheet[1:], answers, strict=False):
        row[COLUMNS.index(ANSWER)], row[COLUMNS.index(REASON)] = said, reason
    return sheet


def send(reviews: Reviews, sheet: Sheet, *, who: str = "security", campaign_id: int = 1) -> Counter[ReviewDecision]:
    cast = reviews.cast
    with cast.acting(who, "review.answer", LATER) as session:
        actor = cast.actor(who)
        filled = filled_in(session, campaign_id, stored(sheet), key=KEY, actor=actor, now=LATER)
        shown = Shown(filled.shown_at, KEY, by_file=True)
        return answer(session, campaign_id, filled.answers, shown=shown, actor=actor, policy=cast.policy, now=LATER)


def decided(reviews: Reviews) -> dict[int, ReviewDecision | None]:
    with reviews.cast.database.reading() as session:
        return {line.id: line.decision for line in session.query(ReviewLine)}


@pytest.fixture
def reviews(cast: Cast) -> Reviews:
    reviews = Reviews.of(cast)
    reviews.open()
    return reviews


def refused_rows(reviews: Reviews, sheet: Sheet, **whom: object) -> list[int]:
    """The numbers of the rows that are refused; nothing counts."""
    with pytest.raises(FeedRefused) as refusal:
        send(reviews, sheet, **whom)  # type: ignore[arg-type]
    assert set(decided(reviews).values()) == {None}
    return [problem.row for problem in refusal.value.problems]  # type: ignore[attr-defined]


def test_a_workbook_that_was_filled_in_answers_its_rows_and_leaves_the_others(reviews: Reviews) -> None:
    sheet = fill(opened(saved(reviews)), ("必要", ""), ("", ""), ("不要", "異動した"))
    assert len(sheet) == 4, "the section manager's own right is not in it"
    assert send(reviews, sheet) == {KEEP: 1, REMOVE: 1}
    assert Counter(decided(reviews).values()) == {KEEP: 1, REMOVE: 1, None: 2}
    with reviews.cast.database.reading() as session:
        (row,) = [one for one in reviewer_rows(session, 1) if one.person_id == reviews.cast.people["security"]]
    assert (row.by_file, row.pace.seconds_each) == (2, 150), "from when it was saved, shared by the rows"


@pytest.mark.parametrize("column", ["行", "版", "氏名", "権限", "最終利用", "作成", SEAL])
def test_a_row_of_which_one_cell_was_changed_is_refused_by_its_number(reviews: Reviews, column: str) -> None:
    sheet = fill(opened(saved(reviews)), ("必要", ""), ("不要", "異動した"))
    place = COLUMNS.index(column)
    sheet[2][place] = sheet[2][place][:-1] + ("1" if sheet[2][place][-1:] != "1" else "2")
    assert refused_rows(reviews, sheet) == [3]


def test_two_rows_whose_answers_were_dragged_are_whole_but_rows_put_together_are_not(reviews: Reviews) -> None:
    sheet = fill(opened(saved(reviews)), ("必要", ""))
    names = COLUMNS.index("氏名")
    for row, other in ((1, 3), (3, 1)):
        sheet[row][names] = opened(saved(reviews))[other][names]
    assert refused_rows(reviews, sheet) == [2, 4]


def test_a_doubled_row_is_refused(reviews: Reviews) -> None:
    sheet = fill(opened(saved(reviews)), ("必要", ""))
    assert refused_rows(reviews, [*sheet, list(sheet[1])]) == [5]


def test_rows_of_two_files_that_were_saved_at_different_moments_are_refused(reviews: Reviews) -> None:
    sheet = fill(opened(saved(reviews)), ("必要", ""), ("必要", ""), ("必要", ""))
    sheet[2] = fill(opened(saved(reviews, at=NOW + timedelta(minutes=1))), ("", ""), ("必要", ""))[2]
    assert refused_rows(reviews, sheet) == [3]


def test_a_row_of_somebody_else_or_of_another_campaign_is_refused(reviews: Reviews) -> None:
    assert refused_rows(reviews, fill(opened(saved(reviews, "vice")), ("必要", ""))) == [2]
    second = reviews.open(unit="0100")
    sheet = fill(opened(saved(reviews, campaign_id=second)), ("必要", ""))
    assert refused_rows(reviews, sheet) == [2, 3, 4]


def test_a_row_that_is_no_longer_so_is_refused(reviews: Reviews) -> None:
    sheet = fill(opened(saved(reviews)), ("必要", ""), ("必要", ""), ("必要", ""))
    with reviews.cast.database.writing() as session:
        session.get_one(ReviewLine, int(sheet[2][0])).grant.valid_until = date(2026, 9, 1)
    assert refused_rows(reviews, sheet) == [3]


def test_a_row_that_was_answered_meanwhile_is_refused(reviews: Reviews) -> None:
    sheet = fill(opened(saved(reviews)), ("必要", ""), ("必要", ""))
    reviews.answer("security", {int(sheet[1][0]): KEEP})
    with pytest.raises(FeedRefused) as refusal:
        send(reviews, sheet)
    assert [problem.row for problem in refusal.value.problems] == [2]  # type: ignore[attr-defined]


def test_an_answer_that_is_none_and_one_without_its_reason_are_told_by_row(reviews: Reviews) -> None:
    sheet = fill(opened(saved(reviews)), ("たぶん", ""), ("不要", ""), ("", "理由だけ"))
    assert refused_rows(reviews, sheet) == [2, 3, 4]
    with pytest.raises(InvalidInput):
        send(reviews, opened(saved(reviews)))


def test_nothing_in_it_is_a_formula_and_a_formula_in_it_is_refused(reviews: Reviews) -> None:
    with reviews.cast.database.writing() as session:
        session.get_one(Person, reviews.cast.people["staff"]).name = '=HYPERLINK("http://evil.example","青木")'
    data = saved(reviews)
    assert "'=HYPERLINK" in {cell[:11] for row in opened(data) for cell in row}
    assert send(reviews, fill(opened(data), ("必要", ""))) == {KEEP: 1}, "what was given comes back as it was"
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        book.add_worksheet(SHEET).write_formula(0, 0, "=1+1")
    cast = reviews.cast
    with cast.acting("security", "review.answer") as session, pytest.raises(FeedRefused):
        filled_in(session, 1, file.getvalue(), key=KEY, actor=cast.actor("security"), now=NOW)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"a,b\n", stored([["x"]]), stored([list(COLUMNS), ["1", "2"]])])
def test_what_is_no_such_workbook_is_refused(reviews: Reviews, data: bytes) -> None:
    cast = reviews.cast
    with cast.acting("security", "review.answer") as session, pytest.raises(FeedRefused):
        filled_in(session, 1, data, key=KEY, actor=cast.actor("security"), now=NOW)
