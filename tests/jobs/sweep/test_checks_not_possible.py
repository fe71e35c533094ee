"""What cannot be looked at is found as such, with its reason, and is no order; clocks apart are found (C1, C3, G5)."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from idm.calendar_days import day_of
from idm.employment_kind import EmploymentKind
from idm.errors import TargetRefused
from idm.models.outside import Contract
from idm.models.people import Employment
from idm.models.systems import InformationSystem
from idm.models.work import Finding, SweepRun
from idm.ports import Directory, LastUse
from idm.queries.outsiders.ended_contracts import people_without_contract
from idm.vocabulary import FindingKind
from jobs.installation import Installation
from jobs.sweep import sweep
from jobs.sweep.clocks import clocks_apart
from tests.jobs.conftest import Office

ANCIENT = timedelta(days=400)


def open_findings(office: Office, *kinds: FindingKind) -> dict[str, str]:
    """Label → what is said of it."""
    with office.cast.database.reading() as session:
        rows = session.scalars(
            select(Finding).where(Finding.resolved_at.is_(None), Finding.kind.in_(kinds), Finding.system_id == 1)
        )
        return {one.label: str(one.details.get("reason")) for one in rows}


def unused_account(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    _, password = office.hand_over("staff")
    assert office.directory.sign_in(office.dn("u100009"), password)
    office.directory.set_last_use(office.dn("u100009"), office.clock() - ANCIENT)


def _directory_class(office: Office) -> type:
    with office.cast.database.reading() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
    directory = office.installation.open_target(system)
    directory.close()
    return type(directory)


def test_a_check_that_the_directory_refuses_is_told_of_and_what_it_found_before_is_not_gone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Iterator[LastUse]:
        raise TargetRefused("最終利用日を読む権限がありません。")

    unused_account(office)
    sweep.sweep(office.installation, system_code="ledger")
    assert set(open_findings(office, FindingKind.DORMANT)) == {"u100009"}
    with monkeypatch.context() as patch:
        patch.setattr(_directory_class(office), "unused_since", refuse)
        office.directory.apply(f"dn: {office.dn('stray')}\nobjectClass: inetOrgPerson\nuid: stray\ncn: x\nsn: x\n")
        (result,) = sweep.sweep(office.installation, system_code="ledger")
    assert result.failure is None
    (said,) = open_findings(office, FindingKind.NOT_CHECKED).values()
    assert "最終利用日を読む権限がありません。" in said
    assert set(open_findings(office, FindingKind.DORMANT)) == {"u100009"}, "not seen is not the same as gone"
    assert set(open_findings(office, FindingKind.ORPHAN)) == {"stray"}, "the other checks were made"
    sweep.sweep(office.installation, system_code="ledger")
    assert open_findings(office, FindingKind.NOT_CHECKED) == {}


class WithoutLastUse:
    """The directory behind it, which says nothing of use."""

    def __init__(self, behind: Directory) -> None:
        self._behind = behind

    def __getattr__(self, name: str) -> object:
        """Every other verb."""
        if name in ("unused_since", "never_used"):
            raise AttributeError(name)
        return getattr(self._behind, name)


def test_a_directory_that_shows_no_last_use_is_found_and_its_unused_ids_stay_open(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused_account(office)
    sweep.sweep(office.installation, system_code="ledger")
    really = Installation.open_target
    monkeypatch.setattr(Installation, "open_target", lambda self, system: WithoutLastUse(really(self, system)))
    sweep.sweep(office.installation, system_code="ledger")
    (said,) = open_findings(office, FindingKind.NOT_CHECKED).values()
    assert "最終利用日が示されない" in said
    assert set(open_findings(office, FindingKind.DORMANT)) == {"u100009"}


@pytest.mark.parametrize(("ahead", "found"), [(59, set()), (61, {"会計システム"}), (-61, {"会計システム"})])
def test_clocks_further_apart_than_the_profile_allows_are_found(
    office: Office, monkeypatch: pytest.MonkeyPatch, ahead: int, found: set[str]
) -> None:
    stands = office.clock()
    monkeypatch.setattr(type(office.clock), "__call__", lambda _self: stands)
    monkeypatch.setattr(
        _directory_class(office), "server_time", lambda _self: stands + timedelta(seconds=ahead), raising=False
    )
    sweep.sweep(office.installation, system_code="ledger")
    assert set(open_findings(office, FindingKind.CLOCK_DRIFT)) == found
    with office.cast.database.reading() as session:
        assert session.scalars(select(SweepRun.clock_apart)).one() == ahead


def test_half_of_the_way_there_and_back_is_no_difference() -> None:
    """An answer that took four seconds was made after two."""
    moments = iter([datetime(2026, 5, 1, 12, 0, 0), datetime(2026, 5, 1, 12, 0, 4)])  # noqa: DTZ001

    class Answering:
        def server_time(self) -> datetime:
            return datetime(2026, 5, 1, 12, 0, 3)  # noqa: DTZ001

    assert clocks_apart(Answering(), lambda: next(moments)) == 1.0  # type: ignore[arg-type]


def _under_contract(office: Office, who: str, contract_ends: date, *, ends: date) -> None:
    """Afterwards the person is here under a contract alone."""
    day = day_of(office.clock())
    with office.cast.database.writing() as session:
        contract = Contract(
            number="C-1", company="（株）青葉", title="保守", manager_name="若葉", unit_code="A1",
            valid_from=day - ANCIENT, valid_until=contract_ends, registered_by_id=office.cast.people["other"],
            registered_at=office.clock(),
        )  # fmt: skip
        session.add(contract)
        session.flush()
        one = session.scalars(select(Employment).where(Employment.person_id == office.cast.people["staff"])).one()
        one.kind, one.contract_id = EmploymentKind.CONTRACTOR, contract.id
        one.valid_from, one.valid_until = day - ANCIENT, ends


def test_an_account_of_somebody_whose_contract_is_over_is_found_as_that(office: Office) -> None:
    office.grant("staff", "ledger/account")
    office.provision()
    today = day_of(office.clock())
    _under_contract(office, "staff", today, ends=today)
    sweep.sweep(office.installation, system_code="ledger")
    assert set(open_findings(office, FindingKind.CONTRACT_ENDED)) == {"u100009"}
    assert open_findings(office, FindingKind.LEFT) == {}


@pytest.mark.parametrize("days_left", [0, 1])
def test_a_contract_ends_with_its_last_day_whatever_the_entry_says(office: Office, days_left: int) -> None:
    today, staff = day_of(office.clock()), office.cast.people["staff"]
    _under_contract(office, "staff", today + timedelta(days=days_left), ends=today + timedelta(days=30))
    with office.cast.database.reading() as session:
        assert people_without_contract(session, [staff], today) == ({staff} if days_left == 0 else set())


def test_whoever_came_under_a_contract_and_is_employed_now_is_not_found(office: Office) -> None:
    today, staff = day_of(office.clock()), office.cast.people["staff"]
    _under_contract(office, "staff", today, ends=today)
    with office.cast.database.writing() as session:
        session.add(
            Employment(person_id=staff, staff_number="777777", kind=EmploymentKind.REGULAR, valid_from=today)
        )  # fmt: skip
    with office.cast.database.reading() as session:
        assert people_without_contract(session, [staff], today) == set()
