"""Enrolling a second factor: a secret is shown, and counts once a code has confirmed it (FK 6-2(9), control F4).

Who has none may enrol one by themself after the password, with one exception: a directory's password is known to
whoever set it, if only for an hour. So somebody from whom a role demands a second factor, and who signs in with the
directory's password, enrols one only with an enrolment link, which for those who decide two officers issue (decision
0009). The link replaces a lost one as well. It makes no password: who came by the directory stays on that path.

What is shown with a link is another secret than what was shown without: it is sealed to the link, so that a secret
somebody prepared beforehand is never the one that its owner confirms.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.models.sign_in import EnrolmentLink, SignIn
from idm.one_time_codes import has_form, matching_step, new_secret
from idm.operations.enrolment import UNUSABLE, usable_link, use_up
from idm.operations.notices import notify
from idm.operations.sign_in import CODE_FORM, WRONG_CODE, take_step, totp_context
from idm.operations.web_sessions import SignedIn, Stage, end_all_sessions, open_session, replace_session
from idm.policy import Policy
from idm.queries.deciders import decides, needs_second_factor
from idm.queries.officers import holders
from idm.queries.sign_in_accounts import signs_in_with_directory
from idm.sealing import SealBroken, decrypt, encrypt
from idm.vocabulary import Role

BY_LINK = "FACTOR-BY-LINK"
"""Code: this person enrols a second factor with an enrolment link, not after the directory's password alone."""
LINK_NEEDED = (
    "あなたの役割では、ディレクトリのパスワードだけで認証アプリを登録することはできません。登録用リンクの発行を、"
    "仮パスワードの交付担当者に申し出てください。承認などの決定をする職の人のリンクは、二人の責任者が発行します。"
)


@dataclass(frozen=True)
class _Place:
    """Whose second factor is enrolled, and by which link; None = after the password alone."""

    sign_in: SignIn
    link: EnrolmentLink | None

    @property
    def context(self) -> bytes:
        """The place to which the secret that waits to be confirmed is sealed."""
        known = totp_context("totp_pending", self.sign_in.person_id)
        return known if self.link is None else known + b":link:%d" % self.link.id


def prepare_second_factor(
    session: Session, *, signed_in: SignedIn, factor_key: bytes, policy: Policy, now: datetime,
    link: str | None = None,
) -> None:  # fmt: skip
    """Afterwards a fresh secret waits to be confirmed by a code. `link`: the token of an enrolment link.

    Raises IllegalTransition where a second factor is in use, NotPermitted where a link is needed, and what
    `usable_link` raises.
    """
    place = _place(session, signed_in, link, policy=policy, now=now)
    place.sign_in.totp_pending = encrypt(factor_key, new_secret(), place.context)


def pending_second_factor(
    session: Session, *, signed_in: SignedIn, factor_key: bytes, policy: Policy, now: datetime,
    link: str | None = None,
) -> bytes | None:  # fmt: skip
    """The secret that waits to be confirmed, to be shown to its owner; None when there is none, or of another link.

    Raises what `prepare_second_factor` raises.
    """
    return _pending(_place(session, signed_in, link, policy=policy, now=now), factor_key)


def confirm_second_factor(
    session: Session, *, signed_in: SignedIn, code: str, factor_key: bytes, policy: Policy, now: datetime,
    link: str | None = None,
) -> str:  # fmt: skip
    """Afterwards the waiting secret is this person's second factor, and every other session of theirs is ended.

    A link is used up. Returns the token of a session signed in with both factors. Raises InvalidInput when the code is
    wrong, and what `prepare_second_factor` raises.
    """
    place = _place(session, signed_in, link, policy=policy, now=now)
    sign_in, secret = place.sign_in, _pending(place, factor_key)
    if secret is None:
        raise IllegalTransition("先にQRコードを表示してください。")
    step = matching_step(secret, code, now)
    if step is None or not take_step(session, sign_in, step):
        message = WRONG_CODE if has_form(code) else CODE_FORM
        raise InvalidInput(message, fields={"code": message})
    if place.link is not None:
        use_up(session, place.link, now=now)
    sign_in.totp_secret = encrypt(factor_key, secret, totp_context("totp_secret", signed_in.person_id))
    sign_in.totp_pending = None
    replace_session(session, session_id=signed_in.session_id, now=now)
    end_all_sessions(session, person_id=signed_in.person_id, actor=signed_in.actor, policy=policy, now=now)
    audit.record(
        session, action="sign_in.second_factor_enrolled", actor=signed_in.actor, obj=("person", signed_in.person_id),
        now=now, policy_digest=policy.digest,
        payload={"name": sign_in.name, "link": place.link.id if place.link is not None else None},
    )  # fmt: skip
    if sign_in.password_hash is None:
        _tell(session, sign_in, now=now)
    return open_session(session, sign_in, policy=policy, now=now, second_factor=True)


def needs_link(session: Session, person_id: int, *, policy: Policy, now: datetime) -> bool:
    """Whether the person, whose only password is the directory's, may not enrol a second factor without a link."""
    sign_in = _sign_in_of(session, person_id)
    if sign_in is None or sign_in.password_hash is not None:
        return False
    day = day_of(now)
    return needs_second_factor(session, person_id, policy=policy, day=day) or decides(session, person_id, day)


def _place(session: Session, signed_in: SignedIn, token: str | None, *, policy: Policy, now: datetime) -> _Place:
    """Where this person may enrol a second factor now. Raises a refusal."""
    if token is None:
        return _Place(_without_factor(session, signed_in, policy=policy, now=now), None)
    link = usable_link(session, token, now=now)
    if link.person_id != signed_in.person_id:
        raise NotFound(UNUSABLE)
    sign_in = _sign_in_of(session, signed_in.person_id)
    if sign_in is None or not signs_in_with_directory(session, signed_in.person_id, day_of(now)):
        raise IllegalTransition("このリンクでは、先にパスワードを登録してください。")
    return _Place(sign_in, link)


def _without_factor(session: Session, signed_in: SignedIn, *, policy: Policy, now: datetime) -> SignIn:
    """The sign-in of somebody who may enrol by the password alone: they have no second factor, and need no link."""
    sign_in = _sign_in_of(session, signed_in.person_id)
    if sign_in is None or sign_in.totp_secret is not None or signed_in.stage is Stage.CODE_NEEDED:
        raise IllegalTransition("認証アプリは登録済みです。変更するには、新しい登録用リンクを受け取ってください。")
    if needs_link(session, signed_in.person_id, policy=policy, now=now):
        raise NotPermitted(LINK_NEEDED, code=BY_LINK)
    return sign_in


def _pending(place: _Place, factor_key: bytes) -> bytes | None:
    if place.sign_in.totp_pending is None:
        return None
    try:
        return decrypt(factor_key, place.sign_in.totp_pending, place.context)
    except SealBroken:  # prepared on another way: by the password alone, or with a link that was replaced
        return None


def _tell(session: Session, sign_in: SignIn, *, now: datetime) -> None:
    """Afterwards its person and the security officers have a notice.

    Whoever knows the directory's password, if only as the help desk that set it, might have enrolled in this person's
    place. It must not stay unseen.
    """
    officers = holders(session, Role.SECURITY, None, day_of(now))
    body = (
        f"{sign_in.person.name} さんの認証アプリが、ディレクトリのパスワードによるサインインのあとで登録されました。"
        "本人の登録でないときは、すぐに情報システムの担当に知らせ、新しい登録用リンクの発行を受けてください。"
    )
    notify(
        session, {sign_in.person_id, *officers}, subject="認証アプリが登録されました", body=body, link="/me", now=now
    )


def _sign_in_of(session: Session, person_id: int) -> SignIn | None:
    return session.scalars(select(SignIn).where(SignIn.person_id == person_id)).one_or_none()
