"""A person as another system pushes them (SCIM), written as the line of a personnel file. Pure (control A7).

The headings of the feed's profile are names of attributes: which of them is which fact is decided there, by two people,
as for every other feed. So whatever is pushed is read, refused, held and limited exactly as a file is.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

from idm.errors import ConfigurationInvalid
from idm.feed.codes import FeedShape
from idm.feed.profile import FIELDS, FeedProfile
from idm.feed.table import DATE_FIELDS

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
EMPLOYMENT = "urn:idm:scim:schemas:extension:employment:1.0:User"
EXTENSIONS = {"enterprise": ENTERPRISE, "employment": EMPLOYMENT}
"""What stands in a heading before the attribute of an extension."""
MAIL = "emails"
WORK = "work"
DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(T.*)?", re.ASCII)
NOT_FOR_PUSHES = "人事ファイルの定義「{name}」は、SCIM では使えません。"

Resource = Mapping[str, Any]


def require_for_pushes(profile: FeedProfile, name: str) -> None:
    """Raises ConfigurationInvalid, naming every key, where people cannot be pushed into that feed one by one."""
    mistakes = []
    if profile.shape is not FeedShape.SNAPSHOT:
        mistakes.append('shape: "snapshot" が必要です')
    if profile.covers_all is not False:
        mistakes.append("covers_all: false が必要です（一人ずつ届くため、いない人を数えません）")
    if profile.format != "delimited" or profile.encoding != "utf-8":
        mistakes.append('encoding: "utf-8" が必要です')
    if profile.header.marker or profile.trailer.marker:
        mistakes.append("header・trailer: 件数の行は使えません")
    if mistakes:
        told = tuple(f"{name}.toml: {mistake}" for mistake in mistakes)
        raise ConfigurationInvalid(NOT_FOR_PUSHES.format(name=name), mistakes=told)


def file_of(resources: Iterable[Resource], profile: FeedProfile) -> bytes:
    """These people as a personnel file of that profile: the same people give the same bytes."""
    fields = [field for field in FIELDS if getattr(profile.columns, field)]
    headings = [getattr(profile.columns, field)[0] for field in fields]
    text = io.StringIO(newline="")
    lines = csv.writer(text, delimiter=profile.delimiter, lineterminator="\r\n")
    lines.writerow(headings)
    for resource in resources:
        said = [value_of(resource, heading) for heading in headings]
        lines.writerow([_day(cell) if field in DATE_FIELDS else cell for field, cell in zip(fields, said, strict=True)])
    return text.getvalue().encode("utf-8")


def value_of(resource: Resource, heading: str) -> str:
    """What the resource says in the attribute that a heading names; "" where it says nothing."""
    if heading == MAIL:
        return _mail(resource)
    within, _, name = heading.partition(".")
    part: object = resource
    if name:
        part = resource.get(EXTENSIONS.get(within, within))
    found = part.get(name or within) if isinstance(part, Mapping) else None
    if isinstance(found, bool) or found is None:
        return ""
    return str(found) if isinstance(found, str | int) else ""


def _mail(resource: Resource) -> str:
    """The address at work, else the primary one, else the first."""
    said = resource.get(MAIL)
    found = [one for one in said if isinstance(one, Mapping) and one.get("value")] if isinstance(said, list) else []
    found.sort(key=lambda one: (one.get("type") != WORK, one.get("primary") is not True))
    return str(found[0]["value"]) if found else ""


def _day(cell: str) -> str:
    """A day as personnel files write it; whatever else stands there is for the reader to refuse."""
    found = DAY.fullmatch(cell)
    return f"{found[1]}/{found[2]}/{found[3]}" if found else cell
