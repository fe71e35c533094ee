"""A password may have leaked: who may say so, what stops at once, and who is told (E6)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.errors import InvalidInput, NotPermitted, SeparationOfDuties
from idm.keys.sealing import new_handover_key
from idm.models.audit import AuditRecord
from idm.models.officers import Officer
from idm.models.people import Person
from idm.models.privileged import LeakReport, PrivilegedUse, Rotation, VaultKey, VaultSecret
from idm.models.sign_in import SignIn, WebSession
from idm.models.systems import Account, Handover, InformationSystem
from idm.models.work import MailMessage, OutboxTask
from idm.operations.passwords import handovers, leaks, replacements, temporary_passwords
from idm.operations.passwords.leaks import Reported, Wanted
from idm.operations.signing_in.web_sessions import open_session
from idm.passwords.password_hashing import hash_password, verify_password
from idm.publication import Reader
from idm.queries.passwords.handovers import waiting_accounts
from idm.queries.passwords.leaks import leak_page
from idm.queries.passwords.temporary_passwords import overdue_temporaries, watched_by_system
from idm.vocabulary import AccountKind, Role, RotationReason, SignInWay, Stage, UseState, VerifiedHow, Zone
from tests import hand_office
from tests.carried_out import WORKER, carry_out, seal_open_handovers
from tests.cast import NOW, TODAY, Cast
from tests.use_office import Uses

PASSWORD = "あおばの庭で大きな犬がねむる"


@pytest.fixture
def opened(cast: Cast) -> Cast:
    """青木 has an ID in the ledger system, handed over, and signs in here by a password of the product's own."""
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    carry_out(cast)
    with cast.acting("desk") as session:
        account = session.scalars(select(Account)).one()
        handovers.ask(
            session, account_id=account.id, public_key=new_handover_key()[1], actor=cast.actor("desk"),
            policy=cast.policy, now=NOW,
        )  # fmt: skip
    seal_open_handovers(cast)
    return cast


def report(
    cast: Cast, who: str = "staff", of: str = "staff", *, only: frozenset[int] | None = None, own: bool = True
) -> Reported:  # fmt: skip
    """`who`, in a session without any second factor."""
    with cast.acting(who, "credential.report_leak") as session:
        wanted = Wanted(cast.people[of], only, own)
        return leaks.report(session, wanted, note="届いたメール", actor=cast.stale(who), policy=cast.policy, now=NOW)


def signed_in(cast: Cast, who: str = "staff") -> None:
    """The person is signed in here, by a password of the product's own."""
    with cast.database.writing() as session:
        one = SignIn(person_id=cast.people[who], name=who, password_hash=hash_password(PASSWORD))
        session.add(one)
        session.flush()
        open_session(session, one, policy=cast.policy, now=NOW)


def seat(cast: Cast, who: str, role: Role, unit: str | None = None) -> None:
    with cast.database.writing() as session:
        session.add(
            Officer(role=role, person_id=cast.people[who], unit_code=unit, valid_from=TODAY, confirmed_at=NOW,
                    confirmed_by_id=cast.people["ciso"])
        )  # fmt: skip


def test_ones_own_report_needs_no_second_factor_and_locks_the_id(opened: Cast) -> None:
    done = report(opened)
    assert [one.login_name for one in done.ids] == ["u100009"]
    with opened.database.reading() as session:
        account = session.scalars(select(Account)).one()
        assert account.handed_over_at is None, "it opens by a new hand-over only"
        newest = session.scalars(select(OutboxTask).order_by(OutboxTask.id.desc())).first()
        assert newest is not None
        assert newest.generation == account.generation, "a worker looks at it as of now"
        handover = session.scalars(select(Handover)).one()
        assert (handover.sealed, handover.closed_at) == (None, NOW)
        one = session.scalars(select(LeakReport)).one()
        assert (one.account_id, one.note, one.replaced_at) == (account.id, "届いたメール", None)


def test_reported_twice_it_is_one_report(opened: Cast) -> None:
    report(opened)
    report(opened, "desk")
    with opened.database.reading() as session:
        assert len(session.scalars(select(LeakReport)).all()) == 1
        acts = session.scalars(select(AuditRecord.action).where(AuditRecord.action == "credential.leak_reported")).all()
    assert len(acts) == 2


@pytest.mark.parametrize("who", ["desk", "security"])
def test_desk_and_security_officer_report_for_anybody(opened: Cast, who: str) -> None:
    assert report(opened, who).ids


def test_a_section_manager_reports_for_the_people_of_the_section_and_no_others(opened: Cast) -> None:
    seat(opened, "other", Role.SECTION, "0100")
    seat(opened, "hr", Role.SECTION, "0600")
    assert report(opened, "other").ids
    with pytest.raises(NotPermitted):
        report(opened, "hr")


@pytest.mark.parametrize("who", ["other", "hr", "chief", "auditor", "ciso"])
def test_nobody_else_reports_for_another(opened: Cast, who: str) -> None:
    with pytest.raises(NotPermitted):
        report(opened, who)


def test_a_contractor_reports_their_own_and_never_anothers(opened: Cast) -> None:
    with pytest.raises(SeparationOfDuties, match="SOD-7"):
        report(opened, "contractor")
    signed_in(opened, "contractor")
    assert report(opened, "contractor", "contractor").own_password


def test_the_owner_is_signed_in_nowhere_and_the_products_password_opens_nothing(opened: Cast) -> None:
    signed_in(opened)
    done = report(opened)
    assert (done.own_password, done.sessions_ended) == (True, 1)
    with opened.database.reading() as session:
        sign_in = session.scalars(select(SignIn)).one()
        assert not verify_password(sign_in.password_hash, PASSWORD)
        assert sign_in.way is SignInWay.PASSWORD
        assert session.scalars(select(WebSession.ended_at)).all() == [NOW]


def test_the_same_human_under_another_row_is_signed_in_nowhere_either(opened: Cast) -> None:
    signed_in(opened)
    signed_in(opened, "other")
    with opened.database.writing() as session:
        for who in ("staff", "other"):
            session.get_one(Person, opened.people[who]).match_key = "one-human"
    done = report(opened, "desk", "other")
    assert (done.own_password, done.sessions_ended) == (True, 2)
    with opened.database.reading() as session:
        assert session.scalars(select(WebSession.ended_at)).all() == [NOW, NOW]
        assert not any(verify_password(one.password_hash, PASSWORD) for one in session.scalars(select(SignIn)))


def test_a_password_of_the_product_under_another_row_can_be_reported(opened: Cast) -> None:
    signed_in(opened)
    with opened.database.writing() as session:
        for who in ("staff", "other"):
            session.get_one(Person, opened.people[who]).match_key = "one-human"
    assert report(opened, "desk", "other", only=frozenset()).own_password


def test_what_was_not_chosen_stays_as_it_is(opened: Cast) -> None:
    signed_in(opened)
    report(opened, only=frozenset(), own=True)
    with opened.database.reading() as session:
        assert session.scalars(select(Account)).one().handed_over_at == NOW
        assert session.scalars(select(LeakReport)).all() == []
    with pytest.raises(InvalidInput, match="一つ以上"):
        report(opened, only=frozenset(), own=False)


def test_an_id_of_somebody_else_is_not_among_the_choices(opened: Cast) -> None:
    opened.approve(opened.file("hr", ("other", "ledger/account")))
    carry_out(opened)
    with opened.database.reading() as session:
        others = session.scalars(select(Account.id).where(Account.person_id == opened.people["other"])).one()
    with pytest.raises(InvalidInput, match="この人のものでない"):
        report(opened, only=frozenset({others}))


def test_section_manager_and_security_officer_are_told_and_the_owner_where_another_said_it(opened: Cast) -> None:
    report(opened, "desk")
    with opened.database.reading() as session:
        told = session.scalars(select(MailMessage.recipient).where(MailMessage.subject.like("%漏えい%"))).all()
    assert set(told) == {"u100005@example.jp", "u100009@example.jp"}


def test_where_hands_alone_change_anything_an_order_is_the_replacement(cast: Cast) -> None:
    hand_office.add_system(cast)
    hand_office.grant(cast, "staff", "account")
    with cast.database.writing() as session:
        account = session.scalars(select(Account)).one()
        account.seen_present, account.seen_enabled, account.handed_over_at = True, True, NOW - timedelta(days=9)
    report(cast)
    with cast.database.writing() as session:
        assert leaks.follow(session, actor=WORKER, policy=cast.policy, now=NOW) == 0, "nobody has done anything"
        session.scalars(select(Account)).one().handed_over_at = NOW + timedelta(hours=1)
        assert leaks.follow(session, actor=WORKER, policy=cast.policy, now=NOW) == 1
        assert session.scalars(select(LeakReport)).one().replaced_at == NOW + timedelta(hours=1)


def test_where_a_system_is_only_observed_the_report_says_that_we_cannot_stop_it(opened: Cast) -> None:
    with opened.database.writing() as session:
        session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one().stage = Stage.OBSERVE
    (effect,) = leaks.effects(report(opened).ids)
    assert "管理者が手で止めてください" in effect


def test_how_long_it_took_is_listed(opened: Cast) -> None:
    report(opened)
    with opened.database.writing() as session:
        session.scalars(select(LeakReport)).one().replaced_at = NOW + timedelta(seconds=90)
    reader = Reader(TODAY, person_id=opened.people["security"])
    with opened.database.reading() as session:
        (row,) = leak_page(session, reader=reader).rows
        assert row.took == timedelta(seconds=90)
        assert leak_page(session, reader=reader, units=frozenset({"0600"})).rows == ()


# --- privileged IDs --------------------------------------------------------------------------------------------------


@pytest.fixture
def privileged(cast: Cast) -> Uses:
    """青木 has a privileged ID in the ledger system, which is being used."""
    office = Uses(cast)
    office.give("staff")
    return office


def test_a_privileged_password_is_rotated_by_the_vault_and_its_use_ends(privileged: Uses) -> None:
    cast = privileged.cast
    use_id = privileged.ask()
    report(cast)
    with cast.database.writing() as session:
        rotation = session.scalars(select(Rotation)).one()
        assert rotation.reason is RotationReason.SUSPECTED
        assert session.get_one(PrivilegedUse, use_id).state is UseState.WITHDRAWN
        assert leaks.follow(session, actor=WORKER, policy=cast.policy, now=NOW) == 0
        key = VaultKey(fingerprint="f", created_at=NOW)
        session.add(key)
        session.flush()
        session.add(
            VaultSecret(account_id=rotation.account_id, key_id=key.id, sealed=b"-", verified_how=VerifiedHow.SIGN_IN,
                        confirmed_at=NOW + timedelta(seconds=5))
        )  # fmt: skip
        session.flush()
        assert leaks.follow(session, actor=WORKER, policy=cast.policy, now=NOW) == 1
        assert session.scalars(select(LeakReport)).one().replaced_at == NOW + timedelta(seconds=5)


def test_a_privileged_id_is_never_handed_over(privileged: Uses) -> None:
    cast = privileged.cast
    with pytest.raises(InvalidInput, match="特権ID"), cast.acting("desk") as session:
        handovers.ask(
            session, account_id=privileged.account_id(), public_key=new_handover_key()[1], actor=cast.actor("desk"),
            policy=cast.policy, now=NOW,
        )  # fmt: skip
    with cast.database.reading() as session:
        account = session.get_one(Account, privileged.account_id())
        assert account.kind is AccountKind.PRIVILEGED
        assert account.seen_present
        assert account.id not in {row.account_id for row in waiting_accounts(session).rows}


# --- on both databases -----------------------------------------------------------------------------------------------


def test_reported_settled_and_listed_on_either_database(office: Cast) -> None:
    cast = office
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    carry_out(cast)
    report(cast)
    with cast.database.writing() as session:
        account = session.scalars(select(Account)).one()
        waiting = replacements.to_replace(session, [account.id])
        assert [len(one.report_ids) for one in waiting.values()] == [1]
        for account_id, one in waiting.items():
            replacements.settle(session, account_id, one, actor=WORKER, policy=cast.policy, now=NOW)
    with cast.database.reading() as session:
        (row,) = leak_page(session, reader=Reader(TODAY, person_id=cast.people["security"])).rows
        assert row.took == timedelta()
        assert replacements.to_replace(session, [account.id]) == {}


def test_an_overdue_temporary_password_on_either_database(office: Cast) -> None:
    cast = office
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    carry_out(cast)
    with cast.acting("desk") as session:
        account_id = session.scalars(select(Account.id)).one()
        handover_id = handovers.ask(
            session, account_id=account_id, public_key=new_handover_key()[1], actor=cast.actor("desk"),
            policy=cast.policy, now=NOW,
        ).id  # fmt: skip
    seal_open_handovers(cast)
    late = NOW + timedelta(hours=cast.policy.passwords.temporary_hours)
    with cast.database.writing() as session:
        assert not temporary_passwords.overdue(
            session, handover_id, actor=WORKER, policy=cast.policy, now=late - timedelta(seconds=1)
        )
        assert temporary_passwords.overdue(session, handover_id, actor=WORKER, policy=cast.policy, now=late)
        assert not temporary_passwords.overdue(session, handover_id, actor=WORKER, policy=cast.policy, now=late)
    with cast.database.reading() as session:
        assert [row.handover_id for row in overdue_temporaries(session, now=late)] == [handover_id]
        assert watched_by_system(session, list(Zone)) == {}
