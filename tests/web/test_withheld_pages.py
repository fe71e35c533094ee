"""A form sent by somebody whom it is not for shows them nothing of its page, whatever is wrong with what they typed."""

import pytest
from sqlalchemy import select

from idm.models.audit import AuditRecord
from tests.web.office import Office

MISTYPED = {
    "/batches": {"day": "2026-04-01", "reason": ""},
    "/deputies": {"role": "nobody"},
    "/hr/uploads": {"feed": ""},
    "/outside/contracts": {"number": ""},
    "/work-orders/confirmations": {},
}  # fmt: skip


@pytest.mark.asvs("8.2.1", "8.2.3", "16.3.2")
@pytest.mark.parametrize("path", MISTYPED)
def test_no_page_comes_back_with_ones_mistakes_and_the_refusal_is_on_record(office: Office, path: str) -> None:
    answer = office.browser("staff").send(path, MISTYPED[path])
    assert answer.status_code == 403
    assert "権限がありません" in answer.text
    assert "<form" not in answer.text.partition("<main")[2].partition("</main>")[0]
    with office.database.reading() as session:
        last = session.scalars(select(AuditRecord).order_by(AuditRecord.id.desc()).limit(1)).one()
        assert (last.actor_id, last.code) == (office.cast.people["staff"], "NOT-PERMITTED")


def test_whom_it_is_for_is_told_of_their_mistakes(office: Office) -> None:
    assert office.browser("hr").send("/hr/uploads", {"feed": ""}).status_code == 422
