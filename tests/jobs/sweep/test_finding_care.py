"""Between two nights the worker follows findings: what is covered is told of to nobody, the rest once to each."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.models.exceptions import RegisteredException
from idm.models.work import Finding, MailMessage
from idm.operations.sweep.findings import Found, SweepResult, record_sweep
from idm.settings import Settings
from idm.vocabulary import ExceptionScope, ExceptionState, FindingKind
from jobs import worker
from jobs.installation import Installation
from jobs.sweep import finding_care
from tests.carried_out import WORKER
from tests.cast import NOW, TODAY, Cast

LEFT = Found(FindingKind.LEFT, "e-1", "u100042")
DEFAULT = Found(FindingKind.DEFAULT_NAME, "e-2", "Administrator")


@pytest.fixture
def place(cast: Cast, tmp_path: Path) -> Installation:
    """The cast's installation, at a clock that stands still."""
    settings = Settings(
        database_url=cast.database.url, secrets_dir=tmp_path / "secrets", checkpoint_file=tmp_path / "checkpoints.jsonl"
    )
    return Installation(settings, cast.database, lambda: NOW)


def found(cast: Cast, system_id: int, *seen: Found) -> None:
    with cast.database.writing() as session:
        result = SweepResult(system_id, "x", 1, seen)
        record_sweep(session, result, started_at=NOW, actor=WORKER, policy=cast.policy, now=NOW)


def told(cast: Cast) -> Counter[str]:
    """Recipient → how many notices about findings."""
    with cast.database.reading() as session:
        return Counter(session.scalars(select(MailMessage.recipient).where(MailMessage.subject.like("%点検結果%"))))


def permit(cast: Cast) -> None:
    """The CISO has permitted an exception for default names."""
    with cast.database.writing() as session:
        session.add(RegisteredException(
            state=ExceptionState.PERMITTED, clause="6-2(3)", scope=ExceptionScope.ORGANISATION, what="x", reason="x",
            compensating_control="x", finding_kind=FindingKind.DEFAULT_NAME, valid_from=TODAY,
            valid_until=TODAY + timedelta(days=30), asked_by_id=cast.people["system"], asked_at=NOW,
            answered_by_id=cast.people["ciso"], answered_at=NOW,
        ))  # fmt: skip


def test_findings_of_several_systems_are_one_notice_a_person(cast: Cast, place: Installation) -> None:
    found(cast, 1, LEFT)
    found(cast, 2, LEFT, DEFAULT)
    for _ in range(2):
        finding_care.run_due(place)
    assert set(told(cast).values()) == {1}
    assert len(told(cast)) == 3, "CISO, chief, and the manager of both systems"


def test_what_is_covered_is_told_of_to_nobody(cast: Cast, place: Installation) -> None:
    found(cast, 1, DEFAULT)
    permit(cast)
    finding_care.run_due(place)
    assert told(cast) == {}
    with cast.database.reading() as session:
        assert session.scalars(select(Finding.exception_id)).one() == 1


def test_the_workers_round_does_it(cast: Cast, place: Installation) -> None:
    found(cast, 1, LEFT)
    rounds = worker.Rounds()
    worker.one_round(place, rounds, worker="w1")
    assert len(told(cast)) == 3
