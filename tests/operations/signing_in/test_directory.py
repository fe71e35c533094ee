"""Signing in with the directory's password: who is let in, who is not, and what is never asked, told or kept."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from idm.errors import (
    IllegalTransition,
    InvalidInput,
    SignInRefused,
    SignInUnavailable,
    TargetError,
    TargetRefused,
    TargetUnavailable,
)
from idm.factors.one_time_codes import code_at, step_of
from idm.grant_state import GrantState
from idm.models import everything
from idm.models.audit import AuditRecord
from idm.models.people import Employment
from idm.models.requests import Grant
from idm.models.sign_in import SignIn, SignInAttempts
from idm.models.systems import Account, InformationSystem
from idm.models.work import MailMessage
from idm.operations.signing_in.enrolment import (
    issue_enrolment_link,
)
from idm.operations.signing_in.second_factor import confirm_second_factor, pending_second_factor, prepare_second_factor
from idm.operations.signing_in.web_sessions import Stage
from idm.passwords.password_hashing import hash_password
from idm.ports import PasswordCheck, PasswordVerdict
from tests.cast import NOW, Cast
from tests.operations.signing_in.answering_directory import (
    EXTERNAL_ID,
    LOGIN,
    OWN_PASSWORD,
    PASSWORD,
    WRONG,
    DirectoryAnswers,
    account_of,
    arrive,
    who,
)
from tests.operations.signing_in.steps import KEY, POLICY, enrol


@pytest.fixture
def directory(office: Cast) -> DirectoryAnswers:
    """The ledger's directory, which people sign in with; 青木 has an account in force there."""
    account_of(office, "staff", EXTERNAL_ID)
    with office.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.for_sign_in = True
    return DirectoryAnswers()


def refused(
    office: Cast, directory: DirectoryAnswers, name: str = LOGIN, password: str = PASSWORD, *,
    later: timedelta = timedelta(),
) -> SignInRefused:  # fmt: skip
    with pytest.raises(SignInRefused) as caught:
        arrive(office, directory, name, password, later=later)
    return caught.value


def attempts(office: Cast) -> int:
    with office.database.reading() as session:
        return session.scalar(select(func.coalesce(func.sum(SignInAttempts.count), 0))) or 0


def own_password(office: Cast, who: str, name: str) -> None:
    with office.database.writing() as session:
        session.add(SignIn(person_id=office.people[who], name=name, password_hash=hash_password(OWN_PASSWORD)))


def invite(office: Cast, person: str, name: str | None = None) -> str:
    with office.database.writing() as session:
        return issue_enrolment_link(session, person_id=office.people[person], actor=office.actor("desk"),
                                    policy=POLICY, now=NOW, name=name)  # fmt: skip


# --- let in ----------------------------------------------------------------------------------------------------------


def test_the_first_sign_in_makes_what_is_needed_and_later_ones_use_it(
    office: Cast, directory: DirectoryAnswers
) -> None:
    for _ in range(2):
        found = who(office, arrive(office, directory))
        assert found is not None
        assert (found.person_id, found.name, found.stage) == (office.people["staff"], LOGIN, Stage.SIGNED_IN)
    with office.database.reading() as session:
        assert session.scalars(select(SignIn.password_hash)).all() == [None]
        actions = session.scalars(
            select(AuditRecord.action).where(AuditRecord.action.like("sign_in.%")).order_by(AuditRecord.id)
        ).all()
    assert actions == ["sign_in.begun", "sign_in.completed", "sign_in.completed"]
    assert directory.asked == [(LOGIN, PASSWORD)] * 2


def test_an_officer_has_no_powers_until_a_second_factor_is_enrolled(office: Cast, directory: DirectoryAnswers) -> None:
    account_of(office, "hr", "id-of-hr")
    directory.known["u100006"] = PasswordCheck(PasswordVerdict.RIGHT, "id-of-hr")
    found = who(office, arrive(office, directory, "u100006"))
    assert found is not None
    assert found.stage is Stage.FACTOR_NEEDED


def test_a_factor_enrolled_after_the_directorys_password_is_told_to_its_person_and_to_security(
    office: Cast, directory: DirectoryAnswers
) -> None:
    signed_in = who(office, arrive(office, directory))
    assert signed_in is not None
    with office.database.writing() as session:
        prepare_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW)
        secret = pending_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW)
        assert secret is not None
        before = set(session.scalars(select(MailMessage.id)))
        code = code_at(secret, step_of(NOW))
        confirm_second_factor(session, signed_in=signed_in, code=code, factor_key=KEY, policy=POLICY, now=NOW)
        told = session.scalars(select(MailMessage).where(MailMessage.id.not_in(before))).all()
    assert {message.recipient for message in told} == {"u100009@example.jp", "u100005@example.jp"}
    assert {message.subject for message in told} == {"認証アプリが登録されました"}


def test_the_password_is_nowhere(office: Cast, directory: DirectoryAnswers, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    arrive(office, directory)
    refused(office, directory, password="Canary-Wrong-Password")
    with office.database.reading() as session:
        said = str([session.execute(select(table)).all() for table in everything.METADATA.sorted_tables])
    for secret in (PASSWORD, "Canary-Wrong-Password"):
        assert secret not in said + caplog.text


def test_ten_browsers_at_once_make_one_sign_in(office: Cast, directory: DirectoryAnswers) -> None:
    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(lambda _: arrive(office, directory), range(4)))
    assert len(set(tokens)) == 4
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SignIn)) == 1


def test_a_renamed_account_brings_its_person_in_by_the_new_name_only(office: Cast, directory: DirectoryAnswers) -> None:
    arrive(office, directory)
    with office.database.writing() as session:
        session.scalars(select(Account)).one().login_name = "aoki"
    directory.known = {"aoki": PasswordCheck(PasswordVerdict.RIGHT, EXTERNAL_ID)}
    refused(office, directory)
    found = who(office, arrive(office, directory, "AOKI"))
    assert found is not None
    assert found.name == "aoki"


# --- not let in ------------------------------------------------------------------------------------------------------


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer_after_one_question_each(
    office: Cast, directory: DirectoryAnswers
) -> None:
    own_password(office, "chief", "100003")
    answers = [refused(office, directory, name, WRONG) for name in (LOGIN, "u999999", "100003")]
    assert len({(answer.message, answer.code) for answer in answers}) == 1
    assert len(directory.asked) == 3


def test_nothing_typed_for_a_name_without_an_account_reaches_the_directory(
    office: Cast, directory: DirectoryAnswers
) -> None:
    own_password(office, "chief", "100003")
    for name in ("administrator", "100003"):
        refused(office, directory, name, WRONG)
    for login_name, password in directory.asked:
        assert login_name.startswith("nobody-")
        assert password != WRONG


def test_an_account_made_anew_under_the_old_name_is_nobodys(office: Cast, directory: DirectoryAnswers) -> None:
    directory.says(PasswordVerdict.RIGHT, "another-id")
    answer = refused(office, directory)
    assert answer.code == "SIGN-IN-NOT-OURS"
    with office.database.reading() as session:
        record = session.scalars(select(AuditRecord).where(AuditRecord.code == "SIGN-IN-NOT-OURS")).one()
        assert session.scalar(select(func.count()).select_from(SignIn)) == 0
    assert record.object_id == str(office.people["staff"])
    assert attempts(office) == 1


def test_a_directory_that_does_not_say_whose_account_it_was_lets_nobody_in(
    office: Cast, directory: DirectoryAnswers
) -> None:
    directory.says(PasswordVerdict.RIGHT, None)
    assert refused(office, directory).code == "SIGN-IN"


@pytest.mark.parametrize("state", [GrantState.PLANNED, GrantState.SUSPENDED])
def test_a_right_that_is_not_in_force_opens_nothing_and_is_not_asked_about(
    office: Cast, directory: DirectoryAnswers, state: GrantState
) -> None:
    token = arrive(office, directory)
    with office.database.writing() as session:
        session.scalars(select(Grant)).one().state = state
    directory.asked.clear()
    assert refused(office, directory).code == "SIGN-IN"
    assert [name for name, _ in directory.asked if name == LOGIN] == []
    assert who(office, token) is None


@pytest.mark.parametrize(
    ("begins", "ends"), [(date(2026, 3, 1), date(2026, 4, 1)), (date(2026, 4, 2), None)], ids=["over", "to come"]
)
def test_a_right_opens_nothing_outside_its_period_whatever_state_a_dead_job_left_it_in(
    office: Cast, directory: DirectoryAnswers, begins: date, ends: date | None
) -> None:
    token = arrive(office, directory)
    with office.database.writing() as session:
        grant = session.scalars(select(Grant)).one()
        grant.valid_from, grant.valid_until = begins, ends
        assert grant.state is GrantState.IN_FORCE
    directory.asked.clear()
    assert refused(office, directory).code == "SIGN-IN"
    assert [name for name, _ in directory.asked if name == LOGIN] == []
    assert who(office, token) is None


def test_a_right_lets_in_on_its_last_day(office: Cast, directory: DirectoryAnswers) -> None:
    with office.database.writing() as session:
        session.scalars(select(Grant)).one().valid_until = date(2026, 4, 2)
    assert arrive(office, directory)


def test_who_has_left_is_refused_although_the_directory_lets_them_in(office: Cast, directory: DirectoryAnswers) -> None:
    with office.database.writing() as session:
        session.scalars(
            select(Employment).where(Employment.person_id == office.people["staff"])
        ).one().valid_until = date(2026, 3, 1)
    assert refused(office, directory).code == "SIGN-IN"


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (PasswordVerdict.MUST_CHANGE, "パソコンのサインイン画面"),
        (PasswordVerdict.PASSWORD_EXPIRED, "有効期限が切れて"),
        (PasswordVerdict.LOCKED, "ロックされて"),
        (PasswordVerdict.DISABLED, "無効になって"),
        (PasswordVerdict.ACCOUNT_EXPIRED, "利用期間が終わって"),
    ],
)
def test_the_state_of_an_account_is_told_only_where_the_directory_vouches_for_the_password(
    office: Cast, directory: DirectoryAnswers, verdict: PasswordVerdict, told: str
) -> None:
    directory.says(verdict)
    assert told in refused(office, directory).message
    assert attempts(office) == 0
    directory.says(verdict, proven=False)
    unproven = refused(office, directory)
    assert unproven.message == refused(office, directory, "u999999", WRONG).message
    assert attempts(office) == 2


@pytest.mark.parametrize(
    "password", ["", " ", "　　", "\0", f"{PASSWORD}\0", "\u00ad", "\u200b\u200b", "x" * 1025, "あ" * 342, "\ud800"]
)
def test_what_no_directory_should_be_asked_is_not_asked_and_counts(
    office: Cast, directory: DirectoryAnswers, password: str
) -> None:
    assert refused(office, directory, password=password).code == "SIGN-IN"
    assert directory.asked == []
    assert attempts(office) == 1


# --- attempts --------------------------------------------------------------------------------------------------------


def test_a_locked_name_is_not_asked_about_so_that_we_never_lock_an_account_ourselves(
    office: Cast, directory: DirectoryAnswers
) -> None:
    limit = POLICY.sign_in.attempts
    spellings = [LOGIN, LOGIN.upper(), f" {LOGIN} ", "U100009"]
    codes = [refused(office, directory, spellings[n % 4], WRONG).code for n in range(limit + 3)]
    assert codes == ["SIGN-IN"] * (limit - 1) + ["SIGN-IN-LOCKED"] * 4
    assert refused(office, directory).code == "SIGN-IN-LOCKED"
    assert len(directory.asked) == limit


def test_parallel_guesses_do_not_exceed_the_limit_at_the_directory(office: Cast, directory: DirectoryAnswers) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: refused(office, directory, password=WRONG), range(24)))
    assert len(directory.asked) == POLICY.sign_in.attempts


def test_failures_are_told_to_their_owner_at_the_next_sign_in(office: Cast, directory: DirectoryAnswers) -> None:
    refused(office, directory, password=WRONG)
    refused(office, directory, password=WRONG)
    found = who(office, arrive(office, directory))
    assert found is not None
    assert found.failures_before == 2
    assert attempts(office) == 0


# --- the directory is away -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [TargetUnavailable("切れました"), TargetRefused("できません")])
def test_without_the_directory_nobody_is_judged_let_in_or_counted(
    office: Cast, directory: DirectoryAnswers, fault: TargetError
) -> None:
    arrive(office, directory)
    directory.fault = fault
    said = set()
    for name in (LOGIN, "u999999") * POLICY.sign_in.attempts:
        with pytest.raises(SignInUnavailable) as caught:
            arrive(office, directory, name)
        said.add(caught.value.message)
    assert len(said) == 1
    assert attempts(office) == 0
    directory.fault = None
    assert arrive(office, directory)


def test_the_products_own_passwords_work_without_the_directory_and_wrong_ones_still_count(
    office: Cast, directory: DirectoryAnswers
) -> None:
    own_password(office, "other", "100010")
    directory.fault = TargetUnavailable("切れました")
    assert arrive(office, directory, "100010", OWN_PASSWORD)
    assert refused(office, directory, "100010", WRONG).code == "SIGN-IN"
    assert attempts(office) == 1


# --- one name, one path ----------------------------------------------------------------------------------------------


def test_who_has_a_password_of_the_products_own_signs_in_with_that_alone(
    office: Cast, directory: DirectoryAnswers
) -> None:
    own_password(office, "staff", "aoki")
    answer = refused(office, directory)
    assert answer.code == "SIGN-IN-OWN-PASSWORD"
    assert arrive(office, directory, "aoki", OWN_PASSWORD)
    assert refused(office, directory, password=WRONG).code == "SIGN-IN"


def test_a_name_that_is_anothers_own_sign_in_is_never_asked_of_the_directory(
    office: Cast, directory: DirectoryAnswers
) -> None:
    own_password(office, "other", LOGIN)
    assert refused(office, directory).code == "SIGN-IN"
    assert [name for name, _ in directory.asked if name == LOGIN] == []
    found = who(office, arrive(office, directory, LOGIN, OWN_PASSWORD))
    assert found is not None
    assert found.person_id == office.people["other"]


def test_enrolment_refuses_a_name_that_the_directory_has_for_another(office: Cast, directory: DirectoryAnswers) -> None:
    with pytest.raises(InvalidInput, match="すでに使われています"):
        invite(office, "other", "U100009")
    assert invite(office, "staff", LOGIN)


def test_enrolment_refuses_a_name_that_the_directory_gave_to_another_meanwhile(
    office: Cast, directory: DirectoryAnswers
) -> None:
    link = invite(office, "other", "aoki")
    with office.database.writing() as session:
        session.scalars(select(Account)).one().login_name = "Aoki"
    with office.database.writing() as session, pytest.raises(InvalidInput, match="すでに使われています"):
        enrol(session, token=link, password=OWN_PASSWORD, policy=POLICY, now=NOW)


def test_a_link_makes_no_password_for_somebody_who_has_come_by_the_directory(
    office: Cast, directory: DirectoryAnswers
) -> None:
    arrive(office, directory)
    link = invite(office, "staff")
    with office.database.writing() as session, pytest.raises(IllegalTransition, match="認証アプリだけ"):
        enrol(session, token=link, password=OWN_PASSWORD, policy=POLICY, now=NOW)
    assert arrive(office, directory)


def test_a_password_by_a_link_ends_the_directory_path_of_somebody_whose_account_there_is_over(
    office: Cast, directory: DirectoryAnswers
) -> None:
    arrive(office, directory)
    with office.database.writing() as session:
        session.scalars(select(Grant)).one().state = GrantState.SUSPENDED
    with office.database.writing() as session:
        enrol(session, token=invite(office, "staff"), password=OWN_PASSWORD, policy=POLICY, now=NOW)
    with office.database.writing() as session:
        session.scalars(select(Grant)).one().state = GrantState.IN_FORCE
    assert refused(office, directory).code == "SIGN-IN"
    assert arrive(office, directory, LOGIN, OWN_PASSWORD)


def test_without_a_directory_to_sign_in_with_nothing_is_asked(office: Cast, directory: DirectoryAnswers) -> None:
    with office.database.writing() as session:
        session.scalars(select(InformationSystem).where(InformationSystem.for_sign_in)).one().for_sign_in = False
    assert refused(office, directory).code == "SIGN-IN"
    assert directory.asked == []
