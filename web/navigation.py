"""What stands in the navigation, and for whom. One table; a page that is not in it is reached from another page."""

from dataclasses import dataclass

from flask_babel import LazyString, lazy_gettext

from idm.permissions import PERMISSIONS, Action
from idm.vocabulary import Role


@dataclass(frozen=True)
class Entry:
    """One link. `roles` None = everyone who is signed in. Hiding a link is courtesy; the operation is the rule.

    `tabs`: the pages of one subject, each with roles of its own; the entry leads to the first.
    """

    label: LazyString
    endpoint: str
    roles: frozenset[Role] | None = None
    tabs: tuple["Entry", ...] = ()

    def leads_to(self, endpoint: str | None) -> bool:
        """Whether the page is one of the entry's, or below one of them."""
        here = (endpoint or "").partition(".")[0]
        return here in {entry.endpoint.partition(".")[0] for entry in (self, *self.tabs)}


DECIDING = frozenset({Role.CISO, Role.VICE_CISO, Role.CHIEF, Role.SECURITY, Role.SECTION, Role.SYSTEM})
"""Who may come to hold a seat. Deputies find what waits for them on the first page and by notice."""

DOING_BY_HAND = PERMISSIONS[Action.DO_WORK] | PERMISSIONS[Action.CONFIRM_WORK] | {Role.AUDITOR}
"""Who does or confirms work by hand, and who reads what was done."""

SEEING_PRIVILEGED = PERMISSIONS[Action.SEE_PRIVILEGED]
"""Who permits, stops or reads of uses. Holders of privileged rights find theirs on the first page and on their own."""

ABOUT_PRIVILEGE = (
    Entry(lazy_gettext("自分の利用"), "privileged_uses.index"),
    Entry(lazy_gettext("許可・立会い・確認"), "privileged_use_oversight.index"),
    Entry(lazy_gettext("利用の記録"), "privileged_use_oversight.history", SEEING_PRIVILEGED),
    Entry(lazy_gettext("登録簿"), "privileged_register.index", SEEING_PRIVILEGED),
    Entry(lazy_gettext("預かりパスワード"), "vault.index", SEEING_PRIVILEGED),
    Entry(lazy_gettext("代行者"), "privilege_deputies.index", SEEING_PRIVILEGED),
)

WITHOUT_STOPS = PERMISSIONS[Action.REPORT_VIOLATION] - PERMISSIONS[Action.SEE_STOPS]
"""Section managers handle violations of their people, and see no orders to stop."""

ABOUT_RECORD = (
    Entry(lazy_gettext("監査記録"), "audit_trail.index", PERMISSIONS[Action.SEE_AUDIT]),
    Entry(lazy_gettext("記録の点検"), "log_check.index", PERMISSIONS[Action.SEE_AUDIT]),
    Entry(lazy_gettext("記録の保存"), "retention.index", PERMISSIONS[Action.SEE_AUDIT]),
)

NAVIGATION: tuple[Entry, ...] = (
    Entry(lazy_gettext("ホーム"), "home.index"),
    Entry(lazy_gettext("申請"), "requests.index"),
    Entry(lazy_gettext("決裁"), "approvals.index", DECIDING),
    Entry(lazy_gettext("包括承認"), "standing.index", PERMISSIONS[Action.SEE_FEED] | {Role.SYSTEM}),
    Entry(lazy_gettext("人事データ"), "hr.index", PERMISSIONS[Action.SEE_FEED]),
    Entry(
        lazy_gettext("一括処理"), "batches.index", PERMISSIONS[Action.PROPOSE_BATCH] | PERMISSIONS[Action.PERMIT_BATCH]
    ),
    Entry(lazy_gettext("返却物"), "leaving.index", PERMISSIONS[Action.SETTLE_LEAVING]),
    Entry(lazy_gettext("外部者"), "outside.index", PERMISSIONS[Action.SEE_OUTSIDE]),
    Entry(lazy_gettext("仮パスワード交付"), "handovers.index", PERMISSIONS[Action.HAND_OVER]),
    Entry(lazy_gettext("漏えいの届出"), "leaks.index", PERMISSIONS[Action.REPORT_LEAK] | PERMISSIONS[Action.SEE_AUDIT]),
    Entry(lazy_gettext("緊急停止"), "stops.index", PERMISSIONS[Action.SEE_STOPS]),
    Entry(lazy_gettext("違反の報告"), "violations.index", WITHOUT_STOPS),
    Entry(lazy_gettext("特権ID"), "privileged_uses.index", SEEING_PRIVILEGED, ABOUT_PRIVILEGE),
    Entry(lazy_gettext("手作業"), "work_orders.index", DOING_BY_HAND),
    Entry(lazy_gettext("職員"), "people.index", PERMISSIONS[Action.SEE_PEOPLE]),
    Entry(lazy_gettext("認証要素"), "authenticators.index", PERMISSIONS[Action.SEE_AUTHENTICATORS]),
    Entry(lazy_gettext("予定表"), "calendar.index", PERMISSIONS[Action.SEE_CALENDAR]),
    Entry(lazy_gettext("情報システム"), "systems.index", PERMISSIONS[Action.SEE_SYSTEMS]),
    Entry(lazy_gettext("棚卸し"), "reviews.index", PERMISSIONS[Action.SEE_REVIEWS] | {Role.SECTION}),
    Entry(lazy_gettext("点検結果"), "findings.index", PERMISSIONS[Action.SEE_FINDINGS]),
    Entry(lazy_gettext("例外措置"), "exceptions.index", PERMISSIONS[Action.SEE_EXCEPTIONS]),
    Entry(lazy_gettext("責任者"), "officers.index", PERMISSIONS[Action.SEE_SYSTEMS]),
    Entry(lazy_gettext("設定"), "configuration.index", PERMISSIONS[Action.SEE_AUDIT]),
    Entry(lazy_gettext("監査記録"), "audit_trail.index", PERMISSIONS[Action.SEE_AUDIT], ABOUT_RECORD),
    Entry(lazy_gettext("自分の記録"), "me.index"),
)


def entries_for(roles: frozenset[Role]) -> tuple[Entry, ...]:
    """The links for somebody with these roles, in their order."""
    return _shown(NAVIGATION, roles)


def tabs_for(endpoint: str | None, roles: frozenset[Role]) -> tuple[Entry, ...]:
    """The pages beside this one that somebody with these roles may open, in their order."""
    tabs = next((entry.tabs for entry in NAVIGATION if entry.tabs and entry.leads_to(endpoint)), ())
    return _shown(tabs, roles)


def _shown(entries: tuple[Entry, ...], roles: frozenset[Role]) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.roles is None or entry.roles & roles)
