"""What is slow to make and always the same: made once per machine, kept under /var/tmp, copied by everybody."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

STORE = Path("/var/tmp")


def store() -> Path:
    """A folder that outlives the tests and belongs to nobody else. Raises RuntimeError when somebody else made it."""
    folder = STORE / f"idm-test-servers-{os.getuid()}"
    folder.mkdir(mode=0o711, exist_ok=True)  # servers that give up root must be able to pass through
    made = folder.lstat()
    if folder.is_symlink() or made.st_uid != os.getuid() or made.st_mode & 0o022:
        raise RuntimeError(f"{folder} is not ours alone: remove it")
    return folder


def fingerprint(*parts: str) -> str:
    """A name for what these texts (a version, a recipe) lead to."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@contextmanager
def prepared(kind: str, version: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """A finished folder of that kind and version; it stays while somebody is inside `with`.

    Whoever comes first calls `make` with an empty folder; the others wait. What dies half-way leaves nothing that
    could be taken for finished. Other versions of the same kind are removed when a new one is made.
    """
    ready = store() / f"{kind}-{version}"
    with (store() / f"{kind}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            for old in (*store().glob(f"{kind}-*"), *store().glob(f"unfinished-{kind}-*")):
                shutil.rmtree(old)
            unfinished = Path(tempfile.mkdtemp(prefix=f"unfinished-{kind}-", dir=store()))
            make(unfinished)
            unfinished.rename(ready)
        yield ready


def copy_tree(source: Path, target: Path) -> None:
    """Afterwards `target`, which did not exist, is `source` with owners, modes, times and extended attributes."""
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)
