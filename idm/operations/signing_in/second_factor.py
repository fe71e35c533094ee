"""An authenticator app as a second factor: a secret is shown, and counts once a code has confirmed it (FK 6-2(9)).

Who may enrol one, and with what, is the rule for every kind (`idm.operations.signing_in.factor_enrolment`). What is
shown is sealed to the session it was prepared in, and to the link where there is one, so that a secret somebody
prepared beforehand, or looks at meanwhile, is never the one that its owner confirms.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from idm.errors import IllegalTransition, InvalidInput
from idm.factors.one_time_codes import has_form, matching_step, new_secret
from idm.keys.sealing import SealBroken, decrypt, encrypt
from idm.operations.signing_in.factor_enrolment import Place, begin, place_for, settle, signed_in_anew
from idm.operations.signing_in.sign_in import CODE_FORM, WRONG_CODE, take_step, totp_context
from idm.operations.signing_in.web_sessions import SignedIn
from idm.policy import Policy
from idm.vocabulary import AuthenticatorKind


def prepare_second_factor(
    session: Session, *, signed_in: SignedIn, factor_key: bytes, policy: Policy, now: datetime,
    link: str | None = None,
) -> None:  # fmt: skip
    """Afterwards a fresh secret waits to be confirmed by a code. `link`: the token of an enrolment link.

    Raises what `place_for` raises.
    """
    place = place_for(session, signed_in, link, policy=policy, now=now)
    place.sign_in.totp_pending = encrypt(factor_key, new_secret(), place.context("totp_pending"))


def pending_second_factor(
    session: Session, *, signed_in: SignedIn, factor_key: bytes, policy: Policy, now: datetime,
    link: str | None = None,
) -> bytes | None:  # fmt: skip
    """The secret of this session and link that waits to be confirmed, to be shown to its owner; None = there is none.

    Raises what `place_for` raises.
    """
    return _pending(place_for(session, signed_in, link, policy=policy, now=now), factor_key)


def confirm_second_factor(
    session: Session, *, signed_in: SignedIn, code: str, factor_key: bytes, policy: Policy, now: datetime,
    link: str | None = None,
) -> str:  # fmt: skip
    """Afterwards the waiting secret is this person's app, and every other session of theirs is ended.

    A link is used up, and replaces whatever was enrolled before. Returns the token of a session signed in with both
    factors. Raises InvalidInput when the code is wrong, and what `place_for` raises.
    """
    place = place_for(session, signed_in, link, policy=policy, now=now)
    sign_in, secret = place.sign_in, _pending(place, factor_key)
    if secret is None:
        raise IllegalTransition("先にQRコードを表示してください。")
    step = matching_step(secret, code, now)
    if step is None or not take_step(session, sign_in, step):
        message = WRONG_CODE if has_form(code) else CODE_FORM
        raise InvalidInput(message, fields={"code": message})
    begin(session, place, signed_in=signed_in, policy=policy, now=now)
    settle(session, place, AuthenticatorKind.TOTP, label=None, signed_in=signed_in, policy=policy, now=now)
    sign_in.totp_secret = encrypt(factor_key, secret, totp_context("totp_secret", signed_in.person_id))
    sign_in.totp_pending = None
    return signed_in_anew(session, place, signed_in=signed_in, policy=policy, now=now)


def _pending(place: Place, factor_key: bytes) -> bytes | None:
    if place.sign_in.totp_pending is None:
        return None
    try:
        return decrypt(factor_key, place.sign_in.totp_pending, place.context("totp_pending"))
    except SealBroken:  # prepared in another session, or on another way: without a link, with one that was replaced
        return None
