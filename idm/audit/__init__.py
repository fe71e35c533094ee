"""The audit record: append-only, chained, signed, and verifiable by somebody who does not trust this database.

    act ──record──► audit_records ──seal──► audit_seals ──checkpoint──► audit_checkpoints ──append──► a file elsewhere
        same transaction        every second           hash chain              Ed25519

`record` writes in the transaction of the act: if it cannot be written, the act does not happen (FK 6-1(6), MT 7-1(6)).
`seal` chains what is committed; a change, deletion, insertion or swap then breaks the chain at that record.
`checkpoint` signs the chain's end; kept elsewhere, it also shows a tail that was cut off or a chain made anew.
`verify` walks all of it and names the first wrong record (FK 6-1(4)①②, MT 7-1(4)イ).

What no chain shows: whoever could write to the database before the next seal could write, or remove, anything there.
"""

from idm.audit.cef import framed, syslog_message
from idm.audit.chain import seal
from idm.audit.checkpoint_file import append_checkpoint, append_missing, read_checkpoints
from idm.audit.checkpoints import Checkpoint, CheckpointUnreadable, checkpoint
from idm.audit.ecs import ecs_line
from idm.audit.events import AuditEvent, sealed_events
from idm.audit.export import export_lines
from idm.audit.payload import PayloadInvalid
from idm.audit.recording import expire_payloads, record
from idm.audit.verification import Verification, WrongRecord, verify

__all__ = [
    "AuditEvent",
    "Checkpoint",
    "CheckpointUnreadable",
    "PayloadInvalid",
    "Verification",
    "WrongRecord",
    "append_checkpoint",
    "append_missing",
    "checkpoint",
    "ecs_line",
    "expire_payloads",
    "export_lines",
    "framed",
    "read_checkpoints",
    "record",
    "seal",
    "sealed_events",
    "syslog_message",
    "verify",
]
