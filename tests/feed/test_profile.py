"""Feed profiles: what they say, and every mistake in them at once."""

import pytest

from idm.employment_kind import EMPLOYMENT_KIND_TITLES, EmploymentKind
from idm.errors import ConfigurationInvalid
from idm.feed.profile import PostKind, load_feed_profile, shipped_feed_profile
from idm.personnel_event import AbsenceKind

SMALLEST = """
title = "t"
encoding = "utf-8"
delimiter = "\\t"
staff_number_width = 5
[columns]
staff_number = ["番号"]
name = ["氏名"]
kana = ["カナ"]
unit_code = ["所属CD"]
unit_name = ["所属"]
post = ["職"]
post_kind = ["区分"]
employment_kind = ["形態"]
employed_from = ["採用"]
assigned_from = ["発令"]
[codes.employment_kind]
"1" = "regular"
[codes.post_kind]
"" = "primary"
"兼" = "concurrent"
"""


def mistakes_in(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationInvalid) as refusal:
        load_feed_profile(text, "town")
    return refusal.value.mistakes


def test_the_shipped_profile_is_valid() -> None:
    profile = shipped_feed_profile("aoba")
    assert profile.encoding == "cp932"
    assert profile.staff_number_width == 6
    assert profile.trailer.marker == "件数"
    assert profile.codes.employment_kind["会計年度フル"] is EmploymentKind.FISCAL_YEAR_FULL


def test_a_small_profile_has_defaults_for_the_rest() -> None:
    profile = load_feed_profile(SMALLEST, "town")
    assert profile.columns.term_end == ()
    assert profile.trailer.marker == ""
    assert "99999999" in profile.dates.no_end
    assert profile.limits.max_rows == 100_000
    assert profile.codes.post_kind[""] is PostKind.PRIMARY


@pytest.mark.parametrize("name", ["nowhere", "../aoba", "aoba.toml", ""])
def test_a_profile_that_is_not_shipped_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationInvalid, match="ありません"):
        shipped_feed_profile(name)


def test_every_mistake_is_told_at_once_with_file_and_key() -> None:
    text = (
        SMALLEST.replace('encoding = "utf-8"', 'encodng = "sjis"')
        .replace('"regular"', '"regulr"')
        .replace('"concurrent"', '"beside"')
        .replace("staff_number_width = 5", "staff_number_width = 0")
        .replace('post = ["職"]', 'post = ["所属"]')
        + "[limits]\nmax_row = 3\n"
    )
    mistakes = mistakes_in(text)
    keys = {mistake.split(": ")[1] for mistake in mistakes}
    assert keys == {
        "encoding",
        "encodng",
        "codes.employment_kind.1",
        "codes.post_kind.兼",
        "staff_number_width",
        "columns.unit_name",
        "columns.post",
        "limits.max_row",
    }
    assert all(mistake.startswith("town.toml: ") for mistake in mistakes)


@pytest.mark.parametrize(
    ("wrong", "right"), [("encodng", "encoding"), ("staff_number_widht", "staff_number_width"), ("columms", "columns")]
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(wrong: str, right: str) -> None:
    assert any(f"（「{right}」のことですか）" in mistake for mistake in mistakes_in(SMALLEST.replace(right, wrong, 1)))


def test_an_unknown_column_is_refused_with_the_nearest_known_one() -> None:
    mistakes = mistakes_in(SMALLEST.replace("unit_code", "unit_cod"))
    assert "town.toml: columns.unit_cod: 知らない項目です（「unit_code」のことですか）" in mistakes
    assert any(mistake.startswith("town.toml: columns.unit_code: ") for mistake in mistakes)


def test_a_column_without_a_heading_is_refused() -> None:
    assert mistakes_in(SMALLEST.replace('["氏名"]', "[]"))
    assert mistakes_in(SMALLEST.replace('["氏名"]', '[""]'))


def test_a_heading_for_two_fields_is_refused() -> None:
    assert len(mistakes_in(SMALLEST.replace('["カナ"]', '["氏名"]'))) == 2
    assert len(mistakes_in(SMALLEST.replace("[columns]", 'ignored_columns = ["氏名"]\n[columns]'))) == 2


@pytest.mark.parametrize("encoding", ["shift_jis", "CP932", "latin-1", ""])
def test_an_encoding_that_loses_names_cannot_be_chosen(encoding: str) -> None:
    assert mistakes_in(SMALLEST.replace('"utf-8"', f'"{encoding}"'))


def test_a_text_that_is_no_toml_is_refused_with_its_line() -> None:
    (mistake,) = mistakes_in(SMALLEST + "[codes\n")
    assert mistake.startswith("town.toml: ")
    assert "line" in mistake


# --- shapes and formats ----------------------------------------------------------------------------------------------

EVENTS = """
title = "発令"
shape = "events"
encoding = "cp932"
delimiter = ","
staff_number_width = 5
[columns]
staff_number = ["番号"]
name = ["氏名"]
event = ["区分"]
effective = ["発令日"]
[codes.event]
"異動" = "transfer"
"育休" = "leave_begin/childcare"
"""


def test_an_event_list_needs_only_who_what_and_when() -> None:
    profile = load_feed_profile(EVENTS, "town")
    assert profile.codes.events["育休"].absence is AbsenceKind.CHILDCARE
    assert not profile.names_everybody
    assert load_feed_profile(SMALLEST, "town").names_everybody


@pytest.mark.parametrize("column", ["staff_number", "name", "event", "effective"])
def test_a_column_an_event_list_needs_is_missed(column: str) -> None:
    text = "\n".join(line for line in EVENTS.splitlines() if not line.startswith(f"{column} ="))
    assert f"town.toml: columns.{column}: 項目がありません" in mistakes_in(text)


def test_a_file_of_both_needs_the_columns_of_both_and_the_kind_of_line() -> None:
    mistakes = mistakes_in(SMALLEST.replace('title = "t"', 'title = "t"\nshape = "both"'))
    assert set(mistakes) == {f"town.toml: {key}: 項目がありません" for key in ("columns.event", "columns.record_kind")}


@pytest.mark.parametrize("column", ["absence", "leaving", "cancelled", "event", "employment_kind"])
def test_a_column_of_codes_needs_its_table(column: str) -> None:
    text = EVENTS[: EVENTS.index("[codes.event]")] + f"{'' if column == 'event' else column + ' = [chr]'}"
    assert f"town.toml: codes.{column}: 項目がありません" in mistakes_in(
        text.replace("[chr]", '["列"]') + "\n[codes]\n"
    )


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("transfr", "「transfer」のことですか"),
        ("leave_begin/childcar", "「childcare」のことですか"),
        ("transfer/death", "書けません"),
    ],
)
def test_a_code_that_means_nothing_is_told_with_its_word(code: str, told: str) -> None:
    (mistake,) = mistakes_in(EVENTS.replace('"transfer"', f'"{code}"'))
    assert mistake.startswith("town.toml: codes.event.異動: ")
    assert told in mistake


def test_a_spreadsheet_has_no_encoding_and_a_text_file_needs_one() -> None:
    assert mistakes_in(EVENTS.replace('delimiter = ","', 'format = "xlsx"')) == (
        "town.toml: encoding: XLSX の定義には書けません",
    )
    assert mistakes_in(EVENTS.replace('delimiter = ","', 'sheet = "職員"')) == (
        "town.toml: delimiter: 項目がありません",
        "town.toml: sheet: XLSX の定義にだけ書けます",
    )


def test_an_event_list_cannot_claim_to_name_everybody() -> None:
    (mistake,) = mistakes_in(EVENTS.replace('shape = "events"', 'shape = "events"\ncovers_all = true'))
    assert mistake.startswith("town.toml: covers_all: ")


@pytest.mark.parametrize("name", ["aoba", "aoba-events", "aoba-xlsx"])
def test_every_shipped_profile_is_valid(name: str) -> None:
    assert shipped_feed_profile(name).staff_number_width == 6


def test_every_employment_kind_has_a_title() -> None:
    assert set(EMPLOYMENT_KIND_TITLES) == set(EmploymentKind)
