"""What goes wrong in the demonstration: a violation with its stop, a stop that was lifted, an accepted risk (H4, J1).

And notices on their way by a mail server that knows one of the addresses no more (C4).
"""

from datetime import timedelta

from sqlalchemy import select

from idm.calendar_days import day_of
from idm.models.people import Person
from idm.models.work import Finding
from idm.operations.stops import lifting, orders, violations
from idm.operations.stops.orders import Why
from idm.operations.sweep import risk_acceptance
from idm.queries.stops.orders import order_sheet
from idm.vocabulary import FindingKind
from jobs import stops
from jobs.demo import mail_server
from jobs.demo.acting import act_as, person_id_of
from jobs.demo.earlier_days import VIOLATOR
from jobs.installation import Installation

LIFTED = "002148"
"""Who was stopped, and let in again the same day."""
WITHOUT_MAIL = "002025"
"""Whose address the mail server refuses."""
RISK = FindingKind.ORPHAN


def report_violation(installation: Installation) -> int:
    """The id of a violation that is on record, with the guidance that was given."""
    found = act_as(
        installation, "security", "violation.report", ("person", VIOLATOR), violations.report,
        person_id_of(installation, VIOLATOR), what="離席するとき、端末をロックしないことが繰り返された。",
        clause="5-4(1)",
    ).id  # fmt: skip
    act_as(
        installation, "security", "violation.guide", ("violation", found), violations.guide, found,
        guidance="面談で対策基準を説明し、今後の注意を求めた。",
    )  # fmt: skip
    return found


def stop_for_violation(installation: Installation, violation_id: int) -> None:
    """Afterwards guidance did not help, and the person is stopped."""
    obj = ("violation", violation_id)
    act_as(
        installation, "security", "violation.guidance_failed", obj, violations.guidance_failed, violation_id,
        note="翌週も同じことがあった。",
    )  # fmt: skip
    act_as(
        installation, "chief", "violation.stop", obj, violations.stop_for, violation_id,
        reason="指導しても改善されないため",
    )  # fmt: skip
    stops.run_due(installation, worker="idm demo")


def stop_and_lift(installation: Installation) -> None:
    """Afterwards one person was stopped on suspicion, and two others have lifted that."""
    ordered = act_as(
        installation, "security", "stop.order", ("person", LIFTED), orders.stop_person,
        person_id_of(installation, LIFTED), Why("見覚えのない端末からの接続の知らせがあったため", "事案R8-001"),
    ).id  # fmt: skip
    stops.run_due(installation, worker="idm demo")
    obj = ("stop", ordered)
    act_as(
        installation, "security", "stop.ask_to_lift", obj, lifting.ask_to_lift, ordered,
        reason="本人の新しい端末からの接続であることを確かめたため",
    )  # fmt: skip
    with installation.database.reading() as session:
        wish = order_sheet(session, ordered).order.wish
    act_as(installation, "chief", "stop.lift", obj, lifting.lift, ordered, shown=wish)
    stops.run_due(installation, worker="idm demo")


def accept_risk(installation: Installation) -> None:
    """Afterwards the CISO has accepted the risk of one finding for a while."""
    with installation.database.reading() as session:
        query = select(Finding.id).where(Finding.kind == RISK, Finding.resolved_at.is_(None)).order_by(Finding.id)
        finding_id = session.scalars(query).first()
    if finding_id is None:
        return
    act_as(
        installation, "ciso", "finding.accept_risk", ("finding", finding_id), risk_acceptance.accept, finding_id,
        reason="庁舎の更新までの間、無効のまま残す", until=day_of(installation.clock()) + timedelta(days=60),
    )  # fmt: skip


def send_notices(installation: Installation) -> None:
    """Afterwards the notices of the day have left, all but those to one person whose address is refused."""
    with installation.database.reading() as session:
        refused = session.get_one(Person, person_id_of(installation, WITHOUT_MAIL)).mail or ""
    mail_server.send_notices(installation, refuses=refused)
