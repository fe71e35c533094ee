"""Reading accounts and groups."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from uuid import UUID

from connectors.ldap.entries import Standings
from connectors.ldap.entry_decoding import Entry
from connectors.ldap.site import Site
from idm.errors import NotOnTarget, TargetRefused
from idm.ports import AccountId, ExternalId, Sighting, TargetAccount, TargetGroup


class Reader:
    """Every method raises TargetError; streams keep one page in memory, whatever the directory's size."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def accounts(self) -> Iterator[TargetAccount]:
        """Stream every account, ours or not, as it stands at the beginning of the reading."""
        now, account = self._site.clock(), self._site.entries.account
        protected = self._site.surroundings.protected().accounts
        for row in self._site.stream_accounts(self._site.entries.account_attributes):
            yield account(row, now, protected=protected)

    def account_ids(self) -> Iterator[AccountId]:
        """Stream who every account is."""
        now, told = self._site.clock(), self._site.entries.told
        protected = self._site.surroundings.protected().accounts
        for row in self._site.stream_accounts(self._site.entries.told_attributes):
            yield told(row, now, protected=protected)

    def sightings(self, known: Container[bytes]) -> Iterator[bytes | Sighting]:
        """See `idm.ports.SealsAccounts`."""
        site, standings = self._site, Standings()
        now, wanted, sighting = site.clock(), site.entries.sealed_attributes, site.entries.sighting
        protected = site.surroundings.protected().accounts
        for base in site.settings.people_bases:
            for seal, row in site.session.stream_unknown(base, site.is_account, wanted, known):
                yield seal if row is None else sighting(row, seal, now, standings, protected=protected)

    def find(self, account_uuids: Iterable[UUID]) -> dict[UUID, TargetAccount]:
        """Our accounts with these uuids, with their groups. Raises TargetRefused when two carry the same uuid."""
        site, found = self._site, dict[UUID, Entry]()
        attribute, kin = site.settings.account_uuid_attribute, site.dialect.kin_attributes
        for entry in site.accounts_by(attribute, map(str, account_uuids), *kin):
            uuid = site.entries.uuid_of(entry)
            if uuid is None or uuid in found:
                both = "」と「".join(one.dn for one in (found.get(uuid) if uuid else None, entry) if one is not None)
                raise TargetRefused(
                    f"ディレクトリの複数の項目が同じアカウント番号 {uuid} を持っています（「{both}」）。"
                    f"複写された項目から {attribute} を取り除いてください。"
                )
            found[uuid] = entry
        if not found:
            return {}
        accounts = list(found.values())
        groups = zip(site.groups_of(accounts), site.surroundings.primary_groups(accounts), strict=True)
        now, protected = site.clock(), site.surroundings.protected().accounts
        return {
            uuid: replace(
                site.entries.account(
                    site.entries.row(entry),
                    now,
                    groups=primary.union(map(site.entries.id_of, listed)),
                    protected=protected,
                ),
                seal=entry.seal,
            )
            for (uuid, entry), (listed, primary) in zip(found.items(), groups, strict=True)
        }

    def find_by_own_id(self, external_ids: Iterable[ExternalId]) -> dict[ExternalId, TargetAccount]:
        """The accounts with these ids, ours or not, without groups."""
        site = self._site
        now, protected = site.clock(), site.surroundings.protected().accounts
        return {
            external_id: site.entries.account(site.entries.row(entry), now, protected=protected)
            for external_id, entry in site.accounts_by_id(external_ids).items()
        }

    def group(self, name: str) -> TargetGroup:
        """The group of that name. Raises NotOnTarget, and TargetRefused when two have it."""
        site = self._site
        base, wanted = site.settings.groups_base, [site.dialect.entry_id]
        found = site.session.look_up(base, site.is_group, site.dialect.group_name, [name], wanted)
        if not found:
            raise NotOnTarget(f"グループ「{name}」はディレクトリにありません。")
        if len(found) > 1:
            raise TargetRefused(f"グループ「{name}」がディレクトリに複数あります。")
        group_id = site.entries.id_of(found[0])
        return TargetGroup(group_id, name, group_id in site.surroundings.protected().groups)
