"""The menu: few entries for anybody, a tab for each page of a subject, where one is, and what waits there."""

import re
from itertools import combinations

import pytest
from flask import Flask

from idm.vocabulary import Role
from tests.web.office import Office
from web import navigation
from web.navigation import NAVIGATION, Link, Subject, Tab, menu_for, tab_of
from web.route_access import ROUTES, Who
from web.waiting_work import COUNTS

NOBODY: frozenset[Role] = frozenset()
WITHOUT_A_TAB = {"fresh_factor.show", "fresh_factor.give", "provider_sign_in.end"}
"""What stands between two pages, or comes back to a page of another tab."""


def nothing(_endpoint: str) -> int:
    return 0


def entries(page: str, kind: str = "site") -> list[str]:
    """The links of the menu, or of the tabs, as they are written."""
    found: list[str] = re.findall(rf'<nav class="{kind}-navigation".*?</nav>', page, re.DOTALL)
    return re.findall(r"<a .*?</a>", "".join(found))


def addresses(links: list[str]) -> list[str]:
    return [re.findall(r'href="([^"]+)"', link)[0] for link in links]


def test_nobody_has_more_than_nine_entries_whatever_their_roles_come_together_to() -> None:
    for number in (1, 2, 3, len(Role)):
        for roles in combinations(Role, number):
            assert len(menu_for(frozenset(roles), "home.index", nothing)) <= 9, roles
    assert [str(link.label) for link in menu_for(NOBODY, "home.index", nothing)] == ["ホーム", "申請"]


def test_every_tab_leads_to_a_page_without_parameters(app: Flask) -> None:
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.arguments and "GET" in (rule.methods or ())}
    for subject in NAVIGATION:
        for tab in subject.tabs:
            assert tab.endpoint in pages, tab.label
            assert all(name in ROUTES or name in app.blueprints for name in tab.holds), tab.label


def test_every_page_is_a_tab_or_marks_the_one_it_is_reached_from(app: Flask) -> None:
    signed_in = {endpoint for endpoint, access in ROUTES.items() if access.who is Who.SIGNED_IN}
    assert {endpoint for endpoint in signed_in if tab_of(endpoint) is None} == WITHOUT_A_TAB


def test_every_list_is_a_tab(app: Flask) -> None:
    tabs = {tab.endpoint for subject in NAVIGATION for tab in subject.tabs}
    lists = {
        rule.endpoint for rule in app.url_map.iter_rules()
        if rule.endpoint.endswith(".index") and not rule.arguments and ROUTES[rule.endpoint].who is Who.SIGNED_IN
    }  # fmt: skip
    assert lists - tabs == {"outside_contracts.index"}, "a tab of the register of people outside HR leads there"


@pytest.mark.parametrize(
    ("endpoint", "tab"),
    [
        ("findings.index", "findings.index"), ("findings.show", "findings.index"),
        ("findings.sweeps", "findings.sweeps"),
        ("finding_overview.of_system", "systems.index"), ("feed_uploads.new", "hr.index"),
        ("privileged_use_oversight.history", "privileged_use_oversight.history"),
        ("notices.everybody", "notices.everybody"),
        ("giving_back.confirm", "me.index"), ("giving_back.ending", "giving_back.ending"),
        ("authenticators.new", "people.index"), ("sign_in.start", None), (None, None),
    ],
)  # fmt: skip
def test_a_page_belongs_to_the_tab_that_names_it_before_the_one_of_its_blueprint(
    endpoint: str | None, tab: str | None
) -> None:
    found = tab_of(endpoint)
    assert (found.endpoint if found else None) == tab


def test_an_entry_with_one_page_for_somebody_bears_the_name_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    tabs = (Tab("棚卸し", "reviews.index"), Tab("記録の点検", "log_check.index"))
    monkeypatch.setattr(navigation, "NAVIGATION", (Subject("点検", tabs),))
    assert [link.label for link in menu_for(NOBODY, None, nothing)] == ["棚卸し"]
    assert [link.label for link in menu_for(frozenset({Role.AUDITOR}), None, nothing)] == ["点検"]


def test_a_subject_outside_the_menu_is_there_while_somebody_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = Subject("特権ID", (Tab("自分の利用", "privileged_uses.index"),), frozenset({Role.CISO}))
    monkeypatch.setattr(navigation, "NAVIGATION", (subject,))
    assert menu_for(NOBODY, "home.index", nothing) == ()
    assert [link.current for link in menu_for(NOBODY, "privileged_uses.new", nothing)] == ["true"]


def test_what_waits_on_its_tabs_waits_on_the_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    tabs = (Tab("申請", "requests.index"), Tab("決裁", "approvals.index"), Tab("更新", "giving_back.ending"))
    monkeypatch.setattr(navigation, "NAVIGATION", (Subject("申請・決裁", tabs),))
    numbers = {"approvals.index": 3, "giving_back.ending": 1}
    [entry] = menu_for(NOBODY, "approvals.index", lambda endpoint: numbers.get(endpoint, 0))
    assert entry == Link("申請・決裁", "requests.index", "true", 4, (
        Link("申請", "requests.index", None), Link("決裁", "approvals.index", "page", 3),
        Link("更新", "giving_back.ending", None, 1),
    ))  # fmt: skip


def test_what_is_counted_is_a_tab() -> None:
    assert set(COUNTS) <= {tab.endpoint for subject in NAVIGATION for tab in subject.tabs}


@pytest.mark.parametrize("who", ["staff", "system", "hr", "desk", "security", "auditor"])
def test_whatever_is_shown_opens_marks_itself_and_stands_in_the_same_menu(office: Office, who: str) -> None:
    browser = office.browser(who)
    menu = addresses(entries(browser.page("/")))
    for entry in menu:
        for tab in addresses(entries(browser.page(entry), "subject")) or [entry]:
            page = browser.page(tab)
            assert addresses(entries(page)) == menu
            [current] = [link for link in entries(page) if "aria-current=" in link]
            assert addresses([current]) == [entry]
            tabs = entries(page, "subject")
            assert addresses([link for link in tabs if 'aria-current="page"' in link]) == ([tab] if tabs else [])


def test_what_waits_for_a_decision_is_told_on_every_page_and_to_nobody_else(office: Office) -> None:
    office.cast.file("staff", ("staff", "ledger/account"))
    for address in ("/systems", "/approvals"):
        waiting = [link for link in entries(office.browser("chief").page(address)) if "1件" in link]
        assert addresses(waiting) == ["/requests"]
    [tab] = [link for link in entries(office.browser("chief").page("/approvals"), "subject") if "1件" in link]
    assert addresses([tab]) == ["/approvals"]
    assert "1件" not in "".join(entries(office.browser("auditor").page("/systems")))
