"""Every table of the product, for whoever needs the whole schema: the migrations and the tests."""

from idm.models import (
    audit,
    authenticators,
    dormancy,
    exceptions,
    external_services,
    feeds,
    finding_history,
    going_live,
    help_desk,
    leaving,
    log_checks,
    nights,
    notices,
    officers,
    official_accounts,
    outside,
    own_devices,
    password_rules,
    people,
    privileged,
    pushes,
    requests,
    reviews,
    safety,
    separate_accounts,
    sign_in,
    standing,
    stops,
    system_tests,
    systems,
    work,
    work_orders,
)
from idm.models.base import Base

TABLES = (
    people, feeds, pushes, outside, systems, officers, requests, standing, safety, leaving, work, going_live, audit,
    sign_in, help_desk, system_tests, work_orders, authenticators, privileged, password_rules, separate_accounts,
    nights, finding_history, dormancy, stops, reviews, exceptions, external_services,
    official_accounts, own_devices, notices, log_checks,
)  # fmt: skip
METADATA = Base.metadata
