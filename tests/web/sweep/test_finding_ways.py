"""One click from a finding to a form that is filled in; a state has the same word on every page."""

import re
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import select, update

from idm.models.people import Employment
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding
from idm.operations.sweep.findings import Found, SweepResult, record_everywhere, record_sweep
from idm.oversight.finding_state import NEVER_ANSWERED
from idm.vocabulary import FINDING_STATE_TITLES, FINDING_TITLES, FindingKind
from tests.carried_out import WORKER, carry_out
from tests.cast import NOW
from tests.web.office import Office
from tests.web.test_unpublished import PUBLIC_ON
from web.sweep.finding_ways import CLAUSES

REVIEWER = "security"
"""青木's section manager: asks for exceptions and applies for the section's people."""


@pytest.fixture
def account(office: Office) -> Account:
    """青木's ID in the ledger system, with the right to enter, as its directory shows it."""
    cast = office.cast
    cast.approve(cast.file("hr", ("staff", "ledger/account"), ("staff", "ledger/enter")))
    carry_out(cast)
    with cast.database.reading() as session:
        return session.scalars(select(Account)).one()


def find(office: Office, *found: Found) -> None:
    with office.database.writing() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
        result = SweepResult(system_id, "ledger", 12, found)
        record_sweep(session, result, started_at=NOW, actor=WORKER, policy=office.cast.policy, now=NOW)


def way(office: Office, form: str, who: str = REVIEWER, finding: int = 1) -> str | None:
    """The address to which the page of the finding leads."""
    links = re.findall(rf'href="(/{form}\?[^"]*)"', office.browser(who).page(f"/findings/{finding}"))
    return unescape(links[0]) if links else None


def test_the_form_of_an_exception_knows_the_id_its_system_the_kind_and_the_clause(
    office: Office, account: Account
) -> None:
    find(office, Found(FindingKind.DORMANT, "e-1", account.login_name, account.id))
    address = way(office, "exceptions/new")
    assert address is not None
    page = office.browser(REVIEWER).page(address)
    assert 'value="account" checked' in page
    assert f'value="{account.system_id}" selected' in page
    assert f'value="{account.login_name}"' in page
    assert 'value="dormant" selected' in page
    assert 'value="6-2(2)③"' in page
    assert f"{FINDING_TITLES[FindingKind.DORMANT]}：{account.login_name}</textarea>" in page


def test_what_is_of_a_person_names_the_person_and_what_is_of_all_the_organisation(office: Office) -> None:
    staff = office.cast.people["staff"]
    with office.database.writing() as session:
        found = [
            Found(FindingKind.BURST, "p-1", "青木", person_id=staff), Found(FindingKind.EXPORT_LATE, "siem", "SIEM"),
        ]  # fmt: skip
        kinds = [FindingKind.BURST, FindingKind.EXPORT_LATE]
        record_everywhere(session, kinds, found, actor=WORKER, policy=office.cast.policy, now=NOW)
        numbers = {one.kind: one.id for one in session.scalars(select(Finding))}
    of_person = way(office, "exceptions/new", finding=numbers[FindingKind.BURST])
    of_all = way(office, "exceptions/new", finding=numbers[FindingKind.EXPORT_LATE])
    assert of_person is not None
    assert of_all is not None
    assert "scope=person" in of_person
    assert "staff_number=100009" in of_person
    assert "scope=organisation" in of_all


def test_what_no_exception_may_cover_leads_to_none(office: Office, account: Account) -> None:
    find(office, Found(FindingKind.LEFT, "e-1", account.login_name, account.id))
    assert way(office, "exceptions/new") is None


def test_what_is_answered_for_or_gone_leads_nowhere(office: Office, account: Account) -> None:
    find(office, Found(FindingKind.DORMANT, "e-1", account.login_name, account.id))
    find(office)
    assert way(office, "exceptions/new") is None
    assert way(office, "requests/new") is None


def test_of_an_unused_id_the_application_to_end_it_is_ready_to_be_sent(office: Office, account: Account) -> None:
    find(office, Found(FindingKind.DORMANT, "e-1", account.login_name, account.id))
    address = way(office, "requests/new")
    assert address is not None
    page = office.browser(REVIEWER).page(address)
    assert "青木" in page
    assert f'name="what" value="remove:{account.system_id}"' in page
    assert re.search(r'name="take" value="\d+"', page)


def test_of_a_group_without_approval_the_application_names_the_right(office: Office, account: Account) -> None:
    extra = {"differences": [["extra_member", "id-of-ledger-approve"]], "more": True}
    find(office, Found(FindingKind.EXTRA_MEMBER, f"g-1:{account.external_id}", account.login_name, None, extra))
    address = way(office, "requests/new")
    assert address is not None
    with office.database.reading() as session:
        right = office.cast.entitlement(session, "ledger/approve").id
    assert f"what=change:{account.system_id}" in address
    assert f"give={right}" in address
    assert f'name="give" value="{right}"' in office.browser(REVIEWER).page(address)


def test_of_somebody_unknown_who_waits_for_no_id_there_is_no_application(office: Office) -> None:
    find(office, Found(FindingKind.EXTRA_MEMBER, "g-1:nobody", "nobody"))
    assert way(office, "requests/new") is None


def test_whoever_may_not_apply_for_the_holder_is_led_to_no_application(office: Office, account: Account) -> None:
    find(office, Found(FindingKind.DORMANT, "e-1", account.login_name, account.id))
    assert way(office, "requests/new", "system") is None
    assert way(office, "exceptions/new", "auditor") is None


def test_of_somebody_who_is_not_announced_no_form_names_the_number(office: Office) -> None:
    staff = office.cast.people["staff"]
    with office.database.writing() as session:
        found = [Found(FindingKind.BURST, "p-1", "青木", person_id=staff)]
        record_everywhere(session, [FindingKind.BURST], found, actor=WORKER, policy=office.cast.policy, now=NOW)
        session.execute(update(Employment).where(Employment.person_id == staff).values(published_on=PUBLIC_ON))
    address = way(office, "exceptions/new")
    assert address is not None
    assert "100009" not in address


def test_every_kind_that_may_be_excepted_names_its_clause() -> None:
    assert set(FindingKind) - set(NEVER_ANSWERED) == set(CLAUSES)


def test_the_list_the_overview_and_the_system_name_states_in_the_words_of_the_house(office: Office) -> None:
    find(office, Found(FindingKind.DRIFT, "e-1", "u100009"))
    browser = office.browser("auditor")
    for title in FINDING_STATE_TITLES.values():
        assert f">{title}</a>" in browser.page("/findings")
    for title in list(FINDING_STATE_TITLES.values())[:3]:
        assert title in browser.page("/findings/overview")
        assert title in browser.page("/systems/1/findings")
    assert FINDING_STATE_TITLES[next(iter(FINDING_STATE_TITLES))] in browser.page("/findings/1")


def test_no_page_has_another_word_for_a_state() -> None:
    others = ("未解決", "解決済み", "正当化中", "リスク受容中")
    root = Path(__file__).parents[3] / "web"
    pages = [
        *root.glob("templates/findings/*.html"),
        *root.glob("templates/exceptions/*.html"),
        *root.glob("sweep/*.py"),
    ]
    assert [(page.name, word) for page in pages for word in others if word in page.read_text("utf-8")] == []
