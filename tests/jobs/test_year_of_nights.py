"""Months of nights on a real directory: nobody who uses their ID is stopped, nobody who does not is forgotten (C1, C3).

People really sign in; the directory then says so for the day that the shifted clock shows. What must be true is
counted from the days of their sign-ins alone, by nothing of the product.
"""

from dataclasses import dataclass
from datetime import timedelta

from jobs.sweep import sweep
from tests.jobs.conftest import Office

DAYS, EVERY = 175, 5
UNUSED, NEVER, WARNING = 90, 30, 14
SLACK = 14
"""Days off, nights that are not had every day, and one stop a week in so small a system."""


@dataclass
class Someone:
    """Somebody with an ID, and on which days they sign in."""

    who: str
    login: str
    uses: frozenset[int]
    password: str = ""
    last: int | None = None

    def must_get_in(self, day: int) -> bool:
        """Whether stopping them on that day would be wrong."""
        return day < (self.last + UNUSED if self.last is not None else NEVER) + WARNING

    def must_be_stopped(self, day: int) -> bool:
        """Whether not having stopped them by that day would be wrong."""
        return day > (self.last + UNUSED if self.last is not None else NEVER) + WARNING + SLACK


def _people(office: Office) -> list[Someone]:
    people = [
        Someone("staff", "u100009", frozenset(range(0, DAYS, 30))),
        Someone("other", "u100010", frozenset({0, 10})),
        Someone("hr", "u100006", frozenset()),
        Someone("security", "u100005", frozenset({0, 85, 170})),
    ]
    for one in people:
        office.grant(one.who, "ledger/account")
        office.provision()
        _, one.password = office.hand_over(one.who)
    return people


def _is_open(office: Office, one: Someone) -> bool:
    """Whether the entry lets its owner in, as the directory keeps it: looking leaves no date of use behind."""
    entry = office.entry(one.login)
    return not entry.get("pwdEndTime") and not entry.get("pwdAccountLockedTime")


def test_nobody_is_wrongly_stopped_and_nobody_forgotten(office: Office) -> None:
    people = _people(office)
    for day in range(0, DAYS, EVERY):
        office.clock.ahead = timedelta(days=day)
        for one in people:
            stopped = not _is_open(office, one)
            assert not (stopped and one.must_get_in(day)), f"{one.who} was stopped on day {day}"
            assert stopped or not one.must_be_stopped(day), f"{one.who} was forgotten on day {day}"
            if day in one.uses:
                assert office.directory.sign_in(office.dn(one.login), one.password)
                office.directory.set_last_use(office.dn(one.login), office.clock())
                one.last = day
        sweep.sweep(office.installation, system_code="ledger")
        office.provision()
    shut_out = {one.who for one in people if not office.directory.sign_in(office.dn(one.login), one.password)}
    assert shut_out == {"other", "hr"}
