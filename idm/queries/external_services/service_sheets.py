"""The register of external services for a page, paper or a list: what each is, who said what, what is left of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.errors import NotFound
from idm.models.external_services import ExternalService, ExternalServiceCheck, ProviderAccount
from idm.models.people import Person
from idm.models.systems import InformationSystem
from idm.policy import ExternalServiceRules
from idm.queries.external_services.remains import provider_accounts, remains_of
from idm.queries.page import Page, page_of
from idm.registers.external_service_state import IN_USE, left_to_do, review_due
from idm.vocabulary import ExternalServiceState, ProviderAccountEnd


@dataclass(frozen=True)
class ServiceCheckRow:
    """One regular check: who looked when, and what they found."""

    by: str
    at: datetime
    still_needed: bool
    comment: str


@dataclass(frozen=True)
class ProviderAccountRow:
    """One account at the provider, and what became of it."""

    id: int
    name: str
    administers: bool
    how: ProviderAccountEnd | None
    note: str | None
    done_by_id: int | None
    done_by: str | None
    done_at: datetime | None
    confirmed_by: str | None
    confirmed_at: datetime | None


@dataclass(frozen=True)
class ServiceRow:
    """One service as people read it. `check_due`: the last day for the next regular check, of one in use."""

    id: int
    state: ExternalServiceState
    name: str
    provider: str
    purpose: str
    users: str
    information: str
    confidential: bool
    place: str
    answers: tuple[tuple[str, str, str], ...]
    """Code of a check, its question, and what was found."""
    contract_until: date | None
    system_id: int | None
    system: str | None
    replaces_id: int | None
    asked_by_id: int
    asked_by: str
    asked_at: datetime
    answered_by: str | None
    answered_at: datetime | None
    answer_note: str | None
    administrator_id: int | None
    administrator: str | None
    end_on: date | None
    end_reason: str | None
    end_planned_by: str | None
    users_told: int | None
    carried_out_at: datetime | None
    closed_by: str | None
    closed_at: datetime | None
    check_due: date | None

    @property
    def in_use(self) -> bool:
        """Whether people may be working with it."""
        return self.state in IN_USE


@dataclass(frozen=True)
class ServiceSheet:
    """One service with everything that hangs on it. `left`: what keeps an ending one open."""

    row: ServiceRow
    checks: tuple[ServiceCheckRow, ...]
    accounts: tuple[ProviderAccountRow, ...]
    left: tuple[str, ...]
    read_at: datetime | None
    """When its target was last read without fault; None where none is, or never."""


def service_page(
    session: Session, rules: ExternalServiceRules, *, state: ExternalServiceState | None = None, asked: int = 1
) -> Page[ServiceRow]:
    """One page of the register: what waits and what is in use first."""
    return page_of(_rows(session, rules, ExternalService.state == state if state is not None else true()), asked)


def administered_services(session: Session, person_ids: Collection[int]) -> list[tuple[int, str]]:
    """What these people look after as its administrator, while it is in use: id and name."""
    query = select(ExternalService.id, ExternalService.name).where(
        ExternalService.administrator_id.in_(person_ids), ExternalService.state.in_(IN_USE)
    )
    return [(key, name) for key, name in session.execute(query.order_by(ExternalService.id))]


def service_rows(session: Session, rules: ExternalServiceRules) -> tuple[ServiceRow, ...]:
    """The whole register."""
    return _rows(session, rules)


def service_sheet(session: Session, service_id: int, rules: ExternalServiceRules, *, now: datetime) -> ServiceSheet:
    """One of them. Raises NotFound."""
    found = _rows(session, rules, ExternalService.id == service_id)
    if not found:
        raise NotFound("外部サービスが見つかりません。")
    checks = session.scalars(
        select(ExternalServiceCheck).where(ExternalServiceCheck.service_id == service_id)
        .order_by(ExternalServiceCheck.id.desc())
    ).all()  # fmt: skip
    accounts = provider_accounts(session, service_id)
    names = _names(session, [*(one.checked_by_id for one in checks), *_people_of(accounts)])
    service = session.get_one(ExternalService, service_id)
    ending = service.state is ExternalServiceState.ENDING
    remains = remains_of(session, service) if ending else None
    return ServiceSheet(
        found[0],
        tuple(
            ServiceCheckRow(names[one.checked_by_id], one.checked_at, one.still_needed, one.comment) for one in checks
        ),
        tuple(_account_row(one, names) for one in accounts),
        left_to_do(remains, now) if remains is not None else (),
        remains.read_at if remains is not None else None,
    )


def systems_of_services(session: Session) -> list[tuple[int, str]]:
    """The information systems that are somebody else's services: id and name."""
    query = select(InformationSystem.id, InformationSystem.name).where(InformationSystem.external_service)
    return [(key, name) for key, name in session.execute(query.order_by(InformationSystem.code))]


def services_to_answer(session: Session, person_ids: Collection[int]) -> int:
    """How many applications wait for a decision that none of these rows of one human asked for."""
    waiting = ExternalService.state == ExternalServiceState.ASKED
    query = select(func.count(ExternalService.id)).where(waiting, ExternalService.asked_by_id.not_in(person_ids))
    return session.scalar(query) or 0


def _rows(
    session: Session, rules: ExternalServiceRules, *conditions: ColumnElement[bool]
) -> tuple[ServiceRow, ...]:  # fmt: skip
    over = ExternalService.state.not_in({ExternalServiceState.ASKED, *IN_USE})
    query = select(ExternalService).where(*conditions).order_by(over, ExternalService.id.desc())
    services = session.scalars(query).all()
    names = _names(session, [key for one in services for key in _people_in(one)])
    systems = dict(row for row in session.execute(select(InformationSystem.id, InformationSystem.name)))
    checked = dict(
        row for row in session.execute(
            select(ExternalServiceCheck.service_id, func.max(ExternalServiceCheck.checked_at))
            .group_by(ExternalServiceCheck.service_id)
        )
    )  # fmt: skip
    return tuple(_row(one, names, systems.get(one.system_id or 0), checked.get(one.id), rules) for one in services)


def _row(
    one: ExternalService, names: dict[int, str], system: str | None, checked: datetime | None,
    rules: ExternalServiceRules,
) -> ServiceRow:  # fmt: skip
    since = day_of(checked or one.answered_at or one.asked_at)
    return ServiceRow(
        id=one.id, state=one.state, name=one.name, provider=one.provider, purpose=one.purpose, users=one.users,
        information=one.information, confidential=one.confidential, place=one.place,
        answers=tuple((code, rules.questions.get(code, code), said) for code, said in one.answers.items()),
        contract_until=one.contract_until, system_id=one.system_id, system=system, replaces_id=one.replaces_id,
        asked_by_id=one.asked_by_id, asked_by=names[one.asked_by_id], asked_at=one.asked_at,
        answered_by=names.get(one.answered_by_id or 0), answered_at=one.answered_at, answer_note=one.answer_note,
        administrator_id=one.administrator_id, administrator=names.get(one.administrator_id or 0), end_on=one.end_on,
        end_reason=one.end_reason, end_planned_by=names.get(one.end_planned_by_id or 0), users_told=one.users_told,
        carried_out_at=one.carried_out_at, closed_by=names.get(one.closed_by_id or 0), closed_at=one.closed_at,
        check_due=review_due(since, rules) if one.state in IN_USE else None,
    )  # fmt: skip


def _account_row(one: ProviderAccount, names: dict[int, str]) -> ProviderAccountRow:
    return ProviderAccountRow(
        one.id, one.name, one.administers, one.done_how, one.done_note, one.done_by_id, names.get(one.done_by_id or 0),
        one.done_at, names.get(one.confirmed_by_id or 0), one.confirmed_at,
    )  # fmt: skip


def _people_in(one: ExternalService) -> list[int | None]:
    return [one.asked_by_id, one.answered_by_id, one.administrator_id, one.end_planned_by_id, one.closed_by_id]


def _people_of(accounts: Sequence[ProviderAccount]) -> list[int | None]:
    return [key for one in accounts for key in (one.done_by_id, one.confirmed_by_id)]


def _names(session: Session, person_ids: Collection[int | None]) -> dict[int, str]:
    wanted = {one for one in person_ids if one is not None}
    return dict(row for row in session.execute(select(Person.id, Person.name).where(Person.id.in_(wanted))))
