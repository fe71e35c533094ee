"""The register of official social-media accounts, for a page, paper or a list (control I6)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.errors import NotFound
from idm.models.official_accounts import (
    OfficialAccount,
    OfficialAccountCheck,
    OfficialAccountPoster,
    TakeOver,
    TakeOverStep,
)
from idm.models.people import Person
from idm.policy import OfficialAccountRules
from idm.queries.organisation.units import unit_names_on
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.registers.official_account_state import POSTING, WATCHED, check_due
from idm.vocabulary import OfficialAccountState


@dataclass(frozen=True)
class PosterRow:
    """Somebody who posts, or posted."""

    id: int
    person_id: int
    name: str
    since: datetime
    ended_at: datetime | None
    end_reason: str | None


@dataclass(frozen=True)
class AccountCheckRow:
    """One regular check: who looked when, and what they found."""

    by: str
    at: datetime
    comment: str


@dataclass(frozen=True)
class StepRow:
    """One step of the response to a take-over; `by` None = it is still to be done."""

    code: str
    title: str
    by: str | None = None
    at: datetime | None = None
    note: str = ""


@dataclass(frozen=True)
class TakeOverRow:
    """One take-over and what was done about it."""

    what: str
    reported_by: str
    reported_at: datetime
    steps: tuple[StepRow, ...]
    settled_note: str | None
    settled_by_id: int | None
    settled_by: str | None
    settled_at: datetime | None
    confirmed_by: str | None
    confirmed_at: datetime | None

    @property
    def to_do(self) -> bool:
        """Whether a step is still open."""
        return any(step.by is None for step in self.steps)


@dataclass(frozen=True)
class OfficialAccountRow:
    """One account as people read it. `check_due`: the last day for the next regular check, of one in use."""

    id: int
    state: OfficialAccountState
    unit_code: str
    unit: str
    service: str
    handle: str
    address: str
    purpose: str
    own_page: str
    same_elsewhere: str
    custody: str
    two_factors: bool
    recovery: str
    responsible_id: int
    responsible: str
    posters: tuple[PosterRow, ...]
    """Who posts now."""
    asked_by_id: int
    asked_by: str
    asked_at: datetime
    answered_by: str | None
    answered_at: datetime | None
    answer_note: str | None
    password_due_since: datetime | None
    password_changed_at: datetime | None
    password_changed_by: str | None
    ended_how: str | None
    ended_by_id: int | None
    ended_by: str | None
    closed_by: str | None
    closing_note: str | None
    check_due: date | None

    @property
    def posting(self) -> bool:
        """Whether there are people for it who post."""
        return self.state in POSTING


@dataclass(frozen=True)
class OfficialAccountSheet:
    """One account with everything that hangs on it, the newest first."""

    row: OfficialAccountRow
    posted: tuple[PosterRow, ...]
    """Who posts no longer."""
    checks: tuple[AccountCheckRow, ...]
    take_overs: tuple[TakeOverRow, ...]

    @property
    def open_take_over(self) -> TakeOverRow | None:
        """The one that is not over."""
        return next((one for one in self.take_overs if one.confirmed_at is None), None)


def account_page(
    session: Session, rules: OfficialAccountRules, *, state: OfficialAccountState | None = None, asked: int = 1,
    day: date,
) -> Page[OfficialAccountRow]:  # fmt: skip
    """One page of the register: what waits and what is in use first."""
    condition = OfficialAccount.state == state if state is not None else true()
    total = session.scalar(select(func.count(OfficialAccount.id)).where(condition)) or 0
    number = nearest_page(asked, total)
    part = _register(condition).limit(ROWS_A_PAGE).offset(offset_of(number))
    return Page(_rows(session, rules, part, day), number, total)


def account_rows(session: Session, rules: OfficialAccountRules, *, day: date) -> tuple[OfficialAccountRow, ...]:
    """The whole register."""
    return _rows(session, rules, _register(), day)


def account_sheet(
    session: Session, official_account_id: int, rules: OfficialAccountRules, *, day: date
) -> OfficialAccountSheet:
    """One of them. Raises NotFound."""
    found = _rows(session, rules, _register(OfficialAccount.id == official_account_id), day)
    if not found:
        raise NotFound("公式アカウントが見つかりません。")
    checks = session.execute(
        select(OfficialAccountCheck, Person.name).join(Person, OfficialAccountCheck.checked_by_id == Person.id)
        .where(OfficialAccountCheck.official_account_id == official_account_id)
        .order_by(OfficialAccountCheck.id.desc())
    ).all()  # fmt: skip
    return OfficialAccountSheet(
        found[0],
        _posters(session, [official_account_id], live=False).get(official_account_id, ()),
        tuple(AccountCheckRow(name, one.checked_at, one.comment) for one, name in checks),
        _take_overs(session, official_account_id, rules),
    )


def accounts_looked_after(session: Session, person_ids: Collection[int]) -> list[tuple[int, str]]:
    """What one human answers for or posts with, while it is in use: id and name."""
    posting = select(OfficialAccountPoster.official_account_id).where(
        OfficialAccountPoster.person_id.in_(person_ids), OfficialAccountPoster.ended_at.is_(None)
    )
    query = select(OfficialAccount.id, OfficialAccount.service, OfficialAccount.handle).where(
        OfficialAccount.state.in_(POSTING),
        OfficialAccount.responsible_id.in_(person_ids) | OfficialAccount.id.in_(posting),
    )
    return [
        (key, f"{service} {handle}") for key, service, handle in session.execute(query.order_by(OfficialAccount.id))
    ]


def accounts_to_answer(session: Session, person_ids: Collection[int]) -> int:
    """How many applications wait that these rows of one human neither asked for nor are to answer for."""
    waiting = OfficialAccount.state == OfficialAccountState.ASKED
    query = select(func.count(OfficialAccount.id)).where(
        waiting, OfficialAccount.asked_by_id.not_in(person_ids), OfficialAccount.responsible_id.not_in(person_ids)
    )
    return session.scalar(query) or 0


def account_of_poster(session: Session, poster_id: int) -> int:
    """The account that somebody posts with. Raises NotFound."""
    found = session.get(OfficialAccountPoster, poster_id)
    if found is None:
        raise NotFound("投稿する人が見つかりません。")
    return found.official_account_id


def _register(*conditions: ColumnElement[bool]) -> Select[OfficialAccount]:
    over = OfficialAccount.state.not_in(WATCHED | {OfficialAccountState.ASKED})
    return select(OfficialAccount).where(*conditions).order_by(over, OfficialAccount.id.desc())


def _rows(
    session: Session, rules: OfficialAccountRules, part: Select[OfficialAccount], day: date
) -> tuple[OfficialAccountRow, ...]:  # fmt: skip
    accounts = session.scalars(part).all()
    keys = [one.id for one in accounts]
    checked = dict(
        row for row in session.execute(
            select(OfficialAccountCheck.official_account_id, func.max(OfficialAccountCheck.checked_at))
            .where(OfficialAccountCheck.official_account_id.in_(keys))
            .group_by(OfficialAccountCheck.official_account_id)
        )
    )  # fmt: skip
    posters = _posters(session, keys, live=True)
    names = _names(session, {key for one in accounts for key in _people_in(one)})
    units = unit_names_on(session, day)
    return tuple(
        _row(one, names, units.get(one.unit_code, one.unit_code), posters.get(one.id, ()), checked.get(one.id), rules)
        for one in accounts
    )


def _row(
    one: OfficialAccount, names: dict[int, str], unit: str, posters: tuple[PosterRow, ...], checked: datetime | None,
    rules: OfficialAccountRules,
) -> OfficialAccountRow:  # fmt: skip
    since = day_of(checked or one.answered_at or one.asked_at)
    return OfficialAccountRow(
        id=one.id, state=one.state, unit_code=one.unit_code, unit=unit, service=one.service, handle=one.handle,
        address=one.address, purpose=one.purpose, own_page=one.own_page, same_elsewhere=one.same_elsewhere,
        custody=one.custody, two_factors=one.two_factors, recovery=one.recovery, responsible_id=one.responsible_id,
        responsible=names[one.responsible_id], posters=posters, asked_by_id=one.asked_by_id,
        asked_by=names[one.asked_by_id], asked_at=one.asked_at, answered_by=names.get(one.answered_by_id or 0),
        answered_at=one.answered_at, answer_note=one.answer_note, password_due_since=one.password_due_since,
        password_changed_at=one.password_changed_at, password_changed_by=names.get(one.password_changed_by_id or 0),
        ended_how=one.ended_how, ended_by_id=one.ended_by_id, ended_by=names.get(one.ended_by_id or 0),
        closed_by=names.get(one.closed_by_id or 0), closing_note=one.closing_note,
        check_due=check_due(since, rules) if one.state is OfficialAccountState.IN_USE else None,
    )  # fmt: skip


def _people_in(one: OfficialAccount) -> tuple[int | None, ...]:
    return (
        one.responsible_id, one.asked_by_id, one.answered_by_id, one.password_changed_by_id, one.ended_by_id,
        one.closed_by_id,
    )  # fmt: skip


def _posters(session: Session, keys: Collection[int], *, live: bool) -> dict[int, tuple[PosterRow, ...]]:
    over = OfficialAccountPoster.ended_at
    rows = session.execute(
        select(OfficialAccountPoster, Person.name).join(Person, OfficialAccountPoster.person_id == Person.id)
        .where(OfficialAccountPoster.official_account_id.in_(keys), over.is_(None) if live else over.is_not(None))
        .order_by(OfficialAccountPoster.id if live else OfficialAccountPoster.id.desc())
    )  # fmt: skip
    found: dict[int, tuple[PosterRow, ...]] = {}
    for one, name in rows:
        row = PosterRow(one.id, one.person_id, name, one.since, one.ended_at, one.end_reason)
        found[one.official_account_id] = (*found.get(one.official_account_id, ()), row)
    return found


def _take_overs(session: Session, official_account_id: int, rules: OfficialAccountRules) -> tuple[TakeOverRow, ...]:
    query = select(TakeOver).where(TakeOver.official_account_id == official_account_id).order_by(TakeOver.id.desc())
    found = session.scalars(query).all()
    steps = session.scalars(select(TakeOverStep).where(TakeOverStep.take_over_id.in_([one.id for one in found]))).all()
    people = {key for one in found for key in (one.reported_by_id, one.settled_by_id, one.confirmed_by_id)}
    names = _names(session, people | {step.done_by_id for step in steps})
    return tuple(
        TakeOverRow(
            one.what, names[one.reported_by_id], one.reported_at,
            _steps([step for step in steps if step.take_over_id == one.id], names, rules), one.settled_note,
            one.settled_by_id, names.get(one.settled_by_id or 0), one.settled_at, names.get(one.confirmed_by_id or 0),
            one.confirmed_at,
        )
        for one in found
    )  # fmt: skip


def _steps(
    done: Collection[TakeOverStep], names: dict[int, str], rules: OfficialAccountRules
) -> tuple[StepRow, ...]:  # fmt: skip
    """The profile's steps in their order, then what was done of an earlier profile's."""
    by_code = {step.code: step for step in done}
    return tuple(
        StepRow(code, title, names[by_code[code].done_by_id], by_code[code].done_at, by_code[code].note)
        if code in by_code
        else StepRow(code, title)
        for code, title in {**rules.questions, **{code: rules.questions.get(code, code) for code in by_code}}.items()
    )


def _names(session: Session, person_ids: Collection[int | None]) -> dict[int, str]:
    wanted = {one for one in person_ids if one is not None}
    return dict(row for row in session.execute(select(Person.id, Person.name).where(Person.id.in_(wanted))))
