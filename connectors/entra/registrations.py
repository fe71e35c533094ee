"""Who can give a second factor at sign-in, as the tenant's report tells it (controls B2 and I5).

`isMfaCapable` says that a method is registered and that the tenant's policies allow it; `isMfaRegistered` alone may be
a method that nobody may use (Graph, "userRegistrationDetails resource type"). It needs a licence, comes up to a day
late, and may leave out users who are disabled: who is not named has nothing to give. It is registration; that a second
factor is asked for is the Conditional Access policy's, by the group that `verification` names.
"""

from collections.abc import Iterator
from urllib.parse import quote

from connectors.entra.graph import Graph
from idm.ports import ExternalId

REPORT = "/reports/authenticationMethods/userRegistrationDetails"
CAPABLE = quote("isMfaCapable eq true")


def second_factor_holders(graph: Graph) -> Iterator[ExternalId]:
    """Whoever has registered what the tenant lets them use."""
    for one in graph.pages(f"{REPORT}?$filter={CAPABLE}"):
        if one.get("isMfaCapable") is True:
            yield str(one["id"])
