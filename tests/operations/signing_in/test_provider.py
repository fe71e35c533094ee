"""Signing in at a provider: who is let in, who is not, and what an answer can never do (control F4)."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from idm.errors import (
    IllegalTransition,
    NotFound,
    NotPermitted,
    SignInRefused,
    SignInUnavailable,
    TargetRefused,
    TargetUnavailable,
)
from idm.factors.one_time_codes import code_at, step_of
from idm.models.audit import AuditRecord
from idm.models.people import Employment
from idm.models.sign_in import ProviderIdentity, SignIn, SignInAttempts, SignInChallenge, WebSession
from idm.models.systems import InformationSystem
from idm.models.work import MailMessage
from idm.operations.signing_in import provider_sign_in
from idm.operations.signing_in.enrolment import issue_enrolment_link
from idm.operations.signing_in.factor_enrolment import BY_LINK
from idm.operations.signing_in.provider_links import SUBJECT_TAKEN, end_link
from idm.operations.signing_in.provider_sign_in import AWAY, NOT_PROVEN, UNKNOWN
from idm.operations.signing_in.second_factor import confirm_second_factor, pending_second_factor, prepare_second_factor
from idm.operations.signing_in.sign_in import sign_in, verify_code
from idm.operations.signing_in.sign_in_directory import TWO_PATHS
from idm.operations.signing_in.web_sessions import SignedIn, Stage
from idm.ports import ProvenIdentity
from idm.vocabulary import SignInWay
from tests.cast import NOW, Cast
from tests.naming_provider import name_provider
from tests.operations.signing_in.answering_directory import LOGIN, OWN_PASSWORD, DirectoryAnswers, account_of, arrive
from tests.operations.signing_in.answering_provider import (
    ANSWER_AT,
    NAMED,
    AnsweringProvider,
    begin,
    come_back,
    sign_in_as,
    who,
)
from tests.operations.signing_in.steps import HERE, KEY, POLICY, enrol
from tests.operations.signing_in.test_second_factor_of_officers import link_of

MINUTE = timedelta(minutes=1)


@pytest.fixture
def provider(office: Cast) -> AnsweringProvider:
    """The provider that the organisation names."""
    name_provider(office.database, NAMED)
    return AnsweringProvider()


def linked(office: Cast, provider: AnsweringProvider, person: str = "staff", *officers: str) -> str:
    """The session of somebody who has just been linked to the subject of their own name."""
    link = link_of(office, person, *(officers or ("desk",)))
    return sign_in_as(office, provider, f"subject-of-{person}", link=link).token


def present(office: Cast, token: str, later: timedelta = timedelta()) -> SignedIn:
    found = who(office, token, later)
    assert found is not None
    return found


def last_record(office: Cast, action: str) -> AuditRecord:
    query = select(AuditRecord).where(AuditRecord.action == action).order_by(AuditRecord.id.desc()).limit(1)
    with office.database.reading() as session:
        return session.scalars(query).one()


def count_of(office: Cast, model: type) -> int:
    with office.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def enrol_app(office: Cast, token: str) -> bytes:
    """The secret of the app that the person enrolled in this session."""
    signed_in = present(office, token)
    with office.database.writing() as session:
        prepare_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW)
    with office.database.writing() as session:
        secret = pending_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW)
        assert secret is not None
        confirm_second_factor(session, signed_in=signed_in, code=code_at(secret, step_of(NOW)), factor_key=KEY,
                              policy=POLICY, now=NOW)  # fmt: skip
    return secret


# --- being linked -----------------------------------------------------------------------------------------------------


def test_a_link_of_an_officer_links_its_person_and_opens_a_session(office: Cast, provider: AnsweringProvider) -> None:
    token = linked(office, provider)
    assert present(office, token).person_id == office.people["staff"]
    with office.database.reading() as session:
        ours = session.scalars(select(SignIn).where(SignIn.person_id == office.people["staff"])).one()
        assert (ours.way, ours.password_hash) == (SignInWay.PROVIDER, None)
    payload = json.loads(last_record(office, "sign_in.linked").payload or "{}")
    assert (payload["issuer"], payload["subject"]) == (NAMED.issuer, "subject-of-staff")


@pytest.mark.asvs("10.5.2")
def test_whoever_is_linked_comes_in_by_the_subject_alone_from_then_on(
    office: Cast, provider: AnsweringProvider
) -> None:
    linked(office, provider)
    arrived = sign_in_as(office, provider, "subject-of-staff", later=MINUTE)
    found = present(office, arrived.token, MINUTE)
    assert (found.person_id, found.stage) == (office.people["staff"], Stage.SIGNED_IN)
    assert (arrived.wanted, arrived.carried, arrived.linked) == ("/requests", "typed", False)
    payload = json.loads(last_record(office, "sign_in.completed").payload or "{}")
    assert (payload["with"], payload["factors"]) == ("provider", 1)


def test_a_link_links_once(office: Cast, provider: AnsweringProvider) -> None:
    link = link_of(office, "staff", "desk")
    started, state = begin(office, provider, link=link)
    sign_in_as(office, provider, "subject-of-staff", link=link)
    with pytest.raises(NotFound):
        come_back(office, provider, started.token, state=state, code="subject-of-another")
    with pytest.raises(NotFound):
        begin(office, provider, link=link)
    assert count_of(office, ProviderIdentity) == 1


def test_one_officers_link_for_somebody_who_decides_links_nobody(office: Cast, provider: AnsweringProvider) -> None:
    with office.database.writing() as session:
        half = issue_enrolment_link(session, person_id=office.people["hr"], actor=office.actor("desk"), policy=POLICY,
                                    now=NOW)  # fmt: skip
    with pytest.raises(IllegalTransition, match="二人の責任者"):
        begin(office, provider, link=half)
    assert provider.asked == []


def test_a_link_that_lost_its_second_officer_on_the_way_links_nobody(office: Cast, provider: AnsweringProvider) -> None:
    """What was good at the beginning is judged again when the answer comes."""
    link = link_of(office, "staff", "desk")
    started, state = begin(office, provider, link=link)
    link_of(office, "staff", "desk")  # a newer one takes its place
    with pytest.raises(NotFound):
        come_back(office, provider, started.token, state=state, code="subject-of-staff")
    assert count_of(office, ProviderIdentity) == 0


@pytest.mark.asvs("6.8.1")
def test_a_subject_of_one_person_is_never_linked_to_another(office: Cast, provider: AnsweringProvider) -> None:
    linked(office, provider)
    link = link_of(office, "other", "desk")
    with pytest.raises(SignInRefused, match="別の人") as refused:
        sign_in_as(office, provider, "subject-of-staff", link=link)
    assert refused.value.code == SUBJECT_TAKEN
    assert last_record(office, "sign_in.attempted").code == SUBJECT_TAKEN
    assert sign_in_as(office, provider, "subject-of-other", link=link).linked  # the link was not used up by it
    with office.database.reading() as session:
        first = session.scalars(select(ProviderIdentity).order_by(ProviderIdentity.id).limit(1)).one()
    again = ProviderIdentity(
        person_id=office.people["hr"], issuer=first.issuer, subject=first.subject, link_id=first.link_id, linked_at=NOW
    )
    with pytest.raises(IntegrityError), office.database.writing() as session:
        session.add(again)


def test_of_two_people_linked_to_one_subject_at_once_one_is(office: Cast, provider: AnsweringProvider) -> None:
    begun = [begin(office, provider, link=link_of(office, person, "desk")) for person in ("staff", "other")]

    def one(number: int) -> str:
        started, state = begun[number]
        try:
            come_back(office, provider, started.token, state=state, code="the-same")
        except SignInRefused as refused:
            return refused.code
        return "linked"

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(one, range(2))) == sorted(["linked", SUBJECT_TAKEN])
    assert count_of(office, ProviderIdentity) == 1
    assert last_record(office, "sign_in.attempted").code == SUBJECT_TAKEN


def test_a_new_link_ends_the_former_identity_and_every_session(office: Cast, provider: AnsweringProvider) -> None:
    before = linked(office, provider)
    anew = sign_in_as(office, provider, "new-subject", link=link_of(office, "staff", "desk"), later=MINUTE)
    assert who(office, before, MINUTE) is None
    assert present(office, anew.token, MINUTE).person_id == office.people["staff"]
    with pytest.raises(SignInRefused) as refused:
        sign_in_as(office, provider, "subject-of-staff", later=MINUTE)
    assert refused.value.code == UNKNOWN


# --- one way ----------------------------------------------------------------------------------------------------------


def test_who_is_linked_has_no_password_here_any_more(office: Cast, provider: AnsweringProvider) -> None:
    with office.database.writing() as session:
        before = enrol(session, token=link_of(office, "staff", "desk"), password=OWN_PASSWORD, policy=POLICY, now=NOW)
    linked(office, provider)
    assert who(office, before) is None
    with pytest.raises(SignInRefused):
        sign_in(office.database, name="100009", password=OWN_PASSWORD, source=HERE, policy=POLICY, now=NOW)


def test_who_chooses_a_password_with_a_link_is_linked_no_more(office: Cast, provider: AnsweringProvider) -> None:
    before = linked(office, provider)
    with office.database.writing() as session:
        enrol(session, token=link_of(office, "staff", "desk"), password=OWN_PASSWORD, policy=POLICY, now=NOW)
    assert who(office, before) is None
    with pytest.raises(SignInRefused) as refused:
        sign_in_as(office, provider, "subject-of-staff")
    assert refused.value.code == UNKNOWN
    assert sign_in(office.database, name="100009", password=OWN_PASSWORD, source=HERE, policy=POLICY, now=NOW)


@pytest.mark.asvs("6.3.4")
def test_the_directorys_password_opens_nothing_for_who_is_linked(office: Cast, provider: AnsweringProvider) -> None:
    with office.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.for_sign_in = True
    directory = DirectoryAnswers()
    account_of(office, "staff", "6f9a7c52-0000-4000-8000-000000000009")
    linked(office, provider)
    with pytest.raises(SignInRefused, match="ボタンからサインイン") as refused:
        arrive(office, directory, LOGIN)
    assert refused.value.code == TWO_PATHS
    with office.database.writing() as session:
        end_link(session, person_id=office.people["staff"], actor=office.actor("desk"), policy=POLICY, now=NOW)
    with pytest.raises(SignInRefused, match="登録用リンクの発行を"):
        arrive(office, directory, LOGIN)


def test_a_link_moves_nobody_from_the_directorys_password_to_the_provider(
    office: Cast, provider: AnsweringProvider
) -> None:
    """Whoever holds the link alone would put a subject of their own in the place of the password."""
    with office.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.for_sign_in = True
    link = link_of(office, "staff", "desk")
    started, state = begin(office, provider, link=link)
    account_of(office, "staff", "6f9a7c52-0000-4000-8000-000000000009")
    by_directory = arrive(office, DirectoryAnswers(), LOGIN)
    with pytest.raises(IllegalTransition, match="結び付けられません"):
        begin(office, provider, link=link)
    with pytest.raises(IllegalTransition, match="結び付けられません"):
        come_back(office, provider, started.token, state=state, code="subject-of-anybody")
    assert who(office, by_directory) is not None
    with office.database.writing() as session:
        session.execute(update(InformationSystem).values(for_sign_in=False))
    assert linked(office, provider), "once the organisation signs in with no directory, a link leads to the provider"


def test_an_identity_opens_nothing_for_somebody_whose_way_is_another(office: Cast, provider: AnsweringProvider) -> None:
    linked(office, provider)
    with office.database.writing() as session:
        ours = session.scalars(select(SignIn).where(SignIn.person_id == office.people["staff"])).one()
        ours.way, ours.password_hash = SignInWay.PASSWORD, "-"
    with pytest.raises(SignInRefused) as refused:
        sign_in_as(office, provider, "subject-of-staff")
    assert refused.value.code == UNKNOWN


def test_the_database_keeps_a_password_exactly_where_that_is_the_way(office: Cast) -> None:
    for way, password_hash in ((SignInWay.PASSWORD, None), (SignInWay.PROVIDER, "-"), (SignInWay.DIRECTORY, "-")):
        with pytest.raises(IntegrityError), office.database.writing() as session:
            session.add(SignIn(person_id=office.people["staff"], name="x", way=way, password_hash=password_hash))


# --- who is not let in ------------------------------------------------------------------------------------------------


def test_a_subject_that_is_nobodys_is_told_where_to_turn_and_audited(office: Cast, provider: AnsweringProvider) -> None:
    with pytest.raises(SignInRefused, match="登録用リンク") as refused:
        sign_in_as(office, provider, "somebody")
    assert refused.value.code == UNKNOWN
    record = last_record(office, "sign_in.attempted")
    assert record.code == UNKNOWN
    payload = json.loads(record.payload or "{}")
    assert (payload["subject"], payload["source"]) == ("somebody", HERE)
    assert count_of(office, WebSession) == 0
    assert count_of(office, SignInAttempts) == 0


@pytest.mark.asvs("6.8.1", "10.5.2")
def test_the_same_subject_of_another_issuer_is_another_human(office: Cast, provider: AnsweringProvider) -> None:
    linked(office, provider)
    provider.issuer = "https://evil.example/tenant/v2.0"
    with pytest.raises(SignInRefused) as refused:
        sign_in_as(office, provider, "subject-of-staff")
    assert refused.value.code == UNKNOWN


def test_who_has_left_is_not_let_in_and_an_open_session_ends(office: Cast, provider: AnsweringProvider) -> None:
    token = linked(office, provider)
    with office.database.writing() as session:
        employment = session.scalars(select(Employment).where(Employment.person_id == office.people["staff"])).one()
        employment.valid_until = date(2026, 4, 1)
    assert who(office, token) is None
    with pytest.raises(SignInRefused) as refused:
        sign_in_as(office, provider, "subject-of-staff")
    assert refused.value.code == UNKNOWN


@pytest.mark.parametrize("now_named", [None, replace(NAMED, authority="https://login.example.jp/other/v2.0")])
def test_sessions_end_when_the_organisation_names_the_provider_no_more(
    office: Cast, provider: AnsweringProvider, now_named: object
) -> None:
    token = linked(office, provider)
    assert who(office, token) is not None
    name_provider(office.database, now_named)  # type: ignore[arg-type]
    assert who(office, token) is None
    name_provider(office.database, NAMED)
    assert who(office, token) is not None


def test_an_officer_ends_a_link_and_with_it_every_session(office: Cast, provider: AnsweringProvider) -> None:
    token = linked(office, provider)
    with office.database.writing() as session:
        end_link(session, person_id=office.people["staff"], actor=office.actor("desk"), policy=POLICY, now=NOW)
    assert who(office, token) is None
    with pytest.raises(SignInRefused) as refused:
        sign_in_as(office, provider, "subject-of-staff")
    assert refused.value.code == UNKNOWN
    assert last_record(office, "sign_in.unlinked").object_id == str(office.people["staff"])
    with office.database.reading() as session:
        assert "解除されました" in (session.scalars(select(MailMessage.subject)).all() or [""])[-1]


@pytest.mark.parametrize("by", ["staff", "hr", "auditor"])
def test_nobody_else_ends_a_link(office: Cast, provider: AnsweringProvider, by: str) -> None:
    token = linked(office, provider)
    with pytest.raises(NotPermitted), office.database.writing() as session:
        end_link(session, person_id=office.people["staff"], actor=office.actor(by), policy=POLICY, now=NOW)
    assert who(office, token) is not None


# --- the second factor ------------------------------------------------------------------------------------------------


@pytest.mark.asvs("6.3.3", "6.3.4", "6.8.4")
def test_the_provider_stands_in_for_the_password_alone_whatever_it_asked_for(
    office: Cast, provider: AnsweringProvider
) -> None:
    secret = enrol_app(office, linked(office, provider))
    arrived = sign_in_as(office, provider, "subject-of-staff", later=MINUTE)
    assert present(office, arrived.token, MINUTE).stage is Stage.CODE_NEEDED
    later = NOW + MINUTE
    code = code_at(secret, step_of(later))
    token = verify_code(office.database, token=arrived.token, code=code, source=HERE, factor_key=KEY, policy=POLICY,
                        now=later)  # fmt: skip
    found = present(office, token, MINUTE)
    assert (found.stage, found.second_factor_at) == (Stage.SIGNED_IN, later)


def test_an_officer_enrols_a_second_factor_in_the_session_that_the_link_opened(
    office: Cast, provider: AnsweringProvider
) -> None:
    token = linked(office, provider, "hr", "desk", "security")
    assert present(office, token).stage is Stage.FACTOR_NEEDED
    assert enrol_app(office, token)


def test_an_officer_never_enrols_a_second_factor_by_the_provider_alone(
    office: Cast, provider: AnsweringProvider
) -> None:
    """Whoever set the password at the provider knows it for a while, as at the directory."""
    linked(office, provider, "hr", "desk", "security")
    arrived = sign_in_as(office, provider, "subject-of-hr", later=MINUTE)
    signed_in = present(office, arrived.token, MINUTE)
    assert signed_in.stage is Stage.FACTOR_NEEDED
    with pytest.raises(NotPermitted) as refused, office.database.writing() as session:
        prepare_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW + MINUTE)
    assert refused.value.code == BY_LINK


@pytest.mark.asvs("6.3.1")
def test_coming_back_by_the_provider_gives_no_more_guesses_at_the_code(
    office: Cast, provider: AnsweringProvider
) -> None:
    secret = enrol_app(office, linked(office, provider))
    wrong = next(code for code in ("000000", "000001", "000002") if code != code_at(secret, step_of(NOW)))
    for _ in range(POLICY.sign_in.attempts + 1):
        arrived = sign_in_as(office, provider, "subject-of-staff")
        with pytest.raises(SignInRefused) as refused:
            verify_code(office.database, token=arrived.token, code=wrong, source=HERE, factor_key=KEY, policy=POLICY,
                        now=NOW)  # fmt: skip
    assert refused.value.code == "SIGN-IN-LOCKED"


@pytest.mark.asvs("6.1.1")
def test_guessing_a_password_under_the_name_locks_nobody_out_of_the_provider(
    office: Cast, provider: AnsweringProvider
) -> None:
    linked(office, provider)
    for _ in range(POLICY.sign_in.attempts):
        with pytest.raises(SignInRefused):
            sign_in(office.database, name="100009", password=OWN_PASSWORD, source=HERE, policy=POLICY, now=NOW)
    arrived = sign_in_as(office, provider, "subject-of-staff", later=MINUTE)
    assert present(office, arrived.token, MINUTE).failures_before == POLICY.sign_in.attempts


# --- the answer -------------------------------------------------------------------------------------------------------


@pytest.mark.asvs("10.1.2", "10.2.1")
def test_an_answer_in_another_browser_opens_nothing_and_takes_nothing_away(
    office: Cast, provider: AnsweringProvider
) -> None:
    """A stranger's answer, sent to somebody as a link (CVE-2025-68158), and somebody's own, brought by a stranger."""
    linked(office, provider)
    mine, my_state = begin(office, provider)
    theirs, their_state = begin(office, provider)
    before = last_record(office, "sign_in.linked").id
    for token, state in ((mine.token, their_state), (theirs.token, my_state), ("", my_state), (mine.token, "")):
        with pytest.raises(SignInRefused):
            come_back(office, provider, token, state=state, code="subject-of-staff")
    assert provider.completed == ["kept-0"]
    with office.database.reading() as session:
        assert session.scalar(select(func.max(AuditRecord.id))) == before
    assert come_back(office, provider, mine.token, state=my_state, code="subject-of-staff").token


@pytest.mark.asvs("10.1.2")
def test_an_answer_is_taken_once(office: Cast, provider: AnsweringProvider) -> None:
    linked(office, provider)
    started, state = begin(office, provider)
    come_back(office, provider, started.token, state=state, code="subject-of-staff")
    sessions = count_of(office, WebSession)
    with pytest.raises(SignInRefused):
        come_back(office, provider, started.token, state=state, code="subject-of-staff")
    assert count_of(office, WebSession) == sessions


def test_fifty_answers_at_once_open_one_session(office: Cast, provider: AnsweringProvider) -> None:
    linked(office, provider)
    started, state = begin(office, provider)
    before = count_of(office, WebSession)

    def one(_: int) -> bool:
        try:
            come_back(office, provider, started.token, state=state, code="subject-of-staff")
        except SignInRefused:
            return False
        return True

    with ThreadPoolExecutor(50) as many:
        assert sum(many.map(one, range(50))) == 1
    assert count_of(office, WebSession) == before + 1
    assert provider.completed == ["kept-0", "kept-1"]


def test_an_answer_after_ten_minutes_is_too_late(office: Cast, provider: AnsweringProvider) -> None:
    linked(office, provider)
    started, state = begin(office, provider)
    with pytest.raises(SignInRefused):
        come_back(office, provider, started.token, 10 * MINUTE, state=state, code="subject-of-staff")


def test_what_is_kept_is_sealed_and_gone_once_it_was_used(office: Cast, provider: AnsweringProvider) -> None:
    link = link_of(office, "staff", "desk")
    started, state = begin(office, provider, link=link)
    with office.database.reading() as session:
        kept = session.scalars(select(SignInChallenge)).one()
    for secret in (state, "kept-0", link, started.token):
        assert secret.encode() not in kept.sealed + kept.token_hash.encode()
    come_back(office, provider, started.token, state=state, code="subject-of-staff")
    with office.database.reading() as session:
        assert session.scalars(select(SignInChallenge.sealed)).all() == [b""]


def test_a_challenge_moved_under_another_token_does_not_open(office: Cast, provider: AnsweringProvider) -> None:
    mine, _ = begin(office, provider)
    _, their_state = begin(office, provider)
    with office.database.writing() as session:
        first, second = session.scalars(select(SignInChallenge).order_by(SignInChallenge.id)).all()
        first.sealed = second.sealed
    with pytest.raises(SignInRefused):
        come_back(office, provider, mine.token, state=their_state, code="subject-of-staff")


# --- the provider -----------------------------------------------------------------------------------------------------


def test_a_provider_that_is_away_judges_nobody(office: Cast, provider: AnsweringProvider) -> None:
    linked(office, provider)
    started, state = begin(office, provider)
    provider.fault = TargetUnavailable("down")
    with pytest.raises(SignInUnavailable, match="接続できない"):
        begin(office, provider)
    with pytest.raises(SignInUnavailable):
        come_back(office, provider, started.token, state=state, code="subject-of-staff")
    assert last_record(office, "sign_in.attempted").code == AWAY
    assert count_of(office, SignInAttempts) == 0


def test_what_proves_nobody_is_refused_in_one_sentence_and_audited(office: Cast, provider: AnsweringProvider) -> None:
    started, state = begin(office, provider)
    provider.fault = TargetRefused("the ID token is of another tenant: 'secret-tenant'")
    with pytest.raises(SignInRefused) as refused:
        come_back(office, provider, started.token, state=state, code="x")
    assert refused.value.code == NOT_PROVEN
    assert "secret-tenant" not in refused.value.message
    assert last_record(office, "sign_in.attempted").code == NOT_PROVEN


@pytest.mark.asvs("7.6.1")
def test_a_sign_in_there_is_no_older_than_a_session_here_may_become(office: Cast, provider: AnsweringProvider) -> None:
    begin(office, provider)
    assert provider.asked == [(ANSWER_AT, timedelta(hours=POLICY.sign_in.absolute_hours))]


def test_a_flood_of_beginnings_fills_nothing_and_takes_nothing_from_whoever_is_on_their_way(
    office: Cast, provider: AnsweringProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_sign_in, "MOST_WAITING", 5)
    linked(office, provider)
    begin(office, provider, later=-20 * MINUTE)
    on_the_way, state = begin(office, provider)
    for _ in range(4):
        begin(office, provider)
    for _ in range(3):
        with pytest.raises(SignInUnavailable, match="数分たってから"):
            begin(office, provider)
    assert count_of(office, SignInChallenge) == 6, "with the one that was answered"
    assert come_back(office, provider, on_the_way.token, state=state, code="subject-of-staff").token
    begin(office, provider, later=20 * MINUTE)
    assert count_of(office, SignInChallenge) == 1


def test_proof_says_nothing_of_the_person(office: Cast) -> None:
    """What the operation is given holds no address and no name: nothing could be matched by them."""
    assert set(ProvenIdentity.__dataclass_fields__) == {"issuer", "subject", "signed_in_at"}
    assert office.people
