"""Profiles: what is inherited, where each value came from, and every mistake at once."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.errors import ConfigurationInvalid
from idm.policy import Origin, Policy
from idm.policy_file import (
    MAX_INHERITANCE,
    effective_text,
    flatten,
    load_profile,
    profile_from_text,
    shipped_profile,
)
from idm.vocabulary import Role, SafetyAction

SHIPPED = sorted(file.name.removesuffix(".toml") for file in (resources.files("idm") / "profiles").iterdir()
                 if file.name.endswith(".toml"))  # fmt: skip
BASE = shipped_profile("fukuoka")


def reader(**texts: str) -> Callable[[str], str]:
    known = {"base": BASE, **texts}
    return lambda name: known[name]


def mistakes(text: str, **others: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationInvalid) as refusal:
        load_profile("child", reader(child=text, **others))
    assert refusal.value.mistakes
    return refusal.value.mistakes


# --- the profiles that come with the product -------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_every_value_of_a_shipped_profile_cites_a_clause(name: str) -> None:
    profile = load_profile(name)
    assert set(flatten(profile.values)) == set(profile.origins)
    assert [key for key, origin in profile.origins.items() if not origin.clause] == []
    assert all(origin.file.endswith(".toml") for origin in profile.origins.values())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_clause_of_a_shipped_profile_is_used(name: str) -> None:
    load_profile(name)  # a clause for a value that is not there is a mistake


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile_names_every_role_and_cites_its_title(name: str) -> None:
    policy = load_profile(name).policy
    assert all(policy.title_of(role) and policy.roles[role].clause for role in Role)


def test_the_applicants_route_of_the_shipped_profile_is_the_chief_and_the_manager_of_that_very_system() -> None:
    assert load_profile("fukuoka").policy.applications.route == (Role.CHIEF, Role.SYSTEM)


@pytest.mark.parametrize("name", ["nothing", "..", "../feeds/aoba", "fukuoka.toml", "", "FUKUOKA/../fukuoka"])
def test_a_name_that_is_no_shipped_profile_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refusal:
        load_profile(name)
    assert refusal.value.mistakes == (f"{name}.toml: 見つかりません",)


# --- inheritance and origins -----------------------------------------------------------------------------------------


def test_a_profile_inherits_everything_and_overrides_single_values() -> None:
    child = load_profile("child", reader(child='extends = "base"\n[applications]\nlapse_days = 7\n'))
    base = load_profile("base", reader())
    assert child.policy.applications == replace(base.policy.applications, lapse_days=7)
    assert replace(child.policy, applications=base.policy.applications, digest="") == replace(base.policy, digest="")


def test_each_value_remembers_its_file_and_the_clause_it_serves() -> None:
    text = 'extends = "base"\n[applications]\nlapse_days = 7\n[dormancy.times]\nunused_days = 60\n' \
           '[clauses]\n"dormancy.times.unused_days" = "5(2)"\n'  # fmt: skip
    origins = load_profile("child", reader(child=text)).origins
    assert origins["applications.lapse_days"] == Origin("child.toml", "6-2(1)①")
    assert origins["dormancy.times.unused_days"] == Origin("child.toml", "5(2)")
    assert origins["dormancy.times.never_used_days"] == Origin("base.toml", "6-2(2)③")
    assert origins["applications.own"] == Origin("base.toml", "6-2(2)②")


def test_a_grandchild_inherits_what_its_parent_changed() -> None:
    texts = {
        "middle": 'extends = "base"\n[personnel]\ndelete_after_days = 30\n',
        "child": 'extends = "middle"\n[safety.stop]\ncount = 5\n',
    }
    child = load_profile("child", reader(**texts))
    assert (child.policy.personnel.delete_after_days, child.policy.safety[SafetyAction.STOP].count) == (30, 5)
    assert child.origins["personnel.delete_after_days"].file == "middle.toml"


@pytest.mark.parametrize("parent", ["child", "middle"])
def test_a_circle_of_inheritance_is_refused(parent: str) -> None:
    found = mistakes(f'extends = "{parent}"\n', middle='extends = "child"\n')
    assert "child → " in found[0]
    assert found[0].startswith("child.toml: extends: ")


def test_inheritance_goes_only_so_deep() -> None:
    texts = {f"p{depth}": f'extends = "p{depth + 1}"\n' for depth in range(MAX_INHERITANCE)}
    with pytest.raises(ConfigurationInvalid, match="循環"):
        load_profile("p0", reader(**texts, **{f"p{MAX_INHERITANCE}": BASE}))


# --- mistakes --------------------------------------------------------------------------------------------------------


def test_every_mistake_is_told_at_once_with_the_file_it_stands_in() -> None:
    middle = 'extends = "base"\n[sign_in]\nidle_minutes = "ten"\n'
    child = """
    extends = "middle"
    [applications]
    laps_days = 30
    lapse_days = 0
    own = "yes"
    [passwords]
    temporary_hours = 24.0
    [clauses]
    "nothing.there" = "1"
    """
    assert sorted(mistakes(child, middle=middle)) == [
        "child.toml: applications.laps_days: 知らない項目です（「lapse_days」のことですか）",
        "child.toml: applications.lapse_days: 小さすぎます",
        "child.toml: applications.own: true か false で書いてください",
        "child.toml: clauses.nothing.there: その項目がありません",
        "child.toml: passwords.temporary_hours: 整数で書いてください",
        "middle.toml: sign_in.idle_minutes: 整数で書いてください",
    ]


INHERITING = 'extends = "base"\n'
LAPSE = "[applications]\nlapse_days = "
ROUTE = "[applications]\nroute = "
SHARE = "[safety.stop]\nshare = "


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("clauses = 3", "clauses: 表（[ ]）で書いてください"),
        ("[clauses]\ntitle = 3", "clauses.title: 条項を文字列で書いてください"),
        ("[title]\na = 1", "title.a: 継承元では表ではなく値です"),
        ("applications = 5", "applications: 表（[ ]）で書いてください"),
        ('digest = "f00d"', "digest: 知らない項目です（自動で計算されます）"),
        (LAPSE + "true", "applications.lapse_days: 整数で書いてください"),
        (LAPSE + '"30"', "applications.lapse_days: 整数で書いてください"),
        (LAPSE + "2026-04-01", "applications.lapse_days: 整数で書いてください"),
        (SHARE + "nan", "safety.stop.share: 大きすぎます"),
        (SHARE + "1.5", "safety.stop.share: 大きすぎます"),
        (SHARE + "0", "safety.stop.share: 小さすぎます"),
        (ROUTE + "[]", "applications.route: 決裁する役割を1つ以上書いてください"),
        (ROUTE + '["chief", "auditor"]', "applications.route: 「auditor」は監査を行うため、決裁することはできません"),
        (
            ROUTE + '["section", "system"]',
            "applications.route: 「section」の職（seats）が、団体又は情報システムに一つと定められていません",
        ),
    ],
)
def test_a_mistake_is_refused_with_file_and_key(text: str, mistake: str) -> None:
    assert f"child.toml: {mistake}" in mistakes(INHERITING + text)


def test_a_parent_that_is_no_name_is_refused() -> None:
    assert "child.toml: extends: 継承するプロファイルの名前を文字列で書いてください" in mistakes("extends = 5")


@pytest.mark.parametrize(("text", "line"), [("a = 1\nb = \n", "2行目"), ("a = 1\n[b", "最後の行")])
def test_a_text_that_is_no_toml_is_refused_with_its_line(text: str, line: str) -> None:
    assert mistakes(text)[0].startswith(f"child.toml: {line}: ")


def test_a_role_without_a_title_is_a_mistake() -> None:
    text = BASE.replace('auditor = { title = "監査統括責任者", clause = "12-1(1)" }\n', "")
    assert "child.toml: roles.auditor: この役割の名称がありません" in mistakes(text)


def test_an_empty_text_names_every_missing_value() -> None:
    found = mistakes("")
    assert [line.split(": ")[1] for line in found] == [
        field.name for field in fields(Policy) if field.name != "digest"
    ]  # fmt: skip
    assert all(line.endswith("項目がありません") for line in found)


# --- the text that is proposed and accepted --------------------------------------------------------------------------


def test_the_accepted_text_gives_the_same_profile_again() -> None:
    profile = load_profile("child", reader(child='extends = "base"\n[applications]\nlapse_days = 7\n'))
    assert profile_from_text(effective_text(profile)) == profile


def test_every_changed_value_changes_the_digest() -> None:
    digests = {
        load_profile("child", reader(child=f'extends = "base"\n[applications]\nlapse_days = {days}\n')).policy.digest
        for days in (7, 8, 9)
    }
    assert len(digests) == 3
    assert all(len(digest) == 64 for digest in digests)


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"name": "a", "values": 5, "origins": {}}', '{"name": "a", "values": {}, "origins": []}',
     '{"name": "a", "values": {}, "origins": {"title": ["only a file"]}}'],
)  # fmt: skip
def test_a_broken_accepted_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationInvalid):
        profile_from_text(text)


VALUES: dict[str, Any] = json.loads(effective_text(load_profile("base", reader())))["values"]


@given(st.sampled_from(sorted(flatten(VALUES))), st.none() | st.booleans() | st.integers() | st.text(max_size=5))
def test_any_value_in_any_place_is_read_or_refused(key: str, value: object) -> None:
    values = json.loads(json.dumps(VALUES))
    place = values
    *tables, last = key.split(".")
    for table in tables:
        place = place[table]
    place[last] = value
    text = json.dumps({"name": "any", "values": values, "origins": {}})
    try:
        profile = profile_from_text(text)
    except ConfigurationInvalid:
        with pytest.raises(ConfigurationInvalid, match=r"誤りが \d+ 件"):
            profile_from_text(text)
        return
    read: Any = profile.policy
    for part in key.split("."):
        read = {key.value: each for key, each in read.items()}[part] if isinstance(read, dict) else getattr(read, part)
    assert read == value
    assert type(read) is type(value) or isinstance(read, float)
