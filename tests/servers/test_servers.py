"""The servers that all other tests lean on do start, answer and end."""

import shutil
import smtplib
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.servers.certificates import make_certificates
from tests.servers.openldap import OpenLDAP
from tests.servers.postgres import Postgres
from tests.servers.smtp_sink import SmtpSink

STARTS_AND_WAITS = """
import sys, time
from importlib import import_module
from pathlib import Path
module, name, folder = sys.argv[1:]
server = getattr(import_module("tests.servers." + module), name)(Path(folder))
server.build()
server.start()
print(server._process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path that servers who give up root can enter; a test runner's is neither."""
    path = Path(tempfile.mkdtemp(prefix="servers-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


def test_postgres_answers_and_comes_back_with_its_data() -> None:
    server = Postgres()
    server.build()
    server.start()
    engine = create_engine(server.url)
    with engine.begin() as connection:
        connection.execute(text("create table kept as select '髙橋' as name"))
    engine.dispose()
    server.stop()
    server.start()
    engine = create_engine(server.url)
    with engine.connect() as connection:
        assert connection.execute(text("select name from kept")).scalar() == "髙橋"
    engine.dispose()
    server.discard()
    assert not server.folder.exists()


def test_smtp_sink_keeps_a_japanese_message_sent_over_starttls_with_a_login(tmp_path: Path) -> None:
    certificate = make_certificates(tmp_path).good
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "利用申請 髙橋", "idm@town.example.jp", "kacho@town.example.jp"
    message.set_content("承認をお願いします。")
    with SmtpSink(certificate=certificate, login=("idm", "secret")) as sink:
        with smtplib.SMTP(sink.host, sink.port) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(certificate.ca_file)))
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("idm", "wrong")
            client.login("idm", "secret")
            client.send_message(message)
        [received] = sink.received
    assert received.recipients == ("kacho@town.example.jp",)
    assert received.message["Subject"] == "利用申請 髙橋"
    assert received.message.get_content().strip() == "承認をお願いします。"


def test_smtp_sink_refuses_the_recipients_it_was_told_to() -> None:
    with SmtpSink(refuse=["gone@town.example.jp"]) as sink:
        with smtplib.SMTP(sink.host, sink.port) as client, pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("idm@town.example.jp", ["gone@town.example.jp"], "Subject: x\r\n\r\nx")
        assert sink.received == []


@pytest.mark.parametrize(
    "server", [("openldap", "OpenLDAP"), ("samba_ad", "SambaAD"), ("directory_389", "Directory389")]
)
def test_a_directory_dies_with_the_process_that_started_it(server: tuple[str, str], folder: Path) -> None:
    command = [sys.executable, "-c", STARTS_AND_WAITS, *server, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        starter.kill()
    assert _ends(child)


def test_a_directory_built_twice_keeps_what_it_holds(tmp_path: Path) -> None:
    first = OpenLDAP(tmp_path / "日本 語")
    first.build(
        f"dn: cn=kept,{first.groups_base}\nobjectClass: groupOfNames\ncn: kept\nmember: {first.placeholder_dn}\n"
    )
    first.start()
    first.stop()
    again = OpenLDAP(tmp_path / "日本 語")
    again.build("dn: cn=never loaded\n")
    again.start()
    try:
        assert again.service_password() == first.service_password()
        assert again.read(f"cn=kept,{again.groups_base}", "cn") == {"cn": ["kept"]}
    finally:
        again.stop()


def test_the_secrets_of_a_local_directory_are_for_its_owner_only(tmp_path: Path) -> None:
    server = OpenLDAP(tmp_path)
    server.build()
    for name in ("service.password", "administrator.password", "slapd.conf", "tls/server.key"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, name


def test_the_service_account_can_neither_read_passwords_nor_escape_their_rules(tmp_path: Path) -> None:
    server = OpenLDAP(tmp_path)
    person = f"uid=taro,{server.people_base}"
    server.build(
        f"dn: {person}\nobjectClass: inetOrgPerson\nuid: taro\ncn: taro\nsn: taro\nuserPassword: taro-taro-1\n"
    )
    server.start()
    try:
        as_service = (server.service_dn, server.service_password_file)
        seen = server.run("ldapsearch", *as_service, "-LLL", "-b", person, "userPassword", "uid")
        assert b"uid: taro" in seen.stdout
        assert b"userPassword" not in seen.stdout
        change = f"dn: {person}\nchangetype: modify\nreplace: userPassword\nuserPassword: short\n"
        refused = server.run("ldapmodify", *as_service, given=change)
        assert b"quality" in refused.stderr
    finally:
        server.stop()


def _ends(pid: int) -> bool:
    for _ in range(500):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]:
            return True
        time.sleep(0.02)
    return False
