"""The parts of the contract about abilities that not every directory has: a class for each, to be listed by those."""

from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import uuid4

from idm.errors import NotOnTarget, TargetRefused
from idm.ports import (
    AddMember,
    AdoptAccount,
    DeleteAccount,
    KnowsProtected,
    MoveAccount,
    Outcome,
    RemoveMember,
    RenameAccount,
    RequireSmartCard,
    SetEnabled,
    SetTemporaryPassword,
    Step,
    Unlock,
    UpdateAttributes,
)
from tests.connectors.target import (
    CHOSEN_PASSWORD,
    PASSWORD,
    RichConnector,
    Target,
    attributes,
    created,
    seen,
    stopped_at,
    usable,
)

UNTIL = datetime(2030, 3, 31, 15, tzinfo=UTC)


class ChangeContract:
    """`ReportsChanges`: every directory has it."""

    def test_the_first_time_everybody_has_changed(self, connector: RichConnector) -> None:
        ids = {created(connector, name)[1] for name in ("taro", "hana")}
        changes = connector.changes_since(None)
        assert changes.complete
        assert {account.external_id for account in changes.accounts} == ids

    def test_what_has_changed_since_is_told_as_it_is_now(self, target: Target, connector: RichConnector) -> None:
        uuid, taro = usable(connector, "taro")
        first = connector.changes_since(None)
        assert len(list(first.accounts)) == 1
        connector.perform([SetEnabled(taro, enabled=False)])
        _, hana = created(connector, "hana")
        second = connector.changes_since(first.cursor)
        assert not second.complete
        told = {account.external_id: account for account in second.accounts}
        assert told.keys() == {taro, hana}
        assert not told[taro].enabled
        assert told[taro].account_uuid == uuid
        third = connector.changes_since(second.cursor)
        assert {account.external_id for account in third.accounts} <= {taro, hana}
        assert not third.complete

    def test_a_cursor_of_another_server_or_none_at_all_means_everything(self, connector: RichConnector) -> None:
        _, taro = created(connector, "taro")
        for cursor in ("", "nonsense", "[]", '["another server", "1"]', '{"a": 1}'):
            changes = connector.changes_since(cursor)
            assert changes.complete
            assert [account.external_id for account in changes.accounts] == [taro]


class KeepsMemberships:
    """A directory that cannot end a membership by itself."""

    def test_a_membership_with_an_end_is_refused_and_not_made_endless(
        self, target: Target, connector: RichConnector
    ) -> None:
        target.add_group("g")
        group = connector.group("g").external_id
        _, taro = created(connector, "taro")
        assert not connector.can_time_box()
        [answer] = connector.perform([AddMember(taro, group, until=UNTIL)])
        assert isinstance(answer, TargetRefused)
        assert list(connector.members(group)) == []


class EndsMemberships:
    """A directory that ends a membership by itself."""

    def test_a_membership_lasts_until_its_end(self, target: Target, connector: RichConnector) -> None:
        target.add_group("g")
        group = connector.group("g").external_id
        uuid, taro = created(connector, "taro")
        assert connector.can_time_box()
        step = AddMember(taro, group, until=UNTIL)
        assert connector.perform([step, AddMember(taro, group, until=UNTIL)]) == [Outcome.CHANGED, Outcome.UNCHANGED]
        assert list(connector.members(group)) == [taro]
        later = target.connector(clock=stopped_at(UNTIL))
        assert list(later.members(group)) == []
        assert seen(later, uuid).groups == frozenset()
        [late] = later.perform([step])
        assert isinstance(late, TargetRefused)

    def test_an_endless_membership_can_be_given_an_end(self, target: Target, connector: RichConnector) -> None:
        target.add_group("g")
        group = connector.group("g").external_id
        _, taro = created(connector, "taro")
        connector.perform([AddMember(taro, group)])
        assert connector.perform([AddMember(taro, group, until=UNTIL)]) == [Outcome.CHANGED]
        assert list(target.connector(clock=stopped_at(UNTIL + timedelta(seconds=1))).members(group)) == []


class CardContract:
    """`RequireSmartCard`, and that it is read with the account (control B2)."""

    def test_who_needs_a_card_gets_in_with_no_password(self, target: Target, connector: RichConnector) -> None:
        its, taro = usable(connector, "taro")
        another, _ = usable(connector, "hana")
        target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
        on, off = RequireSmartCard(taro, required=True), RequireSmartCard(taro, required=False)
        assert connector.perform([on]) == [Outcome.CHANGED]
        assert connector.perform([on]) == [Outcome.UNCHANGED]
        assert (seen(connector, its).card_required, seen(connector, another).card_required) == (True, False)
        assert {one.account_uuid: one.card_required for one in connector.accounts()} == {its: True, another: False}
        assert not target.sign_in("taro", CHOSEN_PASSWORD)
        assert connector.perform([off]) == [Outcome.CHANGED]
        assert seen(connector, its).card_required is False
        assert not target.sign_in("taro", CHOSEN_PASSWORD), "lifting it does not bring the password back"
        [missing] = connector.perform([RequireSmartCard(str(uuid4()), required=True)])
        assert isinstance(missing, NotOnTarget)

    def test_an_account_without_a_password_can_be_opened_once_it_needs_a_card(
        self, target: Target, connector: RichConnector
    ) -> None:
        """It is disabled from birth; that a card is required is seen before it is enabled, and stays."""
        its, taro = created(connector, "taro")
        for step in (RequireSmartCard(taro, required=True), SetEnabled(taro, enabled=True)):
            assert seen(connector, its).enabled is False
            assert connector.perform([step]) == [Outcome.CHANGED]
            assert seen(connector, its).card_required is True
        assert seen(connector, its).enabled is True
        assert not target.sign_in("taro", PASSWORD)
        connector.perform([SetEnabled(taro, enabled=False)])
        assert (seen(connector, its).enabled, seen(connector, its).card_required) == (False, True)


class GuardedTarget(Target, Protocol):
    """A directory with administrators of its own."""

    def make_administrator(self, login_name: str) -> None:
        """Somebody makes an account one of the directory's administrators."""
        ...


class GuardedConnector(RichConnector, KnowsProtected, Protocol):
    """A connector to it."""


class ProtectionContract:
    """`KnowsProtected`: tier 0 is watched and never written to (control D10)."""

    def test_an_administrator_is_seen_and_never_changed(
        self, target: GuardedTarget, connector: GuardedConnector
    ) -> None:
        target.add_group("g")
        group = connector.group("g").external_id
        uuid, taro = usable(connector, "taro")
        _, hana = created(connector, "hana")
        connector.perform([AddMember(taro, group)])
        target.make_administrator("taro")
        account = seen(connector, uuid)
        assert account.protected
        assert {one.external_id: one.protected for one in connector.accounts()} == {taro: True, hana: False}
        assert {one.external_id: one.protected for one in connector.account_ids()} == {taro: True, hana: False}
        [told] = [one for one in connector.protected_accounts() if one.account_uuid is not None]
        assert (told.external_id, told.login_name, told.enabled, told.protected) == (taro, "taro", True, True)
        steps: list[Step] = [
            AdoptAccount(taro, uuid4()),
            UpdateAttributes(taro, attributes("taro", display_name="別人")),
            RenameAccount(taro, "jiro"),
            MoveAccount(taro, target.other_container()),
            SetEnabled(taro, enabled=False),
            RemoveMember(taro, group),
            SetTemporaryPassword(taro, "Temporary-9999"),
            Unlock(taro),
            RequireSmartCard(taro, required=True),
            DeleteAccount(taro),
        ]
        for step in steps:
            [answer] = connector.perform([step])
            assert isinstance(answer, TargetRefused), step
            assert "作業依頼" in str(answer)
        assert seen(connector, uuid) == account

    def test_the_administrators_groups_are_known_watched_and_never_changed(
        self, target: GuardedTarget, connector: GuardedConnector
    ) -> None:
        _, taro = created(connector, "taro")
        _, hana = created(connector, "hana")
        target.make_administrator("taro")
        groups = list(connector.protected_groups())
        assert all(group.protected for group in groups)
        holding = [group for group in groups if taro in connector.members(group.external_id, nested=True)]
        assert holding
        for group in groups:
            assert connector.group(group.name) == group
            for step in (AddMember(hana, group.external_id), RemoveMember(hana, group.external_id)):
                [answer] = connector.perform([step])
                assert isinstance(answer, TargetRefused), (group, step)
                assert "作業依頼" in str(answer)
            assert hana not in connector.members(group.external_id, nested=True)
