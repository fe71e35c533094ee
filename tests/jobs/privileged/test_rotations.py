"""Kept passwords on a real OpenLDAP: none is lost, whatever dies when, none is changed under its user's hands (D4)."""

import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from idm.errors import FreshFactorNeeded, IllegalTransition, NotFound
from idm.keys.sealing import SealBroken, new_handover_key
from idm.models.privileged import PrivilegedUse, RegisteredId, Rotation
from idm.models.systems import Account, CredentialEvent
from idm.operations.privileged import check_outs
from idm.ports import SetEnabled, Writes
from idm.queries.privileged.rotations import overdue
from idm.vocabulary import CredentialEventKind, RotationReason, RotationState, UseEnd, UseState, VerifiedHow
from tests.jobs.conftest import Office
from tests.jobs.dying_rotation import POINTS
from tests.unwritable_record import unwritable
from tests.vault_office import BORN_WITH, VaultOffice

NAMES = ("backup-admin", "scan-room")


@pytest.fixture
def vault_office(office: Office) -> VaultOffice:
    """The office, keeping passwords of its ledger."""
    return VaultOffice(office.cast, office.installation)


def killed_at(point: str, vault_office: VaultOffice, *, hours: float = 0) -> None:
    """A worker has died at that point of a rotation."""
    settings = vault_office.installation.settings.model_dump_json()
    command = [sys.executable, "-m", "tests.jobs.dying_rotation", settings, point, str(hours)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == -9, done.stderr


# --- from the first to the next ---------------------------------------------------------------------------------------


def test_a_registered_password_is_taken_into_keeping_and_proven(vault_office: VaultOffice) -> None:
    backup, scan = vault_office.keep(*NAMES)
    assert vault_office.rotate() == 2
    for account_id in (backup, scan):
        secret, rotation = vault_office.secret(account_id), vault_office.rotation(account_id)
        assert secret is not None
        assert (secret.verified_how, secret.known_since) == (VerifiedHow.SIGN_IN, None)
        assert (rotation.state, rotation.reason, rotation.sealed) == (
            RotationState.CONFIRMED,
            RotationReason.FIRST,
            None,
        )
        assert vault_office.is_let_in(account_id, vault_office.password(account_id))
        assert not vault_office.is_let_in(account_id, BORN_WITH)
    assert vault_office.password(backup) != vault_office.password(scan)
    assert vault_office.rotate() == 0


def test_a_password_has_the_profiles_length_and_every_class(vault_office: VaultOffice) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    password = vault_office.password(account_id)
    assert len(password) >= max(24, vault_office.policy.privileged.minimum_length)
    for kind in (str.islower, str.isupper, str.isdigit):
        assert any(map(kind, password))
    assert not password.isalnum()


def test_a_disabled_id_is_proven_by_the_directorys_own_time(vault_office: VaultOffice, office: Office) -> None:
    [account_id] = vault_office.keep("backup-admin", enabled=False)
    vault_office.rotate()
    secret = vault_office.secret(account_id)
    assert secret is not None
    assert secret.verified_how is VerifiedHow.CHANGE_TIME
    assert "pwdEndTime" in office.entry("backup-admin")


def test_an_old_password_is_replaced_within_the_profiles_days_and_not_all_on_one_day(
    vault_office: VaultOffice, office: Office
) -> None:
    ids = vault_office.keep(*(f"shared-{number}" for number in range(12)))
    vault_office.rotate()
    before = {account_id: vault_office.password(account_id) for account_id in ids}
    days = vault_office.policy.privileged.rotation_days
    office.clock.ahead = timedelta(days=days) * 0.79
    assert vault_office.rotate() == 0
    office.clock.ahead = timedelta(days=days) * 0.9
    some = vault_office.rotate()
    assert 0 < some < len(ids)
    office.clock.ahead = timedelta(days=days)
    assert some + vault_office.rotate() == len(ids)
    for account_id, old in before.items():
        assert vault_office.password(account_id) != old
        assert vault_office.is_let_in(account_id, vault_office.password(account_id))


def test_what_is_asked_twice_is_done_once_for_the_more_urgent_reason(vault_office: VaultOffice) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    assert vault_office.ask(account_id, reason=RotationReason.INTERVAL) == 1
    assert vault_office.ask(account_id, reason=RotationReason.SUSPECTED) == 1
    assert vault_office.rotate() == 1
    with vault_office.cast.database.reading() as session:
        reasons = session.scalars(select(Rotation.reason).order_by(Rotation.id)).all()
    assert reasons == [RotationReason.FIRST, RotationReason.SUSPECTED]


def test_every_change_is_in_the_log(vault_office: VaultOffice) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    vault_office.ask(account_id)
    vault_office.rotate()
    with vault_office.cast.database.reading() as session:
        events = session.scalars(select(CredentialEvent.kind).where(CredentialEvent.account_id == account_id)).all()
    assert events == [CredentialEventKind.ROTATED] * 2


def test_no_password_is_changed_while_nothing_can_be_recorded(vault_office: VaultOffice) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    vault_office.ask(account_id)
    before = vault_office.password(account_id)
    with unwritable(vault_office.cast):
        with pytest.raises(SQLAlchemyError):
            vault_office.rotate()
        assert vault_office.is_let_in(account_id, before)
    vault_office.rotate()
    assert not vault_office.is_let_in(account_id, before)


def test_what_is_not_kept_any_more_is_not_changed(vault_office: VaultOffice) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    password = vault_office.password(account_id)
    vault_office.ask(account_id)
    with vault_office.cast.database.writing() as session:
        registered = session.scalars(select(RegisteredId)).one()
        registered.ended_at, registered.end_reason = vault_office.installation.clock(), "廃止"
    assert vault_office.rotate() == 0
    assert vault_office.rotation(account_id).state is RotationState.CANCELLED
    assert vault_office.is_let_in(account_id, password)


# --- death ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "enabled"), [*((point, True) for point in POINTS), ("sealed", False), ("told", False), ("set", False)]
)
def test_a_worker_killed_at_any_point_loses_no_password(
    vault_office: VaultOffice, office: Office, point: str, enabled: bool
) -> None:
    ids = vault_office.keep(*NAMES, enabled=enabled)
    vault_office.rotate()
    vault_office.ask(*ids)
    killed_at(point, vault_office)
    office.clock.ahead = timedelta(minutes=11)  # the dead worker's lease has run out
    if enabled:
        for account_id in ids:
            assert any(vault_office.is_let_in(account_id, known) for known in vault_office.in_our_books(account_id))
    vault_office.rotate()
    assert vault_office.all_confirmed()
    switched_on(vault_office, ids)
    for account_id in ids:
        assert vault_office.in_our_books(account_id) == [vault_office.password(account_id)]
        assert vault_office.is_let_in(account_id, vault_office.password(account_id))


def switched_on(vault_office: VaultOffice, ids: list[int]) -> None:
    """The IDs can be signed in to, so that their passwords can be tried."""
    with vault_office.cast.database.reading() as session:
        external_ids = [session.get_one(Account, account_id).external_id or "" for account_id in ids]
        system = vault_office.system(session)
    with closing(vault_office.installation.open_target(system)) as directory:
        assert isinstance(directory, Writes)
        directory.perform([SetEnabled(external_id, enabled=True) for external_id in external_ids])


# --- a target that is away, and one that says no ----------------------------------------------------------------------


def test_a_directory_that_is_away_for_three_days_is_waited_for(vault_office: VaultOffice, office: Office) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    before = vault_office.password(account_id)
    vault_office.ask(account_id)
    office.directory.stop()
    try:
        tries = 0
        while office.clock.ahead < timedelta(hours=72):
            tries += vault_office.rotate()
            office.clock.ahead += timedelta(minutes=10)
    finally:
        office.directory.start(office.directory.ldaps_port)
    rotation = vault_office.rotation(account_id)
    assert 72 <= tries <= 160, "it waits longer from time to time, at the most half an hour"
    assert (rotation.state, rotation.attempts) == (RotationState.ASKED, tries)
    assert rotation.last_error
    assert vault_office.in_our_books(account_id) == [before]
    office.clock.ahead += timedelta(hours=1)
    vault_office.rotate()
    after = vault_office.password(account_id)
    assert after != before
    assert vault_office.is_let_in(account_id, after)


def test_one_that_the_directory_refuses_leaves_the_one_before_and_says_why(
    vault_office: VaultOffice, office: Office
) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    before = vault_office.password(account_id)
    office.directory.apply(
        f"dn: {office.dn('backup-admin')}\nchangetype: modify\nreplace: pwdPolicySubentry\n"
        f"pwdPolicySubentry: {too_long_a_policy(office)}\n"
    )
    vault_office.ask(account_id)
    vault_office.rotate()
    rotation = vault_office.rotation(account_id)
    assert (rotation.state, rotation.sealed) == (RotationState.ASKED, None)
    assert "constraintViolation" in (rotation.last_error or "")
    assert vault_office.in_our_books(account_id) == [before]
    assert vault_office.is_let_in(account_id, before)
    office.directory.apply(f"dn: {office.dn('backup-admin')}\nchangetype: modify\ndelete: pwdPolicySubentry\n")
    office.clock.ahead = timedelta(hours=1)
    vault_office.rotate()
    assert vault_office.is_let_in(account_id, vault_office.password(account_id))


def too_long_a_policy(office: Office) -> str:
    """A policy that takes no password as long as ours, made once."""
    dn = f"cn=too-long,{office.directory.groups_base}"
    if not office.directory.read(dn, "cn"):
        office.directory.apply(
            f"dn: {dn}\nchangetype: add\nobjectClass: groupOfNames\nobjectClass: pwdPolicy\ncn: too-long\n"
            f"member: {office.directory.placeholder_dn}\npwdAttribute: userPassword\npwdMinLength: 60\n"
            "pwdCheckQuality: 2\n"
        )
    return dn


def test_what_is_overdue_is_told_with_the_reason(vault_office: VaultOffice, office: Office) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    vault_office.ask(account_id)
    office.directory.stop()
    try:
        vault_office.rotate()
    finally:
        office.directory.start(office.directory.ldaps_port)
    now = office.clock()
    with vault_office.cast.database.reading() as session:
        policy = vault_office.policy
        assert overdue(session, policy=policy, now=now + timedelta(hours=23)) == []
        [one] = overdue(session, policy=policy, now=now + timedelta(hours=25))
    assert (one.account_id, one.login_name, one.reason) == (account_id, "backup-admin", RotationReason.BY_HAND)
    assert one.error


# --- whose hands it is in ---------------------------------------------------------------------------------------------


def test_a_password_is_shown_once_and_replaced_when_it_is_given_back(vault_office: VaultOffice) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    use_id, private = vault_office.use(account_id)
    assert vault_office.prepare() == 1
    password = vault_office.show(use_id, private)
    assert vault_office.is_let_in(account_id, password)
    secret = vault_office.secret(account_id)
    assert secret is not None
    assert secret.known_since is not None
    with pytest.raises(IllegalTransition):
        vault_office.show(use_id, private)
    assert vault_office.prepare() == 0
    give_back(vault_office, use_id)
    vault_office.ask(account_id, reason=RotationReason.RETURNED)
    vault_office.rotate()
    assert not vault_office.is_let_in(account_id, password)
    secret = vault_office.secret(account_id)
    assert secret is not None
    assert secret.known_since is None


def give_back(vault_office: VaultOffice, use_id: int) -> None:
    """The use is over."""
    with vault_office.cast.database.writing() as session:
        use = session.get_one(PrivilegedUse, use_id)
        use.state, use.ended_at, use.end_reason = UseState.ENDING, vault_office.installation.clock(), UseEnd.RETURNED


@pytest.mark.parametrize("reason", [RotationReason.BY_HAND, RotationReason.INTERVAL])
def test_nobodys_password_is_changed_under_their_hands(vault_office: VaultOffice, reason: RotationReason) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    use_id, private = vault_office.use(account_id)
    vault_office.prepare()
    vault_office.ask(account_id, reason=reason)
    assert vault_office.rotate() == 0
    password = vault_office.show(use_id, private)
    assert vault_office.rotate() == 0
    assert vault_office.is_let_in(account_id, password)
    give_back(vault_office, use_id)
    assert vault_office.rotate() == 1


@pytest.mark.parametrize("reason", [RotationReason.SUSPECTED, RotationReason.HOLDER_CHANGED])
def test_unless_it_may_be_in_the_wrong_hands(vault_office: VaultOffice, reason: RotationReason) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    use_id, private = vault_office.use(account_id)
    vault_office.prepare()
    password = vault_office.show(use_id, private)
    vault_office.ask(account_id, reason=reason)
    assert vault_office.rotate() == 1
    assert not vault_office.is_let_in(account_id, password)


def test_nobody_else_is_shown_it_nor_without_a_fresh_factor_nor_after_the_end(
    vault_office: VaultOffice, office: Office
) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    use_id, private = vault_office.use(account_id)
    vault_office.prepare()
    with pytest.raises(NotFound):
        vault_office.show(use_id, private, who="chief")
    with pytest.raises(SealBroken):
        vault_office.show(use_id, new_handover_key()[0])
    stale = office.cast.stale("system")
    with pytest.raises(FreshFactorNeeded), office.cast.acting("system", "check_out.show", office.clock()) as session:
        check_outs.show(
            session, use_id=use_id, private_key=private, actor=stale, policy=vault_office.policy, now=office.clock()
        )
    office.clock.ahead = timedelta(hours=3)
    with pytest.raises(IllegalTransition):
        vault_office.show(use_id, private)
    vault_office.prepare()
    with office.cast.database.reading() as session:
        assert session.get_one(PrivilegedUse, use_id).sealed is None, "what was not looked at is emptied"


def test_one_that_the_directory_does_not_take_is_replaced_before_it_is_shown(
    vault_office: VaultOffice, office: Office
) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    office.directory.reset_password(office.dn("backup-admin"), "Somebody-else-1234+")
    use_id, private = vault_office.use(account_id)
    assert vault_office.prepare() == 0
    with pytest.raises(IllegalTransition):
        vault_office.show(use_id, private)
    vault_office.rotate()
    assert vault_office.rotation(account_id).reason is RotationReason.SUSPECTED
    office.clock.ahead = timedelta(minutes=1)
    assert vault_office.prepare() == 1
    assert vault_office.is_let_in(account_id, vault_office.show(use_id, private))


def test_a_sealed_password_that_is_replaced_meanwhile_is_sealed_anew(vault_office: VaultOffice) -> None:
    [account_id] = vault_office.keep("backup-admin")
    vault_office.rotate()
    use_id, private = vault_office.use(account_id)
    vault_office.prepare()
    vault_office.ask(account_id, reason=RotationReason.SUSPECTED)
    vault_office.rotate()
    with pytest.raises(IllegalTransition):
        vault_office.show(use_id, private)
    assert vault_office.prepare() == 1
    assert vault_office.is_let_in(account_id, vault_office.show(use_id, private))
