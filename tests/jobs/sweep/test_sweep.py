"""The nightly sweep on a real directory: what is unused, unknown, ownerless or left behind is found, once (C1, C3)."""

from datetime import timedelta

from sqlalchemy import select

from idm.calendar_days import day_of
from idm.models.privileged import HolderCount
from idm.models.systems import InformationSystem
from idm.models.work import Finding, SweepRun
from idm.vocabulary import AccountKind, FindingKind
from jobs.sweep import sweep
from tests.jobs.conftest import Office


def _kinds(office: Office, *, resolved: bool = False) -> set[tuple[FindingKind, str]]:
    with office.cast.database.reading() as session:
        rows = session.scalars(select(Finding)).all()
    return {(f.kind, f.label) for f in rows if (f.resolved_at is not None) == resolved and f.system_id == 1}


def _open_account(office: Office, who: str) -> None:
    office.grant(who, "ledger/account")
    office.provision()
    _, password = office.hand_over(who)
    assert office.directory.sign_in(office.dn(_login(who)), password)


def _login(who: str) -> str:
    return {"staff": "u100009", "other": "u100010"}[who]


def test_id_unused_for_the_profiles_days_is_found_with_its_source(office: Office) -> None:
    _open_account(office, "staff")
    _open_account(office, "other")
    long_ago = office.clock() - timedelta(days=office.cast.policy.dormancy.times.unused_days + 1)
    office.directory.set_last_use(office.dn("u100009"), long_ago)
    sweep.sweep(office.installation, system_code="ledger")
    assert _kinds(office) == {(FindingKind.DORMANT, "u100009")}
    with office.cast.database.reading() as session:
        finding = session.scalars(select(Finding)).one()
    assert finding.details["source"] == "authTimestamp"
    assert str(finding.details["last_used_at"]).startswith(long_ago.strftime("%Y-%m-%d"))


def test_each_run_counts_who_holds_what_and_a_rehearsal_counts_nothing(office: Office) -> None:
    sweep.sweep(office.installation, system_code="ledger", dry_run=True)
    with office.cast.database.reading() as session:
        assert session.scalars(select(HolderCount)).all() == []
    sweep.sweep(office.installation, system_code="ledger")
    sweep.sweep(office.installation, system_code="ledger")
    with office.cast.database.reading() as session:
        days = {(row.day, row.kind, row.holders) for row in session.scalars(select(HolderCount))}
    today = day_of(office.installation.clock())
    assert days == {(today, kind, 0) for kind in (AccountKind.PRIVILEGED, AccountKind.SHARED, AccountKind.SERVICE)}


def test_id_used_one_day_less_than_the_limit_is_not_found(office: Office) -> None:
    _open_account(office, "staff")
    recently = office.clock() - timedelta(days=office.cast.policy.dormancy.times.unused_days - 1)
    office.directory.set_last_use(office.dn("u100009"), recently)
    sweep.sweep(office.installation, system_code="ledger")
    assert _kinds(office) == set()


def test_in_a_system_with_times_of_its_own_an_id_is_found_by_those(office: Office) -> None:
    with office.cast.database.writing() as session:
        ledger = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        ledger.unused_times = {"unused_days": 45}
    for who, days in (("staff", 46), ("other", 44)):
        _open_account(office, who)
        office.directory.set_last_use(office.dn(_login(who)), office.clock() - timedelta(days=days))
    sweep.sweep(office.installation, system_code="ledger")
    assert _kinds(office) == {(FindingKind.DORMANT, "u100009")}


def test_never_used_id_is_found_after_its_days_and_not_before(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    sweep.sweep(office.installation, system_code="ledger")
    assert _kinds(office) == set()
    later = day_of(office.clock() + timedelta(days=office.cast.policy.dormancy.times.never_used_days + 1))
    (result,) = sweep.sweep(office.installation, system_code="ledger", as_of=later)
    found = {(one.kind, one.label) for one in result.found}
    assert found & {(FindingKind.NEVER_USED, "u100009"), (FindingKind.LAST_USE_UNKNOWN, "u100009")}
    assert _kinds(office) == set(), "of a day that is only supposed nothing is recorded"


def test_account_that_nobody_owns_is_found_and_resolved_when_it_is_gone(office: Office) -> None:
    office.directory.apply(f"dn: {office.dn('stranger')}\nobjectClass: inetOrgPerson\nuid: stranger\ncn: x\nsn: x\n")
    sweep.sweep(office.installation, system_code="ledger")
    sweep.sweep(office.installation, system_code="ledger")
    assert _kinds(office) == {(FindingKind.ORPHAN, "stranger")}
    with office.cast.database.reading() as session:
        assert len(session.scalars(select(Finding)).all()) == 1, "the same fact is one finding"
    office.directory.apply(f"dn: {office.dn('stranger')}\nchangetype: delete\n")
    sweep.sweep(office.installation, system_code="ledger")
    assert _kinds(office) == set()
    assert _kinds(office, resolved=True) == {(FindingKind.ORPHAN, "stranger")}


def test_account_of_somebody_who_left_is_found(office: Office) -> None:
    _open_account(office, "staff")
    office.leave("staff")
    sweep.sweep(office.installation, system_code="ledger")
    assert (FindingKind.LEFT, "u100009") in _kinds(office)


def test_dry_run_finds_and_records_nothing(office: Office) -> None:
    office.directory.apply(f"dn: {office.dn('stranger')}\nobjectClass: inetOrgPerson\nuid: stranger\ncn: x\nsn: x\n")
    (result,) = sweep.sweep(office.installation, system_code="ledger", dry_run=True)
    assert [found.kind for found in result.found] == [FindingKind.ORPHAN]
    assert _kinds(office) == set()
    with office.cast.database.reading() as session:
        assert session.scalars(select(SweepRun)).all() == []


def test_system_that_cannot_be_examined_keeps_its_findings_and_says_so(office: Office) -> None:
    office.directory.apply(f"dn: {office.dn('stranger')}\nobjectClass: inetOrgPerson\nuid: stranger\ncn: x\nsn: x\n")
    sweep.sweep(office.installation, system_code="ledger")
    office.directory.stop()
    try:
        results = sweep.sweep(office.installation)
    finally:
        office.directory.start(office.directory.ldaps_port)
    assert {result.system_code: result.failure is None for result in results} == {"ledger": False, "pension": True}
    assert _kinds(office) == {(FindingKind.ORPHAN, "stranger"), (FindingKind.CHECK_FAILED, "会計システム")}
    sweep.sweep(office.installation, system_code="ledger")
    assert _kinds(office) == {(FindingKind.ORPHAN, "stranger")}
