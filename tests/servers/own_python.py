"""Python environments for servers whose packages do not go together with ours: made once per machine, by hash."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.prepared import fingerprint, prepared


@contextmanager
def own_python(name: str, requirements: Path) -> Iterator[Path]:
    """The interpreter of an environment with exactly these packages; pip's index is asked once in a machine's life."""
    version = fingerprint(sys.version, requirements.read_text(encoding="utf-8"))

    def install(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", str(folder)])
        python = str(folder / "bin" / "python")
        _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps",
              "-r", str(requirements)])  # fmt: skip

    with prepared(name, version, install) as folder:
        yield folder / "bin" / "python"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:4])}: {done.stderr}")
