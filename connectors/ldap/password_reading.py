"""What the directory says of a password: its state, a lock after wrong ones, and the rules it enforces."""

from collections.abc import Sequence
from dataclasses import replace

from connectors.ldap.entry_decoding import Entry, first
from connectors.ldap.outcomes import no_account
from connectors.ldap.site import Site
from idm.errors import TargetRefused
from idm.ports import ExternalId, Lockout, PasswordPolicy, PasswordState


class PasswordReader:
    """Every method raises TargetError; NotOnTarget for an account that is not there."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def state(self, external_id: ExternalId) -> PasswordState:
        """Whether the password must be changed, and when it was last changed."""
        dialect = self._site.dialect
        account = self._account(external_id, (*dialect.password_attributes, dialect.policy_pointer))
        state = dialect.password_state(account.values)
        return replace(state, must_change=False) if state.must_change and self._demands_nothing(account) else state

    def _demands_nothing(self, account: Entry) -> bool:
        """Whether the rules in force are known to let everybody keep a password that was marked to be changed."""
        switch = self._site.dialect.must_change_switch
        if switch is None:
            return False
        try:
            own = first(account.values, self._site.dialect.policy_pointer)
            rules = self._site.entry(own.decode() if own else self._site.surroundings.policy_dn(), [switch])
        except TargetRefused:
            return False
        on = first(rules.values, switch) if rules is not None else None
        return on is not None and on.lower() not in (b"true", b"on")

    def lockout(self, external_id: ExternalId) -> Lockout:
        """Whether wrong passwords keep the account locked, by the policy in force for it where we may read it."""
        dialect = self._site.dialect
        account = self._account(external_id, (*dialect.lockout_attributes, dialect.policy_pointer))
        now = self._site.clock()
        bare = dialect.lockout(account.values, None, now)
        return dialect.lockout(account.values, self._policy_for(account), now) if bare.locked else bare

    def policy(self, external_id: ExternalId | None) -> PasswordPolicy:
        """The rules for everybody, or those in force for one account.

        Raises TargetRefused where there are none, or we may not read them.
        """
        if external_id is None:
            return self._read(self._site.surroundings.policy_dn(), is_default=True)
        return self._policy_for(self._account(external_id, (self._site.dialect.policy_pointer,)))

    def _policy_for(self, account: Entry) -> PasswordPolicy:
        own = first(account.values, self._site.dialect.policy_pointer)
        if own is None:
            return self._read(self._site.surroundings.policy_dn(), is_default=True)
        return self._read(own.decode(), is_default=False)

    def _read(self, dn: str, *, is_default: bool) -> PasswordPolicy:
        wanted = self._site.dialect.policy_attributes
        found = self._site.entry(dn, wanted)
        if found is None or not any(first(found.values, name) for name in wanted):
            raise TargetRefused(
                f"パスワードの規則「{dn}」を読み取れません。接続アカウントに読み取りの権限を与えてください。"
            )
        return self._site.dialect.policy(dn, found.values, is_default=is_default)

    def _account(self, external_id: ExternalId, wanted: Sequence[str]) -> Entry:
        found = self._site.accounts_by_id([external_id], *wanted)
        if external_id not in found:
            raise no_account(external_id)
        return found[external_id]
