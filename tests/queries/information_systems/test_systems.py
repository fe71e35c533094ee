"""The register of systems, and one system from close."""

from datetime import timedelta

import pytest

from idm.errors import NotFound
from idm.models.work import TaskState
from idm.operations.sweep.findings import Found, SweepResult, record_sweep
from idm.publication import Reader
from idm.queries.information_systems.system_rights import (
    holders_page,
    right_of_system,
    rights_of_system,
    unfinished_tasks,
)
from idm.queries.information_systems.systems import SystemRow, system_row, system_rows
from idm.vocabulary import FindingKind, Zone
from tests.carried_out import WORKER, carry_out
from tests.cast import NOW, TODAY, Cast
from tests.statements import counted


def ledger(cast: Cast) -> SystemRow:
    with cast.database.reading() as session:
        return next(row for row in system_rows(session, TODAY) if row.code == "ledger")


def give(cast: Cast, who: str, *rights: str) -> None:
    request_id = cast.file(who, *((who, right) for right in rights), valid_until=TODAY + timedelta(days=30))
    for line in range(len(rights)):
        cast.approve(request_id, line=line)


def test_the_register_names_zone_classes_manager_and_connector(cast: Cast) -> None:
    row = ledger(cast)
    assert (row.name, row.zone, row.confidentiality, row.connector) == ("会計システム", Zone.LGWAN, 2, "memory")
    assert (row.manager_unit, [manager.name for manager in row.managers]) == ("情報システム課", ["箱崎　花子"])


def test_a_manager_whose_post_is_over_is_not_named(cast: Cast) -> None:
    with cast.database.writing() as session:
        employment = cast.employment(session, "system")
        employment.assignments[0].valid_until = TODAY
    assert ledger(cast).managers == ()


def test_holders_are_counted_once_whatever_they_hold(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", "ledger/enter")
    give(cast, "other", "ledger/admin-account", "ledger/admin")
    figures = ledger(cast).figures
    assert (figures.rights, figures.holders, figures.privileged_holders) == (5, 2, 1)


def test_waiting_and_refused_tasks_are_those_of_the_newest_decision(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", "ledger/enter")
    assert ledger(cast).figures.waiting_tasks == 1
    carry_out(cast, refused="constraint violation")
    assert (ledger(cast).figures.waiting_tasks, ledger(cast).figures.refused_tasks) == (0, 1)


def test_last_sweep_findings_and_read_back_are_shown(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    carry_out(cast)
    found = (Found(FindingKind.ORPHAN, "7", "tanaka"),)
    later = NOW + timedelta(hours=2)
    with cast.database.writing() as session:
        for moment, result in (
            (NOW, SweepResult(ledger(cast).id, "ledger", 3, found)),
            (later, SweepResult(ledger(cast).id, "ledger", 0, (), failure="TLS")),
        ):
            record_sweep(session, result, started_at=moment, actor=WORKER, policy=cast.policy, now=moment)
    figures = ledger(cast).figures
    assert (figures.open_findings, figures.swept_at, figures.sweep_failure) == (1, later, "TLS")
    assert figures.read_back_at == NOW


def test_the_register_asks_no_more_for_more_holders(cast: Cast) -> None:
    with cast.database.reading() as session, counted(cast.database) as few:
        system_rows(session, TODAY)
    for who in ("staff", "other", "desk"):
        give(cast, who, "ledger/account")
    with cast.database.reading() as session, counted(cast.database) as many:
        system_rows(session, TODAY)
    assert len(few) == len(many)


def test_a_system_that_is_not_there_is_not_found(cast: Cast) -> None:
    with cast.database.reading() as session, pytest.raises(NotFound):
        system_row(session, 999, TODAY)


def test_a_right_lists_its_holders_with_their_application(cast: Cast) -> None:
    give(cast, "staff", "ledger/account", "ledger/enter")
    give(cast, "other", "ledger/account")
    with cast.database.reading() as session:
        counts = {right.code: right.holders for right in rights_of_system(session, ledger(cast).id)}
        right = rights_of_system(session, ledger(cast).id)[0]
        page = holders_page(session, right.id)
    assert counts == {"account": 2, "enter": 1, "approve": 0, "admin-account": 0, "admin": 0}
    assert [(row.name, row.login_name) for row in page.rows] == [
        ("青木　一郎", "u100009"),
        ("今泉　二葉", "u100010"),
    ]
    assert all(row.request_number for row in page.rows)


def test_a_right_of_another_system_is_not_found(cast: Cast) -> None:
    with cast.database.reading() as session:
        pension = next(row for row in system_rows(session, TODAY) if row.code == "pension")
        with pytest.raises(NotFound):
            right_of_system(session, pension.id, rights_of_system(session, ledger(cast).id)[0].id)


def test_tasks_that_were_refused_stand_first_with_their_reason(cast: Cast) -> None:
    give(cast, "staff", "ledger/account")
    carry_out(cast, refused="constraint violation")
    give(cast, "other", "ledger/account")
    with cast.database.reading() as session:
        first, second = unfinished_tasks(session, ledger(cast).id, reader=Reader(TODAY)).rows
    assert (first.name, first.task.state, first.task.error) == (
        "青木　一郎", TaskState.REFUSED, "constraint violation"
    )  # fmt: skip
    assert (second.name, second.task.state, second.task.error) == ("今泉　二葉", TaskState.WAITING, None)
