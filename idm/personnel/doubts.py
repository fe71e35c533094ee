"""What makes a file's word about somebody known doubtful, so that a human looks first. Pure (control A7)."""

from collections.abc import Sequence
from datetime import date, timedelta

from idm.employment_kind import EmploymentKind
from idm.feed.row import FeedRow
from idm.names.personal_names import fold, split_name
from idm.personnel.career import AbsencePeriod, Career
from idm.personnel.events import Doubt
from idm.personnel.snapshot import end_of, primary_row
from idm.personnel.told import PersonTold
from idm.personnel_event import EventKind

LATEST_NOTICE = timedelta(days=100)
"""How late the end or the leave of somebody at work may be told: more than a quarter is rather a wrong year."""


def require_same_human(known: Career, person: PersonTold, *, recognised: bool) -> None:
    """Raises Doubt where the number may have changed hands; `recognised` = reading and birth date are the person's."""
    if not (_renamed(person) or recognised or given_name(person.first.kana) == given_name(known.kana)):
        raise Doubt("同じ職員番号の人と名が違います。番号の付け替えではないか確かめてください。")


def require_plausible(known: Career, rows: Sequence[FeedRow], as_of: date) -> None:
    """Raises Doubt where the days of a snapshot contradict those on record."""
    primary, end = primary_row(rows), end_of(rows)
    if known.valid_until is not None and primary.employed_from >= known.valid_until:
        raise Doubt("終わった任用の職員番号が、もう一度使われています。")
    if known.valid_from <= as_of < primary.employed_from:
        raise Doubt("すでに始まった任用の採用日が、先の日に変わっています。")
    begins = primary.employed_from if known.valid_from > as_of else known.valid_from
    if end is not None and end <= begins:
        raise Doubt("退職日又は任期満了日が、記録されている採用日より前です。")
    if primary.left_on is None and end is not None and known.valid_until is not None and end < known.valid_until:
        raise Doubt("任期満了日が早まっています。途中で退職するのであれば、退職日が要ります。")


def require_under_contract(known: Career, career: Career | None) -> None:
    """Contractors end with their contract, whatever a personnel file says (FK 6-3(2)⑪). Raises Doubt."""
    if career is None or EmploymentKind.CONTRACTOR not in (known.kind, career.kind):
        return
    if known.kind is not career.kind:
        raise Doubt("委託事業者との任用形態の変更は、人事データではできません。外部者登録簿で登録してください。")
    ends, ended = career.valid_until, known.valid_until
    if ends is None or (ended is not None and ends > ended):
        raise Doubt("委託事業者の期間を、契約の期間を越えて延ばすことはできません。外部者登録簿で更新してください。")


def require_sure_end(
    known: Career, career: Career | None, person: PersonTold, as_of: date, *, recognised: bool
) -> None:
    """Raises Doubt unless what ends access sooner names its person in full and is told while it is still news."""
    same = recognised or fold(person.first.kana) == fold(known.kana)
    if not (_renamed(person) or same):
        raise Doubt("退職などの知らせですが、記録と氏名の読みが違います。番号の誤りではないか確かめてください。")
    end = career.valid_until if career is not None else None
    employed = known.valid_until is None or as_of < known.valid_until
    if employed and end is not None and end < as_of - LATEST_NOTICE:
        raise Doubt(f"在職中の人の退職日が{LATEST_NOTICE.days}日より前の日です。年の誤りではないか確かめてください。")


def require_news(absences: frozenset[AbsencePeriod], known: frozenset[AbsencePeriod], as_of: date) -> None:
    """Raises Doubt where an event tells of a leave that began long ago: it would suspend somebody who is at work.

    What says another end of a leave that somebody is on already suspends nobody.
    """
    away = {(period.kind, period.valid_from) for period in known if period.holds_on(as_of)}
    told = (period for period in absences if (period.kind, period.valid_from) not in away)
    if any(period.valid_from < as_of - LATEST_NOTICE and period.holds_on(as_of) for period in told):
        raise Doubt(f"休職等の発令日が{LATEST_NOTICE.days}日より前の日です。年の誤りではないか確かめてください。")


def _renamed(person: PersonTold) -> bool:
    return any(event.kind is EventKind.NAME_CHANGE for event in person.events)


def given_name(kana: str) -> str:
    """The last part of a reading, however it is written: a family name may change, the other rarely does."""
    return fold(split_name(kana)[1] or kana)
