"""Microsoft's Active Directory, and Samba as its domain controller.

* userAccountControl is one number for many things: we change our bits and keep the rest. The old number is named in
  the change, so that a change of somebody else's in between is noticed and never overwritten.
* A password is `unicodePwd`: quoted, UTF-16, over TLS only ([MS-ADTS] 3.1.1.3.1.5.1). pwdLastSet 0 demands another.
* An account without a password cannot be enabled: first the password, then enable.
* accountExpires is the directory's own end. 0 and 2^63-1 are none.
* Our uuid lies in msDS-cloudExtensionAttribute20: in Microsoft's schema since Windows Server 2012, in every domain
  whether or not there is Exchange, one value, text, indexed as delivered, without a meaning of its own, and unlike
  mS-DS-ConsistencyGuid nothing synchronises by it.
* cn, which names the entry, is the login name: two people of one name do not collide, and marriage renames nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from connectors.ldap import filetime, generalized_time
from connectors.ldap.dialect import SignInAnswer, replacing
from connectors.ldap.encoding import (
    Change,
    ChangeKind,
    Control,
    Filter,
    at_least,
    control,
    equal,
    every,
    present,
    some,
    without,
)
from connectors.ldap.entry_decoding import Values, first
from connectors.ldap.result_codes import INVALID_CREDENTIALS, SUCCESS, unexpected_sign_in
from connectors.ldap.security_ids import BUILT_IN_ACCOUNTS, last_number
from connectors.ldap.settings import Defaults, LdapSettings
from idm.errors import TargetRefused
from idm.ports import (
    BuiltIn,
    Check,
    CheckVerdict,
    ExternalId,
    LastUseSource,
    Lockout,
    PasswordPolicy,
    PasswordState,
    PasswordVerdict,
)

ACCOUNT_DISABLED = 0x2
PASSWORD_NOT_REQUIRED = 0x20
NORMAL_ACCOUNT = 0x200
SMART_CARD_REQUIRED = 0x40000
LOCKED_OUT = 0x10
"""Bits of userAccountControl ([MS-ADTS] 2.2.16); LOCKED_OUT only in msDS-User-Account-Control-Computed."""

CONTROL = "userAccountControl"
COMPUTED = "msDS-User-Account-Control-Computed"
EXPIRES = "accountExpires"

DOMAIN_SCOPE = "1.2.840.113556.1.4.1339"
"""LDAP_SERVER_DOMAIN_SCOPE_OID: no pointers to other naming contexts in the answer ([MS-ADTS] 3.1.1.3.4.1.4)."""

LONGEST_NAME = 20
FORBIDDEN_IN_NAME = frozenset('"/\\[]:;|=,+*?<>@')
"""[MS-SAMR] 3.1.1.6 and [MS-ADTS] 3.1.1.3.1.1.4: sAMAccountName of a user."""

GUID_BYTES = 16

PASSWORD_COMPLEX = 0x1
"""DOMAIN_PASSWORD_COMPLEX, a bit of pwdProperties ([MS-SAMR] 2.2.3.5)."""

VERDICTS: Mapping[str, PasswordVerdict] = MappingProxyType(
    {
        "525": PasswordVerdict.WRONG,  # no such user
        "52e": PasswordVerdict.WRONG,
        "532": PasswordVerdict.PASSWORD_EXPIRED,
        "533": PasswordVerdict.DISABLED,
        "701": PasswordVerdict.ACCOUNT_EXPIRED,
        "773": PasswordVerdict.MUST_CHANGE,
        "775": PasswordVerdict.LOCKED,
    }
)
"""By the "data" of a refused sign-in: system error codes in hexadecimal."""

NOT_NOW: Mapping[str, str] = MappingProxyType(
    {
        "530": "この時間帯のサインインが許可されていません。ログオン時間の設定を確認してください。",
        "531": "この端末からのサインインが許可されていません。ログオン先の設定を確認してください。",
        "534": "このアカウントには、この種類のサインインが許可されていません。",
    }
)


FORMER_PASSWORD = Check(
    "変更前のパスワード", CheckVerdict.FINE,
    "変更の後も、前のパスワードをしばらく受け付けることがあります（既定では60分。設定は LDAP からは読めません）",
    "すべてのドメインコントローラーで、レジストリの OldPasswordAllowedPeriod（docs/active-directory.md）を 0 に"
    "してください。Samba では smb.conf の old password allowed period を 0 にします",
)  # fmt: skip
"""The registry of a controller is out of reach; only a change of a password that somebody knew shows how it is."""


class ActiveDirectory:
    """See `connectors.ldap.dialect.Dialect`."""

    defaults = Defaults(
        account_uuid_attribute="msDS-cloudExtensionAttribute20",
        account_object_classes=("user",),
        login_attribute="sAMAccountName",
        last_use_sources=(LastUseSource.LAST_LOGON_TIMESTAMP,),
        required=frozenset({"upn_suffix"}),
        optional=frozenset({"domain_controllers"}),
    )
    entry_id = "objectGUID"
    group_class = "group"
    group_name = "sAMAccountName"
    member = "member"
    created_at = "whenCreated"
    changed_at = "whenChanged"
    carried_by: Mapping[str, str] = MappingProxyType(
        {
            "displayName": "display_name",
            "sn": "family_name",
            "givenName": "given_name",
            "employeeNumber": "employee_number",
            "mail": "mail",
            "department": "unit_name",
        }
    )
    standing_attributes: Sequence[str] = (CONTROL, EXPIRES)
    password_attributes: Sequence[str] = ("pwdLastSet",)
    lockout_attributes: Sequence[str] = ("lockoutTime", COMPUTED)
    kin_attributes: Sequence[str] = ("primaryGroupID", "objectSid")
    must_change_switch: str | None = None
    unseen: Sequence[Check] = (FORMER_PASSWORD,)
    change_time_switch: str | None = None
    policy_pointer = "msDS-ResultantPSO"
    policy_attributes: Sequence[str] = (
        "minPwdLength",
        "pwdProperties",
        "pwdHistoryLength",
        "maxPwdAge",
        "lockoutThreshold",
        "lockoutDuration",
        "msDS-MinimumPasswordLength",
        "msDS-PasswordComplexityEnabled",
        "msDS-PasswordHistoryLength",
        "msDS-MaximumPasswordAge",
        "msDS-LockoutThreshold",
        "msDS-LockoutDuration",
    )
    written_afterwards: tuple[str, bytes] | None = None
    deletion_leaves_groups = True
    said_after_password = frozenset(
        {
            PasswordVerdict.MUST_CHANGE,
            PasswordVerdict.PASSWORD_EXPIRED,
            PasswordVerdict.DISABLED,
            PasswordVerdict.ACCOUNT_EXPIRED,
        }
    )
    search_controls: Sequence[Control] = (control(DOMAIN_SCOPE, critical=False),)
    built_in_attribute: str | None = "objectSid"
    renewed_at = "pwdLastSet"

    def is_account(self, settings: LdapSettings) -> Filter:
        """A person's: computers are users too."""
        return every(equal("objectCategory", "person"), equal("objectClass", settings.account_class))

    def external_id(self, value: bytes) -> ExternalId:
        """The GUID as it is usually written: its first three fields have their low bytes first ([MS-DTYP] 2.3.4)."""
        if len(value) != GUID_BYTES:
            raise TargetRefused("ディレクトリの objectGUID を読み取れません。")
        return str(UUID(bytes_le=value))

    def id_value(self, external_id: ExternalId) -> bytes | None:
        """The GUID's bytes."""
        try:
            return UUID(external_id).bytes_le
        except ValueError:
            return None

    def objection(self, login_name: str) -> str | None:
        """A name ending in `$` is a computer's; what the directory cuts or refuses is not sent."""
        if len(login_name) > LONGEST_NAME:
            return f"ログイン名「{login_name}」は Active Directory の上限 {LONGEST_NAME} 文字を超えています。"
        if FORBIDDEN_IN_NAME & set(login_name) or not login_name.isprintable():
            return f"ログイン名「{login_name}」に Active Directory で使えない文字があります。"
        if login_name != login_name.strip() or login_name.endswith((".", "$")):
            return f"ログイン名「{login_name}」は、空白で始まるか、空白・「.」・「$」で終わるため使えません。"
        return None

    def naming_attribute(self, settings: LdapSettings) -> str:
        """cn."""
        return "cn"

    def names(self, login_name: str, values: Values, settings: LdapSettings) -> Mapping[str, str]:
        """sAMAccountName, and the user principal name, whose suffix stays where there is one."""
        _, _, suffix = (first(values, "userPrincipalName") or b"").decode(errors="replace").rpartition("@")
        principal = f"{login_name}@{suffix or settings.upn_suffix}"
        return {settings.login_attribute: login_name, "userPrincipalName": principal}

    def claims(self, login_name: str, settings: LdapSettings) -> Sequence[tuple[str, str]]:
        """Not even a computer may be called so: a ticket for `dc1` must never be taken for one of `dc1$`."""
        login = settings.login_attribute
        principal = f"{login_name}@{settings.upn_suffix}"
        return [(login, login_name), (login, f"{login_name}$"), ("userPrincipalName", principal)]

    def switched_off_from_birth(self) -> Mapping[str, Sequence[bytes]]:
        """Disabled; said outright, or the directory would add that no password is needed."""
        return {CONTROL: [str(NORMAL_ACCOUNT | ACCOUNT_DISABLED).encode()]}

    def standing(self, carried: Sequence[bytes | None], now: datetime) -> tuple[bool, datetime | None]:
        """Whether the account can be signed in to now, and when it expires."""
        if carried[0] is None:
            raise TargetRefused(f"ディレクトリの {CONTROL} を読み取る権限がありません。")
        if int(carried[0]) & ACCOUNT_DISABLED:
            return False, None
        expires = filetime.read(carried[1])
        return expires is None or now < expires, expires

    def card_required(self, carried: Sequence[bytes | None]) -> bool | None:
        """The bit, whether or not the account is disabled."""
        return bool(int(carried[0] or 0) & SMART_CARD_REQUIRED)

    def switching(self, values: Values, *, enabled: bool, expires_at: datetime | None, now: datetime) -> list[Change]:
        """The bit, and the end."""
        changes = swap_bit(values, ACCOUNT_DISABLED, on=not enabled)
        if enabled:
            end = expires_at.replace(microsecond=0) if expires_at else None
            if filetime.read(first(values, EXPIRES)) != end:
                changes.append(replacing(EXPIRES, filetime.written(end) if end else str(filetime.NEVER).encode()))
        return changes

    def temporary_password(self, values: Values, password: str) -> Sequence[list[Change]]:
        """The password, to be changed at the next sign-in."""
        return [[replacing("unicodePwd", f'"{password}"'.encode("utf-16-le")), replacing("pwdLastSet", b"0")]]

    def password(self, values: Values, password: str) -> Sequence[list[Change]]:
        """The password, set now: -1 is the only other value that may be written ([MS-ADTS] 3.1.1.5.3.2)."""
        return [[replacing("unicodePwd", f'"{password}"'.encode("utf-16-le")), replacing("pwdLastSet", b"-1")]]

    def password_state(self, values: Values) -> PasswordState:
        """While another is demanded, the directory does not say when this one was set. No password demands one too."""
        changed_at = filetime.read(first(values, "pwdLastSet"))
        return PasswordState(changed_at is None, changed_at)

    def built_in(self, value: bytes | None) -> BuiltIn | None:
        """By its number, whatever it is called; nobody signs in to the domain's own key (krbtgt)."""
        return None if value is None else BUILT_IN_ACCOUNTS.get(last_number(value))

    def keeps_password(self) -> Filter:
        """Accounts whose time of change is not the 0 that demands another."""
        return at_least("pwdLastSet", "1")

    def lockout(self, values: Values, policy: PasswordPolicy | None, now: datetime) -> Lockout:
        """As the directory computes it by the policy for this account, or by the policy known."""
        since = filetime.read(first(values, "lockoutTime"))
        if since is None:
            return Lockout(locked=False)
        until = since + policy.lockout_for if policy and policy.lockout_for else None
        computed = filetime.number(first(values, COMPUTED))
        locked = (until is None or now < until) if computed is None else bool(computed & LOCKED_OUT)
        return Lockout(locked=locked, until=until if locked else None)

    def unlocking(self, values: Values) -> list[Change]:
        """lockoutTime 0, the only value that may be written."""
        return [replacing("lockoutTime", b"0")] if filetime.read(first(values, "lockoutTime")) else []

    def policy(self, dn: str, values: Values, *, is_default: bool) -> PasswordPolicy:
        """The domain's own, or a password settings object."""
        names = _DOMAIN_POLICY if is_default else _SETTINGS_OBJECT
        length, complexity, history, age, threshold, duration = (first(values, name) for name in names)
        locks = filetime.number(threshold) or None
        return PasswordPolicy(
            name=dn,
            is_default=is_default,
            minimum_length=filetime.number(length) or None,
            complex=bool((filetime.number(complexity) or 0) & PASSWORD_COMPLEX)
            if is_default
            else complexity == b"TRUE",
            history=filetime.number(history) or None,
            maximum_age=filetime.span(age),
            lockout_after=locks,
            lockout_for=filetime.span(duration) if locks else None,
        )

    def password_verdict(self, said: SignInAnswer, standing: tuple[bool, datetime | None]) -> PasswordVerdict:
        """By the reason in the text of the refusal."""
        if said.code == SUCCESS:
            return PasswordVerdict.RIGHT
        reason = said.text.partition(" data ")[2].partition(",")[0].strip().lower()
        if said.code == INVALID_CREDENTIALS and reason in VERDICTS:
            return VERDICTS[reason]
        if said.code == INVALID_CREDENTIALS and reason in NOT_NOW:
            raise TargetRefused(NOT_NOW[reason])
        raise unexpected_sign_in(said.code, said.text)

    def stamp(self, moment: datetime) -> bytes:
        """Generalized Time with a fraction, without which some versions find nothing."""
        return generalized_time.written(moment).removesuffix(b"Z") + b".0Z"

    def use(self, value: bytes) -> datetime | None:
        """The moment of last use; 0 is never."""
        return filetime.read(value)

    def use_value(self, moment: datetime) -> bytes:
        """A moment as last use is written."""
        return filetime.written(moment)

    def never_used(self, source: LastUseSource) -> Filter:
        """Accounts with nothing, or 0."""
        return some(without(present(source.value)), equal(source.value, b"0"))

    def forgets_last_use(self, source: LastUseSource) -> bool:
        """Neither stamp is lost with a password."""
        return False


_DOMAIN_POLICY = (
    "minPwdLength",
    "pwdProperties",
    "pwdHistoryLength",
    "maxPwdAge",
    "lockoutThreshold",
    "lockoutDuration",
)
_SETTINGS_OBJECT = (
    "msDS-MinimumPasswordLength",
    "msDS-PasswordComplexityEnabled",
    "msDS-PasswordHistoryLength",
    "msDS-MaximumPasswordAge",
    "msDS-LockoutThreshold",
    "msDS-LockoutDuration",
)


def swap_bit(values: Values, bit: int, *, on: bool) -> list[Change]:
    """What turns one bit of userAccountControl and keeps all others; nothing when it stands so already.

    The old value is taken away by name: whoever changed it meanwhile makes the whole change fail (noSuchAttribute).
    Raises TargetRefused when we may not read it.
    """
    old = first(values, CONTROL)
    if old is None:
        raise TargetRefused(f"ディレクトリの {CONTROL} を読み取る権限がありません。")
    new = int(old) | bit if on else int(old) & ~bit
    if new == int(old):
        return []
    return [Change(ChangeKind.DELETE, CONTROL, (old,)), Change(ChangeKind.ADD, CONTROL, (str(new).encode(),))]
