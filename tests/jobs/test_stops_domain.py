"""A stop at a real domain controller: off at once, and back with the password that its owner had (H5)."""

from sqlalchemy import select

from idm.models.systems import Account
from idm.operations.rights.accounts import schedule
from idm.operations.stops import lifting, orders
from idm.operations.stops.orders import Why
from jobs import provision, stops
from tests.jobs.passwords.test_temporary_passwords_domain import NAME, OWN, Domain, samba, town
from tests.operations.stops.test_stops import wish

__all__ = ["samba", "town"]


def test_a_stopped_person_is_off_in_the_domain_before_anything_else_and_back_by_two(town: Domain) -> None:
    cast, policy = town.cast, town.cast.policy
    town.domain.choose_password(NAME, town.hand_over(), OWN)
    cast.approve(cast.file("hr", ("other", "ledger/account"), now=town.clock()), now=town.clock())
    with cast.database.writing() as session:
        for account in session.scalars(select(Account)):
            schedule(session, account, now=town.clock())
    with cast.acting("chief", now=town.clock()) as session:
        order = orders.stop_person(
            session, cast.people["staff"], Why("不審な操作"), actor=cast.actor("chief"), policy=policy, now=town.clock()
        ).id
    assert stops.run_due(town.installation, worker="w1") == 1
    assert town.is_off()
    assert not town.domain.sign_in(NAME, OWN)
    assert not town.domain.server.read(town.domain.dn("u100010"), "cn"), "what stood before it in the queue still waits"
    with cast.acting("security", now=town.clock()) as session:
        lifting.ask_to_lift(
            session, order, reason="終わった", actor=cast.actor("security"), policy=policy, now=town.clock()
        )
    with cast.acting("ciso", now=town.clock()) as session:
        lifting.lift(
            session, order, shown=wish(session, order), actor=cast.actor("ciso"), policy=policy, now=town.clock()
        )
    provision.run_due(town.installation, worker="w1")
    assert town.domain.sign_in(NAME, OWN)
