"""What a personnel file did or would do, as plain data for machines and as text for people.

Staff numbers, names and reasons are in it; a birth date or a personal number never is.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from idm.calendar_days import end_to_last_day
from idm.errors import ConfigurationInvalid, FeedRefused, Refusal
from idm.feed.problem import FeedProblem
from idm.personnel.plan import PersonnelPlan
from jobs.hr.hr_feed import FeedResult

HELD_TITLES = {
    "row": "行の内容", "missing": "ファイルにない人", "match": "同じ人か", "gaiji": "外字", "doubt": "記録と合わない",
}  # fmt: skip


class Fate(StrEnum):
    """What became of a file in this round."""

    APPLIED = "applied"
    REPEATED = "already_applied"
    REJECTED = "rejected"
    STOPPED = "stopped_by_limit"
    NOT_YET = "not_yet"
    FAILED = "failed"


TITLES = {
    Fate.APPLIED: "取り込みました",
    Fate.REPEATED: "すでに取り込まれています。何も変えていません",
    Fate.REJECTED: "受け付けませんでした",
    Fate.STOPPED: "安全のための上限を超えるため止めました。許可を待っています",
    Fate.NOT_YET: "まだ取り込みません",
    Fate.FAILED: "処理できませんでした。次の回にもう一度行います",
}


@dataclass(frozen=True)
class Ending:
    """How the work on one claimed file ended, for its reports."""

    fate: Fate
    message: str = ""
    result: FeedResult | None = None
    refusal: Refusal | None = None
    run: int | None = None
    sha256: str | None = None
    batch: int | None = None


def as_data(result: FeedResult, *, dry_run: bool) -> dict[str, object]:
    """The result as plain data; the keys are stable."""
    prepared, plan = result.prepared, result.prepared.plan
    return {
        "version": 1,
        "sha256": prepared.feed.sha256,
        "as_of": plan.as_of.isoformat(),
        "dry_run": dry_run,
        "already_applied": prepared.repeated is not None,
        "run": result.applied.run.id if result.applied else None,
        "drafts": [request.id for request in result.applied.drafts] if result.applied else [],
        "joiners": [j.career.staff_number for j in plan.joiners],
        "movers": [c.before.staff_number for c in plan.movers],
        "absent": [c.before.staff_number for c in plan.absent],
        "leavers": [
            {"staff_number": c.before.staff_number, "last_day": str(end_to_last_day(c.now.valid_until))}
            for c in plan.leavers
        ],
        "corrections": [c.before.staff_number for c in plan.corrections],
        "held": [
            {"row": h.row_number, "staff_number": h.staff_number, "kind": h.kind.value, "reason": h.reason}
            for h in plan.held
        ],
        "limits": [excess.sentence for excess in prepared.assessment.excesses],
        "unchanged": plan.unchanged,
        "rows": prepared.identity.row_count,
        "warnings": [problem_data(warning) for warning in prepared.feed.warnings],
    }


def problem_data(problem: FeedProblem) -> dict[str, object]:
    """One problem as plain data."""
    return {"row": problem.row, "column": problem.column, "message": problem.message}


def refusal_data(refusal: Refusal) -> dict[str, object]:
    """A refusal as plain data, with every problem in it."""
    problems = refusal.problems if isinstance(refusal, FeedRefused) else ()
    return {
        "code": refusal.code,
        "message": refusal.message,
        "problems": [problem_data(problem) for problem in problems if isinstance(problem, FeedProblem)],
    }


def counts_line(plan: PersonnelPlan) -> str:
    """How many of each, in one line."""
    return (
        f"採用等 {len(plan.joiners)}、異動 {len(plan.movers)}、休職・復職等 {len(plan.absent)}、退職等"
        f" {len(plan.leavers)}、記載の変更 {len(plan.corrections)}、変わりなし {plan.unchanged}、"
        f"保留 {len(plan.held)}"
    )


def result_lines(result: FeedResult) -> Iterator[str]:
    """The result for people, line by line."""
    prepared, plan = result.prepared, result.prepared.plan
    yield f"基準日: {plan.as_of.isoformat()}　行数: {prepared.identity.row_count}"
    yield counts_line(plan)
    if result.applied is not None and result.applied.drafts:
        yield f"申請の下書き {len(result.applied.drafts)} 件を作りました。人事担当者が画面で提出します。"
    for excess in prepared.assessment.excesses:
        yield f"上限: {excess.sentence}"
    for warning in prepared.feed.warnings:
        yield f"注意: {warning}"
    if plan.held:
        kinds = Counter(held.kind.value for held in plan.held)
        yield f"保留の内訳: {'、'.join(f'{HELD_TITLES[kind]} {count}' for kind, count in sorted(kinds.items()))}"
    for held in plan.held:
        row = f"{held.row_number}行目" if held.row_number is not None else "ファイルにない人"
        yield f"保留: {row} 職員番号 {held.staff_number} {held.name}: {held.reason}"


def refusal_lines(refusal: Refusal) -> Iterator[str]:
    """The refusal for people, line by line."""
    yield f"{refusal.message} [{refusal.code}]"
    if isinstance(refusal, FeedRefused):
        yield from (f"誤り: {problem}" for problem in refusal.problems)
    if isinstance(refusal, ConfigurationInvalid):
        yield from (f"誤り: {mistake}" for mistake in refusal.mistakes)


def text_of(feed: str, name: str, ending: Ending) -> str:
    """The report for people."""
    lines = [f"人事データの取込みの報告　{feed}　{name}", f"結果: {TITLES[ending.fate]}"]
    lines += [f"取込みの記録: 第{ending.run}回"] if ending.run is not None else []
    lines += [f"SHA-256: {ending.sha256}"] if ending.sha256 is not None else []
    lines += list(refusal_lines(ending.refusal)) if ending.refusal is not None else []
    lines += list(result_lines(ending.result)) if ending.result is not None else []
    return "\n".join([*lines, ""])


def data_of(feed: str, name: str, ending: Ending) -> dict[str, object]:
    """The report for machines; the keys are stable."""
    result, refusal = ending.result, ending.refusal
    return {
        "version": 1, "feed": feed, "file": name, "fate": ending.fate.value, "run": ending.run,
        "sha256": ending.sha256, "batch_tried": ending.batch,
        "refusal": refusal_data(refusal) if refusal is not None else None,
        "result": as_data(result, dry_run=result.applied is None) if result is not None else None,
    }  # fmt: skip
