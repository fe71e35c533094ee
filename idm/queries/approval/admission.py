"""What decides whether lines may be asked for, read in bulk for everyone an application is about."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.grant_state import GrantState
from idm.models.going_live import FoundAccount
from idm.models.outside import Consent, ServiceBlock
from idm.models.people import Employment
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Account, Entitlement
from idm.queries.external_services.services_in_use import services_in_use
from idm.queries.information_systems.found_accounts import in_the_way
from idm.queries.privileged.shared_ids import offered
from idm.request_state import LineState
from idm.vocabulary import EntitlementKind, LineEffect, Service


@dataclass(frozen=True)
class Pending:
    """One undecided line. `number` None = it stands in a draft."""

    line_id: int
    entitlement_id: int
    system_id: int
    effect: LineEffect
    number: str | None
    account: bool | None = None
    """Of a line for an account itself: whether for a privileged one; None = it is for something else."""


@dataclass(frozen=True)
class Admission:
    """Of each subject: employments, what they hold, what is asked for them, consent, services reported not needed.

    `held_accounts`: (system, privileged) of every account they have, their daily and their privileged ones (D8).
    `unsettled`: (subject, system) → the name of an account there that may be theirs and nobody has decided about.
    `ending`: (subject, right) → the first day on which a right of theirs that has begun no longer holds.
    `shared_ids`: the accounts of shared IDs that may be asked for, whoever asks. `services_in_use`: the systems of
    external services in which rights may be given.
    """

    employments: dict[int, list[Employment]]
    held: dict[int, set[int]]
    held_accounts: dict[int, set[tuple[int, bool]]]
    pending: dict[int, list[Pending]]
    consented: frozenset[int] = frozenset()
    blocked: frozenset[tuple[int, Service]] = frozenset()
    unsettled: Mapping[tuple[int, int], str] = field(default_factory=dict)
    ending: Mapping[tuple[int, int], date] = field(default_factory=dict)
    shared_ids: frozenset[int] = frozenset()
    services_in_use: frozenset[int] = frozenset()

    def holds(self, line: RequestLine) -> bool:
        """Whether the subject has, or will have, what the line names."""
        return line.entitlement_id in self.held.get(line.subject_id, ())

    def ends(self, line: RequestLine) -> date | None:
        """The first day on which the subject no longer has what the line names, though they have it now."""
        return self.ending.get((line.subject_id, line.entitlement_id))

    def renews(self, line: RequestLine) -> bool:
        """Whether the line goes on, from its end, with a right that the subject has; by name, and for all to see."""
        plain = line.request.feed_run_id is None and line.request.published_on is None
        return plain and self.ends(line) == line.valid_from

    def asked_elsewhere(self, line: RequestLine) -> str | None:
        """The number of a submitted application whose undecided line asks for the same."""
        for other in self.pending.get(line.subject_id, ()):
            same = (other.entitlement_id, other.effect) == (line.entitlement_id, line.effect)
            if same and other.number is not None and other.line_id != line.id:
                return other.number
        return None

    def has_or_asks_account(self, line: RequestLine) -> bool:
        """Whether the subject has, or is asked to get, the account on which the line's right would be."""
        privileged = line.entitlement.privileged
        if (line.system_id, privileged) in self.held_accounts.get(line.subject_id, ()):
            return True
        return any(
            (other.system_id, other.account) == (line.system_id, privileged) and other.effect is LineEffect.GRANT
            for other in self.pending.get(line.subject_id, ())
        )


def admission(session: Session, person_ids: Collection[int], *, day: date) -> Admission:
    """The facts about these people, on the day on which they are judged."""
    held, accounts, ending = _held(session, person_ids)
    return Admission(
        _employments(session, person_ids),
        held,
        accounts,
        _pending(session, person_ids),
        _consented(session, person_ids),
        _blocked(session, person_ids),
        _unsettled(session, person_ids),
        ending,
        offered(session, day),
        services_in_use(session),
    )


def _unsettled(session: Session, person_ids: Collection[int]) -> dict[tuple[int, int], str]:
    systems = session.scalars(select(FoundAccount.system_id).where(FoundAccount.gone_at.is_(None)).distinct()).all()
    return {
        (person_id, system_id): login_name
        for system_id in systems
        for person_id, login_name in in_the_way(session, system_id, person_ids).items()
    }


def _consented(session: Session, person_ids: Collection[int]) -> frozenset[int]:
    """Those of the people whose written consent is on record."""
    return frozenset(session.scalars(select(Consent.person_id).where(Consent.person_id.in_(person_ids))))


def _blocked(session: Session, person_ids: Collection[int]) -> frozenset[tuple[int, Service]]:
    """Person and service, for every service that is reported as not needed."""
    rows = session.execute(
        select(ServiceBlock.person_id, ServiceBlock.service).where(
            ServiceBlock.person_id.in_(person_ids), ServiceBlock.lifted_at.is_(None)
        )
    )
    return frozenset((person_id, service) for person_id, service in rows)


def _employments(session: Session, person_ids: Collection[int]) -> dict[int, list[Employment]]:
    found: dict[int, list[Employment]] = defaultdict(list)
    for employment in session.scalars(select(Employment).where(Employment.person_id.in_(person_ids))):
        found[employment.person_id].append(employment)
    return found


Held = tuple[dict[int, set[int]], dict[int, set[tuple[int, bool]]], dict[tuple[int, int], date]]


def _held(session: Session, person_ids: Collection[int]) -> Held:
    rows = session.execute(
        select(
            Account.person_id,
            Account.system_id,
            Grant.entitlement_id,
            Grant.state,
            Grant.valid_until,
            Grant.ended_by_line_id,
            Entitlement.kind,
            Entitlement.privileged,
        )
        .join(Grant, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .where(Account.person_id.in_(person_ids), Grant.state != GrantState.ENDED)
    )
    held: dict[int, set[int]] = defaultdict(set)
    accounts: dict[int, set[tuple[int, bool]]] = defaultdict(set)
    ending: dict[tuple[int, int], date] = {}
    for person_id, system_id, entitlement_id, state, until, ended_by, kind, privileged in rows:
        held[person_id or 0].add(entitlement_id)
        if kind is EntitlementKind.ACCOUNT:
            accounts[person_id or 0].add((system_id, privileged))
        # What somebody decided to take may be known to few, and is not to go on.
        if until is not None and ended_by is None and state is not GrantState.PLANNED:
            ending[person_id or 0, entitlement_id] = until
    return held, accounts, ending


def _pending(session: Session, person_ids: Collection[int]) -> dict[int, list[Pending]]:
    columns = (
        RequestLine.id, RequestLine.entitlement_id, RequestLine.system_id, RequestLine.effect, Request.number,
        Entitlement.kind, Entitlement.privileged,
    )  # fmt: skip
    rows = session.execute(
        select(RequestLine.subject_id, *columns)
        .join(Request, RequestLine.request_id == Request.id)
        .join(Entitlement, RequestLine.entitlement_id == Entitlement.id)
        .where(RequestLine.subject_id.in_(person_ids), RequestLine.state == LineState.PENDING)
    )
    found: dict[int, list[Pending]] = defaultdict(list)
    for subject_id, line_id, entitlement_id, system_id, effect, number, kind, privileged in rows:
        account = privileged if kind is EntitlementKind.ACCOUNT else None
        found[subject_id].append(Pending(line_id, entitlement_id, system_id, effect, number, account))
    return found
