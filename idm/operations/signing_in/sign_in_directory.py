"""Signing in with the directory's password: the directory judges the password, our rows judge the person (F4).

The password goes to the directory, signed in as that person, and nowhere else. What the directory answers opens
nothing by itself: the account must be the very one our row stands for, by the target's own id (an account made anew
under an old name is nobody's), its right in force, and its person one of ours.

One name belongs to one path. Who has a password of the product's own signs in with that; a name that somebody has for
it is never asked of the directory for another. Nothing is asked of the directory for a name that is nobody's either,
but the question is: for a name that cannot exist, so that both cost the same.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import ConfigurationInvalid, SignInRefused, TargetError
from idm.models.people import Person
from idm.models.sign_in import SignIn
from idm.models.systems import InformationSystem
from idm.operations.signing_in.web_sessions import may_come_in
from idm.passwords.password_hashing import MAXIMUM_BYTES
from idm.policy import Policy
from idm.ports import PasswordCheck, PasswordVerdict
from idm.queries.signing_in.provider_identities import is_linked
from idm.queries.signing_in.sign_in_accounts import (
    SignInAccount,
    account_of_name,
    existing_sign_in_of,
    sign_in_of,
    sign_in_system,
)
from idm.vocabulary import SignInWay

LOG = logging.getLogger("idm.sign_in")

PasswordChecker = Callable[[InformationSystem, str, str], PasswordCheck]
"""Tries a login name and a password at a system's directory. Raises TargetError, ConfigurationInvalid."""

UNAVAILABLE = (
    "ディレクトリに接続できないため、いまはサインインできません。入力が間違っていたわけではなく、失敗にも数えていません。"
    "しばらくしてからやり直してください。続くときは、情報システムの担当に知らせてください。"
)
NOT_OURS = "SIGN-IN-NOT-OURS"
"""Code: the directory's account of that name is not the one that was registered."""
TWO_PATHS = "SIGN-IN-OWN-PASSWORD"
"""Code: this person has another way, a password of the product's own or a provider."""
NAME_TAKEN = "SIGN-IN-NAME"
"""Code: the name stands for another person's sign-in."""

UNLINKED = (
    "あなたのサインインは、外部のサインインのサービスに結び付けられていましたが、その結び付けは使えなくなっています。"
    "サインインするには、登録用リンクの発行を、仮パスワードの交付担当者に申し出てください。"
)
"""Nothing leads back to the directory's password, and the provider's button would only send them here."""

OTHER_WAY: dict[SignInWay, str] = {
    SignInWay.PASSWORD: (
        "あなたには、この画面専用の利用者名とパスワードが登録されています。登録したときの利用者名とパスワードで"
        "サインインしてください。"
    ),
    SignInWay.PROVIDER: (
        "あなたのサインインは、外部のサインインのサービスに結び付けられています。サインインの画面にある、そのサービスの"
        "ボタンからサインインしてください。"
    ),
}
"""What is told, once the directory has vouched for the password, to somebody who signs in another way."""

TOLD: dict[PasswordVerdict, tuple[str, str]] = {
    PasswordVerdict.MUST_CHANGE: (
        "SIGN-IN-MUST-CHANGE",
        "パスワードを変更する必要があります。この画面では変更できません。パソコンのサインイン画面で新しいパスワードに変えてから、"
        "もう一度サインインしてください。",
    ),
    PasswordVerdict.PASSWORD_EXPIRED: (
        "SIGN-IN-PASSWORD-EXPIRED",
        "パスワードの有効期限が切れています。この画面では変更できません。パソコンのサインイン画面で新しいパスワードに変えてから、"
        "もう一度サインインしてください。",
    ),
    PasswordVerdict.LOCKED: (
        "SIGN-IN-DIRECTORY-LOCKED",
        "パスワードの誤りが続いたため、利用者IDがディレクトリでロックされています。しばらく待つか、"
        "仮パスワードの交付担当者に解除を申し出てください。",
    ),
    PasswordVerdict.DISABLED: (
        "SIGN-IN-DISABLED",
        "利用者IDがディレクトリで無効になっています。所属の担当者に申し出てください。",
    ),
    PasswordVerdict.ACCOUNT_EXPIRED: (
        "SIGN-IN-EXPIRED",
        "利用者IDの利用期間が終わっています。所属の担当者に申し出てください。",
    ),
}
"""What is told of the state of an account, once the directory has vouched for the password: code and sentence."""


@dataclass(frozen=True)
class Door:
    """The directory people sign in with, and the account there of the name that was typed, if it is one."""

    system: InformationSystem
    account: SignInAccount | None


@dataclass(frozen=True)
class No:
    """Somebody is not let in. `sentence` None = only that name or password is wrong; `counts`: as a failed guess."""

    code: str = SignInRefused.code
    sentence: str | None = None
    counts: bool = True


def door_of(session: Session, name: str | None, *, now: datetime) -> Door | None:
    """Where a canonical name would be asked for; None where the organisation signs in with no directory."""
    system = sign_in_system(session)
    if system is None:
        return None
    return Door(system, account_of_name(session, system.id, name, day_of(now)) if name else None)


def ask(door: Door, check_password: PasswordChecker, password: str, *, for_nobody: bool) -> PasswordCheck | None:
    """What the directory says of the password; None when it cannot be asked. Called outside any transaction.

    `for_nobody`: the question is asked about a name that cannot exist, whatever was typed.
    """
    if not could_be_a_password(password):
        return PasswordCheck(PasswordVerdict.WRONG)
    known = None if for_nobody else door.account
    name, tried = (known.login_name, password) if known else (f"nobody-{token_hex(6)}", token_hex(16))
    try:
        return check_password(door.system, name, tried)
    except (TargetError, ConfigurationInvalid) as failure:
        LOG.warning("%s: %s: %s", door.system.code, type(failure).__name__, failure)
        return None


def could_be_a_password(password: str) -> bool:
    """Whether a directory may be asked: not blank to any preparation of text, no NUL, not endless (RFC 4513 5.1.2)."""
    if "\0" in password or len(password) > MAXIMUM_BYTES:
        return False
    if not any(character.isprintable() and not character.isspace() for character in password):
        return False
    try:
        return len(password.encode()) <= MAXIMUM_BYTES
    except UnicodeEncodeError:
        return False


def admit(
    session: Session, door: Door, answer: PasswordCheck, *, name: str, policy: Policy, now: datetime
) -> SignIn | No:
    """The sign-in of the person whose account this is, made at their first time; or why they are not let in."""
    asked = door.account
    right = answer.verdict is PasswordVerdict.RIGHT
    vouched = right or (answer.proven and answer.verdict in TOLD)
    if asked is None or answer.external_id is None or not vouched:
        return No()
    if answer.external_id != asked.external_id:
        return No(
            NOT_OURS,
            "ディレクトリの利用者IDが、登録されているものと一致しません。作り直された可能性があります。"
            "情報システムの担当に知らせてください。",
        )
    if not right:
        return No(*TOLD[answer.verdict], counts=False)
    # Decided anew while the directory was asked: what was in force a moment ago opens nothing.
    person = session.get(Person, asked.person_id)
    if account_of_name(session, door.system.id, name, day_of(now)) != asked or person is None:
        return No()
    return _admitted(session, person, name, policy=policy, now=now) if may_come_in(session, person, now=now) else No()


def _admitted(session: Session, person: Person, name: str, *, policy: Policy, now: datetime) -> SignIn | No:
    known = sign_in_of(session, person.id)
    if known is not None and known.way is not SignInWay.DIRECTORY:
        unlinked = known.way is SignInWay.PROVIDER and not is_linked(session, person.id, now=now)
        return No(TWO_PATHS, UNLINKED if unlinked else OTHER_WAY[known.way], counts=False)
    taken = session.scalar(select(SignIn.id).where(SignIn.name == name, SignIn.person_id != person.id))
    if taken is not None:
        return No(NAME_TAKEN, "この利用者名は別の人の登録と重なっています。情報システムの担当に知らせてください。")
    if known is None:
        return _first_time(session, person, name, policy=policy, now=now)
    known.name = name
    return known


def _first_time(session: Session, person: Person, name: str, *, policy: Policy, now: datetime) -> SignIn | No:
    try:
        with session.begin_nested():
            session.add(SignIn(person_id=person.id, name=name, way=SignInWay.DIRECTORY, password_hash=None))
    except IntegrityError:  # the same person in another browser was quicker, or another's enrolment took the name
        known = sign_in_of(session, person.id)
        return known if known is not None and known.way is SignInWay.DIRECTORY else No()
    audit.record(
        session, action="sign_in.begun", actor=Actor(person.id, person.name), obj=("person", person.id), now=now,
        policy_digest=policy.digest, payload={"name": name, "with": "directory"},
    )  # fmt: skip
    return existing_sign_in_of(session, person.id)
