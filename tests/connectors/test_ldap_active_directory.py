"""What is particular to Active Directory, on a real Samba: its one number for everything, its names, its guard.

Samba is not Microsoft's: docs/active-directory.md lists what it cannot prove.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from connectors.ldap import filetime
from connectors.ldap.active_directory.members import DomainMembers
from connectors.ldap.dialects.active_directory import ActiveDirectory
from idm.errors import ConfigurationInvalid, NotOnTarget, TargetRefused, TargetUnavailable
from idm.ports import (
    AddMember,
    AdoptAccount,
    BuiltIn,
    CreateAccount,
    DeleteAccount,
    LastUseSource,
    MoveAccount,
    Outcome,
    PasswordVerdict,
    RemoveMember,
    RenameAccount,
    RequireSmartCard,
    SetEnabled,
    SetTemporaryPassword,
    Step,
)
from tests.connectors.conftest import now
from tests.connectors.samba_target import SambaTarget
from tests.connectors.target import (
    CHOSEN_PASSWORD,
    HOUR,
    OTHER_PASSWORD,
    PASSWORD,
    attributes,
    created,
    seen,
    usable,
)
from tests.servers import limits_proxy
from tests.servers.certificates import make_certificates
from tests.servers.limits_proxy import LimitsProxy
from tests.servers.prepared import copy_tree
from tests.servers.samba_ad import SambaAD

DONT_EXPIRE, NOT_DELEGATED = 0x10000, 0x100000
LAST_LOGON = "lastLogon"


@pytest.fixture
def target(samba: SambaAD) -> Iterator[SambaTarget]:
    with ExitStack() as closing:
        yield SambaTarget(samba, closing, now)


def control_of(target: SambaTarget, login_name: str) -> int:
    """userAccountControl, as the administrator sees it."""
    return int(target.server.read(target.dn(login_name), "userAccountControl")["userAccountControl"][0])


# --- ourselves -------------------------------------------------------------------------------------------------------


def test_our_own_account_is_known_by_its_id_whatever_we_sign_in_by(target: SambaTarget) -> None:
    server = target.server
    server.replace(server.service_dn, "userPrincipalName", f"other-than-cn@{server.domain}")
    known = str(server.guid(server.service_dn))
    [short] = server.read(server.service_dn, "sAMAccountName")["sAMAccountName"]
    for name in (server.service_dn, f"other-than-cn@{server.domain}", f"{server.workgroup}\\{short}"):
        assert target.connector(bind_dn=name).own_account_id() == known


# --- one number for everything ---------------------------------------------------------------------------------------


def test_switching_and_cards_keep_every_other_bit(target: SambaTarget) -> None:
    connector = target.connector()
    _, taro = usable(connector, "taro")
    target.server.replace(target.dn("taro"), "userAccountControl", str(0x200 | DONT_EXPIRE | NOT_DELEGATED))
    wanted: list[tuple[Step, int]] = [
        (SetEnabled(taro, enabled=False), 0x2),
        (RequireSmartCard(taro, required=True), 0x2 | 0x40000),
        (SetEnabled(taro, enabled=True), 0x40000),
        (RequireSmartCard(taro, required=False), 0),
    ]
    for step, bits in wanted:
        assert connector.perform([step]) == [Outcome.CHANGED]
        assert control_of(target, "taro") == 0x200 | DONT_EXPIRE | NOT_DELEGATED | bits


def test_a_bit_that_somebody_turns_in_between_is_never_overwritten(
    target: SambaTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = target.connector()
    _, taro = usable(connector, "taro")
    switching = ActiveDirectory.switching

    def slowly(self: ActiveDirectory, *given: object, **named: object) -> object:
        target.server.replace(target.dn("taro"), "userAccountControl", str(0x200 | NOT_DELEGATED))
        return switching(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ActiveDirectory, "switching", slowly)
    [answer] = connector.perform([SetEnabled(taro, enabled=False)])
    assert isinstance(answer, TargetUnavailable), "to be read and done again"
    assert control_of(target, "taro") == 0x200 | NOT_DELEGATED
    monkeypatch.undo()
    assert connector.perform([SetEnabled(taro, enabled=False)]) == [Outcome.CHANGED]
    assert control_of(target, "taro") == 0x200 | NOT_DELEGATED | 0x2


def test_a_new_account_needs_a_password_and_carries_its_names(target: SambaTarget) -> None:
    connector = target.connector()
    uuid, _ = created(connector, "taro", display_name="髙橋 太郎")
    wanted = ("cn", "sAMAccountName", "userPrincipalName", "userAccountControl", "msDS-cloudExtensionAttribute20")
    assert target.server.read(target.dn("taro"), *wanted) == {
        "cn": ["taro"],
        "sAMAccountName": ["taro"],
        "userPrincipalName": ["taro@ad.example.jp"],
        "userAccountControl": ["514"],
        "msDS-cloudExtensionAttribute20": [str(uuid)],
    }


@pytest.mark.parametrize("never", ["0", str(2**63 - 1)])
def test_both_ways_to_write_no_end_are_none(target: SambaTarget, never: str) -> None:
    connector = target.connector()
    uuid, taro = usable(connector, "taro")
    target.server.replace(target.dn("taro"), "accountExpires", never)
    assert seen(connector, uuid).expires_at is None
    assert connector.perform([SetEnabled(taro, enabled=True)]) == [Outcome.UNCHANGED]
    until = datetime(2027, 3, 31, 15, tzinfo=UTC)
    connector.perform([SetEnabled(taro, enabled=True, expires_at=until)])
    assert target.server.read(target.dn("taro"), "accountExpires") == {
        "accountExpires": [filetime.written(until).decode()]
    }


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["a" * 21, "taro$", "taro.", " taro", "taro ", "ta/ro", "ta\\ro", "ta@ro", "ta,ro", "ta+ro", "ta\nro", 'a"b'],
)
def test_a_name_that_the_directory_or_a_ticket_would_take_for_another_is_refused(
    target: SambaTarget, name: str
) -> None:
    connector = target.connector()
    _, taro = created(connector, "taro")
    for step in (CreateAccount(uuid4(), attributes(name)), RenameAccount(taro, name)):
        [answer] = connector.perform([step])
        assert isinstance(answer, TargetRefused)
    assert [account.login_name for account in connector.account_ids()] == ["taro"]


def test_the_longest_name_fits(target: SambaTarget) -> None:
    connector = target.connector()
    uuid, _ = created(connector, "a" * 20)
    assert seen(connector, uuid).attributes.login_name == "a" * 20


@pytest.mark.parametrize("name", ["dc1", "DC1", "Domain Admins", "krbtgt", "svc-idm"])
def test_nobody_is_called_like_a_computer_a_group_or_a_service(target: SambaTarget, name: str) -> None:
    """CVE-2021-42278: a user called like a domain controller without its `$` becomes the domain controller."""
    connector = target.connector()
    _, taro = created(connector, "taro")
    for step in (CreateAccount(uuid4(), attributes(name)), RenameAccount(taro, name)):
        [answer] = connector.perform([step])
        assert isinstance(answer, TargetRefused)
        assert name in str(answer)


def test_a_principal_name_of_somebody_else_is_not_given(target: SambaTarget) -> None:
    connector = target.connector()
    target.server.add_user("hana", userPrincipalName="taro@ad.example.jp")
    [answer] = connector.perform([CreateAccount(uuid4(), attributes("taro"))])
    assert isinstance(answer, TargetRefused)


def test_renaming_takes_all_three_names_and_keeps_another_suffix(target: SambaTarget) -> None:
    connector = target.connector()
    target.server.add_user("taro", userPrincipalName="taro@town.example.jp")
    target.server.add_user("山田 花子", sAMAccountName="hana", userPrincipalName="hana@ad.example.jp")
    ids = {account.login_name: account.external_id for account in connector.account_ids()}
    assert (
        connector.perform([RenameAccount(ids["taro"], "jiro"), RenameAccount(ids["hana"], "hanako")])
        == [Outcome.CHANGED] * 2
    )
    names = ("cn", "sAMAccountName", "userPrincipalName")
    assert target.server.read(target.dn("jiro"), *names) == {
        "cn": ["jiro"],
        "sAMAccountName": ["jiro"],
        "userPrincipalName": ["jiro@town.example.jp"],
    }
    assert target.server.read(target.dn("山田 花子"), *names) == {
        "cn": ["山田 花子"],
        "sAMAccountName": ["hanako"],
        "userPrincipalName": ["hanako@ad.example.jp"],
    }


def test_a_renaming_cut_off_half_way_is_finished_by_the_same_step(target: SambaTarget) -> None:
    uuid, taro = created(target.connector(), "taro")
    forgetful = target.forgetful_connector(done=lambda: bool(target.server.read(target.dn("jiro"), "cn")))
    [answer] = forgetful.perform([RenameAccount(taro, "jiro")])
    assert isinstance(answer, TargetUnavailable)
    assert seen(forgetful, uuid).attributes.login_name == "taro"
    assert forgetful.perform([RenameAccount(taro, "jiro")]) == [Outcome.CHANGED]
    assert seen(forgetful, uuid).attributes.login_name == "jiro"
    assert target.server.read(target.dn("jiro"), "userPrincipalName") == {"userPrincipalName": ["jiro@ad.example.jp"]}


def test_a_renaming_refused_half_way_is_taken_back(target: SambaTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = target.connector()
    _, taro = created(connector, "taro")
    target.server.add_user("hana", userPrincipalName="jiro@ad.example.jp")
    monkeypatch.setattr(ActiveDirectory, "claims", lambda *_: [("sAMAccountName", "jiro")])  # as if hana came now
    [answer] = connector.perform([RenameAccount(taro, "jiro")])
    assert isinstance(answer, TargetRefused)
    assert target.server.read(target.dn("taro"), "sAMAccountName") == {"sAMAccountName": ["taro"]}


# --- passwords and sign-in -------------------------------------------------------------------------------------------


def test_every_reason_for_not_being_let_in_is_told_apart(target: SambaTarget) -> None:
    connector = target.connector()
    _, taro = usable(connector, "taro")
    verdicts = [connector.check_password("taro", PASSWORD).verdict]
    target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
    verdicts.append(connector.check_password("taro", CHOSEN_PASSWORD).verdict)
    target.server.set_password_settings("--max-pwd-age=1")
    target.server.replace(target.dn("taro"), "accountExpires", filetime.written(now() - HOUR).decode())
    verdicts.append(connector.check_password("taro", CHOSEN_PASSWORD).verdict)
    connector.perform([SetEnabled(taro, enabled=False)])
    verdicts.append(connector.check_password("taro", CHOSEN_PASSWORD).verdict)
    for _ in range(3):
        connector.check_password("taro", OTHER_PASSWORD)
    verdicts.append(connector.check_password("taro", CHOSEN_PASSWORD).verdict)
    target.server.set_password_settings("--max-pwd-age=42")
    assert verdicts == [
        PasswordVerdict.MUST_CHANGE,
        PasswordVerdict.RIGHT,
        PasswordVerdict.ACCOUNT_EXPIRED,
        PasswordVerdict.DISABLED,
        PasswordVerdict.LOCKED,
    ]


def test_a_password_against_the_rules_is_refused_with_the_reason(target: SambaTarget) -> None:
    connector = target.connector()
    _, taro = created(connector, "taro")
    for password in ("Sh0rt", "onlylowercaseletters"):
        [answer] = connector.perform([SetTemporaryPassword(taro, password)])
        assert isinstance(answer, TargetRefused)
        assert "パスワードの規則" in str(answer)
        assert password not in str(answer)


def test_a_former_password_is_good_for_nothing_after_a_reset(target: SambaTarget) -> None:
    """By default the former one lets in for another hour, here and by NTLM at the real one: only disabling ends."""
    connector = target.connector()
    _, taro = usable(connector, "taro")
    target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
    connector.perform([SetTemporaryPassword(taro, "Temporary-9999"), SetEnabled(taro, enabled=False)])
    assert not target.sign_in("taro", CHOSEN_PASSWORD)
    assert not target.sign_in("taro", "Temporary-9999")


# --- rights and the guard --------------------------------------------------------------------------------------------


def test_what_was_not_delegated_is_refused_and_the_missing_right_named(target: SambaTarget) -> None:
    """Both OUs are in the settings, but the rights end at OU=People."""
    services = target.server.services_ou
    connector = target.connector(people_base=services, more_people_bases=[target.server.people_ou])
    _, taro = created(target.connector(), "taro")
    dn = target.server.add_user("clerk", PASSWORD, ou=services)
    clerk = str(target.server.guid(dn))
    steps: list[tuple[Step, str]] = [
        (CreateAccount(uuid4(), attributes("jiro")), "アカウントの作成"),
        (MoveAccount(taro, services), "移動"),
        (SetTemporaryPassword(clerk, PASSWORD), "パスワードのリセット"),
        (SetEnabled(clerk, enabled=False), "有効・無効"),
        (AdoptAccount(clerk, uuid4()), "属性の書き込み"),
        (DeleteAccount(clerk), "アカウントの削除"),
    ]
    said = [connector.perform([step])[0] for step, _ in steps]
    target.server.apply(f"dn: {dn}\nchangetype: delete\n")
    for (step, right), answer in zip(steps, said, strict=True):
        assert isinstance(answer, TargetRefused), step
        assert right in str(answer)


def test_an_administrator_through_groups_in_groups_or_a_primary_group_is_guarded(target: SambaTarget) -> None:
    connector, server = target.connector(), target.server
    users = f"CN=Users,{server.base_dn}"
    for name in ("direct", "nested", "primary", "counted", "nobody"):
        created(connector, name)
    target.add_group("inner")
    target.add_group("outer")
    target.put_into_group("outer", "inner")
    inner, outer = (f"CN={name},{server.groups_ou}" for name in ("inner", "outer"))
    _join(server, inner, target.dn("nested"))
    _join(server, f"CN=Backup Operators,CN=Builtin,{server.base_dn}", target.dn("direct"))
    _join(server, f"CN=Administrators,CN=Builtin,{server.base_dn}", outer)
    _join(server, f"CN=Domain Admins,{users}", target.dn("primary"))
    server.replace(target.dn("primary"), "primaryGroupID", "512")
    server.replace(target.dn("counted"), "adminCount", "1")
    guarded = {account.attributes.login_name: account.protected for account in connector.accounts()}
    assert guarded == {"direct": True, "nested": True, "primary": True, "counted": True, "nobody": False}
    inside = connector.group("inner")
    assert inside.protected
    nobody = next(account.external_id for account in connector.account_ids() if account.login_name == "nobody")
    for step in (AddMember(nobody, inside.external_id), RemoveMember(nobody, inside.external_id)):
        [answer] = connector.perform([step])
        assert isinstance(answer, TargetRefused)
        assert "作業依頼" in str(answer)
    everybody = set(connector.members(connector.group("Domain Admins").external_id, nested=True))
    assert str(server.guid(target.dn("primary"))) in everybody
    _leave(server, f"CN=Administrators,CN=Builtin,{server.base_dn}", outer)


def _join(server: SambaAD, group: str, member: str) -> None:
    server.apply(f"dn: {group}\nchangetype: modify\nadd: member\nmember: {member}\n")


def _leave(server: SambaAD, group: str, member: str) -> None:
    server.apply(f"dn: {group}\nchangetype: modify\ndelete: member\nmember: {member}\n")


def test_the_built_in_accounts_are_guarded_wherever_they_are(target: SambaTarget) -> None:
    whole = target.connector(people_base=f"CN=Users,{target.server.base_dn}", more_people_bases=[])
    guarded = {account.attributes.login_name for account in whole.accounts() if account.protected}
    assert guarded >= {"Administrator", "krbtgt"}
    administrator = str(target.server.guid(target.server.administrator_dn))
    [answer] = whole.perform([SetEnabled(administrator, enabled=False)])
    assert isinstance(answer, TargetRefused)
    assert "作業依頼" in str(answer)


def test_the_built_in_accounts_are_known_by_number_wherever_they_are_and_whatever_they_are_called(
    target: SambaTarget,
) -> None:
    connector, server = target.connector(), target.server
    server.replace(server.administrator_dn, "sAMAccountName", "kanri")
    told = {one.login_name: one for one in connector.protected_accounts()}
    server.replace(server.administrator_dn, "sAMAccountName", "Administrator")
    renamed, guest = told["kanri"], told["Guest"]
    assert (renamed.built_in, renamed.enabled, renamed.protected) == (BuiltIn.ADMINISTRATOR, True, True)
    assert (guest.built_in, guest.enabled) == (BuiltIn.GUEST, False)
    assert (told["krbtgt"].built_in, told["krbtgt"].enabled) == (None, False), "the domain's own key is no account"
    machines = {group.name for group in connector.protected_groups() if group.machines}
    assert "Domain Controllers" in machines
    assert "Domain Admins" not in machines


def test_the_groups_of_tier_0_are_known_by_number_whatever_they_are_called(target: SambaTarget) -> None:
    connector, server = target.connector(), target.server
    users = f"CN=Users,{server.base_dn}"
    server.replace(f"CN=Domain Admins,{users}", "sAMAccountName", "ドメイン管理者")
    found = {group.name for group in connector.protected_groups()}
    server.replace(f"CN=Domain Admins,{users}", "sAMAccountName", "Domain Admins")
    assert found >= {"ドメイン管理者", "Enterprise Admins", "Schema Admins", "Administrators", "Account Operators"}


# --- groups ----------------------------------------------------------------------------------------------------------


def test_the_primary_group_counts_and_is_never_left(target: SambaTarget) -> None:
    connector = target.connector()
    uuid, taro = created(connector, "taro")
    [everybody] = target.everybodys_groups()
    assert seen(connector, uuid).groups == frozenset({everybody})
    assert taro in connector.members(everybody)
    assert taro in connector.members(everybody, nested=True)
    assert connector.perform([AddMember(taro, everybody)]) == [Outcome.UNCHANGED]
    [answer] = connector.perform([RemoveMember(taro, everybody)])
    assert isinstance(answer, TargetRefused)
    assert "プライマリグループ" in str(answer)


def test_a_group_beyond_the_limits_of_the_real_one_is_read_to_the_last_member(
    target: SambaTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Samba has no limits: a fake in between imposes Microsoft's, here small ones, for few accounts to reach them."""
    monkeypatch.setattr(limits_proxy, "MAX_VALUE_RANGE", 30)
    monkeypatch.setattr(limits_proxy, "MAX_PAGE_SIZE", 20)
    _seed(target, [f"u{number:02d}" for number in range(70)])
    everybody = {account.external_id for account in target.connector().account_ids()}
    certificate = make_certificates(target.server.folder / "proxy").good
    with LimitsProxy(target.server, certificate) as proxy:
        connector = target.connector(host="localhost", port=proxy.port, ca_file=str(certificate.ca_file))
        group = connector.group("everybody").external_id
        for nested in (False, True):
            members = list(connector.members(group, nested=nested))
            assert (set(members), len(members)) == (everybody, 70)
        assert {account.external_id for account in connector.account_ids()} == everybody
        connector.close()


@pytest.mark.parametrize("size", [1, 7, 69, 70, 71])
def test_pieces_of_any_size_make_the_whole_group(target: SambaTarget, size: int) -> None:
    _seed(target, [f"u{number:02d}" for number in range(70)])
    connector = target.connector()
    pieces = DomainMembers(connector._site, connector._domain, range_size=size)
    members = list(pieces.direct(connector.group("everybody").external_id))
    assert sorted(members) == sorted(account.external_id for account in connector.account_ids())


def _seed(target: SambaTarget, people: list[str]) -> None:
    entries = [
        f"dn: {target.dn(name)}\nobjectClass: user\nsAMAccountName: {name}\nuserAccountControl: 514\n"
        for name in people
    ]
    members = "".join(f"member: {target.dn(name)}\n" for name in people)
    group = f"dn: CN=everybody,{target.server.groups_ou}\nobjectClass: group\nsAMAccountName: everybody\n{members}"
    target.server.apply("\n".join([*entries, group]))


# --- what is gone, and comes back ------------------------------------------------------------------------------------


def test_what_was_deleted_is_not_on_target_though_its_tombstone_is(target: SambaTarget) -> None:
    connector = target.connector()
    target.add_group("g")
    group = connector.group("g").external_id
    uuid, taro = created(connector, "taro")
    connector.perform([AddMember(taro, group)])
    assert connector.perform([DeleteAccount(taro)]) == [Outcome.CHANGED]
    assert connector.find([uuid]) == {}
    assert list(connector.members(group)) == []
    assert connector.perform([DeleteAccount(taro)]) == [Outcome.UNCHANGED]
    [answer] = connector.perform([SetEnabled(taro, enabled=True)])
    assert isinstance(answer, NotOnTarget)


def test_a_name_that_is_no_guid_is_nobody(target: SambaTarget) -> None:
    connector = target.connector()
    steps: list[Step] = [SetEnabled("nobody", enabled=True), DeleteAccount("*")]
    missing, nothing = connector.perform(steps)
    assert isinstance(missing, NotOnTarget)
    assert nothing is Outcome.UNCHANGED
    with pytest.raises(NotOnTarget):
        connector.members("nobody")


# --- last use --------------------------------------------------------------------------------------------------------


def test_only_what_is_unused_in_spite_of_the_lag_is_reported(target: SambaTarget) -> None:
    connector, cutoff = target.connector(), datetime(2026, 8, 1, 15, tzinfo=UTC)
    for name, days in (("fortnight", 14), ("less", 13)):
        created(connector, name)
        target.set_last_use(name, cutoff - timedelta(days=days))
    found = list(connector.unused_since(cutoff))
    assert [(use.login_name, use.source) for use in found] == [("fortnight", LastUseSource.LAST_LOGON_TIMESTAMP)]


def test_where_every_controller_is_named_the_newest_exact_stamp_decides(target: SambaTarget, tmp_path: Path) -> None:
    """Two controllers of one domain: the second has the first one's database and then its own sign-ins."""
    server, cutoff = target.server, datetime(2026, 8, 1, 15, tzinfo=UTC)
    connector = target.connector()
    for name in ("used here", "used there", "unused", "never"):
        created(connector, name)
    for name in ("used here", "used there", "unused"):
        target.set_last_use(name, cutoff - timedelta(days=9))
    connector.close()
    server.stop()
    other = _copy_of(server)
    try:
        server.start()
        other.start()
        after, before = (str(filetime.written(cutoff + days).decode()) for days in (HOUR, -HOUR))
        server.replace(target.dn("used here"), LAST_LOGON, after)
        other.replace(target.dn("used there"), LAST_LOGON, after)
        server.replace(target.dn("unused"), LAST_LOGON, before)
        both = tmp_path / "both authorities.pem"
        both.write_text(server.ca_file.read_text() + other.ca_file.read_text())
        everywhere = target.connector(ca_file=str(both), domain_controllers=[server.host, other.host])
        [use] = everywhere.unused_since(cutoff)
        assert (use.login_name, use.source) == ("unused", LastUseSource.LAST_LOGON)
        assert use.last_used_at == cutoff - HOUR
        assert [use.login_name for use in everywhere.never_used(now() + HOUR)] == ["never"]
        other.replace(target.dn("never"), LAST_LOGON, before)
        assert list(everywhere.never_used(now() + HOUR)) == []
        assert {use.login_name for use in everywhere.unused_since(cutoff)} == {"unused", "never"}
        other.stop()
        with pytest.raises(TargetUnavailable):
            list(everywhere.unused_since(cutoff))
    finally:
        other.discard()


def _copy_of(server: SambaAD) -> SambaAD:
    """Another controller with the same domain, as it stands; the original is down."""
    other = SambaAD()
    other.folder.mkdir(exist_ok=True)
    for name in ("private", "state"):
        copy_tree(server.folder / name, other.folder / name)
    other.build()
    return other


# --- changes ---------------------------------------------------------------------------------------------------------


def test_changes_are_counted_exactly(target: SambaTarget) -> None:
    connector = target.connector()
    ids = {name: usable(connector, name)[1] for name in ("taro", "hana", "jiro")}
    mark = connector.changes_since(None).cursor
    assert list(connector.changes_since(mark).accounts) == []
    target.set_last_use("taro", now())  # replicated like any other change, and told
    connector.perform([SetEnabled(ids["hana"], enabled=False)])
    changes = connector.changes_since(mark)
    assert {account.attributes.login_name for account in changes.accounts} == {"taro", "hana"}
    assert list(connector.changes_since(changes.cursor).accounts) == []


def test_a_mark_of_another_controller_or_from_after_a_restore_is_worth_nothing(target: SambaTarget) -> None:
    connector = target.connector()
    created(connector, "taro")
    mark = connector.changes_since(None).cursor
    *places, invocation, counted = json.loads(mark)
    for other in (
        [*places, str(uuid4()), counted],
        [*places, invocation, str(int(counted) + 10)],
        [invocation, counted],
    ):
        changes = connector.changes_since(json.dumps(other))
        assert changes.complete
        assert len(list(changes.accounts)) == 1


# --- settings --------------------------------------------------------------------------------------------------------


def test_a_principal_name_suffix_must_be_said(target: SambaTarget) -> None:
    with pytest.raises(ConfigurationInvalid, match="upn_suffix"):
        target.connector(upn_suffix="")


def test_settings_of_another_kind_of_directory_are_a_mistake(target: SambaTarget) -> None:
    """What only OpenLDAP is told is not taken here."""
    with pytest.raises(ConfigurationInvalid, match="placeholder_member_dn"):
        target.connector(placeholder_member_dn="cn=nobody")
