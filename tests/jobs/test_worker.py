"""A round of the worker does everything that is due, and one failing part does not stop the rest."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import func, select

from idm import audit
from idm.calendar_days import TOKYO
from idm.keys.signing import load_public_key
from idm.models.audit import AuditRecord, AuditSeal
from jobs import worker
from tests.jobs.conftest import Office


def failing(turn: worker.Turn) -> None:
    """A duty whose part of the world is away."""
    raise OSError("away")


def succeeding(turn: worker.Turn) -> None:
    """A duty that has nothing to do."""


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


@pytest.mark.parametrize(
    ("duty", "seconds", "times"),
    [
        # One that fails is tried in every round until it is done, or rests until its next moment.
        (worker.Duty("signing", failing, worker.every_minute, until_done=True), (0, 1, 2, 3), 4),
        (worker.Duty("notices", failing, worker.every_minute), (0, 1, 2, 60), 2),
        (worker.Duty("provision", succeeding), (0, 0, 1), 3),
        (worker.Duty("signing", succeeding, worker.every_minute, until_done=True), (0, 1, 59, 60, 61), 2),
        (worker.Duty("retention", succeeding, worker.every_day, until_done=True), (0, 3600, 13 * 3600), 2),
    ],
)  # fmt: skip
def test_every_duty_is_done_at_its_moments(
    office: Office, monkeypatch: pytest.MonkeyPatch, duty: worker.Duty, seconds: tuple[int, ...], times: int
) -> None:
    done: list[datetime] = []

    def act(turn: worker.Turn) -> None:
        done.append(turn.now)
        duty.act(turn)

    monkeypatch.setattr(worker, "DUTIES", (replace(duty, act=act),))
    rounds = worker.Rounds()
    noon = datetime(2026, 5, 3, 12, 0, tzinfo=TOKYO)
    for passed in seconds:
        at = noon + timedelta(seconds=passed)
        worker.one_round(replace(office.installation, clock=partial(at.replace)), rounds, worker="w1")
    assert len(done) == times


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
