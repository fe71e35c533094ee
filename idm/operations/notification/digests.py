"""Daily digests, for those who chose them: what waited leaves as one notice that lists it, nothing twice, nothing lost.

The digest is written, and what stands in it is marked, in one transaction: whoever dies before its end has done
nothing. Sending it is the mailer's, as with any notice.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.models.people import Employment, Person
from idm.models.periods import holding_on
from idm.models.work import MailMessage, MailState
from idm.notice_times import last_digest
from idm.policy import Policy
from idm.working_days import working_days

PAGE = "/notices"
PEOPLE_AT_ONCE = 200


def gather(session: Session, *, policy: Policy, now: datetime) -> int:
    """Afterwards some of the people whose digest is due have it waiting; returns how many, 0 = nobody was left.

    On working days only, at the profile's hour or whenever somebody comes round after it. Whoever has left gets none:
    what was held for them stays held.
    """
    before = last_digest(now, policy.notices, working_days(policy.calendar))
    due = (MailMessage.state == MailState.HELD, MailMessage.due_at < before)
    there = exists().where(Employment.person_id == MailMessage.person_id, holding_on(Employment, day_of(now)))
    people = (
        select(MailMessage.person_id)
        .where(*due, there)
        .distinct()
        .order_by(MailMessage.person_id)
        .limit(PEOPLE_AT_ONCE)
    )
    some = session.scalars(people).all()
    held = session.scalars(
        select(MailMessage).where(MailMessage.person_id.in_(some), *due).order_by(MailMessage.id).with_for_update()
    ).all()
    theirs: dict[int, list[MailMessage]] = defaultdict(list)
    for message in held:
        theirs[message.person_id].append(message)
    for person_id, messages in theirs.items():
        _bundle(session, session.get_one(Person, person_id), messages, now)
    return len(theirs)


def release(session: Session, person_id: int, *, now: datetime) -> int:
    """Afterwards nothing of this person's waits for a digest any more: it leaves by itself. Returns how many did."""
    query = select(MailMessage).where(MailMessage.person_id == person_id, MailMessage.state == MailState.HELD)
    held = session.scalars(query.with_for_update()).all()
    for message in held:
        message.state, message.due_at = MailState.WAITING, max(message.due_at, now)
    return len(held)


def _bundle(session: Session, person: Person, messages: Sequence[MailMessage], now: datetime) -> None:
    digest = MailMessage(
        recipient=person.mail or messages[-1].recipient, person_id=person.id, link=PAGE, state=MailState.WAITING,
        subject=f"【まとめ】通知 {len(messages)}件", due_at=now, created_at=now,
        body=f"{person.name} 様\n\n前回のまとめのあとの通知は、次のとおりです。",
    )  # fmt: skip
    session.add(digest)
    session.flush()
    ids = [message.id for message in messages]
    values = {"state": MailState.DIGESTED, "digest_id": digest.id}
    session.execute(update(MailMessage).where(MailMessage.id.in_(ids)).values(values))
