"""What a form that begins from a finding is filled in with: what it is of, whose, which rights are meant (FK 8, 6-2).

Filled in is a proposal: who opens the form may change it, and what is sent is judged by the rules of the form alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.grant_state import GrantState
from idm.models.going_live import FoundAccount
from idm.models.people import Employment, Person
from idm.models.requests import Grant
from idm.models.systems import Account, Entitlement
from idm.models.work import Finding
from idm.publication import Reader
from idm.queries.organisation.publication import known, public
from idm.vocabulary import EntitlementKind, ExceptionScope, FindingKind, RequestAction

APPLIED: Mapping[FindingKind, RequestAction] = {
    FindingKind.DORMANT: RequestAction.REMOVE,
    FindingKind.NEVER_USED: RequestAction.REMOVE,
    FindingKind.LAST_USE_UNKNOWN: RequestAction.REMOVE,
    FindingKind.MISSING: RequestAction.REMOVE,
    FindingKind.DRIFT: RequestAction.CHANGE,
    FindingKind.EXTRA_MEMBER: RequestAction.CHANGE,
    FindingKind.OUT_OF_BAND: RequestAction.CHANGE,
    FindingKind.CHANGE_DUE: RequestAction.CHANGE,
}
"""What an application would put right → what is asked for: the end of what is not needed, or what is there already."""

_GROUPS = frozenset({"extra_group", "extra_member", "out_of_band"})
"""What of the differences names a group that somebody is in without approval."""


@dataclass(frozen=True)
class Lead:
    """`scope`: the narrowest that would cover the finding. `holder_id`: whom an application would be about.

    `action`: None = no application is the way. `give`, `take`: entitlements.
    """

    scope: ExceptionScope
    system_id: int | None
    login_name: str = ""
    staff_number: str = ""
    holder_id: int | None = None
    action: RequestAction | None = None
    give: frozenset[int] = frozenset()
    take: frozenset[int] = frozenset()


def lead_of(session: Session, finding_id: int, *, reader: Reader) -> Lead:
    """Where the finding leads. Somebody of whom the reader does not know yet is in no form (control A7)."""
    finding = session.get_one(Finding, finding_id)
    holder = _known(session, _holder(session, finding), reader)
    action = _action(session, finding) if holder is not None else None
    return Lead(
        scope=_scope(finding), system_id=finding.system_id,
        login_name=finding.account.login_name if finding.account is not None else "",
        staff_number=_staff_number(session, _known(session, finding.person_id, reader), reader),
        holder_id=holder, action=action,
        give=frozenset(_groups(session, finding)) if action is not RequestAction.REMOVE else frozenset(),
        take=frozenset(_taken(session, finding, action)),
    )  # fmt: skip


def _scope(finding: Finding) -> ExceptionScope:
    if finding.account_id is not None:
        return ExceptionScope.ACCOUNT
    if finding.person_id is not None:
        return ExceptionScope.PERSON
    return ExceptionScope.ORGANISATION if finding.system_id is None else ExceptionScope.SYSTEM


def _action(session: Session, finding: Finding) -> RequestAction | None:
    """Whoever has no ID with us there applies for one."""
    action = APPLIED.get(finding.kind)
    if action is RequestAction.CHANGE and finding.account_id is None and _ours(session, finding) is None:
        return RequestAction.REGISTER
    return action


def _holder(session: Session, finding: Finding) -> int | None:
    if finding.person_id is not None:
        return finding.person_id
    account = finding.account or _ours(session, finding)
    if account is not None:
        return account.person_id
    waiting = select(FoundAccount.person_id).where(
        FoundAccount.system_id == finding.system_id, FoundAccount.external_id == _member(finding),
        FoundAccount.person_id.is_not(None),
    )  # fmt: skip
    return session.scalar(waiting.limit(1))


def _ours(session: Session, finding: Finding) -> Account | None:
    """The account of ours that is the member of a group, or the entry, that was found."""
    own = select(Account).where(Account.system_id == finding.system_id, Account.external_id == _member(finding))
    return session.scalars(own.limit(1)).first()


def _member(finding: Finding) -> str:
    return finding.subject_key.rpartition(":")[2]


def _known(session: Session, person_id: int | None, reader: Reader) -> int | None:
    return session.scalar(select(Person.id).where(Person.id == person_id, known(reader)))


def _staff_number(session: Session, person_id: int | None, reader: Reader) -> str:
    newest = select(Employment.staff_number).where(Employment.person_id == person_id, public(Employment, reader))
    return session.scalar(newest.order_by(Employment.valid_from.desc(), Employment.id.desc()).limit(1)) or ""


def _groups(session: Session, finding: Finding) -> list[int]:
    """The rights that stand for the groups somebody is in without approval."""
    named = {value for kind, value in _differences(finding) if kind in _GROUPS}
    rights = select(Entitlement.id).where(
        Entitlement.system_id == finding.system_id, Entitlement.external_id.in_(named)
    )
    return list(session.scalars(rights)) if named else []


def _differences(finding: Finding) -> Iterator[tuple[str, str]]:
    said = finding.details.get("differences")
    for one in said if isinstance(said, list) else []:
        if isinstance(one, list) and len(one) > 1:
            yield str(one[0]), str(one[1])


def _taken(session: Session, finding: Finding, action: RequestAction | None) -> list[int]:
    """What ends with a removal: the right to the very ID that was found; of a change that is due, the right."""
    meant = finding.details.get("entitlement")
    if action is RequestAction.CHANGE and isinstance(meant, int):
        return [meant]
    if action is not RequestAction.REMOVE:
        return []
    own = (
        select(Grant.entitlement_id)
        .join(Entitlement, Grant.entitlement_id == Entitlement.id)
        .where(Grant.account_id == finding.account_id, Grant.state != GrantState.ENDED)
        .where(Entitlement.kind == EntitlementKind.ACCOUNT)
    )
    return list(session.scalars(own))
