"""The register of exceptions: who asks, who answers, what it covers, and what the calendar does (H1 to H3)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.errors import (
    FreshFactorNeeded,
    IllegalTransition,
    InvalidInput,
    NotPermitted,
    Refusal,
    SeparationOfDuties,
)
from idm.models.audit import AuditRecord
from idm.models.exceptions import RegisteredException
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.systems import InformationSystem
from idm.models.work import Finding, MailMessage
from idm.operations.exceptions import daily, register
from idm.operations.exceptions.daily import ExceptionsFollowed
from idm.operations.exceptions.register import WantedException
from idm.operations.sweep.findings import Found, record_everywhere
from idm.policy import Policy
from idm.queries.exceptions.coverage import covering
from idm.queries.exceptions.exception_todo import exception_todo
from idm.vocabulary import ExceptionScope, ExceptionState, FindingKind, Role
from tests.cast import NOW, TODAY, Cast

JOB = Actor.job("jobs.lifecycle")
END = TODAY + timedelta(days=90)
DAY = timedelta(days=1)


def wanted(cast: Cast, **changed: object) -> WantedException:
    """青木's ID is used once a year."""
    plain = WantedException(
        clause="6-2(2)③", scope=ExceptionScope.PERSON, what="年に一度だけ使うIDを残す", reason="決算のときに使う",
        compensating_control="使う日のほかは課長が確認する", valid_from=TODAY, valid_until=END,
        finding_kind=FindingKind.DORMANT, person_id=cast.people["staff"],
    )  # fmt: skip
    return replace(plain, **changed)  # type: ignore[arg-type]


def ask(cast: Cast, who: str = "security", *, now: datetime = NOW, **changed: object) -> int:
    with cast.acting(who, "registered_exception.ask", now) as session:
        return register.ask(session, wanted(cast, **changed), actor=cast.actor(who), policy=cast.policy, now=now).id


def answer(
    cast: Cast, exception_id: int, who: str = "ciso", *, permit: bool = True, now: datetime = NOW, stale: bool = False
) -> None:
    with cast.acting(who, "registered_exception.answer", now) as session:
        register.answer(
            session, exception_id, permit=permit, note="代替措置を確認した",
            actor=cast.stale(who) if stale else cast.actor(who), policy=cast.policy, now=now,
        )  # fmt: skip


def end(cast: Cast, exception_id: int, who: str, *, now: datetime = NOW) -> None:
    with cast.acting(who, "registered_exception.end", now) as session:
        register.end(session, exception_id, note="必要がなくなった", actor=cast.stale(who), policy=cast.policy, now=now)


def follow(cast: Cast, now: datetime) -> ExceptionsFollowed:
    with cast.database.writing() as session:
        return daily.follow(session, actor=JOB, policy=cast.policy, now=now)


def state(cast: Cast, exception_id: int) -> ExceptionState:
    with cast.database.reading() as session:
        return session.get_one(RegisteredException, exception_id).state


def covers(cast: Cast, day: date = TODAY) -> int | None:
    with cast.database.reading() as session:
        return covering(session, day).of(FindingKind.DORMANT, system_id=1, person_id=cast.people["staff"])


def told(cast: Cast) -> list[tuple[str, str]]:
    with cast.database.reading() as session:
        return [(one.body.partition("　")[0], one.subject) for one in session.scalars(select(MailMessage))]


def at(day: date) -> datetime:
    return NOW + (day - TODAY)


def test_what_is_asked_covers_nothing_until_the_ciso_permits_it(cast: Cast) -> None:
    exception = ask(cast)
    assert covers(cast) is None
    answer(cast, exception)
    assert covers(cast) == exception


def test_what_the_ciso_refuses_covers_nothing(cast: Cast) -> None:
    exception = ask(cast)
    answer(cast, exception, permit=False)
    assert (state(cast, exception), covers(cast)) == (ExceptionState.REFUSED, None)


@pytest.mark.parametrize("who", ["chief", "vice", "hr", "staff", "auditor", "desk"])
def test_only_the_roles_of_the_profile_ask(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        ask(cast, who)


def test_a_section_manager_asks_for_their_own_people_and_a_system_manager_for_their_own_systems(cast: Cast) -> None:
    with cast.database.reading() as session:
        ledger = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    assert ask(cast, "security")
    assert ask(cast, "system", system_id=ledger)
    with pytest.raises(NotPermitted, match="所管"):
        ask(cast, "system")
    with pytest.raises(NotPermitted, match="所管"):
        ask(cast, "security", scope=ExceptionScope.SYSTEM, person_id=None, system_id=ledger)


def test_where_the_profile_names_only_the_section_manager_nobody_else_asks(cast: Cast) -> None:
    with cast.database.reading() as session:
        ledger = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    narrower = _with(cast.policy, asked_by=(Role.SECTION,))
    with pytest.raises(NotPermitted, match="情報セキュリティ管理者だけ"):
        ask(replace(cast, policy=narrower), "system", system_id=ledger)


def _with(policy: Policy, **changed: object) -> Policy:
    return replace(policy, exceptions=replace(policy.exceptions, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("who", ["chief", "vice", "security", "auditor"])
def test_nobody_but_the_ciso_answers(cast: Cast, who: str) -> None:
    exception = ask(cast)
    with pytest.raises(NotPermitted):
        answer(cast, exception, who)


def test_what_is_about_the_ciso_is_answered_by_the_vice_ciso_and_never_by_the_ciso(cast: Cast) -> None:
    exception = ask(cast, "system", scope=ExceptionScope.ORGANISATION, person_id=None)
    with cast.database.writing() as session:
        row = session.get_one(RegisteredException, exception)
        row.scope, row.person_id = ExceptionScope.PERSON, cast.people["ciso"]
    with pytest.raises(SeparationOfDuties):
        answer(cast, exception)
    with pytest.raises(NotPermitted):
        answer(cast, exception, "chief")
    with cast.database.reading() as session:
        todo = {
            who: exception_todo(session, cast.people[who], policy=cast.policy, now=NOW).to_answer
            for who in ("ciso", "vice")
        }
    assert todo == {"ciso": 0, "vice": 1}
    answer(cast, exception, "vice")
    with cast.database.reading() as session:
        row = session.get_one(RegisteredException, exception)
    assert (row.state, row.answered_by_id) == (ExceptionState.PERMITTED, cast.people["vice"])


def test_an_exception_permitted_by_whoever_asked_is_refused_by_the_database_too(cast: Cast) -> None:
    exception = ask(cast)
    changed = update(RegisteredException).values(state=ExceptionState.PERMITTED, answered_by_id=cast.people["security"])
    with cast.database.writing() as session, pytest.raises(IntegrityError, match="two_people"):
        session.execute(changed.where(RegisteredException.id == exception))


def test_permitting_asks_for_a_second_factor_given_just_now(cast: Cast) -> None:
    exception = ask(cast)
    with pytest.raises(FreshFactorNeeded):
        answer(cast, exception, stale=True)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"finding_kind": FindingKind.LEFT}, "離職者"),
        ({"valid_until": TODAY + timedelta(days=366)}, "365日まで"),
        ({"valid_from": TODAY - DAY}, "さかのぼって"),
        ({"person_id": None}, "対象を選んで"),
        ({"reason": " "}, "理由"),
        ({"compensating_control": ""}, "代わりにとる措置"),
        ({"account_id": 1}, "合わない"),
        ({"unit_code": "0100"}, "所属"),
    ],
)
def test_what_cannot_be_an_exception_is_refused_in_words(cast: Cast, changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        ask(cast, **changed)


def test_ended_early_it_covers_nothing_any_more_and_asks_for_no_second_factor(cast: Cast) -> None:
    exception = ask(cast)
    answer(cast, exception)
    with pytest.raises(NotPermitted):
        end(cast, exception, "system")
    end(cast, exception, "security")
    assert (state(cast, exception), covers(cast)) == (ExceptionState.ENDED, None)


def test_it_expires_by_itself_and_covers_nothing_even_before_that_is_written_down(cast: Cast) -> None:
    exception = ask(cast)
    answer(cast, exception)
    assert (covers(cast, END - DAY), covers(cast, END)) == (exception, None)
    assert follow(cast, at(END - DAY)).expired == 0
    assert follow(cast, at(END)).expired == 1
    assert follow(cast, at(END)).expired == 0
    assert state(cast, exception) is ExceptionState.EXPIRED


def test_whoever_asked_is_reminded_once_also_after_an_outage(cast: Cast) -> None:
    answer(cast, ask(cast))
    nights = [60, 61, 62, 89]
    assert [follow(cast, at(TODAY + timedelta(days=night))).reminded for night in nights] == [1, 0, 0, 0]
    reminders = [one for one in told(cast) if "期限が近づいています" in one[1]]
    assert reminders == [("香椎", "【例外措置】期限が近づいています")]


def test_several_that_end_soon_are_one_mail(cast: Cast) -> None:
    for _ in range(3):
        answer(cast, ask(cast))
    assert follow(cast, at(END - DAY)).reminded == 3
    with cast.database.reading() as session:
        bodies = [m.body for m in session.scalars(select(MailMessage)) if "期限が近づいています" in m.subject]
    assert len(bodies) == 1
    assert "3件" in bodies[0]


@pytest.fixture
def found_again(cast: Cast) -> Callable[[bool], None]:
    """What the exception covers is found, or not found any more."""

    def lay(there: bool) -> None:
        one = Found(FindingKind.DORMANT, "x", "aoki", person_id=cast.people["staff"])
        with cast.database.writing() as session:
            record_everywhere(
                session, [FindingKind.DORMANT], [one] if there else [], actor=JOB, policy=cast.policy, now=NOW
            )

    return lay


def open_expired(cast: Cast) -> list[str]:
    with cast.database.reading() as session:
        query = select(Finding.subject_key).where(
            Finding.kind == FindingKind.EXCEPTION_EXPIRED, Finding.resolved_at.is_(None)
        )
        return list(session.scalars(query))


def test_expired_though_needed_is_a_finding_until_what_it_covered_is_gone(
    cast: Cast, found_again: Callable[[bool], None]
) -> None:
    exception = ask(cast)
    answer(cast, exception)
    found_again(True)
    follow(cast, at(END))
    assert open_expired(cast) == [str(exception)]
    found_again(False)
    follow(cast, at(END + DAY))
    assert open_expired(cast) == []


def test_an_expired_exception_of_a_unit_is_needed_while_somebody_of_the_unit_is_found(
    cast: Cast, found_again: Callable[[bool], None]
) -> None:
    exception = ask(cast, scope=ExceptionScope.UNIT, person_id=None, unit_code="0100")
    answer(cast, exception)
    found_again(True)
    follow(cast, at(END))
    assert open_expired(cast) == [str(exception)]


def test_expired_and_not_needed_is_no_finding(cast: Cast) -> None:
    answer(cast, ask(cast))
    follow(cast, at(END))
    assert open_expired(cast) == []


@pytest.mark.parametrize("settled", ["renewed", "ended"])
def test_that_finding_goes_when_it_is_renewed_or_somebody_says_that_it_is_over(cast: Cast, settled: str) -> None:
    exception = ask(cast, finding_kind=None)
    answer(cast, exception)
    follow(cast, at(END))
    assert open_expired(cast) == [str(exception)]
    if settled == "ended":
        end(cast, exception, "security", now=at(END))
    else:
        renewal = ask(
            cast, now=at(END), finding_kind=None, renews_id=exception, valid_from=END, valid_until=END + 90 * DAY
        )
        follow(cast, at(END))
        assert open_expired(cast) == [str(exception)]
        answer(cast, renewal, now=at(END))
    follow(cast, at(END + DAY))
    assert open_expired(cast) == []


def test_a_renewal_names_the_old_one_is_about_the_same_and_is_asked_for_once(cast: Cast) -> None:
    exception = ask(cast)
    answer(cast, exception)
    again: dict[str, Any] = {"renews_id": exception, "valid_from": END, "valid_until": END + 90 * DAY}
    with pytest.raises(IllegalTransition, match="30日前から"):
        ask(cast, **again)
    near = at(END - 20 * DAY)
    with pytest.raises(InvalidInput, match="対象を変えられません"):
        ask(cast, now=near, finding_kind=FindingKind.NEVER_USED, **again)
    renewal = ask(cast, now=near, **again)
    with pytest.raises(IllegalTransition, match="すでに申請"):
        ask(cast, now=near, **again)
    assert covers(cast, END) is None
    answer(cast, renewal, now=near)
    assert (covers(cast, END - DAY), covers(cast, END)) == (exception, renewal)


def test_an_emergency_is_told_to_the_ciso_at_once_and_answered_only_after_its_report(cast: Cast) -> None:
    exception = ask(cast, acted_at=NOW - timedelta(hours=2))
    assert ("大濠", f"【例外措置】緊急の措置：第{exception}号") in told(cast)
    with pytest.raises(IllegalTransition, match="報告を受けて"):
        answer(cast, exception)
    assert covers(cast) is None
    report(cast, exception)
    answer(cast, exception)
    assert covers(cast) == exception


def report(cast: Cast, exception_id: int, who: str = "security", *, now: datetime = NOW) -> None:
    with cast.acting(who, "registered_exception.report", now) as session:
        register.report(
            session, exception_id, text="回線が切れたため", actor=cast.stale(who), policy=cast.policy, now=now
        )


def test_an_emergency_is_not_ended_before_it_was_reported(cast: Cast) -> None:
    exception = ask(cast, acted_at=NOW)
    with pytest.raises(IllegalTransition, match="報告するまで終えられません"):
        end(cast, exception, "security")
    assert follow(cast, NOW + timedelta(hours=25)).escalated == 1
    report(cast, exception, now=NOW + timedelta(hours=26))
    end(cast, exception, "security", now=NOW + timedelta(hours=27))
    assert state(cast, exception) is ExceptionState.ENDED


def gone_on_with(cast: Cast, before: int, begins: date) -> int:
    made = ask(
        cast, now=at(begins), renews_id=before, finding_kind=None, valid_from=begins, valid_until=begins + 90 * DAY
    )
    answer(cast, made, now=at(begins))
    return made


@pytest.mark.usefixtures("found_again")
def test_of_a_chain_of_renewals_only_the_last_one_can_be_a_finding(cast: Cast) -> None:
    first = ask(cast, finding_kind=None)
    answer(cast, first)
    follow(cast, at(END))
    second = gone_on_with(cast, first, END)
    follow(cast, at(END + 90 * DAY))
    third = gone_on_with(cast, second, END + 90 * DAY)
    follow(cast, at(END + 91 * DAY))
    assert state(cast, third) is ExceptionState.PERMITTED
    assert open_expired(cast) == []
    end(cast, third, "security", now=at(END + 92 * DAY))
    follow(cast, at(END + 93 * DAY))
    assert open_expired(cast) == [], "the last one was not needed any more"


def test_an_unreported_emergency_is_told_to_the_next_level_once_each(cast: Cast) -> None:
    exception = ask(cast, acted_at=NOW)
    hours = [23, 25, 26, 49, 50, 200]
    assert [follow(cast, NOW + timedelta(hours=hour)).escalated for hour in hours] == [0, 1, 0, 1, 0, 0]
    late = [who for who, subject in told(cast) if "報告がありません" in subject]
    assert sorted(late) == ["大濠", "天神", "香椎", "香椎"]
    report(cast, exception, now=NOW + timedelta(hours=201))
    assert follow(cast, NOW + timedelta(hours=300)).escalated == 0


def test_nobody_acts_in_an_emergency_that_is_still_to_come(cast: Cast) -> None:
    with pytest.raises(InvalidInput, match="今より前"):
        ask(cast, acted_at=NOW + timedelta(minutes=1))


def check(cast: Cast, exception_id: int, who: str, *, needed: bool = True, now: datetime = NOW) -> None:
    with cast.acting(who, "registered_exception.check", now) as session:
        register.check(
            session, exception_id, still_needed=needed, comment="鍵の記録を見た", actor=cast.stale(who),
            policy=cast.policy, now=now,
        )  # fmt: skip


def test_an_overdue_check_is_told_once_and_signed_by_somebody_who_did_not_ask(cast: Cast) -> None:
    exception = ask(cast, valid_until=TODAY + timedelta(days=365))
    answer(cast, exception)
    nights = [92, 93, 94]
    assert [follow(cast, at(TODAY + timedelta(days=night))).checks_told for night in nights] == [0, 1, 0]
    with pytest.raises(SeparationOfDuties):
        check(cast, exception, "security")
    check(cast, exception, "chief", now=at(TODAY + timedelta(days=95)))
    assert follow(cast, at(TODAY + timedelta(days=187))).checks_told == 0
    assert follow(cast, at(TODAY + timedelta(days=188))).checks_told == 1


def test_a_check_that_finds_no_need_tells_whoever_asked(cast: Cast) -> None:
    exception = ask(cast)
    answer(cast, exception)
    check(cast, exception, "chief", needed=False)
    assert ("香椎", f"【例外措置】必要がなくなったようです：第{exception}号") in told(cast)


def test_every_act_is_in_the_audit_record(cast: Cast) -> None:
    exception = ask(cast)
    answer(cast, exception)
    check(cast, exception, "chief")
    follow(cast, at(END - DAY))
    end(cast, exception, "security", now=at(END - DAY))
    with cast.database.reading() as session:
        query = select(AuditRecord.action).where(AuditRecord.object_kind == "exception")
        acts = [action.partition(".")[2] for action in session.scalars(query.order_by(AuditRecord.id))]
    assert acts == ["asked", "permitted", "checked", "reminded", "ended"]


def test_a_refused_act_leaves_nothing_but_its_record(cast: Cast) -> None:
    with pytest.raises(Refusal):
        ask(cast, reason="")
    with cast.database.reading() as session:
        assert session.scalars(select(RegisteredException)).all() == []


def test_where_whoever_asked_has_left_the_office_the_security_officer_is_reminded(cast: Cast) -> None:
    with cast.database.reading() as session:
        ledger = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    exception = ask(cast, "system", system_id=ledger)
    answer(cast, exception)
    with cast.database.writing() as session:
        post = cast.employment(session, "system").assignments[0]
        post.valid_until = END - 10 * DAY
    assert follow(cast, at(END - DAY)).reminded == 1
    assert ("香椎", "【例外措置】期限が近づいています") in told(cast)
    assert not [who for who, subject in told(cast) if who == "箱崎" and "期限" in subject]


def test_on_postgresql_it_is_all_the_same(postgres_office: Cast) -> None:
    cast = postgres_office
    exception = ask(cast)
    answer(cast, exception)
    near = at(END - 20 * DAY)
    assert follow(cast, near).reminded == 1
    renewal = ask(cast, now=near, renews_id=exception, valid_from=END, valid_until=END + 90 * DAY)
    with pytest.raises(IllegalTransition, match="すでに申請"):
        ask(cast, now=near, renews_id=exception, valid_from=END, valid_until=END + 90 * DAY)
    assert follow(cast, at(END)).expired == 1
    assert covers(cast, END) is None
    answer(cast, renewal, now=at(END))
    assert covers(cast, END) == renewal
    twice = update(RegisteredException).where(RegisteredException.id == renewal).values(asked_by_id=cast.people["ciso"])
    with cast.database.writing() as session, pytest.raises(IntegrityError, match="two_people"):
        session.execute(twice)


# --- what nobody answers, reports or checks ---------------------------------------------------------------------------


def test_an_application_that_is_left_lying_is_brought_to_mind_and_told_to_the_next_in_line(cast: Cast) -> None:
    exception = ask(cast)
    asked = [who for who, _ in told(cast)]
    assert [follow(cast, at(TODAY + days * DAY)).unanswered for days in (1, 10, 10, 60)] == [0, 1, 0, 1]
    assert {subject.partition("：")[0] for _, subject in told(cast)[len(asked) :]} == {
        "【例外措置】許可・不許可を決めてください", "【例外措置】答えがありません",
    }  # fmt: skip
    assert actions(cast).count("registered_exception.unanswered") == 2
    answer(cast, exception, now=at(TODAY + 61 * DAY))
    assert follow(cast, at(TODAY + 62 * DAY)).unanswered == 0


def test_an_application_whose_period_is_over_waits_no_longer_and_stands_in_nobodys_way(cast: Cast) -> None:
    first = ask(cast)
    answer(cast, first)
    over = END + 20 * DAY
    waiting = ask(cast, now=at(END), renews_id=first, valid_from=END, valid_until=END + 10 * DAY)
    follow(cast, at(over))
    assert state(cast, waiting) is ExceptionState.ENDED
    assert "registered_exception.lapsed" in actions(cast)
    assert ask(cast, now=at(over), renews_id=first, valid_from=over, valid_until=over + 20 * DAY)


def test_an_emergency_without_its_report_does_not_end_with_its_period(cast: Cast) -> None:
    emergency = ask(cast, acted_at=NOW - timedelta(hours=1))
    follow(cast, at(END + DAY))
    assert state(cast, emergency) is ExceptionState.ASKED


def test_an_emergency_that_is_written_down_late_is_told_to_the_levels_though_its_report_is_with_it(cast: Cast) -> None:
    acted = NOW - timedelta(days=30)
    ask(cast, acted_at=acted, valid_from=TODAY - 30 * DAY, valid_until=TODAY + 30 * DAY, report="止めて復旧した")
    late = {who for who, subject in told(cast) if "報告の遅れた" in subject}
    assert len(late) == len(cast.policy.exceptions.emergency_escalate_to)
    ask(cast, acted_at=NOW - timedelta(hours=1), report="止めて復旧した")
    assert {who for who, subject in told(cast) if "報告の遅れた" in subject} == late


def test_a_check_that_is_overdue_is_on_record(cast: Cast) -> None:
    answer(cast, ask(cast, valid_until=TODAY + 300 * DAY))
    assert follow(cast, at(TODAY + 93 * DAY)).checks_told == 1
    assert actions(cast).count("registered_exception.check_overdue") == 1


def actions(cast: Cast) -> list[str]:
    with cast.database.reading() as session:
        return list(session.scalars(select(AuditRecord.action)))


# --- who answers for it, and who ends it ------------------------------------------------------------------------------


def test_what_holds_for_the_whole_organisation_is_ended_by_whoever_asked_and_the_heads(cast: Cast) -> None:
    everywhere = ask(cast, scope=ExceptionScope.ORGANISATION, person_id=None)
    answer(cast, everywhere)
    _manages(cast, "auditor", "0900")
    with pytest.raises(NotPermitted):
        end(cast, everywhere, "auditor")
    end(cast, everywhere, "security")
    assert state(cast, everywhere) is ExceptionState.ENDED


def test_where_whoever_asked_manages_another_section_now_the_manager_of_today_hears_of_it(cast: Cast) -> None:
    exception = ask(cast)
    answer(cast, exception)
    with cast.database.writing() as session:
        theirs = select(Officer).where(Officer.person_id == cast.people["security"], Officer.role == Role.SECTION)
        for one in session.scalars(theirs).all():
            one.person_id = cast.people["hr"]
    _manages(cast, "security", "0900")
    assert follow(cast, at(END - DAY)).reminded == 1
    heard = {who for who, subject in told(cast) if "期限が近づいています" in subject}
    with cast.database.reading() as session:
        manager = session.get_one(Person, cast.people["hr"]).name
    assert manager.partition("　")[0] in heard


def _manages(cast: Cast, who: str, unit: str) -> None:
    """`who` is section manager of the unit, too."""
    with cast.database.writing() as session:
        one = session.scalars(select(Officer).where(Officer.role == Role.SECTION)).first()
        assert one is not None
        same = {column.key: getattr(one, column.key) for column in Officer.__table__.columns if column.key != "id"}
        session.add(Officer(**{**same, "person_id": cast.people[who], "unit_code": unit}))
