"""Who answers an exception of the register at a moment: the CISO, or who stands in for them on the ladder (FK 8(1)).

Nobody answers one that they asked for or that is about them (SOD-1): where that is the CISO, the ladder of decisions
goes on past them, to the vice-CISO (`idm.routing`). Whoever does not decide is not represented either (SOD-3).
"""

from sqlalchemy.orm import Session

from idm.models.exceptions import RegisteredException
from idm.models.systems import Account
from idm.queries.approval.bench import Asked, Bench
from idm.routing import Seated, seated
from idm.vocabulary import Role


def subjects_of(session: Session, exception: RegisteredException) -> frozenset[int]:
    """The people whom it is about by name: the person, or the owner of the account."""
    found = {exception.person_id}
    if exception.account_id is not None:
        found.add(session.get_one(Account, exception.account_id).person_id)
    return frozenset(one for one in found if one is not None)


def answering(session: Session, exception: RegisteredException, bench: Bench) -> dict[int, Seated]:
    """Person → how they come to answer it; empty = nobody can at this moment."""
    asked = Asked(Role.CISO, "", exception.asked_by_id, exception.asked_by_id)
    return {one.person_id: one for one in seated(bench.facts(asked, subjects_of(session, exception)))}
