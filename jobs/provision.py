"""The loop that makes directories match the rows: claim, compute, write, read back, record (architecture, first idea).

What to do is computed from the rows of this moment, for the newest generation only, and done in waves of independent
steps. Whatever dies in between, running it again ends in the same place: nothing here remembers a step. That it begins
is on record before a directory is touched; what was done and read back is on record when the claim ends.

Where a password has to be replaced by one that nobody knows (E2, E6), the account is locked by the same steps before,
and nothing counts as replaced until both were answered and read back.

Rights behind the gate are judged before anything is computed. What demands two kinds of factor is set on the disabled
account and read back; that reading opens the gate in the transaction that records it, and the next pass enables (B2).

A privileged ID is opened and closed by the same steps: the use of it is a row like any other (D6). What was read back
says, in the transaction that records it, whether the use has begun or is over.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.directory.hand_work import for_connector
from idm.directory.reconciliation import MAX_WAVES, demanded_needlessly, in_our_care, kept_by, next_wave
from idm.directory.wanted_account import AccountFacts, wanted_account
from idm.errors import ConfigurationInvalid, NotOnTarget, TargetError, TargetRefused, TargetUnavailable
from idm.models.systems import Entitlement, Handover, InformationSystem
from idm.operations import outbox
from idm.operations.factors import factor_gate, factor_readings
from idm.operations.outbox import LONGEST_WAIT_SECONDS, Carried
from idm.operations.passwords import handovers, replacements
from idm.operations.passwords.replacements import Replacement
from idm.operations.privileged import rotations, uses
from idm.operations.rights.accounts import held_back
from idm.passwords.printed_notice import Notice
from idm.policy import Policy
from idm.ports import (
    Directory,
    ExternalId,
    Kept,
    Outcome,
    SetTemporaryPassword,
    Step,
    TargetAccount,
    TimeBoxesMembership,
    Writes,
)
from idm.queries.governance.configuration import policy_in_force
from idm.queries.information_systems.comparable import rights_needed, unresolved_groups
from idm.queries.passwords.handovers import notice_of
from idm.queries.rights.account_facts import account_facts, managed_groups
from idm.vocabulary import BY_HAND, HandoverWay, RotationReason, Stage, VerifiedBy, Zone
from jobs import hand_work
from jobs.information_systems.examination import require_examined
from jobs.installation import Installation
from jobs.kept_claims import kept_claims
from jobs.passwords.password_issue import Issued, issue, replace_by_unknown
from jobs.passwords.zone_printer import notice_inside

ACTOR = Actor.job("jobs.provision")
BATCH = 250
GUARDED = (
    "ディレクトリの管理者として保護されたIDのため、仮パスワードを設定しませんでした。"
    "管理者のグループから外してから、もう一度交付してください。"
)

INSIDE_ONLY = "この区域の仮パスワードは、区域の中で印刷します。画面には表示しません。交付をやり直してください。"
STILL_OPEN = "IDを止められなかったため、パスワードを取り替えませんでした。ディレクトリの設定を確かめてください。"
CARD_ONLY = (
    "スマートカードが必須のIDのため、パスワードは使えません。仮パスワードを設定しませんでした。"
    "カードを交付するか、ディレクトリの設定を確かめてください。"
)


@dataclass
class Work:
    """One account of a batch on its way: what is known, what was done, what went wrong."""

    task_id: int
    account_id: int
    uuid: UUID
    facts: AccountFacts
    handover: Handover | None
    known_as: ExternalId | None
    """The target's id of the account that was handed over; another one was not, whatever our rows say (E3)."""
    adopting: bool = False
    """What was there before us is still being taken over: groups nobody decided about are left alone (A18)."""
    replacement: Replacement | None = None
    """What a password that nobody knows settles, where the one there has to be replaced (E2, E6)."""
    notice: Notice | None = None
    """What stands on the notice of the hand-over, where it is printed inside its zone (E3)."""
    held: str | None = None
    """Why nothing may be done about it now, without being anybody's mistake: it is looked at again later."""
    seen: TargetAccount | None = None
    steps: list[str] = field(default_factory=list)
    error: TargetError | None = None
    issued: Issued | None = None
    replaced: bool = False
    """Whether the target has a password that nobody knows, or the account is not there."""
    time_boxed: bool = False
    """Whether the target itself ends memberships (D6)."""
    opens_by_itself: bool = False
    """People sign in to the target by other means than a password that we could set: nothing is handed over (E3)."""

    @property
    def guarded(self) -> bool:
        """Whether it is one of the target's own administrators: read, and changed by hand only (D10)."""
        return self.seen is not None and self.seen.protected

    @property
    def read_back(self) -> bool:
        """Whether `seen` is what the target shows after everything that was done."""
        return self.held is None and (self.error is None or self.guarded)

    @property
    def exchanged(self) -> bool:
        """Whether another account stands where somebody's privileged ID was: nobody can say who knows its password."""
        return self.facts.sleeps and self.seen is not None and self.known_as not in (None, self.seen.external_id)


@dataclass(frozen=True)
class Target:
    """A system's directory as it was opened, and the rights whose groups are not there, with what it says of each."""

    directory: Directory
    missing: Mapping[int, TargetError]


def run_due(installation: Installation, *, worker: str) -> int:
    """Afterwards every due task of the zones served here was tried once. Returns how many tasks were tried.

    A system that cannot be reached does not stop the others.
    """
    return sum(run_system(installation, system_id, worker=worker) for system_id in due_systems(installation))


def due_systems(installation: Installation, *, stops_only: bool = False) -> list[int]:
    """The systems of the zones served here for which something is due."""
    zones = [Zone(zone) for zone in installation.settings.zones]
    with installation.database.reading() as session:
        now = installation.clock()
        return outbox.systems_with_due_tasks(session, zones, now=now, stops_only=stops_only)


def run_system(
    installation: Installation, system_id: int, *, worker: str, limit: int | None = None, stops_only: bool = False
) -> int:  # fmt: skip
    """Afterwards the due tasks of one system were tried once, in batches over one connection. Returns how many.

    Those of a system without an interface become work orders. With `stops_only`, only those that stop somebody.
    """
    if _has_no_interface(installation, system_id):
        return hand_work.run_system(installation, system_id, worker=worker, limit=limit, stops_only=stops_only)
    tried = 0
    target: Target | None = None
    try:
        while batch := _claim(installation, system_id, worker, _most(limit, tried), stops_only=stops_only):
            try:
                with kept_claims(installation, [work.task_id for work in batch], worker=worker):
                    target = target or _open(installation, system_id)
                    _carry_out(installation, target.directory, system_id, batch)
                    _tell_of_missing_groups(installation, batch, target.missing)
            except TargetError as failure:
                _blame(batch, failure)
            except ConfigurationInvalid as failure:
                _blame(batch, TargetRefused("・".join((failure.message, *failure.mistakes))))
            _finish(installation, system_id, batch, worker)
            tried += len(batch)
            if any(isinstance(work.error, TargetUnavailable) for work in batch) or tried == limit:
                break
    finally:
        if target is not None:
            target.directory.close()
    return tried


def _most(limit: int | None, tried: int) -> int:
    return BATCH if limit is None else min(BATCH, limit - tried)


def _has_no_interface(installation: Installation, system_id: int) -> bool:
    with installation.database.reading() as session:
        return session.get_one(InformationSystem, system_id).connector == BY_HAND


def _blame(batch: Sequence[Work], failure: TargetError) -> None:
    """What stopped the batch as a whole is said of every account that has not its own word yet."""
    for work in batch:
        work.error = work.error or failure


def _claim(
    installation: Installation, system_id: int, worker: str, limit: int, *, stops_only: bool
) -> list[Work]:  # fmt: skip
    now = installation.clock()
    with installation.database.writing() as session:
        tasks = outbox.claim(session, system_id, worker=worker, limit=limit, now=now, stops_only=stops_only)
        policy = policy_in_force(session, now=now)
        outbox.begin(session, system_id, tasks, actor=ACTOR, policy=policy, now=now)
        factor_gate.apply(session, [task.account_id for task in tasks], actor=ACTOR, policy=policy, now=now)
        facts = account_facts(session, [task.account_id for task in tasks], now=now)
        waiting = {
            handover.account_id: handover
            for handover in session.scalars(
                select(Handover).where(
                    Handover.account_id.in_([task.account_id for task in tasks]),
                    Handover.sealed.is_(None),
                    Handover.shown_at.is_(None),
                    Handover.closed_at.is_(None),
                )
            )
        }
        adopting = session.get_one(InformationSystem, system_id).stage is Stage.ADOPT
        held = held_back(session, system_id, [task.account for task in tasks])
        to_replace = replacements.to_replace(session, [task.account_id for task in tasks])
        hours = timedelta(hours=policy.passwords.temporary_hours)
        notices = {
            account_id: notice_of(session, one.id, issued_at=now, change_by=now + hours)
            for account_id, one in waiting.items()
            if one.way is HandoverWay.ZONE_PRINTER
        }
        return [
            Work(
                task.id,
                task.account_id,
                task.account.uuid,
                facts[task.account_id],
                waiting.get(task.account_id),
                task.account.external_id,
                adopting,
                to_replace.get(task.account_id),
                notices.get(task.account_id),
                held.get(task.account_id),
            )
            for task in tasks
        ]


def _open(installation: Installation, system_id: int) -> Target:
    with installation.database.reading() as session:
        system = session.get_one(InformationSystem, system_id)
        unresolved = unresolved_groups(session, system_id)
        verification = system.verification or {}
        demanding = str(verification["group"]) if verification.get("by") == VerifiedBy.GROUP else None
    directory = installation.open_target(system)
    try:
        require_examined(installation, directory, system)
        _note_ends(installation, system, kept_by(directory))
        missing = _resolve_groups(installation, directory, unresolved)
        if demanding is not None and system.factor_group_id is None:
            _resolve_factor_group(installation, directory, system_id, demanding)
    except TargetError:
        directory.close()
        raise
    return Target(directory, missing)


def _note_ends(installation: Installation, system: InformationSystem, kept: Kept) -> None:
    """Afterwards the rows say whether the target ends accounts by itself: nobody waits for it to show an end."""
    if system.keeps_ends is kept.ends:
        return
    with installation.database.writing() as session:
        session.get_one(InformationSystem, system.id).keeps_ends = kept.ends


def _resolve_groups(
    installation: Installation, directory: Directory, unresolved: Sequence[tuple[int, str]]
) -> Mapping[int, TargetError]:
    """Afterwards each right whose group is there knows it by the target's immutable id. Returns what the rest met with.

    A group that is not there is the fault of nobody but those who need it: a stop does not wait for it (control H5).
    """
    found, missing = dict[int, ExternalId](), dict[int, TargetError]()
    for entitlement_id, name in unresolved:
        try:
            found[entitlement_id] = directory.group(name).external_id
        except (NotOnTarget, TargetRefused) as failure:
            missing[entitlement_id] = failure
    if found:
        with installation.database.writing() as session:
            for entitlement_id, external_id in found.items():
                session.get_one(Entitlement, entitlement_id).external_id = external_id
    return missing


def _tell_of_missing_groups(
    installation: Installation, batch: Sequence[Work], missing: Mapping[int, TargetError]
) -> None:  # fmt: skip
    """Afterwards whoever should be in a group that is not there carries that error; all else was done for them."""
    if not missing:
        return
    with installation.database.reading() as session:
        day = day_of(installation.clock())
        needed = rights_needed(session, [work.account_id for work in batch], missing, day=day)
    for work in batch:
        awake = not work.facts.stopped and (work.facts.use is not None or not work.facts.sleeps)
        if awake and work.held is None and work.account_id in needed:
            work.error = work.error or missing[needed[work.account_id]]


def _resolve_factor_group(installation: Installation, directory: Directory, system_id: int, name: str) -> None:
    """Afterwards the group that demands factors is known by the target's immutable id, whatever it is called later.

    One that is not there stops nobody's work, and opens nothing: the examinations say that it is missing (B2).
    """
    try:
        found = directory.group(name).external_id
    except NotOnTarget:
        return
    with installation.database.writing() as session:
        session.get_one(InformationSystem, system_id).factor_group_id = found


def _carry_out(installation: Installation, directory: Directory, system_id: int, batch: Sequence[Work]) -> None:
    if not isinstance(directory, Writes):
        raise TargetRefused("このシステムのコネクターは書き込みができません。")
    now = installation.clock()
    with installation.database.reading() as session:
        managed = managed_groups(session, system_id)
        # A group resolved a moment ago was not among the facts of the claim.
        fresh = account_facts(session, [work.account_id for work in batch], now=now)
        delete_after = policy_in_force(session, now=now).personnel.delete_after_days
        length = policy_in_force(session, now=now).passwords.temporary_length
        inside_only = session.get_one(InformationSystem, system_id).zone in installation.settings.notices.zones
    for work in batch:
        work.facts = fresh[work.account_id]
    batch = [work for work in batch if work.held is None]
    if any(work.facts.use is not None for work in batch):
        time_boxed = isinstance(directory, TimeBoxesMembership) and directory.can_time_box()
        for work in batch:
            work.time_boxed = time_boxed
    reconcile(directory, batch, managed, delete_after_days=delete_after, now=now)
    for work in batch:
        if work.replacement is not None and work.error is None:
            _replace(directory, work)
        # Nobody is handed anything while a stop holds: the hand-over waits for its end.
        if work.handover is not None and work.error is None and not work.facts.stopped:
            if inside_only and work.notice is None:
                work.error = TargetRefused(INSIDE_ONLY)
                continue
            print_it = _printer(installation, work.notice)
            _hand_over(
                directory, work, managed, delete_after_days=delete_after, length=length, print_it=print_it, now=now
            )


def _printer(installation: Installation, notice: Notice | None) -> Callable[[str], None] | None:
    folder = installation.settings.notices.folder
    return None if notice is None else lambda password: notice_inside(folder, notice, password)


def _replace(directory: Directory, work: Work) -> None:
    """Sets a password that nobody knows on the account, which was read back locked; an account that is gone has none.

    Where only a card lets anybody in, nobody knows the password already; some targets have none at all.
    """
    if work.seen is None or work.seen.card_required or _hands_nothing_over(directory):
        work.replaced = True
        return
    if work.guarded or work.seen.enabled:
        work.error = TargetRefused(GUARDED if work.guarded else STILL_OPEN)
        return
    try:
        replace_by_unknown(directory, work.seen.external_id)
        work.replaced = True
    except TargetError as failure:
        work.error = failure
    work.steps.append("SetTemporaryPassword")


def reconcile(
    directory: Directory,
    batch: Iterable[Work],
    managed: frozenset[ExternalId],
    *,
    delete_after_days: int,
    now: datetime,
) -> None:
    """Afterwards every account of the batch shows what is wanted and was read back, or carries its error."""
    if not isinstance(directory, Writes):
        raise TargetRefused("このシステムのコネクターは書き込みができません。")
    open_works = {work.uuid: work for work in batch}
    for _ in range(MAX_WAVES):
        seen = _found(directory, open_works)
        wave: list[tuple[Work, Step]] = []
        for uuid, work in list(open_works.items()):
            work.seen = seen.get(uuid)
            steps = _steps(directory, work, managed, delete_after_days=delete_after_days, now=now)
            wave.extend((work, step) for step in steps)
            if not steps:
                del open_works[uuid]
        if not wave:
            return
        _perform(directory, wave)
        open_works = {uuid: work for uuid, work in open_works.items() if work.error is None}
    for work in open_works.values():
        work.error = TargetRefused("書き込んだ内容が読み戻しと一致しません。ディレクトリの設定を確かめてください。")


def _found(directory: Directory, open_works: dict[UUID, Work]) -> dict[UUID, TargetAccount]:
    """What the directory shows of them; one that it cannot show is no more among the open ones, and stops no other."""
    try:
        return directory.find(open_works)
    except TargetRefused:
        seen: dict[UUID, TargetAccount] = {}
        for uuid, work in list(open_works.items()):
            try:
                seen |= directory.find([uuid])
            except TargetRefused as refusal:
                work.error = refusal
                del open_works[uuid]
        return seen


def _steps(
    directory: Writes, work: Work, managed: frozenset[ExternalId], *, delete_after_days: int, now: datetime
) -> tuple[Step, ...]:
    """What is to be done about one account now; nothing about one that the target guards: a person does it (D10).

    Nor about one that is nobody's own: its register says what it is, and only its password may be in our keeping.
    """
    if work.guarded or work.facts.nobodys:
        return ()
    if work.exchanged:
        work.facts = replace(work.facts, use=None)
    to_adopt = work.seen is None and work.facts.adopts is not None
    known = work.seen is not None and work.seen.external_id == work.known_as
    if _hands_nothing_over(directory):
        work.facts, work.opens_by_itself = replace(work.facts, handed_over=True), True
    elif work.issued is None and not (known or to_adopt):
        work.facts = replace(work.facts, handed_over=False)
    wanted = wanted_account(work.facts, now=now, delete_after_days=delete_after_days)
    if not work.time_boxed:
        wanted = replace(wanted, groups_until=None)
    managed = in_our_care(work.facts, managed, adopting=work.adopting)
    return next_wave(
        work.uuid, for_connector(wanted, managed), work.seen, managed, can=directory.can, kept=kept_by(directory)
    )


def _hands_nothing_over(directory: Directory | Writes) -> bool:
    """Whether people sign in to the target by other means than a password that we could set (E3)."""
    return isinstance(directory, Writes) and SetTemporaryPassword not in directory.can


def _perform(directory: Writes, wave: Sequence[tuple[Work, Step]]) -> None:
    for (work, step), answer in zip(wave, directory.perform([step for _, step in wave]), strict=True):
        if isinstance(answer, TargetError):
            work.error = work.error or answer
        elif answer is Outcome.CHANGED:
            work.steps.append(type(step).__name__)


def _hand_over(
    directory: Directory,
    work: Work,
    managed: frozenset[ExternalId],
    *,
    delete_after_days: int,
    length: int,
    print_it: Callable[[str], None] | None,
    now: datetime,
) -> None:
    """Sets a temporary password, then opens the account, then reads both back; only then is anything sealed."""
    opened = replace(work.facts, handed_over=True)
    wanted = wanted_account(opened, now=now, delete_after_days=delete_after_days)
    if work.seen is None or not wanted.enabled or work.handover is None:
        work.error = TargetRefused("有効な権限がないため、仮パスワードを設定しませんでした。")
        return
    if work.guarded or (work.seen.card_required and wanted.card_required is not False):
        work.error = TargetRefused(GUARDED if work.guarded else CARD_ONLY)
        return
    try:
        if demanded_needlessly(wanted, work.seen):
            # No right needs it any more: it is lifted from the account while that is disabled, then it opens.
            work.facts = replace(work.facts, handed_over=False)
            reconcile(directory, [work], managed, delete_after_days=delete_after_days, now=now)
        work.issued = issue(directory, work.seen.external_id, work.handover, length=length, print_it=print_it)
        work.facts = opened
        reconcile(directory, [work], managed, delete_after_days=delete_after_days, now=now)
    except TargetError as failure:
        work.error = failure
    work.steps.append("SetTemporaryPassword")


def _finish(installation: Installation, system_id: int, batch: Sequence[Work], worker: str) -> None:
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        # First what was seen: an account made anew loses the old hand-over, and then may gain this one.
        carried = [_carried(work) for work in batch]
        ours = outbox.finish(session, carried, worker=worker, actor=ACTOR, policy=policy, now=now)
        batch = [work for work in batch if work.task_id in ours]  # the rest is somebody else's, and so is its password
        shown = {work.account_id: work.seen for work in batch if work.seen is not None and work.read_back}
        factor_readings.record(session, system_id, shown, now=now)
        factor_gate.apply(session, list(shown), actor=ACTOR, policy=policy, now=now)
        for work in batch:
            if work.replaced and work.replacement is not None:
                replacements.settle(session, work.account_id, work.replacement, actor=ACTOR, policy=policy, now=now)
            if work.issued is not None and work.error is None:
                _hand_on(session, work.issued, policy=policy, now=now)
        _follow_uses(session, batch, policy=policy, now=now)
        # What nobody but a person may change is asked of a person, also where the connector had to refuse a password.
        seen = {work.account_id: work.seen for work in batch if work.read_back}
        hand_work.follow_read_back(session, installation, system_id, seen, policy)


def _follow_uses(session: Session, batch: Iterable[Work], *, policy: Policy, now: datetime) -> None:
    """Afterwards the uses of these privileged IDs are where the directory is; none goes on with another account."""
    read = [work for work in batch if work.facts.sleeps and work.read_back]
    exchanged = [work.account_id for work in read if work.exchanged]
    if exchanged:
        uses.end_resting_on(session, account_ids=exchanged, actor=ACTOR, policy=policy, now=now)
        rotations.ask(session, exchanged, RotationReason.SUSPECTED, actor=ACTOR, policy=policy, now=now)
    uses.follow(session, [work.account_id for work in read], actor=ACTOR, policy=policy, now=now)


def _hand_on(session: Session, issued: Issued, *, policy: Policy, now: datetime) -> None:
    """Afterwards what the target took waits for its hand-over, or lies printed; not of one given up meanwhile."""
    handover = session.get_one(Handover, issued.handover_id, with_for_update=True, populate_existing=True)
    if handover.closed_at is not None:
        return
    set_time = issued.set_time
    if issued.sealed is None:
        handovers.printed(session, handover, set_time=set_time, actor=ACTOR, policy=policy, now=now)
    else:
        handovers.seal(session, handover, issued.sealed, set_time=set_time, actor=ACTOR, policy=policy, now=now)


def _carried(work: Work) -> Carried:
    steps = tuple(work.steps)
    if work.held is not None and work.error is None:
        return Carried(work.task_id, unavailable=work.held, retry_after_seconds=LONGEST_WAIT_SECONDS)
    if isinstance(work.error, TargetUnavailable):
        return Carried(
            work.task_id, steps=steps, unavailable=str(work.error), retry_after_seconds=work.error.retry_after
        )
    if work.error is not None:
        return Carried(work.task_id, steps=steps, refused=str(work.error))
    return Carried(work.task_id, seen=work.seen, steps=steps, opens_by_itself=work.opens_by_itself)
