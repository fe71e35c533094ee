"""内示: while a transfer is unpublished, no page tells of it but to those who may know (control A7)."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from idm.actor import Actor
from idm.audit import record
from idm.employment_kind import EmploymentKind
from idm.models.people import Absence, Assignment, Employment, OrganisationUnit, Person
from idm.models.requests import Request
from idm.models.work import MailMessage
from idm.names.personal_names import search_key
from idm.operations.approval import requests
from idm.operations.approval.requests import WantedLine
from idm.personnel_event import AbsenceKind
from idm.publication import Reader
from idm.queries.hr.feed_runs import drafts
from idm.vocabulary import LineEffect, RequestAction, Role
from tests.cast import NOW, TODAY, Cast
from tests.web.office import Browser, Office

PUBLIC_ON, MOVES_ON = TODAY + timedelta(days=10), TODAY + timedelta(days=20)
UNIT, NEWCOMER, NEWCOMER_NUMBER = "危機対策室", "内示　待子", "100777"
BETRAYING_END = "令和8年4月20日"
"""The last day of the post that the transfer leaves: its end would tell of it."""
OUTSIDERS = ["staff", "other", "security", "vice", "desk", "auditor"]
"""The person concerned, a colleague, their section manager, a head who is not seated, a desk, and the auditor."""
ASKED = {
    "people.index": (f"?q={NEWCOMER_NUMBER}&presence=", "?q=ないじ&presence=", "?presence=coming", "?unit=0999"),
    "people.show": (f"?on={MOVES_ON}",),
    "me.index": (f"?on={MOVES_ON}",),
    "requests.index": ("?of=all", f"?q={NEWCOMER_NUMBER}"),
    "audit_trail.index": (f"?who={NEWCOMER_NUMBER}", "?kind=employment", "?kind=request"),
    "calendar.index": ("?days=90",),
    "calendar.day": (f"?on={MOVES_ON}",),
}
"""What an onlooker would ask of a page that answers questions."""
IDS = (1, 2, 9, 12)
"""Ids that matter: applications 1 and 2, 青木 (9), and the newcomer (12)."""
RECORDS = range(20, 60)


def announce(cast: Cast) -> str:
    """青木 is to move to the new unit, and somebody new joins it; HR has applied for both. Returns the number."""
    with cast.acting("hr", "request.submit") as session:
        unit = OrganisationUnit(code="0999", name=UNIT, parent_code=None, valid_from=MOVES_ON)
        moving = cast.employment(session, "staff")
        moving.assignments[0].valid_until = MOVES_ON
        moving.assignments.append(_post(unit))
        moving.absences.append(
            Absence(kind=AbsenceKind.CHILDCARE, valid_from=MOVES_ON, valid_until=None, published_on=PUBLIC_ON)
        )
        joining = Employment(
            person=Person(name=NEWCOMER, kana="ナイジ　マチコ", search_key=search_key(NEWCOMER, "ナイジ　マチコ"),
                          mail="new@example.jp", created_at=NOW),
            staff_number=NEWCOMER_NUMBER, kind=EmploymentKind.REGULAR, valid_from=MOVES_ON, published_on=PUBLIC_ON,
        )  # fmt: skip
        joining.assignments.append(_post(unit))
        session.add(joining)
        session.flush()
        record(session, action="feed.changed", actor=Actor.job("feed"), obj=("employment", str(moving.id)), now=NOW,
               payload={"added": [f"{UNIT} 主査"]})  # fmt: skip
        number = [_file(cast, session, person) for person in (cast.people["staff"], joining.person_id)]
    return number[0]


def _post(unit: OrganisationUnit) -> Assignment:
    return Assignment(unit=unit, post="主査", primary=True, valid_from=MOVES_ON, published_on=PUBLIC_ON)


def _file(cast: Cast, session: Session, person_id: int) -> str:
    right = cast.entitlement(session, "ledger/account")
    request = requests.draft(
        session, action=RequestAction.REGISTER, system_id=right.system_id, reason=f"{UNIT}への異動に伴う登録", now=NOW,
        lines=[WantedLine(person_id, right.id, LineEffect.GRANT, MOVES_ON, None)], published_on=PUBLIC_ON,
    )  # fmt: skip
    requests.submit(session, request, actor=cast.actor("hr"), policy=cast.policy, now=NOW)
    return request.number or ""


def pages(office: Office, browser: Browser) -> Iterator[tuple[str, str]]:
    """Every page of the application that this browser can open, for every object there is."""
    for rule in office.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static" or rule.endpoint.startswith("sign_in"):
            continue
        for path in _paths(office, rule):
            for query in ("", *ASKED.get(rule.endpoint, ())):
                answer = browser.open(path + query)
                if answer.status_code == 200:
                    yield path + query, answer.text


def _paths(office: Office, rule: Rule) -> list[str]:
    """The addresses of the rule, with the ids that matter."""
    if not rule.arguments:
        return [rule.rule]
    with office.app.test_request_context():
        adapter = office.app.url_map.bind("localhost")
        ids = RECORDS if rule.endpoint == "audit_trail.show" else IDS
        try:
            return [adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, found)) for found in ids]
        except (TypeError, ValueError):
            return []


@pytest.mark.asvs("8.2.3")
@pytest.mark.parametrize("who", OUTSIDERS)
@pytest.mark.parametrize("approved", [False, True])
def test_no_page_tells_of_an_unpublished_transfer(office: Office, who: str, approved: bool) -> None:
    number = announce(office.cast)
    if approved:
        _approve_all(office.cast)
    browser, walked = office.browser(who), 0
    for path, text in pages(office, browser):
        walked += 1
        told = [word for word in (UNIT, number, NEWCOMER, NEWCOMER_NUMBER, BETRAYING_END) if _says(text, word, path)]
        assert not told, (path, told)
    assert walked > 10


def _says(page: str, word: str, path: str) -> bool:
    """Whether the page says the word; what the reader themselves typed into the address is theirs."""
    return word in page.replace(f'value="{word}"', "") and word not in path


def _approve_all(cast: Cast) -> None:
    with cast.database.reading() as session:
        ids = list(session.scalars(select(Request.id)))
    for request_id in ids:
        cast.approve(request_id)


@pytest.mark.parametrize("who", ["hr", "ciso"])
def test_those_who_may_see_unpublished_appointments_see_all_of_it(office: Office, who: str) -> None:
    number = announce(office.cast)
    browser = office.browser(who)
    page = browser.page(f"/people/{office.cast.people['staff']}")
    assert UNIT in page
    assert "公表前" in page
    assert NEWCOMER in browser.page("/people?presence=coming&q=")
    assert number in browser.page("/requests")


@pytest.mark.parametrize("who", ["chief", "system"])
def test_whoever_is_seated_sees_the_application_and_no_more(office: Office, who: str) -> None:
    number = announce(office.cast)
    browser = office.browser(who)
    assert number in browser.page("/approvals")
    assert "主査" in browser.page("/requests/2")
    assert UNIT not in browser.page(f"/people/{office.cast.people['staff']}")
    assert NEWCOMER not in browser.page("/people?presence=coming&q=")


def test_whoever_decided_goes_on_seeing_the_application(office: Office) -> None:
    number = announce(office.cast)
    _approve_all(office.cast)
    browser = office.browser("chief")
    assert number in browser.page("/requests/1")
    assert number in browser.page("/approvals/history")


def test_on_the_day_of_publication_everybody_sees_it(office: Office) -> None:
    number = announce(office.cast)
    office.pass_by(days=9)
    assert UNIT not in office.browser("auditor").page(f"/people/{office.cast.people['staff']}")
    office.pass_by(days=1)
    assert UNIT in office.browser("auditor").page(f"/people/{office.cast.people['staff']}")
    assert UNIT in office.browser("staff").page("/me")
    assert number in office.browser("staff").page("/requests")


def test_the_person_concerned_is_told_on_the_day_of_publication(office: Office) -> None:
    announce(office.cast)
    _approve_all(office.cast)
    with office.database.reading() as session:
        mails = session.scalars(select(MailMessage).where(MailMessage.subject.startswith("【申請結果】"))).all()
    due = {mail.recipient: mail.due_at for mail in mails}
    assert due["u100006@example.jp"] == NOW
    assert due["u100009@example.jp"].isoformat() == "2026-04-10T15:00:00+00:00"
    assert date(2026, 4, 11) == PUBLIC_ON


def test_a_deputy_is_not_found_by_a_number_nobody_may_know(office: Office) -> None:
    announce(office.cast)
    answer = office.browser("chief").send(
        "/deputies",
        {"role": Role.CHIEF, "staff_number": NEWCOMER_NUMBER, "valid_from": "2026-05-01", "last_day": "2026-05-31"},
    )
    assert answer.status_code == 422
    assert NEWCOMER not in answer.text


@pytest.mark.asvs("8.2.3")
def test_a_draft_is_listed_for_those_alone_who_see_its_appointment(office: Office) -> None:
    with office.database.writing() as session:
        system_id = office.cast.entitlement(session, "ledger/account").system_id
        line = office.cast.line(session, "staff", "ledger/account")
        requests.draft(
            session, action=RequestAction.REGISTER, system_id=system_id, lines=[line], reason="異動", now=NOW,
            published_on=PUBLIC_ON,
        )  # fmt: skip
    with office.database.reading() as session:
        assert drafts(session, reader=Reader(TODAY)) == []
        assert len(drafts(session, reader=Reader(TODAY, may_see=True))) == 1
        assert len(drafts(session, reader=Reader(PUBLIC_ON))) == 1
