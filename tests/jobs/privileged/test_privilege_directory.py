"""At a real OpenLDAP: members behind our back, through other groups too, and default names (controls D5, D9)."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.systems import Entitlement
from idm.models.work import Finding
from idm.vocabulary import EntitlementKind, FindingKind
from jobs.sweep import sweep
from tests.jobs.conftest import Office
from tests.jobs.memory_place import GROUPS

OFF = "19700101000000Z"


def swept(office: Office) -> set[tuple[FindingKind, str]]:
    sweep.sweep(office.installation, system_code="ledger")
    with office.cast.database.reading() as session:
        rows = session.scalars(select(Finding).where(Finding.resolved_at.is_(None), Finding.system_id == 1)).all()
    return {(one.kind, one.label) for one in rows if one.kind is not FindingKind.ORPHAN}


def add(office: Office, login_name: str) -> str:
    dn = office.dn(login_name)
    office.directory.apply(f"dn: {dn}\nobjectClass: inetOrgPerson\nuid: {login_name}\ncn: x\nsn: x\n")
    return dn


def join(office: Office, group: str, member: str) -> None:
    dn = f"cn={group},{office.directory.groups_base}"
    office.directory.apply(f"dn: {dn}\nchangetype: modify\nadd: member\nmember: {member}\n")


def leave(office: Office, group: str, member: str) -> None:
    dn = f"cn={group},{office.directory.groups_base}"
    office.directory.apply(f"dn: {dn}\nchangetype: modify\ndelete: member\nmember: {member}\n")


def test_a_member_put_in_behind_our_back_is_out_after_one_sweep(office: Office) -> None:
    office.grant("staff", "ledger/account", "ledger/enter")
    office.provision()
    for intruder in (add(office, "intruder"), office.dn("u100009")):
        join(office, "ledger-admin", intruder)
        found = swept(office)
        assert office.members("ledger-admin") == set()
        assert FindingKind.OUT_OF_BAND not in {kind for kind, _ in found}
        office.clock.ahead += timedelta(days=2)  # two within a day are too many in so small an office
    assert office.members("ledger-enter") == {"u100009"}


def test_a_right_new_in_the_organisation_file_is_watched_from_the_first_sweep(office: Office) -> None:
    intruder = add(office, "intruder")
    join(office, "ledger-admin", intruder)
    sweep.sweep(office.installation, system_code="ledger", dry_run=True)
    assert known(office) == set(), "nothing is on record after it"
    swept(office)
    assert office.members("ledger-admin") == set()
    assert len(known(office)) == len(GROUPS)


def test_a_group_that_cannot_be_found_is_a_finding_that_names_it(office: Office) -> None:
    with office.cast.database.writing() as session:
        groups_of(session)[0].target_name = "misspelt"
    assert (FindingKind.CHECK_FAILED, "misspelt") in swept(office)
    assert len(known(office)) == len(GROUPS) - 1, "the others are watched"


def groups_of(session: Session) -> list[Entitlement]:
    query = select(Entitlement).where(Entitlement.system_id == 1, Entitlement.kind == EntitlementKind.GROUP)
    return list(session.scalars(query))


def known(office: Office) -> set[str]:
    """The groups of rights that are known by the directory's own ids."""
    with office.cast.database.reading() as session:
        return {one.external_id for one in groups_of(session) if one.external_id is not None}


def test_a_member_through_another_group_is_left_and_found(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    inner = f"cn=ledger-enter,{office.directory.groups_base}"
    join(office, "ledger-admin", inner)
    join(office, "ledger-enter", add(office, "nested"))
    try:
        assert (FindingKind.OUT_OF_BAND, "nested") in swept(office)
    finally:
        leave(office, "ledger-admin", inner)
        leave(office, "ledger-enter", office.dn("nested"))


def test_a_default_name_is_found_until_it_is_switched_off(office: Office) -> None:
    dn = add(office, "admin")
    add(office, "adam")
    assert swept(office) == {(FindingKind.DEFAULT_NAME, "admin")}
    office.directory.apply(f"dn: {dn}\nchangetype: modify\nadd: pwdEndTime\npwdEndTime: {OFF}\n")
    assert swept(office) == set()
