"""What a service says it can do: ServiceProviderConfig, ResourceTypes and Schemas (RFC 7643 5, 6 and 7)."""

from collections.abc import Iterable
from dataclasses import dataclass

from scim2_models import (
    Attribute,
    EnterpriseUser,
    Group,
    Mutability,
    ResourceType,
    ScimProvider,
    ServiceProviderConfig,
    User,
)

from connectors.scim.conversation import Conversation
from idm.errors import NotOnTarget, TargetRefused

USER, GROUP = "User", "Group"
UNAUTHORIZED, FORBIDDEN = 401, 403
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
COMMON = ("id", "externalId", "schemas", "meta")
"""Attributes of every resource (RFC 7643 3.1): a schema need not name them."""
ENTERPRISE_ATTRIBUTES = frozenset({"employeeNumber", "department", "costCenter", "division", "organization"})


@dataclass(frozen=True)
class Capabilities:
    """What may be asked of the service, and which attributes of a user it takes.

    `described` is False where it publishes no description that can be read; then the standard's is taken for granted.
    """

    described: bool
    filters: bool
    patches: bool
    versions: bool
    bulk: bool
    most_results: int | None
    has_groups: bool
    users_url: str
    groups_url: str
    readable: frozenset[str]
    """Attributes of a user, with their path: `userName`, `name.familyName`; those of the enterprise extension bare."""
    writable: frozenset[str]
    changeable: frozenset[str]
    """What may be written after the creation too (RFC 7643 7, mutability)."""
    wants_enterprise: bool
    """A user without the enterprise extension is refused."""


def read_capabilities(conversation: Conversation) -> Capabilities:
    """What the service says; what the standard says where it says nothing. Raises TargetUnavailable, TargetRefused."""
    client = conversation.client
    of_itself = _discovered(conversation, schemas=False, resource_types=False)
    described = _discovered(conversation, service_provider_config=False) and of_itself
    if client.provider.model_for(USER) is None:
        client.provider = ScimProvider(
            models=(User, EnterpriseUser, Group),
            resource_types=[ResourceType.from_resource(one) for one in (User[EnterpriseUser], Group)],
            config=client.provider.config,
        )
    return _summed_up(conversation, described=described)


def _discovered(conversation: Conversation, **parts: bool) -> bool:
    """Whether the service has told these parts of its description."""
    try:
        with conversation.speaking("サービスの説明"):
            conversation.client.discover(**parts)
    except (NotOnTarget, TargetRefused) as refusal:
        if _is_about_the_token(conversation, refusal):
            raise
        return False
    return True


def _is_about_the_token(conversation: Conversation, refusal: Exception) -> bool:
    """Whether the service refuses us, rather than a page that it does not have."""
    if not isinstance(refusal, TargetRefused):
        return False
    with conversation.speaking("利用者"):
        return conversation.client.request("GET", "Users").status_code in (UNAUTHORIZED, FORBIDDEN)


def _summed_up(conversation: Conversation, *, described: bool) -> Capabilities:
    client = conversation.client
    provider, config = client.provider, client.provider.config or ServiceProviderConfig()
    types = {str(one.name): one for one in provider.resource_types}
    user = types[USER]
    schemas = {str(schema.id).casefold(): schema for schema in provider.schemas}
    declared = dict(_paths(schemas[str(user.schema_).casefold()].attributes or ()))
    extensions = {str(one.schema_).casefold(): bool(one.required) for one in user.schema_extensions or ()}
    if ENTERPRISE.casefold() in extensions and ENTERPRISE.casefold() in schemas:
        declared |= dict(_paths(schemas[ENTERPRISE.casefold()].attributes or ()))
    for name in COMMON:
        declared.setdefault(name, Mutability.read_write if name == "externalId" else Mutability.read_only)
    group = types.get(GROUP)
    return Capabilities(
        described=described,
        filters=bool(config.filter and config.filter.supported),
        patches=bool(config.patch is None or config.patch.supported),
        versions=bool(config.etag and config.etag.supported),
        bulk=bool(config.bulk and config.bulk.supported),
        most_results=config.filter.max_results if config.filter else None,
        has_groups=group is not None,
        users_url=_endpoint(conversation, user),
        groups_url=_endpoint(conversation, group) if group is not None else "",
        readable=frozenset(name for name, how in declared.items() if how is not Mutability.write_only),
        writable=frozenset(name for name, how in declared.items() if how is not Mutability.read_only),
        changeable=frozenset(n for n, how in declared.items() if how in (Mutability.read_write, Mutability.write_only)),
        wants_enterprise=extensions.get(ENTERPRISE.casefold(), False),
    )


def _endpoint(conversation: Conversation, resource_type: ResourceType) -> str:
    """Where the resources are. Where the service names a place that is not below its address, as it does behind another
    name, it is the standard's: our token goes nowhere else.
    """
    try:
        with conversation.speaking("サービスの説明"):
            return conversation.client.resource_endpoint(resource_type)
    except TargetRefused:
        return f"/{resource_type.name}s"


def _paths(attributes: Iterable[Attribute], within: str = "") -> Iterable[tuple[str, Mutability]]:
    """Every attribute of a schema by its path; what is within a read-only one is read-only."""
    for one in attributes:
        path = f"{within}{one.name}"
        yield path, one.mutability or Mutability.read_write
        yield from _paths(one.sub_attributes or (), f"{path}.")
