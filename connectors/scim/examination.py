"""A connection to a service looked over: certificate, clock, what the service says it can do, and whether it does it.

Nothing is changed anywhere. What a token may do, no service says: that stands in its own settings.
"""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

from connectors.scim import encoding
from connectors.scim.reading import Reading
from idm.errors import TargetError, TargetRefused, TargetUnavailable
from idm.ports import EVERYTHING, Check, CheckVerdict

FINE, WARNING, FAILED = CheckVerdict.FINE, CheckVerdict.WARNING, CheckVerdict.FAILED
CONNECTION, CERTIFICATE, CLOCK, DESCRIPTION = "接続", "証明書", "時計", "サービスの説明"
MATCHING, FILTER, KEEPING, MEMBERS, ENDS = "対応付けの属性", "絞り込み", "保存する項目", "グループ", "有効期限"
RENEW_WITHIN = timedelta(days=30)
CLOCKS_APART = timedelta(minutes=1)
HTTPS = 443
FIELDS: Mapping[str, str] = {
    "login_name": "ログイン名", "display_name": "表示名", "family_name": "姓", "given_name": "名",
    "employee_number": "職員番号", "mail": "メールアドレス", "unit_name": "所属",
}  # fmt: skip


class Examiner:
    """See `idm.ports.ExaminesItself`."""

    def __init__(self, reading: Reading) -> None:
        self._reading, self._settings = reading, reading.settings

    def examine(self) -> Iterator[Check]:
        """Every check; only the first where the service cannot be reached, or does not let us in. Raises nothing."""
        try:
            first = next(iter(self._reading.users()), None)
        except TargetError as failure:
            yield Check(
                CONNECTION, FAILED, str(failure),
                "設定の url・ca_file・service と、資格情報のファイルのトークンを確かめてください",
            )  # fmt: skip
            return
        found = "利用者の一覧を読み取れました" if first is not None else "利用者の一覧は空です"
        yield Check(CONNECTION, FINE, f"{self._settings.url} に接続しました（{self._settings.service}）。{found}")
        parts: tuple[tuple[str, Callable[[], Iterable[Check]]], ...] = (
            (CERTIFICATE, self._certificate),
            (CLOCK, self._clock),
            (DESCRIPTION, self._description),
            (MATCHING, self._matching),
            (FILTER, self._filter),
            (KEEPING, self._keeping),
            (MEMBERS, self._groups),
        )
        for subject, part in parts:
            try:
                yield from part()
            except TargetError as failure:
                remedy = "理由を取り除いてから、もう一度点検してください"
                yield Check(subject, FAILED, f"確かめられませんでした（{failure}）", remedy)
        yield Check(
            ENDS, FINE,
            "サービスは有効期限を扱いません。期限の日に、この製品が止めます。パスワードも扱わないため、交付はありません",
        )  # fmt: skip

    def _certificate(self) -> Iterator[Check]:
        ends = certificate_end(self._settings.url, self._settings.ca_file, self._settings.connect_timeout_seconds)
        left = ends - self._reading.conversation.clock()
        found = f"残り{left.days}日です"
        if left < RENEW_WITHIN:
            remedy = "期限が切れると接続できなくなります。サービスの管理者に更新を確かめてください"
            yield Check(CERTIFICATE, WARNING, found, remedy)
        else:
            yield Check(CERTIFICATE, FINE, found)

    def _clock(self) -> Iterator[Check]:
        theirs = self._reading.conversation.server_time()
        if theirs is None:
            yield Check(CLOCK, FINE, "サービスは時刻を示さないため、比べていません")
            return
        apart = abs(theirs - self._reading.conversation.clock())
        found = f"この機械との差は{apart.total_seconds():.0f}秒です"
        remedy = "" if apart < CLOCKS_APART else "この機械の時計を確かめてください"
        yield Check(CLOCK, FINE if not remedy else WARNING, found, remedy)

    def _description(self) -> Iterator[Check]:
        said = self._reading.capabilities
        if not said.described:
            remedy = "標準のとおりとみなします。サービスの説明書と、保存された内容を確かめてください"
            yield Check(DESCRIPTION, WARNING, "ServiceProviderConfig・ResourceTypes・Schemas を読み取れません", remedy)
            return
        can = {"PATCH": said.patches, "filter": said.filters, "ETag": said.versions, "bulk": said.bulk}
        told = "、".join(f"{name} {'あり' if there else 'なし'}" for name, there in can.items())
        most = f"、一覧の上限 {said.most_results}件" if said.most_results else ""
        yield Check(DESCRIPTION, FINE, f"{told}{most}")

    def _matching(self) -> Iterator[Check]:
        attribute, said = self._settings.account_uuid_attribute, self._reading.capabilities
        if attribute in said.readable & said.changeable:
            yield Check(MATCHING, FINE, f"{attribute} に保存します")
            return
        yield Check(
            MATCHING, FAILED, f"サービスが {attribute} の書き込みを受け付けないか、返しません",
            "設定の account_uuid_attribute を、サービスが保存する属性にしてください", stops_writing=True,
        )  # fmt: skip

    def _filter(self) -> Iterator[Check]:
        """Whether a service that says that it filters does: nobody is called by an id that was just made up."""
        if not self._reading.filters:
            yield Check(FILTER, FINE, "使いません。一覧をすべて読んで探します")
            return
        attribute = self._settings.account_uuid_attribute
        nobody = encoding.equals(attribute, encoding.id_text(uuid4(), attribute))
        try:
            came = self._reading.filtered(nobody)
        except TargetRefused as refusal:
            yield Check(FILTER, FAILED, str(refusal), "設定に filters = false と書いてください", stops_writing=True)
            return
        if came:
            remedy = "安全に動きますが、遅くなります。設定に filters = false と書いてください"
            yield Check(FILTER, WARNING, f"条件に合わない{len(came)}件が返りました。条件を無視するサービスです", remedy)
            return
        yield Check(FILTER, FINE, f"{attribute} で絞り込めます。返った内容も確かめています")

    def _keeping(self) -> Iterator[Check]:
        kept = encoding.kept(self._reading.capabilities, self._settings.account_uuid_attribute).attributes
        lost = [title for name, title in FIELDS.items() if name in EVERYTHING.attributes - kept]
        found = f"保存しない項目: {'、'.join(lost)}" if lost else "すべての項目を保存します"
        yield Check(KEEPING, FINE, found)

    def _groups(self) -> Iterator[Check]:
        if not self._reading.has_groups:
            yield Check(
                MEMBERS, WARNING, "グループを扱えません", "権限を、手作業（by_hand）で扱うかどうかを決めてください"
            )
            return
        number = sum(1 for _ in self._reading.groups())
        yield Check(MEMBERS, FINE, f"{number}件を読み取れました")


def certificate_end(url: str, ca_file: object, timeout_seconds: float) -> datetime:
    """Until when the certificate is good that the service shows. Raises TargetUnavailable."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file is not None else None)
    try:
        with (
            socket.create_connection((host, parts.port or HTTPS), timeout_seconds) as plain,
            context.wrap_socket(plain, server_hostname=host) as wire,
        ):
            shown = wire.getpeercert() or {}
    except OSError as fault:
        raise TargetUnavailable(f"証明書を読み取れません（{type(fault).__name__}）。") from None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown.get("notAfter", ""))), UTC)
