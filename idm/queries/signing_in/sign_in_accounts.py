"""How somebody signs in, and whose directory account a sign-in name is (control F4)."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from idm.grant_state import GrantState
from idm.models.periods import holding_on
from idm.models.requests import Grant
from idm.models.sign_in import SignIn
from idm.models.stops import AccountStop
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.ports import ExternalId
from idm.queries.organisation.officers import humans
from idm.vocabulary import AccountKind, EntitlementKind, SignInWay


@dataclass(frozen=True)
class SignInAccount:
    """Somebody's personal account in force: the name the directory knows it by, and the directory's own id of it."""

    account_id: int
    person_id: int
    login_name: str
    external_id: ExternalId


def sign_in_of(session: Session, person_id: int) -> SignIn | None:
    """How this person signs in; None = not at all so far."""
    return session.scalars(select(SignIn).where(SignIn.person_id == person_id)).one_or_none()


def existing_sign_in_of(session: Session, person_id: int) -> SignIn:
    """How this person signs in; there must be a way."""
    return session.scalars(select(SignIn).where(SignIn.person_id == person_id)).one()


def sign_in_system(session: Session) -> InformationSystem | None:
    """The system that people sign in with; None where the organisation named none."""
    return session.scalars(select(InformationSystem).where(InformationSystem.for_sign_in)).one_or_none()


def account_of_name(session: Session, system_id: int, name: str, day: date) -> SignInAccount | None:
    """The account of that canonical name, in force on the day. None also where two differ in capital letters only."""
    found = _in_force(session, day, Account.system_id == system_id, func.lower(Account.login_name) == name)
    return found[0] if len(found) == 1 else None


def has_account(session: Session, person_id: int, day: date) -> bool:
    """Whether the person has an account, in force on the day, in the system that people sign in with."""
    return bool(_in_force(session, day, Account.person_id == person_id, InformationSystem.for_sign_in.is_(True)))


def signs_in_with_directory(session: Session, person_id: int, day: date) -> bool:
    """Whether the person has come in with the directory's password, and still can."""
    came = select(SignIn.id).where(SignIn.person_id == person_id, SignIn.way == SignInWay.DIRECTORY)
    return session.scalar(came) is not None and has_account(session, person_id, day)


def belongs_to_another(session: Session, name: str, person_id: int) -> bool:
    """Whether the directory that people sign in with has this name for somebody who is not this human.

    Also an account that is not in force any more, and one that is nobody's: a name means one human, for good.
    """
    owners = session.scalars(
        select(Account.person_id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .where(InformationSystem.for_sign_in, func.lower(Account.login_name) == name)
    ).all()
    if not owners:
        return False
    human = humans(session, [person_id])[person_id]
    return any(owner is None or not human.is_one_of(frozenset({owner})) for owner in owners)


def _in_force(session: Session, day: date, *conditions: ColumnElement[bool]) -> list[SignInAccount]:
    """Personal accounts that the target has shown, whose right to an account is in force, and that meet these.

    One that is stopped is none, and one that waits for a hand-over: its password may have leaked, or was not changed in
    time (E2, E6), and we know before the directory does. The state of the right alone is not enough: it is moved by a
    job, and where that job has died the period still ends.
    """
    rows = session.execute(
        select(Account.id, Account.person_id, Account.login_name, Account.external_id)
        .join(InformationSystem, Account.system_id == InformationSystem.id)
        .join(Grant, Grant.account_id == Account.id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .where(
            Account.kind == AccountKind.PERSONAL,
            Account.handed_over_at.is_not(None),
            Entitlement.kind == EntitlementKind.ACCOUNT,
            Grant.state == GrantState.IN_FORCE,
            holding_on(Grant, day),
            ~exists().where(AccountStop.account_id == Account.id, AccountStop.until.is_(None)),
            *conditions,
        )
        .distinct()
    )
    return [
        SignInAccount(account_id, person_id, login_name, external_id)
        for account_id, person_id, login_name, external_id in rows
        if person_id is not None and external_id is not None
    ]
