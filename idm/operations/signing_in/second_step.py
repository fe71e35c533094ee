"""The second step of signing in, whatever it is taken with: counted first, then judged, then let in or turned away.

Who is signed in takes it again before what matters most (`idm.step_up`): the same attempts count, the same code works
once, and the session goes on under another token.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.errors import SignInRefused
from idm.models.sign_in import SignIn
from idm.operations.signing_in.sign_in_attempts import (
    Attempt,
    behind_first_step,
    count_attempt,
    forget,
    record_failure,
    take_back,
)
from idm.operations.signing_in.web_sessions import (
    SignedIn,
    Stage,
    open_session,
    renew_factor,
    replace_session,
    resume_session,
)
from idm.policy import Policy
from idm.queries.signing_in.sign_in_accounts import existing_sign_in_of
from idm.vocabulary import SignInWay

START_AGAIN = "サインインをはじめからやり直してください。"
NO_STAND_IN = "回復用コードは、サインインにだけ使えます。ここでは認証アプリかパスキーで確認してください。"


class Step(StrEnum):
    """What the second step was taken with, as the audit record names it."""

    APP = "totp"
    PASSKEY = "passkey"
    RECOVERY_CODE = "recovery_code"


WITH = {SignInWay.PASSWORD: "own", SignInWay.DIRECTORY: "directory", SignInWay.PROVIDER: "provider"}
"""What stood for the first step, as the audit record names it."""


@dataclass(frozen=True)
class Waiting:
    """Somebody whose password was right, or who is signed in, with the attempt that counts from now on."""

    signed_in: SignedIn
    known: SignIn
    attempt: Attempt


def waiting_for(
    session: Session, token: str, *, source: str, policy: Policy, now: datetime, again: bool = False
) -> Waiting:  # fmt: skip
    """Whose second step this is; afterwards one more attempt counts. Raises SignInRefused when nobody waits.

    `again`: by somebody signed in, who has a second factor, to give it once more.
    """
    found = resume_session(session, token=token, policy=policy, now=now)
    wanted = Stage.SIGNED_IN if again else Stage.CODE_NEEDED
    if found is None or found.stage is not wanted or not found.has_second_factor:
        raise SignInRefused(START_AGAIN)
    known = existing_sign_in_of(session, found.person_id)
    key = behind_first_step(found.person_id)
    return Waiting(found, known, count_attempt(session, key, source=source, policy=policy, now=now))


def let_in(session: Session, waiting: Waiting, step: Step, *, source: str, policy: Policy, now: datetime) -> str:
    """Afterwards the waiting session is replaced by a signed-in one, or this one's factor is fresh; returns the token.

    A recovery code makes nothing fresh. Raises SignInRefused.
    """
    if waiting.signed_in.stage is Stage.SIGNED_IN:
        return _renew(session, waiting, step, source=source, policy=policy, now=now)
    replace_session(session, session_id=waiting.signed_in.session_id, now=now)
    return complete(session, waiting.known, waiting.attempt, step, source=source, policy=policy, now=now)


def _renew(session: Session, waiting: Waiting, step: Step, *, source: str, policy: Policy, now: datetime) -> str:
    if step is Step.RECOVERY_CODE:
        raise SignInRefused(NO_STAND_IN)
    take_back(session, waiting.attempt)
    audit.record(
        session, action="sign_in.factor_renewed", actor=waiting.signed_in.actor, now=now,
        obj=("person", waiting.signed_in.person_id), policy_digest=policy.digest,
        payload={"second": step.value, "source": source},
    )  # fmt: skip
    return renew_factor(session, session_id=waiting.signed_in.session_id, now=now)


def turn_away(session: Session, waiting: Waiting, *, source: str, policy: Policy, now: datetime) -> None:
    """Afterwards the failure is on record; the last one allowed ends the waiting session as well."""
    record_failure(session, waiting.attempt, step=2, source=source, policy=policy, now=now)
    if waiting.attempt.locked_until is not None:
        replace_session(session, session_id=waiting.signed_in.session_id, now=now)


def complete(
    session: Session,
    known: SignIn,
    attempt: Attempt | None,
    step: Step | None,
    *,
    source: str,
    policy: Policy,
    now: datetime,
) -> str:
    """Afterwards this person is signed in, and no failure counts any more; returns the token of the session.

    `attempt` is the one that succeeded, None where none was counted; `step` None = by the first step alone.
    """
    if attempt is not None:
        take_back(session, attempt)
    failures = forget(session, known, policy=policy, now=now)
    audit.record(
        session, action="sign_in.completed", actor=Actor(known.person_id, known.person.name), now=now,
        obj=("person", known.person_id), policy_digest=policy.digest,
        payload={
            "factors": 1 if step is None else 2, "second": step.value if step else None, "source": source,
            "failures_before": failures, "with": WITH[known.way],
        },
    )  # fmt: skip
    return open_session(
        session, known, policy=policy, now=now, second_factor=step in {Step.APP, Step.PASSKEY},
        recovery_code=step is Step.RECOVERY_CODE, failures=failures,
    )  # fmt: skip
