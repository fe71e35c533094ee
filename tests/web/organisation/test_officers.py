"""Who holds which role; confirming a tenure; naming and accepting a deputy."""

import pytest
from sqlalchemy import select

from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.officers import Deputy, Officer
from idm.models.people import Assignment, OrganisationUnit
from idm.operations.governance.officers import follow_posts
from idm.vocabulary import Role
from tests.cast import NOW, TODAY, Cast
from tests.web.office import Office

DEPUTATION = {"role": "chief", "staff_number": "100005", "valid_from": "令和8年4月1日", "last_day": "2026-04-30"}


def take_post(cast: Cast, who: str, post: str, unit: str = "0000") -> int:
    """The id of the tenure that waits after a personnel file gave `who` this post."""
    with cast.database.writing() as session:
        found = session.scalars(select(OrganisationUnit).where(OrganisationUnit.code == unit)).one()
        employment = cast.employment(session, who)
        employment.assignments.append(Assignment(unit=found, post=post, primary=True, valid_from=TODAY))
        session.flush()
        (officer,) = follow_posts(session, policy=cast.policy, actor=cast.actor("hr"), now=NOW)
        return officer.id


def refusals(office: Office) -> list[tuple[str, str | None]]:
    with office.database.reading() as session:
        found = session.scalars(select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED))
        return [(record.action, record.code) for record in found]


def test_for_staff_there_is_no_page_of_officers(office: Office) -> None:
    assert office.browser("staff").open("/officers").status_code == 404


def test_every_role_is_shown_with_its_holder_and_record(office: Office) -> None:
    page = office.browser("auditor").page("/officers")
    assert "最高情報セキュリティ責任者（CISO）" in page
    assert "大濠　公子" in page
    assert "最初の記録" in page


def test_a_role_that_nobody_holds_is_told(office: Office) -> None:
    with office.database.writing() as session:
        employment = office.cast.employment(session, "chief")
        employment.assignments[0].valid_until = TODAY
    page = office.browser("auditor").page("/officers")
    assert "就いている人がいない役割があります" in page


def test_a_waiting_tenure_is_confirmed_by_another_head(office: Office) -> None:
    waiting = take_post(office.cast, "other", "事務局次長")
    browser = office.browser("ciso")
    assert "確認を待っている就任" in browser.page("/officers")
    page = browser.follow(browser.send(f"/officers/{waiting}/confirmation", {}))
    assert "今泉　二葉さんの「統括情報セキュリティ責任者」への就任を確認しました" in page
    assert "大濠　公子が確認" in page
    assert "確認を待っている就任" not in page


def test_nobody_confirms_their_own_tenure(office: Office) -> None:
    own = take_post(office.cast, "ciso", "事務局次長")
    browser = office.browser("ciso")
    assert "本人は確認できません" in browser.page("/officers")
    answer = browser.send(f"/officers/{own}/confirmation", {})
    assert answer.status_code == 409
    assert "SOD-2" in answer.text
    assert refusals(office) == [("officer.confirm", "SOD-2")]
    with office.database.reading() as session:
        assert session.get_one(Officer, own).confirmed_at is None


@pytest.mark.parametrize("who", ["system", "hr", "auditor", "staff"])
def test_only_heads_confirm(office: Office, who: str) -> None:
    waiting = take_post(office.cast, "other", "事務局次長")
    answer = office.browser(who).send(f"/officers/{waiting}/confirmation", {})
    assert answer.status_code == 403
    assert refusals(office) == [("officer.confirm", "NOT-PERMITTED")]


def test_a_deputy_is_named_and_accepted_by_the_ciso(office: Office) -> None:
    chief, ciso = office.browser("chief"), office.browser("ciso")
    page = chief.follow(chief.send("/deputies", DEPUTATION))
    assert "香椎　宮子さんを代決者に指名しました" in page
    page = ciso.follow(ciso.send("/deputies/1/acceptance", {}))
    assert "大濠　公子が承認" in page
    with office.database.reading() as session:
        deputy = session.get_one(Deputy, 1)
    assert (deputy.role, deputy.valid_from.isoformat(), deputy.valid_until.isoformat()) == (
        Role.CHIEF, "2026-04-01", "2026-05-01"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("valid_from", "きょう", "日付として読めません"),
        ("last_day", "2026-02-30", "暦にない日付"),
        ("last_day", "2026-03-31", "期間を直してください"),
        ("staff_number", "999999", "職員番号「999999」の職員は見つかりません"),
        ("role", "emperor", "職を選んでください"),
    ],
)
def test_a_mistake_is_told_at_its_field_and_nothing_typed_is_lost(
    office: Office, field: str, typed: str, told: str
) -> None:
    answer = office.browser("chief").send("/deputies", {**DEPUTATION, field: typed})
    assert answer.status_code == 422
    assert told in answer.text
    assert f'href="#{field}"' in answer.text
    assert 'value="令和8年4月1日"' in answer.text or field == "valid_from"


def test_nobody_names_themself(office: Office) -> None:
    answer = office.browser("chief").send("/deputies", {**DEPUTATION, "staff_number": "100003"})
    assert answer.status_code == 409
    assert "SOD-3" in answer.text


def test_only_one_who_holds_the_role_is_offered_the_form(office: Office) -> None:
    assert "代決者を指名する" in office.browser("chief").page("/officers")
    assert "代決者を指名する" not in office.browser("auditor").page("/officers")


def test_only_the_ciso_accepts_a_deputy(office: Office) -> None:
    chief = office.browser("chief")
    chief.send("/deputies", DEPUTATION)
    assert chief.send("/deputies/1/acceptance", {}).status_code == 403
