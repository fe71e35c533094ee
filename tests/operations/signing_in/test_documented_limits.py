"""What docs/sign-in.md says of limits and time-outs is what runs."""

import re
from pathlib import Path

import pytest

from idm.factors.one_time_codes import STEP_SECONDS
from idm.operations.signing_in.sign_in_attempts import FORGOTTEN_AFTER
from idm.passwords.password_strength import guessable_words
from idm.policy_file import load_profile

TEXT = Path("docs/sign-in.md").read_text(encoding="utf-8")


@pytest.mark.asvs("6.1.1", "7.1.1", "7.1.2")
def test_every_limit_in_the_table_is_the_shipped_profiles() -> None:
    policy = load_profile("fukuoka").policy
    table = TEXT.partition("| no use |")[2].partition("\n\n")[0]
    rows = re.findall(r"\| (\d+)[^|]*\| `sign_in\.(\w+)` \|", "|" + table)
    assert {key for _value, key in rows} == {
        "idle_minutes", "absolute_hours", "step_up_minutes", "attempts", "lock_minutes", "enrolment_hours"
    }  # fmt: skip
    for value, key in rows:
        assert getattr(policy.sign_in, key) == int(value), key
    assert f"{STEP_SECONDS} s, and the step before and after" in TEXT
    assert FORGOTTEN_AFTER.days == 1
    assert "failures forgotten after | 1 day" in TEXT


@pytest.mark.asvs("6.1.2")
def test_the_list_of_words_is_as_long_as_said() -> None:
    assert round(sum(len(words) for words in guessable_words().values()), -2) == 1400
    assert "some 1,400 words" in TEXT
