"""Signed checkpoints: at this time the chain had this many seals, and its last hash was this one.

The chain alone cannot show that its tail was cut off or that all of it was made anew; a checkpoint kept elsewhere can.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.audit.batches import BELOW_ALL, RowUnreadable, in_batches
from idm.audit.chain import takes_the_chain, utc_text
from idm.audit.payload import canonical
from idm.errors import IdmError
from idm.keys.signing import PublicKey, SigningKey
from idm.models.audit import AuditCheckpoint, AuditSeal

_PURPOSE = b"idm audit checkpoint 1\n"
"""Begins everything that is signed here, so that a signature made for anything else is none."""


class CheckpointUnreadable(IdmError):
    """What should be a checkpoint is none: somebody changed it, or it was never written whole."""


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint. Hash and signature in hex, the time as the chain writes it."""

    sequence: int
    hash: str
    at: str
    key_id: str
    signature: str

    def line(self) -> str:
        """The checkpoint as one line of canonical JSON, without its line end."""
        return canonical(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Self:
        """The checkpoint of a line. Raises CheckpointUnreadable unless it is exactly what `line` writes."""
        try:
            read = cls(**json.loads(line))
            types_hold = all(isinstance(getattr(read, name), kind) for name, kind in cls.__annotations__.items())
        except (ValueError, TypeError, RecursionError):
            types_hold = False
        if not types_hold or read.line() != line:
            raise CheckpointUnreadable("検印の行が正しい形ではありません。書き換えられた疑いがあります。")
        return read

    def signed_by(self, key: PublicKey) -> bool:
        """Whether the owner of that key signed this very checkpoint."""
        try:
            signature = bytes.fromhex(self.signature)
            message = _message(sequence=self.sequence, digest=self.hash, at=self.at, key_id=self.key_id)
        except (ValueError, TypeError):
            return False
        return self.key_id == key.key_id and self.signature == signature.hex() and key.verify(message, signature)


def _message(*, sequence: int, digest: str, at: str, key_id: str) -> bytes:
    return _PURPOSE + canonical({"at": at, "hash": digest, "key_id": key_id, "sequence": sequence}).encode()


def checkpoint(session: Session, key: SigningKey, *, now: datetime) -> Checkpoint | None:
    """The end of the chain is signed and stored; None when nothing was sealed since, or another sealer is at work.

    After the commit, `append_missing` carries it elsewhere.
    """
    if not takes_the_chain(session):
        return None
    last = session.scalars(select(AuditSeal).order_by(AuditSeal.sequence.desc()).limit(1)).one_or_none()
    if last is None or session.get(AuditCheckpoint, last.sequence) is not None:
        return None
    digest, at, key_id = last.hash.hex(), utc_text(now), key.public.key_id
    signature = key.sign(_message(sequence=last.sequence, digest=digest, at=at, key_id=key_id)).hex()
    session.add(AuditCheckpoint(sequence=last.sequence, hash=digest, at=now, key_id=key_id, signature=signature))
    return Checkpoint(last.sequence, digest, at, key_id, signature)


def stored_checkpoints(session: Session, *, after: int = BELOW_ALL) -> Iterator[Checkpoint]:
    """The database's own checkpoints beyond a sequence, in order.

    Raises CheckpointUnreadable when one of them cannot be read.
    """
    stored = AuditCheckpoint.__table__
    try:
        for row in in_batches(session, select(stored), stored.c.sequence, after=after):
            yield Checkpoint(row.sequence, row.hash, utc_text(row.at), row.key_id, row.signature)
    except RowUnreadable:
        raise CheckpointUnreadable("データベースの検印を読み取れません。書き換えられた疑いがあります。") from None
