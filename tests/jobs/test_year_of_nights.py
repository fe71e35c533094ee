"""A year of nights in a living town on a real directory: nobody wrongly stopped, nobody forgotten (C1, C3).

People join, move, are away, leave and are forgotten as a table says that was made before (`tests.year.lives`). They
sign in by real binds while the directory's clock is the town's. After every night each ID is held against what an
oracle says that knows the table and nothing of the product (`tests.year.oracle`).
"""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from idm.vocabulary import FindingKind
from tests.servers.shifted_openldap import ShiftedOpenLDAP
from tests.servers.smtp_sink import SmtpSink
from tests.year import oracle, town
from tests.year.lives import (
    DAY,
    DIRECTORY_AWAY,
    FIRST,
    KILLED,
    LAST,
    ORPHAN,
    Life,
    days,
    lives,
    working_day_from,
    works,
)
from tests.year.oracle import Year
from tests.year.town import Seen, Town, address

LIVES = lives()
YEARS = oracle.years(LIVES)
WARNED = "使われていない利用者IDがあります"
STAMPS = frozenset({
    "entryCSN", "modifyTimestamp", "modifiersName", "authTimestamp", "pwdLastSuccess", "pwdFailureTime", "pwdEndTime",
})  # fmt: skip
"""What a stop, and every use, leaves behind in an entry."""


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The town a year later."""
    directory = ShiftedOpenLDAP(tmp_path_factory.mktemp("directory"))
    directory.build(town.group_entries())
    directory.start()
    try:
        with SmtpSink() as post:
            built = town.build(tmp_path_factory.mktemp("town"), directory, post, LIVES)
            built.year()
        yield built
        built.close()
    finally:
        directory.stop()


def _seen(town: Town, life: Life, night: date) -> Seen | None:
    return town.record.nights[night].get(town.logins[life.number])


def _stops(year: Year) -> list[date]:
    return [case.stopped for case in year.cases if case.stopped is not None]


# --- the table itself -------------------------------------------------------------------------------------------------


def test_the_table_has_a_town_in_which_everything_happens() -> None:
    assert 40 <= len(LIVES) <= 60
    assert len([one for one in YEARS.values() if _stops(one)]) >= 5
    assert any(case.stopped is None for one in YEARS.values() for case in one.cases), "somebody heeds the warning"
    on_holidays = {date(2026, 9, 24), date(2027, 1, 4)}
    assert on_holidays < {stop for one in YEARS.values() for stop in _stops(one)}
    assert all(works(stop) for one in YEARS.values() for stop in _stops(one))
    due = {day for one in YEARS.values() for day in _stops(one)}
    assert set(KILLED) <= due
    assert {night + DAY for night in DIRECTORY_AWAY} <= due


# --- every night ------------------------------------------------------------------------------------------------------


def test_every_id_is_there_from_the_day_its_owner_joins_to_the_day_it_is_to_be_deleted(year: Town) -> None:
    wrong = [
        (life.number, night, truth.there) for life in LIVES for night, truth in YEARS[life.number].nights.items()
        if truth.there is not None and (_seen(year, life, night) is not None) is not truth.there
    ]  # fmt: skip
    assert wrong == []


def test_nobody_is_wrongly_stopped_on_any_night(year: Town) -> None:
    wrong = [
        (life.number, night) for life in LIVES for night, truth in YEARS[life.number].nights.items()
        if truth.opens and not ((seen := _seen(year, life, night)) and seen.opens)
    ]  # fmt: skip
    assert wrong == []


def test_nobody_is_forgotten_on_any_night(year: Town) -> None:
    wrong = [
        (life.number, night) for life in LIVES for night, truth in YEARS[life.number].nights.items()
        if truth.opens is False and (seen := _seen(year, life, night)) and seen.opens
    ]  # fmt: skip
    assert wrong == []


def test_whoever_gets_in_finds_the_folders_of_their_unit_and_no_others(year: Town) -> None:
    wrong = [
        (life.number, night, sorted(seen.folders), sorted(truth.folders))
        for life in LIVES for night, truth in YEARS[life.number].nights.items()
        if truth.opens and (seen := _seen(year, life, night)) and seen.folders != truth.folders
    ]  # fmt: skip
    assert wrong == []


def test_whoever_wants_to_work_gets_in_and_whoever_is_shut_out_does_not(year: Town) -> None:
    signed_in, tried = year.record.signed_in, year.record.tried
    assert [one for one, got_in in signed_in.items() if not got_in] == []
    assert len(signed_in) > 5_000
    assert [one for one, got_in in tried.items() if got_in] == []
    assert {number for number, _ in tried} >= {
        number for number, one in YEARS.items() if _stops(one) and max(_stops(one)) < LAST - timedelta(days=7)
    }


# --- unused -----------------------------------------------------------------------------------------------------------


def _mails(town: Town, life: Life) -> list[tuple[date, str, str]]:
    """(Night on which it was there at the latest, subject, body) of everything that this person was sent."""
    return [
        (day, str(mail.message["Subject"]), mail.message.get_content()) for day, mail in town.record.mails
        if address(life) in mail.recipients
    ]  # fmt: skip


def _wareki(day: date) -> str:
    return f"令和{day.year - 2018}年{day.month}月{day.day}日"


def test_nobody_is_stopped_without_a_mail_two_weeks_before_that_says_the_day(year: Town) -> None:
    for life in LIVES:
        warnings = [
            (day, body) for day, subject, body in _mails(year, life) if subject == WARNED and "停止します" in body
        ]
        cases = YEARS[life.number].cases
        assert [day for day, _ in warnings] == [case.warned for case in cases], life.number
        for (day, body), case in zip(warnings, cases, strict=True):
            said = working_day_from(day + oracle.WARNING)
            assert _wareki(said) in body
            assert case.stopped is None or case.stopped >= said


def test_whoever_signs_in_after_the_warning_keeps_the_id(year: Town) -> None:
    heeding = [life for life in LIVES if any(case.stopped is None for case in YEARS[life.number].cases)]
    assert heeding
    for life in heeding:
        assert all(one.opens for night in YEARS[life.number].nights if (one := _seen(year, life, night))), life.number


def test_what_comes_back_is_exactly_what_was_there(year: Town) -> None:
    returns = [
        (life, before, after) for life in LIVES for before, after in _interruptions(life)
    ]  # fmt: skip
    assert len(returns) >= 5
    for life, before, after in returns:
        was, now = _seen(year, life, before), _seen(year, life, after)
        assert was is not None
        assert now is not None
        assert _lasting(was) == _lasting(now), life.number


def _interruptions(life: Life) -> Iterator[tuple[date, date]]:
    """Nights before and after each time in which the ID of somebody who goes on working was closed."""
    closed_from: date | None = None
    nights = YEARS[life.number].nights
    for night in list(nights)[1:]:
        was, truth = nights[night - DAY], nights[night]
        if was.opens and truth.opens is False:
            closed_from = night - DAY
        elif truth.opens and closed_from is not None:
            yield closed_from, night
            closed_from = None


def _lasting(seen: Seen) -> tuple[frozenset[str], dict[str, list[str]]]:
    return seen.folders, {name: values for name, values in seen.entry.items() if name not in STAMPS}


# --- what somebody does past the product ------------------------------------------------------------------------------


def test_an_id_made_by_hand_in_the_directory_is_found_every_night_and_left_alone(year: Town) -> None:
    name, made, gone = ORPHAN
    for night in days(FIRST + DAY, LAST + DAY):
        found = (FindingKind.ORPHAN, name) in year.record.findings[night]
        assert found is (made < night <= gone), night
        assert (name in year.record.nights[night]) is found


def test_an_id_opened_by_hand_is_found_the_next_night_and_closed_again_when_it_is_put_right(year: Town) -> None:
    opened = [life for life in LIVES if life.opened_by_hand]
    assert len(opened) == 2
    for life in opened:
        assert life.opened_by_hand is not None
        next_night = life.opened_by_hand + DAY
        seen = _seen(year, life, next_night)
        assert seen is not None
        assert seen.opens
        assert (FindingKind.DRIFT, year.logins[life.number]) in year.record.findings[next_night]


# --- bad nights -------------------------------------------------------------------------------------------------------


def test_only_the_night_without_a_directory_has_a_system_that_could_not_be_examined(year: Town) -> None:
    failed = {
        night
        for night, found in year.record.findings.items()
        if FindingKind.CHECK_FAILED in {kind for kind, _ in found}
    }
    assert failed == DIRECTORY_AWAY


def test_the_worker_failed_at_nothing_and_every_night_was_had_to_its_end(year: Town) -> None:
    assert year.rounds.failures == 0
    assert year.nights_had() == list(days(FIRST + DAY, LAST + DAY))
    assert year.died == set(KILLED)
