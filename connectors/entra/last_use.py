"""When accounts were last used, as `signInActivity` tells it (control C3; Graph, "signInActivity resource type").

Only a sign-in that succeeded is use: `lastSignInDateTime` counts attempts that failed, too. The last success is told
since 1 December 2023 and was not filled in for what was before: an older account without one is unknown, not unused.
It needs a licence of the tenant and comes up to a day late; whoever asks without the licence is refused and told so.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from connectors.entra.decoding import Decoder, moment
from connectors.entra.graph import Graph
from idm.ports import SOURCE_LAG, LastUse, LastUseSource

SOURCE = LastUseSource.SIGN_IN_ACTIVITY
SUCCESS, ATTEMPTS = "lastSuccessfulSignInDateTime", ("lastSignInDateTime", "lastNonInteractiveSignInDateTime")
TOLD_SINCE = datetime(2023, 12, 1, tzinfo=UTC)


def unused(graph: Graph, decoder: Decoder, cutoff: datetime) -> Iterator[LastUse]:
    """Whoever last succeeded so long before the cutoff that nothing later can be on its way."""
    latest = (cutoff - SOURCE_LAG[SOURCE]).astimezone(UTC)
    condition = quote(f"signInActivity/{SUCCESS} le {latest.strftime('%Y-%m-%dT%H:%M:%SZ')}")
    for user in graph.pages(f"/users?$filter={condition}&$select={decoder.identifying},signInActivity"):
        at = moment(_activity(user).get(SUCCESS))
        if at is not None and at <= latest:
            yield _use(decoder, user, at)


def never(graph: Graph, decoder: Decoder, created_before: datetime) -> Iterator[LastUse]:
    """Whoever never succeeded and was made before; no filter finds what is not there, so that everybody is read."""
    for user in graph.pages(f"/users?$select={decoder.identifying},createdDateTime,signInActivity"):
        activity, created = _activity(user), moment(user.get("createdDateTime"))
        if created is None or created >= created_before or activity.get(SUCCESS):
            continue
        tried = any(activity.get(name) for name in ATTEMPTS)
        yield _use(decoder, user, None, known=created >= TOLD_SINCE or not tried)


def _use(decoder: Decoder, user: Mapping[str, Any], at: datetime | None, *, known: bool = True) -> LastUse:
    return LastUse(str(user["id"]), decoder.uuid_of(user), decoder.login_name(user), at, SOURCE, known)


def _activity(user: Mapping[str, Any]) -> Mapping[str, Any]:
    said = user.get("signInActivity")
    return said if isinstance(said, dict) else {}
