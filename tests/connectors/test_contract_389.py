"""The connector contract on a real 389 Directory Server."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.connectors.ability_contracts import ChangeContract, KeepsMemberships
from tests.connectors.conftest import now
from tests.connectors.contract import ConnectorContract
from tests.connectors.kept_password_contract import KeptPasswordContract
from tests.connectors.password_contract import PasswordContract
from tests.connectors.place_contract import PlaceContract
from tests.connectors.reading_contract import FaultContract, LastUseContract
from tests.connectors.target_389 import Target389
from tests.servers.directory_389 import Directory389

RULES = (
    "passwordMinLength", "passwordCheckSyntax", "passwordHistory", "passwordInHistory", "passwordExp", "passwordMaxAge",
    "passwordLockout", "passwordMaxFailure", "passwordMustChange", "passwordUnlock", "passwordLockoutDuration",
    "passwordTrackUpdateTime",
)  # fmt: skip
MAY_READ_RULES = """\
dn: cn=config
changetype: modify
add: aci
aci: (targetattr = "{rules} || objectClass")(targetfilter = "(cn=config)")
 (version 3.0; acl "the identity manager reads the password policy"; allow (read, search, compare)
  userdn = "ldap:///{service}";)
-
replace: passwordTrackUpdateTime
passwordTrackUpdateTime: on
"""


def may_read_rules(server: Directory389) -> str:
    """What lets the service account read the password policy for everybody, and has changes of passwords dated."""
    return MAY_READ_RULES.format(service=server.service_dn, rules=" || ".join(RULES))


@pytest.fixture(scope="module")
def directory() -> Iterator[Directory389]:
    """One directory for this module, as docs/directory-389.md prepares it."""
    server = Directory389()
    server.build()
    server.start()
    server.apply(may_read_rules(server))
    yield server
    server.discard()


class Test389(
    ConnectorContract,
    PlaceContract,
    PasswordContract,
    KeptPasswordContract,
    ChangeContract,
    KeepsMemberships,
    LastUseContract,
    FaultContract,
):
    @pytest.fixture
    def target(self, directory: Directory389) -> Iterator[Target389]:
        with ExitStack() as closing:
            yield Target389(directory, closing, now)
