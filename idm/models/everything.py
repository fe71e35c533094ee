"""Every table of the product, for whoever needs the whole schema: the migrations and the tests."""

from idm.models import (
    audit,
    authenticators,
    feeds,
    going_live,
    help_desk,
    leaving,
    officers,
    outside,
    password_rules,
    people,
    privileged,
    requests,
    safety,
    separate_accounts,
    sign_in,
    standing,
    system_tests,
    systems,
    work,
    work_orders,
)
from idm.models.base import Base

TABLES = (
    people, feeds, outside, systems, officers, requests, standing, safety, leaving, work, going_live, audit, sign_in,
    help_desk, system_tests, work_orders, authenticators, privileged, password_rules, separate_accounts,
)  # fmt: skip
METADATA = Base.metadata
