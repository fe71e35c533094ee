"""Which second factors somebody has for the product's own sign-in (control F4). The one place that knows.

An authenticator app counts while its secret is kept, a passkey while its authenticator is active. A recovery code
stands in for a lost one and is none itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from idm.factors.authenticator_state import AuthenticatorState
from idm.models.authenticators import Authenticator
from idm.models.sign_in import Passkey, RecoveryCode, SignIn
from idm.vocabulary import AuthenticatorKind


@dataclass(frozen=True)
class OwnFactors:
    """What somebody has. `app`: a confirmed authenticator app; `codes`: how many recovery codes are unused."""

    app: bool
    passkeys: int
    codes: int

    @property
    def some(self) -> bool:
        """Whether there is a second factor at all."""
        return self.app or self.passkeys > 0


@dataclass(frozen=True)
class OwnFactor:
    """One second factor, as its owner knows it. `last_used_at` is kept of passkeys only."""

    authenticator_id: int
    kind: AuthenticatorKind
    label: str | None
    since: datetime
    last_used_at: datetime | None


def active_passkeys(person_id: int) -> Select[Passkey]:
    """The passkeys of the person that count."""
    return (
        select(Passkey)
        .join(Authenticator, Passkey.authenticator_id == Authenticator.id)
        .where(Passkey.person_id == person_id, Authenticator.state == AuthenticatorState.ACTIVE)
        .order_by(Passkey.id)
    )


def unused_codes(person_id: int) -> Select[RecoveryCode]:
    """The recovery codes of the person that still work."""
    return (
        select(RecoveryCode)
        .where(
            RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None), RecoveryCode.replaced_at.is_(None)
        )
        .order_by(RecoveryCode.id)
    )  # fmt: skip


def own_factors(session: Session, person_id: int) -> OwnFactors:
    """What the person has at this moment."""
    app = select(SignIn.id).where(SignIn.person_id == person_id, SignIn.totp_secret.is_not(None)).exists()
    passkeys = active_passkeys(person_id).with_only_columns(func.count(Passkey.id)).order_by(None).scalar_subquery()
    codes = unused_codes(person_id).with_only_columns(func.count(RecoveryCode.id)).order_by(None).scalar_subquery()
    found = session.execute(select(app, passkeys, codes)).one()
    return OwnFactors(*found)


def own_authenticators(session: Session, person_id: int) -> list[Authenticator]:
    """The active rows of the register that are the person's own second factors, oldest first."""
    return list(
        session.scalars(
            select(Authenticator)
            .where(
                Authenticator.person_id == person_id,
                Authenticator.own_sign_in,
                Authenticator.state == AuthenticatorState.ACTIVE,
            )
            .order_by(Authenticator.id)
        )
    )


def listed(session: Session, person_id: int) -> list[OwnFactor]:
    """The person's second factors, for a page of their own."""
    rows = own_authenticators(session, person_id)
    used = _last_uses(session, [row.id for row in rows])
    return [OwnFactor(row.id, row.kind, row.label, row.issued_at, used.get(row.id)) for row in rows]


def _last_uses(session: Session, authenticator_ids: Iterable[int]) -> dict[int, datetime | None]:
    query = select(Passkey.authenticator_id, Passkey.last_used_at)
    return dict(session.execute(query.where(Passkey.authenticator_id.in_(list(authenticator_ids)))).all())
