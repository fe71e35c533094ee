"""`idm vault` and `idm credentials rotate`: what an operator does about kept passwords, and never sees (D4, E2)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from connectors.memory.directory import Fault, MemoryDirectory
from idm.errors import FreshFactorNeeded, NotFound, NotPermitted
from idm.models.privileged import Rotation
from idm.models.systems import InformationSystem
from idm.operations.privileged import rotations
from idm.settings import Settings
from idm.vocabulary import RotationReason, Stage
from jobs.command_line import idm
from jobs.installation import Installation
from tests.cast import Cast
from tests.jobs.conftest import Clock
from tests.vault_office import VaultOffice


@pytest.fixture
def office(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VaultOffice:
    """The office with a directory in memory, as the commands find it."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "ledger.password").write_text("unused", encoding="utf-8")
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector_settings = {"name": str(tmp_path)}
    settings = Settings(
        database_url=cast.database.url, secrets_dir=secrets, checkpoint_file=tmp_path / "checkpoints.jsonl"
    )
    installation = Installation(settings, cast.database, Clock())
    for command in ("vault", "credentials"):
        monkeypatch.setattr(f"jobs.commands.{command}.installation", lambda: installation)
    return VaultOffice(cast, installation)


def run(*arguments: str) -> tuple[int, str]:
    """A command's exit code and what it said."""
    done = CliRunner().invoke(idm, arguments)
    return done.exit_code, done.output


def test_a_dry_run_counts_and_changes_nothing(office: VaultOffice) -> None:
    [account_id] = office.keep("backup-admin")
    code, said = run("credentials", "rotate", "--privileged", "--dry-run", "--json")
    assert (code, json.loads(said)) == (0, {"dry_run": True, "privileged": 1, "left": []})
    assert office.secret(account_id) is None


def test_what_is_due_is_replaced_now_and_everything_when_that_is_asked(office: VaultOffice) -> None:
    [account_id] = office.keep("backup-admin")
    assert run("credentials", "rotate", "--privileged", "--system", "ledger")[0] == 0
    first = office.password(account_id)
    assert run("credentials", "rotate")[0] == 0
    assert office.password(account_id) == first, "nothing was due"
    assert run("credentials", "rotate", "--privileged", "--all", "--system", "ledger")[0] == 0
    assert office.password(account_id) != first
    assert office.rotation(account_id).reason is RotationReason.BY_HAND


def test_what_could_not_be_done_is_named_and_the_exit_code_says_so(office: VaultOffice, tmp_path: Path) -> None:
    office.keep("backup-admin")
    MemoryDirectory.named(str(tmp_path)).fault = Fault.UNAVAILABLE
    code, said = run("credentials", "rotate", "--privileged")
    assert code == 3
    assert "backup-admin" in said


def test_the_status_names_keys_and_passwords_and_shows_neither(office: VaultOffice) -> None:
    [account_id] = office.keep("backup-admin")
    office.rotate()
    code, said = run("vault", "status", "--json")
    status = json.loads(said)
    assert code == 0
    assert [one["login_name"] for one in status["kept"]] == ["backup-admin"]
    assert len(status["keys"][0]["fingerprint"]) == 64
    assert office.password(account_id) not in said


def test_the_key_is_replaced_by_a_command_after_a_dry_run(office: VaultOffice) -> None:
    [account_id] = office.keep("backup-admin")
    office.rotate()
    password = office.password(account_id)
    file = office.installation.settings.vault_key_dir / "vault.key"
    key = file.read_bytes()
    assert "1 件" in run("vault", "rotate-key", "--dry-run")[1]
    assert file.read_bytes() == key
    assert run("vault", "rotate-key")[0] == 0
    assert file.read_bytes() != key
    assert office.password(account_id) == password


def test_only_who_answers_for_the_system_asks_for_a_new_password_and_with_a_fresh_factor(office: VaultOffice) -> None:
    [account_id] = office.keep("backup-admin")
    office.rotate()
    cast, now = office.cast, office.installation.clock()
    for who, refusal in (("staff", NotPermitted), ("hr", NotPermitted), ("contractor", NotPermitted)):
        with pytest.raises(refusal), cast.acting(who, "rotation.ask", now) as session:
            rotations.ask_by_hand(session, account_id, actor=cast.actor(who), policy=cast.policy, now=now)
    with pytest.raises(FreshFactorNeeded), cast.acting("system", "rotation.ask", now) as session:
        rotations.ask_by_hand(session, account_id, actor=cast.stale("system"), policy=cast.policy, now=now)
    with pytest.raises(NotFound), cast.acting("system", "rotation.ask", now) as session:
        rotations.ask_by_hand(session, account_id + 1000, actor=cast.actor("system"), policy=cast.policy, now=now)
    with cast.acting("system", "rotation.ask", now) as session:
        rotations.ask_by_hand(
            session, account_id, suspected=True, actor=cast.actor("system"), policy=cast.policy, now=now
        )
    rotation = office.rotation(account_id)
    assert (rotation.reason, rotation.asked_by_id) == (RotationReason.SUSPECTED, cast.people["system"])


def test_what_serves_pages_neither_holds_the_opener_nor_reads_the_key() -> None:

    serving = "import jobs.commands.serve, web.app, sys; print([one for one in sys.modules if 'jobs.vault' in one])"
    done = subprocess.run([sys.executable, "-c", serving], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_asked_for_a_system_that_is_only_observed(office: VaultOffice) -> None:
    office.keep("backup-admin")
    with office.cast.database.writing() as session:
        office.system(session).stage = Stage.OBSERVE
    assert office.rotate() == 0
    with office.cast.database.reading() as session:
        assert session.scalars(select(Rotation)).all() == []
