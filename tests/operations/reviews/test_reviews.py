"""Access reviews: who is asked, what an answer does, and what the calendar does when there is none (control A10)."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from idm.calendar_days import start_of
from idm.errors import (
    ContentChanged,
    DecidedMeanwhile,
    FreshFactorNeeded,
    IllegalTransition,
    InvalidInput,
    NobodyAsked,
    NotPermitted,
    NotSeated,
    SafetyLimit,
    SeparationOfDuties,
)
from idm.grant_state import EndReason, GrantState
from idm.models.audit import AuditRecord
from idm.models.officers import Officer
from idm.models.people import Assignment
from idm.models.requests import Grant
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.models.safety import PlannedBatch, PlannedItem, RunKind, SafetyCount
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import Finding, OutboxTask, SweepRun, TaskState
from idm.operations.reviews import answering, opening
from idm.operations.reviews.answering import Answered, Shown
from idm.operations.reviews.closing import Closed, close
from idm.operations.reviews.following import ReviewsFollowed, follow, open_campaigns, remind
from idm.operations.reviews.withdrawal import withdraw
from idm.operations.rights import grants as rights
from idm.policy import Policy, ReviewRules, RunLimit
from idm.queries.reviews.results import result_digest, result_lines
from idm.queries.reviews.review_candidates import Wanted
from idm.queries.reviews.review_lines import waiting_of
from idm.queries.reviews.reviews import campaign_row, reviewer_rows, to_answer
from idm.reviews.review_rules import ReviewFacts, may_answer
from idm.routing import Seated
from idm.vocabulary import FindingKind, ReviewDecision, ReviewScope, Role, SafetyAction
from jobs.sweep.our_books import found_in_our_books
from tests.cast import NOW, PEOPLE, TODAY, Cast
from tests.operations.approval.test_decision_races import at_once
from tests.review_office import JOB, KEY, Reviews

KEEP, REMOVE, CHANGE = ReviewDecision.KEEP, ReviewDecision.REMOVE, ReviewDecision.CHANGE
LAST_DAY = TODAY + timedelta(days=30)
PRIVILEGED = (("staff", "account"), ("staff", "admin-account"), ("staff", "admin"))


def with_rules(cast: Cast, **changed: object) -> Policy:
    rules: ReviewRules = replace(cast.policy.reviews, **changed)  # type: ignore[arg-type]
    return replace(cast.policy, reviews=rules)


def night(reviews: Reviews, day: date, policy: Policy | None = None) -> ReviewsFollowed:
    """What the nightly run does: campaign by campaign, then the reminders."""
    database, policy, now = reviews.cast.database, policy or reviews.cast.policy, max(start_of(day), NOW)
    with database.reading() as session:
        running = open_campaigns(session)
    found: Counter[str] = Counter()
    for campaign_id in running:
        with database.writing() as session:
            found.update(asdict(follow(session, campaign_id, actor=JOB, policy=policy, now=now)))
    with database.writing() as session:
        found["reminded"] += remind(session, policy=policy, now=now)
    return ReviewsFollowed(**found)


def grants(cast: Cast, who: str) -> dict[str, tuple[GrantState, EndReason | None]]:
    with cast.database.reading() as session:
        rows = session.execute(
            select(Entitlement.code, Grant.state, Grant.end_reason)
            .join(Grant, Grant.entitlement_id == Entitlement.id)
            .join(Account, Grant.account_id == Account.id)
            .where(Account.person_id == cast.people[who])
        )
        return {code: (state, reason) for code, state, reason in rows}


IN_FORCE, REVIEWED = (GrantState.IN_FORCE, None), (GrantState.ENDED, EndReason.REVIEWED)


def test_the_section_manager_is_asked_and_for_their_own_right_the_next_rung(office: Cast) -> None:
    reviews = Reviews.of(office)
    reviews.open()
    assert reviews.reviewers() == {
        ("staff", "account"): "security", ("staff", "enter"): "security", ("other", "account"): "security",
        ("security", "account"): "vice",
    }  # fmt: skip
    assert reviews.mailed("【棚卸しの回答のお願い】") == {"security": 1, "vice": 1}


def test_privileged_rights_and_campaigns_by_system_go_to_the_systems_manager(cast: Cast) -> None:
    reviews = Reviews.of(cast, PRIVILEGED)
    reviews.open()
    assert reviews.reviewers() == {
        ("staff", "account"): "security", ("staff", "admin-account"): "system", ("staff", "admin"): "system",
    }  # fmt: skip
    second = reviews.open(ReviewScope.SYSTEM)
    assert set(reviews.reviewers(second).values()) == {"system"}


def test_a_campaign_by_right_and_one_by_unit_look_at_nothing_else(cast: Cast) -> None:
    reviews = Reviews.of(cast, (("staff", "account"), ("staff", "enter"), ("hr", "account"), ("desk", "account")))
    assert set(reviews.reviewers(reviews.open(ReviewScope.ENTITLEMENT))) == {("staff", "enter")}
    below = reviews.reviewers(reviews.open(unit="0100"))
    assert set(below) == {("staff", "account"), ("staff", "enter"), ("hr", "account")}, "units below are looked at too"


def test_who_approved_a_right_is_not_asked_about_it_where_the_profile_says_so(cast: Cast) -> None:
    reviews, strict = Reviews.of(cast), with_rules(cast, approver_may_review=False)
    reviews.open(ReviewScope.SYSTEM, policy=strict)
    assert set(reviews.reviewers().values()) == {"vice"}, "the manager of the system had approved them"
    with pytest.raises(SeparationOfDuties) as refused:
        reviews.answer("system", {reviews.line("staff", "enter"): KEEP}, policy=strict)
    assert refused.value.code == "SOD-4"


def test_what_is_not_needed_ends_with_all_that_hangs_on_it_and_the_directory_follows(office: Cast) -> None:
    reviews = Reviews.of(office)
    reviews.open()
    with office.database.writing() as session:
        for task in session.scalars(select(OutboxTask)):
            task.state = TaskState.DONE
    account, enter = reviews.line("staff", "account"), reviews.line("staff", "enter")
    assert reviews.answer("security", {account: REMOVE}) == {REMOVE: 1}
    assert grants(office, "staff") == {"account": REVIEWED, "enter": REVIEWED}
    assert grants(office, "other") == {"account": IN_FORCE}
    assert reviews.mailed("棚卸しによる取消し（2件）") == {"staff": 1}
    with office.database.reading() as session:
        waiting = session.scalars(select(OutboxTask).where(OutboxTask.state == TaskState.WAITING)).one()
        assert waiting.account.person_id == office.people["staff"]
        said = session.scalars(select(AuditRecord).where(AuditRecord.action == "review.answered")).one()
        assert "担当を外れたため" in (said.payload or "")
    with pytest.raises(IllegalTransition):
        reviews.answer("security", {enter: KEEP})


def test_keeping_needs_no_reason_and_everything_else_does(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    reviews.open()
    enter, other = reviews.line("staff", "enter"), reviews.line("other", "account")
    with pytest.raises(InvalidInput) as refused:
        reviews.answer("security", {enter: REMOVE, other: CHANGE}, reason=" ")
    assert set(refused.value.fields) == {f"reason-{enter}", f"reason-{other}"}
    assert grants(cast, "staff")["enter"] == IN_FORCE
    reviews.answer("security", {enter: KEEP, other: CHANGE})
    assert grants(cast, "other")["account"] == IN_FORCE, "what needs changing goes on until an application changes it"
    assert reviews.mailed("【権限の変更】") == {"other": 1}


def test_an_account_is_not_taken_while_its_rights_are_kept_in_the_same_breath(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    reviews.open()
    with pytest.raises(InvalidInput, match="伝票入力"):
        reviews.answer("security", {reviews.line("staff", "account"): REMOVE, reviews.line("staff", "enter"): KEEP})
    assert grants(cast, "staff") == {"account": IN_FORCE, "enter": IN_FORCE}


@pytest.mark.asvs("8.2.1")
def test_nobody_answers_for_their_own_right_nor_without_the_office(office: Cast) -> None:
    reviews = Reviews.of(office)
    reviews.open()
    own, others = reviews.line("security", "account"), reviews.line("staff", "enter")
    with pytest.raises(SeparationOfDuties) as refused:
        reviews.answer("security", {own: KEEP})
    assert refused.value.code == "SOD-2"
    for who in ("system", "ciso", "hr", "staff", "vice"):
        with pytest.raises((NotSeated, SeparationOfDuties)):
            reviews.answer(who, {others: KEEP})
    with pytest.raises(SeparationOfDuties) as refused:
        reviews.answer("auditor", {others: KEEP})
    assert refused.value.code == "SOD-6"
    by_the_holder = text("UPDATE review_lines SET decision = 'keep', decided_at = :at, decided_by_id = holder_id")
    with office.database.writing() as session, pytest.raises(IntegrityError):
        session.execute(by_the_holder, {"at": NOW})


def test_the_office_is_asked_at_the_moment_of_the_answer(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    reviews.open()
    with cast.database.writing() as session:
        for tenure in session.scalars(select(Officer).where(Officer.role == Role.SECTION)):
            if tenure.person_id == cast.people["security"]:
                tenure.valid_until = TODAY
    line = reviews.line("staff", "enter")
    with pytest.raises(NotSeated):
        reviews.answer("security", {line: KEEP}, now=NOW + timedelta(hours=1))
    assert reviews.answer("vice", {line: KEEP}, now=NOW + timedelta(hours=1)) == {KEEP: 1}


def test_one_refused_line_refuses_the_act(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    reviews.open()
    with pytest.raises(SeparationOfDuties):
        reviews.answer("security", {reviews.line("staff", "enter"): REMOVE, reviews.line("security", "account"): KEEP})
    assert grants(cast, "staff")["enter"] == IN_FORCE


def test_a_line_is_answered_once(office: Cast) -> None:
    reviews = Reviews.of(office)
    reviews.open()
    line = reviews.line("staff", "enter")
    reviews.answer("security", {line: KEEP})
    with pytest.raises(DecidedMeanwhile):
        reviews.answer("security", {line: REMOVE})


def test_what_has_changed_since_it_was_shown_is_not_decided_on(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    reviews.open()
    line = reviews.line("staff", "enter")
    seal = reviews.seal_for("security", line)
    others_seal = reviews.seal_for("vice", line)
    with cast.database.writing() as session:
        session.get_one(ReviewLine, line).grant.valid_until = date(2026, 9, 1)
    for given, at in ((seal, NOW), (others_seal, NOW), (reviews.seal_for("security", line), NOW - timedelta(hours=1))):
        with cast.acting("security", "review.answer") as session, pytest.raises(ContentChanged):
            answering.answer(
                session, 1, {line: Answered(KEEP, "", given)}, shown=Shown(at, KEY), actor=cast.actor("security"),
                policy=cast.policy, now=NOW,
            )  # fmt: skip


def test_a_privileged_right_asks_for_a_factor_given_just_now(cast: Cast) -> None:
    reviews = Reviews.of(cast, PRIVILEGED)
    reviews.open()
    line = reviews.line("staff", "admin")
    with pytest.raises(FreshFactorNeeded):
        reviews.answer("system", {line: KEEP}, fresh=False)
    assert reviews.answer("security", {reviews.line("staff", "account"): KEEP}, fresh=False) == {KEEP: 1}
    assert reviews.answer("system", {line: KEEP}) == {KEEP: 1}


def test_beside_a_right_stand_its_last_use_and_how_many_alike_have_it(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    with cast.database.writing() as session:
        accounts = {a.person_id: a for a in session.scalars(select(Account))}
        for who, kind, at in (("staff", FindingKind.DORMANT, "2026-01-05T00:00:00+00:00"),
                                ("other", FindingKind.NEVER_USED, None)):  # fmt: skip
            account = accounts[cast.people[who]]
            session.add(Finding(
                kind=kind, system_id=account.system_id, account_id=account.id, subject_key=who, label=who,
                details={"last_used_at": at, "source": "lastLogon"}, first_seen_at=NOW, last_seen_at=NOW,
            ))  # fmt: skip
    reviews.open()
    with cast.database.reading() as session:
        lines = {(line.holder_id, line.grant.entitlement.code): line for line in session.scalars(select(ReviewLine))}
        used, never, unknown = (lines[cast.people[who], "account"] for who in ("staff", "other", "security"))
        assert (used.last_used_at, used.last_use_source) == (datetime.fromisoformat("2026-01-05T00:00:00+00:00"),
                                                            "lastLogon")  # fmt: skip
        assert (never.last_used_at, never.last_use_source) == (None, "lastLogon")
        assert (unknown.last_used_at, unknown.last_use_source) == (None, None)
        enter = lines[cast.people["staff"], "enter"]
        assert (used.alike_holding, used.alike, enter.alike_holding, enter.alike) == (1, 1, 0, 1)


@pytest.mark.parametrize(("failure", "blind", "present", "told"), [
    (None, False, True, "sweep"), ("接続できません", False, True, None), (None, True, True, None),
    (None, False, False, None),
])  # fmt: skip
def test_an_id_that_the_latest_sweep_looked_at_and_did_not_find_unused_is_told_as_such(
    cast: Cast, failure: str | None, blind: bool, present: bool, told: str | None
) -> None:
    reviews = Reviews.of(cast)
    swept = NOW + timedelta(days=60)
    with cast.database.writing() as session:
        for account in session.scalars(select(Account)):
            account.seen_present, system_id = present, account.system_id
        session.add(SweepRun(
            system_id=system_id, started_at=swept, finished_at=swept, examined=3, found=0, new=0, resolved=0,
            failure=failure,
        ))  # fmt: skip
        if blind:
            session.add(Finding(
                kind=FindingKind.NOT_CHECKED, system_id=system_id, subject_key="check:last_use", label="会計",
                details={}, first_seen_at=swept, last_seen_at=swept,
            ))  # fmt: skip
    reviews.open(now=swept)
    with cast.database.reading() as session:
        found = {(line.last_use_source, line.last_used_at) for line in session.scalars(select(ReviewLine))}
    assert found == {(told, swept if told else None)}


@pytest.mark.parametrize(("who", "scope", "allowed"), [
    ("system", ReviewScope.SYSTEM, True), ("system", ReviewScope.ENTITLEMENT, True),
    ("system", ReviewScope.UNIT, False),
    ("chief", ReviewScope.UNIT, True), ("security", ReviewScope.SYSTEM, True), ("hr", ReviewScope.UNIT, False),
    ("staff", ReviewScope.SYSTEM, False), ("auditor", ReviewScope.UNIT, False),
])  # fmt: skip
def test_who_may_open_a_campaign(cast: Cast, who: str, scope: ReviewScope, allowed: bool) -> None:
    reviews = Reviews.of(cast)
    if allowed:
        assert reviews.open(scope, who=who) == 1
    else:
        with pytest.raises(NotPermitted):
            reviews.open(scope, who=who)


def test_one_campaign_at_a_time_looks_at_the_same_and_none_at_nothing(cast: Cast) -> None:
    with pytest.raises(InvalidInput, match="権限がありません"):
        Reviews(cast).open()
    reviews = Reviews.of(cast)
    reviews.open()
    with pytest.raises(IllegalTransition):
        reviews.open()
    assert reviews.open(unit="0100") == 2
    with pytest.raises(InvalidInput):
        reviews.open(unit="9999")


def test_reminded_then_asked_of_the_next_rung_then_taken_away(office: Cast) -> None:
    reviews = Reviews.of(office)
    reviews.open()
    reviews.answer("security", {reviews.line("staff", line): KEEP for line in ("account", "enter")})
    reviews.answer("vice", {reviews.line("security", "account"): KEEP})
    assert night(reviews, TODAY + timedelta(days=6)) == ReviewsFollowed()
    assert night(reviews, TODAY + timedelta(days=7)) == ReviewsFollowed(reminded=1)
    assert night(reviews, TODAY + timedelta(days=7)) == ReviewsFollowed()
    assert reviews.mailed("【棚卸しの回答のお願い】") == {"security": 2, "vice": 1}
    line = reviews.line("other", "account")
    with pytest.raises(NotSeated):
        reviews.answer("vice", {line: KEEP})
    late = LAST_DAY + timedelta(days=1)
    assert night(reviews, late) == ReviewsFollowed(escalated=1)
    assert reviews.mailed("代わりに回答してください") == {"vice": 1}
    assert night(reviews, late) == ReviewsFollowed()
    end = late + timedelta(days=15)
    assert night(reviews, end) == ReviewsFollowed(closed=1, removed=1)
    assert grants(office, "other") == {"account": REVIEWED}
    assert grants(office, "staff") == {"account": IN_FORCE, "enter": IN_FORCE}
    assert reviews.mailed("棚卸しによる取消し") == {"other": 1}
    with office.database.reading() as session:
        taken = session.get_one(ReviewLine, line)
        assert (taken.decision, taken.decided_by_id, taken.done_at is not None) == (REMOVE, None, True)
    assert night(reviews, end) == ReviewsFollowed()


def test_of_several_campaigns_everybody_is_reminded_by_one_mail(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    reviews.open()
    reviews.open(unit="0100")
    assert night(reviews, TODAY + timedelta(days=7)) == ReviewsFollowed(reminded=2)
    assert reviews.mailed("回答待ち6件") == {"security": 1}
    assert reviews.mailed("回答待ち2件") == {"vice": 1}


def test_the_next_rung_answers_once_the_last_day_is_over(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    reviews.open()
    late = LAST_DAY + timedelta(days=1)
    night(reviews, late)
    now = start_of(late) + timedelta(hours=10)
    assert reviews.answer("vice", {reviews.line("staff", "enter"): KEEP}, now=now, shown_at=now) == {KEEP: 1}
    assert reviews.answer("security", {reviews.line("other", "account"): KEEP}, now=now, shown_at=now) == {KEEP: 1}


def test_where_the_profile_says_so_what_nobody_answered_goes_on(cast: Cast) -> None:
    reviews, lenient = Reviews.of(cast), with_rules(cast, unanswered="stays_open")
    reviews.open()
    night(reviews, LAST_DAY + timedelta(days=1), lenient)
    end = LAST_DAY + timedelta(days=30)
    assert night(reviews, end, lenient) == ReviewsFollowed(reminded=1)
    assert night(reviews, end, lenient) == ReviewsFollowed()
    assert (reviews.campaign().closed_at, grants(cast, "staff")["enter"]) == (None, IN_FORCE)
    with cast.database.writing() as session:
        assert close(session, 1, actor=cast.actor("chief"), policy=lenient, now=start_of(end)) == Closed()
    assert (reviews.campaign().closed_at, grants(cast, "staff")["enter"]) == (start_of(end), IN_FORCE)


TIGHT = RunLimit(window_hours=24, share=0.01, count=1, unit_share=0.01, unit_count=1)


def at_its_end(cast: Cast, policy: Policy) -> tuple[Reviews, date]:
    """A campaign that nobody answered, on the first day on which it may be closed."""
    reviews = Reviews.of(cast)
    reviews.open()
    late = LAST_DAY + timedelta(days=1)
    night(reviews, late, policy)
    return reviews, late + timedelta(days=15)


def tight(cast: Cast) -> Policy:
    """The cast's profile, where a run may take away next to nothing."""
    return replace(cast.policy, safety={**cast.policy.safety, SafetyAction.REVOKE: TIGHT})


def test_more_than_the_limits_let_a_run_take_away_is_taken_away_by_two_people(office: Cast) -> None:
    policy = tight(office)
    reviews, end = at_its_end(office, policy)
    assert night(reviews, end, policy) == ReviewsFollowed(held_back=1, reminded=1)
    assert night(reviews, end + timedelta(days=1), policy) == ReviewsFollowed(held_back=1), "told once a week"
    assert reviews.mailed("終えられません") == {"security": 1, "chief": 1}

    def closed_by(who: str) -> Closed:
        with office.database.writing() as session:
            return close(session, 1, actor=office.actor(who), policy=policy, now=start_of(end))

    with office.database.writing() as session, pytest.raises(SafetyLimit):
        close(session, 1, actor=JOB, policy=policy, now=start_of(end))
    assert closed_by("chief") == Closed(needs_another=True)
    assert grants(office, "staff")["enter"] == IN_FORCE
    with pytest.raises(SeparationOfDuties):
        closed_by("chief")
    assert grants(office, "staff")["enter"] == IN_FORCE
    assert closed_by("security") == Closed(removed=4)
    assert grants(office, "staff") == {"account": REVIEWED, "enter": REVIEWED}


def test_a_batch_permitted_for_the_calendar_permits_no_removals_of_a_review(cast: Cast) -> None:
    policy = tight(cast)
    reviews, end = at_its_end(cast, policy)
    with cast.database.writing() as session:
        batch = PlannedBatch(
            kind=RunKind.LIFECYCLE, day=end, reason="年度替わりの異動", proposed_by_id=cast.people["hr"],
            proposed_at=NOW, approved_by_id=cast.people["chief"], approved_at=NOW,
        )  # fmt: skip
        batch.items = [
            PlannedItem(action=SafetyAction.REVOKE, staff_number=PEOPLE[who][0])
            for who in ("staff", "other", "security")
        ]
        session.add(batch)
    assert night(reviews, end, policy) == ReviewsFollowed(held_back=1, reminded=1)


def test_what_one_campaign_took_away_counts_for_the_next(cast: Cast) -> None:
    limit = RunLimit(window_hours=24, share=1.0, count=5, unit_share=1.0, unit_count=5)
    policy = replace(cast.policy, safety={**cast.policy.safety, SafetyAction.REVOKE: limit})
    reviews, end = at_its_end(cast, policy)
    assert night(reviews, end, policy).removed == 4
    with cast.database.reading() as session:
        counted = session.scalars(select(SafetyCount.people).where(SafetyCount.kind == RunKind.REVIEW)).all()
    assert sum(counted) == 3, "people, not rights"


def test_what_nobody_could_be_asked_about_is_not_taken_away_as_unanswered(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    with cast.database.writing() as session:
        offices = (Role.SECTION, Role.VICE_CISO, Role.CISO)
        for one in session.scalars(select(Officer).where(Officer.role.in_(offices))):
            one.valid_until = TODAY
    reviews.open(who=None)
    assert reviews.mailed("回答を求められる人のいない権限が4件") == {"security": 1, "chief": 1}
    late = LAST_DAY + timedelta(days=1)
    night(reviews, late)
    assert night(reviews, late + timedelta(days=15)) == ReviewsFollowed(held_back=1, reminded=1)
    with cast.database.writing() as session, pytest.raises(NobodyAsked, match="4件"):
        close(session, 1, actor=cast.actor("chief"), policy=cast.policy, now=start_of(late + timedelta(days=15)))
    assert grants(cast, "staff") == {"account": IN_FORCE, "enter": IN_FORCE}


def test_a_right_renewed_during_the_campaign_is_still_looked_at(cast: Cast) -> None:
    until = date(2026, 5, 1)
    cast.approve(cast.file("hr", ("staff", "ledger/account"), valid_until=until))
    reviews = Reviews(cast)
    reviews.open()
    later = NOW + timedelta(days=1)
    again = cast.file("hr", ("staff", "ledger/account"), now=later, valid_from=until, valid_until=date(2027, 3, 31))
    cast.approve(again, now=later)
    night(reviews, TODAY + timedelta(days=2))
    assert reviews.campaign().closed_at is None, "the right goes on, and nobody has answered for it"
    reviews.answer("security", {reviews.line("staff", "account"): KEEP}, now=later, shown_at=later)
    assert night(reviews, TODAY + timedelta(days=3)) == ReviewsFollowed(closed=1)


def test_of_those_who_open_the_same_campaign_at_once_one_does(office: Cast) -> None:
    reviews = Reviews.of(office)
    assert sorted(at_once(*[reviews.open] * 3)) == [IllegalTransition.code] * 2 + ["done"]
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ReviewCampaign)) == 1


def test_a_campaign_is_closed_early_only_when_everything_is_answered(cast: Cast) -> None:
    reviews = Reviews.of(cast, (("staff", "account"),))
    reviews.open()
    with cast.database.writing() as session, pytest.raises(IllegalTransition, match="1件の回答"):
        close(session, 1, actor=cast.actor("chief"), policy=cast.policy, now=NOW)
    with cast.acting("hr") as session, pytest.raises(NotPermitted):
        close(session, 1, actor=cast.actor("hr"), policy=cast.policy, now=NOW)
    reviews.answer("security", {reviews.line("staff", "account"): KEEP})
    assert night(reviews, TODAY + timedelta(days=1)) == ReviewsFollowed(closed=1)
    with pytest.raises(IllegalTransition, match="すでに終わっています"):
        reviews.answer("security", {reviews.line("staff", "account"): KEEP})


def test_the_whole_organisation_is_looked_at_every_so_many_months(cast: Cast) -> None:
    def due(day: date) -> ReviewCampaign | None:
        with cast.database.writing() as session:
            return opening.open_when_due(session, actor=JOB, policy=cast.policy, now=start_of(day))

    assert due(date(2027, 4, 1)) is None, "there is no right yet"
    reviews = Reviews.of(cast)
    assert due(date(2027, 3, 31)) is None
    assert due(date(2027, 4, 1)) is not None
    assert due(date(2027, 4, 2)) is None, "one is open"
    with cast.database.writing() as session:
        session.get_one(ReviewCampaign, 1).closed_at = start_of(date(2027, 5, 1))
    assert due(date(2028, 3, 31)) is None
    assert due(date(2028, 4, 1)) is not None
    assert reviews.campaign(2).opened_by_id is None


def test_of_two_answers_at_once_one_counts_and_the_other_is_told(office: Cast) -> None:
    reviews = Reviews.of(office)
    reviews.open()
    enter = reviews.line("staff", "enter")

    def give(decision: ReviewDecision) -> Callable[[], object]:
        return lambda: reviews.answer("security", {enter: decision})

    assert sorted(at_once(give(KEEP), give(REMOVE), give(CHANGE))) == ["DECIDED-MEANWHILE"] * 2 + ["done"]
    with office.database.reading() as session:
        taken = session.get_one(ReviewLine, enter)
        assert (taken.grant.state is GrantState.ENDED) is (taken.decision is REMOVE)


def test_the_lists_tell_what_was_answered_and_what_waits_on_either_database(office: Cast) -> None:
    reviews = Reviews.of(office)
    reviews.open()
    reviews.answer("security", {reviews.line("staff", "enter"): REMOVE, reviews.line("other", "account"): KEEP})
    with office.database.reading() as session:
        row = campaign_row(session, 1, day=TODAY)
        assert (row.total, row.answered, row.removed, row.waiting, row.opened_by) == (4, 2, 1, 2, "天神　太郎")
        answered = {one.name: (one.waiting, one.pace.answers, one.removed) for one in reviewer_rows(session, 1)}
        assert answered == {"香椎　宮子": (1, 2, 1), "百道　浜男": (1, 0, 0)}
        lines = result_lines(session, 1, day=TODAY)
        result = {(line.row.name, line.row.right): (line.decision, line.ended) for line in lines}
        assert result["青木　一郎", "伝票入力"] == (REMOVE, False), "it did not end before the answer"
        own = to_answer(session, 1, office.people["vice"], rules=office.policy.reviews, day=TODAY)
        assert [one.row.name for one in own] == ["香椎　宮子"]


def test_a_last_day_far_away_is_refused_because_it_would_hold_up_all_regular_reviews(cast: Cast) -> None:
    Reviews.of(cast)
    most = cast.policy.reviews.most_answer_days

    def until(day: date) -> ReviewCampaign:
        with cast.database.writing() as session:
            return opening.open_campaign(
                session, Wanted(ReviewScope.UNIT), "定期", answer_until=day, actor=cast.actor("chief"),
                policy=cast.policy, now=NOW,
            )  # fmt: skip

    with pytest.raises(InvalidInput) as refused:
        until(TODAY + timedelta(days=most + 1))
    assert set(refused.value.fields) == {"answer_until"}
    assert until(TODAY + timedelta(days=most)).answer_until == TODAY + timedelta(days=most)


def give_up(cast: Cast, who: str, reason: str = "打ち間違い") -> bool:
    with cast.acting(who, "review.withdraw") as session:
        return withdraw(session, 1, reason, actor=cast.actor(who), policy=cast.policy, now=NOW)


def test_a_campaign_is_given_up_by_two_people_with_a_reason_and_takes_nothing_away(office: Cast) -> None:
    reviews = Reviews.of(office)
    reviews.open()
    reviews.answer("security", {reviews.line("staff", "enter"): KEEP})
    with pytest.raises(InvalidInput, match="理由"):
        give_up(office, "chief", " ")
    with pytest.raises(NotPermitted):
        give_up(office, "hr")
    assert give_up(office, "chief") is False
    assert reviews.mailed("取下げが求められています") == {"security": 1}
    with pytest.raises(SeparationOfDuties):
        give_up(office, "chief")
    assert reviews.campaign().closed_at is None
    by_one = text("UPDATE review_campaigns SET withdrawn = true, closed_at = opened_at, closed_by_id = :chief")
    with office.database.writing() as session, pytest.raises(IntegrityError):
        session.execute(by_one, {"chief": office.people["chief"]})
    assert give_up(office, "security", "") is True
    assert (reviews.campaign().closed_at, reviews.campaign().withdrawn) == (NOW, True)
    assert reviews.mailed("は取り下げられました") == {"security": 1, "vice": 1}
    assert grants(office, "staff") == {"account": IN_FORCE, "enter": IN_FORCE}
    with pytest.raises(IllegalTransition):
        give_up(office, "chief")


def test_a_campaign_that_was_given_up_is_no_regular_review(cast: Cast) -> None:
    Reviews.of(cast)
    first = start_of(date(2027, 4, 1))
    with cast.database.writing() as session:
        campaign = opening.open_when_due(session, actor=JOB, policy=cast.policy, now=first)
        assert campaign is not None
        for who in ("chief", "security"):
            withdraw(session, campaign.id, "誤り", actor=cast.actor(who), policy=cast.policy, now=first)
        assert opening.open_when_due(session, actor=JOB, policy=cast.policy, now=first) is not None


def test_rights_of_registered_ids_alone_make_no_regular_review(cast: Cast) -> None:
    Reviews.of(cast)
    with cast.database.writing() as session:
        for account in session.scalars(select(Account)):
            account.person_id = None
    with cast.database.writing() as session:
        assert opening.open_when_due(session, actor=JOB, policy=cast.policy, now=start_of(date(2028, 4, 1))) is None


def test_the_result_of_a_closed_campaign_says_for_good_what_was_so_then(office: Cast) -> None:
    reviews, lenient = Reviews.of(office), with_rules(office, unanswered="stays_open")
    reviews.open(policy=lenient)
    reviews.answer("security", {reviews.line("other", "account"): KEEP})
    night(reviews, LAST_DAY + timedelta(days=1), lenient)
    end = LAST_DAY + timedelta(days=30)
    with office.database.writing() as session:
        close(session, 1, actor=office.actor("chief"), policy=lenient, now=start_of(end))
    with office.database.reading() as session:
        before = result_lines(session, 1, day=end)
        assert session.get_one(ReviewCampaign, 1).result_digest == result_digest(session, 1)
    with office.database.writing() as session:
        for grant in session.scalars(select(Grant)):
            if grant.entitlement.code == "enter":
                rights.end(session, grant, EndReason.REQUESTED, actor=JOB, policy=office.policy, now=start_of(end))
            grant.valid_until = date(2030, 1, 1)
        for assignment in session.scalars(select(Assignment)):
            assignment.post = "部長"
    with office.database.reading() as session:
        assert result_lines(session, 1, day=end + timedelta(days=200)) == before
        assert session.get_one(ReviewCampaign, 1).result_digest == result_digest(session, 1)
    with office.database.writing() as session:
        session.get_one(ReviewLine, 1).reason = "書換え"
    with office.database.reading() as session:
        assert session.get_one(ReviewCampaign, 1).result_digest != result_digest(session, 1)


def test_who_takes_over_the_office_is_told_and_has_days_of_their_own(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    reviews.open()
    late = LAST_DAY + timedelta(days=1)
    night(reviews, late)
    end = late + timedelta(days=15)
    night(reviews, end - timedelta(days=4))
    change = end - timedelta(days=2)
    with cast.database.writing() as session:
        held = select(Officer).where(Officer.role == Role.SECTION, Officer.person_id == cast.people["security"])
        before = session.scalars(held).one()
        before.valid_until = change
        session.add(Officer(
            role=Role.SECTION, person_id=cast.people["hr"], unit_code=before.unit_code, valid_from=change,
            valid_until=None, confirmed_at=NOW, confirmed_by_id=cast.people["chief"],
        ))  # fmt: skip
    with pytest.raises(IllegalTransition, match="替わった"), cast.database.writing() as session:
        close(session, 1, actor=cast.actor("chief"), policy=cast.policy, now=start_of(end))
    night(reviews, change)
    assert reviews.mailed("あなたが新たに回答する人") == {"hr": 1}
    assert night(reviews, end).closed == 0
    own = cast.policy.reviews.escalate_after_days
    assert night(reviews, change + timedelta(days=own)).closed == 0
    assert grants(cast, "staff") == {"account": IN_FORCE, "enter": IN_FORCE}
    assert night(reviews, change + timedelta(days=own + 1)) == ReviewsFollowed(closed=1, removed=4)


def test_taking_away_a_right_that_matters_most_unanswered_asks_for_a_fresh_factor(cast: Cast) -> None:
    reviews = Reviews.of(cast, PRIVILEGED)
    reviews.open()
    late = LAST_DAY + timedelta(days=1)
    night(reviews, late)
    end = start_of(late + timedelta(days=15))
    with cast.database.writing() as session, pytest.raises(FreshFactorNeeded):
        close(session, 1, actor=cast.stale("chief"), policy=cast.policy, now=end)


def test_what_needs_changing_is_found_until_it_ends_or_gets_another_last_day(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    reviews.open()
    reviews.answer("security", {reviews.line("staff", "enter"): CHANGE, reviews.line("other", "account"): KEEP})

    def found() -> list[str]:
        with cast.database.reading() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            books = found_in_our_books(session, system, policy=cast.policy, now=NOW)
            return [str(one.details["reason"]) for one in books if one.kind is FindingKind.CHANGE_DUE]

    assert ["担当を外れたため" in one for one in found()] == [True]
    with cast.database.writing() as session:
        grant = session.get_one(ReviewLine, reviews.line("staff", "enter")).grant
        grant.state = GrantState.SUSPENDED
    assert len(found()) == 1, "a right that rests is not changed"
    with cast.database.writing() as session:
        session.get_one(Grant, grant.id).valid_until = date(2026, 9, 1)
    assert found() == []


def test_who_is_asked_is_judged_once_for_each_office_and_not_for_each_right(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is opened with a hundred thousand rights waiting: each may cost a look into a table, and no more."""
    reviews = Reviews.of(cast)
    reviews.open()
    judged: list[int] = []

    def counted(facts: ReviewFacts, *, escalated: bool) -> tuple[Seated, ...]:
        judged.append(facts.holder)
        return may_answer(facts, escalated=escalated)

    monkeypatch.setattr("idm.queries.reviews.review_lines.may_answer", counted)
    with cast.database.reading() as session:
        found = waiting_of(session, cast.people["security"], rules=cast.policy.reviews, day=TODAY)
        assert len(found[1]) == 3
        del judged[:]
        found = waiting_of(session, cast.people["vice"], rules=cast.policy.reviews, day=TODAY)
    assert len(found[1]) == 1
    assert sorted(judged) == [0, cast.people["security"]], "one office, and one who holds it"


def test_the_officers_are_told_in_the_end_of_whoever_may_not_have_read_what_they_answered(cast: Cast) -> None:
    reviews = Reviews.of(cast)
    reviews.open()
    lines = [reviews.line("staff", "account"), reviews.line("staff", "enter"), reviews.line("other", "account")]
    reviews.answer("security", dict.fromkeys(lines, KEEP), now=NOW + timedelta(days=1))
    own = reviews.line("security", "account")
    reviews.answer("vice", {own: KEEP}, now=NOW + timedelta(days=1))
    strict = with_rules(cast, kept_at_once=3)
    assert night(reviews, TODAY + timedelta(days=2), strict) == ReviewsFollowed(closed=1)
    assert reviews.mailed("読まずに回答したおそれ") == {"chief": 1}, "nobody is told of themselves"
    assert reviews.mailed("香椎　宮子　3件") == {"chief": 1}
