"""Answers what the help desk asks: is an account locked, and open it (see `idm.operations.passwords.unlocking`)."""

from idm.actor import Actor
from idm.errors import ConfigurationInvalid, TargetError
from idm.models.help_desk import UnlockRequest
from idm.operations.passwords.unlocking import TOO_LATE, Answer, answer, is_too_late, waiting
from idm.ports import Directory, ExternalId, ReadsLockout, Unlock, Writes
from idm.queries.governance.configuration import policy_in_force
from idm.vocabulary import Zone
from jobs.information_systems.examination import require_examined
from jobs.installation import Installation

ACTOR = Actor.job("jobs.passwords.unlocking")
STILL_LOCKED = "解除を求めましたが、ディレクトリはまだロックしています。"


def run_due(installation: Installation) -> int:
    """Afterwards every question of the zones served here is answered, if only by why not. Returns how many."""
    zones = [Zone(zone) for zone in installation.settings.zones]
    with installation.database.reading() as session:
        asked = waiting(session, zones)
    for request in asked:
        given = _looked(installation, request)
        now = installation.clock()
        with installation.database.writing() as session:
            policy = policy_in_force(session, now=now)
            answer(session, request.id, given, actor=ACTOR, policy=policy, now=now)
    return len(asked)


def _looked(installation: Installation, request: UnlockRequest) -> Answer:
    if is_too_late(request, now=installation.clock()):
        return Answer(failure=TOO_LATE)
    try:
        directory = installation.open_target(request.account.system)
        try:
            if request.unlock:
                require_examined(installation, directory, request.account.system)
            return _asked(directory, request.account.external_id or "", unlock=request.unlock)
        finally:
            directory.close()
    except TargetError as failure:
        return Answer(failure=str(failure))
    except ConfigurationInvalid as failure:
        return Answer(failure=failure.message)


def _asked(directory: Directory, external_id: ExternalId, *, unlock: bool) -> Answer:
    """What the directory says of it, opened first where that is asked and needed. Raises TargetError."""
    if not isinstance(directory, ReadsLockout):
        return Answer(failure="このシステムの接続では、ロックの状態を調べられません。")
    before = directory.lockout(external_id)
    if not (unlock and before.locked):
        return Answer(before)
    if not isinstance(directory, Writes) or Unlock not in directory.can:
        return Answer(before, failure="このシステムの接続では、ロックを解除できません。")
    (done,) = directory.perform([Unlock(external_id)])
    if isinstance(done, TargetError):
        raise done
    after = directory.lockout(external_id)
    return Answer(before, after, failure=STILL_LOCKED if after.locked else None)
