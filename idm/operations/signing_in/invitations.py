"""Invitations as officers give them: one alone for most people, two one after the other for those who decide.

Whoever holds an enrolment link can sign in as the person it is for. For somebody who decides, one officer who makes the
link could so decide in their place (FK 1-2(7)①, 6-2(9), decision 0009).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.operations.notification.notices import notify
from idm.operations.signing_in.enrolment import issue_enrolment_link
from idm.permissions import PERMISSIONS, Action
from idm.policy import Policy
from idm.queries.approval.deciders import decides
from idm.queries.organisation.officers import holders
from idm.queries.signing_in.enrolment_links import awaits_second_officer, open_link


@dataclass(frozen=True)
class Invitation:
    """What an officer has in hand afterwards; `token` None = nothing yet, a second officer has to issue as well."""

    token: str | None


def invite(session: Session, *, person_id: int, actor: Actor, policy: Policy, now: datetime) -> Invitation:
    """Afterwards this person can enrol once with the token; or, where they decide, as soon as a second officer invites.

    What the first of two issues is shown to nobody. Whoever else could be the second is told by mail; and the person,
    once it works. Raises what `issue_enrolment_link` raises.
    """
    token = issue_enrolment_link(session, person_id=person_id, actor=actor, policy=policy, now=now)
    link = open_link(session, person_id, now=now)
    if link is not None and awaits_second_officer(session, link, now=now):
        _ask_second(session, link.person.name, {person_id, actor.person_id or 0}, person_id, now=now)
        return Invitation(None)
    if link is not None and decides(session, person_id, now=now):
        _tell_person(session, person_id, link.person.name, now=now)
    return Invitation(token)


def _ask_second(session: Session, name: str, without: set[int], person_id: int, *, now: datetime) -> None:
    roles = PERMISSIONS[Action.INVITE_OFFICER]
    others = {holder for role in roles for holder in holders(session, role, None, day_of(now))} - without
    body = (
        f"{name} さんのサインイン登録の案内を、一人の責任者が発行しました。決定をする職の人の案内は、二人で発行します。"
        "本人からの申出であることを確かめてから、この人のページで発行し、表示されたリンクを本人に直接渡してください。"
    )
    notify(
        session, others, subject="サインイン登録の案内の発行（二人目）", body=body, link=f"/people/{person_id}", now=now
    )


def _tell_person(session: Session, person_id: int, name: str, *, now: datetime) -> None:
    body = (
        f"{name} さんのサインイン登録の案内を、二人の責任者が発行しました。心当たりがないときは、"
        "すぐに情報システムの担当に知らせてください。"
    )
    notify(session, {person_id}, subject="サインイン登録の案内が発行されました", body=body, link="/me", now=now,
           urgent=True)  # fmt: skip
