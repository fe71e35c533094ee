"""Second factors in a tenant: asked for by the group of Conditional Access, registered as the tenant tells (B2, I5)."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from idm.models.systems import Account
from idm.models.work import Finding
from idm.vocabulary import AuthenticatorKind, FindingKind
from jobs.sweep import sweep
from tests.cast import Cast
from tests.connectors.entra_target import EntraTarget
from tests.jobs.gated_office import BY_GROUP, Gated

CONDITIONAL_ACCESS = str(BY_GROUP["group"])


@pytest.fixture
def place(cast: Cast, tenant_target: EntraTarget, tmp_path: Path) -> tuple[Gated, EntraTarget]:
    """青木 works with the pension system, which is in a tenant, and confirmed a second factor at the desk."""
    tenant_target.tenant.add_group(CONDITIONAL_ACCESS)
    gated = Gated.at(
        cast, tmp_path, connector="entra", settings=tenant_target.values(), password=tenant_target.own.private,
        verification=BY_GROUP,
    )  # fmt: skip
    gated.approve()
    gated.settle()
    gated.give_factor(AuthenticatorKind.CLOUD_MFA)
    gated.settle()
    return gated, tenant_target


def user(gated: Gated, target: EntraTarget) -> dict[str, Any]:
    with gated.cast.database.reading() as session:
        external_id = session.scalars(select(Account.external_id).where(Account.external_id.is_not(None))).one()
    return target.tenant.users[str(external_id)]


def open_findings(gated: Gated, kind: FindingKind) -> list[str]:
    with gated.cast.database.reading() as session:
        query = select(Finding.label).where(Finding.kind == kind, Finding.resolved_at.is_(None))
        return list(session.scalars(query))


def night(gated: Gated) -> None:
    assert [one.failure for one in sweep.sweep(gated.installation, system_code="pension")] == [None]


def test_who_needs_a_second_factor_is_put_into_the_group_that_the_tenant_asks_for_one(
    place: tuple[Gated, EntraTarget],
) -> None:
    gated, target = place
    (group,) = target.tenant.groups.values()
    assert group.members == [user(gated, target)["id"]]


def test_who_has_registered_nothing_that_may_be_used_is_found_until_they_have(
    place: tuple[Gated, EntraTarget],
) -> None:
    gated, target = place
    key = user(gated, target)["id"]
    user(gated, target)["accountEnabled"] = True
    target.tenant.forbidden_methods.add(key)
    night(gated)
    assert len(open_findings(gated, FindingKind.FACTOR_UNREGISTERED)) == 1
    target.tenant.able.add(key)
    night(gated)
    assert open_findings(gated, FindingKind.FACTOR_UNREGISTERED) == []
    target.tenant.able.clear()
    night(gated)
    assert len(open_findings(gated, FindingKind.FACTOR_UNREGISTERED)) == 1


def test_whoever_cannot_sign_in_anyway_is_not_found(place: tuple[Gated, EntraTarget]) -> None:
    gated, target = place
    user(gated, target)["accountEnabled"] = False
    night(gated)
    assert open_findings(gated, FindingKind.FACTOR_UNREGISTERED) == []


def test_where_it_cannot_be_read_it_is_said_and_what_was_found_stays(place: tuple[Gated, EntraTarget]) -> None:
    gated, target = place
    user(gated, target)["accountEnabled"] = True
    night(gated)
    target.tenant.premium = False
    night(gated)
    assert any("二要素認証の登録" in one for one in open_findings(gated, FindingKind.NOT_CHECKED))
    assert len(open_findings(gated, FindingKind.FACTOR_UNREGISTERED)) == 1
