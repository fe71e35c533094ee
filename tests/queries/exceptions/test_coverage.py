"""What the exceptions of the register cover on a day."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from idm.models.exceptions import RegisteredException
from idm.models.systems import InformationSystem
from idm.queries.exceptions.coverage import covering
from idm.vocabulary import ExceptionScope, ExceptionState, FindingKind
from tests.cast import NOW, TODAY, Cast


def kept(cast: Cast, scope: ExceptionScope, **given: object) -> int:
    """The id of an exception that the CISO has permitted from today for thirty days."""
    fields: dict[str, object] = {
        "state": ExceptionState.PERMITTED, "clause": "6-2(2)③", "finding_kind": FindingKind.DORMANT, "scope": scope,
        "what": "年に一度だけ使う", "reason": "決算のときだけ使う", "compensating_control": "使うときに確認する",
        "valid_from": TODAY, "valid_until": TODAY + timedelta(days=30), "asked_by_id": cast.people["system"],
        "asked_at": NOW, "answered_by_id": cast.people["ciso"], "answered_at": NOW,
    }  # fmt: skip
    with cast.database.writing() as session:
        row = RegisteredException(**(fields | given))
        session.add(row)
        session.flush()
        return row.id


def ledger(cast: Cast) -> int:
    with cast.database.reading() as session:
        return session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()


def test_it_covers_from_its_first_day_to_the_day_before_its_end(cast: Cast) -> None:
    exception = kept(cast, ExceptionScope.PERSON, person_id=cast.people["staff"])
    person = cast.people["staff"]
    days = {TODAY - timedelta(days=1): None, TODAY: exception, TODAY + timedelta(days=29): exception,
            TODAY + timedelta(days=30): None}  # fmt: skip
    with cast.database.reading() as session:
        assert {
            day: covering(session, day).of(FindingKind.DORMANT, system_id=1, person_id=person) for day in days
        } == days


@pytest.mark.parametrize(
    "state", [ExceptionState.ASKED, ExceptionState.REFUSED, ExceptionState.ENDED, ExceptionState.EXPIRED]
)
def test_only_what_the_ciso_permitted_covers(cast: Cast, state: ExceptionState) -> None:
    kept(cast, ExceptionScope.ORGANISATION, state=state)
    with cast.database.reading() as session:
        assert covering(session, TODAY).of(FindingKind.DORMANT) is None


def test_an_exception_of_a_unit_reaches_the_units_below_it_in_its_system_only(cast: Cast) -> None:
    exception = kept(cast, ExceptionScope.UNIT, unit_code="0100", system_id=ledger(cast))
    with cast.database.reading() as session:
        covered = covering(session, TODAY)
    found = {
        code: covered.of(FindingKind.DORMANT, system_id=ledger(cast), unit_code=code)
        for code in ("0100", "0110", "0600")
    }
    assert found == {"0100": exception, "0110": exception, "0600": None}
    assert covered.of(FindingKind.DORMANT, system_id=ledger(cast) + 1, unit_code="0100") is None


def test_a_row_that_covers_what_nothing_may_cover_covers_nothing(cast: Cast) -> None:
    kept(cast, ExceptionScope.ORGANISATION, finding_kind=FindingKind.LEFT)
    with cast.database.reading() as session:
        assert covering(session, TODAY).of(FindingKind.LEFT) is None


def test_the_exception_of_the_account_comes_before_that_of_the_whole(cast: Cast) -> None:
    kept(cast, ExceptionScope.ORGANISATION, valid_until=date(2027, 1, 1))
    system = kept(cast, ExceptionScope.SYSTEM, system_id=ledger(cast))
    with cast.database.reading() as session:
        covered = covering(session, TODAY)
    assert covered.of(FindingKind.DORMANT, system_id=ledger(cast), account_id=4, person_id=9) == system
