"""A renewal of a privileged right goes on with what is under way: nobody is put out, and nothing permitted lapses."""

from datetime import timedelta

from idm.models.requests import Grant
from idm.vocabulary import Role, UseState
from tests.cast import Cast
from tests.use_office import Uses


def renew(one: Uses, who: str = "staff") -> None:
    """Both officers approve half a year more."""
    with one.cast.database.reading() as session:
        ends = session.get_one(Grant, one.grant_ids(who)[0]).valid_until
    assert ends is not None
    request = one.cast.file(
        "hr", (who, "ledger/admin"), now=one.now, valid_from=ends, valid_until=ends + timedelta(days=180)
    )
    for seat in (Role.CHIEF, Role.SYSTEM):
        one.cast.decide(seat.value, request, seat, now=one.now)


def test_whoever_is_working_works_on_when_their_right_is_renewed(cast: Cast) -> None:
    one = Uses(cast)
    one.give()
    use = one.opened()
    renew(one)
    one.carry_on(seconds=60)
    assert one.state(use) is UseState.OPEN


def test_a_use_that_was_permitted_for_tomorrow_begins_though_the_right_was_renewed_today(cast: Cast) -> None:
    one = Uses(cast)
    one.give()
    use = one.ask(wanted_from=one.now + timedelta(hours=20))
    one.permit(use)
    renew(one)
    one.carry_on(hours=20, seconds=5)
    assert one.state(use) is UseState.OPEN
