"""Uploaded personnel files that nobody confirmed in time lose their content (control A7)."""

from idm.actor import Actor
from idm.operations.hr import feed_uploads
from jobs.installation import Installation

ACTOR = Actor.job("jobs.hr.hr_feed")


def empty_expired(installation: Installation) -> int:
    """Afterwards no upload whose time is over has a content. Returns how many had."""
    now = installation.clock()
    with installation.database.reading() as session:
        if not feed_uploads.expired(session, now=now):
            return 0
    with installation.database.writing() as session:
        return feed_uploads.empty_expired(session, actor=ACTOR, now=now)
