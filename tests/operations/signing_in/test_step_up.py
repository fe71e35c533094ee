"""What matters most is done only by somebody who gave a second factor just now (control B3), below every page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from idm.actor import Actor
from idm.errors import FreshFactorNeeded
from idm.keys.sealing import new_handover_key
from idm.models.audit import AuditRecord
from idm.models.going_live import FoundAccount, Justification
from idm.models.help_desk import UnlockRequest
from idm.models.officers import ConfigurationVersion, Deputy, Officer
from idm.models.requests import PolicyException, Request
from idm.models.safety import PlannedBatch, RunKind
from idm.models.sign_in import EnrolmentLink, SignIn, WebSession
from idm.models.systems import Account, Handover, InformationSystem
from idm.models.work import Finding
from idm.models.work_orders import Listing, WorkOrder
from idm.operations.approval import decisions, permitted_exceptions
from idm.operations.approval.decisions import Verdict
from idm.operations.governance import configuration, officers
from idm.operations.governance.configuration import ConfigurationText
from idm.operations.hand_work import work_orders
from idm.operations.hr import planned_batches
from idm.operations.hr.planned_batches import PlannedRun
from idm.operations.information_systems import listings
from idm.operations.information_systems.found_accounts import Settlement, settle
from idm.operations.passwords import handovers, unlocking
from idm.operations.signing_in.enrolment import issue_enrolment_link
from idm.operations.signing_in.signed_in_places import end_of_everybody
from idm.operations.signing_in.web_sessions import open_session
from idm.operations.sweep import finding_answers, risk_acceptance
from idm.permissions import Action
from idm.queries.governance.configuration import version_in_force
from idm.queries.hr.planned_batches import digest_of
from idm.request_state import Event, StepState
from idm.step_up import NEEDED_FOR, NEEDED_WHERE_A_RIGHT_MATTERS_MOST, is_fresh, matters_most
from idm.unit_of_work import unit_of_work
from idm.vocabulary import ConfigurationKind, FindingKind, FoundState, Role, SafetyAction, Zone
from tests import hand_office
from tests.cast import NOW, TODAY, Cast

MONTH = TODAY + timedelta(days=30)
Act = Callable[[Cast, Actor], None]
RUN, ITEMS = PlannedRun(RunKind.LIFECYCLE, TODAY), ((SafetyAction.STOP, "100009"),)
LONG_AGO, JUST_NOW = NOW - timedelta(minutes=10, seconds=1), NOW - timedelta(minutes=10)


Row = Request | Deputy | Finding | Officer | ConfigurationVersion | FoundAccount | Listing | PlannedBatch


def one(cast: Cast, model: type[Row]) -> int:
    """The newest row."""
    with cast.database.reading() as session:
        return session.scalars(select(model.id).order_by(model.id.desc())).first() or 0


def permit(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="exception.permit", obj=("test", 1)) as session:
        permitted_exceptions.permit(
            session, session.get_one(Request, one(cast, Request)), rule="SOD-4", beneficiary_id=cast.people["chief"],
            reason="ほかにいない", days=1, actor=actor, policy=cast.policy, now=NOW,
        )  # fmt: skip


def accept_configuration(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="configuration.accept", obj=("t", 1)) as session:
        configuration.accept(session, one(cast, ConfigurationVersion), actor=actor, now=NOW)


def confirm_officer(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="officer.confirm", obj=("test", 1)) as session:
        officers.confirm(session, one(cast, Officer), actor=actor, policy=cast.policy, now=NOW)


def name_deputy(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="deputy.name", obj=("test", 1)) as session:
        officers.name_deputy(
            session, role=Role.CHIEF, deputy_id=cast.people["desk"], valid_from=TODAY, valid_until=MONTH, actor=actor,
            policy=cast.policy, now=NOW,
        )  # fmt: skip


def accept_deputy(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="deputy.accept", obj=("test", 1)) as session:
        officers.accept_deputy(session, one(cast, Deputy), actor=actor, policy=cast.policy, now=NOW)


def invite_officer(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="sign_in.invite", obj=("test", 1)) as session:
        issue_enrolment_link(session, person_id=cast.people["chief"], actor=actor, policy=cast.policy, now=NOW)


def justify(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="finding.justify", obj=("test", 1)) as session:
        finding_answers.justify(
            session, one(cast, Finding), reason="移行中", until=TODAY + timedelta(days=7), actor=actor,
            policy=cast.policy, now=NOW,
        )  # fmt: skip


def accept_risk(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="finding.accept_risk", obj=("test", 1)) as session:
        risk_acceptance.accept(
            session, one(cast, Finding), reason="更新まで", until=TODAY + timedelta(days=7), actor=actor,
            policy=cast.policy, now=NOW,
        )  # fmt: skip


def hand_over(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="handover.ask", obj=("test", 1)) as session:
        account_id = session.scalars(select(Account.id)).one()
        handovers.ask(
            session, account_id=account_id, public_key=new_handover_key()[1], actor=actor, policy=cast.policy,
            now=NOW,
        )  # fmt: skip


def application(cast: Cast) -> None:
    cast.file("staff", ("staff", "ledger/account"))


def proposal(cast: Cast) -> None:
    with cast.acting("security") as session:
        present = version_in_force(session, ConfigurationKind.PROFILE, now=NOW)
        text = ConfigurationText(ConfigurationKind.PROFILE, present.name, present.content)
        configuration.propose(session, text, reason="見直し", actor=cast.actor("security"), now=NOW)


def unconfirmed_officer(cast: Cast) -> None:
    with cast.database.writing() as session:
        session.add(Officer(role=Role.CHIEF, person_id=cast.people["other"], valid_from=TODAY))


def named_deputy(cast: Cast) -> None:
    name_deputy(cast, cast.actor("chief"))


def finding(cast: Cast) -> None:
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        session.add(Finding(kind=FindingKind.EXTRA_MEMBER, system_id=system.id, subject_key="x", label="x", details={},
                            fingerprint="f", first_seen_at=NOW, last_seen_at=NOW))  # fmt: skip


def account_with(*rights: str) -> Callable[[Cast], None]:
    """Somebody has an account with these rights, ready for its password."""

    def made(cast: Cast) -> None:
        filed = cast.file("hr", *(("staff", right) for right in rights), valid_until=MONTH)
        for line in range(len(rights)):
            cast.approve(filed, line=line)
        with cast.database.writing() as session:
            session.execute(update(Account).values(seen_present=True))

    return made


def marked_since(before: Callable[[Cast], None]) -> Callable[[Cast], None]:
    """The same, with a right that counts as privileged since."""

    def made(cast: Cast) -> None:
        before(cast)
        with cast.database.writing() as session:
            cast.entitlement(session, "ledger/enter").privileged = True

    return made


def of_my_number(before: Callable[[Cast], None]) -> Callable[[Cast], None]:
    """The same, of My Number systems."""

    def made(cast: Cast) -> None:
        before(cast)
        with cast.database.writing() as session:
            session.execute(update(InformationSystem).values(zone=Zone.MYNUMBER))

    return made


def work_order(cast: Cast) -> None:
    hand_office.add_system(cast)
    hand_office.grant(cast, "staff", "account")


def work_done(cast: Cast) -> None:
    work_order(cast)
    hand_office.do(cast, hand_office.orders(cast)[0])


def waiting_list(cast: Cast) -> None:
    work_order(cast)
    hand_office.carry_out(cast)
    with cast.acting("desk") as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "koseki")).one()
        text = "利用者ID,氏名,職員番号,状態,最終利用日,権限\r\nu100009,青木　一郎,100009,有効,R8.4.10,\r\n"
        sent = listings.SentListing(system_id, TODAY, "ids.csv", text.encode("cp932"))
        listings.receive(session, sent, actor=cast.actor("desk"), policy=cast.policy, now=NOW)


def seen_account(cast: Cast) -> None:
    account_with("ledger/account")(cast)
    with cast.database.writing() as session:
        session.execute(update(Account).values(external_id="id-of-staff"))


def repairable(cast: Cast) -> None:
    seen_account(cast)
    finding(cast)
    with cast.database.writing() as session:
        account_id = session.scalars(select(Account.id)).one()
        session.execute(update(Finding).values(account_id=account_id, kind=FindingKind.DRIFT))


def found_account(cast: Cast) -> None:
    with cast.database.writing() as session:
        system_id = session.scalars(select(InformationSystem.id).where(InformationSystem.code == "ledger")).one()
        session.add(
            FoundAccount(system_id=system_id, external_id="x", login_name="kyu-tantou", display_name="旧担当",
                         enabled=True, protected=False, marked=False, groups=[], state=FoundState.UNDECIDED,
                         candidates=[], first_seen_at=NOW, last_seen_at=NOW)
        )  # fmt: skip


def proposed_batch(cast: Cast) -> None:
    with cast.acting("hr") as session:
        planned_batches.propose(
            session, RUN, ITEMS, reason="年度末", actor=cast.actor("hr"), policy=cast.policy, now=NOW
        )


def somebody_signed_in(cast: Cast) -> None:
    with cast.database.writing() as session:
        sign_in = SignIn(person_id=cast.people["staff"], name="u100009", password_hash="-")
        session.add(sign_in)
        session.flush()
        open_session(session, sign_in, policy=cast.policy, now=NOW)


def do_work(cast: Cast, actor: Actor) -> None:
    (order,) = hand_office.orders(cast)
    report = work_orders.Report(frozenset(step.id for step in order.steps), handed_to="本人に封書で手渡し")
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="work_order.do", obj=("test", 1)) as session:
        work_orders.do(session, order.id, report, actor=actor, policy=cast.policy, now=NOW)


def confirm_work(cast: Cast, actor: Actor) -> None:
    (order,) = hand_office.orders(cast)
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="work_order.confirm", obj=("test", 1)) as session:
        work_orders.confirm(session, order.id, actor=actor, policy=cast.policy, now=NOW)


def repair(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="finding.repair", obj=("test", 1)) as session:
        finding_answers.repair(session, one(cast, Finding), actor=actor, policy=cast.policy, now=NOW)


def settle_found(cast: Cast, actor: Actor) -> None:
    settlement = Settlement(FoundState.FINDING, "持ち主が分からない")
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="found.settle", obj=("test", 1)) as session:
        settle(session, one(cast, FoundAccount), settlement, actor=actor, policy=cast.policy, now=NOW)


def take_list_over(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="listing.take", obj=("test", 1)) as session:
        shown = session.get_one(Listing, one(cast, Listing)).sha256
        listings.take_over(session, one(cast, Listing), shown=shown, actor=actor, policy=cast.policy, now=NOW)


def unlock(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="lock.ask", obj=("test", 1)) as session:
        unlocking.ask(session, account_id=session.scalars(select(Account.id)).one(), unlock=True, actor=actor,
                      policy=cast.policy, now=NOW)  # fmt: skip


def permit_batch(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="batch.permit", obj=("test", 1)) as session:
        planned_batches.permit(session, one(cast, PlannedBatch), shown=digest_of(ITEMS), actor=actor,
                               policy=cast.policy, now=NOW)  # fmt: skip


def end_everybody(cast: Cast, actor: Actor) -> None:
    with unit_of_work(cast.database, actor=actor, now=NOW, attempted="sign_in.end", obj=("test", 1)) as session:
        end_of_everybody(session, actor=actor, policy=cast.policy, now=NOW)


def nothing(_cast: Cast) -> None:
    """It needs nothing that was there before."""


ADMINISTRATION: dict[Action, tuple[Callable[[Cast], None], str, Act, type]] = {
    Action.DO_WORK: (work_order, "desk", do_work, WorkOrder),
    Action.CONFIRM_WORK: (work_done, "system", confirm_work, WorkOrder),
    Action.REPAIR_FINDING: (repairable, "security", repair, Finding),
    Action.SETTLE_FOUND: (found_account, "security", settle_found, FoundAccount),
    Action.UPLOAD_LISTING: (waiting_list, "desk", take_list_over, Listing),
    Action.UNLOCK_ACCOUNT: (seen_account, "desk", unlock, UnlockRequest),
}
"""What is done to the accounts of a system; of a My Number system it matters most."""
ACTS: dict[Action, tuple[Callable[[Cast], None], str, Act, type]] = {
    Action.PERMIT_EXCEPTION: (application, "ciso", permit, PolicyException),
    Action.ACCEPT_CONFIGURATION: (proposal, "ciso", accept_configuration, ConfigurationVersion),
    Action.CONFIRM_OFFICER: (unconfirmed_officer, "ciso", confirm_officer, Officer),
    Action.NAME_DEPUTY: (nothing, "chief", name_deputy, Deputy),
    Action.ACCEPT_DEPUTY: (named_deputy, "ciso", accept_deputy, Deputy),
    Action.INVITE_OFFICER: (nothing, "security", invite_officer, EnrolmentLink),
    Action.JUSTIFY_FINDING: (finding, "security", justify, Justification),
    Action.ACCEPT_RISK: (finding, "ciso", accept_risk, Finding),
    Action.HAND_OVER: (marked_since(account_with("ledger/account", "ledger/enter")), "desk", hand_over, Handover),
    Action.PERMIT_BATCH: (proposed_batch, "chief", permit_batch, PlannedBatch),
    Action.END_EVERYBODYS_SESSIONS: (somebody_signed_in, "security", end_everybody, WebSession),
    **{
        action: (of_my_number(before), who, act, writes)
        for action, (before, who, act, writes) in ADMINISTRATION.items()
    },
}
"""What has to be there, who does it, what it writes; authenticators and privileged IDs have tests of their own."""
ELSEWHERE = {
    Action.KEEP_AUTHENTICATORS,
    Action.CLOSE_LOSS,
    Action.UPLOAD_ENROLMENTS,
    Action.PROPOSE_REGISTERED_ID,
    Action.ACCEPT_REGISTERED_ID,
    Action.USE_REGISTERED_ID,
    Action.PERMIT_USE,
    Action.ROTATE_KEPT,
    Action.NAME_PRIVILEGE_DEPUTY,
    Action.ACCEPT_PRIVILEGE_DEPUTY,
    Action.ORDER_STOP,
    Action.LIFT_STOP,
    Action.STOP_FOR_VIOLATION,
}


def rows_of(cast: Cast, model: type) -> list[dict[str, object]]:
    with cast.database.reading() as session:
        return [dict(row) for row in session.execute(select(model.__table__)).mappings()]  # type: ignore[attr-defined]


def refusals(cast: Cast) -> int:
    with cast.database.reading() as session:
        return session.scalar(select(func.count()).where(AuditRecord.code == "FRESH-FACTOR")) or 0


def test_every_action_of_the_table_is_tried_here_or_with_its_own_operations() -> None:
    assert set(ACTS) | ELSEWHERE == NEEDED_FOR | NEEDED_WHERE_A_RIGHT_MATTERS_MOST


@pytest.mark.parametrize("action", list(ACTS))
def test_without_a_second_factor_given_just_now_it_is_not_done_and_the_attempt_is_recorded(
    cast: Cast, action: Action
) -> None:
    before, who, act, writes = ACTS[action]
    before(cast)
    known = rows_of(cast, writes)
    for stale in (cast.stale(who), replace(cast.stale(who), second_factor_at=LONG_AGO)):
        with pytest.raises(FreshFactorNeeded):
            act(cast, stale)
    assert rows_of(cast, writes) == known
    assert refusals(cast) == 2


@pytest.mark.parametrize("action", list(ACTS))
def test_with_one_given_within_the_profiles_minutes_it_is_done(cast: Cast, action: Action) -> None:
    before, who, act, writes = ACTS[action]
    before(cast)
    known = rows_of(cast, writes)
    act(cast, replace(cast.stale(who), second_factor_at=JUST_NOW))
    assert rows_of(cast, writes) != known


@pytest.mark.parametrize("action", list(ADMINISTRATION))
def test_the_accounts_of_an_ordinary_system_are_administered_without_one(cast: Cast, action: Action) -> None:
    before, who, act, writes = ADMINISTRATION[action]
    before(cast)
    known = rows_of(cast, writes)
    act(cast, cast.stale(who))
    assert rows_of(cast, writes) != known


def test_a_lock_of_a_my_number_system_is_looked_at_without_one(cast: Cast) -> None:
    of_my_number(seen_account)(cast)
    with cast.acting("desk") as session:
        unlocking.ask(session, account_id=session.scalars(select(Account.id)).one(), unlock=False,
                      actor=cast.stale("desk"), policy=cast.policy, now=NOW)  # fmt: skip
    assert len(rows_of(cast, UnlockRequest)) == 1


@pytest.mark.parametrize("event", [Event.APPROVE, Event.RETURN, Event.REJECT])
def test_a_line_of_a_privileged_right_is_decided_either_way_only_with_a_fresh_factor(cast: Cast, event: Event) -> None:
    filed = cast.file("staff", ("staff", "ledger/admin-account"), ("staff", "ledger/admin"), valid_until=MONTH)
    assert not decided_stale(cast, filed, line=1, event=event)
    cast.decide("chief", filed, Role.CHIEF, event, line=1)


def test_a_line_with_access_from_outside_is_decided_only_with_a_fresh_factor(cast: Cast) -> None:
    filed = cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"), valid_until=MONTH)
    assert decided_stale(cast, filed, line=0), "an ordinary right needs none"
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/enter").external_access = True
    assert not decided_stale(cast, filed, line=1)


def test_one_line_that_matters_holds_up_the_whole_act(cast: Cast) -> None:
    filed = cast.file("staff", ("staff", "ledger/admin-account"), ("staff", "ledger/admin"), valid_until=MONTH)
    with cast.database.reading() as session:
        steps = [cast.step(session, filed, Role.CHIEF, line) for line in (0, 1)]
        verdicts = {step.id: Verdict(Event.APPROVE, "可", step.line.request.content_hash or "") for step in steps}
    with pytest.raises(FreshFactorNeeded), cast.acting("chief") as session:
        decisions.decide_lines(session, request_id=filed, verdicts=verdicts, actor=cast.stale("chief"),
                               policy=cast.policy, now=NOW)  # fmt: skip
    with cast.database.reading() as session:
        states = {cast.step(session, filed, Role.CHIEF, line).state for line in (0, 1)}
    assert states == {StepState.PENDING}


def decided_stale(cast: Cast, filed: int, *, line: int, event: Event = Event.APPROVE) -> bool:
    """Whether the chief decides the line in a session without a second factor given just now."""
    with cast.database.reading() as session:
        step = cast.step(session, filed, Role.CHIEF, line)
        step_id, shown = step.id, step.line.request.content_hash or ""
    try:
        with cast.acting("chief") as session:
            decisions.decide(session, step_id=step_id, verdict=Verdict(event, "確認", shown),
                             actor=cast.stale("chief"), policy=cast.policy, now=NOW)  # fmt: skip
    except FreshFactorNeeded:
        return False
    return True


def test_an_ordinary_password_is_handed_over_without_one(cast: Cast) -> None:
    account_with("ledger/account")(cast)
    hand_over(cast, cast.stale("desk"))
    assert len(rows_of(cast, Handover)) == 1


def test_my_number_privilege_and_access_from_outside_matter_most() -> None:
    assert matters_most(Zone.MYNUMBER)
    assert matters_most(Zone.LGWAN, privileged=True)
    assert matters_most(Zone.INTERNET, external_access=True)
    assert not any(matters_most(zone) for zone in Zone if zone is not Zone.MYNUMBER)


def test_a_job_gives_no_factor(cast: Cast) -> None:
    assert not is_fresh(Actor(None, "jobs.lifecycle", NOW), policy=cast.policy, now=NOW)
