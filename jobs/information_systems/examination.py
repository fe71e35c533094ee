"""Looks over the connection to a system: what it is, what it may do, and whether that fits what is registered (D10).

The same for `idm system test` and for the worker, which does it by itself once a day before it writes: so nobody can
forget it. A check that could not be made has failed and says why.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from idm.actor import Actor
from idm.directory.directory_rules import GroupRight, last_use_check, missing_groups, password_checks, tier0_check
from idm.errors import ConfigurationInvalid, NotOnTarget, TargetError, TargetRefused, TargetUnavailable
from idm.models.sign_in import SignIn
from idm.models.system_tests import SystemTest
from idm.models.systems import InformationSystem
from idm.operations.information_systems.system_tests import is_due, newest_test, record_test
from idm.policy import Policy
from idm.ports import (
    SOURCE_LAG,
    Check,
    ChecksPasswords,
    CheckVerdict,
    Directory,
    ExaminesItself,
    ExternalId,
    KnowsItself,
    KnowsProtected,
    ReadsPasswordPolicy,
    ReadsPasswordState,
    ReportsLastUse,
    RequireSmartCard,
    SetTemporaryPassword,
    Writes,
)
from idm.queries.governance.configuration import policy_in_force
from idm.queries.signing_in.sign_in_accounts import belongs_to_another
from idm.vocabulary import EntitlementKind, Stage, VerifiedBy
from jobs.information_systems.own_account import recognise_own
from jobs.installation import Installation

ACTOR = Actor.job("jobs.information_systems.examination")
FINE, WARNING, FAILED = CheckVerdict.FINE, CheckVerdict.WARNING, CheckVerdict.FAILED
CONNECTION, LISTING = "接続", "一覧の読取り"


@dataclass(frozen=True)
class Subject:
    """What is examined, and by which rules."""

    system: InformationSystem
    groups: tuple[tuple[str, str, bool], ...]
    """Rights that are groups: name, group, by hand."""
    policy: Policy
    now: datetime
    colliding: tuple[str, ...] = ()
    """Names of the product's own sign-in that the directory has for somebody else."""


@dataclass(frozen=True)
class Examined:
    """What was found. `reached`: the target answered."""

    checks: tuple[Check, ...]
    reached: bool


def examine(installation: Installation, system: InformationSystem, *, actor: Actor = ACTOR) -> SystemTest:
    """Afterwards the connection was looked over, and what was found is on record. Raises nothing about the target."""
    subject = _subject(installation, system)
    try:
        directory = installation.open_target(system)
    except (ConfigurationInvalid, TargetError) as failure:
        found = Examined((_not_opened(failure),), reached=False)
    else:
        with closing(directory):
            found = look_over(directory, subject)
            _recognise(installation, directory, system, found, actor)
    return _recorded(installation, subject, found, actor)


def require_examined(installation: Installation, directory: Directory, system: InformationSystem) -> None:
    """Afterwards the newest examination, a day old at most, says that this connection may be written through.

    Raises TargetRefused with the sentence of the examination, TargetUnavailable when none could be made. A connector
    that cannot look itself over is used as it is.
    """
    if not isinstance(directory, ExaminesItself):
        return
    with installation.database.reading() as session:
        newest = newest_test(session, system.id)
    if is_due(newest, now=installation.clock()):
        subject = _subject(installation, system)
        found = look_over(directory, subject)
        if not found.reached:
            raise TargetUnavailable("ディレクトリとの接続を点検できないため、まだ何も書き込みません。")
        _recognise(installation, directory, system, found, ACTOR)
        newest = _recorded(installation, subject, found, ACTOR)
    if newest is not None and newest.stops_writing is not None:
        raise TargetRefused(newest.stops_writing)


def _recognise(
    installation: Installation, directory: Directory, system: InformationSystem, found: Examined, actor: Actor
) -> None:
    if found.reached:
        with suppress(TargetUnavailable):  # it has gone away since: another examination asks again
            recognise_own(installation, directory, system, actor)


def look_over(directory: Directory, subject: Subject) -> Examined:
    """Everything that can be said about the connection. Changes nothing anywhere."""
    checks = list(directory.examine()) if isinstance(directory, ExaminesItself) else [_blind(subject)]
    try:
        accounts = sum(1 for _ in directory.account_ids())
    except TargetUnavailable as failure:
        if not any(check.verdict is FAILED for check in checks):
            checks.append(_not_opened(failure))
        return Examined(tuple(checks), reached=False)
    except TargetError as failure:
        checks.append(Check(LISTING, FAILED, str(failure), "接続アカウントの件数上限と読取りの権限を確かめてください"))
    else:
        checks.append(Check(LISTING, FINE, f"利用者ID {accounts} 件を、上限にかからず最後まで読めました"))
    for check in (_abilities, _groups, _demand, _passwords, _last_use, _service_account, _own_account, _sign_in):
        checks.extend(_tried(check, directory, subject))
    return Examined(tuple(checks), reached=True)


def _tried(
    check: Callable[[Directory, Subject], Iterator[Check]], directory: Directory, subject: Subject
) -> Iterator[Check]:
    try:
        yield from check(directory, subject)
    except TargetError as failure:
        yield Check(
            "点検", FAILED, f"確かめられませんでした（{failure}）", "理由を取り除いて、もう一度点検してください"
        )


def _blind(subject: Subject) -> Check:
    return Check(
        "自己点検", WARNING, f"「{subject.system.connector}」の接続は、証明書や自分の権限を点検できません",
        "接続先の側で、接続アカウントの権限が必要なものだけであることを確かめてください",
    )  # fmt: skip


def _not_opened(failure: Exception) -> Check:
    mistakes = getattr(failure, "mistakes", ())
    said = "。".join((str(failure).rstrip("。"), *mistakes))
    subject = "設定" if isinstance(failure, ConfigurationInvalid) else CONNECTION
    return Check(subject, FAILED, said, "団体設定の接続の項目、資格情報のファイル、接続先の状態を確かめてください")


def _abilities(directory: Directory, subject: Subject) -> Iterator[Check]:
    titles: dict[str, type] = {"書込み": Writes, "仮パスワードの確認": ReadsPasswordState}
    for title, ability in titles.items():
        if ability is ReadsPasswordState and _has_no_passwords(directory):
            yield Check(title, FINE, "接続先にはパスワードがないため、交付はありません")
        elif isinstance(directory, ability):
            yield Check(title, FINE, "できます")
        elif subject.system.stage is Stage.OBSERVE:
            yield Check(title, FINE, "観察中のため、行いません")
        else:
            yield Check(title, WARNING, "この接続ではできません", "手作業（work_order）で扱うかどうかを決めてください")


def _has_no_passwords(directory: Directory) -> bool:
    """Whether people sign in to the target by other means, so that nothing is handed over."""
    return isinstance(directory, Writes) and SetTemporaryPassword not in directory.can


def _groups(directory: Directory, subject: Subject) -> Iterator[Check]:
    protected: frozenset[ExternalId] = frozenset()
    if isinstance(directory, KnowsProtected):
        protected = frozenset(group.external_id for group in directory.protected_groups())
    for name, group, by_hand in subject.groups:
        try:
            found = directory.group(group)
        except NotOnTarget:
            yield from missing_groups([(name, group)])
            continue
        yield tier0_check(GroupRight(name, group, by_hand, found.protected or found.external_id in protected))


def _demand(directory: Directory, subject: Subject) -> Iterator[Check]:
    """Whether what should demand two kinds of factor is there: without it nobody behind the gate gets in (B2)."""
    verification = subject.system.verification or {}
    if verification.get("by") == VerifiedBy.SMART_CARD:
        can = isinstance(directory, Writes) and RequireSmartCard in directory.can
        remedy = "" if can else "団体設定の verification を、この接続でできる方法（group 又は product）にしてください"
        found = "必須にでき、読み取れます" if can else "この接続では、スマートカードを必須にできません"
        yield Check("二要素認証（スマートカード）", FINE if can else FAILED, found, remedy)
    elif verification.get("by") == VerifiedBy.GROUP:
        group = str(verification.get("group"))
        try:
            directory.group(group)
        except NotOnTarget:
            remedy = "ディレクトリにグループを作るか、団体設定の verification の group を直してください"
            yield Check(f"二要素認証を必須にするグループ {group}", FAILED, "ディレクトリに見つかりません", remedy)
        else:
            yield Check(f"二要素認証を必須にするグループ {group}", FINE, "あります")


def _passwords(directory: Directory, subject: Subject) -> Iterator[Check]:
    if _has_no_passwords(directory):
        return
    if not isinstance(directory, ReadsPasswordPolicy):
        remedy = "接続先の側で、規則がプロファイルに合うか確かめてください"
        yield Check("パスワードの規則", WARNING, "この接続では読み取れません", remedy)
        return
    try:
        read = directory.password_policy()
    except TargetRefused as failure:
        yield Check("パスワードの規則", WARNING, str(failure), "接続アカウントが規則を読めるようにしてください")
        return
    yield from password_checks(read, subject.policy, for_sign_in=subject.system.for_sign_in)


def _last_use(directory: Directory, subject: Subject) -> Iterator[Check]:
    if not isinstance(directory, ReportsLastUse):
        yield last_use_check(None, None, readable=False)
        return
    uses = directory.unused_since(subject.now)
    first = next(iter(uses), None)
    yield last_use_check(
        first.source.value if first else None, SOURCE_LAG.get(first.source) if first else None, readable=True
    )


def _service_account(_directory: Directory, subject: Subject) -> Iterator[Check]:
    system, title = subject.system, "接続アカウントの登録"
    if system.credential is None:
        return
    bound = str(system.connector_settings.get("bind_dn", ""))
    if not system.service_account:
        yield Check(
            title, WARNING, "特権IDとして登録されていません",
            f'団体設定のシステム「{system.code}」に service_account = "（特権IDの台帳での名前）" を加えてください',
        )  # fmt: skip
    elif bound and system.service_account.casefold() not in bound.casefold():
        yield Check(
            title, WARNING, f"登録は「{system.service_account}」ですが、接続は「{bound}」で行われています",
            "団体設定の service_account か bind_dn を、実際のアカウントに合わせてください",
        )  # fmt: skip
    else:
        yield Check(title, FINE, f"特権ID「{system.service_account}」として登録されています")


def _own_account(directory: Directory, subject: Subject) -> Iterator[Check]:
    """By what it is kept from having its password changed by ourselves."""
    if subject.system.credential is None:
        return
    title = "接続アカウントの見分け方"
    if isinstance(directory, KnowsItself) and directory.own_account_id() is not None:
        yield Check(title, FINE, "ディレクトリの番号で見分けます")
    else:
        yield Check(
            title, FINE, "ディレクトリの番号では確かめられないため、名前で見分けます",
            "接続アカウントが自分の項目を読めるようにすると、名前が違っても、同じ名前の別のIDがあっても見分けられます",
        )  # fmt: skip


def _sign_in(directory: Directory, subject: Subject) -> Iterator[Check]:
    if not subject.system.for_sign_in:
        return
    title = "この画面へのサインイン"
    if isinstance(directory, ChecksPasswords):
        yield Check(title, FINE, "このディレクトリのパスワードでサインインできます")
    else:
        yield Check(
            title, FAILED, "この接続ではパスワードを確かめられません", "団体設定の sign_in_system を見直してください"
        )
    if subject.colliding:
        yield Check(
            "サインインの利用者名", WARNING,
            f"画面専用の利用者名が、別の人のディレクトリの利用者IDと重なっています（{'、'.join(subject.colliding)}）",
            "重なった人は、ディレクトリのパスワードではサインインできません。どちらかの利用者名を変えてください",
        )  # fmt: skip


def _subject(installation: Installation, system: InformationSystem) -> Subject:
    now = installation.clock()
    with installation.database.reading() as session:
        kept = session.get_one(InformationSystem, system.id)
        groups = tuple(
            (right.name, right.target_name, right.by_hand)
            for right in kept.entitlements
            if right.kind is EntitlementKind.GROUP and right.target_name is not None
        )
        own = session.execute(select(SignIn.name, SignIn.person_id).where(SignIn.password_hash.is_not(None))).all()
        named = own if kept.for_sign_in else ()
        colliding = tuple(name for name, person in named if belongs_to_another(session, name, person))
        return Subject(kept, groups, policy_in_force(session, now=now), now, colliding)


def _recorded(installation: Installation, subject: Subject, found: Examined, actor: Actor) -> SystemTest:
    with installation.database.writing() as session:
        return record_test(
            session, subject.system, found.checks, reached=found.reached, actor=actor, policy=subject.policy,
            now=installation.clock(),
        )  # fmt: skip
