"""Who is told when: at once or in a digest, in copy while away, again while nobody decides; nothing twice or lost."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from idm.actor import Actor
from idm.calendar_days import TOKYO
from idm.errors import NotSeated, SeparationOfDuties
from idm.models.notices import NoticePreference
from idm.models.people import Employment
from idm.models.requests import Request
from idm.models.work import MailMessage, MailState
from idm.notice_times import last_digest, levels_due
from idm.operations.approval import approval_notices, undecided
from idm.operations.notification import digests, refused_addresses
from idm.operations.notification.notices import COPY, notify
from idm.policy import NoticeRules
from idm.vocabulary import Role
from idm.working_days import WorkingDays, working_days
from tests.cast import NOW, PEOPLE, Cast

CLOCK = Actor.job("jobs.notification.notices")
RULES = NoticeRules("08:30", 3, 3, (Role.CHIEF, Role.CISO))
NEXT_MORNING = datetime(2026, 4, 2, 8, 30, tzinfo=TOKYO)


def prefer(cast: Cast, name: str, **chosen: object) -> None:
    """Somebody's choice, as it stands in the books."""
    if isinstance(chosen.get("told_instead"), str):
        chosen["told_instead_id"] = cast.people[str(chosen.pop("told_instead"))]
    with cast.database.writing() as session:
        session.merge(NoticePreference(person_id=cast.people[name], changed_at=NOW, **chosen))


def tell(cast: Cast, *names: str, subject: str = "【件名】", now: datetime = NOW, **how: bool) -> None:
    """These people are told something."""
    with cast.database.writing() as session:
        notify(session, [cast.people[n] for n in names], subject=subject, body="本文", link="/x", now=now, **how)


def gather(cast: Cast, now: datetime) -> int:
    """The job's round."""
    with cast.database.writing() as session:
        return digests.gather(session, policy=cast.policy, now=now)


def told(cast: Cast, *states: MailState) -> list[tuple[str, str]]:
    """Whom, and with which subject, in order."""
    keys = {person: key for key, person in cast.people.items()}
    with cast.database.reading() as session:
        query = select(MailMessage).order_by(MailMessage.id)
        found = session.scalars(query.where(MailMessage.state.in_(states)) if states else query)
        return [(keys[message.person_id], message.subject) for message in found]


def test_who_chose_a_digest_has_what_is_not_urgent_in_one_notice_a_working_day(cast: Cast) -> None:
    prefer(cast, "staff", daily=True)
    tell(cast, "staff", "other", subject="一")
    tell(cast, "staff", subject="二")
    tell(cast, "staff", subject="急", urgent=True)
    assert told(cast, MailState.WAITING) == [("other", "一"), ("staff", "急")]
    assert gather(cast, NEXT_MORNING - timedelta(seconds=1)) == 0
    assert gather(cast, NEXT_MORNING) == 1
    assert gather(cast, NEXT_MORNING) == 0
    assert told(cast, MailState.WAITING)[-1] == ("staff", "【まとめ】通知 2件")
    with cast.database.reading() as session:
        digest = session.scalars(select(MailMessage).where(MailMessage.subject.startswith("【まとめ】"))).one()
        listed = session.scalars(select(MailMessage.subject).where(MailMessage.digest_id == digest.id)).all()
    assert sorted(listed) == ["一", "二"]


def test_what_comes_out_on_a_day_to_come_stands_in_no_digest_before_it(cast: Cast) -> None:
    prefer(cast, "staff", daily=True)
    with cast.database.writing() as session:
        for message in notify(session, [cast.people["staff"]], subject="内示", body="", link="/", now=NOW):
            message.due_at = NEXT_MORNING + timedelta(days=1)
    assert gather(cast, NEXT_MORNING + timedelta(days=1)) == 0
    assert gather(cast, datetime(2026, 4, 6, 8, 30, tzinfo=TOKYO)) == 1


def test_who_wants_no_digest_any_more_has_at_once_what_waited(cast: Cast) -> None:
    prefer(cast, "staff", daily=True)
    tell(cast, "staff", subject="一")
    with cast.database.writing() as session:
        assert digests.release(session, cast.people["staff"], now=NOW) == 1
    assert told(cast, MailState.WAITING) == [("staff", "一")]
    assert gather(cast, NEXT_MORNING) == 0


@given(minutes=st.lists(st.integers(0, 20_000), min_size=1, max_size=12), rounds=st.sets(st.integers(0, 20_000)))
def test_whenever_the_worker_was_there_each_notice_stands_in_one_digest(
    minutes: list[int], rounds: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A clock of its own: what came when, and when somebody came round; the last round is two weeks later."""
    days, begin = WorkingDays(), datetime(2026, 4, 24, tzinfo=UTC)
    waiting = sorted(begin + timedelta(minutes=minute) for minute in minutes)
    shown: Counter[datetime] = Counter()
    mornings: set[tuple[datetime, date]] = set()
    for at in sorted(begin + timedelta(minutes=minute) for minute in {*rounds, 40_000}):
        before = last_digest(at, RULES, days)
        assert before <= at
        assert days.is_working(before.astimezone(TOKYO).date())
        due = [one for one in waiting if one < before]
        waiting = [one for one in waiting if one >= before]
        shown.update(due)
        if due:
            assert (before, before.date()) not in mornings, "one mail a morning"
            mornings.add((before, before.date()))
    assert not waiting
    assert sum(shown.values()) == len(minutes)


def test_a_digest_is_whole_or_not_there_when_its_writer_dies(cast: Cast) -> None:
    prefer(cast, "staff", daily=True)
    prefer(cast, "other", daily=True)
    tell(cast, "staff", "other")
    died = 0

    def dies(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        nonlocal died
        if statement.startswith("UPDATE mail_messages"):
            died += 1
            if died == 2:
                raise KeyboardInterrupt

    event.listen(cast.database.engine, "before_cursor_execute", dies)
    with pytest.raises(KeyboardInterrupt):
        gather(cast, NEXT_MORNING)
    event.remove(cast.database.engine, "before_cursor_execute", dies)
    assert told(cast, MailState.WAITING, MailState.DIGESTED) == []
    assert gather(cast, NEXT_MORNING) == 2
    assert len(told(cast, MailState.WAITING)) == len(told(cast, MailState.DIGESTED)) == 2


def test_while_somebody_is_away_what_asks_for_an_act_goes_to_whom_they_named_too(cast: Cast) -> None:
    prefer(cast, "system", away_from=date(2026, 4, 1), away_until=date(2026, 4, 3), told_instead="desk")
    tell(cast, "system", subject="頼み", asks=True)
    tell(cast, "system", subject="自分だけの")
    tell(cast, "system", "desk", subject="両方", asks=True)
    tell(cast, "system", subject="帰った", asks=True, now=NOW + timedelta(days=2))
    assert Counter(told(cast)) == Counter([
        ("system", "頼み"), ("desk", f"{COPY}頼み"), ("system", "自分だけの"), ("desk", "両方"), ("system", "両方"),
        ("system", "帰った"),
    ])  # fmt: skip
    with cast.database.reading() as session:
        copy = session.scalars(select(MailMessage).where(MailMessage.copy_for_id.is_not(None))).one()
        assert copy.copy_for_id == cast.people["system"]
        assert "権限が渡ることはありません" in copy.body


def test_who_has_left_is_sent_no_copy(cast: Cast) -> None:
    prefer(cast, "system", away_from=date(2026, 4, 1), told_instead="desk")
    with cast.database.writing() as session:
        held = session.scalars(select(Employment).where(Employment.person_id == cast.people["desk"])).one()
        held.valid_until = date(2026, 4, 1)
    tell(cast, "system", asks=True)
    assert told(cast) == [("system", "【件名】")]


def test_a_copy_gives_nobody_the_right_to_decide(cast: Cast) -> None:
    prefer(cast, "system", away_from=date(2026, 4, 1), told_instead="desk")
    request = cast.file("staff", ("staff", "ledger/account"))
    assert [who for who, subject in told(cast) if subject.startswith(COPY)] == ["desk"]
    with pytest.raises((NotSeated, SeparationOfDuties)):
        cast.decide("desk", request, Role.SYSTEM)


def test_an_application_about_appointments_not_published_is_copied_to_nobody(cast: Cast) -> None:
    prefer(cast, "system", away_from=date(2026, 3, 1), told_instead="desk")
    prefer(cast, "chief", away_from=date(2026, 3, 1), told_instead="desk")
    request = cast.file("staff", ("staff", "ledger/account"))
    with cast.database.writing() as session:
        found = session.get_one(Request, request)
        found.published_on = date(2026, 4, 20)
        session.flush()
        approval_notices.submitted(session, found, policy=cast.policy, now=NOW)
    assert Counter(who for who, subject in told(cast) if subject.startswith(COPY)) == {"desk": 1}


def remind(cast: Cast, day: date, hour: int = 10) -> int:
    """The job's round on a day."""
    now = datetime(day.year, day.month, day.day, hour, tzinfo=TOKYO)
    with cast.database.writing() as session:
        return undecided.remind(session, actor=CLOCK, policy=cast.policy, now=now)


def reminded(cast: Cast) -> Counter[tuple[str, str]]:
    """Who was reminded, who was told as the next in line."""
    kinds = {undecided.REMINDER: "reminded", undecided.ESCALATION: "next"}
    return Counter(
        (who, kind) for who, subject in told(cast) for words, kind in kinds.items() if subject.startswith(words)
    )


def test_an_undecided_application_is_brought_to_mind_and_goes_up_once_a_step(cast: Cast) -> None:
    """Filed on Wednesday 4/1: three working days = Monday 4/6, Thursday 4/9, Tuesday 4/14."""
    cast.file("staff", ("staff", "ledger/account"))
    assert [remind(cast, date(2026, 4, day)) for day in (1, 2, 3, 4, 5)] == [0] * 5
    assert [remind(cast, date(2026, 4, 6), hour) for hour in (3, 10, 11)] == [0, 1, 0]
    deciders = {("chief", "reminded"): 1, ("system", "reminded"): 1}
    assert reminded(cast) == deciders
    assert [remind(cast, date(2026, 4, 9)) for _ in range(2)] == [1, 0]
    assert reminded(cast) == {**deciders, ("chief", "next"): 1}
    assert [remind(cast, date(2026, 4, day)) for day in (14, 15, 30)] == [1, 0, 0]
    assert reminded(cast) == {**deciders, ("chief", "next"): 1, ("ciso", "next"): 1}


def test_after_a_worker_was_away_every_step_is_made_up_for_in_one_notice_a_person(cast: Cast) -> None:
    cast.file("staff", ("staff", "ledger/account"))
    cast.file("other", ("other", "ledger/account"))
    assert remind(cast, date(2026, 4, 20)) == 2
    assert reminded(cast) == {
        ("chief", "reminded"): 1, ("system", "reminded"): 1, ("chief", "next"): 1, ("ciso", "next"): 1,
    }  # fmt: skip
    assert all("2件" in subject for _, subject in told(cast) if subject.startswith(undecided.ESCALATION))
    assert remind(cast, date(2026, 4, 21)) == 0


def test_what_is_decided_is_brought_to_mind_of_nobody_and_its_other_step_only_of_its_own(cast: Cast) -> None:
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    half = cast.file("other", ("other", "ledger/account"))
    cast.decide("chief", half, Role.CHIEF)
    assert remind(cast, date(2026, 4, 6)) == 1
    assert reminded(cast) == {("system", "reminded"): 1}


def test_a_reminder_names_no_person(cast: Cast) -> None:
    cast.file("staff", ("staff", "ledger/account"))
    remind(cast, date(2026, 4, 20))
    with cast.database.reading() as session:
        bodies = session.scalars(select(MailMessage.body).where(MailMessage.subject.contains("決裁されていない"))).all()
    assert bodies
    assert not any(PEOPLE["staff"][1] in body for body in bodies)


@given(filed=st.dates(date(2026, 1, 1), date(2027, 12, 31)), later=st.integers(0, 60))
def test_levels_rise_one_at_a_time_on_working_days_only(filed: date, later: int) -> None:
    days = WorkingDays({"12-29", "12-30", "12-31", "01-02", "01-03"})
    levels = [levels_due(filed, filed + timedelta(days=n), RULES, days) for n in range(later + 2)]
    assert levels[0] == 0
    for n, (before, after) in enumerate(pairwise(levels), 1):
        assert after in {before, before + 1}
        assert after == before or days.is_working(filed + timedelta(days=n))
    assert levels[-1] <= 3


def refuse(cast: Cast, name: str, *, state: MailState = MailState.REFUSED, at: datetime = NOW) -> None:
    """A notice to somebody ended so."""
    tell(cast, name, subject=f"to {name}", now=at)
    with cast.database.writing() as session:
        last = session.scalars(select(MailMessage).order_by(MailMessage.id.desc()).limit(1)).one()
        last.state, last.sent_at = state, at if state is MailState.SENT else None


def test_officers_are_told_once_of_an_address_that_refuses_until_it_takes_mail_again(cast: Cast) -> None:
    def tell_officers(at: datetime) -> list[str]:
        with cast.database.writing() as session:
            before = session.scalar(select(func.count()).select_from(MailMessage)) or 0
            refused_addresses.tell(session, now=at)
            session.flush()
            keys = {person: key for key, person in cast.people.items()}
            rows = session.scalars(select(MailMessage.person_id).order_by(MailMessage.id).offset(before))
            return sorted(keys[person] for person in rows)

    refuse(cast, "staff")
    assert tell_officers(NOW) == ["chief", "security"]
    refuse(cast, "staff", at=NOW + timedelta(hours=1))
    assert tell_officers(NOW + timedelta(hours=1)) == []
    refuse(cast, "staff", state=MailState.SENT, at=NOW + timedelta(hours=2))
    refuse(cast, "staff", at=NOW + timedelta(hours=3))
    refuse(cast, "chief", at=NOW + timedelta(hours=3))
    assert tell_officers(NOW + timedelta(hours=3)) == ["security"], "nobody is told of their own address"
    assert tell_officers(NOW + timedelta(hours=4)) == []


def test_the_calendar_of_the_profile_rules_digests(cast: Cast) -> None:
    new_year = datetime(2027, 1, 3, 12, tzinfo=TOKYO)
    at = last_digest(new_year, cast.policy.notices, working_days(cast.policy.calendar))
    assert at.date() == date(2026, 12, 28)


def test_who_has_left_is_sent_no_digest_of_what_was_held(cast: Cast) -> None:
    prefer(cast, "staff", daily=True)
    tell(cast, "staff")
    with cast.database.writing() as session:
        held = session.scalars(select(Employment).where(Employment.person_id == cast.people["staff"])).one()
        held.valid_until = NEXT_MORNING.date()
    assert gather(cast, NEXT_MORNING) == 0
