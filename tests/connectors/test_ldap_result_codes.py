"""What a directory's answer comes to, verb by verb: the table, and the sentences people read."""

import pytest

from connectors.ldap.decoding import Result
from connectors.ldap.outcomes import verdict
from connectors.ldap.pipeline import Answer
from connectors.ldap.result_codes import Meaning, Verb, meaning, refusal
from idm.errors import TargetRefused, TargetUnavailable
from idm.ports import Outcome

WRITES = [verb for verb in Verb if verb is not Verb.READ]
AS_AD_SAYS_IT = "00000524: UpdErr: DSID-031A11F8, problem 6005 (ENTRY_EXISTS), data 0"

TABLE = {
    ("any", 0): Meaning.DONE,
    ("any", 3): Meaning.LATER,
    ("any", 51): Meaning.LATER,
    ("any", 52): Meaning.LATER,
    ("any", 80): Meaning.LATER,
    ("any", 19): Meaning.REFUSED,
    ("any", 21): Meaning.REFUSED,
    ("any", 50): Meaning.REFUSED,
    ("any", 10): Meaning.REFUSED,
    (Verb.READ, 32): Meaning.REFUSED,
    (Verb.CREATE, 32): Meaning.REFUSED,
    (Verb.CREATE, 53): Meaning.REFUSED,
    (Verb.CREATE, 65): Meaning.REFUSED,
    (Verb.CREATE, 68): Meaning.REFUSED,
    (Verb.CHANGE, 16): Meaning.REFUSED,
    (Verb.CHANGE, 20): Meaning.REFUSED,
    (Verb.CHANGE, 32): Meaning.READ_AGAIN,
    (Verb.SWITCH, 16): Meaning.READ_AGAIN,
    (Verb.SWITCH, 53): Meaning.REFUSED,
    (Verb.PASSWORD, 53): Meaning.REFUSED,
    (Verb.RENAME, 32): Meaning.READ_AGAIN,
    (Verb.RENAME, 68): Meaning.REFUSED,
    (Verb.MOVE, 32): Meaning.READ_AGAIN,
    (Verb.JOIN, 20): Meaning.ALREADY,
    (Verb.JOIN, 68): Meaning.PERHAPS_ALREADY,
    (Verb.JOIN, 53): Meaning.REFUSED,
    (Verb.LEAVE, 16): Meaning.ALREADY,
    (Verb.LEAVE, 53): Meaning.PERHAPS_ALREADY,
    (Verb.LEAVE, 65): Meaning.LAST_MEMBER,
    (Verb.DELETE, 32): Meaning.READ_AGAIN,
    (Verb.DELETE, 66): Meaning.REFUSED,
}


@pytest.mark.parametrize(("asked", "code"), TABLE)
def test_every_code_means_what_the_table_says(asked: Verb | str, code: int) -> None:
    verbs = list(Verb) if asked == "any" else [Verb(asked)]
    assert {meaning(Result(code, ""), verb) for verb in verbs} == {TABLE[asked, code]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00000057: LdapErr: DSID-0C0910EE, comment: Error in attribute conversion, data 0", Meaning.REFUSED),
        ("0000200E: SvcErr: DSID-0310115E, problem 5001 (BUSY), data 0", Meaning.LATER),
        ("No space left on device", Meaning.LATER),
    ],
)
def test_other_is_refused_where_active_directory_says_why_and_trouble_where_nobody_does(
    text: str, expected: Meaning
) -> None:
    assert meaning(Result(80, text), Verb.CHANGE) is expected


def test_who_is_not_signed_in_any_more_tries_later() -> None:
    said = "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be"
    assert meaning(Result(1, said), Verb.READ) is Meaning.LATER


@pytest.mark.parametrize("verb", WRITES)
def test_a_missing_right_is_named(verb: Verb) -> None:
    refused = refusal(Result(50, "00002098: SecErr: DSID-031514A0, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0"), verb)
    assert isinstance(refused, TargetRefused)
    assert "必要な権限" in str(refused)
    assert "権限がありません" in str(refused)


@pytest.mark.parametrize(
    ("code", "text", "sentence"),
    [
        (53, "0000052D: SvcErr: DSID-031A124C, problem 5003 (WILL_NOT_PERFORM), data 0", "パスワードがないか"),
        (19, "0000052D: AtrErr: DSID-03191083, #1: 0: 0000052D: DSID-03191083", "パスワードの規則"),
        (68, AS_AD_SAYS_IT, "同じ名前のアカウント"),
        (19, "000021C8: AtrErr: DSID-03200EA3, #1: ...", "UPN"),
        (19, "00002082: AtrErr: DSID-03151864, #1: ...", "長すぎる"),
        (53, "0000055D: SvcErr: DSID-...", "プライマリグループ"),
    ],
)
def test_active_directorys_own_reason_is_put_into_words(code: int, text: str, sentence: str) -> None:
    assert sentence in str(refusal(Result(code, text), Verb.PASSWORD))


def test_a_long_or_unprintable_text_is_no_way_into_a_log() -> None:
    said = str(refusal(Result(53, "a\x1b[31m\nb" + "x" * 10_000), Verb.CHANGE))
    assert "\x1b" not in said
    assert "\n" not in said
    assert len(said) < 400


def test_an_answer_becomes_the_ports_own() -> None:
    assert verdict(Answer(Result(0, "")), Verb.JOIN) is Outcome.CHANGED
    assert verdict(Answer(Result(20, "")), Verb.JOIN) is Outcome.UNCHANGED
    assert isinstance(verdict(Answer(Result(51, "")), Verb.JOIN), TargetUnavailable)
    assert isinstance(verdict(Answer(Result(50, "")), Verb.JOIN), TargetRefused)
    cut = TargetUnavailable("cut")
    assert verdict(cut, Verb.JOIN) is cut
