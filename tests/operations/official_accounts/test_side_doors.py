"""What nobody gets past: one's own account, somebody gone, a take-over that is only given up (FK 6-1(22); I6)."""

from datetime import date
from functools import partial

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from idm.errors import IllegalTransition, InvalidInput, NotPermitted, Refusal, SeparationOfDuties
from idm.models.official_accounts import OfficialAccount, OfficialAccountPoster, TakeOver
from idm.models.people import Employment, Person
from idm.models.work import Finding
from idm.operations.official_accounts import keeping
from idm.operations.sweep import risk_acceptance
from idm.vocabulary import FindingKind, OfficialAccountState
from tests.cast import NOW, TODAY, Cast
from tests.operations.official_accounts.accounts import (
    DAY,
    account,
    answer,
    approved,
    ask,
    change_password,
    check,
    confirm_end,
    do_step,
    give_up,
    name_poster,
    nightfall,
    open_faults,
    posting,
    recover,
    settle,
    taken,
    told,
)


def leaves(cast: Cast, who: str, until: date = TODAY + DAY) -> None:
    """`who` is employed no longer from that day on."""
    with cast.database.writing() as session:
        mine = Employment.person_id == cast.people[who]
        session.execute(update(Employment).where(mine).values(valid_until=until))


def one_human(cast: Cast, *names: str) -> None:
    with cast.database.writing() as session:
        rows = [cast.people[one] for one in names]
        session.execute(update(Person).where(Person.id.in_(rows)).values(match_key="one human"))


def take_over(cast: Cast, account_id: int) -> TakeOver:
    with cast.database.reading() as session:
        return session.scalars(select(TakeOver).where(TakeOver.official_account_id == account_id)).one()


def name(cast: Cast, account_id: int, whom: str, who: str = "chief") -> None:
    with cast.acting(who, "official_account.name_responsible") as session:
        keeping.name_responsible(
            session, account_id, cast.people[whom], actor=cast.actor(who), policy=cast.policy, now=NOW
        )


# --- deciding on one's own --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("same", [False, True])
def test_whoever_will_answer_for_it_does_not_decide_on_it_under_whatever_row(office: Cast, same: bool) -> None:
    account_id = ask(office, responsible_id=office.people["staff" if same else "chief"])
    if same:
        one_human(office, "staff", "chief")
    with pytest.raises(SeparationOfDuties):
        answer(office, account_id)
    assert account(office, account_id).state is OfficialAccountState.ASKED


def test_whoever_asked_does_not_decide_under_another_row(office: Cast) -> None:
    account_id = ask(office)
    one_human(office, "security", "chief")
    with pytest.raises(SeparationOfDuties):
        answer(office, account_id)


def test_an_auditor_under_another_row_neither_applies_nor_decides(office: Cast) -> None:
    account_id = ask(office)
    one_human(office, "auditor", "chief")
    with pytest.raises(SeparationOfDuties):
        answer(office, account_id)
    one_human(office, "auditor", "security")
    with pytest.raises(SeparationOfDuties):
        ask(office, handle="@other")


@pytest.mark.parametrize("who", ["system", "other"])
def test_neither_a_manager_of_another_section_nor_who_posts_looks_after_it(office: Cast, who: str) -> None:
    account_id = approved(office)
    poster = name_poster(office, account_id)
    for act in (check, give_up, settle):
        with pytest.raises(NotPermitted):
            act(office, account_id, who)
    with pytest.raises(NotPermitted), office.acting(who, "official_account.end_poster") as session:
        keeping.end_poster(session, poster, actor=office.actor(who), policy=office.policy, now=NOW)
    assert posting(office, account_id) == {office.people["other"]}


def test_who_neither_posts_nor_keeps_it_records_no_step_and_who_only_posts_confirms_nothing(office: Cast) -> None:
    account_id = approved(office)
    name_poster(office, account_id)
    taken(office, account_id)
    with pytest.raises(NotPermitted):
        do_step(office, account_id, "password", "hr")
    for code in office.policy.official_accounts.questions:
        do_step(office, account_id, code, "other")
    change_password(office, account_id, "other")
    settle(office, account_id)
    with pytest.raises(NotPermitted):
        recover(office, account_id, "other")


def test_nobody_is_taken_off_twice_or_named_before_they_work_here(office: Cast) -> None:
    account_id = approved(office)
    poster = name_poster(office, account_id)
    for refused in (False, True):
        with office.acting("staff", "official_account.end_poster") as session:
            act = partial(
                keeping.end_poster, session, poster, actor=office.actor("staff"), policy=office.policy, now=NOW
            )
            if not refused:
                act()
                continue
            with pytest.raises(IllegalTransition):
                act()
    with office.database.writing() as session:
        mine = Employment.person_id == office.people["hr"]
        session.execute(update(Employment).where(mine).values(valid_from=TODAY + DAY))
    with pytest.raises(InvalidInput):
        name_poster(office, account_id, "hr")


@pytest.mark.parametrize("same", [False, True])
def test_nobody_names_themselves_to_answer_for_it(office: Cast, same: bool) -> None:
    account_id = approved(office)
    if same:
        one_human(office, "other", "chief")
    with pytest.raises(SeparationOfDuties):
        name(office, account_id, "other" if same else "chief")
    assert account(office, account_id).responsible_id == office.people["staff"]


def test_whoever_answers_for_it_and_decides_hands_it_to_another(office: Cast) -> None:
    account_id = approved(office)
    with office.database.writing() as session:
        session.execute(update(OfficialAccount).values(responsible_id=office.people["chief"]))
    name(office, account_id, "other")
    assert account(office, account_id).responsible_id == office.people["other"]


# --- somebody who has gone --------------------------------------------------------------------------------------------


def test_it_is_not_approved_for_somebody_who_has_left(office: Cast) -> None:
    account_id = ask(office)
    leaves(office, "staff", TODAY)
    with pytest.raises(InvalidInput, match="責任者"):
        answer(office, account_id)
    answer(office, account_id, permit=False)
    assert account(office, account_id).state is OfficialAccountState.REFUSED


def test_whoever_has_become_a_contractor_answers_for_nothing(office: Cast) -> None:
    account_id = approved(office)
    one_human(office, "staff", "contractor")
    with pytest.raises(NotPermitted):
        check(office, account_id)
    nightfall(office)
    assert "責任者が在籍していません" in open_faults(office)


def test_where_nobody_answers_for_it_the_offices_are_told_that_the_password_is_due(office: Cast) -> None:
    account_id = approved(office)
    name_poster(office, account_id)
    leaves(office, "staff")
    leaves(office, "other")
    nightfall(office, NOW + DAY)
    assert told(office, "パスワードの変更") == {office.people["security"]}


def test_the_password_is_due_since_the_first_who_may_know_it_went(office: Cast) -> None:
    account_id = approved(office)
    name_poster(office, account_id)
    name_poster(office, account_id, "hr")
    leaves(office, "other")
    leaves(office, "hr", TODAY + 3 * DAY)
    for days in (1, 3):
        assert nightfall(office, NOW + days * DAY) == 1
    assert account(office, account_id).password_due_since == NOW + DAY


def test_of_what_was_given_up_nobody_is_asked_to_change_the_password_before_it_is_sent_back(office: Cast) -> None:
    account_id = approved(office)
    name_poster(office, account_id)
    give_up(office, account_id)
    leaves(office, "other")
    nightfall(office, NOW + DAY)
    assert posting(office, account_id) == set()
    assert told(office, "パスワードの変更") == set()
    confirm_end(office, account_id, "chief", gone=False)
    nightfall(office, NOW + DAY)
    assert "変更されていません" in open_faults(office)


# --- a take-over ------------------------------------------------------------------------------------------------------


def test_whoever_took_it_knew_the_password_so_it_is_changed_before_it_is_settled(office: Cast) -> None:
    account_id = approved(office)
    taken(office, account_id, "staff")
    assert account(office, account_id).password_due_since == NOW
    for code in office.policy.official_accounts.questions:
        do_step(office, account_id, code, note="当てはまらない")
    assert account(office, account_id).password_changed_at is None, "a reason why not is no change"
    with pytest.raises(InvalidInput, match="パスワード"):
        settle(office, account_id)
    change_password(office, account_id)
    settle(office, account_id)


def test_a_take_over_stays_a_finding_until_another_has_confirmed_that_the_account_was_given_up(office: Cast) -> None:
    account_id = approved(office)
    taken(office, account_id, "staff")
    give_up(office, account_id)
    nightfall(office)
    assert "乗っ取りへの対応が終わっていません" in open_faults(office)
    confirm_end(office, account_id, "security")
    nightfall(office)
    assert open_faults(office) == ""


def test_no_risk_of_a_take_over_is_accepted_and_little_time_is_given_for_it(office: Cast) -> None:
    taken(office, approved(office), "staff")
    nightfall(office)
    with office.database.reading() as session:
        kind = FindingKind.OFFICIAL_ACCOUNT_TAKEN_OVER
        finding = session.scalars(select(Finding).where(Finding.kind == kind)).one()
    with office.acting("ciso", "finding.accept_risk") as session, pytest.raises(Refusal, match="別の人が確認"):
        risk_acceptance.accept(
            session, finding.id, reason="様子を見る", until=TODAY + DAY, actor=office.actor("ciso"),
            policy=office.policy, now=NOW,
        )  # fmt: skip
    assert kind in office.policy.findings.urgent


@pytest.mark.parametrize("settled", [False, True])
def test_with_the_confirmed_end_of_the_account_its_take_over_is_over_too(office: Cast, settled: bool) -> None:
    account_id = approved(office)
    taken(office, account_id, "staff")
    if settled:
        for code in office.policy.official_accounts.questions:
            do_step(office, account_id, code)
        change_password(office, account_id)
        settle(office, account_id, "security")
    give_up(office, account_id)
    confirm_end(office, account_id, "security")
    found = take_over(office, account_id)
    assert (found.settled_by_id, found.confirmed_by_id) == (office.people["staff"], office.people["security"])
    assert "削除した" in (found.settled_note or "")


@pytest.mark.parametrize("closed", [False, True])
def test_nothing_is_recorded_about_the_take_over_of_an_account_that_was_given_up(office: Cast, closed: bool) -> None:
    account_id = approved(office)
    taken(office, account_id, "staff")
    give_up(office, account_id)
    if closed:
        confirm_end(office, account_id, "security")
    with pytest.raises(IllegalTransition):
        do_step(office, account_id, "password")
    with pytest.raises(IllegalTransition):
        settle(office, account_id)
    with pytest.raises(IllegalTransition):
        recover(office, account_id, "security")


def test_to_confirm_is_asked_of_those_who_can(office: Cast) -> None:
    account_id = approved(office)
    taken(office, account_id, "staff")
    for code in office.policy.official_accounts.questions:
        do_step(office, account_id, code)
    change_password(office, account_id)
    settle(office, account_id)
    assert told(office, "対応の確認") == {office.people["chief"], office.people["security"]}


# --- the register -----------------------------------------------------------------------------------------------------


def test_one_that_was_given_up_stands_in_the_register_until_that_is_confirmed(office: Cast) -> None:
    before = approved(office)
    give_up(office, before)
    with pytest.raises(InvalidInput) as refused:
        ask(office)
    assert refused.value.fields.keys() == {"handle"}
    confirm_end(office, before, "security")
    approved(office)


def test_of_two_applications_for_one_account_one_is_approved(office: Cast) -> None:
    first, second = ask(office), ask(office, handle="@other")
    with office.database.writing() as session:
        session.execute(update(OfficialAccount).where(OfficialAccount.id == second).values(handle="@kumiai"))
    answer(office, first)
    with pytest.raises(IllegalTransition, match="すでに台帳"):
        answer(office, second)
    answer(office, second, permit=False)


def test_the_database_keeps_one_entry_for_an_account_until_its_end_is_confirmed(office: Cast) -> None:
    give_up(office, approved(office))
    second = approved(office, handle="@other")
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.execute(update(OfficialAccount).where(OfficialAccount.id == second).values(handle="@kumiai"))


def test_an_account_belongs_to_a_section_that_there_is(office: Cast) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(office, unit_code="9999")
    assert refused.value.fields.keys() == {"unit"}


def test_what_is_sent_back_is_told_to_whoever_gave_it_up_too(office: Cast) -> None:
    account_id = approved(office)
    give_up(office, account_id, "security")
    confirm_end(office, account_id, "chief", gone=False)
    assert told(office, "差戻し") == {office.people["staff"], office.people["security"]}


def test_who_posted_knows_of_the_end_and_what_is_sent_back_has_none(office: Cast) -> None:
    account_id = approved(office)
    name_poster(office, account_id)
    give_up(office, account_id)
    ended = {office.people[who] for who in ("other", "security", "chief")}
    assert told(office, "利用の終了") == ended
    confirm_end(office, account_id, "chief", gone=False)
    found = account(office, account_id)
    assert (found.ended_how, found.ended_by_id) == (None, None)


def test_one_human_posts_once(office: Cast) -> None:
    account_id = approved(office)
    one_human(office, "other", "hr")
    name_poster(office, account_id)
    with pytest.raises(InvalidInput):
        name_poster(office, account_id, "hr")
    with office.database.reading() as session:
        assert len(session.scalars(select(OfficialAccountPoster)).all()) == 1
