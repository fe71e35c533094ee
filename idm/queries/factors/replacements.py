"""What an authenticator replaces and what replaces it, through everything issued and lost in between (control B6)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.authenticators import Authenticator


def predecessors(session: Session, authenticator_id: int) -> frozenset[int]:
    """The ids of what it replaces, of what that replaced, and so on."""
    chain = (
        select(Authenticator.replaces_id.label("id")).where(Authenticator.id == authenticator_id).cte(recursive=True)
    )
    chain = chain.union(select(Authenticator.replaces_id).join(chain, Authenticator.id == chain.c.id))
    return frozenset(one for one in session.scalars(select(chain.c.id)) if one is not None)


def successors(session: Session, authenticator_id: int) -> frozenset[int]:
    """The ids of what replaces it, of what replaces that, and so on."""
    first = select(Authenticator.id.label("id")).where(Authenticator.replaces_id == authenticator_id)
    chain = first.cte(recursive=True)
    chain = chain.union(select(Authenticator.id).join(chain, Authenticator.replaces_id == chain.c.id))
    return frozenset(session.scalars(select(chain.c.id)))
