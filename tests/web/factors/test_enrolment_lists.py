"""Lists of who is enrolled at the browser: shown beside the register, taken over, or refused with why (B1, B2)."""

from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idm.grant_state import GrantState
from idm.models.authenticators import FactorReading
from idm.operations.approval import requests
from idm.vocabulary import RequestAction
from tests.cast import NOW, TODAY
from tests.factor_office import HEADING, bring, grant, list_of, login_name, states, system_id, verify_by_product
from tests.web.office import Browser, Office, open_office, token_in

HELD, OPEN = GrantState.SUSPENDED, GrantState.IN_FORCE
PEOPLE = ("staff", "other", "hr")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """The office in which three people were granted an account whose factors a product verifies; two days later."""
    office = open_office(tmp_path)
    verify_by_product(office.cast)
    grant(office.cast, *PEOPLE)
    office.pass_by(days=2)
    return office


def send(
    office: Office, browser: Browser, text: str, *, step: str = "take", made_on: str = "R8.4.2", name: str = "t.csv",
    **fields: str,
) -> TestResponse:  # fmt: skip
    """The answer to a list that was looked at before, unless `compared` says otherwise."""
    data = {"system": str(system_id(office.cast)), "made_on": made_on, "step": step,
            "compared": sha256(text.encode("cp932")).hexdigest(),
            "file": (BytesIO(text.encode("cp932")), name), "csrf_token": token_in(browser.page("/enrolment-lists/new")),
            **fields}  # fmt: skip
    return browser.client.post("/enrolment-lists", data=data, content_type="multipart/form-data")


def test_a_list_is_shown_first_and_then_taken_over(office: Office) -> None:
    browser = office.browser("desk")
    assert "年金端末の二要素認証製品" in browser.page("/enrolment-lists")
    text = list_of(office.cast, "staff") + "yoso,顔,はい\r\n"
    shown = send(office, browser, text, step="look")
    assert shown.status_code == 200
    assert f'name="compared" value="{sha256(text.encode("cp932")).hexdigest()}"' in shown.text
    assert "まだ何も取り込んでいません" in shown.text
    assert "台帳にない人" in shown.text
    assert states(office.cast, *PEOPLE) == [HELD, HELD, HELD]
    taken = send(office, browser, text)
    assert "権限 1件の有効・停止が変わりました" in taken.text
    assert states(office.cast, *PEOPLE) == [OPEN, HELD, HELD]
    assert "登録 1人・台帳にない 1件" in browser.page("/enrolment-lists")


def test_a_list_that_stops_too_many_needs_a_tick_that_names_how_many(office: Office) -> None:
    bring(office.cast, list_of(office.cast, *PEOPLE))
    browser = office.browser("system")
    text = list_of(office.cast, "staff")
    assert "別の一覧ではありませんか" in send(office, browser, text, step="look").text
    refused = send(office, browser, text)
    assert refused.status_code == 409
    assert "2人は、本当に登録がなくなっています" in refused.text
    assert send(office, browser, text, stopping_is_right="1").status_code == 409
    assert states(office.cast, *PEOPLE) == [OPEN, OPEN, OPEN]
    assert send(office, browser, text, stopping_is_right="2").status_code == 200
    assert states(office.cast, *PEOPLE) == [OPEN, HELD, HELD]


def test_another_file_than_was_looked_at_is_shown_and_not_taken_over(office: Office) -> None:
    browser = office.browser("desk")
    for compared in (sha256(b"another").hexdigest(), ""):
        answer = send(office, browser, list_of(office.cast, "staff"), compared=compared)
        assert (answer.status_code, "表示したファイルと違うため" in answer.text) == (409, True)
    assert states(office.cast, *PEOPLE) == [HELD, HELD, HELD]
    assert 'value="take"' not in browser.page("/enrolment-lists/new")


def test_the_day_of_a_list_is_never_filled_in_and_an_old_list_under_a_new_day_needs_a_tick(office: Office) -> None:
    browser = office.browser("desk")
    assert 'name="made_on" type="text" value=""' in browser.page("/enrolment-lists/new")
    assert send(office, browser, list_of(office.cast, "staff"), made_on="").status_code == 422
    assert send(office, browser, list_of(office.cast, "staff"), made_on="R8.4.2").status_code == 200
    office.pass_by(days=5)
    browser = office.browser("desk")
    text = list_of(office.cast, "staff")
    assert "前の一覧と中身がまったく同じです" in send(office, browser, text, made_on="R8.4.8", step="look").text
    refused = send(office, browser, text, made_on="R8.4.8")
    assert (refused.status_code, 'name="same_content_is_right"' in refused.text) == (409, True)
    assert send(office, browser, text, made_on="R8.4.8", same_content_is_right="yes").status_code == 200


def test_a_broken_list_is_told_line_by_line(office: Office) -> None:
    answer = send(office, office.browser("desk"), HEADING + ",顔,はい\r\nu1,123456789012,はい\r\n")
    assert answer.status_code == 422
    for told in ("空です。必ず入力してください。", "12桁の数字があります。"):
        assert told in answer.text
    assert states(office.cast, *PEOPLE) == [HELD, HELD, HELD]


def test_what_is_missing_on_the_form_is_told_at_its_fields(office: Office) -> None:
    answer = send(office, office.browser("desk"), HEADING, made_on="きのう", name="", system="4711")
    assert answer.status_code == 422
    for field in ("system", "made_on", "file"):
        assert f'href="#{field}"' in answer.text


@pytest.mark.parametrize(("made_on", "status"), [("R8.3.1", 409), ("R8.5.1", 422)])
def test_an_old_list_and_one_of_the_future_are_refused(office: Office, made_on: str, status: int) -> None:
    bring(office.cast, list_of(office.cast, "staff"))
    answer = send(office, office.browser("desk"), list_of(office.cast, "staff"), made_on=made_on)
    assert answer.status_code == status


def test_without_a_second_factor_given_just_now_nothing_is_taken_over(office: Office) -> None:
    browser = office.browser("desk")
    page = browser.page("/enrolment-lists/new")
    office.pass_by(minutes=office.cast.policy.sign_in.step_up_minutes + 1)
    file = (BytesIO(list_of(office.cast, "staff").encode("cp932")), "t.csv")
    data = {"system": str(system_id(office.cast)), "made_on": "R8.4.2", "step": "take", "file": file,
            "csrf_token": token_in(page)}  # fmt: skip
    answer = browser.client.post("/enrolment-lists", data=data, content_type="multipart/form-data")
    assert answer.status_code in (302, 401)
    assert states(office.cast, *PEOPLE) == [HELD, HELD, HELD]


@pytest.mark.asvs("8.2.1")
@pytest.mark.parametrize("who", ["chief", "hr", "staff", "auditor"])
def test_for_others_there_is_no_page(office: Office, who: str) -> None:
    assert office.browser(who).open("/enrolment-lists").status_code == 404


def test_nobody_learns_from_a_list_of_an_appointment_that_is_not_published(office: Office) -> None:
    cast, first = office.cast, TODAY + timedelta(days=30)
    with cast.database.writing() as session:
        line = cast.line(session, "auditor", "pension/account", valid_from=first)
        request = requests.draft(
            session, action=RequestAction.REGISTER, system_id=system_id(cast), lines=[line], reason="異動", now=NOW,
            published_on=first,
        )  # fmt: skip
        requests.submit(session, request, actor=cast.actor("hr"), policy=cast.policy, now=NOW)
    cast.approve(request.id)
    text = list_of(cast, *PEOPLE, "auditor")
    for who, seen in (("desk", False), ("system", True)):
        answer = send(office, office.browser(who), text, step="look")
        assert (login_name(cast, "auditor") in answer.text) is seen
    send(office, office.browser("desk"), text)
    with cast.database.reading() as session:
        assert len(session.scalars(select(FactorReading)).all()) == len(PEOPLE) + 1
