"""The table of roles, actions and scopes, as printed for auditors."""

import csv
import re
from io import StringIO

import pytest

from idm.permissions import SCOPE_TITLES, SCOPES, TITLES, Action
from idm.vocabulary import Role
from tests.web.office import Office

NOTHING = "できない"


def enforced(action: Action) -> list[str]:
    """What the table that decides says of the action, role by role."""
    scopes = [SCOPES[action].get(role) for role in Role]
    return ["" if scope is None else SCOPE_TITLES[scope] for scope in scopes]


@pytest.mark.parametrize("who", ["staff", "hr", "desk", "system"])
def test_for_those_who_do_not_govern_there_is_no_table(office: Office, who: str) -> None:
    assert office.browser(who).open("/permissions").status_code == 404
    assert office.browser(who).open("/permissions.csv").status_code == 404


@pytest.mark.asvs("8.1.1")
def test_the_page_says_exactly_what_is_enforced_and_how_far(office: Office) -> None:
    page = office.browser("auditor").page("/permissions")
    for action in Action:
        row = re.search(rf'<th scope="row">{re.escape(TITLES[action])}</th>(.*?)</tr>', page)
        assert row is not None
        said = re.findall(r'<span class="visually-hidden">([^<]*)</span>', row[1])
        assert said == [scope or NOTHING for scope in enforced(action)]


def test_the_list_to_keep_says_the_same(office: Office) -> None:
    answer = office.browser("auditor").open("/permissions.csv")
    heading, *lines = csv.reader(StringIO(answer.data.decode("utf-8-sig")))
    assert heading[1:] == [office.cast.policy.title_of(role) for role in Role]
    assert lines == [[TITLES[action], *enforced(action)] for action in Action]


def test_roles_have_the_titles_of_the_profile(office: Office) -> None:
    page = office.browser("auditor").page("/permissions")
    for role in Role:
        assert office.cast.policy.title_of(role) in page
