"""The names a draft will lead to, as HR sees them before anything is made, and the field to choose another."""

import pytest
from sqlalchemy import func, select

from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.people import OrganisationUnit
from idm.models.systems import ChosenName
from tests.cast import add_person
from tests.operations.rights.test_login_names import name_by
from tests.web.hr.test_hr import drafted
from tests.web.office import Office


def names_page(office: Office, *wanted: tuple[str, str]) -> str:
    """The address of the names of a new draft."""
    return f"/hr/drafts/{drafted(office.cast, *wanted)}/names"


def chosen_names(office: Office) -> int:
    with office.database.reading() as session:
        return session.scalar(select(func.count()).select_from(ChosenName)) or 0


def test_the_draft_leads_to_names_with_their_rule_and_what_was_passed_over(office: Office) -> None:
    name_by(office.cast, rule="romaji")
    with office.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        office.cast.people["twin"] = add_person(session, "700001", "青木　伊知郎", "アオキ　イチロウ", unit, "主事").id
    address = names_page(office, ("staff", "ledger/account"), ("twin", "ledger/account"))
    browser = office.browser("hr")
    assert address in browser.page(address.removesuffix("/names"))
    page = browser.page(address)
    for shown in (
        "ichiro.aoki",
        "aoki-i",
        "{family}-{g}",
        "使われたことがある",
        "ローマ字（{given}.{family}、",
        "64文字まで",
    ):
        assert shown in page, shown


def test_by_staff_number_the_page_says_so_and_an_existing_name_stays(office: Office) -> None:
    office.cast.approve(office.cast.file("hr", ("other", "ledger/account")))
    page = office.browser("hr").page(names_page(office, ("staff", "ledger/account"), ("other", "ledger/enter")))
    for shown in ("u100009", "団体の規則：職員番号（先頭に「u」）", "u100010", "すでにある利用者ID"):
        assert shown in page, shown
    assert f'<option value="{office.cast.people["other"]}"' not in page


def test_a_name_that_cannot_be_made_says_why(office: Office) -> None:
    name_by(office.cast, rule="romaji", patterns=["{given}.{family}"], exceptions={"アオキ": "a" * 70})
    page = office.browser("hr").page(names_page(office, ("staff", "ledger/account")))
    assert "作れません" in page
    assert "では64文字までです" in page


def test_the_officer_chooses_another_name_and_the_account_is_made_with_it(office: Office) -> None:
    address = names_page(office, ("staff", "ledger/account"))
    browser, staff = office.browser("hr"), office.cast.people["staff"]
    page = browser.follow(browser.send(address, {"person": staff, "login_name": "aoki1"}, shown=address))
    assert "利用者IDを「aoki1」にしました" in page
    assert "人事担当者が選んだ名前" in page
    with office.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "account.name_chosen")).one()
        assert (record.actor, record.object_id) == ("薬院　大通", str(staff))
    audit_page = office.browser("auditor").page("/audit")
    assert "利用者IDを選択" in audit_page


@pytest.mark.parametrize(
    ("typed", "told"),
    [("", "利用者IDが空です"), ("Aoki", "使えるのは半角の英小文字"), ("admin", "予約語"), ("u" * 65, "64文字まで")],
)
def test_a_name_that_cannot_be_given_is_told_at_its_field_and_stays_typed(
    office: Office, typed: str, told: str
) -> None:
    address = names_page(office, ("staff", "ledger/account"))
    answer = office.browser("hr").send(
        address, {"person": office.cast.people["staff"], "login_name": typed}, shown=address
    )
    assert answer.status_code == 422
    assert told in answer.text
    assert 'id="login_name-error"' in answer.text
    assert f'value="{typed}"' in answer.text
    assert chosen_names(office) == 0


@pytest.mark.parametrize("person", ["", "x", "999999", "other"])
def test_only_people_of_the_draft_are_chosen_for(office: Office, person: str) -> None:
    address = names_page(office, ("staff", "ledger/account"))
    sent = str(office.cast.people.get(person, person))
    answer = office.browser("hr").send(address, {"person": sent, "login_name": "aoki1"}, shown=address)
    assert answer.status_code == 422
    assert "対象者を選んでください" in answer.text
    assert chosen_names(office) == 0


def test_an_account_that_was_made_meanwhile_keeps_its_name(office: Office) -> None:
    address = names_page(office, ("staff", "ledger/account"))
    office.cast.approve(office.cast.file("hr", ("staff", "ledger/account")))
    answer = office.browser("hr").send(
        address, {"person": office.cast.people["staff"], "login_name": "aoki1"}, shown=address
    )
    assert answer.status_code == 409
    assert "u100009」がすでにあります" in answer.text


def test_nobody_is_offered_their_own_name_and_none_is_taken(office: Office) -> None:
    address = names_page(office, ("hr", "ledger/account"), ("staff", "ledger/account"))
    browser, me = office.browser("hr"), office.cast.people["hr"]
    assert f'<option value="{me}"' not in browser.page(address)
    assert browser.send(address, {"person": me, "login_name": "boss"}, shown=address).status_code == 403
    assert chosen_names(office) == 0


@pytest.mark.parametrize("who", ["staff", "ciso", "security", "desk", "auditor"])
def test_for_everybody_else_there_is_no_such_page_and_the_attempt_is_audited(office: Office, who: str) -> None:
    address = names_page(office, ("staff", "ledger/account"))
    browser = office.browser(who)
    assert browser.open(address).status_code == 404
    sent = browser.send(address, {"person": office.cast.people["staff"], "login_name": "aoki1"})
    assert sent.status_code == 404
    assert chosen_names(office) == 0
    with office.database.reading() as session:
        refused = session.scalars(select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED)).one()
    assert refused.action == "account.choose_name"


def test_once_the_draft_was_submitted_the_page_is_gone(office: Office) -> None:
    address = names_page(office, ("staff", "ledger/account"))
    browser = office.browser("hr")
    draft = address.removesuffix("/names")
    assert browser.send(f"{draft}/submit", {}, shown=draft).status_code == 302
    assert browser.open(address).status_code == 404
    sent = browser.send(address, {"person": office.cast.people["staff"], "login_name": "aoki1"})
    assert sent.status_code == 404
    assert chosen_names(office) == 0


def test_looking_changes_nothing(office: Office) -> None:
    address = names_page(office, ("staff", "ledger/account"))
    browser, before = office.browser("hr"), office.rows()
    browser.page(address)
    assert office.rows() == before
