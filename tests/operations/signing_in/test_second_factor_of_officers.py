"""Who decides never gets a second factor from the directory's password alone: two officers stand before it."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from idm.actor import Actor
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted, SeparationOfDuties
from idm.factors.one_time_codes import code_at, step_of
from idm.models.audit import AuditRecord
from idm.models.officers import ConfigurationVersion, Deputy, Officer
from idm.models.people import Person
from idm.models.sign_in import EnrolmentLink, SignIn
from idm.models.systems import InformationSystem
from idm.models.work import MailMessage
from idm.operations.signing_in.enrolment import INVITED_BY_TWO, find_enrolment, issue_enrolment_link
from idm.operations.signing_in.factor_enrolment import BY_LINK
from idm.operations.signing_in.invitations import invite
from idm.operations.signing_in.lost_factor import report_own_factor_lost
from idm.operations.signing_in.passkeys import ask_to_enrol, enrol_passkey, take_question
from idm.operations.signing_in.second_factor import confirm_second_factor, pending_second_factor, prepare_second_factor
from idm.operations.signing_in.sign_in import sign_in, verify_code
from idm.operations.signing_in.web_sessions import SignedIn, Stage
from idm.ports import PasswordCheck, PasswordVerdict
from idm.queries.governance.configuration import version_in_force
from idm.queries.signing_in.own_factors import own_authenticators
from idm.vocabulary import AuthenticatorKind, ConfigurationKind, Role
from tests.cast import NOW, TODAY, Cast
from tests.hand_office import seat
from tests.operations.signing_in.answering_directory import OWN_PASSWORD, DirectoryAnswers, account_of, arrive, who
from tests.operations.signing_in.factor_steps import CEREMONY, passkey
from tests.operations.signing_in.steps import HERE, KEY, POLICY, enrol

NAMES = {"hr": "u100006", "staff": "u100009", "vice": "u100002", "auditor": "u100008"}


@pytest.fixture
def directory(office: Cast) -> DirectoryAnswers:
    """The ledger's directory, which people sign in with, and which takes every right password."""
    with office.database.writing() as session:
        system = session.scalars(select(InformationSystem).where(InformationSystem.code == "ledger")).one()
        system.for_sign_in = True
    return DirectoryAnswers()


def come(office: Cast, directory: DirectoryAnswers, person: str) -> SignedIn:
    """The person, signed in with the directory's password as far as that leads."""
    name = NAMES[person]
    if name not in directory.known or directory.known[name].external_id != f"id-of-{person}":
        account_of(office, person, f"id-of-{person}")
        directory.known[name] = PasswordCheck(PasswordVerdict.RIGHT, f"id-of-{person}")
    found = who(office, arrive(office, directory, name))
    assert found is not None
    return found


def invited(office: Cast, person: str, *officers: str) -> str | None:
    """The link after these officers have invited the person, one after the other; None where it is not shown."""
    token = None
    for officer in officers:
        with office.database.writing() as session:
            token = invite(session, person_id=office.people[person], actor=office.actor(officer), policy=POLICY,
                           now=NOW + timedelta(seconds=officers.index(officer))).token  # fmt: skip
    return token


def link_of(office: Cast, person: str, *officers: str) -> str:
    token = invited(office, person, *officers)
    assert token is not None
    return token


def prepare(office: Cast, signed_in: SignedIn, link: str | None = None) -> bytes | None:
    """The secret that its owner is shown."""
    with office.database.writing() as session:
        prepare_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW, link=link)
        return pending_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW, link=link)


def confirm(office: Cast, signed_in: SignedIn, secret: bytes | None, link: str | None = None) -> str:
    assert secret is not None
    with office.database.writing() as session:
        return confirm_second_factor(session, signed_in=signed_in, code=code_at(secret, step_of(NOW)), factor_key=KEY,
                                     policy=POLICY, now=NOW, link=link)  # fmt: skip


def becomes_officer(office: Cast, person: str, role: Role) -> None:
    with office.database.writing() as session:
        record = session.scalars(select(Officer.first_record_id).where(Officer.first_record_id.is_not(None))).first()
        session.add(Officer(role=role, person_id=office.people[person], valid_from=TODAY, first_record_id=record))


# --- the directory's password alone ----------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["hr", "vice", "auditor"])
def test_a_role_that_demands_a_second_factor_never_gets_it_by_the_directorys_password_alone(
    office: Cast, directory: DirectoryAnswers, person: str
) -> None:
    signed_in = come(office, directory, person)
    assert signed_in.stage is Stage.FACTOR_NEEDED
    with pytest.raises(NotPermitted, match="登録用リンクの発行を") as refused:
        prepare(office, signed_in)
    assert refused.value.code == BY_LINK
    with office.database.reading() as session:
        assert session.scalars(select(SignIn.totp_pending)).all() == [None]


def test_who_becomes_an_officer_after_the_first_sign_in_falls_under_the_same_rule(
    office: Cast, directory: DirectoryAnswers
) -> None:
    signed_in = come(office, directory, "staff")
    assert signed_in.stage is Stage.SIGNED_IN
    prepared = prepare(office, signed_in)
    becomes_officer(office, "staff", Role.CHIEF)
    assert come(office, directory, "staff").stage is Stage.FACTOR_NEEDED
    with pytest.raises(NotPermitted) as refused:
        confirm(office, signed_in, prepared)
    assert refused.value.code == BY_LINK


def shown(office: Cast, signed_in: SignedIn, link: str | None = None) -> bytes | None:
    with office.database.reading() as session:
        return pending_second_factor(session, signed_in=signed_in, factor_key=KEY, policy=POLICY, now=NOW, link=link)


def test_a_secret_that_another_session_prepared_is_never_shown_to_the_owner(
    office: Cast, directory: DirectoryAnswers
) -> None:
    """Whoever set the password could prepare one beforehand, and would have the app that its owner confirms."""
    of_the_desk = come(office, directory, "staff")
    planted = prepare(office, of_the_desk)
    owner = come(office, directory, "staff")
    assert shown(office, owner) is None
    with pytest.raises(IllegalTransition, match="QRコード"):
        confirm(office, owner, planted)
    assert prepare(office, owner) != planted
    assert shown(office, of_the_desk) is None, "nor does the desk see the owner's afterwards"


def test_a_secret_prepared_with_the_same_link_in_another_session_is_never_shown_to_the_owner(
    office: Cast, directory: DirectoryAnswers
) -> None:
    link = link_of(office, "hr", "vice", "desk")  # the desk, second, has seen the link, and can set the password
    of_the_desk = come(office, directory, "hr")
    planted = prepare(office, of_the_desk, link)
    owner = come(office, directory, "hr")
    assert shown(office, owner, link) is None
    with pytest.raises(IllegalTransition, match="QRコード"):
        confirm(office, owner, planted, link)
    mine = prepare(office, owner, link)
    assert shown(office, of_the_desk, link) is None
    found = who(office, confirm(office, owner, mine, link))
    assert found is not None
    assert found.stage is Stage.SIGNED_IN


def test_who_deputises_an_officer_needs_a_second_factor_and_a_link_for_it(
    office: Cast, directory: DirectoryAnswers
) -> None:
    with office.database.writing() as session:
        session.add(Deputy(principal_id=office.people["chief"], role=Role.CHIEF, deputy_id=office.people["staff"],
                           valid_from=TODAY, valid_until=TODAY + timedelta(days=9), named_at=NOW, accepted_at=NOW,
                           accepted_by_id=office.people["ciso"]))  # fmt: skip
    signed_in = come(office, directory, "staff")
    assert signed_in.stage is Stage.FACTOR_NEEDED
    with pytest.raises(NotPermitted):
        prepare(office, signed_in)


def test_who_is_no_officer_enrols_by_themself(office: Cast, directory: DirectoryAnswers) -> None:
    signed_in = come(office, directory, "staff")
    assert who(office, confirm(office, signed_in, prepare(office, signed_in)))


# --- with a link of two officers -------------------------------------------------------------------------------------


def test_two_officers_link_enrols_the_second_factor_and_nothing_else(office: Cast, directory: DirectoryAnswers) -> None:
    signed_in = come(office, directory, "hr")
    assert invited(office, "hr", "desk") is None
    link = link_of(office, "hr", "security")
    with office.database.reading() as session:
        assert find_enrolment(session, token=link, now=NOW).factor_only
    with office.database.writing() as session, pytest.raises(IllegalTransition):
        enrol(session, token=link, password=OWN_PASSWORD, policy=POLICY, now=NOW)
    found = who(office, confirm(office, signed_in, prepare(office, signed_in, link), link))
    assert found is not None
    assert found.stage is Stage.SIGNED_IN
    assert come(office, directory, "hr").stage is Stage.CODE_NEEDED
    with office.database.reading() as session:
        assert session.scalars(select(SignIn.password_hash)).all() == [None]
        record = session.scalars(
            select(AuditRecord).where(AuditRecord.action == "sign_in.second_factor_enrolled")
        ).one()
        used = session.scalars(select(EnrolmentLink).where(EnrolmentLink.used_at.is_not(None))).one()
    assert json.loads(record.payload or "")["link"] == used.id


def test_a_link_enrols_once(office: Cast, directory: DirectoryAnswers) -> None:
    signed_in = come(office, directory, "hr")
    link = link_of(office, "hr", "desk", "security")
    confirm(office, signed_in, prepare(office, signed_in, link), link)
    with pytest.raises(NotFound):
        prepare(office, come(office, directory, "hr"), link)


def test_anothers_link_enrols_nothing(office: Cast, directory: DirectoryAnswers) -> None:
    link = link_of(office, "chief", "desk", "security")
    with pytest.raises(NotFound):
        prepare(office, come(office, directory, "hr"), link)


def test_a_wrong_code_leaves_the_link_as_it_was(office: Cast, directory: DirectoryAnswers) -> None:
    signed_in = come(office, directory, "hr")
    link = link_of(office, "hr", "desk", "security")
    secret = prepare(office, signed_in, link)
    with pytest.raises(InvalidInput), office.database.writing() as session:
        confirm_second_factor(session, signed_in=signed_in, code="12", factor_key=KEY, policy=POLICY, now=NOW,
                              link=link)  # fmt: skip
    assert confirm(office, signed_in, secret, link)


def test_a_secret_prepared_by_the_password_beforehand_is_not_what_the_link_confirms(
    office: Cast, directory: DirectoryAnswers
) -> None:
    intruder = come(office, directory, "staff")
    known_to_intruder = prepare(office, intruder)
    becomes_officer(office, "staff", Role.CHIEF)
    link = link_of(office, "staff", "desk", "security")
    owner = come(office, directory, "staff")
    with office.database.reading() as session:
        assert pending_second_factor(
            session, signed_in=owner, factor_key=KEY, policy=POLICY, now=NOW, link=link
        ) is None  # fmt: skip
    with pytest.raises(IllegalTransition, match="先にQRコード"):
        confirm(office, owner, known_to_intruder, link)


def test_a_lost_telephone_is_replaced_by_a_link_before_the_code_is_asked_for(
    office: Cast, directory: DirectoryAnswers
) -> None:
    signed_in = come(office, directory, "staff")
    old = prepare(office, signed_in)
    confirm(office, signed_in, old)
    waiting = come(office, directory, "staff")
    assert waiting.stage is Stage.CODE_NEEDED
    with pytest.raises(IllegalTransition):
        prepare(office, waiting)
    link = link_of(office, "staff", "desk")
    new = prepare(office, waiting, link)
    later = NOW + timedelta(minutes=2)
    with office.database.writing() as session:
        assert new is not None
        confirm_second_factor(session, signed_in=waiting, code=code_at(new, step_of(later)), factor_key=KEY,
                              policy=POLICY, now=later, link=link)  # fmt: skip
    assert old is not None
    token = sign_in(office.database, name=NAMES["staff"], password="PC-Password-2026", source=HERE, policy=POLICY,
                    now=later, check_password=directory)  # fmt: skip
    much_later = later + timedelta(minutes=2)
    code = code_at(new, step_of(much_later))
    assert verify_code(office.database, token=token, code=code, source=HERE, factor_key=KEY, policy=POLICY,
                       now=much_later)  # fmt: skip


# --- who issues ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("officers", [("desk",), ("desk", "desk"), ("security",)])
def test_one_officer_alone_makes_no_link_for_somebody_who_decides(office: Cast, officers: tuple[str, ...]) -> None:
    assert invited(office, "hr", *officers) is None


def test_whoever_stands_in_the_route_of_the_profile_in_force_decides_as_well(office: Cast) -> None:
    seat(office, "staff", Role.SECTION, "0100")
    assert invited(office, "staff", "desk") is not None
    with office.database.writing() as session:
        present = version_in_force(session, ConfigurationKind.PROFILE, now=NOW)
        profile = json.loads(present.content)
        profile["values"]["applications"]["route"] = ["section", "chief"]
        profile["values"]["seats"].append({"role": "section", "post": "課長", "per": "system"})
        session.add(
            ConfigurationVersion(kind=present.kind, name=present.name, version=present.version + 1,
                                 content=json.dumps(profile), digest="f" * 64, reason="課長の承認を経る",
                                 proposed_at=NOW, accepted_at=NOW,
                                 proposed_by_id=office.people["security"], accepted_by_id=office.people["ciso"])
        )  # fmt: skip
    assert invited(office, "staff", "desk") is None


def test_the_first_officers_own_token_opens_nothing(office: Cast) -> None:
    with office.database.writing() as session:
        token = issue_enrolment_link(session, person_id=office.people["hr"], actor=office.actor("desk"),
                                     policy=POLICY, now=NOW)  # fmt: skip
    with office.database.writing() as session, pytest.raises(IllegalTransition) as refused:
        enrol(session, token=token, password=OWN_PASSWORD, policy=POLICY, now=NOW)
    assert refused.value.code == INVITED_BY_TWO


def test_two_rows_of_one_human_are_one_officer(office: Cast) -> None:
    with office.database.writing() as session:
        for name in ("desk", "security"):
            session.get_one(Person, office.people[name]).match_key = "same human"
    assert invited(office, "hr", "desk", "security") is None


def test_a_first_issue_that_is_over_counts_no_more(office: Cast) -> None:
    assert invited(office, "hr", "desk") is None
    later = NOW + timedelta(hours=POLICY.sign_in.enrolment_hours, seconds=1)
    with office.database.writing() as session:
        issued = invite(session, person_id=office.people["hr"], actor=office.actor("security"), policy=POLICY,
                        now=later)  # fmt: skip
    assert issued.token is None


def test_a_used_link_of_before_is_no_first_half(office: Cast) -> None:
    link = link_of(office, "hr", "desk", "security")
    with office.database.writing() as session:
        enrol(session, token=link, password=OWN_PASSWORD, policy=POLICY, now=NOW + timedelta(seconds=2))
    assert invited(office, "hr", "desk") is None


def test_nobody_is_one_of_the_two_for_themself(office: Cast) -> None:
    assert invited(office, "security", "desk") is None
    with pytest.raises(SeparationOfDuties):
        invited(office, "security", "security")


@pytest.mark.parametrize("by", ["staff", "hr", "auditor", "system"])
def test_only_heads_and_the_hand_over_officer_are_one_of_the_two(office: Cast, by: str) -> None:
    with pytest.raises(NotPermitted):
        invited(office, "chief", by)


def test_a_link_of_one_officer_stops_working_when_its_person_comes_to_decide(office: Cast) -> None:
    link = link_of(office, "staff", "desk")
    becomes_officer(office, "staff", Role.CHIEF)
    with office.database.reading() as session, pytest.raises(IllegalTransition):
        find_enrolment(session, token=link, now=NOW)
    assert invited(office, "staff", "security")


def test_who_could_be_the_second_is_told_and_then_the_person(office: Cast) -> None:
    with office.database.reading() as session:
        before = len(session.scalars(select(MailMessage)).all())
    invited(office, "hr", "desk", "security")
    with office.database.reading() as session:
        told = session.scalars(select(MailMessage).order_by(MailMessage.id)).all()[before:]
    assert [(one.recipient, one.subject) for one in told] == [
        *((f"u10000{n}@example.jp", "サインイン登録の案内の発行（二人目）") for n in (1, 2, 3, 5)),
        ("u100006@example.jp", "サインイン登録の案内が発行されました"),
    ]


def test_a_link_of_the_first_day_needs_no_officer(office: Cast) -> None:
    with office.database.writing() as session:
        token = issue_enrolment_link(session, person_id=office.people["hr"], actor=Actor.job("idm init"),
                                     policy=POLICY, now=NOW)  # fmt: skip
        assert enrol(session, token=token, password=OWN_PASSWORD, policy=POLICY, now=NOW)


# --- the same for a passkey ------------------------------------------------------------------------------------------


def question(office: Cast, signed_in: SignedIn, link: str | None = None) -> str:
    with office.database.writing() as session:
        return ask_to_enrol(session, signed_in=signed_in, ceremony=CEREMONY, policy=POLICY, now=NOW, link=link)


def make(office: Cast, signed_in: SignedIn, answer: str, link: str | None = None) -> str:
    with office.database.writing() as session:
        taken = take_question(session, signed_in=signed_in, ceremony=CEREMONY, policy=POLICY, now=NOW, link=link)
    with office.database.writing() as session:
        return enrol_passkey(session, taken, signed_in=signed_in, answer=answer, label="", ceremony=CEREMONY,
                             policy=POLICY, now=NOW, link=link)  # fmt: skip


def test_an_officer_enrols_a_passkey_with_two_officers_link_only(office: Cast, directory: DirectoryAnswers) -> None:
    signed_in, key = come(office, directory, "hr"), passkey()
    with pytest.raises(NotPermitted) as refused:
        question(office, signed_in)
    assert refused.value.code == BY_LINK
    link = link_of(office, "hr", "desk", "security")
    found = who(office, make(office, signed_in, key.made(question(office, signed_in, link)), link))
    assert found is not None
    assert found.stage is Stage.SIGNED_IN
    with pytest.raises(NotFound):
        question(office, come(office, directory, "hr"), link)


def test_a_passkey_asked_for_by_the_password_beforehand_is_not_what_the_link_confirms(
    office: Cast, directory: DirectoryAnswers
) -> None:
    signed_in, key = come(office, directory, "staff"), passkey()
    prepared = key.made(question(office, signed_in))
    becomes_officer(office, "staff", Role.CHIEF)
    link = link_of(office, "staff", "desk", "security")
    with pytest.raises(InvalidInput):
        make(office, signed_in, prepared, link)


def test_a_link_withdraws_everything_enrolled_before(office: Cast, directory: DirectoryAnswers) -> None:
    signed_in = come(office, directory, "staff")
    confirm(office, signed_in, prepare(office, signed_in))
    waiting, key = come(office, directory, "staff"), passkey()
    link = link_of(office, "staff", "desk")
    make(office, waiting, key.made(question(office, waiting, link)), link)
    with office.database.reading() as session:
        rows = own_authenticators(session, office.people["staff"])
        assert [row.kind for row in rows] == [AuthenticatorKind.PASSKEY]
        assert session.scalars(select(SignIn.totp_secret)).all() == [None]


def test_after_a_loss_the_directorys_password_enrols_nothing_and_a_link_does(
    office: Cast, directory: DirectoryAnswers
) -> None:
    signed_in = come(office, directory, "staff")
    confirm(office, signed_in, prepare(office, signed_in))
    waiting = come(office, directory, "staff")
    with office.database.writing() as session:
        report_own_factor_lost(session, signed_in=waiting, circumstances="", policy=POLICY, now=NOW)
    again = come(office, directory, "staff")
    assert again.stage is Stage.FACTOR_NEEDED
    with pytest.raises(NotPermitted):
        prepare(office, again)
    link, key = link_of(office, "staff", "desk"), passkey()
    make(office, again, key.made(question(office, again, link)), link)
    assert come(office, directory, "staff").stage is Stage.CODE_NEEDED
