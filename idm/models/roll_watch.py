"""The roll's version grows with every transaction that changes the roll, whoever makes the change (control A7).

Objects are seen as they are flushed, statements on whole tables as they are executed; the version is written last, just
before the transaction commits, so that nobody waits for anybody's lock on that one row while still taking others.
"""

from sqlalchemy import event, insert, select, update
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.orm.unitofwork import UOWTransaction

from idm.models.feeds import RollVersion
from idm.models.people import Absence, Assignment, Employment, OrganisationUnit, Person

WATCHED = (Person, Employment, Assignment, Absence, OrganisationUnit)
"""What a personnel file is compared with."""
CHANGED = "idm_roll_changed"


@event.listens_for(Session, "before_flush")
def _objects(session: Session, _context: UOWTransaction, _instances: object) -> None:
    if CHANGED not in session.info:
        dirty = (one for one in session.dirty if isinstance(one, WATCHED) and session.is_modified(one))
        fresh_or_gone = (one for some in (session.new, session.deleted) for one in some if isinstance(one, WATCHED))
        if next(fresh_or_gone, None) is not None or next(dirty, None) is not None:
            session.info[CHANGED] = True


@event.listens_for(Session, "do_orm_execute")
def _statements(state: ORMExecuteState) -> None:
    changing = state.is_insert or state.is_update or state.is_delete
    if changing and state.bind_mapper is not None and issubclass(state.bind_mapper.class_, WATCHED):
        state.session.info[CHANGED] = True


@event.listens_for(Session, "before_commit")
def before_commit(session: Session) -> None:
    """Afterwards the version has grown where this transaction has changed the roll."""
    session.flush()
    if CHANGED in session.info:
        next_version(session)


def next_version(session: Session) -> int:
    """The version as it is when this transaction commits, unless it changes the roll once more."""
    grown = update(RollVersion).where(RollVersion.id == 1).values(version=RollVersion.version + 1)
    session.execute(grown.execution_options(synchronize_session=False))
    version = version_of(session)
    if not version:
        session.execute(insert(RollVersion).values(id=1, version=1))
        version = 1
    session.info.pop(CHANGED, None)
    return version


def version_of(session: Session) -> int:
    """The version of the roll that this transaction sees; 0 before the first change."""
    return session.scalar(select(RollVersion.version)) or 0


def has_changed(session: Session) -> bool:
    """Whether this transaction has changed the roll, so that no version names what it sees."""
    session.flush()
    return CHANGED in session.info
