"""What somebody who goes was shown is changed, also of IDs that were never theirs to use by office (D4, D7)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.models.privileged import PrivilegedUse, Rotation, VaultKey, VaultSecret
from idm.models.systems import Account
from idm.operations.privileged import holder_changes
from idm.vocabulary import LineEffect, RequestAction, RotationReason, UseEnd, UseState, VerifiedHow
from tests.cast import Cast
from tests.use_office import JOB, PURPOSE, Uses


@pytest.fixture
def office(office: Cast) -> Uses:
    """The cast with privileged IDs, on both databases."""
    return Uses(office)


def was_shown(office: Uses, who: str, account_id: int) -> None:
    """`who` has seen the password of the ID as it is now, in a use that is over."""
    now = office.now
    with office.cast.database.writing() as session:
        key = VaultKey(fingerprint="f" * 64, created_at=now)
        session.add(key)
        session.flush()
        session.add(
            VaultSecret(
                account_id=account_id, key_id=key.id, sealed=b"sealed", confirmed_at=now,
                verified_how=VerifiedHow.SIGN_IN, known_since=now,
            )
        )  # fmt: skip
        session.add(
            PrivilegedUse(
                account_id=account_id, system_id=session.get_one(Account, account_id).system_id,
                person_id=office.cast.people[who], state=UseState.ENDED, emergency=False, purpose=PURPOSE, hours=1,
                asked_at=now, wanted_from=now, approval_needed=False, attendance_needed=False, opens_at=now,
                opened_at=now, shown_at=now, ends_at=now + timedelta(hours=1), ended_at=now,
                end_reason=UseEnd.RETURNED, closed_at=now,
            )
        )  # fmt: skip


def changes(office: Uses, account_id: int) -> list[RotationReason]:
    with office.cast.database.reading() as session:
        return list(session.scalars(select(Rotation.reason).where(Rotation.account_id == account_id)))


def follow(office: Uses) -> None:
    with office.cast.database.writing() as session:
        holder_changes.follow_offices(session, actor=JOB, policy=office.cast.policy, now=office.now)


def test_what_a_contractor_was_shown_is_changed_when_they_are_gone(office: Uses) -> None:
    """They used it by name, and stood in no list of those who may."""
    account_id = office.register()
    was_shown(office, "contractor", account_id)
    follow(office)
    assert changes(office, account_id) == []
    office.now += timedelta(days=1)
    with office.cast.database.writing() as session:
        office.cast.employment(session, "contractor").valid_until = office.now.date()
    follow(office)
    assert changes(office, account_id) == [RotationReason.HOLDER_CHANGED]


def test_whose_privileged_right_ends_knows_no_other_kept_password_either(office: Uses) -> None:
    office.give("staff")
    account_id = office.register()
    was_shown(office, "staff", account_id)
    ended = office.cast.file(
        "hr", ("staff", "ledger/admin"), action=RequestAction.CHANGE, effect=LineEffect.REVOKE, now=office.now
    )
    assert changes(office, account_id) == []
    office.cast.approve(ended, now=office.now)
    assert changes(office, account_id) == [RotationReason.HOLDER_CHANGED]
