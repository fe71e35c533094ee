"""Authenticators are issued and put to use by the desk, for somebody else, and seen to work (FK 5-4(1), 3(1)②ア).

Nothing counts by being issued: it counts in a system from the moment somebody at the desk has seen it work there, and
only where what verifies factors in that system can verify its kind. How it ends:
`idm.operations.factors.authenticator_end`.
"""

import unicodedata
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound
from idm.factors.authenticator_state import AuthenticatorEvent, AuthenticatorState, after
from idm.factors.verifiable_kinds import verifiable_kinds
from idm.models.authenticators import Authenticator, AuthenticatorUse
from idm.models.people import Employment, Person
from idm.models.periods import not_over_on
from idm.models.systems import InformationSystem
from idm.operations.factors import consequences
from idm.operations.factors.authenticator_desk import DESK, at_desk, name_of, record, require_uninvolved_in, tell_owner
from idm.operations.passwords.credential_desk import officer_at, require_another
from idm.policy import Policy
from idm.queries.factors.replacements import predecessors
from idm.step_up import require_fresh_factor
from idm.vocabulary import AUTHENTICATOR_TITLES, ISSUED_KINDS, THINGS, AuthenticatorKind
from idm.written_text import written

LONGEST_LABEL = 64


def issue(
    session: Session, *, person_id: int, kind: AuthenticatorKind, label: str, replaces_id: int | None = None,
    actor: Actor, policy: Policy, now: datetime,
) -> Authenticator:  # fmt: skip
    """Afterwards the authenticator stands in the register under this person's name; it counts nowhere yet.

    `label` is the number printed on it; what is no thing may have none. Raises FreshFactorNeeded, NotPermitted,
    SeparationOfDuties, NotFound, InvalidInput.
    """
    officer_id = officer_at(DESK, session, actor=actor, now=now)
    require_fresh_factor(actor, policy=policy, now=now)
    require_another(DESK, session, person_id, officer_id)
    _require_employed(session, person_id, "交付できません", now=now)
    if kind not in ISSUED_KINDS:
        problem = "この種類は、本人が自分のサインインのために登録するものです。窓口では交付できません。"
        raise InvalidInput(problem, fields={"kind": problem})
    if replaces_id is not None:
        _require_replaceable(session, replaces_id, person_id)
    authenticator = Authenticator(
        person_id=person_id, kind=kind, label=_free_label(session, kind, label), state=AuthenticatorState.ISSUED,
        issued_at=now, issued_by_id=officer_id, replaces_id=replaces_id,
    )  # fmt: skip
    session.add(authenticator)
    session.flush()
    record(session, "authenticator.issued", authenticator, actor=actor, policy=policy, now=now, replaces=replaces_id)
    return authenticator


def activate(
    session: Session, authenticator_id: int, *, system_ids: Collection[int], received: bool, actor: Actor,
    policy: Policy, now: datetime,
) -> Authenticator:  # fmt: skip
    """Afterwards it counts in these systems, where the officer has seen it work, and its owner has it in hand.

    One in use already is put to use in further systems. Where it replaces others, their use there is over, and what
    was stopped there because one of them is lost is lifted. Raises FreshFactorNeeded, NotPermitted,
    SeparationOfDuties, NotFound, InvalidInput, IllegalTransition.
    """
    authenticator, officer_id = at_desk(session, authenticator_id, actor=actor, policy=policy, now=now)
    if authenticator.own_sign_in:
        raise IllegalTransition("本人がサインインのために登録したものは、情報システムでは使えません。")
    _require_employed(session, authenticator.person_id, "使用開始を記録できません。回収してください", now=now)
    systems = _verifying(session, authenticator.kind, system_ids)
    require_uninvolved_in(session, authenticator.person_id, set(systems), officer_id)
    if authenticator.state is not AuthenticatorState.ACTIVE:
        _put_to_use(authenticator, officer_id, received=received, now=now)
    _open_uses(session, authenticator, systems, officer_id, now)
    _end_uses_of_replaced(session, authenticator, systems, now)
    consequences.follow(session, authenticator.person_id, actor=actor, policy=policy, now=now)
    record(
        session, "authenticator.activated", authenticator, actor=actor, policy=policy, now=now,
        systems=sorted(system.code for system in systems.values()), seen_working_by=name_of(session, officer_id),
        received=authenticator.received_at == now, replaces=authenticator.replaces_id,
    )  # fmt: skip
    tell_owner(session, authenticator, "使用開始", now=now)
    return authenticator


def _require_employed(session: Session, person_id: int, refused: str, *, now: datetime) -> None:
    if session.get(Person, person_id) is None:
        raise NotFound("交付を受ける人が見つかりません。")
    of_person = select(Employment.id).where(
        Employment.person_id == person_id, not_over_on(Employment, day_of(now))
    )  # fmt: skip
    if session.scalars(of_person).first() is None:
        raise InvalidInput(f"離職した人の認証要素は、{refused}。")


def _require_replaceable(session: Session, replaces_id: int, person_id: int) -> None:
    old = session.get(Authenticator, replaces_id)
    if old is None or old.person_id != person_id or old.own_sign_in:
        problem = "取り替える認証要素は、同じ人に交付されたものから選んでください。"
        raise InvalidInput(problem, fields={"replaces": problem})


def _free_label(session: Session, kind: AuthenticatorKind, label: str) -> str | None:
    """The number, if no other of its kind has it that is not destroyed; None where there is none. Raises InvalidInput.

    Widths are made one: the number printed on a card is not another because somebody typed it in full width.
    """
    plain = unicodedata.normalize("NFKC", label).strip()
    if not plain and kind not in THINGS:
        return None
    plain = written(plain, field="label", empty="印字されている番号を入れてください。")
    if len(plain) > LONGEST_LABEL or "\n" in plain or "\t" in plain:
        problem = f"番号は一行で、{LONGEST_LABEL}文字までにしてください。"
        raise InvalidInput(problem, fields={"label": problem})
    over = (AuthenticatorState.DESTROYED, AuthenticatorState.WITHDRAWN)
    taken = select(Authenticator.id).where(
        Authenticator.kind == kind, Authenticator.label == plain, ~Authenticator.own_sign_in,
        Authenticator.state.not_in(over),
    )  # fmt: skip
    if session.scalar(taken) is not None:
        problem = (
            f"{AUTHENTICATOR_TITLES[kind]}「{plain}」は、すでに登録簿にあります。番号を確かめてください。"
            "前の持ち主から回収したものなら、廃棄を記録してから登録してください。"
        )
        raise InvalidInput(problem, fields={"label": problem})
    return plain


def _verifying(
    session: Session, kind: AuthenticatorKind, system_ids: Collection[int]
) -> dict[int, InformationSystem]:  # fmt: skip
    """The systems, each of which can verify this kind. Raises InvalidInput, NotFound."""
    if not system_ids:
        problem = "使えることを確かめた情報システムを、一つ以上選んでください。"
        raise InvalidInput(problem, fields={"systems": problem})
    found = {
        one.id: one for one in session.scalars(select(InformationSystem).where(InformationSystem.id.in_(system_ids)))
    }
    if set(system_ids) - set(found):
        raise NotFound("情報システムが見つかりません。")
    for system in found.values():
        if kind not in verifiable_kinds(system.verification):
            problem = f"「{system.name}」の二要素認証の仕組みでは、{AUTHENTICATOR_TITLES[kind]}を確かめられません。"
            raise InvalidInput(problem, fields={"systems": problem})
    return found


def _put_to_use(authenticator: Authenticator, officer_id: int, *, received: bool, now: datetime) -> None:
    authenticator.state = after(authenticator.state, AuthenticatorEvent.ACTIVATE)
    if not received:
        problem = "本人に渡したことを確かめてから、印を付けてください。"
        raise InvalidInput(problem, fields={"received": problem})
    authenticator.activated_at = authenticator.received_at = now
    authenticator.activated_by_id = officer_id


def _open_uses(
    session: Session, authenticator: Authenticator, system_ids: Collection[int], officer_id: int, now: datetime
) -> None:
    query = select(AuthenticatorUse).where(
        AuthenticatorUse.authenticator_id == authenticator.id, AuthenticatorUse.until.is_(None)
    )
    there = {use.system_id: use for use in session.scalars(query)}
    for system_id in sorted(system_ids):
        if system_id not in there:
            use = AuthenticatorUse(authenticator_id=authenticator.id, system_id=system_id, since=now)
            session.add(use)
        else:
            use = there[system_id]
        # What a product's list showed, and somebody has seen now, is that officer's to answer for (SOD-4).
        use.confirmed_by_id = use.confirmed_by_id or officer_id


def _end_uses_of_replaced(
    session: Session, authenticator: Authenticator, system_ids: Collection[int], now: datetime
) -> None:  # fmt: skip
    """Of the one it replaces, and of those that one was to replace: what was lost on the way ends with them."""
    session.execute(
        update(AuthenticatorUse)
        .where(
            AuthenticatorUse.authenticator_id.in_(predecessors(session, authenticator.id)),
            AuthenticatorUse.system_id.in_(system_ids), AuthenticatorUse.until.is_(None),
        )
        .values(until=now)
    )  # fmt: skip
