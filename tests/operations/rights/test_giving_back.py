"""Rights that are given back, reminders before rights end, and renewals: many at once, each line decided (A8)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from idm.actor import Actor
from idm.errors import IllegalTransition, InvalidInput, NotFound
from idm.grant_state import EndReason, GrantState
from idm.models.audit import AuditRecord
from idm.models.outside import Sponsorship
from idm.models.people import Employment, Person
from idm.models.requests import Grant, Request
from idm.models.systems import Account
from idm.models.work import MailMessage, OutboxTask
from idm.operations.rights import giving_back, renewals
from idm.operations.rights.giving_back import GivenBack
from idm.operations.rights.lifecycle import carry_out_due
from idm.publication import Reader
from idm.queries.approval.choices import scope_of
from idm.request_state import LineState, RequestState
from idm.vocabulary import RequestAction
from tests.cast import NOW, TODAY, Cast

JOB = Actor.job("jobs.lifecycle")
END = TODAY + timedelta(days=100)
DAY = timedelta(days=1)


@pytest.fixture
def office(cast: Cast) -> Cast:
    """青木 has an ID in the ledger system and a right there, until a day; 今泉 too."""
    for who in ("staff", "other"):
        wanted = ((who, "ledger/account"), (who, "ledger/enter"))
        request_id = cast.file("hr", *wanted, valid_until=END)
        for line in (0, 1):
            cast.approve(request_id, line=line)
    return cast


def by_notice(cast: Cast) -> Cast:
    """The same office under a profile that takes note of what is given back."""
    policy = cast.policy
    return replace(cast, policy=replace(policy, giving_back=replace(policy.giving_back, way="notice")))


def grants(cast: Cast, who: str = "staff") -> dict[str, Grant]:
    with cast.database.reading() as session:
        query = select(Grant).join(Grant.account).where(Account.person_id == cast.people[who]).order_by(Grant.id)
        found = session.scalars(query).all()
        return {one.entitlement.code: one for one in found}


def give_back(cast: Cast, code: str, who: str = "staff", of: str = "staff", reason: str = "使わない") -> GivenBack:
    with cast.acting(who, "giving_back.give") as session:
        return giving_back.give_back(
            session, grants(cast, of)[code].id, reason=reason, actor=cast.stale(who), policy=cast.policy, now=NOW
        )


def remind(cast: Cast, day: date) -> int:
    with cast.database.writing() as session:
        return giving_back.remind(session, actor=JOB, policy=cast.policy, now=at(day))


def at(day: date) -> datetime:
    return NOW + (day - TODAY)


def reminders(cast: Cast) -> list[MailMessage]:
    with cast.database.reading() as session:
        return list(session.scalars(select(MailMessage).where(MailMessage.subject.startswith("【権限の期限】"))))


def test_where_it_is_an_application_the_right_ends_when_the_officers_have_decided(office: Cast) -> None:
    done = give_back(office, "enter")
    assert done.request_id is not None
    with office.database.reading() as session:
        request = session.get_one(Request, done.request_id)
        assert (request.action, request.state) == (RequestAction.CHANGE, RequestState.SUBMITTED)
    assert grants(office)["enter"].state is GrantState.IN_FORCE
    office.approve(done.request_id)
    found = grants(office)
    assert (found["enter"].state, found["enter"].end_reason) == (GrantState.ENDED, EndReason.REQUESTED)
    assert found["account"].state is GrantState.IN_FORCE


def test_the_account_itself_takes_everything_of_the_system(office: Cast) -> None:
    done = give_back(office, "account")
    with office.database.reading() as session:
        assert session.get_one(Request, done.request_id).action is RequestAction.REMOVE
    office.approve(done.request_id or 0)
    assert {one.state for one in grants(office).values()} == {GrantState.ENDED}


@pytest.mark.parametrize(("code", "ended"), [("enter", {"enter"}), ("account", {"enter", "account"})])
def test_where_it_is_a_notice_it_ends_at_once_and_the_directory_follows(
    office: Cast, code: str, ended: set[str]
) -> None:
    cast = by_notice(office)
    with cast.database.reading() as session:
        before = session.scalars(select(OutboxTask.generation).order_by(OutboxTask.id.desc())).first() or 0
    assert give_back(cast, code) == GivenBack(None, len(ended))
    found = grants(cast)
    assert {key for key, one in found.items() if one.end_reason is EndReason.GIVEN_BACK} == ended
    with cast.database.reading() as session:
        account = found["enter"].account_id
        newest = select(OutboxTask.generation).where(OutboxTask.account_id == account).order_by(OutboxTask.id.desc())
        assert (session.scalars(newest).first() or 0) > before
        assert session.scalars(select(AuditRecord).where(AuditRecord.action == "giving_back.noticed")).one()


def test_a_notice_is_told_to_the_section_manager(office: Cast) -> None:
    give_back(by_notice(office), "enter")
    with office.database.reading() as session:
        told = session.scalars(select(MailMessage).where(MailMessage.subject.startswith("【権限の返却】"))).one()
    assert told.body.startswith("香椎")
    assert "使わない" in told.body


@pytest.mark.parametrize("who", ["other", "security", "hr", "ciso"])
def test_nobody_gives_back_what_is_somebody_elses(office: Cast, who: str) -> None:
    for cast in (office, by_notice(office)):
        with pytest.raises(NotFound):
            give_back(cast, "enter", who)
    assert grants(office)["enter"].state is GrantState.IN_FORCE


def test_it_is_given_back_once_and_for_a_reason(office: Cast) -> None:
    with pytest.raises(InvalidInput, match="理由"):
        give_back(office, "enter", reason=" ")
    give_back(office, "enter")
    with pytest.raises(InvalidInput, match="審査中"):
        give_back(office, "enter")
    give_back(by_notice(office), "account")
    with pytest.raises(IllegalTransition):
        give_back(by_notice(office), "enter")


def test_each_step_is_told_of_once_in_one_mail_with_everything_that_ends(office: Cast) -> None:
    last = END - DAY
    days = [61, 60, 59, 31, 30, 8, 7, 6, 0]
    assert [remind(office, last - timedelta(days=days_left)) for days_left in days] == [0, 2, 0, 0, 2, 0, 2, 0, 0]
    mails = reminders(office)
    assert len(mails) == 6
    assert all("2件" in mail.subject for mail in mails)
    assert "利用者ID" in mails[0].body
    assert "伝票入力" in mails[0].body


def without_mail(cast: Cast, who: str) -> None:
    with cast.database.writing() as session:
        session.get_one(Person, cast.people[who]).mail = None


def answered_for(cast: Cast, who: str, sponsor: str) -> None:
    """`sponsor` answers for `who`, as for somebody outside HR."""
    with cast.database.writing() as session:
        session.add(
            Sponsorship(
                employment_id=cast.employment(session, who).id, person_id=cast.people[who],
                sponsor_id=cast.people[sponsor], unit_code="0100", since=NOW, accepted_at=NOW,
                accepted_by_id=cast.people[sponsor],
            )
        )  # fmt: skip


def test_for_whoever_has_no_mail_the_sponsor_is_reminded_or_else_the_section_manager(office: Cast) -> None:
    without_mail(office, "staff")
    without_mail(office, "other")
    answered_for(office, "staff", "hr")
    assert remind(office, END - timedelta(days=61)) == 2
    told = {mail.person_id: mail.body for mail in reminders(office)}
    assert set(told) == {office.people["hr"], office.people["security"]}
    assert "青木　一郎 さんはメールを使わないため" in told[office.people["hr"]]
    assert "今泉　二葉 さんはメールを使わないため" in told[office.people["security"]]


def test_after_an_outage_only_one_reminder_is_sent(office: Cast) -> None:
    assert [remind(office, END - timedelta(days=4)), remind(office, END - timedelta(days=3))] == [2, 0]
    assert len(reminders(office)) == 2


def renew(cast: Cast, who: str, *rights: tuple[str, str], until: date = END + 90 * DAY) -> list[int]:
    now = at(END - 30 * DAY)
    ids = {grants(cast, of)[code].id for of, code in rights}
    with cast.acting(who, "request.submit", now) as session:
        return renewals.renew(
            session, ids, valid_until=until, reason="続けて使うため", reader=Reader(END - 30 * DAY),
            actor=cast.actor(who), policy=cast.policy, now=now,
        )  # fmt: skip


def test_of_what_was_asked_to_go_on_nobody_is_reminded(office: Cast) -> None:
    renew(office, "staff", ("staff", "account"))
    assert remind(office, END - 20 * DAY) == 2
    assert sorted(("利用者ID" in mail.body, "伝票入力" in mail.body) for mail in reminders(office)) == [
        (False, True), (True, True),
    ]  # fmt: skip


def test_of_what_ends_with_the_employment_or_by_an_application_nobody_is_reminded(office: Cast) -> None:
    done = give_back(office, "enter")
    with office.database.writing() as session:
        grant = session.get_one(Grant, grants(office)["enter"].id)
        grant.ended_by_line_id = session.get_one(Request, done.request_id).lines[0].id
        employment = session.scalars(select(Employment).where(Employment.person_id == office.people["other"])).one()
        employment.valid_until = END
    assert remind(office, END - 20 * DAY) == 1
    assert "1件" in reminders(office)[0].subject


def test_a_renewal_is_an_application_that_begins_where_the_right_ends(office: Cast) -> None:
    (request_id,) = renew(office, "staff", ("staff", "account"), ("staff", "enter"))
    with office.database.reading() as session:
        lines = session.get_one(Request, request_id).lines
        assert {(line.valid_from, line.valid_until) for line in lines} == {(END, END + 90 * DAY)}
    assert grants(office)["enter"].valid_until == END
    for line in (0, 1):
        office.approve(request_id, now=at(END - 20 * DAY), line=line)
    assert grants(office)["enter"].valid_until == END + 90 * DAY
    with office.database.writing() as session:
        carry_out_due(session, actor=JOB, policy=office.policy, now=at(END))
    assert grants(office)["enter"].state is GrantState.IN_FORCE


def test_what_nobody_permits_to_go_on_ends(office: Cast) -> None:
    renew(office, "staff", ("staff", "enter"))
    with office.database.writing() as session:
        carry_out_due(session, actor=JOB, policy=office.policy, now=at(END))
    assert grants(office)["enter"].state is GrantState.ENDED


def test_a_section_manager_asks_for_many_people_in_one_application_and_each_line_is_decided(office: Cast) -> None:
    both = [(who, code) for who in ("staff", "other") for code in ("account", "enter")]
    (request_id,) = renew(office, "security", *both)
    with office.database.reading() as session:
        assert len(session.get_one(Request, request_id).lines) == 4
    office.approve(request_id, now=at(END - 20 * DAY), line=0)
    ends = [one.valid_until or TODAY for who in ("staff", "other") for one in grants(office, who).values()]
    assert sorted(ends) == [END, END, END, END + 90 * DAY]


@pytest.mark.parametrize(
    ("who", "of", "until"),
    [
        ("other", "staff", END + DAY), ("system", "staff", END + DAY), ("staff", "staff", END),
        ("staff", "staff", END - DAY),
    ],
)  # fmt: skip
def test_nobody_renews_for_others_than_theirs_nor_to_an_earlier_end(
    office: Cast, who: str, of: str, until: date
) -> None:
    with pytest.raises(InvalidInput):
        renew(office, who, (of, "enter"), until=until)


def test_it_is_too_early_long_before_the_end_and_too_late_for_a_second_one(office: Cast) -> None:
    with office.acting("staff", "request.submit") as session, pytest.raises(InvalidInput, match="更新を申請できない"):
        renewals.renew(
            session, {grants(office)["enter"].id}, valid_until=END + DAY, reason="続ける", reader=Reader(TODAY),
            actor=office.actor("staff"), policy=office.policy, now=NOW,
        )  # fmt: skip
    renew(office, "staff", ("staff", "enter"))
    with pytest.raises(InvalidInput, match="更新を申請できない"):
        renew(office, "hr", ("staff", "enter"))


def test_on_postgresql_a_reminder_and_a_renewal_are_the_same(postgres_office: Cast) -> None:
    wanted = (("staff", "ledger/account"), ("staff", "ledger/enter"))
    request_id = postgres_office.file("hr", *wanted, valid_until=END)
    for line in (0, 1):
        postgres_office.approve(request_id, line=line)
    assert [remind(postgres_office, END - 5 * DAY), remind(postgres_office, END - 4 * DAY)] == [1, 0]
    assert len(renew(postgres_office, "security", ("staff", "account"), ("staff", "enter"))) == 1


def test_what_was_given_back_is_not_given_again_by_a_renewal_that_was_asked_for_before(office: Cast) -> None:
    (request_id,) = renew(office, "security", ("staff", "enter"))
    give_back(by_notice(office), "enter")
    assert state_of(office, request_id) is RequestState.LAPSED
    with pytest.raises(IllegalTransition):
        office.approve(request_id, now=at(END - 20 * DAY))


def test_of_an_application_for_several_only_what_was_given_back_lapses(office: Cast) -> None:
    (request_id,) = renew(office, "security", ("staff", "enter"), ("other", "enter"))
    give_back(by_notice(office), "enter")
    assert state_of(office, request_id) is RequestState.SUBMITTED
    with office.database.reading() as session:
        lines = {line.subject_id: line.state for line in session.get_one(Request, request_id).lines}
    assert lines == {office.people["staff"]: LineState.LAPSED, office.people["other"]: LineState.PENDING}


def state_of(cast: Cast, request_id: int) -> RequestState:
    with cast.database.reading() as session:
        return session.get_one(Request, request_id).state


def test_where_nobody_applies_for_themselves_everybody_gives_back_what_they_have(office: Cast) -> None:
    policy = replace(office.policy, applications=replace(office.policy.applications, own=False))
    strict = replace(office, policy=policy)
    with pytest.raises(InvalidInput):
        renew(strict, "staff", ("staff", "enter"))
    assert give_back(strict, "enter").request_id is not None


def test_on_postgresql_two_who_renew_at_once_make_one_application(
    postgres_office: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = postgres_office
    request_id = cast.file("hr", ("staff", "ledger/account"), ("staff", "ledger/enter"), valid_until=END)
    for line in (0, 1):
        cast.approve(request_id, line=line)
    begun, really = threading.Barrier(2), scope_of

    def together(*said: Any, **more: Any) -> Any:
        begun.wait()
        return really(*said, **more)

    monkeypatch.setattr(renewals, "scope_of", together)
    with ThreadPoolExecutor() as both:
        asked = [both.submit(renew, cast, who, ("staff", "enter")) for who in ("security", "hr")]
        problems = [one.exception() for one in asked]
    assert [type(problem) for problem in problems if problem is not None] == [InvalidInput]
