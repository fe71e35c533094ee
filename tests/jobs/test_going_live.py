"""A directory with thirty accounts that nobody of us made goes live on a real server: observed, taken over, enforced.

Nothing is written while it is observed, nothing is ever doubled, what somebody changes by hand is found, and then put
right or answered for (controls A18, A9, D9).
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from idm.calendar_days import day_of
from idm.errors import IllegalTransition
from idm.models.going_live import FoundAccount
from idm.models.people import OrganisationUnit
from idm.models.requests import Request
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding, OutboxTask
from idm.operations.approval import decisions
from idm.operations.approval.decisions import Verdict
from idm.operations.governance.configuration import ConfigurationText, accept, propose
from idm.operations.information_systems import adoption, found_accounts
from idm.operations.information_systems.found_accounts import Settlement
from idm.operations.sweep import finding_answers
from idm.organisation_file import effective_text
from idm.oversight.finding_state import state_of
from idm.queries.information_systems.found_accounts import progress_of_systems
from idm.queries.sweep.finding_states import facts_of
from idm.request_state import Event
from idm.vocabulary import AccountKind, ConfigurationKind, FindingKind, FindingState, FoundState, Role, Stage
from jobs.information_systems import inventory
from jobs.sweep import reconcile, sweep
from tests.cast import add_person, organisation_source
from tests.jobs.conftest import Office

BY_NUMBER = [f"old{number}" for number in range(20)]
"""Accounts that carry the staff number of new people, under names that our rule would not make."""


@pytest.fixture
def town(office: Office) -> Office:
    """Twenty-two more employees, somebody who left, and what a directory looks like after ten years without us."""
    with office.cast.database.writing() as session:
        unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
        for number in range(22):
            person = add_person(session, f"2000{number:02}", f"職員　{number}", "ショクイン", unit, "主事")
            office.cast.people[f"p{number}"] = person.id
        left = add_person(session, "300001", "退職　太郎", "タイショク　タロウ", unit, "主事")
        left.employments[0].valid_until = date(2026, 1, 1)
        office.cast.people["left"] = left.id
    for number, login_name in enumerate(BY_NUMBER):
        put(office, login_name, number=f"2000{number:02}", groups=["ledger-enter"] if number < 5 else ())
    put(office, "u200020")  # as our rule would call them
    put(office, "u200021", mail="u200021@example.jp")
    for login_name in ("soumu", "scanner", "mystery", "taishoku", "extra1", "extra2", "extra3"):
        put(office, login_name, number="300001" if login_name == "taishoku" else None)
    put(office, "double", number="100009", groups=["ledger-approve"])
    stage(office, Stage.OBSERVE)
    assert len(office.directory.people()) == 30
    return office


def put(
    office: Office, login_name: str, *, number: str | None = None, mail: str | None = None, groups: Sequence[str] = ()
) -> None:
    """Afterwards there is an account that somebody made by hand."""
    more = "".join(
        f"{name}: {value}\n" for name, value in (("employeeNumber", number), ("mail", mail)) if value is not None
    )
    office.directory.apply(
        f"dn: {office.dn(login_name)}\nobjectClass: inetOrgPerson\nuid: {login_name}\ncn: {login_name}\n"
        f"sn: {login_name}\nuserPassword: Old-password-1\n{more}"
    )
    for group in groups:
        join(office, login_name, group)


def join(office: Office, login_name: str, group: str) -> None:
    """Afterwards somebody has put the account into the group by hand."""
    office.directory.apply(
        f"dn: cn={group},{office.directory.groups_base}\nchangetype: modify\nadd: member\n"
        f"member: {office.dn(login_name)}\n"
    )


def stage(office: Office, to: Stage) -> None:
    with office.cast.database.writing() as session:
        session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one().stage = to


def move(office: Office, to: Stage) -> None:
    """The stage is changed as it is in life: proposed by one, accepted by another."""
    now = office.clock()
    text = organisation_source().replace('stage = "enforce"', f'stage = "{to.value}"', 1)
    for key, value in office.directory.connector_settings().items():
        text = text.replace('name = "ledger"\n', f'{key} = {json.dumps(value)}\nname = "ledger"\n')
    text = text.replace('name = "ledger"\n', "").replace('connector = "memory"', 'connector = "openldap"', 1)
    with office.cast.acting("security", now=now) as session:
        version = propose(
            session, ConfigurationText(ConfigurationKind.ORGANISATION, "small", effective_text(text, "small")),
            reason="段階を進める", actor=office.cast.actor("security"), now=now,
        ).id  # fmt: skip
    with office.cast.acting("ciso", now=now) as session:
        accept(session, version, actor=office.cast.actor("ciso"), now=now)


def settle(office: Office, login_name: str, settlement: Settlement) -> None:
    with office.cast.acting("system", now=office.clock()) as session:
        found = session.scalars(select(FoundAccount).where(FoundAccount.login_name == login_name)).one()
        found_accounts.settle(
            session, found.id, settlement, actor=office.cast.actor("system"), policy=office.cast.policy,
            now=office.clock(),
        )  # fmt: skip


def take_over(office: Office, *, reject: tuple[str, str] | None = None) -> None:
    """The manager applies, the chief and the vice-CISO decide every line."""
    now = office.clock()
    with office.cast.acting("system", now=now) as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        request_id = adoption.submit_adoption(
            session, system.id, reason="導入前からの利用", privileged_until=day_of(now) + timedelta(days=90),
            actor=office.cast.actor("system"), policy=office.cast.policy, now=now,
        ).request.id  # fmt: skip
    for who, seat in (("chief", Role.CHIEF), ("vice", Role.SYSTEM)):
        with office.cast.acting(who, now=now) as session:
            request = session.get_one(Request, request_id)
            verdicts = {
                step.id: Verdict(
                    Event.REJECT if reject == (line.subject.name, line.entitlement.code) else Event.APPROVE,
                    "確認しました", request.content_hash or "",
                )
                for line in request.lines for step in line.steps
                if step.seat is seat and step.state.value == "pending"
            }  # fmt: skip
            decisions.decide_lines(
                session, request_id=request_id, verdicts=verdicts, actor=office.cast.actor(who),
                policy=office.cast.policy, now=now,
            )  # fmt: skip


def settle_all(office: Office) -> None:
    """Every account that no machine could decide about."""
    for login_name, kind in (("soumu", AccountKind.SHARED), ("scanner", AccountKind.SERVICE)):
        settle(office, login_name, Settlement(FoundState.NOT_PERSONAL, "台帳で確認", kind=kind))
    for login_name in ("mystery", "taishoku", "extra1", "extra2", "extra3"):
        settle(office, login_name, Settlement(FoundState.FINDING, "持ち主が分からない"))


def everything(office: Office) -> dict[str, dict[str, list[str]]]:
    """The whole directory as its administrator sees it, without what its server counts by itself."""
    return {dn: office.directory.read(dn, "*", "+") for dn in office.directory.people()} | {
        group: {"member": sorted(office.members(group))} for group in ("ledger-enter", "ledger-approve")
    }


def findings(office: Office, *kinds: FindingKind) -> dict[str, Finding]:
    with office.cast.database.reading() as session:
        rows = session.scalars(select(Finding).where(Finding.resolved_at.is_(None), Finding.kind.in_(kinds)))
        return {finding.label: finding for finding in rows}


def test_nothing_is_written_while_a_system_is_observed_and_everybody_is_recognised(town: Office) -> None:
    before = everything(town)
    town.grant("p0", "ledger/account")
    done = inventory.take(town.installation, "ledger")
    assert (done.examined, done.adopted, done.matched, done.undecided) == (30, 1, 22, 7)
    assert town.provision() == 0
    sweep.sweep(town.installation, system_code="ledger")
    reconcile.reconcile(town.installation, system_code="ledger")
    assert everything(town) == before
    with town.cast.database.reading() as session:
        found = {one.login_name: one for one in session.scalars(select(FoundAccount))}
    assert (found["old3"].rule, found["u200020"].rule, found["taishoku"].doubt) == (
        "employee_number", "rule_name", "left"
    )  # fmt: skip
    assert {found[name].doubt for name in ("soumu", "scanner", "mystery")} == {"no_candidate"}


def test_a_dry_inventory_says_the_same_and_keeps_nothing(town: Office) -> None:
    assert inventory.take(town.installation, "ledger", dry_run=True).matched == 23
    with town.cast.database.reading() as session:
        assert session.scalars(select(FoundAccount)).all() == []


def go_live(town: Office, reject: tuple[str, str] | None = None) -> None:
    inventory.take(town.installation, "ledger")
    move(town, Stage.ADOPT)
    settle_all(town)
    take_over(town, reject=reject)
    town.provision()


def test_taken_over_everybody_keeps_name_password_and_groups_and_nothing_is_doubled(town: Office) -> None:
    before = everything(town)
    go_live(town)
    assert len(town.directory.people()) == 30
    for login_name in BY_NUMBER:
        dn = town.dn(login_name)
        assert town.entry(login_name)["idmAccountUuid"]
        assert town.entry(login_name)["entryUUID"] == before[dn]["entryUUID"]
        assert town.directory.sign_in(dn, "Old-password-1")
    for login_name in ("soumu", "scanner", "mystery", "taishoku", "extra1"):
        assert town.entry(login_name) == before[town.dn(login_name)], "what is not ours is never written"
    assert town.members("ledger-enter") == set(BY_NUMBER[:5])
    assert town.entry("u200021")["mail"] == ["u200021@example.jp"]
    with town.cast.database.reading() as session:
        counts = progress_of_systems(session)[1].counts
        assert (counts.adopted, counts.open, counts.not_personal, counts.orphans) == (23, 0, 2, 5)
        assert {task.state.value for task in session.scalars(select(OutboxTask))} <= {"done", "superseded"}


def test_a_group_that_was_rejected_is_kept_until_the_system_is_enforced(town: Office) -> None:
    go_live(town, reject=("職員　1", "enter"))
    assert "old1" in town.members("ledger-enter")
    move(town, Stage.ENFORCE)
    town.provision()
    assert town.members("ledger-enter") == {"old0", "old2", "old3", "old4"}
    assert town.directory.sign_in(town.dn("old1"), "Old-password-1")


def test_an_account_that_was_rejected_is_stopped_when_the_system_is_enforced(town: Office) -> None:
    go_live(town, reject=("職員　7", "account"))
    assert town.directory.sign_in(town.dn("old7"), "Old-password-1")
    assert "idmAccountUuid" not in town.entry("old7")
    move(town, Stage.ENFORCE)
    town.provision()
    assert not town.directory.sign_in(town.dn("old7"), "Old-password-1")
    assert town.entry("old7")["idmAccountUuid"]


def test_an_account_that_was_approved_before_the_inventory_is_not_made_a_second_time(town: Office) -> None:
    town.grant("p0", "ledger/account")
    stage(town, Stage.ADOPT)
    inventory.take(town.installation, "ledger")
    town.provision()
    assert len(town.directory.people()) == 30
    with town.cast.database.reading() as session:
        account = session.scalars(select(Account).where(Account.person_id == town.cast.people["p0"])).one()
        assert (account.login_name, account.adopted_at is not None) == ("old0", True)


def test_an_account_is_not_made_while_one_that_may_be_theirs_is_undecided(town: Office) -> None:
    town.grant("auditor", "ledger/account")
    put(town, "u100008", number="999999")
    stage(town, Stage.ADOPT)
    inventory.take(town.installation, "ledger")
    town.provision()
    assert len(town.directory.people()) == 31
    with town.cast.database.reading() as session:
        task = session.scalars(select(OutboxTask).order_by(OutboxTask.id.desc())).first()
        assert task is not None
        assert (task.state.value, "u100008" in (task.last_error or "")) == ("waiting", True)


# --- keeping it true -------------------------------------------------------------------------------------------------


@pytest.fixture
def live(town: Office) -> Office:
    """The same directory, enforced."""
    go_live(town)
    move(town, Stage.ENFORCE)
    town.provision()
    return town


def test_what_shows_what_was_approved_has_no_finding(live: Office) -> None:
    (result,) = reconcile.reconcile(live.installation, system_code="ledger")
    assert (result.examined, result.found, result.failure) == (23, (), None)
    sweep.sweep(live.installation, system_code="ledger")
    assert findings(live, FindingKind.DRIFT, FindingKind.MISSING, FindingKind.EXTRA_MEMBER) == {}
    assert set(findings(live, FindingKind.ORPHAN)) == {"mystery", "taishoku", "extra1", "extra2", "extra3"}


def test_a_change_by_hand_is_found_and_put_right_with_a_click(live: Office) -> None:
    join(live, "old9", "ledger-approve")
    reconcile.reconcile(live.installation, system_code="ledger")
    found = findings(live, FindingKind.DRIFT)["old9"]
    assert "伝票承認" in str(found.details["reason"])
    assert found.details["more"] is True
    live.provision()
    assert "old9" in live.members("ledger-approve"), "the profile says: report"
    with live.cast.acting("security", now=live.clock()) as session:
        finding_answers.repair(
            session, found.id, actor=live.cast.actor("security"), policy=live.cast.policy, now=live.clock()
        )
    live.provision()
    assert live.members("ledger-approve") == {"double"}
    reconcile.reconcile(live.installation, system_code="ledger")
    assert findings(live, FindingKind.DRIFT) == {}


def test_where_the_profile_says_so_what_gives_more_is_put_right_at_once(
    live: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = replace(live.cast.policy, reconciliation=replace(live.cast.policy.reconciliation, repair="repair"))
    monkeypatch.setattr(sweep, "policy_in_force", lambda *_args, **_kw: strict)
    join(live, "old9", "ledger-approve")
    live.directory.apply(f"dn: {live.dn('old8')}\nchangetype: modify\nreplace: mail\nmail: wrong@example.jp\n")
    sweep.sweep(live.installation, system_code="ledger")
    live.provision()
    assert live.members("ledger-approve") == {"double"}
    assert live.entry("old8")["mail"] == ["wrong@example.jp"], "what gives no more waits for a person"


def test_too_much_at_once_is_left_for_a_person(live: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = replace(live.cast.policy, reconciliation=replace(live.cast.policy.reconciliation, repair="repair"))
    monkeypatch.setattr(reconcile, "policy_in_force", lambda *_args, **_kw: strict)
    for login_name in BY_NUMBER[5:15]:
        join(live, login_name, "ledger-approve")
    (result,) = reconcile.reconcile(live.installation, system_code="ledger")
    assert "安全のための上限" in (result.held_back or "")
    live.provision()
    assert len(live.members("ledger-approve")) == 11


def test_looking_in_the_wrong_place_disables_nobody_and_resolves_nothing(
    live: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = replace(live.cast.policy, reconciliation=replace(live.cast.policy.reconciliation, repair="repair"))
    monkeypatch.setattr(reconcile, "policy_in_force", lambda *_args, **_kw: strict)
    join(live, "old9", "ledger-approve")
    reconcile.reconcile(live.installation, system_code="ledger", dry_run=True)
    with live.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        kept = system.connector_settings
        system.connector_settings = {**kept, "people_base": live.directory.groups_base}
    (result,) = reconcile.reconcile(live.installation, system_code="ledger")
    assert "見当たりません" in (result.failure or "")
    assert findings(live, FindingKind.MISSING) == {}
    assert set(findings(live, FindingKind.CHECK_FAILED)) == {"会計システム"}
    live.provision()
    assert live.directory.sign_in(live.dn("old3"), "Old-password-1")


def test_an_account_that_somebody_deleted_is_missing_and_made_anew_on_a_click(live: Office) -> None:
    live.directory.apply(f"dn: {live.dn('old6')}\nchangetype: delete\n")
    reconcile.reconcile(live.installation, system_code="ledger")
    found = findings(live, FindingKind.MISSING)["old6"]
    with live.cast.acting("system", now=live.clock()) as session:
        finding_answers.repair(
            session, found.id, actor=live.cast.actor("system"), policy=live.cast.policy, now=live.clock()
        )
    live.provision()
    assert "userPassword" not in live.entry("old6"), "it is handed over anew"


def test_an_account_that_is_not_ours_in_a_group_that_stands_for_a_right_is_found(live: Office) -> None:
    join(live, "mystery", "ledger-approve")
    reconcile.reconcile(live.installation, system_code="ledger")
    found = findings(live, FindingKind.EXTRA_MEMBER)["mystery"]
    assert "伝票承認" in str(found.details["reason"])
    with (
        pytest.raises(IllegalTransition, match="是正できません"),
        live.cast.acting("security", now=live.clock()) as session,
    ):
        finding_answers.repair(
            session, found.id, actor=live.cast.actor("security"), policy=live.cast.policy, now=live.clock()
        )


def test_somebody_answers_for_a_finding_until_a_day_and_then_it_is_open_again(live: Office) -> None:
    join(live, "old9", "ledger-approve")
    reconcile.reconcile(live.installation, system_code="ledger")
    found = findings(live, FindingKind.DRIFT)["old9"]
    today = day_of(live.clock())
    with live.cast.acting("security", now=live.clock()) as session:
        finding_answers.justify(
            session, found.id, reason="年度末の棚卸しのため", until=today + timedelta(days=10),
            actor=live.cast.actor("security"), policy=live.cast.policy, now=live.clock(),
        )  # fmt: skip
    with live.cast.database.reading() as session:
        finding = session.get_one(Finding, found.id)
        for days, answered in ((0, True), (9, True), (10, False)):
            state = state_of(facts_of(session, finding), today + timedelta(days=days))
            assert state is (FindingState.JUSTIFIED if answered else FindingState.OPEN)
    join(live, "old9", "ledger-enter")
    reconcile.reconcile(live.installation, system_code="ledger")
    with live.cast.database.reading() as session:
        finding = session.get_one(Finding, found.id)
        assert state_of(facts_of(session, finding), today) is FindingState.OPEN, "it says something else by now"


def test_an_account_that_a_worker_is_about_to_write_is_not_a_finding_yet(live: Office) -> None:
    live.grant("p10", "ledger/enter")
    reconcile.reconcile(live.installation, system_code="ledger")
    assert findings(live, FindingKind.DRIFT) == {}
    live.provision()
    assert "old10" in live.members("ledger-enter")


def test_accounts_that_are_left_over_after_the_last_day_are_findings(town: Office) -> None:
    inventory.take(town.installation, "ledger")
    move(town, Stage.ADOPT)
    sweep.sweep(town.installation, system_code="ledger")
    assert findings(town, FindingKind.UNADOPTED, FindingKind.ORPHAN) == {}
    with town.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.adopt_until = day_of(town.clock()) - timedelta(days=1)
    sweep.sweep(town.installation, system_code="ledger")
    assert len(findings(town, FindingKind.UNADOPTED)) == 30


def test_an_account_is_made_and_moved_where_its_unit_is_kept_on_a_real_server(office: Office) -> None:
    staff = f"ou=Staff,{office.directory.people_base}"
    office.grant("other", "ledger/account")
    office.provision()
    office.directory.apply(f"dn: {staff}\nobjectClass: organizationalUnit\nou: Staff\n")
    try:
        with office.cast.database.writing() as session:
            system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
            # As an administrator may write it: the server answers in a spelling of its own.
            place = f"OU=staff, {office.directory.people_base.upper()}"
            system.containers = [{"units": ["0100"], "container": place}]
        office.grant("staff", "ledger/account", "ledger/enter")
        office.grant("other", "ledger/enter")
        office.provision()
        for login_name in ("u100009", "u100010"):
            assert office.entry(login_name) == {}
            assert office.directory.read(f"uid={login_name},{staff}", "uid")["uid"] == [login_name]
        found = office.directory.read(f"cn=ledger-enter,{office.directory.groups_base}", "member")["member"]
        assert {dn.casefold() for dn in found if "u1000" in dn} == {
            f"uid={name},{staff}".casefold() for name in ("u100009", "u100010")
        }
        (result,) = reconcile.reconcile(office.installation, system_code="ledger")
        assert result.found == ()
    finally:
        for login_name in ("u100009", "u100010"):
            if office.directory.read(f"uid={login_name},{staff}", "uid"):
                office.directory.apply(f"dn: uid={login_name},{staff}\nchangetype: delete\n")
        office.directory.apply(f"dn: {staff}\nchangetype: delete\n")
