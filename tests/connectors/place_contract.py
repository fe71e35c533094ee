"""The part of the contract about accounts that were there before us, are called otherwise, or are kept elsewhere."""

from uuid import uuid4

from idm.errors import NotOnTarget, TargetRefused
from idm.ports import (
    AddMember,
    AdoptAccount,
    CreateAccount,
    MoveAccount,
    Outcome,
    RenameAccount,
    SetEnabled,
    SetTemporaryPassword,
    Step,
)
from tests.connectors.target import (
    CHOSEN_PASSWORD,
    PASSWORD,
    Connector,
    Target,
    attributes,
    created,
    own_groups,
    seen,
    usable,
)


class PlaceContract:
    """Part of `contract.ConnectorContract`."""

    # --- adopting ----------------------------------------------------------------------------------------------------

    def test_an_adopted_account_is_ours_and_otherwise_as_it_was(self, target: Target, connector: Connector) -> None:
        target.add_foreign_account("stranger")
        [before] = connector.accounts()
        uuid = uuid4()
        step = AdoptAccount(before.external_id, uuid)
        assert connector.perform([step]) == [Outcome.CHANGED]
        [after] = connector.accounts()
        assert (before.account_uuid, after.account_uuid) == (None, uuid)
        assert (after.attributes, after.enabled, after.container) == (
            before.attributes,
            before.enabled,
            before.container,
        )
        assert seen(connector, uuid).external_id == before.external_id
        assert connector.perform([step]) == [Outcome.UNCHANGED]

    def test_what_is_anothers_is_not_adopted_and_no_uuid_is_given_twice(
        self, target: Target, connector: Connector
    ) -> None:
        target.add_foreign_account("stranger")
        uuid, ours = created(connector, "taro")
        [stranger] = [account.external_id for account in connector.account_ids() if account.account_uuid is None]
        steps: list[Step] = [
            AdoptAccount(ours, uuid4()),
            AdoptAccount(stranger, uuid),
            AdoptAccount(_nobody(), uuid4()),
        ]
        refused, twice, missing = connector.perform(steps)
        assert isinstance(refused, TargetRefused)
        assert isinstance(twice, TargetRefused)
        assert isinstance(missing, NotOnTarget)
        assert {account.account_uuid for account in connector.account_ids()} == {uuid, None}

    def test_an_adopted_account_can_be_changed_like_any_other(self, target: Target, connector: Connector) -> None:
        target.add_foreign_account("stranger")
        [stranger] = connector.account_ids()
        uuid = uuid4()
        connector.perform([AdoptAccount(stranger.external_id, uuid)])
        steps: list[Step] = [
            SetTemporaryPassword(stranger.external_id, PASSWORD),
            SetEnabled(stranger.external_id, enabled=False),
        ]
        assert connector.perform(steps) == [Outcome.CHANGED] * 2
        assert not target.sign_in("stranger", PASSWORD)
        assert not seen(connector, uuid).enabled

    # --- renaming ----------------------------------------------------------------------------------------------------

    def test_a_renamed_account_is_signed_in_to_by_the_new_name_only_and_is_the_same(
        self, target: Target, connector: Connector
    ) -> None:
        target.add_group("g")
        group = connector.group("g").external_id
        uuid, external_id = usable(connector, "taro")
        connector.perform([AddMember(external_id, group)])
        target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
        step = RenameAccount(external_id, "jiro")
        assert connector.perform([step]) == [Outcome.CHANGED]
        account = seen(connector, uuid)
        assert (account.external_id, account.attributes.login_name) == (external_id, "jiro")
        assert own_groups(target, connector, uuid) == {group}
        assert list(connector.members(group)) == [external_id]
        assert target.sign_in("jiro", CHOSEN_PASSWORD)
        assert not target.exists("taro")
        assert connector.perform([step]) == [Outcome.UNCHANGED]

    def test_a_name_in_use_is_not_given_and_the_old_one_stays(self, target: Target, connector: Connector) -> None:
        target.add_foreign_account("jiro")
        uuid, external_id = created(connector, "taro")
        for name in ("jiro", "ＪＩＲＯ", ""):
            [answer] = connector.perform([RenameAccount(external_id, name)])
            assert isinstance(answer, TargetRefused), name
        assert seen(connector, uuid).attributes.login_name == "taro"
        assert target.exists("taro")
        [missing] = connector.perform([RenameAccount(_nobody(), "saburo")])
        assert isinstance(missing, NotOnTarget)

    def test_a_name_that_was_given_up_can_be_given_to_somebody_else(self, target: Target, connector: Connector) -> None:
        _, external_id = created(connector, "taro")
        connector.perform([RenameAccount(external_id, "jiro")])
        uuid, other = created(connector, "taro")
        assert other != external_id
        assert seen(connector, uuid).attributes.login_name == "taro"

    # --- moving ------------------------------------------------------------------------------------------------------

    def test_a_moved_account_is_the_same_and_in_its_groups(self, target: Target, connector: Connector) -> None:
        target.add_group("g")
        group, elsewhere = connector.group("g").external_id, target.other_container()
        uuid, external_id = created(connector, "taro")
        connector.perform([AddMember(external_id, group)])
        step = MoveAccount(external_id, elsewhere)
        assert connector.perform([step]) == [Outcome.CHANGED]
        account = seen(connector, uuid)
        assert (account.external_id, account.container) == (external_id, elsewhere)
        assert own_groups(target, connector, uuid) == {group}
        assert list(connector.members(group)) == [external_id]
        assert connector.perform([step]) == [Outcome.UNCHANGED]

    def test_an_account_is_not_moved_or_made_where_it_would_not_be_found_again(
        self, target: Target, connector: Connector
    ) -> None:
        uuid, external_id = created(connector, "taro")
        before = seen(connector, uuid).container
        for place in (target.outside_container(), f"ou=no such place,{target.other_container()}"):
            steps: list[Step] = [MoveAccount(external_id, place), CreateAccount(uuid4(), attributes("hana"), place)]
            assert all(isinstance(answer, TargetRefused) for answer in connector.perform(steps))
        [missing] = connector.perform([MoveAccount(_nobody(), target.other_container())])
        assert isinstance(missing, NotOnTarget)
        assert seen(connector, uuid).container == before
        assert len(list(connector.account_ids())) == 1

    # --- groups in groups --------------------------------------------------------------------------------------------

    def test_nested_members_are_everybody_in_it_by_any_way_each_once(
        self, target: Target, connector: Connector
    ) -> None:
        for name in ("outer", "inner", "innermost"):
            target.add_group(name)
        outer, inner, innermost = (connector.group(name).external_id for name in ("outer", "inner", "innermost"))
        taro, hana, jiro = (created(connector, name)[1] for name in ("taro", "hana", "jiro"))
        memberships = ((taro, outer), (hana, inner), (jiro, innermost), (taro, innermost))
        connector.perform([AddMember(account, group) for account, group in memberships])
        for container, content in (("outer", "inner"), ("inner", "innermost"), ("innermost", "outer")):
            target.put_into_group(container, content)
        assert sorted(connector.members(outer, nested=True)) == sorted([taro, hana, jiro])
        assert set(connector.members(outer)) == {taro, inner}


def _nobody() -> str:
    return str(uuid4())
