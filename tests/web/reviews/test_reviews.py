"""Access reviews at the browser: answering line by line, all the rest at once, and in a file; campaigns and results."""

import io
import re
from datetime import timedelta

import pytest
import xlsxwriter  # type: ignore[import-untyped]
from python_calamine import load_workbook
from sqlalchemy import func, select

from idm.grant_state import GrantState
from idm.models.requests import Grant
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.models.systems import InformationSystem
from idm.reviews.review_workbook import ANSWER, COLUMNS, ROWS_A_FILE, SHEET
from idm.vocabulary import ReviewDecision, ReviewScope
from tests.review_office import Reviews
from tests.web.office import Browser, Office, token_in

KEEP, REMOVE = ReviewDecision.KEEP, ReviewDecision.REMOVE
ANSWERS, CHECK = "/reviews/1/answers", "/reviews/1/answers/check"
PRIVILEGED = (("staff", "account"), ("staff", "admin-account"), ("staff", "admin"))


@pytest.fixture
def reviews(office: Office) -> Reviews:
    reviews = Reviews.of(office.cast)
    reviews.open()
    return reviews


def decided(office: Office) -> dict[int, ReviewDecision | None]:
    with office.database.reading() as session:
        return {line.id: line.decision for line in session.scalars(select(ReviewLine).order_by(ReviewLine.id))}


def live(office: Office) -> int:
    with office.database.reading() as session:
        return len(session.scalars(select(Grant).where(Grant.state != GrantState.ENDED)).all())


def answer(browser: Browser, chosen: dict[str, str | int]) -> str:
    """The page after the answers were chosen, seen once more, and recorded."""
    summary = browser.send_on(browser.page(ANSWERS), CHECK, chosen)
    assert summary.status_code == 200, summary.text
    return browser.follow(browser.send_on(summary.text, ANSWERS, {}))


def test_a_reviewer_answers_line_by_line_and_sees_it_once_more(office: Office, reviews: Reviews) -> None:
    browser = office.browser("security")
    assert "令和8年度の棚卸し" in browser.page("/reviews")
    assert "あなたの回答を待っている権限が3件あります" in browser.page("/")
    enter, account = reviews.line("staff", "enter"), reviews.line("other", "account")
    chosen = {f"decision-{enter}": "remove", f"reason-{enter}": "担当替え", f"decision-{account}": "keep"}
    summary = browser.send_on(browser.page(ANSWERS), CHECK, chosen)
    assert "取り消される権限があります" in summary.text
    assert set(decided(office).values()) == {None}, "nothing counts before the summary was confirmed"
    page = browser.follow(browser.send_on(summary.text, ANSWERS, {}))
    assert "必要 1件、不要 1件、変更が必要 0件" in page
    assert (decided(office)[enter], decided(office)[account], live(office)) == (REMOVE, KEEP, 3)


def test_the_rest_is_answered_at_once_but_no_privileged_right(office: Office) -> None:
    reviews = Reviews.of(office.cast, PRIVILEGED)
    reviews.open(ReviewScope.SYSTEM)
    browser = office.browser("system")
    assert "必要 1件" in answer(browser, {"bulk": "keep"})
    assert decided(office) == {reviews.line("staff", "account"): KEEP, 2: None, 3: None}
    answer(browser, {"decision-2": "keep", "decision-3": "keep"})
    assert set(decided(office).values()) == {KEEP}


def test_nothing_chosen_and_a_missing_reason_are_told_and_keep_what_was_typed(office: Office, reviews: Reviews) -> None:
    browser, line = office.browser("security"), reviews.line("staff", "enter")
    nothing = browser.send_on(browser.page(ANSWERS), CHECK, {})
    assert (nothing.status_code, 'href="#bulk"' in nothing.text) == (422, True)
    office.pass_by(minutes=5)
    wrong = browser.send_on(nothing.text, CHECK, {f"decision-{line}": "remove"})
    assert (wrong.status_code, f'href="#reason-{line}"' in wrong.text, "selected" in wrong.text) == (422, True, True)
    summary = browser.send_on(wrong.text, CHECK, {f"decision-{line}": "remove", f"reason-{line}": "担当替え"})
    browser.follow(browser.send_on(summary.text, ANSWERS, {}))
    with office.database.reading() as session:
        found = session.get_one(ReviewLine, line)
        assert found.decided_at is not None
        assert found.shown_at is not None
        assert found.decided_at - found.shown_at == timedelta(minutes=5), "mistakes do not set the clock back"


@pytest.mark.asvs("8.2.2")
@pytest.mark.parametrize("who", ["staff", "hr", "system", "auditor", "ciso"])
def test_whoever_is_not_asked_has_no_such_page_and_what_they_send_is_refused(
    office: Office, reviews: Reviews, who: str
) -> None:
    browser = office.browser(who)
    assert browser.open(ANSWERS).status_code == 404
    assert browser.open("/reviews/1/workbook").status_code == 404
    page = office.browser("security").page(ANSWERS)
    seal = re.search(r'name="seal-(\d+)" value="([0-9a-f]+)"', page)
    assert seal is not None
    forged = {"line": seal[1], f"decision-{seal[1]}": "keep", f"seal-{seal[1]}": seal[2], "shown_at": 0}
    assert browser.send(ANSWERS, forged).status_code in (403, 409)
    assert set(decided(office).values()) == {None}


def test_a_time_or_a_line_that_was_not_shown_is_refused(office: Office, reviews: Reviews) -> None:
    browser = office.browser("security")
    summary = browser.send_on(browser.page(ANSWERS), CHECK, {"bulk": "keep"}).text
    earlier = re.sub(r'name="shown_at" value="\d+"', 'name="shown_at" value="1000"', summary)
    assert browser.send_on(earlier, ANSWERS, {}).status_code == 409
    own = reviews.line("security", "account")
    assert browser.send(ANSWERS, {"line": own, f"decision-{own}": "keep", f"seal-{own}": "0", "shown_at": "x"},
                        shown=ANSWERS).status_code == 409  # fmt: skip
    assert set(decided(office).values()) == {None}


def test_a_workbook_is_saved_filled_in_and_sent_back(office: Office, reviews: Reviews) -> None:
    browser = office.browser("security")
    data = browser.open("/reviews/1/workbook")
    assert data.headers["Content-Disposition"] == 'attachment; filename="review-1-1.xlsx"'
    with load_workbook(io.BytesIO(data.data)) as book:
        rows = [[str(cell) for cell in row] for row in book.get_sheet_by_name(SHEET).to_python()]
    for row in rows[1:]:
        row[COLUMNS.index(ANSWER)] = "必要"

    def send(sheet: list[list[str]]) -> tuple[int, str]:
        file = io.BytesIO()
        with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
            page = book.add_worksheet(SHEET)
            for number, row in enumerate(sheet):
                for place, cell in enumerate(row):
                    page.write_string(number, place, cell)
        token = token_in(browser.page(ANSWERS))
        sent = {"csrf_token": token, "file": (io.BytesIO(file.getvalue()), "review.xlsx")}
        answered = browser.client.post("/reviews/1/workbook", data=sent, content_type="multipart/form-data")
        return answered.status_code, answered.text

    changed = [list(row) for row in rows]
    changed[2][5] = "だれか"
    status, page = send(changed)
    assert (status, "書き換えられた行" in page, set(decided(office).values())) == (422, True, {None})
    status, summary = send(rows)
    assert (status, "記録する回答（3件）" in summary, set(decided(office).values())) == (200, True, {None})
    assert "必要 3件" in browser.follow(browser.send_on(summary, ANSWERS, {}))
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).where(ReviewLine.by_file.is_(True))) == 3
    assert list(decided(office).values()).count(KEEP) == 3
    assert "あなたの回答を待っている権限はありません" in browser.page(ANSWERS)


def test_a_chief_opens_a_campaign_and_sees_who_answered_how(office: Office) -> None:
    reviews = Reviews.of(office.cast)
    chief = office.browser("chief")
    empty = chief.send("/reviews", {"title": "", "scope": "unit"}, shown="/reviews/new")
    assert (empty.status_code, 'href="#title"' in empty.text) == (422, True)
    wrong = chief.send("/reviews", {"title": "定期", "scope": "all"}, shown="/reviews/new")
    assert (wrong.status_code, 'href="#scope"' in wrong.text) == (422, True)
    page = chief.follow(chief.send("/reviews", {"title": "定期", "scope": "unit"}, shown="/reviews/new"))
    assert "回答待ち4件" in page
    assert "天神　太郎" in page, "who opened it"
    answer(office.browser("security"), {"bulk": "keep"})
    page = chief.page("/reviews/1")
    assert "読まずに回答したおそれ" in page
    assert "すべて「必要」" in page
    assert "この棚卸しは終わっていません" in chief.page("/reviews/1/result")
    early = chief.send("/reviews/1/closing", {}, shown="/reviews/1")
    assert (early.status_code, "1件の回答を待っています" in early.text) == (409, True)
    reviews.answer("vice", {reviews.line("security", "account"): KEEP})
    assert "終了" in chief.follow(chief.send("/reviews/1/closing", {}, shown="/reviews/1"))
    with office.database.reading() as session:
        digest = session.scalars(select(ReviewCampaign)).one().result_digest
    assert digest
    result = chief.page("/reviews/1/result")
    assert (digest in result, "氏名（署名）" in result, "天神　太郎" in result) == (True, True, True)


def test_a_long_result_is_told_part_by_part(
    office: Office, reviews: Reviews, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr("web.reviews.reviews.LINES_A_SHEET", 3)
    chief = office.browser("chief")
    first, second = chief.page("/reviews/1/result"), chief.page("/reviews/1/result?sheet=9")
    assert ("全4件のうち1～3件" in first, "sheet=2" in first) == (True, True)
    assert ("全4件のうち4～4件" in second, "sheet=1" in second) == (True, True)


def test_a_systems_manager_opens_one_over_an_own_system_and_none_over_a_unit(office: Office) -> None:
    Reviews.of(office.cast)
    manager = office.browser("system")
    assert 'value="unit"' not in manager.page("/reviews/new")
    assert manager.send("/reviews", {"title": "全体", "scope": "unit"}, shown="/reviews/new").status_code == 403
    form = manager.page("/reviews/new")
    system = re.search(r'<option value="(\d+)">会計システム', form)
    assert system is not None
    sent = manager.send("/reviews", {"title": "会計", "scope": "system", "system": system[1]}, shown="/reviews/new")
    assert "会計システム" in manager.follow(sent)


@pytest.mark.parametrize(("who", "status"), [("auditor", 200), ("ciso", 200), ("hr", 404), ("staff", 404)])
def test_who_sees_campaigns(office: Office, reviews: Reviews, who: str, status: int) -> None:
    browser = office.browser(who)
    assert {browser.open(f"/reviews/1{rest}").status_code for rest in ("", "/result")} == {status}
    assert ("令和8年度の棚卸し" in browser.page("/reviews")) is (status == 200)


def test_a_systems_manager_sees_the_campaigns_over_own_systems_and_no_others(office: Office) -> None:
    reviews = Reviews.of(office.cast)
    whole, ledger, right = reviews.open(), reviews.open(ReviewScope.SYSTEM), reviews.open(ReviewScope.ENTITLEMENT)
    with office.database.reading() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    manager = office.browser("system")

    def seen() -> dict[int, int]:
        return {one: manager.open(f"/reviews/{one}/result").status_code for one in (whole, ledger, right)}

    assert seen() == {whole: 404, ledger: 200, right: 200}
    assert f'href="/reviews/{whole}"' not in manager.page("/reviews")
    with office.database.writing() as session:
        session.get_one(InformationSystem, system_id).manager_unit_code = "9999"
    assert seen() == {whole: 404, ledger: 404, right: 404}


def test_a_campaign_is_given_up_on_its_page_by_two(office: Office, reviews: Reviews) -> None:
    chief, page = office.browser("chief"), "/reviews/1"
    nothing = chief.send("/reviews/1/withdrawal", {"reason": ""}, shown=page)
    assert (nothing.status_code, 'href="#reason"' in nothing.text) == (422, True)
    said = chief.follow(chief.send("/reviews/1/withdrawal", {"reason": "期限の打ち間違い"}, shown=page))
    assert "取下げを求めました" in said
    security = office.browser("security")
    assert "期限の打ち間違い" in security.page(page)
    assert "棚卸しを取り下げました" in security.follow(security.send("/reviews/1/withdrawal", {}, shown=page))
    assert live(office) == 4


def test_whoever_has_more_than_a_workbook_holds_gets_several(
    office: Office, reviews: Reviews, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr("web.reviews.review_answers.ROWS_A_FILE", 2)
    browser = office.browser("security")
    assert "2個目のファイルを保存する" in browser.page(ANSWERS)
    found = []
    for part in (1, 2):
        with load_workbook(io.BytesIO(browser.open(f"/reviews/1/workbook?part={part}").data)) as book:
            found.append([row[0] for row in book.get_sheet_by_name(SHEET).to_python()[1:]])
    assert [len(rows) for rows in found] == [2, 1]
    assert len({line for rows in found for line in rows}) == 3


def test_a_whole_workbook_with_long_reasons_is_not_too_much_to_confirm(office: Office, reviews: Reviews) -> None:
    chosen: dict[str, str | int] = {"shown_at": 0}
    lines = range(1_000, 1_000 + ROWS_A_FILE)
    for line in lines:
        chosen |= {f"decision-{line}": "remove", f"reason-{line}": "異" * 100, f"seal-{line}": "0" * 32}
    browser = office.browser("security")
    token = token_in(browser.page(ANSWERS))
    sent = {**chosen, "line": [str(line) for line in lines], "csrf_token": token}
    assert browser.client.post(ANSWERS, data=sent).status_code == 404, "there are no such lines, and it was read"
