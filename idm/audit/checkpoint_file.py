"""The file of checkpoints kept elsewhere: one line each, only ever appended to, on disk before the call returns.

A crash between the database's commit and the append leaves the file behind; `append_missing` catches up. A crash inside
an append leaves the beginning of a line; nothing is taken back (the file may be append-only), the line is written again
below it, and a reader accepts such a fragment only where the whole line follows.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.orm import Session

from idm.audit.checkpoints import Checkpoint, CheckpointUnreadable, stored_checkpoints
from idm.errors import ConfigurationInvalid

_TAIL = 8192
"""Bytes at the end of the file that surely hold its last whole line and the fragments after it."""


def append_missing(session: Session, path: Path) -> int:
    """The file holds every checkpoint of the database beyond its own last one; returns how many lines were added."""
    with _opened(path) as file:
        last = _last_sequence(file)
    return sum(append_checkpoint(path, missing) for missing in stored_checkpoints(session, after=last))


def append_checkpoint(path: Path, checkpoint: Checkpoint) -> bool:
    """The file ends with the checkpoint, on disk; False when it had already got as far and nothing was written.

    Raises ConfigurationInvalid when its folder is missing, OSError when the disk refuses.
    """
    with _opened(path) as file:
        flock(file, LOCK_EX)
        if _last_sequence(file) >= checkpoint.sequence:
            return False
        after_fragment = b"" if _tail(file)[-1:] in (b"", b"\n") else b"\n"
        file.write(after_fragment + checkpoint.line().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return True


def read_checkpoints(path: Path) -> Iterator[Checkpoint]:
    """The checkpoints of the file as it is at the first step, in its order; none when there is no file.

    Raises CheckpointUnreadable at a line that is neither a checkpoint nor a fragment of the next one.
    """
    fragments: list[tuple[int, str]] = []
    ended = True
    for number, line, ended in _lines(path):  # noqa: B007 - the last one's end is asked for below
        checkpoint = _checkpoint_of(line)
        if checkpoint is None:
            fragments.append((number, line))
            continue
        for at, fragment in fragments:
            if not line.startswith(fragment):
                raise _unreadable(path, at)
        fragments.clear()
        yield checkpoint
    if fragments and ended:
        raise _unreadable(path, fragments[0][0])


def _opened(path: Path) -> BinaryIO:
    """The file, open for reading and appending; made, and its folder's entry on disk, if it was not there."""
    if not path.parent.is_dir():
        # Not made here: an unmounted share would otherwise go unnoticed.
        raise ConfigurationInvalid(f"検印の控えを置くフォルダー {path.parent} がありません。")
    made = not path.exists()
    file = path.open("a+b")
    if made:
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    return file


def _tail(file: BinaryIO) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    return file.read()


def _last_sequence(file: BinaryIO) -> int:
    for line in reversed(_tail(file).decode(errors="replace").split("\n")):
        if checkpoint := _checkpoint_of(line):
            return checkpoint.sequence
    return 0


def _lines(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Number, text and whether it has its line end, of every line the file has now: later ones are not awaited."""
    if not path.exists():
        return
    with path.open("rb") as file:
        size, number = os.fstat(file.fileno()).st_size, 0
        while (left := size - file.tell()) > 0:
            line, number = file.readline(left).decode(errors="replace"), number + 1
            yield number, line.removesuffix("\n"), line.endswith("\n")


def _checkpoint_of(line: str) -> Checkpoint | None:
    with suppress(CheckpointUnreadable):
        return Checkpoint.from_line(line)
    return None


def _unreadable(path: Path, number: int) -> CheckpointUnreadable:
    return CheckpointUnreadable(f"{path.name} の {number} 行目が検印の形ではありません。書き換えられた疑いがあります。")
