"""How values look on a page: days in era years, moments in Tokyo, states as words and kinds of chip."""

from datetime import date, datetime

from flask import Flask

from idm import request_state
from idm.calendar_days import TOKYO, day_of, end_to_last_day
from idm.vocabulary import AUTHENTICATOR_TITLES, AuthenticatorKind
from idm.wareki import format_wareki, format_wareki_weekday

CHIP_KINDS = {
    "draft": "neutral",
    "submitted": "info",
    "pending": "info",
    "approved": "success",
    "returned": "warning",
    "rejected": "error",
    "withdrawn": "neutral",
    "lapsed": "neutral",
    "closed": "neutral",
}
"""State of an application, a line or a step → how its chip looks. The words say the same without the colour."""


def day(value: date | None) -> str:
    """令和8年4月1日（水）; nothing for no day."""
    return "" if value is None else format_wareki_weekday(value)


def plain_day(value: date | None) -> str:
    """令和8年4月1日; nothing for no day."""
    return "" if value is None else format_wareki(value)


def last_day(valid_until: date | None) -> str:
    """The last day of a half-open period as people write it; 期限なし when it has no end."""
    last = end_to_last_day(valid_until)
    return "期限なし" if last is None else format_wareki_weekday(last)


def moment(value: datetime | None) -> str:
    """令和8年4月1日（水）10:15, in Tokyo; nothing for no moment."""
    return "" if value is None else f"{format_wareki_weekday(day_of(value))}{clock_time(value)}"


def clock_time(value: datetime) -> str:
    """10:15, in Tokyo."""
    return value.astimezone(TOKYO).strftime("%H:%M")


def factor_kind(value: AuthenticatorKind) -> str:
    """認証アプリ, パスキー …"""
    return AUTHENTICATOR_TITLES[value]


def iso_day(value: date) -> str:
    """2026-04-01, for machines and beside an era date in dense tables."""
    return value.isoformat()


def iso_moment(value: datetime) -> str:
    """2026-04-01T10:15:00+09:00, for machines."""
    return value.astimezone(TOKYO).isoformat(timespec="seconds")


def state_title(state: str) -> str:
    """What people read for a state of an application, a line or a step."""
    return request_state.TITLES[str(state)]


def chip_kind(state: str) -> str:
    """How the chip of that state looks."""
    return CHIP_KINDS[str(state)]


FILTERS = (day, plain_day, last_day, moment, clock_time, factor_kind, iso_day, iso_moment, state_title, chip_kind)


def install(app: Flask) -> None:
    """Afterwards every template can use the filters above, each by its own name."""
    for function in FILTERS:
        app.jinja_env.filters[function.__name__] = function
