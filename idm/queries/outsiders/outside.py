"""The register of people outside HR as its pages show it: who is in it, who answers for them, until when (A11, A12).

HR, heads and auditors see all of it, section managers their own units, sponsors those for whom they answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from idm.employment_kind import OUTSIDE_KINDS, EmploymentKind
from idm.errors import NotFound
from idm.models.outside import Contract, Sponsorship
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.names.personal_names import fold
from idm.permissions import Action
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.organisation.reach import units_reached
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of

ENDING_DAYS = 30


class Listed(StrEnum):
    """Which entries a list shows."""

    CURRENT = "current"
    ENDING = "ending"
    UNACCEPTED = "unaccepted"
    OVER = "over"


LISTED_TITLES = {
    Listed.CURRENT: "登録中（開始前を含む）",
    Listed.ENDING: f"{ENDING_DAYS}日以内に終わる",
    Listed.UNACCEPTED: "受入担当者の引受け待ち",
    Listed.OVER: "終わった登録",
}


@dataclass(frozen=True)
class Reach:
    """What somebody sees of the register. `sponsors`: whether they answer, or are asked to, for anybody."""

    person_id: int
    everyone: bool
    units: frozenset[str]
    sponsors: bool

    @property
    def nothing(self) -> bool:
        """Whether there is nothing for them to see."""
        return not (self.everyone or self.units or self.sponsors)

    @property
    def unit_codes(self) -> frozenset[str] | None:
        """The units whose lists they see; None = every unit's."""
        return None if self.everyone else self.units


@dataclass(frozen=True)
class EntryRow:
    """One entry. `sponsorship_id` None: it is over, and nobody answers for it any longer."""

    employment_id: int
    person_id: int
    number: str
    name: str
    kana: str
    kind: EmploymentKind
    unit: str
    unit_code: str
    post: str
    valid_from: date
    valid_until: date
    contract: Contract | None
    sponsorship_id: int | None
    sponsor_id: int | None
    sponsor: str
    accepted: bool
    accept_by: date | None

    def over_on(self, day: date) -> bool:
        """Whether the entry has ended by the day."""
        return self.valid_until <= day


def reach_of(session: Session, person_id: int, day: date) -> Reach:
    """What this person sees of the register on the day."""
    units = units_reached(session, person_id, Action.SEE_OUTSIDE, day)
    asked = select(Sponsorship.id).where(Sponsorship.sponsor_id == person_id, Sponsorship.ended_at.is_(None)).limit(1)
    return Reach(person_id, units is None, units or frozenset(), session.scalar(asked) is not None)


def entries_page(
    session: Session, reach: Reach, listed: Listed, text: str = "", *, day: date, asked: int = 1
) -> Page[EntryRow]:
    """The entries within the reach that the list shows on the day, those that end first at the top."""
    conditions = [_in_register(), _within(reach), *_listed(listed, day), *_found_by(text)]
    query = select(Employment.id).join(Person, Employment.person_id == Person.id).where(*conditions)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    number = nearest_page(asked, total)
    order = (Employment.valid_until.desc() if listed is Listed.OVER else Employment.valid_until, Employment.id)
    ids = session.scalars(query.order_by(*order).limit(ROWS_A_PAGE).offset(offset_of(number))).all()
    return Page(tuple(_rows(session, ids)), number, total)


def entry_row(session: Session, employment_id: int, reach: Reach) -> EntryRow:
    """One entry. Raises NotFound outside the reach, as where there is none."""
    query = select(Employment.id).where(Employment.id == employment_id, _in_register(), _within(reach))
    ids = session.scalars(query).all()
    if not ids:
        raise NotFound("外部者登録簿に、この登録が見つかりません。")
    return next(_rows(session, ids))


def unsponsored(session: Session, reach: Reach, day: date) -> list[tuple[int, PersonCard]]:
    """Those outside HR who are here on the day and for whom nobody answers: they came by a file or a migration.

    Pairs of their employment and card, by number.
    """
    answered = exists().where(Sponsorship.employment_id == Employment.id, Sponsorship.ended_at.is_(None))
    rows = session.execute(
        select(Employment.id, Employment.person_id)
        .where(
            Employment.kind.in_(OUTSIDE_KINDS),
            Employment.valid_from <= day,
            Employment.valid_until > day,
            ~answered,
            _within(reach),
        )
        .order_by(Employment.staff_number)
    ).all()
    cards = person_cards(session, [person_id for _, person_id in rows], day=day)
    return [(employment_id, cards[person_id]) for employment_id, person_id in rows]


def sponsor_history(session: Session, employment_id: int) -> list[Sponsorship]:
    """Everybody who answered, or was asked to, newest first."""
    query = select(Sponsorship).where(Sponsorship.employment_id == employment_id).order_by(Sponsorship.id.desc())
    return list(session.scalars(query.options(joinedload(Sponsorship.sponsor))))


def counts(session: Session, reach: Reach, day: date) -> dict[Listed, int]:
    """How many entries each list has."""
    return {
        listed: session.scalar(
            select(func.count()).select_from(Employment).where(_in_register(), _within(reach), *_listed(listed, day))
        )
        or 0
        for listed in Listed
    }


def _in_register() -> ColumnElement[bool]:
    return exists().where(Sponsorship.employment_id == Employment.id)


def _within(reach: Reach) -> ColumnElement[bool]:
    if reach.everyone:
        return Employment.id.is_not(None)
    own = exists().where(
        Sponsorship.employment_id == Employment.id,
        Sponsorship.sponsor_id == reach.person_id,
        Sponsorship.ended_at.is_(None),
    )
    in_unit = exists(
        select(Assignment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(Assignment.employment_id == Employment.id, OrganisationUnit.code.in_(reach.units))
    )
    return or_(own, in_unit)


def _listed(listed: Listed, day: date) -> Iterator[ColumnElement[bool]]:
    if listed is Listed.OVER:
        yield Employment.valid_until <= day
        return
    yield Employment.valid_until > day
    if listed is Listed.ENDING:
        yield Employment.valid_until <= day + timedelta(days=ENDING_DAYS)
    if listed is Listed.UNACCEPTED:
        yield exists().where(
            Sponsorship.employment_id == Employment.id,
            Sponsorship.ended_at.is_(None),
            Sponsorship.accepted_at.is_(None),
        )


def _found_by(text: str) -> Iterator[ColumnElement[bool]]:
    if folded := fold(text):
        by_number = func.lower(Employment.staff_number).startswith(folded, autoescape=True)
        yield or_(Person.search_key.contains(folded, autoescape=True), by_number)


def _rows(session: Session, ids: Sequence[int]) -> Iterator[EntryRow]:
    rows = session.execute(
        select(Employment, Assignment, OrganisationUnit, Sponsorship, Contract)
        .join(Assignment, and_(Assignment.employment_id == Employment.id, Assignment.primary))
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .outerjoin(Sponsorship, and_(Sponsorship.employment_id == Employment.id, Sponsorship.ended_at.is_(None)))
        .outerjoin(Contract, Employment.contract_id == Contract.id)
        .where(Employment.id.in_(ids))
        .options(joinedload(Employment.person), joinedload(Sponsorship.sponsor))
        .order_by(Assignment.valid_from)
    )
    found = {row[0].id: _row(*row) for row in rows}
    return (found[employment_id] for employment_id in ids if employment_id in found)


def _row(
    employment: Employment, post: Assignment, unit: OrganisationUnit, sponsorship: Sponsorship | None,
    contract: Contract | None,
) -> EntryRow:  # fmt: skip
    return EntryRow(
        employment_id=employment.id, person_id=employment.person_id, number=employment.staff_number,
        name=employment.person.name, kana=employment.person.kana, kind=employment.kind, unit=unit.name,
        unit_code=unit.code, post=post.post, valid_from=employment.valid_from,
        valid_until=employment.valid_until or date.max, contract=contract,
        sponsorship_id=sponsorship.id if sponsorship is not None else None,
        sponsor_id=sponsorship.sponsor_id if sponsorship is not None else None,
        sponsor=sponsorship.sponsor.name if sponsorship is not None else "",
        accepted=sponsorship is not None and sponsorship.accepted_at is not None,
        accept_by=sponsorship.accept_by if sponsorship is not None else None,
    )  # fmt: skip
