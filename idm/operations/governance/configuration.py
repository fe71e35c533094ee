"""Profile, organisation and feeds: proposed by one person, accepted by another; what runs is what was accepted (A16).

Editing a file changes nothing. The first load is one record, audited as a whole and then signed with the audit chain.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import ConfigurationInvalid, IllegalTransition, InvalidInput, NotFound, SeparationOfDuties
from idm.feed.profile import load_feed_profile
from idm.grant_state import GrantState
from idm.models.officers import ConfigurationVersion
from idm.models.requests import Grant, Request, RequestLine
from idm.models.systems import Entitlement, EntitlementConflict, InformationSystem
from idm.operations.factors import factor_gate, factor_readings
from idm.operations.hr.known_successors import require_known_successors
from idm.operations.information_systems import going_live, own_service_accounts
from idm.organisation import Organisation, Right, System
from idm.organisation_file import organisation_from_text
from idm.permissions import Action, require
from idm.policy import Policy
from idm.policy_file import profile_from_text
from idm.queries.governance.configuration import policy_in_force
from idm.queries.organisation.officers import humans, roles_of
from idm.request_state import LineState, RequestState
from idm.step_up import require_fresh_factor
from idm.vocabulary import ConfigurationKind, VerifiedBy, Zone
from idm.written_text import written

LONGEST_NAME = 64


@dataclass(frozen=True)
class ConfigurationText:
    """One canonical text that governs the product."""

    kind: ConfigurationKind
    name: str
    content: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hex."""
        return sha256(self.content.encode()).hexdigest()


def first_record(
    session: Session, texts: list[ConfigurationText], *, actor: Actor, now: datetime
) -> list[ConfigurationVersion]:
    """Afterwards these texts are in force, as one audited record. Raises IllegalTransition for a second one."""
    if session.scalar(select(func.count()).select_from(ConfigurationVersion)):
        raise IllegalTransition("最初の記録はすでにあります。変更は、提案と承認（別の人）で行ってください。")
    versions = []
    for text in texts:
        _require_valid(text)
        version = ConfigurationVersion(
            kind=text.kind, name=text.name, version=1, content=text.content, digest=text.digest, reason="最初の記録",
            proposed_at=now, accepted_at=now,
        )  # fmt: skip
        session.add(version)
        versions.append(version)
    session.flush()
    for text in texts:
        if text.kind is ConfigurationKind.ORGANISATION:
            _require_within(organisation_from_text(text.content), policy_in_force(session, now=now))
        _take_effect(session, text, actor=actor, now=now)
    audit.record(
        session, action="configuration.first_record", actor=actor, obj=("configuration", "1"), now=now,
        policy_digest="", payload={"digests": {f"{t.kind.value}:{t.name}": t.digest for t in texts}},
    )  # fmt: skip
    return versions


def propose(
    session: Session, text: ConfigurationText, *, reason: str, actor: Actor, now: datetime
) -> ConfigurationVersion:
    """Afterwards the text waits for another person's acceptance. Raises NotPermitted, ConfigurationInvalid."""
    require(roles_of(session, actor.person_id or 0, day_of(now)), Action.PROPOSE_CONFIGURATION)
    reason = written(reason, field="reason", empty="変更の理由を書いてください。")
    _require_valid(text)
    _require_on_record(session, text, now=now)
    newest = session.scalar(
        select(func.max(ConfigurationVersion.version)).where(
            ConfigurationVersion.kind == text.kind, ConfigurationVersion.name == text.name
        )
    )
    version = ConfigurationVersion(
        kind=text.kind, name=text.name, version=(newest or 1) + 1, content=text.content, digest=text.digest,
        reason=reason, proposed_at=now, proposed_by_id=actor.person_id,
    )  # fmt: skip
    session.add(version)
    session.flush()
    _record(session, "configuration.proposed", version, actor=actor, now=now)
    return version


def accept(session: Session, version_id: int, *, actor: Actor, now: datetime) -> ConfigurationVersion:
    """Afterwards the text is in force. Raises SeparationOfDuties for one's own proposal, NotPermitted,
    FreshFactorNeeded."""
    version = _open(session, version_id)
    person_id = actor.person_id or 0
    require(roles_of(session, person_id, day_of(now)), Action.ACCEPT_CONFIGURATION)
    if humans(session, [person_id])[person_id].is_one_of(frozenset({version.proposed_by_id or 0})):
        raise SeparationOfDuties("自分の提案を自分で承認することはできません。（SOD-1）", code="SOD-1")
    require_fresh_factor(actor, policy=policy_in_force(session, now=now), now=now)
    text = ConfigurationText(version.kind, version.name, version.content)
    _require_valid(text)
    _require_on_record(session, text, now=now)
    version.accepted_at, version.accepted_by_id = now, person_id
    _take_effect(session, text, actor=actor, now=now)
    session.flush()
    # A profile may forbid the zone, a file may say that something else verifies factors: at once, not tonight.
    factor_gate.apply_to_all(session, actor=actor, policy=policy_in_force(session, now=now), now=now)
    _record(session, "configuration.accepted", version, actor=actor, now=now)
    return version


def refuse(session: Session, version_id: int, *, actor: Actor, now: datetime) -> ConfigurationVersion:
    """Afterwards the proposal is closed and nothing has changed. Raises NotPermitted."""
    version = _open(session, version_id)
    require(roles_of(session, actor.person_id or 0, day_of(now)), Action.ACCEPT_CONFIGURATION)
    version.refused_at = now
    _record(session, "configuration.refused", version, actor=actor, now=now)
    return version


def _open(session: Session, version_id: int) -> ConfigurationVersion:
    version = session.get(ConfigurationVersion, version_id, with_for_update=True, populate_existing=True)
    if version is None:
        raise NotFound("設定変更の提案が見つかりません。")
    if version.accepted_at is not None or version.refused_at is not None:
        raise IllegalTransition("この提案はすでに処理されています。")
    return version


def _require_valid(text: ConfigurationText) -> None:
    if not 0 < len(text.name) <= LONGEST_NAME:
        raise InvalidInput(f"設定の名前は{LONGEST_NAME}文字までです。", fields={"name": "名前を直してください"})
    if text.kind is ConfigurationKind.PROFILE:
        profile_from_text(text.content)
    elif text.kind is ConfigurationKind.ORGANISATION:
        organisation_from_text(text.content)
    else:
        load_feed_profile(text.content, text.name)


def _require_on_record(session: Session, text: ConfigurationText, *, now: datetime) -> None:
    """Judged at the proposal and again at the acceptance: in between an account may have turned up (control A18)."""
    if text.kind is ConfigurationKind.ORGANISATION:
        organisation = organisation_from_text(text.content)
        going_live.require_may_move(session, organisation)
        require_known_successors(session, organisation)
        _require_within(organisation, policy_in_force(session, now=now))


def _require_within(organisation: Organisation, policy: Policy) -> None:
    """No system waits longer with an unused ID than the profile allows (FK 6-2(2)③)."""
    profiles = asdict(policy.dormancy.times)
    mistakes = tuple(
        f"systems.{system.code}.unused_ids.{name}: プロファイル（{profiles[name]}日）より長くできません。"
        "それより短い日数にするか、行を消してください"
        for system in organisation.systems for name in policy.dormancy.times.longer(system.unused_ids.said())
    )  # fmt: skip
    if mistakes:
        raise ConfigurationInvalid(
            "使われていない利用者IDの日数が、プロファイルより長くなっています。", mistakes=mistakes
        )


def _take_effect(session: Session, text: ConfigurationText, *, actor: Actor, now: datetime) -> None:
    if text.kind is not ConfigurationKind.ORGANISATION:
        return
    organisation = organisation_from_text(text.content)
    going_live.forget_inventories_of_other_targets(session, organisation)
    before = {system.id: system.stage for system in session.scalars(select(InformationSystem))}
    register_systems(session, organisation)
    systems = session.scalars(select(InformationSystem).where(InformationSystem.id.in_(before))).all()
    going_live.moved(session, [(system, before[system.id]) for system in systems], actor=actor, now=now)


def register_systems(session: Session, organisation: Organisation) -> None:
    """Afterwards the register has these systems, rights and conflicts; what was registered once is never removed.

    Raises ConfigurationInvalid when a right that exists would change its kind: history would lose its meaning.
    """
    known = {system.code: system for system in session.scalars(select(InformationSystem))}
    for wanted in organisation.systems:
        system = known.get(wanted.code) or InformationSystem(code=wanted.code)
        demanded, elsewhere = _demanded_by(system), going_live.is_another_target(system, wanted)
        cards = system.demanded_cards and not elsewhere
        _describe(system, wanted)
        system.demanded_cards = cards or (system.verification or {}).get("by") == VerifiedBy.SMART_CARD
        if wanted.code in known and (elsewhere or demanded != _demanded_by(system)):
            factor_readings.forget(session, system.id)
        session.add(system)
        session.flush()
        rights = {right.code: right for right in system.entitlements}
        for right in wanted.rights:
            _register_right(session, system, rights.get(right.code), right)
    session.flush()
    _register_sign_in(session, organisation)
    _register_conflicts(session, organisation)


def _demanded_by(system: InformationSystem) -> str:
    """What demands factors there: what was read of one thing says nothing of another. Its name is only a name, but
    what prints another list is another product."""
    verification = system.verification or {}
    return json.dumps({key: verification.get(key) for key in ("by", "group", "listing")}, sort_keys=True)


def _describe(system: InformationSystem, wanted: System) -> None:
    system.name, system.zone = wanted.name, wanted.zone
    system.confidentiality, system.integrity = wanted.confidentiality, wanted.integrity
    system.availability, system.manager_unit_code = wanted.availability, wanted.manager_unit
    if (system.connector, system.connector_settings) != (wanted.connector, dict(wanted.settings)):
        own_service_accounts.forget(system)
    system.connector, system.credential = wanted.connector, wanted.credential
    system.connector_settings, system.service_account = dict(wanted.settings), wanted.service_account
    system.stage, system.adopt_until = wanted.stage, wanted.adopt_until
    system.most_holders = {kind.value: most for kind, most in wanted.most_holders.items()}
    system.unused_times = wanted.unused_ids.said()
    system.external_service = wanted.external_service
    system.stopped_container = wanted.stopped_container
    system.listing = asdict(wanted.listing) if wanted.listing is not None else None
    system.verification = asdict(wanted.verification) if wanted.verification is not None else None
    system.containers = [{"units": list(rule.units), "container": rule.container} for rule in wanted.containers]
    system.overlap_days = 0 if wanted.zone is Zone.MYNUMBER else wanted.overlap_days


def _register_right(session: Session, system: InformationSystem, known: Entitlement | None, right: Right) -> None:
    if known is not None and (known.kind, known.target_name) != (right.kind, right.group):
        raise ConfigurationInvalid(
            "既存の権限の種類やグループは変えられません。",
            mistakes=(f"systems.{system.code}.{right.code}: 新しい権限として追加してください",),
        )
    if known is not None and known.privileged != right.privileged and _is_held(session, known):
        raise ConfigurationInvalid(
            "付与されている権限を、特権にしたり特権でなくしたりすることはできません。申請中の行があるときも同じです。",
            mistakes=(
                f"systems.{system.code}.{right.code}: 特権は日常の利用者IDとは別のIDに付きます。"
                "新しい権限として追加し、申請で付け替えてから、この権限を取り消してください",
            ),
        )
    if known is None:
        known = Entitlement(
            system_id=system.id, code=right.code, kind=right.kind, target_name=right.group, privileged=right.privileged
        )
        session.add(known)
    known.name, known.privileged = right.name, right.privileged
    known.by_name_only, known.service, known.by_hand = right.by_name_only, right.service, right.by_hand
    known.external_access = right.external_access


def _is_held(session: Session, right: Entitlement) -> bool:
    """Whether somebody has it, or may come to have it by an application that was made before."""
    held = select(Grant.id).where(Grant.entitlement_id == right.id, Grant.state != GrantState.ENDED)
    asked = (
        select(RequestLine.id)
        .join(Request, Request.id == RequestLine.request_id)
        .where(
            RequestLine.entitlement_id == right.id,
            RequestLine.state == LineState.PENDING,
            Request.state.in_((RequestState.DRAFT, RequestState.SUBMITTED)),
        )
    )
    return any(session.scalar(found.limit(1)) is not None for found in (held, asked))


def _register_sign_in(session: Session, organisation: Organisation) -> None:
    """Afterwards the system that the file names, and no other, is the one to sign in with."""
    signing = InformationSystem.for_sign_in
    session.execute(update(InformationSystem).where(signing).values(for_sign_in=False))
    session.execute(
        update(InformationSystem).where(InformationSystem.code == organisation.sign_in_system).values(for_sign_in=True)
    )


def _register_conflicts(session: Session, organisation: Organisation) -> None:
    ids = _right_ids(session)
    for conflict in organisation.conflicts:
        first, second = sorted((ids[conflict.first], ids[conflict.second]))
        found = session.get(EntitlementConflict, (first, second))
        if found is None:
            found = EntitlementConflict(first_id=first, second_id=second)
            session.add(found)
        found.reason = conflict.reason


def _right_ids(session: Session) -> Mapping[str, int]:
    rows = session.execute(
        select(InformationSystem.code, Entitlement.code, Entitlement.id).join(
            Entitlement, Entitlement.system_id == InformationSystem.id
        )
    )
    return {f"{system}/{right}": entitlement_id for system, right, entitlement_id in rows}


def _record(session: Session, action: str, version: ConfigurationVersion, *, actor: Actor, now: datetime) -> None:
    audit.record(
        session, action=action, actor=actor, obj=("configuration", str(version.id)), now=now, policy_digest="",
        payload={
            "kind": version.kind.value, "name": version.name, "version": version.version, "digest": version.digest,
            "reason": version.reason,
        },
    )  # fmt: skip
