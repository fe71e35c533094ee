"""`idm listing import` of a list that lacks too many of our accounts: stopped, unless that is said to be right."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.errors import SafetyLimit
from idm.models.audit import AuditRecord
from idm.models.systems import Account
from idm.models.work_orders import Listing
from idm.settings import Settings
from jobs.command_line import SAFETY, exit_code
from jobs.command_line import idm as command
from jobs.installation import Installation
from tests.cast import NOW, Cast
from tests.hand_office import SYSTEM, add_system, carry_out, grant

LIST = "利用者ID,氏名,職員番号,状態,最終利用日,権限\r\nu100009,青木　一郎,100009,有効,,\r\n"


@pytest.fixture
def town(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """Three people have an account in the system without an interface; the list of one department names one."""
    add_system(cast)
    for who in ("staff", "other", "vice"):
        grant(cast, who, "account")
    carry_out(cast)
    settings = Settings(database_url=cast.database.url, secrets_dir=tmp_path / "secrets",
                        checkpoint_file=tmp_path / "checkpoints.jsonl")  # fmt: skip
    settings.secrets_dir.mkdir(mode=0o700)
    installation = Installation(settings, cast.database, lambda: NOW + timedelta(days=2))
    monkeypatch.setattr("jobs.commands.listing.installation", lambda: installation)
    (tmp_path / "ids.csv").write_bytes(LIST.encode("cp932"))
    return cast


def bring(tmp_path: Path, *options: str) -> None:
    as_of = (NOW + timedelta(days=1)).date().isoformat()
    file = str(tmp_path / "ids.csv")
    command.main(["listing", "import", file, "--system", SYSTEM, "--as-of", as_of, *options], standalone_mode=False)


def gone(cast: Cast) -> int:
    with cast.database.reading() as session:
        return len(session.scalars(select(Account.id).where(Account.seen_present.is_(False))).all())


def test_a_list_that_lacks_too_many_stops_with_exit_code_5_and_leaves_nothing(town: Cast, tmp_path: Path) -> None:
    with pytest.raises(SafetyLimit, match="3 件のうち 2 件") as stopped:
        bring(tmp_path)
    assert exit_code(stopped.value) == SAFETY == 5
    assert gone(town) == 0
    with town.database.reading() as session:
        assert session.scalars(select(Listing)).all() == []


def test_what_is_said_to_be_right_is_taken_over_and_on_record(town: Cast, tmp_path: Path) -> None:
    bring(tmp_path, "--missing-is-right")
    assert gone(town) == 2
    with town.database.reading() as session:
        query = select(AuditRecord.payload).where(AuditRecord.action == "listing.taken_over")
        assert json.loads(session.scalars(query).one() or "")["missing_is_right"] == 2
