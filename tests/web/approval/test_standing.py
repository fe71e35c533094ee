"""The pages of standing approvals: off, proposing, approving, the uses of one, and its end."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.requests import Request
from idm.operations.governance import configuration
from idm.operations.governance.configuration_text import canonical_text
from idm.policy_file import shipped_profile
from idm.queries.governance.configuration import policy_in_force
from idm.vocabulary import ConfigurationKind
from tests.cast import NOW, TODAY, Cast
from tests.standing_office import RULE, follow, leave_post, personnel_draft, proposed, standing_now, use
from tests.web.office import Office

TEXT = shipped_profile("fukuoka").replace('[standing]\nrule = ""', f'[standing]\nrule = "{RULE}"')


@pytest.fixture
def allowing(office: Office) -> Office:
    """The office under a profile, accepted by a second person, that cites a rule."""
    cast = office.cast
    with cast.acting("security") as session:
        text = canonical_text(ConfigurationKind.PROFILE, "fukuoka", TEXT)
        made = configuration.propose(session, text, reason="規程の改正", actor=cast.actor("security"), now=NOW).id
    with cast.acting("ciso") as session:
        configuration.accept(session, made, actor=cast.actor("ciso"), now=NOW)
    with cast.database.reading() as session:
        office.cast = replace(cast, policy=policy_in_force(session, now=NOW))
    assert office.cast.policy.standing.rule == RULE
    return office


def propose(office: Office) -> str:
    """The address of a proposal that HR made on the page."""
    hr = office.browser("hr")
    page = hr.page("/standing/new?system=1")
    answer = hr.send_on(page, "/standing", {"reason": "異動の時期に滞らせないため"})
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def approve(office: Office, who: str, address: str) -> str:
    """What the page says after `who` approved on it."""
    browser = office.browser(who)
    answer = browser.send_on(browser.page(address), f"{address}/approval", {})
    return browser.follow(answer)


def in_force(office: Office) -> str:
    """The address of one that both seats approved."""
    address = propose(office)
    approve(office, "chief", address)
    approve(office, "system", address)
    return address


def refusals(office: Office) -> list[tuple[str, str | None]]:
    with office.database.reading() as session:
        found = session.scalars(select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED))
        return [(record.action, record.code) for record in found]


# --- off -------------------------------------------------------------------------------------------------------------


def test_by_default_the_page_says_which_key_must_cite_a_rule(office: Office) -> None:
    page = office.browser("hr").page("/standing")
    assert "包括承認は使われていません" in page
    assert "standing.rule" in page
    assert "/standing/new" not in page


def test_by_default_nothing_can_be_proposed(office: Office) -> None:
    hr = office.browser("hr")
    assert hr.open("/standing/new?system=1").status_code == 403
    assert hr.send("/standing", {"system": 1, "reason": "x"}).status_code == 403
    assert refusals(office) == [("standing.propose", "NOT-PERMITTED")]


def test_for_staff_there_are_no_pages(allowing: Office) -> None:
    address = propose(allowing)
    staff = allowing.browser("staff")
    assert [staff.open(path).status_code for path in ("/standing", "/standing/new?system=1", address)] == [404] * 3


# --- proposing and approving -----------------------------------------------------------------------------------------


def test_the_proposal_shows_what_it_covers_and_what_not_and_why(allowing: Office) -> None:
    page = allowing.browser("hr").page("/standing/new?system=1")
    covered, not_covered = page.split("対象にならない権限", maxsplit=1)
    assert "伝票入力" in covered
    assert "システム管理" not in covered
    assert "特権です" in not_covered
    assert "職から決まる権限ではありません" in not_covered
    assert RULE in page


def test_only_systems_that_may_have_one_are_offered(allowing: Office) -> None:
    page = allowing.browser("hr").page("/standing")
    assert "会計システム" in page
    assert "年金システム" not in page


def test_a_proposal_without_a_reason_is_told_at_its_field(allowing: Office) -> None:
    hr = allowing.browser("hr")
    answer = hr.send("/standing", {"system": 1, "reason": " "})
    assert answer.status_code == 422
    assert 'href="#reason"' in answer.text


def test_both_seats_approve_on_the_page_and_it_is_in_force(allowing: Office) -> None:
    address = propose(allowing)
    assert "もう一つの職の承認を待っています" in approve(allowing, "system", address)
    page = approve(allowing, "chief", address)
    assert "効力が生じました" in page
    assert "天神　太郎" in page
    assert "箱崎　花子" in page


def test_the_approval_is_offered_to_the_seats_only(allowing: Office) -> None:
    address = propose(allowing)
    for who in ("hr", "ciso", "security", "auditor"):
        assert "この内容を承認する" not in allowing.browser(who).page(address)
    assert "この内容を承認する" in allowing.browser("chief").page(address)


def test_opening_the_page_approves_nothing(allowing: Office) -> None:
    address = propose(allowing)
    before = allowing.rows()["standing_approvals"], standing_now(allowing.cast, 1).chief_id
    allowing.browser("chief").page(address)
    assert (allowing.rows()["standing_approvals"], standing_now(allowing.cast, 1).chief_id) == before == (1, None)


def test_an_approval_of_something_else_than_shown_is_refused(allowing: Office) -> None:
    address = propose(allowing)
    answer = allowing.browser("chief").send(f"{address}/approval", {"shown_digest": "0" * 64})
    assert answer.status_code == 409
    assert refusals(allowing) == [("standing.approve", "CONTENT-CHANGED")]


def test_who_is_not_seated_is_refused_and_that_is_recorded(allowing: Office) -> None:
    address = propose(allowing)
    page = allowing.browser("chief").page(address)
    digest = page.split('name="shown_digest" value="')[1].split('"')[0]
    answer = allowing.browser("security").send(f"{address}/approval", {"shown_digest": digest})
    assert answer.status_code == 403
    assert refusals(allowing) == [("standing.approve", "NOT-SEATED")]


def test_a_seat_refuses_with_a_reason(allowing: Office) -> None:
    address = propose(allowing)
    chief = allowing.browser("chief")
    empty = chief.send(f"{address}/refusal", {"refusal_reason": ""})
    assert empty.status_code == 422
    assert 'href="#refusal_reason"' in empty.text
    page = chief.follow(chief.send(f"{address}/refusal", {"refusal_reason": "対象が広すぎる"}))
    assert "却下（天神　太郎）：対象が広すぎる" in page


# --- uses ------------------------------------------------------------------------------------------------------------


def used(office: Office) -> int:
    """The id of an application that the standing approval in force approved."""
    draft = personnel_draft(office.cast)
    assert use(office.cast, draft) == [draft]
    return draft


def test_the_uses_stand_on_its_page_with_a_link_to_each_application(allowing: Office) -> None:
    address = in_force(allowing)
    request_id = used(allowing)
    page = allowing.browser("system").page(address)
    assert "使われた申請（1件）" in page
    assert f'href="/requests/{request_id}"' in page
    assert "青木" not in page


@pytest.mark.parametrize("path", ["/requests/{}", "/requests/{}/print"])
def test_the_application_names_the_standing_approval_the_use_and_both_approvers(allowing: Office, path: str) -> None:
    in_force(allowing)
    page = allowing.browser("hr").page(path.format(used(allowing)))
    assert "包括承認 第1号による（1回目）" in page
    for name in ("天神　太郎 が承認", "箱崎　花子 が承認"):
        assert name in page
    assert RULE in page


def test_the_course_of_the_application_tells_it(allowing: Office) -> None:
    in_force(allowing)
    assert "包括承認により承認しました" in allowing.browser("hr").page(f"/requests/{used(allowing)}")


def test_the_approver_who_sees_only_own_applications_opens_the_one_they_answer_for(allowing: Office) -> None:
    """The notice of a use has a link to it."""
    in_force(allowing)
    request_id = used(allowing)
    assert allowing.browser("system").open(f"/requests/{request_id}").status_code == 200
    assert allowing.browser("other").open(f"/requests/{request_id}").status_code == 404


def test_the_subject_reads_how_it_was_decided_without_a_link_to_a_page_they_may_not_see(allowing: Office) -> None:
    in_force(allowing)
    page = allowing.browser("staff").page(f"/requests/{used(allowing)}")
    assert "包括承認 第1号による（1回目）" in page
    assert 'href="/standing' not in page


def test_a_decided_application_says_nothing_of_standing_approvals(allowing: Office) -> None:
    request_id = allowing.cast.file("staff", ("staff", "ledger/account"))
    allowing.cast.approve(request_id)
    assert "包括承認 第" not in allowing.browser("hr").page(f"/requests/{request_id}")


# --- the end ---------------------------------------------------------------------------------------------------------


def test_an_approver_ends_it_on_its_page(allowing: Office) -> None:
    address = in_force(allowing)
    system = allowing.browser("system")
    assert system.send(f"{address}/end", {"end_reason": ""}).status_code == 422
    page = system.follow(system.send(f"{address}/end", {"end_reason": "運用を見直すため"}))
    assert "箱崎　花子が終了：運用を見直すため" in page
    assert use(allowing.cast, personnel_draft(allowing.cast)) == []


def test_the_end_is_not_offered_to_others_and_refused(allowing: Office) -> None:
    address = in_force(allowing)
    auditor = allowing.browser("auditor")
    assert "包括承認を終わらせる" not in auditor.page(address)
    assert auditor.send(f"{address}/end", {"end_reason": "x"}).status_code == 403


def test_one_that_will_lapse_says_its_last_day(allowing: Office) -> None:
    address = in_force(allowing)
    leave_post(allowing.cast, "chief", TODAY)
    follow(allowing.cast)
    assert "令和8年4月30日（木）まで" in allowing.browser("hr").page(address)
    assert "まもなく失効" in allowing.browser("hr").page("/standing")


def test_a_proposal_is_visible_to_the_one_who_made_it_after_leaving_hr(allowing: Office) -> None:
    cast: Cast = allowing.cast
    address = f"/standing/{proposed(cast)}"
    leave_post(cast, "hr", TODAY)
    assert allowing.browser("hr").open(address).status_code == 200
    with cast.database.reading() as session:
        assert session.scalars(select(Request)).all() == []
