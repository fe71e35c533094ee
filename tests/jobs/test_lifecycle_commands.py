"""`idm lifecycle run` and `idm batch list` as an operator meets them."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from idm.errors import SafetyLimit
from idm.models.audit import AuditRecord
from idm.models.safety import PlannedBatch, PlannedItem, RunKind
from idm.settings import Settings
from idm.vocabulary import SafetyAction
from jobs.command_line import exit_code
from jobs.commands import batch as batch_commands
from jobs.commands import lifecycle as lifecycle_commands
from jobs.installation import Installation
from tests.cast import NOW, TODAY, Cast

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def installation(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """The cast's office, from which two leave today."""
    for who in ("staff", "other"):
        cast.approve(cast.file("hr", (who, "ledger/account")))
    with cast.database.writing() as session:
        for who in ("staff", "other"):
            cast.employment(session, who).valid_until = TODAY
    found = Installation(Settings(secrets_dir=tmp_path), cast.database, clock=lambda: NOW)
    for commands in (batch_commands, lifecycle_commands):
        monkeypatch.setattr(commands, "installation", lambda: found)
    return found


def lifecycle(*arguments: str) -> Result:
    return CliRunner().invoke(lifecycle_commands.lifecycle, ["run", *arguments])


def permit(cast: Cast, day: date = TODAY) -> None:
    items = [PlannedItem(action=SafetyAction.STOP, staff_number=number) for number in ("100009", "100010")]
    with cast.database.writing() as session:
        session.add(
            PlannedBatch(kind=RunKind.LIFECYCLE, day=day, reason="年度末の退職", proposed_at=NOW, approved_at=NOW,
                         proposed_by_id=cast.people["hr"], approved_by_id=cast.people["chief"], items=items)
        )  # fmt: skip


def test_a_run_stopped_by_a_limit_has_an_exit_code_of_its_own(installation: Installation) -> None:
    done = lifecycle()
    assert isinstance(done.exception, SafetyLimit)
    assert exit_code(done.exception) == 5
    assert "・「利用の終了」が全体で 2 人になります" in done.exception.message
    assert "一括処理" in done.exception.message


def test_a_permitted_run_says_what_it_did(cast: Cast, installation: Installation) -> None:
    permit(cast)
    done = lifecycle("--json")
    assert done.exit_code == 0
    data = json.loads(done.stdout)
    assert {name: data[name] for name in ("dry_run", "left", "batch_id", "checklists", "day")} == {
        "dry_run": False, "left": 2, "batch_id": 1, "checklists": 2, "day": "2026-04-01",
    }  # fmt: skip
    assert "離職による停止 2 人" in done.stderr


def test_a_rehearsal_shows_people_departments_and_limits_and_changes_nothing(
    cast: Cast, installation: Installation
) -> None:
    with cast.database.reading() as session:
        before = session.query(AuditRecord).count()
    done = lifecycle("--dry-run", "--as-of", "2027-04-01")
    assert done.exit_code == 0
    for words in ("青木　一郎", "総務課", "離職による停止", "所属ごとの人数"):
        assert words in done.stdout
    assert "上限を超えます" in done.stderr
    with cast.database.reading() as session:
        assert session.query(AuditRecord).count() == before


def test_a_rehearsal_as_data_and_as_a_file(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "予行.csv"
    done = lifecycle("--dry-run", "--json", "--out", str(file))
    data = json.loads(done.stdout)
    assert (data["people"]["stop"], data["batch_needed"]) == (2, True)
    assert data["departments"] == [{"unit": "0100", "name": "総務課", "people": {"stop": 2}}]
    assert [change["staff_number"] for change in data["changes"]] == ["100009", "100010"]
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    assert file.read_text(encoding="utf-8-sig").count("\n") == 3


def test_a_file_is_only_written_of_a_rehearsal(installation: Installation, tmp_path: Path) -> None:
    done = lifecycle("--out", str(tmp_path / "x.csv"))
    assert done.exit_code == 2
    assert not (tmp_path / "x.csv").exists()


def test_batches_are_listed_with_state_and_people(cast: Cast, installation: Installation) -> None:
    runner = CliRunner()
    assert "ありません" in runner.invoke(batch_commands.batch, ["list"]).stderr
    permit(cast, TOMORROW)
    shown = runner.invoke(batch_commands.batch, ["list"]).stdout
    for words in ("期日の処理", "許可済み", "薬院　大通", "天神　太郎", "年度末の退職"):
        assert words in shown
    (listed,) = json.loads(runner.invoke(batch_commands.batch, ["list", "--json"]).stdout)["batches"]
    assert (listed["day"], listed["people"], listed["used"], listed["state"]) == ("2026-04-02", 2, 0, "permitted")
