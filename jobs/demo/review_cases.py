"""Access reviews in the demonstration: one over the whole organisation, opened by the chief (A10)."""

from idm.operations.reviews import opening
from idm.queries.governance.configuration import policy_in_force
from idm.queries.reviews.review_candidates import Wanted
from idm.unit_of_work import unit_of_work
from idm.vocabulary import ReviewScope, Role
from jobs.demo.cases import actor_of
from jobs.installation import Installation


def open_review(installation: Installation) -> None:
    """Afterwards section managers and managers of systems are asked whether the rights of today are needed."""
    now = installation.clock()
    with installation.database.reading() as session:
        chief = actor_of(session, Role.CHIEF, now=now)
    with unit_of_work(
        installation.database, actor=chief, now=now, attempted="review.open", obj=("review", "-")
    ) as session:  # fmt: skip
        opening.open_campaign(
            session, Wanted(ReviewScope.UNIT), "年度当初の権限の棚卸し", actor=chief,
            policy=policy_in_force(session, now=now), now=now,
        )  # fmt: skip
