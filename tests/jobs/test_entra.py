"""From an application to a tenant of Entra ID and out of it again, on the emulator of Graph: worker, leaver, sweep."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from idm.models.systems import Account, Entitlement, InformationSystem
from idm.models.work import Finding, TaskState
from idm.settings import Settings
from idm.vocabulary import FindingKind
from jobs import lifecycle
from jobs.installation import Installation
from jobs.sweep import sweep
from tests.cast import Cast
from tests.connectors.entra_target import GIVES_ROLES, SECRET, EntraTarget
from tests.connectors.target import CHOSEN_PASSWORD
from tests.jobs.conftest import GROUPS, Clock, Office
from tests.servers.graph_emulator.tenant import GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, stamp


@pytest.fixture
def place(cast: Cast, tenant_target: EntraTarget, tmp_path: Path) -> tuple[Office, EntraTarget]:
    """The office, whose ledger is in a tenant with its groups."""
    return _open(cast, tenant_target, tmp_path)


def _open(office_cast: Cast, target: EntraTarget, folder: Path) -> tuple[Office, EntraTarget]:
    for name in GROUPS:
        target.tenant.add_group(name)
    (folder / "ledger.password").write_text(target.own.private, encoding="utf-8")
    settings = Settings(
        database_url=office_cast.database.url, secrets_dir=folder, checkpoint_file=folder / "checkpoints.jsonl",
        base_url="https://idm.example.jp",
    )  # fmt: skip
    with office_cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector, system.connector_settings = "entra", target.values()
    clock = Clock()
    return Office(office_cast, Installation(settings, office_cast.database, clock), cast(Any, None), clock), target


def user(target: EntraTarget, login_name: str = "u100009") -> dict[str, Any]:
    found = target.tenant.named(f"{login_name}@{target.tenant.domain}")
    assert found is not None
    return found


def groups_of(target: EntraTarget) -> set[str]:
    return {one.name for one in target.tenant.groups.values() if user(target)["id"] in one.members}


def found(office: Office) -> dict[FindingKind, set[str]]:
    """What is open there: kind → labels."""
    with office.cast.database.reading() as session:
        query = select(Finding).join(InformationSystem, Finding.system_id == InformationSystem.id)
        rows = session.scalars(query.where(Finding.resolved_at.is_(None), InformationSystem.code == "ledger"))
        told: dict[FindingKind, set[str]] = defaultdict(set)
        for row in rows:
            told[row.kind].add(row.label)
        return dict(told)


def working(place: tuple[Office, EntraTarget]) -> tuple[Office, EntraTarget]:
    """青木 works in the tenant."""
    office, target = place
    office.grant("staff", "ledger/account", "ledger/enter")
    office.provision()
    login_name, password = office.hand_over("staff")
    office.provision()
    target.choose_password(login_name, password, CHOSEN_PASSWORD)
    return office, target


def test_what_was_approved_is_there_disabled_until_its_password_was_handed_over(
    place: tuple[Office, EntraTarget],
) -> None:
    office, target = place
    office.grant("staff", "ledger/account", "ledger/enter")
    office.provision()
    assert (user(target)["accountEnabled"], user(target)["surname"]) == (False, "青木")
    login_name, password = office.hand_over("staff")
    office.provision()
    assert target.sign_in(login_name, password)
    assert target.tenant.passwords[user(target)["id"]].must_change
    assert groups_of(target) == {"ledger-enter"}
    assert {task.state for task in office.tasks("staff")} <= {TaskState.DONE, TaskState.SUPERSEDED}


def test_a_leaver_is_out_though_the_sessions_are_ended_only_at_the_second_try(
    place: tuple[Office, EntraTarget],
) -> None:
    office, target = working(place)
    target.tenant.refused["POST", "revokeSignInSessions"] = 503
    office.leave("staff")
    lifecycle.run(office.installation)
    office.provision()
    assert not target.sign_in("u100009", CHOSEN_PASSWORD)
    assert target.tenant.revoked == []
    office.clock.ahead += timedelta(hours=1)
    office.provision()
    assert target.tenant.revoked == [user(target)["id"]]
    assert groups_of(target) == set()
    with office.cast.database.reading() as session:
        assert session.scalars(select(Account.seen_enabled).where(Account.login_name == "u100009")).one() is False


def test_a_tenant_that_throttles_is_asked_again_when_it_said(place: tuple[Office, EntraTarget]) -> None:
    office, target = place
    office.grant("other", "ledger/account")
    office.provision()  # so that the connection was looked over
    office.grant("staff", "ledger/account")
    target.tenant.throttled = ["900"] * 99
    office.provision()
    target.tenant.throttled.clear()
    office.clock.ahead += timedelta(minutes=14)
    office.provision()
    assert target.tenant.named("u100009@town.example.jp") is None
    office.clock.ahead += timedelta(minutes=2)
    office.provision()
    assert user(target)["surname"] == "青木"


def test_a_tenant_out_of_reach_for_hours_loses_nothing_and_does_nothing_twice(
    place: tuple[Office, EntraTarget],
) -> None:
    office, target = working(place)
    target.stop()
    office.grant("other", "ledger/account", "ledger/enter")
    office.leave("staff")
    lifecycle.run(office.installation)
    for hours in range(6):
        office.clock.ahead += timedelta(hours=hours)
        office.provision()
    target.start()
    target.tenant.seen.clear()
    for _ in range(2):
        office.clock.ahead += timedelta(hours=6)
        office.provision()
    assert not target.sign_in("u100009", CHOSEN_PASSWORD)
    assert user(target, "u100010")["surname"] == "今泉"
    written = [one for one in target.tenant.seen if one.startswith("POST")]
    assert written.count("POST /users") == 1
    assert sum("revokeSignInSessions" in one for one in written) == 1
    assert sum(one.endswith("/members/$ref") for one in written) == 1


def test_a_role_is_a_right_and_whoever_leaves_with_one_is_out(place: tuple[Office, EntraTarget]) -> None:
    office, target = place
    (office.installation.settings.secrets_dir / "ledger.password").write_text(SECRET, encoding="utf-8")
    with office.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.connector_settings = target.values(client_id=GIVES_ROLES, roles=True, eligible_roles=True)
        right = session.scalars(select(Entitlement).where(Entitlement.target_name == "ledger-enter")).one()
        right.target_name, right.external_id = "role:Helpdesk Administrator", None
    office.grant("staff", "ledger/account")
    office.provision()
    login_name, password = office.hand_over("staff")
    office.provision()
    target.choose_password(login_name, password, CHOSEN_PASSWORD)
    office.grant("staff", "ledger/enter")
    office.provision()
    assert target.tenant.assignments == [(user(target)["id"], HELPDESK_ADMINISTRATOR)]
    office.leave("staff")
    lifecycle.run(office.installation)
    office.provision()
    assert not target.sign_in("u100009", CHOSEN_PASSWORD)
    assert (target.tenant.assignments, target.tenant.revoked) == ([], [user(target)["id"]])
    assert {task.state for task in office.tasks("staff")} <= {TaskState.DONE, TaskState.SUPERSEDED}


def test_somebody_who_rules_the_tenant_without_a_decision_is_found(place: tuple[Office, EntraTarget]) -> None:
    office, target = working(place)
    target.tenant.assignments.append((target.tenant.add_user("boss"), GLOBAL_ADMINISTRATOR))
    sweep.sweep(office.installation, system_code="ledger")
    labels = {kind: told for kind, told in found(office).items() if any("boss" in label for label in told)}
    assert FindingKind.OUT_OF_BAND in labels


def test_the_nightly_sweep_finds_what_is_nobodys_unused_or_changed_by_hand(place: tuple[Office, EntraTarget]) -> None:
    office, target = working(place)
    sweep.sweep(office.installation, system_code="ledger")
    assert found(office) == {FindingKind.NOT_CHECKED: {"会計システム（パスワードの規則）"}}
    target.tenant.add_user("stranger")
    user(target)["displayName"] = "別人"
    long_ago = datetime.now(UTC) - timedelta(days=200)
    user(target)["signInActivity"] = {"lastSuccessfulSignInDateTime": stamp(long_ago)}
    sweep.sweep(office.installation, system_code="ledger")
    assert {FindingKind.ORPHAN, FindingKind.DORMANT, FindingKind.DRIFT} <= found(office).keys()


def test_without_the_licence_the_check_of_use_is_found_as_not_possible(place: tuple[Office, EntraTarget]) -> None:
    office, target = working(place)
    target.tenant.premium = False
    sweep.sweep(office.installation, system_code="ledger")
    assert "会計システム（使われていないID）" in found(office)[FindingKind.NOT_CHECKED]
