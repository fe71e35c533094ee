"""An official account from its application to its end, and back from a take-over (FK 6-1(22); control I6)."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.official_accounts import OfficialAccount, TakeOver
from idm.models.people import Assignment, Employment
from idm.models.work import MailMessage
from idm.operations.official_accounts import applications, keeping
from idm.vocabulary import OfficialAccountState
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

# --- applying ---------------------------------------------------------------------------------------------------------


def test_it_is_used_when_another_person_has_approved_it_and_whoever_answers_for_it_knows(office: Cast) -> None:
    account_id = ask(office)
    assert told(office, "申請") == {office.people["chief"]}
    with pytest.raises(SeparationOfDuties):
        answer(office, account_id, "security")
    answer(office, account_id)
    assert account(office, account_id).state is OfficialAccountState.IN_USE
    assert told(office, "責任者の指名") == {office.people["staff"]}


@pytest.mark.parametrize("who", ["staff", "hr", "system", "auditor", "contractor", "ciso"])
def test_nobody_else_decides(office: Cast, who: str) -> None:
    account_id = ask(office)
    with pytest.raises((NotPermitted, SeparationOfDuties)):
        answer(office, account_id, who)


@pytest.mark.parametrize(("who", "unit"), [("staff", "0100"), ("chief", "0100"), ("system", "0100"), ("hr", "0110")])
def test_nobody_else_applies(office: Cast, who: str, unit: str) -> None:
    with pytest.raises(NotPermitted):
        ask(office, who, unit_code=unit)


def test_every_mistake_is_told_at_once_and_nothing_is_kept(office: Cast) -> None:
    wrong = {"handle": " ", "custody": "", "only_public": False, "two_factors": False, "responsible_id": None}
    with pytest.raises(InvalidInput) as refused:
        ask(office, **wrong)  # type: ignore[arg-type]
    assert refused.value.fields.keys() == {"handle", "custody", "only_public", "two_factors", "responsible"}
    with office.database.reading() as session:
        assert session.scalars(select(OfficialAccount)).all() == []


def test_a_contractor_answers_for_no_account(office: Cast) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(office, responsible_id=office.people["contractor"])
    assert refused.value.fields.keys() == {"responsible"}


def test_one_account_stands_in_the_register_once(office: Cast) -> None:
    account_id = approved(office)
    with pytest.raises(InvalidInput) as refused:
        ask(office)
    assert refused.value.fields.keys() == {"handle"}
    give_up(office, account_id)
    confirm_end(office, account_id, "security")
    assert ask(office) != account_id


def test_the_database_itself_refuses_one_person_and_a_second_entry(office: Cast) -> None:
    account_id = ask(office)
    one = update(OfficialAccount).values(answered_by_id=OfficialAccount.asked_by_id)
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.execute(one)
    answer(office, account_id)
    second = ask(office, handle="@other")
    answer(office, second)
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.execute(update(OfficialAccount).where(OfficialAccount.id == second).values(handle="@kumiai"))


def test_only_whoever_asked_takes_it_back(office: Cast) -> None:
    account_id = ask(office)
    with pytest.raises(NotPermitted), office.acting("chief", "official_account.withdraw") as session:
        applications.withdraw(session, account_id, actor=office.actor("chief"), policy=office.policy, now=NOW)
    with office.acting("security", "official_account.withdraw") as session:
        applications.withdraw(session, account_id, actor=office.actor("security"), policy=office.policy, now=NOW)
    assert account(office, account_id).state is OfficialAccountState.WITHDRAWN


# --- who posts, and the password --------------------------------------------------------------------------------------


def test_whoever_answers_for_it_names_who_posts_and_nobody_without_a_reason_does(office: Cast) -> None:
    account_id = approved(office)
    with pytest.raises(NotPermitted):
        name_poster(office, account_id, who="hr")
    name_poster(office, account_id)
    assert posting(office, account_id) == {office.people["other"]}
    with pytest.raises(InvalidInput):
        name_poster(office, account_id)
    with pytest.raises(NotPermitted):
        name_poster(office, account_id, "hr", who="other")


def test_when_somebody_posts_no_longer_the_password_is_due_until_it_was_changed(office: Cast) -> None:
    account_id = approved(office)
    poster = name_poster(office, account_id)
    with office.acting("staff", "official_account.end_poster") as session:
        keeping.end_poster(session, poster, actor=office.actor("staff"), policy=office.policy, now=NOW)
    assert posting(office, account_id) == set()
    assert told(office, "パスワードの変更") == {office.people["staff"]}
    nightfall(office)
    assert "パスワード" in open_faults(office)
    with pytest.raises(NotPermitted):
        change_password(office, account_id, "other")
    change_password(office, account_id)
    nightfall(office)
    assert open_faults(office) == ""


def test_who_posts_says_that_the_password_was_changed(office: Cast) -> None:
    account_id = approved(office)
    name_poster(office, account_id)
    change_password(office, account_id, "other")
    assert account(office, account_id).password_changed_by_id == office.people["other"]


@pytest.mark.parametrize("table", [Employment, Assignment])
def test_whoever_leaves_or_works_elsewhere_posts_no_longer_from_the_next_day(
    office: Cast, table: type[Employment | Assignment]
) -> None:
    account_id = approved(office)
    name_poster(office, account_id)
    with office.database.writing() as session:
        employment = session.scalars(select(Employment).where(Employment.person_id == office.people["other"])).one()
        key = Employment.id == employment.id if table is Employment else Assignment.employment_id == employment.id
        session.execute(update(table).where(key).values(valid_until=TODAY + DAY))
    assert nightfall(office) == 0
    assert nightfall(office, NOW + DAY) == 1
    assert posting(office, account_id) == set()
    assert account(office, account_id).password_due_since == NOW + DAY
    assert nightfall(office, NOW + DAY) == 0


def test_another_person_answers_for_it_and_the_one_before_may_know_the_password(office: Cast) -> None:
    account_id = approved(office)
    for who, refusal in (("security", SeparationOfDuties), ("staff", NotPermitted)):
        with pytest.raises(refusal), office.acting(who, "official_account.name_responsible") as session:
            _name(office, session, account_id, who)
    with office.acting("chief", "official_account.name_responsible") as session:
        _name(office, session, account_id, "chief")
    found = account(office, account_id)
    assert (found.responsible_id, found.password_due_since) == (office.people["other"], NOW)


def _name(cast: Cast, session: object, account_id: int, who: str) -> None:
    keeping.name_responsible(
        session, account_id, cast.people["other"], actor=cast.actor(who), policy=cast.policy, now=NOW  # type: ignore[arg-type]
    )  # fmt: skip


def test_nobody_who_has_left_answers_for_it_unnoticed(office: Cast) -> None:
    approved(office)
    gone = update(Employment).where(Employment.person_id == office.people["staff"]).values(valid_until=TODAY + DAY)
    with office.database.writing() as session:
        session.execute(gone)
    nightfall(office)
    assert open_faults(office) == ""
    nightfall(office, NOW + DAY)
    assert "責任者が在籍していません" in open_faults(office)


def test_without_two_factors_it_is_a_finding(office: Cast) -> None:
    account_id = approved(office)
    texts = dict.fromkeys(keeping.CUSTODY, "金庫")
    with pytest.raises(InvalidInput), office.acting("staff", "official_account.change_custody") as session:
        _custody(office, session, account_id, {**texts, "custody": ""})
    with office.acting("staff", "official_account.change_custody") as session:
        _custody(office, session, account_id, texts)
    assert account(office, account_id).custody == "金庫"
    nightfall(office)
    assert "二要素認証" in open_faults(office)


def _custody(cast: Cast, session: object, account_id: int, texts: dict[str, str]) -> None:
    keeping.change_custody(
        session, account_id, texts, two_factors=False, actor=cast.actor("staff"), policy=cast.policy, now=NOW  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_check_that_is_overdue_is_a_finding_until_it_was_made(office: Cast) -> None:
    account_id = approved(office)
    late = NOW + (office.policy.official_accounts.check_every_days + 1) * DAY
    nightfall(office, late - DAY)
    assert open_faults(office) == ""
    nightfall(office, late)
    assert "定期確認" in open_faults(office)
    with pytest.raises(NotPermitted):
        check(office, account_id, "other", late)
    check(office, account_id, now=late)
    nightfall(office, late)
    assert open_faults(office) == ""


# --- taken over -------------------------------------------------------------------------------------------------------


def test_of_a_take_over_everybody_is_told_in_the_same_moment(office: Cast) -> None:
    account_id = approved(office)
    with pytest.raises(NotPermitted):
        taken(office, account_id, "hr")
    name_poster(office, account_id)
    taken(office, account_id)
    assert told(office, "乗っ取り") == {office.people[who] for who in ("ciso", "chief", "security", "staff", "other")}
    with office.database.reading() as session:
        urgent = select(MailMessage.urgent).where(MailMessage.subject.contains("乗っ取り"))
        assert set(session.scalars(urgent)) == {True}
    nightfall(office)
    assert "乗っ取り" in open_faults(office)


def test_it_is_its_own_again_when_every_step_is_on_record_and_another_person_has_confirmed(office: Cast) -> None:
    account_id = approved(office)
    name_poster(office, account_id)
    taken(office, account_id)
    with pytest.raises(InvalidInput, match="まだ記録されていない手順"):
        settle(office, account_id)
    with pytest.raises(NotFound):
        do_step(office, account_id, "no-such-step")
    for code in office.policy.official_accounts.questions:
        do_step(office, account_id, code, "other")
    with pytest.raises(IllegalTransition):
        do_step(office, account_id, "password")
    with pytest.raises(IllegalTransition):
        recover(office, account_id, "security")
    change_password(office, account_id, "other")
    with pytest.raises(NotPermitted):
        settle(office, account_id, "other")
    settle(office, account_id)
    with pytest.raises(SeparationOfDuties):
        recover(office, account_id, "staff")
    recover(office, account_id, "security")
    found = account(office, account_id)
    assert (found.state, found.password_changed_at) == (OfficialAccountState.IN_USE, NOW)
    nightfall(office)
    assert open_faults(office) == ""
    taken(office, account_id)


def test_the_database_itself_asks_for_another_person(office: Cast) -> None:
    account_id = approved(office)
    taken(office, account_id, "staff")
    alone = update(TakeOver).values(
        settled_by_id=office.people["staff"], settled_at=NOW, confirmed_by_id=office.people["staff"], confirmed_at=NOW
    )
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.execute(alone)


# --- the end ----------------------------------------------------------------------------------------------------------


def test_its_end_is_confirmed_by_another_and_nobody_posts_after_it(office: Cast) -> None:
    account_id = approved(office)
    name_poster(office, account_id)
    give_up(office, account_id)
    with pytest.raises(SeparationOfDuties):
        confirm_end(office, account_id, "staff")
    late = NOW + office.policy.official_accounts.confirm_within_days * DAY
    nightfall(office, late)
    assert "確認されていません" in open_faults(office)
    confirm_end(office, account_id, "security")
    assert account(office, account_id).state is OfficialAccountState.CLOSED
    assert posting(office, account_id) == set()
    nightfall(office, late)
    assert open_faults(office) == ""


@pytest.mark.parametrize("stolen", [False, True])
def test_an_end_that_cannot_be_confirmed_leaves_it_as_it_was(office: Cast, stolen: bool) -> None:
    account_id = approved(office)
    if stolen:
        taken(office, account_id, "staff")
    give_up(office, account_id)
    confirm_end(office, account_id, "chief", gone=False)
    expected = OfficialAccountState.TAKEN_OVER if stolen else OfficialAccountState.IN_USE
    assert account(office, account_id).state is expected


def test_what_is_over_is_changed_no_more(office: Cast) -> None:
    account_id = approved(office)
    give_up(office, account_id)
    confirm_end(office, account_id, "security")
    for act in (name_poster, change_password, taken, give_up, check):
        with pytest.raises(IllegalTransition):
            act(office, account_id, who="staff")
