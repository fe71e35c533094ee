"""A round of the worker does everything that is due, and one failing part does not stop the rest."""

import threading
from datetime import timedelta

from sqlalchemy import func, select

from idm import audit
from idm.models.audit import AuditRecord, AuditSeal
from idm.signing import load_public_key
from jobs import worker
from tests.jobs.conftest import Office


def test_one_round_provisions_seals_and_signs(office: Office) -> None:
    office.grant("staff", "ledger/account")
    worker.one_round(office.installation, worker.Rounds(), worker="w1")
    assert office.entry("u100009")
    settings = office.installation.settings
    with office.cast.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AuditRecord)) == session.scalar(
            select(func.count()).select_from(AuditSeal)
        )
        result = audit.verify(
            session,
            public_key=load_public_key(settings.secrets_dir / "audit-signing.pub"),
            checkpoints_elsewhere=audit.read_checkpoints(settings.checkpoint_file),
        )
    assert result.ok
    assert result.checkpoints_checked == 1


def test_failing_part_is_counted_and_the_rest_goes_on(office: Office) -> None:
    office.grant("staff", "ledger/account")
    elsewhere = office.installation.settings.checkpoint_file
    elsewhere.mkdir()  # nothing can be appended to a folder
    rounds = worker.Rounds()
    worker.one_round(office.installation, rounds, worker="w1")
    assert rounds.failures == 1
    assert office.entry("u100009")


def test_worker_ends_when_it_is_told_to(office: Office) -> None:
    stop = threading.Event()
    running = threading.Thread(target=worker.work, args=(office.installation, stop), kwargs={"pause_seconds": 0.01})
    office.grant("staff", "ledger/account")
    running.start()
    deadline = office.clock() + timedelta(seconds=30)
    while not office.entry("u100009") and office.clock() < deadline:
        stop.wait(0.05)
    stop.set()
    running.join(30)
    assert not running.is_alive()
    assert office.entry("u100009")
