"""Addresses of one's own on the loopback network, for servers whose ports cannot be chosen."""

import fcntl
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from tests.servers.prepared import store

CANDIDATES = tuple(f"127.{second}.{third}.2" for second in (50, 51) for third in range(256))


class OwnAddress:
    """A 127.x.y.2 that nobody else on this machine claims until `release` or the end of this process.

    A lock on a file is the claim: two test runs cannot both get it, and it needs no clearing up after a kill.
    """

    def __init__(self, ports: Iterable[int]) -> None:
        wanted = tuple(ports)
        for host, lock in _claims():
            if all(_is_free(host, port) for port in wanted):
                self.host, self._lock = host, lock
                return
            lock.close()
        raise RuntimeError(f"on none of {len(CANDIDATES)} loopback addresses are the ports {wanted} free")

    def release(self) -> None:
        """Afterwards others may have it."""
        self._lock.close()


def _claims() -> Iterator[tuple[str, IO[bytes]]]:
    folder = store() / "addresses"
    folder.mkdir(exist_ok=True)
    for host in CANDIDATES:
        lock = _claim(folder / host)
        if lock is not None:
            yield host, lock


def _claim(path: Path) -> IO[bytes] | None:
    lock = path.open("ab")
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return lock
    lock.close()
    return None


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what has just closed is no obstacle
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
