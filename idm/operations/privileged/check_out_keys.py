"""Which browser a kept password is sealed to: the one at which its person sits, and no other (control D3).

Whoever asked may sit elsewhere when the time comes, and a contractor never asked at all: the manager did.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.errors import IllegalTransition, InvalidInput, NotFound
from idm.keys.sealing import KEY_BYTES
from idm.models.privileged import PrivilegedUse
from idm.operations.privileged.use_steps import locked_use, person_of
from idm.policy import Policy
from idm.step_up import require_fresh_factor
from idm.vocabulary import UseState


def bring(
    session: Session, use_id: int, public_key: bytes, *, actor: Actor, policy: Policy, now: datetime
) -> PrivilegedUse:
    """Afterwards a worker will seal the password of the use to this key; what was sealed to another is emptied unread.

    Raises NotFound for anybody but the person of the use, FreshFactorNeeded, InvalidInput for what is no key,
    IllegalTransition where no password is wanted, it was shown already, or the use is not permitted or over.
    """
    use = locked_use(session, use_id)
    if use.person_id != person_of(actor):
        raise NotFound("この利用は見つかりません。")
    require_fresh_factor(actor, policy=policy, now=now)
    if len(public_key) != KEY_BYTES:
        raise InvalidInput("受け渡しのための鍵の形が正しくありません。画面を開き直してください。")
    if use.public_key is None or use.shown_at is not None or use.state not in (UseState.APPROVED, UseState.OPEN):
        raise IllegalTransition("この利用のパスワードは、受け取れる状態ではありません（表示済み、終了など）。")
    use.public_key, use.sealed, use.sealed_at, use.check_out_due_at = public_key, None, None, None
    session.flush()
    audit.record(
        session, action="check_out.key_brought", actor=actor, obj=("privileged_use", str(use.id)), now=now,
        policy_digest=policy.digest, payload={"account": use.account_id, "person": use.person_id},
    )  # fmt: skip
    return use
