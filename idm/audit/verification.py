"""Walking the whole record again: every payload, every seal, every checkpoint, in flat memory (FK 6-1(4)①②).

Found and placed: a field or payload that was changed; a record that was deleted, inserted or swapped; a tail that was
cut off; a chain that was made anew; a checkpoint that was forged, altered or taken away. A payload that has expired is
no fault. What is wrong is an answer, never an exception: only a database that cannot be reached raises.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from idm.audit.batches import AnyRow, RowUnreadable, in_batches
from idm.audit.chain import GENESIS, HEADER_COLUMNS, link
from idm.audit.checkpoints import Checkpoint, CheckpointUnreadable, stored_checkpoints
from idm.audit.payload import SALT_BYTES, payload_hash
from idm.keys.signing import PublicKey
from idm.models.audit import AuditCheckpoint, AuditRecord, AuditSeal

_LATE_COMMIT = timedelta(hours=1)
"""How long a PostgreSQL transaction may hold back a record whose id is lower than one already sealed."""

_records, _seals = AuditRecord.__table__.c, AuditSeal.__table__.c
_has_seal = exists().where(_seals.record_id == _records.id)
_SEALED = select(*HEADER_COLUMNS, _records.payload, _records.salt, *AuditSeal.__table__.c).outerjoin_from(
    AuditSeal.__table__, AuditRecord.__table__, _records.id == _seals.record_id
)
_UNSEALED = select(*HEADER_COLUMNS, _records.payload, _records.salt).where(~_has_seal)
_NEWEST_SEALED = select(_records.id, _records.at).where(_has_seal).order_by(_records.id.desc()).limit(1)


@dataclass(frozen=True)
class WrongRecord:
    """The first place where the record is not what was sealed. `sequence` None: the record has no seal."""

    sequence: int | None
    record_id: int | None
    reason: str


@dataclass(frozen=True)
class Verification:
    """What a verification saw.

    `not_kept_elsewhere` counts the checkpoints that only the database has yet: they guard nothing until they are kept.
    """

    records: int
    sealed: int
    unsealed: int
    expired: int
    checkpoints_checked: int
    not_kept_elsewhere: int
    first_wrong: WrongRecord | None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.first_wrong is None


def verify(
    session: Session,
    *,
    public_key: PublicKey,
    checkpoints_elsewhere: Iterable[Checkpoint],
    kept_since: datetime | None = None,
) -> Verification:
    """What the record is worth now: counts, and the first wrong record by its place in the chain, if there is one.

    `checkpoints_elsewhere` are the lines of the file kept elsewhere, in its order. With `kept_since`, a payload of that
    time or later must still be there.
    """
    # First steps of both lists before the chain is read: what they name was committed earlier, so it must be there.
    elsewhere = _Witness("別に保管した検印", checkpoints_elsewhere, public_key)
    here = _Witness("データベースの検印", stored_checkpoints(session), public_key)
    wrong = _Walk(elsewhere, here, kept_since).first_wrong(session) or _first_wrong_unsealed(session, kept_since)
    records, sealed, expired, unsealed, ahead = session.execute(_counts(elsewhere.last)).one()
    return Verification(
        records=records,
        sealed=sealed,
        unsealed=unsealed,
        expired=expired,
        checkpoints_checked=elsewhere.checked,
        not_kept_elsewhere=0 if wrong else ahead,
        first_wrong=wrong,
    )


class _Witness:
    """One list of checkpoints, stepped through beside the chain. `last` is the sequence of its last good one."""

    def __init__(self, name: str, checkpoints: Iterable[Checkpoint], key: PublicKey) -> None:
        self.name, self.last, self.checked = name, 0, 0
        self._source, self._key = iter(checkpoints), key
        self.due: int | None = None
        """The sequence that the next checkpoint speaks of; None when there is none left."""
        self.problem: str | None = None
        """What is wrong with that next checkpoint itself."""
        self._hash = ""
        self._step()

    def testifies(self, digest: bytes) -> str | None:
        """What is wrong when the chain's hash at `due` is this one; steps on when nothing is."""
        if self.problem:
            return self.problem
        if self._hash != digest.hex():
            return f"{self.name}と合いません。連番 {self.last + 1} から {self.due} までの間で鎖が作り直されています。"
        self.checked += 1
        self.last = self.due or 0
        self._step()
        return None

    def beyond(self, end: int) -> str | None:
        """What is wrong when the chain ends at `end` although a checkpoint is left."""
        if self.due is None:
            return None
        cut = f"連番 {end + 1} から {self.due} までの記録が切り取られています ({self.name}による)。"
        return self.problem or cut

    def _step(self) -> None:
        try:
            checkpoint = next(self._source, None)
        except CheckpointUnreadable as error:
            self.due, self.problem = self.last + 1, str(error)
            return
        if checkpoint is None:
            self.due = None
            return
        self.due, self._hash = checkpoint.sequence, checkpoint.hash
        if not checkpoint.signed_by(self._key):
            self.problem = f"{self.name}(連番 {self.due})の署名が正しくありません。偽造か書換えの疑いがあります。"
        elif self.due <= self.last:
            self.problem = f"{self.name}(連番 {self.due})の順序が正しくありません。"


class _Walk:
    """The chain from its beginning, with both witnesses at its side."""

    def __init__(self, elsewhere: _Witness, here: _Witness, kept_since: datetime | None) -> None:
        self.elsewhere, self.here, self.kept_since = elsewhere, here, kept_since
        self.sequence, self.hash = 0, GENESIS

    def first_wrong(self, session: Session) -> WrongRecord | None:
        """The first wrong record of the chain, or what is missing at its end."""
        try:
            for row in in_batches(session, _SEALED, _seals.sequence):
                if reason := self._seal(row) or self._witnesses():
                    return WrongRecord(self.sequence, row.record_id, reason)
        except RowUnreadable as unreadable:
            return WrongRecord(self.sequence + 1, None, str(unreadable))
        beyond = self.elsewhere.beyond(self.sequence) or self.here.beyond(self.sequence)
        return WrongRecord(self.sequence + 1, None, beyond) if beyond else None

    def _seal(self, row: AnyRow) -> str | None:
        self.sequence += 1
        if row.sequence != self.sequence:
            return (
                f"連番 {self.sequence} の封印がありません (次は {row.sequence})。抜き取られたか、差し込まれています。"
            )
        if row.id is None:
            return "封印された記録が削除されています。"
        try:
            digest = link(self.hash, sequence=row.sequence, sealed_at=row.sealed_at, record=row)
        except (TypeError, ValueError, AttributeError):
            return "読み取れない値が入っています。書き換えられた疑いがあります。"
        if digest != row.hash:
            return "記録の項目か封印が、封印した時と違います。書換え、差込み又は入替えの疑いがあります。"
        self.hash = digest
        return _payload_fault(row, self.kept_since)

    def _witnesses(self) -> str | None:
        present = {witness for witness in (self.elsewhere, self.here) if witness.due == self.sequence}
        for witness in (self.elsewhere, self.here):
            while witness.due is not None and witness.due <= self.sequence:
                if fault := witness.testifies(self.hash):
                    return fault
        if self.elsewhere in present and self.here not in present:
            return self.here.problem or "別に保管した検印が、データベースから消えています。"
        if self.here in present and self.elsewhere not in present and self.elsewhere.due is not None:
            return self.elsewhere.problem or "データベースの検印が、別の保管場所から消えています。"
        return None


def _payload_fault(row: AnyRow, kept_since: datetime | None) -> str | None:
    if row.payload is None:
        if kept_since is not None and row.at >= kept_since:
            return "保存期間の内なのに、内容が消去されています。"
        return None
    well_formed = isinstance(row.payload, str) and isinstance(row.salt, bytes) and len(row.salt) == SALT_BYTES
    if not well_formed or payload_hash(row.salt, row.payload) != row.payload_hash:
        return "記録の内容が書き換えられています。"
    return None


def _first_wrong_unsealed(session: Session, kept_since: datetime | None) -> WrongRecord | None:
    """What is wrong with a record that waits for its seal: damaged, or slipped in below records already sealed."""
    newest = session.execute(_NEWEST_SEALED).one_or_none()
    in_order = session.get_bind().dialect.name == "sqlite"
    try:
        for row in in_batches(session, _UNSEALED, _records.id):
            if fault := _payload_fault(row, kept_since):
                return WrongRecord(None, row.id, fault)
            if newest and row.id < newest.id and (in_order or row.at < newest.at - _LATE_COMMIT):
                return WrongRecord(None, row.id, "封印のない記録が、封印済みの記録の間に差し込まれています。")
    except RowUnreadable as unreadable:
        return WrongRecord(None, None, str(unreadable))
    return None


def _counts(last_elsewhere: int) -> Select[int, int, int, int, int]:
    records = select(func.count()).select_from(AuditRecord).scalar_subquery()
    sealed = select(func.count()).select_from(AuditSeal).scalar_subquery()
    expired = select(func.count()).select_from(AuditRecord).where(_records.payload.is_(None)).scalar_subquery()
    unsealed = select(func.count()).select_from(AuditRecord).where(~_has_seal).scalar_subquery()
    ahead = select(func.count()).select_from(AuditCheckpoint).where(AuditCheckpoint.sequence > last_elsewhere)
    return select(records, sealed, expired, unsealed, ahead.scalar_subquery())
