"""What the pages of violations show, and to whom (H4, J5)."""

import pytest
from sqlalchemy import event

from idm.models.stops import ViolationReport
from tests.cast import NOW
from tests.operations.stops.test_violations import failed, guide, report, stop
from tests.web.office import Office
from tests.web.stops.test_stops import opened

__all__ = ["opened"]
WHAT = "離席するとき、端末をロックしない" * 5


def test_whoever_decides_reads_what_did_not_help_and_who_says_so(opened: Office) -> None:
    found = report(opened.cast)
    guide(opened.cast, found)
    failed(opened.cast, found)
    chief = opened.browser("chief").page(f"/violations/{found}")
    assert "また使った" in chief
    assert "すべての利用を止める" in chief
    assert "すべての利用を止める" not in opened.browser("security").page(f"/violations/{found}")


def test_whoever_handles_it_and_manages_another_section_is_told_who_records_guidance(opened: Office) -> None:
    found = report(opened.cast)
    chief = opened.browser("chief").page(f"/violations/{found}")
    assert "指導とその結果は、所属の課長が記録します" in chief
    assert "指導を記録する" not in chief
    assert "指導を記録する" in opened.browser("security").page(f"/violations/{found}")


@pytest.mark.parametrize("who", ["security", "system"])
def test_the_list_has_pages_and_asks_no_more_for_more_reports(opened: Office, who: str) -> None:
    browser = opened.browser(who)

    def statements(number: int) -> tuple[int, str]:
        with opened.database.writing() as session:
            for _ in range(number):
                session.add(
                    ViolationReport(person_id=opened.cast.people["contractor"], what=WHAT,
                                    reported_by_id=opened.cast.people["security"], reported_at=NOW)
                )  # fmt: skip
        browser.page("/violations")
        seen: list[str] = []

        def count(_c: object, _u: object, statement: str, *_more: object) -> None:
            seen.append(statement)

        event.listen(opened.database.engine, "before_cursor_execute", count)
        page = browser.page("/violations")
        event.remove(opened.database.engine, "before_cursor_execute", count)
        return len(seen), page

    few, _ = statements(2)
    many, page = statements(120)
    assert 0 < page.count(WHAT) < 120
    assert many <= few + 1


def test_why_somebody_was_stopped_for_a_violation_is_not_read_by_who_manages_a_system(opened: Office) -> None:
    found = report(opened.cast)
    guide(opened.cast, found)
    failed(opened.cast, found)
    order = stop(opened.cast, found)
    manager = opened.browser("system")
    for page in (manager.page("/stops"), manager.page(f"/stops/{order}")):
        assert "青木　一郎" in page, "what is to be stopped in their system they see"
        assert "改善されない" not in page
    assert "改善されない" in opened.browser("auditor").page("/stops")


def test_who_manages_a_system_sees_the_orders_that_touch_it_and_no_other(opened: Office) -> None:
    opened.browser("chief").send(f"/stops/new/person/{opened.cast.people['hr']}", {"reason": "不審な操作"})
    manager = opened.browser("system")
    assert "不審な操作" not in manager.page("/stops")
    assert manager.open("/stops/1").status_code == 404
    assert manager.open("/stops/1/progress").status_code == 404
    assert opened.browser("auditor").open("/stops/1").status_code == 200
