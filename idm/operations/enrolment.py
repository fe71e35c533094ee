"""Enrolment in the product's own sign-in: by a link that works once, with a second factor where a role demands it.

Nobody chooses a password for another: who may invite hands over a link, and its receiver sets password and second
factor. A new link for somebody already enrolled starts both anew; that is how a forgotten password or a lost telephone
is mended. Nobody invites themself, and nobody invites without the role: a job may issue a link only while nobody else
who may invite can sign in (the first day of an installation).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, holds
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.people import Person
from idm.models.sign_in import EnrolmentLink, SignIn
from idm.one_time_codes import has_form, matching_step, new_secret
from idm.operations.notices import notify
from idm.operations.sign_in import CODE_FORM, WRONG_CODE, canonical_name, take_step, totp_context
from idm.operations.sign_in_attempts import forget
from idm.operations.web_sessions import (
    SignedIn,
    Stage,
    belongs,
    end_all_sessions,
    hash_of,
    new_token,
    open_session,
    replace_session,
)
from idm.password_hashing import check_new_password, hash_password
from idm.permissions import PERMISSIONS, Action, require
from idm.policy import Policy
from idm.queries.officers import holders, humans, roles_of
from idm.queries.sign_in_accounts import belongs_to_another
from idm.sealing import decrypt, encrypt
from idm.vocabulary import Role

UNUSABLE = "この登録用リンクは使えません。期限が切れたか、すでに使われたか、新しいリンクが発行されています。"


@dataclass(frozen=True)
class Enrolment:
    """What the receiver of a link is shown before they use it."""

    person_id: int
    person_name: str
    name: str
    expires_at: datetime


def issue_enrolment_link(
    session: Session, *, person_id: int, actor: Actor, policy: Policy, now: datetime, name: str | None = None
) -> str:
    """Afterwards this person can enrol once with the returned token, until the profile's hours have passed.

    It replaces a link not yet used. `name` is the sign-in name of somebody who has none yet; the staff number unless
    given. Raises NotFound, NotPermitted, SeparationOfDuties (for oneself), InvalidInput (name taken or malformed).
    """
    person = session.get(Person, person_id)
    if person is None or not belongs(session, person, now=now):
        raise NotFound("この人は見つからないか、現在在籍していません。")
    _require_may_invite(session, person_id, actor, now=now)
    token = new_token()
    _replace_open(session, person_id, now=now)
    link = EnrolmentLink(
        token_hash=hash_of(token), person_id=person_id, name=_name_for(session, person, name, now=now),
        issued_by_id=actor.person_id, issued_at=now, expires_at=now + timedelta(hours=policy.sign_in.enrolment_hours),
    )  # fmt: skip
    session.add(link)
    session.flush()
    _record(session, "sign_in.invited", person_id, actor=actor, policy=policy, now=now, name=link.name)
    return token


def find_enrolment(session: Session, *, token: str, now: datetime) -> Enrolment:
    """Whom the link is for. Changes nothing. Raises NotFound when it cannot be used (any more)."""
    link = _usable(session, token, now=now)
    return Enrolment(link.person_id, link.person.name, link.name, link.expires_at)


def enrol(session: Session, *, token: str, password: str, policy: Policy, now: datetime) -> str:
    """Afterwards the link is used up, the password is this one, and every older session and second factor is gone.

    Returns the token of a session, which may wait for the enrolment of a second factor. Raises NotFound, InvalidInput.
    """
    link = _usable(session, token, now=now)
    _require_free(session, link.name, link.person_id)
    check_new_password(password, minimum_length=policy.passwords.own_minimum_length, name=link.name)
    used = session.execute(
        update(EnrolmentLink)
        .where(EnrolmentLink.id == link.id, EnrolmentLink.used_at.is_(None))
        .values(used_at=now)
        .returning(EnrolmentLink.id)
    )
    if used.one_or_none() is None:
        raise NotFound(UNUSABLE)
    sign_in = _sign_in_of(session, link.person_id)
    if sign_in is None:
        sign_in = SignIn(person_id=link.person_id)
        session.add(sign_in)
    sign_in.name, sign_in.password_hash = link.name, hash_password(password)
    sign_in.totp_secret = sign_in.totp_pending = sign_in.last_totp_step = None
    session.flush()
    forget(session, link.name)
    actor = Actor(link.person_id, link.person.name)
    end_all_sessions(session, person_id=link.person_id, actor=actor, policy=policy, now=now)
    _record(session, "sign_in.enrolled", link.person_id, actor=actor, policy=policy, now=now, name=link.name)
    return open_session(session, sign_in, policy=policy, now=now)


def prepare_second_factor(session: Session, *, signed_in: SignedIn, factor_key: bytes) -> None:
    """Afterwards a fresh secret waits to be confirmed by a code. Raises IllegalTransition where one is in use."""
    sign_in = _without_factor(session, signed_in)
    sign_in.totp_pending = encrypt(factor_key, new_secret(), totp_context("totp_pending", signed_in.person_id))


def pending_second_factor(session: Session, *, signed_in: SignedIn, factor_key: bytes) -> bytes | None:
    """The secret that waits to be confirmed, to be shown to its owner; None when there is none."""
    sign_in = _sign_in_of(session, signed_in.person_id)
    if sign_in is None or sign_in.totp_pending is None:
        return None
    return decrypt(factor_key, sign_in.totp_pending, totp_context("totp_pending", signed_in.person_id))


def confirm_second_factor(
    session: Session, *, signed_in: SignedIn, code: str, factor_key: bytes, policy: Policy, now: datetime
) -> str:
    """Afterwards the waiting secret is this person's second factor, and every other session of theirs is ended.

    Returns the token of a session signed in with both factors. Raises InvalidInput when the code is wrong.
    """
    sign_in = _without_factor(session, signed_in)
    secret = pending_second_factor(session, signed_in=signed_in, factor_key=factor_key)
    if secret is None:
        raise IllegalTransition("先にQRコードを表示してください。")
    step = matching_step(secret, code, now)
    if step is None or not take_step(session, sign_in, step):
        message = WRONG_CODE if has_form(code) else CODE_FORM
        raise InvalidInput(message, fields={"code": message})
    sign_in.totp_secret = encrypt(factor_key, secret, totp_context("totp_secret", signed_in.person_id))
    sign_in.totp_pending = None
    replace_session(session, session_id=signed_in.session_id, now=now)
    end_all_sessions(session, person_id=signed_in.person_id, actor=signed_in.actor, policy=policy, now=now)
    _record(session, "sign_in.second_factor_enrolled", signed_in.person_id, actor=signed_in.actor, policy=policy,
            now=now, name=sign_in.name)  # fmt: skip
    if sign_in.password_hash is None:
        _tell_of_factor(session, sign_in, now=now)
    return open_session(session, sign_in, policy=policy, now=now, second_factor=True)


def _tell_of_factor(session: Session, sign_in: SignIn, *, now: datetime) -> None:
    """Afterwards its person and the security officers have a notice.

    No link from a second officer came before: whoever knows the directory's password, if only as the help desk that set
    it, could have enrolled in this person's place. It must not stay unseen.
    """
    officers = holders(session, Role.SECURITY, None, day_of(now))
    body = (
        f"{sign_in.person.name} さんの認証アプリが、ディレクトリのパスワードによるサインインのあとで登録されました。"
        "本人の登録でないときは、すぐに情報システムの担当に知らせ、新しい登録用リンクの発行を受けてください。"
    )
    notify(
        session, {sign_in.person_id, *officers}, subject="認証アプリが登録されました", body=body, link="/me", now=now
    )


def _require_may_invite(session: Session, person_id: int, actor: Actor, *, now: datetime) -> None:
    day = day_of(now)
    if actor.person_id is not None:
        require(roles_of(session, actor.person_id, day), Action.INVITE)
        if humans(session, [actor.person_id])[actor.person_id].is_one_of(frozenset({person_id})):
            raise SeparationOfDuties("自分の登録用リンクを自分で発行することはできません。（SOD-2）", code="SOD-2")
        return
    inviters = {holder for role in PERMISSIONS[Action.INVITE] for holder in holders(session, role, None, day)}
    others = select(SignIn.id).where(SignIn.person_id.in_(inviters - {person_id}))
    if session.scalar(others.limit(1)) is not None:
        raise NotPermitted(
            "登録用リンクは、その担当者が画面から発行します。担当者がサインインできるため、ここでは発行できません。"
        )


def _name_for(session: Session, person: Person, wanted: str | None, *, now: datetime) -> str:
    existing = _sign_in_of(session, person.id)
    if existing is not None:
        return existing.name
    day = day_of(now)
    numbers = [e.staff_number for e in person.employments if holds(e.valid_from, e.valid_until, day)]
    name = canonical_name(wanted if wanted is not None else (numbers[-1] if numbers else ""))
    if name is None:
        message = "利用者名は、半角の英数字と「.」「_」「-」で64文字までにしてください。"
        raise InvalidInput(message, fields={"name": message})
    _require_free(session, name, person.id)
    return name


def _require_free(session: Session, name: str, person_id: int) -> None:
    """Afterwards nobody else signs in by this name, neither here nor with the directory. Raises InvalidInput."""
    taken = session.scalar(select(SignIn.id).where(SignIn.name == name, SignIn.person_id != person_id))
    if taken is not None or belongs_to_another(session, name, person_id):
        message = f"利用者名「{name}」はすでに使われています。"
        raise InvalidInput(message, fields={"name": message})


def _replace_open(session: Session, person_id: int, *, now: datetime) -> None:
    session.execute(
        update(EnrolmentLink)
        .where(
            EnrolmentLink.person_id == person_id, EnrolmentLink.used_at.is_(None), EnrolmentLink.replaced_at.is_(None)
        )
        .values(replaced_at=now)
    )


def _usable(session: Session, token: str, *, now: datetime) -> EnrolmentLink:
    link = session.scalars(
        select(EnrolmentLink).where(
            EnrolmentLink.token_hash == hash_of(token),
            EnrolmentLink.used_at.is_(None),
            EnrolmentLink.replaced_at.is_(None),
            EnrolmentLink.expires_at > now,
        )
    ).one_or_none()
    if link is None or not belongs(session, link.person, now=now):
        raise NotFound(UNUSABLE)
    return link


def _without_factor(session: Session, signed_in: SignedIn) -> SignIn:
    """The sign-in of somebody who may enrol a second factor now: they have none, so the password is all there is."""
    sign_in = _sign_in_of(session, signed_in.person_id)
    if sign_in is None or sign_in.totp_secret is not None or signed_in.stage is Stage.CODE_NEEDED:
        raise IllegalTransition("認証アプリは登録済みです。変更するには、新しい登録用リンクを受け取ってください。")
    return sign_in


def _sign_in_of(session: Session, person_id: int) -> SignIn | None:
    return session.scalars(select(SignIn).where(SignIn.person_id == person_id)).one_or_none()


def _record(
    session: Session, action: str, person_id: int, *, actor: Actor, policy: Policy, now: datetime, name: str
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("person", person_id), now=now, policy_digest=policy.digest,
        payload={"name": name},
    )  # fmt: skip
