"""The connector to Entra ID: users, groups and their last use, through Microsoft Graph (`idm.ports`)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from connectors.entra.decoding import PENDING, Decoder, literal, moment
from connectors.entra.examination import examine
from connectors.entra.exchanges import Exchanges
from connectors.entra.graph import Graph
from connectors.entra.last_use import never, unused
from connectors.entra.looking_up import ids_of, users, users_with_groups
from connectors.entra.registrations import second_factor_holders
from connectors.entra.role_exchanges import RoleExchanges
from connectors.entra.roles import ELIGIBLE, HELD, Role, Roles, role_of
from connectors.entra.settings import EntraSettings
from connectors.entra.tier0 import ROLES as TIER0
from connectors.entra.tier0 import Tier0
from connectors.entra.waves import carry_out, nothing_was_sent
from idm.errors import NotOnTarget, TargetError, TargetRefused
from idm.ports import (
    AccountId,
    ChangeSet,
    Check,
    CreateAccount,
    ExternalId,
    Kept,
    LastUse,
    Outcome,
    PasswordState,
    Step,
    TargetAccount,
    TargetGroup,
)

ALL_ATTRIBUTES = Kept().attributes


def open_entra(
    values: Mapping[str, object], secret: str | None, clock: Callable[[], datetime]
) -> "EntraConnector":  # fmt: skip
    """A connector to a tenant. Raises ConfigurationInvalid."""
    return EntraConnector(EntraSettings.from_mapping(values, secret), clock)


class EntraConnector:
    """See the protocols of `idm.ports`. It keeps no end of an account: that is carried out on its day."""

    def __init__(self, settings: EntraSettings, clock: Callable[[], datetime]) -> None:
        self._settings, self._clock = settings, clock
        self._graph, self._decoder = Graph(settings), Decoder(settings)
        self._made: dict[UUID, ExternalId] = {}
        self._tier0 = Tier0(self._graph)
        ways = tuple(way for way, ours in ((HELD, settings.roles), (ELIGIBLE, settings.eligible_roles)) if ours)
        self._roles = Roles(self._graph, ways)
        self._exchanges = Exchanges(settings, self._decoder, self._made, RoleExchanges(ways, clock))
        self.can: frozenset[type[Step]] = frozenset(self._exchanges.performers)

    def __repr__(self) -> str:
        return f"EntraConnector({self._settings.tenant_id!r})"

    # --- reading -----------------------------------------------------------------------------------------------------

    def accounts(self) -> Iterator[TargetAccount]:
        """See `idm.ports.Directory`."""
        guarded = self._tier0.accounts()
        for user in self._graph.pages(f"/users?$select={self._decoder.selected}&$top=999"):
            yield self._decoder.account(user, protected=str(user["id"]) in guarded)

    def account_ids(self) -> Iterator[AccountId]:
        """See `idm.ports.Directory`."""
        guarded = self._tier0.accounts()
        for user in self._graph.pages(f"/users?$select={self._decoder.identifying}&$top=999"):
            yield self._decoder.account_id(user, protected=str(user["id"]) in guarded)

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """See `idm.ports.Directory`: found by our property, and then read by id, where nothing lags."""
        wanted = list(dict.fromkeys(account_uuids))
        if not wanted:
            return {}
        ids = self._ids_of(wanted)
        there = users_with_groups(self._graph, self._decoder, list(ids.values()))
        guarded, roles = self._tier0.accounts(), self._roles.of_accounts()
        found = {
            uuid: self._decoder.account(
                there[external_id][0], groups=there[external_id][1] | roles.get(external_id, frozenset()),
                protected=external_id in guarded,
            )
            for uuid, external_id in ids.items() if external_id in there
        }  # fmt: skip
        return {uuid: account for uuid, account in found.items() if account.account_uuid == uuid}

    def find_by_own_id(self, external_ids: Iterable[ExternalId]) -> dict[ExternalId, TargetAccount]:
        """See `idm.ports.FindsByOwnId`."""
        found, guarded = users(self._graph, self._decoder, list(dict.fromkeys(external_ids))), self._tier0.accounts()
        return {one: self._decoder.account(user, protected=one in guarded) for one, user in found.items()}

    def group(self, name: str) -> TargetGroup:
        """See `idm.ports.Directory`; `role:` and `eligible:` name directory roles (`connectors.entra.roles`).

        Raises TargetRefused where several groups have the name.
        """
        if (role := role_of(name)) is not None:
            return self._roles.named(role)
        condition = quote(f"displayName eq {literal(name)}")
        found = list(self._graph.pages(f"/groups?$filter={condition}&$select=id,displayName,isAssignableToRole"))
        found = [one for one in found if one.get("displayName") == name]
        if not found:
            raise NotOnTarget(f"グループ「{name}」はありません。")
        if len(found) > 1:
            raise TargetRefused(f"「{name}」という名前のグループが複数あります。名前を変えて、一つにしてください。")
        return TargetGroup(str(found[0]["id"]), name, bool(found[0].get("isAssignableToRole")))

    def members(self, group_id: ExternalId, *, nested: bool = False) -> Iterator[ExternalId]:
        """See `idm.ports.Directory`."""
        if (role := role_of(group_id)) is not None:
            return self._roles.members(role, nested=nested)
        self._graph.get(f"/groups/{quote(group_id)}?$select=id")
        way = "transitiveMembers" if nested else "members"
        return self._streamed(f"/groups/{quote(group_id)}/{way}?$select=id&$top=999", nested=nested)

    def _streamed(self, path: str, *, nested: bool) -> Iterator[ExternalId]:
        for one in self._graph.pages(path):
            if not nested or one.get("@odata.type") != "#microsoft.graph.group":
                yield str(one["id"])

    def kept(self) -> Kept:
        """See `idm.ports.KeepsLess`."""
        return Kept(ends=False, attributes=ALL_ATTRIBUTES)

    def protected_groups(self) -> Iterator[TargetGroup]:
        """See `idm.ports.KnowsProtected`: the roles that rule the tenant, and groups that roles may be given to."""
        for definition, name in TIER0.items():
            yield TargetGroup(Role(HELD, definition).group_id, f"{HELD.prefix}{name}", protected=True)
        condition = quote("isAssignableToRole eq true")
        for one in self._graph.pages(f"/groups?$filter={condition}&$select=id,displayName"):
            yield TargetGroup(str(one["id"]), str(one.get("displayName")), protected=True)

    def protected_accounts(self) -> Iterator[AccountId]:
        """See `idm.ports.KnowsProtected`: whoever holds one of the roles that rule the tenant."""
        found = users(self._graph, self._decoder, sorted(self._tier0.accounts()))
        return (self._decoder.account_id(user, protected=True) for user in found.values())

    def changes_since(self, cursor: str | None) -> ChangeSet:
        """See `idm.ports.ReportsChanges`: what the delta query names is read by id, as it is now."""
        known = cursor is not None and cursor.startswith(f"{self._settings.graph}/users/delta")
        told = self._told_since(str(cursor)) if known else None
        if told is None:
            return ChangeSet(self.accounts(), complete=True, cursor=self._cursor_from_now())
        ids, following = told
        return ChangeSet(iter(self.find_by_own_id(ids).values()), complete=False, cursor=following)

    def _told_since(self, cursor: str) -> tuple[list[ExternalId], str] | None:
        """Whom the pages name, each once, and where it goes on; None = the cursor counts no more."""
        ids: dict[ExternalId, None] = {}
        following = ""
        try:
            for page in self._graph.whole_pages(cursor):
                ids |= {str(one["id"]): None for one in page["value"]}
                following = str(page.get("@odata.deltaLink", ""))
        except (TargetRefused, NotOnTarget):
            return None
        return (list(ids), following) if following else None

    def _cursor_from_now(self) -> str:
        """Taken before everything is read, so that nothing that changes meanwhile is missed."""
        last = ""
        for page in self._graph.whole_pages(f"/users/delta?$deltatoken=latest&$select={self._decoder.identifying}"):
            last = str(page.get("@odata.deltaLink", ""))
        return last

    # --- use and passwords -------------------------------------------------------------------------------------------

    def unused_since(self, cutoff: datetime) -> Iterator[LastUse]:
        """See `idm.ports.ReportsLastUse`: the last sign-in that succeeded, which is told up to a day late."""
        return unused(self._graph, self._decoder, cutoff)

    def never_used(self, created_before: datetime) -> Iterator[LastUse]:
        """See `idm.ports.ReportsLastUse`."""
        return never(self._graph, self._decoder, created_before)

    def second_factor_holders(self) -> Iterator[ExternalId]:
        """See `idm.ports.ReportsSecondFactors`: who is told a day late at the most."""
        return second_factor_holders(self._graph)

    def password_state(self, external_id: ExternalId) -> PasswordState:
        """See `idm.ports.ReadsPasswordState`. Graph does not say whether a password must be changed; that it was
        changed since we set one, it does."""
        names = f"lastPasswordChangeDateTime,{self._decoder.temporary}"
        user = self._graph.get(f"/users/{quote(external_id)}?$select={names}")
        changed, since = user.get("lastPasswordChangeDateTime"), user.get(self._decoder.temporary)
        return PasswordState(since == PENDING or (since is not None and since == changed), moment(changed))

    # --- writing -----------------------------------------------------------------------------------------------------

    def perform(self, steps: Sequence[Step]) -> list[Outcome | TargetError]:
        """See `idm.ports.Writes`."""
        if not steps:
            return []
        self._exchanges.guarded = self._tier0.accounts()
        self._exchanges.known = self._known_before(steps)
        sent = self._graph.writes_sent
        outcomes = carry_out(self._graph, [self._exchanges.performers[type(step)](step) for step in steps])
        failure = nothing_was_sent(outcomes)
        if failure is not None and self._graph.writes_sent == sent:
            raise failure
        return outcomes

    # --- the connection ----------------------------------------------------------------------------------------------

    def server_time(self) -> datetime | None:
        """See `idm.ports.TellsTime`: Graph says it with the length of a second."""
        return self._graph.server_time()

    def examine(self) -> Iterator[Check]:
        """See `idm.ports.ExaminesItself`."""
        return examine(self._graph, self._decoder, self._settings)

    def close(self) -> None:
        """See `idm.ports.Directory`."""
        self._graph.close()

    def _ids_of(self, uuids: Sequence[UUID]) -> dict[UUID, ExternalId]:
        """Theirs, also of those that were made here a moment ago and that no list shows yet."""
        told = ids_of(self._graph, self._decoder, [uuid for uuid in uuids if uuid not in self._made])
        return {uuid: told.get(uuid) or self._made[uuid] for uuid in uuids if uuid in told or uuid in self._made}

    def _known_before(self, steps: Sequence[Step]) -> Mapping[UUID, ExternalId] | TargetRefused:
        """Whom lists show of those who are to be made, asked of all at once. Raises TargetUnavailable."""
        try:
            return ids_of(
                self._graph, self._decoder, [one.account_uuid for one in steps if isinstance(one, CreateAccount)]
            )
        except TargetRefused as refusal:
            return refusal
