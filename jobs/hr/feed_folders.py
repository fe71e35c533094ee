"""The folders of the drop folder, and every step of a file through them: each a rename within one file system.

inbox → claimed → processed, rejected or waiting. Nothing here reads a personnel file's content or the database.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from idm.calendar_days import TOKYO
from idm.errors import ConfigurationInvalid
from idm.feed.delivery import SUFFIXES

UNFINISHED = (".tmp", ".part", ".filepart", ".crdownload")
"""How senders name a file that they still write."""
PROOFS = tuple(SUFFIXES.values())
REPORT_TEXT, REPORT_DATA = ".report.txt", ".report.json"
"""How the names of our reports end; no delivery may be named so."""
_BESIDE = (*PROOFS, REPORT_TEXT, REPORT_DATA)
LONGEST_NAME = 180
"""Bytes of a kept name: the stamp and the report's ending still have room."""
STAMP = "%Y%m%d-%H%M%S"
_STAMP_LENGTH = 16


class Room(StrEnum):
    """The folders; each has one folder a feed."""

    INBOX = "inbox"
    CLAIMED = "claimed"
    WAITING = "waiting"
    PROCESSED = "processed"
    REJECTED = "rejected"


class Unreadable(Exception):
    """What lies there is no plain file, is too large, or changed while it was read; the sentence says which."""


@dataclass(frozen=True)
class Delivered:
    """Something in an inbox. `changed_at` is when the file system last saw it change (seconds, the machine's clock)."""

    path: Path
    size: int
    modified_ns: int
    changed_at: float
    plain: bool


@dataclass(frozen=True)
class Claimed:
    """A file that is ours: `path` begins with the moment it was claimed, `name` is the name it came under."""

    path: Path
    name: str

    @property
    def claimed_at(self) -> datetime:
        """When it was claimed."""
        return datetime.strptime(self.path.name[: _STAMP_LENGTH - 1], STAMP).replace(tzinfo=TOKYO)

    @classmethod
    def at(cls, path: Path) -> "Claimed":
        """What a run before this one claimed."""
        return cls(path, path.name[_STAMP_LENGTH:])


@dataclass(frozen=True)
class Folders:
    """The drop folder at hand."""

    root: Path

    def of(self, room: Room, feed: str) -> Path:
        """The folder of a feed in a room."""
        return self.root / room.value / feed

    def prepare(self, feeds: list[str]) -> None:
        """Afterwards every folder is there, new ones 0700. Raises ConfigurationInvalid where anybody may write."""
        for folder in (self.root, *(self.root / room.value for room in Room)):
            _make(folder)
        for feed in feeds:
            for room in Room:
                _make(self.of(room, feed))

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Whether nobody else is at work here while the block runs; the lock dies with its process."""
        descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(descriptor)

    def deliveries(self, feed: str) -> list[Delivered]:
        """What lies in the inbox of the feed and is not still being named, in the order of its arrival."""
        found = []
        for entry in os.scandir(self.of(Room.INBOX, feed)):
            if entry.name.startswith(".") or entry.name.lower().endswith((*UNFINISHED, *_BESIDE)):
                continue
            with suppress(FileNotFoundError):
                found.append(look(Path(entry.path)))
        return sorted(found, key=lambda one: (one.changed_at, one.path.name))

    def kept(self, room: Room, feed: str) -> list[Claimed]:
        """The files of the feed in a room, oldest first, without reports and proofs."""
        folder = self.of(room, feed)
        names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.lower().endswith(_BESIDE))
        return [Claimed.at(folder / name) for name in names if _stamped(name)]

    def claim(self, delivered: Delivered, feed: str, *, now: datetime) -> Claimed | None:
        """The file, ours from here on; None where somebody else was quicker or it went away."""
        path = self._free(feed, _harmless(delivered.path.name), now)
        try:
            delivered.path.rename(path)
        except FileNotFoundError:
            return None
        _sync(delivered.path.parent, path.parent)
        return Claimed(path, delivered.path.name)

    def fetch_proof(self, claimed: Claimed, feed: str, suffix: str) -> Path | None:
        """Where the proof of a claimed file lies now, taken along from the inbox; None where there is none."""
        path = claimed.path.with_name(f"{claimed.path.name}{suffix}")
        if not os.path.lexists(path):
            with suppress(FileNotFoundError):
                (self.of(Room.INBOX, feed) / f"{claimed.name}{suffix}").rename(path)
        return path if os.path.lexists(path) else None

    def move(self, claimed: Claimed, room: Room, feed: str) -> Claimed:
        """Afterwards the file is in the room under the same name, its proof before it."""
        target = self.of(room, feed) / claimed.path.name
        for suffix in PROOFS:
            with suppress(FileNotFoundError):
                _beside(claimed.path, suffix).rename(_beside(target, suffix))
        claimed.path.rename(target)
        _sync(claimed.path.parent, target.parent)
        return Claimed(target, claimed.name)

    def _free(self, feed: str, name: str, now: datetime) -> Path:
        """A name whose stamp no other file of the feed has, so that no report meets another file's name."""
        rooms = [self.of(room, feed) for room in Room if room is not Room.INBOX]
        taken = {entry.name[: _STAMP_LENGTH - 1] for folder in rooms for entry in os.scandir(folder)}
        moment = now.astimezone(TOKYO) + timedelta(seconds=1)  # never before the moment, whose fraction is cut off
        while moment.strftime(STAMP) in taken:
            moment += timedelta(seconds=1)
        return self.of(Room.CLAIMED, feed) / f"{moment.strftime(STAMP)}-{name}"


def look(path: Path) -> Delivered:
    """What lies there, itself and not what it points to. Raises FileNotFoundError."""
    about = path.lstat()
    plain = stat.S_ISREG(about.st_mode) and about.st_nlink == 1
    return Delivered(path, about.st_size, about.st_mtime_ns, about.st_ctime, plain)


def read(path: Path, *, max_bytes: int, expected: Delivered | None = None) -> bytes:
    """The whole content of a plain file. Raises Unreadable; never follows a link, never waits for a writer."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as reason:
        raise Unreadable(f"ファイルを開けません（{reason.strerror}）。") from None
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode) or before.st_nlink != 1:
            raise Unreadable("通常のファイルではありません（リンク・フォルダ・パイプは受け付けません）。")
        if before.st_size > max_bytes:
            raise Unreadable(f"大きすぎます（{before.st_size:,}バイト。上限は {max_bytes:,}バイトです）。")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    settled = expected or Delivered(path, before.st_size, before.st_mtime_ns, 0, plain=True)
    if (after.st_size, after.st_mtime_ns) != (settled.size, settled.modified_ns) or len(data) != after.st_size:
        raise Unreadable("読んでいる間に変わりました。書き終わってから届けてください。")
    return data


def keep(path: Path, data: bytes) -> None:
    """Afterwards the file holds exactly these bytes, is ours (0600), and no writer of the old one reaches it."""
    unfinished = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        unfinished.unlink()
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_mode & stat.S_IWOTH:
        message = f"{folder}: フォルダでないか、誰でも書き込める状態です。chmod o-w を実行してください。"
        raise ConfigurationInvalid("人事データの受付フォルダを使えません。", mistakes=(message,))


def _stamped(name: str) -> bool:
    try:
        datetime.strptime(name[: _STAMP_LENGTH - 1], STAMP)  # noqa: DTZ007 -- only its form is asked
    except ValueError:
        return False
    return len(name) > _STAMP_LENGTH


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}{ending}")


def printable(name: str) -> str:
    """The name without control characters and bytes that are no character."""
    return "".join(sign if sign.isprintable() else "_" for sign in name)


def _harmless(name: str) -> str:
    """The name as reports can show it: unprintable or undecodable signs replaced, shortened before its ending."""
    shown = printable(name)
    stem, dot, ending = shown.rpartition(".")
    stem, ending = (stem, dot + ending) if stem and len(ending) <= 10 else (shown, "")
    room = LONGEST_NAME - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore") + ending


def _sync(*folders: Path) -> None:
    """Afterwards the renames outlast a power failure."""
    for folder in set(folders):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
