"""Names that are tried first, and accounts that every directory is born with (FK 6-2(3)⑥; control D5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idm.directory.default_names import BY_KIND, EVERYWHERE, is_default_name, privilege_found
from idm.ports import AccountId, BuiltIn
from idm.vocabulary import AccountKind, FindingKind

AD = "active_directory"


def account(
    name: str, *, enabled: bool | None = True, built_in: BuiltIn | None = None, guarded: bool = False
) -> AccountId:
    return AccountId("e-1", None, name, enabled, built_in, guarded)


def found(
    one: AccountId, *, registered: bool = False, ours: AccountKind | None = None, told: bool = False
) -> FindingKind | None:
    return privilege_found(one, AD, registered=registered, ours=ours, told=told)


@pytest.mark.parametrize("name", ["Administrator", "admin", "ROOT", "sa", "Guest", "ａｄｍｉｎ", " admin ", "管理者"])
def test_a_default_name_is_known_in_any_case_and_width(name: str) -> None:
    assert is_default_name(name, "openldap")


@pytest.mark.parametrize("name", [
    "adam", "sasaki", "rooter", "administrator2", "adm-u100009", "sakai", "sys-kanri", "guesthouse", "u100009",
    "ad.min", "testa", "",
])  # fmt: skip
def test_people_of_ours_are_never_hit(name: str) -> None:
    assert not is_default_name(name, AD)


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_what_a_kind_of_directory_is_delivered_with_counts_there_alone(kind: str) -> None:
    for name in BY_KIND[kind]:
        assert is_default_name(name.upper(), kind)
        assert not is_default_name(name, "memory")


@given(st.sampled_from(sorted(EVERYWHERE)), st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=2, max_size=6))
def test_a_name_counts_as_a_whole(name: str, more: str) -> None:
    for longer in (name + more, more + name):
        assert is_default_name(longer, AD) is (longer in EVERYWHERE | BY_KIND[AD])


def test_a_default_name_is_found_until_it_is_renamed_or_switched_off() -> None:
    born = BuiltIn.ADMINISTRATOR
    assert found(account("Administrator", built_in=born)) is FindingKind.DEFAULT_NAME
    assert found(account("Administrator", built_in=born), registered=True) is FindingKind.DEFAULT_NAME
    assert found(account("Administrator", built_in=born, enabled=False)) is None
    assert found(account("kanri", built_in=born), registered=True) is None
    assert found(account("admin", enabled=None)) is FindingKind.DEFAULT_NAME, "unknown is not switched off"


def test_a_built_in_one_that_was_only_renamed_is_known_by_its_number() -> None:
    renamed = account("kanri", built_in=BuiltIn.ADMINISTRATOR)
    assert found(renamed) is FindingKind.UNREGISTERED_PRIVILEGE
    assert found(account("kanri", built_in=BuiltIn.ADMINISTRATOR, enabled=False)) is None


def test_what_a_directory_guards_is_privileged_unless_something_explains_it() -> None:
    guarded = account("tanaka", guarded=True)
    assert found(guarded) is FindingKind.UNREGISTERED_PRIVILEGE
    assert found(guarded, ours=AccountKind.PERSONAL) is FindingKind.UNREGISTERED_PRIVILEGE
    assert found(guarded, ours=AccountKind.PRIVILEGED) is None, "it is registered by its holder's rights"
    assert found(guarded, registered=True) is None
    assert found(guarded, told=True) is None, "one fact, one finding"
    assert found(account("tanaka")) is None
