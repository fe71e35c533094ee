"""What people do with their own second factors in these tests: enrol an app, a passkey, codes; come with them."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select

from idm.database import Database
from idm.factors.one_time_codes import code_at, step_of
from idm.factors.passkey_ceremony import relying_party
from idm.models.authenticators import Authenticator
from idm.models.work import MailMessage
from idm.operations.signing_in.passkeys import (
    Ceremony,
    ask_for_passkey,
    ask_to_enrol,
    enrol_passkey,
    take_question,
    verify_passkey,
)
from idm.operations.signing_in.recovery_codes import draw_codes, keep_codes
from idm.operations.signing_in.second_factor import confirm_second_factor, pending_second_factor, prepare_second_factor
from idm.operations.signing_in.web_sessions import SignedIn
from idm.queries.signing_in.own_factors import own_authenticators
from tests.operations.signing_in.soft_passkey import SoftPasskey
from tests.operations.signing_in.steps import HERE, KEY, POLICY, enrolled, present
from tests.small_town import NOW, Town

ORIGIN = "https://id.aoba.example"
PARTY = relying_party(f"{ORIGIN}/", "idm")
CEREMONY = Ceremony(PARTY, KEY)


def passkey() -> SoftPasskey:
    return SoftPasskey(ORIGIN, "id.aoba.example")


def add_app(database: Database, token: str, *, now: datetime = NOW, link: str | None = None) -> tuple[str, bytes]:
    """The token of the session after an app was enrolled, and the app's secret."""
    signed_in = present(database, token, now=now)
    with database.writing() as session:
        prepare_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=now, link=link)
        secret = pending_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=now, link=link)
        assert secret is not None
        code = code_at(secret, step_of(now))
        return confirm_second_factor(session, signed_in=signed_in, code=code, factor_key=KEY, policy=POLICY, now=now,
                                     link=link), secret  # fmt: skip


def enrol_question(database: Database, signed_in: SignedIn, *, now: datetime = NOW, link: str | None = None) -> str:
    with database.writing() as session:
        return ask_to_enrol(session, signed_in=signed_in, ceremony=CEREMONY, policy=POLICY, now=now, link=link)


def enrol_answer(
    database: Database, signed_in: SignedIn, answer: str, *, now: datetime = NOW, link: str | None = None,
    label: str = "執務室のパソコン",
) -> str:  # fmt: skip
    with database.writing() as session:
        taken = take_question(session, signed_in=signed_in, ceremony=CEREMONY, policy=POLICY, now=now, link=link)
    with database.writing() as session:
        return enrol_passkey(session, taken, signed_in=signed_in, answer=answer, label=label, ceremony=CEREMONY,
                             policy=POLICY, now=now, link=link)  # fmt: skip


def add_passkey(
    database: Database, token: str, key: SoftPasskey, *, now: datetime = NOW, link: str | None = None
) -> str:
    signed_in = present(database, token, now=now)
    answer = key.made(enrol_question(database, signed_in, now=now, link=link))
    return enrol_answer(database, signed_in, answer, now=now, link=link)


def sign_in_question(database: Database, token: str, *, now: datetime = NOW) -> str:
    with database.writing() as session:
        return ask_for_passkey(session, signed_in=present(database, token, now=now), ceremony=CEREMONY, now=now)


def give_answer(database: Database, token: str, answer: str, *, now: datetime = NOW, again: bool = False) -> str:
    return verify_passkey(database, token=token, answer=answer, source=HERE, ceremony=CEREMONY, policy=POLICY,
                          now=now, again=again)  # fmt: skip


def give_passkey(database: Database, token: str, key: SoftPasskey, *, now: datetime = NOW) -> str:
    return give_answer(database, token, key.proves(sign_in_question(database, token, now=now)), now=now)


def make_codes(database: Database, token: str, *, now: datetime = NOW) -> tuple[str, ...]:
    codes = draw_codes()
    with database.writing() as session:
        keep_codes(session, codes, signed_in=present(database, token, now=now), policy=POLICY, now=now)
    return codes.shown


def with_passkey(database: Database, town: Town, person_id: int) -> tuple[str, SoftPasskey]:
    """Somebody who has enrolled a password and a passkey: their session, and the passkey."""
    key = passkey()
    return add_passkey(database, enrolled(database, town, person_id), key), key


def with_app(database: Database, town: Town, person_id: int) -> tuple[str, bytes]:
    """Somebody who has enrolled a password and an app: their session, and the app's secret."""
    return add_app(database, enrolled(database, town, person_id))


def stale(signed_in: SignedIn) -> SignedIn:
    """The same person in the same session, whose second factor was given too long ago for what matters most."""
    return replace(signed_in, second_factor_at=NOW - timedelta(minutes=POLICY.sign_in.step_up_minutes, seconds=1))


def own(database: Database, person_id: int) -> list[Authenticator]:
    with database.reading() as session:
        return own_authenticators(session, person_id)


def told(database: Database, address: str) -> list[str]:
    """The subjects of the notices that wait for this address, oldest first."""
    with database.reading() as session:
        query = select(MailMessage.subject).where(MailMessage.recipient == address).order_by(MailMessage.id)
        return list(session.scalars(query))
