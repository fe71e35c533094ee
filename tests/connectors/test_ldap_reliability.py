"""A directory that is stopped in the middle, slow, busy, or cut off: nothing is lost, and nothing done twice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from connectors.ldap.active_directory.connector import ActiveDirectoryConnector, open_active_directory
from connectors.ldap.connector import LdapConnector
from connectors.ldap.plain_connectors import open_openldap
from connectors.ldap.security_ids import below
from idm.errors import TargetRefused, TargetUnavailable
from idm.ports import AddMember, CreateAccount, Outcome, SetEnabled, SetTemporaryPassword, Step
from tests.connectors.conftest import OpenLdapTarget, now
from tests.connectors.samba_target import SambaTarget
from tests.connectors.target import PASSWORD, attributes
from tests.connectors.target_389 import Target389
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.directory_389 import Directory389
from tests.servers.fake_directory import MODIFY, SEARCH, FakeDirectory, Request, Said
from tests.servers.openldap import OpenLDAP
from tests.servers.samba_ad import SambaAD

AccountsTarget = OpenLdapTarget | SambaTarget | Target389
WAVE = 20


@pytest.fixture(scope="module")
def directory_389() -> Iterator[Directory389]:
    server = Directory389()
    server.build()
    server.start()
    yield server
    server.discard()


@pytest.fixture(params=["openldap", "samba", "directory_389"])
def target(request: pytest.FixtureRequest) -> Iterator[AccountsTarget]:
    """Each real directory in turn."""
    server = request.getfixturevalue(request.param)
    with ExitStack() as closing:
        if isinstance(server, OpenLDAP):
            yield OpenLdapTarget(server, closing)
        elif isinstance(server, SambaAD):
            yield SambaTarget(server, closing, now)
        else:
            yield Target389(server, closing, now)


# --- real directories ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answers_passed", [1, 5])
@pytest.mark.parametrize("stopped", [False, True], ids=["cut", "stopped"])
def test_a_batch_that_is_broken_off_ends_well_when_it_is_done_again(
    target: AccountsTarget, answers_passed: int, stopped: bool
) -> None:
    target.add_group("g")
    group = target.connector().group("g").external_id
    batch = _Batch(target, stopped=stopped, answers_passed=answers_passed)
    creations = [CreateAccount(uuid4(), attributes(f"u{number}")) for number in range(WAVE)]
    batch.carry_out(creations)
    found = target.connector().find([step.account_uuid for step in creations])
    ids = [account.external_id for account in found.values()]
    batch.carry_out([SetTemporaryPassword(one, PASSWORD) for one in ids])
    batch.carry_out([AddMember(one, group) for one in ids])
    batch.carry_out([SetEnabled(one, enabled=True) for one in ids])
    assert batch.unknown
    whole = target.connector()
    assert sorted(account.login_name for account in whole.account_ids()) == sorted(f"u{n}" for n in range(WAVE))
    assert sorted(whole.members(group)) == sorted(ids)
    assert all(account.enabled for account in whole.find(found).values())
    assert {whole.password_state(one).must_change for one in ids} == {True}


class _Batch:
    """Waves on a wire that is cut once, perhaps because the directory goes down; what is unknown is done again."""

    def __init__(self, target: AccountsTarget, *, stopped: bool, answers_passed: int) -> None:
        self._target, self._stopped, self._answers_passed = target, stopped, answers_passed
        self._said, self._down = count(), False
        self._connector = target.forgetful_connector(done=self._is_time)
        self.unknown = 0

    def carry_out(self, wave: Sequence[Step]) -> None:
        """Afterwards every step has been answered."""
        waiting = list(wave)
        for _ in range(4):
            answers = self._answers(waiting)
            assert all(isinstance(answer, Outcome | TargetUnavailable) for answer in answers), answers
            pairs = zip(waiting, answers, strict=True)
            waiting = [step for step, answer in pairs if isinstance(answer, TargetUnavailable)]
            if not waiting:
                return
            self.unknown += len(waiting)
            if self._down:
                self._down = False
                self._target.start()
        raise AssertionError("still unknown after four attempts")

    def _answers(self, wave: Sequence[Step]) -> Sequence[object]:
        try:
            return self._connector.perform(wave)
        except TargetUnavailable as error:
            return [error] * len(wave)

    def _is_time(self) -> bool:
        if next(self._said) != self._answers_passed:
            return False
        if self._stopped:
            self._target.stop()
            self._down = True
        return True


# --- fakes: busy, silent, and what no server here has ----------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


TARO = "0b7f1a52-0000-4000-8000-000000000001"
PEOPLE, GROUPS = "ou=people,dc=example,dc=jp", "ou=groups,dc=example,dc=jp"


def plain_connector(fake: FakeDirectory, certificates: Certificates, **more: object) -> LdapConnector:
    values = {
        "host": "localhost",
        "port": fake.port,
        "ca_file": str(certificates.good.ca_file),
        "bind_dn": "cn=idm,dc=example,dc=jp",
        "people_base": PEOPLE,
        "groups_base": GROUPS,
        "placeholder_member_dn": "cn=nobody,dc=example,dc=jp",
        "answer_timeout_seconds": 1,
        **more,
    }
    return open_openldap(values, "the-service-password", now)


def one_person(change: Callable[[], Said]) -> Callable[[Request], Said]:
    """A directory with one disabled person, which answers changes as told."""
    taro = (f"uid=taro,{PEOPLE}", {"entryUUID": [TARO.encode()], "pwdEndTime": [b"19700101000000Z"]})
    return lambda request: change() if request.tag == MODIFY else Said(entries=[taro])


@pytest.mark.parametrize("code", [3, 51, 52, 80])
def test_a_busy_directory_is_asked_again_later_and_nothing_was_done(certificates: Certificates, code: int) -> None:
    answers = iter([Said(code), Said(0)])
    with FakeDirectory(certificates.good, one_person(lambda: next(answers))) as fake:
        connector = plain_connector(fake, certificates)
        step = SetEnabled(TARO, enabled=True)
        [busy] = connector.perform([step])
        assert isinstance(busy, TargetUnavailable)
        assert connector.perform([step]) == [Outcome.CHANGED]
        assert [request.tag for request in fake.requests].count(MODIFY) == 2
        connector.close()


def test_one_busy_answer_in_a_wave_is_that_steps_only(certificates: Certificates) -> None:
    answers = iter([Said(0), Said(51), Said(50)])
    people = [str(uuid4()) for _ in range(3)]

    def answer(request: Request) -> Said:
        if request.tag == MODIFY:
            return next(answers)
        end = b"19700101000000Z"
        return Said(
            entries=[(f"uid={one},{PEOPLE}", {"entryUUID": [one.encode()], "pwdEndTime": [end]}) for one in people]
        )

    with FakeDirectory(certificates.good, answer) as fake:
        connector = plain_connector(fake, certificates)
        done, busy, refused = connector.perform([SetEnabled(one, enabled=True) for one in people])
        assert done is Outcome.CHANGED
        assert isinstance(busy, TargetUnavailable)
        assert isinstance(refused, TargetRefused)
        connector.close()


def test_a_directory_that_takes_too_long_has_an_unknown_outcome(certificates: Certificates) -> None:
    with FakeDirectory(certificates.good, one_person(lambda: Said(None))) as fake:
        connector = plain_connector(fake, certificates)
        [answer] = connector.perform([SetEnabled(TARO, enabled=True)])
        assert isinstance(answer, TargetUnavailable)
        connector.close()


def test_a_reading_that_ends_busy_is_no_list(certificates: Certificates) -> None:
    half = [(f"uid=taro,{PEOPLE}", {"entryUUID": [TARO.encode()]})]
    with FakeDirectory(certificates.good, lambda _: Said(51, half)) as fake:
        connector = plain_connector(fake, certificates)
        with pytest.raises(TargetUnavailable):
            list(connector.accounts())
        connector.close()


# --- a fake forest whose memberships end by themselves ---------------------------------------------------------------

ROOT, CONFIGURATION = "DC=ad,DC=example,DC=jp", "CN=Configuration,DC=ad,DC=example,DC=jp"
DOMAIN_SID = bytes((1, 4, 0, 0, 0, 0, 0, 5)) + bytes(range(16))
ACCOUNT, GROUP = uuid4(), uuid4()
ACCOUNT_DN, GROUP_DN = f"CN=taro,OU=People,{ROOT}", f"CN=g,OU=Groups,{ROOT}"
FEATURE = (
    b"CN=Privileged Access Management Feature,CN=Optional Features,CN=Directory Service,CN=Windows NT,CN=Services,"
    + CONFIGURATION.encode()
)
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


class Forest:
    """What a domain controller of Windows Server 2016 or later would hold; `changes` are its answers to changes."""

    def __init__(self, *changes: Said) -> None:
        self._changes = iter(changes)
        self.member = False

    def answer(self, request: Request) -> Said:
        """See `fake_directory`."""
        if request.tag == MODIFY:
            return next(self._changes)
        held = {
            "": {"defaultNamingContext": [ROOT.encode()], "configurationNamingContext": [CONFIGURATION.encode()]},
            f"CN=Partitions,{CONFIGURATION}": {"msDS-EnabledFeature": [FEATURE]},
        }
        if request.dn in held:
            return Said(entries=[(request.dn, held[request.dn])])
        if request.dn == GROUP_DN:
            return Said(entries=[(GROUP_DN, {})] if self.member else [])
        return Said(entries=self._found(request))

    def _found(self, request: Request) -> list[tuple[str, dict[str, list[bytes]]]]:
        if ACCOUNT.bytes_le in request.raw:
            sid = below(DOMAIN_SID, 1104)
            kin = {"objectSid": [sid], "primaryGroupID": [b"513"]}
            return [(ACCOUNT_DN, {"objectGUID": [ACCOUNT.bytes_le], "userAccountControl": [b"512"], **kin})]
        if GROUP.bytes_le in request.raw:
            return [(GROUP_DN, {"objectGUID": [GROUP.bytes_le]})]
        scope_is_base = request.raw[request.raw.index(b"\x0a\x01") + 2] == 0
        return [(ROOT, {"objectSid": [DOMAIN_SID]})] if request.dn == ROOT and scope_is_base else []


def ad_connector(fake: FakeDirectory, certificates: Certificates) -> ActiveDirectoryConnector:
    values = {
        "host": "localhost",
        "port": fake.port,
        "ca_file": str(certificates.good.ca_file),
        "bind_dn": "svc-idm@ad.example.jp",
        "people_base": f"OU=People,{ROOT}",
        "groups_base": f"OU=Groups,{ROOT}",
        "upn_suffix": "ad.example.jp",
    }
    return open_active_directory(values, "the-service-password", lambda: NOW)


def test_a_membership_is_given_its_end_as_seconds_to_live(certificates: Certificates) -> None:
    with FakeDirectory(certificates.good, Forest(Said(0)).answer) as fake:
        connector = ad_connector(fake, certificates)
        assert connector.can_time_box()
        step = AddMember(str(ACCOUNT), str(GROUP), until=NOW + timedelta(hours=4))
        assert connector.perform([step]) == [Outcome.CHANGED]
        [change] = [request for request in fake.requests if request.tag == MODIFY]
        assert change.dn == GROUP_DN
        assert f"<TTL=14400,{ACCOUNT_DN}>".encode() in change.raw
        [late] = connector.perform([AddMember(str(ACCOUNT), str(GROUP), until=NOW)])
        assert isinstance(late, TargetRefused)
        connector.close()


def test_an_endless_membership_is_replaced_by_one_with_an_end(certificates: Certificates) -> None:
    already = Said(68, text="00000562: UpdErr: DSID-031A122D, problem 6005 (ENTRY_EXISTS), data 0")
    forest = Forest(already, already, Said(0))
    forest.member = True
    with FakeDirectory(certificates.good, forest.answer) as fake:
        connector = ad_connector(fake, certificates)
        step = AddMember(str(ACCOUNT), str(GROUP), until=NOW + timedelta(hours=1))
        assert connector.perform([step]) == [Outcome.CHANGED]
        replaced = [request for request in fake.requests if request.tag == MODIFY][-1]
        assert replaced.raw.count(ACCOUNT_DN.encode()) == 2
        assert f"<TTL=3600,{ACCOUNT_DN}>".encode() in replaced.raw
        connector.close()


def test_a_server_that_is_no_active_directory_is_told_so(certificates: Certificates, tmp_path: Path) -> None:
    with FakeDirectory(certificates.good, lambda request: Said(entries=[("", {})])) as fake:
        connector = ad_connector(fake, certificates)
        with pytest.raises(TargetRefused, match="Active Directory ではない"):
            list(connector.accounts())
        assert {request.tag for request in fake.requests} == {SEARCH}
        connector.close()
