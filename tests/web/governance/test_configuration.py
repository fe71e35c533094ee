"""Versions of the configuration: proposed by one, compared, accepted or refused by another."""

from io import BytesIO

import pytest
from sqlalchemy import select

from idm.models.audit import AuditOutcome, AuditRecord
from idm.models.officers import Officer
from idm.models.systems import InformationSystem
from idm.policy_file import shipped_profile
from idm.queries.governance.configuration import policy_in_force
from idm.vocabulary import Role
from tests import cast as small_office
from tests.web.office import Browser, Office, token_in

PROFILE = shipped_profile("fukuoka")
LONGER = PROFILE.replace("unused_days = 90", "unused_days = 120")
FORM = "/configuration/proposals/new"


def propose(browser: Browser, content: str, *, kind: str = "profile", name: str = "fukuoka", reason: str = "監査の指摘",
            file: bytes | None = None) -> tuple[int, str, str]:  # fmt: skip
    """Status, text and the address it leads to."""
    token = token_in(browser.page(FORM))
    data: dict[str, object] = {"csrf_token": token, "kind": kind, "name": name, "content": content, "reason": reason}
    if file is not None:
        data["file"] = (BytesIO(file), "fukuoka.toml")
    answer = browser.client.post("/configuration/proposals", data=data, content_type="multipart/form-data")
    return answer.status_code, answer.text, answer.headers.get("Location", "")


def proposed(office: Office) -> str:
    """The address of a proposal by 香椎."""
    return propose(office.browser("security"), LONGER)[2]


def unused_days(office: Office) -> int:
    """What the profile in force says."""
    with office.database.reading() as session:
        return policy_in_force(session, now=office.now).dormancy.times.unused_days


@pytest.mark.parametrize("path", ["/configuration", "/configuration/profile", "/configuration/versions/1", FORM])
@pytest.mark.parametrize("who", ["staff", "hr", "desk", "system"])
def test_for_those_who_do_not_govern_there_is_no_page(office: Office, path: str, who: str) -> None:
    assert office.browser(who).open(path).status_code == 404


def test_versions_are_listed_with_who_and_why(office: Office) -> None:
    page = office.browser("auditor").page("/configuration")
    assert "対策基準のプロファイル" in page
    assert "最初の記録" in page


def test_the_form_is_for_the_proposer_only(office: Office) -> None:
    assert office.browser("ciso").open(FORM).status_code == 404
    assert "変更を提案する" not in office.browser("ciso").page("/configuration")


def test_a_proposal_shows_old_and_new_line_with_words(office: Office) -> None:
    page = office.browser("ciso").page(proposed(office))
    assert "－ 削除" in page
    assert "<del>dormancy.times.unused_days = 90  # 6-2(2)③</del>" in page
    assert "＋ 追加" in page
    assert "<ins>dormancy.times.unused_days = 120  # 6-2(2)③</ins>" in page
    assert unused_days(office) == 90


def test_the_ciso_accepts_and_the_version_is_in_force(office: Office) -> None:
    address = proposed(office)
    browser = office.browser("ciso")
    page = browser.follow(browser.send(f"{address}/acceptance", {}))
    assert "適用中" in page
    assert "大濠　公子" in page
    assert unused_days(office) == 120


def test_the_ciso_refuses_and_nothing_changes(office: Office) -> None:
    address = proposed(office)
    browser = office.browser("ciso")
    assert "却下" in browser.follow(browser.send(f"{address}/refusal", {}))
    assert browser.send(f"{address}/acceptance", {}).status_code == 409
    assert unused_days(office) == 90


def test_nobody_accepts_their_own_proposal(office: Office) -> None:
    address = proposed(office)
    make_ciso(office, "security")
    browser = office.browser("security")
    assert "承認は別の人が行います" in browser.page(address)
    answer = browser.send(f"{address}/acceptance", {})
    assert answer.status_code == 409
    assert "SOD-1" in answer.text
    assert unused_days(office) == 90


def make_ciso(office: Office, who: str) -> None:
    """Also the CISO, by the first record."""
    with office.database.writing() as session:
        first = session.scalars(select(Officer.first_record_id)).first()
        session.add(
            Officer(
                role=Role.CISO, person_id=office.cast.people[who], valid_from=small_office.TODAY,
                first_record_id=first,
            )
        )  # fmt: skip


@pytest.mark.parametrize("who", ["auditor", "chief", "staff"])
def test_nobody_but_the_ciso_accepts_and_the_attempt_is_on_record(office: Office, who: str) -> None:
    address = proposed(office)
    assert office.browser(who).send(f"{address}/acceptance", {}).status_code == 403
    with office.database.reading() as session:
        refused = session.scalars(select(AuditRecord).where(AuditRecord.outcome == AuditOutcome.REFUSED)).all()
    assert [(record.action, record.code) for record in refused] == [("configuration.accept", "NOT-PERMITTED")]


def test_every_mistake_of_a_profile_is_listed_and_nothing_typed_is_lost(office: Office) -> None:
    wrong = PROFILE.replace("unused_days = 90", 'unused_days = "ninety"').replace("attempts = 5", "atempts = 5")
    status, page, _ = propose(office.browser("security"), wrong, reason="ためし")
    assert status == 422
    assert "dormancy.times.unused_days" in page
    assert "sign_in.atempts" in page
    assert "sign_in.attempts" in page
    assert "unused_days = &#34;ninety&#34;" in page
    assert "ためし" in page


def test_a_text_that_is_no_toml_names_the_line(office: Office) -> None:
    status, page, _ = propose(office.browser("security"), "title = \n")
    assert status == 422
    assert "TOML として読めません" in page
    assert "line 1" in page


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"reason": " "}, "理由を書いてください"),
        ({"name": "../fukuoka"}, "半角の英小文字"),
        ({"kind": "nonsense"}, "種類を選んでください"),
        ({"content": " "}, "ファイルを選ぶか、内容を貼り付けてください"),
    ],
)
def test_what_is_missing_is_told(office: Office, change: dict[str, str], told: str) -> None:
    fields = {"kind": "profile", "name": "fukuoka", "content": LONGER, "reason": "ためし", **change}
    status, page, _ = propose(
        office.browser("security"), fields["content"], kind=fields["kind"], name=fields["name"], reason=fields["reason"]
    )
    assert status == 422
    assert told in page


def test_a_file_is_taken_before_the_field(office: Office) -> None:
    status, _, address = propose(office.browser("security"), "", file=b"\xef\xbb\xbf" + LONGER.encode())
    assert status == 302
    assert "unused_days = 120" in office.browser("ciso").page(address)


def test_a_file_in_another_encoding_is_refused_with_its_reason(office: Office) -> None:
    status, page, _ = propose(office.browser("security"), "", file="タイトル".encode("cp932"))
    assert status == 422
    assert "UTF-8" in page


def test_an_organisation_that_cannot_take_effect_says_why(office: Office) -> None:
    text = organisation().replace('kind = "group", group = "ledger-enter"', 'kind = "group", group = "other-group"')
    _, _, address = propose(office.browser("security"), text, kind="organisation", name="small")
    answer = office.browser("ciso").send(f"{address}/acceptance", {})
    assert answer.status_code == 422
    assert "systems.ledger.enter" in answer.text


def test_an_accepted_organisation_changes_the_register(office: Office) -> None:
    text = organisation().replace('name = "年金システム"', 'name = "新年金システム"')
    _, _, address = propose(office.browser("security"), text, kind="organisation", name="small")
    browser = office.browser("ciso")
    browser.follow(browser.send(f"{address}/acceptance", {}))
    with office.database.reading() as session:
        names = set(session.scalars(select(InformationSystem.name)))
    assert "新年金システム" in names


def organisation() -> str:
    return f"first_officers = []\n{small_office.ORGANISATION}"


def test_the_profile_page_shows_each_value_with_its_file_and_clause(office: Office) -> None:
    page = office.browser("auditor").page("/configuration/profile")
    assert "dormancy.times.unused_days" in page
    assert "fukuoka.toml" in page
    assert "6-2(2)③" in page


def test_somebody_without_the_role_proposes_nothing(office: Office) -> None:
    browser = office.browser("ciso")
    answer = browser.send("/configuration/proposals", {"kind": "profile", "name": "fukuoka", "content": "title ="})
    assert answer.status_code == 403
