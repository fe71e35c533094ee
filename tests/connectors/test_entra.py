"""What is particular to Entra ID, on the emulator of Graph: what it does late, partly, or dangerously."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from connectors.entra.connector import EntraConnector, open_entra
from connectors.entra.decoding import OWED
from connectors.entra.settings import PRIVATE_KEY
from idm.errors import ConfigurationInvalid, NotOnTarget, TargetRefused, TargetUnavailable
from idm.ports import (
    AddMember,
    AdoptAccount,
    CheckVerdict,
    CreateAccount,
    DeleteAccount,
    Outcome,
    RemoveMember,
    RenameAccount,
    SetEnabled,
    SetPassword,
    SetTemporaryPassword,
    Step,
    UpdateAttributes,
)
from tests.connectors.entra_target import BADLY_SET_UP, BY_SECRET, EntraTarget
from tests.connectors.target import CHOSEN_PASSWORD, PASSWORD, attributes
from tests.servers.graph_emulator.tenant import GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, stamp

CHANGED, UNCHANGED = Outcome.CHANGED, Outcome.UNCHANGED
SOON = timedelta(hours=1)


@pytest.fixture
def tenant(tenant_target: EntraTarget) -> EntraTarget:
    return tenant_target


@pytest.fixture
def connector(tenant: EntraTarget) -> EntraConnector:
    return tenant.opened()


def created(connector: EntraConnector, name: str) -> str:
    uuid = uuid4()
    assert connector.perform([CreateAccount(uuid, attributes(name))]) == [CHANGED]
    return connector.find([uuid])[uuid].external_id


# --- leaving: disabled alone, then out --------------------------------------------------------------------------------


def test_a_leaver_is_disabled_in_a_request_of_its_own_and_then_loses_the_sessions(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro = created(connector, "taro")
    connector.perform([SetEnabled(taro, enabled=True)])
    tenant.tenant.seen.clear()
    assert connector.perform([SetEnabled(taro, enabled=False)]) == [CHANGED]
    writes = [one for one in tenant.tenant.seen if one.startswith(("PATCH", "POST /users"))]
    assert writes == [f"PATCH /users/{taro}", f"POST /users/{taro}/revokeSignInSessions", f"PATCH /users/{taro}"]
    assert tenant.tenant.revoked == [taro]


def test_as_long_as_the_sessions_are_not_ended_somebody_may_be_in(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro = created(connector, "taro")
    connector.perform([SetEnabled(taro, enabled=True)])
    tenant.tenant.refused["POST", "revokeSignInSessions"] = 503
    [answer] = connector.perform([SetEnabled(taro, enabled=False)])
    assert isinstance(answer, TargetUnavailable)
    assert tenant.tenant.users[taro]["accountEnabled"] is False, "nobody waits outside for the sessions"
    assert connector.find_by_own_id([taro])[taro].enabled, "and it is not called done"
    assert connector.perform([SetEnabled(taro, enabled=False)]) == [CHANGED]
    assert tenant.tenant.revoked == [taro]
    assert not connector.find_by_own_id([taro])[taro].enabled


def test_whoever_comes_back_from_a_leave_has_the_password_they_had(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro = created(connector, "taro")
    connector.perform([SetTemporaryPassword(taro, PASSWORD)])
    connector.perform([SetEnabled(taro, enabled=True)])
    tenant.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
    connector.perform([SetEnabled(taro, enabled=False)])
    assert not tenant.sign_in("taro", CHOSEN_PASSWORD)
    connector.perform([SetEnabled(taro, enabled=True)])
    assert tenant.sign_in("taro", CHOSEN_PASSWORD)


def test_who_was_disabled_by_hand_is_not_held_to_be_in(tenant: EntraTarget, connector: EntraConnector) -> None:
    taro = created(connector, "taro")
    connector.perform([SetEnabled(taro, enabled=True)])
    tenant.tenant.users[taro]["accountEnabled"] = False
    assert OWED not in tenant.tenant.users[taro].values()
    assert not connector.find_by_own_id([taro])[taro].enabled


# --- groups: never the user -------------------------------------------------------------------------------------------


def test_taking_somebody_out_of_a_group_never_deletes_them(tenant: EntraTarget, connector: EntraConnector) -> None:
    taro, group = created(connector, "taro"), tenant.tenant.add_group("g").id
    connector.perform([AddMember(taro, group)])
    assert connector.perform([RemoveMember(taro, group), RemoveMember(taro, group)]) == [CHANGED, UNCHANGED]
    assert taro in tenant.tenant.users
    assert all(one.endswith("/$ref") for one in tenant.tenant.seen if "/members" in one and not one.startswith("GET"))


def test_a_dynamic_group_is_refused_and_said(tenant: EntraTarget, connector: EntraConnector) -> None:
    taro, group = created(connector, "taro"), tenant.tenant.add_group("g", rule="user.department -eq '総務課'").id
    for step in (AddMember(taro, group), RemoveMember(taro, group)):
        [answer] = connector.perform([step])
        assert isinstance(answer, TargetRefused)
        assert "dynamic" in str(answer)


def test_a_membership_with_an_end_is_refused_and_not_made_endless(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro, group = created(connector, "taro"), tenant.tenant.add_group("g")
    [answer] = connector.perform([AddMember(taro, group.id, until=datetime(2030, 1, 1, tzinfo=UTC))])
    assert isinstance(answer, TargetRefused)
    assert group.members == []


def test_two_groups_of_one_name_are_not_chosen_between(tenant: EntraTarget, connector: EntraConnector) -> None:
    for _ in range(2):
        tenant.tenant.add_group("総務課")
    with pytest.raises(TargetRefused, match="複数"):
        connector.group("総務課")


def test_nested_members_are_everybody_in_it_each_once(tenant: EntraTarget, connector: EntraConnector) -> None:
    outer, inner = tenant.tenant.add_group("outer"), tenant.tenant.add_group("inner")
    taro, hana = created(connector, "taro"), created(connector, "hana")
    outer.members += [taro, inner.id]
    inner.members += [hana, taro, outer.id]
    assert sorted(connector.members(outer.id, nested=True)) == sorted([taro, hana])
    assert set(connector.members(outer.id)) == {taro, inner.id}


# --- lists that lag ---------------------------------------------------------------------------------------------------


def test_what_was_just_made_is_found_though_no_list_shows_it(tenant: EntraTarget, connector: EntraConnector) -> None:
    tenant.tenant.lag()
    uuid = uuid4()
    assert connector.perform([CreateAccount(uuid, attributes("taro"))]) == [CHANGED]
    found = connector.find([uuid])[uuid]
    connector.perform([SetEnabled(found.external_id, enabled=True)])
    assert connector.find([uuid])[uuid].enabled


def test_what_another_worker_just_made_is_not_made_twice(tenant: EntraTarget, connector: EntraConnector) -> None:
    tenant.tenant.lag()
    uuid = uuid4()
    step = CreateAccount(uuid, attributes("taro"))
    assert connector.perform([step]) == [CHANGED]
    later = tenant.opened()
    assert later.perform([step]) == [UNCHANGED]
    assert set(later.find([uuid])) == {uuid}
    assert len(tenant.tenant.users) == 1


def test_a_list_of_before_does_not_say_how_an_account_is(tenant: EntraTarget, connector: EntraConnector) -> None:
    uuid = uuid4()
    connector.perform([CreateAccount(uuid, attributes("taro"))])
    tenant.tenant.lag()
    later = tenant.opened()
    taro = later.find([uuid])[uuid].external_id
    later.perform([SetEnabled(taro, enabled=True)])
    assert later.find([uuid])[uuid].enabled


# --- whose it is not to write -----------------------------------------------------------------------------------------


def steps_about(external_id: str) -> list[Step]:
    return [
        SetEnabled(external_id, enabled=False), SetTemporaryPassword(external_id, PASSWORD),
        RenameAccount(external_id, "jiro"), UpdateAttributes(external_id, attributes("taro")),
        AdoptAccount(external_id, uuid4()), SetPassword(external_id, PASSWORD), DeleteAccount(external_id),
    ]  # fmt: skip


def test_who_is_synchronised_is_changed_where_they_are_mastered(tenant: EntraTarget, connector: EntraConnector) -> None:
    taro = tenant.tenant.add_user("taro", synced=True)
    before = dict(tenant.tenant.users[taro])
    for answer in connector.perform(steps_about(taro)):
        assert isinstance(answer, TargetRefused)
        assert "Active Directory" in str(answer)
    assert tenant.tenant.users[taro] == before


def test_in_a_tenant_half_on_the_premises_groups_of_the_cloud_are_still_ours(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro, group = tenant.tenant.add_user("taro", synced=True), tenant.tenant.add_group("g")
    assert connector.perform([AddMember(taro, group.id)]) == [CHANGED]
    assert group.members == [taro]


def test_the_tenants_own_administrators_are_seen_and_never_written(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    boss, group = tenant.tenant.add_user("boss"), tenant.tenant.add_group("g")
    tenant.tenant.assignments.append((boss, GLOBAL_ADMINISTRATOR))
    tenant.tenant.seen.clear()
    for answer in connector.perform([*steps_about(boss), AddMember(boss, group.id), RemoveMember(boss, group.id)]):
        assert isinstance(answer, TargetRefused)
        assert "作業依頼" in str(answer)
    assert not [one for one in tenant.tenant.seen if not one.startswith("GET")]
    assert [one.external_id for one in connector.protected_accounts()] == [boss]
    assert [one.protected for one in connector.accounts()] == [True]


def test_a_403_for_somebody_with_another_role_is_a_refusal_that_says_what_to_do(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro = tenant.tenant.add_user("taro")
    tenant.tenant.assignments.append((taro, "another role"))
    [answer] = connector.perform([SetEnabled(taro, enabled=False)])
    assert isinstance(answer, TargetRefused)
    assert "idm system test" in str(answer)
    assert tenant.tenant.users[taro]["accountEnabled"]


# --- a bad day --------------------------------------------------------------------------------------------------------


def test_a_storm_of_throttling_loses_nothing_and_says_how_long_to_wait(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    wave: list[Step] = [CreateAccount(uuid4(), attributes(f"u{number}")) for number in range(50)]
    list(connector.account_ids())
    tenant.tenant.throttled = [None] * 3 + ["17"] * 30
    waits = [_waited(connector, wave)]
    while tenant.tenant.throttled:
        waits.append(_waited(connector, wave))
    assert waits[0] == {None}, "the first answers say nothing of how long"
    assert {17.0} in waits
    connector.perform(wave)
    assert connector.perform(wave) == [UNCHANGED] * 50
    assert len(tenant.tenant.users) == 50


def _waited(connector: EntraConnector, wave: list[Step]) -> set[float | None]:
    """How long was asked for by what was put off, whether it was all or a part of the wave."""
    try:
        answers = connector.perform(wave)
    except TargetUnavailable as put_off:
        return {put_off.retry_after}
    return {one.retry_after for one in answers if isinstance(one, TargetUnavailable)}


def test_one_throttled_inside_a_batch_does_not_stop_the_others(tenant: EntraTarget, connector: EntraConnector) -> None:
    ids = [created(connector, f"u{number}") for number in range(3)]
    tenant.tenant.refused["PATCH", ids[1]] = 429
    said = connector.perform([SetEnabled(one, enabled=True) for one in ids])
    assert [isinstance(one, TargetUnavailable) for one in said] == [False, True, False]
    assert connector.perform([SetEnabled(one, enabled=True) for one in ids]) == [UNCHANGED, CHANGED, UNCHANGED]


def test_a_token_that_runs_out_in_the_middle_is_asked_for_anew(tenant: EntraTarget, connector: EntraConnector) -> None:
    taro = created(connector, "taro")
    tenant.tenant.refused["GET", taro] = 401
    with pytest.raises(TargetUnavailable):
        connector.perform([SetEnabled(taro, enabled=True)])
    assert connector.perform([SetEnabled(taro, enabled=True)]) == [CHANGED]


def test_a_cursor_that_has_run_out_means_everything(tenant: EntraTarget, connector: EntraConnector) -> None:
    taro = created(connector, "taro")
    before = connector.changes_since(None)
    list(before.accounts)
    created(connector, "hana")
    tenant.tenant.forgotten_before = len(tenant.tenant.changes)
    again = connector.changes_since(before.cursor)
    assert again.complete
    assert {one.attributes.login_name for one in again.accounts} == {"taro", "hana"}
    connector.perform([DeleteAccount(taro)])
    after = connector.changes_since(again.cursor)
    assert (after.complete, list(after.accounts)) == (False, [])


def test_our_token_goes_to_no_other_host(tenant: EntraTarget, connector: EntraConnector) -> None:
    for cursor in ("https://evil.example/v1.0/users/delta?$deltatoken=1", f"{tenant.emulator.address}@evil.example/"):
        assert connector.changes_since(cursor).complete
    with pytest.raises(TargetRefused):
        connector._graph.own_address("https://evil.example/next")


def test_a_wrong_secret_is_told_and_not_shown(tenant: EntraTarget) -> None:
    values: Mapping[str, object] = {
        "tenant_id": "9f2b3c4d-0000-4000-8000-000000000001", "client_id": BY_SECRET, "domain": "town.example.jp",
        "authority": f"https://localhost:{tenant.emulator.provider.port}", "graph": tenant.emulator.address,
        "ca_file": str(tenant.emulator.certificate.ca_file),
    }  # fmt: skip
    connector = open_entra(values, "wrong-secret", lambda: datetime.now(UTC))
    with pytest.raises(TargetRefused, match="invalid_client") as refusal:
        list(connector.account_ids())
    assert "wrong-secret" not in f"{refusal.value} {connector!r}"
    connector.close()


def test_an_application_signs_in_with_a_secret_too(tenant: EntraTarget) -> None:
    assert list(tenant.opened(client_id=BY_SECRET).account_ids()) == []


# --- last use and passwords -------------------------------------------------------------------------------------------


def test_tries_that_failed_are_no_use_and_what_was_never_told_is_not_never(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    tried, old, silent = (created(connector, name) for name in ("tried", "old", "silent"))
    users, now = tenant.tenant.users, datetime.now(UTC)
    users[tried]["signInActivity"] = {"lastSignInDateTime": stamp(now)}
    users[old] |= {"createdDateTime": "2021-04-01T00:00:00Z", "signInActivity": {"lastSignInDateTime": stamp(now)}}
    users[silent]["createdDateTime"] = "2021-04-01T00:00:00Z"
    told = {one.login_name: one.known for one in connector.never_used(now + SOON)}
    assert told == {"tried": True, "old": False, "silent": True}
    assert list(connector.unused_since(now)) == []


def test_without_the_licence_the_last_use_is_refused_and_said(tenant: EntraTarget, connector: EntraConnector) -> None:
    tenant.tenant.premium = False
    for read in (connector.unused_since, connector.never_used):
        with pytest.raises(TargetRefused, match="P1"):
            list(read(datetime.now(UTC)))


def test_a_temporary_password_must_be_changed_until_its_person_did(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro = created(connector, "taro")
    assert connector.perform([SetTemporaryPassword(taro, PASSWORD)]) == [CHANGED]
    assert connector.password_state(taro).must_change
    assert tenant.tenant.passwords[taro].must_change
    tenant.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
    assert not connector.password_state(taro).must_change
    connector.perform([SetPassword(taro, PASSWORD)])
    assert not connector.password_state(taro).must_change
    with pytest.raises(NotOnTarget):
        connector.password_state(str(uuid4()))


def test_a_password_whose_answer_was_lost_is_not_held_to_be_chosen(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro = created(connector, "taro")
    broken = connector._exchanges.performers[SetTemporaryPassword](SetTemporaryPassword(taro, PASSWORD))
    [user] = connector._graph.batch([next(broken)])
    connector._graph.batch([broken.send(user)])
    assert tenant.tenant.passwords[taro].text == PASSWORD
    assert connector.password_state(taro).must_change


@pytest.mark.parametrize(
    "password", ["", " ", "　", "\0", "\u00ad", "Sh0rt", " Padded-12345 ", "あいうえおかきくけこさ", "onlyletters",
                 "Aa1" + "x" * 254],
)  # fmt: skip
def test_an_impossible_password_is_refused_before_it_is_sent(
    tenant: EntraTarget, connector: EntraConnector, password: str
) -> None:
    taro = created(connector, "taro")
    tenant.tenant.seen.clear()
    for step in (SetTemporaryPassword(taro, password), SetPassword(taro, password)):
        [answer] = connector.perform([step])
        assert isinstance(answer, TargetRefused)
        assert not password.strip() or password not in f"{answer} {step!r}"
    assert not [one for one in tenant.tenant.seen if one.startswith("PATCH")]


def test_a_new_account_has_a_password_that_nobody_knows_and_that_no_text_holds(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    taro, hana = created(connector, "taro"), created(connector, "hana")
    texts = {tenant.tenant.passwords[one].text for one in (taro, hana)}
    assert len(texts) == 2
    assert min(map(len, texts)) > 40


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "太郎", "taro@other", "a b", ".taro", "taro.", "x" * 65])
def test_a_name_that_no_principal_can_have_is_refused(connector: EntraConnector, name: str) -> None:
    [answer] = connector.perform([CreateAccount(uuid4(), attributes(name))])
    assert isinstance(answer, TargetRefused)


def test_who_is_of_another_domain_is_called_by_the_whole_name(tenant: EntraTarget, connector: EntraConnector) -> None:
    guest = tenant.tenant.add_user("guest")
    tenant.tenant.users[guest]["userPrincipalName"] = "guest@other.example"
    assert [one.login_name for one in connector.account_ids()] == ["guest@other.example"]


def test_a_name_in_use_is_not_given_and_the_old_one_stays(tenant: EntraTarget, connector: EntraConnector) -> None:
    taro = created(connector, "taro")
    tenant.tenant.add_user("jiro")
    [answer] = connector.perform([RenameAccount(taro, "jiro")])
    assert isinstance(answer, TargetRefused)
    assert connector.perform([RenameAccount(taro, "saburo"), RenameAccount(taro, "taro.k")])[0] is CHANGED
    assert tenant.tenant.users[taro]["mailNickname"] in ("saburo", "taro.k")


def test_what_is_anothers_is_not_adopted_and_no_uuid_is_given_twice(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    uuid = uuid4()
    connector.perform([CreateAccount(uuid, attributes("taro"))])
    ours, stranger = connector.find([uuid])[uuid].external_id, tenant.tenant.add_user("stranger")
    refused, twice, missing = connector.perform(
        [AdoptAccount(ours, uuid4()), AdoptAccount(stranger, uuid), AdoptAccount(str(uuid4()), uuid4())]
    )
    assert isinstance(refused, TargetRefused)
    assert isinstance(twice, TargetRefused)
    assert isinstance(missing, NotOnTarget)
    mine = uuid4()
    adopt = AdoptAccount(stranger, mine)
    assert connector.perform([adopt]) == [CHANGED]
    assert connector.perform([adopt]) == [UNCHANGED]
    assert connector.find([mine])[mine].external_id == stranger


# --- looking itself over, settings ------------------------------------------------------------------------------------


def verdicts(connector: EntraConnector) -> dict[str, CheckVerdict]:
    return {check.subject: check.verdict for check in connector.examine()}


def test_many_are_found_in_few_requests_and_each_is_their_own(tenant: EntraTarget, connector: EntraConnector) -> None:
    uuids = [uuid4() for _ in range(32)]
    steps = [CreateAccount(uuid, attributes(f"u{number:03}")) for number, uuid in enumerate(uuids)]
    assert connector.perform(steps) == [CHANGED] * 32
    tenant.tenant.page_size = 999
    tenant.tenant.seen.clear()
    found = tenant.opened().find(uuids)
    assert [found[uuid].attributes.login_name for uuid in uuids] == [f"u{number:03}" for number in range(32)]
    assert sum(1 for one in tenant.tenant.seen if "/users?" in one or one.endswith(" /users")) == 3
    assert tenant.opened().perform(steps) == [UNCHANGED] * 32


@pytest.mark.parametrize("many", [19, 20, 21, 45])
def test_somebody_in_many_groups_is_read_with_all_of_them(
    tenant: EntraTarget, connector: EntraConnector, many: int
) -> None:
    external_id = created(connector, "taro")
    uuid = next(iter(connector.find_by_own_id([external_id]).values())).account_uuid
    assert uuid is not None
    groups = {tenant.tenant.add_group(f"g{number}").id for number in range(many)}
    for group in groups:
        tenant.tenant.groups[group].members.append(external_id)
    tenant.tenant.assignments.append((external_id, HELPDESK_ADMINISTRATOR))
    assert connector.find([uuid])[uuid].groups == frozenset(groups)


def test_where_nobody_can_be_looked_up_nobody_is_made_and_the_others_go_on(
    tenant: EntraTarget, connector: EntraConnector
) -> None:
    external_id = created(connector, "taro")
    tenant.tenant.extensions.clear()
    steps: list[Step] = [CreateAccount(uuid4(), attributes("jiro")), AddMember(external_id, group_of(tenant))]
    refused, joined = connector.perform(steps)
    assert isinstance(refused, TargetRefused)
    assert joined is Outcome.CHANGED
    assert not tenant.exists("jiro")


def group_of(tenant: EntraTarget) -> str:
    return tenant.tenant.add_group("g").id


def test_only_what_the_tenant_lets_them_use_is_a_second_factor(tenant: EntraTarget, connector: EntraConnector) -> None:
    ids = [tenant.tenant.add_user(f"user{number}") for number in range(5)]
    tenant.tenant.able.update(ids[:4])
    tenant.tenant.forbidden_methods.add(ids[4])
    assert sorted(connector.second_factor_holders()) == sorted(ids[:4])
    tenant.tenant.premium = False
    with pytest.raises(TargetRefused, match="P1"):
        list(connector.second_factor_holders())


def test_a_connection_in_order_says_so(tenant: EntraTarget, connector: EntraConnector) -> None:
    assert set(verdicts(connector).values()) == {CheckVerdict.FINE}
    assert verdicts(tenant.opened(client_id=BY_SECRET))["資格情報"] is CheckVerdict.WARNING
    told = connector.server_time()
    assert told is not None
    assert abs(told - datetime.now(UTC)) < SOON


def test_what_is_missing_and_what_is_too_much_is_named(tenant: EntraTarget) -> None:
    checks = {check.subject: check for check in tenant.opened(client_id=BADLY_SET_UP).examine()}
    assert "User.ReadWrite.All" in checks["アプリケーションの許可"].found
    assert "User.Read.All" not in checks["アプリケーションの許可"].found
    assert checks["過大な許可"].stops_writing
    assert "RoleManagement.ReadWrite.Directory" in checks["過大な許可"].found


def test_what_the_tenant_lacks_is_named(tenant: EntraTarget) -> None:
    tenant.tenant.premium = False
    tenant.tenant.extensions.clear()
    found = verdicts(tenant.opened(domain="other.example.jp"))
    assert found["ドメイン"] is CheckVerdict.FAILED
    assert found["拡張プロパティ"] is CheckVerdict.FAILED
    assert found["最後のサインイン"] is CheckVerdict.WARNING
    assert found["二要素認証の登録"] is CheckVerdict.WARNING


def test_a_tenant_that_cannot_be_reached_is_one_failed_check(tenant: EntraTarget) -> None:
    [check] = tenant.opened(graph="https://localhost:9/v1.0").examine()
    assert (check.subject, check.verdict) == ("接続", CheckVerdict.FAILED)


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"tenant_id": "x"}, "tenant_id"), ({"client_id": None}, "client_id"), ({"domain": "町"}, "domain"),
     ({"graph": "http://localhost"}, "graph"), ({"authority": "https://user@host"}, "authority"),
     ({"ca_file": "/nowhere"}, "ca_file"), ({"usage_location": "jp"}, "usage_location"),
     ({"answer_timeout_seconds": 0}, "answer_timeout_seconds"), ({"password": "x"}, "password")],
)  # fmt: skip
def test_every_mistake_is_named(changed: Mapping[str, object], named: str) -> None:
    good = {"tenant_id": str(uuid4()), "client_id": str(uuid4()), "domain": "town.example.jp"}
    with pytest.raises(ConfigurationInvalid) as refusal:
        open_entra({**good, **changed}, "secret", lambda: datetime.now(UTC))
    assert [one.partition(":")[0] for one in refusal.value.mistakes] == [named]
    open_entra(good, "secret", lambda: datetime.now(UTC)).close()


@pytest.mark.parametrize("credential", [None, "", f"{PRIVATE_KEY} PRIVATE KEY-----"])
def test_the_credential_fits_the_settings(credential: str | None) -> None:
    good = {"tenant_id": str(uuid4()), "client_id": str(uuid4()), "domain": "town.example.jp"}
    with pytest.raises(ConfigurationInvalid, match="credential"):
        open_entra(good, credential, lambda: datetime.now(UTC))
