"""Nobody's daily ID carries a privileged right: those are on another ID of the same person (control D8)."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from idm.errors import ConfigurationInvalid, InvalidInput
from idm.grant_state import GrantState
from idm.models.requests import Grant
from idm.models.systems import Account, InformationSystem
from idm.operations.governance.configuration import register_systems
from idm.operations.rights.accounts import personal_accounts
from idm.organisation import LoginNames
from idm.organisation_file import load_organisation
from idm.queries.governance.configuration import organisation_in_force
from idm.queries.rights.account_facts import account_facts
from idm.queries.rights.login_names import privileged_proposals
from idm.queries.rights.name_preview import names_of_request
from idm.queries.signing_in.sign_in_accounts import account_of_name
from idm.vocabulary import AccountKind, LineEffect, RequestAction
from tests.carried_out import carry_out
from tests.cast import NOW, TODAY, Cast, organisation_source

UNTIL = TODAY + timedelta(days=60)
ALL = ("account", "enter", "admin-account", "admin")
ROMAJI = LoginNames(rule="romaji")


def given(cast: Cast, who: str, *rights: str) -> None:
    """The person's approved rights, until a day."""
    request = cast.file("hr", *((who, f"ledger/{right}") for right in rights), valid_until=UNTIL)
    for line in range(len(rights)):
        cast.approve(request, line=line)


def taken(cast: Cast, who: str, right: str, action: RequestAction = RequestAction.CHANGE) -> None:
    cast.approve(cast.file("hr", (who, f"ledger/{right}"), action=action, effect=LineEffect.REVOKE))


def live(cast: Cast, who: str) -> dict[str, set[str]]:
    """Login name → the rights on that ID that have not ended."""
    with cast.database.reading() as session:
        grants = session.scalars(select(Grant).where(Grant.state != GrantState.ENDED)).all()
        found: dict[str, set[str]] = {}
        for grant in grants:
            if grant.account.person_id == cast.people[who]:
                found.setdefault(grant.account.login_name, set()).add(grant.entitlement.code)
        return found


def test_a_privileged_right_makes_and_is_on_an_id_of_its_own(office: Cast) -> None:
    given(office, "staff", *ALL)
    assert live(office, "staff") == {"u100009": {"account", "enter"}, "adm-u100009": {"admin-account", "admin"}}
    with office.database.reading() as session:
        kinds = dict(session.execute(select(Account.login_name, Account.kind)).all())
    assert kinds == {"u100009": AccountKind.PERSONAL, "adm-u100009": AccountKind.PRIVILEGED}


def test_given_again_later_it_is_the_same_id(cast: Cast) -> None:
    given(cast, "staff", *ALL)
    taken(cast, "staff", "admin-account")
    given(cast, "staff", "admin-account", "admin")
    assert live(cast, "staff")["adm-u100009"] == {"admin-account", "admin"}


def test_taking_the_daily_id_takes_the_privileged_one_with_it(office: Cast) -> None:
    given(office, "staff", *ALL)
    taken(office, "staff", "account", RequestAction.REMOVE)
    assert live(office, "staff") == {}


def test_taking_the_privileged_id_takes_its_groups_and_nothing_else(cast: Cast) -> None:
    given(cast, "staff", *ALL)
    taken(cast, "staff", "admin-account")
    assert live(cast, "staff") == {"u100009": {"account", "enter"}}


def test_one_privileged_right_is_taken_without_the_id(cast: Cast) -> None:
    given(cast, "staff", *ALL)
    taken(cast, "staff", "admin")
    assert live(cast, "staff")["adm-u100009"] == {"admin-account"}


@pytest.mark.parametrize("rights", [("admin",), ("account", "admin"), ("admin-account", "enter")])
def test_a_group_needs_the_id_it_would_be_on(cast: Cast, rights: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match=r"同じシステムの(管理用ID|利用者ID)"):
        given(cast, "staff", *rights)


def test_the_database_does_not_let_a_right_onto_the_wrong_id(office: Cast) -> None:
    given(office, "staff", *ALL)
    with office.database.reading() as session:
        accounts = {one.kind: one.id for one in session.scalars(select(Account))}
        grants = {one.entitlement.code: one.id for one in session.scalars(select(Grant))}
    for code, kind in (("admin", AccountKind.PERSONAL), ("enter", AccountKind.PRIVILEGED)):
        with pytest.raises(DBAPIError, match="a privileged right is on a privileged account"):
            _move(office, grants[code], accounts[kind])
        with pytest.raises(DBAPIError, match="a privileged right is on a privileged account"):
            _copy(office, grants[code], accounts[kind])


def _move(cast: Cast, grant_id: int, account_id: int) -> None:
    with cast.database.writing() as session:
        session.get_one(Grant, grant_id).account_id = account_id


def _copy(cast: Cast, grant_id: int, account_id: int) -> None:
    with cast.database.writing() as session:
        one = session.get_one(Grant, grant_id)
        session.add(
            Grant(
                account_id=account_id, entitlement_id=one.entitlement_id, line_id=one.line_id, valid_from=UNTIL,
                valid_until=None, state=GrantState.PLANNED,
            )
        )  # fmt: skip


def test_a_privileged_id_never_signs_in_to_this_product(cast: Cast) -> None:
    given(cast, "staff", *ALL)
    carry_out(cast)
    with cast.database.writing() as session:
        session.get_one(InformationSystem, 1).for_sign_in = True
        for account in session.scalars(select(Account)):
            account.handed_over_at, account.external_id = NOW, account.login_name
    with cast.database.reading() as session:
        assert account_of_name(session, 1, "u100009", TODAY) is not None
        assert account_of_name(session, 1, "adm-u100009", TODAY) is None


def test_it_stays_out_of_its_owners_unit_and_has_no_mail_address(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.get_one(InformationSystem, 1).containers = [{"units": ["0100"], "container": "ou=0100,dc=jp"}]
    given(cast, "staff", *ALL)
    with cast.database.reading() as session:
        ids = {one.kind: one.id for one in session.scalars(select(Account))}
        facts = account_facts(session, ids.values(), now=NOW)
    daily, privileged = facts[ids[AccountKind.PERSONAL]], facts[ids[AccountKind.PRIVILEGED]]
    assert (daily.container, privileged.container) == ("ou=0100,dc=jp", None)
    assert (daily.attributes.mail, privileged.attributes.mail) == ("u100009@example.jp", None)


def test_a_right_that_somebody_holds_does_not_change_sides(cast: Cast) -> None:
    given(cast, "staff", *ALL)
    for text in (
        organisation_source().replace('group = "ledger-enter"', 'group = "ledger-enter", privileged = true'),
        organisation_source().replace('group = "ledger-admin", privileged = true', 'group = "ledger-admin"'),
    ):
        with pytest.raises(ConfigurationInvalid, match="付与されている権限"), cast.database.writing() as session:
            register_systems(session, load_organisation(text.replace('["account", "enter"]', '["account"]'), "x"))


def test_the_cap_of_the_file_is_in_the_register(cast: Cast) -> None:
    text = organisation_source().replace(
        'credential = "ledger.password"',
        'credential = "ledger.password"\nmost_holders = { privileged = 3, shared = 1 }',
    )
    with cast.database.writing() as session:
        register_systems(session, load_organisation(text, "x"))
        assert session.get_one(InformationSystem, 1).most_holders == {"privileged": 3, "shared": 1}
    with pytest.raises(ConfigurationInvalid) as refusal:
        load_organisation(text.replace("shared = 1", "personal = 1"), "x")
    assert "日常の利用者IDの数に上限は置けません" in refusal.value.mistakes[0]


# --- names ------------------------------------------------------------------------------------------------------------


def proposed(cast: Cast, who: str, rule: LoginNames | None = None, connector: str = "memory") -> str | None:
    with cast.database.reading() as session:
        system = session.get_one(InformationSystem, 1)
        system.connector = connector
        rule = rule or organisation_in_force(session, now=NOW).login_names
        return privileged_proposals(session, system, {cast.people[who]: TODAY}, rule)[cast.people[who]].name


def test_it_is_called_after_the_daily_id_whatever_that_is_called(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.add(
            Account(
                uuid=uuid4(), system_id=1, person_id=cast.people["staff"], kind=AccountKind.PERSONAL,
                login_name="Aoki.Old", created_at=NOW,
            )
        )  # fmt: skip
    assert proposed(cast, "staff") == "adm-aoki.old"
    assert proposed(cast, "other") == "adm-u100010"
    assert proposed(cast, "other", ROMAJI) == "adm-futaba.imaizumi"
    assert proposed(cast, "other", replace(ROMAJI, privileged_prefix="kanri-")) == "kanri-futaba.imaizumi"


def test_where_the_directory_takes_no_such_long_name_the_staff_number_stands_in(cast: Cast) -> None:
    long_prefix = replace(ROMAJI, privileged_prefix="kanri-")
    assert proposed(cast, "other", long_prefix, "active-directory") == "kanri-u100010"


def test_a_name_that_anybody_ever_had_anywhere_is_not_given(office: Cast) -> None:
    rule = LoginNames()
    with office.database.writing() as session:
        elsewhere = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "pension")).one()
        session.add(
            Account(
                uuid=uuid4(), system_id=elsewhere, person_id=office.people["other"], kind=AccountKind.PRIVILEGED,
                login_name="adm-u100009", created_at=NOW,
            )
        )  # fmt: skip
    with office.database.writing() as session:
        made = personal_accounts(
            session, system_id=1, days={office.people["staff"]: TODAY}, rule=rule, now=NOW, kind=AccountKind.PRIVILEGED
        )
        assert made[office.people["staff"]].login_name == "adm-u100009-2"


def test_the_preview_shows_both_names(cast: Cast) -> None:
    wanted = [("staff", f"ledger/{right}") for right in ALL]
    request = cast.file("hr", *wanted, valid_until=UNTIL)
    with cast.database.reading() as session:
        rows = names_of_request(session, request, now=NOW).rows
    assert [(row.privileged, row.proposal.name if row.proposal else None) for row in rows] == [
        (False, "u100009"), (True, "adm-u100009"),
    ]  # fmt: skip
