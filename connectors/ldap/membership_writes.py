"""Adding to and removing from groups: one modification per group, values added and deleted, never a list replaced."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connectors.ldap.dialect import OpenLdap
from connectors.ldap.encoding import Change, ChangeKind, Operation, equal, modify
from connectors.ldap.outcomes import Verdict, verdict
from connectors.ldap.pipeline import Answer
from connectors.ldap.result_codes import (
    ATTRIBUTE_OR_VALUE_EXISTS,
    NO_SUCH_ATTRIBUTE,
    OBJECT_CLASS_VIOLATION,
    SUCCESS,
)
from connectors.ldap.session import Session
from connectors.ldap.settings import LdapSettings
from idm.errors import NotOnTarget, TargetUnavailable
from idm.ports import AddMember, ExternalId, Outcome, RemoveMember

ALREADY = {ChangeKind.ADD: ATTRIBUTE_OR_VALUE_EXISTS, ChangeKind.DELETE: NO_SUCH_ATTRIBUTE}
"""The refusal that means: it is so already."""

VALUES_AT_ONCE = 500


@dataclass(frozen=True)
class Membership:
    """One account in one group, both by distinguished name."""

    group_dn: str
    member_dn: str


class MembershipWriter:
    """Changes members. A group must not be empty (RFC 4519 3.5): its last member makes way for a placeholder."""

    def __init__(self, session: Session, settings: LdapSettings, dialect: OpenLdap) -> None:
        self._session = session
        self._settings = settings
        self._dialect = dialect

    def add(self, steps: Sequence[AddMember]) -> list[Verdict]:
        """Each account is in its group. Raises TargetError only when nothing was sent."""
        return self._apply(ChangeKind.ADD, steps)

    def remove(self, steps: Sequence[RemoveMember]) -> list[Verdict]:
        """No account is in its group. Raises TargetError only when nothing was sent."""
        return self._apply(ChangeKind.DELETE, steps)

    def change(self, kind: ChangeKind, memberships: Sequence[Membership]) -> list[Verdict]:
        """Add or delete each membership. Raises TargetUnavailable only when nothing was sent.

        All of one group go in one modification; if that is refused, because one of them is so already or for any
        other reason, each is tried alone and answered for itself.
        """
        batches = list(_batches(memberships))
        answers = self._session.exchange([self._modification(kind, memberships, batch) for batch in batches])
        verdicts: dict[int, Verdict] = {}
        alone: list[int] = []
        for batch, answer in zip(batches, answers, strict=True):
            if isinstance(answer, TargetUnavailable) or answer.result.code == SUCCESS:
                verdicts.update(dict.fromkeys(batch, verdict(answer)))
            else:
                alone += batch
        verdicts.update(zip(alone, self._one_by_one(kind, [memberships[index] for index in alone]), strict=True))
        return [verdicts[index] for index in range(len(memberships))]

    def _apply(self, kind: ChangeKind, steps: Sequence[AddMember | RemoveMember]) -> list[Verdict]:
        accounts = self._names_of(
            self._settings.people_base, self._settings.account_class, [step.external_id for step in steps]
        )
        groups = self._names_of(
            self._settings.groups_base, self._dialect.group_class, [step.group_id for step in steps]
        )
        verdicts: dict[int, Verdict] = {}
        known: dict[int, Membership] = {}
        for index, step in enumerate(steps):
            if step.external_id not in accounts:
                verdicts[index] = NotOnTarget(f"アカウント {step.external_id} はディレクトリにありません。")
            elif step.group_id not in groups:
                verdicts[index] = NotOnTarget(f"グループ {step.group_id} はディレクトリにありません。")
            else:
                known[index] = Membership(groups[step.group_id], accounts[step.external_id])
        verdicts.update(zip(known, self.change(kind, list(known.values())), strict=True))
        return [verdicts[index] for index in range(len(steps))]

    def _names_of(self, base: str, object_class: str, external_ids: Sequence[ExternalId]) -> dict[ExternalId, str]:
        wanted = self._dialect.entry_id
        found = self._session.look_up(base, equal("objectClass", object_class), wanted, external_ids, [wanted])
        return {entry.values[wanted.lower()][0].decode(): entry.dn for entry in found}

    def _one_by_one(self, kind: ChangeKind, memberships: Sequence[Membership]) -> list[Verdict]:
        answers = self._after_sending([self._modification(kind, memberships, (n,)) for n in range(len(memberships))])
        last = [index for index, answer in enumerate(answers) if _group_would_be_empty(answer)]
        replaced = self._after_sending([self._replacement(memberships[index]) for index in last])
        for index, answer in zip(last, replaced, strict=True):
            answers[index] = answer
        return [
            Outcome.UNCHANGED if isinstance(answer, Answer) and answer.result.code == ALREADY[kind] else verdict(answer)
            for answer in answers
        ]

    def _after_sending(self, operations: Sequence[Operation]) -> list[Answer | TargetUnavailable]:
        """As `Session.exchange`, at a time when something was sent before: not to be connected is an answer too."""
        try:
            return self._session.exchange(operations)
        except TargetUnavailable as error:
            return [error] * len(operations)

    def _modification(self, kind: ChangeKind, memberships: Sequence[Membership], batch: Iterable[int]) -> Operation:
        indices = list(batch)
        members = tuple(memberships[index].member_dn.encode() for index in indices)
        return modify(memberships[indices[0]].group_dn, [Change(kind, self._dialect.member, members)])

    def _replacement(self, membership: Membership) -> Operation:
        added = Change(ChangeKind.ADD, self._dialect.member, (self._settings.placeholder_member_dn.encode(),))
        removed = Change(ChangeKind.DELETE, self._dialect.member, (membership.member_dn.encode(),))
        return modify(membership.group_dn, [added, removed])


def _batches(memberships: Sequence[Membership]) -> Iterable[list[int]]:
    by_group: defaultdict[str, list[int]] = defaultdict(list)
    for index, membership in enumerate(memberships):
        by_group[membership.group_dn].append(index)
    for indices in by_group.values():
        for start in range(0, len(indices), VALUES_AT_ONCE):
            yield indices[start : start + VALUES_AT_ONCE]


def _group_would_be_empty(answer: Answer | TargetUnavailable) -> bool:
    return isinstance(answer, Answer) and answer.result.code == OBJECT_CLASS_VIOLATION
