"""A system in use is taken over: found, recognised, applied for line by line, and only then enforced (control A18)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from idm.directory.wanted_account import wanted_account
from idm.errors import (
    IllegalTransition,
    InvalidInput,
    NotPermitted,
    SafetyLimit,
    SeparationOfDuties,
)
from idm.grant_state import GrantState
from idm.models.audit import AuditRecord
from idm.models.going_live import FoundAccount
from idm.models.officers import ConfigurationVersion
from idm.models.requests import Grant, Request
from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import MailMessage, OutboxTask, TaskState
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.operations.information_systems import going_live
from idm.operations.rights.accounts import personal_accounts
from idm.organisation import LoginNames
from idm.organisation_file import effective_text, organisation_from_text
from idm.policy import ZoneRules
from idm.queries.information_systems.adoption import rights_to_ask_for
from idm.queries.information_systems.found_accounts import Counts, progress_of_systems
from idm.queries.rights.account_facts import account_facts
from idm.queries.rights.due import due_deletions
from idm.queries.rights.name_preview import names_of_request
from idm.vocabulary import AccountKind, ConfigurationKind, EntitlementKind, FoundState, Role, Stage, Zone
from tests.cast import NOW, TODAY, Cast, organisation_source
from tests.going_live import OTHER, SHARED, STAFF, Ledger, there
from tests.use_office import Uses


@pytest.fixture
def ledger(office: Cast) -> Ledger:
    """The ledger system, being taken over, on both databases."""
    return Ledger(office).at(Stage.ADOPT)


@pytest.fixture
def one(cast: Cast) -> Ledger:
    """The same on SQLite alone, for what does not differ."""
    return Ledger(cast).at(Stage.ADOPT)


# --- the inventory ---------------------------------------------------------------------------------------------------


def test_an_inventory_keeps_every_account_and_says_whose_it_is(ledger: Ledger) -> None:
    done = ledger.take(STAFF, OTHER, SHARED)
    assert (done.examined, done.new, done.matched, done.undecided) == (3, 3, 2, 1)
    staff = ledger.found("aoki")
    assert (staff.state, staff.person_id, staff.rule) == (
        FoundState.PERSON, ledger.cast.people["staff"], "employee_number"
    )  # fmt: skip
    assert staff.groups == ["g-enter"]
    assert ledger.found("u100010").rule == "rule_name"
    assert (ledger.found("soumu").state, ledger.found("soumu").doubt) == (FoundState.UNDECIDED, "no_candidate")


def test_taken_again_it_updates_and_marks_what_is_gone(ledger: Ledger) -> None:
    ledger.take(STAFF, OTHER, SHARED)
    renamed = replace(STAFF, attributes=replace(STAFF.attributes, login_name="aoki2"))
    done = ledger.take(renamed, SHARED)
    assert (done.new, done.gone, done.matched) == (0, 1, 1)
    assert ledger.found("aoki2").first_seen_at < ledger.found("aoki2").last_seen_at
    assert ledger.found("u100010").gone_at is not None
    assert ledger.take(renamed, SHARED, OTHER).new == 0
    assert ledger.found("u100010").gone_at is None


def test_an_inventory_that_misses_too_much_records_nothing(ledger: Ledger) -> None:
    ledger.take(STAFF, OTHER, SHARED)
    with pytest.raises(SafetyLimit, match="2 件が見当たらない"):
        ledger.take(SHARED)
    assert ledger.found("aoki").gone_at is None
    assert ledger.take(SHARED, gone_is_right=True).gone == 2


def test_what_only_the_machine_decided_is_judged_anew_and_what_a_person_said_stays(ledger: Ledger) -> None:
    ledger.take(STAFF, SHARED)
    ledger.settle("system", "soumu", FoundState.NOT_PERSONAL, kind=AccountKind.SHARED)
    nobodys = replace(STAFF, attributes=replace(STAFF.attributes, employee_number="777777"))
    ledger.take(nobodys, replace(SHARED, attributes=replace(SHARED.attributes, employee_number="100009")))
    assert ledger.found("aoki").doubt == "number_unknown"
    assert ledger.found("soumu").state is FoundState.NOT_PERSONAL


def test_an_owner_may_move_between_two_accounts_from_one_inventory_to_the_next(ledger: Ledger) -> None:
    first, second = there("e-1", "a", number="100009"), there("e-2", "b")
    ledger.take(first, second)
    ledger.take(there("e-1", "a"), there("e-2", "b", number="100009"))
    assert ledger.found("b").person_id == ledger.cast.people["staff"]
    assert ledger.found("a").person_id is None


def test_one_that_comes_back_when_its_person_has_another_waits_for_somebody(ledger: Ledger) -> None:
    first, second = there("e-1", "a", number="100009"), there("e-2", "b", number="100009")
    ledger.take(first, SHARED)
    ledger.take(second, SHARED)
    assert ledger.found("b").person_id == ledger.cast.people["staff"]
    ledger.take(first, second, SHARED)
    assert (ledger.found("a").doubt, ledger.found("b").doubt) == ("several_accounts", "several_accounts")


def test_one_that_a_reading_shows_twice_is_kept_once(one: Ledger) -> None:
    assert one.take(STAFF, replace(STAFF, container="ou=moved,dc=example,dc=jp")).new == 1


def test_accounts_of_ours_are_not_found(one: Ledger) -> None:
    one.cast.approve(one.cast.file("staff", ("staff", "ledger/account")))
    account = one.account("staff")
    assert account is not None
    assert one.take(replace(STAFF, account_uuid=account.uuid)).new == 0


def test_the_database_gives_nobody_two_of_them_and_no_account_to_its_own_judge(ledger: Ledger) -> None:
    ledger.take(STAFF, OTHER)
    people = ledger.cast.people
    with pytest.raises(IntegrityError), ledger.cast.database.writing() as session:
        session.get_one(FoundAccount, ledger.found("u100010").id).person_id = people["staff"]
    by_oneself = update(FoundAccount).where(FoundAccount.login_name == "aoki").values(
        settled_by_id=people["staff"], settled_at=NOW, reason="自分で"
    )  # fmt: skip
    with pytest.raises(IntegrityError), ledger.cast.database.writing() as session:
        session.execute(by_oneself)


# --- a person decides ------------------------------------------------------------------------------------------------


def test_a_person_says_whose_an_account_is_with_a_reason(ledger: Ledger) -> None:
    ledger.take(SHARED)
    with pytest.raises(InvalidInput, match="理由"):
        ledger.settle("system", "soumu", person="other", reason=" ")
    ledger.settle("system", "soumu", person="other")
    found = ledger.found("soumu")
    assert (found.state, found.person_id, found.reason) == (
        FoundState.PERSON, ledger.cast.people["other"], "台帳で確かめた"
    )  # fmt: skip
    with ledger.cast.database.reading() as session:
        told = session.scalars(select(AuditRecord).where(AuditRecord.action == "found.settled")).one()
    assert '"login_name":"soumu"' in (told.payload or "")


def test_nobody_decides_about_an_account_that_may_be_their_own(ledger: Ledger) -> None:
    ledger.take(there("e-1", "u100004", number="999999"), SHARED)
    assert [c["person"] for c in ledger.found("u100004").candidates] == [ledger.cast.people["system"]]
    for state, more in (
        (FoundState.PERSON, {"person": "other"}), (FoundState.FINDING, {}),
        (FoundState.NOT_PERSONAL, {"kind": AccountKind.SHARED}),
    ):  # fmt: skip
        with pytest.raises(SeparationOfDuties):
            ledger.settle("system", "u100004", state, **more)
    with pytest.raises(SeparationOfDuties):
        ledger.settle("system", "soumu", person="system")
    ledger.settle("security", "u100004", person="system")
    assert ledger.found("u100004").state is FoundState.PERSON


@pytest.mark.parametrize("who", ["staff", "hr", "auditor", "chief", "desk"])
def test_others_do_not_decide(one: Ledger, who: str) -> None:
    one.take(SHARED)
    with pytest.raises(NotPermitted):
        one.settle(who, "soumu", FoundState.FINDING)


def test_nobody_is_given_a_second_account(one: Ledger) -> None:
    one.take(STAFF, SHARED)
    with pytest.raises(InvalidInput, match="aoki"):
        one.settle("system", "soumu", person="staff")


def test_an_account_of_the_targets_administrators_and_one_of_a_leaver_are_not_taken_over(one: Ledger) -> None:
    one.take(there("e-1", "dadmin", protected=True), SHARED)
    with pytest.raises(InvalidInput, match="保護"):
        one.settle("system", "dadmin", person="staff")
    with one.cast.database.writing() as session:
        one.cast.employment(session, "staff").valid_until = TODAY
    with pytest.raises(InvalidInput, match="離職"):
        one.settle("system", "soumu", person="staff")


def test_what_is_nobodys_says_what_it_is(one: Ledger) -> None:
    one.take(SHARED)
    with pytest.raises(InvalidInput, match="共用"):
        one.settle("system", "soumu", FoundState.NOT_PERSONAL, kind=AccountKind.PERSONAL)
    one.settle("system", "soumu", FoundState.NOT_PERSONAL, kind=AccountKind.SERVICE)
    with one.cast.database.reading() as session:
        system_id = one.found("soumu").system_id
        assert progress_of_systems(session)[system_id].counts == Counts(not_personal=1)


# --- the application -------------------------------------------------------------------------------------------------


def test_one_application_asks_for_every_account_and_every_right_held_now(ledger: Ledger) -> None:
    ledger.take(STAFF, OTHER, SHARED)
    done = ledger.apply()
    people = ledger.cast.people
    with ledger.cast.database.reading() as session:
        request = session.get_one(Request, done.request.id)
        asked = {(line.subject_id, line.entitlement.code) for line in request.lines}
        assert asked == {(people["staff"], "account"), (people["staff"], "enter"), (people["other"], "account")}
        assert (request.applicant_id, request.adopts) == (people["system"], True)
        assert rights_to_ask_for(session, request.system_id, now=ledger.now) == []


def test_approved_it_becomes_an_account_under_its_own_name_with_its_own_password(ledger: Ledger) -> None:
    ledger.take(STAFF, OTHER)
    request_id = ledger.apply().request.id
    ledger.decide("chief", request_id, Role.CHIEF)
    assert ledger.account("staff") is None
    ledger.decide("vice", request_id, Role.SYSTEM)
    account = ledger.account("staff")
    assert account is not None
    assert (account.login_name, account.external_id) == ("aoki", "e-staff")
    assert account.adopted_at == account.handed_over_at == ledger.now
    with ledger.cast.database.reading() as session:
        rights = session.scalars(select(Grant).where(Grant.account_id == account.id)).all()
        assert {grant.entitlement.code for grant in rights} == {"account", "enter"}
        facts = account_facts(session, [account.id], now=ledger.now)[account.id]
        assert (facts.adopts, facts.attributes.login_name) == ("e-staff", "aoki")
        assert session.scalars(select(OutboxTask).where(OutboxTask.account_id == account.id)).all()
        told = session.scalars(select(AuditRecord).where(AuditRecord.action == "account.taken_over")).all()
        assert len(told) == 2
        assert '"external_id":"e-staff"' in "".join(one.payload or "" for one in told)
    assert ledger.found("aoki").account_id == account.id


def test_an_account_that_was_stopped_stays_stopped_until_it_is_handed_over_anew(one: Ledger) -> None:
    one.take(replace(STAFF, enabled=False))
    with one.cast.database.reading() as session:
        assert {right.enabled for right in rights_to_ask_for(session, 1, now=one.now)} == {False}
    request_id = one.apply().request.id
    one.decide("chief", request_id, Role.CHIEF)
    one.decide("vice", request_id, Role.SYSTEM)
    account = one.account("staff")
    assert account is not None
    assert account.handed_over_at is None
    with one.cast.database.reading() as session:
        facts = account_facts(session, [account.id], now=one.now)[account.id]
    wanted = wanted_account(facts, now=one.now, delete_after_days=90)
    assert (wanted.adopts, wanted.present, wanted.enabled) == ("e-staff", True, False)


def test_a_manager_does_not_decide_the_application_they_made(one: Ledger) -> None:
    one.take(STAFF)
    request_id = one.apply().request.id
    with pytest.raises(SeparationOfDuties):
        one.decide("system", request_id, Role.SYSTEM)


def test_the_account_is_approved_before_its_groups(one: Ledger) -> None:
    one.take(STAFF)
    request_id = one.apply().request.id
    one.decide("chief", request_id, Role.CHIEF)
    with pytest.raises(InvalidInput, match="利用者IDの行"):
        one.decide("vice", request_id, Role.SYSTEM, only=EntitlementKind.GROUP)
    one.decide("vice", request_id, Role.SYSTEM, only=EntitlementKind.ACCOUNT)
    one.decide("vice", request_id, Role.SYSTEM, only=EntitlementKind.GROUP)
    assert one.account("staff") is not None


@pytest.mark.parametrize("who", ["staff", "hr", "desk", "auditor"])
def test_others_do_not_submit_it(one: Ledger, who: str) -> None:
    one.take(STAFF)
    with pytest.raises(NotPermitted):
        one.apply(who)


def test_an_observed_system_is_not_taken_over_yet(one: Ledger) -> None:
    one.take(STAFF)
    one.at(Stage.OBSERVE)
    with pytest.raises(IllegalTransition, match="観察"):
        one.apply()


def test_a_privileged_right_needs_its_last_day_and_a_contractors_ends_with_the_contract(one: Ledger) -> None:
    contractor = there("e-c", "gyosha", number="900001")
    one.take(there("e-s", "aoki", number="100009"), there("e-a", "aoki-kanri", groups=["admin"]), contractor)
    one.settle("system", "aoki-kanri", person="staff", kind=AccountKind.PRIVILEGED)
    with pytest.raises(InvalidInput, match="その最終日を入れてください"):
        one.apply()
    done = one.apply(privileged_until=TODAY + timedelta(days=60))
    with one.cast.database.reading() as session:
        ends = {
            (line.subject_id, line.entitlement.code): line.valid_until
            for line in session.get_one(Request, done.request.id).lines
        }
    people = one.cast.people
    assert ends[people["staff"], "admin"] == TODAY + timedelta(days=60)
    assert ends[people["staff"], "admin-account"] == TODAY + timedelta(days=60)
    assert ends[people["staff"], "account"] is None
    with one.cast.database.reading() as session:
        assert ends[people["contractor"], "account"] == one.cast.employment(session, "contractor").valid_until


def test_a_found_privileged_id_is_taken_over_beside_the_daily_one_with_its_groups(ledger: Ledger) -> None:
    ledger.take(there("e-s", "aoki", number="100009", groups=["enter"]), there("e-a", "kanri-1", groups=["admin"]))
    ledger.settle("system", "kanri-1", person="staff", kind=AccountKind.PRIVILEGED)
    done = ledger.apply(privileged_until=TODAY + timedelta(days=60))
    assert done.left_out == ()
    for who, seat in (("chief", Role.CHIEF), ("vice", Role.SYSTEM)):
        ledger.decide(who, done.request.id, seat)
    with ledger.cast.database.reading() as session:
        rows = session.execute(
            select(Account.login_name, Account.kind, Account.external_id, Entitlement.code)
            .join(Grant, Grant.account_id == Account.id)
            .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        ).all()
    assert {(*row,) for row in rows} == {
        ("aoki", AccountKind.PERSONAL, "e-s", "account"), ("aoki", AccountKind.PERSONAL, "e-s", "enter"),
        ("kanri-1", AccountKind.PRIVILEGED, "e-a", "admin-account"),
        ("kanri-1", AccountKind.PRIVILEGED, "e-a", "admin"),
    }  # fmt: skip


def test_one_that_is_called_like_a_privileged_id_is_nobodys_daily_one_and_keeps_no_daily_one_waiting(
    one: Ledger,
) -> None:
    one.take(there("e-s", "aoki", number="100009"), there("e-a", "ADM-aoki", number="100009", groups=["admin"]))
    assert (one.found("aoki").person_id, one.found("aoki").kind) == (one.cast.people["staff"], None)
    assert (one.found("ADM-aoki").person_id, one.found("ADM-aoki").doubt) == (None, "privileged")
    one.settle("system", "ADM-aoki", person="staff", kind=AccountKind.PRIVILEGED)
    one.take(there("e-s", "aoki", number="100009"), there("e-a", "ADM-aoki", number="100009", groups=["admin"]))
    assert one.found("ADM-aoki").kind is AccountKind.PRIVILEGED


def test_a_privileged_group_on_somebodys_daily_id_is_not_taken_over_and_told_what_to_do(one: Ledger) -> None:
    one.take(there("e-s", "aoki", number="100009", groups=["enter", "admin"]))
    done = one.apply()
    (left,) = done.left_out
    assert (left.right_name, "日常の利用者ID「aoki」には付けられません" in left.reason) == ("システム管理", True)
    with one.cast.database.reading() as session:
        codes = {line.entitlement.code for line in session.get_one(Request, done.request.id).lines}
    assert codes == {"account", "enter"}


def test_nobody_has_two_privileged_ids_in_a_system_and_a_guarded_one_is_nobodys(one: Ledger) -> None:
    one.take(STAFF, there("e-a", "kanri-1"), there("e-b", "kanri-2"), there("e-c", "kanri-3", protected=True))
    one.settle("system", "kanri-1", person="staff", kind=AccountKind.PRIVILEGED)
    with pytest.raises(InvalidInput, match="管理用ID「kanri-1」がすでにあります"):
        one.settle("system", "kanri-2", person="staff", kind=AccountKind.PRIVILEGED)
    with pytest.raises(InvalidInput, match="引き継げません"):
        one.settle("system", "kanri-3", person="other", kind=AccountKind.PRIVILEGED)
    with pytest.raises(InvalidInput, match="どちらかです"):
        one.settle("system", "kanri-2", person="other", kind=AccountKind.SHARED)


def test_what_cannot_be_asked_for_is_left_out_and_told(one: Ledger) -> None:
    one.take(STAFF, OTHER)
    with one.cast.database.writing() as session:
        person = one.cast.employment(session, "staff")
        person.kind = type(person.kind)("fiscal_year_full")
    done = one.apply()
    assert {(left.person_name, left.right_name) for left in done.left_out} == {
        ("青木　一郎", "利用者ID"), ("青木　一郎", "伝票入力")
    }  # fmt: skip
    assert "同意書" in done.left_out[0].reason
    with one.cast.database.reading() as session:
        assert [line.subject_id for line in session.get_one(Request, done.request.id).lines] == [
            one.cast.people["other"]
        ]


def test_a_my_number_system_is_taken_over_and_its_rights_wait_for_their_factors(one: Ledger) -> None:
    one.take(STAFF, OTHER)
    with one.cast.database.writing() as session:
        system = one.cast.entitlement(session, "ledger/account").system
        system.zone = Zone.MYNUMBER
        system.verification = {"by": "group", "name": "二要素", "group": "g", "password": True}
    done = one.apply()
    assert done.left_out == ()
    one.decide("chief", done.request.id, Role.CHIEF)
    one.decide("vice", done.request.id, Role.SYSTEM)
    with one.cast.database.reading() as session:
        states = set(session.scalars(select(Grant.state)))
    assert states == {GrantState.SUSPENDED}


def test_nothing_is_taken_over_in_a_zone_that_the_profile_keeps_out_of(one: Ledger) -> None:
    one.take(OTHER)
    with one.cast.database.writing() as session:
        one.cast.entitlement(session, "ledger/account").system.zone = Zone.MYNUMBER
    one.cast = replace(one.cast, policy=replace(one.cast.policy, zones=ZoneRules(mynumber_forbidden=True)))
    with pytest.raises(InvalidInput, match="マイナンバー利用事務系の情報システムを使うことができません"):
        one.apply()


def test_access_from_outside_is_taken_over_with_its_last_day(one: Ledger) -> None:
    one.take(STAFF)
    with one.cast.database.writing() as session:
        one.cast.entitlement(session, "ledger/enter").external_access = True
    with pytest.raises(InvalidInput, match="その最終日を入れてください"):
        one.apply()
    done = one.apply(privileged_until=TODAY + timedelta(days=366))
    with one.cast.database.reading() as session:
        ends = {line.entitlement.code: line.valid_until for line in session.get_one(Request, done.request.id).lines}
    assert ends == {"account": None, "enter": TODAY + timedelta(days=366)}


def test_a_name_that_is_anothers_in_our_books_is_refused(one: Ledger) -> None:
    one.cast.approve(one.cast.file("other", ("other", "ledger/account")))
    one.take(there("e-1", "U100010", number="100009"))
    one.settle("system", "U100010", person="staff") if one.found("U100010").state is FoundState.UNDECIDED else None
    request_id = one.apply().request.id
    one.decide("chief", request_id, Role.CHIEF)
    with pytest.raises(InvalidInput, match="ほかの人のもの"):
        one.decide("vice", request_id, Role.SYSTEM)


def test_whoever_decides_sees_the_name_that_is_there(one: Ledger) -> None:
    one.take(STAFF)
    request_id = one.apply().request.id
    with one.cast.database.reading() as session:
        (row,) = names_of_request(session, request_id, now=one.now).rows
    assert (row.existing, row.proposal) == ("aoki", None)


# --- never twice -----------------------------------------------------------------------------------------------------


def test_nobody_is_given_a_new_account_beside_one_that_may_be_theirs(ledger: Ledger) -> None:
    request_id = ledger.cast.file("staff", ("staff", "ledger/account"))
    ledger.take(there("e-1", "u100009", number="100010"))
    assert ledger.found("u100009").doubt == "contradiction"
    with pytest.raises(InvalidInput, match="u100009"):
        ledger.cast.file("other", ("other", "ledger/account"))
    with pytest.raises(InvalidInput, match="u100009"):
        ledger.cast.approve(request_id)
    ledger.settle("system", "u100009", FoundState.FINDING)
    with pytest.raises(InvalidInput, match="「u100009」はこのシステムですでに使われた"):
        ledger.cast.approve(request_id)
    ledger.cast.approve(ledger.cast.file("other", ("other", "ledger/account")))
    account = ledger.account("other")
    assert account is not None
    assert (account.login_name, account.adopted_at) == ("u100010", None)


def test_where_accounts_are_made_nobody_is_given_one_beside_one_that_may_be_theirs(one: Ledger) -> None:
    one.take(there("e-1", "u100009", number="100010"))
    for who in ("staff", "other"):
        with pytest.raises(InvalidInput, match="u100009"), one.cast.database.writing() as session:
            personal_accounts(
                session, system_id=1, days={one.cast.people[who]: TODAY}, rule=LoginNames(), now=one.now
            )  # fmt: skip


def test_an_ordinary_application_for_a_recognised_account_takes_it_over(ledger: Ledger) -> None:
    ledger.take(STAFF)
    ledger.cast.approve(ledger.cast.file("staff", ("staff", "ledger/account")))
    account = ledger.account("staff")
    assert account is not None
    assert (account.login_name, account.external_id) == ("aoki", "e-staff")
    assert account.adopted_at is not None


def test_an_account_that_was_approved_and_never_made_becomes_the_one_that_is_found(ledger: Ledger) -> None:
    ledger.cast.approve(ledger.cast.file("staff", ("staff", "ledger/account")))
    before = ledger.account("staff")
    assert before is not None
    ledger.take(STAFF)
    account = ledger.account("staff")
    assert account is not None
    assert (account.id, account.login_name, account.external_id) == (before.id, "aoki", "e-staff")
    assert account.generation == before.generation + 1


def test_an_approved_line_whose_account_has_disappeared_makes_nothing(one: Ledger) -> None:
    one.take(STAFF, OTHER)
    request_id = one.apply().request.id
    one.take(OTHER, gone_is_right=True)
    one.decide("chief", request_id, Role.CHIEF)
    with pytest.raises(InvalidInput, match="棚卸しの記録にありません"):
        one.decide("vice", request_id, Role.SYSTEM)
    assert one.account("staff") is None


# --- the stages ------------------------------------------------------------------------------------------------------


def organisation(stage: Stage, until: str = "", place: str = "ledger") -> ConfigurationText:
    text = organisation_source().replace('stage = "enforce"', f'stage = "{stage.value}"\n{until}', 1)
    text = text.replace('[systems.settings]\nname = "ledger"', f'[systems.settings]\nname = "{place}"')
    return ConfigurationText(ConfigurationKind.ORGANISATION, "small", effective_text(text, "small"))


def move(ledger: Ledger, stage: Stage, until: str = "", place: str = "ledger") -> None:
    with ledger.cast.acting("security", "configuration.propose", ledger.now) as session:
        version: ConfigurationVersion = configuration.propose(
            session, organisation(stage, until, place), reason="段階を進める", actor=ledger.cast.actor("security"),
            now=ledger.now,
        )  # fmt: skip
        version_id = version.id
    with ledger.cast.acting("ciso", "configuration.accept", ledger.now) as session:
        configuration.accept(session, version_id, actor=ledger.cast.actor("ciso"), now=ledger.now)


def test_no_system_leaves_observing_without_an_inventory(one: Ledger) -> None:
    one.at(Stage.OBSERVE)
    with pytest.raises(IllegalTransition, match="棚卸し"):
        move(one, Stage.ADOPT)
    one.take(STAFF)
    move(one, Stage.ADOPT)


def test_no_system_is_only_observed_again_while_a_use_of_a_privileged_id_is_open(one: Ledger) -> None:
    uses = Uses(one.cast, NOW)
    uses.approve("staff")
    uses.ask(emergency=True)
    with pytest.raises(IllegalTransition, match="終わっていない特権IDの利用が 1 件"):
        move(one, Stage.OBSERVE)


def test_no_system_is_enforced_before_everything_found_is_decided(ledger: Ledger) -> None:
    ledger.take(STAFF, SHARED)
    with pytest.raises(IllegalTransition, match="決まっていないIDが 1 件、引き継がれていないIDが 1 件"):
        move(ledger, Stage.ENFORCE)
    ledger.settle("system", "soumu", FoundState.FINDING)
    request_id = ledger.apply().request.id
    with pytest.raises(IllegalTransition, match="決裁中の引継ぎの行が 2 件"):
        move(ledger, Stage.ENFORCE)
    ledger.decide("chief", request_id, Role.CHIEF)
    ledger.decide("vice", request_id, Role.SYSTEM)
    move(ledger, Stage.ENFORCE)


@pytest.mark.parametrize("stage", [Stage.ADOPT, Stage.ENFORCE])
def test_a_system_whose_target_becomes_another_is_observed_and_looked_through_again(one: Ledger, stage: Stage) -> None:
    one.at(stage)
    one.take(STAFF)
    with pytest.raises(IllegalTransition, match="接続先が変わります"):
        move(one, stage, place="elsewhere")
    move(one, Stage.OBSERVE, place="elsewhere")
    with pytest.raises(IllegalTransition, match="棚卸し"):
        move(one, Stage.ADOPT, place="elsewhere")
    one.take(STAFF)
    move(one, Stage.ADOPT, place="elsewhere")


def test_settings_that_only_say_how_to_reach_the_same_target_may_change() -> None:
    described = organisation_from_text(organisation(Stage.ENFORCE).content).systems[0]
    system = InformationSystem(connector="memory", connector_settings={"name": "ledger", "port": 636, "page_size": 5})
    assert not going_live.is_another_target(system, described)
    for settings in ({"name": "ledger", "people_base": "ou=x"}, {"host": "dc2"}, {}):
        assert going_live.is_another_target(
            InformationSystem(connector="memory", connector_settings=settings), described
        )


def test_an_account_that_turns_up_between_proposal_and_acceptance_stops_the_move(one: Ledger) -> None:
    one.take()
    with one.cast.acting("security") as session:
        version_id = configuration.propose(
            session, organisation(Stage.ENFORCE), reason="進める", actor=one.cast.actor("security"), now=one.now
        ).id
    one.take(SHARED)
    with pytest.raises(IllegalTransition, match="1 件"), one.cast.acting("ciso") as session:
        configuration.accept(session, version_id, actor=one.cast.actor("ciso"), now=one.now)


def test_enforcing_takes_away_what_was_rejected(ledger: Ledger) -> None:
    ledger.take(STAFF, OTHER)
    request_id = ledger.apply().request.id
    ledger.decide("chief", request_id, Role.CHIEF, reject=[("staff", "enter"), ("other", "account")])
    ledger.decide("vice", request_id, Role.SYSTEM)
    assert ledger.account("other") is None
    before = ledger.account("staff")
    assert before is not None
    move(ledger, Stage.ENFORCE)
    stopped, kept = ledger.account("other"), ledger.account("staff")
    assert stopped is not None
    assert kept is not None
    assert (stopped.login_name, stopped.external_id, stopped.generation) == ("u100010", "e-other", 1)
    assert kept.generation == before.generation + 1
    with ledger.cast.database.writing() as session:
        assert session.scalars(select(Grant).where(Grant.account_id == stopped.id)).all() == []
        session.get_one(Account, stopped.id).seen_present = True
        for task in session.scalars(select(OutboxTask)):
            task.state = TaskState.DONE
    days = ledger.cast.policy.personnel.delete_after_days
    for later, due in ((days - 1, []), (days, [stopped.id])):
        with ledger.cast.database.reading() as session:
            at = ledger.now + timedelta(days=later)
            assert due_deletions(session, policy=ledger.cast.policy, at=at) == due


def test_the_last_day_stands_in_the_register_and_the_manager_is_reminded_once_a_week(one: Ledger) -> None:
    one.take(STAFF)
    move(one, Stage.ADOPT, 'adopt_until = "2026-04-20"')

    def reminded() -> int:
        with one.cast.database.writing() as session:
            system = session.get_one(InformationSystem, one.found("aoki").system_id)
            return going_live.remind(session, system, policy=one.cast.policy, now=one.now)

    assert [reminded(), reminded()] == [1, 0]
    one.now += timedelta(days=7)
    assert reminded() == 1
    with one.cast.database.reading() as session:
        subjects = [mail.subject for mail in session.scalars(select(MailMessage)) if "引継ぎ" in mail.subject]
    assert len(subjects) == 2
