"""Built-in, shared and service IDs stand in the register by two people, and nothing else touches them (D1, D3, D10)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from idm.actor import Actor
from idm.directory.own_service_account import Named, ServiceAccount, is_own
from idm.errors import (
    CapReached,
    FreshFactorNeeded,
    IllegalTransition,
    InvalidInput,
    NotPermitted,
    SeparationOfDuties,
)
from idm.models.going_live import FoundAccount
from idm.models.people import Person
from idm.models.privileged import RegisteredId, RegisteredIdHolder, Rotation
from idm.models.systems import Account, InformationSystem
from idm.models.work import MailMessage, OutboxTask
from idm.operations.information_systems import own_service_accounts
from idm.operations.privileged import registered_ids
from idm.operations.privileged.registered_ids import WantedId
from idm.publication import Reader
from idm.queries.privileged.kept import kept_accounts
from idm.queries.privileged.register import registered_row
from idm.queries.rights.due import due_deletions
from idm.vocabulary import AccountKind, FoundState, RotationReason, Stage
from tests.cast import NOW, TODAY, Cast
from tests.going_live import STAFF, Ledger, there

UNTIL = TODAY + timedelta(days=90)
BUILT_IN = there("e-admin", "administrator", name="Administrator", groups=["admin"])
GUARDED = there("e-root", "root", protected=True)
OURS = there("e-idm", "idm")


@pytest.fixture
def ledger(office: Cast) -> Ledger:
    """The ledger system with IDs of nobody's, on both databases."""
    return furnished(Ledger(office))


@pytest.fixture
def one(cast: Cast) -> Ledger:
    """The same on SQLite alone, for what does not differ."""
    return furnished(Ledger(cast))


def furnished(ledger: Ledger) -> Ledger:
    ledger.at(Stage.ADOPT)
    ledger.take(STAFF, BUILT_IN, GUARDED, OURS)
    return ledger


def wanted(cast: Cast, **more: object) -> WantedId:
    said = WantedId(AccountKind.PRIVILEGED, "障害時の復旧", cast.people["system"], True, UNTIL)
    return replace(said, **more)  # type: ignore[arg-type]


def propose(ledger: Ledger, login_name: str = "administrator", by: str = "system", **more: object) -> int:
    cast = ledger.cast
    with cast.acting(by, "registered_id.propose") as session:
        return registered_ids.propose(
            session, ledger.found(login_name).id, wanted(cast, **more), actor=cast.actor(by), policy=cast.policy,
            now=NOW,
        ).id  # fmt: skip


def accept(ledger: Ledger, registered: int, by: str = "chief") -> int:
    cast = ledger.cast
    with cast.acting(by, "registered_id.accept") as session:
        done = registered_ids.accept(session, registered, actor=cast.actor(by), policy=cast.policy, now=NOW)
        return done.account_id or 0


def end(ledger: Ledger, registered: int, by: str = "system", reason: str = "使わなくなった") -> None:
    cast = ledger.cast
    with cast.acting(by, "registered_id.end") as session:
        registered_ids.end(session, registered, reason=reason, actor=cast.actor(by), policy=cast.policy, now=NOW)


def row(ledger: Ledger, registered: int) -> RegisteredId:
    with ledger.cast.database.reading() as session:
        return session.get_one(RegisteredId, registered)


def test_one_proposes_another_accepts_and_the_account_is_in_our_books_as_nobodys(ledger: Ledger) -> None:
    account_id = accept(ledger, propose(ledger))
    with ledger.cast.database.reading() as session:
        account = session.get_one(Account, account_id)
        assert (account.kind, account.person_id, account.login_name, account.external_id) == (
            AccountKind.PRIVILEGED, None, "administrator", "e-admin",
        )  # fmt: skip
        assert kept_accounts(session) == {account_id}
        assert [(one.account_id, one.reason) for one in session.scalars(select(Rotation))] == [
            (account_id, RotationReason.FIRST)
        ]
        found = session.scalars(select(FoundAccount).where(FoundAccount.login_name == "administrator")).one()
        assert (found.state, found.account_id) == (FoundState.NOT_PERSONAL, account_id)


def test_nothing_writes_moves_or_deletes_it(ledger: Ledger) -> None:
    account_id = accept(ledger, propose(ledger))
    later = NOW + timedelta(days=ledger.cast.policy.personnel.delete_after_days + 30)
    with ledger.cast.database.writing() as session:
        session.get_one(Account, account_id).seen_present = True
    with ledger.cast.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(OutboxTask)) == 0
        assert due_deletions(session, policy=ledger.cast.policy, at=later) == []


@pytest.mark.parametrize(
    ("by", "refusal"), [("system", NotPermitted), ("security", SeparationOfDuties), ("chief", SeparationOfDuties)]
)
def test_neither_whoever_proposed_it_nor_whoever_answers_for_it_accepts(
    one: Ledger, by: str, refusal: type[Exception]
) -> None:
    proposed = propose(one, by="security", owner_id=one.cast.people["chief"])
    with pytest.raises(refusal):
        accept(one, proposed, by)


def test_the_same_human_under_another_row_does_not_accept_either(one: Ledger) -> None:
    proposed = propose(one, by="security")
    with one.cast.database.writing() as session:
        for who in ("security", "chief"):
            session.get_one(Person, one.cast.people[who]).match_key = "one-human"
    with pytest.raises(SeparationOfDuties):
        accept(one, proposed, "chief")


def test_the_database_does_not_let_one_person_do_both(ledger: Ledger) -> None:
    registered = propose(ledger)
    accept(ledger, registered)
    with pytest.raises(IntegrityError), ledger.cast.database.writing() as session:
        session.get_one(RegisteredId, registered).accepted_by_id = ledger.cast.people["system"]


@pytest.mark.parametrize("who", ["staff", "hr", "desk", "auditor", "contractor", "ciso"])
def test_others_propose_nothing(one: Ledger, who: str) -> None:
    with pytest.raises(NotPermitted):
        propose(one, by=who)


def test_without_a_second_factor_given_just_now_nothing_is_proposed_or_accepted(one: Ledger) -> None:
    cast, registered, root = one.cast, propose(one), one.found("root").id
    with pytest.raises(FreshFactorNeeded), cast.acting("system") as session:
        registered_ids.propose(
            session, root, wanted(cast, kept=False), actor=cast.stale("system"), policy=cast.policy, now=NOW
        )
    with pytest.raises(FreshFactorNeeded), cast.acting("chief") as session:
        registered_ids.accept(session, registered, actor=cast.stale("chief"), policy=cast.policy, now=NOW)


@pytest.mark.parametrize(
    ("login_name", "more", "field", "told"),
    [
        ("administrator", {"purpose": " "}, "purpose", "何に使うIDかを書いてください"),
        ("administrator", {"kind": AccountKind.PERSONAL}, "kind", "どれかを選んでください"),
        ("administrator", {"valid_until": None}, "valid_until", "必要な期間の最終日"),
        ("administrator", {"valid_until": TODAY}, "valid_until", "今日以後"),
        ("administrator", {"valid_until": TODAY + timedelta(days=367)}, "valid_until", "366日以内"),
        ("administrator", {"owner_id": 999}, "owner", "在職している職員"),
        ("root", {}, "kept", "手作業で変更し、封をして保管"),
        ("idm", {"kind": AccountKind.SERVICE}, "kept", "接続に使うID"),
    ],
)
def test_what_cannot_be_in_the_register_is_refused_at_its_field(
    one: Ledger, login_name: str, more: dict[str, Any], field: str, told: str
) -> None:
    with one.cast.database.writing() as session:
        session.scalars(
            select(InformationSystem).where(InformationSystem.code == "ledger")
        ).one().service_account = "cn=idm"
    with pytest.raises(InvalidInput, match=told) as refusal:
        propose(one, login_name, **more)
    assert field in refusal.value.fields


def test_what_the_product_signs_in_to_another_system_by_is_not_kept_either(one: Ledger) -> None:
    registered = propose(one, "idm", kind=AccountKind.SERVICE)
    with one.cast.database.writing() as session:
        other = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        other.connector_settings = {**other.connector_settings, "bind_dn": "cn=idm,ou=services,dc=example,dc=jp"}
    with pytest.raises(InvalidInput, match="接続に使うID"):
        accept(one, registered)


def test_a_contractor_answers_for_none(one: Ledger) -> None:
    with pytest.raises(InvalidInput, match="委託事業者"):
        propose(one, owner_id=one.cast.people["contractor"])


def test_one_that_the_directory_guards_stands_there_unkept(one: Ledger) -> None:
    account_id = accept(one, propose(one, "root", kept=False))
    with one.cast.database.reading() as session:
        assert kept_accounts(session) == frozenset()
        assert session.get_one(Account, account_id).login_name == "root"


def test_a_service_needs_no_last_day(one: Ledger) -> None:
    registered = propose(one, "idm", kind=AccountKind.SERVICE, valid_until=None, kept=False)
    accept(one, registered)
    assert row(one, registered).valid_until is None


def test_somebodys_own_id_and_one_that_stands_there_are_not_proposed(one: Ledger) -> None:
    with pytest.raises(IllegalTransition, match="個人のID"):
        propose(one, "aoki")
    propose(one)
    with pytest.raises(IllegalTransition, match="すでに"):
        propose(one)


def test_what_was_judged_to_be_somebodys_meanwhile_is_not_accepted(one: Ledger) -> None:
    registered = propose(one)
    one.settle("security", "administrator", person="other", kind=AccountKind.PRIVILEGED)
    with pytest.raises(IllegalTransition, match="個人のIDと判断"):
        accept(one, registered)


def test_what_is_gone_from_its_system_meanwhile_is_not_accepted(one: Ledger) -> None:
    registered = propose(one)
    one.take(STAFF, GUARDED, OURS, gone_is_right=True)
    with pytest.raises(IllegalTransition, match="消えています"):
        accept(one, registered)


def test_two_acceptances_at_once_do_not_both_take_the_last_place(ledger: Ledger) -> None:
    with ledger.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.most_holders = {"privileged": 1}
    waiting = [propose(ledger), propose(ledger, "root", kept=False)]
    together = Barrier(2)

    def last(registered: int) -> str:
        together.wait(10)
        try:
            accept(ledger, registered)
        except CapReached as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(last, waiting)) == ["D1-CAP", "done"]


def test_what_the_directory_has_come_to_guard_meanwhile_is_not_kept(one: Ledger) -> None:
    registered = propose(one)
    one.take(STAFF, replace(BUILT_IN, protected=True), GUARDED, OURS)
    with pytest.raises(InvalidInput, match="預かれません"):
        accept(one, registered)


def test_registered_ids_count_against_the_cap_of_their_kind(ledger: Ledger) -> None:
    with ledger.cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.most_holders = {"privileged": 1, "service": 1}
    accept(ledger, propose(ledger))
    second = propose(ledger, "root", kept=False)
    with pytest.raises(CapReached, match="上限（1人・件）に達しています"):
        accept(ledger, second)
    accept(ledger, propose(ledger, "idm", kind=AccountKind.SERVICE, kept=False))


def test_refused_it_is_history_and_may_be_proposed_again(one: Ledger) -> None:
    cast, first = one.cast, propose(one)
    with cast.acting("chief") as session:
        registered_ids.refuse(
            session, first, reason="用途を確かめること", actor=cast.actor("chief"), policy=cast.policy, now=NOW
        )
    assert (row(one, first).end_reason, row(one, first).accepted_at) == ("用途を確かめること", None)
    with pytest.raises(IllegalTransition, match="終わっています"):
        accept(one, first)
    accept(one, propose(one))


def test_ended_its_password_is_changed_once_more_and_the_same_account_may_come_back(ledger: Ledger) -> None:
    registered = propose(ledger)
    account_id = accept(ledger, registered)
    end(ledger, registered)
    with ledger.cast.database.reading() as session:
        assert kept_accounts(session) == frozenset()
        assert session.scalars(select(Rotation.account_id)).all() == [account_id]
    assert row(ledger, registered).end_reason == "使わなくなった"
    assert accept(ledger, propose(ledger, kind=AccountKind.SHARED)) == account_id


def test_the_books_say_who_may_use_it_from_its_acceptance_to_its_end(ledger: Ledger) -> None:
    def holding() -> set[int]:
        with ledger.cast.database.reading() as session:
            live = select(RegisteredIdHolder.person_id).where(RegisteredIdHolder.ended_at.is_(None))
            return set(session.scalars(live))

    registered = propose(ledger)
    assert holding() == set()
    accept(ledger, registered)
    assert holding() == {ledger.cast.people[who] for who in ("chief", "system")}
    end(ledger, registered)
    assert holding() == set()


def test_it_goes_on_until_another_day_only_by_somebody_who_did_not_propose_it(one: Ledger) -> None:
    cast, registered = one.cast, propose(one, by="security")
    accept(one, registered)
    later = UNTIL + timedelta(days=90)
    with pytest.raises(SeparationOfDuties), cast.acting("security") as session:
        registered_ids.renew(
            session, registered, valid_until=later, actor=cast.actor("security"), policy=cast.policy, now=NOW
        )
    with cast.acting("chief") as session:
        registered_ids.renew(
            session, registered, valid_until=later, actor=cast.actor("chief"), policy=cast.policy, now=NOW
        )
    assert row(one, registered).valid_until == later


def test_those_who_accept_and_whoever_answers_for_it_are_told(one: Ledger) -> None:
    accept(one, propose(one, by="security"))
    with one.cast.database.reading() as session:
        told = [(one.recipient, one.subject.partition("：")[2]) for one in session.scalars(select(MailMessage))]
    assert ("u100003@example.jp", "登録の申出があります") in told
    assert ("u100004@example.jp", "登録が承認されました") in told
    assert ("u100005@example.jp", "登録の申出があります") not in told


@pytest.mark.parametrize(
    ("login_name", "service_account", "settings", "own"),
    [
        ("idm", "cn=idm", {}, True),
        ("IDM", None, {"bind_dn": "cn=idm,ou=services,dc=example,dc=jp"}, True),
        ("svc-idm", "svc-idm", {}, True),
        ("svc-idm", None, {"bind_user": "svc-idm@town.example.jp"}, True),
        ("svc-idm", None, {"bind_user": "TOWN\\svc-idm"}, True),
        ("svc-idm@town.example.jp", None, {"bind_dn": "CN=svc-idm,OU=Services,DC=town"}, True),
        ("TOWN\\svc-idm", None, {"bind_dn": "svc-idm@town.example.jp"}, True),
        ("svc-idm", None, {"bind_dn": "TOWN\\svc-idm"}, True),
        ("svc-idm2", None, {"bind_dn": "TOWN\\svc-idm"}, False),
        ("administrator", "cn=idm", {"bind_dn": "cn=idm,dc=jp", "page_size": 500}, False),
        ("", None, {}, False),
    ],
)
def test_where_no_directory_has_said_it_the_products_own_account_is_known_by_every_way_to_write_it(
    login_name: str, service_account: str | None, settings: dict[str, object], own: bool
) -> None:
    unasked = ServiceAccount("active_directory", None, service_account, settings)
    assert is_own(Named("openldap", "id-1", login_name), [unasked]) is own


@pytest.mark.parametrize(
    ("one", "own"),
    [
        (Named("active_directory", "guid-1", "renamed"), True),
        (Named("active_directory", "guid-2", "svc-idm"), False),
        (Named("openldap", "guid-1", "svc-idm"), False),
    ],
)
def test_once_its_directory_has_said_it_the_products_own_account_is_known_by_its_id_alone(
    one: Named, own: bool
) -> None:
    known = ServiceAccount("active_directory", "guid-1", "svc-idm", {"bind_dn": "CN=svc-idm,OU=x,DC=y"})
    assert is_own(one, [known]) is own


def test_what_the_product_signs_in_by_is_not_kept_by_whatever_name_it_goes(one: Ledger) -> None:
    own_account_is(one, "pension", "e-admin")
    with pytest.raises(InvalidInput, match="接続に使うID"):
        propose(one)


def test_somebody_elses_account_of_the_same_name_may_be_kept(one: Ledger) -> None:
    for code in ("ledger", "pension"):
        own_account_is(one, code, "e-another", name="administrator")
    registered = propose(one)
    accept(one, registered)
    with one.cast.database.reading() as session:
        reader = Reader(TODAY)
        assert not registered_row(session, registered, policy=one.cast.policy, now=NOW, reader=reader).own_service


def own_account_is(ledger: Ledger, code: str, external_id: str, *, name: str = "idm") -> None:
    """Afterwards the directory of that system has said which account the product signs in by."""
    cast = ledger.cast
    with cast.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == code)).one()
        system.service_account = name
        own_service_accounts.recognise(
            session, system, external_id, actor=Actor.job("tests"), policy=cast.policy, now=NOW
        )
