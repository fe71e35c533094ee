"""Authenticators are issued, seen to work, collected and destroyed: never for oneself, destroyed under two names."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text
from sqlalchemy.exc import IntegrityError

from idm.calendar_days import day_of
from idm.errors import (
    FreshFactorNeeded,
    IllegalTransition,
    InvalidInput,
    NotFound,
    NotPermitted,
    Refusal,
    SeparationOfDuties,
)
from idm.factors.authenticator_state import TRANSITIONS, AuthenticatorEvent, AuthenticatorState
from idm.factors.verifiable_kinds import verifiable_kinds
from idm.models.audit import AuditRecord
from idm.models.authenticators import Authenticator, AuthenticatorUse, LossReport
from idm.models.leaving import LeavingChecklist, ReturnItem, ReturnState
from idm.models.people import Person
from idm.models.requests import ApprovalStep, GrantSuspension, Request, RequestLine
from idm.models.systems import InformationSystem
from idm.models.work import MailMessage
from idm.operations.factors import authenticator_end, authenticators
from idm.operations.rights import leaving
from idm.queries.approval.seats import open_steps, seatings
from idm.request_state import RequestState
from idm.vocabulary import AuthenticatorKind, LineEffect, RequestAction, Role
from tests.authenticator_office import (
    PRODUCT,
    activate,
    at_desk,
    card,
    end,
    furnish,
    held,
    issue,
    lose,
    recover,
    remove,
    state,
    system_id,
)
from tests.cast import NOW, PEOPLE, TODAY, Cast
from tests.factor_office import bring, grant, list_of, verify_by_product

S = AuthenticatorState
LISTING = {"factors": "登録", "words": {"カード": "ic_card", "顔": "biometric"}}


def actions(cast: Cast, authenticator_id: int) -> list[str]:
    with cast.database.reading() as session:
        return list(
            session.scalars(
                select(AuditRecord.action)
                .where(AuditRecord.object_kind == "authenticator", AuditRecord.object_id == str(authenticator_id))
                .order_by(AuditRecord.id)
            )
        )


def told(cast: Cast, action: str) -> dict[str, object]:
    with cast.database.reading() as session:
        found = session.scalars(select(AuditRecord.payload).where(AuditRecord.action == action)).one()
        payload: dict[str, object] = json.loads(found or "{}")
        return payload


def open_uses(cast: Cast, authenticator_id: int) -> list[str]:
    with cast.database.reading() as session:
        return list(
            session.scalars(
                select(InformationSystem.code)
                .join(AuthenticatorUse, AuthenticatorUse.system_id == InformationSystem.id)
                .where(AuthenticatorUse.authenticator_id == authenticator_id, AuthenticatorUse.until.is_(None))
                .order_by(InformationSystem.code)
            )
        )


def test_an_authenticator_lives_from_issue_to_destruction_and_every_step_is_on_record(office: Cast) -> None:
    furnish(office)
    one = issue(office)
    assert (state(office, one), open_uses(office, one)) == (S.ISSUED, [])
    activate(office, one, "ledger")
    activate(office, one, "pension")
    assert (state(office, one), open_uses(office, one)) == (S.ACTIVE, ["ledger", "pension"])
    end(office, "collect", one)
    assert (state(office, one), open_uses(office, one)) == (S.COLLECTED, [])
    end(office, "destroy", one)
    assert state(office, one) is S.COLLECTED
    end(office, "witness", one, by="system")
    assert state(office, one) is S.DESTROYED
    assert actions(office, one) == [
        "authenticator.issued", "authenticator.activated", "authenticator.activated", "authenticator.collected",
        "authenticator.destruction_reported", "authenticator.destroyed",
    ]  # fmt: skip
    last = told(office, "authenticator.destroyed")
    assert (last["owner"], last["destroyed_by"], last["witness"]) == ("青木　一郎", "西新　町子", "箱崎　花子")


def test_the_owner_is_told_when_something_begins_to_count_in_their_name(office: Cast) -> None:
    furnish(office)
    card(office, "ledger")
    with office.database.reading() as session:
        messages = session.scalars(select(MailMessage).where(MailMessage.recipient == "u100009@example.jp")).all()
    assert "【認証要素】ICカード 0001：使用開始" in [message.subject for message in messages]


def test_it_is_in_use_only_once_its_owner_has_it_in_hand(office: Cast) -> None:
    furnish(office)
    one = issue(office)
    with pytest.raises(InvalidInput, match="本人に渡した"):
        activate(office, one, "ledger", received=False)
    assert state(office, one) is S.ISSUED
    activate(office, one, "ledger")
    with office.database.reading() as session:
        row = session.get_one(Authenticator, one)
        assert (row.received_at, row.activated_by_id) == (NOW, office.people["desk"])


@pytest.mark.parametrize(
    ("verification", "fitting"),
    [
        (None, set()),
        ({"by": "smart_card"}, {"smart_card"}),
        ({"by": "product", "listing": LISTING}, {"ic_card", "biometric"}),
        ({"by": "group"}, {kind.value for kind in AuthenticatorKind} - {"smart_card"}),
    ],
)
def test_only_what_a_system_can_verify_is_put_to_use_there(
    verification: dict[str, object] | None, fitting: set[str]
) -> None:
    assert {kind.value for kind in verifiable_kinds(verification)} == fitting


@pytest.mark.parametrize("verification", [None, {"by": "smart_card", "name": "AD", "listing": None}])
def test_a_card_is_not_activated_where_nothing_can_verify_it(
    cast: Cast, verification: dict[str, object] | None
) -> None:  # fmt: skip
    furnish(cast)
    with cast.database.writing() as session:
        session.get_one(InformationSystem, system_id(session, "pension")).verification = verification
    one = issue(cast)
    with pytest.raises(InvalidInput, match="年金システム"):
        activate(cast, one, "ledger", "pension")
    assert open_uses(cast, one) == []


def test_an_activation_names_a_system_that_there_is(cast: Cast) -> None:
    furnish(cast)
    one = issue(cast)
    with pytest.raises(InvalidInput, match="一つ以上"):
        activate(cast, one)
    with pytest.raises(NotFound), cast.acting("desk") as session:
        authenticators.activate(
            session, one, system_ids=[999], received=True, actor=cast.actor("desk"), policy=cast.policy, now=NOW
        )


@pytest.mark.parametrize("kind", [AuthenticatorKind.TOTP, AuthenticatorKind.PASSKEY])
def test_the_desk_issues_nothing_that_people_enrol_for_their_own_sign_in(cast: Cast, kind: AuthenticatorKind) -> None:
    with pytest.raises(InvalidInput, match="本人が自分のサインイン"):
        issue(cast, kind=kind)


def test_what_proves_somebody_to_this_product_is_never_put_to_use_in_a_system(cast: Cast) -> None:
    furnish(cast)
    with cast.database.writing() as session:
        own = Authenticator(
            person_id=cast.people["staff"], kind=AuthenticatorKind.TOTP, own_sign_in=True, state=S.ACTIVE,
            issued_at=NOW, activated_at=NOW,
        )  # fmt: skip
        session.add(own)
        session.flush()
        own_id = own.id
    with pytest.raises(IllegalTransition):
        activate(cast, own_id, "ledger")
    with pytest.raises(IllegalTransition):
        end(cast, "collect", own_id)
    assert open_uses(cast, own_id) == []


@pytest.mark.parametrize("label", ["", "　", "1\n2", "あ" * 65, "1\u202e2"])
def test_a_card_has_the_number_that_is_printed_on_it(cast: Cast, label: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        issue(cast, label)
    assert "label" in caught.value.fields


def test_a_number_is_one_cards_until_that_is_destroyed_however_it_is_typed(office: Cast) -> None:
    furnish(office)
    first = issue(office, "A-12")
    with pytest.raises(InvalidInput, match="すでに登録簿"):
        issue(office, "Ａ－１２", to="other")
    assert issue(office, "A-12", to="other", kind=AuthenticatorKind.HARDWARE_TOKEN)
    end(office, "collect", first)
    end(office, "destroy", first)
    end(office, "witness", first, by="system")
    assert issue(office, "A-12", to="other")


def test_what_is_no_thing_needs_no_number(cast: Cast) -> None:
    one = issue(cast, "", kind=AuthenticatorKind.BIOMETRIC)
    with cast.database.reading() as session:
        assert session.get_one(Authenticator, one).title == "生体認証"


def test_nothing_is_issued_to_somebody_who_has_left(cast: Cast) -> None:
    with cast.database.writing() as session:
        cast.employment(session, "staff").valid_until = day_of(NOW)
    with pytest.raises(InvalidInput, match="離職"):
        issue(cast)


def test_nothing_is_put_to_use_for_somebody_who_has_left(office: Cast) -> None:
    furnish(office)
    one = issue(office)
    with office.database.writing() as session:
        office.employment(session, "staff").valid_until = day_of(NOW)
    with pytest.raises(InvalidInput, match="離職"):
        activate(office, one, "ledger")
    assert (state(office, one), open_uses(office, one)) == (S.ISSUED, [])


def test_a_replacement_is_for_the_same_person(cast: Cast) -> None:
    first = issue(cast)
    with pytest.raises(InvalidInput, match="同じ人"):
        issue(cast, "0002", to="other", replaces=first)


def test_a_replacement_takes_the_place_of_the_old_one_where_it_works_and_nowhere_else(office: Cast) -> None:
    furnish(office)
    old = card(office, "ledger", "pension")
    new = issue(office, "0002", replaces=old)
    assert open_uses(office, old) == ["ledger", "pension"]
    activate(office, new, "ledger")
    assert (open_uses(office, old), open_uses(office, new)) == (["pension"], ["ledger"])


ACTS = ["issue", "activate", "collect", "recover", "remove", "destroy", "witness", "deny"]


def every_act(cast: Cast) -> dict[str, Callable[[str], object]]:
    """Everything somebody at the desk does, by a member of the cast, on 青木's card in the state it needs."""
    furnish(cast)
    waiting, active, collected, reported, lost = (issue(cast, str(number)) for number in range(1, 6))
    for one in (active, lost):
        activate(cast, one, "ledger")
    for one in (collected, reported):
        end(cast, "collect", one)
    end(cast, "destroy", reported)
    lose(cast, lost)
    return {
        "issue": lambda who: issue(cast, "9", by=who),
        "activate": lambda who: activate(cast, waiting, "ledger", by=who),
        "collect": lambda who: end(cast, "collect", active, by=who),
        "recover": lambda who: recover(cast, lost, by=who),
        "remove": lambda who: remove(cast, lost, "ledger", by=who),
        "destroy": lambda who: end(cast, "destroy", collected, by=who),
        "witness": lambda who: end(cast, "witness", reported, by=who),
        "deny": lambda who: end(cast, "deny_destruction", reported, by=who),
    }


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("who", ["other", "hr", "auditor", "ciso"])
def test_others_do_nothing_of_it(cast: Cast, act: str, who: str) -> None:
    acts = every_act(cast)
    with pytest.raises(NotPermitted):
        acts[act](who)


@pytest.mark.parametrize("act", ACTS)
def test_a_contractor_at_the_desk_does_nothing_of_it(cast: Cast, act: str) -> None:
    acts = every_act(cast)
    at_desk(cast, "contractor")
    with pytest.raises(SeparationOfDuties, match="SOD-7"):
        acts[act]("contractor")


@pytest.mark.parametrize("act", ACTS)
def test_nobody_does_any_of_it_for_themself_under_any_of_their_rows(cast: Cast, act: str) -> None:
    acts = every_act(cast)
    at_desk(cast, "staff")
    at_desk(cast, "other")
    with pytest.raises(SeparationOfDuties, match="SOD-2"):
        acts[act]("staff")
    with cast.database.writing() as session:
        for name in ("staff", "other"):
            session.get_one(Person, cast.people[name]).match_key = "one-human"
    with pytest.raises(SeparationOfDuties, match="SOD-2"):
        acts[act]("other")


@pytest.mark.parametrize("act", ACTS)
def test_none_of_it_is_done_without_a_second_factor_given_just_now(
    cast: Cast, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = every_act(cast)
    monkeypatch.setattr(Cast, "actor", Cast.stale)
    with pytest.raises(FreshFactorNeeded):
        acts[act]("desk" if act not in {"witness", "deny"} else "system")


def test_whoever_approved_a_right_does_not_put_a_card_to_use_for_it(office: Cast) -> None:
    furnish(office)
    at_desk(office, "chief")
    one = issue(office, by="chief")
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        activate(office, one, "ledger", by="chief")
    lost = card(office, "ledger", label="0002")
    lose(office, lost)
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        recover(office, lost, by="chief")


def seated_for(cast: Cast, request: int) -> set[str]:
    """Who is asked for the manager's step."""
    names = {person: name for name, person in cast.people.items()}
    with cast.database.reading() as session:
        steps = open_steps(session, RequestLine.request_id == request, ApprovalStep.seat == Role.SYSTEM)
        (seating,) = seatings(session, steps, day=TODAY).values()
        return {names[seat.person_id] for seat in seating.seated}


def test_whoever_put_a_card_to_use_does_not_approve_the_right_afterwards(cast: Cast) -> None:
    verify_by_product(cast)
    at_desk(cast, "system")
    activate(cast, issue(cast, by="system"), "pension", by="system")
    request = cast.file("hr", ("staff", "pension/account"))
    cast.decide("chief", request, Role.CHIEF)
    with pytest.raises(SeparationOfDuties, match=r"認証要素の使用を開始した人は.*SOD-4"):
        cast.decide("system", request, Role.SYSTEM)
    assert seated_for(cast, request) == {"vice"}
    cast.decide("vice", request, Role.SYSTEM)
    with cast.database.reading() as session:
        assert session.get_one(Request, request).state is RequestState.APPROVED


def test_whoever_brought_the_list_that_shows_a_card_does_not_approve_the_right_afterwards(cast: Cast) -> None:
    verify_by_product(cast)
    grant(cast, "staff")
    bring(cast, list_of(cast, "staff"), who="desk")
    cast.approve(cast.file("hr", ("staff", "pension/account"), action=RequestAction.REMOVE, effect=LineEffect.REVOKE))
    with cast.database.writing() as session:
        session.execute(text("UPDATE officers SET person_id = :desk WHERE role = 'system'"),
                        {"desk": cast.people["desk"]})  # fmt: skip
    assert seated_for(cast, cast.file("hr", ("staff", "pension/account"))) == {"vice"}
    about_another = cast.file("hr", ("other", "pension/account"))
    assert seated_for(cast, about_another) == {"desk"}


def test_a_card_put_to_use_elsewhere_or_already_replaced_keeps_nobody_from_deciding(office: Cast) -> None:
    furnish(office)
    at_desk(office, "vice")
    old = issue(office, by="vice")
    activate(office, old, "ledger", by="vice")
    request = office.file("hr", ("staff", "ledger/enter"))
    with office.database.writing() as session:
        session.execute(text("UPDATE officers SET person_id = :vice WHERE role = 'system'"),
                        {"vice": office.people["vice"]})  # fmt: skip
    assert seated_for(office, request) == {"ciso"}
    activate(office, issue(office, "0002", replaces=old), "ledger")
    assert seated_for(office, request) == {"vice"}


def test_whoever_agreed_to_a_right_that_still_waits_for_another_does_not_put_a_card_to_use(office: Cast) -> None:
    furnish(office)
    at_desk(office, "vice")
    with office.database.writing() as session:
        session.execute(text("UPDATE officers SET person_id = :vice WHERE role = 'chief'"),
                        {"vice": office.people["vice"]})  # fmt: skip
    one = issue(office, by="vice")
    office.decide("vice", office.file("hr", ("staff", "ledger/enter")), Role.CHIEF)
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        activate(office, one, "ledger", by="vice")
    activate(office, one, "pension", by="vice")


def test_what_a_list_showed_and_somebody_has_seen_is_theirs_to_answer_for(cast: Cast) -> None:
    verify_by_product(cast)
    grant(cast, "staff")
    bring(cast, list_of(cast, "staff"))
    with cast.database.reading() as session:
        one = session.scalars(select(Authenticator.id)).one()
    activate(cast, one, "pension")
    with cast.database.reading() as session:
        assert session.scalars(select(AuthenticatorUse.confirmed_by_id)).one() == cast.people["desk"]


def test_the_approver_does_not_lift_a_loss_by_collecting_the_card(office: Cast) -> None:
    furnish(office)
    at_desk(office, "chief")
    one = card(office, "ledger")
    lose(office, one)
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        end(office, "collect", one, by="chief")
    assert held(office)["ledger"][1]
    end(office, "collect", one)
    assert not held(office)["ledger"][1]


def test_the_approver_does_not_lift_a_loss_by_removing_the_card(office: Cast) -> None:
    furnish(office)
    at_desk(office, "chief")
    one = card(office, "ledger")
    lose(office, one)
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        remove(office, one, "ledger", by="chief")
    assert held(office)["ledger"][1]


def destroyed_by_desk(cast: Cast) -> int:
    one = issue(cast)
    end(cast, "collect", one)
    end(cast, "destroy", one)
    return one


def test_the_second_name_is_another_human_in_their_own_session(office: Cast) -> None:
    one = destroyed_by_desk(office)
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        end(office, "witness", one)
    at_desk(office, "other")
    with office.database.writing() as session:
        for name in ("desk", "other"):
            session.get_one(Person, office.people[name]).match_key = "one-human"
    with pytest.raises(SeparationOfDuties, match="SOD-4"):
        end(office, "witness", one, by="other")
    assert state(office, one) is S.COLLECTED


def test_a_witness_who_finds_it_whole_sends_it_back(office: Cast) -> None:
    one = destroyed_by_desk(office)
    with pytest.raises(IllegalTransition, match="立会い"):
        end(office, "destroy", one)
    end(office, "deny_destruction", one, by="system")
    with pytest.raises(IllegalTransition):
        end(office, "witness", one, by="system")
    end(office, "destroy", one)
    end(office, "witness", one, by="security")
    assert state(office, one) is S.DESTROYED


def test_whoever_may_witness_a_destruction_is_told_that_it_waits_for_them(office: Cast) -> None:
    at_desk(office, "staff")
    at_desk(office, "contractor")
    destroyed_by_desk(office)
    with office.database.reading() as session:
        mails = session.scalars(select(MailMessage).where(MailMessage.subject.contains("【廃棄の立会い】"))).all()
        assert all("西新　町子" in mail.body for mail in mails)
        by_mail = {f"u{number}@example.jp": name for name, (number, *_) in PEOPLE.items()}
        assert {by_mail[mail.recipient] for mail in mails} == {"system", "security"}


def test_a_collected_card_that_vanishes_is_lost_rests_on_nothing_and_is_followed_up(office: Cast) -> None:
    furnish(office)
    one = card(office, "ledger")
    end(office, "collect", one)
    end(office, "destroy", one)
    assert lose(office, one, by="desk") == 0
    assert (state(office, one), held(office)["ledger"][1]) == (S.LOST, False)
    assert told(office, "authenticator.lost")["said_destroyed_by"] == "西新　町子"
    with office.database.reading() as session:
        assert session.scalars(select(LossReport.closed_at)).one() is None
        mail = session.scalars(select(MailMessage).where(MailMessage.subject.contains("【紛失】"))).first()
        assert mail is not None
        assert "回収済みで、どこでも使えない" in mail.body
    with pytest.raises(IllegalTransition):
        recover(office, one)
    end(office, "collect", one)
    with pytest.raises(IllegalTransition, match="立会い"):
        end(office, "witness", one, by="system")


def test_where_the_profile_asks_for_one_name_one_is_enough(cast: Cast) -> None:
    one = issue(cast)
    end(cast, "collect", one)
    policy = replace(cast.policy, factors=replace(cast.policy.factors, two_names_for_destruction=False))
    with cast.acting("desk") as session:
        authenticator_end.destroy(session, one, actor=cast.actor("desk"), policy=policy, now=NOW)
    assert state(cast, one) is S.DESTROYED


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("not_issued_to_oneself", "issued_by_id = person_id"),
        ("not_activated_by_oneself", "activated_by_id = person_id"),
        ("not_collected_by_oneself", "collected_by_id = person_id"),
        ("not_destroyed_by_oneself", "destroyed_by_id = person_id"),
        ("two_names", "witness_id = destroyed_by_id"),
        ("two_names", "witness_id = person_id"),
        ("destruction_named", "state = 'destroyed', destroyed_at = collected_at"),
    ],
)
def test_the_database_itself_keeps_the_names_apart(office: Cast, constraint: str, change: str) -> None:
    one = destroyed_by_desk(office)
    with pytest.raises(IntegrityError, match=constraint), office.database.writing() as session:
        session.execute(text(f"UPDATE authenticators SET {change} WHERE id = {one}"))


def test_whoever_leaves_gives_back_every_card_and_collecting_it_settles_that(office: Cast) -> None:
    furnish(office)
    first = card(office, "ledger")
    issue(office, "", kind=AuthenticatorKind.BIOMETRIC)
    with office.database.writing() as session:
        office.employment(session, "staff").valid_until = TODAY + timedelta(days=3)
    follow(office)
    issue(office, "0002")
    follow(office)
    with office.database.reading() as session:
        titles = set(session.scalars(select(ReturnItem.title)))
    assert {"ICカード 0001", "ICカード 0002"} < titles
    assert "生体認証" not in titles
    end(office, "collect", first)
    with office.database.reading() as session:
        items = {item.title: item for item in session.scalars(select(ReturnItem))}
        assert items["ICカード 0001"].state is ReturnState.RETURNED
        assert items["ICカード 0001"].settled_by_id == office.people["desk"]
        assert items["ICカード 0002"].state is ReturnState.OPEN
        assert session.scalars(select(LeavingChecklist.closed_at)).one() is None


def test_a_card_that_a_leaver_cannot_give_back_is_stopped_whoever_writes_that_down(office: Cast) -> None:
    furnish(office)
    lost, kept = card(office, "ledger"), card(office, "pension", label="0002")
    with office.database.writing() as session:
        office.employment(session, "staff").valid_until = TODAY + timedelta(days=3)
    follow(office)
    with office.acting("hr", "leaving.settle") as session:
        item = session.scalars(select(ReturnItem).where(ReturnItem.title == "ICカード 0001")).one()
        leaving.settle(
            session,
            item.id,
            ReturnState.LOST,
            "引越しで失くした",
            actor=office.stale("hr"),
            policy=office.policy,
            now=NOW,
        )
    assert (state(office, lost), state(office, kept)) == (S.LOST, S.ACTIVE)
    assert held(office)["ledger"][1]
    with office.database.reading() as session:
        assert session.scalars(select(LossReport.circumstances)).one() == "引越しで失くした"


def follow(cast: Cast) -> None:
    with cast.database.writing() as session:
        leaving.follow(session, policy=cast.policy, actor=cast.actor("hr"), now=NOW)


EVENTS = (
    "activate ledger", "activate pension", "lose", "recover", "remove ledger", "collect", "destroy", "witness",
    "deny_destruction",
)  # fmt: skip
LEGAL = {
    "activate ledger": AuthenticatorEvent.ACTIVATE, "activate pension": AuthenticatorEvent.ACTIVATE,
    "lose": AuthenticatorEvent.REPORT_LOSS, "recover": AuthenticatorEvent.RECOVER,
    "collect": AuthenticatorEvent.COLLECT, "witness": AuthenticatorEvent.DESTROY,
}  # fmt: skip


@given(events=st.lists(st.tuples(st.integers(0, 1), st.sampled_from(EVENTS)), max_size=14))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_legal_steps_happen_and_lost_cards_hold_back_exactly_what_rests_on_them(
    cast: Cast, events: list[tuple[int, str]]
) -> None:
    two = fresh_cards(cast)
    for which, event in events:
        before = state(cast, two[which])
        try:
            happen(cast, event, two[which])
        except Refusal:
            assert state(cast, two[which]) is before
        after = state(cast, two[which])
        if after is not before:
            assert TRANSITIONS[before, LEGAL[event]] is after
        rests = {code for one in two if state(cast, one) is S.LOST for code in open_uses(cast, one)}
        assert {code for code, (_, lost) in held(cast).items() if lost} == rests


def fresh_cards(cast: Cast) -> list[int]:
    """Two new cards of 青木's, and nothing left of those before; the second replaces the first."""
    with cast.database.reading() as session:
        furnished = session.scalars(select(InformationSystem.verification)).first() == PRODUCT
    if not furnished:
        furnish(cast)
    with cast.database.writing() as session:
        for table in (LossReport, AuthenticatorUse):
            session.execute(delete(table))
        session.execute(delete(Authenticator).where(Authenticator.replaces_id.is_not(None)))
        session.execute(delete(Authenticator))
        session.execute(delete(GrantSuspension))
        session.execute(text("UPDATE grants SET state = 'in_force' WHERE state = 'suspended'"))
    first = issue(cast, "1")
    return [first, issue(cast, "2", replaces=first)]


def happen(cast: Cast, event: str, authenticator_id: int) -> None:
    what, _, code = event.partition(" ")
    if what == "activate":
        activate(cast, authenticator_id, code)
    elif what == "remove":
        remove(cast, authenticator_id, code)
    elif what == "lose":
        lose(cast, authenticator_id)
    elif what == "recover":
        recover(cast, authenticator_id)
    else:
        end(cast, what, authenticator_id, by="system" if what in {"witness", "deny_destruction"} else "desk")
