"""The check of our own record (FK 6-1(6)③, MT 7-1(6)ウ; control G4): rules every night, and a name to it in time.

What stands out is of the past and does not go away: a finding of this kind stays open, night after night, until
somebody whom the profile names has signed that they looked at everything up to its day. Nobody signs for what is about
themselves, nor for what they were not shown; that stays open. What no checker may sign for, as it is about every one of
them, is signed by the CISO or the vice CISO.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, func, select, tuple_, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, start_of
from idm.database import in_chunks
from idm.errors import ContentChanged, IllegalTransition, InvalidInput, NotPermitted
from idm.models.log_checks import LogCheck, LogCheckSignature
from idm.models.people import Person
from idm.models.work import Finding
from idm.operations.notification.notices import notify
from idm.operations.sweep.finding_history import note
from idm.operations.sweep.findings import Found, record_everywhere
from idm.oversight.log_rules import AN_HOUR, StandingOut, standing_out
from idm.permissions import Action, require
from idm.policy import LogCheckRules, Policy
from idm.queries.logs.log_facts import log_facts, moments_of, sealed_until
from idm.queries.organisation.officers import holders, humans, roles_of
from idm.vocabulary import LOG_FINDINGS, FindingEventKind, FindingKind, Role
from idm.wareki import format_wareki
from idm.written_text import written

KINDS = LOG_FINDINGS - {FindingKind.CLOCK_DRIFT}
"""What these rules find; clocks are compared by the sweep."""
IN_THEIR_PLACE = frozenset({Role.CISO, Role.VICE_CISO})
"""Who signs for what no checker may sign for."""
PAGE = "/log-check"
PIECE = timedelta(days=31)
"""So much of the record is held in memory at once."""
_WORDS = {
    FindingKind.AFTER_HOURS: "時間外に{count}回の決裁・管理の操作をしました。",
    FindingKind.BURST: "{minutes}分間に{count}回の操作をしました。",
    FindingKind.REFUSED_ATTEMPTS: "{minutes}分間に{count}回、操作又はサインインを拒否されました。",
    FindingKind.QUICK_DECISIONS: "前の決裁から{seconds}秒未満の決裁を{count}回しました。",
    FindingKind.SUDDEN_USE: "{count}日間使われていなかったIDが使われました。",
}
_MANY_DECISIONS = "{minutes}分間に{count}件の決裁をしました。"


@dataclass(frozen=True)
class Unchecked:
    """What of the record no check has examined yet, by sequence numbers from … to (not included).

    `examined`: how many acts of people; `pieces`: the days on which its pieces begin; `last`: the last day of all.
    """

    from_sequence: int
    to_sequence: int
    examined: int
    pieces: tuple[date, ...]
    last: date


def unchecked(session: Session, *, now: datetime) -> Unchecked:
    """Everything that was sealed since the last check."""
    from_sequence = session.scalar(select(func.max(LogCheck.to_sequence))) or 1
    to_sequence = sealed_until(session)
    told = moments_of(session, from_sequence, to_sequence)
    if told is None:
        return Unchecked(from_sequence, to_sequence, 0, (), day_of(now))
    first, last = day_of(told[0]), day_of(told[1])
    return Unchecked(from_sequence, to_sequence, told[2], tuple(_pieces(first, last)), last)


def look(session: Session, part: Unchecked, piece: date, *, policy: Policy) -> list[Found]:
    """What stands out in the piece that begins on that day; nothing is written.

    A day of which anything is new is looked at as a whole, with the window before it. What is sealed never changes, so
    this needs no lock, and no transaction that lasts longer than itself.
    """
    until = start_of(min(piece + PIECE, part.last + timedelta(days=1)))
    return _piece(session, piece, until, to_sequence=part.to_sequence, policy=policy)


def record(
    session: Session, part: Unchecked, found: Iterable[Found], *, actor: Actor, policy: Policy, now: datetime
) -> LogCheck:
    """Afterwards it is on record that this part was examined, and what stands out in it is found, each fact once.

    What was signed for stays closed.
    """
    new = _not_signed_for(session, {(one.kind, one.subject_key): one for one in found})
    still = {(one.kind, one.subject_key): one for one in _open(session)}
    laid = record_everywhere(session, KINDS, (still | new).values(), actor=actor, policy=policy, now=now)
    done = LogCheck(
        at=now, from_sequence=part.from_sequence, to_sequence=part.to_sequence, examined=part.examined, found=laid.new
    )
    session.add(done)
    session.flush()
    done.overdue_told = _tell_overdue(session, policy=policy, now=now)
    audit.record(
        session, action="log_check.done", actor=actor, obj=("log_check", done.id), now=now,
        policy_digest=policy.digest,
        payload={
            "from": part.from_sequence, "to": part.to_sequence, "examined": done.examined, "new": laid.new,
            "open": laid.found, "overdue_told": done.overdue_told,
        },
    )  # fmt: skip
    return done


@dataclass(frozen=True)
class Signed:
    """How many findings a signature has closed, how many are about whoever signed, how many they were not shown."""

    looked_at: int
    left_open: int
    not_shown: int


def sign(
    session: Session, *, up_to: date, shown: Mapping[int, int], comment: str, actor: Actor, policy: Policy,
    now: datetime,
) -> Signed:  # fmt: skip
    """Afterwards this person's name stands to having looked at what they were shown up to the end of that day.

    `shown`: finding → how often it had happened. Where anything else of those days is open, the name stands to the days
    before the first of it alone. Raises NotPermitted for whoever the profile does not name, InvalidInput for a day that
    is not over or not checked yet, ContentChanged where nothing that was shown is open as it was.
    """
    person_id = actor.person_id or 0
    due = [one for one in session.scalars(_open_rows().with_for_update()) if _day_found(one) <= up_to]
    theirs = _require_checker(session, due, person_id, policy=policy, day=day_of(now))
    _require_checked(session, up_to, now=now)
    said = written(comment, field="comment", empty="何を確かめ、どう判断したかを書いてください。")
    own = _about(session, due, person_id)
    looked_at = [one.id for one in due if one.id in theirs and shown.get(one.id) == one.details["count"]]
    not_shown = {one.id: _day_found(one) for one in due if one.id not in own and one.id not in looked_at}
    if not_shown:
        up_to = min(up_to, min(not_shown.values()) - timedelta(days=1))
    if not_shown and not looked_at:
        raise ContentChanged("画面に表示した後に、点検の結果が変わりました。開き直して、今の内容を確かめてください。")
    for some in in_chunks(looked_at):
        session.execute(update(Finding).where(Finding.id.in_(some)).values(resolved_at=now))
    words = f"記録の点検で確認した。{said}"
    note(session, FindingEventKind.REPAIRED, looked_at, person_id=person_id, now=now, said=words)
    signature = LogCheckSignature(
        up_to=up_to, signed_by_id=person_id, signed_at=now, looked_at=len(looked_at), left_open=len(own), comment=said
    )
    session.add(signature)
    session.flush()
    audit.record(
        session, action="log_check.signed", actor=actor, obj=("log_check", up_to.isoformat()), now=now,
        policy_digest=policy.digest,
        payload={
            "findings": sorted(looked_at), "left_to_others": sorted(own), "not_shown": sorted(not_shown),
            "comment": said,
        },
    )  # fmt: skip
    return Signed(len(looked_at), len(own), len(not_shown))


def may_sign(session: Session, person_id: int, *, policy: Policy, day: date) -> bool:
    """Whether the profile names an office of this person's for it, or they sign in the place of every checker."""
    if _is_checker(session, person_id, policy=policy, day=day):
        return True
    return bool(_signed_by(session, session.scalars(_open_rows()).all(), person_id, policy=policy, day=day))


def due_on(session: Session, rules: LogCheckRules) -> date | None:
    """The last day for the next signature; None = nothing was ever checked, so nothing is due."""
    last = session.scalar(select(func.max(LogCheckSignature.up_to)))
    first = session.scalar(select(func.min(LogCheck.at)))
    since = last or (day_of(first) if first is not None else None)
    return since + timedelta(days=rules.check_every_days) if since is not None else None


def _pieces(first: date, last: date) -> Iterable[date]:
    while first <= last:
        yield first
        first += PIECE


def _piece(
    session: Session, first: date, until: datetime, *, to_sequence: int, policy: Policy
) -> list[Found]:  # fmt: skip
    rules, since = policy.log_check, start_of(first)
    window = timedelta(minutes=max(rules.window_minutes, AN_HOUR))
    facts = log_facts(session, since - window, until, to_sequence=to_sequence)
    return [
        _found(session, one, rules) for one in standing_out(facts, rules, policy.calendar) if one.day >= first
    ]  # fmt: skip


def _found(session: Session, one: StandingOut, rules: LogCheckRules) -> Found:
    whose, _, value = one.who.partition(":")
    person = session.get(Person, int(value)) if whose == "person" else None
    where = f"接続元 {value}" if whose == "from" else f"職員 {value}"
    many = one.kind is FindingKind.QUICK_DECISIONS and one.minutes is not None
    words = _MANY_DECISIONS if many else _WORDS[one.kind]
    said = words.format(count=one.count, minutes=one.minutes, seconds=rules.decision_seconds)
    return Found(
        one.kind, one.key, f"{person.name if person is not None else where}（{format_wareki(one.day)}）",
        person_id=person.id if person is not None else None,
        details={
            "reason": said, "day": one.day.isoformat(), "count": one.count, "records": list(one.records),
            "differences": one.count.bit_length(),  # half as much again is the same, twice as much is not
        },
    )  # fmt: skip


def _not_signed_for(
    session: Session, found: dict[tuple[FindingKind, str], Found]
) -> dict[tuple[FindingKind, str], Found]:  # fmt: skip
    """Those of them that nobody has looked at exactly as they are."""
    looked_at: dict[tuple[FindingKind, str], object] = {}
    for keys in in_chunks(found, 400):
        rows = session.execute(
            select(Finding.kind, Finding.subject_key, Finding.details)
            .where(
                tuple_(Finding.kind, Finding.subject_key).in_(keys), Finding.system_id.is_(None),
                Finding.resolved_at.is_not(None),
            )
            .order_by(Finding.id)
        )  # fmt: skip
        looked_at |= {(kind, key): details.get("count") for kind, key, details in rows}
    return {
        key: one for key, one in found.items() if key not in looked_at or looked_at[key] != one.details["count"]
    }  # fmt: skip


def _open_rows() -> Select[Finding]:
    open_here = Finding.kind.in_(KINDS), Finding.system_id.is_(None), Finding.resolved_at.is_(None)
    return select(Finding).where(*open_here).order_by(Finding.id)


def _open(session: Session) -> list[Found]:
    return [
        Found(one.kind, one.subject_key, one.label, details=one.details, person_id=one.person_id)
        for one in session.scalars(_open_rows().with_for_update())
    ]


def _day_found(finding: Finding) -> date:
    return date.fromisoformat(str(finding.details["day"]))


def _about(session: Session, findings: Sequence[Finding], person_id: int) -> set[int]:
    """Those of them that are about this person, by any row of theirs."""
    known = humans(session, {one.person_id for one in findings if one.person_id is not None} | {person_id})
    own = known[person_id]
    return {one.id for one in findings if one.person_id is not None and own.is_one_of(frozenset({one.person_id}))}


def _require_checker(
    session: Session, findings: Sequence[Finding], person_id: int, *, policy: Policy, day: date
) -> set[int]:  # fmt: skip
    """Those of the findings that this person may sign for."""
    require(roles_of(session, person_id, day), Action.SIGN_LOG_CHECK)
    theirs = _signed_by(session, findings, person_id, policy=policy, day=day)
    if not theirs and not _is_checker(session, person_id, policy=policy, day=day):
        titles = "、".join(policy.title_of(role) for role in policy.log_check.checked_by)
        raise NotPermitted(f"記録の点検は、{titles}が確認します。")
    return theirs


def _is_checker(session: Session, person_id: int, *, policy: Policy, day: date) -> bool:
    return bool(roles_of(session, person_id, day) & set(policy.log_check.checked_by))


def _signed_by(
    session: Session, findings: Sequence[Finding], person_id: int, *, policy: Policy, day: date
) -> set[int]:  # fmt: skip
    """Those that this person may sign for: as a checker, what is not about them; else what is about every checker."""
    others = {one.id for one in findings} - _about(session, findings, person_id)
    if _is_checker(session, person_id, policy=policy, day=day):
        return others
    if not roles_of(session, person_id, day) & IN_THEIR_PLACE:
        return set()
    for checker in _checkers(session, policy, day):
        others &= _about(session, findings, checker)
    return others


def _checkers(session: Session, policy: Policy, day: date) -> set[int]:
    return {one for role in policy.log_check.checked_by for one in holders(session, role, None, day)}


def _require_checked(session: Session, up_to: date, *, now: datetime) -> None:
    if up_to >= day_of(now):
        problem = "終わっていない日は、まだ確認できません。昨日までの日にしてください。"
        raise InvalidInput(problem, fields={"up_to": problem})
    checked = session.scalar(select(func.max(LogCheck.at)))
    if checked is None or day_of(checked) <= up_to:
        raise IllegalTransition(
            "この日までの記録の自動の点検は、まだ済んでいません。夜間の点検の後に確認してください。"
        )


def _tell_overdue(session: Session, *, policy: Policy, now: datetime) -> bool:
    """Whether the checkers were told just now that nobody has put their name to it in time."""
    due = due_on(session, policy.log_check)
    if due is None or day_of(now) <= due or _told_since_signature(session):
        return False
    people = _checkers(session, policy, day_of(now))
    body = (
        f"監査記録の点検の確認の期限（{due.isoformat()}）が過ぎました。"
        "点検で見つかったことを確かめ、確認を記録してください。"
    )
    notify(session, people, subject="【記録の点検】確認の期限が過ぎています", body=body, link=PAGE, now=now,
           asks=True)  # fmt: skip
    return True


def _told_since_signature(session: Session) -> bool:
    signed = session.scalar(select(func.max(LogCheckSignature.signed_at)))
    told = session.scalar(select(func.max(LogCheck.at)).where(LogCheck.overdue_told.is_(True)))
    return told is not None and (signed is None or told > signed)
