"""The demonstration's people at their keyboards: they enrol, apply, decide, return, and are refused.

Every act is an ordinary operation in the name of the person who does it.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import Refusal
from idm.factors.one_time_codes import code_at, secret_as_text, step_of
from idm.keys.secret_files import SECOND_FACTOR_KEY, load_or_create_key
from idm.models.requests import Request
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work_orders import WorkOrder
from idm.operations.approval import decisions, requests
from idm.operations.approval.decisions import Verdict
from idm.operations.approval.requests import WantedLine
from idm.operations.factors import enrolment_lists
from idm.operations.factors.enrolment_lists import SentEnrolments
from idm.operations.hand_work import work_orders
from idm.operations.hand_work.work_orders import Report
from idm.operations.information_systems import listings
from idm.operations.information_systems.listings import SentListing
from idm.operations.signing_in import enrolment, second_factor
from idm.operations.signing_in.web_sessions import resume_session
from idm.policy import Policy
from idm.queries.governance.configuration import policy_in_force
from idm.request_state import Event
from idm.unit_of_work import unit_of_work
from idm.vocabulary import LineEffect, RequestAction, Role
from jobs.demo.acting import act_as, person_with
from jobs.demo.cast import CAST
from jobs.installation import Installation

WITH_FACTOR = frozenset({"operator"})
"""Whose role asks for no second factor at sign-in, and who has one: what they do asks for it."""

PENSION_STAFF = ("002145", "002148")
"""Two of the pension section: the list of the terminals' product has the first, and not yet the second."""


@dataclass(frozen=True)
class Player:
    """One person of the demonstration who can be signed in as."""

    role: str
    title: str
    name: str
    password: str
    code_secret: str | None


def players(file: Path) -> list[Player]:
    """Who can be played, as kept in the demonstration's folder."""
    return [Player(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))]


def enrol_everyone(installation: Installation, file: Path, *, password: str) -> None:
    """Afterwards each of the cast has enrolled by a link of their own, officers with a second factor."""
    enrolled = []
    for role, (staff_number, title) in CAST.items():
        secret = _enrol(installation, staff_number, password, factor=role in WITH_FACTOR)
        text = secret_as_text(secret) if secret else None
        enrolled.append({"role": role, "title": title, "name": staff_number, "password": password, "code_secret": text})
    file.touch(mode=0o600)
    file.write_text(json.dumps(enrolled, ensure_ascii=False, indent=1), encoding="utf-8")


def _enrol(installation: Installation, staff_number: str, password: str, *, factor: bool) -> bytes | None:
    now = installation.clock()
    factor_key = load_or_create_key(installation.settings.secrets_dir, SECOND_FACTOR_KEY)
    actor = Actor.job("idm demo")
    with unit_of_work(
        installation.database, actor=actor, now=now, attempted="sign_in.enrol", obj=("employment", staff_number)
    ) as session:
        policy = policy_in_force(session, now=now)
        person = person_with(session, staff_number)
        link = enrolment.issue_enrolment_link(session, person_id=person.id, actor=actor, policy=policy, now=now)
        chosen = enrolment.choose_password(session, token=link, password=password, policy=policy, now=now)
        token = enrolment.enrol(session, token=link, chosen=chosen, policy=policy, now=now)
        session.flush()
        signed_in = resume_session(session, token=token, policy=policy, now=now)
        if signed_in is None or not (factor or signed_in.roles & policy.sign_in.second_factor_roles):
            return None
        second_factor.prepare_second_factor(session, signed_in=signed_in, factor_key=factor_key, policy=policy, now=now)
        secret = second_factor.pending_second_factor(
            session, signed_in=signed_in, factor_key=factor_key, policy=policy, now=now
        )
        if secret is None:
            return None
        # The step before the present one, so that the present one is still good for the first sign-in.
        second_factor.confirm_second_factor(
            session, signed_in=signed_in, code=code_at(secret, step_of(now) - 1), factor_key=factor_key, policy=policy,
            now=now,
        )  # fmt: skip
        return secret


def play(installation: Installation) -> None:
    """Afterwards there is one application of every kind: carried out, held back, half decided, returned, refused."""
    granted(installation, "leaver", ("office/account", "office/folder-general"), "採用時の登録漏れのため")
    half = apply_for(
        installation, "hr", "colleague", ("office/account", "office/ledger-entry"), "会計事務を担当するため"
    )
    decide_step(installation, half, Role.CHIEF, "chief", Event.APPROVE, "担当の変更を確認しました。")
    back = apply_for(installation, "system", "system", ("office/account", "office/ledger-approval"), "検証のため")
    decide_step(installation, back, Role.CHIEF, "chief", Event.RETURN, "期間と理由を具体的に書いてください。")
    own = apply_for(installation, "chief", "chief", ("office/account", "office/folder-general"), "資料の確認のため")
    _attempt(lambda: decide_step(installation, own, Role.CHIEF, "chief", Event.APPROVE, "自分で承認してみる"))
    _attempt(lambda: apply_for(installation, "hr", "leaver", ("office/remote-access",), "在宅勤務のため（終了日なし）"))
    granted(installation, "leaver", ("office/remote-access",), "在宅勤務のため", days=180)
    for subject in PENSION_STAFF:
        granted(
            installation, subject, ("pension/account", "pension/records"), "年金記録の照会のため", manager="pension"
        )  # fmt: skip
    for subject in ("leaver", "colleague"):
        granted(installation, subject, ("vehicles/account", "vehicles/reserve"), "公用車で出張するため")


def work_by_hand(installation: Installation) -> None:
    """Afterwards one work order waits for hands and another, reported as done, for a second person (control G2)."""
    with installation.database.reading() as session:
        order = session.scalars(select(WorkOrder).order_by(WorkOrder.id)).first()
        if order is None:
            return
        report = Report(frozenset(step.id for step in order.steps), handed_to="本人に封書で手渡し")
    act_as(installation, "handover", "work_order.do", ("work_order", order.id), work_orders.do, order.id, report)


def bring_listing(installation: Installation) -> None:
    """Afterwards the system without an interface has a list of its user IDs; nobody knows one of them (control C1)."""
    content = "利用者ID,氏名,職員番号,状態,最終利用日,権限\r\nsharyo-kyu,旧車両係,,有効,,予約\r\n".encode("cp932")
    system_id = _system_id(installation, "vehicles")
    sent = SentListing(system_id, day_of(installation.clock()), "sharyo-ichiran.csv", content)
    at = ("system", system_id)
    listing = act_as(installation, "handover", "listing.receive", at, listings.receive, sent)
    act_as(
        installation, "handover", "listing.take_over", at, listings.take_over, listing.id, shown=listing.sha256
    )  # fmt: skip


def bring_enrolments(installation: Installation) -> None:
    """Afterwards one My Number right is in effect, by the list of the terminals' product; another waits (B1)."""
    system_id = _system_id(installation, "pension")
    with installation.database.reading() as session:
        person = person_with(session, PENSION_STAFF[0])
        query = select(Account.login_name).where(Account.person_id == person.id, Account.system_id == system_id)
        login_name = session.scalars(query).one()
    content = f"ログインID,登録済みの認証,二要素\r\n{login_name},ICカード／暗証番号,必須\r\n".encode("cp932")
    sent = SentEnrolments(system_id, installation.clock(), "touroku-ichiran.csv", content)
    act_as(
        installation, "handover", "enrolment_list.import", ("system", system_id), enrolment_lists.take_over, sent
    )  # fmt: skip


def granted(
    installation: Installation, subject: str, rights: tuple[str, ...], reason: str, *, manager: str = "system",
    days: int | None = None,
) -> None:  # fmt: skip
    """Afterwards somebody has these rights of one system, by an application that its two officers have approved."""
    request = apply_for(installation, "hr", subject, rights, reason, days=days)
    for seat, role in ((Role.CHIEF, "chief"), (Role.SYSTEM, manager)):
        decide_step(installation, request, seat, role, Event.APPROVE, "職務に必要な範囲であることを確認しました。")


def apply_for(
    installation: Installation, applicant: str, subject: str, rights: tuple[str, ...], reason: str,
    days: int | None = None,
) -> int:  # fmt: skip
    """The id of an application that one of the cast has submitted for another, or for themself, for so many days."""

    def submit(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> int:
        person = person_with(session, CAST[subject][0] if subject in CAST else subject)
        wanted = [_right(session, right) for right in rights]
        until = day_of(now) + timedelta(days=days) if days is not None else None
        lines = [WantedLine(person.id, right.id, LineEffect.GRANT, day_of(now), until) for right in wanted]
        request = requests.draft(
            session, action=RequestAction.REGISTER, system_id=wanted[0].system_id, lines=lines, reason=reason, now=now
        )
        return requests.submit(session, request, actor=actor, policy=policy, now=now).id

    return act_as(installation, applicant, "request.submit", ("request", "new"), submit)


def decide_step(installation: Installation, request_id: int, seat: Role, who: str, event: Event, comment: str) -> None:
    """Afterwards the step of that seat on every line of the application is decided by one of the cast."""

    def decide(session: Session, *, actor: Actor, policy: Policy, now: datetime) -> None:
        request = session.get_one(Request, request_id)
        steps = [step.id for line in request.lines for step in line.steps if step.seat is seat]
        for step_id in steps:
            verdict = Verdict(event, comment, request.content_hash or "")
            decisions.decide(session, step_id=step_id, verdict=verdict, actor=actor, policy=policy, now=now)

    act_as(installation, who, "request.decide", ("request", str(request_id)), decide)


def _attempt(act: Callable[[], object]) -> None:
    """The act, expected to be refused: the refusal is what the demonstration shows in its audit record."""
    with suppress(Refusal):
        act()


def _right(session: Session, named: str) -> Entitlement:
    system, _, code = named.partition("/")
    query = select(Entitlement).join(Entitlement.system)
    return session.scalars(query.where(InformationSystem.code == system, Entitlement.code == code)).one()


def _system_id(installation: Installation, code: str) -> int:
    with installation.database.reading() as session:
        return session.scalars(select(InformationSystem.id).where(InformationSystem.code == code)).one()
