"""Adding to and removing from groups: one modification per group, values added and deleted, never a list replaced."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.ldap.encoding import Change, ChangeKind, Operation, Scope, equal, modify, search
from connectors.ldap.entry_decoding import Entry
from connectors.ldap.outcomes import Verdict, meant, no_account, no_group, verdict
from connectors.ldap.pipeline import Answer
from connectors.ldap.result_codes import SUCCESS, Meaning, Verb
from connectors.ldap.site import Site
from connectors.ldap.surroundings import Protected
from idm.errors import TargetError, TargetRefused, TargetUnavailable
from idm.ports import AddMember, ExternalId, Outcome, RemoveMember

VERBS = {ChangeKind.ADD: Verb.JOIN, ChangeKind.DELETE: Verb.LEAVE}
VALUES_AT_ONCE = 500


@dataclass(frozen=True)
class Membership:
    """One account in one group, both by distinguished name; `seconds` is how long the directory itself keeps it."""

    group_dn: str
    member_dn: str
    seconds: int | None = None

    def value(self) -> bytes:
        """The member as it is written; with a time to live ([MS-ADTS] 3.1.1.1.9, LDAP_SERVER_LINK_TTL)."""
        limited = self.member_dn if self.seconds is None else f"<TTL={self.seconds},{self.member_dn}>"
        return limited.encode()


class MembershipWriter:
    """Changes members. A group that must not be empty (RFC 4519 3.5) gives its last member's place to a placeholder."""

    def __init__(self, site: Site, can_time_box: Callable[[], bool]) -> None:
        self._site = site
        self._can_time_box = can_time_box

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
        answers = self._site.session.exchange([self._modification(kind, memberships, batch) for batch in batches])
        verdicts: dict[int, Verdict] = {}
        alone: list[int] = []
        for batch, answer in zip(batches, answers, strict=True):
            if isinstance(answer, TargetUnavailable) or answer.result.code == SUCCESS:
                verdicts.update(dict.fromkeys(batch, verdict(answer, VERBS[kind])))
            else:
                alone += batch
        verdicts.update(zip(alone, self._one_by_one(kind, [memberships[index] for index in alone]), strict=True))
        return [verdicts[index] for index in range(len(memberships))]

    # --- what may be asked -------------------------------------------------------------------------------------------

    def _apply(self, kind: ChangeKind, steps: Sequence[AddMember | RemoveMember]) -> list[Verdict]:
        kin = self._site.dialect.kin_attributes
        accounts = self._site.accounts_by_id([step.external_id for step in steps], *kin)
        groups = self._site.groups_by_id(step.group_id for step in steps)
        protected = self._site.surroundings.protected()
        primary = self._primary_groups(accounts)
        now = self._site.clock()
        verdicts: dict[int, Verdict] = {}
        known: dict[int, Membership] = {}
        for index, step in enumerate(steps):
            try:
                _require_both(step, accounts, groups)
                _require_unprotected(step, protected)
                if step.group_id in primary[step.external_id]:
                    verdicts[index] = _on_primary_group(kind, step.group_id)
                    continue
                seconds = self._seconds(step, now)
            except TargetError as error:
                verdicts[index] = error
                continue
            known[index] = Membership(groups[step.group_id].dn, accounts[step.external_id].dn, seconds)
        verdicts.update(zip(known, self.change(kind, list(known.values())), strict=True))
        return [verdicts[index] for index in range(len(steps))]

    def _primary_groups(self, accounts: dict[ExternalId, Entry]) -> dict[ExternalId, frozenset[ExternalId]]:
        entries = list(accounts.values())
        return dict(zip(accounts, self._site.surroundings.primary_groups(entries), strict=True))

    def _seconds(self, step: AddMember | RemoveMember, now: datetime) -> int | None:
        if isinstance(step, RemoveMember) or step.until is None:
            return None
        if not self._can_time_box():
            raise TargetRefused(
                "このディレクトリは、期限付きのグループメンバーを自分で終わらせることができません。期限なしで追加し、"
                "期日に idm が外す設定にしてください。"
            )
        seconds = int((step.until - now).total_seconds())
        if seconds <= 0:
            raise TargetRefused("グループメンバーの期限が過ぎているため、追加しません。")
        return seconds

    # --- one by one --------------------------------------------------------------------------------------------------

    def _one_by_one(self, kind: ChangeKind, memberships: Sequence[Membership]) -> list[Verdict]:
        verb = VERBS[kind]
        answers = self._after_sending([self._modification(kind, memberships, (n,)) for n in range(len(memberships))])
        last = [index for index, answer in enumerate(answers) if self._would_be_empty(answer, verb)]
        replaced = self._after_sending([self._replacement(memberships[index]) for index in last])
        for index, answer in zip(last, replaced, strict=True):
            answers[index] = answer
        doubtful = [index for index, answer in enumerate(answers) if meant(answer, verb) is Meaning.PERHAPS_ALREADY]
        verdicts = [verdict(answer, verb) for answer in answers]
        for index, listed in zip(doubtful, self._listed([memberships[index] for index in doubtful]), strict=True):
            if isinstance(listed, TargetError):
                verdicts[index] = listed
            elif listed == (kind is ChangeKind.ADD):
                verdicts[index] = self._already(memberships[index])
        return verdicts

    def _already(self, membership: Membership) -> Verdict:
        if membership.seconds is None:
            return Outcome.UNCHANGED
        again = Membership(membership.group_dn, membership.member_dn)
        changes = [Change(ChangeKind.DELETE, self._site.dialect.member, (again.value(),))]
        changes.append(Change(ChangeKind.ADD, self._site.dialect.member, (membership.value(),)))
        [answer] = self._after_sending([modify(membership.group_dn, changes)])
        return verdict(answer, Verb.JOIN)

    def _listed(self, memberships: Sequence[Membership]) -> list[bool | TargetError]:
        """Whether each is in its group, asked of the group."""
        member = self._site.dialect.member
        searches = [search(one.group_dn, Scope.BASE, equal(member, one.member_dn), ["1.1"]) for one in memberships]
        try:
            return [bool(entries) for entries in self._site.session.find(searches)]
        except TargetError as error:
            return [error] * len(memberships)

    def _would_be_empty(self, answer: Answer | TargetUnavailable, verb: Verb) -> bool:
        return bool(self._site.settings.placeholder_member_dn) and meant(answer, verb) is Meaning.LAST_MEMBER

    def _after_sending(self, operations: Sequence[Operation]) -> list[Answer | TargetUnavailable]:
        """As `Session.exchange`, at a time when something was sent before: not to be connected is an answer too."""
        try:
            return self._site.session.exchange(operations)
        except TargetUnavailable as error:
            return [error] * len(operations)

    def _modification(self, kind: ChangeKind, memberships: Sequence[Membership], batch: Iterable[int]) -> Operation:
        indices = list(batch)
        members = tuple(memberships[index].value() for index in indices)
        return modify(memberships[indices[0]].group_dn, [Change(kind, self._site.dialect.member, members)])

    def _replacement(self, membership: Membership) -> Operation:
        member, placeholder = self._site.dialect.member, self._site.settings.placeholder_member_dn
        added = Change(ChangeKind.ADD, member, (placeholder.encode(),))
        removed = Change(ChangeKind.DELETE, member, (membership.member_dn.encode(),))
        return modify(membership.group_dn, [added, removed])


def _batches(memberships: Sequence[Membership]) -> Iterable[list[int]]:
    by_group: defaultdict[str, list[int]] = defaultdict(list)
    for index, membership in enumerate(memberships):
        by_group[membership.group_dn].append(index)
    for indices in by_group.values():
        for start in range(0, len(indices), VALUES_AT_ONCE):
            yield indices[start : start + VALUES_AT_ONCE]


def _require_both(
    step: AddMember | RemoveMember, accounts: dict[ExternalId, Entry], groups: dict[ExternalId, Entry]
) -> None:
    if step.external_id not in accounts:
        raise no_account(step.external_id)
    if step.group_id not in groups:
        raise no_group(step.group_id)


def _require_unprotected(step: AddMember | RemoveMember, protected: Protected) -> None:
    """Raises TargetRefused: the directory's own administrators are changed by hand only (control D10)."""
    if step.group_id in protected.groups or step.external_id in protected.accounts:
        raise TargetRefused(
            f"グループ {step.group_id} またはアカウント {step.external_id} は、ディレクトリの管理者（特権）として"
            "保護されているため、自動では変更しません。作業依頼により、手作業で行ってください。"
        )


def _on_primary_group(kind: ChangeKind, group_id: ExternalId) -> Verdict:
    if kind is ChangeKind.ADD:
        return Outcome.UNCHANGED
    return TargetRefused(
        f"グループ {group_id} はこのアカウントのプライマリグループのため、外せません。"
        "先に別のグループをプライマリグループにしてください。"
    )
