"""Lists of who is enrolled in a product: which systems have one, which came last, and our books beside one (B2)."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import TypeAdapter
from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, joinedload

from idm.calendar_days import day_of
from idm.factors.enrolment_comparison import Booked, Item
from idm.models.authenticators import Authenticator, AuthenticatorUse, EnrolmentListImport
from idm.models.people import Employment, Person
from idm.models.requests import ApprovalStep, RequestLine
from idm.models.standing import StandingApproval, StandingUse
from idm.models.systems import Account, InformationSystem
from idm.organisation import Verification
from idm.policy import Policy
from idm.publication import Reader
from idm.queries.factors.factor_gate import gate_facts, live_grants
from idm.queries.organisation.publication import hidden_requests, only_by
from idm.request_state import LineState
from idm.vocabulary import AccountKind, LineEffect


@dataclass(frozen=True)
class ListedProduct:
    """One system whose factors a product verifies, and the newest list of it that counts."""

    system_id: int
    name: str
    product: str
    terminals: tuple[str, ...]
    newest: EnrolmentListImport | None


def verification_of(system: InformationSystem) -> Verification | None:
    """What verifies factors in the system; None where nothing we know of does."""
    return TypeAdapter(Verification).validate_python(system.verification) if system.verification is not None else None


def verification_in(session: Session, system_id: int) -> Verification | None:
    """The same of the system with that id."""
    return verification_of(session.get_one(InformationSystem, system_id))


def listed_products(session: Session, system_ids: Collection[int]) -> list[ListedProduct]:
    """Those of the systems whose product prints who is enrolled, by name."""
    systems = session.scalars(
        select(InformationSystem)
        .where(InformationSystem.id.in_(system_ids), InformationSystem.verification.is_not(None))
        .order_by(InformationSystem.name)
    )
    named = [(system, verification_of(system)) for system in systems]
    return [
        ListedProduct(system.id, system.name, one.name, one.terminals, newest_import(session, system.id))
        for system, one in named
        if one is not None and one.listing is not None
    ]


def newest_import(session: Session, system_id: int) -> EnrolmentListImport | None:
    """The list of the system that speaks for the latest moment."""
    return session.scalar(
        select(EnrolmentListImport)
        .where(EnrolmentListImport.system_id == system_id)
        .order_by(EnrolmentListImport.made_on.desc(), EnrolmentListImport.id.desc())
        .limit(1)
    )


def repeated(session: Session, system_id: int, digest: str, made_on: datetime) -> EnrolmentListImport | None:
    """The newest list of the system with the very same content that speaks for another day; None where there is none,
    or where one speaks for this day already."""
    query = select(EnrolmentListImport).where(
        EnrolmentListImport.system_id == system_id, EnrolmentListImport.digest == digest
    )
    same = session.scalars(query.order_by(EnrolmentListImport.id.desc())).all()
    if any(spoken_day(one.made_on) == spoken_day(made_on) for one in same):
        return None
    return same[0] if same else None


def spoken_day(made_on: datetime) -> date:
    """The day whose state a list shows; one that speaks for a day's end speaks for that day."""
    return day_of(made_on - datetime.resolution)


def imports_of(session: Session, system_ids: Collection[int], *, most: int = 50) -> list[EnrolmentListImport]:
    """The lists of the systems, newest first."""
    query = select(EnrolmentListImport).where(EnrolmentListImport.system_id.in_(system_ids))
    ordered = query.options(joinedload(EnrolmentListImport.system)).order_by(EnrolmentListImport.id.desc())
    return list(session.scalars(ordered.limit(most)))


def booked_of(session: Session, system_id: int, *, policy: Policy, now: datetime) -> list[Booked]:
    """Every personal account of the system, as a list is compared with it, by login name; nobody has two there."""
    rows = session.execute(
        select(Account.id, Account.login_name, Person.id, Person.name, Person.work_name)
        .join(Person, Account.person_id == Person.id)
        .where(Account.system_id == system_id, Account.kind == AccountKind.PERSONAL)
        .order_by(Account.login_name)
    ).all()
    accounts = [account_id for account_id, *_ in rows]
    facts, grants = gate_facts(session, accounts, policy=policy), live_grants(session, accounts, now=now)
    live = {one.account_id for one in grants}
    in_effect = {one.account_id for one in grants if one.gated and one.in_effect}
    items, numbers = _items(session, system_id), _staff_numbers(session, system_id)
    deciders = _deciders(session, system_id)
    return [
        Booked(
            account_id, person_id, login_name, work_name or name, frozenset(numbers[person_id]), account_id in live,
            account_id in in_effect, tuple(items[person_id]), facts[account_id], frozenset(deciders[person_id]),
        )
        for account_id, login_name, person_id, name, work_name in rows
    ]  # fmt: skip


def hidden_accounts(session: Session, system_id: int, reader: Reader) -> frozenset[int]:
    """Accounts of the system that have rights by unpublished applications only: the reader knows nothing of them."""
    hidden = hidden_requests(session, reader)
    if not hidden:
        return frozenset()
    return frozenset(session.scalars(select(Account.id).where(Account.system_id == system_id, only_by(hidden))))


def _items(session: Session, system_id: int) -> dict[int, list[Item]]:
    """Person → their authenticators, oldest first; what proves them to this product only is none of them (B1)."""
    used = exists().where(
        AuthenticatorUse.authenticator_id == Authenticator.id, AuthenticatorUse.system_id == system_id,
        AuthenticatorUse.until.is_(None),
    )  # fmt: skip
    rows = session.execute(
        select(Authenticator.person_id, Authenticator.id, Authenticator.kind, Authenticator.state, used)
        .where(~Authenticator.own_sign_in, Authenticator.person_id.in_(_owners(system_id)))
        .order_by(Authenticator.id)
    )
    found: dict[int, list[Item]] = defaultdict(list)
    for person_id, authenticator_id, kind, state, used_here in rows:
        found[person_id].append(Item(authenticator_id, kind, state, bool(used_here)))
    return found


def _staff_numbers(session: Session, system_id: int) -> dict[int, set[str]]:
    rows = session.execute(
        select(Employment.person_id, Employment.staff_number).where(Employment.person_id.in_(_owners(system_id)))
    )
    found: dict[int, set[str]] = defaultdict(set)
    for person_id, staff_number in rows:
        found[person_id].add(staff_number)
    return found


def _deciders(session: Session, system_id: int) -> dict[int, set[int]]:
    """Person → whoever approved a right of theirs in the system, line by line or by a standing approval (SOD-4).

    Also the first of two to approve what still waits for the second.
    """
    given = (
        RequestLine.system_id == system_id, RequestLine.effect == LineEffect.GRANT,
        RequestLine.state.in_((LineState.PENDING, LineState.APPROVED)),
    )  # fmt: skip
    by_line = select(RequestLine.subject_id, ApprovalStep.decider_id).join(
        ApprovalStep, ApprovalStep.line_id == RequestLine.id
    )
    standing = select(RequestLine.subject_id, StandingApproval.chief_id, StandingApproval.manager_id)
    by_standing = standing.join(StandingUse, StandingUse.request_id == RequestLine.request_id).join(
        StandingApproval, StandingUse.standing_id == StandingApproval.id
    )
    found: dict[int, set[int]] = defaultdict(set)
    for query in (by_line, by_standing):
        for person_id, *deciders in session.execute(query.where(*given)):
            found[person_id].update(decider for decider in deciders if decider is not None)
    return found


def _owners(system_id: int) -> Select[int | None]:
    return select(Account.person_id).where(Account.system_id == system_id)
