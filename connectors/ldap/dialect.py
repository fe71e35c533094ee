"""What differs between LDAP directories: how an account is switched off, expires, and must change its password.

OpenLDAP, with the password policy overlay (ppolicy). Three traps decide how things are done here:

* A password reset by anyone removes pwdAccountLockedTime, so an account switched off by it alone comes back to life.
  Switching off is therefore `pwdEndTime` in the past, which survives resets and does not depend on a policy.
* Only who may *manage* a password makes the server set pwdReset; we may merely write, and set it ourselves.
* pwdLastSuccess is deleted by a password change: its absence proves nothing. authTimestamp stays.

A lock after wrong passwords (pwdAccountLockedTime with a real moment) is the directory's own defence and ends by
itself. It is not reported as switched off, or the worker would lift it again and make guessing free.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from connectors.ldap import generalized_time
from connectors.ldap.encoding import Change, ChangeKind
from connectors.ldap.entry_decoding import Values, first
from idm.ports import LastUseSource, PasswordState

SWITCHED_OFF = datetime(1970, 1, 1, tzinfo=UTC)
"""The end that means "off until further notice", told apart from an expiry that has passed."""

LOCKED_FOR_GOOD = b"000001010000Z"


class OpenLdap:
    """OpenLDAP 2.5 and later."""

    entry_id = "entryUUID"
    group_class = "groupOfNames"
    member = "member"
    created_at = "createTimestamp"
    standing_attributes = ("pwdEndTime", "pwdStartTime", "pwdAccountLockedTime")
    password_attributes = ("pwdReset", "pwdChangedTime")

    def switched_off_from_birth(self) -> Mapping[str, list[bytes]]:
        """What a new entry carries so that it cannot be signed in to, whatever password it gets."""
        return {"pwdEndTime": [generalized_time.written(SWITCHED_OFF)]}

    def standing(self, carried: Sequence[bytes | None], now: datetime) -> tuple[bool, datetime | None]:
        """Whether the account can be signed in to now, and when it expires (None = never, or switched off).

        `carried` are the values of `standing_attributes`, in that order; most accounts have none of them.
        """
        ends, begins, locked = carried
        if ends is None and begins is None and locked is None:
            return True, None
        begin, end = _moment(begins), _moment(ends)
        off = end == SWITCHED_OFF or locked == LOCKED_FOR_GOOD
        within = (begin is None or begin <= now) and (end is None or now < end)
        return within and not off, None if end == SWITCHED_OFF else end

    def switching(self, values: Values, *, enabled: bool, expires_at: datetime | None, now: datetime) -> list[Change]:
        """What must change for the account to stand so; nothing when it does already."""
        end = expires_at if enabled else SWITCHED_OFF
        changes = []
        if _moment(first(values, "pwdEndTime")) != (end.replace(microsecond=0) if end else None):
            changes.append(_replace("pwdEndTime", *([generalized_time.written(end)] if end else [])))
        if enabled and first(values, "pwdAccountLockedTime") == LOCKED_FOR_GOOD:
            changes.append(_replace("pwdAccountLockedTime"))
        begins = _moment(first(values, "pwdStartTime"))
        if enabled and begins is not None and begins > now:
            changes.append(_replace("pwdStartTime"))
        return changes

    def temporary_password(self, values: Values, password: bytes) -> list[Change]:
        """The password, with the demand to change it, and without bringing a locked account back to life."""
        changes = [_replace("userPassword", password), _replace("pwdReset", b"TRUE")]
        if first(values, "pwdAccountLockedTime") == LOCKED_FOR_GOOD:
            changes.append(_replace("pwdEndTime", generalized_time.written(SWITCHED_OFF)))
        return changes

    def password_state(self, values: Values) -> PasswordState:
        """Must the password be changed, and when was it last changed."""
        must_change = first(values, "pwdReset") == b"TRUE"
        return PasswordState(must_change, _moment(first(values, "pwdChangedTime")))

    def forgets_last_use(self, source: LastUseSource) -> bool:
        """Whether the record of last use is lost when the password changes, so that its absence proves nothing."""
        return source is LastUseSource.PWD_LAST_SUCCESS


def _moment(value: bytes | None) -> datetime | None:
    return None if value is None else generalized_time.read(value)


def _replace(attribute: str, *values: bytes) -> Change:
    return Change(ChangeKind.REPLACE, attribute, values)
