"""HR answers whose a new staff number is, and what a 外字 stands for; both take effect with the next import."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.models.audit import AuditRecord
from idm.models.feeds import GaijiMapping, HeldRow, MatchCandidate, MatchQuestion
from idm.models.people import Employment, Person
from idm.vocabulary import HeldKind
from tests.feed_office import add_feed, sample, sheet, with_name, with_row
from tests.web.hr.test_feed_uploads import apply, uploaded
from tests.web.office import Browser, Office

NEW = "009999"
SIGN = "\ue000"


@pytest.fixture
def office(office: Office) -> Office:
    """The cast's office with a feed."""
    add_feed(office.database)
    return office


def asked(office: Office) -> int:
    """Everybody has joined, and a second file brings one of them under a second number; the id of the question."""
    browser = office.browser("hr")
    assert apply(browser, sample()).status_code == 302
    assert apply(browser, with_row(職員番号=NEW)).status_code == 302
    office.pass_by(minutes=1)
    with office.database.reading() as session:
        return session.scalars(select(MatchQuestion)).one().id


def candidate(office: Office) -> int:
    with office.database.reading() as session:
        return candidate_in(session)


def candidate_in(session: Session) -> int:
    return session.scalars(select(MatchCandidate)).one().person_id


def person_of(office: Office, number: str) -> int | None:
    with office.database.reading() as session:
        return session.scalar(select(Employment.person_id).where(Employment.staff_number == number))


def answer(browser: Browser, question: int, chosen: str | int) -> str:
    """The page after the answer was looked at and given."""
    page = browser.page(f"/hr/matches/{question}/check?answer={chosen}")
    return browser.follow(browser.send_on(page, f"/hr/matches/{question}", {}))


# --- whose a number is -----------------------------------------------------------------------------------------------


def test_a_question_shows_both_side_by_side_and_no_secret(office: Office) -> None:
    question, browser = asked(office), office.browser("hr")
    assert NEW in browser.page("/hr/matches")
    assert "答えを待っているもの 1件" in browser.page("/hr")
    page = browser.page(f"/hr/matches/{question}")
    first = dict(zip(sheet().heading, sheet().rows[0], strict=True))
    for shown in (NEW, first["職員番号"], first["氏名"], first["所属名"], first["職名"]):
        assert shown in page, shown
    with office.database.reading() as session:
        key = session.scalars(select(MatchQuestion.match_key)).one()
    assert [secret for secret in (first["生年月日"], key) if secret in page] == []


def test_the_same_person_gets_the_number_when_the_same_file_comes_again(office: Office) -> None:
    question, browser, same = asked(office), office.browser("hr"), candidate(office)
    assert person_of(office, NEW) is None
    page = answer(browser, question, same)
    assert "同じファイルをもう一度取り込む" in page
    assert person_of(office, NEW) is None, "an answer alone changes nobody"
    assert apply(browser, with_row(職員番号=NEW)).status_code == 302
    assert person_of(office, NEW) == same


def test_somebody_else_becomes_a_person_of_their_own(office: Office) -> None:
    question, browser = asked(office), office.browser("hr")
    answer(browser, question, "other")
    apply(browser, with_row(職員番号=NEW))
    assert person_of(office, NEW) not in (None, candidate(office))


def test_a_wrong_answer_is_corrected_until_the_number_has_joined(office: Office) -> None:
    question, browser = asked(office), office.browser("hr")
    answer(browser, question, "other")
    answer(browser, question, candidate(office))
    apply(browser, with_row(職員番号=NEW))
    assert person_of(office, NEW) == candidate(office)
    page = browser.page(f"/hr/matches/{question}/check?answer=other")
    late = browser.send_on(page, f"/hr/matches/{question}", {})
    assert late.status_code == 409
    assert "すでに登録されているため" in late.text
    with office.database.reading() as session:
        records = session.scalars(select(AuditRecord).where(AuditRecord.action == "feed.matched")).all()
        assert session.get_one(MatchQuestion, question).person_id == candidate(office)
    assert [record.actor for record in records] == ["薬院　大通"] * 2


def test_an_answer_somebody_else_gave_meanwhile_is_shown_first(office: Office) -> None:
    question, browser = asked(office), office.browser("hr")
    old = browser.page(f"/hr/matches/{question}/check?answer=other")
    answer(browser, question, candidate(office))
    late = browser.send_on(old, f"/hr/matches/{question}", {})
    assert late.status_code == 409
    with office.database.reading() as session:
        assert session.get_one(MatchQuestion, question).person_id == candidate(office)


def test_nobody_answers_about_themselves(office: Office) -> None:
    question = asked(office)
    with office.database.writing() as session:
        session.add(MatchCandidate(question_id=question, person_id=office.cast.people["hr"]))
    browser = office.browser("hr")
    for chosen in ("other", str(office.cast.people["hr"])):
        page = browser.page(f"/hr/matches/{question}/check?answer={chosen}")
        assert browser.send_on(page, f"/hr/matches/{question}", {}).status_code == 403
    with office.database.reading() as session:
        assert session.get_one(MatchQuestion, question).answered_at is None


def test_another_record_of_oneself_is_oneself(office: Office) -> None:
    question = asked(office)
    with office.database.writing() as session:
        key = session.get_one(Person, candidate_in(session)).match_key
        session.get_one(Person, office.cast.people["hr"]).match_key = key
    browser = office.browser("hr")
    page = browser.page(f"/hr/matches/{question}/check?answer=other")
    assert browser.send_on(page, f"/hr/matches/{question}", {}).status_code == 403


@pytest.mark.parametrize("chosen", ["", "x", "1", "99999"])
def test_only_a_candidate_or_somebody_else_is_an_answer(office: Office, chosen: str) -> None:
    question, browser = asked(office), office.browser("hr")
    assert browser.open(f"/hr/matches/{question}/check?answer={chosen}").status_code == 422
    assert browser.send(f"/hr/matches/{question}", {"answer": chosen, "shown": ""}).status_code == 422
    with office.database.reading() as session:
        assert session.get_one(MatchQuestion, question).answered_at is None


@pytest.mark.parametrize("who", ["staff", "ciso", "auditor"])
def test_nobody_but_hr_sees_or_answers(office: Office, who: str) -> None:
    question = asked(office)
    other = office.browser(who)
    pages = ("/hr/matches", f"/hr/matches/{question}", f"/hr/matches/{question}/check?answer=other", "/hr/gaiji",
             "/hr/gaiji/map?feed=aoba&character=U%2BE000")  # fmt: skip
    assert [other.open(page).status_code for page in pages] == [404] * len(pages)
    assert other.send(f"/hr/matches/{question}", {"answer": "other", "shown": ""}).status_code == 403
    fields = {"feed": "aoba", "character": "U+E000", "replacement": "高", "note": "辞令"}
    assert other.send("/hr/gaiji", fields).status_code == 403
    with office.database.reading() as session:
        assert session.get_one(MatchQuestion, question).answered_at is None
        assert session.scalars(select(GaijiMapping)).all() == []


# --- 外字 ------------------------------------------------------------------------------------------------------------


def held_for_gaiji(office: Office) -> Browser:
    browser = office.browser("hr")
    assert apply(browser, with_name(f"{SIGN}橋　一郎")).status_code == 302
    office.pass_by(minutes=1)
    with office.database.reading() as session:
        assert session.scalars(select(HeldRow.kind)).all() == [HeldKind.GAIJI]
    return browser


def map_to(browser: Browser, replacement: str, *, note: str = "辞令の原本") -> str:
    """The page after the mapping was looked at and registered."""
    page = browser.page("/hr/gaiji/map?feed=aoba&character=U%2BE000")
    checked = browser.send_on(page, "/hr/gaiji/check", {"replacement": replacement, "note": note})
    assert checked.status_code == 200, checked.text
    return browser.follow(browser.send_on(checked.text, "/hr/gaiji", {}))


def test_a_sign_that_holds_somebody_is_listed_mapped_and_lets_them_in(office: Office) -> None:
    browser = held_for_gaiji(office)
    number = sheet().rows[0][0]
    assert "登録を待っている文字 1件" in browser.page("/hr")
    listed = browser.page("/hr/gaiji")
    assert "U+E000" in listed
    assert number in listed
    page = map_to(browser, "髙")
    assert "対応の決まっていない外字はありません" in page
    assert "U+9AD9" in page
    assert apply(browser, with_name(f"{SIGN}橋　一郎")).status_code == 302
    with office.database.reading() as session:
        names = session.scalars(select(Person.name).join(Employment).where(Employment.staff_number == number)).all()
    assert names == ["髙橋　一郎"]


def test_the_replacement_is_shown_large_with_its_codes_before_it_counts(office: Office) -> None:
    browser = held_for_gaiji(office)
    page = browser.page("/hr/gaiji/map?feed=aoba&character=U%2BE000")
    checked = browser.send_on(page, "/hr/gaiji/check", {"replacement": "葛\U000e0100", "note": "戸籍"}).text
    assert '<p class="glyph">葛\U000e0100</p>' in checked
    assert "U+845B U+E0100" in checked
    with office.database.reading() as session:
        assert session.scalars(select(GaijiMapping)).all() == []


def test_a_second_mapping_replaces_the_first_and_both_are_kept(office: Office) -> None:
    browser = held_for_gaiji(office)
    map_to(browser, "高")
    office.pass_by(minutes=1)
    page = map_to(browser, "髙")
    assert "以前の対応" in page
    with office.database.reading() as session:
        kept = [(one.replacement, one.replaced_at is None) for one in session.scalars(select(GaijiMapping))]
        audited = session.scalars(select(AuditRecord).where(AuditRecord.action == "feed.gaiji_mapped")).all()
    assert sorted(kept) == [("高", False), ("髙", True)]
    assert len(audited) == 2


@pytest.mark.parametrize(
    "replacement", ["", "　", "\ue001", "高\ue001", "a\x00", "\U000e0100", "高 橋", "あ" * 9, "\u202e高"]
)
def test_what_is_no_plain_character_is_no_replacement(office: Office, replacement: str) -> None:
    browser = held_for_gaiji(office)
    for path in ("/hr/gaiji/check", "/hr/gaiji"):
        fields = {"feed": "aoba", "character": "U+E000", "replacement": replacement, "note": "辞令"}
        assert browser.send(path, fields).status_code == 422
    with office.database.reading() as session:
        assert session.scalars(select(GaijiMapping)).all() == []


def test_a_mapping_says_what_it_was_checked_against(office: Office) -> None:
    browser = held_for_gaiji(office)
    fields = {"feed": "aoba", "character": "U+E000", "replacement": "高", "note": " "}
    assert browser.send("/hr/gaiji", fields).status_code == 422


@pytest.mark.parametrize(
    "of", [("aoba", "U+9AD8"), ("aoba", ""), ("aoba", "U+XYZ"), ("aoba", "U+FFFFFF"), ("x", "U+E000")]
)
def test_only_private_use_signs_of_known_feeds_can_be_mapped(office: Office, of: tuple[str, str]) -> None:
    browser = office.browser("hr")
    fields = {"feed": of[0], "character": of[1], "replacement": "高", "note": "辞令"}
    assert browser.send("/hr/gaiji", fields).status_code == 404


def test_the_preview_links_to_the_form_of_each_unmapped_sign(office: Office) -> None:
    browser = office.browser("hr")
    page = browser.page(uploaded(browser, with_name(f"{SIGN}橋　一郎")))
    assert "/hr/gaiji/map?feed=aoba&amp;character=U%2BE000" in page
