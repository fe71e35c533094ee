"""Contracts and subcontracts: a contract's end is a wall for everyone under it, and extending it lengthens nobody."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from idm.actor import Actor
from idm.calendar_days import day_of, start_of
from idm.database import Database
from idm.directory.wanted_account import wanted_account
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, Refusal
from idm.grant_state import GrantState
from idm.models.audit import AuditRecord
from idm.models.outside import Contract
from idm.models.people import Employment
from idm.models.requests import Grant
from idm.models.systems import Account
from idm.models.work import OutboxTask
from idm.operations.outsiders import contracts
from idm.operations.outsiders.contracts import NewContract
from idm.operations.outsiders.outside_entry import NewPerson
from idm.operations.rights.lifecycle import carry_out_due
from idm.queries.outsiders.contracts import contract_tree, contractors_without_live_contract, contracts_in
from idm.queries.rights.account_facts import account_facts
from tests.cast import NOW, TODAY, Cast, build, create_tables
from tests.outsiders import CONTRACT, WORKER, contract, end, enter, entry, let

JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)


def under(contract_id: int, **changes: Any) -> NewPerson:
    """Somebody who works under the contract."""
    return replace(WORKER, contract_id=contract_id, **changes)


def subcontract(above_id: int, number: str = "R8-再-1", **changes: Any) -> NewContract:
    """A subcontract of the contract."""
    return replace(CONTRACT, number=number, company="孫請株式会社", above_id=above_id, **changes)


def actions(cast: Cast) -> list[str]:
    with cast.database.reading() as session:
        return list(session.scalars(select(AuditRecord.action).order_by(AuditRecord.id)))


def test_a_contract_is_registered_and_audited(cast: Cast) -> None:
    found = contract(cast, let(cast))
    assert (found.number, found.unit_code, found.registered_by_id) == ("R8-委託-15", "0100", cast.people["security"])
    assert actions(cast)[-1] == "contract.registered"


@pytest.mark.parametrize("who", ["system", "staff", "contractor", "chief"])
def test_nobody_registers_a_contract_of_another_unit(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        let(cast, who=who)


def test_hr_registers_a_contract_of_any_unit(cast: Cast) -> None:
    assert contract(cast, let(cast, replace(CONTRACT, unit_code="0600"), who="hr")).unit_code == "0600"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": " "}, "number"), ({"number": "x" * 65}, "number"), ({"company": ""}, "company"),
        ({"company": "a\nb"}, "company"), ({"manager_name": ""}, "manager_name"), ({"title": "\u202e"}, "title"),
        ({"valid_until": TODAY}, "valid_until"),
    ],
)  # fmt: skip
def test_what_a_contract_lacks_is_told_at_its_field(cast: Cast, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        let(cast, replace(CONTRACT, **changes))
    assert list(refused.value.fields) == [field]


def test_a_number_is_registered_once(cast: Cast) -> None:
    let(cast)
    with pytest.raises(InvalidInput, match="すでに登録"):
        let(cast)


def test_a_unit_that_is_not_there_lets_no_contract(cast: Cast) -> None:
    with pytest.raises(InvalidInput, match="課が見つかりません"):
        let(cast, replace(CONTRACT, unit_code="9999"), who="hr")


def test_a_subcontract_belongs_to_the_unit_of_the_contract_above_and_ends_no_later(cast: Cast) -> None:
    top = let(cast)
    below = let(cast, subcontract(top, unit_code="0600"))
    assert contract(cast, below).unit_code == "0100"
    with pytest.raises(InvalidInput) as refused:
        let(cast, subcontract(below, "R8-再-2", valid_until=date(2027, 4, 2)))
    assert list(refused.value.fields) == ["valid_until"]


def test_nothing_is_subcontracted_under_a_contract_that_is_over_or_not_there(cast: Cast) -> None:
    top = let(cast, replace(CONTRACT, valid_until=JUNE))
    with pytest.raises(InvalidInput, match="すでに終わっている"):
        let(cast, subcontract(top, valid_until=JUNE + timedelta(days=9)), now=start_of(JUNE))
    with pytest.raises(NotFound):
        let(cast, subcontract(999))


def test_another_unit_cannot_hang_a_subcontract_under_ours(cast: Cast) -> None:
    top = let(cast)
    with pytest.raises(NotPermitted):
        let(cast, subcontract(top, unit_code="0600"), who="system")


# --- extending -------------------------------------------------------------------------------------------------------


def extend(cast: Cast, contract_id: int, until: date, *, who: str = "security", now: datetime = NOW) -> None:
    with cast.acting(who, "contract.extend", now) as session:
        contracts.extend_contract(
            session, contract_id, until, reason="延長契約", actor=cast.actor(who), policy=cast.policy, now=now
        )


def test_extending_a_contract_lengthens_nobody(cast: Cast) -> None:
    top = let(cast, replace(CONTRACT, valid_until=JUNE))
    below, worker = let(cast, subcontract(top, valid_until=JUNE)), enter(cast, under(top, valid_until=JUNE))
    extend(cast, top, JULY)
    assert contract(cast, top).valid_until == JULY
    assert contract(cast, below).valid_until == entry(cast, worker).valid_until == JUNE
    assert actions(cast)[-1] == "contract.extended"


def test_a_subcontract_is_extended_within_the_one_above(cast: Cast) -> None:
    below = let(cast, subcontract(let(cast, replace(CONTRACT, valid_until=JULY)), valid_until=JUNE))
    with pytest.raises(InvalidInput):
        extend(cast, below, JULY + timedelta(days=1))
    extend(cast, below, JULY)


def test_a_contract_that_is_over_stays_over(cast: Cast) -> None:
    top = let(cast, replace(CONTRACT, valid_until=JUNE))
    with pytest.raises(IllegalTransition, match="新しい契約"):
        extend(cast, top, JULY, now=start_of(JUNE))


def test_extending_is_not_shortening_and_not_for_other_units(cast: Cast) -> None:
    top = let(cast)
    with pytest.raises(InvalidInput):
        extend(cast, top, JUNE)
    with pytest.raises(NotPermitted):
        extend(cast, top, date(2028, 4, 1), who="system")


# --- ending ----------------------------------------------------------------------------------------------------------


def test_ending_a_contract_ends_everybody_under_it_and_its_subcontracts(cast: Cast) -> None:
    top = let(cast)
    below = let(cast, subcontract(top))
    deepest = let(cast, subcontract(below, "R8-再-2"))
    people = [enter(cast, under(where, kana=kana, birth_date=None))
              for where, kana in ((top, "ア"), (below, "イ"), (deepest, "ウ"))]  # fmt: skip
    end(cast, top, JUNE)
    assert {contract(cast, one).valid_until for one in (top, below, deepest)} == {JUNE}
    assert {entry(cast, one).valid_until for one in people} == {JUNE}


def test_ending_a_subcontract_leaves_the_contract_above(cast: Cast) -> None:
    top = let(cast)
    below, worker = let(cast, subcontract(top)), enter(cast, under(top))
    end(cast, below, JUNE)
    assert contract(cast, top).valid_until == CONTRACT.valid_until
    assert entry(cast, worker).valid_until == WORKER.valid_until


def test_an_end_makes_nobody_stay_longer(cast: Cast) -> None:
    top = let(cast)
    worker = enter(cast, under(top, valid_until=JUNE))
    end(cast, top, JULY)
    assert entry(cast, worker).valid_until == JUNE
    with pytest.raises(InvalidInput):
        end(cast, top, JULY)


def test_whoever_has_not_begun_is_called_off_and_their_number_is_never_given_again(cast: Cast) -> None:
    top = let(cast)
    let(cast, subcontract(top, valid_from=JULY))
    coming = enter(cast, under(top, valid_from=JULY))
    number = entry(cast, coming).staff_number
    end(cast, top, JUNE)
    with cast.database.reading() as session:
        assert session.get(Employment, coming) is None
        assert session.scalar(select(Contract.id).where(Contract.number == "R8-再-1")) is None
    assert {"outside.called_off", "contract.called_off"} <= set(actions(cast))
    new = enter(cast, under(let(cast, replace(CONTRACT, number="次")), another_person=True, birth_date=None))
    assert entry(cast, new).staff_number > number


def test_a_backdated_end_is_no_earlier_than_somebodys_first_day(cast: Cast) -> None:
    top = let(cast, replace(CONTRACT, valid_from=date(2026, 3, 1)))
    worker = enter(cast, under(top))
    later = start_of(date(2026, 4, 20))
    with pytest.raises(InvalidInput, match="令和8年4月1日以後"):
        end(cast, top, TODAY, now=later)
    end(cast, top, date(2026, 4, 2), now=later)
    assert entry(cast, worker).valid_until == contract(cast, top).valid_until == date(2026, 4, 2)


def test_a_section_manager_ends_only_contracts_of_their_own(cast: Cast) -> None:
    top = let(cast)
    with pytest.raises(NotPermitted):
        end(cast, top, JUNE, who="system")
    end(cast, top, JUNE, who="hr")


def test_an_end_in_the_past_shuts_the_directory_at_once_and_the_nightly_run_ends_the_rights(cast: Cast) -> None:
    top = let(cast)
    worker = enter(cast, under(top))
    cast.people["worker"] = entry(cast, worker).person_id
    approved = cast.file("hr", ("worker", "ledger/account"), valid_until=date(2026, 10, 1))
    cast.approve(approved)
    later = start_of(date(2026, 4, 20))
    end(cast, top, date(2026, 4, 10), now=later)
    with cast.database.reading() as session:
        account = session.scalars(select(Account).where(Account.person_id == cast.people["worker"])).one()
        newest = session.scalars(select(OutboxTask.generation).where(OutboxTask.account_id == account.id)).all()
        assert max(newest) == account.generation > 1
        facts = account_facts(session, [account.id], now=later)[account.id]
        assert not wanted_account(facts, now=later, delete_after_days=90).required
    with cast.database.writing() as session:
        carry_out_due(session, actor=Actor.job("tests"), policy=cast.policy, now=later)
    with cast.database.reading() as session:
        assert set(session.scalars(select(Grant.state))) == {GrantState.ENDED}


def test_the_tree_shows_subcontracts_under_their_contract_with_their_people(cast: Cast) -> None:
    top = let(cast)
    below = let(cast, subcontract(top))
    worker = enter(cast, under(below))
    with cast.database.reading() as session:
        tree = contract_tree(session, top)
        assert [(branch.contract.id, branch.depth) for branch in tree] == [(top, 0), (below, 1)]
        assert [[one.id for one in branch.people] for branch in tree] == [[], [worker]]
        assert {one.id for one in contracts_in(session, {"0100"}, day=TODAY)} == {top, below}
        assert contracts_in(session, {"0600"}, day=TODAY) != []
        assert contracts_in(session, {"0100"}, day=TODAY, over=True) == []
        assert len(contracts_in(session, None, day=CONTRACT.valid_until, over=True)) == 3


# --- the proof -------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(st.sampled_from(["under", "enter", "end", "wait"]), st.integers(0, 5), st.integers(-15, 90)),
    min_size=4, max_size=12,
)  # fmt: skip


def walk(cast: Cast, path: list[tuple[str, int, int]]) -> int:
    """Carries out the steps, each on one of the contracts there are; refused steps change nothing. Returns how many
    entries were made."""
    now, tops, made = NOW, [let(cast)], 0
    for number, (step, which, days) in enumerate(path):
        chosen, day = tops[which % len(tops)], day_of(now) + timedelta(days=days)
        name = f"働く人{'アイウエオカキクケコサシ'[number]}"
        try:
            if step == "under":
                until = day + timedelta(days=120)
                tops.append(let(cast, subcontract(chosen, f"再{number}", valid_from=day, valid_until=until), now=now))
            elif step == "enter":
                coming = under(chosen, name=name, kana=name, birth_date=None, valid_from=max(day, day_of(now)),
                               valid_until=max(day, day_of(now)) + timedelta(days=60))  # fmt: skip
                made += bool(enter(cast, coming, now=now))
            elif step == "end":
                end(cast, chosen, day, now=now)
            else:
                now += timedelta(days=max(days, 0))
        except Refusal:
            continue
    return made


@settings(max_examples=12, deadline=None)
@given(STEPS)
@example([("under", 0, 0), ("enter", 1, 0), ("wait", 0, 20), ("end", 0, -10)])
@example([("under", 0, 40), ("enter", 1, 50), ("enter", 0, 0), ("end", 0, 30)])
@example([("enter", 0, 0), ("wait", 0, 20), ("end", 0, -15), ("end", 0, -5)])
def test_no_path_leaves_a_contractor_in_the_register_without_a_contract_that_holds(
    path: list[tuple[str, int, int]],
) -> None:
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/idm.db")
        create_tables(database)
        cast = build(database)
        walk(cast, path)
        with database.reading() as session:
            for days in range(-30, 400):
                assert contractors_without_live_contract(session, TODAY + timedelta(days=days)) == []
        database.dispose()


def test_the_proof_would_notice(cast: Cast) -> None:
    top = let(cast)
    below = let(cast, subcontract(top))
    worker = enter(cast, under(below))
    with cast.database.writing() as session:
        session.get_one(Contract, top).valid_until = JUNE
    with cast.database.reading() as session:
        assert contractors_without_live_contract(session, JUNE - timedelta(days=1)) == []
        assert [one.id for one in contractors_without_live_contract(session, JUNE)] == [worker]
