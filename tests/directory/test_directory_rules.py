"""What a directory's rules for passwords and its guarded groups mean for the product."""

from datetime import timedelta

import pytest

from idm.directory.directory_rules import GroupRight, last_use_check, missing_groups, password_checks, tier0_check
from idm.policy_file import load_profile
from idm.ports import Check, CheckVerdict, PasswordPolicy

PROFILE = load_profile("fukuoka").policy
ATTEMPTS, LOCK = PROFILE.sign_in.attempts, timedelta(minutes=PROFILE.sign_in.lock_minutes)
FINE, WARNING, FAILED = CheckVerdict.FINE, CheckVerdict.WARNING, CheckVerdict.FAILED


def policy(
    *, length: int | None = PROFILE.passwords.own_minimum_length, after: int | None = 50,
    locked_for: timedelta | None = LOCK,
) -> PasswordPolicy:  # fmt: skip
    return PasswordPolicy("既定", True, length, True, 3, None, after, locked_for)


def verdicts(read: PasswordPolicy, *, for_sign_in: bool = False) -> dict[str, CheckVerdict]:
    return {check.subject: check.verdict for check in password_checks(read, PROFILE, for_sign_in=for_sign_in)}


def found(subject: str, read: PasswordPolicy, *, for_sign_in: bool = False) -> Check:
    return next(c for c in password_checks(read, PROFILE, for_sign_in=for_sign_in) if c.subject == subject)


def test_rules_as_strict_as_the_profiles_are_fine() -> None:
    assert set(verdicts(policy()).values()) == {FINE}
    assert set(verdicts(policy(), for_sign_in=True).values()) == {FINE}


@pytest.mark.parametrize("length", [None, PROFILE.passwords.own_minimum_length - 1])
def test_shorter_passwords_than_the_profiles_are_pointed_out(length: int | None) -> None:
    check = found("パスワードの長さ", policy(length=length))
    assert check.verdict is WARNING
    assert f"{PROFILE.passwords.own_minimum_length}文字以上" in check.remedy


def test_a_temporary_password_that_the_directory_would_refuse_is_a_failure() -> None:
    longest = PROFILE.passwords.temporary_length
    assert found("仮パスワードの長さ", policy(length=longest)).verdict is FINE
    assert found("仮パスワードの長さ", policy(length=longest + 1)).verdict is FAILED


@pytest.mark.parametrize("for_sign_in", [True, False])
def test_no_lockout_at_all_is_pointed_out(for_sign_in: bool) -> None:
    assert found("ロックアウト", policy(after=None), for_sign_in=for_sign_in).verdict is WARNING


@pytest.mark.parametrize(
    ("after", "locked_for", "verdict"),
    [
        (ATTEMPTS, LOCK, WARNING),  # one round of ours locks the account
        (ATTEMPTS + 1, LOCK, FINE),
        (ATTEMPTS + 1, LOCK + timedelta(seconds=1), WARNING),  # a second round begins while the first is remembered
        (ATTEMPTS * 2, LOCK * 2, WARNING),
        (ATTEMPTS * 2 + 1, LOCK * 2, FINE),
        (ATTEMPTS + 1, None, WARNING),  # it remembers until somebody opens it: patience is enough
    ],
)
def test_our_attempts_end_before_the_directory_locks(
    after: int, locked_for: timedelta | None, verdict: CheckVerdict
) -> None:
    check = found("サインインの試行回数", policy(after=after, locked_for=locked_for), for_sign_in=True)
    assert check.verdict is verdict
    assert bool(check.remedy) is (verdict is WARNING)


@pytest.mark.parametrize(
    ("protected", "by_hand", "verdict"), [(True, False, FAILED), (True, True, FINE), (False, False, FINE)]
)
def test_a_guarded_group_is_given_by_hand_only(protected: bool, by_hand: bool, verdict: CheckVerdict) -> None:
    check = tier0_check(GroupRight("管理者", "Domain Admins", by_hand, protected))
    assert check.verdict is verdict
    assert ("by_hand = true" in check.remedy) is (verdict is FAILED)


def test_a_group_that_is_not_there_is_a_failure_with_its_name() -> None:
    [check] = missing_groups([("伝票入力", "ledger-enter")])
    assert (check.verdict, "ledger-enter" in check.subject, bool(check.remedy)) == (FAILED, True, True)


def test_last_use_says_its_source_and_how_late_it_may_be() -> None:
    late = last_use_check("lastLogonTimestamp", timedelta(days=14), readable=True)
    assert (late.verdict, "最大14日" in late.found) == (FINE, True)
    assert last_use_check(None, None, readable=False).verdict is WARNING
