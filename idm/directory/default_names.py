"""Names that are tried first by whoever wants to get in, and what is found of an account by its name or number (D5).

A name counts as a whole, whatever its case and width: "Administrator" and "ａｄｍｉｎ" do, "adam" and "sasaki" not. An
account that every target of a kind is born with is known by its number, also after it was renamed. Pure.
"""

import unicodedata
from collections.abc import Mapping

from idm.ports import AccountId
from idm.vocabulary import AccountKind, FindingKind

EVERYWHERE = frozenset({
    "admin", "administrator", "root", "toor", "sa", "sys", "system", "sysadmin", "sysop", "superuser", "supervisor",
    "manager", "operator", "guest", "user", "default", "test", "demo", "nobody", "管理者", "システム管理者", "ゲスト",
    "テスト",
})  # fmt: skip
BY_KIND: Mapping[str, frozenset[str]] = {
    "active_directory": frozenset({
        "defaultaccount", "wdagutilityaccount", "helpassistant", "support_388945a0", "administrateur", "administrador",
        "gast", "invité",
    }),
    "openldap": frozenset({"ldapadm", "ldapadmin", "replicator"}),
    "directory_389": frozenset({"directory manager", "replication manager", "demo_user"}),
}  # fmt: skip
"""What is delivered with a kind of directory besides; by the name of its connector."""


def is_default_name(login_name: str, kind_of_directory: str) -> bool:
    """Whether an account is called what everybody expects one to be called."""
    # Nearly every name is plain: for those the short way says the same, a hundred thousand times a night.
    plain = login_name if login_name.isascii() else unicodedata.normalize("NFKC", login_name).casefold()
    folded = plain.lower().strip()
    return folded in EVERYWHERE or folded in BY_KIND.get(kind_of_directory, frozenset())


def privilege_found(
    account: AccountId, kind_of_directory: str, *, registered: bool, ours: AccountKind | None, told: bool
) -> FindingKind | None:
    """What an account is found as by its name, its number and the target's guard; None = as nothing.

    `registered`: two people have put it into the register; `ours`: what kind of account of somebody's it is; `told`: it
    is found by a group it is in already. One that is switched off harms nobody; whether it is may be unknown.
    """
    if account.enabled is False:
        return None
    if is_default_name(account.login_name, kind_of_directory):
        return FindingKind.DEFAULT_NAME
    if registered or told or ours is AccountKind.PRIVILEGED:
        return None
    if account.built_in is not None or account.protected:
        return FindingKind.UNREGISTERED_PRIVILEGE
    return None
