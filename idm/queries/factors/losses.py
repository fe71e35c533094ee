"""Reports of lost authenticators: what is still open, how one ended, and how one can end (FK 5-4(1)①ウ; control B6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from idm.errors import NotFound
from idm.factors.authenticator_state import AuthenticatorState
from idm.models.authenticators import Authenticator, LossReport
from idm.models.people import Person
from idm.publication import Reader
from idm.queries.factors.authenticators import works_in
from idm.queries.factors.replacements import successors
from idm.queries.organisation.publication import known
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.vocabulary import LossOutcome

_OWN_OUTCOMES = frozenset({LossOutcome.REPLACED, LossOutcome.GIVEN_UP})
_WHILE_LOST = {True: frozenset({LossOutcome.REPLACED}), False: frozenset({LossOutcome.GIVEN_UP})}
_FOUND = {
    True: frozenset({LossOutcome.FOUND, LossOutcome.REPLACED}), False: frozenset({LossOutcome.FOUND}),
}  # fmt: skip


@dataclass(frozen=True)
class LossRow:
    """One report. `closed_at` None: its follow-up is open."""

    id: int
    authenticator_id: int
    title: str
    state: AuthenticatorState
    own_sign_in: bool
    owner_id: int
    owner: str
    kana: str
    reported_by_id: int
    reported_by: str
    reported_at: datetime
    circumstances: str
    closed_at: datetime | None
    closed_by: str | None
    outcome: LossOutcome | None
    note: str | None


def loss_page(
    session: Session, *, is_open: bool, reader: Reader, units: frozenset[str] | None = None, asked: int = 1
) -> Page[LossRow]:
    """One page of the open reports, oldest first, or of those that are closed, newest first.

    `units`: only of the people of these; None = of everybody.
    """
    closed = LossReport.closed_at.is_(None) if is_open else LossReport.closed_at.is_not(None)
    conditions = [known(reader), works_in(units, reader.day), closed]
    counted = select(func.count()).select_from(LossReport).join(Person, LossReport.owner_id == Person.id)
    total = session.scalar(counted.where(*conditions)) or 0
    number = nearest_page(asked, total)
    rows = _rows(session, *conditions, newest_first=not is_open, offset=offset_of(number))
    return Page(tuple(rows), number, total)


def loss_row(
    session: Session, report_id: int, *, reader: Reader, units: frozenset[str] | None = None
) -> LossRow:  # fmt: skip
    """One report, of the people of these units (None = everybody's). Raises NotFound, also for somebody else's."""
    row = next(_rows(session, LossReport.id == report_id, known(reader), works_in(units, reader.day)), None)
    if row is None:
        raise NotFound("紛失の届出が見つかりません。")
    return row


def open_loss_of(session: Session, authenticator_id: int) -> int | None:
    """The id of the authenticator's open report."""
    return session.scalar(
        select(LossReport.id).where(LossReport.authenticator_id == authenticator_id, LossReport.closed_at.is_(None))
    )


def possible_outcomes(session: Session, authenticator: Authenticator) -> frozenset[LossOutcome]:
    """How the follow-up can end, by what the register shows: nothing is written down as found that is still lost."""
    if authenticator.own_sign_in:
        return _OWN_OUTCOMES
    newer = successors(session, authenticator.id)
    in_use = exists().where(Authenticator.id.in_(newer), Authenticator.activated_at.is_not(None))
    replaced = bool(session.scalar(select(in_use)))
    return (_WHILE_LOST if authenticator.state is AuthenticatorState.LOST else _FOUND)[replaced]


def _rows(
    session: Session, *conditions: ColumnElement[bool], newest_first: bool = False, offset: int = 0
) -> Iterator[LossRow]:
    reporter, closer = aliased(Person), aliased(Person)
    order = (LossReport.closed_at.desc(), LossReport.id.desc()) if newest_first else (LossReport.id,)
    query = (
        select(LossReport, Authenticator, Person.name, Person.kana, reporter.name, closer.name)
        .join(Authenticator, LossReport.authenticator_id == Authenticator.id)
        .join(Person, LossReport.owner_id == Person.id)
        .join(reporter, LossReport.reported_by_id == reporter.id)
        .outerjoin(closer, LossReport.closed_by_id == closer.id)
        .where(*conditions)
        .order_by(*order)
        .limit(ROWS_A_PAGE)
        .offset(offset)
    )
    for report, one, owner, kana, reported_by, closed_by in session.execute(query):
        yield LossRow(
            id=report.id, authenticator_id=one.id, title=one.title, state=one.state, own_sign_in=one.own_sign_in,
            owner_id=report.owner_id, owner=owner, kana=kana, reported_by_id=report.reported_by_id,
            reported_by=reported_by, reported_at=report.reported_at, circumstances=report.circumstances,
            closed_at=report.closed_at, closed_by=closed_by, outcome=report.outcome, note=report.note,
        )  # fmt: skip
