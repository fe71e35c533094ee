"""Every condition of the register by itself: who is refused what, and who hears of it (FK 8(1)-(3))."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from idm.actor import Actor
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.exceptions import RegisteredException
from idm.models.officers import Officer
from idm.models.people import Assignment, Employment, Person
from idm.models.systems import Account, InformationSystem
from idm.operations.exceptions import register
from idm.queries.exceptions.exception_todo import exception_todo
from idm.vocabulary import ExceptionScope, ExceptionState, Role
from tests.carried_out import carry_out
from tests.cast import NOW, TODAY, Cast
from tests.operations.exceptions.test_register import (
    DAY,
    END,
    answer,
    ask,
    at,
    check,
    end,
    follow,
    report,
    state,
    told,
    wanted,
)

HOUR = timedelta(hours=1)
EVERYWHERE: dict[str, Any] = {"scope": ExceptionScope.ORGANISATION, "person_id": None}


def subjects(cast: Cast, word: str) -> list[str]:
    """Who was told something whose subject has the word, by family name."""
    return sorted(who for who, subject in told(cast) if word in subject)


def row(cast: Cast, exception_id: int) -> RegisteredException:
    with cast.database.reading() as session:
        return session.get_one(RegisteredException, exception_id)


def system(cast: Cast, code: str = "ledger") -> int:
    with cast.database.reading() as session:
        return session.scalars(select(InformationSystem.id).where(InformationSystem.code == code)).one()


def account(cast: Cast, who: str = "staff") -> int:
    """The ID of the person in the ledger system."""
    cast.approve(cast.file("hr", (who, "ledger/account")))
    carry_out(cast)
    with cast.database.reading() as session:
        return session.scalars(select(Account.id).where(Account.person_id == cast.people[who])).one()


def contract(cast: Cast, who: str) -> None:
    """The contractor is the same human as this person, under another row."""
    with cast.database.writing() as session:
        rows = (cast.people[who], cast.people["contractor"])
        session.execute(update(Person).where(Person.id.in_(rows)).values(match_key="one-human"))


def give_office(cast: Cast, role: Role, to: str) -> None:
    """Whoever held the role holds it no longer; the other person does."""
    with cast.database.writing() as session:
        session.execute(update(Officer).where(Officer.role == role).values(person_id=cast.people[to]))


# --- asking -----------------------------------------------------------------------------------------------------------


def test_an_ordinary_application_is_told_to_the_ciso_as_one(cast: Cast) -> None:
    ask(cast)
    assert subjects(cast, "許可の申請") == ["大濠"]
    assert subjects(cast, "緊急の措置") == []


def test_whoever_works_under_a_contract_neither_asks_nor_ends_nor_takes_back(cast: Cast) -> None:
    holding, waiting = ask(cast, **EVERYWHERE), ask(cast)
    answer(cast, holding)
    contract(cast, "security")
    with pytest.raises(NotPermitted):
        ask(cast)
    with pytest.raises(NotPermitted):
        end(cast, holding, "security")
    with pytest.raises(SeparationOfDuties, match="SOD-7"):
        end(cast, waiting, "security")
    assert (state(cast, holding), state(cast, waiting)) == (ExceptionState.PERMITTED, ExceptionState.ASKED)


def test_nobody_without_a_name_asks(cast: Cast) -> None:
    with pytest.raises(NotPermitted, match="名前のある人"), cast.database.writing() as session:
        register.ask(session, wanted(cast), actor=Actor.job("tests"), policy=cast.policy, now=NOW)


def test_a_role_that_the_profile_names_still_needs_the_permission(cast: Cast) -> None:
    wider = replace(cast, policy=_asked_by(cast, Role.AUDITOR))
    with pytest.raises(NotPermitted):
        ask(wider, "auditor", **EVERYWHERE)


def test_a_permission_still_needs_the_profile_to_name_the_role(cast: Cast) -> None:
    narrower = replace(cast, policy=_asked_by(cast, Role.SYSTEM))
    with pytest.raises(NotPermitted, match="だけ"):
        ask(narrower, "security", **EVERYWHERE)


def _asked_by(cast: Cast, *roles: Role) -> Any:
    return replace(cast.policy, exceptions=replace(cast.policy.exceptions, asked_by=roles))


def test_of_an_id_its_systems_manager_asks(cast: Cast) -> None:
    of_id: dict[str, Any] = {"scope": ExceptionScope.ACCOUNT, "person_id": None, "account_id": account(cast)}
    assert ask(cast, "system", **of_id)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"clause": " "}, "条項"),
        ({"what": ""}, "何について"),
        ({"scope": ExceptionScope.ORGANISATION, "person_id": None, "system_id": 1}, "範囲に合わない"),
        ({"person_id": 9999}, "対象を選んで"),
        ({"system_id": 9999}, "情報システムを選び直して"),
        ({"scope": ExceptionScope.UNIT, "person_id": None, "unit_code": "9999"}, "所属を選んで"),
        ({"scope": ExceptionScope.UNIT, "person_id": None, "unit_code": None}, "所属を選んで"),
        ({"acted_at": NOW - 25 * HOUR, "valid_from": TODAY - 3 * DAY}, "措置をとった日以後"),
    ],
)
def test_what_is_missing_or_does_not_exist_is_refused_in_words(
    cast: Cast, changed: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        ask(cast, **changed)


def test_a_person_or_a_unit_may_be_narrowed_to_one_system(cast: Cast) -> None:
    assert ask(cast, system_id=system(cast))
    assert ask(cast, scope=ExceptionScope.UNIT, person_id=None, unit_code="0100", system_id=system(cast))


# --- reporting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["staff", "chief", "ciso"])
def test_nobody_reports_an_emergency_who_might_not_ask_for_it(cast: Cast, who: str) -> None:
    exception = ask(cast, acted_at=NOW)
    with pytest.raises(NotPermitted):
        report(cast, exception, who)
    assert row(cast, exception).reported_at is None


def test_a_report_is_of_an_emergency_says_something_and_is_given_once(cast: Cast) -> None:
    with pytest.raises(IllegalTransition, match="報告を待っている"):
        report(cast, ask(cast))
    emergency = ask(cast, acted_at=NOW)
    with pytest.raises(InvalidInput, match="そのときの状況"), cast.acting("security") as session:
        register.report(session, emergency, text=" ", actor=cast.actor("security"), policy=cast.policy, now=NOW)
    report(cast, emergency)
    with pytest.raises(IllegalTransition, match="報告を待っている"):
        report(cast, emergency, now=NOW + HOUR)
    assert row(cast, emergency).reported_at == NOW


def test_what_is_no_longer_asked_is_not_reported(cast: Cast) -> None:
    exception = ask(cast, acted_at=NOW)
    with cast.database.writing() as session:
        session.get_one(RegisteredException, exception).state = ExceptionState.REFUSED
    with pytest.raises(IllegalTransition, match="報告を待っている"):
        report(cast, exception)


def test_a_report_is_told_to_the_ciso_and_to_the_levels_that_did_not_know_yet(cast: Cast) -> None:
    exception = ask(cast, acted_at=NOW)
    follow(cast, NOW + 25 * HOUR)
    first = row(cast, exception).escalated_level
    report(cast, exception, now=NOW + 50 * HOUR)
    assert subjects(cast, "緊急の措置の報告：") == ["大濠"]
    roles = cast.policy.exceptions.emergency_escalate_to
    assert len(subjects(cast, "報告の遅れた")) == len(roles) - first == 1
    assert (row(cast, exception).escalated_level, row(cast, exception).escalated_at) == (0, None)


# --- answering --------------------------------------------------------------------------------------------------------


def test_what_is_over_is_not_permitted_any_more_but_still_refused(cast: Cast) -> None:
    exception = ask(cast)
    with pytest.raises(IllegalTransition, match="期間が過ぎている"):
        answer(cast, exception, now=at(END))
    answer(cast, exception, permit=False, now=at(END))
    assert state(cast, exception) is ExceptionState.REFUSED


def test_on_its_last_day_it_may_still_be_permitted(cast: Cast) -> None:
    exception = ask(cast)
    answer(cast, exception, now=at(END - DAY))
    assert state(cast, exception) is ExceptionState.PERMITTED


def test_an_answer_gives_its_reason_is_told_and_ends_the_steps(cast: Cast) -> None:
    exception = ask(cast)
    with pytest.raises(InvalidInput, match="許可・不許可の理由"), cast.acting("ciso") as session:
        register.answer(
            session, exception, permit=True, note="", actor=cast.actor("ciso"), policy=cast.policy, now=NOW
        )  # fmt: skip
    follow(cast, at(TODAY + 60 * DAY))
    assert row(cast, exception).escalated_level > 0
    answer(cast, exception, now=at(TODAY + 61 * DAY))
    assert subjects(cast, "許可されました") == ["香椎"]
    assert (row(cast, exception).escalated_level, row(cast, exception).escalated_at) == (0, None)


def test_what_nobody_knows_of_is_not_found(cast: Cast) -> None:
    with pytest.raises(NotFound):
        answer(cast, 4711)


# --- ending -----------------------------------------------------------------------------------------------------------


def test_whoever_asked_takes_it_back_also_after_the_office_was_left_but_only_while_it_waits(cast: Cast) -> None:
    waiting, holding = ask(cast, **EVERYWHERE), ask(cast, **EVERYWHERE)
    answer(cast, holding)
    _leave_office(cast, "security")
    with pytest.raises(NotPermitted):
        end(cast, holding, "security")
    end(cast, waiting, "security")
    assert (state(cast, waiting), state(cast, holding)) == (ExceptionState.ENDED, ExceptionState.PERMITTED)


def _leave_office(cast: Cast, who: str) -> None:
    for role in (Role.SECURITY, Role.SECTION):
        with cast.database.writing() as session:
            theirs = select(Officer).where(Officer.person_id == cast.people[who], Officer.role == role)
            for one in session.scalars(theirs):
                one.person_id = cast.people["desk"]


def test_nobody_else_takes_back_what_waits(cast: Cast) -> None:
    waiting = ask(cast)
    with pytest.raises(NotPermitted):
        end(cast, waiting, "system")


def test_the_ciso_ends_what_others_answer_for_with_a_reason_and_they_hear_of_it(cast: Cast) -> None:
    exception = ask(cast)
    answer(cast, exception)
    with pytest.raises(InvalidInput, match="終える理由"), cast.acting("ciso") as session:
        register.end(session, exception, note=" ", actor=cast.actor("ciso"), policy=cast.policy, now=NOW)
    end(cast, exception, "ciso")
    assert subjects(cast, "【例外措置】終わりました") == ["香椎"]


def test_whoever_ends_their_own_is_not_told_of_it(cast: Cast) -> None:
    end(cast, ask(cast), "security")
    assert subjects(cast, "終わりました") == []


# --- the regular check ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["ciso", "system", "auditor", "staff"])
def test_only_the_security_officer_and_the_chief_check(cast: Cast, who: str) -> None:
    exception = ask(cast)
    answer(cast, exception)
    with pytest.raises(NotPermitted):
        check(cast, exception, who)


def test_nobody_checks_what_is_about_themselves(cast: Cast) -> None:
    exception = ask(cast, "system", **EVERYWHERE)
    answer(cast, exception)
    with cast.database.writing() as session:
        one = session.get_one(RegisteredException, exception)
        one.scope, one.person_id = ExceptionScope.PERSON, cast.people["chief"]
    with pytest.raises(SeparationOfDuties):
        check(cast, exception, "chief")


def test_only_what_holds_is_checked_and_the_check_says_how(cast: Cast) -> None:
    exception = ask(cast)
    with pytest.raises(IllegalTransition, match="許可されている"):
        check(cast, exception, "chief")
    answer(cast, exception)
    with pytest.raises(InvalidInput, match="どのように確かめたか"), cast.acting("chief") as session:
        register.check(
            session, exception, still_needed=True, comment="", actor=cast.actor("chief"), policy=cast.policy, now=NOW
        )  # fmt: skip


def test_a_check_that_finds_it_needed_tells_nobody_that_it_is_not(cast: Cast) -> None:
    exception = ask(cast)
    answer(cast, exception)
    check(cast, exception, "chief")
    assert subjects(cast, "必要がなくなった") == []


# --- going on ---------------------------------------------------------------------------------------------------------


def _same(cast: Cast) -> dict[str, dict[str, Any]]:
    """Field → an exception that differs from another one in this alone, as far as the form lets it."""
    return {
        "scope": EVERYWHERE,
        "system_id": {"system_id": system(cast)},
        "person_id": {"person_id": cast.people["other"]},
        "finding_kind": {"finding_kind": None},
    }


@pytest.mark.parametrize("field", ["scope", "system_id", "person_id", "finding_kind"])
def test_a_renewal_is_about_exactly_the_same(cast: Cast, field: str) -> None:
    exception = ask(cast)
    answer(cast, exception)
    again = {"renews_id": exception, "valid_from": END, "valid_until": END + 30 * DAY, **_same(cast)[field]}
    with pytest.raises(InvalidInput, match="対象を変えられません"):
        ask(cast, now=at(END - DAY), **again)


def test_a_renewal_is_about_the_same_unit_and_the_same_id(cast: Cast) -> None:
    unit: dict[str, Any] = {"scope": ExceptionScope.UNIT, "person_id": None, "unit_code": "0100"}
    ids: dict[str, Any] = {"scope": ExceptionScope.ACCOUNT, "person_id": None}
    first, second = account(cast), account(cast, "other")
    for before, changed in ((unit, {"unit_code": "0110"}), ({**ids, "account_id": first}, {"account_id": second})):
        exception = ask(cast, **before)
        answer(cast, exception)
        again = {**before, **changed, "renews_id": exception, "valid_from": END, "valid_until": END + 30 * DAY}
        with pytest.raises(InvalidInput, match="対象を変えられません"):
            ask(cast, now=at(END - DAY), **again)


def test_what_goes_on_already_is_not_gone_on_with_twice(cast: Cast) -> None:
    exception = ask(cast)
    answer(cast, exception)
    near = at(END - DAY)
    again: dict[str, Any] = {"renews_id": exception, "valid_from": END, "valid_until": END + 30 * DAY}
    answer(cast, ask(cast, now=near, **again), now=near)
    with pytest.raises(IllegalTransition, match="すでに申請"):
        ask(cast, now=near, **again)


# --- who hears of it --------------------------------------------------------------------------------------------------


def test_of_what_is_in_a_system_its_manager_hears_too(cast: Cast) -> None:
    answer(cast, ask(cast, system_id=system(cast)))
    follow(cast, at(END - DAY))
    assert subjects(cast, "期限が近づいて") == ["箱崎", "香椎"]


def test_of_what_nobody_answers_for_any_more_the_security_officer_hears(cast: Cast) -> None:
    answer(cast, ask(cast, "system", system_id=system(cast)))
    give_office(cast, Role.SECURITY, "desk")
    with cast.database.writing() as session:
        posts = select(Assignment).join(Employment).where(Employment.person_id == cast.people["system"])
        for post in session.scalars(posts):
            post.valid_until = END - 10 * DAY
    follow(cast, at(END - DAY))
    assert "西新" in subjects(cast, "期限が近づいて")


# --- what a check found no longer needed ------------------------------------------------------------------------------


def unneeded(cast: Cast, **changed: Any) -> int:
    """An exception that the chief found no longer needed today."""
    exception = ask(cast, **changed)
    answer(cast, exception)
    check(cast, exception, "chief", needed=False)
    return exception


def to_end(cast: Cast, who: str) -> int:
    with cast.database.reading() as session:
        return exception_todo(session, cast.people[who], policy=cast.policy, now=NOW).to_end


def test_what_is_not_needed_is_brought_to_mind_and_told_to_the_next_in_line_until_it_is_ended(cast: Cast) -> None:
    exception = unneeded(cast)
    assert (to_end(cast, "security"), to_end(cast, "ciso")) == (1, 0)
    assert [follow(cast, at(TODAY + days * DAY)).unneeded for days in (1, 6, 6, 30, 31)] == [0, 1, 0, 1, 0]
    assert subjects(cast, "必要のないまま") == ["大濠", "天神", "香椎"]
    assert (to_end(cast, "security"), to_end(cast, "ciso"), to_end(cast, "system")) == (1, 1, 0)
    end(cast, exception, "ciso", now=at(TODAY + 32 * DAY))
    assert follow(cast, at(TODAY + 60 * DAY)).unneeded == 0
    assert (to_end(cast, "security"), to_end(cast, "ciso")) == (0, 0)


def test_a_check_that_finds_it_needed_after_all_makes_an_end_of_that(cast: Cast) -> None:
    exception = unneeded(cast)
    assert follow(cast, at(TODAY + 6 * DAY)).unneeded == 1
    check(cast, exception, "chief", now=at(TODAY + 7 * DAY))
    assert follow(cast, at(TODAY + 40 * DAY)).unneeded == 0
    assert to_end(cast, "security") == 0
    check(cast, exception, "chief", needed=False, now=at(TODAY + 41 * DAY))
    assert follow(cast, at(TODAY + 47 * DAY)).unneeded == 1, "the steps begin anew"


def test_whom_it_is_about_hears_that_it_will_end_and_that_it_has(cast: Cast) -> None:
    exception = unneeded(cast)
    assert subjects(cast, "あなたについての例外措置が終わる予定です") == ["青木"]
    end(cast, exception, "security")
    assert subjects(cast, "あなたについての例外措置が終わりました") == ["青木"]


def test_of_what_never_held_nobody_hears_that_it_is_over(cast: Cast) -> None:
    end(cast, ask(cast), "security")
    assert subjects(cast, "あなたについて") == []


def test_that_nobody_ends_what_is_not_needed_is_on_record(cast: Cast) -> None:
    unneeded(cast)
    follow(cast, at(TODAY + 6 * DAY))
    with cast.database.reading() as session:
        acts = list(session.scalars(select(AuditRecord.action)))
    assert acts.count("registered_exception.unneeded") == 1
