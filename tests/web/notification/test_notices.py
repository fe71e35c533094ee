"""The pages of notices: one's own, everybody's, how one is told; and no link in any notice decides anything."""

import ast
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from idm.models.audit import AuditRecord
from idm.models.notices import NoticePreference
from idm.models.people import Person
from idm.models.requests import Request
from idm.models.work import MailMessage, MailState
from idm.operations.notification.notices import notify
from idm.request_state import RequestState
from tests.cast import NOW
from tests.web.office import Office

OPERATIONS = Path(__file__).parents[3] / "idm" / "operations"
SETTINGS = {"away_from": "", "away_last": "", "staff_number": ""}


def tell(office: Office, who: str, subject: str, **how: bool) -> None:
    """Somebody is told something."""
    with office.database.writing() as session:
        notify(session, [office.cast.people[who]], subject=subject, body="本文", link="/me", now=office.now, **how)


def refuse(office: Office) -> None:
    """The mail server has refused whatever waits."""
    with office.database.writing() as session:
        for message in session.scalars(select(MailMessage)):
            message.state, message.attempts, message.last_error = MailState.REFUSED, 1, "550 no such user"


def test_ones_own_page_shows_subject_state_and_error_and_nobody_elses(office: Office) -> None:
    tell(office, "staff", "【件名】自分の")
    tell(office, "other", "【件名】他人の")
    refuse(office)
    page = office.browser("staff").page("/notices")
    assert "【件名】自分の" in page
    assert "他人の" not in page
    assert "宛先が拒否" in page
    assert "550 no such user" in page
    assert 'href="/notices"' in office.browser("staff").page("/me")


def test_what_is_not_published_yet_is_not_on_ones_own_page(office: Office) -> None:
    with office.database.writing() as session:
        for message in notify(session, [office.cast.people["staff"]], subject="内示", body="", link="/", now=NOW):
            message.due_at = office.now.replace(year=2027)
    assert "内示" not in office.browser("staff").page("/notices")


def test_officers_see_how_every_notice_went_and_not_what_it_says(office: Office) -> None:
    tell(office, "staff", "【申請結果】青木　一郎 会計システム")
    tell(office, "other", "秘密の件名")
    refuse(office)
    page = office.browser("security").page("/notices/all?state=refused")
    assert page.count("550 no such user") == 2
    assert "【申請結果】" in page
    assert "会計システム" not in page
    assert "秘密の件名" not in page
    assert "この状態の通知はありません" in office.browser("security").page("/notices/all?state=sent")
    assert office.browser("staff").open("/notices/all").status_code == 404


def test_a_digest_and_an_absence_are_chosen_kept_and_shown(office: Office) -> None:
    staff = office.browser("staff")
    fields = {"daily": "1", "away_from": "2026-04-02", "away_last": "令和8年4月10日", "staff_number": "100010"}
    assert "保存しました" in staff.follow(staff.send("/notices/settings", fields, shown="/notices"))
    with office.database.reading() as session:
        chosen = session.get_one(NoticePreference, office.cast.people["staff"])
        assert (chosen.daily, chosen.away_from, chosen.away_until) == (True, date(2026, 4, 2), date(2026, 4, 11))
        assert chosen.told_instead_id == office.cast.people["other"]
        audited = session.scalars(select(AuditRecord).where(AuditRecord.action == "notices.chosen")).one()
    assert audited.actor_id == office.cast.people["staff"]
    page = staff.page("/notices")
    assert "今泉　二葉" in page
    assert 'value="2026-04-10"' in page
    assert "決裁はできません" in page
    assert "代決者" in page


def test_whoever_wants_no_digest_any_more_has_at_once_what_waited(office: Office) -> None:
    staff = office.browser("staff")
    staff.send("/notices/settings", {**SETTINGS, "daily": "1"}, shown="/notices")
    tell(office, "staff", "【件名】待つ")
    assert "まとめ待ち" in staff.page("/notices")
    staff.send("/notices/settings", SETTINGS, shown="/notices")
    assert "送信待ち" in staff.page("/notices")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"away_from": "2026-04-02"}, "両方"),
        ({"away_from": "2026-04-09", "away_last": "2026-04-02"}, "始まる日以後"),
        ({"away_from": "2026-03-01", "away_last": "2026-03-31"}, "終わる日が過ぎています"),
        ({"away_from": "2026-04-02", "away_last": "2028-04-02"}, "1年まで"),
        ({"staff_number": "100010"}, "不在の期間も"),
        ({"away_from": "2026-04-02", "away_last": "2026-04-03", "staff_number": "100009"}, "本人のほかの人"),
        ({"away_from": "2026-04-02", "away_last": "2026-04-03", "staff_number": "999999"}, "見つかりません"),
        ({"away_from": "きのう", "away_last": "2026-04-03"}, "away_from-error"),
    ],
)
def test_a_mistake_is_told_at_its_field_and_keeps_what_was_typed(
    office: Office, fields: dict[str, str], told: str
) -> None:
    answer = office.browser("staff").send("/notices/settings", {**SETTINGS, **fields}, shown="/notices")
    assert answer.status_code == 422
    assert told in answer.text
    assert all(f'value="{value}"' in answer.text for value in fields.values())
    with office.database.reading() as session:
        assert session.get(NoticePreference, office.cast.people["staff"]) is None


def test_somebody_without_an_address_cannot_have_the_copies(office: Office) -> None:
    with office.database.writing() as session:
        session.get_one(Person, office.cast.people["other"]).mail = None
    fields = {"away_from": "2026-04-02", "away_last": "2026-04-03", "staff_number": "100010"}
    assert (
        "メールアドレスの登録がありません"
        in office.browser("staff").send("/notices/settings", fields, shown="/notices").text
    )


def test_opening_every_link_of_every_notice_decides_nothing(office: Office) -> None:
    """Whoever has a mail, or a program that opens its links before they do, changes nothing by opening them."""
    request = office.cast.file("staff", ("staff", "ledger/account"))
    office.cast.approve(office.cast.file("other", ("other", "ledger/account")))
    keys = {person: key for key, person in office.cast.people.items()}
    with office.database.reading() as session:
        sent = {(keys[one.person_id], one.link) for one in session.scalars(select(MailMessage))}
    assert len(sent) > 3
    browsers = {who: office.browser(who) for who, _ in sent}
    before = office.rows()
    for who, link in sorted(sent):
        answer = browsers[who].open(link)
        assert answer.status_code == 200, (who, link)
    assert office.rows() == before
    with office.database.reading() as session:
        assert session.get_one(Request, request).state is RequestState.SUBMITTED
    assert office.app.test_client().get(f"/requests/{request}").status_code == 302


def links_in_the_source() -> set[str]:
    """Every address that a notice of ours can carry, with 1 for each number in it."""
    found: set[str] = set()
    for path in sorted(OPERATIONS.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = {
            target.id: node.value.value
            for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets if isinstance(target, ast.Name)
        }  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "link":
                found.add(_address(node.value, texts))
    return found - {""}


def _address(node: ast.expr, texts: Mapping[str, object]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return str(texts.get(name, ""))
        case ast.JoinedStr(values=parts):
            return "".join(_address(part, texts) for part in parts)
        case ast.FormattedValue(value=value):
            return _address(value, texts) or "1"
    return ""


def test_every_address_that_a_notice_can_carry_is_a_page_that_changes_nothing(office: Office) -> None:
    """Opened by whoever holds the most offices: what looks, only looks."""
    links = links_in_the_source()
    assert len(links) > 25, links
    office.cast.approve(office.cast.file("staff", ("staff", "ledger/account")))
    routes = office.app.url_map.bind("localhost")
    browsers = [office.browser(who) for who in ("chief", "system", "staff")]
    before = office.rows()
    for link in sorted(links):
        assert routes.match(link.partition("?")[0].partition("#")[0], method="GET"), link
        for browser in browsers:
            assert browser.open(link).status_code in {200, 302, 404}, link
    assert office.rows() == before
