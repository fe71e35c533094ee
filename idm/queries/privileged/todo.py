"""What about privileged IDs waits for somebody, for their first page: to decide, attend, check, report, close (D6)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idm.policy import Policy
from idm.queries.privileged.use_sheets import UseSheet, own_sheets
from idm.queries.privileged.uses import reports_to_check, usable_ids, uses_to_attend, uses_to_decide
from idm.vocabulary import UseState


@dataclass(frozen=True)
class PrivilegedTodo:
    """The counts, and the person's own uses that are open or unreported."""

    to_decide: int
    to_attend: int
    to_check: int
    open: tuple[UseSheet, ...]
    unreported: tuple[UseSheet, ...]
    usable: int

    @property
    def some(self) -> bool:
        """Whether there is anything to say at all."""
        return any((self.to_decide, self.to_attend, self.to_check, self.open, self.unreported, self.usable))


def privileged_todo(session: Session, person_id: int, *, policy: Policy, now: datetime) -> PrivilegedTodo:
    """What waits for the person."""
    own = [sheet for sheet in own_sheets(session, person_id) if sheet.person_id == person_id]
    return PrivilegedTodo(
        to_decide=len(uses_to_decide(session, person_id, policy=policy, now=now)),
        to_attend=len(uses_to_attend(session, person_id, now=now)),
        to_check=len(reports_to_check(session, person_id, now=now)),
        open=tuple(sheet for sheet in own if sheet.state in (UseState.APPROVED, UseState.OPEN)),
        unreported=tuple(sheet for sheet in own if sheet.report_missing),
        usable=len(usable_ids(session, person_id, now=now)),
    )
