"""What OpenLDAP and 389 Directory Server have in common: textual ids, groupOfNames, Generalized Time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from connectors.ldap import generalized_time
from connectors.ldap.encoding import Control, Filter, equal, present, without
from connectors.ldap.entry_decoding import Values
from connectors.ldap.settings import LdapSettings
from idm.ports import BuiltIn, ExternalId, LastUseSource, PasswordVerdict

ACCOUNT_LOCKED = 1
"""An error of the password policy control (draft-behera-ldap-password-policy 6.2), as are the next two."""
PASSWORD_EXPIRED = 0
CHANGE_AFTER_RESET = 2

CARRIED_BY: Mapping[str, str] = MappingProxyType(
    {
        "cn": "display_name",
        "displayName": "display_name",
        "sn": "family_name",
        "givenName": "given_name",
        "employeeNumber": "employee_number",
        "mail": "mail",
        "ou": "unit_name",
    }
)


class StandardDirectory:
    """inetOrgPerson below `people_base`, named by uid; see `connectors.ldap.dialect.Dialect`."""

    group_class = "groupOfNames"
    group_name = "cn"
    member = "member"
    created_at = "createTimestamp"
    changed_at = "modifyTimestamp"
    carried_by = CARRIED_BY
    kin_attributes: Sequence[str] = ()
    written_afterwards: tuple[str, bytes] | None = None
    deletion_leaves_groups = False
    said_after_password = frozenset({PasswordVerdict.MUST_CHANGE, PasswordVerdict.PASSWORD_EXPIRED})
    search_controls: Sequence[Control] = ()
    built_in_attribute: str | None = None

    def is_account(self, settings: LdapSettings) -> Filter:
        """What is an account, ours or not."""
        return equal("objectClass", settings.account_class)

    def external_id(self, value: bytes) -> ExternalId:
        """The directory's own id as text."""
        return value.decode()

    def id_value(self, external_id: ExternalId) -> bytes | None:
        """The id as the directory keeps it."""
        return external_id.encode()

    def objection(self, login_name: str) -> str | None:
        """None: any name may be given."""
        return None

    def card_required(self, carried: Sequence[bytes | None]) -> bool | None:
        """There is no such thing; a second factor is somebody else's to ask for (a group it looks at)."""
        return None

    def naming_attribute(self, settings: LdapSettings) -> str:
        """The login name names the entry."""
        return settings.login_attribute

    def names(self, login_name: str, values: Values, settings: LdapSettings) -> Mapping[str, str]:
        """The login name alone."""
        return {settings.login_attribute: login_name}

    def claims(self, login_name: str, settings: LdapSettings) -> Sequence[tuple[str, str]]:
        """The login name alone."""
        return [(settings.login_attribute, login_name)]

    def built_in(self, value: bytes | None) -> BuiltIn | None:
        """Such a directory is born empty."""
        return None

    def stamp(self, moment: datetime) -> bytes:
        """Generalized Time."""
        return generalized_time.written(moment)

    def use(self, value: bytes) -> datetime | None:
        """The moment of last use."""
        return generalized_time.read(value)

    def use_value(self, moment: datetime) -> bytes:
        """A moment as last use is written."""
        return generalized_time.written(moment)

    def never_used(self, source: LastUseSource) -> Filter:
        """Accounts without the attribute."""
        return without(present(source.value))


def moment(value: bytes | None) -> datetime | None:
    """A moment that may be missing."""
    return None if value is None else generalized_time.read(value)
