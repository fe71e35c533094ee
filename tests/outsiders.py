"""People outside HR at the cast's office: contracts and entries as its section managers and HR make them."""

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import select

from idm.employment_kind import EmploymentKind
from idm.models.outside import Contract, Sponsorship
from idm.models.people import Employment
from idm.operations.outsiders import contracts, outside, sponsorship
from idm.operations.outsiders.contracts import NewContract
from idm.operations.outsiders.outside_entry import NewPerson
from tests.cast import NOW, TODAY, Cast

SECRET = b"0123456789abcdef0123456789abcdef"
CONTRACT = NewContract(
    number="R8-委託-15", company="那珂川電算株式会社", title="住民情報システム運用支援", manager_name="那珂　責任",
    unit_code="0100", valid_from=TODAY, valid_until=date(2027, 4, 1),
)  # fmt: skip
COMMITTEE = NewPerson(
    name="吉塚　委員", kana="ヨシヅカ　イイン", kind=EmploymentKind.COMMITTEE, unit_code="0100", post="委員",
    sponsor_id=0, valid_from=TODAY, valid_until=date(2026, 10, 1), birth_date=date(1970, 5, 5),
)  # fmt: skip
WORKER = replace(
    COMMITTEE, name="雑餉隈　四郎", kana="ザッショノクマ　シロウ", kind=EmploymentKind.CONTRACTOR, post="常駐SE",
    birth_date=date(1988, 8, 8),
)  # fmt: skip


def let(cast: Cast, contract: NewContract = CONTRACT, *, who: str = "security", now: datetime = NOW) -> int:
    """The id of a contract that `who` registered."""
    with cast.acting(who, "contract.register", now) as session:
        return contracts.register_contract(
            session, contract, actor=cast.actor(who), policy=cast.policy, now=now
        ).id  # fmt: skip


def end(cast: Cast, contract_id: int, day: date, *, who: str = "security", now: datetime = NOW) -> None:
    """The contract ends on the day, by `who`."""
    with cast.acting(who, "contract.end", now) as session:
        contracts.end_contract(
            session, contract_id, day, reason="中途解約", actor=cast.actor(who), policy=cast.policy, now=now
        )


def enter(
    cast: Cast, person: NewPerson = COMMITTEE, *, who: str = "security", sponsor: str = "security", now: datetime = NOW
) -> int:
    """The id of an entry that `who` made, for which `sponsor` is to answer."""
    with cast.acting(who, "outside.register", now) as session:
        wanted = replace(person, sponsor_id=cast.people[sponsor])
        return outside.register_person(
            session, wanted, match_secret=SECRET, actor=cast.actor(who), policy=cast.policy, now=now
        ).id


def entry(cast: Cast, employment_id: int) -> Employment:
    """The entry as it is now."""
    with cast.database.reading() as session:
        found = session.get_one(Employment, employment_id)
        assert found.person.name
        assert all(post.unit.code for post in found.assignments)
        return found


def contract(cast: Cast, contract_id: int) -> Contract:
    """The contract as it is now."""
    with cast.database.reading() as session:
        return session.get_one(Contract, contract_id)


def sponsorships(cast: Cast, employment_id: int) -> list[Sponsorship]:
    """Every sponsorship of the entry, oldest first."""
    query = select(Sponsorship).where(Sponsorship.employment_id == employment_id).order_by(Sponsorship.id)
    with cast.database.reading() as session:
        return list(session.scalars(query))


def accept(cast: Cast, employment_id: int, who: str, *, now: datetime = NOW) -> None:
    """`who` accepts to answer for the person of the entry."""
    found = sponsorships(cast, employment_id)[-1].id
    with cast.acting(who, "sponsorship.accept", now) as session:
        sponsorship.accept(session, found, actor=cast.actor(who), policy=cast.policy, now=now)
