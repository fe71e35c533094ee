"""`idm hr inbox` as timers and clerks meet it: exit codes, data on stdout, and a watch that ends when it is told to."""

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jobs.commands import hr as command
from jobs.hr.feed_inbox import Round
from tests.jobs.hr.test_feed_inbox import Office, everyone_leaves, office, sample

__all__ = ["office"]


@pytest.fixture
def run(office: Office, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `idm hr inbox` on the office, whose files count as written at once."""
    settings = office.installation.settings
    inbox = settings.inbox.model_copy(update={"settle_seconds": 0, "poll_seconds": 0.01})
    at_once = replace(office.installation, settings=settings.model_copy(update={"inbox": inbox}))
    monkeypatch.setattr(command, "installation", lambda: at_once)
    return lambda *arguments: CliRunner().invoke(command.hr, ["inbox", *arguments])


def test_exit_codes_say_what_became_of_the_files(office: Office, run: Callable[..., Result]) -> None:
    assert run("--once").exit_code == 0
    office.deliver(sample())
    assert run().exit_code == 0
    office.deliver(b"no file", "broken.csv")
    assert run().exit_code == 3
    office.deliver(b"no file", "broken.csv")
    office.deliver(everyone_leaves(), "leavers.csv")
    assert run().exit_code == 5, "a stopped file counts for more than a rejected one"
    assert run().exit_code == 0


def test_data_stands_on_stdout_and_talk_beside_it(office: Office, run: Callable[..., Result]) -> None:
    office.deliver(sample())
    done = run("--json")
    (file,) = json.loads(done.stdout)["files"]
    assert (file["feed"], file["name"], file["fate"], file["run"]) == ("aoba", "staff.csv", "applied", 1)
    assert "aoba/staff.csv: 取り込みました" in done.stderr


def test_once_and_watch_exclude_each_other(run: Callable[..., Result]) -> None:
    assert run("--once", "--watch").exit_code == 2


def test_a_watch_looks_until_it_is_told_to_stop(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Any] = {}
    looks: list[None] = []
    monkeypatch.setattr(command.signal, "signal", handlers.__setitem__)  # type: ignore[attr-defined]

    def look(_installation: object) -> Round:
        looks.append(None)
        if len(looks) == 3:
            handlers[signal.SIGTERM](signal.SIGTERM, None)
        return Round()

    monkeypatch.setattr(command.feed_inbox, "collect", look)  # type: ignore[attr-defined]
    assert run("--watch").exit_code == 0
    assert len(looks) == 3
