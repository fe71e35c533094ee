"""What a sweep finds in our own books: reports, temporary passwords and rotations whose time is over (D4, D6, E2)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.models.privileged import VaultKey, VaultSecret
from idm.models.systems import Account, Handover, InformationSystem
from idm.operations.sweep.findings import Found
from idm.vocabulary import FindingKind, VerifiedHow
from jobs.sweep.our_books import found_in_our_books
from tests.carried_out import carry_out
from tests.cast import Cast
from tests.use_office import Uses


@pytest.fixture
def office(cast: Cast) -> Uses:
    return Uses(cast)


def books(office: Uses) -> list[Found]:
    with office.cast.database.reading() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        other = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        policy, now = office.cast.policy, office.now
        assert found_in_our_books(session, other, policy=policy, now=now) == [], "of another system nothing is said"
        return found_in_our_books(session, system, policy=policy, now=now)


def test_a_use_without_its_work_report_is_found_until_it_is_written(office: Uses) -> None:
    office.give()
    use_id = office.opened()
    office.carry_on(hours=3)
    office.worker()
    office.carry_on(hours=office.cast.policy.privileged.report_hours - 2)
    assert books(office) == []
    office.carry_on(hours=2)
    [found] = [one for one in books(office) if one.kind is FindingKind.REPORT_OVERDUE]
    assert (found.subject_key, found.account_id) == (f"use:{use_id}", office.account_id())
    office.act("write", use_id, "staff", text="設定を変更し、動作を確かめました。")
    assert FindingKind.REPORT_OVERDUE not in {one.kind for one in books(office)}


def test_a_temporary_password_that_nobody_changed_is_found(office: Uses) -> None:
    cast = office.cast
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    carry_out(cast)
    with cast.database.writing() as session:
        account = session.scalars(select(Account)).one()
        session.add(Handover(
            account_id=account.id, system_id=account.system_id, subject_id=cast.people["staff"],
            officer_id=cast.people["desk"], asked_at=office.now, public_key=b"k", sealed_at=office.now,
            shown_at=office.now, received_at=office.now, change_by=office.now + timedelta(hours=24),
        ))  # fmt: skip
    assert books(office) == []
    office.now += timedelta(hours=24)
    [found] = books(office)
    assert (found.kind, found.label) == (FindingKind.TEMPORARY_OVERDUE, "u100009")


def test_a_kept_password_that_has_grown_too_old_is_found(office: Uses) -> None:
    account_id = office.register()
    with office.cast.database.writing() as session:
        key = VaultKey(fingerprint="f" * 64, created_at=office.now)
        session.add(key)
        session.flush()
        session.add(VaultSecret(
            account_id=account_id, key_id=key.id, sealed=b"s", confirmed_at=office.now,
            verified_how=VerifiedHow.SIGN_IN,
        ))  # fmt: skip
    office.now += timedelta(days=office.cast.policy.privileged.rotation_days - 1)
    assert books(office) == []
    office.now += timedelta(days=2)
    [found] = books(office)
    assert (found.kind, found.account_id) == (FindingKind.ROTATION_OVERDUE, account_id)
    assert "変更の期限を過ぎています" in str(found.details["reason"])
