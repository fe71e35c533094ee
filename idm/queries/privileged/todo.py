"""What about privileged IDs waits for somebody: of other people's uses, and of their own (D6)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from idm.policy import Policy
from idm.queries.privileged.use_sheets import UseSheet, own_sheets
from idm.queries.privileged.uses import reports_to_check, usable_ids, uses_to_attend, uses_to_decide
from idm.vocabulary import UseState


@dataclass(frozen=True)
class OthersUses:
    """How many uses of other people wait for somebody to permit, to attend, or to check their reports."""

    to_decide: int
    to_attend: int
    to_check: int

    @property
    def number(self) -> int:
        """How many there are in all."""
        return self.to_decide + self.to_attend + self.to_check


@dataclass(frozen=True)
class OwnUses:
    """Somebody's own uses that are open or unreported, and how many IDs they may ask to use."""

    open: tuple[UseSheet, ...]
    unreported: tuple[UseSheet, ...]
    usable: int

    @property
    def some(self) -> bool:
        """Whether there is anything to say at all."""
        return any((self.open, self.unreported, self.usable))


def others_uses(session: Session, person_id: int, *, policy: Policy, now: datetime) -> OthersUses:
    """What waits for the person of other people's uses. Every page asks, for the menu."""
    return OthersUses(
        to_decide=len(uses_to_decide(session, person_id, policy=policy, now=now)),
        to_attend=len(uses_to_attend(session, person_id, now=now)),
        to_check=len(reports_to_check(session, person_id, now=now)),
    )


def own_uses(session: Session, person_id: int, *, now: datetime) -> OwnUses:
    """What the person has in use, owes a report on, and may ask for."""
    own = [sheet for sheet in own_sheets(session, person_id) if sheet.person_id == person_id]
    return OwnUses(
        open=tuple(sheet for sheet in own if sheet.state in (UseState.APPROVED, UseState.OPEN)),
        unreported=tuple(sheet for sheet in own if sheet.report_missing),
        usable=len(usable_ids(session, person_id, now=now)),
    )
