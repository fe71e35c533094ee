"""Lines that an HR officer takes out of a draft before submitting it."""

import pytest
from sqlalchemy import select

from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.models.requests import Request, RequestLine
from idm.operations.approval.requests import draft, find, submit
from idm.operations.hr.personnel_drafts import drop_lines
from idm.vocabulary import RequestAction
from tests.cast import NOW, Cast


def drafted(cast: Cast) -> tuple[int, list[int]]:
    """A draft of two lines, and the ids of the lines."""
    with cast.acting("hr") as session:
        lines = [cast.line(session, who, "ledger/account") for who in ("staff", "other")]
        system_id = cast.entitlement(session, "ledger/account").system_id
        request = draft(
            session, action=RequestAction.REGISTER, system_id=system_id, lines=lines, reason="採用", now=NOW
        )
        return request.id, [line.id for line in request.lines]


def drop(cast: Cast, who: str, request_id: int, line_ids: list[int]) -> bool:
    with cast.acting(who) as session:
        return drop_lines(
            session, find(session, request_id), line_ids, actor=cast.actor(who), policy=cast.policy, now=NOW
        )


def lines_left(cast: Cast) -> list[int]:
    with cast.database.reading() as session:
        return list(session.scalars(select(RequestLine.id)))


def test_the_draft_is_without_the_lines_that_were_dropped(cast: Cast) -> None:
    request_id, (first, second) = drafted(cast)
    assert drop(cast, "hr", request_id, [first])
    assert lines_left(cast) == [second]


def test_a_draft_whose_last_line_was_dropped_is_gone(cast: Cast) -> None:
    request_id, line_ids = drafted(cast)
    assert not drop(cast, "hr", request_id, line_ids)
    with cast.database.reading() as session:
        assert session.get(Request, request_id) is None


@pytest.mark.parametrize("who", ["staff", "ciso", "chief", "security", "auditor"])
def test_nobody_but_hr_drops_a_line(cast: Cast, who: str) -> None:
    request_id, line_ids = drafted(cast)
    with pytest.raises(NotPermitted):
        drop(cast, who, request_id, line_ids)
    assert lines_left(cast) == line_ids


def test_no_line_is_dropped_where_one_is_not_of_the_draft(cast: Cast) -> None:
    request_id, line_ids = drafted(cast)
    with pytest.raises(NotFound):
        drop(cast, "hr", request_id, [*line_ids, 999])
    with pytest.raises(InvalidInput):
        drop(cast, "hr", request_id, [])
    assert lines_left(cast) == line_ids


def test_a_submitted_application_keeps_its_lines(cast: Cast) -> None:
    request_id, line_ids = drafted(cast)
    with cast.acting("hr") as session:
        submit(session, find(session, request_id), actor=cast.actor("hr"), policy=cast.policy, now=NOW)
    with pytest.raises(IllegalTransition):
        drop(cast, "hr", request_id, line_ids)
    assert lines_left(cast) == line_ids
