"""389 Directory Server 1.4 and later (Red Hat Directory Server 11 and later).

* nsAccountLock switches off; it survives password resets, and the sign-in says 53.
* The server has no end of an account of its own. The end is written down beside our uuid (`idmAccountExpires`), and
  whoever asks on the day switches off: here the worker ends an account, not the directory.
* A password must be changed when passwordExpirationTime is the beginning of 1970 and the rules say passwordMustChange.
  The server marks so what the directory manager sets, and not what a service account sets: we write the mark. It
  writes a date of its own some time after it has answered to a new password: the mark has to come after that.
* A lock after wrong passwords is answered with 19, an account switched off with 53, a wrong password with 49.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from connectors.ldap import generalized_time
from connectors.ldap.dialect import SignInAnswer, replacing
from connectors.ldap.dialects.standard import CHANGE_AFTER_RESET, PASSWORD_EXPIRED, StandardDirectory, moment
from connectors.ldap.encoding import Change, Filter, equal, without
from connectors.ldap.entry_decoding import Values, first
from connectors.ldap.result_codes import (
    CONSTRAINT_VIOLATION,
    INVALID_CREDENTIALS,
    SUCCESS,
    UNWILLING_TO_PERFORM,
    unexpected_sign_in,
)
from connectors.ldap.settings import Defaults
from idm.ports import Check, LastUseSource, Lockout, PasswordPolicy, PasswordState, PasswordVerdict

EXPIRES = "idmAccountExpires"
LOCK = "nsAccountLock"
TRUE = b"true"
NEVER_ENDING = b"19700101000000Z"
"""As passwordExpirationTime: must be changed. As accountUnlockTime: locked until somebody unlocks it."""

NOT_WRITTEN_YET = b"19700101000002Z"
"""As passwordExpirationTime, for a moment: a date no server writes, long past, in case we never come back."""

DECIDED = {
    SUCCESS: PasswordVerdict.RIGHT,
    INVALID_CREDENTIALS: PasswordVerdict.WRONG,
    UNWILLING_TO_PERFORM: PasswordVerdict.DISABLED,
}


class Directory389(StandardDirectory):
    """See `connectors.ldap.dialect.Dialect`."""

    defaults = Defaults(
        account_uuid_attribute="idmAccountUuid",
        account_object_classes=("inetOrgPerson", "idmAccount"),
        login_attribute="uid",
        last_use_sources=(LastUseSource.LAST_LOGIN_TIME,),
    )
    entry_id = "nsUniqueId"
    standing_attributes: Sequence[str] = (LOCK, EXPIRES)
    password_attributes: Sequence[str] = ("passwordExpirationTime", "pwdUpdateTime")
    renewed_at = "pwdUpdateTime"
    lockout_attributes: Sequence[str] = ("accountUnlockTime", "passwordRetryCount")
    written_afterwards: tuple[str, bytes] | None = ("passwordExpirationTime", NOT_WRITTEN_YET)
    must_change_switch: str | None = "passwordMustChange"
    unseen: Sequence[Check] = ()
    change_time_switch: str | None = "passwordTrackUpdateTime"
    policy_pointer = "pwdpolicysubentry"
    policy_attributes: Sequence[str] = (
        "passwordMinLength",
        "passwordCheckSyntax",
        "passwordHistory",
        "passwordInHistory",
        "passwordExp",
        "passwordMaxAge",
        "passwordLockout",
        "passwordMaxFailure",
        "passwordUnlock",
        "passwordLockoutDuration",
    )
    policy_base = "cn=config"

    def switched_off_from_birth(self) -> Mapping[str, Sequence[bytes]]:
        """Locked."""
        return {LOCK: [TRUE]}

    def standing(self, carried: Sequence[bytes | None], now: datetime) -> tuple[bool, datetime | None]:
        """Whether the directory lets in: that the end has passed does not matter to it."""
        locked, expires = carried
        return not _is_on(locked), moment(expires)

    def switching(self, values: Values, *, enabled: bool, expires_at: datetime | None, now: datetime) -> list[Change]:
        """An end that has passed is a lock."""
        end = expires_at.replace(microsecond=0) if enabled and expires_at else None
        lock = not enabled or (end is not None and end <= now)
        changes = []
        if _is_on(first(values, LOCK)) != lock:
            changes.append(replacing(LOCK, *([TRUE] if lock else [])))
        if moment(first(values, EXPIRES)) != end:
            changes.append(replacing(EXPIRES, *([generalized_time.written(end)] if end else [])))
        return changes

    def temporary_password(self, values: Values, password: str) -> Sequence[list[Change]]:
        """The password with a date that shows whether the server has written its own; then the mark."""
        dated = replacing("passwordExpirationTime", NOT_WRITTEN_YET)
        return [
            [replacing("userPassword", password.encode()), dated],
            [replacing("passwordExpirationTime", NEVER_ENDING)],
        ]

    def password(self, values: Values, password: str) -> Sequence[list[Change]]:
        """The password, and the server writes a date of its own in place of the mark; then the lock that it lifts."""
        changes = [replacing("userPassword", password.encode()), replacing("passwordExpirationTime", NOT_WRITTEN_YET)]
        locked, tries = first(values, "accountUnlockTime"), first(values, "passwordRetryCount")
        if locked is None:
            return [changes]
        return [changes, [replacing("accountUnlockTime", locked), replacing("passwordRetryCount", tries or b"0")]]

    def password_state(self, values: Values) -> PasswordState:
        """The moment of the last change is kept only where the server is told to (passwordTrackUpdateTime)."""
        must_change = first(values, "passwordExpirationTime") == NEVER_ENDING
        return PasswordState(must_change, moment(first(values, "pwdUpdateTime")))

    def keeps_password(self) -> Filter:
        """Accounts without the mark."""
        return without(equal("passwordExpirationTime", NEVER_ENDING))

    def lockout(self, values: Values, policy: PasswordPolicy | None, now: datetime) -> Lockout:
        """The directory writes down when a lock ends."""
        until = first(values, "accountUnlockTime")
        if until is None:
            return Lockout(locked=False)
        if until == NEVER_ENDING:
            return Lockout(locked=True)
        ends = generalized_time.read(until)
        return Lockout(locked=True, until=ends) if now < ends else Lockout(locked=False)

    def unlocking(self, values: Values) -> list[Change]:
        """The lock and the count that led to it."""
        if first(values, "accountUnlockTime") is None:
            return []
        return [replacing("accountUnlockTime"), replacing("passwordRetryCount", b"0")]

    def policy(self, dn: str, values: Values, *, is_default: bool) -> PasswordPolicy:
        """Each rule has a switch of its own."""

        def rule(switch: str, attribute: str) -> int | None:
            return int(first(values, attribute) or 0) or None if _is_on(first(values, switch)) else None

        age, locked_for = rule("passwordExp", "passwordMaxAge"), rule("passwordLockout", "passwordLockoutDuration")
        unlocks = _is_on(first(values, "passwordUnlock"))
        return PasswordPolicy(
            name=dn,
            is_default=is_default,
            minimum_length=rule("passwordCheckSyntax", "passwordMinLength"),
            complex=_is_on(first(values, "passwordCheckSyntax")),
            history=rule("passwordHistory", "passwordInHistory"),
            maximum_age=timedelta(seconds=age) if age else None,
            lockout_after=rule("passwordLockout", "passwordMaxFailure"),
            lockout_for=timedelta(seconds=locked_for) if locked_for and unlocks else None,
        )

    def password_verdict(self, said: SignInAnswer, standing: tuple[bool, datetime | None]) -> PasswordVerdict:
        """19 is said of a lock after wrong passwords, and of an account that was not used for too long."""
        if said.policy_error == PASSWORD_EXPIRED and said.code == INVALID_CREDENTIALS:
            return PasswordVerdict.PASSWORD_EXPIRED
        if said.policy_error == CHANGE_AFTER_RESET and said.code == SUCCESS:
            return PasswordVerdict.MUST_CHANGE
        if said.code == CONSTRAINT_VIOLATION:
            inactive = "inactivity" in said.text
            return PasswordVerdict.DISABLED if inactive else PasswordVerdict.LOCKED
        if said.code == UNWILLING_TO_PERFORM and standing[1] is not None:
            return PasswordVerdict.ACCOUNT_EXPIRED
        if said.code not in DECIDED:
            raise unexpected_sign_in(said.code, said.text)
        return DECIDED[said.code]

    def forgets_last_use(self, source: LastUseSource) -> bool:
        """lastLoginTime stays."""
        return False


def _is_on(value: bytes | None) -> bool:
    return value is not None and value.lower() in (b"true", b"on")
