"""Standing approvals (包括承認): what one may cover, and when it no longer holds (controls A1, A4, A7). Pure.

There are none unless the profile cites the organisation's rule that allows them. One covers ordinary rights that follow
from posts: never a privileged one, never one of a My Number system or for access from outside, never one asked for by
name only. It never covers a
line about an officer of the route, a contractor, or any of the three people who made it. It was given for the
rights-by-post rules of one day: other rules are not approved.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256

from idm.organisation import PostRight
from idm.vocabulary import Role, Zone


class RightBar(StrEnum):
    """Why a right of the system cannot be covered."""

    MYNUMBER = "mynumber"
    PRIVILEGED = "privileged"
    EXTERNAL_ACCESS = "external_access"
    BY_NAME_ONLY = "by_name_only"
    NOT_BY_POST = "not_by_post"


RIGHT_BAR_TITLES = {
    RightBar.MYNUMBER: "マイナンバー利用事務系の権限です",
    RightBar.PRIVILEGED: "特権です",
    RightBar.EXTERNAL_ACCESS: "外部からの利用などの権限です",
    RightBar.BY_NAME_ONLY: "本人を名指しした申請だけで付与する権限です",
    RightBar.NOT_BY_POST: "職から決まる権限ではありません",
}


@dataclass(frozen=True)
class RightFacts:
    """What the rules look at in a right. `by_post`: whether any rights-by-post rule names it."""

    zone: Zone
    privileged: bool
    external_access: bool
    by_name_only: bool
    by_post: bool


def right_bar(right: RightFacts) -> RightBar | None:
    """Why no standing approval covers the right; None = one may."""
    if right.zone is Zone.MYNUMBER:
        return RightBar.MYNUMBER
    if right.privileged:
        return RightBar.PRIVILEGED
    if right.external_access:
        return RightBar.EXTERNAL_ACCESS
    if right.by_name_only:
        return RightBar.BY_NAME_ONLY
    return None if right.by_post else RightBar.NOT_BY_POST


class LineBar(StrEnum):
    """Why a line is not covered, so that its application waits for people."""

    RIGHT = "right"
    POST = "post"
    OFFICER = "officer"
    CONTRACTOR = "contractor"
    PROPOSER = "proposer"
    APPROVER = "approver"


@dataclass(frozen=True)
class Makers:
    """The three people behind a standing approval, under every row of theirs (SOD-5), and the rights it names."""

    proposer: frozenset[int]
    approvers: frozenset[int]
    rights: frozenset[int]


@dataclass(frozen=True)
class LineFacts:
    """What the rules look at in a line. `subject`: every person row of that human.

    `follows_from_post`: on the line's first day the subject's posts give the right (付与) or no longer do (取消し).
    """

    entitlement_id: int
    right: RightFacts
    subject: frozenset[int]
    officer: bool
    contractor: bool
    follows_from_post: bool


def line_bar(line: LineFacts, makers: Makers) -> LineBar | None:
    """Why the standing approval does not cover the line; None = it does."""
    barred = {
        LineBar.RIGHT: line.entitlement_id not in makers.rights or right_bar(line.right) is not None,
        LineBar.POST: not line.follows_from_post,
        LineBar.OFFICER: line.officer,
        LineBar.CONTRACTOR: line.contractor,
        LineBar.PROPOSER: bool(line.subject & makers.proposer),
        LineBar.APPROVER: bool(line.subject & makers.approvers),
    }
    return next((bar for bar, holds in barred.items() if holds), None)


@dataclass(frozen=True)
class Seats:
    """The seats of the two approvals, as the columns of the record are called."""

    chief: Role
    manager: Role


def seats_of(route: Sequence[Role]) -> Seats | None:
    """The two seats of the route, the system's manager as `manager`; None where the route is not two seats."""
    if len(route) != 2 or route[0] is route[1]:
        return None
    first, second = route
    return Seats(second, first) if first is Role.SYSTEM else Seats(first, second)


class Stop(StrEnum):
    """Why a standing approval ends without anybody ending it."""

    OFF = "off"
    RULE = "rule"
    ROUTE = "route"
    POST_RIGHTS = "post_rights"
    LAPSED = "lapsed"


STOP_REASONS = {
    Stop.OFF: "プロファイルに、包括承認を認める規程の条項がなくなりました。",
    Stop.RULE: "プロファイルが示す、包括承認を認める規程の条項が変わりました。",
    Stop.ROUTE: "決裁の経路が二つの職ではなくなりました。",
    Stop.POST_RIGHTS: "職から決まる権限の定めが変わりました。",
    Stop.LAPSED: "承認した人が職を離れてから、定められた日数が過ぎました。",
}


@dataclass(frozen=True)
class Basis:
    """What a standing approval rests on: the rule that allows it, and the rights-by-post rules."""

    rule: str
    rules_digest: str


def stop(given: Basis, current: Basis, *, seats: Seats | None, lapses_on: date | None, day: date) -> Stop | None:
    """Why it does not hold on the day; None = it does. On `lapses_on` itself it no longer holds."""
    if not current.rule:
        return Stop.OFF
    if current.rule != given.rule:
        return Stop.RULE
    if seats is None:
        return Stop.ROUTE
    if current.rules_digest != given.rules_digest:
        return Stop.POST_RIGHTS
    return Stop.LAPSED if lapses_on is not None and lapses_on <= day else None


def lapse_day(unseated_since: date, lapse_days: int) -> date:
    """The first day on which it no longer holds, when an approver did not hold the seat from that day on.

    It holds for `lapse_days` days, the first of which is `unseated_since`.
    """
    return unseated_since + timedelta(days=lapse_days)


def rules_digest(system_code: str, post_rights: Iterable[PostRight]) -> str:
    """SHA-256, in hex, of the rights-by-post rules of one system; their order does not matter."""
    rules = sorted(_canonical(asdict(rule)) for rule in post_rights if rule.system == system_code)
    return sha256(_canonical(rules).encode()).hexdigest()


@dataclass(frozen=True)
class StandingContent:
    """A proposal as it is approved. `rights` are ids of rights in the system."""

    system_id: int
    rule: str
    reason: str
    rules_digest: str
    proposed_by_id: int
    rights: frozenset[int]


def content_digest(content: StandingContent) -> str:
    """SHA-256, in hex, of everything that is approved: what an approver was shown must have this hash (control A4)."""
    return sha256(_canonical(asdict(content) | {"rights": sorted(content.rights)}).encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
