"""Enrolment links: they work once, and whoever receives one sets their own password or second factor.

Nobody chooses a password for another: who may invite hands over a link, and its receiver sets password and second
factor. A new link for somebody already enrolled starts both anew; that is how a forgotten password or a lost telephone
is mended. Who signs in with the directory's password keeps it, and enrols a second factor alone
(`idm.operations.signing_in.second_factor`).

Nobody invites themself, and nobody invites without the role: a job may issue a link only while nobody else who may
invite can sign in (the first day of an installation). For somebody who decides, two officers issue, one after the
other; the second one's link is the one that works (FK 1-2(7)①, decision 0009).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, holds
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.people import Person
from idm.models.sign_in import EnrolmentLink, SignIn
from idm.operations.signing_in.own_factors import Because, withdraw_all
from idm.operations.signing_in.sign_in import canonical_name
from idm.operations.signing_in.sign_in_attempts import forget
from idm.operations.signing_in.web_sessions import belongs, hash_of, may_come_in, new_token, open_session
from idm.passwords.password_hashing import check_new_password, hash_password
from idm.permissions import PERMISSIONS, Action, require
from idm.policy import Policy
from idm.queries.approval.deciders import decides
from idm.queries.organisation.officers import holders, humans, roles_of
from idm.queries.passwords.local_words import local_words
from idm.queries.signing_in.enrolment_links import awaits_second_officer
from idm.queries.signing_in.provider_identities import identity_of
from idm.queries.signing_in.sign_in_accounts import belongs_to_another, sign_in_of, signs_in_with_directory
from idm.step_up import require_fresh_factor
from idm.vocabulary import SignInWay

UNUSABLE = "この登録用リンクは使えません。期限が切れたか、すでに使われたか、新しいリンクが発行されています。"
ONE_OFFICER = (
    "承認などの決定をする職の人の登録用リンクは、二人の責任者が発行したものだけが使えます。このリンクは一人しか発行していません。"
    "渡した担当者に、もう一人の責任者による発行を頼んでください。"
)
INVITED_BY_TWO = "INVITE-TWO-OFFICERS"
"""Code: a link for somebody who decides, issued by one officer alone."""


@dataclass(frozen=True)
class Enrolment:
    """What the receiver of a link is shown before they use it."""

    person_id: int
    person_name: str
    name: str
    expires_at: datetime
    factor_only: bool
    """They sign in with the directory's password, and go on doing so."""


@dataclass(frozen=True)
class ChosenPassword:
    """A password that its person may have, as it is kept."""

    hashed: str = field(repr=False)


def issue_enrolment_link(
    session: Session, *, person_id: int, actor: Actor, policy: Policy, now: datetime, name: str | None = None
) -> str:
    """Afterwards this person can enrol once with the returned token, until the profile's hours have passed.

    It replaces a link not yet used. For somebody who decides it works if the one it replaces was another officer's.
    `name` is the sign-in name of somebody who has none yet; the staff number unless given. Raises NotFound,
    NotPermitted, SeparationOfDuties (for oneself), InvalidInput (name taken or malformed), FreshFactorNeeded for
    somebody who decides.
    """
    person = session.get(Person, person_id)
    if person is None or not belongs(session, person, now=now):
        raise NotFound("この人は見つからないか、現在在籍していません。")
    _require_may_invite(session, person_id, actor, policy=policy, now=now)
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
    """Whom the link is for. Changes nothing. Raises NotFound when it cannot be used (any more), IllegalTransition."""
    link = usable_link(session, token, now=now)
    factor_only = signs_in_with_directory(session, link.person_id, day_of(now))
    return Enrolment(link.person_id, link.person.name, link.name, link.expires_at, factor_only)


def choose_password(session: Session, *, token: str, password: str, policy: Policy, now: datetime) -> ChosenPassword:
    """The password that the link's person wants to have. Changes nothing, and takes long: no lock is to be held for it.

    Raises what `usable_link` raises, InvalidInput, IllegalTransition for somebody who signs in with the directory's.
    """
    link = _link_for_password(session, token, now=now)
    words = local_words(session, link.person_id, name=link.name, now=now)
    check_new_password(password, rules=policy.passwords, name=link.name, words=words)
    return ChosenPassword(hash_password(password))


def enrol(session: Session, *, token: str, chosen: ChosenPassword, policy: Policy, now: datetime) -> str:
    """Afterwards the link is used up, the password is this one, and every older session and second factor is gone.

    Returns the token of a session, which may wait for the enrolment of a second factor. Raises what `usable_link`
    raises, IllegalTransition for somebody who signs in with the directory's password.
    """
    link = _link_for_password(session, token, now=now)
    sign_in = start_anew(session, link, SignInWay.PASSWORD, password_hash=chosen.hashed, policy=policy, now=now)
    actor = Actor(link.person_id, link.person.name)
    _record(session, "sign_in.enrolled", link.person_id, actor=actor, policy=policy, now=now, name=link.name)
    return open_session(session, sign_in, policy=policy, now=now)


def _link_for_password(session: Session, token: str, *, now: datetime) -> EnrolmentLink:
    link = usable_link(session, token, now=now)
    if signs_in_with_directory(session, link.person_id, day_of(now)):
        raise IllegalTransition(
            "ディレクトリのパスワードでサインインしているため、この画面専用のパスワードは登録できません。"
            "このリンクでは認証アプリだけを登録します。"
        )
    return link


def start_anew(
    session: Session, link: EnrolmentLink, way: SignInWay, *, password_hash: str | None, policy: Policy, now: datetime
) -> SignIn:
    """Afterwards the link is used up and its person signs in this way alone; what they had before is gone.

    Gone are every session, second factor and identity at a provider. Raises InvalidInput (name taken), NotFound.
    """
    _require_free(session, link.name, link.person_id)
    use_up(session, link, now=now)
    sign_in = sign_in_of(session, link.person_id)
    if sign_in is None:
        sign_in = SignIn(person_id=link.person_id)
        session.add(sign_in)
    sign_in.name, sign_in.way, sign_in.password_hash = link.name, way, password_hash
    identity = identity_of(session, link.person_id)
    if identity is not None:
        identity.ended_at = now
    session.flush()
    forget(session, sign_in, policy=policy, now=now)
    actor = Actor(link.person_id, link.person.name)
    withdraw_all(session, link.person_id, because=Because.REPLACED, actor=actor, policy=policy, now=now)
    sign_in.last_totp_step = sign_in.factor_lost_at = None
    return sign_in


def usable_link(session: Session, token: str, *, now: datetime) -> EnrolmentLink:
    """The link of that token, good for one use. Raises NotFound, IllegalTransition where a second officer is missing.

    Judged by who its person is at this moment: one for somebody who came to decide meanwhile needs a second officer.
    """
    link = session.scalars(
        select(EnrolmentLink).where(
            EnrolmentLink.token_hash == hash_of(token),
            EnrolmentLink.used_at.is_(None),
            EnrolmentLink.replaced_at.is_(None),
            EnrolmentLink.expires_at > now,
        )
    ).one_or_none()
    if link is None or not may_come_in(session, link.person, now=now):
        raise NotFound(UNUSABLE)
    if awaits_second_officer(session, link, now=now):
        raise IllegalTransition(ONE_OFFICER, code=INVITED_BY_TWO)
    return link


def use_up(session: Session, link: EnrolmentLink, *, now: datetime) -> None:
    """Afterwards the link is used, by this one of any number of attempts at once. Raises NotFound for the others."""
    used = session.execute(
        update(EnrolmentLink)
        .where(EnrolmentLink.id == link.id, EnrolmentLink.used_at.is_(None), EnrolmentLink.replaced_at.is_(None))
        .values(used_at=now)
        .returning(EnrolmentLink.id)
    )
    if used.one_or_none() is None:
        raise NotFound(UNUSABLE)


def _require_may_invite(session: Session, person_id: int, actor: Actor, *, policy: Policy, now: datetime) -> None:
    day = day_of(now)
    if actor.person_id is not None:
        action = Action.INVITE_OFFICER if decides(session, person_id, now=now) else Action.INVITE
        require(roles_of(session, actor.person_id, day), action)
        if humans(session, [actor.person_id])[actor.person_id].is_one_of(frozenset({person_id})):
            raise SeparationOfDuties("自分の登録用リンクを自分で発行することはできません。（SOD-2）", code="SOD-2")
        if action is Action.INVITE_OFFICER:
            require_fresh_factor(actor, policy=policy, now=now)
        return
    inviters = {holder for role in PERMISSIONS[Action.INVITE] for holder in holders(session, role, None, day)}
    others = select(SignIn.id).where(SignIn.person_id.in_(inviters - {person_id}))
    if session.scalar(others.limit(1)) is not None:
        raise NotPermitted(
            "登録用リンクは、その担当者が画面から発行します。担当者がサインインできるため、ここでは発行できません。"
        )


def _name_for(session: Session, person: Person, wanted: str | None, *, now: datetime) -> str:
    existing = sign_in_of(session, person.id)
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


def _record(
    session: Session, action: str, person_id: int, *, actor: Actor, policy: Policy, now: datetime, name: str
) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("person", person_id), now=now, policy_digest=policy.digest,
        payload={"name": name},
    )  # fmt: skip
