"""Access reviews in the demonstration: one over the whole organisation, opened by the chief (A10)."""

from idm.operations.reviews import opening
from idm.queries.reviews.review_candidates import Wanted
from idm.vocabulary import ReviewScope
from jobs.demo.acting import act_as
from jobs.installation import Installation


def open_review(installation: Installation) -> None:
    """Afterwards section managers and managers of systems are asked whether the rights of today are needed."""
    act_as(
        installation, "chief", "review.open", ("review", "-"), opening.open_campaign, Wanted(ReviewScope.UNIT),
        "年度当初の権限の棚卸し",
    )  # fmt: skip
