"""Names as accounts really get them: never twice, never again, one human one name, and kept for good."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.database import Database
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.models.audit import AuditRecord
from idm.models.people import OrganisationUnit, Person
from idm.models.sign_in import SignIn
from idm.models.systems import Account, ChosenName, InformationSystem, RetiredName
from idm.names.account_names import RESERVED, Bar, Source
from idm.names.personal_names import match_key
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.operations.rights.accounts import personal_accounts
from idm.operations.rights.login_names import choose_login_name, retire_names
from idm.organisation import LoginNames
from idm.queries.governance.configuration import version_in_force
from idm.queries.rights.login_names import proposals
from idm.queries.rights.name_preview import names_of_person, names_of_request
from idm.vocabulary import AccountKind, ConfigurationKind
from tests.cast import NOW, PEOPLE, TODAY, Cast, add_person, build, create_tables
from tests.operations.hr.test_personnel import MAY, SECRET, apply, row_of
from tests.statements import counted

JOB = Actor.job("tests.login_names")
ROMAJI = LoginNames(rule="romaji")


def name_by(cast: Cast, **rule: object) -> None:
    """The organisation's rule of account names is now this, proposed by one person and accepted by another."""
    with cast.acting("security") as session:
        present = version_in_force(session, ConfigurationKind.ORGANISATION, now=NOW)
        table = {**json.loads(present.content), "login_names": rule}
        text = ConfigurationText(ConfigurationKind.ORGANISATION, present.name, json.dumps(table))
        proposed = configuration.propose(session, text, reason="命名規則", actor=cast.actor("security"), now=NOW).id
    with cast.acting("ciso") as session:
        configuration.accept(session, proposed, actor=cast.actor("ciso"), now=NOW)


def people(session: Session, *kanas: str, first: int = 700001) -> list[int]:
    """As many people of 総務課 with these readings."""
    unit = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == "0100")).one()
    return [
        add_person(session, str(number), f"氏　名{number}", kana, unit, "主事").id
        for number, kana in enumerate(kanas, start=first)
    ]


def system_id(session: Session, code: str) -> int:
    return session.scalars(select(InformationSystem.id).where(InformationSystem.code == code)).one()


def named(session: Session, code: str, *person_ids: int, rule: LoginNames = ROMAJI) -> list[str]:
    """What the people's accounts in the system are called, made where there was none."""
    made = personal_accounts(
        session, system_id=system_id(session, code), days=dict.fromkeys(person_ids, TODAY), rule=rule, now=NOW
    )
    return [made[person_id].login_name for person_id in person_ids]


def used(session: Session, name: str, code: str, who: int | None = None) -> None:
    """An account of that name is, or was, in the system."""
    session.add(
        Account(uuid=uuid4(), system_id=system_id(session, code), person_id=who, kind=AccountKind.SERVICE,
                login_name=name, created_at=NOW, generation=0)
    )  # fmt: skip
    session.flush()


# --- collisions ------------------------------------------------------------------------------------------------------


def test_people_of_one_name_get_the_next_patterns_and_then_numbers(cast: Cast) -> None:
    with cast.database.writing() as session:
        five = people(session, *["サトウ　ハナコ"] * 5)
        assert named(session, "ledger", *five) == [
            "hanako.sato", "sato-h", "sato-hanako", "hanako.sato-2", "hanako.sato-3",
        ]  # fmt: skip


def test_a_name_that_was_ever_used_here_is_taken_whatever_its_letters_case(cast: Cast) -> None:
    with cast.database.writing() as session:
        (one,) = people(session, "サトウ　ハナコ")
        used(session, "Hanako.SATO", "ledger")
        assert named(session, "ledger", one) == ["sato-h"]


def test_a_name_another_human_has_in_another_system_is_avoided_by_romaji_only(cast: Cast) -> None:
    with cast.database.writing() as session:
        one, other = people(session, "サトウ　ハナコ", "サトウ　ハナコ")
        used(session, "hanako.sato", "pension", other)
        used(session, "u700001", "pension", other)
        assert named(session, "ledger", one) == ["sato-h"]
    with cast.database.writing() as session:
        (third,) = people(session, "サトウ　ハナコ", first=700003)
        used(session, "u700003", "pension", other)
        assert named(session, "ledger", third, rule=LoginNames()) == ["u700003"]


def test_the_same_human_has_the_same_name_in_every_system_where_it_is_free(cast: Cast) -> None:
    with cast.database.writing() as session:
        one, other = people(session, "サトウ　ハナコ", "サトウ　ハナコ")
        assert named(session, "ledger", one, other) == ["hanako.sato", "sato-h"]
        assert named(session, "pension", other) == ["sato-h"]
        used(session, "hanako.sato", "pension", one)
        assert named(session, "pension", one) == ["sato-hanako"]


def test_retired_names_are_taken_in_their_system_or_in_all(cast: Cast) -> None:
    with cast.database.writing() as session:
        (one,) = people(session, "サトウ　ハナコ")
        for name, code in (("HANAKO.sato", "ledger"), ("sato-h", None), ("sato-hanako", "pension")):
            where = system_id(session, code) if code else None
            session.add(RetiredName(system_id=where, login_name=name, note="", recorded_at=NOW))
        session.flush()
        assert named(session, "ledger", one) == ["sato-hanako"]


def signs_in(session: Session, name: str, who: int, *, with_system: str) -> None:
    """Somebody signs in to the product by that name; others sign in with the directory of that system."""
    session.add(SignIn(person_id=who, name=name, password_hash="-"))
    session.get_one(InformationSystem, system_id(session, with_system)).for_sign_in = True
    session.flush()


def test_in_the_system_to_sign_in_with_a_name_by_which_another_signs_in_is_avoided(cast: Cast) -> None:
    with cast.database.writing() as session:
        one, other = people(session, "サトウ　ハナコ", "サトウ　ハナコ")
        signs_in(session, "hanako.sato", other, with_system="ledger")
        found = proposals(
            session, session.get_one(InformationSystem, system_id(session, "ledger")), {one: TODAY}, ROMAJI
        )
        assert [passed.bar for passed in found[one].passed] == [Bar.SIGN_IN]
        assert named(session, "ledger", one) == ["sato-h"]
        assert named(session, "ledger", other) == ["hanako.sato"], "their own"


def test_in_any_other_system_the_names_by_which_people_sign_in_are_free(cast: Cast) -> None:
    with cast.database.writing() as session:
        one, other = people(session, "サトウ　ハナコ", "サトウ　ハナコ")
        signs_in(session, "hanako.sato", other, with_system="pension")
        assert named(session, "ledger", one) == ["hanako.sato"]


def test_a_staff_number_by_which_another_signs_in_is_refused_and_said(cast: Cast) -> None:
    with cast.database.writing() as session:
        one, other = people(session, "サトウ　ハナコ", "サトウ　ハナコ")
        signs_in(session, "u700001", other, with_system="ledger")
        with pytest.raises(InvalidInput, match="u700001」は、この画面へのサインインの利用者名として別の人が"):
            named(session, "ledger", one, rule=LoginNames())


def test_a_name_by_which_another_signs_in_is_not_chosen(cast: Cast) -> None:
    with cast.database.writing() as session:
        signs_in(session, "aoki", cast.people["other"], with_system="ledger")
    with pytest.raises(InvalidInput, match="この画面へのサインインの利用者名として別の人が"):
        choose(cast, "staff", "aoki")
    choose(cast, "other", "aoki")


def test_a_staff_number_whose_name_was_used_is_refused_and_not_numbered(cast: Cast) -> None:
    with cast.database.writing() as session:
        (one,) = people(session, "サトウ　ハナコ")
        used(session, "u700001", "ledger")
        with pytest.raises(InvalidInput, match="u700001」はこのシステムですでに使われた"):
            named(session, "ledger", one, rule=LoginNames())


def test_names_are_never_cut_for_a_directory_that_takes_twenty_signs(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.execute(update(InformationSystem).values(connector="active_directory"))
        one, other = people(session, "テシガワラ　カズノスケ", "テシガワラテシガワラテシガワラ　カズ")
        assert named(session, "ledger", one) == ["teshigawara-k"]
        with pytest.raises(InvalidInput, match="Active Directory（sAMAccountName）では20文字まで"):
            named(session, "ledger", other)


def test_a_reading_that_gives_no_letters_is_refused_unless_the_person_spells_it(cast: Cast) -> None:
    with cast.database.writing() as session:
        (one,) = people(session, "山田　花子")
        with pytest.raises(InvalidInput, match="ローマ字にできない文字"):
            named(session, "ledger", one)
        session.get_one(Person, one).romaji = "YAMADA Hanako"
        session.flush()
        assert named(session, "ledger", one) == ["hanako.yamada"]


def test_somebody_without_an_employment_gets_no_name(cast: Cast) -> None:
    with cast.database.writing() as session:
        person = Person(name="外　人", kana="ソト　ヒト", search_key="", created_at=NOW)
        session.add(person)
        session.flush()
        for rule in (ROMAJI, LoginNames()):
            with pytest.raises(InvalidInput, match="任用のない人"):
                named(session, "ledger", person.id, rule=rule)


def test_many_people_take_as_many_queries_as_one(cast: Cast) -> None:
    with cast.database.writing() as session:
        many = people(session, *["サトウ　ハナコ"] * 3, *(f"サトウ　{chr(0x30A2 + n)}カ" for n in range(60)))
        target = session.get_one(InformationSystem, system_id(session, "ledger"))
        with counted(cast.database) as one:
            proposals(session, target, {many[0]: TODAY}, ROMAJI)
        with counted(cast.database) as all_of_them:
            found = proposals(session, target, dict.fromkeys(many, TODAY), ROMAJI)
    assert len({proposal.name for proposal in found.values()}) == len(many)
    assert len(all_of_them) <= len(one) + 1


@pytest.fixture(scope="module")
def standing_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    """An office in which every example is undone."""
    database = Database(f"sqlite:///{Path(tmp_path_factory.mktemp('names'), 'office.db')}")
    create_tables(database)
    yield build(database)
    database.dispose()


PART = st.sampled_from(
    ["サトウ", "サト", "カイ", "オオノ", "オノ", "イノウエ", "アドミン", "ソウム", "テシガワラテシガワラ"]
)


@given(st.lists(st.tuples(PART, PART), min_size=1, max_size=12), st.sampled_from(["openldap", "active-directory"]))
def test_any_crowd_gets_names_that_differ_and_fit(
    standing_office: Cast, crowd: list[tuple[str, str]], connector: str
) -> None:
    with Session(standing_office.database.engine) as session:
        session.execute(update(InformationSystem).values(connector=connector))
        ids = people(session, *(f"{family}　{given_name}" for family, given_name in crowd))
        target = session.get_one(InformationSystem, system_id(session, "ledger"))
        days = dict.fromkeys(ids, TODAY)
        foreseen = proposals(session, target, days, ROMAJI)
        assert proposals(session, target, dict(reversed(days.items())), ROMAJI) == foreseen
        able = [person for person in ids if foreseen[person].name is not None]
        made = named(session, "ledger", *able)
        assert made == [foreseen[person].name for person in able]
        assert len(set(made)) == len(made)
        assert not set(made) & RESERVED
        assert all(len(name) <= (64 if connector == "openldap" else 20) for name in made)
        session.rollback()


# --- kept for good ---------------------------------------------------------------------------------------------------


def test_a_name_survives_marriage_and_reappointment_under_a_new_number(cast: Cast) -> None:
    name_by(cast, rule="romaji")
    with cast.database.writing() as session:
        session.get_one(Person, cast.people["staff"]).match_key = match_key(
            PEOPLE["staff"][2], BORN["birth_date"], SECRET
        )
        assert named(session, "ledger", cast.people["staff"]) == ["ichiro.aoki"]
    apply(cast, row_of("staff", name="赤木　一郎", kana="アカギ　イチロウ"))
    successor = row_of("staff", staff_number="300009", row_number=3, employed_from=MAY, assigned_from=MAY,
                       name="赤木　一郎", kana="アカギ　イチロウ", **BORN)  # fmt: skip
    with cast.database.writing() as session:
        session.get_one(Person, cast.people["staff"]).match_key = match_key(
            "アカギ　イチロウ", BORN["birth_date"], SECRET
        )
    apply(
        cast, row_of("staff", name="赤木　一郎", kana="アカギ　イチロウ", left_on=date(2026, 4, 30), **BORN), successor
    )
    with cast.database.writing() as session:
        person = session.get_one(Person, cast.people["staff"])
        assert (person.kana, len(person.employments)) == ("アカギ　イチロウ", 2)
        for rule in (ROMAJI, LoginNames()):
            assert named(session, "ledger", person.id, rule=rule) == ["ichiro.aoki"]
        assert named(session, "pension", person.id) == ["ichiro.aoki"]


BORN = {"birth_date": date(1960, 1, 1)}


# --- chosen by HR ----------------------------------------------------------------------------------------------------


def choose(cast: Cast, who: str, name: str, *, by: str = "hr", code: str = "ledger") -> None:
    with cast.acting(by, "account.choose_name") as session:
        choose_login_name(
            session, cast.people[who], system_id(session, code), name, actor=cast.actor(by), policy=cast.policy, now=NOW
        )


def test_a_chosen_name_is_the_one_that_is_made_and_the_choice_is_audited(cast: Cast) -> None:
    choose(cast, "staff", " ichi ")
    choose(cast, "staff", "aoki1")
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    with cast.database.reading() as session:
        assert session.scalars(select(Account.login_name)).all() == ["aoki1"]
        records = session.scalars(select(AuditRecord).where(AuditRecord.action == "account.name_chosen")).all()
        assert [record.actor for record in records] == ["薬院　大通"] * 2
        assert json.loads(records[1].payload or "") == {
            "system": system_id(session, "ledger"), "name": "aoki1", "before": "ichi",
        }  # fmt: skip


@pytest.mark.parametrize("by", ["staff", "other", "ciso", "chief", "security", "system", "desk", "auditor"])
def test_only_hr_chooses(cast: Cast, by: str) -> None:
    with pytest.raises(NotPermitted):
        choose(cast, "contractor", "itaku1", by=by)
    with cast.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ChosenName)) == 0


def test_nobody_chooses_for_themself(cast: Cast) -> None:
    with pytest.raises(NotPermitted, match="自分の利用者ID"):
        choose(cast, "hr", "boss")


def test_a_name_is_chosen_before_the_account_exists(cast: Cast) -> None:
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    with pytest.raises(IllegalTransition, match="u100009」がすでにあります"):
        choose(cast, "staff", "aoki1")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("", "空"), ("Aoki", "使えるのは"), ("aoki.", "使えるのは"), ("admin", "予約語"), ("a" * 65, "64文字まで"),
     ("kept", "使われたことがある"), ("gone", "以前に使われた"), ("imaizumi", "ほかの人のために")],
)  # fmt: skip
def test_a_chosen_name_obeys_what_made_names_obey(cast: Cast, name: str, reason: str) -> None:
    choose(cast, "other", "imaizumi")
    with cast.database.writing() as session:
        used(session, "kept", "ledger")
        session.add(RetiredName(system_id=None, login_name="gone", note="", recorded_at=NOW))
    with pytest.raises(InvalidInput, match=reason):
        choose(cast, "staff", name)


def test_by_romaji_a_name_of_somebody_elsewhere_is_not_chosen_either(cast: Cast) -> None:
    name_by(cast, rule="romaji")
    choose(cast, "other", "hana")
    with pytest.raises(InvalidInput, match="ほかのシステムで別の人"):
        choose(cast, "staff", "hana", code="pension")
    choose(cast, "other", "hana", code="pension")


def test_what_was_chosen_for_one_is_given_to_nobody_else_until_it_is_given_up(cast: Cast) -> None:
    name_by(cast, rule="romaji")
    with cast.database.writing() as session:
        (one,) = people(session, "イマイズミ　フタバ")
    choose(cast, "staff", "futaba.imaizumi")
    with cast.database.writing() as session:
        target = session.get_one(InformationSystem, system_id(session, "ledger"))
        found = proposals(session, target, {one: TODAY}, ROMAJI)[one]
        assert (found.name, found.passed[0].bar) == ("imaizumi-f", Bar.CHOSEN)
    choose(cast, "staff", "aoki1")
    with cast.database.writing() as session:
        assert named(session, "ledger", one) == ["futaba.imaizumi"]


def test_choosing_for_nobody_or_in_no_system_is_not_found(cast: Cast) -> None:
    with cast.acting("hr") as session, pytest.raises(NotFound):
        choose_login_name(session, 9999, 1, "x", actor=cast.actor("hr"), policy=cast.policy, now=NOW)
    with cast.acting("hr") as session, pytest.raises(NotFound):
        choose_login_name(session, cast.people["staff"], 9999, "x", actor=cast.actor("hr"), policy=cast.policy, now=NOW)


# --- used before the product was there -------------------------------------------------------------------------------


def retire(cast: Cast, *lines: str, code: str | None = None) -> tuple[int, int]:
    with cast.database.writing() as session:
        done = retire_names(session, lines, system_code=code, note="旧システム", actor=JOB, policy=cast.policy, now=NOW)
        return done.added, done.known


def test_names_of_a_list_are_never_given_again_and_a_second_time_adds_nothing(cast: Cast) -> None:
    assert retire(cast, "\ufeffHanako.Sato", "", "# 旧職員", "sato-h  ", "hanako.sato") == (2, 0)
    assert retire(cast, "hanako.sato", "third") == (1, 1)
    assert retire(cast, "hanako.sato", code="ledger") == (1, 0)
    with cast.database.writing() as session:
        (one,) = people(session, "サトウ　ハナコ")
        assert named(session, "ledger", one) == ["sato-hanako"]
        records = session.scalars(select(AuditRecord).where(AuditRecord.action == "account.names_retired")).all()
        assert [(r.object_id, json.loads(r.payload or "")["added"]) for r in records] == [
            ("*", 2), ("*", 1), ("ledger", 1),
        ]  # fmt: skip


def test_a_list_with_a_mistake_is_refused_as_a_whole_with_its_lines(cast: Cast) -> None:
    with pytest.raises(InvalidInput, match="2行目、4行目"):
        retire(cast, "good", "two words", "", "x" * 65)
    with cast.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(RetiredName)) == 0
    with pytest.raises(NotFound, match="nowhere"):
        retire(cast, "good", code="nowhere")


# --- shown before it is made -----------------------------------------------------------------------------------------


def test_a_preview_is_what_the_approval_then_makes(cast: Cast) -> None:
    name_by(cast, rule="romaji")
    with cast.database.writing() as session:
        cast.people["twin"] = people(session, "アオキ　イチロウ")[0]
    cast.approve(cast.file("hr", ("other", "ledger/account")))
    request = cast.file("hr", ("staff", "ledger/account"), ("twin", "ledger/account"), ("other", "ledger/enter"))
    with cast.database.reading() as session:
        shown = names_of_request(session, request, now=NOW)
    assert [(row.existing, row.proposal and row.proposal.name) for row in shown.rows] == [
        (None, "ichiro.aoki"), (None, "aoki-i"), ("futaba.imaizumi", None),
    ]  # fmt: skip
    twin = shown.rows[1].proposal
    assert twin is not None
    assert (twin.source, twin.pattern, twin.passed[0].name) == (Source.PATTERN, "{family}-{g}", "ichiro.aoki")
    for line in range(3):
        cast.approve(request, line=line)
    with cast.database.reading() as session:
        made = session.execute(select(Account.person_id, Account.login_name).order_by(Account.id)).all()
        assert {tuple(row) for row in made} >= {
            (cast.people["staff"], "ichiro.aoki"), (cast.people["twin"], "aoki-i"),
        }  # fmt: skip


def test_a_person_is_previewed_in_every_system(cast: Cast) -> None:
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    with cast.database.reading() as session:
        shown = names_of_person(session, cast.people["staff"], now=NOW)
    rows = [(one.system_code, one.rows[0].existing, one.rows[0].proposal) for one in shown]
    assert rows[0] == ("ledger", "u100009", None)
    assert rows[1][:2] == ("pension", None)
    assert rows[1][2] is not None
    assert rows[1][2].name == "u100009"
