"""Shared pieces of pages: navigation, formats, forms, long lists, translation."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

from flask import Flask
from wtforms import StringField
from wtforms.validators import InputRequired

from idm import request_state
from idm.errors import InvalidInput
from web import formats
from web.forms import Form
from web.paging import link_to_page


def test_days_are_written_in_era_years_and_moments_in_tokyo() -> None:
    assert formats.day(date(2026, 4, 1)) == "令和8年4月1日（水）"
    assert formats.moment(datetime(2026, 3, 31, 15, 5, tzinfo=UTC)) == "令和8年4月1日（水）00:05"
    assert formats.iso_moment(datetime(2026, 3, 31, 15, 5, tzinfo=UTC)) == "2026-04-01T00:05:00+09:00"
    assert formats.day(None) == formats.moment(None) == ""


def test_the_end_of_a_period_is_written_as_its_last_day() -> None:
    assert formats.last_day(date(2027, 4, 1)) == "令和9年3月31日（水）"
    assert formats.last_day(None) == "期限なし"


def test_every_state_has_a_chip() -> None:
    assert set(formats.CHIP_KINDS) == set(request_state.TITLES)


class _Application(Form):
    reason = StringField("理由", [InputRequired()])


def test_a_form_tells_its_mistakes_in_japanese_with_the_fields_label(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data={}):
        form = _Application(meta={"csrf": False})
        assert not form.validate()
        assert form.summary() == {"reason": ["理由：このフィールドは必須です。"]}


def test_a_refusal_that_names_fields_is_shown_at_those_fields(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data={"reason": "x"}):
        form = _Application(meta={"csrf": False})
        assert form.validate()
        rest = form.take(InvalidInput("だめ", fields={"reason": "短すぎます。", "elsewhere": "ほかの誤り。"}))
        assert form.reason.errors == ["短すぎます。"]
        assert rest == {"elsewhere": ["ほかの誤り。"]}
        assert form.take(InvalidInput("全体の誤り。")) == {"main": ["全体の誤り。"]}


def test_another_page_of_a_list_keeps_its_filters(app: Flask) -> None:
    with app.test_request_context("/?page=1&q=佐藤"):
        assert link_to_page(2) == "/?page=2&q=%E4%BD%90%E8%97%A4"


def test_every_sentence_of_the_templates_can_be_translated(app: Flask) -> None:
    assert app.template_folder is not None
    for template in Path(app.root_path, app.template_folder).rglob("*.html"):
        outside = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert re.findall("[ぁ-んァ-ヶ一-龠々]+", outside) == [], template
