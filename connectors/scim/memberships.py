"""Who comes into a group and who goes out of it: group by group, and read back before anything counts as done."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from connectors.scim import encoding
from connectors.scim.capabilities import GROUP
from connectors.scim.decoding import Json, references
from connectors.scim.reading import Reading, resource_url
from idm.errors import NotOnTarget, TargetError, TargetRefused, TargetUnavailable
from idm.ports import AddMember, ExternalId, Outcome, RemoveMember

MembershipStep = AddMember | RemoveMember
Answered = Outcome | TargetError

NO_END = "このサービスは、グループメンバーの期限を扱えません。"
NOT_SHOWN_YET = "グループのメンバーの変更を、サービスがまだ示しません。読み直してから、もう一度行います。"


class Memberships:
    """Groups of one service, as their members are written."""

    def __init__(self, reading: Reading) -> None:
        self._reading, self._conversation = reading, reading.conversation
        self._quirks = reading.settings.quirks

    def perform(self, steps: Mapping[int, MembershipStep]) -> dict[int, Answered]:
        """The answer to each step, by its place; what is wrong with one stops no other."""
        answers: dict[int, Answered] = {}
        by_group: dict[ExternalId, dict[int, MembershipStep]] = defaultdict(dict)
        for place, step in steps.items():
            try:
                self._require_possible(step)
            except TargetError as error:
                answers[place] = error
            else:
                by_group[step.group_id][place] = step
        for group_id, wanted in by_group.items():
            answers |= self._in_group(group_id, wanted)
        return answers

    def leave_all(self, external_id: ExternalId) -> None:
        """Afterwards the account is in no group: a service need not see to that itself. Raises TargetError."""
        user = self._reading.user(external_id)
        groups = self._reading.groups_of([user])[external_id]
        steps = {place: RemoveMember(external_id, group) for place, group in enumerate(sorted(groups))}
        for answer in self.perform(steps).values():
            if isinstance(answer, TargetError) and not isinstance(answer, NotOnTarget):
                raise answer

    def _require_possible(self, step: MembershipStep) -> None:
        if isinstance(step, AddMember) and step.until is not None:
            raise TargetRefused(NO_END)
        self._reading.user(step.external_id)

    def _in_group(self, group_id: ExternalId, steps: Mapping[int, MembershipStep]) -> dict[int, Answered]:
        try:
            before = self._reading.members(group_id)
            changing = {
                place: step for place, step in steps.items() if (step.external_id in before) is not _joins(step)
            }
            failed = self._write(group_id, changing)
            after = self._reading.members(group_id) if changing else before
        except TargetError as error:
            return dict.fromkeys(steps, error)
        answers: dict[int, Answered] = dict.fromkeys(steps.keys() - changing.keys(), Outcome.UNCHANGED)
        for place, step in changing.items():
            done = (step.external_id in after) is _joins(step)
            answers[place] = Outcome.CHANGED if done else failed.get(place, TargetUnavailable(NOT_SHOWN_YET))
        return answers

    def _write(self, group_id: ExternalId, steps: Mapping[int, MembershipStep]) -> dict[int, TargetError]:
        """What went wrong, by the place of the step."""
        if not steps:
            return {}
        if not (self._quirks.patches_groups and self._reading.capabilities.patches):
            return self._write_whole(group_id, list(steps.values()))
        failed: dict[int, TargetError] = {}
        url = resource_url(self._reading.capabilities.groups_url, group_id)
        for place, step in steps.items():
            told = self._told(step.external_id)
            request = encoding.patch([encoding.member_operation(told, self._quirks, add=_joins(step))])
            try:
                self._conversation.change(f"グループ {group_id} ", GROUP, url, request)
            except TargetError as error:
                failed[place] = error
        return failed

    def _write_whole(self, group_id: ExternalId, steps: Sequence[MembershipStep]) -> dict[int, TargetError]:
        """The group as it is now, with these in it and those not: at once, and not over what changed meanwhile."""
        group = self._reading.group(group_id)
        inside = {one: self._as_read(group, one) for one in self._reading.ids_of(references(group, "members"))}
        for step in steps:
            if _joins(step):
                inside[step.external_id] = self._told(step.external_id)
            else:
                inside.pop(step.external_id, None)
        written = {name: said for name, said in group.items() if name not in encoding.NOT_SENT}
        written["members"] = list(inside.values())
        url = resource_url(self._reading.capabilities.groups_url, group_id)
        self._conversation.replace(f"グループ {group_id} ", url, written, self._reading.version_of(group))
        return {}

    def _as_read(self, group: Json, external_id: ExternalId) -> dict[str, str]:
        """A member that stays: as the group names it, where it names it by its id."""
        named = (one for one in references(group, "members") if one["value"] == external_id)
        return dict(next(named, self._told(external_id)))

    def _told(self, external_id: ExternalId) -> dict[str, str]:
        return encoding.member(external_id, self._reading.capabilities.users_url, self._quirks)


def _joins(step: MembershipStep) -> bool:
    return isinstance(step, AddMember)
