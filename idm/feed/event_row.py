"""One line of an appointment notice (発令), as the file says it: who, what and from which day. Names as received."""

from dataclasses import dataclass, field
from datetime import date

from idm.employment_kind import EmploymentKind
from idm.feed.profile import PostKind
from idm.personnel_event import AbsenceKind, EventKind, LeavingKind


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """One event of one person on its 発令日 (`effective`, a first day; for 退職 and 任期満了 the last day of work).

    `cancelled` calls off that person's event of that kind and day (発令取消). `term_end` and `absence_until` are last
    days. `former_unit_code` and `former_post` say which post is left. `held` is why a person must look first.
    """

    row_number: int
    staff_number: str
    name: str
    kana: str
    birth_date: date | None = field(default=None, repr=False)
    kind: EventKind
    effective: date
    cancelled: bool = False
    unit_code: str | None = None
    unit_name: str | None = None
    post: str | None = None
    post_kind: PostKind = PostKind.PRIMARY
    former_unit_code: str | None = None
    former_post: str | None = None
    employment_kind: EmploymentKind | None = None
    former_staff_number: str | None = None
    term_end: date | None = None
    absence: AbsenceKind | None = None
    absence_until: date | None = None
    leaving: LeavingKind | None = None
    work_name: str | None = None
    romaji: str | None = None
    mail: str | None = None
    published_on: date | None = None
    held: str | None = None
