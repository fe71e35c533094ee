"""Every table of the product, for whoever needs the whole schema: the migrations and the tests."""

from idm.models import (
    audit,
    feeds,
    going_live,
    leaving,
    officers,
    outside,
    people,
    requests,
    safety,
    sign_in,
    standing,
    systems,
    work,
)
from idm.models.base import Base

TABLES = (
    people, feeds, outside, systems, officers, requests, standing, safety, leaving, work, going_live, audit, sign_in,
)  # fmt: skip
METADATA = Base.metadata
