"""Where people are signed in: noted, told when it is somewhere new, and ended by themselves or by officers.

(FK 6-2(6)②, 6-2(8); ASVS 6.3.5, 7.4.3, 7.4.5, 7.5.2.) Of a browser no more is kept than its owner needs to recognise
it: the address and a few words.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import NotFound
from idm.models.people import Person
from idm.models.sign_in import WebSession
from idm.operations.notification.notices import notify
from idm.operations.signing_in.web_sessions import Stage, end_all_sessions, end_session, resume_session
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.organisation.officers import roles_of
from idm.step_up import require_fresh_factor

LONGEST = 64


def note_place(session: Session, *, token: str, source: str, browser: str, policy: Policy, now: datetime) -> None:
    """Afterwards the session says from where it was opened; its owner is told if they were never signed in from there.

    To be called before the browser is given the token, so that none is used of which it is not known. Nothing is noted
    of a sign-in that is not complete, which makes no place a known one, and nobody is told of the first there is.
    """
    found = resume_session(session, token=token, policy=policy, now=now)
    if found is None or found.stage is not Stage.SIGNED_IN:
        return
    web = session.get_one(WebSession, found.session_id)
    if web.source is None:
        web.source, web.browser = source[:LONGEST], browser[:LONGEST]
        if _is_somewhere_new(session, web):
            _tell(session, web, now=now)


def _is_somewhere_new(session: Session, web: WebSession) -> bool:
    """Whether the person was signed in before, with known places, and never from this one."""
    before = select(WebSession.id).where(
        WebSession.person_id == web.person_id, WebSession.id != web.id, WebSession.source.is_not(None)
    )
    here = before.where(WebSession.source == web.source, WebSession.browser == web.browser)
    return session.scalar(before.limit(1)) is not None and session.scalar(here.limit(1)) is None


def _tell(session: Session, web: WebSession, *, now: datetime) -> None:
    body = (
        "これまでに使われたことのない端末又はブラウザーから、あなたの利用者名でサインインがありました。\n"
        f"・ブラウザー: {web.browser}\n・接続元: {web.source}\n"
        "自分のサインインであれば、何もする必要はありません。心当たりがないときは、リンク先の画面でそのサインインを終了し、"
        "パスワードを変更して、すぐに情報システムの担当に知らせてください。"
    )
    notify(session, {web.person_id}, subject="新しい端末からのサインイン", body=body, link="/me", now=now,
           urgent=True)  # fmt: skip


def end_own(session: Session, session_id: int, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards this session of the actor's own is ended. Raises NotFound for anybody else's."""
    web = session.get(WebSession, session_id)
    if web is None or web.person_id != actor.person_id:
        raise NotFound("このサインインは見つかりません。")
    end_session(session, session_id=session_id, actor=actor, policy=policy, now=now)


def end_others(session: Session, *, keep_session: int, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards the actor is signed in in this session alone; returns how many others were open."""
    return end_all_sessions(
        session, person_id=actor.person_id or 0, actor=actor, policy=policy, now=now, but=keep_session
    )


def end_of_person(session: Session, person_id: int, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards the person is signed in nowhere; returns how many sessions were open. Raises NotPermitted, NotFound.

    The person is told: only they know whether they asked for it.
    """
    require(roles_of(session, actor.person_id or 0, day_of(now)), Action.END_SESSIONS)
    if session.get(Person, person_id) is None:
        raise NotFound("この人は見つかりません。")
    ended = end_all_sessions(session, person_id=person_id, actor=actor, policy=policy, now=now)
    if ended:
        body = (
            f"{actor.label} さんが、あなたのサインインをすべて終了しました。"
            "続けて使うには、もう一度サインインしてください。"
        )
        notify(session, {person_id}, subject="サインインが終了されました", body=body, link="/me", now=now,
           urgent=True)  # fmt: skip
    return ended


def end_of_everybody(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
    """Afterwards nobody is signed in, the actor neither; returns how many people were.

    Raises NotPermitted, FreshFactorNeeded.
    """
    require(roles_of(session, actor.person_id or 0, day_of(now)), Action.END_EVERYBODYS_SESSIONS)
    require_fresh_factor(actor, policy=policy, now=now)
    people = session.scalars(
        select(WebSession.person_id).where(WebSession.ended_at.is_(None)).distinct().order_by(WebSession.person_id)
    ).all()
    for person_id in people:
        end_all_sessions(session, person_id=person_id, actor=actor, policy=policy, now=now)
    audit.record(
        session, action="sign_in.everybodys_sessions_ended", actor=actor, obj=("sign_in", "everybody"), now=now,
        policy_digest=policy.digest, payload={"people": len(people)},
    )  # fmt: skip
    return len(people)
