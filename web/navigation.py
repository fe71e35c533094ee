"""What stands in the navigation, and for whom. One table; a page that is not in it is reached from another page."""

from dataclasses import dataclass

from flask_babel import LazyString, lazy_gettext

from idm.vocabulary import Role


@dataclass(frozen=True)
class Entry:
    """One link. `roles` None = everyone who is signed in. Hiding a link is courtesy; the operation is the rule."""

    label: LazyString
    endpoint: str
    roles: frozenset[Role] | None = None


NAVIGATION: tuple[Entry, ...] = (Entry(lazy_gettext("ホーム"), "home.index"),)


def entries_for(roles: frozenset[Role]) -> tuple[Entry, ...]:
    """The links for somebody with these roles, in their order."""
    return tuple(entry for entry in NAVIGATION if entry.roles is None or entry.roles & roles)
