"""The page on which a system's rules for passwords stand beside the profile's (D4, E4)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from idm.operations.passwords.rules_read import RulesPart, keep
from idm.passwords.password_rules import (
    NOTHING,
    asked_of_privileged,
    ordinary_lines,
    privileged_lines,
    unreadable_lines,
)
from tests.cast import NOW
from tests.web.office import Office

SEEN = replace(NOTHING, minimum_length=8, complex=True, lockout_after=5, maximum_age=timedelta(days=42))
PATH = "/systems/1/password-rules"


def read(office: Office, *parts: RulesPart) -> None:
    with office.database.writing() as session:
        keep(session, 1, parts, now=NOW)


def test_each_rule_stands_beside_what_the_directory_does(office: Office) -> None:
    policy = office.cast.policy
    read(office, RulesPart("ordinary", "通常の利用者ID", "cn=default", ordinary_lines(policy.passwords, SEEN)))
    page = office.browser("security").page(PATH)
    for said in (
        "12文字以上",
        "8文字以上",
        "規則より弱い",
        "42日ごとに求めます",
        "規則と異なる",
        "規則より強い",
        "5回",
    ):
        assert said in page
    assert "外からは確かめられない" in page, "what no directory shows is not called fine"
    assert "読み取れない" not in page


def test_what_could_not_be_read_is_not_called_weak(office: Office) -> None:
    lines = unreadable_lines(asked_of_privileged(office.cast.policy.privileged))
    read(office, RulesPart("privileged:", "特権ID等 2 件", None, lines, ("adm-1", "adm-2")))
    page = office.browser("security").page(PATH)
    assert "読み取れない" in page
    assert "adm-1、adm-2" in page
    assert "24文字以上" in page
    assert "規則より弱い" not in page


def test_privileged_ids_that_share_their_rules_are_one_part(office: Office) -> None:
    lines = privileged_lines(office.cast.policy.privileged, replace(SEEN, minimum_length=24, maximum_age=None))
    read(office, RulesPart("privileged:strict", "特権ID等 1 件", "strict", lines, ("adm-1",)))
    page = office.browser("auditor").page(PATH)
    assert "規則のとおり" in page
    assert "strict" in page


def test_a_system_that_was_never_read_and_one_without_rules_say_so(office: Office) -> None:
    assert "まだ読み取っていません" in office.browser("security").page(PATH)
    read(office)
    assert "この接続では、パスワードの規則を読み取れません" in office.browser("security").page(PATH)


@pytest.mark.parametrize("who", ["staff", "contractor"])
def test_nobody_else_learns_where_a_directory_is_weak(office: Office, who: str) -> None:
    assert office.browser(who).open(PATH).status_code == 404
