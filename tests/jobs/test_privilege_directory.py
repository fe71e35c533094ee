"""At a real OpenLDAP: members behind our back, through other groups too, and default names (controls D5, D9)."""

from datetime import timedelta

from sqlalchemy import select

from idm.models.work import Finding
from idm.vocabulary import FindingKind
from jobs import sweep
from tests.jobs.conftest import Office

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
