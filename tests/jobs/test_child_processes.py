"""Ports that servers of ours are given: nobody else's, also a minute later."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from idm.errors import ConfigurationInvalid
from idm.settings import Settings
from jobs.child_processes import free_port, held_port, port_is_free
from jobs.commands.demo import demo
from jobs.demo import prepare as demonstration


def test_a_held_port_is_taken_for_everybody_else_and_free_again_afterwards() -> None:
    port = free_port()
    with held_port(port):
        assert not port_is_free(port)
        with pytest.raises(ConfigurationInvalid, match=str(port)), held_port(port):
            pass
    assert port_is_free(port)


def test_no_port_is_told_to_two_processes_that_live_at_the_same_time() -> None:
    asks = "from jobs.child_processes import free_port; print(*(free_port() for _ in range(400)), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", asks], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        theirs = {int(port) for port in other.stdout.readline().split()}
        ours = {free_port() for _ in range(400)}
        other.communicate(b"\n")
    assert len(theirs) == len(ours) == 400  # nor to the same one twice
    assert not theirs & ours


def test_a_port_whose_last_connection_just_closed_counts_as_free() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection(("127.0.0.1", port))
        server.accept()[0].close()  # this side closes first, and waits
        client.close()
    assert port_is_free(port)


def test_a_second_demonstration_is_given_another_port_than_the_first_is_preparing_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = free_port()
    monkeypatch.setattr(demonstration, "USUAL_PORT", usual)
    chosen: list[int] = []

    def stop_here(_folder: Path, settings: Settings, *_: object) -> demonstration.Demo:
        chosen.append(settings.port)
        if len(chosen) == 1:  # the first is still at it when the second begins
            with pytest.raises(InterruptedError):
                demonstration.prepare(tmp_path / "second")
        raise InterruptedError

    monkeypatch.setattr(demonstration, "_prepared", stop_here)
    with pytest.raises(InterruptedError):
        demonstration.prepare(tmp_path / "first")
    assert chosen[0] == usual
    assert chosen[1] != usual


def test_demo_says_that_its_port_is_taken_instead_of_showing_somebody_elses_pages(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        result = CliRunner().invoke(demo, ["--folder", str(tmp_path / "demo"), "--port", str(port)])
    assert isinstance(result.exception, ConfigurationInvalid)
    assert str(port) in str(result.exception)
