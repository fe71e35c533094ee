"""Temporary passwords at a real 389 Directory Server as delivered, which keeps no time of a change (E2)."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.models.systems import InformationSystem
from idm.queries.passwords.temporary_passwords import overdue_temporaries
from idm.settings import Settings
from idm.vocabulary import FindingKind
from jobs import provision
from jobs.installation import Installation
from jobs.passwords.temporary_passwords import Result
from jobs.sweep.our_books import found_in_our_books
from tests.cast import Cast
from tests.connectors.target_389 import Target389
from tests.jobs.conftest import GROUPS, Clock
from tests.jobs.passwords.test_temporary_passwords_domain import NAME, OWN, Town
from tests.servers.directory_389 import Directory389


@dataclass
class Office389(Town):
    """The office with that directory."""

    target: Target389


@pytest.fixture(scope="module")
def server() -> Iterator[Directory389]:
    """A running directory, one for all tests of the module."""
    server = Directory389()
    server.build()
    server.start()
    yield server
    server.discard()


@pytest.fixture
def town(cast: Cast, server: Directory389, tmp_path: Path) -> Iterator[Office389]:
    """The office, with 青木's ID in the directory."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "ledger.password").write_text(server.service_password(), encoding="utf-8")
    clock = Clock()
    with ExitStack() as closing:
        target = Target389(server, closing, lambda: datetime.now(UTC))
        for group in GROUPS:
            target.add_group(group)
        with cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            system.connector, system.connector_settings = "directory_389", target.connector_settings()
        settings = Settings(database_url=cast.database.url, secrets_dir=secrets)
        found = Office389(cast, Installation(settings, cast.database, clock), clock, target)
        cast.approve(cast.file("staff", ("staff", "ledger/account"), now=clock()), now=clock())
        provision.run_due(found.installation, worker="w1")
        yield found


def test_who_changed_in_time_is_not_locked_out_where_no_time_is_told_but_found_for_a_person_to_look_at(
    town: Office389,
) -> None:
    password = town.hand_over()
    assert town.target.sign_in(NAME, password)
    assert town.one_round() == Result(asked=1)
    town.target.choose_password(NAME, password, OWN)
    assert town.one_round() == Result(asked=1)
    town.late()
    assert town.one_round() == Result(asked=1, unproven=1)
    assert town.target.sign_in(NAME, OWN)
    assert town.newest().overdue_at is None
    with town.cast.database.reading() as session:
        assert [row.overdue_at for row in overdue_temporaries(session, now=town.clock())] == [None]
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        [found] = found_in_our_books(session, system, policy=town.cast.policy, now=town.clock())
    assert found.kind is FindingKind.TEMPORARY_OVERDUE
    assert "確かめられません" in str(found.details["reason"])


def test_what_is_still_demanded_after_its_hours_is_locked_and_replaced(town: Office389) -> None:
    password = town.hand_over()
    town.late()
    assert town.one_round() == Result(asked=1, overdue=1)
    assert not town.target.sign_in(NAME, password)
    assert town.newest().replaced_at is not None
