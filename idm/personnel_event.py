"""The kinds of personnel event (異動区分), of absence (休職等) and of leaving (退職の事由): closed lists (control A7).

Every personnel system has its own words; a feed profile maps them to these.
"""

from enum import StrEnum


class EventKind(StrEnum):
    """What one line of an appointment notice (発令) does."""

    HIRE = "hire"
    TRANSFER = "transfer"
    PROMOTE = "promote"
    CONCURRENT_BEGIN = "concurrent_begin"
    CONCURRENT_END = "concurrent_end"
    SECOND_OUT = "second_out"
    SECOND_RETURN = "second_return"
    LEAVE_BEGIN = "leave_begin"
    LEAVE_END = "leave_end"
    RENEW = "renew"
    NAME_CHANGE = "name_change"
    RETIRE = "retire"
    TERM_END = "term_end"


class AbsenceKind(StrEnum):
    """Why somebody employed is not at work. Which kinds suspend sign-in is the profile's list."""

    LEAVE = "leave"
    SICK = "sick"
    CHILDCARE = "childcare"
    DISCIPLINE = "discipline"
    UNION = "union"
    SECONDMENT = "secondment"


class LeavingKind(StrEnum):
    """Why an employment ended."""

    RETIREMENT = "retirement"
    RESIGNATION = "resignation"
    DISMISSAL = "dismissal"
    DEATH = "death"
    TERM = "term"
    SECONDMENT = "secondment"
    CONTRACT = "contract"
    OTHER = "other"


EVENT_TITLES = {
    EventKind.HIRE: "採用",
    EventKind.TRANSFER: "異動",
    EventKind.PROMOTE: "昇任・降任",
    EventKind.CONCURRENT_BEGIN: "兼務・併任",
    EventKind.CONCURRENT_END: "兼務・併任の解除",
    EventKind.SECOND_OUT: "出向・派遣",
    EventKind.SECOND_RETURN: "出向・派遣からの復帰",
    EventKind.LEAVE_BEGIN: "休職・休業・停職",
    EventKind.LEAVE_END: "復職",
    EventKind.RENEW: "再任用・任期の更新",
    EventKind.NAME_CHANGE: "氏名の変更",
    EventKind.RETIRE: "退職",
    EventKind.TERM_END: "任期満了",
}
ABSENCE_TITLES = {
    AbsenceKind.LEAVE: "休職",
    AbsenceKind.SICK: "病気休職・病気休暇",
    AbsenceKind.CHILDCARE: "育児休業",
    AbsenceKind.DISCIPLINE: "停職",
    AbsenceKind.UNION: "専従",
    AbsenceKind.SECONDMENT: "出向・派遣",
}
LEAVING_TITLES = {
    LeavingKind.RETIREMENT: "定年・勧奨退職",
    LeavingKind.RESIGNATION: "普通退職・辞職",
    LeavingKind.DISMISSAL: "免職・失職",
    LeavingKind.DEATH: "死亡",
    LeavingKind.TERM: "任期満了",
    LeavingKind.SECONDMENT: "割愛・出向による退職",
    LeavingKind.CONTRACT: "契約の終了",
    LeavingKind.OTHER: "その他の退職",
}
