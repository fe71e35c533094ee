"""Consent: recorded by somebody else, and without it no first right for those of whom the profile asks it."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from idm.employment_kind import EmploymentKind
from idm.errors import InvalidInput, NotFound, NotPermitted
from idm.models.audit import AuditRecord
from idm.models.outside import Consent
from idm.models.people import Employment
from idm.operations.approval import consent
from idm.vocabulary import LineEffect, RequestAction, Role
from tests.cast import NOW, TODAY, Cast


def non_regular(cast: Cast, *who: str, kind: EmploymentKind = EmploymentKind.FISCAL_YEAR_PART) -> None:
    with cast.database.writing() as session:
        for name in who:
            cast.employment(session, name).kind = kind


def consents(cast: Cast, who: str, *, by: str = "security", given_on: date = TODAY, document: str = "総-12") -> None:
    with cast.acting(by, "consent.record") as session:
        consent.record(
            session, person_id=cast.people[who], given_on=given_on, document=document, actor=cast.actor(by),
            policy=cast.policy, now=NOW,
        )  # fmt: skip


def test_a_consent_is_on_record_with_its_paper_and_audited(cast: Cast) -> None:
    consents(cast, "staff", given_on=TODAY - timedelta(days=3))
    with cast.database.reading() as session:
        found = session.scalars(select(Consent)).one()
        audited = session.scalars(select(AuditRecord).where(AuditRecord.action == "consent.recorded")).one()
    assert (found.person_id, found.given_on, found.document) == (cast.people["staff"], date(2026, 3, 29), "総-12")
    assert audited.object_id == str(cast.people["staff"])


@pytest.mark.parametrize("by", ["staff", "other", "system", "contractor", "ciso"])
def test_it_is_recorded_by_the_manager_of_the_unit_or_hr(cast: Cast, by: str) -> None:
    with pytest.raises(NotPermitted):
        consents(cast, "staff", by=by)
    consents(cast, "staff", by="hr")


@pytest.mark.parametrize("who", ["security", "hr"])
def test_nobody_records_their_own(cast: Cast, who: str) -> None:
    with pytest.raises(NotPermitted, match="自分"):
        consents(cast, who, by=who)


def test_it_names_a_day_that_has_been_and_a_paper_and_is_recorded_once(cast: Cast) -> None:
    for mistake, field in (({"given_on": TODAY + timedelta(days=1)}, "given_on"), ({"document": " "}, "document")):
        with pytest.raises(InvalidInput) as refused:
            consents(cast, "staff", **mistake)
        assert list(refused.value.fields) == [field]
    consents(cast, "staff")
    with pytest.raises(InvalidInput, match="すでに"):
        consents(cast, "staff")


def test_the_consent_of_nobody_is_not_found(cast: Cast) -> None:
    cast.people["nobody"] = 999
    with pytest.raises(NotFound):
        consents(cast, "nobody", by="hr")


# --- no first right without it ---------------------------------------------------------------------------------------


def test_nobody_of_those_kinds_gets_a_right_without_a_consent(cast: Cast) -> None:
    for kind in cast.policy.outside.consent_kinds:
        non_regular(cast, "staff", kind=kind)
        with pytest.raises(InvalidInput, match="同意書の記録がありません"):
            cast.file("hr", ("staff", "ledger/account"))
    consents(cast, "staff")
    cast.approve(cast.file("hr", ("staff", "ledger/account")))


def test_of_everybody_else_no_consent_is_asked(cast: Cast) -> None:
    cast.file("hr", ("staff", "ledger/account"))
    non_regular(cast, "other", kind=EmploymentKind.COMMITTEE)
    cast.file("hr", ("other", "ledger/account"))


def test_everybody_of_the_application_who_lacks_it_is_told_at_once(cast: Cast) -> None:
    non_regular(cast, "staff", "other")
    with pytest.raises(InvalidInput) as refused:
        cast.file("hr", ("desk", "ledger/account"), ("staff", "ledger/account"), ("other", "ledger/account"))
    told = refused.value.message
    assert "青木　一郎 さん（会計年度任用職員（パートタイム））、今泉　二葉 さん" in told
    assert "西新" not in told
    assert "「同意書」の画面" in told


def test_it_is_asked_again_at_the_decision(cast: Cast) -> None:
    waiting = cast.file("hr", ("staff", "ledger/account"))
    non_regular(cast, "staff")
    with pytest.raises(InvalidInput, match="同意書"):
        cast.decide("chief", waiting, Role.CHIEF)
    consents(cast, "staff")
    cast.approve(waiting)


def test_the_employment_of_the_first_day_counts(cast: Cast) -> None:
    until = date(2026, 6, 1)
    with cast.database.writing() as session:
        cast.employment(session, "staff").valid_until = until
        session.add(
            Employment(person_id=cast.people["staff"], staff_number="200009", kind=EmploymentKind.FISCAL_YEAR_FULL,
                       valid_from=until, valid_until=date(2027, 4, 1))
        )  # fmt: skip
    cast.file("hr", ("staff", "ledger/account"))
    with pytest.raises(InvalidInput, match="フルタイム"):
        cast.file("hr", ("staff", "ledger/enter"), valid_from=until)


def test_a_right_is_taken_without_any_consent(cast: Cast) -> None:
    cast.approve(cast.file("hr", ("staff", "ledger/account")))
    non_regular(cast, "staff")
    revoking = cast.file("hr", ("staff", "ledger/account"), action=RequestAction.REMOVE, effect=LineEffect.REVOKE)
    cast.approve(revoking)
