"""The connection looked over: tenant, domain, our properties, and which permissions are missing or too much."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from connectors.entra.decoding import Decoder, literal
from connectors.entra.graph import Graph
from connectors.entra.registrations import CAPABLE, REPORT
from connectors.entra.roles import HELD, whole
from connectors.entra.settings import EntraSettings
from idm.errors import TargetError
from idm.ports import Check, CheckVerdict

FINE, WARNING, FAILED = CheckVerdict.FINE, CheckVerdict.WARNING, CheckVerdict.FAILED

NEEDED: Mapping[str, str] = {
    "User.ReadWrite.All": "利用者の作成・変更・読取り",
    "User.EnableDisableAccount.All": "利用者の有効・無効の切替え",
    "User-PasswordProfile.ReadWrite.All": "仮パスワードの設定",
    "User.RevokeSessions.All": "サインイン中のセッションの終了",
    "User.DeleteRestore.All": "利用者の削除",
    "GroupMember.ReadWrite.All": "グループのメンバーの変更・読取り",
    "RoleManagement.Read.Directory": "管理者（特権）の確認",
    "AuditLog.Read.All": "最後のサインインと、二要素認証の登録の読取り",
}
"""The least that the connector needs (docs/entra-id.md): permission → what for."""
TOO_MUCH = frozenset({
    "RoleManagement.ReadWrite.Directory", "Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All",
    "Directory.ReadWrite.All", "Policy.ReadWrite.ConditionalAccess", "RoleEligibilitySchedule.ReadWrite.Directory",
    "RoleAssignmentSchedule.ReadWrite.Directory",
})  # fmt: skip
"""What would let whoever holds our credential rule the tenant, or more than we need of it (control D10)."""

FOR_ROLES = ("RoleManagement.ReadWrite.Directory", "ディレクトリロールの付与・解除")
FOR_ELIGIBILITY = ("RoleEligibilitySchedule.ReadWrite.Directory", "ディレクトリロールの資格（PIM）の付与・解除")
REACHING = frozenset({
    "fe930be7-5e62-47db-91af-98c3a49a38b1", "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
})  # fmt: skip
"""User Administrator, Privileged Authentication Administrator: roles with which an application may enable, disable and
give passwords to holders of (lesser, or of all) roles (Graph, "Who can perform sensitive actions")."""


def needed(settings: EntraSettings) -> dict[str, str]:
    """What the connector needs as it is set: permission → what for."""
    further = ((settings.roles, FOR_ROLES), (settings.eligible_roles, FOR_ELIGIBILITY))
    return {**NEEDED, **dict(one for wanted, one in further if wanted)}


def examine(graph: Graph, decoder: Decoder, settings: EntraSettings) -> Iterator[Check]:
    """Every check; only the first where the tenant cannot be reached. Raises nothing."""
    try:
        held = graph.tokens.permissions()
        domains = list(graph.pages("/domains?$select=id,isVerified"))
    except TargetError as failure:
        yield Check("接続", FAILED, str(failure), "設定とアプリケーションの登録を確かめてください")
        return
    found = f"テナント {settings.tenant_id} に、アプリケーション {settings.client_id} として接続しました"
    yield Check("接続", FINE, found)
    yield _credential(settings)
    yield from _permissions(held, needed(settings))
    verified = {str(one.get("id")) for one in domains if one.get("isVerified")}
    if settings.domain in verified:
        yield Check("ドメイン", FINE, f"{settings.domain} は確認済みです")
    else:
        remedy = "設定の domain を、テナントで確認済みのドメインにしてください"
        yield Check("ドメイン", FAILED, f"{settings.domain} は、このテナントの確認済みのドメインではありません", remedy)
    yield _properties(graph, decoder)
    yield _last_use(graph)
    yield _registrations(graph)
    if settings.roles:
        yield _reach(graph)


def _credential(settings: EntraSettings) -> Check:
    if settings.certificate is not None:
        return Check("資格情報", FINE, "証明書で認証しています")
    remedy = "クライアントシークレットより、証明書（certificate_file）を使うことを勧めます"
    return Check("資格情報", WARNING, "クライアントシークレットで認証しています", remedy)


def _permissions(held: frozenset[str], wanted: Mapping[str, str]) -> Iterator[Check]:
    missing = [f"{name}（{what}）" for name, what in wanted.items() if name not in held]
    if missing:
        remedy = "アプリケーションの登録に許可を加え、管理者の同意を得てください"
        yield Check("アプリケーションの許可", FAILED, f"足りないもの: {'、'.join(missing)}", remedy)
    else:
        yield Check("アプリケーションの許可", FINE, "必要な許可がすべてあります")
    surplus = sorted(held & TOO_MUCH - wanted.keys())
    if surplus:
        remedy = "アプリケーションの登録から外してください。外すまで、何も書き込みません"
        yield Check("過大な許可", FAILED, f"持ってはならない許可: {'、'.join(surplus)}", remedy, stops_writing=True)


def _properties(graph: Graph, decoder: Decoder) -> Check:
    try:
        graph.get(f"/users?$select=id,{','.join(decoder.properties)}&$top=1")
    except TargetError:
        names = "、".join(name.rpartition("_")[2] for name in decoder.properties)
        remedy = f"アプリケーションのディレクトリ拡張として {names} を作ってください（docs/entra-id.md）"
        return Check("拡張プロパティ", FAILED, "利用者に、対応付けのプロパティがありません", remedy)
    return Check("拡張プロパティ", FINE, "対応付けのプロパティがあります")


def _last_use(graph: Graph) -> Check:
    try:
        graph.get("/users?$select=id,signInActivity&$top=1")
    except TargetError as failure:
        remedy = "P1 以上のライセンスがないテナントでは、使われていないIDを見つけられません"
        return Check("最後のサインイン", WARNING, str(failure), remedy)
    return Check("最後のサインイン", FINE, "読み取れます（最大で一日遅れます）")


def _registrations(graph: Graph) -> Check:
    try:
        graph.get(f"{REPORT}?$filter={CAPABLE}&$top=1")
    except TargetError as failure:
        remedy = "読み取れるまで、二要素認証の登録がないIDを見つけられません"
        return Check("二要素認証の登録", WARNING, str(failure), remedy)
    return Check("二要素認証の登録", FINE, "読み取れます（最大で一日遅れます）")


def _reach(graph: Graph) -> Check:
    """Whether our own application may go on changing whoever it gave a role."""
    subject = "ロールを持つ人の変更"
    try:
        condition = quote(f"principalId eq {literal(graph.tokens.own_id())}")
        listed = list(graph.pages(f"{HELD.listed}?$filter={condition}"))
    except TargetError as failure:
        return Check(subject, FAILED, f"確かめられませんでした（{failure}）", "理由を取り除いてください")
    if any(whole(one) and one.get("roleDefinitionId") in REACHING for one in listed):
        return Check(subject, FINE, "ロールを持つ人も、有効化とパスワードの設定ができます")
    remedy = "docs/entra-id.md の「ディレクトリロール」を読み、eligible: にするか、自身のロールを決めてください"
    found = "アプリケーション自身にロールがないため、ロールを持つ人の有効化とパスワードの設定は断られます"
    return Check(subject, WARNING, found, remedy)
