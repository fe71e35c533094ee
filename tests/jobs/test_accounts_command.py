"""`idm accounts`: names shown before they are made, and names of before that are never given again."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.database import Database
from idm.models.audit import AuditRecord
from idm.models.systems import RetiredName
from idm.samples import SAMPLE_FEED, SAMPLE_ORGANISATION
from tests.jobs.test_command_line import FEED_PROFILE, Shell


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The sample organisation with romaji names and its first personnel file, shared by the module."""
    shell = Shell(tmp_path_factory.mktemp("accounts"))
    text = SAMPLE_ORGANISATION.read_text(encoding="utf-8")
    (shell.folder / "town.toml").write_text(text.replace('prefix = "a"', 'rule = "romaji"'), encoding="utf-8")
    shell.run("init", "--organisation", "town.toml", "--feed", str(FEED_PROFILE))
    shell.run("hr", "import", str(SAMPLE_FEED), "--feed", "aoba", "--as-of", "2026-04-01")
    return shell


def test_a_draft_is_previewed_as_data_and_as_a_table(office: Shell) -> None:
    data = json.loads(office.run("accounts", "preview", "--request", "1", "--json").stdout)
    (system,) = data["systems"]
    assert (data["version"], system["system"], system["rule"], system["maximum_length"]) == (1, "office", "romaji", 64)
    names = [row["login_name"] for row in system["names"]]
    assert names
    assert len(set(names)) == len(names)
    first = system["names"][0]
    assert (first["exists"], first["source"], first["pattern"]) == (False, "pattern", "{given}.{family}")
    shown = office.run("accounts", "preview", "--request", "1")
    assert names[0] in shown.stdout
    assert f"利用者ID {len(names)} 件" in shown.stderr


def test_one_person_is_previewed_in_every_system(office: Shell) -> None:
    data = json.loads(office.run("accounts", "preview", "--staff-number", "000401", "--json").stdout)
    assert [system["system"] for system in data["systems"]] == ["office", "pension", "vehicles"]
    assert {row["staff_number"] for system in data["systems"] for row in system["names"]} == {"000401"}


def test_names_of_before_are_registered_once_audited_and_passed_over(office: Shell) -> None:
    taken = json.loads(office.run("accounts", "preview", "--staff-number", "000401", "--json").stdout)
    name = taken["systems"][0]["names"][0]["login_name"]
    file = office.folder / "old.txt"
    file.write_text(f"# 旧職員\n{name.upper()}\n\nsomebody\n", encoding="utf-8-sig")
    first = office.run("accounts", "retire-names", str(file), "--system", "office", "--json")
    assert json.loads(first.stdout) == {"version": 1, "added": 2, "known": 0}
    assert "0 件を登録" in office.run("accounts", "retire-names", str(file), "--system", "office").stderr
    after = json.loads(office.run("accounts", "preview", "--staff-number", "000401", "--json").stdout)
    here, elsewhere, _ = (system["names"][0] for system in after["systems"])
    assert here["passed"] == [{"login_name": name, "reason": "retired"}]
    assert elsewhere["login_name"] == name
    with Database(f"sqlite:///{database_of(office)}").reading() as session:
        assert set(session.scalars(select(RetiredName.login_name))) == {name, "somebody"}
        assert len(session.scalars(select(AuditRecord).where(AuditRecord.action == "account.names_retired")).all()) == 2


def test_what_cannot_be_done_is_said_with_an_exit_code(office: Shell) -> None:
    assert "どちらか一方" in office.run("accounts", "preview", code=2).stderr
    assert "申請が見つかりません" in office.run("accounts", "preview", "--request", "9999", code=1).stderr
    assert "見つかりません" in office.run("accounts", "preview", "--staff-number", "x", code=1).stderr
    wrong = office.folder / "wrong.txt"
    wrong.write_bytes("佐藤\n".encode("cp932"))
    assert "UTF-8" in office.run("accounts", "retire-names", str(wrong), code=1).stderr
    wrong.write_text("a b\n", encoding="utf-8")
    assert "1行目" in office.run("accounts", "retire-names", str(wrong), code=1).stderr
    assert "nowhere" in office.run("accounts", "retire-names", str(wrong), "--system", "nowhere", code=1).stderr


def database_of(shell: Shell) -> Path:
    """The SQLite file that the commands made."""
    return next(path for path in shell.folder.rglob("*.db"))
