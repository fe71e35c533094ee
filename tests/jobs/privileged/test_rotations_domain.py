"""Kept passwords in an Active Directory domain: none is lost when a worker dies, and tier 0 is a person's (D4, D10)."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.models.systems import InformationSystem
from idm.settings import Settings
from idm.vocabulary import RotationReason, RotationState, VerifiedHow
from jobs.installation import Installation
from jobs.privileged.rotations import STILL_TAKEN
from tests.cast import Cast
from tests.connectors.conftest import now
from tests.connectors.samba_target import SambaTarget
from tests.jobs.conftest import Clock
from tests.servers.samba_ad import SambaAD
from tests.vault_office import VaultOffice


@pytest.fixture(scope="module")
def samba() -> Iterator[SambaAD]:
    """A running domain controller, one for all tests of the module."""
    server = SambaAD()
    server.build()
    server.start()
    yield server
    server.discard()


@pytest.fixture
def clock() -> Clock:
    """The machine's time, which tests move."""
    return Clock()


@pytest.fixture
def domain(samba: SambaAD) -> Iterator[SambaTarget]:
    """The domain, without anybody of a test before."""
    with ExitStack() as closing:
        yield SambaTarget(samba, closing, now)


@pytest.fixture
def office(cast: Cast, domain: SambaTarget, clock: Clock, tmp_path: Path) -> VaultOffice:
    """The office with that domain behind its ledger."""
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "ledger.password").write_text(domain.server.service_password(), encoding="utf-8")
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector, system.connector_settings = "active_directory", domain.connector_settings()
    settings = Settings(
        database_url=cast.database.url, secrets_dir=secrets, checkpoint_file=tmp_path / "checkpoints.jsonl"
    )
    return VaultOffice(cast, Installation(settings, cast.database, clock))


@pytest.mark.parametrize("enabled", [True, False], ids=["enabled", "disabled"])
@pytest.mark.parametrize("point", ["sealed", "told", "set", "proven"])
def test_a_worker_killed_at_any_point_loses_no_password(
    office: VaultOffice, clock: Clock, point: str, enabled: bool
) -> None:
    [account_id] = office.keep("backup-admin", enabled=enabled)
    office.rotate()
    office.ask(account_id)
    settings = office.installation.settings.model_dump_json()
    command = [sys.executable, "-m", "tests.jobs.dying_rotation", settings, point, "0"]
    assert subprocess.run(command, check=False, capture_output=True, timeout=120).returncode == -9
    # A domain says whether a password is right also of an account that is switched off.
    assert any(office.is_let_in(account_id, known) for known in office.in_our_books(account_id))
    clock.ahead = timedelta(minutes=11)
    office.rotate()
    assert office.all_confirmed()
    assert office.is_let_in(account_id, office.password(account_id))
    secret = office.secret(account_id)
    assert secret is not None
    assert secret.verified_how is VerifiedHow.SIGN_IN


def test_one_that_the_domain_guards_is_refused_and_named(
    office: VaultOffice, domain: SambaTarget, clock: Clock
) -> None:
    guarded, other = office.keep("domain-admin", "scan-room")
    domain.make_administrator("domain-admin")
    office.rotate()
    rotation = office.rotation(guarded)
    assert (rotation.state, rotation.sealed) == (RotationState.ASKED, None)
    assert "特権" in (rotation.last_error or "")
    assert office.secret(guarded) is None
    assert office.is_let_in(other, office.password(other)), "nobody else waits for it"


@pytest.mark.parametrize(("minutes", "still_taken"), [(0, False), (60, True)])
def test_whether_a_returned_password_is_still_taken_is_tried_and_said(
    office: VaultOffice, domain: SambaTarget, clock: Clock, minutes: int, still_taken: bool
) -> None:
    domain.server.accept_old_passwords(minutes)
    [account_id] = office.keep("backup-admin")
    office.rotate()
    use_id, private = office.use(account_id)
    office.prepare()
    returned = office.show(use_id, private)
    office.ask(account_id, reason=RotationReason.SUSPECTED)
    office.rotate()
    rotation = office.rotation(account_id)
    assert (rotation.state, rotation.verified_how) == (RotationState.CONFIRMED, VerifiedHow.SIGN_IN)
    assert domain.sign_in("backup-admin", office.password(account_id))
    assert domain.sign_in("backup-admin", returned) is still_taken
    assert rotation.last_error == (STILL_TAKEN if still_taken else None)
