"""Secrets of one installation: one file each in the secrets folder, readable by the product's own user alone.

A new installation makes its own keys; none comes with the product, and none is ever in the database or a setting.
"""

import os
import stat
from pathlib import Path
from secrets import token_hex

from idm.errors import ConfigurationInvalid

KEY_BYTES = 32
SECOND_FACTOR_KEY = "second-factor.key"
"""Seals the secrets of one-time codes."""
REVIEW_KEY = "review-rows.key"
"""Keys the seals over what reviewers of rights were shown."""
MATCH_KEY = "match.key"
"""Keys the hash by which two employments of one person are found."""


def load_or_create_key(folder: Path, name: str) -> bytes:
    """The 32-byte key in that file, made now if there is none (mode 0600, its folder 0700).

    Raises ConfigurationInvalid when the file is readable by others, is no plain file or has another length.
    """
    path = folder / name
    if not path.exists():
        _create(path, os.urandom(KEY_BYTES))
    return load_key(folder, name)


def load_key(folder: Path, name: str) -> bytes:
    """The 32-byte key in that file. Raises ConfigurationInvalid as `load_or_create_key` does, or when there is none."""
    path = folder / name
    content = read_guarded(path, most=KEY_BYTES + 1)
    if len(content) != KEY_BYTES:
        raise _refusal(path, f"長さが{KEY_BYTES}バイトではありません。控えから戻してください。")
    return content


def read_guarded(path: Path, *, most: int) -> bytes:
    """The file's first `most` bytes. Raises ConfigurationInvalid when others can read it or it is no plain file.

    Of a credential that systemd passes on, the group's bits are those of an access list naming the service's user.
    """
    passed_on = str(path.parent) == os.environ.get("CREDENTIALS_DIRECTORY")
    others = stat.S_IRWXO if passed_on else stat.S_IRWXG | stat.S_IRWXO
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as reason:
        raise _refusal(path, f"開けません（{reason.strerror}）。") from None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise _refusal(path, "通常のファイルではありません。")
        if about.st_mode & others:
            raise _refusal(path, "他の利用者から読める状態です。chmod 600 を実行してください。")
        return file.read(most)


def _create(path: Path, key: bytes) -> None:
    """Afterwards the file holds a whole key: this one, or that of a process which was quicker."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        os.link(unfinished, path)
    except FileExistsError:
        return
    finally:
        unfinished.unlink()


def _refusal(path: Path, why: str) -> ConfigurationInvalid:
    message = f"鍵のファイル {path} を使えません。{why}"
    return ConfigurationInvalid(message, mistakes=(message,))
