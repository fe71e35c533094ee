"""Directory entries as the port's value types, and back."""

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from uuid import UUID

from connectors.ldap import generalized_time
from connectors.ldap.dialect import OpenLdap
from connectors.ldap.distinguished_names import names_by
from connectors.ldap.encoding import Change, ChangeKind
from connectors.ldap.entry_decoding import Row, Values, first
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

UUID_DIGITS = 32


class EntryReader:
    """Turns entries of one directory into accounts; knows which attributes that needs.

    `…_attributes` are to be asked for where a row of that kind is wanted.
    """

    def __init__(self, settings: LdapSettings, dialect: OpenLdap) -> None:
        self._dialect = dialect
        self._uuid_attribute = settings.account_uuid_attribute
        self._source = settings.last_use_attribute
        self._standing = dialect.standing
        self.id_attributes = (dialect.entry_id, settings.account_uuid_attribute, settings.login_attribute)
        self.use_attributes = (*self.id_attributes, settings.last_use_attribute.value)
        wanted = (*self.id_attributes, *CARRIED_BY, *dialect.standing_attributes)
        self.account_attributes = tuple(dict.fromkeys(wanted))  # the login name may be one of the others too
        self._fields = itemgetter(*map(self.account_attributes.index, wanted))

    def account(self, row: Row, now: datetime, *, groups: frozenset[ExternalId] | None = None) -> TargetAccount:
        """The account at this moment, from a row of `account_attributes`."""
        entry_id, uuid, login, cn, display, family, given, number, mail, unit, *standing = self._fields(row)
        enabled, expires_at = self._standing(standing, now)
        attributes = Attributes(
            login_name=text(login) or "",
            display_name=text(display) or text(cn) or "",
            family_name=text(family) or "",
            given_name=text(given) or "",
            employee_number=text(number),
            mail=text(mail),
            unit_name=text(unit),
        )
        return TargetAccount(
            self.external_id(entry_id), self.account_uuid(uuid), attributes, enabled, expires_at, groups
        )

    def account_id(self, row: Row) -> AccountId:
        """Who it is, from a row of `id_attributes` or `use_attributes`."""
        return AccountId(self.external_id(row[0]), self.account_uuid(row[1]), text(row[2]) or "")

    def last_use(self, row: Row, *, known: bool = True) -> LastUse:
        """When it was last used, from a row of `use_attributes`."""
        used = None if row[3] is None else generalized_time.read(row[3])
        return LastUse(
            self.external_id(row[0]), self.account_uuid(row[1]), text(row[2]) or "", used, self._source, known
        )

    def row(self, values: Values) -> Row:
        """A row of `account_attributes` from a whole entry."""
        return [first(values, attribute) for attribute in self.account_attributes]

    def external_id(self, value: bytes | None) -> ExternalId:
        """The directory's own id. Raises TargetRefused when we may not read it."""
        if value is None:
            raise TargetRefused(f"ディレクトリの項目に {self._dialect.entry_id} がないか、読み取る権限がありません。")
        return value.decode()

    def account_uuid(self, value: bytes | None) -> UUID | None:
        """Our id; None = not one of ours. Raises TargetRefused when it is not a UUID."""
        if value is None:
            return None
        digits = value.replace(b"-", b"")
        try:
            if len(digits) == UUID_DIGITS and digits.isalnum():
                return UUID(int=int(digits, 16))  # half the time of UUID(text), which counts in a full reading
        except ValueError:
            pass
        raise TargetRefused(f"ディレクトリの項目の {self._uuid_attribute} が UUID ではありません。")


def text(value: bytes | None) -> str | None:
    """The text of a value. Raises TargetRefused when it is none."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        raise TargetRefused("ディレクトリの属性の値が UTF-8 の文字ではありません。") from None


def created(step: CreateAccount, settings: LdapSettings, dialect: OpenLdap) -> Mapping[str, list[bytes]]:
    """The attributes of a new entry: switched off, with no password."""
    carried = {name: value for name, value in _wanted(step.attributes).items() if value}
    return {
        "objectClass": [name.encode() for name in settings.account_object_classes],
        **carried,
        settings.login_attribute: [step.attributes.login_name.encode()],
        settings.account_uuid_attribute: [str(step.account_uuid).encode()],
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
