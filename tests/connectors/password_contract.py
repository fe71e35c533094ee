"""The part of the contract about passwords: trying one, locks after wrong ones, and the rules that are enforced."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from idm.errors import NotOnTarget
from idm.ports import Outcome, PasswordCheck, PasswordVerdict, SetEnabled, Unlock
from tests.connectors.target import CHOSEN_PASSWORD, HOUR, PASSWORD, RichConnector, Target, created, seen, usable

WRONG_TRIES = 6


class PasswordContract:
    """Part of `contract.ConnectorContract`."""

    # --- trying one --------------------------------------------------------------------------------------------------

    def test_the_right_password_says_whose_account_it_is(self, target: Target, connector: RichConnector) -> None:
        _, external_id = usable(connector, "taro")
        target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
        said = connector.check_password("taro", CHOSEN_PASSWORD)
        assert said == PasswordCheck(PasswordVerdict.RIGHT, external_id, proven=True)

    @pytest.mark.parametrize("password", ["wrong-password", "", " ", "　", "\0", PASSWORD + "\0"])
    def test_any_other_password_is_wrong_and_says_nothing(self, connector: RichConnector, password: str) -> None:
        usable(connector, "taro")
        assert connector.check_password("taro", password) == PasswordCheck(PasswordVerdict.WRONG)

    @pytest.mark.parametrize("name", ["nobody", "", " ", "*", "tar*", "taro)(uid=*", "uid=taro", "taro,ou=people"])
    def test_nobody_else_is_let_in_by_any_spelling(self, connector: RichConnector, name: str) -> None:
        usable(connector, "taro")
        assert connector.check_password(name, PASSWORD) == PasswordCheck(PasswordVerdict.WRONG)

    def test_a_temporary_password_is_right_but_must_be_changed(self, connector: RichConnector) -> None:
        _, external_id = usable(connector, "taro")
        said = connector.check_password("taro", PASSWORD)
        assert said == PasswordCheck(PasswordVerdict.MUST_CHANGE, external_id, proven=True)

    def test_a_disabled_or_expired_account_says_so(self, target: Target, connector: RichConnector) -> None:
        _, external_id = usable(connector, "taro")
        target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
        passed = datetime.now(UTC) - HOUR
        connector.perform([SetEnabled(external_id, enabled=True, expires_at=passed)])
        said = connector.check_password("taro", CHOSEN_PASSWORD)
        assert (said.verdict, said.external_id) == (PasswordVerdict.ACCOUNT_EXPIRED, external_id)
        connector.perform([SetEnabled(external_id, enabled=False)])
        assert connector.check_password("taro", CHOSEN_PASSWORD).verdict is PasswordVerdict.DISABLED

    # --- locks -------------------------------------------------------------------------------------------------------

    def test_wrong_passwords_lock_for_a_time_and_unlocking_ends_that(
        self, target: Target, connector: RichConnector
    ) -> None:
        uuid, external_id = usable(connector, "taro")
        target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
        assert not connector.lockout(external_id).locked
        assert connector.perform([Unlock(external_id)]) == [Outcome.UNCHANGED]
        for _ in range(WRONG_TRIES):
            assert not target.sign_in("taro", "wrong-password")
        assert connector.check_password("taro", CHOSEN_PASSWORD).verdict is PasswordVerdict.LOCKED
        lockout = connector.lockout(external_id)
        assert lockout.locked
        assert lockout.until is not None
        assert datetime.now(UTC) < lockout.until < datetime.now(UTC) + HOUR
        assert seen(connector, uuid).enabled, "a lock is not the same as being switched off"
        assert connector.perform([Unlock(external_id)]) == [Outcome.CHANGED]
        assert not connector.lockout(external_id).locked
        assert target.sign_in("taro", CHOSEN_PASSWORD)

    def test_unlocking_enables_nobody(self, target: Target, connector: RichConnector) -> None:
        uuid, external_id = usable(connector, "taro")
        for _ in range(WRONG_TRIES):
            target.sign_in("taro", "wrong-password")
        connector.perform([SetEnabled(external_id, enabled=False)])
        connector.perform([Unlock(external_id)])
        assert not seen(connector, uuid).enabled
        assert not target.sign_in("taro", PASSWORD)

    def test_locks_of_nobody_are_not_on_target(self, connector: RichConnector) -> None:
        nobody = str(uuid4())
        with pytest.raises(NotOnTarget):
            connector.lockout(nobody)
        with pytest.raises(NotOnTarget):
            connector.password_policy(nobody)
        [answer] = connector.perform([Unlock(nobody)])
        assert isinstance(answer, NotOnTarget)

    # --- age ---------------------------------------------------------------------------------------------------------

    def test_a_password_that_has_grown_old_is_told_and_a_temporary_one_is_not(
        self, target: Target, connector: RichConnector
    ) -> None:
        uuid, external_id = usable(connector, "taro")
        usable(connector, "hana")
        target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
        soon = datetime.now(UTC) + timedelta(minutes=1)
        [old] = connector.unchanged_since(soon)
        assert (old.external_id, old.account_uuid, old.login_name) == (external_id, uuid, "taro")
        assert soon - HOUR < old.changed_at <= soon
        assert list(connector.unchanged_since(old.changed_at - timedelta(seconds=2))) == []

    # --- rules -------------------------------------------------------------------------------------------------------

    def test_the_rules_for_everybody_are_read_back(self, target: Target, connector: RichConnector) -> None:
        assert connector.password_policy() == target.rules()
        _, external_id = created(connector, "taro")
        assert connector.password_policy(external_id) == target.rules()

    def test_an_accounts_own_rules_go_first(self, target: Target, connector: RichConnector) -> None:
        ids = {name: created(connector, name)[1] for name in ("taro", "hana")}
        target.give_own_rules("taro")
        own = connector.password_policy(ids["taro"])
        assert (own.minimum_length, own.is_default) == (20, False)
        assert own.name != target.rules().name
        assert connector.password_policy(ids["hana"]) == target.rules()
