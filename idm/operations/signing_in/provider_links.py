"""Whom a provider means by a subject: linked by an enrolment link of officers, and ended by them (control F4).

A link replaces whatever its person signed in with before. A subject means one person as long as that holds; the
database keeps it so.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, NotFound, NotPermitted, SignInRefused
from idm.models.sign_in import EnrolmentLink, ProviderIdentity, SignIn
from idm.operations.notification.notices import notify
from idm.operations.signing_in.enrolment import start_anew
from idm.operations.signing_in.web_sessions import end_all_sessions
from idm.permissions import Action, require
from idm.policy import Policy
from idm.ports import ProvenIdentity
from idm.queries.approval.deciders import decides
from idm.queries.organisation.officers import roles_of
from idm.queries.signing_in.provider_identities import identity_of, meant_by
from idm.queries.signing_in.sign_in_accounts import signs_in_with_directory
from idm.vocabulary import SignInWay

SUBJECT_TAKEN = "SIGN-IN-PROVIDER-TAKEN"
"""Code: that subject is linked to another person."""
TAKEN = (
    "サインインのサービスのこの利用者は、別の人に結び付けられています。自分の利用者でサインインし直してください。"
    "間違いがないときは、情報システムの担当に知らせてください。"
)


STAYS_WITH_DIRECTORY = (
    "ディレクトリのパスワードでサインインしているため、サインインのサービスには結び付けられません。"
    "このリンクでは認証アプリかパスキーだけを登録します。"
)


def require_may_be_linked(session: Session, link: EnrolmentLink, *, now: datetime) -> None:
    """Nothing, where the link's person can be linked to a provider by it. Raises IllegalTransition.

    Of who signs in with the directory's password a link enrols a second factor beside that password, and nothing else:
    whoever holds the link alone would otherwise put a subject of their own in the password's place.
    """
    if signs_in_with_directory(session, link.person_id, day_of(now)):
        raise IllegalTransition(STAYS_WITH_DIRECTORY)


def link_person(
    session: Session, link: EnrolmentLink, proven: ProvenIdentity, *, source: str, policy: Policy, now: datetime
) -> SignIn:
    """Afterwards the link's person, and nobody else, is meant by that subject, and signs in that way alone.

    Raises SignInRefused where it is another's, and what `require_may_be_linked` and `start_anew` raise.
    """
    require_may_be_linked(session, link, now=now)
    other = meant_by(session, proven.issuer, proven.subject)
    if other is not None and other.person_id != link.person_id:
        raise SignInRefused(TAKEN, code=SUBJECT_TAKEN)
    sign_in = start_anew(session, link, SignInWay.PROVIDER, password_hash=None, policy=policy, now=now)
    session.add(
        ProviderIdentity(
            person_id=link.person_id, issuer=proven.issuer, subject=proven.subject, link_id=link.id, linked_at=now
        )
    )
    session.flush()
    audit.record(
        session, action="sign_in.linked", actor=Actor(link.person_id, link.person.name), now=now,
        obj=("person", link.person_id), policy_digest=policy.digest,
        payload={
            "name": link.name, "link": link.id, "issuer": proven.issuer, "subject": proven.subject, "source": source,
        },
    )  # fmt: skip
    return sign_in


def end_link(session: Session, *, person_id: int, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the provider proves nobody by this person's subject, their sessions are ended, and they are told.

    Only a new enrolment link brings them back. Raises NotFound where nothing is linked, NotPermitted.
    """
    if actor.person_id is None:
        raise NotPermitted("結び付けの解除は、担当者が画面から行います。")
    action = Action.INVITE_OFFICER if decides(session, person_id, now=now) else Action.INVITE
    require(roles_of(session, actor.person_id, day_of(now)), action)
    identity = identity_of(session, person_id)
    if identity is None:
        raise NotFound("この人は、サインインのサービスに結び付けられていません。")
    identity.ended_at = now
    end_all_sessions(session, person_id=person_id, actor=actor, policy=policy, now=now)
    audit.record(
        session, action="sign_in.unlinked", actor=actor, obj=("person", person_id), now=now,
        policy_digest=policy.digest, payload={"issuer": identity.issuer, "subject": identity.subject},
    )  # fmt: skip
    body = (
        f"{identity.person.name} さんとサインインのサービスとの結び付けを、{actor.label} さんが解除しました。"
        "もう一度使うには、仮パスワードの交付担当者から新しい登録用リンクを受け取ってください。"
    )
    notify(session, {person_id}, subject="サインインの結び付けが解除されました", body=body, link="/me", now=now,
           urgent=True)  # fmt: skip
