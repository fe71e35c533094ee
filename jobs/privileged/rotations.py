"""Replaces kept passwords: seals the new one in our books, sets it, proves it, and only then lets go of the old (D4).

Whatever dies in between, running it again ends in the same place: a value on its way is tried first, and set again
where it is not there. A target that cannot be reached is waited for, however long. A password exists in this process
for as long as one batch takes; it is in no row, log, audit record or exception.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.directory.own_service_account import Named, is_own
from idm.errors import (
    ConfigurationInvalid,
    IllegalTransition,
    NotOnTarget,
    Refusal,
    TargetError,
    TargetRefused,
    TargetUnavailable,
)
from idm.models.privileged import Rotation, VaultSecret
from idm.models.systems import InformationSystem
from idm.operations.privileged import rotations, uses
from idm.passwords.rotation_rules import ON_ITS_WAY, proof
from idm.policy import Policy
from idm.ports import (
    ChecksPasswords,
    Directory,
    KnowsItself,
    PasswordCheck,
    PasswordVerdict,
    ReadsPasswordState,
    SetPassword,
    Writes,
)
from idm.queries.governance.configuration import policy_in_force
from idm.queries.information_systems.own_service_accounts import own_service_accounts
from idm.queries.privileged.rotations import due_by_clock
from idm.vocabulary import RotationState, VerifiedHow, Zone
from jobs.information_systems.examination import require_examined
from jobs.information_systems.own_account import recognise_own
from jobs.installation import Installation
from jobs.passwords.password_issue import temporary_password
from jobs.vault.keyring import Keyring, open_vault

ACTOR = Actor.job("jobs.privileged.rotations")
BATCH = 50
OWN_AGAIN = timedelta(hours=1)
"""How long a value on its way for our own service account waits at least before it is tried again."""
SHORTEST = 24
"""Characters of a kept password, where the profile asks for no more: nobody remembers it, somebody may type it."""

CANNOT = "このシステムの接続では、預かったパスワードを変更できません。登録簿の「預かる」を外してください。"
NOT_THERE = "利用者IDがディレクトリで確認されていないため、パスワードを変更できません。"
OURS = (
    "この製品が接続に使うIDのため、パスワードを変更しません（変えると接続が止まります）。"
    "登録簿の「預かる」を外し、手作業で変更してください。"
)
OURS_UNDECIDED = (
    "この製品が接続に使うIDのため、これ以上は変更しません。途中の新しいパスワードは封をして残しています。ディレクトリが受け入れて"
    "いたかどうかが、まだ確かめられません。確かめられるまで、やり直します。"
)
OURS_CHANGED = (
    "この製品が接続に使うIDのパスワードが、すでに新しいものに変わっていました。資格情報のファイルの値では接続できなくなります。"
    "「特権IDの利用」で値を取り出して資格情報のファイルに書くか、ディレクトリの管理者が設定し直して、登録簿の「預かる」を"
    "外してください。"
)
OTHERS = "このログイン名は、ディレクトリでは別のアカウントのものです。台帳とディレクトリを確かめてください。"
WRONG = (
    "新しいパスワードを設定しましたが、それではサインインできません。ログイン名が変わっていないか、別のプログラムが"
    "パスワードを変えていないかを確かめてください。同じ値でやり直します。"
)
UNPROVEN = (
    "新しいパスワードを設定しましたが、IDが無効かロック中で確かめられず、ディレクトリの変更時刻も読めないか変わって"
    "いません。変更時刻を読む権限とその記録の設定を確かめてください。同じ値でやり直します。"
)

STILL_TAKEN = (
    "新しいパスワードに変わりましたが、ディレクトリは、知られている前のパスワードもまだ受け付けます（Active Directory・"
    "Sambaの既定では60分まで）。前のパスワードを受け付ける時間を0分に設定してください。"
)


@dataclass
class Work:
    """One rotation of a batch on its way: what is known, what was done, what went wrong."""

    rotation: Rotation
    known: bool
    """A run before this one may have set the value already."""
    own: bool = False
    """The product itself signs in by it: it is never changed, or the connection would stop."""
    changed_before: datetime | None = None
    password: str = field(default="", repr=False)
    taken: bool = False
    """The target has answered that it took the value."""
    refused: TargetRefused | NotOnTarget | None = None
    """The target said no to the value."""
    lost: bool = False
    """The target has not got the value, from no earlier try either, and never will: it may be given up."""
    how: VerifiedHow | None = None
    former: str = field(default="", repr=False)
    """The password before, where it matters whether it is still taken."""
    warning: str | None = None
    retry_after: float | None = None
    """Seconds that the next try waits at least."""
    error: TargetError | Refusal | None = None

    @property
    def open(self) -> bool:
        """Whether there is something left to do with it in this run."""
        return self.error is None and self.how is None

    @property
    def external_id(self) -> str:
        """The target's id of the account."""
        return self.rotation.account.external_id or ""


def run_due(installation: Installation, *, worker: str, size: int = BATCH, only: int | None = None) -> int:
    """Afterwards what the clock asks for is asked for, and every due rotation of the zones served here was tried once.

    `only`: in that system alone. Returns how many were tried. A system that cannot be reached does not stop the others.
    """
    zones = [Zone(zone) for zone in installation.settings.zones]
    now = installation.clock()
    with installation.database.reading() as session:
        due = due_by_clock(session, policy=policy_in_force(session, now=now), now=now)
    if due:
        with installation.database.writing() as session:
            policy = policy_in_force(session, now=now)
            rotations.follow_the_clock(session, actor=ACTOR, policy=policy, now=now)
    with installation.database.reading() as session:
        systems = rotations.systems_with_due(session, zones, now=now)
    return sum(_run_system(installation, system_id, worker, size) for system_id in systems if only in (None, system_id))


def _run_system(installation: Installation, system_id: int, worker: str, size: int) -> int:
    tried = 0
    directory: Directory | None = None
    try:
        while batch := _claim(installation, system_id, worker, size):
            try:
                directory = directory or _open(installation, system_id)
                _change(installation, directory, batch, worker)
            except (TargetError, Refusal) as failure:
                _blame(batch, failure)
            _finish(installation, batch, worker)
            tried += len(batch)
            if len(batch) < size or any(isinstance(work.error, TargetUnavailable) for work in batch):
                break
    finally:
        if directory is not None:
            directory.close()
    return tried


def _claim(installation: Installation, system_id: int, worker: str, size: int) -> list[Work]:
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        claimed = rotations.claim(
            session, system_id, worker=worker, limit=size, actor=ACTOR, policy=policy, now=now
        )  # fmt: skip
        return [Work(one, known=one.state in ON_ITS_WAY, changed_before=one.changed_before) for one in claimed]


def _open(installation: Installation, system_id: int) -> Directory:
    with installation.database.reading() as session:
        system = session.get_one(InformationSystem, system_id)
    directory = installation.open_target(system)
    try:
        require_examined(installation, directory, system)
        recognise_own(installation, directory, system, ACTOR)
    except TargetError:
        directory.close()
        raise
    return directory


def _blame(batch: Iterable[Work], failure: TargetError | Refusal) -> None:
    """What stopped the batch as a whole is said of every rotation that has not its own word yet."""
    for work in batch:
        if work.how is None:
            work.error = work.error or failure


def _change(installation: Installation, directory: Directory, batch: Sequence[Work], worker: str) -> None:
    if not isinstance(directory, Writes) or not isinstance(directory, ChecksPasswords):
        raise TargetRefused(CANNOT)
    if SetPassword not in directory.can:
        raise TargetRefused(CANNOT)
    with installation.database.reading() as session:
        services, kind = (
            own_service_accounts(session),
            session.get_one(InformationSystem, batch[0].rotation.system_id).connector,
        )
    for work in batch:
        account = work.rotation.account
        work.own = is_own(Named(kind, account.external_id, account.login_name), services)
        _look_before(directory, work)
    _seal(installation, batch, worker)
    for work in batch:
        if work.open and work.own:
            _settle_own(directory, work)
        elif work.open and work.known:
            _prove_earlier(directory, work)
    _set(installation, directory, batch, worker)
    for work in batch:
        if work.open:
            _prove(directory, work)
    for work in batch:
        _try_former(directory, work)


# --- sealed first ----------------------------------------------------------------------------------------------------


def _look_before(directory: Directory, work: Work) -> None:
    """Afterwards it is known when the target says that the password was last changed. Raises TargetUnavailable.

    Of our own service account nothing new is begun; a value on its way, from before we knew, is settled.
    """
    if work.own and not work.known:
        work.error = TargetRefused(OURS)
        return
    if not work.external_id:
        work.error = TargetRefused(NOT_THERE)
        return
    if not work.known:
        work.changed_before = _changed_at(directory, work)


def _seal(installation: Installation, batch: Sequence[Work], worker: str) -> None:
    """Afterwards the new values are in our books, sealed, and committed. Raises ConfigurationInvalid without a key."""
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        vault = open_vault(installation, session, actor=ACTOR, policy=policy)
        ours = rotations.mine(session, [work.rotation.id for work in batch if work.open], worker=worker)
        for work in batch:
            rotation = ours.get(work.rotation.id)
            if not work.open:
                continue
            if rotation is None:
                work.error = IllegalTransition("別の処理が引き継ぎました。")
                continue
            work.rotation = rotation
            try:
                _take_value(vault, work, policy)
            except Refusal as broken:
                work.error = broken
                continue
            work.former = _former_value(session, vault, rotation, own=work.own)
            if not work.known:
                value = vault.for_rotation(rotation, work.password)
                rotations.put_on_its_way(session, rotation, value, changed_before=work.changed_before, now=now)


def _take_value(vault: Keyring, work: Work, policy: Policy) -> None:
    """The value on its way, or a new one: random, so that it is like no other anywhere (E7). Raises SealBroken."""
    if work.known:
        work.password = vault.of_rotation(work.rotation)
    else:
        work.password = temporary_password(max(policy.privileged.minimum_length, SHORTEST))


def _former_value(session: Session, vault: Keyring, rotation: Rotation, *, own: bool) -> str:
    """The password before, where somebody has seen it or we ourselves need it; else nothing."""
    secret = session.get(VaultSecret, rotation.account_id)
    if secret is None or (secret.known_since is None and not own):
        return ""
    try:
        return vault.of_account(secret)
    except Refusal:
        return ""


# --- then set --------------------------------------------------------------------------------------------------------


def _prove_earlier(directory: Directory, work: Work) -> None:
    """What a run before this one may have set is tried before it is set again. Raises TargetUnavailable.

    What the target said it took, and nobody may try now, is not set again: many refuse a password that they have. But
    where its time of change is what it was before, it has lost the value, or was changed twice within what its clock
    can tell apart: nothing would ever prove it, so that it is set once more.
    """
    check = _tried(directory, work)
    if check is not None and check.proven:
        work.how = VerifiedHow.SIGN_IN
    elif work.open and work.rotation.state is RotationState.SET:
        wrong = check is not None and check.verdict is PasswordVerdict.WRONG
        unmoved = work.changed_before is not None and _changed_at(directory, work) == work.changed_before
        work.taken = not wrong and not unmoved


def _settle_own(directory: Directory, work: Work) -> None:
    """A value on its way for what turned out to be our own service account: kept if the target has it, given up if it
    has not, never set again. Raises TargetUnavailable.

    "Wrong" alone gives nothing up, for some say so of a locked account too: the target must have changed nothing, or
    take another value, the one before or the one that we are signed in by. It is seldom tried: wrong tries must not
    lock what we sign in by.
    """
    check = _tried(directory, work)
    if not work.open:
        return
    changed_at, before = _changed_at(directory, work), work.changed_before
    work.how = proof(check, changed_at=changed_at, changed_before=before)
    if work.how is not None:
        work.warning = OURS_CHANGED
        return
    if check is not None and check.verdict is PasswordVerdict.WRONG:
        unmoved = before is not None and changed_at == before
        work.lost = unmoved or _signed_in_as(directory, work) or _takes(directory, work, work.former)
    work.error, work.retry_after = TargetRefused(OURS if work.lost else OURS_UNDECIDED), OWN_AGAIN.total_seconds()


def _signed_in_as(directory: Directory, work: Work) -> bool:
    return isinstance(directory, KnowsItself) and directory.own_account_id() == work.external_id


def _set(installation: Installation, directory: Writes, batch: Sequence[Work], worker: str) -> None:
    """Afterwards the target was told of the values, and our books say of which it has answered that it took them."""
    waiting = [work for work in batch if work.open and not work.taken and _has_time(work, installation.clock())]
    answers = directory.perform([SetPassword(work.external_id, work.password) for work in waiting]) if waiting else []
    for work, answer in zip(waiting, answers, strict=True):
        if isinstance(answer, (TargetRefused, NotOnTarget)):
            work.refused = answer
        elif isinstance(answer, TargetError):
            work.error = answer
        else:
            work.taken = True
    taken = [work.rotation.id for work in waiting if work.taken]
    if not taken:
        return
    now = installation.clock()
    with installation.database.writing() as session:
        for rotation in rotations.mine(session, taken, worker=worker).values():
            rotations.mark_set(rotation, now=now)


def _has_time(work: Work, now: datetime) -> bool:
    """Nothing is begun at the end of a lease: a password that arrives late would be another than the one we keep."""
    until = work.rotation.claimed_until
    if until is None or until - now > rotations.SAFE_LEFT:
        return True
    work.error = IllegalTransition("時間内に処理できませんでした。やり直します。")
    return False


# --- then proven -----------------------------------------------------------------------------------------------------


def _prove(directory: Directory, work: Work) -> None:
    """Afterwards it is proven that the target has the value, or the work says why not. Raises TargetUnavailable."""
    if work.refused is not None and _changed_at(directory, work) == work.changed_before:
        # As it was before, as the target says: nobody's lock need count a try for that.
        work.error, work.lost = work.refused, not work.known or work.changed_before is not None
        return
    check = _tried(directory, work)
    if not work.open:
        return
    proven = check is not None and check.proven
    changed_at = None if proven else _changed_at(directory, work)
    may_have_it = work.refused is None or work.known
    work.how = proof(check, changed_at=changed_at, changed_before=work.changed_before, may_have_it=may_have_it)
    if work.how is None:
        wrong = check is not None and check.verdict is PasswordVerdict.WRONG
        work.error = work.refused or TargetRefused(WRONG if wrong else UNPROVEN)
        work.lost = work.refused is not None and (wrong or not may_have_it)


def _try_former(directory: Directory, work: Work) -> None:
    """Afterwards it is known whether the target still takes the password that somebody knows beside the new one.

    It is tried once: a second wrong one could be one too many. That it cannot be tried changes nothing of the proof.
    """
    if not work.own and work.how is VerifiedHow.SIGN_IN and _takes(directory, work, work.former):
        work.warning = STILL_TAKEN


def _takes(directory: Directory, work: Work, password: str) -> bool:
    """Whether the target lets somebody in with another password than the one on its way, as far as it can be asked."""
    if not password or not isinstance(directory, ChecksPasswords):
        return False
    try:
        return directory.check_password(work.rotation.account.login_name, password).proven
    except TargetError:
        return False


def _changed_at(directory: Directory, work: Work) -> datetime | None:
    """When the target says that the password was last changed; None = it does not say. Raises TargetUnavailable."""
    if not isinstance(directory, ReadsPasswordState):
        return None
    try:
        return directory.password_state(work.external_id).changed_at
    except (NotOnTarget, TargetRefused):
        return None


def _tried(directory: Directory, work: Work) -> PasswordCheck | None:
    """What the target says to somebody who signs in with the value; None = it cannot say now, or for another reason."""
    if not isinstance(directory, ChecksPasswords):
        raise TargetRefused(CANNOT)
    try:
        check = directory.check_password(work.rotation.account.login_name, work.password)
    except TargetRefused:
        return None
    if check.external_id not in (None, work.external_id):
        work.error = TargetRefused(OTHERS)
        return None
    return check


# --- and only then the value before it goes --------------------------------------------------------------------------


def _finish(installation: Installation, batch: Sequence[Work], worker: str) -> None:
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        ours = rotations.mine(session, [work.rotation.id for work in batch], worker=worker)
        mine = [(work, ours[work.rotation.id]) for work in batch if work.rotation.id in ours]
        proven = [(work, rotation) for work, rotation in mine if work.how is not None]
        if proven:
            vault = open_vault(installation, session, actor=ACTOR, policy=policy)
            for work, rotation in proven:
                value = vault.for_account(rotation.account, work.password)
                how = work.how or VerifiedHow.SIGN_IN
                rotations.confirm(
                    session, rotation, value, how, warning=work.warning, actor=ACTOR, policy=policy, now=now
                )
                if work.own:
                    rotations.tell(session, rotation, OURS_CHANGED, now=now)
            uses.follow(session, [rotation.account_id for _, rotation in proven], actor=ACTOR, policy=policy, now=now)
        for work, rotation in mine:
            if work.how is None:
                wait = work.retry_after or getattr(work.error, "retry_after", None)
                rotations.try_again(
                    session, rotation, _why(work), retry_after=wait, give_value_up=work.lost, actor=ACTOR,
                    policy=policy, now=now,
                )  # fmt: skip


def _why(work: Work) -> str:
    error = work.refused or work.error
    if isinstance(error, ConfigurationInvalid):
        return "・".join((error.message, *error.mistakes))
    return str(error)
