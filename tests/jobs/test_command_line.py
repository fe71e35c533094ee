"""The command line as scripts and tired clerks meet it: exit codes, talk apart from data, no traceback."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest
from sqlalchemy import select

from idm.audit import seal
from idm.database import Database
from idm.feed.profile import shipped_feed_profile
from idm.models.officers import Officer
from idm.models.sign_in import SignIn
from idm.samples import NEXT_FEED, SAMPLE_FEED, SAMPLE_ORGANISATION
from idm.vocabulary import Role
from jobs.command_line import idm
from tests.cast import NOW

FEED_PROFILE = SAMPLE_ORGANISATION.parent.parent / "feed" / "profiles" / "aoba.toml"


class Shell:
    """A folder in which `idm` is run as its own process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("IDM")}
        self.environment["COLUMNS"] = "200"

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """The finished command; its exit code must be the one expected, and it must not have shown a traceback."""
        done = subprocess.run(
            [sys.executable, "-m", "jobs", *arguments], cwd=self.folder, env=self.environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An empty folder."""
    return Shell(tmp_path)


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample organisation's first record, to be copied."""
    shell = Shell(tmp_path_factory.mktemp("first-day"))
    shell.run("init", "--organisation", str(SAMPLE_ORGANISATION), "--feed", str(FEED_PROFILE))
    return shell.folder


@pytest.fixture
def office(shell: Shell, first_day: Path) -> Shell:
    """A folder with the sample organisation's first record."""
    shutil.copytree(first_day, shell.folder, dirs_exist_ok=True)
    return shell


def test_commands_refuse_to_run_before_init(shell: Shell) -> None:
    done = shell.run("hr", "import", str(SAMPLE_FEED), "--feed", "aoba", code=1)
    assert "idm init" in done.stderr


def test_first_record_is_made_once(office: Shell) -> None:
    done = office.run("init", "--organisation", str(SAMPLE_ORGANISATION), code=1)
    assert "最初の記録はすでにあります" in done.stderr


def test_import_shows_the_plan_applies_it_and_the_same_file_changes_nothing(office: Shell) -> None:
    arguments = ("hr", "import", str(SAMPLE_FEED), "--feed", "aoba", "--as-of", "令和8年4月1日", "--json")
    rehearsal = json.loads(office.run(*arguments, "--dry-run").stdout)
    assert rehearsal["run"] is None
    first = json.loads(office.run(*arguments).stdout)
    assert len(first["joiners"]) == len(rehearsal["joiners"]) > 280
    assert first["run"] == 1
    second = json.loads(office.run(*arguments).stdout)
    assert second["already_applied"] is True
    assert second["joiners"] == second["movers"] == second["leavers"] == []


def test_next_file_moves_stops_and_holds(office: Shell) -> None:
    office.run("hr", "import", str(SAMPLE_FEED), "--feed", "aoba", "--as-of", "2026-04-01")
    done = office.run("hr", "import", str(NEXT_FEED), "--feed", "aoba", "--as-of", "2026-10-01", "--json")
    result = json.loads(done.stdout)
    assert len(result["joiners"]) == 4
    assert len(result["movers"]) == 5
    assert {row["staff_number"] for row in result["leavers"]} >= {"002025", "009020"}
    assert any("外字" in row["reason"] for row in result["held"])
    assert "採用等 4" in done.stderr


def test_file_that_would_stop_too_many_stops_with_exit_code_5(office: Shell) -> None:
    office.run("hr", "import", str(SAMPLE_FEED), "--feed", "aoba", "--as-of", "2026-04-01")
    damaged = office.folder / "damaged.csv"
    damaged.write_bytes(_everyone_leaves())
    done = office.run("hr", "import", str(damaged), "--feed", "aoba", "--as-of", "2026-10-01", code=5)
    assert "上限" in done.stderr
    assert done.stdout == ""
    again = json.loads(
        office.run("hr", "import", str(SAMPLE_FEED), "--feed", "aoba", "--as-of", "2026-04-01", "--json").stdout
    )
    assert again["already_applied"] is True
    assert again["leavers"] == []


def _everyone_leaves() -> bytes:
    """The sample with a 退職日 in a fifth of its primary rows."""
    profile = shipped_feed_profile("aoba")
    lines = SAMPLE_FEED.read_bytes().decode(profile.encoding).splitlines()
    column = lines[0].split(",").index("退職日")
    for number, line in enumerate(lines[1:-1], start=1):
        cells = line.split(",")
        if number % 5 == 0 and cells[7] == "本務" and not cells[column]:
            cells[column] = "令和8年10月31日"
            lines[number] = ",".join(cells)
    return ("\r\n".join(lines) + "\r\n").encode(profile.encoding)


def test_bad_file_is_refused_as_a_whole_with_row_and_column(office: Shell) -> None:
    broken = office.folder / "broken.csv"
    broken.write_bytes(
        SAMPLE_FEED.read_bytes().replace("令和8年4月1日".encode("cp932"), "令和8年4月31日".encode("cp932"))
    )
    done = office.run("hr", "import", str(broken), "--feed", "aoba", code=1)
    assert "行目" in done.stderr
    assert "発令日" in done.stderr
    assert json.loads(office.run("system", "list", "--json").stdout)[0]["code"] == "office"


def test_usage_mistake_is_exit_code_2(office: Shell) -> None:
    assert office.run("hr", "import", str(SAMPLE_FEED), code=2)
    assert "日付" in office.run("lifecycle", "run", "--as-of", "令和8年2月30日", code=2).stderr


def test_lifecycle_does_not_run_ahead_of_the_calendar(office: Shell) -> None:
    assert "まだ来ていません" in office.run("lifecycle", "run", "--as-of", "2199-04-01", code=1).stderr
    ahead = json.loads(office.run("lifecycle", "run", "--as-of", "2199-04-01", "--dry-run", "--json").stdout)
    assert ahead["dry_run"] is True


def test_sweep_of_an_unreachable_system_is_exit_code_3_and_says_which(office: Shell) -> None:
    done = office.run("sweep", "run", "--json", code=3)
    assert {system["system"] for system in json.loads(done.stdout)["systems"]} == {"office", "pension", "vehicles"}
    assert "点検できませんでした" in done.stderr


def test_sweep_of_an_unknown_system_is_refused(office: Shell) -> None:
    assert "ありません" in office.run("sweep", "run", "--system", "nowhere", code=1).stderr


def test_audit_is_verified_and_a_forged_row_is_named(office: Shell) -> None:
    office.run("hr", "import", str(SAMPLE_FEED), "--feed", "aoba")
    assert "すべて正しく" in office.run("audit", "verify").stderr
    _forge(office.folder / "idm.db")
    done = office.run("audit", "verify", "--json", code=1)
    assert json.loads(done.stdout)["first_wrong"]["record_id"] == 2
    assert "誤り" in done.stderr


def _forge(file: Path) -> None:
    """What somebody with the database file in hand would do."""
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TRIGGER audit_records_no_update")
        connection.execute("UPDATE audit_records SET actor = 'somebody else' WHERE id = 2")


def test_audit_export_in_the_names_of_a_siem_goes_on_after_a_number(office: Shell) -> None:
    office.run("hr", "import", str(SAMPLE_FEED), "--feed", "aoba")
    with Database(f"sqlite:///{office.folder / 'idm.db'}").writing() as session:
        seal(session, now=NOW)
    lines = [json.loads(line) for line in office.run("audit", "export", "--format", "ecs").stdout.splitlines()]
    numbers = [line["event"]["sequence"] for line in lines]
    assert numbers == list(range(1, len(numbers) + 1))
    rest = office.run("audit", "export", "--format", "ecs", "--after", "1").stdout.splitlines()
    assert [json.loads(line)["event"]["sequence"] for line in rest] == numbers[1:]
    assert "--after" in office.run("audit", "export", "--after", "1", code=2).stderr
    assert "--after" in office.run("audit", "export", "--format", "ecs", "--since", "2026-04-01", code=2).stderr


def test_audit_export_is_json_lines(office: Shell) -> None:
    lines = office.run("audit", "export").stdout.splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["configuration.first_record"]


def test_profile_is_checked_shown_and_compared(shell: Shell) -> None:
    shell.run("profile", "check", "fukuoka")
    shown = json.loads(shell.run("profile", "show", "fukuoka", "--json").stdout)
    assert shown["origins"]["sign_in.idle_minutes"] == {"file": "fukuoka.toml", "clause": "6-2(6)②"}
    own = shell.folder / "own.toml"
    own.write_text('extends = "fukuoka"\n[dormancy.times]\nunused_days = 60\nnever_used_dyas = 1\n', encoding="utf-8")
    wrong = shell.run("profile", "check", str(own), code=1)
    assert "never_used_days" in wrong.stderr, "the nearest name is suggested"
    own.write_text('extends = "fukuoka"\n[dormancy.times]\nunused_days = 60\n', encoding="utf-8")
    assert "違う値: 1 件" in shell.run("profile", "diff", "fukuoka", str(own)).stderr


def test_system_test_says_what_is_missing(office: Shell) -> None:
    done = office.run("system", "test", "office", "--json", code=1)
    found = json.loads(done.stdout)
    assert (found["system"], found["verdict"], found["reached"]) == ("office", "failed", False)
    assert "office-ldap.password" in found["checks"][0]["found"]
    assert found["checks"][0]["remedy"]
    assert "× の点を直して" in office.run("system", "test", "office", code=1).stderr


def test_first_officers_get_a_link_each_and_nobody_else_does(office: Shell) -> None:
    office.run("hr", "import", str(SAMPLE_FEED), "--feed", "aoba", "--as-of", "2026-04-01")
    lines = office.run("init", "--enrolment-links").stdout.splitlines()
    assert len(lines) == 12
    assert len({line.rpartition("/enrol/")[2] for line in lines}) == 12
    assert [
        line for line in lines if line.startswith("情報セキュリティ責任者・情報セキュリティ管理者\t山﨑　由美子\thttp")
    ]


def test_links_are_no_longer_issued_by_command_once_somebody_may_invite(office: Shell) -> None:
    office.run("hr", "import", str(SAMPLE_FEED), "--feed", "aoba", "--as-of", "2026-04-01")
    database = Database(f"sqlite:///{office.folder / 'idm.db'}")
    with database.writing() as session:
        officer = session.scalars(select(Officer).where(Officer.role == Role.HANDOVER)).one()
        session.add(SignIn(person_id=officer.person_id, name="000462", password_hash="-"))
    database.dispose()
    refused = office.run("init", "--enrolment-links", code=1)
    assert "NOT-PERMITTED" in refused.stderr
    assert refused.stdout == ""


def test_there_is_no_command_that_approves() -> None:
    def names(command: click.Command, path: str = "") -> set[str]:
        if not isinstance(command, click.Group):
            return {path}
        context = click.Context(command)
        parts = {name: command.get_command(context, name) for name in command.list_commands(context)}
        return {name for verb, part in parts.items() if part for name in names(part, f"{path} {verb}".strip())}

    every = names(idm)
    assert "hr import" in every
    assert not [name for name in every if any(word in name for word in ("approve", "decide", "confirm", "accept"))]


def test_once_round_of_the_worker_reports_failures(office: Shell) -> None:
    done = office.run("work", "--once")
    assert "一巡しました" in done.stderr
