"""Passwords of the product's own sign-in: Argon2id, compared as the very bytes that were typed (FK 5-4(3), KT 第62).

Nothing is normalised, cut or trimmed: a password that differs in one byte is another password.
"""

import os
from base64 import b64encode

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from idm.errors import InvalidInput
from idm.passwords.password_strength import LocalWords, require_unguessable
from idm.policy import PasswordRules

MAXIMUM_BYTES = 1024
FEWEST_DIFFERENT_CHARACTERS = 5

_HASHER = PasswordHasher()  # RFC 9106, second recommended set: 64 MiB, 3 passes, 4 lanes


def _unmatchable() -> str:
    """A well-formed hash that no password has, of the same cost as a real one."""
    salt, tag = (b64encode(os.urandom(length)).decode().rstrip("=") for length in (16, 32))
    return f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}${salt}${tag}"


_NOBODY = _unmatchable()


def hash_password(password: str) -> str:
    """The encoded hash, with a fresh salt and its own parameters in it."""
    return _HASHER.hash(_typed(password))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password is the hashed one. None (no such sign-in) costs the same time and never matches."""
    typed = _typed(password)
    if len(typed) > MAXIMUM_BYTES:
        return False
    try:
        return _HASHER.verify(password_hash or _NOBODY, typed)
    except (VerificationError, InvalidHashError):
        return False


def nobodys_hash() -> str:
    """A hash that no password matches, whoever tries: for a password that opens nothing any more (control E6)."""
    return _NOBODY


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def check_new_password(password: str, *, rules: PasswordRules, name: str, words: LocalWords) -> None:
    """Nothing, where the password may be chosen. Raises InvalidInput with the reason (FK 5-4(3)③).

    Length counts, and how soon it would be guessed; mixtures of kinds of characters do not. The sign-in name must not
    be in it. `words`: what somebody who knows the place tries first.
    """
    if len(password) < rules.own_minimum_length:
        raise _refusal(
            f"パスワードは{rules.own_minimum_length}文字以上にしてください（いまは{len(password)}文字です）。"
        )
    if len(_typed(password)) > MAXIMUM_BYTES:
        raise _refusal(f"パスワードが長すぎます。半角で{MAXIMUM_BYTES}文字までにしてください。")
    if len(set(password)) < FEWEST_DIFFERENT_CHARACTERS:
        raise _refusal("同じ文字の繰り返しは推測されやすいため使えません。")
    if name.lower() in password.lower():
        raise _refusal("利用者名を含むパスワードは推測されやすいため使えません。")
    require_unguessable(password, guesses_log10=rules.own_guesses_log10, words=words)


def _typed(password: str) -> bytes:
    # A lone surrogate cannot come from a form, but must not turn into an error page where it comes from elsewhere.
    return password.encode("utf-8", "surrogatepass")


def _refusal(message: str) -> InvalidInput:
    return InvalidInput(message, fields={"password": message})
