"""The half of the contract about reading: streams, last use, and a directory that does not answer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from idm.errors import TargetUnavailable
from idm.ports import CreateAccount, LastUse, Outcome, ReportsLastUse, SetEnabled
from tests.connectors.target import (
    CHOSEN_PASSWORD,
    HOUR,
    OTHER_PASSWORD,
    PASSWORD,
    Connector,
    RichConnector,
    Target,
    UsedTarget,
    attributes,
    created,
    seen,
    usable,
)


class ReadingContract:
    """Part of `account_contract.AccountContract`."""

    @pytest.fixture
    def connector(self, target: Target) -> RichConnector:
        """A connector to an empty directory."""
        return target.connector()

    # --- reading -----------------------------------------------------------------------------------------------------

    def test_streams_hold_everyone_ours_or_not(self, target: Target, connector: Connector) -> None:
        target.add_foreign_account("stranger")
        uuids = {created(connector, name)[0]: name for name in ("taro", "hana")}
        accounts, ids = list(connector.accounts()), list(connector.account_ids())
        expected = set(uuids.items()) | {(None, "stranger")}
        assert {(account.account_uuid, account.attributes.login_name) for account in accounts} == expected
        assert {(account.account_uuid, account.login_name) for account in ids} == expected
        assert {account.external_id for account in accounts} == {account.external_id for account in ids}
        assert all(account.groups is None for account in accounts)

    def test_the_cheapest_reading_says_who_can_be_signed_in_to(self, target: Target, connector: Connector) -> None:
        created(connector, "off")
        usable(connector, "on")
        target.add_foreign_account("stranger")
        told = {account.login_name: account.enabled for account in connector.account_ids()}
        if set(told.values()) != {None}:  # a connector may leave it out, and says so of nobody then
            assert told == {"off": False, "on": True, "stranger": True}

    def test_a_reading_given_up_half_way_disturbs_nothing(self, connector: Connector) -> None:
        for number in range(5):
            created(connector, f"u{number}")
        half_way = connector.accounts()
        next(half_way)
        assert len(list(connector.account_ids())) == 5
        created(connector, "u5")
        del half_way
        assert len(list(connector.accounts())) == 6

    def test_finding_leaves_out_who_is_not_there(self, connector: Connector) -> None:
        uuid, _ = created(connector, "taro")
        assert set(connector.find([uuid4(), uuid, uuid4(), uuid])) == {uuid}
        assert connector.find([]) == {}

    def test_a_wave_of_nothing_is_nothing(self, connector: Connector) -> None:
        assert connector.perform([]) == []


class LastUseContract:
    """Where the record of last use can be arranged."""

    def test_unused_accounts_are_those_last_used_at_or_before_the_cutoff(
        self, target: UsedTarget, connector: Connector
    ) -> None:
        cutoff = datetime(2026, 8, 1, 15, tzinfo=UTC)
        uuids = {name: created(connector, name)[0] for name in ("before", "at", "after", "never")}
        for name, moment in (("before", cutoff - HOUR), ("at", cutoff), ("after", cutoff + timedelta(seconds=1))):
            target.set_last_use(name, moment - target.facts.last_use_lag)
        found = {use.login_name: use for use in connector.unused_since(cutoff)}
        assert set(found) == {"before", "at"}
        assert found["at"].last_used_at == cutoff - target.facts.last_use_lag
        assert found["at"].account_uuid == uuids["at"]
        assert found["at"].known

    def test_signing_in_is_use_and_survives_a_password_reset(self, target: UsedTarget, connector: Connector) -> None:
        usable(connector, "taro")
        soon = datetime.now(UTC) + HOUR
        assert [use.login_name for use in connector.never_used(soon)] == ["taro"]
        target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
        assert target.sign_in("taro", CHOSEN_PASSWORD)
        target.reset_password("taro", OTHER_PASSWORD)
        assert list(connector.never_used(soon)) == []
        [use] = connector.unused_since(soon + target.facts.last_use_lag)
        assert use.last_used_at is not None
        assert abs(use.last_used_at - datetime.now(UTC)) < HOUR

    def test_never_used_counts_from_creation(self, connector: Connector) -> None:
        created(connector, "taro")
        assert list(connector.never_used(datetime.now(UTC) - HOUR)) == []
        [use] = connector.never_used(datetime.now(UTC) + HOUR)
        assert isinstance(use, LastUse)
        assert (use.login_name, use.last_used_at, use.known) == ("taro", None, True)


class FaultContract:
    """Where the directory can be stopped and its wire cut."""

    def test_a_directory_that_is_down_is_unavailable_and_works_again_afterwards(
        self, target: Target, connector: Connector
    ) -> None:
        uuid, external_id = usable(connector, "taro")
        target.stop()
        calls: list[Callable[[], object]] = [
            lambda: connector.perform([SetEnabled(external_id, enabled=False)]),
            lambda: connector.find([uuid]),
            lambda: list(connector.accounts()),
        ]
        if isinstance(connector, ReportsLastUse):
            calls.append(lambda: list(connector.unused_since(datetime.now(UTC))))
        for call in calls:
            with pytest.raises(TargetUnavailable):
                call()
        target.start()
        assert connector.perform([SetEnabled(external_id, enabled=False)]) == [Outcome.CHANGED]
        assert not seen(connector, uuid).enabled

    def test_a_lost_answer_is_unknown_and_found_done_when_read_back(self, target: Target) -> None:
        connector = target.forgetful_connector(done=lambda: target.exists("taro"))
        step = CreateAccount(uuid4(), attributes("taro"))
        [answer] = connector.perform([step])
        assert isinstance(answer, TargetUnavailable)
        assert set(connector.find([step.account_uuid])) == {step.account_uuid}
        assert connector.perform([step]) == [Outcome.UNCHANGED]
        assert len(list(connector.account_ids())) == 1
