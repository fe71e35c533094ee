"""One person: rights with the application behind each, accounts as decided and as seen, credentials."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from idm.errors import NotFound
from idm.grant_state import EndReason, GrantState
from idm.models.systems import Account
from idm.models.work import TaskState
from idm.operations.rights import accounts
from idm.operations.signing_in import enrolment
from idm.publication import Reader
from idm.queries.organisation.person_record import (
    person_record,
    rights_of_person,
    sign_in_of_person,
)
from idm.queries.rights.account_status import AccountStatus, Agreement, accounts_of_person
from idm.vocabulary import LineEffect, RequestAction
from tests.carried_out import carry_out
from tests.cast import NOW, TODAY, Cast


@pytest.fixture
def reading(cast: Cast) -> Iterator[Session]:
    with cast.database.reading() as session:
        yield session


def give(cast: Cast, *rights: str, valid_until: date | None = None) -> int:
    request_id = cast.file("staff", *(("staff", right) for right in rights), valid_until=valid_until)
    for line in range(len(rights)):
        cast.approve(request_id, line=line)
    return request_id


def account(cast: Cast) -> AccountStatus:
    with cast.database.reading() as session:
        (status,) = accounts_of_person(session, cast.people["staff"], now=NOW, delete_after_days=90)
    return status


def test_the_record_names_employment_and_post(cast: Cast, reading: Session) -> None:
    record = person_record(reading, cast.people["staff"], reader=Reader(TODAY))
    (employment,) = record.employments
    assert (record.name, employment.staff_number, employment.posts[0].post) == ("青木　一郎", "100009", "主事")
    assert record.employed_on(TODAY)


def test_somebody_who_is_not_there_is_not_found(cast: Cast, reading: Session) -> None:
    with pytest.raises(NotFound):
        person_record(reading, 999, reader=Reader(TODAY))


def test_a_right_cites_its_application_and_the_one_that_ended_it(cast: Cast) -> None:
    given = give(cast, "ledger/account", "ledger/enter")
    taken = cast.file("staff", ("staff", "ledger/enter"), action=RequestAction.CHANGE, effect=LineEffect.REVOKE)
    cast.approve(taken)
    with cast.database.reading() as session:
        held, ended = rights_of_person(session, cast.people["staff"], reader=Reader(TODAY))
    assert (held.right.right_name, held.right.state, held.right.request_id, held.ended_by) == (
        "利用者ID", GrantState.IN_FORCE, given, None
    )  # fmt: skip
    assert (ended.right.right_name, ended.right.state, ended.right.end_reason, ended.ended_at) == (
        "伝票入力", GrantState.ENDED, EndReason.REQUESTED, NOW
    )  # fmt: skip
    assert ended.ended_by is not None
    assert ended.ended_by.id == taken
    assert ended.ended_by.number


def test_a_decision_that_nobody_carried_out_waits(cast: Cast) -> None:
    give(cast, "ledger/account")
    status = account(cast)
    assert (status.agreement, status.seen) == (Agreement.WAITING, None)
    assert status.wanted.present


def test_what_was_carried_out_agrees(cast: Cast) -> None:
    give(cast, "ledger/account", "ledger/enter")
    carry_out(cast)
    status = account(cast)
    assert status.agreement is Agreement.AGREES
    assert status.seen is not None
    assert (status.seen.at, status.seen.present, status.seen.enabled) == (NOW, True, False)


def test_a_refusal_of_the_target_says_why_and_since_when(cast: Cast) -> None:
    give(cast, "ledger/account")
    carry_out(cast, now=NOW + timedelta(hours=1), refused="unwilling to perform")
    task = account(cast).task
    assert account(cast).agreement is Agreement.REFUSED
    assert task is not None
    assert (task.state, task.error, task.since) == (
        TaskState.REFUSED, "unwilling to perform", NOW + timedelta(hours=1)
    )  # fmt: skip


def test_a_refusal_of_an_older_decision_no_longer_counts(cast: Cast) -> None:
    give(cast, "ledger/account")
    carry_out(cast, refused="unwilling to perform")
    give(cast, "ledger/enter")
    carry_out(cast)
    assert account(cast).agreement is Agreement.AGREES


def test_an_account_open_for_longer_than_decided_differs(cast: Cast) -> None:
    give(cast, "ledger/account", valid_until=TODAY + timedelta(days=30))
    carry_out(cast)
    with cast.database.writing() as session:
        handed_over = session.get_one(Account, account(cast).id)
        handed_over.handed_over_at = NOW
        accounts.schedule(session, handed_over, now=NOW)
    carry_out(cast)
    assert account(cast).agreement is Agreement.AGREES
    with cast.database.writing() as session:
        session.get_one(Account, account(cast).id).seen_expires_at = None
    assert account(cast).agreement is Agreement.DIFFERS


def test_a_target_that_cannot_be_reached_is_tried_again(cast: Cast) -> None:
    give(cast, "ledger/account")
    carry_out(cast, unavailable="no route to host")
    assert account(cast).agreement is Agreement.RETRYING


def test_an_account_that_shows_something_else_differs(cast: Cast) -> None:
    give(cast, "ledger/account")
    carry_out(cast)
    with cast.database.writing() as session:
        session.get_one(Account, account(cast).id).seen_enabled = True
    assert account(cast).agreement is Agreement.DIFFERS


def test_rights_missing_and_surplus_on_the_target_are_named(cast: Cast) -> None:
    give(cast, "ledger/account", "ledger/enter")
    carry_out(cast)
    with cast.database.writing() as session:
        session.get_one(Account, account(cast).id).seen_groups = ["id-of-ledger-admin", "not-one-of-ours"]
    status = account(cast)
    assert status.seen is not None
    assert (status.seen.missing_rights, status.seen.surplus_rights) == (("伝票入力",), ("システム管理",))
    assert status.agreement is Agreement.DIFFERS


def test_an_invitation_that_can_still_be_used_is_shown_with_its_end(cast: Cast) -> None:
    with cast.acting("desk") as session:
        enrolment.issue_enrolment_link(
            session, person_id=cast.people["staff"], actor=cast.actor("desk"), policy=cast.policy, now=NOW
        )
    with cast.database.reading() as session:
        shown = sign_in_of_person(session, cast.people["staff"], now=NOW)
        later = sign_in_of_person(session, cast.people["staff"], now=NOW + timedelta(hours=73))
    assert (shown.name, shown.invited_until) == (None, NOW + timedelta(hours=72))
    assert later.invited_until is None
