"""What governs the product: one first record, then a proposal by one person and its acceptance by another."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.database import Database
from idm.errors import ConfigurationInvalid, IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.models.audit import AuditRecord
from idm.models.officers import ConfigurationVersion
from idm.models.people import Person
from idm.models.systems import Entitlement, EntitlementConflict, InformationSystem
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.policy_file import effective_text, load_profile, shipped_profile
from idm.queries.governance.configuration import (
    feed_text_in_force,
    organisation_in_force,
    policy_in_force,
    version_in_force,
)
from idm.request_state import Event
from idm.vocabulary import ConfigurationKind, Role
from tests.cast import NOW, Cast
from tests.templates import with_tables

PROFILE, ORGANISATION, FEED = ConfigurationKind.PROFILE, ConfigurationKind.ORGANISATION, ConfigurationKind.FEED


def shorter_lapse(days: int = 7) -> ConfigurationText:
    """The cast's profile, in which an application lapses sooner."""
    child = f'extends = "fukuoka"\n[applications]\nlapse_days = {days}\n'
    profile = load_profile("child", lambda name: child if name == "child" else shipped_profile(name))
    return ConfigurationText(PROFILE, "fukuoka", effective_text(profile))


def organisation(cast: Cast, **changes: Any) -> ConfigurationText:
    """The cast's organisation with other top-level values."""
    with cast.database.reading() as session:
        present = version_in_force(session, ORGANISATION, now=NOW)
    table = json.loads(present.content) | changes
    return ConfigurationText(ORGANISATION, present.name, json.dumps(table))


def systems(cast: Cast) -> list[dict[str, Any]]:
    """The systems of the organisation in force, to be changed."""
    found: list[dict[str, Any]] = json.loads(organisation(cast).content)["systems"]
    return found


def propose(cast: Cast, text: ConfigurationText, who: str = "security", reason: str = "見直し") -> int:
    with cast.acting(who, "configuration.propose") as session:
        return configuration.propose(session, text, reason=reason, actor=cast.actor(who), now=NOW).id


def accept(cast: Cast, version_id: int, who: str = "ciso") -> None:
    with cast.acting(who, "configuration.accept") as session:
        configuration.accept(session, version_id, actor=cast.actor(who), now=NOW)


def lapse_days(cast: Cast) -> int:
    with cast.database.reading() as session:
        return policy_in_force(session, now=NOW).applications.lapse_days


# --- the first record ------------------------------------------------------------------------------------------------


def test_the_first_record_is_in_force_at_once_and_is_one_audit_record(cast: Cast) -> None:
    with cast.database.reading() as session:
        assert policy_in_force(session, now=NOW).title == "市町村職員共済組合型"
        assert organisation_in_force(session, now=NOW).name == "小さな組合"
        record = session.scalars(select(AuditRecord).where(AuditRecord.action == "configuration.first_record")).one()
        digests = json.loads(record.payload or "{}")["digests"]
        kept = session.scalars(select(ConfigurationVersion)).all()
    assert digests == {f"{version.kind.value}:{version.name}": version.digest for version in kept}


def test_there_is_no_second_first_record(cast: Cast) -> None:
    with pytest.raises(IllegalTransition), cast.database.writing() as session:
        configuration.first_record(session, [shorter_lapse()], actor=Actor.job("idm init"), now=NOW)


def test_a_first_record_with_a_mistake_leaves_nothing(database: Database) -> None:
    broken = ConfigurationText(PROFILE, "fukuoka", '{"name": "x", "values": {}, "origins": {}}')
    with pytest.raises(ConfigurationInvalid), database.writing() as session:
        configuration.first_record(session, [shorter_lapse(), broken], actor=Actor.job("idm init"), now=NOW)
    with database.reading() as session:
        assert session.scalars(select(ConfigurationVersion)).all() == []
        with pytest.raises(ConfigurationInvalid, match="idm init"):
            policy_in_force(session, now=NOW)


# --- proposing and accepting -----------------------------------------------------------------------------------------


def test_a_proposal_changes_nothing_until_another_person_accepts_it(cast: Cast) -> None:
    before = lapse_days(cast)
    version_id = propose(cast, shorter_lapse())
    assert lapse_days(cast) == before
    accept(cast, version_id)
    assert lapse_days(cast) == 7
    with cast.database.reading() as session:
        acts = session.scalars(
            select(AuditRecord.action).where(AuditRecord.object_id == str(version_id)).order_by(AuditRecord.id)
        ).all()
    assert acts[-2:] == ["configuration.proposed", "configuration.accepted"]


def test_a_decision_is_judged_by_the_version_in_force_at_its_moment(cast: Cast) -> None:
    accept(cast, propose(cast, shorter_lapse()))
    with cast.database.reading() as session:
        assert policy_in_force(session, now=NOW - timedelta(hours=1)).applications.lapse_days == 30
        assert policy_in_force(session, now=NOW).applications.lapse_days == 7


@pytest.mark.parametrize("who", ["ciso", "chief", "system", "hr", "auditor", "staff"])
def test_only_the_security_officer_proposes(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        propose(cast, shorter_lapse(), who)


@pytest.mark.parametrize("who", ["security", "vice", "chief", "hr", "auditor"])
def test_only_the_ciso_accepts_or_refuses(cast: Cast, who: str) -> None:
    version_id = propose(cast, shorter_lapse())
    with pytest.raises(NotPermitted):
        accept(cast, version_id, who)
    with pytest.raises(NotPermitted), cast.acting(who) as session:
        configuration.refuse(session, version_id, actor=cast.actor(who), now=NOW)


def test_nobody_accepts_their_own_proposal_under_any_account(cast: Cast) -> None:
    version_id = propose(cast, shorter_lapse())
    with cast.database.writing() as session:
        for name in ("ciso", "security"):
            session.get_one(Person, cast.people[name]).match_key = "0" * 64
    with pytest.raises(SeparationOfDuties, match="SOD-1"):
        accept(cast, version_id)


def test_a_refused_proposal_changes_nothing_and_is_closed(cast: Cast) -> None:
    version_id = propose(cast, shorter_lapse())
    with cast.acting("ciso") as session:
        configuration.refuse(session, version_id, actor=cast.actor("ciso"), now=NOW)
    assert lapse_days(cast) == 30
    with pytest.raises(IllegalTransition):
        accept(cast, version_id)


def test_a_proposal_is_accepted_once(cast: Cast) -> None:
    version_id = propose(cast, shorter_lapse())
    accept(cast, version_id)
    with pytest.raises(IllegalTransition):
        accept(cast, version_id)


def test_an_unknown_proposal_is_not_found(cast: Cast) -> None:
    with pytest.raises(NotFound):
        accept(cast, 4711)


def test_versions_are_counted_for_each_name(cast: Cast) -> None:
    with cast.database.reading() as session:
        first = version_in_force(session, PROFILE, now=NOW).version
    for _ in range(2):
        propose(cast, shorter_lapse())
    with cast.database.reading() as session:
        query = select(ConfigurationVersion.version).where(ConfigurationVersion.name == "fukuoka")
        assert session.scalars(query.order_by(ConfigurationVersion.version)).all() == [first, first + 1, first + 2]


@pytest.mark.parametrize("reason", ["", " 　", "あ" * 2001, "理由\0"])
def test_a_proposal_needs_a_reason_that_can_be_kept(cast: Cast, reason: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        propose(cast, shorter_lapse(), reason=reason)
    assert list(refusal.value.fields) == ["reason"]


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_name_that_cannot_be_kept_is_refused(cast: Cast, name: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        propose(cast, ConfigurationText(PROFILE, name, shorter_lapse().content))
    assert list(refusal.value.fields) == ["name"]


@pytest.mark.parametrize("kind", ConfigurationKind)
def test_a_text_with_a_mistake_is_not_even_proposed(cast: Cast, kind: ConfigurationKind) -> None:
    with pytest.raises(ConfigurationInvalid):
        propose(cast, ConfigurationText(kind, "broken", "= ="))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"unit": "0101"}, "successors.0.unit: 課「0101」は人事データにありません。コードを直すか"),
        ({"post": "主事補"}, "successors.0.post: 課「0100」に職名「主事補」の人はいません（「主事」のことですか）"),
        ({"new_unit": "0399"}, "successors.0.new_unit: 課「0399」は知られていません"),
    ],
)
def test_a_successor_of_or_to_what_nobody_knows_is_not_proposed(cast: Cast, line: dict[str, str], told: str) -> None:
    known = {"unit": "0100", "new_unit": "0900", "day": "2026-05-01", "order": "規則第3号"}
    with pytest.raises(ConfigurationInvalid) as refused:
        propose(cast, organisation(cast, successors=[known | line]))
    (mistake,) = refused.value.mistakes
    assert told in mistake
    assert propose(cast, organisation(cast, successors=[known]))


def test_a_unit_that_the_file_itself_tells_of_may_come_after(cast: Cast) -> None:
    line = {"unit": "0100", "new_unit": "0399", "day": "2026-05-01", "order": "規則第3号"}
    units = [{"code": "0399", "parent": "0300"}]
    assert propose(cast, organisation(cast, successors=[line], units=units))


def test_a_feed_is_governed_the_same_way(cast: Cast) -> None:
    broken_by_hand = ConfigurationText(FEED, "town", 'title = "町"')
    with pytest.raises(ConfigurationInvalid):
        propose(cast, broken_by_hand)
    with cast.database.reading() as session, pytest.raises(ConfigurationInvalid, match="town"):
        feed_text_in_force(session, "town", now=NOW)


# --- the register of systems -----------------------------------------------------------------------------------------


def test_an_accepted_organisation_registers_its_systems_rights_and_conflicts(cast: Cast) -> None:
    wanted = systems(cast)
    wanted[0]["name"] = "新会計システム"
    wanted[0]["rights"].append({"code": "view", "name": "閲覧", "kind": "group", "group": "ledger-view"})
    conflicts = [{"first": "ledger/view", "second": "ledger/admin", "reason": "分ける"}]
    accept(cast, propose(cast, organisation(cast, systems=wanted, conflicts=conflicts)))
    with cast.database.reading() as session:
        names = session.scalars(select(InformationSystem.name).order_by(InformationSystem.id)).all()
        assert names == ["新会計システム", "年金システム"]
        view = session.scalars(select(Entitlement).where(Entitlement.code == "view")).one()
        assert (view.target_name, view.privileged) == ("ledger-view", False)
        assert session.scalars(select(EntitlementConflict).where(EntitlementConflict.second_id == view.id)).one()


@pytest.mark.parametrize(("settings", "known"), [({"name": "another"}, None), (None, "id-of-ours")])
def test_where_the_product_signs_in_otherwise_its_own_account_has_to_be_asked_for_again(
    cast: Cast, settings: dict[str, Any] | None, known: str | None
) -> None:
    wanted = systems(cast)
    wanted[0]["name"], wanted[0]["stage"] = "新会計システム", "observe"
    wanted[0]["settings"] = settings or wanted[0]["settings"]
    with cast.database.writing() as session:
        for system in session.scalars(select(InformationSystem)):
            system.service_account_id = "id-of-ours"
    accept(cast, propose(cast, organisation(cast, systems=wanted)))
    with cast.database.reading() as session:
        ids = {system.name: system.service_account_id for system in session.scalars(select(InformationSystem))}
    assert ids == {"新会計システム": known, "年金システム": "id-of-ours"}


def test_a_right_does_not_change_its_kind_or_group(cast: Cast) -> None:
    wanted = systems(cast)
    wanted[0]["rights"][1]["group"] = "another-group"
    version_id = propose(cast, organisation(cast, systems=wanted))
    with pytest.raises(ConfigurationInvalid, match="変えられません"):
        accept(cast, version_id)
    with cast.database.reading() as session:
        assert session.get_one(ConfigurationVersion, version_id).accepted_at is None


def test_a_right_becomes_no_privileged_one_while_an_application_for_it_is_undecided(cast: Cast) -> None:
    request_id = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/approve"))
    wanted = systems(cast)
    rights = [right for system in wanted if system["code"] == "ledger" for right in system["rights"]]
    next(right for right in rights if right["code"] == "approve")["privileged"] = True
    version_id = propose(cast, organisation(cast, systems=wanted))
    with pytest.raises(ConfigurationInvalid, match="申請中の行があるとき"):
        accept(cast, version_id)
    cast.decide("chief", request_id, Role.CHIEF, Event.REJECT, line=1)
    accept(cast, version_id)
    with cast.database.reading() as session:
        assert cast.entitlement(session, "ledger/approve").privileged


def test_what_was_registered_once_stays_in_the_register(cast: Cast) -> None:
    accept(cast, propose(cast, organisation(cast, systems=systems(cast)[:1])))
    with cast.database.reading() as session:
        assert len(session.scalars(select(InformationSystem)).all()) == 2


# --- what a database can hold ----------------------------------------------------------------------------------------


def by_hand(cast: Cast, statement: str) -> None:
    """What somebody with the database's own tools does."""
    with cast.database.writing() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    "change",
    ["accepted_at = '2026-04-01 00:00:00'", "accepted_at = '2026-04-01 00:00:00', accepted_by_id = proposed_by_id",
     "proposed_by_id = NULL", "version = 1", "kind = 'law'", "accepted_by_id = 4711"],
)  # fmt: skip
def test_the_database_refuses_a_version_that_took_fewer_than_two_people(office: Cast, change: str) -> None:
    version_id = propose(office, shorter_lapse())
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE configuration_versions SET {change} WHERE id = {version_id}")


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("information_systems", "confidentiality = 4"),
        ("information_systems", "integrity = 0"),
        ("information_systems", "availability = 3"),
        ("information_systems", "zone = 'moon'"),
        ("information_systems", "code = 'ledger'"),
        ("entitlements", "target_name = NULL"),
        ("entitlements", "code = 'enter'"),
        ("entitlement_conflicts", "first_id = second_id"),
        ("entitlement_conflicts", "second_id = 4711"),
    ],
)
def test_the_database_refuses_what_no_register_can_say(office: Cast, table: str, change: str) -> None:
    with pytest.raises(IntegrityError):
        by_hand(office, f"UPDATE {table} SET {change}")


# --- times for unused IDs ---------------------------------------------------------------------------------------------


def with_times(cast: Cast, **days: int) -> ConfigurationText:
    """The cast's organisation, whose first system has such times of its own."""
    first, *others = systems(cast)
    return organisation(cast, systems=[first | {"unused_ids": days}, *others])


def test_a_system_may_have_shorter_times_for_unused_ids_than_the_profile(cast: Cast) -> None:
    accept(cast, propose(cast, with_times(cast, unused_days=45, delete_after_days=60)))
    with cast.database.reading() as session:
        found = {system.code: system.unused_times for system in session.scalars(select(InformationSystem))}
    assert found == {"ledger": {"unused_days": 45, "delete_after_days": 60}, "pension": {}}


@pytest.mark.parametrize("days", [{"unused_days": 91}, {"disable_after_days": 15}, {"delete_after_days": 0}])
def test_longer_times_for_unused_ids_than_the_profiles_are_refused_and_told_where(
    cast: Cast, days: dict[str, int]
) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        propose(cast, with_times(cast, **days))
    (mistake,) = refused.value.mistakes
    assert mistake.startswith(f"systems.ledger.unused_ids.{next(iter(days))}: プロファイル（")
    assert "行を消してください" in mistake


def test_longer_times_are_refused_in_the_first_record_too(cast: Cast, tmp_path: Path) -> None:
    texts = [ConfigurationText(PROFILE, "fukuoka", effective_text(load_profile("fukuoka")))]
    texts.append(with_times(cast, unused_days=91))
    database = with_tables(tmp_path / "new.db")
    with pytest.raises(ConfigurationInvalid, match="プロファイルより長く"), database.writing() as session:
        configuration.first_record(session, texts, actor=Actor.job("idm init"), now=NOW)
    database.dispose()
