"""Findings and sweeps on their pages."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from idm.models.systems import InformationSystem
from idm.models.work import Finding
from idm.operations.sweep.findings import Found, SweepResult, record_sweep
from idm.vocabulary import FindingKind
from tests.carried_out import WORKER, carry_out
from tests.cast import NOW
from tests.web.office import Office
from web.sweep.finding_advice import ADVICE

USED = datetime(2025, 12, 1, 3, 0, tzinfo=UTC)


def sweep(office: Office, *found: Found, now: datetime = NOW, failure: str | None = None) -> None:
    with office.database.writing() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
        result = SweepResult(system_id, "ledger", 12, found, failure)
        record_sweep(session, result, started_at=now, actor=WORKER, policy=office.cast.policy, now=now)


def used(kind: FindingKind, label: str, at: datetime | None, account_id: int | None = None) -> Found:
    details: dict[str, object] = {"last_used_at": at.isoformat() if at else None, "source": "pwdLastSuccess"}
    return Found(kind, label, label, account_id, details)


@pytest.mark.parametrize("who", ["staff", "hr", "desk"])
@pytest.mark.parametrize("path", ["/findings", "/findings/sweeps"])
def test_for_those_who_may_not_see_findings_there_is_no_page(office: Office, who: str, path: str) -> None:
    assert office.browser(who).open(path).status_code == 404


def test_last_use_comes_with_its_source_and_unknown_is_not_never(office: Office) -> None:
    sweep(
        office, used(FindingKind.DORMANT, "dormant", USED), used(FindingKind.NEVER_USED, "never", None),
        used(FindingKind.LAST_USE_UNKNOWN, "unknown", None),
    )  # fmt: skip
    page = office.browser("auditor").page("/findings")
    assert re.search(r"令和7年12月1日.{0,30}12:00", page)
    assert "pwdLastSuccess（認証成功の日時）" in page
    assert "利用の記録なし" in page
    assert "使われたかどうかを読み取れません" in page


def test_every_kind_says_what_to_do_until_it_is_repaired(office: Office) -> None:
    sweep(office, *(Found(kind, kind.value, "u900001") for kind in FindingKind))
    browser, kinds = office.browser("security"), list(FindingKind)
    with office.database.reading() as session:
        numbers = {one.kind: one.id for one in session.scalars(select(Finding))}
    assert numbers.keys() == set(kinds)
    for kind in kinds:
        said = re.search(r"<h2>することと、終わり方</h2>\s*<p>(.+?)</p>", browser.page(f"/findings/{numbers[kind]}"))
        assert said is not None
        assert said[1] == str(ADVICE[kind])
    sweep(office, now=NOW + timedelta(days=1))
    assert "することと、終わり方" not in browser.page(f"/findings/{numbers[FindingKind.DRIFT]}")


def test_a_finding_leads_to_the_person_of_its_account(office: Office) -> None:
    office.cast.approve(office.cast.file("staff", ("staff", "ledger/account")))
    carry_out(office.cast)
    sweep(office, used(FindingKind.DORMANT, "u100009", USED, account_id=1))
    assert f'href="/people/{office.cast.people["staff"]}"' in office.browser("auditor").page("/findings")


def test_what_was_resolved_stands_under_resolved(office: Office) -> None:
    sweep(office, Found(FindingKind.ORPHAN, "7", "tanaka"))
    sweep(office, now=NOW + timedelta(days=1))
    browser = office.browser("auditor")
    assert "tanaka" not in browser.page("/findings")
    assert "tanaka" in browser.page("/findings?state=resolved")


def test_findings_are_filtered_by_kind(office: Office) -> None:
    sweep(office, Found(FindingKind.ORPHAN, "7", "tanaka"), used(FindingKind.DORMANT, "sato", USED))
    page = office.browser("auditor").page("/findings?kind=orphan")
    assert "tanaka" in page
    assert "sato" not in page


def test_a_kind_that_is_none_is_not_a_filter(office: Office) -> None:
    sweep(office, Found(FindingKind.ORPHAN, "7", "tanaka"))
    assert "tanaka" in office.browser("auditor").page("/findings?kind=nonsense&system=x&page=-5")


def test_sweeps_show_what_was_examined_and_why_one_failed(office: Office) -> None:
    sweep(office)
    sweep(office, now=NOW + timedelta(days=1), failure="サーバーに接続できません")
    page = office.browser("auditor").page("/findings/sweeps")
    assert "サーバーに接続できません" in page
    assert '<td class="number">12</td>' in page
