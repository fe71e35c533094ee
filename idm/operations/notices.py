"""Notices: one row per message, written in the transaction of the act that caused it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from idm.models.people import Person
from idm.models.work import MailMessage, MailState


def notify(
    session: Session, people: Iterable[int], *, subject: str, body: str, link: str, now: datetime
) -> list[MailMessage]:
    """Afterwards each of the people who has a mail address has one notice waiting, with one link to look at."""
    messages = []
    for person_id in sorted(set(people)):
        person = session.get_one(Person, person_id)
        if not person.mail:
            continue
        message = MailMessage(
            recipient=person.mail, subject=subject, body=f"{person.name} 様\n\n{body}", link=link,
            state=MailState.WAITING, due_at=now, created_at=now,
        )  # fmt: skip
        session.add(message)
        messages.append(message)
    return messages
