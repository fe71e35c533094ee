"""What the people of the town do in these tests: invite, enrol, arrive, give a code."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.database import Database
from idm.errors import SignInRefused
from idm.factors.one_time_codes import code_at, new_secret, step_of
from idm.keys.sealing import encrypt
from idm.models.audit import AuditRecord
from idm.models.sign_in import SignIn
from idm.operations.signing_in import enrolment
from idm.operations.signing_in.enrolment import issue_enrolment_link
from idm.operations.signing_in.sign_in import sign_in, totp_context, verify_code
from idm.operations.signing_in.web_sessions import (
    SignedIn,
    resume_session,
)
from idm.passwords.password_hashing import hash_password
from idm.policy import Policy
from tests.small_town import NOW, Town, policy

POLICY = policy()
PASSWORD = "あおばの庭で大きな犬がねむる"
KEY = b"k" * 32
HERE = "192.0.2.7"
ON_BOTH_DATABASES = pytest.mark.parametrize("database_and_town", ["sqlite", "postgres"], indirect=True)
MINUTE = timedelta(minutes=1)
SECRET = new_secret()


def inviter(town: Town) -> Actor:
    return Actor(town.inviter, "鈴木 花子")


def invite(database: Database, town: Town, person_id: int, *, now: datetime = NOW, name: str | None = None) -> str:
    # Officers are enrolled on the first day: later it takes two, and the town has not got two for the chief.
    actor = Actor.job("idm init") if person_id in {town.inviter, town.chief} else inviter(town)
    with database.writing() as session:
        return issue_enrolment_link(session, person_id=person_id, actor=actor, policy=POLICY, now=now, name=name)


def enrol(session: Session, *, token: str, password: str, policy: Policy, now: datetime) -> str:
    """A session of whoever uses this link with this password."""
    chosen = enrolment.choose_password(session, token=token, password=password, policy=policy, now=now)
    return enrolment.enrol(session, token=token, chosen=chosen, policy=policy, now=now)


def enrolled(database: Database, town: Town, person_id: int, *, name: str | None = None) -> str:
    """A session of somebody who has just set their password."""
    link = invite(database, town, person_id, name=name)
    with database.writing() as session:
        return enrol(session, token=link, password=PASSWORD, policy=POLICY, now=NOW)


def with_factor(database: Database, town: Town, person_id: int) -> bytes:
    """The secret of somebody who has enrolled both factors."""
    with database.writing() as session:
        session.add(SignIn(person_id=person_id, name="100003", password_hash=hash_password(PASSWORD),
                           totp_secret=encrypt(KEY, SECRET, totp_context("totp_secret", person_id)),
                           last_totp_step=0))  # fmt: skip
    return SECRET


def arrive(database: Database, name: str = "100001", password: str = PASSWORD, *, now: datetime = NOW) -> str:
    return sign_in(database, name=name, password=password, source=HERE, policy=POLICY, now=now)


def give_code(database: Database, token: str, code: str, *, now: datetime = NOW) -> str:
    return verify_code(database, token=token, code=code, source=HERE, factor_key=KEY, policy=POLICY, now=now)


def code_of(now: datetime, *, steps_away: int = 0) -> str:
    return code_at(SECRET, step_of(now) + steps_away)


def who(database: Database, token: str, *, now: datetime = NOW) -> SignedIn | None:
    with database.reading() as session:
        return resume_session(session, token=token, policy=POLICY, now=now)


def present(database: Database, token: str, *, now: datetime = NOW) -> SignedIn:
    found = who(database, token, now=now)
    assert found is not None
    return found


def audited(database: Database, action: str) -> list[AuditRecord]:
    with database.reading() as session:
        return list(session.scalars(select(AuditRecord).where(AuditRecord.action == action).order_by(AuditRecord.id)))


def refused(database: Database, name: str = "100001", *, now: datetime = NOW) -> SignInRefused:
    with pytest.raises(SignInRefused) as caught:
        arrive(database, name, "ちがうパスワードです！", now=now)
    return caught.value


def wrong_code(now: datetime) -> str:
    valid = {code_of(now, steps_away=away) for away in (-1, 0, 1)}
    return next(code for code in ("000000", "000001", "000002", "000003") if code not in valid)
