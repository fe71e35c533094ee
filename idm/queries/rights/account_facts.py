"""What decides about accounts, read in bulk: the facts that `idm.directory.wanted_account` judges."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.directory.containers import Place, place_of
from idm.directory.wanted_account import AccountFacts, DemandFacts, GrantFacts, UseFacts
from idm.factors.factor_gate import TWO, enrolled
from idm.models.going_live import FoundAccount
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.periods import holding_on
from idm.models.privileged import PrivilegedUse, PrivilegedUseRight
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.names.personal_names import split_name
from idm.ports import Attributes, ExternalId, Said
from idm.queries.external_services.services_in_use import gone_with_service
from idm.queries.factors.factor_gate import SET_BY_US, contractors_among, enrolment_facts, is_gated
from idm.queries.organisation.units import parents, unit_names_on
from idm.queries.stops.holding import stopped_accounts
from idm.queries.sweep.unused_ids import given_up
from idm.vocabulary import BY_HAND, AccountKind, AuthenticatorKind, EntitlementKind, UseState, VerifiedBy


def account_facts(session: Session, account_ids: Iterable[int], *, now: datetime) -> dict[int, AccountFacts]:
    """Account id → its facts at `now`. Groups that were never resolved on their target are left out."""
    ids = list(account_ids)
    rows = session.execute(
        select(Account, Person).outerjoin(Person, Account.person_id == Person.id).where(Account.id.in_(ids))
    )
    accounts = {account.id: (account, person) for account, person in rows}
    people = [person.id for _, person in accounts.values() if person is not None]
    grants, employments = _grants(session, ids, day_of(now)), _employments(session, people)
    units, day = _unit_codes(session, people, day_of(now)), day_of(now)
    names, places, mails = unit_names_on(session, day), _Places.of(session, accounts), _mails_found(session, accounts)
    demands = _demands(session, [one for one in ids if any(grant.gated for grant in grants[one])])
    sleeping = [account.id for account, person in accounts.values() if _sleeps(account, person)]
    uses, stopped = _uses(session, sleeping), stopped_accounts(session, list(accounts))
    disused = given_up(session, list(accounts)) | gone_with_service(session, list(accounts), day)
    unit_names = {person_id: names[code] for person_id, code in units.items()}
    return {
        account.id: AccountFacts(
            attributes=_with_mail(
                _attributes(account, person, employments.get(account.person_id or 0, []), unit_names, day),
                mails.get(account.id),
            ),
            grants=tuple(grants[account.id]),
            employments=tuple((e.valid_from, e.valid_until) for e in employments.get(account.person_id or 0, [])),
            handed_over=account.handed_over_at is not None,
            adopts=_still_to_adopt(account),
            adopted_on=day_of(account.adopted_at) if account.adopted_at is not None else None,
            container=places.container(account, units.get(account.person_id or 0)),
            stopped_container=places.stopped(account),
            demand=demands.get(account.id),
            sleeps=_sleeps(account, person),
            use=uses.get(account.id),
            nobodys=person is None and account.kind is not AccountKind.PERSONAL,
            stopped=account.id in stopped,
            disused_on=disused.get(account.id),
        )
        for account, person in accounts.values()
    }


def _sleeps(account: Account, person: Person | None) -> bool:
    """Whether it is somebody's privileged ID, which is awake only while it is used (D6)."""
    return account.kind is AccountKind.PRIVILEGED and person is not None


def _uses(session: Session, account_ids: list[int]) -> dict[int, UseFacts]:
    """Account → its open use, with the groups of the rights that it activates."""
    if not account_ids:
        return {}
    rows = session.execute(
        select(PrivilegedUse.account_id, PrivilegedUse.opens_at, PrivilegedUse.ends_at, Entitlement.external_id)
        .outerjoin(PrivilegedUseRight, PrivilegedUseRight.use_id == PrivilegedUse.id)
        .outerjoin(Grant, PrivilegedUseRight.grant_id == Grant.id)
        .outerjoin(Entitlement, Grant.entitlement_id == Entitlement.id)
        .where(PrivilegedUse.account_id.in_(account_ids), PrivilegedUse.state == UseState.OPEN)
    )
    found: dict[int, UseFacts] = {}
    for account_id, opens_at, ends_at, group in rows:
        if opens_at is None or ends_at is None:
            continue
        before = found.get(account_id, UseFacts(opens_at, ends_at, frozenset()))
        found[account_id] = replace(before, groups=before.groups | ({group} if group is not None else frozenset()))
    return found


def _still_to_adopt(account: Account) -> ExternalId | None:
    """The id of an account that was there before us, until it has been read back as ours."""
    return account.external_id if account.adopted_at is not None and account.seen_at is None else None


Accounts = Mapping[int, tuple[Account, Person | None]]


@dataclass(frozen=True)
class _Places:
    """Where the systems keep accounts, by unit; nothing is read where no system has a rule."""

    rules: Mapping[int, tuple[Place, ...]]
    stopped_containers: Mapping[int, str | None]
    parents: Mapping[str, str | None]

    @classmethod
    def of(cls, session: Session, accounts: Accounts) -> "_Places":
        wanted = {account.system_id for account, _ in accounts.values()}
        columns = (InformationSystem.id, InformationSystem.containers, InformationSystem.stopped_container)
        rows = session.execute(select(*columns).where(InformationSystem.id.in_(wanted))).all()
        rules = {system_id: tuple(map(_place, containers or ())) for system_id, containers, _ in rows}
        return cls(rules, {row[0]: row[2] for row in rows}, parents(session) if any(rules.values()) else {})

    # Whoever looks after a unit's accounts in the directory does not look after its people's privileged IDs (D8).

    def container(self, account: Account, unit: str | None) -> str | None:
        if account.kind is AccountKind.PRIVILEGED:
            return None
        return place_of(unit, self.rules[account.system_id], self.parents)

    def stopped(self, account: Account) -> str | None:
        return None if account.kind is AccountKind.PRIVILEGED else self.stopped_containers[account.system_id]


def _place(rule: Mapping[str, Any]) -> Place:
    return Place(frozenset(rule["units"]), str(rule["container"]))


def _mails_found(session: Session, accounts: Accounts) -> dict[int, str]:
    """Account id → the address that stood there when it was taken over: where we know none, none is taken away."""
    adopted = [account.id for account, _ in accounts.values() if account.adopted_at is not None]
    if not adopted:
        return {}
    rows = session.execute(
        select(FoundAccount.account_id, FoundAccount.mail).where(
            FoundAccount.account_id.in_(adopted), FoundAccount.mail.is_not(None)
        )
    )
    return {account_id: mail for account_id, mail in rows if account_id is not None and mail}


def _with_mail(attributes: Attributes, found: str | None) -> Attributes:
    return attributes if attributes.mail or not found else replace(attributes, mail=found)


def _grants(session: Session, account_ids: list[int], day: date) -> dict[int, list[GrantFacts]]:
    columns = (
        Grant.account_id, Entitlement.kind, Entitlement.external_id, Grant.state, Grant.valid_from, Grant.valid_until,
        Grant.ended_at, InformationSystem.zone, Entitlement.external_access, Entitlement.privileged, Account.person_id,
    )  # fmt: skip
    rows = session.execute(
        select(*columns)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .join(Account, Grant.account_id == Account.id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(Grant.account_id.in_(account_ids))
    ).all()
    contractors = contractors_among(session, {row.person_id for row in rows if row.privileged}, day)
    facts: dict[int, list[GrantFacts]] = defaultdict(list)
    for account_id, kind, group, state, valid_from, valid_until, ended_at, *deciding, person_id in rows:
        if kind is EntitlementKind.ACCOUNT or group is not None:
            ended_on = day_of(ended_at) if ended_at is not None else None
            gated = is_gated(*deciding, contractor=person_id in contractors)
            facts[account_id].append(GrantFacts(kind, group, state, valid_from, valid_until, ended_on, gated))
    return facts


def _demands(session: Session, account_ids: list[int]) -> dict[int, DemandFacts]:
    """Account → what demands factors of it, where that is set by us: nothing is by a product, or by hand."""
    facts = enrolment_facts(session, account_ids) if account_ids else {}
    rows = session.execute(
        select(Account.id, InformationSystem.factor_group_id, InformationSystem.demanded_cards)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(Account.id.in_(account_ids), InformationSystem.connector != BY_HAND)
    )
    return {
        account_id: DemandFacts(
            by_card=facts[account_id].by is VerifiedBy.SMART_CARD,
            group=group if facts[account_id].by is VerifiedBy.GROUP else None,
            enrolled=len(enrolled(facts[account_id])) >= TWO,
            card_in_hand=AuthenticatorKind.SMART_CARD in facts[account_id].registered,
            once_by_card=once_by_card,
        )
        for account_id, group, once_by_card in rows
        if facts[account_id].by in SET_BY_US or once_by_card
    }


def _employments(session: Session, people: list[int]) -> dict[int, list[Employment]]:
    found: dict[int, list[Employment]] = defaultdict(list)
    query = select(Employment).where(Employment.person_id.in_(people)).order_by(Employment.valid_from)
    for employment in session.scalars(query):
        found[employment.person_id].append(employment)
    return found


def _unit_codes(session: Session, people: list[int], day: date) -> dict[int, str]:
    """Person → the unit of their primary post on the day."""
    rows = session.execute(
        select(Employment.person_id, OrganisationUnit.code)
        .join(Assignment, Assignment.employment_id == Employment.id)
        .join(OrganisationUnit, Assignment.unit_id == OrganisationUnit.id)
        .where(
            Employment.person_id.in_(people),
            holding_on(Employment, day),
            Assignment.primary,
            holding_on(Assignment, day),
        )
        .order_by(Employment.valid_from, Assignment.valid_from)
    )
    return dict(rows.all())


def _attributes(
    account: Account, person: Person | None, employments: list[Employment], units: dict[int, str], day: date
) -> Attributes:
    number = staff_number([(one.staff_number, one.valid_from <= day) for one in employments])
    if person is None:
        return Attributes(*said_of(account.login_name, account.login_name, None, number=number, mail=None, unit=None))
    # An address leads to one account: to the daily one.
    mail = person.mail if account.kind is AccountKind.PERSONAL else None
    said = said_of(
        account.login_name, person.name, person.work_name, number=number, mail=mail, unit=units.get(person.id)
    )  # fmt: skip
    return Attributes(*said)


def said_of(
    login_name: str, name: str, work_name: str | None, *, number: str | None, mail: str | None, unit: str | None
) -> Said:  # fmt: skip
    """What an account says of its owner: at work people go by the name they use there (旧姓・通称), if any."""
    display = work_name or name
    family, given = split_name(display)
    return (login_name, display, family, given, number, mail, unit)


def staff_number(employments: Sequence[tuple[str, bool]]) -> str | None:
    """The number of the newest employment that has begun, else of the last to come; given oldest first."""
    begun = [number for number, has_begun in employments if has_begun]
    return begun[-1] if begun else employments[-1][0] if employments else None


def managed_groups(session: Session, system_id: int) -> frozenset[ExternalId]:
    """The groups of the system's target that stand for a right: only these are given and taken by its connector.

    Those that are changed by hand only are not among them (control D10), nor is the one that demands factors (B2).
    """
    rows = session.scalars(
        select(Entitlement.external_id).where(
            Entitlement.system_id == system_id, Entitlement.external_id.is_not(None), ~Entitlement.by_hand
        )
    )
    return frozenset(group for group in rows if group is not None)


def factor_group(session: Session, system_id: int) -> ExternalId | None:
    """The group whose members are asked for a second factor, where that is how it is done there and it was found."""
    system = session.get_one(InformationSystem, system_id)
    by_group = (system.verification or {}).get("by") == VerifiedBy.GROUP
    return system.factor_group_id if by_group else None
