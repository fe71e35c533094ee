"""The end of an authenticator: collected at the desk, then destroyed under two names (FK 5-4(1)③; control B6).

The second name is put by somebody else, in their own session, after they have seen it: nobody types another's name.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotPermitted, SeparationOfDuties
from idm.factors.authenticator_state import AuthenticatorEvent, AuthenticatorState, after
from idm.models.authenticators import Authenticator, AuthenticatorUse
from idm.operations.factors import consequences
from idm.operations.factors.authenticator_desk import (
    at_desk,
    locked,
    name_of,
    record,
    require_uninvolved_in,
    tell_owner,
)
from idm.operations.notification.notices import notify
from idm.operations.rights import leaving
from idm.permissions import PERMISSIONS, Action, require
from idm.policy import Policy
from idm.queries.factors.authenticators import open_systems
from idm.queries.organisation.officers import contracted, holders, humans, roles_of
from idm.step_up import require_fresh_factor


def collect(
    session: Session, authenticator_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> Authenticator:  # fmt: skip
    """Afterwards the desk has it, it counts nowhere any more, and what rested on its loss is lifted.

    What its owner still had to give back of it is settled. Raises FreshFactorNeeded, NotPermitted, SeparationOfDuties,
    NotFound, IllegalTransition.
    """
    authenticator, officer_id = at_desk(session, authenticator_id, actor=actor, policy=policy, now=now)
    if authenticator.own_sign_in:
        raise IllegalTransition("本人がサインインのために登録したものには、回収するものがありません。")
    if authenticator.state is AuthenticatorState.LOST:
        # To take back what was lost gives access back, as finding it does.
        places = {system_id for system_id, *_ in open_systems(session, authenticator.id)}
        require_uninvolved_in(session, authenticator.person_id, places, officer_id)
    authenticator.state = after(authenticator.state, AuthenticatorEvent.COLLECT)
    authenticator.collected_at, authenticator.collected_by_id = now, officer_id
    authenticator.ended_at = authenticator.ended_at or now
    everywhere = [system_id for system_id, *_ in open_systems(session, authenticator.id)]
    _end_uses(session, authenticator, everywhere, now=now)
    consequences.follow(session, authenticator.person_id, actor=actor, policy=policy, now=now)
    collector = name_of(session, officer_id)
    record(session, "authenticator.collected", authenticator, actor=actor, policy=policy, now=now, by=collector)
    leaving.given_back(
        session, authenticator.person_id, authenticator.title, actor=actor, policy=policy, now=now
    )  # fmt: skip
    return authenticator


def removed_from_product(
    session: Session, authenticator_id: int, *, system_ids: Collection[int], actor: Actor, policy: Policy,
    now: datetime,
) -> Authenticator:  # fmt: skip
    """Afterwards a lost one is in use no more where the officer saw it removed, and what rested on it there is lifted.

    It stays lost: for what is never found and not replaced, so that it does not stop its owner for ever. Raises
    FreshFactorNeeded, NotPermitted, SeparationOfDuties, NotFound, InvalidInput, IllegalTransition for what is not lost.
    """
    authenticator, officer_id = at_desk(session, authenticator_id, actor=actor, policy=policy, now=now)
    if authenticator.state is not AuthenticatorState.LOST:
        raise IllegalTransition("紛失として届けられたものではありません。紛失の届出か、回収を記録してください。")
    places = {system_id: code for system_id, code, _ in open_systems(session, authenticator.id)}
    if not system_ids or not set(system_ids) <= set(places):
        problem = "登録を削除したことを確かめた情報システムを、使われているものから一つ以上選んでください。"
        raise InvalidInput(problem, fields={"removed": problem})
    require_uninvolved_in(session, authenticator.person_id, set(system_ids), officer_id)
    _end_uses(session, authenticator, system_ids, now=now)
    followed = consequences.follow(session, authenticator.person_id, actor=actor, policy=policy, now=now)
    record(
        session, "authenticator.removed_from_product", authenticator, actor=actor, policy=policy, now=now,
        systems=sorted(places[one] for one in system_ids), removed_by=name_of(session, officer_id),
        lifted=len(followed.lifted),
    )  # fmt: skip
    tell_owner(session, authenticator, "情報システムからの登録の削除（ほかの認証要素での使用の再開）", now=now)
    return authenticator


def destroy(
    session: Session, authenticator_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> Authenticator:  # fmt: skip
    """Afterwards this officer's name stands to its destruction; without the profile's second name it is destroyed.

    Raises FreshFactorNeeded, NotPermitted, SeparationOfDuties, NotFound, IllegalTransition.
    """
    authenticator, officer_id = at_desk(session, authenticator_id, actor=actor, policy=policy, now=now)
    after(authenticator.state, AuthenticatorEvent.DESTROY)
    if authenticator.destroyed_by_id is not None:
        raise IllegalTransition("廃棄はすでに報告され、立会いの確認を待っています。")
    authenticator.destroyed_by_id = officer_id
    authenticator.witness_needed = policy.factors.two_names_for_destruction
    if authenticator.witness_needed:
        record(
            session, "authenticator.destruction_reported", authenticator, actor=actor, policy=policy, now=now,
            destroyed_by=name_of(session, officer_id),
        )  # fmt: skip
        _ask_for_a_witness(session, authenticator, now=now)
    else:
        _destroyed(session, authenticator, actor=actor, policy=policy, now=now)
    return authenticator


def witness(
    session: Session, authenticator_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> Authenticator:  # fmt: skip
    """Afterwards it is destroyed, under the names of two people of whom neither is its owner.

    Raises FreshFactorNeeded, NotPermitted, SeparationOfDuties, NotFound, IllegalTransition.
    """
    authenticator, witness_id = _for_witness(session, authenticator_id, actor=actor, policy=policy, now=now)
    authenticator.witness_id = witness_id
    _destroyed(session, authenticator, actor=actor, policy=policy, now=now)
    return authenticator


def deny_destruction(
    session: Session, authenticator_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> Authenticator:  # fmt: skip
    """Afterwards it counts as collected again: whoever was to witness its destruction found it whole, or not at all.

    Raises FreshFactorNeeded, NotPermitted, SeparationOfDuties, NotFound, IllegalTransition.
    """
    authenticator, _ = _for_witness(session, authenticator_id, actor=actor, policy=policy, now=now)
    reported_by = name_of(session, authenticator.destroyed_by_id)
    authenticator.destroyed_by_id, authenticator.witness_needed = None, False
    record(
        session, "authenticator.destruction_denied", authenticator, actor=actor, policy=policy, now=now,
        destroyed_by=reported_by, denied_by=actor.label,
    )  # fmt: skip
    return authenticator


def _end_uses(
    session: Session, authenticator: Authenticator, system_ids: Collection[int], *, now: datetime
) -> None:  # fmt: skip
    session.execute(
        update(AuthenticatorUse)
        .where(
            AuthenticatorUse.authenticator_id == authenticator.id, AuthenticatorUse.system_id.in_(system_ids),
            AuthenticatorUse.until.is_(None),
        )
        .values(until=now)
    )  # fmt: skip


def _ask_for_a_witness(session: Session, authenticator: Authenticator, *, now: datetime) -> None:
    """Afterwards everybody who may put the second name knows that it is waited for."""
    day = day_of(now)
    named = frozenset({authenticator.person_id, authenticator.destroyed_by_id or 0})
    may_witness = {
        person for role in PERMISSIONS[Action.WITNESS_DESTRUCTION] for person in holders(session, role, None, day)
    }
    told = [
        person_id for person_id, human in humans(session, may_witness).items()
        if not human.is_one_of(named) and not contracted(session, human.rows, day)
    ]  # fmt: skip
    notify(
        session, told, now=now, link=f"/authenticators/{authenticator.id}",
        subject=f"【廃棄の立会い】{authenticator.title}",
        body=f"{name_of(session, authenticator.destroyed_by_id)} さんが、認証要素「{authenticator.title}」を"
             "廃棄したと報告しました。\n立ち会って、元に戻せない状態になったことを自分の目で確かめた人が、"
             "次のページで確認してください。",
    )  # fmt: skip


def _destroyed(
    session: Session, authenticator: Authenticator, *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    authenticator.state = after(authenticator.state, AuthenticatorEvent.DESTROY)
    authenticator.destroyed_at = now
    session.flush()
    record(
        session, "authenticator.destroyed", authenticator, actor=actor, policy=policy, now=now,
        destroyed_by=name_of(session, authenticator.destroyed_by_id),
        witness=name_of(session, authenticator.witness_id),
    )  # fmt: skip


def _for_witness(
    session: Session, authenticator_id: int, *, actor: Actor, policy: Policy, now: datetime
) -> tuple[Authenticator, int]:
    """An authenticator of which one says that it is destroyed, and the id of another human who may look."""
    person_id, day = actor.person_id, day_of(now)
    if person_id is None:
        raise NotPermitted("廃棄に立ち会ったことは、名前のある人だけが確認できます。")
    human = humans(session, [person_id])[person_id]
    if contracted(session, human.rows, day):
        raise SeparationOfDuties("委託事業者は、廃棄の立会いをすることができません。（SOD-7）", code="SOD-7")
    require(roles_of(session, person_id, day), Action.WITNESS_DESTRUCTION)
    require_fresh_factor(actor, policy=policy, now=now)
    authenticator = locked(session, authenticator_id)
    if authenticator.state is not AuthenticatorState.COLLECTED or authenticator.destroyed_by_id is None:
        raise IllegalTransition("立会いの確認を待っている廃棄ではありません。画面を開き直してください。")
    if human.is_one_of(frozenset({authenticator.person_id})):
        raise SeparationOfDuties("自分の認証要素の廃棄に、自分で立ち会うことはできません。（SOD-2）", code="SOD-2")
    if human.is_one_of(frozenset({authenticator.destroyed_by_id})):
        raise SeparationOfDuties(
            "廃棄した人は、立会人を兼ねられません。ほかの人に、その人のサインインで確認してもらってください。（SOD-4）",
            code="SOD-4",
        )
    return authenticator, person_id
