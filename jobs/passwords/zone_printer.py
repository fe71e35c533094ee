"""Notices that are made inside a closed zone: into a folder of the worker there, for its printer alone (control E3).

The file is whole or not there, and readable by the product's own user alone. One hand-over has one file: asked again,
or set again after a death, the newer notice takes the place of the one before. What nobody needs any more goes.
"""

import os
import re
import stat
from pathlib import Path
from secrets import token_hex

from idm.errors import TargetRefused
from idm.passwords.printed_notice import Notice, NoticeNotMade, notice_pdf

NAME = re.compile(r"notice-(\d{1,12})\.pdf")


def notice_inside(folder: Path | None, notice: Notice, password: str) -> None:
    """Afterwards the notice with the password lies in the folder. Raises TargetRefused, with nothing of it left."""
    try:
        pdf = notice_pdf(notice, password)
    except NoticeNotMade as failure:
        raise TargetRefused(str(failure)) from None
    print_inside(folder, notice.handover_id, pdf)


def print_inside(folder: Path | None, handover_id: int, pdf: bytes) -> None:
    """Afterwards the notice lies in the folder. Raises TargetRefused where there is none, or others could read it."""
    if folder is None:
        raise TargetRefused(
            "この区域の仮パスワードは、区域の中で印刷します。印刷先のフォルダー（notices.folder）が設定されていません。"
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(folder.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            raise TargetRefused(
                f"印刷先のフォルダー {folder} が、ほかの利用者から読める状態です。chmod 700 を実行してください。"
            )
        _write(folder / f"notice-{handover_id}.pdf", pdf)
    except OSError as reason:
        raise TargetRefused(f"通知書を印刷先のフォルダー {folder} に置けません（{reason.strerror}）。") from None


def printed_notices(folder: Path | None) -> dict[int, Path]:
    """Hand-over → its notice in the folder."""
    if folder is None or not folder.is_dir():
        return {}
    found = ((NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return {int(match[1]): path for match, path in found if match is not None}


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
