"""Directory entries as the port's value types, and back."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from connectors.ldap import generalized_time
from connectors.ldap.decoding import Values
from connectors.ldap.dialect import OpenLdap
from connectors.ldap.distinguished_names import names_by
from connectors.ldap.encoding import Change, ChangeKind
from connectors.ldap.settings import LdapSettings
from idm.errors import TargetRefused
from idm.ports import AccountId, Attributes, CreateAccount, ExternalId, LastUse, TargetAccount

CARRIED_BY = {
    "cn": "display_name",
    "displayName": "display_name",
    "sn": "family_name",
    "givenName": "given_name",
    "employeeNumber": "employee_number",
    "mail": "mail",
    "ou": "unit_name",
}
"""Which attribute carries which field; the login name has its own, by the settings."""


class EntryReader:
    """Turns entries of one directory into accounts; knows which attributes that needs."""

    def __init__(self, settings: LdapSettings, dialect: OpenLdap) -> None:
        self._settings = settings
        self._dialect = dialect
        self._id = dialect.entry_id.lower()
        self._uuid = settings.account_uuid_attribute.lower()
        self._login = settings.login_attribute.lower()
        self.id_attributes = (dialect.entry_id, settings.account_uuid_attribute, settings.login_attribute)
        self.account_attributes = (*self.id_attributes, *CARRIED_BY, *dialect.standing_attributes)
        self.use_attributes = (*self.id_attributes, settings.last_use_attribute.value)

    def account(self, values: Values, now: datetime, *, groups: frozenset[ExternalId] | None = None) -> TargetAccount:
        """The account an entry is at this moment."""
        enabled, expires_at = self._dialect.standing(values, now)
        attributes = Attributes(
            login_name=_text(values, self._login) or "",
            display_name=_text(values, "displayname") or _text(values, "cn") or "",
            family_name=_text(values, "sn") or "",
            given_name=_text(values, "givenname") or "",
            employee_number=_text(values, "employeenumber"),
            mail=_text(values, "mail"),
            unit_name=_text(values, "ou"),
        )
        external_id = self.external_id(values)
        return TargetAccount(external_id, self.account_uuid(values), attributes, enabled, expires_at, groups)

    def account_id(self, values: Values) -> AccountId:
        """Who an entry is."""
        return AccountId(self.external_id(values), self.account_uuid(values), _text(values, self._login) or "")

    def last_use(self, values: Values, *, known: bool = True) -> LastUse:
        """When an entry was last used, by the attribute the settings name."""
        who = self.account_id(values)
        source = self._settings.last_use_attribute
        found = values.get(source.value.lower())
        used = generalized_time.read(found[0]) if found else None
        return LastUse(who.external_id, who.account_uuid, who.login_name, used, source, known)

    def external_id(self, values: Values) -> str:
        """The directory's own id of the entry. Raises TargetRefused when we may not read it."""
        found = _text(values, self._id)
        if found is None:
            raise TargetRefused(f"ディレクトリの項目に {self._dialect.entry_id} がないか、読み取る権限がありません。")
        return found

    def account_uuid(self, values: Values) -> UUID | None:
        """Our id on the entry; None = not one of ours. Raises TargetRefused when it is not a UUID."""
        found = values.get(self._uuid)
        if not found:
            return None
        try:
            return UUID(found[0].decode())
        except ValueError:
            raise TargetRefused(
                f"ディレクトリの項目の {self._settings.account_uuid_attribute} が UUID ではありません。"
            ) from None


def created(step: CreateAccount, settings: LdapSettings, dialect: OpenLdap) -> Mapping[str, list[bytes]]:
    """The attributes of a new entry: switched off, with no password."""
    carried = {name: value for name, value in _wanted(step.attributes).items() if value}
    return {
        "objectClass": [name.encode() for name in settings.account_object_classes],
        settings.login_attribute: [step.attributes.login_name.encode()],
        settings.account_uuid_attribute: [str(step.account_uuid).encode()],
        **carried,
        **dialect.switched_off_from_birth(),
    }


def updating(dn: str, values: Values, attributes: Attributes, settings: LdapSettings) -> list[Change]:
    """What must change for an entry to say these things of its person; nothing when it does already.

    What names the entry stays: that is the login name, or the cn where a directory names its entries by it.
    """
    return [
        Change(ChangeKind.REPLACE, name, tuple(wanted))
        for name, wanted in _wanted(attributes).items()
        if values.get(name.lower(), []) != wanted and not names_by(dn, name) and name != settings.login_attribute
    ]


def _wanted(attributes: Attributes) -> dict[str, list[bytes]]:
    texts: dict[str, str | None] = {name: getattr(attributes, field) for name, field in CARRIED_BY.items()}
    return {name: [text.encode()] if text else [] for name, text in texts.items()}


def _text(values: Values, attribute: str) -> str | None:
    found = values.get(attribute)
    if not found:
        return None
    try:
        return found[0].decode()
    except UnicodeDecodeError:
        raise TargetRefused(f"ディレクトリの属性 {attribute} が UTF-8 の文字ではありません。") from None
