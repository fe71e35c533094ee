"""The part of the contract about passwords that no person chooses: set as they are, on accounts as they stand (D4)."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from idm.errors import NotOnTarget, TargetRefused
from idm.ports import Outcome, PasswordCheck, PasswordVerdict, SetEnabled, SetPassword, Unlock
from tests.connectors.password_contract import WRONG_TRIES
from tests.connectors.target import CHOSEN_PASSWORD, HOUR, PASSWORD, RichConnector, Target, created, seen, usable

KEPT = "Kept-by-nobody-3456+Zq"
NEXT = "Another-one-kept-7890=Wx"


class KeptPasswordContract:
    """Part of the contract of every directory whose passwords may be kept."""

    def test_it_lets_in_at_once_and_asks_for_no_other(self, target: Target, connector: RichConnector) -> None:
        _, external_id = usable(connector, "taro")
        assert connector.password_state(external_id).must_change
        assert connector.perform([SetPassword(external_id, KEPT)]) == [Outcome.CHANGED]
        assert not connector.password_state(external_id).must_change
        said = connector.check_password("taro", KEPT)
        assert said == PasswordCheck(PasswordVerdict.RIGHT, external_id, proven=True)
        assert target.sign_in("taro", KEPT)
        assert not target.sign_in("taro", PASSWORD)

    def test_many_are_set_in_one_wave(self, connector: RichConnector) -> None:
        ids = {name: usable(connector, name)[1] for name in ("taro", "hana", "jiro")}
        steps = [SetPassword(external_id, f"{KEPT}-{number}") for number, external_id in enumerate(ids.values())]
        assert connector.perform(steps) == [Outcome.CHANGED] * 3
        for number, name in enumerate(ids):
            assert connector.check_password(name, f"{KEPT}-{number}").verdict is PasswordVerdict.RIGHT

    def test_a_disabled_account_stays_so_and_says_when_its_password_was_changed(
        self, target: Target, connector: RichConnector
    ) -> None:
        uuid, external_id = created(connector, "taro")
        assert connector.password_state(external_id).changed_at is None
        assert connector.perform([SetPassword(external_id, KEPT)]) == [Outcome.CHANGED]
        assert not seen(connector, uuid).enabled
        assert not target.sign_in("taro", KEPT)
        changed_at = connector.password_state(external_id).changed_at
        assert changed_at is not None
        assert abs(datetime.now(UTC) - changed_at) < HOUR
        connector.perform([SetEnabled(external_id, enabled=True)])
        assert target.sign_in("taro", KEPT)

    def test_an_account_switched_off_later_stays_so(self, target: Target, connector: RichConnector) -> None:
        uuid, external_id = usable(connector, "taro")
        connector.perform([SetEnabled(external_id, enabled=False)])
        assert connector.perform([SetPassword(external_id, KEPT)]) == [Outcome.CHANGED]
        assert not seen(connector, uuid).enabled
        assert connector.check_password("taro", KEPT).verdict is PasswordVerdict.DISABLED
        assert not target.sign_in("taro", KEPT)

    def test_a_lock_after_wrong_passwords_stays(self, target: Target, connector: RichConnector) -> None:
        _, external_id = usable(connector, "taro")
        target.choose_password("taro", PASSWORD, CHOSEN_PASSWORD)
        for _ in range(WRONG_TRIES):
            assert not target.sign_in("taro", "wrong-password")
        assert connector.lockout(external_id).locked
        assert connector.perform([SetPassword(external_id, KEPT)]) == [Outcome.CHANGED]
        assert connector.lockout(external_id).locked
        assert not target.sign_in("taro", KEPT)
        connector.perform([Unlock(external_id)])
        assert target.sign_in("taro", KEPT)

    @pytest.mark.parametrize("password", ["", " ", "　", "\0", " Padded-12345-+ ", "あいうえおかきくけこさ"])
    def test_one_that_cannot_be_typed_is_refused_and_the_old_one_stays(
        self, target: Target, connector: RichConnector, password: str
    ) -> None:
        _, external_id = usable(connector, "taro")
        connector.perform([SetPassword(external_id, NEXT)])
        [answer] = connector.perform([SetPassword(external_id, password)])
        assert isinstance(answer, TargetRefused)
        assert target.sign_in("taro", NEXT)

    def test_it_is_in_no_text_and_nobody_is_not_on_target(self, connector: RichConnector) -> None:
        step = SetPassword(str(uuid4()), KEPT)
        [answer] = connector.perform([step])
        assert isinstance(answer, NotOnTarget)
        for thing in (step, answer, connector):
            assert KEPT not in f"{thing!r} {thing!s}"
