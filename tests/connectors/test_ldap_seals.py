"""A seal says whether anything of an account has changed, without reading it (connectors.ldap.seals)."""

from datetime import UTC, datetime

from connectors.ldap.connector import LdapConnector
from idm.ports import SetEnabled, SetTemporaryPassword, Step, UpdateAttributes
from tests.connectors.conftest import OpenLdapTarget
from tests.connectors.target import PASSWORD, attributes, created, seen


def seals(connector: LdapConnector) -> list[bytes]:
    """Of every account, read by seals that are all known and by none."""
    shown = [one.seal for one in connector.sightings(()) if not isinstance(one, bytes)]
    assert list(connector.sightings(frozenset(shown))) == shown
    return shown


def test_every_account_has_the_seal_that_was_read_with_it_until_it_changes(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector(page_size=2)
    uuids = [created(connector, name)[0] for name in ("taro", "hana", "jiro", "saki", "kenji")]
    sealed = {uuid: account.seal for uuid, account in connector.find(uuids).items()}
    assert len(set(sealed.values())) == 5
    assert sorted(seals(connector)) == sorted(seal for seal in sealed.values() if seal is not None)
    connector.perform([SetEnabled(seen(connector, uuids[0]).external_id, enabled=True)])
    assert set(sealed.values()) - set(seals(connector)) == {sealed[uuids[0]]}
    assert seen(connector, uuids[0]).seal in set(seals(connector))


def test_each_kind_of_change_breaks_the_seal_and_using_the_account_does_not(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector()
    uuid, external_id = created(connector, "taro")
    until = datetime(2030, 3, 31, 15, tzinfo=UTC)
    changes: tuple[Step, ...] = (
        SetEnabled(external_id, enabled=True, expires_at=until),
        SetEnabled(external_id, enabled=True),
        UpdateAttributes(external_id, attributes("taro", unit_name="税務課")),
        UpdateAttributes(external_id, attributes("taro", mail=None)),
    )
    known = {seen(connector, uuid).seal}
    for number, change in enumerate(changes, start=2):
        connector.perform([change])
        known.add(seen(connector, uuid).seal)
        assert len(known) == number
    connector.perform([SetTemporaryPassword(external_id, PASSWORD)])
    before = seen(connector, uuid).seal
    assert ldap_target.sign_in("taro", PASSWORD)
    ldap_target.set_last_use("taro", datetime(2026, 1, 5, tzinfo=UTC))
    assert (seen(connector, uuid).seal, seals(connector)) == (before, [before])


def test_a_name_changed_by_hand_breaks_the_seal(ldap_target: OpenLdapTarget) -> None:
    connector = ldap_target.connector()
    uuid, _ = created(connector, "taro")
    before = seen(connector, uuid).seal
    ldap_target.server.apply(
        f"dn: {ldap_target.dn('taro')}\nchangetype: modify\nreplace: employeeNumber\nemployeeNumber: 9999999\n"
    )
    assert before not in set(seals(connector))
