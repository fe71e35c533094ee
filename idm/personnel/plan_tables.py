"""A personnel plan in words, as tables for people: joiners, movers, absences, leavers, corrections, what is held. Pure.

Staff numbers, names, posts and days are in them; a birth date never is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from idm.calendar_days import end_to_last_day
from idm.personnel.career import PostFacts
from idm.personnel.plan import Changed, Joiner, PersonnelPlan
from idm.personnel.told import Held
from idm.personnel_event import ABSENCE_TITLES, LEAVING_TITLES

Row = tuple[str, ...]


@dataclass(frozen=True)
class PlanTable:
    """One list of the plan. `key` is stable."""

    key: str
    title: str
    headings: Row
    rows: tuple[Row, ...]


def plan_tables(plan: PersonnelPlan) -> tuple[PlanTable, ...]:
    """Every list of the plan, empty ones too, always in this order."""
    names = {unit.code: unit.name for unit in plan.units}
    return (
        _table("joiners", "採用等", ("職員番号", "氏名", "職", "採用日"), (_joiner(j, names) for j in plan.joiners)),
        _table(
            "movers", "異動", ("職員番号", "氏名", "なくなる職", "加わる職"), (_mover(c, names) for c in plan.movers)
        ),
        _table("absent", "休職・復職等", ("職員番号", "氏名", "区分", "期間"), map(_absent, plan.absent)),
        _table("leavers", "退職等", ("職員番号", "氏名", "最後の日", "事由"), map(_leaver, plan.leavers)),
        _table(
            "corrections", "記載の変更", ("職員番号", "氏名"),
            ((c.before.staff_number, c.now.name) for c in plan.corrections),
        ),
        _table(
            "held", "保留（人が確かめるまで動きません）", ("行", "職員番号", "氏名", "理由"), map(_held, plan.held)
        ),
    )  # fmt: skip


def _table(key: str, title: str, headings: Row, rows: Iterable[Row]) -> PlanTable:
    return PlanTable(key, title, headings, tuple(rows))


def _joiner(joiner: Joiner, names: Mapping[str, str]) -> Row:
    career = joiner.career
    posts = _posts((p.facts for p in career.posts), names)
    return career.staff_number, career.name, posts, career.valid_from.isoformat()


def _mover(change: Changed, names: Mapping[str, str]) -> Row:
    return change.before.staff_number, change.now.name, _posts(change.removed, names), _posts(change.added, names)


def _posts(posts: Iterable[PostFacts], names: Mapping[str, str]) -> str:
    return "、".join(f"{names.get(post.unit_code, post.unit_code)} {post.post}" for post in sorted(posts))


def _absent(change: Changed) -> Row:
    spans = sorted(change.absences, key=lambda absence: absence.valid_from)
    titles = "、".join(ABSENCE_TITLES[absence.kind] for absence in spans)
    days = "、".join(f"{a.valid_from}～{end_to_last_day(a.valid_until) or ''}" for a in spans)
    return change.before.staff_number, change.now.name, titles, days


def _leaver(change: Changed) -> Row:
    career = change.career
    if career is None:
        return change.before.staff_number, change.before.name, "", "採用の取消し"
    reason = LEAVING_TITLES[career.leaving] if career.leaving else ""
    return career.staff_number, career.name, str(end_to_last_day(career.valid_until)), reason


def _held(held: Held) -> Row:
    row = str(held.row_number) if held.row_number is not None else ""
    return row, held.staff_number, held.name, held.reason
