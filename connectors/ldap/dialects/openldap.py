"""OpenLDAP 2.5 and later, with the password policy overlay (ppolicy). Three traps decide how things are done here:

* A password reset by anyone removes pwdAccountLockedTime, so an account switched off by it alone comes back to life.
  Switching off is therefore `pwdEndTime` in the past, which survives resets and does not depend on a policy.
* Only who may *manage* a password makes the server set pwdReset; we may merely write, and set it ourselves.
* pwdLastSuccess is deleted by a password change: its absence proves nothing. authTimestamp stays.

A lock after wrong passwords (pwdAccountLockedTime with a real moment) is the directory's own defence and ends by
itself. It is not reported as switched off, or the worker would lift it again and make guessing free. `Unlock` lifts it
when a person asks.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from connectors.ldap import generalized_time
from connectors.ldap.dialect import SignInAnswer, replacing
from connectors.ldap.dialects.standard import (
    ACCOUNT_LOCKED,
    CHANGE_AFTER_RESET,
    PASSWORD_EXPIRED,
    StandardDirectory,
    moment,
)
from connectors.ldap.encoding import Change, Filter, equal, without
from connectors.ldap.entry_decoding import Values, first
from connectors.ldap.result_codes import INVALID_CREDENTIALS, SUCCESS, unexpected_sign_in
from connectors.ldap.settings import Defaults
from idm.ports import Check, LastUseSource, Lockout, PasswordPolicy, PasswordState, PasswordVerdict

SWITCHED_OFF = datetime(1970, 1, 1, tzinfo=UTC)
"""The end that means "off until further notice", told apart from an expiry that has passed."""

LOCKED_FOR_GOOD = b"000001010000Z"
TRUE = b"TRUE"


class OpenLdap(StandardDirectory):
    """See `connectors.ldap.dialect.Dialect`."""

    defaults = Defaults(
        account_uuid_attribute="idmAccountUuid",
        account_object_classes=("inetOrgPerson", "idmAccount"),
        login_attribute="uid",
        last_use_sources=(LastUseSource.AUTH_TIMESTAMP, LastUseSource.PWD_LAST_SUCCESS),
        required=frozenset({"placeholder_member_dn"}),
        optional=frozenset({"password_policy_dn"}),
    )
    entry_id = "entryUUID"
    standing_attributes: Sequence[str] = ("pwdEndTime", "pwdStartTime", "pwdAccountLockedTime")
    password_attributes: Sequence[str] = ("pwdReset", "pwdChangedTime")
    renewed_at = "pwdChangedTime"
    lockout_attributes: Sequence[str] = ("pwdAccountLockedTime",)
    must_change_switch: str | None = "pwdMustChange"
    unseen: Sequence[Check] = ()
    change_time_switch: str | None = None
    policy_pointer = "pwdPolicySubentry"
    policy_attributes: Sequence[str] = (
        "pwdMinLength",
        "pwdCheckQuality",
        "pwdInHistory",
        "pwdMaxAge",
        "pwdLockout",
        "pwdMaxFailure",
        "pwdLockoutDuration",
        "pwdUseCheckModule",
    )

    def switched_off_from_birth(self) -> Mapping[str, Sequence[bytes]]:
        """An end in the past."""
        return {"pwdEndTime": [generalized_time.written(SWITCHED_OFF)]}

    def standing(self, carried: Sequence[bytes | None], now: datetime) -> tuple[bool, datetime | None]:
        """Whether the account can be signed in to now, and when it expires; most accounts carry none of the three."""
        ends, begins, locked = carried
        if ends is None and begins is None and locked is None:
            return True, None
        begin, end = moment(begins), moment(ends)
        off = end == SWITCHED_OFF or locked == LOCKED_FOR_GOOD
        within = (begin is None or begin <= now) and (end is None or now < end)
        return within and not off, None if end == SWITCHED_OFF else end

    def switching(self, values: Values, *, enabled: bool, expires_at: datetime | None, now: datetime) -> list[Change]:
        """What must change for the account to stand so; nothing when it does already."""
        end = expires_at if enabled else SWITCHED_OFF
        changes = []
        if moment(first(values, "pwdEndTime")) != (end.replace(microsecond=0) if end else None):
            changes.append(replacing("pwdEndTime", *([generalized_time.written(end)] if end else [])))
        if enabled and first(values, "pwdAccountLockedTime") == LOCKED_FOR_GOOD:
            changes.append(replacing("pwdAccountLockedTime"))
        begins = moment(first(values, "pwdStartTime"))
        if enabled and begins is not None and begins > now:
            changes.append(replacing("pwdStartTime"))
        return changes

    def temporary_password(self, values: Values, password: str) -> Sequence[list[Change]]:
        """The password, with the demand to change it, and without bringing a locked account back to life."""
        changes = [replacing("userPassword", password.encode()), replacing("pwdReset", TRUE)]
        if first(values, "pwdAccountLockedTime") == LOCKED_FOR_GOOD:
            changes.append(replacing("pwdEndTime", generalized_time.written(SWITCHED_OFF)))
        return [changes]

    def password(self, values: Values, password: str) -> Sequence[list[Change]]:
        """The password; then the lock that the server lifts with every reset, where there was one."""
        changes = [replacing("userPassword", password.encode()), replacing("pwdReset")]
        locked = first(values, "pwdAccountLockedTime")
        if locked == LOCKED_FOR_GOOD:
            changes.append(replacing("pwdEndTime", generalized_time.written(SWITCHED_OFF)))
        return (
            [changes] if locked in (None, LOCKED_FOR_GOOD) else [changes, [replacing("pwdAccountLockedTime", locked)]]
        )

    def password_state(self, values: Values) -> PasswordState:
        """Must the password be changed, and when was it last changed."""
        return PasswordState(first(values, "pwdReset") == TRUE, moment(first(values, "pwdChangedTime")))

    def keeps_password(self) -> Filter:
        """Accounts without the mark."""
        return without(equal("pwdReset", TRUE))

    def lockout(self, values: Values, policy: PasswordPolicy | None, now: datetime) -> Lockout:
        """Locked for the policy's time; where that is not known, until somebody unlocks it."""
        since = first(values, "pwdAccountLockedTime")
        if since is None or since == LOCKED_FOR_GOOD:
            return Lockout(locked=False)
        until = generalized_time.read(since) + policy.lockout_for if policy and policy.lockout_for else None
        return Lockout(locked=until is None or now < until, until=until if until is None or now < until else None)

    def unlocking(self, values: Values) -> list[Change]:
        """An administrator's own lock, which means switched off, stays.

        The count of wrong passwords is the server's only to write: it ends with the next right one, or with its time.
        """
        if first(values, "pwdAccountLockedTime") in (None, LOCKED_FOR_GOOD):
            return []
        return [replacing("pwdAccountLockedTime")]

    def policy(self, dn: str, values: Values, *, is_default: bool) -> PasswordPolicy:
        """See slapo-ppolicy(5); 0 and absent mean that there is no such rule."""
        locks = first(values, "pwdLockout") == TRUE
        checked = first(values, "pwdUseCheckModule") == TRUE and _number(values, "pwdCheckQuality") is not None
        return PasswordPolicy(
            name=dn,
            is_default=is_default,
            minimum_length=_number(values, "pwdMinLength"),
            complex=checked,
            history=_number(values, "pwdInHistory"),
            maximum_age=_seconds(values, "pwdMaxAge"),
            lockout_after=_number(values, "pwdMaxFailure") if locks else None,
            lockout_for=_seconds(values, "pwdLockoutDuration") if locks else None,
        )

    def password_verdict(self, said: SignInAnswer, standing: tuple[bool, datetime | None]) -> PasswordVerdict:
        """OpenLDAP says "locked" of whatever is switched off, has expired or has not begun."""
        if said.code == SUCCESS:
            must_change = said.policy_error == CHANGE_AFTER_RESET
            return PasswordVerdict.MUST_CHANGE if must_change else PasswordVerdict.RIGHT
        if said.code != INVALID_CREDENTIALS:
            raise unexpected_sign_in(said.code, said.text)
        if said.policy_error == PASSWORD_EXPIRED:
            return PasswordVerdict.PASSWORD_EXPIRED
        if said.policy_error != ACCOUNT_LOCKED:
            return PasswordVerdict.WRONG
        enabled, expires_at = standing
        if enabled:
            return PasswordVerdict.LOCKED
        return PasswordVerdict.DISABLED if expires_at is None else PasswordVerdict.ACCOUNT_EXPIRED

    def forgets_last_use(self, source: LastUseSource) -> bool:
        """A password change deletes pwdLastSuccess."""
        return source is LastUseSource.PWD_LAST_SUCCESS


def _number(values: Values, attribute: str) -> int | None:
    return int(first(values, attribute) or 0) or None


def _seconds(values: Values, attribute: str) -> timedelta | None:
    number = _number(values, attribute)
    return None if number is None else timedelta(seconds=number)
