"""Passkeys as second factors of the product's own sign-in: enrolled, given after the password, suspended when copied.

Who may enrol one is the rule for every kind (`idm.operations.signing_in.factor_enrolment`). A passkey counts uses; a
counter that does not go forward means that there are two of it (WebAuthn 6.1.1), and neither is trusted any more.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.calendar_days import day_of
from idm.database import Database
from idm.errors import InvalidInput, SignInRefused
from idm.factors.passkey_ceremony import (
    AnswerRefused,
    RelyingParty,
    credential_of,
    enrolment_question,
    sign_in_question,
    verified_enrolment,
    verified_sign_in,
)
from idm.models.authenticators import Authenticator
from idm.models.sign_in import Passkey
from idm.operations.notification.notices import notify
from idm.operations.signing_in.factor_enrolment import begin, place_for, settle, signed_in_anew
from idm.operations.signing_in.own_factors import Because, withdraw
from idm.operations.signing_in.passkey_challenges import Purpose, draw, take
from idm.operations.signing_in.second_step import Step, Waiting, let_in, turn_away, waiting_for
from idm.operations.signing_in.sign_in_attempts import refusal
from idm.operations.signing_in.web_sessions import SignedIn
from idm.policy import Policy
from idm.queries.organisation.officers import holders
from idm.queries.signing_in.own_factors import active_passkeys
from idm.vocabulary import AuthenticatorKind, Role

LONGEST_LABEL = 40
NOT_PROVEN = "パスキーを確認できませんでした。もう一度確認するか、別の方法を使ってください。"
COPIED = (
    "このパスキーは複製されて使われた疑いがあるため、使えないようにしました。所属の情報セキュリティ管理者に知らせてください。"
    "別の方法でサインインできないときは、登録用リンクの発行を申し出てください。"
)


@dataclass(frozen=True)
class Ceremony:
    """What every question and answer needs: who asks, and the key under which challenges wait."""

    party: RelyingParty
    factor_key: bytes


class _Verdict(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    COPIED = "copied"


def ask_to_enrol(
    session: Session, *, signed_in: SignedIn, ceremony: Ceremony, policy: Policy, now: datetime, link: str | None = None
) -> str:
    """Afterwards the browser is asked to make a passkey; returns the question as JSON.

    Raises what `place_for` raises.
    """
    place = place_for(session, signed_in, link, policy=policy, now=now)
    challenge = draw(session, signed_in, Purpose.ENROL, factor_key=ceremony.factor_key, now=now,
                     link_id=place.link.id if place.link else None)  # fmt: skip
    return enrolment_question(
        ceremony.party, challenge=challenge, person_id=signed_in.person_id, name=signed_in.name,
        display_name=signed_in.person_name, known=_known(session, signed_in.person_id),
    )  # fmt: skip


@dataclass(frozen=True)
class TakenQuestion:
    """A question about a new passkey that no other answer is judged by any more."""

    challenge: bytes = field(repr=False)


def take_question(
    session: Session, *, signed_in: SignedIn, ceremony: Ceremony, policy: Policy, now: datetime, link: str | None = None
) -> TakenQuestion:
    """Afterwards the question that this session was asked is used up, to be committed before its answer is judged.

    Otherwise a wrong answer, which undoes what it did, would leave it open to another. Raises InvalidInput when none
    waits, and what `place_for` raises.
    """
    place = place_for(session, signed_in, link, policy=policy, now=now)
    challenge = take(session, signed_in, Purpose.ENROL, factor_key=ceremony.factor_key, now=now,
                     link_id=place.link.id if place.link else None)  # fmt: skip
    if challenge is None:
        raise InvalidInput("確認の時間が過ぎたか、別の画面で登録を始めています。もう一度はじめからやり直してください。")
    return TakenQuestion(challenge)


def enrol_passkey(
    session: Session, question: TakenQuestion, *, signed_in: SignedIn, answer: str, label: str, ceremony: Ceremony,
    policy: Policy, now: datetime, link: str | None = None,
) -> str:  # fmt: skip
    """Afterwards the browser's new passkey is a second factor of this person, and their other sessions are ended.

    A link is used up, and replaces whatever was enrolled before. Returns the token of a session signed in with both
    factors. Raises AnswerRefused, InvalidInput (label; enrolled already), and what `place_for` raises.
    """
    place = place_for(session, signed_in, link, policy=policy, now=now)
    called = _label(label)
    made = verified_enrolment(ceremony.party, answer, question.challenge)
    if session.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id)) is not None:
        raise InvalidInput("このパスキーは、すでに登録されたことがあります。別の鍵か端末を使ってください。")
    begin(session, place, signed_in=signed_in, policy=policy, now=now)
    added = settle(
        session, place, AuthenticatorKind.PASSKEY, label=called, signed_in=signed_in, policy=policy, now=now
    )  # fmt: skip
    session.add(
        Passkey(
            person_id=signed_in.person_id, authenticator_id=added.id, credential_id=made.credential_id,
            public_key=made.public_key, sign_count=made.sign_count, backed_up=made.backed_up,
        )
    )  # fmt: skip
    session.flush()
    return signed_in_anew(session, place, signed_in=signed_in, policy=policy, now=now)


def ask_for_passkey(session: Session, *, signed_in: SignedIn, ceremony: Ceremony, now: datetime) -> str:
    """Afterwards the browser is asked to prove one of this person's passkeys; returns the question as JSON.

    Raises SignInRefused when they have none.
    """
    known = _known(session, signed_in.person_id)
    if not known:
        raise SignInRefused("パスキーは登録されていません。別の方法で確認してください。")
    challenge = draw(session, signed_in, Purpose.SIGN_IN, factor_key=ceremony.factor_key, now=now)
    return sign_in_question(ceremony.party, challenge=challenge, known=known)


def verify_passkey(
    database: Database, *, token: str, answer: str, source: str, ceremony: Ceremony, policy: Policy, now: datetime,
    again: bool = False,
) -> str:  # fmt: skip
    """Afterwards the session that waited is replaced by a signed-in one, or (`again`) its factor is fresh; the token.

    Raises SignInRefused, counted and audited. A passkey of which there are two is withdrawn as well, and its owner and
    the security officers are told.
    """
    new_token = None
    with database.writing() as session:
        waiting = waiting_for(session, token, source=source, policy=policy, now=now, again=again)
        verdict = _Verdict.WRONG
        if waiting.attempt.may_try:
            verdict = _judge(session, waiting.signed_in, answer, ceremony, policy=policy, now=now)
        if verdict is _Verdict.RIGHT:
            new_token = let_in(session, waiting, Step.PASSKEY, source=source, policy=policy, now=now)
        else:
            turn_away(session, waiting, source=source, policy=policy, now=now)
    if new_token is None:
        raise _refusal_of(verdict, waiting, now=now)
    return new_token


def _refusal_of(verdict: _Verdict, waiting: Waiting, *, now: datetime) -> SignInRefused:
    if verdict is _Verdict.COPIED:
        return SignInRefused(COPIED, code="PASSKEY-COPIED")
    return refusal(waiting.attempt, NOT_PROVEN, now=now)


def _judge(
    session: Session, signed_in: SignedIn, answer: str, ceremony: Ceremony, *, policy: Policy, now: datetime
) -> _Verdict:
    challenge = take(session, signed_in, Purpose.SIGN_IN, factor_key=ceremony.factor_key, now=now)
    if challenge is None:
        return _Verdict.WRONG
    try:
        credential_id = credential_of(answer)
        of_person = active_passkeys(signed_in.person_id).where(Passkey.credential_id == credential_id)
        passkey = session.scalars(of_person).one_or_none()
        if passkey is None:
            return _Verdict.WRONG
        proof = verified_sign_in(ceremony.party, answer, challenge, passkey.public_key)
    except AnswerRefused:
        return _Verdict.WRONG
    if _count(session, passkey, proof.sign_count, backed_up=proof.backed_up, now=now):
        return _Verdict.RIGHT
    _suspend(session, passkey, signed_in, proof.sign_count, policy=policy, now=now)
    return _Verdict.COPIED


def _count(session: Session, passkey: Passkey, count: int, *, backed_up: bool, now: datetime) -> bool:
    """Whether the counter went forward; afterwards it is the newest one. One that counts nothing says 0 for good.

    Compare-and-swap in the database: of two answers with one counter, one succeeds.
    """
    forward = Passkey.sign_count == 0 if count == 0 else Passkey.sign_count < count
    swapped = session.execute(
        update(Passkey)
        .where(Passkey.id == passkey.id, forward)
        .values(sign_count=count, backed_up=backed_up, last_used_at=now)
        .returning(Passkey.id),
        execution_options={"synchronize_session": False},
    )
    return swapped.one_or_none() is not None


def _suspend(
    session: Session, passkey: Passkey, signed_in: SignedIn, count: int, *, policy: Policy, now: datetime
) -> None:
    """Afterwards the passkey opens nothing any more, which is on record, and the security officers know."""
    authenticator = session.get_one(Authenticator, passkey.authenticator_id)
    audit.record(
        session, action="sign_in.passkey_copied", actor=signed_in.actor, obj=("person", signed_in.person_id), now=now,
        policy_digest=policy.digest,
        payload={"authenticator": authenticator.id, "counter_known": passkey.sign_count, "counter_given": count},
    )  # fmt: skip
    withdraw(session, authenticator, actor=signed_in.actor, policy=policy, now=now, because=Because.COPIED)
    officers = set(holders(session, Role.SECURITY, None, day_of(now))) - {signed_in.person_id}
    body = (
        f"{signed_in.person_name} さんのパスキーの使用回数が逆戻りしました。複製が使われた疑いがあるため、"
        "このパスキーを使えないようにしました。本人に状況を確かめてください。"
    )
    notify(session, officers, subject="パスキーの複製の疑い", body=body, link=f"/people/{signed_in.person_id}", now=now,
           urgent=True)  # fmt: skip


def _known(session: Session, person_id: int) -> list[bytes]:
    return [passkey.credential_id for passkey in session.scalars(active_passkeys(person_id))]


def _label(written: str) -> str:
    label = " ".join(written.split())
    if len(label) > LONGEST_LABEL or not label.isprintable():
        message = f"名前は{LONGEST_LABEL}文字までの文字で入力してください。"
        raise InvalidInput(message, fields={"label": message})
    return label or "名前なし"
