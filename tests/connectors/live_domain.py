"""Somebody's own test domain, described in a file: the contract runs at it as it does at our Samba.

docs/active-directory.md says what the file holds. Everything in the three OUs it names is deleted, again and again.
"""

import tomllib
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from idm.ports import PasswordPolicy
from tests.connectors.conftest import now
from tests.connectors.samba_target import SambaTarget
from tests.servers.ldap_tools import Administrator, LdapTools, ldif_line
from tests.servers.samba_ad import SambaAD

CONFIRMATION = "everything in these OUs may be deleted"
OWN_RULES = {
    "objectClass": "msDS-PasswordSettings",
    "msDS-PasswordSettingsPrecedence": "10",
    "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
    "msDS-PasswordHistoryLength": "3",
    "msDS-PasswordComplexityEnabled": "TRUE",
    "msDS-MinimumPasswordLength": "20",
    "msDS-MinimumPasswordAge": "0",
    "msDS-MaximumPasswordAge": "-36288000000000",
    "msDS-LockoutThreshold": "3",
    "msDS-LockoutObservationWindow": "-18000000000",
    "msDS-LockoutDuration": "-18000000000",
}


class LiveDomain(SambaAD):
    """A domain that is not ours to start or stop; what an administrator does at it goes by LDAP."""

    def __init__(self, file: Path) -> None:
        told: dict[str, Any] = tomllib.loads(file.read_text())
        if told.get("confirmed") != CONFIRMATION:
            raise ValueError(f'{file}: confirmed = "{CONFIRMATION}" is missing')
        self.host = told["host"]
        self.ca_file = Path(told["ca_file"])
        self.base_dn, self.domain = told["base_dn"], told["upn_suffix"]
        self.people_ou, self.stopped_ou = told["people_ou"], told["stopped_ou"]
        self.groups_ou, self.services_ou = told["groups_ou"], told["outside_ou"]
        self.service_dn, self.administrator_dn = told["service_dn"], told["administrator_dn"]
        self.service_password_file = Path(told["service_password_file"])
        self.administrator_password_file = Path(told["administrator_password_file"])
        self.told = told["rules"]

    def service_password(self) -> str:
        """The password of the service account."""
        return self.service_password_file.read_text().strip()

    @property
    def administrator(self) -> Administrator:
        """Who may do everything at it."""
        tools = LdapTools(f"ldaps://{self.host}:{self.ldaps_port}", self.ca_file)
        return Administrator(tools, self.administrator_dn, self.administrator_password_file)


class LiveTarget(SambaTarget):
    """See `target.Target`."""

    def __init__(self, domain: LiveDomain, closing: ExitStack) -> None:
        super().__init__(domain, closing, now)
        self._domain = domain

    def rules(self) -> PasswordPolicy:
        """As the file says."""
        told = self._domain.told
        return PasswordPolicy(
            name=self._domain.base_dn,
            is_default=True,
            minimum_length=told.get("minimum_length"),
            complex=told["complex"],
            history=told.get("history"),
            maximum_age=_span(told.get("maximum_age_days"), "days"),
            lockout_after=told.get("lockout_after"),
            lockout_for=_span(told.get("lockout_minutes"), "minutes"),
        )

    def give_own_rules(self, login_name: str) -> None:
        """A password settings object; the service account must be allowed to read it."""
        dn = f"CN=strict,CN=Password Settings Container,CN=System,{self._domain.base_dn}"
        lines = {"dn": dn, **OWN_RULES, "msDS-PSOAppliesTo": self.dn(login_name)}
        self._domain.apply("".join(ldif_line(name, value) for name, value in lines.items()))


def _span(amount: int | None, unit: str) -> timedelta | None:
    return None if amount is None else timedelta(**{unit: amount})
