"""The cast's office whose pension system has a product that verifies factors, and lists of who is enrolled in it."""

from datetime import datetime, timedelta

from sqlalchemy import select

from idm.grant_state import GrantState
from idm.models.requests import Grant
from idm.models.systems import Account, InformationSystem
from idm.operations.factors import enrolment_lists
from idm.operations.factors.enrolment_lists import SentEnrolments, TakenOver
from tests.cast import NOW, Cast

SYSTEM = "pension"
LISTING: dict[str, object] = {
    "factors": "認証", "words": {"ICカード": "ic_card", "顔": "biometric"}, "login_name": "ID",
    "required": "必須", "required_words": ["はい"],
}  # fmt: skip
VERIFICATION: dict[str, object] = {
    "by": "product", "name": "年金端末の二要素認証製品", "group": None, "password": True, "terminals": ["窓口1番"],
    "listing": LISTING,
}  # fmt: skip
"""The description of the product as the register has it."""
HEADING = "ID,認証,必須\r\n"


def verify_by_product(cast: Cast) -> None:
    """Afterwards the pension system's factors are verified by a product that prints who is enrolled."""
    with cast.database.writing() as session:
        session.scalars(
            select(InformationSystem).where(InformationSystem.code == SYSTEM)
        ).one().verification = VERIFICATION


def grant(cast: Cast, *names: str, now: datetime = NOW) -> None:
    """Each of them has been granted an account of the pension system."""
    for name in names:
        cast.approve(cast.file("hr", (name, f"{SYSTEM}/account"), now=now), now=now)


def system_id(cast: Cast, code: str = SYSTEM) -> int:
    """The system's id."""
    with cast.database.reading() as session:
        return session.scalars(select(InformationSystem.id).where(InformationSystem.code == code)).one()


def login_name(cast: Cast, who: str) -> str:
    """What somebody is called in the pension system."""
    with cast.database.reading() as session:
        query = select(Account.login_name).where(
            Account.person_id == cast.people[who], Account.system_id == system_id(cast)
        )
        return session.scalars(query).one()


def row(cast: Cast, who: str, factors: str = "ICカード", required: str = "はい") -> str:
    """A line of the list about somebody."""
    return f"{login_name(cast, who)},{factors},{required}\r\n"


def list_of(cast: Cast, *names: str) -> str:
    """A list on which these people have a card."""
    return HEADING + "".join(row(cast, name) for name in names)


def bring(
    cast: Cast, text: str, *, who: str = "desk", now: datetime = NOW, made_on: datetime | None = None, right: int = 0,
    same: bool = False,
) -> TakenOver:  # fmt: skip
    """`who` takes a list over; it speaks for an hour ago unless said otherwise. `same`: it may be what another was."""
    with cast.acting(who, "enrolment_list.import", now) as session:
        sent = SentEnrolments(
            system_id(cast), made_on or now - timedelta(hours=1), "touroku.csv", text.encode("cp932")
        )  # fmt: skip
        return enrolment_lists.take_over(
            session, sent, stopping_is_right=right, same_content_is_right=same, actor=cast.actor(who),
            policy=cast.policy, now=now,
        )  # fmt: skip


def states(cast: Cast, *names: str) -> list[GrantState]:
    """The state of each person's right in the pension system."""
    with cast.database.reading() as session:
        query = select(Account.person_id, Grant.state).join(Grant, Grant.account_id == Account.id)
        found = dict(session.execute(query.where(Account.system_id == system_id(cast))).all())
        return [found[cast.people[name]] for name in names]
