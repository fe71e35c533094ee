"""Who is in a privileged group though nothing in force says so: found, told and taken out within one sweep (D9)."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.errors import IllegalTransition, TargetRefused
from idm.models.audit import AuditRecord
from idm.models.going_live import FoundAccount
from idm.models.privileged import RegisteredId
from idm.models.systems import Account, InformationSystem
from idm.models.work import Finding, MailMessage
from idm.operations.privileged.out_of_band import NOT_REMOVED, SUBJECT, Removal
from idm.operations.sweep import finding_answers
from idm.operations.sweep.findings import SweepResult
from idm.queries.information_systems.comparable import Comparable, comparable_accounts
from idm.vocabulary import AccountKind, FindingKind, FoundState, Stage
from jobs import provision
from jobs.sweep import comparison, out_of_band, privileged_members, sweep
from tests.cast import Cast
from tests.jobs.memory_place import Place, open_place
from tests.use_office import Uses

ADMINS, PRIVILEGED = "Domain Admins", "ledger-admin"
OFFICERS = {"u100001@example.jp": 1, "u100003@example.jp": 1, "u100004@example.jp": 1}
"""CISO, chief officer and the manager of the ledger system."""


@pytest.fixture
def place(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return open_place(cast, tmp_path, monkeypatch)


def swept(place: Place) -> SweepResult:
    (result,) = sweep.sweep(place.installation, system_code="ledger")
    return result


def members(place: Place, group: str = PRIVILEGED) -> set[str]:
    found = next(one for one in place.directory.groups.values() if one.name == group)
    return found.members


def told(place: Place, subject: str = SUBJECT) -> Counter[str]:
    with place.cast.database.reading() as session:
        return Counter(session.scalars(select(MailMessage.recipient).where(MailMessage.subject == subject)))


def of_kind(place: Place, kind: FindingKind = FindingKind.OUT_OF_BAND) -> list[Finding]:
    with place.cast.database.reading() as session:
        return list(session.scalars(select(Finding).where(Finding.kind == kind).order_by(Finding.id)))


def recorded(place: Place) -> list[str]:
    with place.cast.database.reading() as session:
        query = (
            select(AuditRecord.action).where(AuditRecord.action.like("privileged.%member%")).order_by(AuditRecord.id)
        )
        return list(session.scalars(query))


def stage(place: Place, stage: Stage) -> None:
    with place.cast.database.writing() as session:
        session.get_one(InformationSystem, 1).stage = stage


def register(place: Place, external_id: str, kind: AccountKind) -> None:
    """Two people have put the ID into the register."""
    now, people = place.clock(), place.cast.people
    with place.cast.database.writing() as session:
        found = FoundAccount(
            system_id=1, external_id=external_id, login_name="known", display_name="known", enabled=True, groups=[],
            protected=False, marked=False, first_seen_at=now, last_seen_at=now, state=FoundState.NOT_PERSONAL,
            kind=kind, candidates=[],
        )  # fmt: skip
        account = Account(
            uuid=uuid4(), system_id=1, kind=kind, login_name=f"known-{external_id}", created_at=now, generation=0,
            external_id=external_id,
        )  # fmt: skip
        session.add_all([found, account])
        session.flush()
        session.add(RegisteredId(
            system_id=1, found_id=found.id, account_id=account.id, kind=kind, purpose="保守",
            owner_id=people["system"], kept=False, proposed_by_id=people["system"], proposed_at=now,
            accepted_by_id=people["chief"], accepted_at=now,
        ))  # fmt: skip


# --- taken out in the same run ---------------------------------------------------------------------------------------


def test_a_stranger_is_out_after_one_sweep_and_the_officers_know_at_once(place: Place) -> None:
    stranger = place.by_hand("tanaka").external_id
    place.join(PRIVILEGED, stranger)
    swept(place)
    assert stranger not in members(place)
    [finding] = of_kind(place)
    assert (finding.label, finding.resolved_at is not None) == ("tanaka", True)
    assert told(place) == OFFICERS
    assert recorded(place) == ["privileged.member_removed"]


def test_a_daily_id_of_ours_is_out_after_one_sweep_and_keeps_what_is_approved(place: Place) -> None:
    ours = place.account("u100009").external_id
    place.join(PRIVILEGED, ours)
    swept(place)
    assert ours not in members(place)
    assert ours in members(place, "ledger-enter")
    [finding] = of_kind(place)
    assert finding.account_id is not None
    assert finding.resolved_at is not None
    assert of_kind(place, FindingKind.DRIFT) == of_kind(place, FindingKind.EXTRA_MEMBER) == [], "one fact, one finding"
    assert told(place) == OFFICERS


def test_whoever_puts_them_back_is_found_and_told_of_again(place: Place) -> None:
    stranger = place.by_hand("tanaka").external_id
    for _ in range(2):
        place.join(PRIVILEGED, stranger)
        swept(place)
    assert stranger not in members(place)
    assert len(of_kind(place)) == 2
    assert set(told(place).values()) == {2}


def test_what_could_not_be_taken_out_is_told_of_and_stays_found(place: Place) -> None:
    stranger = place.by_hand("tanaka")
    place.join(PRIVILEGED, stranger.external_id)
    stranger.protected = True  # the directory guards it: nothing is written to it
    swept(place)
    assert stranger.external_id in members(place)
    assert (FindingKind.OUT_OF_BAND, "tanaka") in place.found()
    assert told(place, NOT_REMOVED) == OFFICERS
    assert recorded(place) == ["privileged.member_not_removed"]


# --- left, and told --------------------------------------------------------------------------------------------------


def test_whoever_is_in_it_through_another_group_is_left_to_a_person_and_told_of_once(place: Place) -> None:
    inner = place.directory.add_group("inner")
    nested = place.by_hand("tanaka").external_id
    place.directory.groups[inner.external_id].members.add(nested)
    place.join(PRIVILEGED, inner.external_id)
    swept(place)
    swept(place)
    assert (FindingKind.OUT_OF_BAND, "tanaka") in place.found()
    assert told(place) == OFFICERS
    [finding] = of_kind(place)
    assert "別のグループを通じた所属" in str(finding.details["reason"])
    assert finding.repair_asked_at is None


def test_a_group_of_the_targets_administrators_is_never_changed_by_us(place: Place) -> None:
    place.directory.add_group(ADMINS, protected=True)
    stranger = place.by_hand("tanaka").external_id
    place.join(ADMINS, stranger)
    swept(place)
    assert stranger in members(place, ADMINS)
    [finding] = of_kind(place)
    assert "至急" in str(finding.details["repair"])
    assert told(place) == OFFICERS
    assert of_kind(place, FindingKind.UNREGISTERED_PRIVILEGE) == [], "by the group it is told of already"


def test_where_the_profile_escalates_nobody_is_taken_out(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = replace(place.cast.policy, privileged=replace(place.cast.policy.privileged, out_of_band="escalate"))
    monkeypatch.setattr(sweep, "policy_in_force", lambda *_args, **_kw: policy)
    stranger = place.by_hand("tanaka").external_id
    place.join(PRIVILEGED, stranger)
    swept(place)
    assert stranger in members(place)
    assert told(place) == OFFICERS


def test_a_wrong_setting_empties_no_group(place: Place) -> None:
    everybody = {place.by_hand(f"person{number}").external_id for number in range(3)}
    for one in everybody:
        place.join(PRIVILEGED, one)
    result = swept(place)
    assert members(place) == everybody
    assert "上限" in (result.held_back or "")
    assert told(place) == OFFICERS


def test_ten_small_runs_never_do_what_a_big_one_may_not(place: Place) -> None:
    first, *others = (place.by_hand(f"person{number}").external_id for number in range(3))
    place.join(PRIVILEGED, first)
    swept(place)
    assert members(place) == set()
    for one in others:
        place.join(PRIVILEGED, one)
        result = swept(place)
        assert one in members(place), "within a day of the first"
        assert "上限" in (result.held_back or "")
    place.clock.ahead += timedelta(days=2)
    members(place).discard(others[0])
    swept(place)
    assert members(place) == set()


def test_nobody_is_taken_out_through_a_connection_that_may_not_be_written_through(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise TargetRefused("点検で書込みを止めています。")

    monkeypatch.setattr(out_of_band, "require_examined", refuse)
    stranger = place.by_hand("tanaka").external_id
    place.join(PRIVILEGED, stranger)
    swept(place)
    assert members(place) == {stranger}
    assert told(place, NOT_REMOVED) == OFFICERS


def test_in_a_system_that_is_only_observed_they_are_found_and_nothing_else_happens(place: Place) -> None:
    stage(place, Stage.OBSERVE)
    place.directory.add_group(ADMINS, protected=True)
    stranger = place.by_hand("tanaka").external_id
    place.join(ADMINS, stranger)
    place.join(PRIVILEGED, stranger)
    swept(place)
    assert {finding.details["group_name"] for finding in of_kind(place)} >= {ADMINS}
    assert stranger in members(place) & members(place, ADMINS)
    assert told(place) == {}


def test_while_a_system_is_still_taken_over_they_are_told_of_and_left(place: Place) -> None:
    stage(place, Stage.ADOPT)
    stranger = place.by_hand("tanaka").external_id
    place.join(PRIVILEGED, stranger)
    swept(place)
    assert stranger in members(place)
    assert told(place) == OFFICERS


def test_nobody_answers_for_it_and_a_click_takes_out_only_what_is_ours(place: Place) -> None:
    place.directory.add_group(ADMINS, protected=True)
    place.join(ADMINS, place.account("u100009").external_id)
    swept(place)
    [finding] = of_kind(place)
    actor, now = place.cast.actor("security"), place.clock()
    with pytest.raises(IllegalTransition, match="正当化できません"), place.cast.acting("security", now=now) as session:
        finding_answers.justify(
            session, finding.id, reason="必要", until=now.date(), actor=actor, policy=place.cast.policy, now=now
        )
    with pytest.raises(IllegalTransition, match="手作業"), place.cast.acting("security", now=now) as session:
        finding_answers.repair(session, finding.id, actor=actor, policy=place.cast.policy, now=now)


# --- who may be in it ------------------------------------------------------------------------------------------------


def eligible(place: Place) -> None:
    """青木 has a privileged ID of their own, asleep."""
    rights = [("staff", "ledger/admin-account"), ("staff", "ledger/admin")]
    until = day_of(place.clock()) + timedelta(days=90)
    request = place.cast.file("staff", *rights, now=place.clock(), valid_until=until)
    for line in range(len(rights)):
        place.cast.approve(request, now=place.clock(), line=line)
    provision.run_due(place.installation, worker="w1")


def opened(place: Place) -> None:
    """青木 uses it: asked, permitted, opened."""
    eligible(place)
    open_use(place)


def open_use(place: Place) -> None:
    """The use was asked for, permitted, and opened by a worker."""
    uses = Uses(place.cast, now=place.clock())
    uses.permit(uses.ask("staff"))
    uses.now = place.clock()
    uses.carry_on()
    provision.run_due(place.installation, worker="w1")


def test_an_open_use_is_a_reason_to_be_in_it(place: Place) -> None:
    opened(place)
    assert len(members(place)) == 1, "the use is open"
    swept(place)
    assert len(members(place)) == 1
    assert of_kind(place) == []


@pytest.mark.parametrize("nightly", [True, False])
def test_a_use_opened_while_the_directory_is_read_is_nothing_to_find(
    place: Place, monkeypatch: pytest.MonkeyPatch, nightly: bool
) -> None:
    eligible(place)
    times = count()

    def then_opened(session: Session, *args: object, **how: object) -> list[Comparable]:
        rows = comparable_accounts(session, *args, **how)  # type: ignore[arg-type]
        if next(times) == 0:
            open_use(place)
        return rows

    monkeypatch.setattr(comparison, "comparable_accounts", then_opened)
    if nightly:
        swept(place)
    else:
        place.reconcile(changed=True)
    assert len(members(place)) == 1, "the use is open"
    assert of_kind(place) == of_kind(place, FindingKind.DRIFT) == []
    assert told(place) == {}


def test_whoever_was_rightly_in_it_when_it_was_read_and_is_out_by_now_is_nothing_to_find(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(place)
    times, reading = count(), privileged_members._members

    def closed_afterwards(*given: Any) -> Any:
        read = reading(*given)
        if next(times) == 0:
            Uses(place.cast, now=place.clock()).act("give_back", 1, "staff")
            provision.run_due(place.installation, worker="w1")
        return read

    monkeypatch.setattr(privileged_members, "_members", closed_afterwards)
    swept(place)
    assert members(place) == set()
    assert of_kind(place) == []
    assert told(place) == {}


def test_a_registered_privileged_id_may_stay_and_no_other_registered_one(place: Place) -> None:
    root, shared = (place.by_hand(name).external_id for name in ("kanri", "fukuoka-backup"))
    for one, kind in ((root, AccountKind.PRIVILEGED), (shared, AccountKind.SERVICE)):
        place.join(PRIVILEGED, one)
        register(place, one, kind)
    swept(place)
    assert members(place) == {root, shared}, "nobody's reconciliation touches what is registered"
    assert [finding.label for finding in of_kind(place)] == ["fukuoka-backup"]


def test_a_registered_id_whose_last_day_passed_is_left_to_people_who_renew_or_end_it(place: Place) -> None:
    breakglass = place.by_hand("breakglass").external_id
    register(place, breakglass, AccountKind.PRIVILEGED)
    place.join(PRIVILEGED, breakglass)
    swept(place)
    assert of_kind(place) == []
    with place.cast.database.writing() as session:
        session.scalars(select(RegisteredId)).one().valid_until = day_of(place.clock())
    swept(place)
    assert members(place) == {breakglass}
    [finding] = of_kind(place)
    assert finding.repair_asked_at is None
    assert "期間が過ぎています" in str(finding.details["reason"])
    assert told(place) == OFFICERS
    with place.cast.database.writing() as session:
        session.scalars(select(RegisteredId)).one().valid_until = day_of(place.clock()) + timedelta(days=30)
    swept(place)
    assert (FindingKind.OUT_OF_BAND, "breakglass") not in place.found(), "renewed"


def test_a_guarded_id_whose_registration_is_over_is_found_with_what_to_do(place: Place) -> None:
    guarded = place.by_hand("breakglass")
    guarded.protected = True
    register(place, guarded.external_id, AccountKind.PRIVILEGED)
    swept(place)
    assert of_kind(place, FindingKind.UNREGISTERED_PRIVILEGE) == []
    with place.cast.database.writing() as session:
        session.scalars(select(RegisteredId)).one().valid_until = day_of(place.clock())
    swept(place)
    [finding] = of_kind(place, FindingKind.UNREGISTERED_PRIVILEGE)
    assert "延ばす" in str(finding.details["repair"])


def test_a_use_opened_between_reading_and_removing_is_not_hurt(place: Place) -> None:
    opened(place)
    [group] = [one.external_id for one in place.directory.groups.values() if one.name == PRIVILEGED]
    [member] = members(place)
    with place.cast.database.writing() as session:
        session.add(Finding(
            kind=FindingKind.OUT_OF_BAND, system_id=1, subject_key=f"{group}:{member}", label="old", fingerprint="",
            details={"group": group, "member": member}, first_seen_at=place.clock(), last_seen_at=place.clock(),
        ))  # fmt: skip
    [finding] = of_kind(place)
    with place.cast.database.reading() as session:
        system = session.get_one(InformationSystem, 1)
    for ours in (True, False):
        out_of_band.take_out(place.installation, system, [Removal(finding.id, group, member, ours)])
    assert members(place) == {member}
    assert recorded(place) == []
    assert told(place, NOT_REMOVED) == {}
