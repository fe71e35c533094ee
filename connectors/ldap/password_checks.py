"""Trying a person's own password, as that person, on a connection that is used for nothing else.

The name that somebody typed goes nowhere but into a filter: the service account looks up whose it is, and the sign-in
is for the entry found. A blank password is never sent: a directory would take it for an anonymous visitor and answer
success (RFC 4513 5.1.2).
"""

from secrets import token_hex

from connectors.ldap.connection import SingleAnswer, encrypted_connection
from connectors.ldap.decoding import BOUND, EXTENDED, inside
from connectors.ldap.dialect import SignInAnswer
from connectors.ldap.distinguished_names import child
from connectors.ldap.encoding import control, simple_bind, who_am_i
from connectors.ldap.result_codes import BUSY, SUCCESS, UNAVAILABLE, refusal
from connectors.ldap.site import Site
from connectors.ldap.tls import verifying_context
from idm.errors import TargetRefused
from idm.ports import PasswordCheck, PasswordVerdict

PASSWORD_POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105  # the control of that name (draft-behera-ldap-password-policy)
POLICY_ERROR = 0x81


class PasswordChecker:
    """Every method raises TargetUnavailable and TargetRefused."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._context = verifying_context(site.settings)

    def check(self, login_name: str, password: str) -> PasswordCheck:
        """What the directory says to this person."""
        if not login_name.strip() or not password.strip() or "\0" in password:
            return PasswordCheck(PasswordVerdict.WRONG)
        found = self._site.accounts_by(self._site.settings.login_attribute, [login_name])
        if not found:
            # Tried all the same, for a name that nobody has: who is there must not be told by how long it takes.
            settings, naming = self._site.settings, self._site.dialect.naming_attribute(self._site.settings)
            self._sign_in(child(naming, f"nobody-{token_hex(8)}", settings.people_base), password)
            return PasswordCheck(PasswordVerdict.WRONG)
        if len(found) > 1:
            raise TargetRefused(f"ログイン名「{login_name}」のアカウントがディレクトリに複数あります。")
        said = self._sign_in(found[0].dn, password)
        standing = self._site.entries.standing(found[0].values, self._site.clock())
        verdict = self._site.dialect.password_verdict(said, standing)
        if verdict is PasswordVerdict.WRONG:
            return PasswordCheck(verdict)
        proven = verdict is PasswordVerdict.RIGHT or verdict in self._site.dialect.said_after_password
        return PasswordCheck(verdict, self._site.entries.id_of(found[0]), proven)

    def _sign_in(self, dn: str, password: str) -> SignInAnswer:
        connection = encrypted_connection(self._site.settings, self._context)
        try:
            asked = control(PASSWORD_POLICY, critical=False)
            said = connection.only_answer(simple_bind(dn, password), BOUND, [asked])
            if said.result.code in (BUSY, UNAVAILABLE):
                raise refusal(said.result)
            if said.result.code == SUCCESS:
                _require_somebody(connection.only_answer(who_am_i(), EXTENDED))
            return SignInAnswer(said.result.code, said.result.text, policy_error(said.controls.get(PASSWORD_POLICY)))
        finally:
            connection.close()


def policy_error(value: bytes | None) -> int | None:
    """The error in a password policy control's value; None = there is none. Raises TargetUnavailable for no such value.

    Lengths come in the short and in the long form: 389 Directory Server writes the long one.
    """
    if not value:
        return None
    position, stop = inside(value, 0, len(value), 0x30)
    while position < stop:
        tag = value[position]
        start, position = inside(value, position, stop)
        if tag == POLICY_ERROR:
            return int.from_bytes(value[start:position], "big")
    return None


def _require_somebody(identity: SingleAnswer) -> None:
    """A directory that lets in and says "nobody" has let in a stranger; one that does not answer says nothing."""
    if identity.result.code == SUCCESS and not identity.value:
        raise TargetRefused("ディレクトリがサインインを匿名として扱いました。サインインとは認めません。")
