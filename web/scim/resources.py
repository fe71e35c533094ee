"""What a pushed person looks like: the core and enterprise attributes that we read, and an extension for employment.

Whatever stands for a right (roles, entitlements, groups) is not among them.
"""

from typing import Annotated, Any, ClassVar

from scim2_models import (
    URN,
    AnyExtension,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    Email,
    ETag,
    Extension,
    Filter,
    Meta,
    Mutability,
    Name,
    Patch,
    Required,
    Resource,
    ResourceType,
    Returned,
    Schema,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

from idm.feed.pushed_line import EMPLOYMENT, ENTERPRISE

MOST_IN_A_LIST = 200
RIGHTS = frozenset({"roles", "entitlements", "groups", "members"})
"""Attributes that would give rights, and are refused by name."""
SECRETS = frozenset({"password", "x509certificates"})


class Enterprise(Extension):
    """The part of the enterprise extension that we read (RFC 7643 4.3)."""

    __schema__ = URN(ENTERPRISE)

    employee_number: Annotated[str | None, Required.true, Uniqueness.server] = None
    """職員番号"""
    department: str | None = None
    """所属名"""


class Employment(Extension):
    """What the standard has no attribute for. Days are written 2026-04-01; last days are last days of work."""

    __schema__ = URN(EMPLOYMENT)

    kana: str | None = None
    """カナ氏名"""
    work_name: str | None = None
    """旧姓・通称"""
    romaji: str | None = None
    """ローマ字"""
    birth_date: Annotated[str | None, Mutability.write_only, Returned.never] = None
    """生年月日（同じ人かどうかの確認だけに使い、保存しません）"""
    unit_code: str | None = None
    """所属コード"""
    post_kind: str | None = None
    """本務・兼務の区分"""
    employment_kind: str | None = None
    """任用形態"""
    employed_from: str | None = None
    """採用日"""
    assigned_from: str | None = None
    """今の職の発令日"""
    term_end: str | None = None
    """任期満了日"""
    left_on: str | None = None
    """最後の在職日"""
    leaving: str | None = None
    """退職の事由"""
    absence: str | None = None
    """休職等の区分"""
    absence_from: str | None = None
    """休職等の開始日"""
    absence_until: str | None = None
    """休職等の終了予定日"""
    published_on: str | None = None
    """内示の公表日"""
    waiting: Annotated[bool | None, Mutability.read_only] = None
    """安全のための上限を超えるため、人事担当者の確認を待っているか"""


class PushedUser(Resource[AnyExtension]):
    """A person of the organisation."""

    __schema__: ClassVar[URN] = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    external_id: Annotated[str | None, CaseExact.true] = None
    user_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    name: Name | None = None
    display_name: str | None = None
    title: str | None = None
    emails: list[Email] | None = None
    active: bool | None = None


Person = PushedUser[Enterprise | Employment]


def resource_type(address: str) -> ResourceType:
    """The one kind of resource there is."""
    described = ResourceType.from_resource(Person)
    described.name, described.id, described.endpoint = "User", "User", "/Users"  # type: ignore[assignment]
    described.meta = Meta(resource_type="ResourceType", location=f"{address}/ResourceTypes/User")
    return described


def schemas(address: str) -> dict[str, Schema]:
    """Every schema, by its URI."""
    found: dict[str, Schema] = {}
    for model in (PushedUser, Enterprise, Employment):
        described: Any = model.to_schema()
        described.meta = Meta(resource_type="Schema", location=f"{address}/Schemas/{described.id}")
        found[str(described.id)] = described
    return found


def provider_config(address: str) -> ServiceProviderConfig:
    """What this server can do (RFC 7643 5)."""
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_IN_A_LIST),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=False),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken, name="bearer", description="idm hr tokens make",
                primary=True,
            )
        ],
        meta=Meta(resource_type="ServiceProviderConfig", location=f"{address}/ServiceProviderConfig"),
    )  # fmt: skip
