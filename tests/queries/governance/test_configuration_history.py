"""Versions of the configuration, and what each changes."""

import pytest

from idm.errors import NotFound
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.policy_file import effective_text, load_profile, shipped_profile
from idm.queries.governance.configuration_history import (
    Change,
    ChangedLine,
    VersionRow,
    VersionState,
    changed_lines,
    comparison,
    effective_values,
    version_rows,
)
from idm.vocabulary import ConfigurationKind
from tests.cast import NOW, Cast


def longer_wait() -> str:
    """The profile with another number of days."""
    text = shipped_profile("fukuoka").replace("unused_days = 90", "unused_days = 120", 1)
    return effective_text(load_profile("fukuoka", lambda _: text))


def propose(cast: Cast) -> int:
    with cast.acting("security") as session:
        text = ConfigurationText(ConfigurationKind.PROFILE, "fukuoka", longer_wait())
        return configuration.propose(session, text, reason="監査の指摘", actor=cast.actor("security"), now=NOW).id


def profiles(cast: Cast) -> list[VersionRow]:
    with cast.database.reading() as session:
        return [row for row in version_rows(session) if row.kind is ConfigurationKind.PROFILE]


def test_the_first_record_is_in_force_and_has_no_proposer(cast: Cast) -> None:
    (row,) = profiles(cast)
    assert (row.state, row.version, row.proposed_by, row.accepted_by) == (VersionState.IN_FORCE, 1, None, None)


def test_an_accepted_proposal_replaces_the_version_before(cast: Cast) -> None:
    proposed = propose(cast)
    assert [row.state for row in profiles(cast)] == [VersionState.PROPOSED, VersionState.IN_FORCE]
    with cast.acting("ciso") as session:
        configuration.accept(session, proposed, actor=cast.actor("ciso"), now=NOW)
    newest, first = profiles(cast)
    assert (newest.state, newest.proposed_by, newest.accepted_by, first.state) == (
        VersionState.IN_FORCE, "香椎　宮子", "大濠　公子", VersionState.REPLACED
    )  # fmt: skip


def test_a_refused_proposal_changes_nothing(cast: Cast) -> None:
    proposed = propose(cast)
    with cast.acting("ciso") as session:
        configuration.refuse(session, proposed, actor=cast.actor("ciso"), now=NOW)
    assert [row.state for row in profiles(cast)] == [VersionState.REFUSED, VersionState.IN_FORCE]


def test_the_comparison_shows_old_and_new_value_with_the_clause(cast: Cast) -> None:
    with cast.database.reading() as session:
        compared = comparison(session, propose(cast))
    changed = [line for line in compared.lines if line.change in (Change.ADDED, Change.REMOVED)]
    assert compared.before is not None
    assert changed == [
        ChangedLine(Change.REMOVED, "dormancy.times.unused_days = 90  # 6-2(2)③"),
        ChangedLine(Change.ADDED, "dormancy.times.unused_days = 120  # 6-2(2)③"),
    ]


def test_an_accepted_version_goes_on_showing_what_it_changed(cast: Cast) -> None:
    proposed = propose(cast)
    with cast.acting("ciso") as session:
        configuration.accept(session, proposed, actor=cast.actor("ciso"), now=NOW)
    with cast.database.reading() as session:
        compared, first = comparison(session, proposed), comparison(session, profiles(cast)[1].id)
    assert compared.before is not None
    assert compared.before.version == 1
    assert first.before is None


def test_the_first_version_is_all_new(cast: Cast) -> None:
    first = profiles(cast)[0].id
    with cast.database.reading() as session:
        compared = comparison(session, first)
    assert compared.before is None
    assert {line.change for line in compared.lines} == {Change.ADDED}


def test_every_effective_value_names_its_file_and_clause() -> None:
    values = {value.key: value for value in effective_values(effective_text(load_profile("fukuoka")))}
    assert (values["dormancy.times.unused_days"].value, values["dormancy.times.unused_days"].clause) == (
        "90",
        "6-2(2)③",
    )
    assert {value.file for value in values.values()} == {"fukuoka.toml"}


def test_an_unknown_version_is_not_found(cast: Cast) -> None:
    with cast.database.reading() as session, pytest.raises(NotFound):
        comparison(session, 999)


def test_lines_far_from_any_change_are_left_out() -> None:
    old = [str(number) for number in range(20)]
    lines = list(changed_lines(old, [*old[:10], "new", *old[10:]]))
    assert lines[0] == ChangedLine(Change.SKIPPED)
    assert [line.text for line in lines[1:]] == ["7", "8", "9", "new", "10", "11", "12"]


def test_equal_texts_have_no_changed_line() -> None:
    assert list(changed_lines(["a"], ["a"])) == []
