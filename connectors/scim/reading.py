"""Users and groups of a service, read without trusting it: what was asked for is looked for in what came.

A service that ignores a filter answers with everybody (RFC 7644 3.4.2.2 lets it refuse, not every one does); one that
ignores `startIndex` repeats its first page; `totalResults` may be anything. So a filtered answer counts only where it
holds what was asked for, pages are read until one brings nothing new, and a list that says that it is longer than what
came is no list of everybody.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from urllib.parse import quote
from uuid import UUID

from connectors.scim import decoding, encoding
from connectors.scim.capabilities import Capabilities, read_capabilities
from connectors.scim.conversation import Conversation
from connectors.scim.decoding import Json, id_of, login_name_of, name_of, references, uuid_of
from idm.errors import NotOnTarget, TargetRefused
from idm.ports import ExternalId

FEW = 20
"""So many accounts are looked for one by one; for more, the whole list is read once."""
INCOMPLETE = (
    "サービスの一覧が途中で終わりました（{total}件のうち{seen}件）。一覧の上限をサービスの管理者に確かめてください。"
    "件数の表示だけが誤っているサービスでは、設定に totals = false と書いてください。"
)
TWICE = "同じ対応付けのID（{uuid}）を持つアカウントが、サービスに二つあります。どちらが正しいかを確かめてください。"
SEVERAL_GROUPS = "グループ「{name}」がサービスに二つ以上あります。名前を直してください。"


class Reading:
    """One service, as it is read. What it says of itself is asked once; of users and groups nothing is remembered."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation, self.settings = conversation, conversation.settings
        self.attribute = self.settings.account_uuid_attribute

    @cached_property
    def capabilities(self) -> Capabilities:
        """See `read_capabilities`."""
        return read_capabilities(self.conversation)

    @property
    def filters(self) -> bool:
        """Whether asking for one user may be quicker than reading all."""
        return self.settings.quirks.filters and self.capabilities.filters

    # --- users -------------------------------------------------------------------------------------------------------

    def users(self) -> Iterator[Json]:
        """Everybody, each once."""
        return self._all(self.capabilities.users_url)

    def user(self, external_id: ExternalId) -> Json:
        """The user of that id, and of no other. Raises NotOnTarget."""
        return self._one(self.capabilities.users_url, external_id, "アカウント")

    def with_uuids(self, uuids: Collection[UUID]) -> dict[UUID, Json]:
        """Those of ours. Raises TargetRefused where two say that they are the same."""
        wanted = set(uuids)
        if self.filters and len(wanted) <= FEW:
            asked = self._asked_one_by_one(self.attribute, {encoding.id_text(one, self.attribute) for one in wanted})
            if asked is not None:
                return _each_once(asked, wanted, self.attribute)
        return _each_once(self.users(), wanted, self.attribute)

    def with_login_names(self, names: Iterable[str]) -> dict[str, list[Json]]:
        """Who has such a name, width and case apart, by the folded name."""
        given = set(names)
        wanted = {folded(name) for name in given}
        found: dict[str, list[Json]] = defaultdict(list)
        ways = given | wanted
        asked = self._asked_one_by_one("userName", ways) if self.filters and len(ways) <= FEW else None
        for user in self.users() if asked is None else asked:
            if folded(login_name_of(user)) in wanted:
                found[folded(login_name_of(user))].append(user)
        return found

    def _asked_one_by_one(self, attribute: str, values: Collection[str]) -> list[Json] | None:
        """What the service has for each value; None = it answered with something else: only reading all helps."""
        found: list[Json] = []
        for value in values:
            page = self.filtered(encoding.equals(attribute, value))
            for user in page:
                said = decoding.value_of(user, attribute)
                if said is None or folded(said) != folded(value):
                    return None
            found += page
        return found

    # --- groups ------------------------------------------------------------------------------------------------------

    def groups(self) -> Iterator[Json]:
        """Every group with its members, each once."""
        return self._all(self.capabilities.groups_url) if self.has_groups else iter(())

    @property
    def has_groups(self) -> bool:
        """Whether there are groups for us."""
        return self.settings.quirks.groups and self.capabilities.has_groups

    def group(self, group_id: ExternalId) -> Json:
        """The group of that id. Raises NotOnTarget."""
        if not self.has_groups:
            raise NotOnTarget(f"グループ {group_id} はサービスにありません。")
        return self._one(self.capabilities.groups_url, group_id, "グループ")

    def group_named(self, name: str) -> Json:
        """The one group of exactly that name. Raises NotOnTarget, TargetRefused."""
        found = [group for group in self.groups() if name_of(group) == name]
        if not found:
            raise NotOnTarget(f"グループ「{name}」はサービスにありません。")
        if len(found) > 1:
            raise TargetRefused(SEVERAL_GROUPS.format(name=name))
        return found[0]

    def members(self, group_id: ExternalId) -> dict[ExternalId, bool]:
        """What is in the group by id → whether it is itself a group. Raises NotOnTarget."""
        group = self.group(group_id)
        if self.settings.quirks.memberships_at_users:
            return {id_of(user): False for user in self.users() if group_id in _values(references(user, "groups"))}
        return self.ids_of(references(group, "members"))

    def ids_of(self, members: Collection[Json]) -> dict[ExternalId, bool]:
        """The same of members as a group names them."""
        if not (self.settings.quirks.members_by_name and members):
            return {str(one["value"]): decoding.is_group(one) for one in members}
        by_name = {folded(login_name_of(user)): id_of(user) for user in self.users()}
        return {by_name.get(folded(one["value"]), str(one["value"])): decoding.is_group(one) for one in members}

    def groups_of(self, users: Collection[Json]) -> dict[ExternalId, frozenset[ExternalId]]:
        """The groups that each of these users is in, by the user's id."""
        if self.settings.quirks.memberships_at_users:
            return {id_of(user): _values(references(user, "groups")) for user in users}
        by_name = self.settings.quirks.members_by_name
        named = {folded(login_name_of(user)) if by_name else id_of(user): id_of(user) for user in users}
        inside: dict[ExternalId, set[ExternalId]] = {id_of(user): set() for user in users}
        for group in self.groups() if users else ():
            for one in references(group, "members"):
                found = named.get(folded(one["value"]) if by_name else one["value"])
                if found is not None:
                    inside[found].add(id_of(group))
        return {external_id: frozenset(groups) for external_id, groups in inside.items()}

    def version_of(self, resource: Json) -> str | None:
        """The version that a whole resource is written over; None where the service knows no versions."""
        meta = resource.get("meta")
        version = meta.get("version") if isinstance(meta, Mapping) else None
        return version if isinstance(version, str) and self.capabilities.versions else None

    # --- pages -------------------------------------------------------------------------------------------------------

    def _one(self, endpoint: str, external_id: ExternalId, kind: str) -> Json:
        about = f"{kind} {external_id} "
        found = self.conversation.ask(
            about, self.conversation.client.query, url=resource_url(endpoint, external_id), check_request_payload=False
        )
        if id_of(found) != external_id:  # some find by name too: that is another's
            raise NotOnTarget(f"{about}はサービスにありません。")
        return found

    def _all(self, endpoint: str) -> Iterator[Json]:
        seen: set[ExternalId] = set()
        total = 0
        while True:
            asked = {"startIndex": len(seen) + 1, "count": self.settings.page_size}
            answer = self._answer(endpoint, asked if self.settings.quirks.paging else {})
            total, page = _total(answer), [one for one in _resources(answer) if id_of(one) not in seen]
            for resource in page:
                if id_of(resource) in seen:
                    continue
                seen.add(id_of(resource))
                yield resource
            if not page or not self.settings.quirks.paging:
                break
        if self.settings.quirks.totals and total > len(seen):
            raise TargetRefused(INCOMPLETE.format(total=total, seen=len(seen)))

    def filtered(self, condition: str) -> list[Json]:
        """Users that the service answers a filter with, whether they fit or not; one page."""
        return _resources(self._answer(self.capabilities.users_url, {"filter": condition}))

    def _answer(self, endpoint: str, asked: Mapping[str, object]) -> Json:
        return self.conversation.ask(
            "一覧", self.conversation.client.query, url=endpoint, query_parameters=dict(asked) or None,
            check_request_payload=False,
        )  # fmt: skip


def resource_url(endpoint: str, external_id: ExternalId) -> str:
    """Where one resource is, whatever characters its id has. Raises NotOnTarget for what would lead elsewhere."""
    if external_id in ("", ".", ".."):
        raise NotOnTarget(f"「{external_id}」というIDのものはサービスにありません。")
    return f"{endpoint}/{quote(external_id, safe='')}"


def folded(name: str) -> str:
    """A login name as services compare it: width and case make no difference."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _each_once(users: Iterable[Json], wanted: Collection[UUID], attribute: str) -> dict[UUID, Json]:
    found: dict[UUID, Json] = {}
    for user in users:
        uuid = uuid_of(user, attribute)
        if uuid is None or uuid not in wanted or not id_of(user):
            continue
        if uuid in found and id_of(found[uuid]) != id_of(user):
            raise TargetRefused(TWICE.format(uuid=uuid))
        found[uuid] = user
    return found


def _values(said: Iterable[Json]) -> frozenset[ExternalId]:
    return frozenset(one["value"] for one in said)


def _resources(answer: Json) -> list[Json]:
    said = answer.get("Resources")
    return [one for one in said if isinstance(one, Mapping) and id_of(one)] if isinstance(said, list) else []


def _total(answer: Json) -> int:
    said = answer.get("totalResults")
    return said if isinstance(said, int) and not isinstance(said, bool) else 0
