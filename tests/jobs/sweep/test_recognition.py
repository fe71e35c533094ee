"""What is recognised while a directory is read, and what is looked at all the same (jobs.sweep.recognition)."""

from collections.abc import Container, Iterable, Iterator
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from connectors.ldap.connector import LdapConnector
from idm.calendar_days import day_of
from idm.directory.drift import likeness
from idm.models.going_live import SettledAccount
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding
from idm.operations.information_systems.settled import Settled, SettledAccounts, keep_settled
from idm.ports import Said, Sighting, TargetAccount
from idm.vocabulary import FindingKind, Stage
from jobs.sweep import reconcile, sweep
from jobs.sweep.recognition import may_settle
from tests.jobs.conftest import Office


def opened(office: Office, *people: str) -> None:
    """These people have accounts that were handed over."""
    for who in people:
        office.grant(who, "ledger/account")
    office.provision()
    for who in people:
        office.hand_over(who)


def night(office: Office, number: int) -> None:
    """A night of the sweep, so many nights after one in which everything is read."""
    with office.cast.database.reading() as session:
        ledger = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    today = office.installation.clock()
    first = -(day_of(today - office.clock.ahead).toordinal() + ledger) % 7 + 7
    office.clock.ahead = timedelta(days=first + number)
    sweep.sweep(office.installation)


def open_findings(office: Office) -> set[tuple[FindingKind, str]]:
    with office.cast.database.reading() as session:
        rows = session.scalars(select(Finding).where(Finding.resolved_at.is_(None), Finding.system_id == 1))
        return {(one.kind, one.label) for one in rows if one.account_id is not None}


def test_whoever_has_left_is_found_on_a_night_on_which_nothing_in_the_directory_has_changed(office: Office) -> None:
    opened(office, "staff", "other")
    night(office, 0)
    office.leave("staff")
    for number in (1, 2):
        night(office, number)
        assert (FindingKind.LEFT, "u100009") in open_findings(office)
        assert (FindingKind.LEFT, "u100010") not in open_findings(office)


@pytest.mark.parametrize("settled", [False, True])
def test_an_account_whose_entry_was_copied_is_looked_up_though_the_first_shows_what_was_approved(
    office: Office, monkeypatch: pytest.MonkeyPatch, settled: bool
) -> None:
    opened(office, "staff")
    if settled:
        sweep.sweep(office.installation, system_code="ledger")
    asked_for: set[UUID] = set()
    find, sightings = LdapConnector.find, LdapConnector.sightings

    def asked(self: LdapConnector, uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        wanted = list(uuids)
        asked_for.update(wanted)
        return find(self, wanted)

    def with_a_copy(self: LdapConnector, known: Container[bytes]) -> Iterator[bytes | Sighting]:
        (first,) = (one for one in sightings(self, ()) if not isinstance(one, bytes))
        yield first.seal if first.seal in known else first
        yield first._replace(seal=b"copy", external_id="copy")

    monkeypatch.setattr(LdapConnector, "find", asked)
    monkeypatch.setattr(LdapConnector, "sightings", with_a_copy)
    reconcile.reconcile(office.installation, system_code="ledger")
    with office.cast.database.reading() as session:
        assert asked_for == {office.account(session, "staff").uuid}, "find refuses what two entries carry"


def test_an_account_by_whose_name_everybody_looks_for_it_is_judged_each_night() -> None:
    system = InformationSystem(stage=Stage.ENFORCE, connector="openldap")
    assert [may_settle(system, name) for name in ("u100009", "admin", "ａｄｍｉｎ")] == [True, False, False]
    assert not may_settle(InformationSystem(stage=Stage.ADOPT, connector="openldap"), "u100009")


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
SAID = st.tuples(WORDS, WORDS, WORDS, WORDS, st.none() | WORDS, st.none() | WORDS, st.none() | WORDS)


@given(WORDS, SAID, WORDS, SAID)
def test_only_what_is_the_same_in_every_field_is_alike(one_id: str, one: Said, other_id: str, other: Said) -> None:
    alike = likeness(one_id, "0" * 32, one) == likeness(other_id, "0" * 32, other)
    assert alike == ((one_id, one) == (other_id, other))


def test_nothing_said_is_not_the_same_as_an_empty_word_or_one_that_is_in_the_next_field() -> None:
    said: Said = ("taro", "", "", "", None, None, None)
    others: list[Said] = [
        ("taro", "", "", "", "", None, None), ("", "taro", "", "", None, None, None),
        ("taro", "", "", "", None, None, ""), ("tar", "o", "", "", None, None, None),
    ]  # fmt: skip
    assert len({likeness("entry", "0" * 32, one) for one in (said, *others)}) == 5
    assert likeness("entry", "0" * 32, said) != likeness("entry", "1" * 32, said)


def test_what_is_kept_of_the_settled_is_what_was_seen_last(office: Office) -> None:
    opened(office, "staff", "other")
    with office.cast.database.reading() as session:
        one, other = session.scalars(select(Account.id).order_by(Account.id)).all()
    first = Settled(one, b"a" * 16, 1, None, "g1\ng2")
    second = Settled(other, b"b" * 16, 1, date(2031, 4, 1), "")

    def kept(*settled: Settled, not_settled: tuple[int, ...] = (), dropped: tuple[int, ...] = ()) -> set[Settled]:
        seen = SettledAccounts()
        for account in settled:
            seen.add(account)
        seen.drop(dropped)
        with office.cast.database.writing() as session:
            keep_settled(session, seen, looked_at=not_settled)
        with office.cast.database.reading() as session:
            rows = session.scalars(select(SettledAccount)).all()
            return {Settled(row.account_id, row.seal, row.generation, row.until, row.groups) for row in rows}

    assert kept(second, first) == {first, second}
    assert kept() == {first, second}, "nobody looked"
    changed = first._replace(seal=b"c" * 16)
    assert kept(changed, second) == {changed, second}
    assert kept(first, dropped=(one,)) == {changed, second}
    again = SettledAccounts()
    again.add(changed)
    again.drop((one,))
    again.add(first)
    assert list(again.blocks()) == [[first]]
    assert kept(not_settled=(other,)) == {changed}
