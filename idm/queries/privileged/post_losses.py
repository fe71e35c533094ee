"""How long it took until whoever lost a post had lost the privileged right that rested on it (KT 第66, control D7)."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from idm.calendar_days import start_of
from idm.grant_state import EndReason
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.models.work import OutboxTask, TaskState
from idm.queries.organisation.lost_posts import lost_on


@dataclass(frozen=True)
class PostLoss:
    """One right that ended with its post. `removed_at`: when a worker had read it back; None = not yet."""

    grant_id: int
    person_name: str
    system_name: str
    right_name: str
    unit_code: str
    post: str
    lost_on: date
    ended_at: datetime
    removed_at: datetime | None

    @property
    def hours_to_end(self) -> float:
        """From the first moment of the day on which the post was lost until the right ended."""
        return (self.ended_at - start_of(self.lost_on)).total_seconds() / 3600

    @property
    def hours_to_removal(self) -> float | None:
        """The same until the directory was read back without it."""
        return None if self.removed_at is None else (self.removed_at - start_of(self.lost_on)).total_seconds() / 3600


def post_losses(session: Session) -> list[PostLoss]:
    """Every privileged right that ever ended with its post, in the order in which they ended."""
    query = (
        select(Grant)
        .where(Grant.end_reason == EndReason.POST_LOST)
        .options(
            joinedload(Grant.entitlement), joinedload(Grant.account).joinedload(Account.person),
            joinedload(Grant.account).joinedload(Account.system),
        )
        .order_by(Grant.ended_at, Grant.id)
    )  # fmt: skip
    return [_loss(session, grant) for grant in session.scalars(query)]


def _loss(session: Session, grant: Grant) -> PostLoss:
    ended_at = grant.ended_at or grant.line.request.created_at
    person = grant.account.person
    return PostLoss(
        grant_id=grant.id, person_name=person.name if person is not None else grant.account.login_name,
        system_name=grant.account.system.name, right_name=grant.entitlement.name,
        unit_code=grant.rests_on_unit or "", post=grant.rests_on_post or "",
        lost_on=lost_on(session, grant) or grant.valid_from, ended_at=ended_at,
        removed_at=session.scalar(
            select(func.min(OutboxTask.finished_at)).where(
                OutboxTask.account_id == grant.account_id, OutboxTask.state == TaskState.DONE,
                OutboxTask.finished_at >= ended_at,
            )
        ),
    )  # fmt: skip
