"""What a view may ask of the request it serves: the installation, who acts, when, and by which rules.

Nothing below the web reads these; a view passes them on as arguments.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import current_app, g, request
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.database import Database
from idm.errors import ConfigurationInvalid
from idm.operations.signing_in.provider_sign_in import ProviderOpener
from idm.operations.signing_in.sign_in_directory import PasswordChecker
from idm.operations.signing_in.web_sessions import SignedIn
from idm.permissions import Action, may
from idm.policy import Policy
from idm.publication import Reader
from idm.settings import Settings
from idm.unit_of_work import unit_of_work
from idm.vocabulary import Role

EXTENSION = "idm"
FormerPassword = Callable[[str], timedelta | None]
"""From a kind of connector to how long its directories may take a former password; None = they are not known to."""


def never_takes_former(_connector: str) -> timedelta | None:
    """What is said where nobody knows the kinds of directory."""
    return None


@dataclass(frozen=True)
class Site:
    """One installation as the web sees it."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime]
    factor_key: bytes
    check_password: PasswordChecker | None = None
    """Asks the directory people sign in with; the only thing the web can ask of one."""
    open_provider: ProviderOpener | None = None
    """The client of the provider people sign in with."""
    former_password: FormerPassword = never_takes_former

    def __repr__(self) -> str:
        return "Site()"


def site() -> Site:
    """The installation this application serves."""
    found: Site = current_app.extensions[EXTENSION]
    return found


def now() -> datetime:
    """The moment at which the request arrived; one and the same for everything it does."""
    moment: datetime = g.now
    return moment


def today() -> date:
    """The day in Tokyo at which the request arrived."""
    return day_of(now())


def policy() -> Policy:
    """The profile in force at that moment."""
    in_force: Policy = g.policy
    return in_force


def signed_in() -> SignedIn:
    """Who is signed in. Only behind the gate, which lets nobody else through."""
    found: SignedIn = g.signed_in
    return found


def actor() -> Actor:
    """Who is signed in, as operations and the audit record name them."""
    return signed_in().actor


def roles() -> frozenset[Role]:
    """The roles this person holds today."""
    return signed_in().roles


def reader() -> Reader:
    """The person signed in as a reader today: whether they see what is not published yet is their role's."""
    return Reader(today(), signed_in().person_id, may(roles(), Action.SEE_UNPUBLISHED))


def provider_sign_out() -> str | None:
    """Where people sign out at the provider in force, as far as it is known; nobody is asked, and nothing fails."""
    named, open_provider = g.get("sign_in_provider"), site().open_provider
    if named is None or open_provider is None:
        return None
    try:
        return open_provider(named).sign_out_address()
    except ConfigurationInvalid:
        return None


def source() -> str:
    """The address this request came from, as the audit record names it."""
    return request.remote_addr or "?"


def look() -> AbstractContextManager[Session]:
    """A session for reading."""
    return site().database.reading()


def act(attempted: str, obj: tuple[str, str | int]) -> AbstractContextManager[Session]:
    """A session for one act of this person: committed when the block ends, undone and audited when it is refused.

    `attempted` is a dotted verb ('request.submit'), `obj` the kind and id of what it is about.
    """
    return unit_of_work(
        site().database, actor=actor(), now=now(), attempted=attempted, obj=obj, policy_digest=policy().digest
    )
