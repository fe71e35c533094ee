"""Directory entries as the port's value types, and back."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from uuid import UUID

from connectors.ldap.dialect import Dialect
from connectors.ldap.distinguished_names import names_by, split
from connectors.ldap.encoding import Change, ChangeKind
from connectors.ldap.entry_decoding import Entry, Row, Values, first
from connectors.ldap.settings import LdapSettings
from idm.errors import TargetRefused
from idm.ports import (
    AccountId,
    Attributes,
    CreateAccount,
    ExternalId,
    LastUse,
    LastUseSource,
    Sighting,
    Standing,
    TargetAccount,
)

UUID_DIGITS = 32
HEX = b"0123456789abcdef"
NOBODY: frozenset[ExternalId] = frozenset()
MAX_STANDINGS = 10_000
"""How many different standings of accounts are remembered: a directory has few."""
Standings = dict[tuple[bytes | None, ...], Standing]
"""What the attributes of standing mean at one moment, as far as that was asked."""


class EntryReader:
    """Turns entries of one directory into accounts; knows which attributes that needs.

    `…_attributes` are to be asked for where a row of that kind is wanted.
    """

    def __init__(self, settings: LdapSettings, dialect: Dialect) -> None:
        self._dialect = dialect
        self._uuid_attribute = settings.account_uuid_attribute
        self._source = settings.last_use_attribute
        self._standing = dialect.standing
        self._card_required = dialect.card_required
        self.id_attributes = (dialect.entry_id, settings.account_uuid_attribute, settings.login_attribute)
        standing, born = dialect.standing_attributes, dialect.built_in_attribute
        told_of = (*self.id_attributes, *standing, *([born] if born else []))
        self.told_attributes = tuple(dict.fromkeys(told_of))
        self._told = itemgetter(*map(self.told_attributes.index, told_of))
        self._built_in = dialect.built_in if born else None
        self.use_attributes = (*self.id_attributes, settings.last_use_attribute.value)
        says = {field: attribute for attribute, field in carried_by(settings, dialect).items()}
        told = [says[field] for field in ("display_name", "family_name", "given_name", "employee_number", "mail")]
        wanted = (*self.id_attributes, "cn", *told, says["unit_name"], *dialect.standing_attributes)
        self.account_attributes = tuple(dict.fromkeys(wanted))  # the login name may be one of the others too
        self._fields = itemgetter(*map(self.account_attributes.index, wanted))
        self.sealed_attributes = tuple(dict.fromkeys((*self.account_attributes, *dialect.kin_attributes)))
        self._born_at = self.sealed_attributes.index(born) if born else None

    def account(
        self,
        row: Row,
        now: datetime,
        *,
        groups: frozenset[ExternalId] | None = None,
        protected: frozenset[ExternalId] = NOBODY,
    ) -> TargetAccount:
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
        found_id = external_id(entry_id, self._dialect)
        return TargetAccount(
            found_id,
            self.account_uuid(uuid, login),
            attributes,
            enabled,
            expires_at,
            groups,
            _container(row[-1] or b""),
            found_id in protected,
            self._card_required(standing),
        )

    def sighting(
        self, row: Row, seal: bytes, now: datetime, standings: Standings, *, protected: frozenset[ExternalId] = NOBODY
    ) -> Sighting:
        """The account at this moment, from a row of `sealed_attributes`. `standings` are those of the same moment."""
        fields = self._fields(row)
        entry_id, uuid, login, cn, display, family, given, number, mail, unit = fields[:10]
        standing = standings.get(fields[10:]) or self._learn(fields[10:], now, standings)
        login_name = text(login) or ""
        said = (
            login_name, text(display) or text(cn) or "", text(family) or "", text(given) or "", text(number),
            text(mail), text(unit),
        )  # fmt: skip
        found_id = self.external_id(entry_id)
        digits = None if uuid is None else self._digits(uuid, login)
        built_in = None if self._born_at is None else self._dialect.built_in(row[self._born_at])
        place = _container(row[-1] or b"")
        return Sighting(seal, found_id, digits, said, standing, place, found_id in protected, built_in)

    def _learn(self, carried: tuple[bytes | None, ...], now: datetime, standings: Standings) -> Standing:
        found = Standing(*self._standing(carried, now), self._card_required(carried))
        if len(standings) < MAX_STANDINGS:
            standings[carried] = found
        return found

    def _digits(self, value: bytes, whose: bytes | None) -> str:
        """The digits of our id. Raises TargetRefused as `account_uuid` does."""
        digits = value.replace(b"-", b"").lower()
        if len(digits) == UUID_DIGITS and not digits.translate(None, HEX):
            return digits.decode()
        found = self.account_uuid(value, whose)
        return found.hex if found is not None else ""

    def standing(self, values: Values, now: datetime) -> tuple[bool, datetime | None]:
        """Whether an account can be signed in to now, and when it expires."""
        return self._standing([first(values, name) for name in self._dialect.standing_attributes], now)

    def account_id(self, row: Row) -> AccountId:
        """Who it is, from a row of `id_attributes` or `use_attributes`."""
        return AccountId(self.external_id(row[0]), self.account_uuid(row[1], row[2]), text(row[2]) or "")

    def told(self, row: Row, now: datetime, *, protected: frozenset[ExternalId]) -> AccountId:
        """Who it is, whether it can be signed in to now, and what the target thinks of it, from `told_attributes`."""
        entry_id, uuid, login, *rest = self._told(row)
        built_in = self._built_in(rest.pop()) if self._built_in is not None else None
        enabled, _ = self._standing(rest, now)
        found_id = self.external_id(entry_id)
        return AccountId(
            found_id, self.account_uuid(uuid, login), text(login) or "", enabled, built_in, found_id in protected
        )  # fmt: skip

    def last_use(self, row: Row, *, known: bool = True) -> LastUse:
        """When it was last used, from a row of `use_attributes`."""
        used = None if row[3] is None else self._dialect.use(row[3])
        return self.used(row, used, self._source, known=known)

    def used(self, row: Row, used: datetime | None, source: LastUseSource, *, known: bool = True) -> LastUse:
        """That it was last used then, for a row that begins with `id_attributes`."""
        who = self.account_id(row)
        return LastUse(who.external_id, who.account_uuid, who.login_name, used, source, known)

    def row(self, entry: Entry) -> Row:
        """A row of `account_attributes` from a whole entry."""
        return [*(first(entry.values, attribute) for attribute in self.account_attributes), None, entry.dn.encode()]

    def id_of(self, entry: Entry) -> ExternalId:
        """The directory's own id of a whole entry. Raises TargetRefused when we may not read it."""
        return self.external_id(first(entry.values, self._dialect.entry_id))

    def external_id(self, value: bytes | None) -> ExternalId:
        """The directory's own id. Raises TargetRefused when we may not read it."""
        return external_id(value, self._dialect)

    def uuid_of(self, entry: Entry) -> UUID | None:
        """Our id of a whole entry; None = not one of ours."""
        return self.account_uuid(first(entry.values, self._uuid_attribute), entry.dn.encode())

    def account_uuid(self, value: bytes | None, whose: bytes | None) -> UUID | None:
        """Our id; None = not one of ours. Raises TargetRefused, saying `whose`, when it is not a UUID."""
        if value is None:
            return None
        digits = value.replace(b"-", b"")
        try:
            if len(digits) == UUID_DIGITS and digits.isalnum():
                return UUID(int=int(digits, 16))  # half the time of UUID(text), which counts in a full reading
        except ValueError:
            pass
        name = (whose or b"?").decode(errors="replace")
        raise TargetRefused(f"ディレクトリの項目「{name}」の {self._uuid_attribute} が UUID ではありません。")


def external_id(value: bytes | None, dialect: Dialect) -> ExternalId:
    """The directory's own id. Raises TargetRefused when we may not read it."""
    if value is None:
        raise TargetRefused(f"ディレクトリの項目に {dialect.entry_id} がないか、読み取る権限がありません。")
    return dialect.external_id(value)


def text(value: bytes | None) -> str | None:
    """The text of a value. Raises TargetRefused when it is none."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        raise TargetRefused("ディレクトリの属性の値が UTF-8 の文字ではありません。") from None


def carried_by(settings: LdapSettings, dialect: Dialect) -> Mapping[str, str]:
    """Which attribute says which field of a person; the login name has its own, by the settings."""
    number = settings.employee_number_attribute
    return {number if field == "employee_number" else name: field for name, field in dialect.carried_by.items()}


def created(step: CreateAccount, settings: LdapSettings, dialect: Dialect) -> Mapping[str, list[bytes]]:
    """The attributes of a new entry: switched off, with no password."""
    login_name = step.attributes.login_name
    carried = {name: value for name, value in _wanted(step.attributes, settings, dialect).items() if value}
    names = {dialect.naming_attribute(settings): login_name, **dialect.names(login_name, {}, settings)}
    return {
        "objectClass": [name.encode() for name in settings.account_object_classes],
        **carried,
        **{name: [value.encode()] for name, value in names.items()},
        settings.account_uuid_attribute: [str(step.account_uuid).encode()],
        **{name: list(values) for name, values in dialect.switched_off_from_birth().items()},
    }


def updating(entry: Entry, attributes: Attributes, settings: LdapSettings, dialect: Dialect) -> list[Change]:
    """What must change for an entry to say these things of its person; nothing when it does already.

    What names the entry stays: that is the login name, or the cn where a directory names its entries by it.
    """
    return [
        Change(ChangeKind.REPLACE, name, tuple(wanted))
        for name, wanted in _wanted(attributes, settings, dialect).items()
        if entry.values.get(name.lower(), []) != wanted
        and not names_by(entry.dn, name)
        and name != settings.login_attribute
    ]


def _wanted(attributes: Attributes, settings: LdapSettings, dialect: Dialect) -> dict[str, list[bytes]]:
    told: dict[str, str | None] = {
        name: getattr(attributes, field) for name, field in carried_by(settings, dialect).items()
    }
    return {name: [said.encode()] if said else [] for name, said in told.items()}


@lru_cache(maxsize=1024)
def _parent(dn: bytes) -> str:
    return split(text(dn) or "")[1]


def _container(dn: bytes) -> str:
    """Where an entry lies: the rest of its name, in which a whole directory has few."""
    first_part, _, rest = dn.partition(b",")
    return _parent(dn) if first_part.endswith(b"\\") else _text_of(rest)


@lru_cache(maxsize=1024)
def _text_of(raw: bytes) -> str:
    return text(raw) or ""
