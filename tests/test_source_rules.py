"""What the product's own source never does, read from its syntax: no rule here depends on a linter's settings."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("idm", "connectors", "web", "jobs")
CRYPTOGRAPHY = {"cryptography", "argon2", "pyotp", "hashlib", "hmac", "secrets", "jwt", "msal", "webauthn"}
OTHER_CRYPTOGRAPHY = {"Crypto", "Cryptodome", "nacl", "rsa", "ecdsa", "M2Crypto", "passlib", "bcrypt", "simplecrypt"}


@cache
def sources() -> tuple[tuple[Path, ast.Module], ...]:
    paths = (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    return tuple((path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Where, the dotted name of what is called, and the call."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield f"{path}:{node.lineno}", ast.unparse(node.func), node


def imported(*, without: str = "") -> set[str]:
    """The top packages that the product imports; `without` leaves a folder out."""
    found: set[str] = set()
    for path, tree in sources():
        if without and path.is_relative_to(without):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found


def called(pattern: str) -> list[str]:
    return [f"{where} {name}" for where, name, _call in calls() if re.fullmatch(pattern, name)]


@pytest.mark.asvs("1.3.2")
def test_nothing_is_evaluated_as_code() -> None:
    assert called(r"(builtins\.)?(eval|exec|compile|__import__)") == []


@pytest.mark.asvs("1.2.5")
def test_no_shell_is_started() -> None:
    assert called(r"os\.(system|popen)|subprocess\.(getoutput|getstatusoutput)|pty\.spawn") == []
    assert [where for where, _name, call in calls() for word in call.keywords if word.arg == "shell"] == []


@pytest.mark.asvs("1.3.7")
def test_no_template_is_made_of_text() -> None:
    assert called(r"(\w+\.)?(render_template_string|from_string)|(jinja2\.)?Template") == []


@pytest.mark.asvs("1.5.2")
def test_nothing_is_deserialised_into_objects() -> None:
    assert imported() & {"pickle", "marshal", "shelve", "dill", "yaml", "jsonpickle"} == set()


@pytest.mark.asvs("1.2.4")
def test_no_statement_is_pasted_together_with_values() -> None:
    pasted = [
        f"{where} {name}"
        for where, name, call in calls()
        if re.fullmatch(r"(sa\.|sqlalchemy\.)?text|.*\.(exec_driver_sql|executescript)", name) and call.args
        and isinstance(call.args[0], (ast.JoinedStr, ast.BinOp, ast.Call))
    ]  # fmt: skip
    assert [one for one in pasted if not one.startswith("idm/migrations")] == []


@pytest.mark.asvs("11.2.1")
def test_only_well_known_libraries_do_cryptography() -> None:
    assert imported() & OTHER_CRYPTOGRAPHY == set()
    assert imported() & CRYPTOGRAPHY >= {"cryptography", "argon2", "hashlib"}


@pytest.mark.asvs("11.3.1", "11.3.2")
def test_every_cipher_is_authenticated() -> None:
    assert called(r".*\b(ECB|CBC|CTR|OFB|CFB|PKCS1v15|ARC4|TripleDES|Blowfish|Cipher)") == []


@pytest.mark.asvs("11.4.1")
def test_no_broken_hash_is_made() -> None:
    assert called(r"(hashlib\.|hashes\.)?(md5|sha1|MD5|SHA1)") == []


@pytest.mark.asvs("6.5.3", "11.5.1")
def test_nothing_random_comes_from_a_generator_that_can_be_foretold() -> None:
    assert imported(without="idm/samples") & {"random", "numpy"} == set()  # the samples invent people, no secrets


@pytest.mark.asvs("1.2.2", "3.2.2", "14.2.3")
def test_no_template_trusts_text_or_loads_anything_from_elsewhere() -> None:
    for path in (ROOT / "web" / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"\|\s*safe\b|Markup\(|autoescape\s+false", text) == [], path
        assert re.findall(r"(?:javascript|data|vbscript):", text) == [], path
        assert re.findall(r"<(?:script|link|img|iframe|form)[^>]*(?:src|href|action)=\"(?:https?:)?//", text) == [], (
            path
        )


@pytest.mark.asvs("14.3.3", "15.3.6")
def test_no_script_keeps_anything_in_the_browser_or_copies_objects_into_each_other() -> None:
    for path in (ROOT / "web" / "static").rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\b", text) == [], path
        assert re.findall(r"__proto__|Object\.assign|\.prototype\b|innerHTML|eval\(", text) == [], path
