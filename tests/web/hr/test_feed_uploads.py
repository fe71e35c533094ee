"""A personnel file from the browser: shown first, applied as it was shown, in one's own name, or not at all."""

import csv
import io
from datetime import timedelta
from itertools import islice

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.feeds import FeedRun, FeedSource, UploadedFeed, UploadState
from idm.models.people import Employment, Person
from idm.models.safety import PlannedBatch
from idm.models.work import MailMessage
from idm.operations.hr import feed_uploads
from idm.settings import Settings
from jobs.hr import feed_uploads as jobs_feed_uploads
from jobs.installation import Installation
from tests.feed.damage import damaged
from tests.feed_office import LEAVING, add_feed, everyone_leaves, sample, sheet
from tests.web.office import Browser, Office, token_in
from web.hr.feed_uploads import ROWS_SHOWN
from web.security import FORM_BYTES


@pytest.fixture
def office(office: Office) -> Office:
    """The cast's office with a feed."""
    add_feed(office.database)
    return office


def upload(browser: Browser, data: bytes, *, as_of: str = "2026-04-01", feed: str = "aoba") -> TestResponse:
    """The answer to the form with this file."""
    token = token_in(browser.client.get("/").text)
    file = FileStorage(io.BytesIO(data), filename="staff.csv")
    boundary, body = encode_multipart({"feed": feed, "as_of": as_of, "csrf_token": token, "file": file})
    kind = f"multipart/form-data; boundary={boundary}"
    return browser.client.post("/hr/uploads", data=body, content_type=kind)


def uploaded(browser: Browser, data: bytes, *, as_of: str = "2026-04-01") -> str:
    """The address of the preview."""
    answer = upload(browser, data, as_of=as_of)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def apply(browser: Browser, data: bytes, *, as_of: str = "2026-04-01") -> TestResponse:
    """The answer to the confirmation of a file that was shown."""
    path = uploaded(browser, data, as_of=as_of)
    return browser.send_on(browser.page(path), f"{path}/confirmation", {})


def runs(office: Office) -> list[FeedRun]:
    with office.database.reading() as session:
        return list(session.scalars(select(FeedRun).order_by(FeedRun.id)))


def states(office: Office) -> list[tuple[UploadState, bool]]:
    """Of every upload: its state, and whether its content is still there."""
    with office.database.reading() as session:
        return [(one.state, one.content is not None) for one in session.scalars(select(UploadedFeed))]


def subjects(office: Office) -> list[str]:
    with office.database.reading() as session:
        return [s for s in session.scalars(select(MailMessage.subject)) if "【人事データ】" in s]


def test_a_file_is_shown_before_anything_happens(office: Office) -> None:
    browser = office.browser("hr")
    path = uploaded(browser, sample())
    before = office.rows()
    page = browser.page(path)
    names = {row[sheet().column("氏名")] for row in sheet().rows}
    assert [name for name in names if name not in page] == []
    assert "自分の名前で取り込む" in page
    assert office.rows() == before
    assert (runs(office), states(office)) == ([], [(UploadState.WAITING, True)])


@pytest.mark.asvs("8.2.3", "15.3.1")
def test_a_preview_shows_no_birth_date(office: Office) -> None:
    browser = office.browser("hr")
    path = uploaded(browser, sample())
    births = {row[sheet().column("生年月日")] for row in sheet().rows} - {""}
    shown = browser.page(path) + browser.open(f"{path}/joiners.csv").text
    assert len(births) > 3
    assert [birth for birth in births if birth in shown] == []


def test_confirming_applies_the_file_in_the_name_of_the_person_and_empties_it(office: Office) -> None:
    browser = office.browser("hr")
    page = browser.follow(apply(browser, sample()))
    assert "取り込みました（第1回）" in page
    (run,) = runs(office)
    assert (run.source, run.row_count) == (FeedSource.UPLOAD, 6)
    assert states(office) == [(UploadState.APPLIED, False)]
    assert len(subjects(office)) == 1
    with office.database.reading() as session:
        acts = {record.action: record.actor for record in session.scalars(select(AuditRecord))}
    assert {acts["feed.applied"], acts["feed.uploaded"], acts["feed.confirmed"]} == {"薬院　大通"}


def test_a_plan_that_changed_since_it_was_shown_is_shown_again_and_not_applied(office: Office) -> None:
    browser = office.browser("hr")
    path = uploaded(browser, sample(6))
    shown = browser.page(path)
    apply(browser, sample(5))
    answer = browser.send_on(shown, f"{path}/confirmation", {})
    assert answer.status_code == 409
    assert "表示した後に" in answer.text
    assert len(runs(office)) == 1
    assert browser.send_on(answer.text, f"{path}/confirmation", {}).status_code == 302
    assert [run.row_count for run in runs(office)] == [5, 6]


def test_the_bytes_that_were_received_are_those_that_are_applied(office: Office) -> None:
    browser = office.browser("hr")
    path = uploaded(browser, sample(6))
    shown = browser.page(path)
    with office.database.writing() as session:
        session.scalars(select(UploadedFeed)).one().content = sample(5)
    assert browser.open(path).status_code == 409
    assert browser.send_on(shown, f"{path}/confirmation", {}).status_code == 409
    assert runs(office) == []


def test_a_file_with_mistakes_shows_every_one_and_offers_no_confirmation(office: Office) -> None:
    browser = office.browser("hr")
    found = next(one for one in damaged() if one.kind == "empty" and one.feed == "aoba")
    assert upload(browser, found.data).status_code == 422
    broken = sample().replace("正規".encode("cp932"), b"??").replace(b"6\r\n", b"7\r\n")
    path = uploaded(browser, broken[:-30])
    answer = browser.open(path)
    assert answer.status_code == 422
    assert "誤りの一覧" in answer.text
    assert "自分の名前で取り込む" not in answer.text
    assert browser.send(f"{path}/confirmation", {"shown": "x"}).status_code == 422
    assert runs(office) == []
    assert any("受け付けませんでした" in subject for subject in subjects(office))


def test_no_damaged_file_is_a_fault_of_the_page(office: Office) -> None:
    browser = office.browser("hr")
    for one in islice(damaged(), 0, 130, 17):
        if one.data:
            answer = browser.open(uploaded(browser, one.data))
            assert answer.status_code in (200, 422), one.name
            assert "123456789012" not in answer.text, one.name


def test_beyond_the_limits_the_exact_list_is_planned_permitted_and_then_applied(office: Office) -> None:
    browser = office.browser("hr")
    apply(browser, sample())
    path = uploaded(browser, everyone_leaves())
    page = browser.page(path)
    assert "上限を超えるため" in page
    assert "自分の名前で取り込む" not in page
    refused = browser.send_on(page, f"{path}/confirmation", {})
    assert refused.status_code == 409
    assert "SAFETY-LIMIT" in refused.text
    assert any("上限を超えるため止めました" in subject for subject in subjects(office))
    assert browser.send_on(page, f"{path}/batch", {"reason": " "}).status_code == 422
    planned = browser.send_on(page, f"{path}/batch", {"reason": "組織の廃止"})
    assert planned.status_code == 302
    with office.database.writing() as session:
        batch = session.scalars(select(PlannedBatch)).one()
        assert {item.staff_number for item in batch.items} == {row[0] for row in sheet().rows}
        batch.approved_at, batch.approved_by_id = office.now, office.cast.people["chief"]
    browser.follow(browser.send_on(browser.page(path), f"{path}/confirmation", {}))
    assert runs(office)[-1].batch_id == batch.id


def test_a_batch_is_not_planned_for_a_list_that_was_not_shown(office: Office) -> None:
    browser = office.browser("hr")
    apply(browser, sample())
    path = uploaded(browser, everyone_leaves())
    answer = browser.send_on(browser.page(path), f"{path}/batch", {"reason": "廃止", "shown": "0" * 64})
    assert answer.status_code == 409
    with office.database.reading() as session:
        assert session.scalars(select(PlannedBatch)).all() == []


def test_discarding_empties_the_file_and_changes_nothing(office: Office) -> None:
    browser = office.browser("hr")
    path = uploaded(browser, sample())
    shown = browser.page(path)
    browser.follow(browser.send_on(shown, f"{path}/discard", {}))
    assert (states(office), runs(office)) == ([(UploadState.DISCARDED, False)], [])
    assert browser.send_on(shown, f"{path}/confirmation", {}).status_code == 409


def test_after_a_day_an_upload_is_refused_and_emptied(office: Office) -> None:
    path = uploaded(office.browser("hr"), sample())
    shown = office.browser("hr").page(path)
    office.pass_by(hours=24)
    browser = office.browser("hr")
    assert browser.open(path).status_code == 409
    fresh = {"csrf_token": token_in(browser.page("/")), "shown": shown.partition('name="shown" value="')[2][:64]}
    assert browser.client.post(f"{path}/confirmation", data=fresh).status_code == 409
    assert runs(office) == []
    installation = Installation(Settings(database_url=office.database.url), office.database, lambda: office.now)
    assert [jobs_feed_uploads.empty_expired(installation) for _ in range(2)] == [1, 0]
    assert states(office) == [(UploadState.DISCARDED, False)]


@pytest.mark.asvs("8.2.1")
@pytest.mark.parametrize("who", ["staff", "ciso", "auditor", "security"])
def test_nobody_but_hr_sends_sees_or_confirms_a_file(office: Office, who: str) -> None:
    path = uploaded(office.browser("hr"), sample())
    other = office.browser(who)
    assert [other.open(page).status_code for page in ("/hr/uploads/new", path, f"{path}/joiners.csv")] == [404] * 3
    assert upload(other, sample()).status_code == 403
    for act in ("confirmation", "discard", "batch"):
        assert other.send(f"{path}/{act}", {"shown": "x", "reason": "y"}).status_code == 403
    assert (states(office), runs(office)) == ([(UploadState.WAITING, True)], [])
    with office.database.reading() as session:
        refused = session.scalars(select(AuditRecord.code).where(AuditRecord.outcome == AuditOutcome.REFUSED)).all()
    assert refused.count("NOT-PERMITTED") == 4


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"feed": "other"}, "人事ファイルの種類を選んでください"), ({"as_of": "きのう"}, "as_of"),
        ({"data": b""}, "ファイルが空です"), ({"data": b"x" * 2_000_001}, "大きすぎます"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_told_at_its_field(office: Office, fields: dict[str, str], told: str) -> None:
    browser = office.browser("hr")
    answer = upload(browser, **{"data": sample(), **fields})  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert told in answer.text
    assert states(office) == []


@pytest.mark.asvs("5.2.1")
def test_only_who_may_send_files_may_send_a_large_form(office: Office) -> None:
    large = {"content": "x" * (FORM_BYTES + 1)}
    assert upload(office.browser("hr"), large["content"].encode()).status_code == 422, "too large for this feed only"
    assert office.browser("staff").send("/hr/uploads", large).status_code == 413
    assert office.browser("hr").send("/configuration/proposals", large).status_code == 413


@pytest.mark.asvs("5.4.1")
def test_a_list_is_saved_whole(office: Office) -> None:
    browser = office.browser("hr")
    path = uploaded(browser, sample(80))
    assert browser.page(path).count('<tr><td class="breakable">0') == ROWS_SHOWN
    answer = browser.open(f"{path}/joiners.csv?filename=other.exe")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0] == ["職員番号", "氏名", "職", "採用日"]
    assert len(rows) > ROWS_SHOWN + 1
    assert {row[0] for row in rows[1:]} <= {row[0] for row in sheet(80).rows}
    named = f'attachment; filename="upload-{path.rsplit("/", 1)[-1]}-joiners.csv"'
    assert answer.headers["Content-Disposition"] == named
    assert browser.open(f"{path}/other.csv").status_code == 404


def test_the_office_sees_on_the_first_page_what_waits_and_what_the_last_file_did(office: Office) -> None:
    browser = office.browser("hr")
    apply(browser, sample())
    uploaded(browser, sample(5))
    page = browser.page("/hr")
    for shown in ("確認を待っているアップロード 1件", "staff.csv", "画面からのアップロード", "種類ごとの最新の取込み",
                  "読んだ行", "ファイルにない人"):  # fmt: skip
        assert shown in page or shown == "ファイルにない人", shown
    assert "確認を待っているアップロード" not in office.browser("ciso").page("/hr")


def test_the_same_file_again_is_told_before_and_changes_nothing(office: Office) -> None:
    browser = office.browser("hr")
    apply(browser, sample())
    path = uploaded(browser, sample())
    page = browser.page(path)
    assert "すでに取り込まれています（第1回）" in page
    browser.follow(browser.send_on(page, f"{path}/confirmation", {}))
    assert len(runs(office)) == 1
    assert states(office)[-1] == (UploadState.APPLIED, False)


def test_the_digest_names_the_plan_and_not_the_moment(office: Office) -> None:
    browser = office.browser("hr")
    path = uploaded(browser, sample())
    first = browser.page(path).partition('name="shown" value="')[2][:64]
    office.pass_by(minutes=1)
    assert browser.page(path).partition('name="shown" value="')[2][:64] == first
    with office.database.writing() as session:
        person = session.scalars(select(Person).join(Employment).where(Employment.staff_number == "100009")).one()
        person.kana = "ベツ"
    assert browser.page(path).partition('name="shown" value="')[2][:64] == first, "not about anybody in the file"
    assert timedelta(hours=24) == feed_uploads.KEPT_FOR
    assert LEAVING not in browser.page(path)
