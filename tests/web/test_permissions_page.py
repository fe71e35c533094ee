"""The table of roles and actions, as printed for auditors."""

import re

import pytest

from idm.permissions import PERMISSIONS, TITLES, Action
from idm.vocabulary import Role
from tests.web.office import Office


@pytest.mark.parametrize("who", ["staff", "hr", "desk", "system"])
def test_for_those_who_do_not_govern_there_is_no_table(office: Office, who: str) -> None:
    assert office.browser(who).open("/permissions").status_code == 404


def test_the_table_says_exactly_what_is_enforced(office: Office) -> None:
    page = office.browser("auditor").page("/permissions")
    for action in Action:
        row = re.search(rf'<th scope="row">{TITLES[action]}</th>(.*?)</tr>', page)
        assert row is not None
        cells = [">できる<" in cell for cell in row[1].split("</td>")[:-1]]
        assert cells == [role in PERMISSIONS[action] for role in Role]


def test_roles_have_the_titles_of_the_profile(office: Office) -> None:
    page = office.browser("auditor").page("/permissions")
    for role in Role:
        assert office.cast.policy.title_of(role) in page
