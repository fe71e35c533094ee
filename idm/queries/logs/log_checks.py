"""The check of our own record as its page shows it: what is open, who signed when, and what is due (control G4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.models.log_checks import ExportPosition, LogCheck, LogCheckSignature
from idm.models.people import Person
from idm.models.work import Finding
from idm.queries.logs.log_facts import sealed_until
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.vocabulary import LOG_FINDINGS, FindingKind


@dataclass(frozen=True)
class OpenFact:
    """One thing that stands out and that nobody has signed for. `records`: the first of the records that show it."""

    finding_id: int
    kind: FindingKind
    label: str
    day: str
    reason: str
    records: tuple[int, ...]
    count: int


@dataclass(frozen=True)
class SignatureRow:
    """One name to having looked."""

    up_to: date
    at: datetime
    by: str
    looked_at: int
    left_open: int
    comment: str


@dataclass(frozen=True)
class CheckRow:
    """One run of the rules."""

    at: datetime
    examined: int
    found: int


@dataclass(frozen=True)
class ExportRow:
    """How far one collector has the record. `behind`: how many sealed records it has not got yet."""

    name: str
    sequence: int
    behind: int
    at: datetime
    last_error: str | None


@dataclass(frozen=True)
class LogCheckPage:
    """A page of what is open (the oldest first), the last runs and signatures (the newest first); the collectors."""

    facts: Page[OpenFact]
    runs: tuple[CheckRow, ...]
    signatures: tuple[SignatureRow, ...]
    exports: tuple[ExportRow, ...]


def log_check_page(session: Session, *, asked: int = 1) -> LogCheckPage:
    """The check as it stands, with the page of open facts that is asked for."""
    runs = session.execute(
        select(LogCheck.at, LogCheck.examined, LogCheck.found).order_by(LogCheck.id.desc()).limit(14)
    )  # fmt: skip
    signatures = session.execute(
        select(LogCheckSignature, Person.name)
        .join(Person, LogCheckSignature.signed_by_id == Person.id)
        .order_by(LogCheckSignature.id.desc())
        .limit(24)
    )
    return LogCheckPage(
        facts=_facts(session, asked),
        runs=tuple(CheckRow(*row) for row in runs),
        signatures=tuple(
            SignatureRow(one.up_to, one.signed_at, name, one.looked_at, one.left_open, one.comment)
            for one, name in signatures
        ),
        exports=_exports(session),
    )


def _facts(session: Session, asked: int) -> Page[OpenFact]:
    still_open = (
        Finding.kind.in_(LOG_FINDINGS - {FindingKind.CLOCK_DRIFT}), Finding.system_id.is_(None),
        Finding.resolved_at.is_(None),
    )  # fmt: skip
    total = session.scalar(select(func.count()).select_from(Finding).where(*still_open)) or 0
    number = nearest_page(asked, total)
    rows = session.execute(
        select(Finding.id, Finding.kind, Finding.label, Finding.details)
        .where(*still_open)
        .order_by(Finding.id)
        .limit(ROWS_A_PAGE)
        .offset(offset_of(number))
    )
    return Page(tuple(_fact(*row) for row in rows), number, total)


def _exports(session: Session) -> tuple[ExportRow, ...]:
    newest = sealed_until(session) - 1
    return tuple(
        ExportRow(one.name, one.sequence, newest - one.sequence, one.at, one.last_error)
        for one in session.scalars(select(ExportPosition).order_by(ExportPosition.name))
    )


def _fact(finding_id: int, kind: FindingKind, label: str, details: Mapping[str, Any]) -> OpenFact:
    records = tuple(details["records"])
    return OpenFact(finding_id, kind, label, details["day"], details["reason"], records, details["count"])
