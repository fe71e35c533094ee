"""What the nightly sweep finds of default names, guarded IDs, rules for passwords, and old passwords (D4, D5, E5)."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.calendar_days import day_of
from idm.models.systems import Account
from idm.models.work import Finding, MailMessage
from idm.operations.passwords.warnings_before_due import AHEAD_SUBJECT, DUE_SUBJECT
from idm.passwords.password_due import WARNED_BEFORE_DAYS, due_day
from idm.policy import Policy
from idm.ports import BuiltIn
from idm.queries.passwords.password_rules import rules_sheet
from idm.vocabulary import FindingKind, PasswordRuleset
from jobs import provision
from jobs.sweep import sweep
from tests.cast import Cast
from tests.jobs.memory_place import Place, open_place

MAXIMUM, SPREAD = 90, 30


@pytest.fixture
def place(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return open_place(cast, tmp_path, monkeypatch)


def swept(place: Place) -> set[tuple[FindingKind, str]]:
    sweep.sweep(place.installation, system_code="ledger")
    return {one for one in place.found() if one[0] is not FindingKind.ORPHAN}


def finding(place: Place, kind: FindingKind) -> Finding:
    with place.cast.database.reading() as session:
        return session.scalars(select(Finding).where(Finding.kind == kind, Finding.resolved_at.is_(None))).one()


def mails(place: Place, subject: str) -> Counter[str]:
    with place.cast.database.reading() as session:
        return Counter(session.scalars(select(MailMessage.recipient).where(MailMessage.subject == subject)))


def under(monkeypatch: pytest.MonkeyPatch, policy: Policy) -> None:
    """From now on the sweep goes by this profile."""
    monkeypatch.setattr(sweep, "policy_in_force", lambda *_args, **_kw: policy)


# --- names, numbers, guards ------------------------------------------------------------------------------------------


def test_a_default_name_is_found_until_it_is_switched_off(place: Place) -> None:
    admin = place.by_hand("Admin")
    place.by_hand("adam")
    assert swept(place) == {(FindingKind.DEFAULT_NAME, "Admin")}
    admin.switched_off = True
    assert swept(place) == set()


def test_a_built_in_id_that_was_renamed_is_still_known_and_told_of(place: Place) -> None:
    born = place.by_hand("kanri")
    born.built_in = BuiltIn.ADMINISTRATOR
    assert swept(place) == {(FindingKind.UNREGISTERED_PRIVILEGE, "kanri")}
    assert len(mails(place, "【至急・特権】承認のない特権が見つかりました")) == 3
    born.switched_off = True
    assert swept(place) == set()


def test_a_daily_id_that_the_directory_guards_without_a_reason_is_found(place: Place) -> None:
    place.account("u100009").protected = True
    place.account("u100009").switched_off = False
    assert (FindingKind.UNREGISTERED_PRIVILEGE, "u100009") in swept(place)


# --- rules for passwords ---------------------------------------------------------------------------------------------


def test_a_directory_that_asks_for_less_is_found_and_shown(place: Place) -> None:
    place.directory.policy = replace(place.directory.policy, minimum_length=8)
    swept(place)
    found = finding(place, FindingKind.PASSWORD_RULES)
    assert "規則は「12文字以上」、ディレクトリは「8文字以上」" in str(found.details["reason"])
    with place.cast.database.reading() as session:
        sheet = rules_sheet(session, 1)
    assert sheet is not None
    assert [section.policy for section in sheet.sections] == ["default"]
    place.directory.policy = replace(place.directory.policy, minimum_length=12)
    assert swept(place) == set()


def test_a_directory_that_forces_change_is_found_where_nobody_asks_for_it(place: Place) -> None:
    place.directory.policy = replace(place.directory.policy, maximum_age=timedelta(days=42))
    swept(place)
    assert "42日ごとに求めます" in str(finding(place, FindingKind.PASSWORD_RULES).details["reason"])


def test_a_privileged_id_with_weaker_rules_than_the_profiles_is_found_by_itself(place: Place) -> None:
    until = day_of(place.clock()) + timedelta(days=90)
    request = place.cast.file("staff", ("staff", "ledger/admin-account"), now=place.clock(), valid_until=until)
    place.cast.approve(request, now=place.clock())
    provision.run_due(place.installation, worker="w1")
    swept(place)
    found = finding(place, FindingKind.PASSWORD_RULES)
    assert "24文字以上" in str(found.details["reason"])
    with place.cast.database.reading() as session:
        own = session.scalars(select(Account).where(Account.kind == "privileged")).one()
    assert found.label == own.login_name
    place.account(own.login_name).policy = replace(place.directory.policy, name="strict", minimum_length=24)
    assert (FindingKind.PASSWORD_RULES, own.login_name) not in swept(place)


# --- periodic change -------------------------------------------------------------------------------------------------


def periodic(place: Place) -> Policy:
    """The profile of an organisation whose rule demands change every ninety days."""
    passwords = replace(
        place.cast.policy.passwords, rules=PasswordRuleset.LEGACY_PERIODIC, maximum_age_days=MAXIMUM,
        spread_days=SPREAD, deviation="規程 第59条",
    )  # fmt: skip
    return replace(place.cast.policy, passwords=passwords)


def days_to_due(place: Place, left: int) -> None:
    """青木 changed the password so long ago that so many days are left."""
    account = place.account("u100009")
    assert account.account_uuid is not None
    today = day_of(place.clock())
    due = due_day(today, account.account_uuid, maximum_age_days=MAXIMUM, spread_days=SPREAD)
    account.switched_off, account.must_change = False, False
    account.password_changed_at = place.clock() - timedelta(days=(due - today).days - left)


@pytest.mark.parametrize(
    ("left", "ahead", "due", "overdue"),
    [(WARNED_BEFORE_DAYS + 1, 0, 0, False), (WARNED_BEFORE_DAYS, 1, 0, False), (1, 1, 0, False), (0, 0, 1, False),
     (-1, 0, 1, True)],
)  # fmt: skip
def test_somebody_is_warned_before_and_on_the_day_and_found_after_it(
    place: Place, monkeypatch: pytest.MonkeyPatch, left: int, ahead: int, due: int, overdue: bool
) -> None:
    under(monkeypatch, periodic(place))
    days_to_due(place, left)
    for _ in range(2):
        found = swept(place)
    assert mails(place, AHEAD_SUBJECT)["u100009@example.jp"] == ahead
    assert mails(place, DUE_SUBJECT)["u100009@example.jp"] == due, "once, however often it is swept"
    assert ((FindingKind.PASSWORD_OVERDUE, "u100009") in found) is overdue


def test_who_has_changed_it_is_told_of_the_next_one_anew(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    under(monkeypatch, periodic(place))
    days_to_due(place, 0)
    swept(place)
    place.account("u100009").password_changed_at = place.clock()
    swept(place)
    days_to_due(place, -1)
    swept(place)
    assert mails(place, DUE_SUBJECT)["u100009@example.jp"] == 2


def test_temporary_switched_off_and_foreign_passwords_are_nobodys_to_change_by_then(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    under(monkeypatch, periodic(place))
    stranger = place.by_hand("service")
    stranger.password_changed_at = place.clock() - timedelta(days=1000)
    days_to_due(place, -5)
    place.account("u100009").must_change = True
    assert FindingKind.PASSWORD_OVERDUE not in {kind for kind, _ in swept(place)}
    days_to_due(place, -5)
    place.account("u100009").switched_off = True
    assert FindingKind.PASSWORD_OVERDUE not in {kind for kind, _ in swept(place)}
    assert mails(place, DUE_SUBJECT) == mails(place, AHEAD_SUBJECT) == {}


def test_where_nobody_asks_for_periodic_change_nobody_is_told(place: Place) -> None:
    days_to_due(place, -500)
    assert FindingKind.PASSWORD_OVERDUE not in {kind for kind, _ in swept(place)}
    assert mails(place, DUE_SUBJECT) == {}
