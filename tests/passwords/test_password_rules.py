"""The profile's rules for passwords: sound in themselves, and beside what a directory enforces (D4, E4, E5)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from idm.errors import ConfigurationInvalid
from idm.passwords.password_rules import (
    NOTHING,
    Rule,
    RuleLine,
    RuleVerdict,
    in_words,
    mistakes_in,
    ordinary_lines,
    privileged_lines,
    wrong_lines,
)
from idm.policy import PasswordRules, PrivilegedRules
from idm.policy_file import load_profile, shipped_profile
from idm.ports import PasswordPolicy
from idm.vocabulary import PasswordRuleset

FUKUOKA = load_profile("fukuoka").policy
ORDINARY, PRIVILEGED = FUKUOKA.passwords, FUKUOKA.privileged
PERIODIC = replace(
    ORDINARY, rules=PasswordRuleset.LEGACY_PERIODIC, maximum_age_days=90, spread_days=30, deviation="規程 第59条"
)
STANDARD = replace(ORDINARY, rules=PasswordRuleset.STANDARD)
GOOD = replace(NOTHING, minimum_length=12, complex=False, lockout_after=10, lockout_for=timedelta(minutes=15))
WEAKER, FINE, STRONGER = RuleVerdict.WEAKER, RuleVerdict.AGREES, RuleVerdict.STRONGER


def keys(ordinary: PasswordRules, privileged: PrivilegedRules = PRIVILEGED) -> list[str]:
    return [key for key, _ in mistakes_in(ordinary, privileged)]


def verdict(rule: Rule, seen: PasswordPolicy, rules: PasswordRules = ORDINARY) -> RuleVerdict:
    return {line.rule: line.verdict for line in ordinary_lines(rules, seen)}[rule]


def privileged_verdict(rule: Rule, seen: PasswordPolicy) -> RuleVerdict:
    return {line.rule: line.verdict for line in privileged_lines(PRIVILEGED, seen)}[rule]


# --- in themselves ---------------------------------------------------------------------------------------------------


def test_the_three_schools_are_sound_as_they_are_meant() -> None:
    assert [keys(one) for one in (ORDINARY, STANDARD)] == [[], []]
    assert keys(PERIODIC, replace(PRIVILEGED, rotation_days=90)) == []


def test_periodic_change_needs_the_organisations_own_rule() -> None:
    assert keys(replace(PERIODIC, deviation=" ")) == ["passwords.deviation"]
    assert keys(replace(PERIODIC, maximum_age_days=0)) == ["passwords.maximum_age_days"]


@pytest.mark.parametrize("school", [PasswordRuleset.NIST_2025, PasswordRuleset.STANDARD])
@pytest.mark.asvs("6.2.10")
def test_no_other_school_may_let_passwords_grow_old(school: PasswordRuleset) -> None:
    wrong = replace(PERIODIC, rules=school)
    assert keys(wrong) == ["passwords.maximum_age_days", "passwords.deviation", "passwords.spread_days"]


def test_the_days_of_change_are_spread_over_less_than_the_period() -> None:
    assert keys(replace(PERIODIC, spread_days=90)) == ["passwords.spread_days"]
    assert keys(replace(PERIODIC, spread_days=89)) == []


def test_a_privileged_password_is_never_asked_for_less_than_an_ordinary_one() -> None:
    weak = replace(PRIVILEGED, minimum_length=11, lockout_after=11, rotation_days=91)
    assert keys(PERIODIC, weak) == ["privileged.minimum_length", "privileged.lockout_after", "privileged.rotation_days"]
    assert keys(ORDINARY, replace(PRIVILEGED, rotation_days=400)) == [], "ordinary ones are changed on suspicion only"


def test_a_profile_tells_every_such_mistake_at_once() -> None:
    child = 'extends = "base"\n[passwords]\nmaximum_age_days = 60\nspread_days = 9\n[privileged]\nminimum_length = 8\n'
    texts = {"child": child, "base": shipped_profile("fukuoka")}
    with pytest.raises(ConfigurationInvalid) as refusal:
        load_profile("child", lambda name: texts[name])
    told = [mistake.split(": ")[1] for mistake in refusal.value.mistakes]
    assert told == [
        "passwords.maximum_age_days", "passwords.spread_days", "privileged.minimum_length", "privileged.rotation_days",
    ]  # fmt: skip


# --- beside a directory ----------------------------------------------------------------------------------------------


def test_a_directory_that_does_what_is_asked_for_has_nothing_wrong() -> None:
    assert wrong_lines(ordinary_lines(ORDINARY, GOOD)) == []


@pytest.mark.parametrize(("length", "expected"), [(None, WEAKER), (11, WEAKER), (12, FINE), (13, STRONGER)])
def test_a_shorter_password_is_weaker_and_a_longer_one_is_fine(length: int | None, expected: RuleVerdict) -> None:
    assert verdict(Rule.LENGTH, replace(GOOD, minimum_length=length)) is expected


@pytest.mark.parametrize(("after", "expected"), [(None, WEAKER), (11, WEAKER), (10, FINE), (3, STRONGER)])
def test_more_attempts_are_weaker_and_fewer_are_fine(after: int | None, expected: RuleVerdict) -> None:
    assert verdict(Rule.LOCKOUT, replace(GOOD, lockout_after=after)) is expected


@pytest.mark.asvs("6.2.10")
def test_a_directory_that_forces_change_is_a_difference_from_current_advice() -> None:
    forcing = replace(GOOD, maximum_age=timedelta(days=42))
    assert verdict(Rule.PERIOD, forcing) is RuleVerdict.OTHERWISE
    assert verdict(Rule.PERIOD, forcing, STANDARD) is STRONGER
    [wrong] = wrong_lines(ordinary_lines(ORDINARY, forcing))
    assert in_words([wrong]) == (
        "定期変更：規則は「求めない（疑いのあるときだけ）」、ディレクトリは「42日ごとに求めます」。",
        "ディレクトリのパスワードの有効期間を、規則に合わせる",
    )


@pytest.mark.parametrize(("days", "expected"), [(None, WEAKER), (91, WEAKER), (90, FINE), (60, STRONGER)])
def test_where_the_rule_is_periodic_the_directory_has_to_keep_it(days: int | None, expected: RuleVerdict) -> None:
    seen = replace(GOOD, maximum_age=None if days is None else timedelta(days=days))
    assert verdict(Rule.PERIOD, seen, PERIODIC) is expected


def test_kinds_of_characters_are_asked_for_by_one_school_only() -> None:
    assert verdict(Rule.KINDS, GOOD, STANDARD) is WEAKER
    assert verdict(Rule.KINDS, replace(GOOD, complex=True), STANDARD) is FINE
    assert verdict(Rule.KINDS, replace(GOOD, complex=None), STANDARD) is RuleVerdict.NOT_READABLE
    assert verdict(Rule.KINDS, replace(GOOD, complex=True)) is STRONGER


def test_what_no_directory_shows_is_called_neither_fine_nor_wrong() -> None:
    lines = ordinary_lines(ORDINARY, GOOD)
    assert RuleLine(Rule.WORDS, "よく使われる言葉を禁じる", "示されません", RuleVerdict.NOT_SHOWN) in lines


def test_a_privileged_id_under_the_rules_for_everybody_is_too_weak() -> None:
    wrong = wrong_lines(privileged_lines(PRIVILEGED, GOOD))
    assert [line.rule for line in wrong] == [Rule.LENGTH, Rule.LOCKOUT]
    strong = replace(GOOD, minimum_length=24, lockout_after=5)
    assert wrong_lines(privileged_lines(PRIVILEGED, strong)) == []


def test_a_kept_password_must_not_expire_before_it_is_changed() -> None:
    early, late = (replace(GOOD, maximum_age=timedelta(days=days)) for days in (89, 90))
    assert privileged_verdict(Rule.PERIOD, early) is RuleVerdict.OTHERWISE
    assert privileged_verdict(Rule.PERIOD, late) is FINE
