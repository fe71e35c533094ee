"""`idm factors import`: a product's list at the command line, shown, taken over, or stopped by the safety limit."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy import select

from idm.errors import FeedRefused, NotFound, SafetyLimit, SameListAgain
from idm.grant_state import GrantState
from idm.models.audit import AuditRecord
from idm.models.authenticators import EnrolmentListImport
from idm.settings import Settings
from jobs.command_line import SAFETY, exit_code
from jobs.command_line import idm as command
from jobs.installation import Installation
from tests.cast import NOW, Cast
from tests.factor_office import HEADING, bring, grant, list_of, states, verify_by_product

HELD, OPEN = GrantState.SUSPENDED, GrantState.IN_FORCE
PEOPLE = ("staff", "other", "hr")


@pytest.fixture
def town(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """Three people were granted an account whose factors a product verifies."""
    verify_by_product(cast)
    grant(cast, *PEOPLE)
    settings = Settings(database_url=cast.database.url, secrets_dir=tmp_path / "secrets",
                        checkpoint_file=tmp_path / "checkpoints.jsonl")  # fmt: skip
    settings.secrets_dir.mkdir(mode=0o700)
    installation = Installation(settings, cast.database, lambda: NOW + timedelta(days=2))
    monkeypatch.setattr("jobs.commands.factors.installation", lambda: installation)
    return cast


def run(tmp_path: Path, text: str, *options: str, system: str = "pension", made_on: str = "2026-04-03T09:00") -> None:
    file = tmp_path / "touroku.csv"
    file.write_bytes(text.encode("cp932"))
    command.main(
        ["factors", "import", str(file), "--system", system, "--made-on", made_on, *options], standalone_mode=False
    )


def made_on(cast: Cast) -> list[datetime]:
    with cast.database.reading() as session:
        return list(session.scalars(select(EnrolmentListImport.made_on)))


def test_a_list_stops_who_is_no_longer_on_it_and_opens_nothing(
    town: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bring(town, list_of(town, "staff", "other"))
    run(tmp_path, list_of(town, "staff", "hr") + "yoso,顔,はい\r\n")
    assert states(town, *PEOPLE) == [OPEN, HELD, HELD]
    told = capsys.readouterr()
    assert "ICカード" in told.out
    assert "コマンドでは、登録は増えず" in told.out
    assert "台帳にない人 1 件" in told.err
    assert "登録がなくなった人についてだけ、取り込みました。" in told.err


def test_an_old_list_under_a_new_date_is_refused_and_none_has_no_date(town: Cast, tmp_path: Path) -> None:
    bring(town, list_of(town, "staff"))
    with pytest.raises(SameListAgain):
        run(tmp_path, list_of(town, "staff"))
    run(tmp_path, list_of(town, "staff"), "--same-content-is-right")
    with pytest.raises(click.MissingParameter):
        command.main(["factors", "import", str(tmp_path / "touroku.csv"), "--system", "pension"], standalone_mode=False)


def test_a_dry_run_shows_the_same_and_changes_nothing(
    town: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bring(town, list_of(town, "staff", "other"))
    run(tmp_path, list_of(town, "other"), "--dry-run", "--json")
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (data["version"], data["dry_run"], data["stopped"], data["in_effect"]) == (1, True, 1, 2)
    stops = {line["called"]: line["stops"] for line in data["lines"]}
    assert stops == {"u100010": False, "u100009": True, "u100006": False}
    assert states(town, *PEOPLE) == [OPEN, OPEN, HELD]


def test_a_list_that_stops_too_many_ends_with_exit_code_5_and_leaves_nothing(town: Cast, tmp_path: Path) -> None:
    bring(town, list_of(town, *PEOPLE))
    with pytest.raises(SafetyLimit, match="3 人のうち 2 人") as stopped:
        run(tmp_path, list_of(town, "staff"))
    assert exit_code(stopped.value) == SAFETY == 5
    assert states(town, *PEOPLE) == [OPEN, OPEN, OPEN]


def test_what_is_said_to_be_right_is_taken_over_and_on_record(town: Cast, tmp_path: Path) -> None:
    bring(town, list_of(town, *PEOPLE))
    run(tmp_path, list_of(town, "staff"), "--missing-is-right")
    assert states(town, *PEOPLE) == [OPEN, HELD, HELD]
    with town.database.reading() as session:
        query = select(AuditRecord.payload).where(AuditRecord.action == "enrolment_list.taken_over")
        said = [json.loads(payload or "{}").get("stopping_is_right") for payload in session.scalars(query)]
    assert said == [None, 2]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-04-02", datetime(2026, 4, 2, 15, tzinfo=UTC)),
        ("令和8年4月2日", datetime(2026, 4, 2, 15, tzinfo=UTC)),
        ("2026-04-02T09:30", datetime(2026, 4, 2, 0, 30, tzinfo=UTC)),
        ("2026-04-02T09:30+00:00", datetime(2026, 4, 2, 9, 30, tzinfo=UTC)),
        ("2026-04-03", NOW + timedelta(days=2)),
    ],
)
def test_a_list_speaks_for_the_moment_it_was_made(town: Cast, tmp_path: Path, written: str, meant: datetime) -> None:
    run(tmp_path, list_of(town, "staff"), made_on=written)
    assert made_on(town) == [meant]


@pytest.mark.parametrize("written", ["きのう", "2026-04-99T01:00"])
def test_a_moment_that_is_none_is_a_usage_error(town: Cast, tmp_path: Path, written: str) -> None:
    with pytest.raises(click.BadParameter):
        run(tmp_path, list_of(town, "staff"), made_on=written)


def test_a_broken_list_and_an_unknown_system_change_nothing(town: Cast, tmp_path: Path) -> None:
    with pytest.raises(FeedRefused):
        run(tmp_path, HEADING + ",顔,はい\r\n")
    with pytest.raises(NotFound):
        run(tmp_path, list_of(town, "staff"), system="nothing")
    assert made_on(town) == []
