"""Passwords of the own sign-in: what may be chosen, and how it is compared."""

import pytest

from idm.errors import InvalidInput
from idm.password_hashing import check_new_password, hash_password, verify_password


def test_a_password_is_compared_as_the_very_bytes_typed() -> None:
    stored = hash_password("パスワードpassword1")
    assert verify_password(stored, "パスワードpassword1")
    for other in ("ﾊﾟｽﾜｰﾄﾞpassword1", "パスワードpassword1 ", "パスワードＰassword1", "パスワードpassword1\0", ""):
        assert not verify_password(stored, other)


def test_long_passwords_differ_in_their_last_byte() -> None:
    for length in (72, 73, 1000, 1024):
        stored = hash_password("a" * length)
        assert verify_password(stored, "a" * length)
        assert not verify_password(stored, "a" * (length - 1) + "b")
    assert not verify_password(hash_password("a" * 1025), "a" * 1025)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("短い", "12文字以上"),
        ("あいうえお" * 80, "長すぎ"),
        ("ababababababab", "繰り返し"),
        ("kyou100001ashita", "利用者名"),
    ],
)
def test_a_weak_password_cannot_be_chosen(password: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as caught:
        check_new_password(password, minimum_length=12, name="100001")
    assert set(caught.value.fields) == {"password"}
