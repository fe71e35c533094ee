"""After an approver changed, a standing approval holds for some days more; what else it rests on ends it at once."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from idm.models.audit import AuditRecord
from idm.models.work import MailMessage
from idm.vocabulary import Role
from tests.cast import NOW, PEOPLE, TODAY, Cast
from tests.standing_office import (
    allowing,
    approve,
    become,
    change_post_rights,
    follow,
    in_force,
    leave_post,
    personnel_draft,
    proposed,
    standing_now,
    use,
)

MAY = date(2026, 5, 1)
THIRTY = timedelta(days=30)


@pytest.fixture
def cast(cast: Cast) -> Cast:
    """The small office under a profile that cites a rule; a standing approval holds 30 days after a change."""
    return allowing(cast)


def at(day: date) -> datetime:
    """10:00 in Tokyo on that day."""
    return NOW + (day - TODAY)


def changes(cast: Cast) -> list[str]:
    """The verbs of what happened to it without a person."""
    with cast.database.reading() as session:
        verbs = session.scalars(
            select(AuditRecord.action).where(AuditRecord.object_kind == "standing").order_by(AuditRecord.id)
        )
        return [verb for verb in verbs if verb in ("standing.lapsing", "standing.ended")]


def told(cast: Cast, words: str) -> set[str]:
    """The people who have a notice whose subject has these words."""
    mails = {f"u{number}@example.jp": who for who, (number, *_) in PEOPLE.items()}
    with cast.database.reading() as session:
        rows = session.scalars(select(MailMessage.recipient).where(MailMessage.subject.contains(words)))
        return {mails[recipient] for recipient in rows}


def notices(cast: Cast) -> int:
    with cast.database.reading() as session:
        return session.scalar(select(func.count()).select_from(MailMessage)) or 0


def test_while_both_approvers_hold_their_seats_nothing_happens(cast: Cast) -> None:
    standing_id = in_force(cast)
    assert follow(cast, now=at(MAY)) == 0
    assert standing_now(cast, standing_id).lapses_on is None


@pytest.mark.parametrize("who", ["chief", "system"])
def test_it_gets_its_day_when_either_approver_leaves_the_seat(cast: Cast, who: str) -> None:
    standing_id = in_force(cast)
    leave_post(cast, who, MAY)
    assert follow(cast, now=at(MAY - timedelta(days=1))) == 0
    assert follow(cast, now=at(MAY)) == 1
    assert standing_now(cast, standing_id).lapses_on == MAY + THIRTY
    assert told(cast, "承認した人が職を離れました") == {"chief", "system", "hr"}


def test_it_holds_on_the_thirtieth_day_and_no_longer_on_the_thirty_first(cast: Cast) -> None:
    """The first of the thirty is the first day without the seat: half-open, like every period."""
    standing_id = in_force(cast)
    leave_post(cast, "chief", MAY)
    first, second = personnel_draft(cast), personnel_draft(cast, ("other", "ledger/account"))
    assert use(cast, first, now=at(date(2026, 5, 30))) == [first]
    assert standing_now(cast, standing_id).ended_at is None
    assert use(cast, second, now=at(date(2026, 5, 31))) == []
    assert standing_now(cast, standing_id).ended_at == at(date(2026, 5, 31))


def test_the_day_is_the_same_when_nights_were_missed(cast: Cast) -> None:
    standing_id = in_force(cast)
    leave_post(cast, "chief", MAY)
    follow(cast, now=at(MAY + timedelta(days=12)))
    assert standing_now(cast, standing_id).lapses_on == MAY + THIRTY


def test_when_every_night_was_missed_it_has_ended_at_the_first_look(cast: Cast) -> None:
    standing_id = in_force(cast)
    leave_post(cast, "chief", MAY)
    draft = personnel_draft(cast)
    assert use(cast, draft, now=at(MAY + timedelta(days=45))) == []
    assert standing_now(cast, standing_id).ended_at is not None
    assert changes(cast) == ["standing.lapsing", "standing.ended"]


def test_on_its_day_it_ends_and_hr_and_both_approvers_are_told(cast: Cast) -> None:
    standing_id = in_force(cast)
    leave_post(cast, "chief", MAY)
    follow(cast, now=at(MAY))
    assert follow(cast, now=at(MAY + THIRTY - timedelta(days=1))) == 0
    assert follow(cast, now=at(MAY + THIRTY)) == 1
    assert "職を離れて" in (standing_now(cast, standing_id).end_reason or "")
    assert told(cast, "終わりました") == {"chief", "system", "hr"}


def test_following_twice_changes_and_tells_nothing_more(cast: Cast) -> None:
    in_force(cast)
    leave_post(cast, "chief", MAY)
    for day in (MAY, MAY + THIRTY):
        assert follow(cast, now=at(day)) == 1
        before = notices(cast)
        assert follow(cast, now=at(day)) == 0
        assert notices(cast) == before
    assert changes(cast) == ["standing.lapsing", "standing.ended"]


def test_an_approver_who_comes_back_does_not_take_the_day_away(cast: Cast) -> None:
    standing_id = in_force(cast)
    leave_post(cast, "chief", MAY)
    follow(cast, now=at(MAY))
    become(cast, "chief", Role.CHIEF)
    follow(cast, now=at(MAY + timedelta(days=1)))
    assert standing_now(cast, standing_id).lapses_on == MAY + THIRTY


def test_the_days_are_the_profiles(cast: Cast) -> None:
    cast = allowing(cast, lapse_days=7)
    standing_id = in_force(cast)
    leave_post(cast, "system", MAY)
    follow(cast, now=at(MAY))
    assert standing_now(cast, standing_id).lapses_on == date(2026, 5, 8)


def test_an_approver_who_becomes_an_auditor_is_no_longer_seated(cast: Cast) -> None:
    standing_id = in_force(cast)
    become(cast, "chief", Role.AUDITOR)
    follow(cast)
    assert standing_now(cast, standing_id).lapses_on == TODAY + THIRTY


def test_who_approved_on_a_lower_rung_is_unseated_by_a_new_holder(cast: Cast) -> None:
    leave_post(cast, "chief", TODAY)
    standing_id = proposed(cast)
    approve(cast, "vice", standing_id)
    approve(cast, "system", standing_id)
    assert follow(cast) == 0
    become(cast, "security", Role.CHIEF)
    assert follow(cast, now=at(TODAY + timedelta(days=1))) == 1


def test_an_emptied_rule_ends_it_at_once(cast: Cast) -> None:
    standing_id = in_force(cast)
    assert follow(allowing(cast, rule="")) == 1
    assert "条項がなくなりました" in (standing_now(cast, standing_id).end_reason or "")


def test_changed_rights_by_post_end_it_at_once_and_a_waiting_proposal_too(cast: Cast) -> None:
    for begun in (in_force, proposed):
        standing_id = begun(cast)
        change_post_rights(cast, {"system": "ledger", "rights": ["enter"], "posts": [begun.__name__]})
        assert follow(cast) == 1
        assert standing_now(cast, standing_id).ended_at == NOW
