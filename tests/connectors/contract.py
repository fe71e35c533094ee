"""What every connector promises, as one suite; a file per target runs it (test_contract_memory, …_openldap).

A target is the directory together with the people and programs at it (`target`): they are what proves that a disabled
account cannot be signed in to, and what happens behind our back.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import uuid4

import pytest

from idm.errors import NotOnTarget, TargetRefused
from idm.ports import (
    AddMember,
    ChecksPasswords,
    CreateAccount,
    DeleteAccount,
    Directory,
    FindsByOwnId,
    KnowsItself,
    Outcome,
    ReadsLockout,
    ReadsPasswordPolicy,
    ReadsPasswordState,
    RemoveMember,
    ReportsChanges,
    ReportsLastUse,
    ReportsPasswordAge,
    RequireSmartCard,
    SetEnabled,
    SetTemporaryPassword,
    Step,
    TimeBoxesMembership,
    UpdateAttributes,
    Writes,
)
from tests.connectors.reading_contract import ReadingContract
from tests.connectors.target import (
    CHOSEN_PASSWORD,
    HOUR,
    OTHER_PASSWORD,
    PASSWORD,
    Connector,
    RichConnector,
    Target,
    attributes,
    created,
    own_groups,
    seen,
    stopped_at,
    usable,
)


class ConnectorContract(ReadingContract):
    """Run by a class that provides the fixtures `target` and `connector`."""

    def test_has_the_abilities_of_every_directory(self, connector: RichConnector) -> None:
        for ability in (
            Directory,
            Writes,
            ReadsPasswordState,
            ReportsLastUse,
            ReportsPasswordAge,
            ReadsLockout,
            ReadsPasswordPolicy,
            TimeBoxesMembership,
            ReportsChanges,
            ChecksPasswords,
            KnowsItself,
            FindsByOwnId,
        ):
            assert isinstance(connector, ability)
        assert connector.can | {RequireSmartCard} == set(get_args(Step))

    def test_accounts_are_found_by_the_directorys_own_id_ours_or_not(
        self, target: Target, connector: RichConnector
    ) -> None:
        target.add_foreign_account("stranger")
        usable(connector, "taro")
        ids = {one.login_name: one.external_id for one in connector.account_ids()}
        assert isinstance(connector, FindsByOwnId)
        gone = str(uuid4())
        found = connector.find_by_own_id([*ids.values(), gone])
        assert {one.attributes.login_name: external_id for external_id, one in found.items()} == ids
        stranger = ids["stranger"]
        assert found[stranger].account_uuid is None
        (switched,) = connector.perform([SetEnabled(stranger, enabled=False)])
        assert switched is Outcome.CHANGED
        assert not connector.find_by_own_id([stranger])[stranger].enabled
        connector.perform([SetEnabled(stranger, enabled=True, expires_at=found[stranger].expires_at)])
        assert connector.find_by_own_id([stranger])[stranger] == found[stranger]

    # --- creating ----------------------------------------------------------------------------------------------------

    def test_created_account_says_what_it_was_given_and_is_disabled(self, target: Target, connector: Connector) -> None:
        uuid, _ = created(connector, "taro")
        account = seen(connector, uuid)
        assert account.account_uuid == uuid
        assert account.attributes == attributes("taro")
        assert (account.enabled, account.expires_at, account.protected) == (False, None, False)
        assert account.card_required is (False if RequireSmartCard in connector.can else None)
        assert own_groups(target, connector, uuid) == frozenset()

    def test_optional_attributes_may_be_missing(self, connector: Connector) -> None:
        bare = {"given_name": "", "employee_number": None, "mail": None, "unit_name": None}
        uuid, _ = created(connector, "taro", **bare)
        assert seen(connector, uuid).attributes == attributes("taro", **bare)

    def test_creating_again_changes_nothing_not_even_the_attributes(self, connector: Connector) -> None:
        uuid, external_id = created(connector, "taro")
        again = CreateAccount(uuid, attributes("jiro", display_name="別人"))
        assert connector.perform([again]) == [Outcome.UNCHANGED]
        assert seen(connector, uuid).attributes == attributes("taro")
        assert seen(connector, uuid).external_id == external_id

    def test_a_login_name_in_use_is_refused_and_does_not_stop_the_others(
        self, target: Target, connector: Connector
    ) -> None:
        target.add_foreign_account("taro")
        wave = [CreateAccount(uuid4(), attributes(name)) for name in ("hana", "taro", "ＴＡＲＯ", "jiro")]
        first, foreign, spelled_otherwise, last = connector.perform(wave)
        assert (first, last) == (Outcome.CHANGED, Outcome.CHANGED)
        assert isinstance(foreign, TargetRefused)
        assert isinstance(spelled_otherwise, TargetRefused)
        assert {account.login_name for account in connector.account_ids()} == {"hana", "jiro", "taro"}

    def test_two_with_one_login_name_in_a_wave_become_one(self, connector: Connector) -> None:
        wave = [CreateAccount(uuid4(), attributes("taro")) for _ in range(2)]
        answers = connector.perform(wave)
        assert sorted(isinstance(answer, TargetRefused) for answer in answers) == [False, True]
        assert len(list(connector.account_ids())) == 1

    def test_an_account_without_a_login_name_or_family_name_is_refused(self, connector: Connector) -> None:
        nameless = [CreateAccount(uuid4(), attributes("")), CreateAccount(uuid4(), attributes("taro", family_name=""))]
        assert all(isinstance(answer, TargetRefused) for answer in connector.perform(nameless))
        assert list(connector.accounts()) == []

    # --- switching on and off ----------------------------------------------------------------------------------------

    def test_a_new_account_cannot_be_used_whoever_sets_its_password(self, target: Target, connector: Connector) -> None:
        uuid, external_id = created(connector, "taro")
        target.reset_password("taro", OTHER_PASSWORD)
        assert not target.sign_in("taro", OTHER_PASSWORD)
        assert connector.perform([SetTemporaryPassword(external_id, PASSWORD)]) == [Outcome.CHANGED]
        assert not target.sign_in("taro", PASSWORD)
        assert not seen(connector, uuid).enabled

    def test_an_enabled_account_lets_its_person_in(self, target: Target, connector: Connector) -> None:
        uuid, _ = usable(connector, "taro")
        assert seen(connector, uuid).enabled
        assert target.sign_in("taro", PASSWORD)
        assert not target.sign_in("taro", "")
        assert not target.sign_in("taro", "wrong-password")

    def test_a_disabled_account_stays_so_whoever_resets_its_password(
        self, target: Target, connector: Connector
    ) -> None:
        uuid, external_id = usable(connector, "taro")
        assert connector.perform([SetEnabled(external_id, enabled=False)]) == [Outcome.CHANGED]
        target.reset_password("taro", OTHER_PASSWORD)
        assert not target.sign_in("taro", OTHER_PASSWORD)
        connector.perform([SetTemporaryPassword(external_id, "Temporary-9999")])
        assert not target.sign_in("taro", "Temporary-9999")
        assert not seen(connector, uuid).enabled

    def test_switching_to_what_it_is_changes_nothing(self, connector: Connector) -> None:
        until = datetime(2030, 3, 31, 15, tzinfo=UTC)
        _, external_id = created(connector, "taro")
        connector.perform([SetTemporaryPassword(external_id, PASSWORD)])  # without one some enable nobody
        off, on, limited = (
            SetEnabled(external_id, enabled=False),
            SetEnabled(external_id, enabled=True),
            SetEnabled(external_id, enabled=True, expires_at=until),
        )
        said = [connector.perform([step])[0] for step in (off, on, on, limited, limited, on, off, off)]
        changed, same = Outcome.CHANGED, Outcome.UNCHANGED
        assert said == [same, changed, same, changed, same, changed, changed, same]

    def test_an_expiry_to_come_is_written_and_lets_in_until_then(self, target: Target, connector: Connector) -> None:
        uuid, external_id = usable(connector, "taro")
        until = (datetime.now(UTC) + 24 * HOUR).replace(microsecond=0)
        connector.perform([SetEnabled(external_id, enabled=True, expires_at=until)])
        account = seen(connector, uuid)
        assert (account.enabled, account.expires_at) == (True, until)
        assert target.sign_in("taro", PASSWORD)

    def test_an_expiry_passed_reads_as_disabled_and_lets_nobody_in(self, target: Target, connector: Connector) -> None:
        uuid, external_id = usable(connector, "taro")
        until = (datetime.now(UTC) - HOUR).replace(microsecond=0)
        connector.perform([SetEnabled(external_id, enabled=True, expires_at=until)])
        account = seen(connector, uuid)
        assert (account.enabled, account.expires_at) == (False, until)
        assert not target.sign_in("taro", PASSWORD)

    def test_expiry_is_judged_by_the_clock_given(self, target: Target, connector: Connector) -> None:
        uuid, external_id = usable(connector, "taro")
        until = datetime(2030, 3, 31, 15, tzinfo=UTC)
        connector.perform([SetEnabled(external_id, enabled=True, expires_at=until)])
        for moment, enabled in ((until - timedelta(seconds=1), True), (until, False)):
            later = target.connector(clock=stopped_at(moment))
            expected = enabled or not target.facts.ends_accounts
            assert seen(later, uuid).enabled is expected
            assert [account.enabled for account in later.accounts()] == [expected]
            later.close()

    # --- passwords ---------------------------------------------------------------------------------------------------

    def test_a_temporary_password_must_be_changed_until_its_person_did(
        self, target: Target, connector: Connector
    ) -> None:
        _, external_id = created(connector, "taro")
        assert connector.password_state(external_id).changed_at is None
        connector.perform([SetTemporaryPassword(external_id, PASSWORD), SetEnabled(external_id, enabled=True)])
        state = connector.password_state(external_id)
        assert state.must_change is True
        assert (state.changed_at is not None) is target.facts.dates_temporary_passwords
        target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
        assert connector.password_state(external_id).must_change is False
        assert target.sign_in("taro", CHOSEN_PASSWORD)

    @pytest.mark.parametrize(
        "password", ["", " ", "　", "\0", "\u00ad", "\u200b", "Sh0rt", " Padded-12345 ", "あいうえおかきくけこさ"]
    )
    def test_an_impossible_password_is_refused_and_the_old_one_stays(
        self, target: Target, connector: Connector, password: str
    ) -> None:
        _, external_id = usable(connector, "taro")
        [answer] = connector.perform([SetTemporaryPassword(external_id, password)])
        assert isinstance(answer, TargetRefused)
        assert target.sign_in("taro", PASSWORD)
        if password.strip():
            assert password not in str(answer)

    def test_no_secret_in_any_text(self, connector: Connector) -> None:
        _, external_id = created(connector, "taro")
        secret = "short-1"
        step = SetTemporaryPassword(external_id, secret)
        [answer] = connector.perform([step])
        for thing in (step, answer, connector):
            assert secret not in f"{thing!r} {thing!s}"

    # --- attributes --------------------------------------------------------------------------------------------------

    def test_attributes_become_exactly_these_but_for_the_login_name(self, connector: Connector) -> None:
        uuid, external_id = created(connector, "taro")
        wanted = attributes("jiro", display_name="佐藤 太郎", family_name="佐藤", mail=None, unit_name="税務課")
        assert connector.perform([UpdateAttributes(external_id, wanted)]) == [Outcome.CHANGED]
        assert seen(connector, uuid).attributes == replace(wanted, login_name="taro")
        assert connector.perform([UpdateAttributes(external_id, wanted)]) == [Outcome.UNCHANGED]

    def test_names_with_every_awkward_character_come_back_as_they_went(
        self, target: Target, connector: Connector
    ) -> None:
        for login_name in target.facts.awkward_names:
            uuid, _ = created(connector, login_name, display_name=f"氏名 {login_name}", mail=None)
            found = seen(connector, uuid).attributes
            assert (found.login_name, found.display_name) == (login_name, f"氏名 {login_name}")

    def test_what_is_not_there_is_not_on_target(self, connector: Connector) -> None:
        nobody = str(uuid4())
        steps: list[Step] = [
            UpdateAttributes(nobody, attributes("taro")),
            SetEnabled(nobody, enabled=True),
            SetTemporaryPassword(nobody, PASSWORD),
        ]
        assert all(isinstance(answer, NotOnTarget) for answer in connector.perform(steps))
        with pytest.raises(NotOnTarget):
            connector.password_state(nobody)

    # --- groups ------------------------------------------------------------------------------------------------------

    def test_members_come_and_go(self, target: Target, connector: Connector) -> None:
        target.add_group(target.facts.awkward_group)
        group = connector.group(target.facts.awkward_group)
        (uuid, taro), (_, hana) = created(connector, "taro"), created(connector, "hana")
        assert list(connector.members(group.external_id)) == []
        into, out = AddMember(taro, group.external_id), RemoveMember(taro, group.external_id)
        assert connector.perform([into]) == [Outcome.CHANGED]
        assert connector.perform([into, AddMember(hana, group.external_id)]) == [Outcome.UNCHANGED, Outcome.CHANGED]
        assert set(connector.members(group.external_id)) == {taro, hana}
        assert own_groups(target, connector, uuid) == {group.external_id}
        assert connector.perform([out]) == [Outcome.CHANGED]
        assert connector.perform([out]) == [Outcome.UNCHANGED]
        assert set(connector.members(group.external_id)) == {hana}

    def test_the_last_members_can_leave_one_by_one_or_together(self, target: Target, connector: Connector) -> None:
        target.add_group("g")
        group = connector.group("g").external_id
        ids = [created(connector, name)[1] for name in ("taro", "hana")]
        for _ in range(2):
            assert connector.perform([AddMember(one, group) for one in ids]) == [Outcome.CHANGED] * 2
            assert connector.perform([RemoveMember(one, group) for one in ids]) == [Outcome.CHANGED] * 2
            assert list(connector.members(group)) == []
        connector.perform([AddMember(ids[0], group)])
        assert connector.perform([RemoveMember(ids[0], group)]) == [Outcome.CHANGED]
        assert list(connector.members(group)) == []

    def test_one_wave_may_change_several_groups(self, target: Target, connector: Connector) -> None:
        names = ["g0", "g1", "g2"]
        for name in names:
            target.add_group(name)
        groups = [connector.group(name).external_id for name in names]
        uuid, taro = created(connector, "taro")
        connector.perform([AddMember(taro, groups[0])])
        wave: list[Step] = [AddMember(taro, groups[1]), RemoveMember(taro, groups[0]), AddMember(taro, groups[2])]
        assert connector.perform(wave) == [Outcome.CHANGED] * 3
        assert own_groups(target, connector, uuid) == set(groups[1:])

    def test_missing_groups_and_accounts_are_not_on_target(self, target: Target, connector: Connector) -> None:
        target.add_group("g")
        group, nobody = connector.group("g").external_id, str(uuid4())
        _, taro = created(connector, "taro")
        steps: list[Step] = [AddMember(taro, nobody), AddMember(nobody, group), RemoveMember(taro, nobody)]
        assert all(isinstance(answer, NotOnTarget) for answer in connector.perform(steps))
        with pytest.raises(NotOnTarget):
            connector.group("no such group")
        with pytest.raises(NotOnTarget):
            connector.members(nobody)

    # --- deleting ----------------------------------------------------------------------------------------------------

    def test_a_deleted_account_is_gone_and_in_no_group(self, target: Target, connector: Connector) -> None:
        for name in ("g0", "g1"):
            target.add_group(name)
        groups = [connector.group(name).external_id for name in ("g0", "g1")]
        (uuid, taro), (_, hana) = created(connector, "taro"), created(connector, "hana")
        connector.perform([AddMember(taro, group) for group in groups] + [AddMember(hana, groups[0])])
        assert connector.perform([DeleteAccount(taro)]) == [Outcome.CHANGED]
        assert connector.find([uuid]) == {}
        assert [list(connector.members(group)) for group in groups] == [[hana], []]
        assert connector.perform([DeleteAccount(taro), DeleteAccount(hana)]) == [Outcome.UNCHANGED, Outcome.CHANGED]
