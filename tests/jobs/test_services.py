"""Services that keep less than a directory does: no end of an account, no unit, no password of their own."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.memory.directory import MemoryDirectory
from idm.calendar_days import day_of
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.ports import EVERYTHING, CheckVerdict, Kept
from idm.queries.rights.account_status import Agreement, accounts_of_person
from jobs import lifecycle, provision
from jobs.information_systems.examination import examine
from tests.cast import Cast
from tests.jobs.memory_place import Place, open_place

ENDS_NOTHING = Kept(ends=False, attributes=EVERYTHING.attributes - {"unit_name", "employee_number"})


@pytest.fixture
def place(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    directory = MemoryDirectory()
    directory.kept, directory.has_passwords = ENDS_NOTHING, False
    return open_place(cast, tmp_path, monkeypatch, directory)


def agreement(place: Place) -> Agreement:
    with place.cast.database.reading() as session:
        person = place.cast.people["staff"]
        [status] = accounts_of_person(session, person, now=place.clock(), delete_after_days=30)
        return status.agreement


def test_account_of_a_service_without_passwords_opens_when_it_was_read_back(place: Place) -> None:
    assert place.account("u100009").enabled(place.clock())
    assert place.account("u100009").password is None
    with place.cast.database.reading() as session:
        account = session.scalars(select(Account)).one()
        assert account.handed_over_at is not None
        assert TaskState.REFUSED not in session.scalars(select(OutboxTask.state)).all()
    assert agreement(place) is Agreement.AGREES


def test_what_the_service_cannot_keep_is_neither_repeated_nor_found(place: Place) -> None:
    kept = place.account("u100009").attributes
    assert (kept.unit_name, kept.employee_number, kept.family_name) == (None, None, "青木")
    assert place.reconcile().examined == 1
    assert place.found() == set()
    place.account("u100009").attributes = replace(kept, display_name="別人")
    place.reconcile()
    assert len(place.found()) == 1


def test_end_that_the_service_cannot_keep_is_carried_out_on_its_day(place: Place) -> None:
    until = day_of(place.clock()) + timedelta(days=10)
    with place.cast.database.writing() as session:
        place.cast.employment(session, "staff").valid_until = until
    place.reconcile()
    assert place.found() == set()
    with place.cast.database.reading() as session:
        ledger = select(InformationSystem.keeps_ends).where(InformationSystem.code == "ledger")
        assert session.scalars(ledger).one() is False
    place.clock.ahead += timedelta(days=11)
    lifecycle.run(place.installation)
    provision.run_due(place.installation, worker="w1")
    assert not place.account("u100009").enabled(place.clock())


def test_an_examination_asks_for_no_passwords_where_there_are_none(place: Place) -> None:
    with place.cast.database.reading() as session:
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
    checks = {check["subject"]: check["verdict"] for check in examine(place.installation, ledger).checks}
    assert checks["仮パスワードの確認"] == CheckVerdict.FINE
    assert "パスワードの規則" not in checks
