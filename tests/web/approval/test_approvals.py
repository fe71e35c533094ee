"""Deciding on the page: what waits, the decision on what was shown, several lines in one act, and exceptions."""

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idm.models.requests import ApprovalStep, Grant, PolicyException, Request
from idm.request_state import Event, LineState, RequestState, StepState
from idm.vocabulary import Role
from tests.web.deciding import (
    decision,
    deputise,
    end_tenures,
    hold,
    refusals,
    refused,
    shown_hash,
    states,
    step_id,
)
from tests.web.office import Fields, Office

# --- what waits ------------------------------------------------------------------------------------------------------


def test_what_waits_stands_with_its_seat_and_the_days_left(office: Office) -> None:
    cast = office.cast
    cast.file("staff", ("staff", "ledger/account"))
    office.pass_by(days=28)
    cast.file("other", ("other", "ledger/account"), now=office.now)
    page = office.browser("chief").page("/approvals")
    assert "決裁待ち 2件" in page
    assert page.index("R8-000001") < page.index("R8-000002")
    assert '<span class="chip error">あと2日</span>' in page
    assert "統括情報セキュリティ責任者" in page


def test_staff_have_nothing_to_decide(office: Office) -> None:
    office.cast.file("staff", ("staff", "ledger/account"))
    assert "あなたの決裁を待っている申請はありません" in office.browser("staff").page("/approvals")


def test_a_deputy_sees_for_whom_they_decide(office: Office) -> None:
    cast = office.cast
    deputise(cast, "system", "desk", Role.SYSTEM)
    filed = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", filed, Role.CHIEF)
    browser = office.browser("desk")
    assert '<span class="chip info">代決</span>' in browser.page("/approvals")
    assert "箱崎　花子 の代決者として決裁します" in browser.page(f"/requests/{filed}")
    assert decision(office, "desk", filed, Role.SYSTEM).status_code == 302
    assert "箱崎　花子の代決" in office.browser("staff").page(f"/requests/{filed}")
    assert "箱崎　花子の代決" in office.browser("staff").page(f"/requests/{filed}/print")
    assert "箱崎　花子の代決" in browser.page("/approvals/history")


def test_what_one_decided_is_in_ones_history(office: Office) -> None:
    cast = office.cast
    filed = cast.file("staff", ("staff", "ledger/account"))
    cast.decide("chief", filed, Role.CHIEF, Event.REJECT)
    page = office.browser("chief").page("/approvals/history")
    assert "R8-000001" in page
    assert "却下" in page
    assert "まだ決裁した申請はありません" in office.browser("system").page("/approvals/history")


def test_the_ciso_sees_what_is_held(office: Office) -> None:
    end_tenures(office.cast, Role.SYSTEM, Role.VICE_CISO)
    office.cast.file("ciso", ("ciso", "ledger/account"))
    assert "保留になっている申請 1件" in office.browser("ciso").page("/approvals")
    assert "保留になっている申請" not in office.browser("chief").page("/approvals")


# --- deciding --------------------------------------------------------------------------------------------------------


def test_two_approvals_on_the_page_give_the_right(office: Office) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    for who, seat in (("chief", Role.CHIEF), ("system", Role.SYSTEM)):
        browser = office.browser(who)
        page = browser.page(f"/requests/{filed}")
        fields: Fields = {f"verdict-{step_id(office.cast, filed, seat)}": "approve", "comment": "確認しました"}
        answer = browser.send_on(page.split('class="decision"')[1], f"/requests/{filed}/decide", fields)
        assert answer.headers["Location"] == "/approvals"
        assert "申請 R8-000001 を決裁しました（1行）" in browser.page("/approvals")
    assert states(office.cast, filed) == [LineState.APPROVED]
    with office.database.reading() as session:
        assert len(session.scalars(select(Grant)).all()) == 1


@pytest.mark.parametrize(("verdict", "state"), [("return", LineState.RETURNED), ("reject", LineState.REJECTED)])
def test_returning_and_rejecting_end_the_line_with_the_reason_shown(
    office: Office, verdict: str, state: LineState
) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    assert decision(office, "system", filed, Role.SYSTEM, verdict, comment="期間を書いてください").status_code == 302
    assert states(office.cast, filed) == [state]
    assert "期間を書いてください" in office.browser("staff").page(f"/requests/{filed}")


@pytest.mark.parametrize(
    ("changes", "link", "mistake"),
    [
        ({"comment": " "}, "#comment", "理由を書いてください"),
        ({"verdict": ""}, "#verdict", "承認・差戻し・却下のどれかを選んでください"),
        ({"verdict": "lapse"}, "#verdict", "選んでください"),
        ({"verdict": "nonsense"}, "#verdict", "承認・差戻し・却下のどれかを選んでください"),
    ],
)
def test_an_incomplete_decision_comes_back_with_what_was_typed(
    office: Office, changes: dict[str, str], link: str, mistake: str
) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    name = f"verdict-{step_id(office.cast, filed, Role.CHIEF)}"
    typed = {"verdict": "reject", "comment": "不要です", "shown_hash": shown_hash(office.cast, filed), **changes}
    fields: Fields = {name: typed.pop("verdict"), **typed}
    answer = office.browser("chief").send(f"/requests/{filed}/decide", fields)
    assert answer.status_code == 422
    summary, rest = answer.text.split('class="decision"')
    assert f'<a href="{link}">' in summary
    assert mistake in summary
    assert mistake in rest
    if "comment" in changes:
        assert 'value="reject" checked' in answer.text
    else:
        assert "不要です</textarea>" in answer.text
    assert states(office.cast, filed) == [LineState.PENDING]


@pytest.mark.parametrize("name", ["verdict-x", "verdict-", "verdict-99999999999999999999", "verdict-９"])
def test_a_field_that_names_no_step_decides_nothing(office: Office, name: str) -> None:
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    fields: Fields = {name: "approve", "comment": "x", "shown_hash": shown_hash(office.cast, filed)}
    assert office.browser("chief").send(f"/requests/{filed}/decide", fields).status_code == 422


def test_a_step_of_another_application_is_not_decided_here(office: Office) -> None:
    first = office.cast.file("staff", ("staff", "ledger/account"))
    second = office.cast.file("other", ("other", "ledger/account"))
    fields: Fields = {
        f"verdict-{step_id(office.cast, second, Role.CHIEF)}": "approve", "comment": "x",
        "shown_hash": shown_hash(office.cast, second),
    }  # fmt: skip
    assert office.browser("chief").send(f"/requests/{first}/decide", fields).status_code == 404
    assert states(office.cast, second) == [LineState.PENDING]


# --- several lines ---------------------------------------------------------------------------------------------------


def batch(office: Office) -> int:
    return office.cast.file("hr", ("staff", "ledger/account"), ("other", "ledger/account"), ("desk", "ledger/account"))


def bulk(office: Office, who: str, request_id: int, **fields: str) -> TestResponse:
    filled: Fields = {"comment": "確認しました", "shown_hash": shown_hash(office.cast, request_id), **fields}
    return office.browser(who).send(f"/requests/{request_id}/decide", filled)


def test_all_lines_are_decided_at_once_with_one_reason(office: Office) -> None:
    filed = batch(office)
    assert "3行があなたの決裁を待っています" in office.browser("chief").page(f"/requests/{filed}")
    assert bulk(office, "chief", filed, rest="approve").status_code == 302
    assert bulk(office, "system", filed, rest="approve").status_code == 302
    assert states(office.cast, filed) == [LineState.APPROVED] * 3
    with office.database.reading() as session:
        steps = session.scalars(select(ApprovalStep)).all()
        assert {step.comment for step in steps} == {"確認しました"}


def test_a_line_of_its_own_is_decided_apart_from_the_rest(office: Office) -> None:
    filed = batch(office)
    first, second = (step_id(office.cast, filed, Role.CHIEF, line) for line in (0, 1))
    fields = {f"verdict-{first}": "reject", f"verdict-{second}": "skip", "rest": "approve"}
    assert bulk(office, "chief", filed, **fields).status_code == 302
    with office.database.reading() as session:
        found = [office.cast.step(session, filed, Role.CHIEF, line).state for line in (0, 1, 2)]
    assert found == [StepState.REJECTED, StepState.PENDING, StepState.APPROVED]


def test_without_the_rest_only_the_chosen_lines_are_decided(office: Office) -> None:
    filed = batch(office)
    chosen = {f"verdict-{step_id(office.cast, filed, Role.CHIEF, 1)}": "return"}
    assert bulk(office, "chief", filed, rest="", **chosen).status_code == 302
    assert states(office.cast, filed) == [LineState.PENDING, LineState.RETURNED, LineState.PENDING]


def test_one_line_that_is_refused_decides_none_and_is_named(office: Office) -> None:
    filed = office.cast.file("hr", ("staff", "ledger/account"), ("chief", "ledger/account"))
    own = step_id(office.cast, filed, Role.CHIEF, 1)
    answer = bulk(office, "chief", filed, rest="approve", **{f"verdict-{own}": "approve"})
    page = refused(office, answer, "SOD-2", filed)
    assert "天神　太郎 さんの「利用者ID」の行" in page
    assert states(office.cast, filed) == [LineState.PENDING] * 2
    with office.database.reading() as session:
        assert {step.state for step in session.scalars(select(ApprovalStep))} == {StepState.PENDING}


def test_the_rest_is_only_what_waits_for_oneself(office: Office) -> None:
    filed = office.cast.file("hr", ("staff", "ledger/account"), ("chief", "ledger/account"))
    assert bulk(office, "chief", filed, rest="approve").status_code == 302
    with office.database.reading() as session:
        found = [office.cast.step(session, filed, Role.CHIEF, line).state for line in (0, 1)]
    assert found == [StepState.APPROVED, StepState.PENDING]


def test_a_batch_settles_when_its_last_line_does(office: Office) -> None:
    filed = batch(office)
    bulk(office, "chief", filed, rest="return")
    with office.database.reading() as session:
        assert session.get_one(Request, filed).state is RequestState.RETURNED
    page = office.browser("hr").page(f"/requests/{filed}")
    assert "青木　一郎 さんの分を直して申請する" in page


# --- exceptions ------------------------------------------------------------------------------------------------------


def two_seats_one_human(office: Office) -> int:
    """An application of which the chief, who also manages the system, has decided one step."""
    end_tenures(office.cast, Role.SYSTEM)
    hold(office.cast, "chief", Role.SYSTEM, "0600")
    filed = office.cast.file("staff", ("staff", "ledger/account"))
    office.cast.decide("chief", filed, Role.CHIEF)
    return filed


def permit(office: Office, who: str, request_id: int, **changes: str) -> TestResponse:
    fields: Fields = {
        "exception_beneficiary": office.cast.people["chief"], "exception_days": "1", "exception_reason": "災害対応",
        **changes,
    }  # fmt: skip
    return office.browser(who).send(f"/requests/{request_id}/exceptions", fields)


def test_the_ciso_permits_and_the_decision_names_the_exception(office: Office) -> None:
    filed = two_seats_one_human(office)
    assert "例外措置を許可する" in office.browser("ciso").page(f"/requests/{filed}")
    page = office.browser("ciso").follow(permit(office, "ciso", filed))
    assert "例外措置を許可しました" in page
    assert decision(office, "chief", filed, Role.SYSTEM).status_code == 302
    assert states(office.cast, filed) == [LineState.APPROVED]
    page = office.browser("staff").page(f"/requests/{filed}")
    assert "（例外措置による）" in page
    assert "例外措置を許可しました" in page


@pytest.mark.parametrize("who", ["chief", "vice", "security", "staff"])
def test_nobody_but_the_ciso_permits_an_exception(office: Office, who: str) -> None:
    filed = two_seats_one_human(office)
    assert "例外措置を許可する" not in office.browser(who).page(f"/requests/{filed}")
    answer = permit(office, who, filed)
    assert answer.status_code == 403
    assert refusals(office)[-1] == ("exception.permit", "NOT-PERMITTED", str(filed))


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"exception_reason": " "}, "例外を許可する理由を書いてください"),
        ({"exception_days": "999"}, "許可する日数を選んでください"),
        ({"exception_beneficiary": "5"}, "許可する人を選んでください"),
        ({"exception_beneficiary": "x"}, "許可する人を選んでください"),
    ],
)
def test_an_incomplete_exception_comes_back_to_its_form(office: Office, changes: dict[str, str], mistake: str) -> None:
    filed = two_seats_one_human(office)
    answer = permit(office, "ciso", filed, **changes)
    assert answer.status_code == 422
    assert answer.text.count(mistake) == 2
    assert '<details class="decision" id="exception" open>' in answer.text
    with office.database.reading() as session:
        assert session.scalars(select(PolicyException)).all() == []


def test_the_ciso_permits_nothing_on_their_own_application(office: Office) -> None:
    end_tenures(office.cast, Role.SYSTEM)
    hold(office.cast, "chief", Role.SYSTEM, "0600")
    filed = office.cast.file("ciso", ("ciso", "ledger/account"))
    office.cast.decide("chief", filed, Role.CHIEF)
    assert "例外措置を許可する" not in office.browser("ciso").page(f"/requests/{filed}")
    answer = permit(office, "ciso", filed)
    assert answer.status_code == 409
    assert "SOD-1" in answer.text
