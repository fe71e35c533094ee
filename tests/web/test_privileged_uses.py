"""The use of privileged IDs at the browser: asked, permitted by another, the password once, given back, reported."""

import pytest

from tests.web.office import Browser, Office
from tests.web.privileged_office import PASSWORD, PURPOSE, ask, asking, opened, seal, with_holder, work


@pytest.fixture
def account(office: Office) -> int:
    return with_holder(office)


@pytest.fixture
def holder(office: Office, account: int) -> Browser:
    return office.browser("staff")


@pytest.fixture
def manager(office: Office) -> Browser:
    return office.browser("system")


def test_the_page_says_what_one_may_use_and_asks_for_it(office: Office, account: int, holder: Browser) -> None:
    page = holder.page("/privileged-uses")
    assert f"/privileged-uses/new?account={account}" in page
    form = holder.page(f"/privileged-uses/new?account={account}")
    assert "システム管理" in form
    assert "最長8時間" in form


def test_whole(office: Office, account: int, holder: Browser, manager: Browser) -> None:
    use_id = opened(office, account, holder, manager)
    page = holder.page(f"/privileged-uses/{use_id}")
    assert "パスワードを表示する" in page
    answer = holder.send(f"/privileged-uses/{use_id}/password", {})
    assert PASSWORD in answer.text
