"""The check of our own record: what stands out is found once, and stays until another has signed for it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import ContentChanged, IllegalTransition, InvalidInput, NotPermitted
from idm.models.audit import AuditRecord
from idm.models.finding_history import FindingEvent
from idm.models.log_checks import LogCheck, LogCheckSignature
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.systems import Account
from idm.models.work import Finding, MailMessage
from idm.operations.logs import log_checks
from idm.queries.logs.log_checks import log_check_page
from idm.vocabulary import FindingEventKind, FindingKind, Role
from jobs.logs.log_check import check as checked
from tests.cast import NOW, Cast
from tests.use_office import Uses

JOB = Actor.job("tests.log_check")
NIGHT = datetime(2026, 4, 1, 15, 0, tzinfo=UTC)
"""Midnight in Tokyo: nobody is at work."""
NEXT_DAY = datetime(2026, 4, 2, 1, 0, tzinfo=UTC)


def act(cast: Cast, who: str, at: datetime, *, action: str = "handover.asked", **more: object) -> None:
    """One record of this person's, sealed."""
    with cast.database.writing() as session:
        audit.record(session, action=action, actor=cast.actor(who), obj=("account", "1"), now=at, **more)  # type: ignore[arg-type]
        session.flush()
        audit.seal(session, now=at)


def check(cast: Cast, now: datetime = NEXT_DAY) -> LogCheck:
    with cast.database.writing() as session:
        audit.seal(session, now=now)
    return checked(cast.database, actor=JOB, policy=cast.policy, now=now)


def shown(cast: Cast) -> dict[int, int]:
    """What the first page of the log check shows."""
    with cast.database.reading() as session:
        return {one.finding_id: one.count for one in log_check_page(session).facts.rows}


def sign(
    cast: Cast, who: str, up_to: date, now: datetime = NEXT_DAY, *, seen: dict[int, int] | None = None
) -> log_checks.Signed:
    seen = shown(cast) if seen is None else seen
    with cast.acting(who, "log_check.sign", now) as session:
        return log_checks.sign(
            session, up_to=up_to, shown=seen, comment="業務によるもの", actor=cast.actor(who), policy=cast.policy,
            now=now,
        )  # fmt: skip


def found(cast: Cast, *, still_open: bool = True) -> list[tuple[FindingKind, str]]:
    with cast.database.reading() as session:
        query = select(Finding.kind, Finding.subject_key).order_by(Finding.id)
        if still_open:
            query = query.where(Finding.resolved_at.is_(None))
        return [(kind, key) for kind, key in session.execute(query)]


def test_what_stands_out_is_found_with_whom_it_is_about_and_the_records_that_show_it(office: Cast) -> None:
    act(office, "staff", NIGHT)
    assert check(office).found == 1
    with office.database.reading() as session:
        one = session.scalars(select(Finding)).one()
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "handover.asked")).one()
    assert (one.kind, one.system_id, one.person_id) == (FindingKind.AFTER_HOURS, None, office.people["staff"])
    assert one.details["records"] == [record.id]
    assert one.label == "青木　一郎（令和8年4月2日）"


def test_the_same_fact_is_one_finding_over_many_nights(cast: Cast) -> None:
    act(cast, "staff", NIGHT)
    assert [check(cast, NEXT_DAY + timedelta(days=n)).found for n in range(3)] == [1, 0, 0]
    assert found(cast) == found(cast, still_open=False)
    assert len(found(cast)) == 1


def test_what_was_examined_is_not_read_twice_and_nothing_between_two_checks_is_missed(cast: Cast) -> None:
    first = check(cast)
    act(cast, "staff", NEXT_DAY + timedelta(minutes=1))
    second = check(cast, NEXT_DAY + timedelta(days=1))
    assert (second.from_sequence, second.examined) == (first.to_sequence, 1)


def test_a_burst_across_two_checks_is_seen_as_one(cast: Cast) -> None:
    limit, start = cast.policy.log_check.most_acts, NOW + timedelta(days=1)
    for number in range(limit + 1):
        act(cast, "staff", start + timedelta(seconds=5 * number))
        if number == limit // 2:
            check(cast, start + timedelta(seconds=5 * number, milliseconds=1))
    check(cast, start + timedelta(hours=1))
    assert found(cast) == [(FindingKind.BURST, f"person:{cast.people['staff']}:2026-04-02")]


def test_many_names_tried_from_one_place_stand_out_there(cast: Cast) -> None:
    with cast.database.writing() as session:
        for number in range(cast.policy.log_check.most_refusals + 1):
            audit.record(
                session, action="sign_in.attempted", actor=Actor(None, "サインイン画面"), code="SIGN-IN", now=NOW,
                obj=("sign_in", "unknown"), payload={"step": 1, "source": "192.0.2.7", "count": number},
            )  # fmt: skip
    check(cast)
    assert found(cast) == [(FindingKind.REFUSED_ATTEMPTS, "from:192.0.2.7:2026-04-01")]


def test_attempts_during_locks_count_for_the_addresses_they_came_from(cast: Cast) -> None:
    most = cast.policy.log_check.most_refusals
    with cast.database.writing() as session:
        audit.record(
            session, action="sign_in.refused_during_lock", actor=Actor(None, "サインイン画面"), code="SIGN-IN-LOCKED",
            obj=("sign_in", "unknown"), now=NOW,
            payload={"attempts": most + 5, "sources": {"192.0.2.7": most + 1, "192.0.2.8": 2}},
        )  # fmt: skip
    check(cast)
    assert found(cast) == [(FindingKind.REFUSED_ATTEMPTS, "from:192.0.2.7:2026-04-01")]


def test_a_slip_of_the_pen_is_no_attempt(cast: Cast) -> None:
    for number in range(cast.policy.log_check.most_refusals + 1):
        act(cast, "staff", NOW + timedelta(seconds=number), code=InvalidInput.code)
    check(cast)
    assert found(cast) == []


def test_somebody_who_signs_in_after_months_stands_out(cast: Cast) -> None:
    act(cast, "staff", NOW, action="sign_in.completed")
    later = NOW + timedelta(days=cast.policy.log_check.sudden_after_days + 1)
    act(cast, "staff", later, action="sign_in.completed")
    check(cast, later + timedelta(days=1))
    assert found(cast) == [(FindingKind.SUDDEN_USE, f"person:{cast.people['staff']}:{day_of(later)}")]


def test_a_first_sign_in_long_after_the_invitation_stands_out(cast: Cast) -> None:
    long_after = timedelta(days=cast.policy.log_check.sudden_after_days + 1)
    with cast.database.writing() as session:
        for who in ("staff", "other"):
            about = ("person", cast.people[who])
            audit.record(session, action="sign_in.invited", actor=cast.actor("desk"), obj=about, now=NOW)
    act(cast, "other", NOW + timedelta(days=1), action="sign_in.completed")
    act(cast, "hr", NOW + long_after, action="sign_in.completed")
    act(cast, "staff", NOW + long_after, action="sign_in.completed")
    check(cast, NOW + long_after + timedelta(days=1))
    assert found(cast) == [(FindingKind.SUDDEN_USE, f"person:{cast.people['staff']}:{day_of(NOW + long_after)}")]


def test_a_privileged_id_that_was_never_used_since_it_came_into_our_books_stands_out(cast: Cast) -> None:
    uses = Uses(cast)
    uses.give("staff")
    with cast.database.writing() as session:
        long_before = uses.now - timedelta(days=cast.policy.log_check.sudden_after_days + 1)
        session.execute(update(Account).values(created_at=long_before))
    uses.opened("staff")
    check(cast, uses.now + timedelta(days=1))
    assert (FindingKind.SUDDEN_USE, f"person:{cast.people['staff']}:{day_of(uses.now)}") in found(cast)


def test_many_decisions_of_an_hour_are_told_with_their_hour(cast: Cast) -> None:
    with cast.database.writing() as session:
        for number in range(cast.policy.log_check.most_decisions_an_hour + 1):
            audit.record(
                session, action="step.approved", actor=cast.actor("chief"), obj=("request", number),
                now=NOW + timedelta(seconds=20 * number),
            )  # fmt: skip
    check(cast)
    with cast.database.reading() as session:
        (one,) = session.scalars(select(Finding)).all()
    assert one.kind is FindingKind.QUICK_DECISIONS
    assert one.details["reason"] == "60分間に61件の決裁をしました。"


def test_a_signature_closes_what_was_looked_at_and_says_who_looked(office: Cast) -> None:
    act(office, "staff", NIGHT)
    check(office, NEXT_DAY + timedelta(days=1))
    signed = sign(office, "security", date(2026, 4, 2), NEXT_DAY + timedelta(days=1))
    assert (signed, found(office)) == (log_checks.Signed(1, 0, 0), [])
    with office.database.reading() as session:
        event = session.scalars(select(FindingEvent).where(FindingEvent.kind == FindingEventKind.REPAIRED)).one()
        assert (event.person_id, event.note) == (office.people["security"], "記録の点検で確認した。業務によるもの")
        assert session.scalars(select(AuditRecord).where(AuditRecord.action == "log_check.signed")).one()
    assert check(office, NEXT_DAY + timedelta(days=2)).found == 0


def test_nobody_signs_away_what_is_about_themselves(cast: Cast) -> None:
    act(cast, "security", NIGHT)
    act(cast, "staff", NIGHT)
    check(cast, NEXT_DAY + timedelta(days=1))
    assert sign(cast, "security", date(2026, 4, 2), NEXT_DAY + timedelta(days=1)) == log_checks.Signed(1, 1, 0)
    assert found(cast) == [(FindingKind.AFTER_HOURS, f"person:{cast.people['security']}:2026-04-02")]
    assert sign(cast, "chief", date(2026, 4, 2), NEXT_DAY + timedelta(days=1)) == log_checks.Signed(1, 0, 0)


def test_nobody_signs_for_more_than_the_page_has_shown(cast: Cast) -> None:
    later, before = NEXT_DAY + timedelta(days=1), NIGHT - timedelta(days=1)
    act(cast, "staff", NIGHT)
    check(cast, later)
    seen = shown(cast)
    act(cast, "other", before)  # written late, when the page stood open
    check(cast, later + timedelta(hours=1))
    assert sign(cast, "security", date(2026, 4, 2), later, seen=seen) == log_checks.Signed(1, 0, 1)
    assert found(cast) == [(FindingKind.AFTER_HOURS, f"person:{cast.people['other']}:2026-04-01")]
    with cast.database.reading() as session:
        assert session.scalars(select(LogCheckSignature.up_to)).one() == date(2026, 3, 31)
    with pytest.raises(ContentChanged):
        sign(cast, "security", date(2026, 4, 2), later, seen=seen)


def test_what_grew_after_it_was_shown_is_looked_at_again(cast: Cast) -> None:
    later = NEXT_DAY + timedelta(days=1)
    act(cast, "staff", NIGHT)
    check(cast, later)
    seen = shown(cast)
    act(cast, "staff", NIGHT + timedelta(minutes=5))
    check(cast, later + timedelta(hours=1))
    with pytest.raises(ContentChanged):
        sign(cast, "security", date(2026, 4, 2), later, seen=seen)
    assert len(found(cast)) == 1


def test_what_is_about_every_checker_is_signed_by_the_ciso(cast: Cast) -> None:
    with cast.database.writing() as session:  # a month without a chief
        session.execute(update(Officer).where(Officer.role == Role.CHIEF).values(valid_until=date(2026, 4, 1)))
    later = NEXT_DAY + timedelta(days=1)
    act(cast, "security", NIGHT)
    act(cast, "staff", NIGHT)
    check(cast, later)
    assert sign(cast, "security", date(2026, 4, 2), later) == log_checks.Signed(1, 1, 0)
    with pytest.raises(NotPermitted):
        sign(cast, "auditor", date(2026, 4, 2), later)
    assert sign(cast, "vice", date(2026, 4, 2), later) == log_checks.Signed(1, 0, 0)
    assert found(cast) == []
    with pytest.raises(NotPermitted):
        sign(cast, "ciso", date(2026, 4, 2), later)


def test_the_ciso_closes_nothing_that_a_checker_may_sign_for(cast: Cast) -> None:
    act(cast, "security", NIGHT)
    check(cast, NEXT_DAY + timedelta(days=1))
    with pytest.raises(NotPermitted):
        sign(cast, "ciso", date(2026, 4, 2), NEXT_DAY + timedelta(days=1))
    assert len(found(cast)) == 1


def test_what_comes_to_a_day_after_it_was_signed_for_is_a_finding_again(cast: Cast) -> None:
    act(cast, "staff", NIGHT)
    later = NEXT_DAY + timedelta(days=1)
    check(cast, later)
    sign(cast, "security", date(2026, 4, 2), later)
    act(cast, "staff", NIGHT + timedelta(minutes=5))  # written late
    check(cast, later + timedelta(days=1))
    assert found(cast) == [(FindingKind.AFTER_HOURS, f"person:{cast.people['staff']}:2026-04-02")]


@pytest.mark.parametrize("who", ["staff", "ciso", "auditor", "system", "hr"])
def test_only_whom_the_profile_names_signs(cast: Cast, who: str) -> None:
    check(cast, NEXT_DAY + timedelta(days=1))
    with pytest.raises(NotPermitted):
        sign(cast, who, date(2026, 4, 1), NEXT_DAY)


def test_a_day_that_is_not_over_or_not_examined_is_not_signed_for(cast: Cast) -> None:
    check(cast, NEXT_DAY)
    with pytest.raises(InvalidInput):
        sign(cast, "security", date(2026, 4, 2), NEXT_DAY)
    with pytest.raises(IllegalTransition):
        sign(cast, "security", date(2026, 4, 2), NEXT_DAY + timedelta(days=1))


def test_an_overdue_signature_is_told_once_to_every_checker(cast: Cast) -> None:
    first = check(cast).at
    late = first + timedelta(days=cast.policy.log_check.check_every_days + 1)
    assert [check(cast, late + timedelta(days=n)).overdue_told for n in (-1, 0, 1, 2)] == [False, True, False, False]
    with cast.database.reading() as session:
        told = session.scalars(select(MailMessage.recipient).where(MailMessage.link == log_checks.PAGE)).all()
        checkers = [session.get_one(Person, cast.people[who]).mail for who in ("chief", "security")]
    assert sorted(told) == sorted(mail or "" for mail in checkers)
    sign(cast, "chief", day_of(late) + timedelta(days=1), late + timedelta(days=2))
    again = late + timedelta(days=cast.policy.log_check.check_every_days + 2)
    assert [check(cast, again + timedelta(days=n)).overdue_told for n in (-1, 0, 1)] == [False, True, False]


def test_the_record_says_how_much_was_examined(cast: Cast) -> None:
    act(cast, "staff", NIGHT)
    done = check(cast)
    with cast.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "log_check.done")).one()
    assert f'"examined":{done.examined}' in (record.payload or "")
    assert done.examined >= 1


def test_signatures_are_kept_with_what_was_said(cast: Cast) -> None:
    check(cast)
    sign(cast, "chief", date(2026, 4, 1))
    with cast.database.reading() as session:
        one = session.scalars(select(LogCheckSignature)).one()
    assert (one.up_to, one.signed_by_id, one.comment) == (date(2026, 4, 1), cast.people["chief"], "業務によるもの")


def test_while_the_record_is_read_others_write(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    act(cast, "staff", NIGHT)
    act(cast, "staff", NIGHT + 2 * log_checks.PIECE)
    written, look = [], log_checks.look

    def somebody_writes(*given: object, **named: object) -> object:
        with cast.database.writing() as session:
            session.execute(update(Person).values(mail="written@example.jp"))
        written.append(given[2])
        return look(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(log_checks, "look", somebody_writes)
    assert check(cast, NIGHT + 3 * log_checks.PIECE).examined == 2
    assert len(written) == 3, "a month and a day is more than one piece"
    assert len(found(cast)) == 2
