"""Signing in at the organisation's provider, and being linked to it (OpenID Connect; control F4; RFC 9700 4.7, 4.4).

The provider stands in for the password, and for nothing else: the second factor of our own is asked for afterwards as
after a password, whatever the provider says it asked for. Whom it means by a subject is decided here, by issuer and
subject alone, and by an enrolment link that officers issued: an address or a name from outside opens nothing.

A challenge is begun by somebody's own act and answered once, by the browser that began it: the answer must come with
that browser's token and repeat the state that is sealed under it. What comes without changes nothing at all. No lock on
the database is held while the provider is asked.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idm import audit
from idm.database import Database
from idm.errors import ConfigurationInvalid, Refusal, SignInRefused, SignInUnavailable, TargetError, TargetUnavailable
from idm.keys.sealing import SealBroken, decrypt, encrypt
from idm.models.sign_in import SignIn, SignInChallenge
from idm.operations.signing_in.enrolment import usable_link
from idm.operations.signing_in.provider_links import SUBJECT_TAKEN, TAKEN, link_person, require_may_be_linked
from idm.operations.signing_in.second_step import START_AGAIN, complete
from idm.operations.signing_in.sign_in_attempts import SIGN_IN_PAGE
from idm.operations.signing_in.web_sessions import (
    Stage,
    hash_of,
    may_come_in,
    new_token,
    open_session,
    stage_without_code,
)
from idm.organisation import SignInProvider
from idm.policy import Policy
from idm.ports import IdentityProvider, ProvenIdentity
from idm.queries.signing_in.provider_identities import meant_by
from idm.queries.signing_in.sign_in_accounts import existing_sign_in_of
from idm.vocabulary import SignInWay

LOG = logging.getLogger("idm.sign_in")

ProviderOpener = Callable[[SignInProvider], IdentityProvider]
"""The client of the provider that is in force. Raises ConfigurationInvalid."""

PURPOSE = "provider"
ANSWER_WITHIN = timedelta(minutes=10)
MOST_WAITING = 2_000
"""So many challenges wait at once; while they do, none begins. A flood fills no disk, and takes nothing from whoever is
on their way; others are told to come back in some minutes."""
MOST_CARRIED = 20_000
"""So many characters of what was typed before are carried over; of more, nothing is."""

UNKNOWN = "SIGN-IN-PROVIDER-UNKNOWN"
"""Code: the provider proves somebody who is linked to nobody here."""
AWAY = "SIGN-IN-PROVIDER-AWAY"
"""Code: the provider cannot be asked now."""
NOT_PROVEN = "SIGN-IN-PROVIDER"
"""Code: what came back from the provider proves nobody."""

UNAVAILABLE = (
    "サインインのサービスに接続できないため、いまはそのボタンからサインインできません。入力が間違っていたわけではありません。"
    "しばらくしてからやり直してください。続くときは、情報システムの担当に知らせてください。"
)
FULL = (
    "サインインのサービスへの移動を待っている人が多すぎるため、いまは受け付けられません。入力が間違っていたわけではありません。"
    "数分たってからやり直してください。続くときは、情報システムの担当に知らせてください。"
)
REFUSED = (
    "サインインのサービスから、サインインできたことを確認できませんでした。取り消したか、前のサインインから時間がたっています。"
    "はじめからやり直してください。続くときは、情報システムの担当に知らせてください。"
)
NOBODY = (
    "サインインのサービスのこの利用者は、ここでは誰にも結び付けられていません。仮パスワードの交付担当者から"
    "登録用リンクを受け取り、そのリンクを開いて結び付けてください。"
)


@dataclass(frozen=True)
class Started:
    """Where the browser goes, and the token that is to come back with it."""

    address: str
    token: str


@dataclass(frozen=True)
class Arrived:
    """The token of a session, and what was wanted and typed before the sign-in began."""

    token: str
    wanted: str
    carried: str
    linked: bool


def opened(open_provider: ProviderOpener, named: SignInProvider) -> IdentityProvider:
    """The provider's client. Raises SignInUnavailable where it is not set up; what is missing is for the log."""
    try:
        return open_provider(named)
    except ConfigurationInvalid as fault:
        LOG.error("provider of sign-in: %s %s", fault.message, "; ".join(fault.mistakes))
        raise SignInUnavailable(UNAVAILABLE, code=AWAY) from fault


def start(
    database: Database, provider: IdentityProvider, *, redirect_uri: str, key: bytes, policy: Policy, now: datetime,
    link: str | None = None, wanted: str = "", carried: str = "",
) -> Started:  # fmt: skip
    """Afterwards one answer of the provider is waited for, ten minutes long. `link`: of whoever is to be linked by it.

    The person's own sign-in there may be no older than a session here may become. Raises SignInUnavailable, and what
    `usable_link` and `require_may_be_linked` raise.
    """
    if link is not None:
        with database.reading() as session:
            require_may_be_linked(session, usable_link(session, link, now=now), now=now)
    try:
        begun = provider.begin(redirect_uri, max_age=timedelta(hours=policy.sign_in.absolute_hours))
    except TargetError as fault:
        raise _away(fault) from fault
    token = new_token()
    sealed = {"state": begun.state, "kept": begun.kept, "link": link, "wanted": wanted}
    sealed["carried"] = carried if len(carried) <= MOST_CARRIED else ""
    with database.writing() as session:
        _require_room(session, now=now)
        session.add(
            SignInChallenge(
                token_hash=hash_of(token), purpose=PURPOSE, created_at=now, expires_at=now + ANSWER_WITHIN,
                sealed=encrypt(key, json.dumps(sealed).encode(), _place_of(token)),
            )
        )  # fmt: skip
    return Started(begun.address, token)


def answer(
    database: Database, provider: IdentityProvider, *, token: str, said: dict[str, str], source: str, key: bytes,
    policy: Policy, now: datetime,
) -> Arrived:  # fmt: skip
    """Afterwards a session is open for whoever the provider proves, and a link, if one began it, is used up.

    The session may wait for a second factor (`Stage`). Raises SignInRefused, SignInUnavailable, and what `usable_link`
    and `start_anew` raise; audited where the answer was the right browser's.
    """
    kept = _taken(database, token, said, key=key, now=now)
    proven = _asked(provider, kept["kept"], said)
    try:
        with database.writing() as session:
            opened = _opened_for(session, proven, kept["link"], source=source, policy=policy, now=now)
    except IntegrityError:  # somebody else was linked to that subject at the same moment
        taken = SignInRefused(TAKEN, code=SUBJECT_TAKEN)
        _record_refusal(database, proven, taken, source=source, policy=policy, now=now)
        raise taken from None
    except Refusal as refusal:
        _record_refusal(database, proven, refusal, source=source, policy=policy, now=now)
        raise
    return Arrived(opened, kept["wanted"], kept["carried"], linked=kept["link"] is not None)


def _taken(database: Database, token: str, said: dict[str, str], *, key: bytes, now: datetime) -> dict[str, Any]:
    """What was kept for this answer, which nobody can give a second time. Raises SignInRefused; then nothing changed.

    A foreign state takes nothing away from whoever is on their way.
    """
    with database.writing() as session:
        waiting = SignInChallenge.token_hash == hash_of(token), SignInChallenge.purpose == PURPOSE
        open_still = SignInChallenge.used_at.is_(None), SignInChallenge.expires_at > now
        found = session.scalars(select(SignInChallenge).where(*waiting, *open_still)).one_or_none()
        if found is None:
            raise SignInRefused(START_AGAIN)
        try:
            kept: dict[str, Any] = json.loads(decrypt(key, found.sealed, _place_of(token)))
        except SealBroken:
            raise SignInRefused(START_AGAIN) from None
        if not compare_digest(kept["state"].encode(), said.get("state", "").encode("utf-8", "surrogatepass")):
            raise SignInRefused(START_AGAIN)
        used = session.execute(
            update(SignInChallenge)
            .where(*waiting, *open_still)
            .values(used_at=now, sealed=b"")
            .returning(SignInChallenge.id),
            execution_options={"synchronize_session": False},
        )
        if used.one_or_none() is None:
            raise SignInRefused(START_AGAIN)
    return kept


def _asked(provider: IdentityProvider, kept: str, said: dict[str, str]) -> ProvenIdentity | Refusal:
    """Whom the provider proves, or what to tell them. What exactly was wrong is for the log."""
    try:
        return provider.complete(kept, said)
    except TargetUnavailable as fault:
        return _away(fault)
    except TargetError as fault:
        LOG.warning("provider of sign-in: %s", fault)
        return SignInRefused(REFUSED, code=NOT_PROVEN)


def _away(fault: TargetError) -> SignInUnavailable:
    LOG.warning("provider of sign-in: %s: %s", type(fault).__name__, fault)
    return SignInUnavailable(UNAVAILABLE, code=AWAY)


def _opened_for(
    session: Session, proven: ProvenIdentity | Refusal, link: str | None, *, source: str, policy: Policy, now: datetime
) -> str:
    """The token of a session of whoever the link is for; without one, of whoever is linked to that subject."""
    if isinstance(proven, Refusal):
        raise proven
    if link is not None:
        found = usable_link(session, link, now=now)
        return open_session(
            session, link_person(session, found, proven, source=source, policy=policy, now=now), policy=policy, now=now
        )
    identity = meant_by(session, proven.issuer, proven.subject)
    if identity is None or not may_come_in(session, identity.person, now=now):
        raise SignInRefused(NOBODY, code=UNKNOWN)
    return _let_in(session, existing_sign_in_of(session, identity.person_id), source=source, policy=policy, now=now)


def _let_in(session: Session, known: SignIn, *, source: str, policy: Policy, now: datetime) -> str:
    """As after a right password: the session waits for a second factor where there is one, or must be."""
    if known.way is not SignInWay.PROVIDER:
        raise SignInRefused(NOBODY, code=UNKNOWN)
    if stage_without_code(session, known, policy=policy, now=now) is not Stage.SIGNED_IN:
        return open_session(session, known, policy=policy, now=now)
    return complete(session, known, None, None, source=source, policy=policy, now=now)


def _record_refusal(
    database: Database, proven: ProvenIdentity | Refusal, refusal: Refusal, *, source: str, policy: Policy,
    now: datetime,
) -> None:  # fmt: skip
    """The refusal stands in the audit record, with whom the provider proved, if anybody."""
    whom = {} if isinstance(proven, Refusal) else {"issuer": proven.issuer, "subject": proven.subject}
    with database.writing() as session:
        audit.record(
            session, action="sign_in.attempted", code=refusal.code, actor=SIGN_IN_PAGE, now=now,
            obj=("sign_in", "provider"), policy_digest=policy.digest, payload={"step": 1, "source": source, **whom},
        )  # fmt: skip


def _require_room(session: Session, *, now: datetime) -> None:
    """Afterwards nothing that ran out is kept. Raises SignInUnavailable while as many wait as may."""
    ours = SignInChallenge.purpose == PURPOSE
    session.execute(delete(SignInChallenge).where(ours, SignInChallenge.expires_at <= now))
    waiting = select(func.count()).select_from(SignInChallenge).where(ours, SignInChallenge.used_at.is_(None))
    if (session.scalar(waiting) or 0) >= MOST_WAITING:
        raise SignInUnavailable(FULL, code=AWAY)


def _place_of(token: str) -> bytes:
    return f"sign_in_challenges.sealed:{PURPOSE}:{hash_of(token)}".encode()
