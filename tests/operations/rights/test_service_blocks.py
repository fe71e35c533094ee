"""Internet and e-mail reported as not needed: blocked for the person, given back by somebody else, never given anew."""

import pytest
from sqlalchemy import select

from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.grant_state import GrantState, SuspensionReason
from idm.models.audit import AuditRecord
from idm.models.outside import ServiceBlock
from idm.models.requests import Grant, GrantSuspension
from idm.models.systems import Account
from idm.models.work import OutboxTask
from idm.operations.rights import service_blocks
from idm.operations.rights.suspensions import suspend
from idm.vocabulary import Role, Service
from tests.cast import NOW, Cast


@pytest.fixture
def web_user(cast: Cast) -> Cast:
    """The cast, in which 青木 has an account and a right that opens the internet."""
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/enter").service = Service.INTERNET
    request_id = cast.file("hr", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    cast.approve(request_id)
    cast.approve(request_id, line=1)
    return cast


def report(cast: Cast, who: str = "staff", *, by: str = "security", service: Service = Service.INTERNET) -> int:
    with cast.acting(by, "service.report") as session:
        return service_blocks.report(
            session, person_id=cast.people[who], service=service, reason="窓口業務のみ", actor=cast.actor(by),
            policy=cast.policy, now=NOW,
        ).id  # fmt: skip


def lift(cast: Cast, block_id: int, *, by: str = "security") -> None:
    with cast.acting(by, "service.lift") as session:
        service_blocks.lift(session, block_id, actor=cast.actor(by), policy=cast.policy, now=NOW)


def states(cast: Cast) -> dict[str, GrantState]:
    with cast.database.reading() as session:
        return {grant.entitlement.code: grant.state for grant in session.scalars(select(Grant))}


def generation(cast: Cast) -> int:
    with cast.database.reading() as session:
        account = session.scalars(select(Account).where(Account.person_id == cast.people["staff"])).one()
        tasks = session.scalars(select(OutboxTask.generation).where(OutboxTask.account_id == account.id)).all()
        assert max(tasks) == account.generation
        return account.generation


def test_what_opens_the_service_is_suspended_and_the_rest_stays(web_user: Cast) -> None:
    before = generation(web_user)
    report(web_user)
    assert states(web_user) == {"account": GrantState.IN_FORCE, "enter": GrantState.SUSPENDED}
    assert generation(web_user) == before + 1
    with web_user.database.reading() as session:
        said = session.scalars(select(AuditRecord.action)).all()
    assert {"service.reported_not_needed", "grant.suspended"} <= set(said)


def test_another_service_is_left_alone(web_user: Cast) -> None:
    report(web_user, service=Service.MAIL)
    assert set(states(web_user).values()) == {GrantState.IN_FORCE}


@pytest.mark.parametrize("by", ["staff", "other", "system", "contractor", "chief"])
def test_it_is_reported_by_the_manager_of_the_unit_or_hr(web_user: Cast, by: str) -> None:
    with pytest.raises(NotPermitted):
        report(web_user, by=by)
    report(web_user, by="hr")


def test_it_is_reported_once_with_a_reason_about_somebody_there(web_user: Cast) -> None:
    report(web_user)
    with pytest.raises(InvalidInput, match="すでに"):
        report(web_user)
    web_user.people["nobody"] = 999
    with pytest.raises(NotFound):
        report(web_user, "nobody", by="hr")


def test_lifted_it_is_in_force_again(web_user: Cast) -> None:
    block_id = report(web_user)
    lift(web_user, block_id)
    assert set(states(web_user).values()) == {GrantState.IN_FORCE}
    with web_user.database.reading() as session:
        block = session.get_one(ServiceBlock, block_id)
        assert block.lifted_by_id == web_user.people["security"]
        assert session.scalars(select(GrantSuspension.until)).one() is not None
    with pytest.raises(IllegalTransition):
        lift(web_user, block_id)
    report(web_user)


def test_another_reason_holds_it_back_still(web_user: Cast) -> None:
    block_id = report(web_user)
    with web_user.database.writing() as session:
        grant = next(one for one in session.scalars(select(Grant)) if one.entitlement.code == "enter")
        suspend(
            session, grant, SuspensionReason.LEAVE, actor=web_user.actor("hr"), policy=web_user.policy, now=NOW
        )  # fmt: skip
    lift(web_user, block_id)
    assert states(web_user)["enter"] is GrantState.SUSPENDED


@pytest.mark.parametrize("by", ["staff", "system", "other"])
def test_nobody_of_another_unit_and_without_the_role_lifts_it(web_user: Cast, by: str) -> None:
    with pytest.raises(NotPermitted):
        lift(web_user, report(web_user), by=by)


def test_a_manager_does_not_lift_what_is_reported_of_themselves(cast: Cast) -> None:
    block_id = report(cast, "security", by="hr")
    with pytest.raises(NotPermitted, match="自分"):
        lift(cast, block_id)
    lift(cast, block_id, by="hr")


def test_what_is_not_there_is_not_lifted(cast: Cast) -> None:
    with pytest.raises(NotFound):
        lift(cast, 99)


def test_no_new_right_to_the_service_is_asked_for_or_approved(cast: Cast) -> None:
    with cast.database.writing() as session:
        cast.entitlement(session, "ledger/enter").service = Service.INTERNET
    waiting = cast.file("hr", ("staff", "ledger/account"), ("staff", "ledger/enter"))
    block_id = report(cast)
    cast.approve(waiting)
    with pytest.raises(InvalidInput, match="業務に不要と報告されている"):
        cast.decide("chief", waiting, Role.CHIEF, line=1)
    report(cast, "other")
    with pytest.raises(InvalidInput, match="今泉　二葉 さんのインターネット"):
        cast.file("hr", ("other", "ledger/account"), ("other", "ledger/enter"))
    cast.file("hr", ("other", "ledger/account"))
    lift(cast, block_id)
    cast.approve(waiting, line=1)
