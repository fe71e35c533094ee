"""Moments as directories write them."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ldap.generalized_time import read, written
from idm.errors import TargetRefused

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=ZONES).filter(lambda moment: 2 <= moment.year <= 9998))
def test_a_moment_written_is_read_back_to_the_second(moment: datetime) -> None:
    assert read(written(moment)) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (b"20260331150000Z", datetime(2026, 3, 31, 15, tzinfo=UTC)),
        (b"202603311500Z", datetime(2026, 3, 31, 15, tzinfo=UTC)),
        (b"2026033115Z", datetime(2026, 3, 31, 15, tzinfo=UTC)),
        (b"20260401000000+0900", datetime(2026, 3, 31, 15, tzinfo=UTC)),
        (b"20260331103000-0430", datetime(2026, 3, 31, 15, tzinfo=UTC)),
        (b"20260331150000.5Z", datetime(2026, 3, 31, 15, 0, 0, 500_000, UTC)),
        (b"20260331150000,25Z", datetime(2026, 3, 31, 15, 0, 0, 250_000, UTC)),
        (b"2026033115.5Z", datetime(2026, 3, 31, 15, 30, tzinfo=UTC)),
        (b"000001010000Z", datetime(1, 1, 1, tzinfo=UTC)),
        (b"20251231235960Z", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_every_form_of_the_standard_is_read(value: bytes, moment: datetime) -> None:
    assert read(value) == moment


@pytest.mark.parametrize(
    "value",
    [b"", b"Z", b"20260331150000", b"2026",
     b"20261331150000Z", b"20260230000000Z", b"2026-03-31T15:00:00Z", b"99991231235959-1200",
     b"20260331150000Z ", b"20260331150000+99999", "２０２６０３３１１５００００Z".encode()],
)  # fmt: skip
def test_what_is_no_moment_is_refused(value: bytes) -> None:
    with pytest.raises(TargetRefused):
        read(value)


@given(st.binary(max_size=24))
def test_anything_else_is_a_moment_or_refused(value: bytes) -> None:
    with contextlib.suppress(TargetRefused):
        assert read(value).tzinfo is UTC


def test_a_moment_without_a_time_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="time zone"):
        written(datetime(2026, 4, 1))  # noqa: DTZ001  # the point
