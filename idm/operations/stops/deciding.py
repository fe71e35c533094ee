"""Who decides about stops: nobody who is stopped, and two are always left who can lift them (FK 6-5(2); H5)."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.errors import IllegalTransition, NotPermitted
from idm.models.people import Person
from idm.permissions import Action, may
from idm.queries.organisation.officers import holders, humans
from idm.queries.stops.holding import person_is_stopped, stopped_people
from idm.vocabulary import Role

TWO = 2


def require_free(session: Session, person_id: int) -> None:
    """Raises NotPermitted for whoever is stopped themselves, also in a request that was under way."""
    if person_is_stopped(session, person_id):
        raise NotPermitted("あなたの利用は停止されています。この操作は、別の人が行ってください。")


def require_two_left(session: Session, rows: frozenset[int], day: date) -> None:
    """Raises IllegalTransition where a stop of these rows of one human would leave fewer than two who can lift it.

    One such order is decided on after the other, so that two at once do not leave too few either.
    """
    heads = {
        person_id
        for role in Role
        if may(frozenset({role}), Action.LIFT_STOP)
        for person_id in holders(session, role, None, day)
    }
    if not heads & rows:
        return
    session.execute(select(Person.id).where(Person.id.in_(heads)).order_by(Person.id).with_for_update(key_share=True))
    free = heads - stopped_people(session)
    left = {min(human.rows) for human in humans(session, free - rows).values()}
    if free & rows and len(left) < TWO:
        raise IllegalTransition(
            "この人を止めると、停止命令を解除できる人が二人より少なくなるため、止められません。先に別の人を任命するか、"
            "「利用者IDの一覧を貼り付けて止める」で情報システムのIDを、「認証要素」でカードを止めてください。"
        )
