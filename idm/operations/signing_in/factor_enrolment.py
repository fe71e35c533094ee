"""Where and how somebody may enrol a second factor, of whatever kind (FK 6-2(9), control F4).

Who has none may enrol one by themself after the password, with two exceptions. A directory's or a provider's password
is known to whoever set it, if only for an hour: so somebody from whom a role demands a second factor, and who signs in
with it, enrols one only with an enrolment link, which for those who decide two officers issue (decision 0009). And
whoever lost their last one enrols with a link, however they sign in (decision 0015). The link replaces everything
enrolled before. It makes no password: who came by the directory stays on that path.

Who has one adds another, or puts a new app in the place of the old one, when they have just given it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, NotFound, NotPermitted
from idm.models.authenticators import Authenticator
from idm.models.sign_in import EnrolmentLink, SignIn, WebSession
from idm.operations.notification.notices import notify
from idm.operations.signing_in.enrolment import UNUSABLE, usable_link, use_up
from idm.operations.signing_in.own_factors import PAGE, Because, register, title_of, withdraw, withdraw_all
from idm.operations.signing_in.web_sessions import SignedIn, Stage, end_all_sessions, open_session, replace_session
from idm.policy import Policy
from idm.queries.approval.deciders import decides, needs_second_factor
from idm.queries.organisation.officers import holders
from idm.queries.signing_in.own_factors import own_authenticators, own_factors
from idm.queries.signing_in.provider_identities import opened_by_linking
from idm.queries.signing_in.sign_in_accounts import sign_in_of, signs_in_with_directory
from idm.step_up import require_fresh_factor
from idm.vocabulary import AuthenticatorKind, Role, SignInWay

BY_LINK = "FACTOR-BY-LINK"
"""Code: this person enrols a second factor with an enrolment link, not after a password alone."""
LINK_NEEDED = (
    "あなたの役割では、サインインしただけで二つ目の認証を登録することはできません。登録用リンクの発行を、"
    "仮パスワードの交付担当者に申し出てください。承認などの決定をする職の人のリンクは、二人の責任者が発行します。"
)
LINK_AFTER_LOSS = (
    "二つ目の認証の紛失が報告されているため、パスワードだけではサインインできません。登録用リンクの発行を、仮パスワードの"
    "交付担当者に申し出てください。承認などの決定をする職の人のリンクは、二人の責任者が発行します。"
)
_CAME_BY = {SignInWay.DIRECTORY: "ディレクトリのパスワード", SignInWay.PROVIDER: "外部のサインインのサービス"}


@dataclass(frozen=True)
class Place:
    """Whose second factor is enrolled, in which session, and by which link; None = after the password, or beside
    another one.
    """

    sign_in: SignIn
    session_id: int
    link: EnrolmentLink | None

    def context(self, column: str) -> bytes:
        """The place to which what waits to be confirmed is sealed: this person's one session, and the link.

        What one session prepared, no other ever sees: whoever knows the password could otherwise look at a secret, or
        have one looked at, that somebody else confirms later. It runs out with the session.
        """
        link_id = self.link.id if self.link is not None else 0
        return f"sign_ins.{column}:{self.sign_in.person_id}:session:{self.session_id}:link:{link_id}".encode()


def place_for(session: Session, signed_in: SignedIn, token: str | None, *, policy: Policy, now: datetime) -> Place:
    """Where this person may enrol a second factor now. `token`: of an enrolment link.

    Raises IllegalTransition on the way through a sign-in, NotPermitted where a link is needed, FreshFactorNeeded beside
    another one, and what `usable_link` raises.
    """
    if token is None:
        return Place(_by_oneself(session, signed_in, policy=policy, now=now), signed_in.session_id, None)
    link = usable_link(session, token, now=now)
    if link.person_id != signed_in.person_id:
        raise NotFound(UNUSABLE)
    sign_in = sign_in_of(session, signed_in.person_id)
    if sign_in is None or not signs_in_with_directory(session, signed_in.person_id, day_of(now)):
        raise IllegalTransition("このリンクでは、先にパスワードを登録してください。")
    return Place(sign_in, signed_in.session_id, link)


def needs_link(
    session: Session, person_id: int, *, policy: Policy, now: datetime, session_id: int | None = None
) -> bool:
    """Whether the person enrols no first second factor without a link.

    The session that a link opened by linking its person to a provider needs no other one.
    """
    sign_in = sign_in_of(session, person_id)
    if sign_in is None:
        return False
    if sign_in.factor_lost_at is not None:
        return True
    if sign_in.way is SignInWay.PASSWORD:
        return False
    if sign_in.way is SignInWay.PROVIDER and session_id is not None and opened_by_linking(session, session_id):
        return False
    demanded = needs_second_factor(session, person_id, policy=policy, day=day_of(now))
    return demanded or decides(session, person_id, now=now)


def why_link(session: Session, person_id: int) -> str:
    """The sentence for somebody who needs a link."""
    sign_in = sign_in_of(session, person_id)
    return LINK_AFTER_LOSS if sign_in is not None and sign_in.factor_lost_at is not None else LINK_NEEDED


def begin(session: Session, place: Place, *, signed_in: SignedIn, policy: Policy, now: datetime) -> None:
    """Afterwards a link is used up, and everything enrolled before it is withdrawn."""
    if place.link is None:
        return
    use_up(session, place.link, now=now)
    withdraw_all(session, signed_in.person_id, because=Because.REPLACED, actor=signed_in.actor, policy=policy, now=now)
    place.sign_in.factor_lost_at = None


def settle(
    session: Session, place: Place, kind: AuthenticatorKind, *, label: str | None, signed_in: SignedIn, policy: Policy,
    now: datetime,
) -> Authenticator:  # fmt: skip
    """Afterwards a second factor of this kind stands in the register, and its owner is told.

    An app takes the place of the one before.
    """
    before = None
    if kind is AuthenticatorKind.TOTP:
        before = _app_before(session, signed_in.person_id)
        if before is not None:
            withdraw(session, before, actor=signed_in.actor, policy=policy, now=now, because=Because.REPLACED,
                     keep_session=signed_in.session_id)  # fmt: skip
    added = register(session, person_id=signed_in.person_id, kind=kind, label=label, replaces=before, now=now)
    audit.record(
        session, action="sign_in.second_factor_enrolled", actor=signed_in.actor, obj=("person", signed_in.person_id),
        now=now, policy_digest=policy.digest,
        payload={
            "name": place.sign_in.name, "link": place.link.id if place.link is not None else None,
            "kind": kind.value, "authenticator": added.id,
        },
    )  # fmt: skip
    _tell(session, place.sign_in, title_of(added), now=now)
    return added


def signed_in_anew(
    session: Session, place: Place, *, signed_in: SignedIn, policy: Policy, now: datetime
) -> str:  # fmt: skip
    """Afterwards every session of theirs is ended, and one with both factors is open; returns its token.

    It lasts as long as the one in which they enrolled would have; with a link, which proves who they are, anew.
    """
    until = None if place.link is not None else session.get_one(WebSession, signed_in.session_id).expires_at
    replace_session(session, session_id=signed_in.session_id, now=now)
    end_all_sessions(session, person_id=signed_in.person_id, actor=signed_in.actor, policy=policy, now=now)
    return open_session(session, place.sign_in, policy=policy, now=now, second_factor=True, until=until)


def _by_oneself(session: Session, signed_in: SignedIn, *, policy: Policy, now: datetime) -> SignIn:
    """The sign-in of somebody who may enrol without a link: after the password, or with a factor just given."""
    sign_in = sign_in_of(session, signed_in.person_id)
    if sign_in is None or signed_in.stage is Stage.CODE_NEEDED:
        raise IllegalTransition("二つ目の認証は登録済みです。先に、それを使ってサインインしてください。")
    if own_factors(session, signed_in.person_id).some:
        require_fresh_factor(signed_in.actor, policy=policy, now=now)
    elif needs_link(session, signed_in.person_id, policy=policy, now=now, session_id=signed_in.session_id):
        raise NotPermitted(why_link(session, signed_in.person_id), code=BY_LINK)
    return sign_in


def _app_before(session: Session, person_id: int) -> Authenticator | None:
    apps = [row for row in own_authenticators(session, person_id) if row.kind is AuthenticatorKind.TOTP]
    return apps[-1] if apps else None


def _tell(session: Session, sign_in: SignIn, title: str, *, now: datetime) -> None:
    """Afterwards its owner has a notice, and where another's password came first, the security officers as well.

    Whoever knows the directory's or the provider's password, if only as the help desk that set it, might have enrolled
    in this person's place. It must not stay unseen.
    """
    elsewhere = _CAME_BY.get(sign_in.way)
    officers = holders(session, Role.SECURITY, None, day_of(now)) if elsewhere else []
    after = f"{elsewhere}によるサインインのあとで" if elsewhere else "サインインの二つ目の認証として"
    body = (
        f"{sign_in.person.name} さんの{title}が、{after}登録されました。"
        "本人の登録でないときは、すぐに情報システムの担当に知らせ、新しい登録用リンクの発行を受けてください。"
    )
    notify(session, {sign_in.person_id, *officers}, subject=f"{title}が登録されました", body=body, link=PAGE, now=now,
           urgent=True)  # fmt: skip
