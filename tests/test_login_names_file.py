"""The rule of account names in an organisation file: what is read, and every mistake in words an office understands."""

import re
from pathlib import Path

import pytest

from idm.errors import ConfigurationInvalid
from idm.organisation_file import effective_text, load_organisation, organisation_from_text
from idm.vocabulary import LongVowels

TOWN = 'name = "町"\nprofile = "fukuoka"\nsystems = []\npost_rights = []\nfirst_officers = []\n'
NAMES = """
[login_names]
rule = "romaji"
patterns = ["{family}.{given}", "{f}{given}"]
long_vowels = "oh"
reserved = ["kaikei"]
exceptions = { "コウチ" = "kochi", "ジョン" = "john" }
start_after_collision = 3
"""


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationInvalid) as refusal:
        load_organisation(text, "town.toml")
    return refusal.value.mistakes


def test_the_rule_of_account_names_is_read() -> None:
    names = load_organisation(TOWN + NAMES, "town.toml").login_names
    assert (names.rule, names.patterns) == ("romaji", ("{family}.{given}", "{f}{given}"))
    assert (names.long_vowels, names.start_after_collision) == (LongVowels.OH, 3)
    assert names.exceptions == {"コウチ": "kochi", "ジョン": "john"}
    assert organisation_from_text(effective_text(TOWN + NAMES, "town.toml")).login_names == names


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ('"{f}{given}"', '"{name}"', "patterns.1: 「{name}」に使えない項目があります。使えるのは {f}、{family}、{g}"),
        ('"{f}{given}"', '"{given!r}"', "patterns.1: 「{given!r}」に使えない項目があります"),
        ('"{f}{given}"', '"{given:9}"', "patterns.1: 「{given:9}」に使えない項目があります"),
        ('"{f}{given}"', '"staff{f}"', "patterns.1: 「staff{f}」には {family} か {given} を入れてください"),
        ('"{f}{given}"', '"{given"', "patterns.1: 「{given」には {family} か {given} を入れてください"),
        ('"{f}{given}"', '"{f}{given}}"', "patterns.1: 「{f}{given}}」の波かっこ { } の対が合っていません"),
        ('"{f}{given}"', '"{given}."', "patterns.1: 「{given}.」からは使えない利用者ID「hanako.」ができます"),
        ('"{f}{given}"', '"課{given}"', "patterns.1: 「課{given}」からは使えない利用者ID「課hanako」ができます"),
        ('"{f}{given}"', '"{family}.{given}"', "patterns: 「{family}.{given}」が 2 回あります"),
        ('["{family}.{given}", "{f}{given}"]', "[]", "patterns: 1つ以上書いてください"),
        ('"kaikei"', '"Kaikei"', "reserved.0: 「Kaikei」は半角の英小文字と数字で書いてください"),
        ('"kochi"', '"Kochi"', "exceptions.コウチ: 「Kochi」は半角の英小文字だけで書いてください"),
        ('"コウチ"', '"河内"', "exceptions.河内: 左側は姓又は名のフリガナで書いてください"),
        ('"コウチ"', '"kouchi"', "exceptions.kouchi: 左側は姓又は名のフリガナで書いてください"),
        ('"oh"', '"ou"', "long_vowels: 決められた値のどれかにしてください"),
        ('rule = "romaji"', 'rule = "kana"', "rule: 決められた値のどれかにしてください"),
        ("start_after_collision = 3", "start_after_collision = 0", "start_after_collision: 小さすぎます"),
    ],
)
def test_a_mistake_in_the_rule_of_account_names_is_refused(old: str, new: str, mistake: str) -> None:
    assert old in NAMES
    found = mistakes(TOWN + NAMES.replace(old, new, 1))
    assert any(line.startswith(f"town.toml: login_names.{mistake}") for line in found), found


def test_every_example_of_the_documentation_is_accepted() -> None:
    page = Path(__file__).parent.parent.joinpath("docs", "account-names.md").read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    rules = [load_organisation(TOWN + example, "town.toml").login_names.rule for example in examples]
    assert rules == ["staff_number", "romaji"]
