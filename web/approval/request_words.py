"""Words for applications on a page: what the closed lists are called, and how the rows of a sheet are told.

The words themselves stand beside the lists in `idm`; the titles of roles are the profile's.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from flask import Blueprint
from flask_babel import gettext as _

from idm.calendar_days import day_of
from idm.directory.directory_status import CONFIRMED, Reflection
from idm.directory.directory_status import TITLES as DIRECTORY_TITLES
from idm.factors.factor_gate import Verdict
from idm.grant_state import TITLES as GRANT_TITLES
from idm.grant_state import EndReason, GrantState
from idm.queries.approval.seats import BAR_TITLES, Bar
from idm.queries.factors.gate_outlook import STILL_NEEDED
from idm.queries.rights.held_rights import HeldRight
from idm.routing import RUNG_TITLES, Rung, Seated
from idm.vocabulary import ACTION_TITLES, EFFECT_TITLES, ZONE_TITLES, LineEffect, RequestAction, Role, Zone
from web import current
from web.formats import clock_time, day, moment, plain_day

DIRECTORY_CHIPS = {
    "not_yet": "neutral",
    "observed": "neutral",
    "waiting": "warning",
    "retrying": "warning",
    "refused": "error",
    "handover": "warning",
    "asleep": "neutral",
    "nothing": "neutral",
    "shown": "success",
    "complete": "success",
    "hand_waiting": "warning",
    "hand_done": "warning",
    "stopped": "neutral",
    "taken": "success",
}
GRANT_CHIPS = {"planned": "info", "in_force": "success", "suspended": "warning", "ended": "neutral"}
END_TITLES = {
    EndReason.REQUESTED: "申請による取消し",
    EndReason.EXPIRED: "期間の満了",
    EndReason.LEFT: "離職",
    EndReason.POST_LOST: "異動（根拠の職を離れたため）",
    EndReason.REVIEWED: "棚卸し",
    EndReason.GIVEN_BACK: "本人の届出（不要）",
    EndReason.ID_GONE: "共用IDの登録の終了",
    EndReason.SERVICE_ENDED: "外部サービスの利用の終了",
}
NAMES_SHOWN = 2
HASH_SHOWN = 16


def action_title(action: RequestAction) -> str:
    """登録, 変更 or 抹消."""
    return ACTION_TITLES[action]


def effect_title(effect: LineEffect) -> str:
    """付与 or 取消し, with its sign."""
    return f"{'＋' if effect is LineEffect.GRANT else '－'} {EFFECT_TITLES[effect]}"


def zone_title(zone: Zone) -> str:
    """The name of the zone."""
    return ZONE_TITLES[zone]


def role_title(role: Role) -> str:
    """What this organisation calls the role."""
    return current.policy().title_of(role)


def grant_title(state: GrantState) -> str:
    """What people read for the state of a right."""
    return GRANT_TITLES[state]


def grant_chip(state: GrantState) -> str:
    """How the chip of that state looks."""
    return GRANT_CHIPS[state.value]


def still_needed(verdict: Verdict) -> str:
    """What has to be shown before a right behind the gate of factors takes effect."""
    return STILL_NEEDED[verdict]


def end_title(reason: EndReason) -> str:
    """Why a right ended."""
    return END_TITLES[reason]


def directory_title(reflection: Reflection) -> str:
    """What the directory showed, and when it was read."""
    title = DIRECTORY_TITLES[reflection.status]
    if reflection.status in CONFIRMED and reflection.checked_at is not None:
        return str(_("%(title)s（確認 %(at)s）", title=title, at=moment(reflection.checked_at)))
    return title


def directory_chip(reflection: Reflection) -> str:
    """How the chip of that status looks."""
    return DIRECTORY_CHIPS[reflection.status.value]


def rung_title(rung: Rung | None) -> str:
    """代決, 副CISO or CISO; nothing for the holder of the post."""
    return "" if rung is None else RUNG_TITLES[rung]


def seated_names(seats: Sequence[Seated], names: dict[int, str]) -> str:
    """Who may decide: 天神 太郎、箱崎 花子（天神 太郎の代決）."""
    return "、".join(_seated_name(seat, names) for seat in seats)


def _seated_name(seat: Seated, names: dict[int, str]) -> str:
    name = names[seat.person_id]
    if seat.acting_for is not None:
        return str(_("%(name)s（%(principal)sの代決）", name=name, principal=names[seat.acting_for]))
    title = RUNG_TITLES[seat.rung]
    return f"{name}（{title}）" if title else name


def bar_title(bar: Bar) -> str:
    """Why somebody may not decide a step."""
    return BAR_TITLES[bar]


def some_names(names: Sequence[str]) -> str:
    """The first names and how many more: 青木 一郎、今泉 二葉 ほか3名."""
    shown = "、".join(names[:NAMES_SHOWN])
    rest = len(names) - NAMES_SHOWN
    return str(_("%(names)s ほか%(rest)s名", names=shown, rest=rest)) if rest > 0 else shown


def short_hash(value: str) -> str:
    """The first signs of a hash, in groups of four, as people compare them."""
    shown = value[:HASH_SHOWN]
    return " ".join(shown[at : at + 4] for at in range(0, len(shown), 4))


def right_names(rights: Sequence[HeldRight]) -> str:
    """The names of these rights; なし for none."""
    return "、".join(right.right_name for right in rights) or _("なし")


def lapse_day(submitted_on: date) -> date:
    """The day on which an application submitted on that day lapses undecided."""
    return submitted_on + timedelta(days=current.policy().applications.lapse_days)


def print_moment(value: datetime) -> str:
    """令和8年4月1日 10:15, as a seal says it."""
    return f"{plain_day(day_of(value))} {clock_time(value)}"


def moment_day(value: datetime) -> str:
    """令和8年4月1日（水）: the day in Tokyo of a moment."""
    return day(day_of(value))


def hiragana(kana: str) -> str:
    """The reading as forms write it (ふりがな)."""
    return "".join(chr(ord(sign) - 0x60) if "ァ" <= sign <= "ヶ" else sign for sign in kana)


FILTERS = (
    print_moment, moment_day, hiragana,
    action_title, effect_title, zone_title, role_title, grant_title, grant_chip, end_title, directory_title,
    directory_chip, still_needed, rung_title, seated_names, bar_title, some_names, short_hash, right_names,
)  # fmt: skip


def offer(blueprint: Blueprint) -> None:
    """Afterwards every template can use the filters above, each by its own name."""
    for function in FILTERS:
        blueprint.add_app_template_filter(function, function.__name__)
