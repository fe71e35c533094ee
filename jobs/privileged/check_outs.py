"""Prepares kept passwords for those who were let use them: opened here, proven, sealed to one browser (control D3).

What the directory does not take is not given to anybody: then the password is replaced first.
"""

from collections.abc import Sequence
from itertools import groupby

from idm.actor import Actor
from idm.errors import ConfigurationInvalid, Refusal, TargetError, TargetRefused
from idm.keys.sealing import seal_to
from idm.models.privileged import PrivilegedUse, VaultSecret
from idm.operations.privileged import check_outs, rotations
from idm.ports import ChecksPasswords, Directory, PasswordCheck, PasswordVerdict
from idm.queries.governance.configuration import policy_in_force
from idm.vocabulary import RotationReason, Zone
from jobs.installation import Installation
from jobs.vault.keyring import open_vault

ACTOR = Actor.job("jobs.privileged.check_outs")
CANNOT = "このシステムの接続では、パスワードを確かめられません。"
NOT_OURS = "ディレクトリのパスワードが預かったものと違うため、新しくしています。"
NOT_NOW = {
    PasswordVerdict.LOCKED: "IDが誤ったパスワードのためにロックされています。ロックが解けると表示できます。",
    PasswordVerdict.DISABLED: "IDがディレクトリで無効になっています。",
    PasswordVerdict.ACCOUNT_EXPIRED: "IDの有効期限がディレクトリで切れています。",
}
"""What stands in the way of using it, whatever the password is."""


def run_due(installation: Installation) -> int:
    """Afterwards every password that somebody waits for is sealed to them, or says why not yet. Returns how many are.

    What was sealed for a use that is over is emptied.
    """
    zones = [Zone(zone) for zone in installation.settings.zones]
    now = installation.clock()
    with installation.database.reading() as session:
        waiting = check_outs.waiting(session, zones, now=now)
        ended = check_outs.any_ended(session, now=now)
    if ended:
        with installation.database.writing() as session:
            check_outs.empty_ended(session, now=now)
    by_system = groupby(sorted(waiting, key=lambda use: use.system_id), key=lambda use: use.system_id)
    return sum(_prepare_all(installation, list(uses)) for _, uses in by_system)


def _prepare_all(installation: Installation, uses: Sequence[PrivilegedUse]) -> int:
    """Those of one system, over one connection."""
    directory: Directory | None = None
    prepared = 0
    try:
        for use in uses:
            try:
                directory = directory or installation.open_target(use.account.system)
                prepared += _prepare(installation, directory, use)
            except (TargetError, Refusal) as failure:
                _postpone(installation, use, failure)
    finally:
        if directory is not None:
            directory.close()
    return prepared


def _prepare(installation: Installation, directory: Directory, use: PrivilegedUse) -> bool:
    """Whether it is sealed now. Raises TargetError, Refusal."""
    if not isinstance(directory, ChecksPasswords):
        raise TargetRefused(CANNOT)
    with installation.database.writing() as session:
        now = installation.clock()
        policy = policy_in_force(session, now=now)
        check_outs.require_permitted(session, session.get_one(PrivilegedUse, use.id), policy=policy, now=now)
        vault = open_vault(installation, session, actor=ACTOR, policy=policy)
        secret = session.get_one(VaultSecret, use.account_id)
        password, confirmed_at = vault.of_account(secret), secret.confirmed_at
    check = directory.check_password(use.account.login_name, password)
    if not _is_ours(check, use):
        return _replace(installation, use, check)
    public_key = use.public_key or b""
    sealed = seal_to(public_key, password.encode(), check_outs.context(use))
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        return check_outs.seal(
            session, use.id, sealed, public_key=public_key, confirmed_at=confirmed_at, actor=ACTOR, policy=policy,
            now=now,
        )  # fmt: skip


def _is_ours(check: PasswordCheck, use: PrivilegedUse) -> bool:
    return check.verdict is PasswordVerdict.RIGHT and check.external_id == use.account.external_id


def _replace(installation: Installation, use: PrivilegedUse, check: PasswordCheck) -> bool:
    """Afterwards a password that is not the one we keep, or has to be changed, is replaced first. Always False."""
    if check.verdict in NOT_NOW:
        raise TargetRefused(NOT_NOW[check.verdict])
    now = installation.clock()
    with installation.database.writing() as session:
        policy = policy_in_force(session, now=now)
        asked = [use.account_id]
        # First the use (and its account), then the rotation: the order of whoever gives it back meanwhile.
        check_outs.postpone(session, use.id, NOT_OURS, now=now)
        rotations.ask(session, asked, RotationReason.SUSPECTED, use_id=use.id, actor=ACTOR, policy=policy, now=now)
    return False


def _postpone(installation: Installation, use: PrivilegedUse, failure: TargetError | Refusal) -> None:
    now = installation.clock()
    why = "・".join((failure.message, *failure.mistakes)) if isinstance(failure, ConfigurationInvalid) else str(failure)
    with installation.database.writing() as session:
        check_outs.postpone(session, use.id, why, retry_after=getattr(failure, "retry_after", None), now=now)
