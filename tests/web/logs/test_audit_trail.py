"""The audit record on its pages, and its verification."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from idm import audit
from idm.keys.signing import load_or_create_key
from idm.models.audit import AuditRecord
from tests.cast import NOW
from tests.web.office import Office
from web.current import EXTENSION, Site
from web.logs.audit_words import ACTORS, DONE, GROUPS, OBJECTS, TRIED

ROOT = Path(__file__).parents[3]
VERB = re.compile(
    r'(?:action=|attempted=|act\(|_record\w*\(session, |record_grant\(session, )f?"([a-z_]+\.[a-z_{.}]+)"'
)
JOB = re.compile(r'Actor\.job\("([^"]+)"')
KIND = re.compile(r'obj=\("([a-z_]+)"')


def seal(office: Office) -> None:
    """Everything so far is chained and signed, and the signature kept in the file of the settings."""
    site: Site = office.app.extensions[EXTENSION]
    with office.database.writing() as session:
        audit.seal(session, now=NOW)
    with office.database.writing() as session:
        audit.checkpoint(session, load_or_create_key(site.settings.secrets_dir), now=NOW)
    with office.database.reading() as session:
        audit.append_missing(session, site.settings.checkpoint_file)


@pytest.mark.parametrize("path", ["/audit", "/audit/1", "/audit/verification"])
@pytest.mark.parametrize("who", ["staff", "hr", "desk", "system"])
def test_for_those_who_may_not_see_the_record_there_is_no_page(office: Office, path: str, who: str) -> None:
    assert office.browser(who).open(path).status_code == 404


def test_nobody_else_starts_a_verification(office: Office) -> None:
    assert office.browser("staff").send("/audit/verification", {}).status_code == 404


def test_acts_and_refusals_are_listed(office: Office) -> None:
    request_id = office.cast.file("staff", ("staff", "ledger/account"))
    office.browser("staff").send("/handovers", {"account_id": 1})
    page = office.browser("auditor").page("/audit")
    assert "申請を提出" in page
    assert f'申請 <span class="code">{request_id}</span>' in page
    refused = office.browser("auditor").page("/audit?refused=1")
    assert "仮パスワードの交付の開始" in refused
    assert "NOT-PERMITTED" in refused
    assert "申請を提出</td>" not in refused


def test_records_are_found_by_who_acted(office: Office) -> None:
    office.cast.file("staff", ("staff", "ledger/account"))
    browser = office.browser("auditor")
    for address in ("/audit?who=100009", "/audit?who=あおき", f"/audit?actor={office.cast.people['staff']}"):
        page = browser.page(address)
        assert "申請を提出" in page
        assert "職による就任</td>" not in page


def test_a_name_that_fits_several_asks_which(office: Office) -> None:
    page = office.browser("auditor").page("/audit?who=10000&refused=1")
    assert "どの人の操作ですか" in page
    assert f"actor={office.cast.people['ciso']}" in page
    assert "refused=1" in page


def test_a_name_that_fits_nobody_and_days_that_are_none_are_told(office: Office) -> None:
    page = office.browser("auditor").page("/audit?who=だれでもない&first_day=きのう")
    assert "に当たる職員はいません" in page
    assert "日付として読めません" in page


def test_records_are_found_by_object_action_and_day(office: Office) -> None:
    request_id = office.cast.file("staff", ("staff", "ledger/account"))
    office.cast.file("other", ("other", "ledger/account"), now=NOW + timedelta(days=1))
    browser = office.browser("auditor")
    of_one = browser.page(f"/audit?kind=request&object={request_id}&action=request")
    assert of_one.count("申請を提出</td>") == 1
    assert browser.page("/audit?action=request&last_day=令和8年4月1日").count("申請を提出</td>") == 1
    assert browser.page("/audit?action=request&first_day=2026-04-02").count("申請を提出</td>") == 1


def test_a_long_record_goes_on_by_its_cursor(office: Office) -> None:
    with office.database.writing() as session:
        for number in range(60):
            audit.record(session, action="test.acted", actor=office.cast.actor("hr"), obj=("test", number), now=NOW)
    browser = office.browser("auditor")
    first = browser.page("/audit?action=test")
    older = re.search(r'href="(/audit\?action=test&amp;older=\d+)"', first)
    assert first.count("test.acted</td>") == 50
    assert older is not None
    assert browser.page(older[1].replace("&amp;", "&")).count("test.acted</td>") == 10


def test_a_record_shows_the_text_that_was_hashed(office: Office) -> None:
    office.cast.file("staff", ("staff", "ledger/account"))
    seal(office)
    with office.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "request.submitted")).one()
    page = office.browser("auditor").page(f"/audit/{record.id}")
    assert record.payload is not None
    assert record.payload.replace('"', "&#34;") in page
    assert record.payload_hash in page
    assert "鎖のハッシュ" in page


def test_a_record_that_is_not_there_is_not_found(office: Office) -> None:
    assert office.browser("auditor").open("/audit/99999").status_code == 404


def test_looking_at_the_verification_verifies_nothing(office: Office) -> None:
    page = office.browser("auditor").page("/audit/verification")
    assert "audit-checkpoints.jsonl" in page
    assert "監査人が持つ控え" in page
    assert "誤りは見つかりませんでした" not in page


def test_a_sound_record_verifies_and_nothing_is_kept(office: Office) -> None:
    browser = office.browser("auditor")
    seal(office)
    before = office.rows()
    page = browser.send("/audit/verification", {}).text
    assert "誤りは見つかりませんでした" in page
    assert office.rows() == before


def test_a_record_that_was_changed_is_named(office: Office) -> None:
    browser = office.browser("auditor")
    seal(office)
    with office.database.writing() as session:
        session.execute(text("DROP TRIGGER audit_records_no_update"))
        session.execute(text("UPDATE audit_records SET actor = 'nobody' WHERE id = 1"))
    page = browser.send("/audit/verification", {}).text
    assert "最初の誤りを見つけました" in page
    assert "記録：1" in page


def test_without_a_key_it_says_that_nothing_could_be_verified(office: Office) -> None:
    answer = office.browser("auditor").send("/audit/verification", {})
    assert answer.status_code == 409
    assert "検証できませんでした" in answer.text


def test_without_a_copy_elsewhere_it_says_what_cannot_be_seen(office: Office) -> None:
    browser = office.browser("auditor")
    seal(office)
    (office.app.extensions[EXTENSION].settings.checkpoint_file).unlink()
    assert "控えがない" in browser.send("/audit/verification", {}).text


def test_every_verb_of_the_product_has_a_title() -> None:
    verbs, kinds = set(), set()
    for folder in ("idm", "jobs", "web"):
        for file in (ROOT / folder).rglob("*.py"):
            source = file.read_text(encoding="utf-8")
            verbs |= set(VERB.findall(source))
            kinds |= set(KIND.findall(source))
    spelled = {verb for verb in verbs if "{" not in verb}
    assert len(spelled) > 40
    assert spelled - DONE.keys() - TRIED.keys() == set()
    assert {verb.partition(".")[0] for verb in verbs} - GROUPS.keys() == set()
    assert kinds - OBJECTS.keys() == set()


def test_every_job_that_acts_has_a_title() -> None:
    jobs = {
        label
        for folder in ("idm", "jobs", "web")
        for file in (ROOT / folder).rglob("*.py")
        for label in JOB.findall(file.read_text(encoding="utf-8"))
    }
    assert len(jobs) > 20
    assert jobs - ACTORS.keys() == set()


def test_no_act_of_the_cast_is_without_a_title(office: Office) -> None:
    office.cast.approve(office.cast.file("staff", ("staff", "ledger/account")))
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AuditRecord))
        actions = set(session.scalars(select(AuditRecord.action)))
    assert actions - DONE.keys() == set()
