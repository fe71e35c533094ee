"""Lists of applications: whose, in which order, found by what, and in how many statements."""

from datetime import timedelta

from idm.operations.approval.requests import draft
from idm.publication import Reader
from idm.queries.approval.requests import RequestFilter, RequestRow, request_page, systems_by_name
from idm.queries.page import ROWS_A_PAGE
from idm.request_state import Event, RequestState
from idm.vocabulary import RequestAction, Role
from tests.cast import NOW, TODAY, Cast
from tests.statements import counted


def found(cast: Cast, wanted: RequestFilter, asked: int = 1) -> list[RequestRow]:
    with cast.database.reading() as session:
        return list(request_page(session, wanted, asked=asked, reader=Reader(TODAY)).rows)


def test_ones_own_list_has_what_one_filed_and_what_is_about_oneself(cast: Cast) -> None:
    filed = cast.file("security", ("staff", "ledger/account"))
    about = cast.file("hr", ("security", "ledger/account"))
    cast.file("other", ("other", "ledger/account"))
    assert [row.id for row in found(cast, RequestFilter(about=cast.people["security"]))] == [about, filed]


def test_the_newest_application_stands_first(cast: Cast) -> None:
    later = cast.file("staff", ("staff", "ledger/account"), now=NOW + timedelta(days=1))
    earlier = cast.file("other", ("other", "ledger/account"))
    assert [row.id for row in found(cast, RequestFilter())] == [later, earlier]


def test_a_row_says_who_what_and_how_many_lines(cast: Cast) -> None:
    cast.file("security", ("staff", "ledger/account"), ("staff", "ledger/enter"), ("other", "ledger/account"))
    (row,) = found(cast, RequestFilter())
    assert (row.number, row.action, row.system_name, row.applicant, row.subjects, row.lines, row.state) == (
        "R8-000001", RequestAction.REGISTER, "会計システム", "香椎　宮子", ("青木　一郎", "今泉　二葉"), 3,
        RequestState.SUBMITTED,
    )  # fmt: skip


def test_the_list_is_filtered_by_state_and_system(cast: Cast) -> None:
    returned = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", returned, Role.CHIEF, Event.RETURN)
    cast.file("other", ("other", "ledger/account"))
    with cast.database.reading() as session:
        ((ledger, _), (pension, _)) = systems_by_name(session)
    assert [row.id for row in found(cast, RequestFilter(state=RequestState.RETURNED))] == [returned]
    assert len(found(cast, RequestFilter(system_id=ledger))) == 2
    assert found(cast, RequestFilter(system_id=pension)) == []


def test_an_application_is_found_by_number_name_reading_and_staff_number(cast: Cast) -> None:
    staff = cast.file("staff", ("staff", "ledger/account"))
    cast.file("other", ("other", "ledger/account"))
    for text in ("r8-000001", "Ｒ８-０００００１", "青木一", "あおき", "ｱｵｷ", "１００００９"):
        assert [row.id for row in found(cast, RequestFilter(text=text))] == [staff], text
    for text in ("%", "_", "000001", "10000"):
        assert found(cast, RequestFilter(text=text)) == [], text


def test_a_draft_is_in_no_list(cast: Cast) -> None:
    with cast.acting("hr") as session:
        lines = [cast.line(session, "staff", "ledger/account")]
        system_id = cast.entitlement(session, "ledger/account").system_id
        draft(session, action=RequestAction.REGISTER, system_id=system_id, lines=lines, reason="採用", now=NOW)
    with cast.database.reading() as session:
        assert request_page(session, RequestFilter(), reader=Reader(TODAY)).total == 0
        assert request_page(session, RequestFilter(about=cast.people["staff"]), reader=Reader(TODAY)).total == 0


def test_a_page_has_fifty_rows_and_the_last_page_stands_for_every_later_one(cast: Cast) -> None:
    for day in range(ROWS_A_PAGE + 1):
        filed = cast.file("staff", ("staff", "ledger/account"), now=NOW + timedelta(minutes=day))
        cast.decide("chief", filed, Role.CHIEF, Event.REJECT, now=NOW + timedelta(minutes=day))
    with cast.database.reading() as session:
        page = request_page(session, RequestFilter(), asked=99, reader=Reader(TODAY))
    assert (page.number, page.total, len(page.rows)) == (2, ROWS_A_PAGE + 1, 1)
    assert len(found(cast, RequestFilter())) == ROWS_A_PAGE


def test_the_list_asks_no_statement_per_row(cast: Cast) -> None:
    cast.file("staff", ("staff", "ledger/account"))
    with counted(cast.database) as few:
        found(cast, RequestFilter())
    for who in ("other", "hr", "desk", "security"):
        cast.file(who, (who, "ledger/account"))
    with counted(cast.database) as many:
        found(cast, RequestFilter())
    assert len(many) == len(few)
