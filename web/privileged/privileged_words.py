"""Words for the use of privileged IDs and for kept passwords: title and look, as in `web.oversight_words`."""

from collections.abc import Mapping
from enum import StrEnum

from flask import Flask
from flask_babel import gettext as _

from idm.privileged_use_state import is_attended
from idm.queries.privileged.use_sheets import UseSheet
from idm.queries.privileged.uses import UsableId
from idm.queries.privileged.vault_status import STANDING_TITLES, Standing
from idm.vocabulary import (
    ROTATION_REASON_TITLES,
    ROTATION_STATE_TITLES,
    USE_END_TITLES,
    USE_STATE_TITLES,
    VERIFIED_HOW_TITLES,
    RotationReason,
    RotationState,
    UseEnd,
    UseState,
    VerifiedHow,
)
from web import current

_USE_LOOKS = {
    UseState.ASKED: "info",
    UseState.APPROVED: "info",
    UseState.OPEN: "success",
    UseState.ENDING: "warning",
    UseState.REFUSED: "error",
}
_ROTATION_LOOKS = {RotationState.CONFIRMED: "success", RotationState.CANCELLED: "neutral"}
_STANDING_LOOKS = {
    Standing.REFUSED: "error",
    Standing.OVERDUE: "error",
    Standing.UNDER_WAY: "info",
    Standing.NOT_YET: "warning",
    Standing.SEEN: "warning",
    Standing.KEPT: "success",
    Standing.IN_USE: "info",
}

PRIVILEGED_WORDS: Mapping[type[StrEnum], dict[str, tuple[str, str]]] = {
    UseState: {state: (title, _USE_LOOKS.get(state, "neutral")) for state, title in USE_STATE_TITLES.items()},
    UseEnd: {end: (title, "neutral") for end, title in USE_END_TITLES.items()},
    RotationReason: {reason: (title, "neutral") for reason, title in ROTATION_REASON_TITLES.items()},
    RotationState: {
        state: (title, _ROTATION_LOOKS.get(state, "info")) for state, title in ROTATION_STATE_TITLES.items()
    },
    VerifiedHow: {how: (title, "neutral") for how, title in VERIFIED_HOW_TITLES.items()},
    Standing: {standing: (title, _STANDING_LOOKS[standing]) for standing, title in STANDING_TITLES.items()},
}


def why_usable(one: UsableId) -> str:
    """Why somebody may ask to use an ID, in words."""
    if one.own:
        rights = "、".join(name for _grant_id, name in one.rights)
        return str(_("自分の特権ID（%(rights)s）", rights=rights) if rights else _("自分の特権ID"))
    return str(_("登録されたID：%(purpose)s", purpose=one.purpose or ""))


def is_report_overdue(use: UseSheet) -> bool:
    """Whether its work report is missing and its time is over."""
    return use.report_overdue(current.now())


def remaining_words(use: UseSheet) -> str:
    """How long the use is still open (残り1時間20分); nothing where it is not."""
    left = use.remaining(current.now())
    if left is None:
        return ""
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    if hours:
        return str(_("残り%(hours)s時間%(minutes)s分", hours=hours, minutes=minutes))
    return str(_("残り%(minutes)s分", minutes=minutes))


def is_on_its_way(use: UseSheet) -> bool:
    """Whether something about it is going to happen without its user doing anything."""
    return use.state is not UseState.OPEN or use.opened_at is None or (use.password_to_come and not use.password_ready)


_STEPS = {UseState.ASKED: 1, UseState.APPROVED: 2, UseState.OPEN: 2, UseState.ENDING: 4, UseState.ENDED: 5}


def step_number(use: UseSheet) -> int:
    """Which of the five steps a use has come to; 6 = all are done."""
    if use.state is UseState.OPEN and use.opened_at is not None:
        return 3
    if use.state is UseState.ENDED and use.checked_at is not None:
        return 6
    return _STEPS.get(use.state, 1)


def awaits_attendance(use: UseSheet) -> bool:
    """Whether a permitted use begins only once its attendant says, or says again, that they are there."""
    said = is_attended(use.attended_at, now=current.now())
    return use.state is UseState.APPROVED and use.attendance_needed and not said


def due_to_begin(use: UseSheet) -> bool:
    """Whether a permitted use would be open by now, were nothing in its way."""
    return use.state is UseState.APPROVED and use.wanted_from <= current.now()


def next_step(use: UseSheet, reader_id: int) -> str:
    """What the reader has to do next about a use, or what it waits for."""
    own = use.person_id == reader_id
    facts = (
        (use.report_missing and own, _("作業報告を書く")),
        (use.state is UseState.ASKED, _("許可を待っています")),
        (awaits_attendance(use), _("立会いを待っています")),
        (use.state is UseState.APPROVED, _("開始を待っています")),
        (use.state is UseState.OPEN and use.opened_at is None, _("準備を待っています")),
        (use.state is UseState.OPEN and own and use.password_ready, _("パスワードを表示する")),
        (use.state is UseState.OPEN and own, _("終わったら返却する")),
        (use.state is UseState.ENDING, _("終了の確認を待っています")),
        (use.reported_at is not None and use.checked_at is None, _("報告の確認を待っています")),
    )
    return str(next((step for holds, step in facts if holds), _("内容を見る")))


def install(app: Flask) -> None:
    """Afterwards every template can use the words above, each by its own name."""
    words = (
        why_usable, is_report_overdue, remaining_words, is_on_its_way, step_number, next_step, awaits_attendance,
        due_to_begin,
    )  # fmt: skip
    for function in words:
        app.jinja_env.filters[function.__name__] = function
