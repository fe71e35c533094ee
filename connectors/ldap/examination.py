"""A connection looked over from inside: server, clock, schema, and whether our own account may do too much (D10).

Nothing is changed anywhere. What the server does not say is told as such and is not guessed.
"""

import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from connectors.ldap import generalized_time
from connectors.ldap.encoding import Scope, paged, present, search
from connectors.ldap.entry_decoding import Entry, Values, first
from connectors.ldap.site import Site
from idm.errors import ConfigurationInvalid, TargetError, TargetRefused
from idm.ports import Check, CheckVerdict

FINE, WARNING, FAILED = CheckVerdict.FINE, CheckVerdict.WARNING, CheckVerdict.FAILED
CONNECTION, CERTIFICATE, CLOCK, SCHEMA = "接続", "証明書", "時計", "スキーマ"
CHANGE_TIME = "パスワードの変更の時刻"

RENEW_WITHIN = timedelta(days=30)
CLOCKS_APART = timedelta(minutes=1)
CLOCKS_TOO_FAR_APART = timedelta(minutes=5)
"""Kerberos' own limit (RFC 4120 1.6): beyond it an Active Directory refuses people."""

REMEDIES = (
    ("Hostname mismatch", "設定の host を、証明書に書かれている名前にしてください"),
    ("IP address mismatch", "設定の host を、証明書に書かれている名前にしてください"),
    ("certificate has expired", "サーバーの証明書を更新してください"),
    ("not yet valid", "サーバーの証明書の開始日と、この機械の時計を確かめてください"),
    ("certificate verify failed", "設定の ca_file を、サーバーの証明書を発行した認証局のものにしてください"),
    ("invalidCredentials", "設定の bind_dn と、資格情報のファイルのパスワードを確かめてください"),
    ("匿名", "設定の bind_dn と、資格情報のファイルのパスワードを確かめてください"),
    ("refused", "設定の host と port、サーバーが動いていること、途中の通信が許可されていることを確かめてください"),
)
USUAL_REMEDY = "設定の host・port・ca_file・bind_dn と、サーバーの状態を確かめてください"

MOST_CHILDREN = 50
ROOT = ("subschemaSubentry", "namingContexts", "defaultNamingContext", "schemaNamingContext")
NAMED = re.compile(r"\bNAME\s+(?:'([^']*)'|\(([^)]*)\))")


class RightsCheck(Protocol):
    """Looks for what our own account may do beyond what it needs. Raises TargetError."""

    def checks(self) -> Iterator[Check]:
        """What was found; with `stops_writing` where it is too much."""
        ...


class Examiner:
    """See `idm.ports.ExaminesItself`."""

    def __init__(self, site: Site, rights: RightsCheck) -> None:
        self._site = site
        self._rights = rights

    def examine(self) -> Iterator[Check]:
        """Every check; only the first where the server cannot be reached. Raises nothing."""
        settings = self._site.settings
        try:
            certificate = self._site.session.certificate()
        except (TargetError, ConfigurationInvalid) as failure:
            yield Check(CONNECTION, FAILED, str(failure), remedy_for(str(failure)))
            return
        way = "LDAPS" if settings.transport == "ldaps" else "StartTLS"
        found = f"{settings.host}:{settings.port} に {way} で接続し、{settings.bind_dn} として認証されました"
        yield Check(CONNECTION, FINE, found)
        yield certificate_check(certificate, settings.host, self._site.clock())
        parts: tuple[tuple[str, Callable[[], Iterable[Check]]], ...] = (
            (CLOCK, self._clock),
            (SCHEMA, self._schema),
            ("対応付けの属性", self._account_uuid),
            (CHANGE_TIME, self._change_time),
            ("接続アカウントの権限", self._rights.checks),
        )
        for subject, part in parts:
            try:
                yield from part()
            except TargetError as failure:
                found = f"確かめられませんでした（{failure}）"
                yield Check(subject, FAILED, found, "理由を取り除いてから、もう一度点検してください")
        yield from self._site.dialect.unseen

    def _clock(self) -> Iterator[Check]:
        theirs = server_time(self._site)
        if theirs is None:
            yield Check(CLOCK, FINE, "サーバーは時刻を示さないため、比べていません")
            return
        yield clock_check(theirs, self._site.clock())

    def _schema(self) -> Iterator[Check]:
        settings, dialect = self._site.settings, self._site.dialect
        place = first(root_entry(self._site, ROOT), "subschemaSubentry")
        entry = self._site.entry(place.decode(), ["attributeTypes", "objectClasses"]) if place else None
        if entry is None or not entry.values.get("attributetypes"):
            remedy = "接続アカウントがスキーマを読めるようにしてください"
            yield Check(SCHEMA, WARNING, "スキーマを読み取れません", remedy)
            return
        needed = (
            settings.account_uuid_attribute, settings.login_attribute, settings.last_use_attribute.value,
            *dialect.carried_by, *dialect.standing_attributes, *dialect.password_attributes,
        )  # fmt: skip
        yield schema_check("属性", needed, entry.values.get("attributetypes", []))
        yield schema_check("オブジェクトクラス", settings.account_object_classes, entry.values.get("objectclasses", []))

    def _account_uuid(self) -> Iterator[Check]:
        attribute = self._site.settings.account_uuid_attribute
        carried = next(iter(self._site.stream_accounts([attribute], present(attribute))), None)
        found = f"{attribute} を持つ利用者IDを{'読み取れました' if carried else 'まだ見つけていません'}"
        indexed = self._is_indexed(attribute)
        if indexed is False:
            yield Check(
                "対応付けの属性", WARNING, f"{found}。索引がありません",
                f"ディレクトリの {attribute} に索引（等価）を付けてください。なくても動きますが、遅くなります",
            )  # fmt: skip
            return
        told = "索引があります" if indexed else "索引の有無は、外からは確かめられません"
        yield Check("対応付けの属性", FINE, f"{found}。{told}")

    def _change_time(self) -> Iterator[Check]:
        """Without it nobody can prove that a temporary password was changed in time (control E2)."""
        switch = self._site.dialect.change_time_switch
        if switch is None:
            return
        rules = self._site.entry(self._site.surroundings.policy_dn(), [switch])
        on = first(rules.values, switch) if rules is not None else None
        if on is not None and on.lower() in (b"true", b"on"):
            yield Check(CHANGE_TIME, FINE, f"変更の時刻を記録しています（{switch}）")
            return
        found = "記録していません" if on is not None else "記録しているかどうかを読み取れません"
        yield Check(
            CHANGE_TIME, WARNING, f"変更の時刻を{found}。仮パスワードが期限までに変更されたことを確かめられません",
            f"ディレクトリの {switch} を on にし、接続アカウントがこの設定と変更の時刻を読めるようにしてください",
        )  # fmt: skip

    def _is_indexed(self, attribute: str) -> bool | None:
        """Active Directory tells in its schema (searchFlags, [MS-ADTS] 2.2.10); others keep it in their settings."""
        schema = first(root_entry(self._site, ROOT), "schemaNamingContext")
        if schema is None:
            return None
        found = self._site.session.look_up(
            schema.decode(), present("attributeID"), "lDAPDisplayName", [attribute], ["searchFlags"]
        )
        flags = first(found[0].values, "searchFlags") if found else None
        return None if flags is None else bool(int(flags) & 1)


def root_entry(site: Site, wanted: Iterable[str]) -> Values:
    """What the server says of itself (RFC 4512 5.1). Raises TargetError."""
    [found] = site.session.find([search("", Scope.BASE, present("objectClass"), list(wanted))])
    return found[0].values if found else {}


CLOCKS = (("", "currentTime"), ("cn=monitor", "currentTime"), ("cn=Current,cn=Time,cn=Monitor", "monitorTimestamp"))
"""Where servers show their clock: Active Directory ([MS-ADTS] 3.1.1.3.2.5), 389 Directory Server, OpenLDAP with its
monitor. What is not there, or not for us to see, is left out."""


def server_time(site: Site) -> datetime | None:
    """What time it is by the server's clock; None where it does not show it. Raises TargetUnavailable."""
    for place, attribute in CLOCKS:
        with suppress(TargetRefused):
            found = site.entry(place, [attribute])
            said = first(found.values, attribute) if found is not None else None
            if said is not None:
                return generalized_time.read(said)
    return None


def children(site: Site, dn: str) -> list[Entry]:
    """Some of what lies directly below an entry: one page, however much there is. Raises TargetError."""
    operation = search(dn, Scope.CHILDREN, present("objectClass"), ["1.1"])
    [found] = site.session.find([operation], base_may_be_gone=True, controls=[paged(MOST_CHILDREN, b"")])
    return found


def remedy_for(failure: str) -> str:
    """What to do about a connection that could not be made."""
    return next((remedy for sign, remedy in REMEDIES if sign in failure), USUAL_REMEDY)


def certificate_check(certificate: Mapping[str, object], host: str, now: datetime) -> Check:
    """Who issued it, for which names, and how long it is good."""
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate.get("notAfter", ""))), UTC)
    left = ends - now
    issuer = ", ".join(f"{name}={value}" for name, value in _flat(certificate.get("issuer", ())))
    names = "、".join(value for _, value in _pairs(certificate.get("subjectAltName", ())))
    found = f"発行者 {issuer}、名前 {names}（接続先 {host}）、残り{left.days}日"
    if left < RENEW_WITHIN:
        remedy = "期限が切れると接続できなくなります。サーバーの証明書を更新してください"
        return Check(CERTIFICATE, WARNING, found, remedy)
    return Check(CERTIFICATE, FINE, found)


def clock_check(theirs: datetime, ours: datetime) -> Check:
    """How far the server's clock is from ours."""
    apart = abs(theirs - ours)
    found = f"この機械との差は{apart.total_seconds():.0f}秒です"
    if apart < CLOCKS_APART:
        return Check(CLOCK, FINE, found)
    verdict = FAILED if apart > CLOCKS_TOO_FAR_APART else WARNING
    return Check(CLOCK, verdict, found, "両方の機械の時計を同じ時刻サーバーに合わせてください")


def schema_check(kind: str, needed: Iterable[str], definitions: Iterable[bytes]) -> Check:
    """Whether the server knows every name."""
    known = {name for definition in definitions for name in names_in(definition)}
    missing = sorted({name for name in needed if name.lower() not in known})
    if missing:
        return Check(
            SCHEMA, FAILED, f"必要な{kind}がありません: {'、'.join(missing)}",
            "docs の手順に従ってスキーマを追加するか、設定の属性名を直してください",
        )  # fmt: skip
    return Check(SCHEMA, FINE, f"必要な{kind}はすべてあります")


def names_in(definition: bytes) -> list[str]:
    """The names that a schema definition gives its attribute or class, in lower case (RFC 4512 4.1)."""
    found = NAMED.search(definition.decode(errors="replace"))
    if found is None:
        return []
    return [found[1].lower()] if found[1] is not None else [name.lower() for name in re.findall(r"'([^']*)'", found[2])]


def _flat(name: object) -> list[tuple[str, str]]:
    return [pair for part in name for pair in _pairs(part)] if isinstance(name, tuple) else []


def _pairs(pairs: object) -> list[tuple[str, str]]:
    return [(str(pair[0]), str(pair[1])) for pair in pairs] if isinstance(pairs, tuple) else []
