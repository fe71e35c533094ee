"""Servers as child processes: a free port, waiting until they answer, an end that cannot be missed."""

import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from idm.errors import ConfigurationInvalid

SYSTEM_PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/libexec")
POLL_SECONDS = 0.02
QUIET_PORTS = range(20_000, 32_000)
"""Unprivileged, and not handed out by the kernel to whoever connects somewhere meanwhile."""
BLOCK = 20
"""How many neighbouring ports one process takes for itself at a time."""


def program(name: str, package: str) -> str:
    """The path of an installed program. Raises ConfigurationInvalid naming the package to install."""
    found = shutil.which(name) or shutil.which(name, path=":".join(SYSTEM_PLACES))
    if found is None:
        raise ConfigurationInvalid(f"プログラム {name} がありません。パッケージ {package} を導入してください。")
    return found


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nothing listened on a moment ago, and that no outgoing connection takes by itself.

    No other process is told the same one while this one lives, and this one not again before many others: a server
    may take a second from the choice of its port until it listens there.
    """
    for port in _own_ports:
        with socket.socket() as probe, suppress(OSError):
            probe.bind((host, port))
            return port
    raise RuntimeError(f"no free port between {QUIET_PORTS.start} and {QUIET_PORTS.stop}")


def _ports_of_this_process() -> Iterator[int]:
    """The ports of one block after the other. A name in the kernel says whose a block is until its process ends."""
    blocks = [range(first, first + BLOCK) for first in QUIET_PORTS[::BLOCK]]
    secrets.SystemRandom().shuffle(blocks)
    for block in blocks:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0idm-ports-{block.start}")
        except OSError:
            claim.close()
        else:
            claim.detach()  # it is kept until the process ends
            yield from block


_own_ports = _ports_of_this_process()


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    try:
        _listening(host, port).close()
    except OSError:
        return False
    return True


@contextmanager
def held_port(port: int, host: str = "127.0.0.1") -> Iterator[None]:
    """Nobody else can listen there meanwhile. Raises ConfigurationInvalid when somebody does already."""
    try:
        holder = _listening(host, port)
    except OSError as taken:
        raise ConfigurationInvalid(
            f"{host} のポート {port} は、ほかのプログラムが使っています。それを止めるか、別のポートを指定してください。"
        ) from taken
    with holder:
        yield


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens: merely bound, a second one could be bound beside it."""
    holder = socket.socket()
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, port))
        holder.listen()
    except OSError:
        holder.close()
        raise
    return holder


def die_with_parent(command: Sequence[str], *, user: str | None = None, death_signal: str = "TERM") -> list[str]:
    """The command, wrapped so that the kernel signals it when its starter is gone, even by kill -9.

    With `user` it also gives up root for that account; the order matters, because the kernel forgets a death signal
    when the user changes.
    """
    become = [f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all"] if user else []
    return [program("setpriv", "util-linux"), *become, "--pdeathsig", death_signal, *command]


def wait_port(
    process: subprocess.Popen[bytes], port: int, *, log: Path, host: str = "127.0.0.1", timeout_seconds: float = 30.0
) -> None:
    """Afterwards the process is alive and takes connections. Raises RuntimeError with the end of its log."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(POLL_SECONDS)
        else:
            return
    said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    raise RuntimeError(f"server did not answer on port {port} (exit status {process.poll()}):\n{said}")


def stop(
    process: subprocess.Popen[bytes], *, first: signal.Signals = signal.SIGTERM, timeout_seconds: float = 20
) -> None:
    """Afterwards the process has ended: asked first, killed if it does not listen."""
    if process.poll() is None:
        process.send_signal(first)
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
