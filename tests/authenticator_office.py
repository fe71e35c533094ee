"""青木 has accounts in two systems where a product verifies factors, and the desk has cards to hand out."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.factors.authenticator_state import AuthenticatorState
from idm.grant_state import GrantState, SuspensionReason
from idm.models.authenticators import Authenticator
from idm.models.officers import Officer
from idm.models.requests import Grant, GrantSuspension
from idm.models.systems import Account, InformationSystem
from idm.operations.factors import authenticator_end, authenticators, losses
from idm.vocabulary import AuthenticatorKind, Role, Zone
from tests.cast import NOW, TODAY, Cast

PRODUCT: dict[str, object] = {
    "by": "product",
    "name": "端末認証",
    "group": None,
    "password": True,
    "terminals": [],
    "listing": None,
}
CARD = AuthenticatorKind.IC_CARD
Held = dict[str, tuple[GrantState, bool]]


def furnish(cast: Cast, who: str = "staff") -> None:
    """Two systems outside the My Number zone, both with a product that verifies factors, and an account in each."""
    with cast.database.writing() as session:
        for system in session.scalars(select(InformationSystem)):
            system.zone, system.verification = Zone.LGWAN, PRODUCT
    for right in ("ledger/account", "pension/account"):
        cast.approve(cast.file("hr", (who, right)))
    with cast.database.writing() as session:
        for account in session.scalars(select(Account).where(Account.person_id == cast.people[who])):
            account.handed_over_at = NOW


def at_desk(cast: Cast, who: str, *, role: Role = Role.HANDOVER) -> None:
    """This member of the cast holds the role as well."""
    with cast.database.writing() as session:
        first = session.scalars(select(Officer.first_record_id)).first()
        session.add(Officer(role=role, person_id=cast.people[who], valid_from=TODAY, first_record_id=first))


def system_id(session: Session, code: str) -> int:
    """The id of the system of that code."""
    return session.scalars(select(InformationSystem.id).where(InformationSystem.code == code)).one()


def issue(
    cast: Cast, label: str = "0001", *, to: str = "staff", by: str = "desk", kind: AuthenticatorKind = CARD,
    replaces: int | None = None, now: datetime = NOW,
) -> int:  # fmt: skip
    """The id of a new authenticator."""
    with cast.acting(by, "authenticator.issue", now) as session:
        return authenticators.issue(
            session, person_id=cast.people[to], kind=kind, label=label, replaces_id=replaces, actor=cast.actor(by),
            policy=cast.policy, now=now,
        ).id  # fmt: skip


def activate(
    cast: Cast, authenticator_id: int, *systems: str, by: str = "desk", received: bool = True, now: datetime = NOW
) -> None:
    """The desk has seen it work in the systems."""
    with cast.acting(by, "authenticator.activate", now) as session:
        authenticators.activate(
            session, authenticator_id, system_ids=[system_id(session, code) for code in systems], received=received,
            actor=cast.actor(by), policy=cast.policy, now=now,
        )  # fmt: skip


def card(cast: Cast, *systems: str, label: str = "0001", to: str = "staff", replaces: int | None = None) -> int:
    """A card in use in the systems."""
    authenticator_id = issue(cast, label, to=to, replaces=replaces)
    activate(cast, authenticator_id, *systems)
    return authenticator_id


def lose(cast: Cast, authenticator_id: int, *, by: str = "staff", now: datetime = NOW, text: str = "") -> int:
    """How many rights the report stopped. It is made without a fresh second factor."""
    with cast.acting(by, "authenticator.report_loss", now) as session:
        return len(
            losses.report_loss(
                session, authenticator_id, circumstances=text, actor=cast.stale(by), policy=cast.policy, now=now
            ).stopped
        )


def recover(cast: Cast, authenticator_id: int, *, by: str = "desk", now: datetime = NOW) -> None:
    """It was found, and checked at the desk."""
    with cast.acting(by, "authenticator.recover", now) as session:
        losses.recover(session, authenticator_id, actor=cast.actor(by), policy=cast.policy, now=now)


def end(cast: Cast, what: str, authenticator_id: int, *, by: str = "desk") -> None:
    """`collect`, `destroy`, `witness` or `deny_destruction`."""
    with cast.acting(by, f"authenticator.{what}") as session:
        getattr(authenticator_end, what)(
            session, authenticator_id, actor=cast.actor(by), policy=cast.policy, now=NOW
        )  # fmt: skip


def remove(cast: Cast, authenticator_id: int, *systems: str, by: str = "desk") -> None:
    """The desk has seen that it was removed from what verifies factors in the systems."""
    with cast.acting(by, "authenticator.remove") as session:
        authenticator_end.removed_from_product(
            session, authenticator_id, system_ids=[system_id(session, code) for code in systems],
            actor=cast.actor(by), policy=cast.policy, now=NOW,
        )  # fmt: skip


def state(cast: Cast, authenticator_id: int) -> AuthenticatorState:
    """The state it is in."""
    with cast.database.reading() as session:
        return session.get_one(Authenticator, authenticator_id).state


def held(cast: Cast, who: str = "staff") -> Held:
    """System → the state of the person's right there, and whether a lost card holds it back."""
    with cast.database.reading() as session:
        rows = session.execute(
            select(InformationSystem.code, Grant)
            .select_from(Grant)
            .join(Account, Grant.account_id == Account.id)
            .join(InformationSystem, Account.system_id == InformationSystem.id)
            .where(Account.person_id == cast.people[who], Grant.state != GrantState.ENDED)
        ).all()
        lost = set(
            session.scalars(
                select(GrantSuspension.grant_id).where(
                    GrantSuspension.reason == SuspensionReason.LOST_CARD, GrantSuspension.until.is_(None)
                )
            )
        )
        return {code: (grant.state, grant.id in lost) for code, grant in rows}
