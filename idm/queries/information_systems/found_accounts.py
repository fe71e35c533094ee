"""What was in a system before us: as pages list it, as it stands in the way of new accounts, and how far it is."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from idm.directory.correlation import Doubt, Rule
from idm.errors import NotFound
from idm.models.going_live import FoundAccount, SystemProgress
from idm.models.requests import Request, RequestLine
from idm.models.systems import Entitlement, InformationSystem
from idm.queries.organisation.officers import units_of_role
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.queries.page import ROWS_A_PAGE, Page, nearest_page, offset_of
from idm.request_state import LineState
from idm.vocabulary import AccountKind, EntitlementKind, FoundState, Role, Stage


@dataclass(frozen=True)
class Counts:
    """What an inventory left: taken over, waiting for an application, for a person, nobody's, left as a finding."""

    adopted: int = 0
    waiting: int = 0
    undecided: int = 0
    not_personal: int = 0
    orphans: int = 0

    @property
    def open(self) -> int:
        """What still has to be decided or applied for before the system can be enforced."""
        return self.waiting + self.undecided


@dataclass(frozen=True)
class Progress:
    """How far a system is: its stage, its last day of taking over, its last inventory and what that left."""

    stage: Stage
    adopt_until: date | None
    counts: Counts
    inventoried_at: datetime | None
    asked_at: datetime | None
    failure: str | None


@dataclass(frozen=True)
class CandidateRow:
    """Somebody an account may belong to, with what speaks for them."""

    person: PersonCard
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class FoundRow:
    """One account that was there before us."""

    id: int
    system_id: int
    login_name: str
    display_name: str
    employee_number: str | None
    mail: str | None
    unit_name: str | None
    container: str | None
    enabled: bool
    expires_at: datetime | None
    protected: bool
    first_seen_at: datetime
    last_seen_at: datetime
    gone_at: datetime | None
    state: FoundState
    kind: AccountKind | None
    rule: Rule | None
    doubt: Doubt | None
    person: PersonCard | None
    candidates: tuple[CandidateRow, ...]
    groups: tuple[str, ...]
    reason: str | None
    settled_by: str | None
    settled_at: datetime | None
    adopted: bool


def progress_of_systems(session: Session) -> dict[int, Progress]:
    """System id → how far it is."""
    counts = _counts(session)
    rows = session.execute(
        select(InformationSystem, SystemProgress).outerjoin(
            SystemProgress, SystemProgress.system_id == InformationSystem.id
        )
    )
    return {
        system.id: Progress(
            system.stage, system.adopt_until, counts.get(system.id, Counts()),
            progress.inventoried_at if progress else None, progress.asked_at if progress else None,
            progress.failure if progress else None,
        )
        for system, progress in rows
    }  # fmt: skip


@dataclass(frozen=True)
class Unfinished:
    """A system whose manager still has something to decide or to apply for."""

    system_id: int
    system_name: str
    progress: Progress


def unfinished_for(session: Session, person_id: int, day: date) -> list[Unfinished]:
    """The systems that this person manages on the day and that are not taken over yet, by name."""
    units = units_of_role(session, person_id, Role.SYSTEM, day)
    if not units:
        return []
    progress = progress_of_systems(session)
    systems = session.execute(
        select(InformationSystem.id, InformationSystem.name)
        .where(InformationSystem.manager_unit_code.in_(units), InformationSystem.stage != Stage.ENFORCE)
        .order_by(InformationSystem.name)
    )
    return [
        Unfinished(system_id, name, progress[system_id])
        for system_id, name in systems
        if progress[system_id].counts.open
    ]


def _counts(session: Session) -> dict[int, Counts]:
    adopted = FoundAccount.account_id.is_not(None)
    rows = session.execute(
        select(FoundAccount.system_id, FoundAccount.state, adopted, func.count())
        .where(FoundAccount.gone_at.is_(None))
        .group_by(FoundAccount.system_id, FoundAccount.state, adopted)
    )
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for system_id, state, taken_over, number in rows:
        found[system_id]["adopted" if taken_over else COUNTED[state]] += number
    for refused in refused_accounts(session):
        found[refused.system_id].update(adopted=1, waiting=-1)
    return {system_id: Counts(**of) for system_id, of in found.items()}


COUNTED = {
    FoundState.UNDECIDED: "undecided", FoundState.PERSON: "waiting", FoundState.NOT_PERSONAL: "not_personal",
    FoundState.FINDING: "orphans",
}  # fmt: skip


def refused_accounts(session: Session, system_id: int | None = None) -> list[FoundAccount]:
    """Found accounts of people whose line for the account itself an approver rejected, and which nobody took over."""
    rejected = {pair for pair, state in _newest_answers(session).items() if state is LineState.REJECTED}
    if not rejected:
        return []
    waiting = select(FoundAccount).where(
        *_waiting(FoundState.PERSON), FoundAccount.person_id.in_({person for person, *_ in rejected})
    )
    if system_id is not None:
        waiting = waiting.where(FoundAccount.system_id == system_id)
    return [
        found for found in session.scalars(waiting)
        if (found.person_id, found.system_id, found.kind is not None) in rejected
    ]  # fmt: skip


def _newest_answers(session: Session) -> dict[tuple[int, int, bool], LineState]:
    """(person, system, privileged) → how the newest inventory application for their account stands there, where one
    was ever rejected."""
    accounts = (
        select(RequestLine.subject_id, RequestLine.system_id, Entitlement.privileged, RequestLine.state)
        .join(Request, RequestLine.request_id == Request.id)
        .join(Entitlement, RequestLine.entitlement_id == Entitlement.id)
        .where(Request.adopts, Entitlement.kind == EntitlementKind.ACCOUNT, Request.submitted_at.is_not(None))
    )
    ever = {person for person, *_ in session.execute(accounts.where(RequestLine.state == LineState.REJECTED))}
    if not ever:
        return {}
    asked = session.execute(accounts.where(RequestLine.subject_id.in_(ever)).order_by(RequestLine.id))
    return {(person, system, privileged): state for person, system, privileged, state in asked}


def _waiting(*states: FoundState) -> tuple[ColumnElement[bool], ...]:
    return (FoundAccount.gone_at.is_(None), FoundAccount.account_id.is_(None), FoundAccount.state.in_(states))


def in_the_way(session: Session, system_id: int, person_ids: Collection[int]) -> dict[int, str]:
    """Person → the login name of an account there that may be theirs and that nobody has decided about yet."""
    waiting = select(FoundAccount.login_name, FoundAccount.candidates).where(
        FoundAccount.system_id == system_id, *_waiting(FoundState.UNDECIDED)
    )
    wanted, found = set(person_ids), {}
    for login_name, candidates in session.execute(waiting.order_by(FoundAccount.id.desc())):
        for candidate in candidates:
            if candidate["person"] in wanted:
                found[candidate["person"]] = login_name
    return found


def recognised(
    session: Session, system_id: int, person_ids: Collection[int], kind: AccountKind = AccountKind.PERSONAL
) -> dict[int, FoundAccount]:
    """Person → the account there that is theirs, as their daily or their privileged one, and not taken over yet."""
    of_kind = FoundAccount.kind.is_(None) if kind is AccountKind.PERSONAL else FoundAccount.kind == kind
    query = select(FoundAccount).where(
        FoundAccount.system_id == system_id, FoundAccount.person_id.in_(person_ids), of_kind,
        *_waiting(FoundState.PERSON),
    )  # fmt: skip
    return {found.person_id or 0: found for found in session.scalars(query)}


# --- lists -----------------------------------------------------------------------------------------------------------


def found_page(
    session: Session, system_id: int, *, state: FoundState | None = None, asked: int = 1, day: date
) -> Page[FoundRow]:
    """What is there and not gone: what waits for a person first. `state` None = all."""
    conditions = [FoundAccount.system_id == system_id, FoundAccount.gone_at.is_(None)]
    if state is not None:
        conditions.append(FoundAccount.state == state)
    total = session.scalar(select(func.count()).select_from(FoundAccount).where(*conditions)) or 0
    number = nearest_page(asked, total)
    order = ((FoundAccount.state == FoundState.UNDECIDED).desc(), FoundAccount.login_name)
    rows = session.scalars(
        select(FoundAccount).where(*conditions).order_by(*order).limit(ROWS_A_PAGE).offset(offset_of(number))
    ).all()
    return Page(tuple(_rows(session, rows, day)), number, total)


def found_row(session: Session, system_id: int, found_id: int, day: date) -> FoundRow:
    """One of them. Raises NotFound."""
    found = session.get(FoundAccount, found_id)
    if found is None or found.system_id != system_id:
        raise NotFound("この利用者IDは見つかりません。")
    return _rows(session, [found], day)[0]


def _rows(session: Session, found: Collection[FoundAccount], day: date) -> list[FoundRow]:
    people = {one.person_id for one in found if one.person_id is not None}
    people |= {int(str(candidate["person"])) for one in found for candidate in one.candidates}
    cards = person_cards(session, people, day=day)
    groups = _group_names(session, {one.system_id for one in found})
    return [_row(one, cards, groups) for one in found]


def _group_names(session: Session, system_ids: Collection[int]) -> dict[str, str]:
    rows = session.execute(
        select(Entitlement.external_id, Entitlement.name).where(
            Entitlement.system_id.in_(system_ids), Entitlement.external_id.is_not(None)
        )
    )
    return {external_id or "": name for external_id, name in rows}


def _row(found: FoundAccount, cards: Mapping[int, PersonCard], groups: Mapping[str, str]) -> FoundRow:
    return FoundRow(
        id=found.id, system_id=found.system_id, login_name=found.login_name, display_name=found.display_name,
        employee_number=found.employee_number, mail=found.mail, unit_name=found.unit_name, container=found.container,
        enabled=found.enabled, expires_at=found.expires_at, protected=found.protected,
        first_seen_at=found.first_seen_at, last_seen_at=found.last_seen_at, gone_at=found.gone_at, state=found.state,
        kind=found.kind, rule=Rule(found.rule) if found.rule else None,
        doubt=Doubt(found.doubt) if found.doubt else None,
        person=cards.get(found.person_id or 0), candidates=_candidates(found, cards),
        groups=tuple(groups.get(group, group) for group in found.groups), reason=found.reason,
        settled_by=found.settled_by.name if found.settled_by is not None else None, settled_at=found.settled_at,
        adopted=found.account_id is not None,
    )  # fmt: skip


def _candidates(found: FoundAccount, cards: Mapping[int, PersonCard]) -> tuple[CandidateRow, ...]:
    said: list[CandidateRow] = []
    for candidate in found.candidates:
        person_id, rules = int(str(candidate["person"])), candidate["rules"]
        if person_id in cards and isinstance(rules, list):
            said.append(CandidateRow(cards[person_id], tuple(Rule(rule) for rule in rules)))
    return tuple(said)
