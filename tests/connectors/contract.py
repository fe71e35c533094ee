"""What every connector promises, as one suite; a file per target runs it (test_contract_memory, …_openldap).

A target is the directory together with the people and programs at it (`target`): they are what proves that a disabled
account cannot be signed in to, and what happens behind our back.
"""

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import uuid4

import pytest

from idm.errors import TargetRefused
from idm.ports import (
    ChecksPasswords,
    CreateAccount,
    Directory,
    FindsByOwnId,
    KnowsItself,
    Outcome,
    ReadsLockout,
    ReadsPasswordPolicy,
    ReadsPasswordState,
    ReportsChanges,
    ReportsLastUse,
    ReportsPasswordAge,
    RequireSmartCard,
    SetEnabled,
    SetTemporaryPassword,
    Step,
    TimeBoxesMembership,
    Writes,
)
from tests.connectors.account_contract import AccountContract
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
    seen,
    stopped_at,
    usable,
)


class ConnectorContract(AccountContract):
    """The whole of it for directories. Run by a class that provides the fixtures `target` and `connector`."""

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

    # --- places ------------------------------------------------------------------------------------------------------

    def test_an_account_says_where_it_is_kept(self, target: Target, connector: Connector) -> None:
        elsewhere = target.other_container()
        usual, moved = created(connector, "taro")[0], uuid4()
        assert connector.perform([CreateAccount(moved, attributes("hana"), elsewhere)]) == [Outcome.CHANGED]
        places = {account.account_uuid: account.container for account in connector.accounts()}
        assert places[moved] == elsewhere
        assert places[usual] != elsewhere
        assert places == {uuid: seen(connector, uuid).container for uuid in (usual, moved)}
