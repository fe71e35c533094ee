"""Two people of one name at the same instant, on SQLite and PostgreSQL: two names, within a system and across them."""

from functools import partial

from sqlalchemy import select

from idm.actor import Actor
from idm.models.systems import Account
from idm.operations.rights.accounts import personal_accounts
from idm.operations.rights.login_names import choose_login_name
from idm.unit_of_work import unit_of_work
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast
from tests.operations.approval.test_decision_races import at_once
from tests.operations.rights.test_login_names import ROMAJI, name_by, people, system_id

JOB = Actor.job("tests.login_names")
ROUNDS = 5


def namesakes(office: Cast, count: int, *, first: int) -> list[str]:
    """As many people of one name, by their names in the cast."""
    with office.database.writing() as session:
        ids = people(session, *["サトウ　ハナコ"] * count, first=first)
    names = [f"namesake-{person_id}" for person_id in ids]
    office.people.update(zip(names, ids, strict=True))
    return names


def names_in_use(office: Cast, people: list[str]) -> list[str]:
    with office.database.reading() as session:
        ids = [office.people[who] for who in people]
        return list(session.scalars(select(Account.login_name).where(Account.person_id.in_(ids))))


def test_two_of_one_name_who_are_approved_at_once_get_two_names(office: Cast) -> None:
    name_by(office, rule="romaji")
    everybody: list[str] = []
    for round_ in range(ROUNDS):
        both = namesakes(office, 2, first=700001 + 10 * round_)
        filed = [office.file("hr", (who, "ledger/account")) for who in both]
        for request_id in filed:
            office.decide("chief", request_id, Role.CHIEF)
        said = at_once(*(partial(office.decide, "system", request_id, Role.SYSTEM) for request_id in filed))
        assert said == ["done", "done"]
        everybody += both
    names = names_in_use(office, everybody)
    assert len(set(names)) == len(names) == 2 * ROUNDS


def test_two_of_one_name_in_two_systems_at_once_get_two_names(office: Cast) -> None:
    def make(who: str, code: str) -> None:
        with unit_of_work(office.database, actor=JOB, now=NOW, attempted="test.make", obj=("test", "1")) as session:
            personal_accounts(
                session, system_id=system_id(session, code), days={office.people[who]: TODAY}, rule=ROMAJI, now=NOW
            )

    everybody: list[str] = []
    for round_ in range(ROUNDS):
        one, other = namesakes(office, 2, first=700001 + 10 * round_)
        assert at_once(partial(make, one, "ledger"), partial(make, other, "pension")) == ["done", "done"]
        everybody += [one, other]
    names = names_in_use(office, everybody)
    assert len(set(names)) == len(names) == 2 * ROUNDS


def test_a_name_chosen_while_it_is_being_made_belongs_to_one_of_the_two(office: Cast) -> None:
    def choose(who: str) -> None:
        with office.acting("hr", "account.choose_name") as session:
            choose_login_name(
                session, office.people[who], system_id(session, "ledger"), f"hanako.sato-{round_}",
                actor=office.actor("hr"), policy=office.policy, now=NOW,
            )  # fmt: skip

    for round_ in range(ROUNDS):
        one, other = namesakes(office, 2, first=700001 + 10 * round_)
        said = at_once(partial(choose, one), partial(choose, other))
        assert sorted(said) == ["INPUT", "done"]
