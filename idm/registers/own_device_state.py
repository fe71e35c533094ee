"""The life of a device that the body did not issue (支給以外の端末), from its application to its clearing. Pure.

    asked ──every permit is given──► permitted ──period over, not needed, moved, left──► to clear ──► cleared ──► closed
      ├──refused──► refused             │                                                   ▲ reported  │ confirmed
      ├──taken back─► withdrawn         ├──a renewal is permitted (also later)──► replaced  └─sent back─┘ by another
      └──never answered─► lapsed        └──lost (also while it is cleared)──► lost ──settled──► closed
                                                                               └──found again──► to clear

It is used only while it is permitted. It is not forgotten before the information on it is gone: the holder says how it
was removed and another person confirms (FK 5-1(1)④, MC 5.1 and 6.1(19), MT 6-1(1)エ; control I4).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from idm.errors import IllegalTransition, InvalidInput
from idm.policy import OwnDeviceRules
from idm.vocabulary import OWN_DEVICE_STATE_TITLES, OwnDeviceState, Role
from idm.wareki import format_wareki

State = OwnDeviceState


class DeviceEvent(StrEnum):
    """What can happen to a device."""

    PERMIT = "permit"
    """The last of the permits that the profile asks for."""
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    REPLACE = "replace"
    END = "end"
    REPORT_CLEARED = "report_cleared"
    SEND_BACK = "send_back"
    CONFIRM = "confirm"
    LOSE = "lose"
    FIND_AGAIN = "find_again"
    SETTLE = "settle"


KEPT = frozenset({State.PERMITTED, State.TO_CLEAR, State.CLEARED})
"""In somebody's hands, with information of the body on it."""
WATCHED = KEPT | {State.LOST}
"""What a day looks at."""

TRANSITIONS: Mapping[tuple[OwnDeviceState, DeviceEvent], OwnDeviceState] = {
    (State.ASKED, DeviceEvent.PERMIT): State.PERMITTED,
    (State.ASKED, DeviceEvent.REFUSE): State.REFUSED,
    (State.ASKED, DeviceEvent.WITHDRAW): State.WITHDRAWN,
    (State.ASKED, DeviceEvent.LAPSE): State.LAPSED,
    **{(state, DeviceEvent.REPLACE): State.REPLACED for state in KEPT},
    (State.PERMITTED, DeviceEvent.END): State.TO_CLEAR,
    (State.TO_CLEAR, DeviceEvent.REPORT_CLEARED): State.CLEARED,
    (State.CLEARED, DeviceEvent.SEND_BACK): State.TO_CLEAR,
    (State.CLEARED, DeviceEvent.CONFIRM): State.CLOSED,
    **{(state, DeviceEvent.LOSE): State.LOST for state in KEPT},
    (State.LOST, DeviceEvent.FIND_AGAIN): State.TO_CLEAR,
    (State.LOST, DeviceEvent.SETTLE): State.CLOSED,
}


def after(state: OwnDeviceState, event: DeviceEvent) -> OwnDeviceState:
    """The state that follows. Raises IllegalTransition when that may not happen to it now."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        title = OWN_DEVICE_STATE_TITLES[state]
        raise IllegalTransition(f"この端末は「{title}」のため、この操作はできません。")
    return following


def next_permit(given: int, rules: OwnDeviceRules) -> Role | None:
    """Whose permit comes next when so many are given; None = every one is given."""
    return rules.permits[given].role if given < len(rules.permits) else None


def require_period(begins_on: date, ends_on: date, today: date, rules: OwnDeviceRules) -> None:
    """Afterwards the period is one that may be applied for; `ends_on`: the first day without. Raises InvalidInput."""
    longest = begins_on + timedelta(days=rules.longest_days)
    if ends_on <= max(begins_on, today):
        said = "利用の最終日は、開始日と今日より後にしてください。"
    elif ends_on > longest:
        last = format_wareki(longest - timedelta(days=1))
        said = f"一度に申請できるのは{rules.longest_days}日間です。{last}までの日にしてください。"
    else:
        return
    raise InvalidInput(said, fields={"last_day": said})


def require_first_day(begins_on: date, today: date, renewed: tuple[OwnDeviceState, date] | None = None) -> None:
    """Afterwards the use begins neither in the past nor, of a renewal, after days that nothing permits.

    `renewed`: state of what is renewed, and its first day without. Raises InvalidInput.
    """
    latest = None if renewed is None else max(today, renewed[1] if renewed[0] is State.PERMITTED else today)
    if begins_on < today:
        said = "利用の開始日は、今日以後にしてください。許可の前の日にさかのぼることはできません。"
    elif latest is not None and begins_on > latest:
        said = f"更新では間を空けられません。開始日は{format_wareki(latest)}までの日にしてください。"
    else:
        return
    raise InvalidInput(said, fields={"first_day": said})


def require_level(confidentiality: int, rules: OwnDeviceRules) -> None:
    """Afterwards information of that confidentiality may be on such a device at all. Raises InvalidInput."""
    if confidentiality > rules.most_confidential:
        said = (
            f"機密性{confidentiality}の情報は、支給以外の端末では扱えません。支給された端末を使うか、"
            "例外措置の許可を先に得てください。"
        )
        raise InvalidInput(said, fields={"confidentiality": said})


def check_due(since: date, rules: OwnDeviceRules) -> date:
    """The last day for the next regular check of one that was permitted, or checked, on the day."""
    return since + timedelta(days=rules.check_every_days)


@dataclass(frozen=True)
class DeviceFacts:
    """What a day knows of a device. `since`: when its state began."""

    state: OwnDeviceState
    since: date
    check_due: date


def faults(facts: DeviceFacts, day: date, rules: OwnDeviceRules) -> tuple[str, ...]:
    """What somebody has to put right about it, in sentences."""
    late = facts.since + timedelta(days=rules.clear_within_days) <= day
    found = (
        (facts.state is State.PERMITTED and facts.check_due < day, "定期確認の期限が過ぎています。"),
        (facts.state is State.TO_CLEAR and late, "業務の情報を消したことが報告されていません。"),
        (facts.state is State.CLEARED and late, "業務の情報を消したことが確認されていません。"),
    )
    return tuple(said for wrong, said in found if wrong)
