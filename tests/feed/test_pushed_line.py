"""A pushed person as the line of a file: any JSON gives a file, and what it says is where its heading says."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from idm.feed.profile import FIELDS, shipped_feed_profile
from idm.feed.pushed_line import EMPLOYMENT, ENTERPRISE, file_of, value_of

PROFILE = shipped_feed_profile("scim")
NAMES = st.sampled_from(
    ["name", "title", "emails", "formatted", "value", "type", ENTERPRISE, EMPLOYMENT, "kana", "leftOn"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet=st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(NAMES, JSON, max_size=6), max_size=4))
def test_whatever_is_pushed_becomes_one_line_each_with_every_column(resources: list[dict[str, object]]) -> None:
    data = file_of(resources, PROFILE)
    rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
    columns = [field for field in FIELDS if getattr(PROFILE.columns, field)]
    assert len(rows) == len(resources) + 1
    assert {len(row) for row in rows} == {len(columns)}
    assert data == file_of(resources, PROFILE)


def test_values_stand_where_their_headings_say() -> None:
    person = {
        "title": "主事", "name": {"formatted": "青空　太郎"}, "active": True,
        ENTERPRISE: {"employeeNumber": "1"}, EMPLOYMENT: {"leftOn": "2027-03-31T00:00:00+09:00"},
        "emails": [{"value": "home@example.jp"}, {"value": "work@example.jp", "type": "work"}],
    }  # fmt: skip
    assert value_of(person, "name.formatted") == "青空　太郎"
    assert value_of(person, "enterprise.employeeNumber") == "1"
    assert value_of(person, "emails") == "work@example.jp"
    assert value_of(person, "active") == ""
    assert value_of(person, "employment.kana") == ""
    assert "2027/03/31" in file_of([person], PROFILE).decode()
