"""What stands in the navigation, and for whom. One table: subjects, each with the pages that belong to it as tabs.

A subject is one entry of the menu. It is shown to whoever is shown one of its pages, leads to the first of them, and
with only one bears its name. A page that has no tab of its own is reached from one that has, and marks that tab.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask_babel import LazyString, lazy_gettext

from idm.permissions import PERMISSIONS, Action, may
from idm.vocabulary import Role
from web.route_access import access_to

DECIDING = frozenset({Role.CISO, Role.VICE_CISO, Role.CHIEF, Role.SECURITY, Role.SECTION, Role.SYSTEM})
"""Who may come to hold a seat. Deputies find what waits for them on the first page and by notice."""

ANSWERING = PERMISSIONS[Action.SEE_REVIEWS] | {Role.SECTION}
"""Who is asked in an access review, or reads one."""

SEEING_OUTSIDE = PERMISSIONS[Action.SEE_OUTSIDE]
"""Who sees the register as a whole or their units' part of it. Sponsors come to theirs from their own record."""

STANDING = PERMISSIONS[Action.SEE_FEED] | {Role.SYSTEM}
"""Who proposes, answers or audits standing approvals."""

SEEING_FINDINGS = PERMISSIONS[Action.SEE_FINDINGS]
"""Deputies come to what they sign for by notice."""

SEEING_PRIVILEGED = PERMISSIONS[Action.SEE_PRIVILEGED]
"""Who permits, stops or reads of uses. Holders of privileged rights find theirs on the first page and on their own."""


@dataclass(frozen=True)
class Tab:
    """One page of a subject. Hiding a link is courtesy; the gate and the operation are the rule.

    `roles`: to whom it is shown, where that is not whoever may open it (`web.route_access`). `holds`: endpoints, or
    whole blueprints, whose pages are reached from this one, beside those of its own blueprint.
    """

    label: LazyString
    endpoint: str
    roles: frozenset[Role] | None = None
    holds: tuple[str, ...] = ()

    def is_for(self, roles: frozenset[Role]) -> bool:
        """Whether it is shown to somebody with these roles."""
        opened_by = access_to(self.endpoint).opens
        openable = not opened_by or any(may(roles, action) for action in opened_by)
        return openable and (self.roles is None or bool(self.roles & roles))

    def claims(self, endpoint: str) -> int:
        """How surely the page is this tab's or below it: 0 = not at all."""
        blueprint = endpoint.partition(".")[0]
        if endpoint in (self.endpoint, *self.holds):
            return 3
        return 2 if blueprint in self.holds else int(blueprint == self.endpoint.partition(".")[0])


@dataclass(frozen=True)
class Subject:
    """One entry of the menu. `roles`: in whose menu it stands, where that is not everybody's who is shown a tab."""

    label: LazyString
    tabs: tuple[Tab, ...]
    roles: frozenset[Role] | None = None


@dataclass(frozen=True)
class Link:
    """A subject or a tab as one person sees it on one page.

    `current`: None, "true" (this page is below it) or "page". `waiting`: how much waits for the person there.
    """

    label: LazyString
    endpoint: str
    current: str | None
    waiting: int = 0
    tabs: tuple["Link", ...] = ()


NAVIGATION: tuple[Subject, ...] = (
    Subject(
        lazy_gettext("ホーム"),
        (
            Tab(lazy_gettext("ホーム"), "home.index"),
            Tab(
                lazy_gettext("自分の記録"),
                "me.index",
                holds=("own_factors", "own_password", "giving_back.confirm", "giving_back.give_back"),
            ),
            Tab(lazy_gettext("期限の近い権限"), "giving_back.ending", holds=("giving_back.renew",)),
            Tab(lazy_gettext("自分の端末"), "my_devices.index"),
            Tab(lazy_gettext("自分への通知"), "notices.index"),
        ),
    ),
    Subject(
        lazy_gettext("申請・決裁"),
        (
            Tab(lazy_gettext("申請"), "requests.index", holds=("application_wizard",)),
            Tab(lazy_gettext("決裁"), "approvals.index", DECIDING),
            Tab(lazy_gettext("包括承認"), "standing.index", STANDING),
        ),
    ),
    Subject(
        lazy_gettext("職員・外部者"),
        (
            Tab(lazy_gettext("職員"), "people.index", holds=("locks", "signed_in_places", "authenticators.new")),
            Tab(
                lazy_gettext("外部者"),
                "outside.index",
                SEEING_OUTSIDE,
                holds=("outside_contracts", "outside_duties"),
            ),
            Tab(
                lazy_gettext("人事データ"),
                "hr.index",
                holds=("feed_uploads", "feed_answers", "account_names", "pushed_people"),
            ),
            Tab(lazy_gettext("一括処理"), "batches.index"),
            Tab(lazy_gettext("返却物"), "leaving.index"),
            Tab(lazy_gettext("予定表"), "calendar.index"),
        ),
    ),
    Subject(
        lazy_gettext("交付・手作業"),
        (
            Tab(lazy_gettext("仮パスワード交付"), "handovers.index"),
            Tab(lazy_gettext("交付の記録"), "handovers.history"),
            Tab(lazy_gettext("未変更の仮パスワード"), "handovers.overdue"),
            Tab(lazy_gettext("手作業"), "work_orders.index"),
            Tab(lazy_gettext("利用者ID一覧"), "listings.index"),
            Tab(lazy_gettext("認証要素"), "authenticators.index"),
        ),
    ),
    Subject(
        lazy_gettext("特権ID"),
        (
            Tab(lazy_gettext("自分の利用"), "privileged_uses.index"),
            Tab(lazy_gettext("許可・立会い・確認"), "privileged_use_oversight.index"),
            Tab(lazy_gettext("利用の記録"), "privileged_use_oversight.history"),
            Tab(lazy_gettext("登録簿"), "privileged_register.index", holds=("registered_people",)),
            Tab(lazy_gettext("預かりパスワード"), "vault.index"),
            Tab(lazy_gettext("代行者"), "privilege_deputies.index"),
        ),
        SEEING_PRIVILEGED,
    ),
    Subject(
        lazy_gettext("点検"),
        (
            Tab(lazy_gettext("点検結果"), "findings.index"),
            Tab(lazy_gettext("件数と推移"), "finding_overview.index"),
            Tab(lazy_gettext("使われていないID"), "unused_ids.index"),
            Tab(lazy_gettext("点検の確認"), "sweep_sign_offs.index", SEEING_FINDINGS),
            Tab(lazy_gettext("実施記録"), "findings.sweeps"),
            Tab(lazy_gettext("障害と対応"), "sweep_sign_offs.failures"),
            Tab(lazy_gettext("棚卸し"), "reviews.index", ANSWERING, holds=("review_answers",)),
            Tab(lazy_gettext("記録の点検"), "log_check.index"),
        ),
    ),
    Subject(
        lazy_gettext("停止・届出・例外"),
        (
            Tab(lazy_gettext("緊急停止"), "stops.index"),
            Tab(lazy_gettext("違反の報告"), "violations.index"),
            Tab(lazy_gettext("漏えいの届出"), "leaks.index"),
            Tab(lazy_gettext("紛失の届出"), "losses.index"),
            Tab(lazy_gettext("例外措置"), "exceptions.index"),
        ),
    ),
    Subject(
        lazy_gettext("システム"),
        (
            Tab(
                lazy_gettext("情報システム"),
                "systems.index",
                holds=("found_accounts", "finding_overview.of_system"),
            ),
            Tab(lazy_gettext("外部サービス"), "external_services.index"),
            Tab(lazy_gettext("公式アカウント"), "official_accounts.index"),
            Tab(lazy_gettext("支給以外の端末"), "own_devices.index"),
            Tab(lazy_gettext("外部からの利用"), "external_access.index"),
            Tab(lazy_gettext("二要素認証の登録者"), "enrolment_lists.index"),
            Tab(lazy_gettext("責任者"), "officers.index"),
        ),
    ),
    Subject(
        lazy_gettext("記録・設定"),
        (
            Tab(lazy_gettext("監査記録"), "audit_trail.index"),
            Tab(lazy_gettext("記録の検証"), "audit_trail.verification"),
            Tab(lazy_gettext("記録の保存"), "retention.index"),
            Tab(lazy_gettext("通知の送信状況"), "notices.everybody"),
            Tab(lazy_gettext("設定"), "configuration.index"),
            Tab(lazy_gettext("権限表"), "permissions.index"),
        ),
    ),
)


def menu_for(roles: frozenset[Role], endpoint: str | None, waiting_on: Callable[[str], int]) -> tuple[Link, ...]:
    """The entries for somebody with these roles, in their order; where they are is marked.

    `waiting_on`: how much waits for them on a page. A subject that is not in their menu is there while they are in it.
    """
    here = tab_of(endpoint)
    links = (
        _link(subject, roles, endpoint, waiting_on)
        for subject in NAVIGATION
        if not subject.roles or subject.roles & roles or here in subject.tabs
    )
    return tuple(link for link in links if link is not None)


def tab_of(endpoint: str | None) -> Tab | None:
    """The tab that the page is, or is reached from."""
    claims = [(tab.claims(endpoint), tab) for subject in NAVIGATION for tab in subject.tabs] if endpoint else []
    surest, tab = max(claims, key=lambda claim: claim[0], default=(0, None))
    return tab if surest else None


def _link(
    subject: Subject, roles: frozenset[Role], endpoint: str | None, waiting_on: Callable[[str], int]
) -> Link | None:
    here = tab_of(endpoint)
    tabs = tuple(
        Link(tab.label, tab.endpoint, _mark(tab is here, tab.endpoint == endpoint), waiting_on(tab.endpoint))
        for tab in subject.tabs
        if tab.is_for(roles)
    )
    if not tabs:
        return None
    label, first = subject.label if len(tabs) > 1 else tabs[0].label, tabs[0].endpoint
    waiting = sum(tab.waiting for tab in tabs)
    return Link(label, first, _mark(here in subject.tabs, first == endpoint), waiting, tabs)


def _mark(holds: bool, is_it: bool) -> str | None:
    if not holds:
        return None
    return "page" if is_it else "true"
