"""The gate on real directories: nobody is let in before two kinds of factor are demanded and shown (B1, B2)."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.ldap.connector import LdapConnector
from idm.errors import InvalidInput, TargetError
from idm.grant_state import GrantState
from idm.keys.sealing import new_handover_key
from idm.models.systems import Entitlement, Handover, InformationSystem
from idm.models.work import OutboxTask
from idm.operations.factors import factor_readings
from idm.operations.passwords import handovers
from idm.operations.rights.accounts import schedule
from idm.ports import Outcome, Step
from idm.queries.passwords.handovers import waiting_accounts
from idm.vocabulary import AuthenticatorKind, EntitlementKind, FindingKind, LineEffect, RequestAction, Zone
from jobs.sweep.sweep import sweep
from tests.cast import Cast
from tests.connectors.conftest import now
from tests.connectors.samba_target import SambaTarget
from tests.jobs.gated_office import BY_CARD, BY_GROUP, Gated
from tests.servers.openldap import OpenLDAP
from tests.servers.samba_ad import SambaAD

SMART_CARD, TOKEN = AuthenticatorKind.SMART_CARD, AuthenticatorKind.HARDWARE_TOKEN
NORMAL, DISABLED, CARD_REQUIRED = 0x200, 0x2, 0x40000
HELD, IN_FORCE = GrantState.SUSPENDED, GrantState.IN_FORCE


@pytest.fixture(scope="module")
def samba() -> Iterator[SambaAD]:
    """A running domain controller, one for all tests of the module."""
    server = SambaAD()
    server.build()
    server.start()
    yield server
    server.discard()


@pytest.fixture
def domain(samba: SambaAD) -> Iterator[SambaTarget]:
    """The domain with nobody in it."""
    with ExitStack() as closing:
        yield SambaTarget(samba, closing, now)


@pytest.fixture
def by_card(cast: Cast, domain: SambaTarget, tmp_path: Path) -> Gated:
    """The pension system in a domain that demands a card."""
    return Gated.at(
        cast, tmp_path, connector="active_directory", settings=domain.connector_settings(),
        password=domain.server.service_password(), verification=BY_CARD,
    )  # fmt: skip


def bits(domain: SambaTarget, office: Gated) -> tuple[bool, bool]:
    """Whether the domain has the account disabled, and whether it requires a card, as its administrator sees it."""
    said = domain.server.read(domain.dn(office.login_name), "userAccountControl")["userAccountControl"][0]
    return bool(int(said) & DISABLED), bool(int(said) & CARD_REQUIRED)


def test_an_approved_right_is_made_disabled_demanded_read_back_and_opens_with_the_card(
    by_card: Gated, domain: SambaTarget
) -> None:
    by_card.approve()
    assert by_card.state is HELD
    by_card.settle()
    assert bits(domain, by_card) == (True, True)
    assert (by_card.state, by_card.required) == (HELD, True)
    by_card.give_factor(SMART_CARD)
    assert by_card.state is IN_FORCE
    by_card.settle()
    assert bits(domain, by_card) == (False, True)
    by_card.reconcile()
    assert by_card.found() == {}


def test_a_lost_card_disables_the_account_in_the_next_pass(by_card: Gated, domain: SambaTarget) -> None:
    by_card.approve()
    card = by_card.give_factor(SMART_CARD)
    by_card.settle()
    assert bits(domain, by_card) == (False, True)
    by_card.lose(card)
    assert by_card.state is HELD
    assert by_card.one_pass() == 1
    assert bits(domain, by_card) == (True, True)


def test_a_demand_lifted_by_hand_is_found_and_shuts_the_account_at_once(by_card: Gated, domain: SambaTarget) -> None:
    by_card.approve()
    by_card.give_factor(SMART_CARD)
    by_card.settle()
    domain.server.replace(domain.dn(by_card.login_name), "userAccountControl", str(NORMAL))
    domain.reset_password(by_card.login_name, "Set-by-hand-1234")
    assert domain.sign_in(by_card.login_name, "Set-by-hand-1234")
    by_card.reconcile()
    assert (by_card.state, by_card.required) == (HELD, False)
    assert set(by_card.found()) == {FindingKind.DRIFT, FindingKind.FACTOR_MISSING}
    assert "二要素認証が必須になっていません" in by_card.found()[FindingKind.FACTOR_MISSING]
    assert by_card.one_pass() == 1
    assert bits(domain, by_card) == (True, True), "stopped, and demanded again"
    by_card.settle()
    assert (bits(domain, by_card), by_card.state) == ((False, True), IN_FORCE)
    assert not domain.sign_in(by_card.login_name, "Set-by-hand-1234"), "requiring the card has spoilt the password"
    by_card.sweep()
    assert by_card.found() == {}


def test_an_account_found_open_without_the_demand_is_shut_before_the_demand_is_set(
    by_card: Gated, domain: SambaTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the worker alone, before any comparison has seen it: a decision about the account is enough."""
    by_card.approve()
    by_card.give_factor(SMART_CARD)
    by_card.settle()
    domain.server.replace(domain.dn(by_card.login_name), "userAccountControl", str(NORMAL))
    done: list[str] = []
    perform = LdapConnector.perform

    def watched(self: LdapConnector, steps: Sequence[Step]) -> list[Outcome | TargetError]:
        done.extend(type(step).__name__ for step in steps)
        return perform(self, steps)

    monkeypatch.setattr(LdapConnector, "perform", watched)
    with by_card.cast.database.writing() as session:
        schedule(session, by_card.account(session), now=by_card.clock())
    by_card.one_pass()
    assert done == ["SetEnabled", "RequireSmartCard", "SetEnabled"]
    assert bits(domain, by_card) == (False, True)


def test_a_profile_that_keeps_out_of_the_zone_shuts_everybody_out(by_card: Gated, domain: SambaTarget) -> None:
    by_card.approve()
    by_card.give_factor(SMART_CARD)
    by_card.settle()
    assert bits(domain, by_card) == (False, True)
    by_card.forbid_the_zone()
    assert by_card.state is HELD
    by_card.settle()
    assert bits(domain, by_card) == (True, True)
    by_card.sweep()
    assert by_card.found() == {}, "held back is no finding: nobody is in"


def test_the_night_keeps_the_read_back_fresh_and_a_seal_is_as_good_as_reading(
    by_card: Gated, domain: SambaTarget
) -> None:
    by_card.approve()
    by_card.give_factor(SMART_CARD)
    by_card.settle()
    for examine, days in ((by_card.sweep, 2), (by_card.reconcile, 4), (by_card.reconcile, 6)):
        by_card.clock.ahead = timedelta(days=days)
        examine()
        assert by_card.clock() - by_card.read_at < timedelta(hours=1)
    assert by_card.found() == {}


def test_a_read_back_that_has_grown_old_is_found_and_takes_nothing_away(by_card: Gated, domain: SambaTarget) -> None:
    by_card.approve()
    by_card.give_factor(SMART_CARD)
    by_card.settle()
    by_card.clock.ahead = timedelta(days=by_card.cast.policy.factors.readback_days + 1)
    domain.stop()
    try:
        assert [one.failure for one in sweep(by_card.installation, system_code="pension")] != [None]
    finally:
        domain.start()
    assert set(by_card.found()) == {FindingKind.CHECK_FAILED, FindingKind.FACTOR_UNSHOWN}
    assert by_card.state is IN_FORCE
    by_card.sweep()
    assert by_card.found() == {}


def test_there_is_no_password_to_hand_over_where_a_card_lets_people_in(by_card: Gated) -> None:
    by_card.approve()
    by_card.give_factor(SMART_CARD)
    by_card.settle()
    with pytest.raises(InvalidInput, match="スマートカードだけでサインインします"):
        by_card.hand_over()
    with by_card.cast.database.reading() as session:
        assert waiting_accounts(session).total == 0


# --- a group whose members are asked for a second factor -------------------------------------------------------------

GROUP_DN = f"cn={BY_GROUP['group']},{OpenLDAP.groups_base}"


@pytest.fixture
def by_group(cast: Cast, openldap: OpenLDAP, tmp_path: Path) -> Iterator[Gated]:
    """The pension system on an OpenLDAP whose terminals ask the members of a group for a second factor."""
    make_group(openldap)
    yield Gated.at(
        cast, tmp_path, connector="openldap", settings=openldap.connector_settings(),
        password=openldap.service_password(), verification=BY_GROUP,
    )  # fmt: skip
    for dn in (*openldap.people(), GROUP_DN):
        openldap.apply(f"dn: {dn}\nchangetype: delete\n")


def make_group(openldap: OpenLDAP) -> None:
    placeholder = OpenLDAP.placeholder_dn
    openldap.apply(f"dn: {GROUP_DN}\nobjectClass: groupOfNames\ncn: pension-two-factor\nmember: {placeholder}\n")


def asked_for_two(openldap: OpenLDAP, office: Gated) -> bool:
    """Whether the account is in the group."""
    members = openldap.read(GROUP_DN, "member").get("member", [])
    return any(dn.startswith(f"uid={office.login_name},") for dn in members)


def take_out(openldap: OpenLDAP, office: Gated) -> None:
    dn = f"uid={office.login_name},{openldap.people_base}"
    openldap.apply(f"dn: {GROUP_DN}\nchangetype: modify\ndelete: member\nmember: {dn}\n")


def test_with_a_group_the_membership_is_set_first_and_the_password_is_handed_over_once_the_gate_is_open(
    by_group: Gated, openldap: OpenLDAP
) -> None:
    by_group.approve()
    by_group.settle()
    assert (asked_for_two(openldap, by_group), by_group.required, by_group.state) == (True, True, HELD)
    with pytest.raises(InvalidInput, match="認証要素が足りません"):
        by_group.hand_over()
    by_group.give_factor(TOKEN)
    by_group.settle()
    assert by_group.state is IN_FORCE
    password = by_group.hand_over()
    assert openldap.sign_in(f"uid={by_group.login_name},{openldap.people_base}", password)


def test_whoever_is_taken_out_of_the_group_is_stopped_and_put_back(by_group: Gated, openldap: OpenLDAP) -> None:
    by_group.approve()
    token = by_group.give_factor(TOKEN)
    by_group.settle()
    password = by_group.hand_over()
    dn = f"uid={by_group.login_name},{openldap.people_base}"
    take_out(openldap, by_group)
    by_group.reconcile()
    assert (by_group.state, set(by_group.found())) == (HELD, {FindingKind.DRIFT, FindingKind.FACTOR_MISSING})
    by_group.one_pass()
    assert (openldap.sign_in(dn, password), asked_for_two(openldap, by_group)) == (False, True)
    by_group.settle()
    assert openldap.sign_in(dn, password)
    by_group.reconcile()
    assert by_group.found() == {}
    by_group.lose(token)
    by_group.settle()
    assert (openldap.sign_in(dn, password), asked_for_two(openldap, by_group)) == (False, True), "the demand stays"


def test_a_group_renamed_in_the_directory_is_the_same_group(by_group: Gated, openldap: OpenLDAP) -> None:
    by_group.approve()
    by_group.settle()
    openldap.apply(f"dn: {GROUP_DN}\nchangetype: modrdn\nnewrdn: cn=renamed\ndeleteoldrdn: 1\n")
    try:
        by_group.give_factor(TOKEN)
        by_group.settle()
        by_group.reconcile()
        assert (by_group.state, by_group.required, by_group.found()) == (IN_FORCE, True, {})
    finally:
        renamed = GROUP_DN.replace("pension-two-factor", "renamed")
        openldap.apply(f"dn: {renamed}\nchangetype: modrdn\nnewrdn: cn=pension-two-factor\ndeleteoldrdn: 1\n")


def test_while_the_group_is_not_there_nobody_gets_in_and_it_is_found(by_group: Gated, openldap: OpenLDAP) -> None:
    openldap.apply(f"dn: {GROUP_DN}\nchangetype: delete\n")
    by_group.approve()
    by_group.give_factor(TOKEN)
    by_group.settle()
    assert (by_group.state, by_group.required) == (HELD, None)
    assert openldap.read(f"uid={by_group.login_name},{openldap.people_base}", "uid"), "it is made, and stays disabled"
    by_group.reconcile()
    assert "pension-two-factor" in by_group.found()[FindingKind.FACTOR_MISSING]
    make_group(openldap)
    with by_group.cast.database.writing() as session:
        schedule(session, by_group.account(session), now=by_group.clock())
    by_group.settle()
    assert (by_group.state, by_group.required) == (IN_FORCE, True)
    by_group.reconcile()
    assert by_group.found() == {}


def test_a_leaver_is_stopped_before_the_demand_is_taken_back(by_group: Gated, openldap: OpenLDAP) -> None:
    by_group.approve()
    by_group.give_factor(TOKEN)
    by_group.settle()
    password = by_group.hand_over()
    by_group.revoke()
    by_group.settle()
    dn = f"uid={by_group.login_name},{openldap.people_base}"
    assert (openldap.sign_in(dn, password), asked_for_two(openldap, by_group)) == (False, False)
    by_group.reconcile()
    assert by_group.found() == {}


# --- an ordinary account where factors are demanded of those who reach further ----------------------------------------

REMOTE_DN = f"cn=remote,{OpenLDAP.groups_base}"


@pytest.fixture
def beside_the_group(by_group: Gated, openldap: OpenLDAP) -> Iterator[Gated]:
    """青木 uses an ordinary account; whoever reaches it from outside too is to be in the group that demands factors."""
    openldap.apply(f"dn: {REMOTE_DN}\nobjectClass: groupOfNames\ncn: remote\nmember: {OpenLDAP.placeholder_dn}\n")
    also_from_outside(by_group)
    by_group.approve()
    by_group.settle()
    yield by_group
    openldap.apply(f"dn: {REMOTE_DN}\nchangetype: delete\n")


def put_in(openldap: OpenLDAP, office: Gated) -> None:
    dn = f"uid={office.login_name},{openldap.people_base}"
    openldap.apply(f"dn: {GROUP_DN}\nchangetype: modify\nadd: member\nmember: {dn}\n")


def test_whom_others_have_put_into_the_group_stays_in_it_whatever_becomes_of_their_rights(
    beside_the_group: Gated, openldap: OpenLDAP
) -> None:
    office, dn = beside_the_group, f"uid={beside_the_group.login_name},{openldap.people_base}"
    password = office.hand_over()
    put_in(openldap, office)
    office.reconcile()
    with office.cast.database.writing() as session:
        schedule(session, office.account(session), now=office.clock())
    office.settle()
    assert (asked_for_two(openldap, office), office.found()) == (True, {}), "with ordinary rights only"
    reach_further(office)
    office.settle()
    assert (asked_for_two(openldap, office), openldap.sign_in(dn, password)) == (True, True), "applied, no factor yet"
    token = office.give_factor(TOKEN)
    office.settle()
    office.give_back(token)
    office.settle()
    assert (asked_for_two(openldap, office), openldap.sign_in(dn, password)) == (True, True), "the token is given back"
    office.reconcile()
    assert office.found() == {}


def test_the_group_is_left_only_while_the_account_is_disabled_and_the_next_hand_over_is_such_a_time(
    beside_the_group: Gated, openldap: OpenLDAP
) -> None:
    office, dn = beside_the_group, f"uid={beside_the_group.login_name},{openldap.people_base}"
    password = office.hand_over()
    office.give_factor(TOKEN)
    reach_further(office)
    office.settle()
    assert asked_for_two(openldap, office)
    reach_further(office, effect=LineEffect.REVOKE)
    office.settle()
    assert (asked_for_two(openldap, office), openldap.sign_in(dn, password)) == (True, True)
    office.reconcile()
    assert office.found() == {}
    again = office.hand_over()
    assert (asked_for_two(openldap, office), openldap.sign_in(dn, again)) == (False, True)


@pytest.fixture
def further(by_card: Gated, domain: SambaTarget) -> Gated:
    """青木 uses an ordinary account with a password; the system has a right for access from outside as well."""
    domain.add_group("remote")
    also_from_outside(by_card)
    by_card.approve()
    by_card.settle()
    return by_card


def also_from_outside(office: Gated) -> None:
    """The system is an ordinary one, and has a right for access from outside as well."""
    with office.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        system.zone = Zone.LGWAN
        session.add(
            Entitlement(
                system_id=system.id, code="remote", name="外部からの利用", kind=EntitlementKind.GROUP,
                target_name="remote", privileged=False, external_access=True,
            )
        )  # fmt: skip


def reach_further(office: Gated, *, effect: LineEffect = LineEffect.GRANT) -> None:
    now = office.clock()
    action = RequestAction.CHANGE if effect is LineEffect.GRANT else RequestAction.REMOVE
    until = now.date() + timedelta(days=30) if effect is LineEffect.GRANT else None
    request = office.cast.file(
        "hr", ("staff", "pension/remote"), now=now, valid_until=until, action=action, effect=effect
    )
    office.cast.approve(request, now=now)


def is_inside(domain: SambaTarget, office: Gated) -> bool:
    """Whether the account is in the group that opens the way from outside."""
    members = domain.server.read(f"CN=remote,{domain.server.groups_ou}", "member").get("member", [])
    return domain.dn(office.login_name) in members


def test_the_ordinary_account_goes_on_until_the_card_is_there_and_has_its_password_back_when_none_is_needed(
    further: Gated, domain: SambaTarget
) -> None:
    password = further.hand_over()
    reach_further(further)
    further.settle()
    assert (bits(domain, further), is_inside(domain, further)) == ((False, False), False)
    assert domain.sign_in(further.login_name, password), "nobody is shut out for having applied for more"
    further.give_factor(SMART_CARD)
    further.settle()
    assert (bits(domain, further), is_inside(domain, further)) == ((False, True), True)
    reach_further(further, effect=LineEffect.REVOKE)
    further.settle()
    assert (bits(domain, further), is_inside(domain, further)) == ((False, True), False), "the owner has the card"
    again = further.hand_over()
    assert (bits(domain, further), domain.sign_in(further.login_name, again)) == ((False, False), True)


def test_a_password_that_could_let_nobody_in_is_not_set(further: Gated, domain: SambaTarget) -> None:
    reach_further(further)
    further.give_factor(SMART_CARD)
    further.settle()
    assert bits(domain, further) == (False, True), "opened with the card, without any password"
    assert "スマートカードが必須のID" in refused_password(further)


def refused_password(office: Gated) -> str:
    """What the worker says to a desk that asks for a password where only a card lets people in."""
    now, public = office.clock(), new_handover_key()[1]
    with office.cast.acting("desk", now=now) as session:
        asked = handovers.ask(
            session, account_id=office.account(session).id, public_key=public, actor=office.cast.actor("desk"),
            policy=office.cast.policy, now=now,
        ).id  # fmt: skip
    office.settle()
    with office.cast.database.reading() as session:
        task = session.scalars(select(OutboxTask).order_by(OutboxTask.id.desc())).first()
        handover = session.get_one(Handover, asked)
        assert task is not None
        assert handover.sealed is None
        return task.last_error or ""


def test_where_something_else_demands_factors_now_the_card_is_no_more_asked_for(
    further: Gated, domain: SambaTarget
) -> None:
    """What the cards left behind does not keep anybody out of an account that is handed over with a password."""
    reach_further(further)
    further.give_factor(SMART_CARD)
    further.settle()
    assert bits(domain, further) == (False, True), "opened with the card, without any password"
    with further.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        system.demanded_cards, system.verification = True, None
        account = further.account(session)
        factor_readings.forget(session, system.id)
        schedule(session, account, now=further.clock())
    further.settle()
    assert (bits(domain, further), is_inside(domain, further)) == ((True, False), False)
    password = further.hand_over()
    assert (bits(domain, further), domain.sign_in(further.login_name, password)) == ((False, False), True)
