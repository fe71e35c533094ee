"""Access from outside: by name, with a reason, an end, two permissions, and two factors (FK 6-2(4), 6-2(5), I1, B8)."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.errors import InvalidInput
from idm.external_access import AskedFor, mistake_in
from idm.factors.factor_gate import Verdict
from idm.grant_state import EndReason, GrantState
from idm.models.feeds import FeedRun, FeedSource
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.operations.approval import requests
from idm.operations.rights.lifecycle import carry_out_due
from idm.policy import ExternalAccessRules
from idm.publication import Reader
from idm.queries.rights.external_access import ExternalRight, external_rights
from idm.vocabulary import EntitlementKind, LineEffect, RequestAction, Role, Zone
from tests.cast import NOW, TODAY, Cast

YEAR = timedelta(days=366)
DAY = timedelta(days=1)
TWO = (Role.CHIEF, Role.SYSTEM)
RULES = ExternalAccessRules(longest_days=366)


@pytest.fixture
def office(cast: Cast) -> Cast:
    """The office whose ledger has a right to come in from outside, and a group that demands a second factor."""
    with cast.database.writing() as session:
        right = cast.entitlement(session, "ledger/enter")
        right.external_access = True
        right.system.verification = {"by": "group", "name": "VPNの二要素認証", "group": "two-factor", "password": True}
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    return cast


def ask(
    cast: Cast, *, until: date | None = TODAY + YEAR, reason: str = "在宅勤務のため", start: date | None = None,
    now: datetime = NOW,
) -> int:  # fmt: skip
    return cast.file(
        "hr", ("staff", "ledger/enter"), action=RequestAction.CHANGE, valid_from=start, valid_until=until,
        reason=reason, now=now,
    )  # fmt: skip


def rows(cast: Cast, reader: Reader | None = None) -> list[ExternalRight]:
    with cast.database.reading() as session:
        return external_rights(session, policy=cast.policy, now=NOW, reader=reader or Reader(TODAY))


def state(cast: Cast, code: str) -> GrantState:
    with cast.database.reading() as session:
        return session.scalars(select(Grant.state).join(Grant.entitlement).where(Entitlement.code == code)).one()


@pytest.mark.parametrize(
    ("asked", "route", "told", "field"),
    [
        (AskedFor(TODAY, TODAY + YEAR, by_name=True), TWO, None, None),
        (AskedFor(TODAY, TODAY + timedelta(days=1), by_name=True), TWO, None, None),
        (AskedFor(TODAY, None, by_name=True), TWO, "終了日が必要です（令和9年4月1日まで）", "valid_until"),
        (AskedFor(TODAY, TODAY + YEAR + timedelta(days=1), by_name=True), TWO, "366日以内の期間", "valid_until"),
        (AskedFor(TODAY + 9 * DAY, TODAY + YEAR, by_name=True), TWO, None, None),
        (AskedFor(TODAY + 9 * DAY, TODAY + YEAR + DAY, by_name=True), TWO, "今日から366日以内", "valid_until"),
        (AskedFor(TODAY - 9 * DAY, TODAY + YEAR, by_name=True), TWO, "（令和9年3月23日まで）", "valid_until"),
        (AskedFor(TODAY, TODAY + YEAR, by_name=False), TWO, "人事異動の下書きからは申請できない", None),
        (AskedFor(TODAY, TODAY + YEAR, by_name=True), (Role.SYSTEM,), "二人の許可が必要", None),
        (AskedFor(TODAY, TODAY + YEAR, by_name=True), (Role.SYSTEM, Role.SYSTEM), "二人の許可が必要", None),
    ],
)
def test_what_a_right_to_external_access_asks_of_an_application(
    asked: AskedFor, route: tuple[Role, ...], told: str | None, field: str | None
) -> None:
    mistake = mistake_in(asked, RULES, route, today=TODAY)
    assert (mistake is None) == (told is None)
    if mistake is not None:
        assert told is not None
        assert told in mistake.sentence
        assert mistake.field == field


def test_it_is_asked_for_with_an_end_within_the_profiles_days(office: Cast) -> None:
    for until in (None, TODAY + YEAR + timedelta(days=1)):
        with pytest.raises(InvalidInput) as refusal:
            ask(office, until=until)
        assert "valid_until" in refusal.value.fields
    with pytest.raises(InvalidInput, match="申請に足りないところ"):
        ask(office, reason=" ")
    assert ask(office)


def test_nobody_permits_today_what_is_to_be_used_in_ten_years(office: Cast) -> None:
    with pytest.raises(InvalidInput, match="今日から366日以内"):
        ask(office, start=TODAY + 10 * YEAR, until=TODAY + 10 * YEAR + 300 * DAY)


def test_it_goes_on_without_a_gap_when_more_is_asked_for_from_its_end_on(office: Cast) -> None:
    end, now = TODAY + 60 * DAY, NOW + 30 * DAY
    office.approve(ask(office, until=end))
    more = ask(office, start=end, until=end + 90 * DAY, now=now)
    (row,) = rows(office)
    assert row.valid_until == end
    office.approve(more, now=now)
    (row,) = rows(office)
    assert (row.request_id, row.valid_from, row.valid_until) == (more, TODAY + 30 * DAY, end + 90 * DAY)
    for day in (29, 31, 60, 149):
        night(office, NOW + day * DAY)
        (row,) = rows(office)
        assert row.state is GrantState.SUSPENDED  # the gate was closed before, and still is
    night(office, NOW + 150 * DAY)
    assert rows(office) == []


def test_renewed_while_in_effect_it_stays_so_and_the_one_before_is_history(office: Cast) -> None:
    end, now = TODAY + 60 * DAY, NOW + 30 * DAY
    with office.database.writing() as session:
        office.entitlement(session, "ledger/enter").external_access = False
    office.approve(ask(office, until=end))
    office.approve(ask(office, start=end, until=end + 90 * DAY, now=now), now=now)
    with office.database.reading() as session:
        grants = session.scalars(select(Grant).where(Grant.valid_until.is_not(None)).order_by(Grant.id)).all()
        first, second = grants
        assert (first.state, first.end_reason, first.ended_by_line_id) == (
            GrantState.ENDED, EndReason.REQUESTED, second.line_id
        )  # fmt: skip
        assert (second.state, second.valid_from, second.suspensions) == (GrantState.IN_FORCE, TODAY + 30 * DAY, [])
    night(office, NOW + 60 * DAY)
    with office.database.reading() as session:
        assert session.get_one(Grant, second.id).state is GrantState.IN_FORCE


@pytest.mark.parametrize("days", [59, 61])
def test_more_of_it_begins_exactly_when_it_ends(office: Cast, days: int) -> None:
    office.approve(ask(office, until=TODAY + 60 * DAY))
    with pytest.raises(InvalidInput, match=r"すでに付与されています。続けて使うときは、開始日を.*令和8年5月31日"):
        ask(office, start=TODAY + days * DAY, until=TODAY + 90 * DAY)


def test_what_was_decided_to_end_is_not_renewed(office: Cast) -> None:
    end, sooner = TODAY + 60 * DAY, TODAY + 20 * DAY
    office.approve(ask(office, until=end))
    office.approve(office.file("hr", ("staff", "ledger/enter"), action=RequestAction.CHANGE, effect=LineEffect.REVOKE,
                               valid_from=sooner))  # fmt: skip
    for start in (sooner, end):
        with pytest.raises(InvalidInput, match=r"すでに付与されています。$"):
            ask(office, start=start, until=end + 30 * DAY)


def night(cast: Cast, now: datetime) -> None:
    with cast.database.writing() as session:
        carry_out_due(session, actor=Actor.job("idm lifecycle"), policy=cast.policy, now=now)


def test_what_was_given_before_it_was_access_from_outside_has_no_end_and_stands_on_top(office: Cast) -> None:
    office.approve(ask(office))
    office.approve(office.file("hr", ("other", "ledger/account")))
    office.approve(office.file("hr", ("other", "ledger/approve"), action=RequestAction.CHANGE))
    with office.database.writing() as session:
        office.entitlement(session, "ledger/approve").external_access = True
    assert [(row.right_name, row.endless) for row in rows(office)] == [("伝票承認", True), ("伝票入力", False)]


def test_it_does_not_follow_from_a_post(office: Cast) -> None:
    with office.acting("hr") as session:
        line = office.line(session, "staff", "ledger/enter", valid_until=TODAY + YEAR)
        system_id = office.entitlement(session, "ledger/enter").system_id
        draft = requests.draft(
            session, action=RequestAction.CHANGE, system_id=system_id, lines=[line], reason="異動", now=NOW,
            feed_run_id=_feed_run(session),
        )  # fmt: skip
        with pytest.raises(InvalidInput, match="人事異動の下書きからは申請できない"):
            requests.submit(session, draft, actor=office.actor("hr"), policy=office.policy, now=NOW)


def _feed_run(session: Session) -> int:
    run = FeedRun(feed="t", source=FeedSource.COMMAND, sha256="0" * 64, applied_at=NOW, as_of=TODAY, row_count=0,
                  joiners=0, movers=0, leavers=0, held=0)  # fmt: skip
    session.add(run)
    session.flush()
    return run.id


def test_where_one_person_permits_nobody_gets_in_from_outside(office: Cast) -> None:
    alone = replace(office.policy, applications=replace(office.policy.applications, route=(Role.SYSTEM,)))
    with pytest.raises(InvalidInput, match="二人の許可が必要"):
        ask(replace(office, policy=alone))


def test_what_became_a_right_to_external_access_meanwhile_is_not_approved_without_an_end(cast: Cast) -> None:
    request = cast.file("hr", ("staff", "ledger/account"))
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/account").external_access = True
    with pytest.raises(InvalidInput, match="外部からの利用の権限には終了日が必要です"):
        cast.decide("chief", request, Role.CHIEF)


def test_it_stands_behind_the_gate_and_the_account_beside_it_does_not(office: Cast) -> None:
    office.approve(ask(office))
    assert state(office, "account") is GrantState.IN_FORCE
    assert state(office, "enter") is GrantState.SUSPENDED


def test_the_register_says_who_which_why_until_when_and_by_which_permission(office: Cast) -> None:
    request = ask(office)
    assert rows(office) == []
    office.approve(request)
    (row,) = rows(office)
    assert (row.person.person_id, row.system_name, row.right_name) == (
        office.people["staff"], "会計システム", "伝票入力"
    )  # fmt: skip
    assert (row.reason, row.valid_until, row.request_id) == ("在宅勤務のため", TODAY + YEAR, request)
    assert (row.state, row.verdict, row.cloud) == (GrantState.SUSPENDED, Verdict.FACTOR_MISSING, False)


def test_what_contractors_administrate_in_the_cloud_stands_in_the_register_behind_the_gate(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one().zone = Zone.INTERNET
    until = TODAY + timedelta(days=90)
    for who in ("contractor", "staff"):
        wanted = [(who, f"ledger/{right}") for right in ("account", "admin-account", "admin")]
        request = cast.file("hr", *wanted, valid_until=until)
        for line in (0, 1, 2):
            cast.decide("chief", request, Role.CHIEF, line=line)
            cast.decide("system", request, Role.SYSTEM, line=line)
    found = [(row.person.person_id, row.right_name, row.cloud) for row in rows(cast)]
    assert found == [(cast.people["contractor"], name, True) for name in ("管理用ID", "システム管理")]
    with cast.database.reading() as session:
        query = (
            select(Account.person_id, Grant.state).join(Grant, Grant.account_id == Account.id).join(Grant.entitlement)
        )
        privileged = dict(session.execute(query.where(Entitlement.privileged)).all())
        ordinary = set(session.scalars(query.with_only_columns(Grant.state).where(
            Entitlement.kind == EntitlementKind.ACCOUNT, ~Entitlement.privileged
        )))  # fmt: skip
    assert privileged == {
        cast.people["contractor"]: GrantState.SUSPENDED, cast.people["staff"]: GrantState.IN_FORCE
    }  # fmt: skip
    assert ordinary == {GrantState.IN_FORCE}
