"""What every act on one finding begins and ends with: found and locked, allowed in its state, reached, on record."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.errors import NotFound, NotPermitted, SeparationOfDuties
from idm.models.going_live import FoundAccount
from idm.models.systems import Account
from idm.models.work import Finding
from idm.operations.information_systems.system_scope import require_for_system
from idm.operations.sweep.finding_history import note
from idm.oversight.finding_state import after, state_of
from idm.permissions import Action, everywhere, require
from idm.policy import Policy
from idm.queries.organisation.officers import humans, roles_of
from idm.queries.sweep.finding_states import facts_of
from idm.vocabulary import FindingEventKind, FindingState


def locked(session: Session, finding_id: int) -> Finding:
    """The finding, which nobody else changes meanwhile. Raises NotFound."""
    finding = session.get(Finding, finding_id, with_for_update=True, populate_existing=True)
    if finding is None:
        raise NotFound("この点検結果は見つかりません。")
    return finding


def require_possible(session: Session, finding: Finding, event: FindingEventKind, *, day: date) -> FindingState:
    """Afterwards this may happen to the finding as it stands on the day; where it then stands. Raises
    IllegalTransition."""
    return after(state_of(facts_of(session, finding), day), event)


def require_reach(session: Session, finding: Finding, action: Action, *, person_id: int, day: date) -> None:
    """Afterwards this person may do that to the finding. What is of no system is only for those whom the action
    carries everywhere. Raises NotPermitted."""
    if finding.system is not None:
        require_for_system(session, finding.system, action, person_id=person_id, day=day)
        return
    roles = roles_of(session, person_id, day)
    require(roles, action)
    if not everywhere(roles, action):
        raise NotPermitted("情報システムによらない点検結果は、統括情報セキュリティ責任者などが扱います。")


def holder_of(session: Session, finding: Finding) -> int | None:
    """Whom it is about: the person, or the owner of the account; a member of a group is known by the target's id
    alone, ours or waiting to be so."""
    if finding.person_id is not None:
        return finding.person_id
    if finding.account is not None:
        return finding.account.person_id
    member = finding.subject_key.rpartition(":")[2]
    for kind in (Account, FoundAccount):
        query = select(kind.person_id).where(kind.system_id == finding.system_id, kind.external_id == member)
        if (person_id := session.scalar(query.where(kind.person_id.is_not(None)).limit(1))) is not None:
            return person_id
    return None


def refuse_holder(session: Session, finding: Finding, *, person_id: int, what: str) -> int | None:
    """Afterwards the finding is not about this person, by any row of theirs; whom it is about. Raises
    SeparationOfDuties."""
    holder = holder_of(session, finding)
    if holder is not None and humans(session, [person_id])[person_id].is_one_of(frozenset({holder})):
        raise SeparationOfDuties(f"自分のIDについての点検結果を、自分で{what}することはできません。", code="SOD-2")
    return holder


def happened(
    session: Session, finding: Finding, event: FindingEventKind, said: dict[str, object], *, actor: Actor,
    policy: Policy, now: datetime, words: str | None = None,
) -> None:  # fmt: skip
    """Afterwards the act is in the finding's history, with these words, and in the audit record, with all of it."""
    session.flush()
    note(session, event, [finding.id], person_id=actor.person_id, now=now, said=words)
    audit.record(
        session, action=f"finding.{event.value}", actor=actor, obj=("finding", str(finding.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "kind": finding.kind.value, "system": finding.system_id, "label": finding.label,
            "account": finding.account_id, "found": finding.details.get("reason"), **said,
        },
    )  # fmt: skip
