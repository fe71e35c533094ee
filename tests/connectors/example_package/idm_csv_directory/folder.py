"""The directory itself: a folder with accounts.csv, groups.csv and members.csv, and what people do at it."""

import csv
import fcntl
import hashlib
import hmac
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from idm.errors import TargetUnavailable

USUAL_PLACE = "people"


@dataclass
class Row:
    """One account. Empty text = there is none; moments are ISO 8601."""

    id: str
    login_name: str
    uuid: str = ""
    display_name: str = ""
    family_name: str = ""
    given_name: str = ""
    employee_number: str = ""
    mail: str = ""
    unit_name: str = ""
    place: str = USUAL_PLACE
    switched_off: str = ""
    expires_at: str = ""
    created_at: str = ""
    last_used_at: str = ""
    password: str = field(default="", repr=False)
    """Salt and scrypt hash, in hex."""
    must_change: str = ""
    password_changed_at: str = ""

    def is_open(self, now: datetime) -> bool:
        """Whether it can be signed in to now."""
        return not self.switched_off and (not self.expires_at or now < datetime.fromisoformat(self.expires_at))


@dataclass
class Books:
    """What the files hold: accounts and groups by id, and who is in which group."""

    accounts: dict[str, Row] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    members: set[tuple[str, str]] = field(default_factory=set)
    """Group and account."""

    def named(self, login_name: str) -> Row | None:
        """The account of that login name; width and capital letters make no difference."""
        return next((row for row in self.accounts.values() if folded(row.login_name) == folded(login_name)), None)

    def add(self, login_name: str, now: datetime) -> Row:
        """Afterwards there is a new account of that name."""
        row = Row(str(uuid4()), login_name, created_at=now.isoformat())
        self.accounts[row.id] = row
        return row

    def sign_in(self, login_name: str, password: str, now: datetime) -> bool:
        """Whether this person gets in; if so, that is use."""
        row = self.named(login_name)
        if row is None or not row.is_open(now) or not matches(row.password, password):
            return False
        row.last_used_at = now.isoformat()
        return True


class CsvFolder:
    """One directory. Every method raises TargetUnavailable where the folder is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> Books:
        """What it holds now."""
        with self._locked(fcntl.LOCK_SH):
            return self._load()

    @contextmanager
    def change(self) -> Iterator[Books]:
        """What it holds, to be changed: stored when the block ends, each file whole or not at all."""
        with self._locked(fcntl.LOCK_EX):
            books = self._load()
            yield books
            self._store("accounts.csv", [asdict(row) for row in books.accounts.values()])
            self._store("groups.csv", [{"id": one, "name": name} for one, name in books.groups.items()])
            self._store("members.csv", [{"group": group, "account": one} for group, one in sorted(books.members)])

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        try:
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise TargetUnavailable(f"フォルダー {self.folder} を開けません（{error.strerror}）。") from None
        try:
            fcntl.flock(lock, kind)
            yield
        finally:
            os.close(lock)

    def _load(self) -> Books:
        known = {one.name for one in fields(Row)}
        rows = [Row(**{k: v for k, v in one.items() if k in known}) for one in self._lines("accounts.csv")]
        return Books(
            {row.id: row for row in rows},
            {one["id"]: one["name"] for one in self._lines("groups.csv")},
            {(one["group"], one["account"]) for one in self._lines("members.csv")},
        )

    def _lines(self, name: str) -> list[dict[str, str]]:
        file = self.folder / name
        if not file.exists():
            return []
        with file.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))

    def _store(self, name: str, rows: list[dict[str, str]]) -> None:
        fresh = self.folder / f"{name}.new"
        with fresh.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys() if rows else ["id"])
            writer.writeheader()
            writer.writerows(rows)
        fresh.replace(self.folder / name)


def folded(name: str) -> str:
    """A login name in the one form in which names are compared."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def sealed(password: str) -> str:
    """What is kept of a password."""
    salt = os.urandom(16)
    return f"{salt.hex()}:{_hash(salt, password)}"


def matches(kept: str, password: str) -> bool:
    """Whether it is the password. A blank one never is."""
    salt, _, known = kept.partition(":")
    return bool(known and password.strip()) and hmac.compare_digest(_hash(bytes.fromhex(salt), password), known)


def _hash(salt: bytes, password: str) -> str:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**10, r=8, p=1).hex()
