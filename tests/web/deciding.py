"""What tests of decisions share: sending one, who holds which seat, and what a refusal must say."""

from datetime import timedelta

from sqlalchemy import select
from werkzeug.test import TestResponse

from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.officers import Deputy, Officer
from idm.models.requests import Request
from idm.request_state import LineState
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast
from tests.web.office import Fields, Office


def step_id(cast: Cast, request_id: int, seat: Role, line: int = 0) -> int:
    with cast.database.reading() as session:
        return cast.step(session, request_id, seat, line).id


def shown_hash(cast: Cast, request_id: int) -> str:
    with cast.database.reading() as session:
        return session.get_one(Request, request_id).content_hash or ""


def decision(
    office: Office, who: str, request_id: int, seat: Role, verdict: str = "approve", **changes: str
) -> TestResponse:
    """What this person is told when they send a decision on that seat."""
    fields: Fields = {
        f"verdict-{step_id(office.cast, request_id, seat)}": verdict, "comment": "確認しました",
        "shown_hash": shown_hash(office.cast, request_id), **changes,
    }  # fmt: skip
    return office.browser(who).send(f"/requests/{request_id}/decide", fields)


def states(cast: Cast, request_id: int) -> list[LineState]:
    with cast.database.reading() as session:
        return [line.state for line in session.get_one(Request, request_id).lines]


def hold(cast: Cast, who: str, role: Role, unit_code: str | None = None) -> None:
    with cast.database.writing() as session:
        record = session.scalars(select(Officer.first_record_id)).first()
        session.add(Officer(role=role, person_id=cast.people[who], unit_code=unit_code, valid_from=TODAY,
                            first_record_id=record, confirmed_at=NOW))  # fmt: skip


def end_tenures(cast: Cast, *roles: Role) -> None:
    with cast.database.writing() as session:
        for officer in session.scalars(select(Officer).where(Officer.role.in_(roles))):
            officer.valid_until = TODAY


def deputise(cast: Cast, principal: str, deputy: str, role: Role) -> None:
    with cast.database.writing() as session:
        session.add(
            Deputy(
                principal_id=cast.people[principal], role=role, deputy_id=cast.people[deputy], valid_from=TODAY,
                valid_until=TODAY + timedelta(days=9), named_at=NOW, accepted_at=NOW,
                accepted_by_id=cast.people["ciso"],
            )
        )  # fmt: skip


def refusals(office: Office) -> list[tuple[str, str | None, str]]:
    with office.database.reading() as session:
        found = session.scalars(select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED))
        return [(record.action, record.code, record.object_id) for record in found]


def refused(office: Office, answer: TestResponse, code: str, request_id: int, status: int = 409) -> str:
    """The page of a refusal: its status, its code, a way on; and the refusal is in the audit record."""
    assert answer.status_code == status, answer.text
    assert f'<span class="code">{code}</span>' in answer.text
    assert f'href="/requests/{request_id}"' in answer.text
    assert refusals(office)[-1] == ("request.decide", code, str(request_id))
    return answer.text
