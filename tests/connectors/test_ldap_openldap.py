"""What is particular to OpenLDAP: its locks, its stamps, names that move, workers and cuts at the same moment."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from connectors.ldap.decoding import Result
from connectors.ldap.outcomes import verdict
from connectors.ldap.pipeline import Answer
from connectors.ldap.result_codes import CONSTRAINT_VIOLATION, NO_SUCH_OBJECT, Verb
from idm.errors import TargetRefused, TargetUnavailable
from idm.ports import (
    AddMember,
    CreateAccount,
    DeleteAccount,
    LastUseSource,
    Outcome,
    RemoveMember,
    SetEnabled,
    SetTemporaryPassword,
    Step,
    UpdateAttributes,
    Writes,
)
from tests.connectors.conftest import OpenLdapTarget
from tests.connectors.target import PASSWORD, attributes, created, seen, usable
from tests.servers.cutting_proxy import CuttingProxy
from tests.servers.openldap import OpenLDAP

HOUR = timedelta(hours=1)


def change(target: OpenLdapTarget, login_name: str, attribute: str, value: str) -> None:
    """The administrator sets one attribute of an account."""
    dn = target.dn(login_name)
    target.server.apply(f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n")


# --- locks -----------------------------------------------------------------------------------------------------------


def test_an_account_locked_by_the_administrator_reads_as_disabled_and_enabling_unlocks(
    ldap_target: OpenLdapTarget,
) -> None:
    connector = ldap_target.connector()
    uuid, external_id = usable(connector, "taro")
    change(ldap_target, "taro", "pwdAccountLockedTime", "000001010000Z")
    assert not seen(connector, uuid).enabled
    assert not ldap_target.sign_in("taro", PASSWORD)
    assert connector.perform([SetEnabled(external_id, enabled=True)]) == [Outcome.CHANGED]
    assert ldap_target.sign_in("taro", PASSWORD)


def test_a_temporary_password_does_not_revive_an_account_the_administrator_locked(ldap_target: OpenLdapTarget) -> None:
    """OpenLDAP itself takes the lock away with the old password."""
    connector = ldap_target.connector()
    uuid, external_id = usable(connector, "taro")
    change(ldap_target, "taro", "pwdAccountLockedTime", "000001010000Z")
    connector.perform([SetTemporaryPassword(external_id, "Temporary-9999")])
    assert not ldap_target.sign_in("taro", "Temporary-9999")
    assert not seen(connector, uuid).enabled


def test_a_lockout_after_wrong_passwords_is_not_lifted_by_us(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector()
    uuid, external_id = usable(connector, "taro")
    for _ in range(6):
        assert not ldap_target.sign_in("taro", "wrong-password")
    assert not ldap_target.sign_in("taro", PASSWORD)
    assert seen(connector, uuid).enabled
    assert connector.perform([SetEnabled(external_id, enabled=True)]) == [Outcome.UNCHANGED]
    assert not ldap_target.sign_in("taro", PASSWORD)


def test_an_account_that_begins_later_reads_as_disabled_and_enabling_begins_it(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector()
    uuid, external_id = usable(connector, "taro")
    change(ldap_target, "taro", "pwdStartTime", "20990101000000Z")
    assert not seen(connector, uuid).enabled
    assert connector.perform([SetEnabled(external_id, enabled=True)]) == [Outcome.CHANGED]
    assert seen(connector, uuid).enabled
    assert ldap_target.sign_in("taro", PASSWORD)


def test_the_directory_itself_holds_the_end(ldap_target: OpenLdapTarget) -> None:
    """So that an account ends on its day even when no worker runs."""
    connector = ldap_target.connector()
    _, external_id = created(connector, "taro")
    assert ldap_target.server.read(ldap_target.dn("taro"), "pwdEndTime") == {"pwdEndTime": ["19700101000000Z"]}
    connector.perform([SetEnabled(external_id, enabled=True, expires_at=datetime(2027, 3, 31, 15, 0, 0, 9, UTC))])
    assert ldap_target.server.read(ldap_target.dn("taro"), "pwdEndTime") == {"pwdEndTime": ["20270331150000Z"]}


# --- last use --------------------------------------------------------------------------------------------------------


def test_a_stamp_that_a_password_change_deletes_is_unknown_not_never(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector(last_use_attribute="pwdLastSuccess")
    usable(connector, "taro")
    assert ldap_target.sign_in("taro", PASSWORD)
    [use] = connector.unused_since(datetime.now(UTC) + HOUR)
    assert (use.source, use.known) == (LastUseSource.PWD_LAST_SUCCESS, True)
    ldap_target.reset_password("taro", "Helpdesk-5678")
    assert list(connector.unused_since(datetime.now(UTC) + HOUR)) == []
    [use] = connector.never_used(datetime.now(UTC) + HOUR)
    assert (use.last_used_at, use.known) == (None, False)


# --- names and ids ---------------------------------------------------------------------------------------------------


def test_an_entry_moved_and_renamed_by_the_administrator_is_still_the_same_account(ldap_target: OpenLdapTarget) -> None:
    ldap_target.add_group("g")
    connector = ldap_target.connector()
    group = connector.group("g").external_id
    uuid, external_id = created(connector, "taro")
    connector.perform([AddMember(external_id, group)])
    elsewhere = f"ou=部署,{ldap_target.server.people_base}"
    ldap_target.server.apply(
        f"dn: {elsewhere}\nobjectClass: organizationalUnit\nou: 部署\n\n"
        f"dn: {ldap_target.dn('taro')}\nchangetype: modrdn\n"
        f"newrdn: uid=jiro\ndeleteoldrdn: 1\nnewsuperior: {elsewhere}\n"
    )
    assert seen(connector, uuid).external_id == external_id
    assert connector.perform([SetEnabled(external_id, enabled=True)]) == [Outcome.CHANGED]
    assert seen(connector, uuid).attributes.login_name == "jiro"


def test_an_entry_named_by_its_cn_keeps_its_name_when_attributes_change(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector()
    dn = f"cn=taro,{ldap_target.server.people_base}"
    ldap_target.server.apply(f"dn: {dn}\nobjectClass: inetOrgPerson\nuid: taro\ncn: taro\nsn: taro\n")
    [account] = connector.accounts()
    wanted = attributes("taro", display_name="佐藤 太郎")
    assert connector.perform([UpdateAttributes(account.external_id, wanted)]) == [Outcome.CHANGED]
    assert connector.perform([UpdateAttributes(account.external_id, wanted)]) == [Outcome.UNCHANGED]
    [account] = connector.accounts()
    assert account.attributes == wanted
    assert ldap_target.server.read(dn, "cn") == {"cn": ["taro"]}


def test_two_entries_with_one_uuid_or_two_groups_of_one_name_are_for_a_person_to_sort_out(
    ldap_target: OpenLdapTarget,
) -> None:
    connector = ldap_target.connector()
    server, uuid = ldap_target.server, uuid4()
    outside = f"ou=elsewhere,{server.base_dn}"
    server.apply(f"dn: {outside}\nobjectClass: organizationalUnit\nou: elsewhere\n")
    for base in (server.people_base, outside):
        server.apply(
            f"dn: uid=taro,{base}\nobjectClass: inetOrgPerson\nobjectClass: idmAccount\nuid: taro\ncn: taro\nsn: taro\n"
            f"idmAccountUuid: {uuid}\n"
        )
        server.apply(f"dn: cn=g,{base}\nobjectClass: groupOfNames\ncn: g\nmember: {server.placeholder_dn}\n")
    whole = ldap_target.connector(people_base=server.base_dn, groups_base=server.base_dn)
    with pytest.raises(TargetRefused, match=f"uid=taro,{outside}"):
        whole.find([uuid])
    with pytest.raises(TargetRefused):
        whole.group("g")
    assert set(connector.find([uuid])) == {uuid}


def test_a_uuid_attribute_that_holds_something_else_is_an_error_not_a_stranger(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector(account_uuid_attribute="description")
    ldap_target.add_foreign_account("taro")
    assert [account.account_uuid for account in connector.account_ids()] == [None]
    change(ldap_target, "taro", "description", "no uuid")
    with pytest.raises(TargetRefused, match="「taro」の"):
        list(connector.account_ids())


# --- groups ----------------------------------------------------------------------------------------------------------


def test_a_large_group_is_filled_read_and_emptied_in_waves(ldap_target: OpenLdapTarget) -> None:
    ldap_target.add_group("g")
    connector = ldap_target.connector()
    group = connector.group("g").external_id
    uuids = [uuid4() for _ in range(1200)]
    said = connector.perform([CreateAccount(uuid, attributes(f"u{number}")) for number, uuid in enumerate(uuids)])
    assert set(said) == {Outcome.CHANGED}
    accounts = connector.find(uuids)
    ids = [accounts[uuid].external_id for uuid in uuids]
    assert set(connector.perform([AddMember(one, group) for one in ids[:700]])) == {Outcome.CHANGED}
    said = connector.perform([AddMember(one, group) for one in ids])
    assert said == [Outcome.UNCHANGED] * 700 + [Outcome.CHANGED] * 500
    assert sorted(connector.members(group)) == sorted(ids)
    assert all(account.groups == frozenset({group}) for account in connector.find(uuids).values())
    assert set(connector.perform([RemoveMember(one, group) for one in ids])) == {Outcome.CHANGED}
    assert list(connector.members(group)) == []
    assert ldap_target.server.read(f"cn=g,{ldap_target.server.groups_base}", "member") == {
        "member": [ldap_target.server.placeholder_dn]
    }


@pytest.mark.parametrize("at_once", [True, False])
def test_the_last_members_of_somebody_elses_group_make_way_for_the_placeholder(
    ldap_target: OpenLdapTarget, at_once: bool
) -> None:
    connector, server = ldap_target.connector(), ldap_target.server
    ids = [created(connector, name)[1] for name in ("taro", "hana")]
    members = "".join(f"member: {ldap_target.dn(name)}\n" for name in ("taro", "hana"))
    server.apply(f"dn: cn=g,{server.groups_base}\nobjectClass: groupOfNames\ncn: g\n{members}")
    group = connector.group("g").external_id
    waves = [ids] if at_once else [[one] for one in ids]
    for wave in waves:
        assert set(connector.perform([RemoveMember(one, group) for one in wave])) == {Outcome.CHANGED}
    assert list(connector.members(group)) == []
    assert server.read(f"cn=g,{server.groups_base}", "member") == {"member": [server.placeholder_dn]}
    assert connector.perform([RemoveMember(one, group) for one in ids]) == [Outcome.UNCHANGED] * 2


def test_everything_in_a_group_is_seen_also_what_is_no_account(ldap_target: OpenLdapTarget) -> None:
    """An out-of-band member of a privileged group may be anything (control D9)."""
    server = ldap_target.server
    ldap_target.add_group("g")
    connector = ldap_target.connector()
    server.apply(
        f"dn: cn=g,{server.groups_base}\nchangetype: modify\nadd: member\nmember: {server.service_dn}\n"
        f"member: uid=nobody there,{server.people_base}\n"
    )
    service_id = server.read(server.service_dn, "entryUUID")["entryUUID"]
    assert list(connector.members(connector.group("g").external_id)) == service_id


def test_a_placeholder_behind_which_something_stands_is_still_no_member(ldap_target: OpenLdapTarget) -> None:
    server = ldap_target.server
    server.apply(f"dn: cn=g,{server.groups_base}\nobjectClass: groupOfNames\ncn: g\nmember: {server.service_dn}\n")
    connector = ldap_target.connector(placeholder_member_dn=server.service_dn.upper())
    assert list(connector.members(connector.group("g").external_id)) == []


# --- several workers, and cuts ---------------------------------------------------------------------------------------


def test_two_workers_creating_the_same_accounts_make_each_once(ldap_target: OpenLdapTarget) -> None:
    wave = [CreateAccount(uuid4(), attributes(f"u{number}")) for number in range(60)]
    connectors = [ldap_target.connector() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda connector: connector.perform(wave), connectors))
    for of_one_account in zip(*answers, strict=True):
        assert sorted(of_one_account) == [Outcome.CHANGED, Outcome.UNCHANGED, Outcome.UNCHANGED]
    assert len(list(connectors[0].account_ids())) == 60


@pytest.mark.parametrize("answers_passed", [0, 1, 2, 3, 4, 6, 9, 15])
def test_wherever_the_connection_is_cut_doing_it_again_ends_well(
    ldap_target: OpenLdapTarget, answers_passed: int
) -> None:
    ldap_target.add_group("g")
    uncut = ldap_target.connector()
    group = uncut.group("g").external_id
    wave = [CreateAccount(uuid4(), attributes(f"u{number}")) for number in range(40)]
    said_so_far = count()
    with CuttingProxy(ldap_target.server.ldaps_port) as proxy:
        proxy.cut_when = lambda: next(said_so_far) == answers_passed
        connector = ldap_target.connector(port=proxy.port)
        unknown = _attempts(connector, wave)
        accounts = uncut.find([step.account_uuid for step in wave])
        unknown += _attempts(connector, [AddMember(account.external_id, group) for account in accounts.values()])
        while not proxy.cuts:
            unknown += _attempts(connector, wave)
    assert unknown
    assert len(list(uncut.account_ids())) == len(accounts) == 40
    assert len(list(uncut.members(group))) == 40


def _attempts(connector: Writes, wave: Sequence[Step]) -> list[TargetUnavailable]:
    """Perform until nothing is unknown any more; what was unknown on the way."""
    unknown: list[TargetUnavailable] = []
    for _ in range(3):
        try:
            answers = connector.perform(wave)
        except TargetUnavailable as error:
            unknown.append(error)
            continue
        missing = [answer for answer in answers if isinstance(answer, TargetUnavailable)]
        assert all(isinstance(answer, Outcome | TargetUnavailable) for answer in answers)
        unknown += missing
        if not missing:
            return unknown
    raise AssertionError("still unknown after three attempts")


def test_a_deletion_cut_off_leaves_no_membership_behind(ldap_target: OpenLdapTarget) -> None:
    ldap_target.add_group("g")
    plain = ldap_target.connector()
    group = plain.group("g").external_id
    uuid, external_id = created(plain, "taro")
    plain.perform([AddMember(external_id, group)])
    members = f"cn=g,{ldap_target.server.groups_base}"
    still_in = ldap_target.server.read(members, "member")["member"]
    forgetful = ldap_target.forgetful_connector(
        done=lambda: ldap_target.server.read(members, "member")["member"] != still_in
    )
    [answer] = forgetful.perform([DeleteAccount(external_id)])
    assert isinstance(answer, TargetUnavailable)
    assert seen(plain, uuid).groups == frozenset()
    assert forgetful.perform([DeleteAccount(external_id)]) == [Outcome.CHANGED]


def test_an_entry_that_vanishes_between_reading_and_writing_is_unknown_not_refused() -> None:
    """It may have been moved: only reading again can tell."""
    assert isinstance(verdict(Answer(Result(NO_SUCH_OBJECT, "")), Verb.CHANGE), TargetUnavailable)
    assert isinstance(verdict(Answer(Result(CONSTRAINT_VIOLATION, "")), Verb.CHANGE), TargetRefused)


# --- refusals --------------------------------------------------------------------------------------------------------


def test_a_service_account_without_rights_is_refused_and_says_so(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector(people_base=f"ou=policies,{ldap_target.server.base_dn}")
    [answer] = connector.perform([CreateAccount(uuid4(), attributes("taro"))])
    assert isinstance(answer, TargetRefused)
    assert "権限" in str(answer)


def test_a_base_that_does_not_exist_is_a_mistake_and_not_an_empty_directory(ldap_target: OpenLdapTarget) -> None:
    """An empty list would mean that everybody has gone, and NotOnTarget that one has."""
    connector = ldap_target.connector(people_base=f"ou=typo,{ldap_target.server.base_dn}")
    with pytest.raises(TargetRefused, match="people_base"):
        list(connector.accounts())
    with pytest.raises(TargetRefused, match="people_base"):
        connector.find([uuid4()])
    [answer] = connector.perform([SetEnabled(str(uuid4()), enabled=True)])
    assert isinstance(answer, TargetRefused)


# --- what changed ----------------------------------------------------------------------------------------------------


def test_only_what_changed_since_the_newest_stamp_is_told(openldap_with_history: OpenLdapTarget) -> None:
    """A minute is read twice, for what another provider passed on late; what is older is not."""
    connector = openldap_with_history.connector()
    first = connector.changes_since(None)
    assert {account.attributes.login_name for account in first.accounts} == {"old", "recent", "newest"}
    second = connector.changes_since(first.cursor)
    assert not second.complete
    assert {account.attributes.login_name for account in second.accounts} == {"recent", "newest"}
    change(openldap_with_history, "old", "description", "changed")
    third = connector.changes_since(second.cursor)
    assert {account.attributes.login_name for account in third.accounts} >= {"old"}
    fourth = connector.changes_since(third.cursor)
    assert {account.attributes.login_name for account in fourth.accounts} == {"old"}


def test_what_changes_while_the_changes_are_read_is_told_next_time(openldap_with_history: OpenLdapTarget) -> None:
    connector = openldap_with_history.connector(page_size=1)
    first = connector.changes_since(None)
    next(first.accounts)
    for name in ("old", "newest"):
        change(openldap_with_history, name, "description", "changed meanwhile")
    list(first.accounts)
    second = connector.changes_since(first.cursor)
    assert {account.attributes.login_name for account in second.accounts} >= {"old", "newest"}


@pytest.fixture
def openldap_with_history(tmp_path: Path) -> Iterator[OpenLdapTarget]:
    """A directory whose people were changed at moments that are written down."""
    server = OpenLDAP(tmp_path / "history")
    stamps = {"old": "20260101000000Z", "recent": "20260601115930Z", "newest": "20260601120000Z"}
    server.build(
        "".join(
            f"dn: uid={name},{server.people_base}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: x\nsn: x\n"
            f"modifyTimestamp: {stamp}\n\n"
            for name, stamp in stamps.items()
        )
    )
    server.start()
    with ExitStack() as closing:
        yield OpenLdapTarget(server, closing)
    server.stop()


# --- ourselves -------------------------------------------------------------------------------------------------------


def test_our_own_account_is_known_by_its_id(ldap_target: OpenLdapTarget) -> None:
    server = ldap_target.server
    [known] = server.read(server.service_dn, "entryUUID")["entryUUID"]
    assert ldap_target.connector().own_account_id() == known
