"""What becomes of findings: answered for, covered, accepted, open again, given to somebody, told of."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.errors import IllegalTransition, InvalidInput, NotPermitted, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.exceptions import RegisteredException
from idm.models.finding_history import FindingEvent
from idm.models.going_live import Justification
from idm.models.nights import SweepNight
from idm.models.officers import Deputy, Officer
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding, MailMessage, SweepRun
from idm.operations.sweep import (
    finding_answers,
    finding_care,
    finding_following,
    finding_notices,
    findings,
    risk_acceptance,
)
from idm.operations.sweep.finding_following import OWNER_GONE, Followed, follow
from idm.operations.sweep.findings import (
    Found,
    Scope,
    SweepResult,
    record_comparison,
    record_everywhere,
    record_sweep,
)
from idm.oversight.finding_state import NEVER_ANSWERED, FindingFacts, state_of
from idm.queries.sweep.finding_owners import Offices
from idm.queries.sweep.finding_states import answer_ended, facts_of, stands, state_column
from idm.vocabulary import ExceptionScope, ExceptionState, FindingKind, FindingState, Role, Stage
from jobs.sweep.reconcile import WHOLE
from tests.carried_out import carry_out
from tests.cast import NOW, TODAY, Cast

SWEEP = Actor.job("tests.sweep")
DAY = timedelta(days=1)
DRIFT = Found(FindingKind.DRIFT, "e-1", "u100009", details={"differences": [["open", ""]], "more": True})
ORPHAN = Found(FindingKind.ORPHAN, "e-2", "u999999")
LEFT = Found(FindingKind.LEFT, "e-3", "u100042")
SUDDEN = Found(FindingKind.SUDDEN_USE, "p-9", "u100009")


def sweep(cast: Cast, *found: Found, now: datetime = NOW, system: str = "ledger") -> None:
    with cast.database.writing() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == system)).one()
        record_sweep(
            session, SweepResult(system_id, system, 10, found), started_at=now, actor=SWEEP, policy=cast.policy, now=now
        )


def act(
    cast: Cast, who: str, operation: Callable[..., object], *, finding: int = 1, now: datetime = NOW, **said: object
) -> None:  # fmt: skip
    with cast.acting(who, now=now) as session:
        operation(session, finding, actor=cast.actor(who), policy=cast.policy, now=now, **said)


def accept(cast: Cast, *, finding: int = 1, days: int = 10, who: str = "ciso", now: datetime = NOW) -> None:
    until = now.date() + timedelta(days=days)
    act(cast, who, risk_acceptance.accept, finding=finding, now=now, reason="更改まで使うため", until=until)


def justify(cast: Cast, *, days: int = 5) -> None:
    act(cast, "security", finding_answers.justify, reason="移行中", until=TODAY + timedelta(days=days))


def followed(cast: Cast, now: datetime = NOW) -> Followed:
    with cast.database.writing() as session:
        return follow(session, actor=SWEEP, policy=cast.policy, now=now)


def told(cast: Cast, now: datetime = NOW) -> tuple[int, int]:
    """How many findings were told of as urgent, and how many as overdue."""
    with cast.database.writing() as session:
        urgent = finding_notices.tell_urgent(session, actor=SWEEP, policy=cast.policy, now=now)
        return urgent, finding_notices.escalate(session, actor=SWEEP, policy=cast.policy, now=now)


def one(cast: Cast, finding: int = 1) -> Finding:
    with cast.database.reading() as session:
        return session.get_one(Finding, finding)


def state(cast: Cast, now: datetime = NOW, finding: int = 1) -> str:
    """Where the finding stands, by its row and by its facts alike."""
    day = now.date()
    with cast.database.reading() as session:
        row = session.scalars(select(state_column(day)).where(Finding.id == finding)).one()
        filters = {each: session.scalars(select(Finding.id).where(stands(each, day))).all() for each in FindingState}
        assert state_of(facts_of(session, session.get_one(Finding, finding)), day).value == row
        assert [each for each, found in filters.items() if finding in found] == [FindingState(row)]
        return row


def history(cast: Cast, finding: int = 1) -> list[tuple[str, int | None, str | None]]:
    with cast.database.reading() as session:
        rows = session.scalars(select(FindingEvent).where(FindingEvent.finding_id == finding).order_by(FindingEvent.id))
        return [(event.kind.value, event.person_id, event.note) for event in rows]


def mails(cast: Cast) -> dict[str, list[str]]:
    """Recipient → the subjects of what they were told."""
    with cast.database.reading() as session:
        found: dict[str, list[str]] = {}
        for mail in session.scalars(select(MailMessage).order_by(MailMessage.id)):
            found.setdefault(mail.recipient, []).append(mail.subject)
        return found


def mail_of(cast: Cast, who: str) -> str:
    number = {"ciso": "100001", "chief": "100003", "system": "100004", "security": "100005"}[who]
    return f"u{number}@example.jp"


def register(cast: Cast, scope: ExceptionScope, *, until: date = TODAY + 30 * DAY, **reach: object) -> int:
    with cast.database.writing() as session:
        made = RegisteredException(
            state=ExceptionState.PERMITTED, clause="6-2(1)", scope=scope, what="旧サーバー", reason="更改まで",
            compensating_control="毎週の目視", valid_from=TODAY, valid_until=until,
            asked_by_id=cast.people["system"], asked_at=NOW, answered_by_id=cast.people["ciso"], answered_at=NOW,
            **{"finding_kind": FindingKind.DRIFT, **reach},
        )  # fmt: skip
        session.add(made)
        session.flush()
        return made.id


def test_a_new_finding_has_a_last_day_by_its_kind_which_is_a_working_day(cast: Cast) -> None:
    sweep(cast, ORPHAN, LEFT)
    assert {finding: one(cast, finding).due_on for finding in (1, 2)} == {1: date(2026, 5, 1), 2: date(2026, 4, 6)}


def test_an_accepted_risk_ends_by_itself_and_the_finding_has_a_new_last_day(office: Cast) -> None:
    sweep(office, DRIFT)
    accept(office, days=10)
    assert (state(office), state(office, NOW + 9 * DAY), state(office, NOW + 10 * DAY)) == (
        "accepted",
        "accepted",
        "open",
    )
    assert followed(office, NOW + 9 * DAY) == Followed(0, 0, 0)
    assert followed(office, NOW + 10 * DAY) == Followed(0, 1, 0)
    assert followed(office, NOW + 10 * DAY) == Followed(0, 0, 0), "an end is one end"
    assert [kind for kind, *_ in history(office)] == ["found", "accepted", "answer_ended"]
    finding = one(office)
    assert (finding.due_on, finding.accepted_until, finding.answered_at) == (date(2026, 5, 11), None, None)


def test_what_was_accepted_is_what_was_found_then_and_nothing_else(cast: Cast) -> None:
    sweep(cast, DRIFT)
    accept(cast)
    sweep(cast, replace(DRIFT, details={"differences": [["open", ""], ["kept", ""]]}), now=NOW + DAY)
    assert state(cast, NOW + DAY) == "open"
    followed(cast, NOW + DAY)
    assert [kind for kind, *_ in history(cast)] == ["found", "accepted", "changed", "answer_ended"]


@pytest.mark.parametrize("kind", sorted(NEVER_ANSWERED))
def test_what_the_standard_leaves_no_choice_about_is_never_accepted(cast: Cast, kind: FindingKind) -> None:
    sweep(cast, replace(DRIFT, kind=kind))
    with pytest.raises(IllegalTransition, match="受容できません"):
        accept(cast)
    assert state(cast) == "open"


def test_the_database_keeps_no_accepted_risk_of_an_id_of_somebody_who_left(office: Cast) -> None:
    sweep(office, LEFT, ORPHAN)
    accepted = update(Finding).values(accepted_by_id=1, accepted_until=TODAY, accepted_reason="x")
    with pytest.raises(IntegrityError, match="never_accepted"), office.database.writing() as session:
        session.execute(accepted.where(Finding.kind == FindingKind.LEFT))
    with office.database.writing() as session:
        session.execute(accepted.where(Finding.kind == FindingKind.ORPHAN))
    assert one(office, 2).accepted_reason == "x"


@pytest.mark.parametrize("who", ["vice", "chief", "security", "system", "auditor", "staff"])
def test_only_the_ciso_accepts_a_risk(cast: Cast, who: str) -> None:
    sweep(cast, DRIFT)
    with pytest.raises(NotPermitted):
        accept(cast, who=who)


def test_the_ciso_accepts_no_risk_of_their_own_id(cast: Cast) -> None:
    cast.approve(cast.file("ciso", ("ciso", "ledger/account")))
    carry_out(cast)
    sweep(cast, replace(DRIFT, account_id=1))
    with pytest.raises(SeparationOfDuties):
        accept(cast)


@pytest.mark.parametrize("days", [0, -1, 366])
def test_an_acceptance_ends_within_the_profiles_days(cast: Cast, days: int) -> None:
    sweep(cast, DRIFT)
    with pytest.raises(InvalidInput) as refused:
        accept(cast, days=days)
    assert "accept_until" in refused.value.fields


def test_on_the_last_day_that_the_profile_allows_a_risk_may_still_be_accepted(cast: Cast) -> None:
    sweep(cast, DRIFT)
    accept(cast, days=cast.policy.findings.accept_longest_days)
    assert state(cast) == "accepted"


def test_a_risk_is_accepted_and_taken_back_for_a_reason(cast: Cast) -> None:
    sweep(cast, DRIFT)
    with pytest.raises(InvalidInput, match="理由を書いて"):
        act(cast, "ciso", risk_acceptance.accept, reason=" ", until=TODAY + DAY)
    accept(cast)
    with pytest.raises(InvalidInput, match="理由を書いて"):
        act(cast, "ciso", risk_acceptance.take_back, reason="")
    assert state(cast) == "accepted"


@pytest.mark.parametrize("who", ["chief", "security", "system", "auditor"])
def test_only_the_ciso_takes_an_accepted_risk_back(cast: Cast, who: str) -> None:
    sweep(cast, DRIFT)
    accept(cast)
    with pytest.raises(NotPermitted):
        act(cast, who, risk_acceptance.take_back, reason="やめる")
    assert state(cast) == "accepted"


def test_no_risk_is_accepted_of_what_is_gone(cast: Cast) -> None:
    sweep(cast, DRIFT)
    sweep(cast, now=NOW + DAY)
    with pytest.raises(IllegalTransition, match="解消"):
        accept(cast, now=NOW + DAY)


def test_nothing_is_taken_back_that_was_not_accepted_or_is_over(cast: Cast) -> None:
    sweep(cast, DRIFT)
    justify(cast, days=3)
    with pytest.raises(IllegalTransition, match="受容されていません"):
        act(cast, "ciso", risk_acceptance.take_back, reason="やめる")
    accept(cast, days=5)
    with pytest.raises(IllegalTransition, match="未対応"):
        act(cast, "ciso", risk_acceptance.take_back, now=NOW + 6 * DAY, reason="やめる")


def test_an_acceptance_is_taken_back_before_its_end(cast: Cast) -> None:
    sweep(cast, DRIFT)
    accept(cast, days=300)
    later = NOW + 60 * DAY
    act(cast, "ciso", risk_acceptance.take_back, now=later, reason="事故があったため")
    assert state(cast, later) == "open"
    assert one(cast).due_on == date(2026, 6, 30)
    assert history(cast)[-1] == ("answer_ended", cast.people["ciso"], "事故があったため")
    with pytest.raises(IllegalTransition):
        act(cast, "ciso", risk_acceptance.take_back, now=later, reason="もう一度")


def test_beneath_an_accepted_risk_nobody_justifies(cast: Cast) -> None:
    sweep(cast, DRIFT)
    accept(cast)
    with pytest.raises(IllegalTransition, match="リスクを受容"):
        justify(cast)


def test_a_justification_under_a_risk_accepted_later_holds_on_when_the_acceptance_ends(cast: Cast) -> None:
    sweep(cast, DRIFT)
    justify(cast, days=40)
    accept(cast, days=5)
    assert [state(cast, NOW + days * DAY) for days in (0, 5, 40)] == ["accepted", "justified", "open"]
    assert followed(cast, NOW + 5 * DAY).reopened == 0
    assert followed(cast, NOW + 40 * DAY).reopened == 1


def test_an_exception_covers_what_it_is_about_until_it_ends(office: Cast) -> None:
    sweep(office, DRIFT, replace(DRIFT, subject_key="e-7"), ORPHAN)
    sweep(office, DRIFT, system="pension")
    number = register(office, ExceptionScope.SYSTEM, system_id=one(office).system_id)
    assert followed(office) == Followed(2, 0, 0)
    assert followed(office) == Followed(0, 0, 0)
    assert [state(office, finding=finding) for finding in (1, 2, 3, 4)] == ["justified", "justified", "open", "open"]
    assert history(office)[-1] == ("justified", None, f"例外措置 第{number}号による。")
    later = NOW + 30 * DAY
    assert state(office, later) == "open"
    assert followed(office, later) == Followed(0, 2, 0)
    assert (one(office).exception_id, one(office).due_on) == (None, date(2026, 6, 1))


def test_what_an_exception_no_longer_reaches_is_open_again(cast: Cast) -> None:
    sweep(cast, DRIFT)
    number = register(cast, ExceptionScope.SYSTEM, system_id=one(cast).system_id)
    followed(cast)
    with cast.database.writing() as session:
        other = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "pension")).one()
        session.execute(update(RegisteredException).where(RegisteredException.id == number).values(system_id=other))
    assert followed(cast, NOW + DAY).reopened == 1
    assert (state(cast), one(cast).exception_id) == ("open", None)


def test_an_exception_that_was_ended_early_covers_nothing_from_that_moment(cast: Cast) -> None:
    sweep(cast, DRIFT)
    number = register(cast, ExceptionScope.ORGANISATION)
    followed(cast)
    with cast.database.writing() as session:
        session.get_one(RegisteredException, number).state = ExceptionState.ENDED
    assert state(cast) == "open"
    assert followed(cast).reopened == 1


def test_an_exception_for_a_unit_covers_the_ids_of_its_people(cast: Cast) -> None:
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    cast.approve(cast.file("hr", ("hr", "ledger/account")))
    carry_out(cast)
    sweep(cast, replace(DRIFT, account_id=1), replace(DRIFT, subject_key="e-7", account_id=2))
    register(cast, ExceptionScope.UNIT, unit_code="0110")
    assert followed(cast).covered == 1
    assert [state(cast, finding=finding) for finding in (1, 2)] == ["open", "justified"]


def test_a_fact_that_comes_back_is_not_what_was_accepted_before(cast: Cast) -> None:
    sweep(cast, DRIFT)
    accept(cast, days=300)
    sweep(cast, now=NOW + DAY)
    sweep(cast, DRIFT, now=NOW + 2 * DAY)
    assert state(cast, NOW + 2 * DAY) == "repaired"
    assert state(cast, NOW + 2 * DAY, finding=2) == "open"


def test_what_somebody_answers_for_is_not_put_right_by_itself(cast: Cast) -> None:
    cast.approve(cast.file("staff", ("staff", "ledger/account")))
    carry_out(cast)
    rules = replace(cast.policy.reconciliation, repair="repair")
    policy = replace(cast.policy, reconciliation=rules)
    asked = []
    for now in (NOW, NOW + 5 * DAY):
        sweep(cast, replace(DRIFT, account_id=1), now=now)
        if now == NOW:
            accept(cast, days=5)
        with cast.database.writing() as session:
            system = session.get_one(InformationSystem, one(cast).system_id)
            finding_answers.repair_by_profile(session, system, compared=100, actor=SWEEP, policy=policy, now=now)
        asked.append(one(cast).repair_asked_at)
    assert asked == [None, NOW + 5 * DAY], "it is put right on the day the answer has ended"


def test_a_finding_belongs_to_who_manages_its_system_or_to_the_security_officer(cast: Cast) -> None:
    sweep(cast, ORPHAN, SUDDEN)
    with cast.database.reading() as session:
        offices = Offices.on(session, TODAY)
        system_id = one(cast).system_id
        manager, security = cast.people["system"], cast.people["security"]
        assert offices.of(FindingKind.ORPHAN, system_id) == {manager}
        assert offices.of(FindingKind.SUDDEN_USE, system_id) == {security}
        assert offices.of(FindingKind.ORPHAN, system_id, cast.people["chief"]) == {cast.people["chief"]}
        mine = {
            who: sorted(session.scalars(select(Finding.id).where(offices.mine(cast.people[who]))))
            for who in ("system", "security", "chief")
        }
    assert mine == {"system": [1], "security": [2], "chief": []}


def test_whoever_stands_in_for_an_officer_that_day_has_what_is_the_offices(cast: Cast) -> None:
    sweep(cast, ORPHAN, SUDDEN)
    with cast.database.writing() as session:
        for principal, role, deputy, last in (
            ("system", Role.SYSTEM, "chief", TODAY + 9 * DAY), ("security", Role.SECURITY, "vice", TODAY),
        ):  # fmt: skip
            session.add(
                Deputy(
                    principal_id=cast.people[principal], role=role, deputy_id=cast.people[deputy],
                    valid_from=TODAY - DAY, valid_until=last, named_at=NOW, accepted_by_id=cast.people["ciso"],
                    accepted_at=NOW,
                )
            )  # fmt: skip
    with cast.database.reading() as session:
        mine = {
            who: sorted(session.scalars(select(Finding.id).where(Offices.on(session, TODAY).mine(cast.people[who]))))
            for who in ("system", "chief", "vice")
        }
    assert mine == {"system": [1], "chief": [1], "vice": []}, "of the office that they stand in for, on its days"


def test_a_system_that_nobody_manages_leaves_no_finding_with_nobody(cast: Cast) -> None:
    sweep(cast, ORPHAN)
    with cast.database.writing() as session:
        session.execute(update(Officer).where(Officer.role == Role.SYSTEM).values(valid_until=TODAY))
    with cast.database.reading() as session:
        offices = Offices.on(session, TODAY)
        security = cast.people["security"]
        assert offices.of(FindingKind.ORPHAN, one(cast).system_id) == {security}
        assert session.scalars(select(Finding.id).where(offices.mine(security))).all() == [1]


def test_who_is_named_is_told_and_has_it_until_the_office_is_left(cast: Cast) -> None:
    sweep(cast, ORPHAN)
    act(cast, "chief", finding_care.assign, to=cast.people["security"])
    assert mails(cast) == {mail_of(cast, "security"): ["【点検結果】担当になりました"]}
    assert history(cast)[-1] == ("assigned", cast.people["chief"], "香椎　宮子")
    with cast.database.writing() as session:
        session.execute(update(Officer).where(Officer.role == Role.SECURITY).values(valid_until=TODAY + DAY))
    assert followed(cast).unowned == 0
    assert followed(cast, NOW + DAY).unowned == 1
    assert (one(cast).owner_id, history(cast)[-1]) == (None, ("assigned", None, OWNER_GONE))


def test_nobody_is_named_who_could_do_nothing_about_it(cast: Cast) -> None:
    sweep(cast, ORPHAN)
    for who in ("staff", "auditor", "hr"):
        with pytest.raises(InvalidInput):
            act(cast, "chief", finding_care.assign, to=cast.people[who])


@pytest.mark.parametrize("who", ["staff", "auditor", "hr", "vice"])
def test_others_do_not_care_for_findings(cast: Cast, who: str) -> None:
    sweep(cast, ORPHAN)
    with pytest.raises(NotPermitted):
        act(cast, who, finding_care.add_note, text="見ました")


def test_what_is_of_no_system_is_no_system_managers(cast: Cast) -> None:
    with cast.database.writing() as session:
        found = Found(FindingKind.BURST, "p", "集中", person_id=cast.people["staff"])
        record_everywhere(session, {FindingKind.BURST}, [found], actor=SWEEP, policy=cast.policy, now=NOW)
    with pytest.raises(NotPermitted):
        act(cast, "system", finding_care.add_note, text="見ました")
    act(cast, "security", finding_care.add_note, text="本人に確かめました")
    assert history(cast)[-1] == ("noted", cast.people["security"], "本人に確かめました")


def test_a_last_day_is_moved_by_another_within_the_profiles_time_and_for_a_reason(cast: Cast) -> None:
    sweep(cast, ORPHAN)
    move = finding_care.move_due
    act(cast, "security", move, due=date(2026, 4, 20), reason="調査に時間がかかるため")
    assert one(cast).due_on == date(2026, 4, 20)
    for due in (TODAY, date(2026, 5, 2)):
        with pytest.raises(InvalidInput):
            act(cast, "security", move, due=due, reason="理由")
    with pytest.raises(InvalidInput):
        act(cast, "security", move, due=date(2026, 4, 20), reason=" ")


def test_nobody_moves_the_last_day_of_what_is_their_own_to_do(cast: Cast) -> None:
    sweep(cast, ORPHAN, SUDDEN)
    for who, finding in (("system", 1), ("security", 2)):
        with pytest.raises(SeparationOfDuties):
            act(cast, who, finding_care.move_due, finding=finding, due=date(2026, 4, 3), reason="理由")
    act(cast, "chief", finding_care.move_due, finding=2, due=date(2026, 4, 3), reason="理由")


def test_ciso_chief_and_owner_are_told_of_an_urgent_kind_at_once_and_once(office: Cast) -> None:
    sweep(office, LEFT, replace(LEFT, subject_key="e-8"), ORPHAN)
    assert told(office)[0] == 2
    subject = "【至急・点検結果】すぐに対応が必要な点検結果があります"
    assert mails(office) == {mail_of(office, who): [subject] for who in ("ciso", "chief", "system")}
    with office.database.reading() as session:
        body = session.scalars(select(MailMessage.body)).first() or ""
        assert set(session.scalars(select(MailMessage.urgent))) == {True}, "it waits for no digest"
    assert "・会計システム　離職者のID　2 件" in body
    assert told(office, NOW + 60 * timedelta(minutes=1))[0] == 0
    sweep(office, LEFT, replace(LEFT, subject_key="e-8"), now=NOW + DAY)
    assert told(office, NOW + DAY)[0] == 0, "the same fact is the same finding on another night"
    sweep(office, LEFT, replace(LEFT, subject_key="e-9"), now=NOW + 2 * DAY)
    assert told(office, NOW + 2 * DAY)[0] == 1
    assert {len(subjects) for subjects in mails(office).values()} == {2}


def test_a_night_under_way_is_waited_for_but_not_for_long(cast: Cast) -> None:
    sweep(cast, LEFT)
    with cast.database.writing() as session:
        session.add(SweepNight(day=TODAY, started_at=NOW, systems=2))
    assert told(cast, NOW + timedelta(minutes=59))[0] == 0
    sweep(cast, LEFT, system="pension")
    assert told(cast, NOW + timedelta(minutes=61))[0] == 2
    sweep(cast, LEFT, replace(LEFT, subject_key="e-9"))
    with cast.database.writing() as session:
        session.execute(update(SweepNight).values(finished_at=NOW))
    assert told(cast, NOW)[0] == 1


def test_of_what_an_exception_covers_nobody_is_told(cast: Cast) -> None:
    sweep(cast, replace(DRIFT, kind=FindingKind.DEFAULT_NAME))
    register(cast, ExceptionScope.ORGANISATION, finding_kind=FindingKind.DEFAULT_NAME)
    followed(cast)
    assert told(cast, NOW + 10 * DAY) == (0, 0)
    assert mails(cast) == {}


def test_of_what_nobody_answers_for_each_level_is_told_once_a_step(office: Cast) -> None:
    sweep(office, ORPHAN, replace(ORPHAN, subject_key="e-9"))
    due = one(office).due_on
    assert due is not None
    moments = [NOW + (due - TODAY + timedelta(days=days)) for days in (0, 6, 7, 11, 12, 18, 25, 32, 60)]
    assert [told(office, moment)[1] for moment in moments] == [0, 2, 0, 2, 0, 2, 2, 0, 0]
    subject = "【期限超過・点検結果】対応されていない点検結果があります"
    assert mails(office) == {mail_of(office, who): [subject] for who in ("system", "security", "chief", "ciso")}
    assert [kind for kind, *_ in history(office)] == ["found", *["escalated"] * 4]
    assert one(office).escalated_level == 4


def test_nobody_is_told_of_lateness_outside_working_hours(cast: Cast) -> None:
    sweep(cast, ORPHAN)
    assert told(cast, datetime.fromisoformat("2026-05-02T10:00+09:00"))[1] == 0, "a Saturday"
    assert told(cast, datetime.fromisoformat("2026-05-07T06:59+09:00"))[1] == 0
    assert told(cast, datetime.fromisoformat("2026-05-07T07:00+09:00"))[1] == 1


def test_a_worker_that_was_away_tells_every_level_that_is_due(cast: Cast) -> None:
    sweep(cast, ORPHAN)
    assert told(cast, NOW + 50 * DAY)[1] == 1
    assert sorted(mails(cast)) == sorted(mail_of(cast, who) for who in ("system", "security", "chief"))


def test_a_moved_last_day_begins_the_steps_anew(cast: Cast) -> None:
    sweep(cast, ORPHAN)
    late = NOW + 36 * DAY
    assert told(cast, late)[1] == 1
    act(cast, "security", finding_care.move_due, now=late, due=late.date() + 7 * DAY, reason="調査中のため")
    assert told(cast, late + 5 * DAY)[1] == 0
    assert told(cast, late + 8 * DAY)[1] == 1


def test_what_is_open_again_goes_up_from_the_first_level(cast: Cast) -> None:
    sweep(cast, DRIFT)
    late = NOW + 36 * DAY
    assert told(cast, late)[1] == 1
    accept(cast, now=late, days=5)
    again = late + 5 * DAY
    followed(cast, again)
    assert (one(cast).escalated_level, told(cast, again)[1]) == (0, 0)
    assert told(cast, again + 34 * DAY)[1] == 1
    assert one(cast).escalated_level == 1


def test_what_is_answered_for_or_only_observed_goes_up_no_level(cast: Cast) -> None:
    sweep(cast, DRIFT)
    accept(cast, days=100)
    assert told(cast, NOW + 50 * DAY)[1] == 0
    sweep(cast, ORPHAN, system="pension")
    with cast.database.writing() as session:
        session.get_one(InformationSystem, one(cast, 2).system_id).stage = Stage.OBSERVE
    assert told(cast, NOW + 50 * DAY)[1] == 0


def test_every_act_is_in_the_audit_record(cast: Cast) -> None:
    sweep(cast, DRIFT, LEFT)
    act(cast, "chief", finding_care.assign, to=cast.people["security"])
    act(cast, "chief", finding_care.add_note, text="調べています")
    act(cast, "chief", finding_care.move_due, due=date(2026, 4, 10), reason="理由")
    accept(cast)
    act(cast, "ciso", risk_acceptance.take_back, reason="理由")
    followed(cast)
    told(cast)
    with cast.database.reading() as session:
        actions = set(session.scalars(select(AuditRecord.action).where(AuditRecord.action.like("finding.%"))))
    assert actions >= {
        "finding.assigned", "finding.noted", "finding.due_moved", "finding.accepted", "finding.answer_ended",
        "finding.told",
    }  # fmt: skip


def mix(
    session: Session, cast: Cast, finding: Finding, answered: int | None, excepted: int | None, accepted: int | None
) -> None:
    """Afterwards the finding has answers that end so many days from today."""
    ciso = cast.people["ciso"]
    if answered is not None:
        session.add(Justification(
            finding_id=finding.id, fingerprint=finding.fingerprint, reason="x", justified_by_id=ciso, justified_at=NOW,
            valid_until=TODAY + answered * DAY,
        ))  # fmt: skip
    if excepted is not None:
        made = RegisteredException(
            state=ExceptionState.PERMITTED, clause="8", scope=ExceptionScope.ORGANISATION, what="x", reason="x",
            compensating_control="x", valid_from=TODAY - 9 * DAY, valid_until=TODAY + excepted * DAY,
            asked_by_id=cast.people["system"], asked_at=NOW, answered_by_id=ciso, answered_at=NOW,
        )  # fmt: skip
        session.add(made)
        session.flush()
        finding.exception_id = made.id
    if accepted is not None:
        finding.accepted_by_id, finding.accepted_reason = ciso, "x"
        finding.accepted_until, finding.accepted_fingerprint = TODAY + accepted * DAY, finding.fingerprint
    if (answered, excepted, accepted) != (None, None, None):
        finding.answered_at = NOW
    session.flush()


def test_rows_and_facts_say_the_same_of_every_mixture_of_answers(office: Cast) -> None:
    ends = (None, -1, 0, 1)
    mixtures = [(answered, excepted, accepted) for answered in ends for excepted in ends for accepted in ends]
    sweep(office, *(replace(DRIFT, subject_key=f"e-{number}") for number in range(len(mixtures))))
    expected: dict[int, FindingState] = {}
    with office.database.writing() as session:
        for finding, (answered, excepted, accepted) in zip(
            session.scalars(select(Finding).order_by(Finding.id)).all(), mixtures, strict=True
        ):
            mix(session, office, finding, answered, excepted, accepted)
            days = [None if end is None else TODAY + end * DAY for end in (answered, excepted, accepted)]
            expected[finding.id] = state_of(FindingFacts(False, *days), TODAY)
    with office.database.reading() as session:
        rows = session.execute(select(Finding.id, state_column(TODAY))).all()
        assert {finding: FindingState(row) for finding, row in rows} == expected
        for state in FindingState:
            found = set(session.scalars(select(Finding.id).where(stands(state, TODAY))))
            assert found == {finding for finding, expectation in expected.items() if expectation is state}
        ended = set(session.scalars(select(Finding.id).where(answer_ended(TODAY))))
    untouched = {finding for finding, mixture in zip(sorted(expected), mixtures, strict=True) if mixture == (None,) * 3}
    assert ended == {finding for finding, state in expected.items() if state is FindingState.OPEN} - untouched


def test_on_postgresql_an_acceptance_is_not_lost_to_the_job_of_the_minute(
    postgres_office: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast, later = postgres_office, NOW + 6 * DAY
    sweep(cast, DRIFT)
    justify(cast, days=5)
    original = findings.last_day
    accepting = threading.Thread(target=lambda: accept(cast, now=later))

    def meanwhile(*said: Any, **more: Any) -> date:
        monkeypatch.setattr(finding_following, "last_day", original)
        accepting.start()
        # It is done at once, or it waits for the row that the job holds.
        accepting.join(1)
        return original(*said, **more)

    monkeypatch.setattr(finding_following, "last_day", meanwhile)
    followed(cast, later)
    accepting.join(30)
    assert one(cast).accepted_until is not None
    assert state(cast, later) == "accepted"


# --- the same fact is one finding -------------------------------------------------------------------------------------


def _account(cast: Cast) -> int:
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    with cast.database.reading() as session:
        return session.scalars(select(Account.id).where(Account.person_id == cast.people["staff"])).one()


def test_what_was_found_before_its_id_was_taken_over_is_somebodys_afterwards(cast: Cast) -> None:
    before = Found(FindingKind.DORMANT, "e-7", "u100009")
    sweep(cast, before)
    account = _account(cast)
    sweep(cast, replace(before, account_id=account), now=NOW + DAY)
    assert one(cast).account_id == account
    register(cast, ExceptionScope.PERSON, finding_kind=FindingKind.DORMANT, person_id=cast.people["staff"])
    followed(cast, NOW + DAY)
    assert state(cast, now=NOW + DAY) == "justified"


def test_nights_that_fail_are_one_finding_also_where_the_comparison_by_day_succeeds(cast: Cast) -> None:
    for night in range(3):
        _lay(cast, _failed("ledger"), Scope(), now=NOW + night * DAY)
        _lay(cast, None, WHOLE, now=NOW + night * DAY + DAY / 4)
    assert (_kept(cast), one(cast).resolved_at) == ([("ledger", True)], None)
    sweep(cast, now=NOW + 4 * DAY)
    assert one(cast).resolved_at == NOW + 4 * DAY


def test_comparisons_that_fail_are_one_finding_also_where_nights_fail_too(cast: Cast) -> None:
    for day in range(3):
        _lay(cast, _failed("comparison:ledger"), WHOLE, now=NOW + day * DAY)
        _lay(cast, _failed("ledger"), Scope(), now=NOW + day * DAY + DAY / 4)
    assert _kept(cast) == [("comparison:ledger", True), ("ledger", True)]
    _lay(cast, None, WHOLE, now=NOW + 4 * DAY)
    assert _kept(cast) == [("comparison:ledger", False), ("ledger", True)]


def _failed(key: str) -> Found:
    return Found(FindingKind.CHECK_FAILED, key, "会計システム", details={"reason": "時間のうちに終わりません"})


def _lay(cast: Cast, failed: Found | None, scope: Scope, *, now: datetime) -> None:
    with cast.database.writing() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
        found = (failed,) if failed is not None else ()
        result = SweepResult(system_id, "ledger", 0, found, failure="失敗" if failed is not None else None)
        record_comparison(session, result, scope, actor=SWEEP, policy=cast.policy, now=now)


def _kept(cast: Cast) -> list[tuple[str, bool]]:
    """What is on record of failures, and whether it is open."""
    with cast.database.reading() as session:
        rows = session.scalars(select(Finding).order_by(Finding.id)).all()
        return [(row.subject_key, row.resolved_at is None) for row in rows]


def test_on_postgresql_a_night_is_not_lost_because_a_comparison_found_the_same(postgres_office: Cast) -> None:
    cast, begun = postgres_office, threading.Event()
    problems: list[BaseException] = []

    def night() -> None:
        begun.set()
        try:
            sweep(cast, DRIFT)
        except DBAPIError as problem:
            problems.append(problem)

    thread = threading.Thread(target=night)
    with cast.database.writing() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
        result = SweepResult(system_id, "ledger", 1, (DRIFT,))
        record_comparison(session, result, WHOLE, actor=SWEEP, policy=cast.policy, now=NOW)
        thread.start()
        begun.wait()
        thread.join(0.5)  # the night comes to where it has to wait, or fails
        assert thread.is_alive()
    thread.join()
    with cast.database.reading() as session:
        runs, found = (session.scalar(select(func.count()).select_from(table)) for table in (SweepRun, Finding))
    assert (runs, found, problems) == (1, 1, [])


# --- answers hold for what was found ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "first", "same", "other"),
    [
        (FindingKind.CHECK_FAILED, {"reason": "保守中"}, {"reason": "保守中"}, {"reason": "証明書が違います"}),
        (FindingKind.NOT_CHECKED, {"reason": "権限不足"}, {"reason": "権限不足"}, {"reason": "応答なし"}),
    ],
)
def test_a_risk_that_was_accepted_for_one_reason_is_not_for_another(
    cast: Cast, kind: FindingKind, first: dict[str, object], same: dict[str, object], other: dict[str, object]
) -> None:
    sweep(cast, Found(kind, "ledger", "会計", details=first))
    accept(cast)
    sweep(cast, Found(kind, "ledger", "会計", details=same), now=NOW + DAY)
    assert state(cast, now=NOW + DAY) == "accepted"
    sweep(cast, Found(kind, "ledger", "会計", details=other), now=NOW + 2 * DAY)
    assert state(cast, now=NOW + 2 * DAY) == "open"


def test_an_urgent_finding_that_says_something_else_is_told_of_again(cast: Cast) -> None:
    burst = Found(FindingKind.DEFAULT_NAME, "e-1", "Administrator", details={"differences": 6})
    sweep(cast, burst)
    assert told(cast)[0] == 1
    sweep(cast, burst, now=NOW + DAY)
    assert told(cast, NOW + DAY)[0] == 0
    sweep(cast, replace(burst, details={"differences": 13}), now=NOW + 2 * DAY)
    assert told(cast, NOW + 2 * DAY)[0] == 1


def test_an_urgent_finding_that_its_exception_left_is_told_of_again(cast: Cast) -> None:
    named = Found(FindingKind.DEFAULT_NAME, "e-1", "Administrator")
    sweep(cast, named)
    assert told(cast)[0] == 1
    with cast.database.reading() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
    register(cast, ExceptionScope.SYSTEM, finding_kind=FindingKind.DEFAULT_NAME, system_id=system_id)
    followed(cast)
    later = NOW + 400 * DAY
    sweep(cast, named, now=later)
    assert followed(cast, later).reopened == 1
    assert (state(cast, later), told(cast, later)[0]) == ("open", 1)


# --- nobody gets round a last day -------------------------------------------------------------------------------------


def test_whose_it_is_moves_no_last_day_by_giving_it_away_for_a_moment(cast: Cast) -> None:
    sweep(cast, DRIFT)
    later = NOW + 20 * DAY
    act(cast, "system", finding_care.assign, to=cast.people["chief"], now=later)
    with pytest.raises(SeparationOfDuties):
        act(cast, "system", finding_care.move_due, due=TODAY + 40 * DAY, reason="多忙のため", now=later)


def test_a_last_day_is_not_moved_without_end(cast: Cast) -> None:
    sweep(cast, DRIFT)
    for month in range(1, 12):
        now = NOW + month * 25 * DAY
        due = finding_care.latest_day(FindingKind.DRIFT, NOW, policy=cast.policy, now=now)
        act(cast, "security", finding_care.move_due, due=due, reason="多忙のため", now=now)
    now = NOW + cast.policy.findings.accept_longest_days * DAY
    with pytest.raises(InvalidInput, match="CISO"):
        act(cast, "security", finding_care.move_due, due=now.date() + DAY, reason="多忙のため", now=now)


def test_nobody_is_named_for_a_finding_about_themselves(cast: Cast) -> None:
    sweep(cast, replace(SUDDEN, person_id=cast.people["system"]))
    with pytest.raises(InvalidInput, match="本人"):
        act(cast, "chief", finding_care.assign, to=cast.people["system"])


def test_what_is_open_again_is_written_down_in_as_few_statements_however_much_it_is(cast: Cast) -> None:
    sweep(cast, *(replace(DRIFT, subject_key=f"e-{number}") for number in range(200)))
    register(cast, ExceptionScope.ORGANISATION)
    followed(cast)
    statements: list[object] = []
    event.listen(cast.database.engine, "before_cursor_execute", lambda *said: statements.append(said))
    assert followed(cast, NOW + 400 * DAY).reopened == 200
    assert len(statements) < 30
