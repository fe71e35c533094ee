"""The demonstration's directory: each system has a service account of its own, which may do what it needs."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connectors.registry import open_directory
from idm.errors import TargetError
from idm.ports import (
    AddMember,
    Check,
    CheckVerdict,
    CreateAccount,
    ExaminesItself,
    Outcome,
    SetTemporaryPassword,
    Writes,
)
from idm.vocabulary import BY_HAND, ConfigurationKind
from jobs.child_processes import free_port
from jobs.commands.terminal import print_table
from jobs.demo import directory as directory_module
from jobs.demo.directory import LocalDirectory
from jobs.demo.prepare import BRANCHES, configuration_texts
from tests.connectors.target import attributes
from tests.servers.openldap import OpenLDAP

Settings = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenLDAP]:
    directory = OpenLDAP(tmp_path_factory.mktemp("demo"), branches=BRANCHES)
    directory.build()
    directory.start()
    yield directory
    directory.stop()


def systems(server: LocalDirectory) -> dict[str, Settings]:
    """Code → the settings of the sample's systems that this directory serves."""
    [organisation] = [
        text.content
        for text in configuration_texts(server.connector_settings())
        if text.kind is ConfigurationKind.ORGANISATION
    ]
    return {one["code"]: one["settings"] for one in json.loads(organisation)["systems"] if one["connector"] != BY_HAND}


def secret(server: LocalDirectory, code: str) -> str:
    return server.branches[code].password_file.read_text() if code in server.branches else server.service_password()


def examined(settings: Settings, password: str) -> list[Check]:
    with closing(open_directory("openldap", settings, password)) as directory:
        assert isinstance(directory, ExaminesItself)
        return list(directory.examine())


@pytest.mark.parametrize("code", ["office", "pension"])
def test_what_each_systems_account_may_do_is_what_it_needs(server: LocalDirectory, code: str) -> None:
    checks = examined(systems(server)[code], secret(server, code))
    assert checks
    assert [check for check in checks if check.verdict is not CheckVerdict.FINE] == []


@pytest.mark.parametrize(("code", "other"), [("office", "pension"), ("pension", "office")])
def test_one_systems_account_cannot_write_in_the_others_part(server: LocalDirectory, code: str, other: str) -> None:
    settings = {**systems(server)[other], "bind_dn": systems(server)[code]["bind_dn"]}
    with closing(open_directory("openldap", settings, secret(server, code))) as directory:
        assert isinstance(directory, Writes)
        [answer] = directory.perform([create("u-of-another")])
    assert isinstance(answer, TargetError)


@pytest.mark.parametrize("code", ["office", "pension"])
def test_each_systems_account_writes_in_its_own_part(server: OpenLDAP, code: str) -> None:
    settings = systems(server)[code]
    server.apply(
        f"dn: cn=some,{settings['groups_base']}\nobjectClass: groupOfNames\ncn: some\nmember: {server.placeholder_dn}\n"
    )
    with closing(open_directory("openldap", settings, secret(server, code))) as directory:
        assert isinstance(directory, Writes)
        assert directory.perform([create(f"u-{code}")]) == [Outcome.CHANGED]
        [made] = [account for account in directory.account_ids() if account.login_name == f"u-{code}"]
        group = directory.group("some").external_id
        assert directory.perform([SetTemporaryPassword(made.external_id, "Temporary-12345")]) == [Outcome.CHANGED]
        assert directory.perform([AddMember(made.external_id, group)]) == [Outcome.CHANGED]
        assert list(directory.members(group)) == [made.external_id]


def test_the_offices_account_sees_nothing_of_the_pension_system(server: LocalDirectory) -> None:
    settings = {**systems(server)["pension"], "bind_dn": systems(server)["office"]["bind_dn"]}
    with closing(open_directory("openldap", settings, secret(server, "office"))) as directory:
        try:
            seen = list(directory.account_ids())
        except TargetError:
            seen = []
    assert seen == []


def test_a_table_cuts_no_sentence_off(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "あ" * 300
    print_table(("項目", "わかったこと"), [("点検", sentence)])
    assert capsys.readouterr().out.count("あ") == 300


def create(login_name: str) -> CreateAccount:
    return CreateAccount(uuid4(), attributes(login_name))


def test_a_directory_that_cannot_start_says_why(tmp_path: Path) -> None:
    directory = LocalDirectory(tmp_path / "directory")
    directory.build()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # does not listen: it answers nobody in the directory's place
        with pytest.raises(RuntimeError, match="Address already in use"):
            directory.start(taken.getsockname()[1])


def test_a_port_that_somebody_took_meanwhile_is_exchanged_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = LocalDirectory(tmp_path / "directory")
    directory.build()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ports = iter([taken.getsockname()[1], free_port()])
        monkeypatch.setattr(directory_module, "free_port", lambda: next(ports))
        directory.start()
    directory.stop()
    assert next(ports, None) is None
