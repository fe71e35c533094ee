"""Accounts of one kind are judged once: what is said of their example is true of each of them."""

import random
from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.database import Database
from idm.directory.drift import likeness
from idm.employment_kind import EmploymentKind
from idm.grant_state import EndReason, GrantState
from idm.models.base import Base
from idm.models.going_live import FoundAccount, SettledAccount
from idm.models.people import Assignment, Employment, OrganisationUnit, Person
from idm.models.requests import Grant, Request
from idm.models.systems import Account, InformationSystem
from idm.models.work import OutboxTask, TaskState
from idm.queries.information_systems.approved import Approved, approved_accounts
from idm.queries.information_systems.comparable import Comparable, comparable_accounts
from idm.vocabulary import AccountKind, FoundState
from tests.cast import NOW, TODAY, Cast

FIRST, PEOPLE, DAYS = 1_000, 60, 90


def filled(cast: Cast, seed: int) -> int:
    """The ledger system, in which people of every sort have accounts."""
    chance = random.Random(seed)
    request_id = cast.file("staff", ("staff", "ledger/account"))
    with cast.database.writing() as session:
        line = session.get_one(Request, request_id).lines[0]
        rights = {code: cast.entitlement(session, f"ledger/{code}") for code in ("account", "enter", "approve")}
        rights["enter"].external_id = "group-enter"
        units = session.scalars(select(OrganisationUnit.id)).all()
        rows: dict[type[Base], list[dict[str, Any]]] = {
            Person: [], Employment: [], Assignment: [], Account: [], Grant: [], FoundAccount: [],
        }  # fmt: skip
        for number in range(FIRST, FIRST + PEOPLE):
            _person(rows, chance, number, units)
            _account(rows, chance, number, line.system_id)
            for code, right in rights.items():
                if code == "account" or chance.random() < 0.3:
                    rows[Grant].append(_grant(chance, number, right.id, line.id))
        for table, values in rows.items():
            if values:
                session.connection().execute(insert(Base.metadata.tables[table.__tablename__]), values)
        return line.system_id


def _day(chance: random.Random) -> date:
    return TODAY + timedelta(days=chance.choice((-DAYS, -1, 0, 1, DAYS)))


def _person(
    rows: dict[type[Base], list[dict[str, Any]]], chance: random.Random, number: int, units: Sequence[int]
) -> None:  # fmt: skip
    rows[Person].append(
        {"id": number, "name": chance.choice(("香椎　宮子", "一文字")), "kana": "", "search_key": "", "created_at": NOW,
         "work_name": chance.choice((None, "旧姓　宮子")), "mail": chance.choice((None, f"p{number}@example.jp"))}
    )  # fmt: skip
    begins = _day(chance)
    for place in range(chance.choice((0, 1, 1, 2))):
        ends = chance.choice((None, begins + timedelta(days=chance.choice((1, DAYS)))))
        rows[Employment].append(
            {"id": number * 2 + place, "person_id": number, "staff_number": f"{number}-{place}",
             "kind": EmploymentKind.REGULAR, "valid_from": begins, "valid_until": ends}
        )  # fmt: skip
        rows[Assignment].append(
            {"employment_id": number * 2 + place, "unit_id": chance.choice(units), "post": "主事",
             "primary": chance.random() < 0.8, "valid_from": begins, "valid_until": None}
        )  # fmt: skip
        begins = (ends or begins) + timedelta(days=chance.choice((0, 5)))


def _account(
    rows: dict[type[Base], list[dict[str, Any]]], chance: random.Random, number: int, system_id: int
) -> None:  # fmt: skip
    adopted = chance.choice((None, None, NOW - timedelta(days=2)))
    rows[Account].append(
        {"id": number, "uuid": UUID(int=chance.getrandbits(128), version=4), "system_id": system_id,
         "person_id": number, "kind": AccountKind.PERSONAL, "login_name": f"u{number}", "created_at": NOW,
         "generation": chance.choice((1, 2)), "external_id": f"entry-{number}", "adopted_at": adopted,
         "handed_over_at": chance.choice((None, NOW)), "seen_at": chance.choice((None, NOW))}
    )  # fmt: skip
    if adopted is not None:
        rows[FoundAccount].append(
            {"system_id": system_id, "external_id": f"entry-{number}", "login_name": f"u{number}",
             "account_id": number, "person_id": number, "kind": None, "state": FoundState.PERSON,
             "mail": f"before{number}@example.jp", "display_name": "", "enabled": True, "protected": False,
             "marked": True, "groups": [], "candidates": [], "first_seen_at": NOW, "last_seen_at": NOW}
        )  # fmt: skip


def _grant(chance: random.Random, account_id: int, right_id: int, line_id: int) -> dict[str, Any]:
    state, begins = chance.choice(list(GrantState)), _day(chance)
    ended = state is GrantState.ENDED
    return {
        "account_id": account_id, "entitlement_id": right_id, "line_id": line_id, "state": state,
        "valid_from": begins, "valid_until": chance.choice((None, begins + timedelta(days=DAYS))),
        "ended_at": NOW - timedelta(days=chance.choice((0, 3))) if ended else None,
        "end_reason": EndReason.REQUESTED if ended else None,
    }  # fmt: skip


def read(
    database: Database, system_id: int, now: datetime = NOW, *, by_seal: bool = False
) -> tuple[Approved, list[Comparable]]:
    with database.reading() as session:
        system, ids = session.get_one(InformationSystem, system_id), _ids(session, system_id)
        found = approved_accounts(session, system, trusting_seals=by_seal, now=now, delete_after_days=30)
        return found, comparable_accounts(session, ids, now=now, delete_after_days=30)


def _ids(session: Session, system_id: int) -> list[int]:
    return list(session.scalars(select(Account.id).where(Account.system_id == system_id)))


def like(row: Comparable) -> bytes:
    said = astuple(row.facts.attributes)
    return likeness(row.external_id or "", row.uuid.hex, said)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("later", [0, DAYS + 1])
def test_what_is_said_of_the_example_of_a_kind_is_true_of_every_account_of_it(
    cast: Cast, seed: int, later: int
) -> None:  # fmt: skip
    found, rows = read(cast.database, filled(cast, seed), NOW + timedelta(days=later))
    apart, together = set(found.apart), 0
    for row in rows:
        if row.account_id in apart:
            continue
        account_id, generation, kind = found.take(like(row)) or (0, 0, 0)
        example = found.examples[kind]
        assert (account_id, generation) == (row.account_id, row.generation)
        assert replace(example.facts, attributes=row.facts.attributes) == row.facts
        assert replace(example.wanted, attributes=row.wanted.attributes) == row.wanted
        assert example.changes_on == row.changes_on
        together += 1
    assert list(found.left()) == []
    assert together > len(found.examples) / 2 > 1, "most are not left apart"


def test_those_whose_case_is_rare_are_left_apart(cast: Cast) -> None:
    system_id = filled(cast, 7)
    with cast.database.writing() as session:
        session.execute(update(Account).where(Account.id == FIRST).values(kind=AccountKind.SERVICE))
        session.execute(update(Account).where(Account.id == FIRST + 1).values(external_id=None))
        session.add(
            OutboxTask(system_id=system_id, account_id=FIRST + 2, state=TaskState.WAITING, due_at=NOW, created_at=NOW,
                       generation=session.get_one(Account, FIRST + 2).generation, attempts=0)
        )  # fmt: skip
    found, rows = read(cast.database, system_id)
    waiting = {row.account_id for row in rows if row.facts.adopts is not None}
    assert set(found.apart) == {FIRST, FIRST + 1, FIRST + 2, *waiting}


def test_the_settled_are_not_read_until_something_is_decided_or_their_day_has_come(cast: Cast) -> None:
    system_id = filled(cast, 3)
    settled = {FIRST: (0, None), FIRST + 1: (1, None), FIRST + 2: (0, day_of(NOW)), FIRST + 3: (0, date(2099, 1, 1))}
    with cast.database.writing() as session:
        for account_id, (decided, until) in settled.items():
            account = session.get_one(Account, account_id)
            session.add(
                SettledAccount(account_id=account_id, seal=b"%d" % account_id, generation=account.generation - decided,
                               until=until, groups="")
            )  # fmt: skip
    found, rows = read(cast.database, system_id, by_seal=True)
    read_again = {row.account_id for row in rows if row.account_id in found.apart or found.take(like(row))}
    assert read_again & settled.keys() == {FIRST + 1, FIRST + 2}
    assert len(read_again) == len(rows) - 2
