"""What every connector that writes promises, whatever its target is: accounts, and who is in which group."""

from dataclasses import replace
from uuid import uuid4

import pytest

from idm.errors import NotOnTarget, TargetRefused
from idm.ports import (
    AddMember,
    CreateAccount,
    DeleteAccount,
    FindsByOwnId,
    Outcome,
    ReadsPasswordState,
    RemoveMember,
    RequireSmartCard,
    SetEnabled,
    SetTemporaryPassword,
    Step,
    UpdateAttributes,
)
from tests.connectors.reading_contract import ReadingContract
from tests.connectors.target import (
    PASSWORD,
    Connector,
    RichConnector,
    Target,
    attributes,
    created,
    own_groups,
    seen,
    usable,
)


class AccountContract(ReadingContract):
    """The whole of it for services: run by a class that provides the fixture `target`."""

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
        wave = [
            CreateAccount(uuid4(), attributes(name)) for name in ("hana", "taro", target.facts.other_spelling, "jiro")
        ]
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

    def test_an_account_is_switched_on_and_off_and_stays_so(self, target: Target, connector: Connector) -> None:
        uuid, external_id = usable(connector, "taro")
        on, off = SetEnabled(external_id, enabled=True), SetEnabled(external_id, enabled=False)
        assert seen(connector, uuid).enabled
        assert connector.perform([on]) == [Outcome.UNCHANGED]
        assert connector.perform([off]) == [Outcome.CHANGED]
        assert not seen(connector, uuid).enabled
        assert connector.perform([off]) == [Outcome.UNCHANGED]
        assert connector.perform([on]) == [Outcome.CHANGED]
        assert seen(connector, uuid).enabled

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
        steps = [step for step in steps if type(step) in connector.can]
        assert all(isinstance(answer, NotOnTarget) for answer in connector.perform(steps))
        if isinstance(connector, ReadsPasswordState):
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
