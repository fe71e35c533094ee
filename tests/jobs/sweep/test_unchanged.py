"""Comparing again costs little: what is as it was when it was found right is not read a second time.

Whatever could hide behind that is tried here: a change by hand, a change of groups, a decision, a day that comes.
"""

from collections.abc import Container, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from connectors.ldap.connector import LdapConnector
from idm.models.going_live import SettledAccount
from idm.models.work import OutboxTask, TaskState
from idm.ports import Sighting, TargetAccount
from idm.vocabulary import FindingKind
from jobs.sweep import reconcile, sweep
from tests.jobs.conftest import Office


@pytest.fixture
def read(office: Office, monkeypatch: pytest.MonkeyPatch) -> set[UUID]:
    """Two people with rights whose accounts were compared; and the accounts that are read from now on."""
    office.grant("staff", "ledger/account", "ledger/enter")
    office.grant("other", "ledger/account")
    office.provision()
    for who in ("staff", "other"):
        office.hand_over(who)
    sweep.sweep(office.installation, system_code="ledger")
    looked_for: set[UUID] = set()
    find, sightings = LdapConnector.find, LdapConnector.sightings

    def found(self: LdapConnector, uuids: list[UUID]) -> dict[UUID, TargetAccount]:
        asked = list(uuids)
        looked_for.update(asked)
        return find(self, asked)

    def seen(self: LdapConnector, known: Container[bytes]) -> Iterator[bytes | Sighting]:
        for one in sightings(self, known):
            if not isinstance(one, bytes) and one.uuid is not None:
                looked_for.add(UUID(one.uuid))
            yield one

    monkeypatch.setattr(LdapConnector, "find", found)
    monkeypatch.setattr(LdapConnector, "sightings", seen)
    return looked_for


def compared(office: Office) -> dict[FindingKind, str]:
    (result,) = reconcile.reconcile(office.installation, system_code="ledger")
    assert (result.examined, result.failure) == (2, None)
    return {found.kind: found.label for found in result.found}


def test_nothing_is_read_again_where_nothing_has_changed(office: Office, read: set[UUID]) -> None:
    assert compared(office) == {}
    assert read == set()


def test_a_change_by_hand_is_read_and_found(office: Office, read: set[UUID]) -> None:
    office.directory.apply(f"dn: {office.dn('u100009')}\nchangetype: modify\nreplace: mail\nmail: wrong@example.jp\n")
    assert compared(office) == {FindingKind.DRIFT: "u100009"}
    assert len(read) == 1
    assert compared(office) == {FindingKind.DRIFT: "u100009"}, "what differs stays to be read"


def test_what_was_read_again_and_is_right_all_the_same_is_settled_anew(office: Office, read: set[UUID]) -> None:
    office.directory.apply(f"dn: {office.dn('u100009')}\nchangetype: modify\nreplace: cn\ncn: another\n")
    assert compared(office) == {}
    assert len(read) == 1, "its seal was broken"
    read.clear()
    assert compared(office) == {}
    assert read == set()


def test_somebody_who_was_put_into_a_group_or_out_of_it_is_read_and_found(office: Office, read: set[UUID]) -> None:
    group = f"cn=ledger-approve,{office.directory.groups_base}"
    member = office.dn("u100010")
    office.directory.apply(f"dn: {group}\nchangetype: modify\nadd: member\nmember: {member}\n")
    assert compared(office) == {FindingKind.DRIFT: "u100010"}
    office.directory.apply(f"dn: {group}\nchangetype: modify\ndelete: member\nmember: {member}\n")
    assert compared(office) == {}
    group, member = f"cn=ledger-enter,{office.directory.groups_base}", office.dn("u100009")
    office.directory.apply(f"dn: {group}\nchangetype: modify\ndelete: member\nmember: {member}\n")
    assert compared(office) == {FindingKind.DRIFT: "u100009"}


def test_an_account_that_was_deleted_by_hand_is_missing(office: Office, read: set[UUID]) -> None:
    office.directory.apply(f"dn: {office.dn('u100009')}\nchangetype: delete\n")
    assert compared(office)[FindingKind.MISSING] == "u100009"


def test_a_decision_makes_an_account_worth_reading_again(office: Office, read: set[UUID]) -> None:
    office.revoke("staff", "ledger/enter")
    office.provision()
    read.clear()
    assert compared(office) == {}
    assert len(read) == 1
    read.clear()
    assert compared(office) == {}
    assert read == set(), "now it is settled again"


def test_a_decision_that_could_not_be_carried_out_is_found_though_the_entry_is_the_same(
    office: Office, read: set[UUID]
) -> None:
    office.revoke("staff", "ledger/enter")
    newest = office.tasks("staff")[-1].id
    with office.cast.database.writing() as session:
        session.get_one(OutboxTask, newest).state = TaskState.REFUSED
    assert compared(office) == {FindingKind.DRIFT: "u100009"}


def test_the_day_on_which_something_changes_by_itself_makes_it_worth_reading(office: Office, read: set[UUID]) -> None:
    with office.cast.database.writing() as session:
        for settled in session.scalars(select(SettledAccount)):
            settled.until = (office.clock() + timedelta(days=2)).date()
    assert compared(office) == {}
    assert read == set()
    office.clock.ahead = timedelta(days=4)
    assert compared(office) == {}
    assert len(read) == 2
