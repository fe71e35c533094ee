"""Kept passwords on a directory that lives by the office's own clock: what was given back lets nobody in (D4)."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors.memory.connector import MemoryConnector
from connectors.memory.directory import Account as Entry
from connectors.memory.directory import Fault
from idm.errors import IllegalTransition, TargetRefused
from idm.keys.sealing import new_handover_key, seal_to, unseal
from idm.models.officers import Officer
from idm.models.privileged import PrivilegedUse, RegisteredId
from idm.models.systems import Account, InformationSystem
from idm.models.work import MailMessage
from idm.operations.governance import configuration
from idm.operations.governance.configuration import ConfigurationText
from idm.operations.information_systems.going_live import require_may_move
from idm.operations.privileged import check_out_keys, check_outs, registered_ids, rotations
from idm.organisation_file import effective_text, organisation_from_text
from idm.ports import PasswordCheck, PasswordState, PasswordVerdict, SetPassword, Step
from idm.queries.governance.configuration import version_in_force
from idm.queries.privileged.kept import kept_accounts
from idm.queries.privileged.rotations import overdue
from idm.vocabulary import ConfigurationKind, RotationReason, RotationState, UseState, VerifiedHow
from jobs.privileged import rotations as rotating
from tests.cast import organisation_source
from tests.jobs.privileged import test_privileged_uses_in_memory as in_memory
from tests.jobs.privileged.test_privileged_uses_in_memory import Place
from tests.vault_office import VaultOffice

place = in_memory.place
NAME = "backup-admin"


@dataclass
class Kept:
    """One shared ID whose password is in our keeping, and those who work with it."""

    place: Place
    office: VaultOffice
    account_id: int

    def round(self, **later: float) -> None:
        """So much later, one round of everything the worker does."""
        self.place.round(**later)
        self.office.rotate()
        self.office.prepare()

    def rounds(self, many: int, **later: float) -> None:
        """So many rounds."""
        for _ in range(many):
            self.round(**later)

    @property
    def entry(self) -> Entry:
        """As its directory has it."""
        found = self.place.directory.with_login(NAME)
        assert found is not None
        return found

    def ready(self) -> tuple[int, bytes]:
        """A use of the system's manager, whose password waits to be seen; and the browser's key."""
        private, public = new_handover_key()
        use_id = self.place.uses.ask("system", account_id=self.account_id, grant_ids=(), public_key=public)
        self.place.uses.permit(use_id)
        self.round(seconds=5)
        return use_id, private

    def shown(self) -> tuple[int, str]:
        """A use whose password was seen; and the password."""
        use_id, private = self.ready()
        return use_id, self.office.show(use_id, private)

    def known(self) -> bool:
        """Whether somebody knows the password we keep."""
        secret = self.office.secret(self.account_id)
        return secret is not None and secret.known_since is not None

    def sealed(self, use_id: int) -> bytes | None:
        """What waits for the person of the use."""
        with self.office.cast.database.reading() as session:
            return session.get_one(PrivilegedUse, use_id).sealed


def kept_at(place: Place, *, enabled: bool = True) -> Kept:
    """It was taken into our keeping."""
    office = VaultOffice(place.uses.cast, place.installation)
    [account_id] = office.keep(NAME, enabled=enabled)
    kept = Kept(place, office, account_id)
    kept.round(seconds=5)
    assert office.secret(account_id) is not None
    return kept


@pytest.fixture
def kept(place: Place) -> Kept:
    """One that anybody may try to sign in with."""
    return kept_at(place)


@pytest.fixture
def silent(place: Place, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """One that is switched off, on a directory that tells nobody then whether a password is right (OpenLDAP)."""
    real = MemoryConnector.check_password

    def check(self: MemoryConnector, login_name: str, password: str) -> PasswordCheck:
        account = place.directory.with_login(login_name)
        if account is not None and account.switched_off:
            return PasswordCheck(PasswordVerdict.DISABLED, account.external_id, proven=False)
        return real(self, login_name, password)

    monkeypatch.setattr(MemoryConnector, "check_password", check)
    return kept_at(place, enabled=False)


# --- a registration that ends -----------------------------------------------------------------------------------------


def end_registration(kept: Kept) -> None:
    """The ID is not needed any more."""
    cast = kept.office.cast
    with cast.acting("system", "registered_id.end", kept.place.now) as session:
        registered = session.scalars(select(RegisteredId.id).where(RegisteredId.account_id == kept.account_id)).one()
        registered_ids.end(
            session, registered, reason="不要", actor=cast.actor("system"), policy=cast.policy, now=kept.place.now
        )


def observe(place: Place) -> None:
    """Raises what keeps the system from being only observed again."""
    source = organisation_source().replace('stage = "enforce"', 'stage = "observe"')
    with place.uses.cast.database.reading() as session:
        require_may_move(session, organisation_from_text(effective_text(source, "small")))


def test_no_system_is_only_observed_again_while_a_password_is_being_changed(kept: Kept) -> None:
    cast, now = kept.office.cast, kept.place.now
    with cast.database.writing() as session:
        ids, why = [kept.account_id], RotationReason.SUSPECTED
        assert rotations.ask(session, ids, why, actor=rotating.ACTOR, policy=cast.policy, now=now) == 1
    with pytest.raises(IllegalTransition, match="利用が 0 件、取替え中のパスワードが 1 件"):
        observe(kept.place)


def test_no_system_is_only_observed_again_before_a_password_that_somebody_knows_is_replaced(kept: Kept) -> None:
    kept.shown()
    end_registration(kept)
    assert kept.known()
    with pytest.raises(IllegalTransition, match="知られたまま取り替えられていないパスワードが 1 件"):
        observe(kept.place)
    kept.rounds(3, minutes=1)
    assert not kept.known()
    observe(kept.place)


def leave_out(place: Place, code: str) -> None:
    """An organisation file that does not name the system any more has been accepted."""
    cast, now = place.uses.cast, place.now
    with cast.database.reading() as session:
        present = version_in_force(session, ConfigurationKind.ORGANISATION, now=now)
    table: dict[str, Any] = json.loads(present.content)
    table["systems"] = [system for system in table["systems"] if system["code"] != code]
    table["post_rights"] = [rights for rights in table["post_rights"] if rights["system"] != code]
    table["conflicts"] = [one for one in table["conflicts"] if f"{code}/" not in one["first"] + one["second"]]
    text = ConfigurationText(ConfigurationKind.ORGANISATION, present.name, json.dumps(table))
    with cast.acting("security", "configuration.propose", now) as session:
        proposed = configuration.propose(session, text, reason="廃止", actor=cast.actor("security"), now=now).id
    with cast.acting("ciso", "configuration.accept", now) as session:
        configuration.accept(session, proposed, actor=cast.actor("ciso"), now=now)


def test_what_is_open_in_a_system_that_the_organisation_names_no_longer_ends_as_everywhere(kept: Kept) -> None:
    use_id, password = kept.shown()
    leave_out(kept.place, "ledger")
    kept.round(minutes=1)
    assert kept.place.uses.state(use_id) is UseState.OPEN
    kept.rounds(3, hours=1)
    assert kept.place.uses.state(use_id) is UseState.ENDED
    assert kept.entry.password == kept.office.password(kept.account_id) != password
    assert not kept.known()


def test_the_password_that_somebody_knows_is_changed_when_the_registration_ends(kept: Kept) -> None:
    _, password = kept.shown()
    end_registration(kept)
    kept.round(seconds=5)
    assert not kept.office.is_let_in(kept.account_id, password)
    assert kept.office.rotation(kept.account_id).state is RotationState.CONFIRMED


def test_it_is_waited_for_while_the_directory_is_away_and_after_that_nothing_is_kept(kept: Kept) -> None:
    _, password = kept.shown()
    kept.place.directory.fault = Fault.UNAVAILABLE
    end_registration(kept)
    kept.rounds(10, minutes=1)
    kept.place.directory.fault = None
    kept.rounds(2, minutes=1)
    assert not kept.office.is_let_in(kept.account_id, password)
    with kept.office.cast.database.reading() as session:
        assert kept_accounts(session, [kept.account_id]) == frozenset()
    assert kept.office.ask(kept.account_id) == 0


# --- what proves a value, and what does not ---------------------------------------------------------------------------


def die(*_: object) -> None:
    """The worker is killed."""
    raise KeyboardInterrupt


def killed_before(step: str, kept: Kept) -> None:
    """A worker was killed before that step of a rotation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rotating, step, die)
        with pytest.raises(KeyboardInterrupt):
            kept.office.rotate()


def test_a_value_that_the_directory_lost_again_is_set_again(silent: Kept) -> None:
    before = silent.entry.password, silent.entry.password_changed_at
    silent.office.ask(silent.account_id)
    silent.place.uses.now += timedelta(seconds=10)
    killed_before("_prove", silent)
    assert silent.office.rotation(silent.account_id).state is RotationState.SET
    silent.entry.password, silent.entry.password_changed_at = before
    silent.rounds(2, minutes=11)
    assert silent.office.all_confirmed()
    assert silent.entry.password == silent.office.password(silent.account_id)


def test_two_changes_within_one_second_of_the_directorys_clock_are_told_apart_in_the_end(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = MemoryConnector.password_state

    def whole_seconds(self: MemoryConnector, external_id: str) -> PasswordState:
        found = real(self, external_id)
        return PasswordState(found.must_change, found.changed_at and found.changed_at.replace(microsecond=0))

    monkeypatch.setattr(MemoryConnector, "password_state", whole_seconds)
    monkeypatch.setattr(MemoryConnector, "check_password", cannot_say)
    kept = kept_at(place)
    kept.office.ask(kept.account_id)
    kept.round()
    assert kept.office.rotation(kept.account_id).state is RotationState.SET
    kept.rounds(2, minutes=31)
    assert kept.office.rotation(kept.account_id).verified_how is VerifiedHow.CHANGE_TIME


def cannot_say(self: MemoryConnector, login_name: str, password: str) -> PasswordCheck:
    """Whatever the password is."""
    return PasswordCheck(PasswordVerdict.DISABLED, None, proven=False)


def test_a_refused_value_is_not_proven_by_a_password_that_somebody_else_set_meanwhile(
    silent: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = MemoryConnector.perform

    def perform(self: MemoryConnector, steps: Sequence[Step]) -> Sequence[Any]:
        if any(isinstance(step, SetPassword) for step in steps):
            silent.entry.password, silent.entry.password_changed_at = "An-Admins-Own-12345", silent.place.now
            return [TargetRefused("方針に合いません") for _ in steps]
        return real(self, steps)

    silent.office.ask(silent.account_id)
    silent.place.uses.now += timedelta(seconds=10)
    monkeypatch.setattr(MemoryConnector, "perform", perform)
    silent.office.rotate()
    rotation = silent.office.rotation(silent.account_id)
    assert (rotation.state, rotation.last_error) == (RotationState.ASKED, "方針に合いません")


def test_another_accounts_sign_in_proves_nothing(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_as_another(monkeypatch)
    kept.office.ask(kept.account_id)
    kept.office.rotate()
    rotation = kept.office.rotation(kept.account_id)
    assert (rotation.state, rotation.last_error) == (RotationState.SET, rotating.OTHERS)


def test_another_accounts_password_is_not_checked_out(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_as_another(monkeypatch)
    use_id, _ = kept.ready()
    assert kept.sealed(use_id) is None


def answer_as_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The login name is another account's by now."""

    def check(self: MemoryConnector, login_name: str, password: str) -> PasswordCheck:
        return PasswordCheck(PasswordVerdict.RIGHT, "somebody-elses", proven=True)

    monkeypatch.setattr(MemoryConnector, "check_password", check)


def test_what_the_product_itself_signs_in_by_is_neither_sealed_nor_set(kept: Kept) -> None:
    before = kept.entry.password
    with kept.office.cast.database.writing() as session:
        other = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        other.service_account = NAME.upper()
    kept.office.ask(kept.account_id)
    kept.office.rotate()
    rotation = kept.office.rotation(kept.account_id)
    assert (rotation.state, rotation.sealed, rotation.last_error) == (RotationState.ASKED, None, rotating.OURS)
    assert kept.entry.password == before


def signed_in_as(kept: Kept) -> None:
    """It turns out that the product itself signs in by this ID, whatever its name."""
    kept.place.directory.signed_in_as = kept.entry.external_id


def test_what_the_directory_says_we_are_signed_in_as_is_not_changed_by_whatever_name_it_goes(kept: Kept) -> None:
    before = kept.entry.password
    signed_in_as(kept)
    kept.office.ask(kept.account_id)
    kept.office.rotate()
    rotation = kept.office.rotation(kept.account_id)
    assert (rotation.state, rotation.sealed, rotation.last_error) == (RotationState.ASKED, None, rotating.OURS)
    assert kept.entry.password == before


def test_somebody_elses_id_of_the_name_we_sign_in_by_is_changed_as_any_other(kept: Kept) -> None:
    with kept.office.cast.database.writing() as session:
        for system in session.scalars(select(InformationSystem)):
            system.service_account, system.service_account_id = NAME, "our-own"
    kept.office.ask(kept.account_id)
    kept.office.rotate()
    assert kept.office.all_confirmed()


def test_a_value_that_our_own_account_already_has_is_kept_and_the_manager_is_told(kept: Kept) -> None:
    kept.office.ask(kept.account_id)
    killed_before("_prove", kept)
    signed_in_as(kept)
    kept.rounds(1, minutes=11)
    rotation = kept.office.rotation(kept.account_id)
    assert (rotation.state, rotation.last_error) == (RotationState.CONFIRMED, rotating.OURS_CHANGED)
    assert kept.entry.password == kept.office.password(kept.account_id)
    with kept.office.cast.database.reading() as session:
        told = session.scalars(select(MailMessage).where(MailMessage.link == f"/vault/{kept.account_id}")).all()
    assert {message.recipient for message in told} == {"u100003@example.jp", "u100004@example.jp"}
    assert all(rotating.OURS_CHANGED in message.body for message in told)


def test_a_value_that_our_own_account_never_got_is_given_up_and_the_one_before_it_stays(kept: Kept) -> None:
    before = kept.entry.password
    kept.office.ask(kept.account_id)
    killed_before("_set", kept)
    signed_in_as(kept)
    kept.rounds(1, minutes=11)
    rotation = kept.office.rotation(kept.account_id)
    assert (rotation.state, rotation.sealed, rotation.last_error) == (RotationState.ASKED, None, rotating.OURS)
    assert kept.entry.password == before == kept.office.password(kept.account_id)


def test_a_value_on_its_way_is_given_up_when_we_are_signed_in_to_our_own_account_by_another(kept: Kept) -> None:
    kept.office.ask(kept.account_id)
    killed_before("_prove", kept)
    signed_in_as(kept)
    kept.place.uses.now += timedelta(minutes=11)
    kept.entry.password, kept.entry.password_changed_at = "An-Admins-Own-12345", kept.place.now
    kept.office.rotate()
    rotation = kept.office.rotation(kept.account_id)
    assert (rotation.state, rotation.last_error) == (RotationState.ASKED, rotating.OURS)


def test_a_value_that_our_own_account_may_have_stays_sealed_and_is_seldom_tried(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.office.ask(kept.account_id)
    kept.place.uses.now += timedelta(seconds=10)
    killed_before("_prove", kept)
    with kept.office.cast.database.writing() as session:
        other = session.scalars(select(InformationSystem).where(InformationSystem.code == "pension")).one()
        other.connector, other.service_account_id = "memory", kept.entry.external_id
    tried: list[str] = []

    def says_wrong_while_locked(self: MemoryConnector, login_name: str, password: str) -> PasswordCheck:
        tried.append(password)
        return PasswordCheck(PasswordVerdict.WRONG)

    monkeypatch.setattr(MemoryConnector, "check_password", says_wrong_while_locked)
    kept.place.uses.now += timedelta(minutes=11)
    for _ in range(10):
        kept.office.rotate()
        kept.place.uses.now += timedelta(minutes=5)
    rotation = kept.office.rotation(kept.account_id)
    assert (rotation.state, rotation.last_error) == (RotationState.SET, rotating.OURS_UNDECIDED)
    assert kept.entry.password in kept.office.in_our_books(kept.account_id)
    assert tried.count(kept.entry.password) == 1


def test_nothing_is_set_at_the_end_of_a_lease(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept.entry.password
    real = rotating._seal

    def slow(*values: Any) -> None:
        real(*values)
        kept.place.uses.now += timedelta(minutes=6)

    kept.office.ask(kept.account_id)
    monkeypatch.setattr(rotating, "_seal", slow)
    kept.office.rotate()
    assert kept.entry.password == before
    assert kept.office.rotation(kept.account_id).state is RotationState.SEALED


# --- in somebody's hands, and out of them -----------------------------------------------------------------------------


def test_a_returned_password_is_worthless_a_minute_after_its_directory_is_back(kept: Kept) -> None:
    _, password = kept.shown()
    kept.place.directory.fault = Fault.UNAVAILABLE
    kept.rounds(200, minutes=1)
    kept.place.directory.fault = None
    kept.rounds(2, minutes=1)
    assert not kept.office.is_let_in(kept.account_id, password)
    assert not kept.known()


def test_what_waits_for_somebody_who_is_about_to_see_it_is_not_overdue(kept: Kept) -> None:
    kept.ready()
    kept.office.ask(kept.account_id)
    assert kept.office.rotate() == 0
    with kept.office.cast.database.reading() as session:
        later = kept.place.now + timedelta(hours=25)
        assert overdue(session, policy=kept.office.policy, now=later) == []


def test_a_directory_that_still_takes_the_returned_password_is_told_of(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_id, password = kept.shown()
    real = MemoryConnector.check_password

    def check(self: MemoryConnector, login_name: str, given: str) -> PasswordCheck:
        if given == password:
            return PasswordCheck(PasswordVerdict.RIGHT, kept.entry.external_id, proven=True)
        return real(self, login_name, given)

    kept.place.uses.act("give_back", use_id, "system")
    monkeypatch.setattr(MemoryConnector, "check_password", check)
    kept.office.rotate()
    rotation = kept.office.rotation(kept.account_id)
    assert (rotation.state, rotation.last_error) == (RotationState.CONFIRMED, rotating.STILL_TAKEN)


def test_of_one_that_takes_the_new_password_alone_nothing_is_told(kept: Kept) -> None:
    use_id, _ = kept.shown()
    kept.place.uses.act("give_back", use_id, "system")
    kept.office.rotate()
    rotation = kept.office.rotation(kept.account_id)
    assert (rotation.state, rotation.last_error) == (RotationState.CONFIRMED, None)


# --- who gets one -----------------------------------------------------------------------------------------------------


def forged(kept: Kept, **more: Any) -> tuple[int, bytes]:
    """Somebody who can write rows has made themself an open use; and their browser's key."""
    private, public = new_handover_key()
    now = kept.place.now
    values = {
        "person_id": kept.office.cast.people["system"], "approval_needed": False, "emergency": False, **more,
    }  # fmt: skip
    with kept.office.cast.database.writing() as session:
        use = PrivilegedUse(
            account_id=kept.account_id, system_id=session.get_one(Account, kept.account_id).system_id,
            state=UseState.OPEN, purpose="x", hours=1, asked_at=now, wanted_from=now, attendance_needed=False,
            opens_at=now, ends_at=now + timedelta(hours=1), public_key=public, **values,
        )  # fmt: skip
        session.add(use)
        session.flush()
        return use.id, private


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(lambda people: {"person_id": people["other"]}, id="without an office"),
        pytest.param(lambda people: {}, id="without a permission"),
        pytest.param(lambda people: {"approver_id": people["security"]}, id="never begun"),
        pytest.param(lambda people: {"emergency": True}, id="an emergency nobody was told of"),
    ],
)
def test_a_row_alone_gets_no_password(kept: Kept, more: Callable[[Any], dict[str, Any]]) -> None:
    use_id, _ = forged(kept, **more(kept.office.cast.people))
    kept.office.prepare()
    assert kept.sealed(use_id) is None
    with kept.office.cast.database.reading() as session:
        assert session.get_one(PrivilegedUse, use_id).check_out_error


def test_whose_office_was_taken_is_shown_nothing_though_no_worker_was_there(kept: Kept) -> None:
    use_id, private = kept.ready()
    assert kept.sealed(use_id)
    with kept.office.cast.database.writing() as session:
        person_id = kept.office.cast.people["system"]
        session.execute(update(Officer).where(Officer.person_id == person_id).values(valid_until=kept.place.now.date()))
    with pytest.raises(IllegalTransition, match="根拠"):
        kept.office.show(use_id, private)


def seal(kept: Kept, use_id: int, public_key: bytes, **ago: float) -> bool:
    """A slow worker seals what was confirmed so long before now's value."""
    office = kept.office
    secret = office.secret(kept.account_id)
    assert secret is not None
    with office.cast.database.writing() as session:
        use = session.get_one(PrivilegedUse, use_id)
        sealed = seal_to(public_key, b"the value", check_outs.context(use))
        return check_outs.seal(
            session, use_id, sealed, public_key=public_key, confirmed_at=secret.confirmed_at - timedelta(**ago),
            actor=rotating.ACTOR, policy=office.policy, now=kept.place.now,
        )  # fmt: skip


def test_what_a_slow_worker_sealed_is_kept_only_while_it_is_the_password_and_the_key(kept: Kept) -> None:
    use_id, _ = kept.ready()
    private, public = new_handover_key()
    cast = kept.office.cast
    with cast.acting("system", "check_out.key_brought", kept.place.now) as session:
        check_out_keys.bring(
            session, use_id, public, actor=cast.actor("system"), policy=cast.policy, now=kept.place.now
        )
    assert not seal(kept, use_id, new_handover_key()[1]), "another browser"
    assert not seal(kept, use_id, public, seconds=1), "the value before"
    kept.office.ask(kept.account_id, reason=RotationReason.SUSPECTED)
    killed_before("_set", kept)
    assert not seal(kept, use_id, public), "another value is on its way"
    kept.rounds(2, minutes=11)
    sealed = kept.sealed(use_id)
    assert sealed
    with cast.database.reading() as session:
        context = check_outs.context(session.get_one(PrivilegedUse, use_id))
    assert kept.office.is_let_in(kept.account_id, unseal(private, sealed, context).decode())


def test_what_was_not_looked_at_is_gone_in_the_instant_of_the_return(kept: Kept) -> None:
    use_id, _ = kept.ready()
    assert kept.sealed(use_id)
    kept.place.uses.act("give_back", use_id, "system")
    assert kept.sealed(use_id) is None


def test_nothing_is_shown_in_the_second_of_the_end_though_no_worker_was_there(kept: Kept) -> None:
    use_id, private = kept.ready()
    ends_at = kept.place.uses.use(use_id).ends_at
    assert ends_at is not None
    kept.place.uses.now = ends_at
    with pytest.raises(IllegalTransition, match="時間が終わった"):
        kept.office.show(use_id, private)
