"""The connector contract for Active Directory on a real Samba domain controller."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.connectors.ability_contracts import CardContract, ChangeContract, KeepsMemberships, ProtectionContract
from tests.connectors.conftest import now
from tests.connectors.contract import ConnectorContract
from tests.connectors.kept_password_contract import KeptPasswordContract
from tests.connectors.password_contract import PasswordContract
from tests.connectors.place_contract import PlaceContract
from tests.connectors.reading_contract import FaultContract, LastUseContract
from tests.connectors.samba_target import SambaTarget
from tests.servers.samba_ad import SambaAD


class TestSamba(
    ConnectorContract,
    PlaceContract,
    PasswordContract,
    KeptPasswordContract,
    ChangeContract,
    KeepsMemberships,
    CardContract,
    ProtectionContract,
    LastUseContract,
    FaultContract,
):
    @pytest.fixture
    def target(self, samba: SambaAD) -> Iterator[SambaTarget]:
        with ExitStack() as closing:
            yield SambaTarget(samba, closing, now)
