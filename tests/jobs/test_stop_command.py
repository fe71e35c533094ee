"""`idm stop`: an operator stops somebody or a system while no page can be reached, and can do nothing else (H5)."""

from pathlib import Path

import click
import pytest
from sqlalchemy import select

from idm.errors import InvalidInput, NotFound
from idm.models.audit import AuditRecord
from idm.models.stops import StopOrder
from idm.queries.stops.holding import person_is_stopped
from idm.settings import Settings
from jobs.command_line import idm as command
from jobs.commands import stop as stop_command
from jobs.installation import Installation
from tests.cast import NOW, Cast

SAID = ("--operator", "運用　四郎", "--reason", "侵入の疑い", "--reference", "事案2026-8")


@pytest.fixture
def office(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """The cast, which the command finds as its installation, on a machine where somebody became root by sudo."""
    found = Installation(Settings(database_url=cast.database.url, secrets_dir=tmp_path), cast.database, lambda: NOW)
    monkeypatch.setattr(stop_command, "installation", lambda: found)
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    monkeypatch.setenv("SUDO_USER", "yonro")
    return cast


def run(*words: str) -> None:
    command.main(["stop", *words], standalone_mode=False)


def orders(cast: Cast) -> list[StopOrder]:
    with cast.database.reading() as session:
        return list(session.scalars(select(StopOrder)))


def test_a_person_is_stopped_and_the_record_names_who_did_it_and_as_whom(
    office: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    run("person", "100009", *SAID, "--yes")
    (order,) = orders(office)
    assert (order.person_id, order.reference) == (office.people["staff"], "事案2026-8")
    assert order.operator == "運用　四郎（サーバーの利用者 root（sudo: yonro））"
    with office.database.reading() as session:
        assert person_is_stopped(session, office.people["staff"])
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "stop.ordered")).one()
    assert record.actor == order.operator
    assert "責任者が画面で確認するまで" in capsys.readouterr().err


def test_a_system_is_stopped(office: Cast) -> None:
    run("system", "ledger", *SAID, "--yes")
    assert [one.system_id is not None for one in orders(office)] == [True]


def test_without_a_yes_nothing_is_stopped(office: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _prompt: "n")
    with pytest.raises(click.Abort):
        run("person", "100009", *SAID)
    assert orders(office) == []


@pytest.mark.parametrize("left_out", ["--operator", "--reason"])
def test_without_a_name_or_a_reason_it_is_no_command(office: Cast, left_out: str) -> None:
    at = SAID.index(left_out)
    with pytest.raises(click.UsageError):
        run("person", "100009", *SAID[:at], *SAID[at + 2 :], "--yes")
    assert orders(office) == []


def test_a_mistake_stops_nobody_and_is_on_record(office: Cast) -> None:
    with pytest.raises(NotFound):
        run("person", "999999", *SAID, "--yes")
    with pytest.raises(InvalidInput):
        run("system", "ledger", "--operator", " ", "--reason", "侵入", "--yes")
    assert orders(office) == []
    with office.database.reading() as session:
        assert "999999" in {one.object_id for one in session.scalars(select(AuditRecord))}


def test_the_command_line_stops_and_gives_nothing_back() -> None:
    assert set(stop_command.stop.commands) == {"person", "system"}
