"""Passwords of registered IDs that we do not keep: when somebody leaves its users, a person changes it (A13, D4).

We can neither do nor see it. So it stands open, as a finding, until somebody says in their own name that it is done.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition
from idm.models.privileged import RegisteredId
from idm.operations.information_systems.system_scope import require_for_system
from idm.operations.privileged.registration_steps import (
    accepted_registration,
    in_charge,
    person_of,
    record,
    registration_on_record,
    tell,
)
from idm.permissions import Action
from idm.policy import Policy
from idm.queries.privileged.owners import live_registrations, owners_there
from idm.step_up import require_fresh_factor


def ask(
    session: Session, account_ids: Collection[int], *, actor: Actor, policy: Policy, now: datetime
) -> None:  # fmt: skip
    """Afterwards the passwords of these IDs wait to be changed by hand, where they are not in our keeping.

    Owner and manager are told, once for each that was not waiting yet; somebody else who leaves sets the time anew.
    """
    unkept = select(RegisteredId).where(
        live_registrations(), ~RegisteredId.kept, RegisteredId.account_id.in_(account_ids)
    )
    there = owners_there(session, day_of(now))
    for registered in session.scalars(unkept.order_by(RegisteredId.id).with_for_update()).all():
        waiting, registered.change_due_since = registered.change_due_since is not None, now
        session.flush()
        record(session, "registered_id.change_due", registered, actor=actor, policy=policy, now=now)
        if not waiting:
            told = in_charge(session, registered, day_of(now))
            told |= {registered.owner_id} if registered.id in there else set()
            tell(
                session, told, registered, "パスワードを手作業で変更してください",
                more="使う人・知りうる人が減りました。変更したら、登録の画面で「変更した」を押してください。", now=now,
            )  # fmt: skip


def done(session: Session, registered_id: int, *, actor: Actor, policy: Policy, now: datetime) -> RegisteredId:
    """Afterwards somebody has said, in their own name, that they changed the password, or that the account is deleted.

    Of a registration that has ended too, while it waits. Raises NotFound, NotPermitted, IllegalTransition for one that
    we keep, FreshFactorNeeded.
    """
    registered = registration_on_record(session, registered_id)
    if registered.change_due_since is None:
        registered = accepted_registration(session, registered_id)
    person_id = person_of(actor)
    require_for_system(
        session, registered.system, Action.PROPOSE_REGISTERED_ID, person_id=person_id, day=day_of(now)
    )  # fmt: skip
    require_fresh_factor(actor, policy=policy, now=now)
    if registered.kept:
        raise IllegalTransition("このIDのパスワードは、この製品が預かり、変更しています。")
    registered.change_due_since, registered.changed_at, registered.changed_by_id = None, now, person_id
    session.flush()
    record(session, "registered_id.changed_by_hand", registered, actor=actor, policy=policy, now=now)
    return registered
