"""People: found by name, reading or number; one person's employments, rights, accounts and years; one's own page.

"What, since when, until when, by which application" is answered for any day (FK 6-2(1)①, controls A1, A9, A16).
"""

from datetime import date
from typing import Any
from urllib.parse import urljoin

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy.orm import Session

from idm.calendar_days import day_of
from idm.ending_rights import may_renew
from idm.grant_state import GrantState
from idm.operations.signing_in.invitations import invite
from idm.operations.signing_in.own_password import kept_elsewhere
from idm.permissions import Action, everywhere, may
from idm.personnel_event import LEAVING_TITLES
from idm.queries.approval.deciders import decides
from idm.queries.organisation.people import PeopleFilter, Presence, people_page, units_on
from idm.queries.organisation.person_record import (
    RightRow,
    checklists_of,
    credentials_of_person,
    hidden_accounts,
    person_record,
    rights_of_person,
    sign_in_of_person,
)
from idm.queries.organisation.tenures import tenures_of_person
from idm.queries.privileged.use_sheets import UseFilter, history_page
from idm.queries.rights.account_status import AccountStatus, accounts_of_person
from idm.queries.signing_in.open_sessions import open_sessions
from idm.queries.signing_in.own_factors import listed, own_factors
from idm.queries.stops.orders import orders_in_force
from idm.queries.sweep.unused_ids import own_cases
from idm.vocabulary import AccountKind, EntitlementKind, Role
from idm.wareki import parse_date
from web import current, oversight_words
from web.factors import authenticators
from web.organisation.person_timeline import IN_FORCE, PAST, PLANNED, SUSPENDED, lanes_of, picture
from web.row_ids import row_id

blueprint = Blueprint("people", __name__)
own_page = Blueprint("me", __name__)
oversight_words.offer(blueprint)

SPAN_WORDS = {
    PLANNED: lazy_gettext("準備中・予定"),
    IN_FORCE: lazy_gettext("有効"),
    SUSPENDED: lazy_gettext("停止中"),
    PAST: lazy_gettext("有効（その後終了）"),
}
"""What the look of a bar says, in words."""


@blueprint.get("/people")
def index() -> str:
    """Everybody whom the filters in the address let through."""
    asked = request.args.get("presence", Presence.EMPLOYED.value)
    wanted = PeopleFilter(
        text=request.args.get("q", "").strip(),
        unit_code=request.args.get("unit") or None,
        presence=Presence(asked) if asked in set(Presence) else None,
    )
    with current.look() as session:
        asked_page = request.args.get("page", 1, type=row_id)
        page = people_page(session, wanted, day=current.today(), asked=asked_page, reader=current.reader())
        units = units_on(session, current.today())
    return render_template("people/index.html", page=page, wanted=wanted, units=units, presences=list(Presence))


@blueprint.get("/people/<int:person_id>")
def show(person_id: int) -> str:
    """One person."""
    return _person_page("people/show.html", person_id)


@own_page.get("/me", endpoint="index")
def own_record() -> str:
    """One's own page: the same record, without what only officers do."""
    return _person_page("people/me.html", current.signed_in().person_id)


@blueprint.post("/people/<int:person_id>/invitation")
def invitation(person_id: int) -> str:
    """The link to enrol with, on the only page that ever shows it; or that a second officer has to issue as well."""
    with current.act("sign_in.invite", ("person", person_id)) as session:
        invited = invite(
            session, person_id=person_id, actor=current.actor(), policy=current.policy(), now=current.now()
        )
        record = person_record(session, person_id, reader=current.reader())
        sign_in = sign_in_of_person(session, person_id, now=current.now())
    if invited.token is None:
        return render_template("people/half_invitation.html", record=record, sign_in=sign_in)
    link = urljoin(current.site().settings.base_url, url_for("enrolment.enrol", token=invited.token))
    return render_template("people/invitation.html", record=record, sign_in=sign_in, link=link)


def _person_page(template: str, person_id: int) -> str:
    on, mistake = _asked_day()
    with current.look() as session:
        facts = _facts(session, person_id)
    record, rights = facts["record"], facts["rights"]
    lanes = lanes_of(record, rights, _handed_over(facts["accounts"]))
    own = person_id == current.signed_in().person_id
    may_hand_over = may(current.roles(), Action.HAND_OVER)
    return render_template(
        template, **facts, **_about_authenticators(own=own), lanes=lanes, picture=picture(lanes, on=on), on=on,
        mistake=mistake,
        on_day=[(lane.title, span) for lane in lanes for span in lane.spans if span.holds_on(on)],
        words=SPAN_WORDS, leavings=LEAVING_TITLES, near=_days_near(on),
        renewable=_renewable(facts["rights"]) if own else frozenset(),
        to_hand_over=_openable(facts["accounts"], rights) if may_hand_over else frozenset(),
        may_unlock=may(current.roles(), Action.UNLOCK_ACCOUNT),
        may_invite=may(current.roles(), Action.INVITE_OFFICER if facts["needs_two"] else Action.INVITE),
        may_audit=may(current.roles(), Action.SEE_AUDIT),
        may_see_uses=own or may(current.roles(), Action.SEE_PRIVILEGED),
        may_end_sessions=may(current.roles(), Action.END_SESSIONS),
        may_end_everybodys=may(current.roles(), Action.END_EVERYBODYS_SESSIONS),
        may_open=own or may(current.roles(), Action.SEE_ALL_REQUESTS),
        may_see_systems=may(current.roles(), Action.SEE_SYSTEMS), own=own, today=current.today(),
    )  # fmt: skip


def _renewable(rights: list[RightRow]) -> frozenset[int]:
    """The rights that one can apply for to go on; whether somebody has already is said on that page."""
    rules, day = current.policy().giving_back, current.today()
    return frozenset(row.right.grant_id for row in rights if may_renew(row.right.valid_until, day, rules))


def _facts(session: Session, person_id: int) -> dict[str, Any]:
    """Everything on record about the person. Raises NotFound."""
    now, delete_after = current.now(), current.policy().personnel.delete_after_days
    reader = current.reader()
    hidden = hidden_accounts(session, person_id, reader=reader)
    accounts = accounts_of_person(session, person_id, now=now, delete_after_days=delete_after)
    record = person_record(session, person_id, reader=reader)
    # Whoever settles only their own unit's things finds them in the list of checklists.
    settles = may(current.roles() - {Role.SECTION}, Action.SETTLE_LEAVING)
    return {
        "record": record,
        "checklists": checklists_of(session, record) if settles else {},
        "rights": rights_of_person(session, person_id, reader=reader),
        "accounts": [account for account in accounts if account.id not in hidden],
        "authenticators": authenticators.of_person(session, person_id),
        "tenures": tenures_of_person(session, person_id, current.today(), reader=reader),
        "credentials": credentials_of_person(session, person_id),
        "sign_in": sign_in_of_person(session, person_id, now=now),
        "stopped_by": orders_in_force(session, person_id=person_id)
        if everywhere(current.roles(), Action.SEE_STOPS)
        else (),
        "needs_two": decides(session, person_id, now=now),
        "places": open_sessions(session, person_id, policy=current.policy(), now=now),
        "second_factors": listed(session, person_id),
        "factors": own_factors(session, person_id),
        "password_elsewhere": kept_elsewhere(session, current.signed_in().person_id),
        "unused_ids": own_cases(session, person_id),
        "privileged_uses": history_page(session, UseFilter(person_id=person_id)),
    }


def _about_authenticators(*, own: bool) -> dict[str, bool]:
    """What the page offers about authenticators; the operations know all the rules."""
    roles = current.roles()
    return {
        "may_see_register": may(roles, Action.SEE_AUTHENTICATORS),
        "may_report_loss": may(roles, Action.REPORT_LOSS),
        "may_issue": may(roles, Action.KEEP_AUTHENTICATORS) and not own,
        "may_report_leak": may(roles, Action.REPORT_LEAK),
        "may_stop": everywhere(roles, Action.ORDER_STOP),
        "may_report_violation": not own and may(roles, Action.REPORT_VIOLATION),
    }


def _asked_day() -> tuple[date, str]:
    """The day in the address (`?on=`), today where there is none; and what is wrong with how it was written."""
    written = request.args.get("on", "").strip()
    if not written:
        return current.today(), ""
    try:
        return parse_date(written).day, ""
    except ValueError as mistake:
        return current.today(), str(mistake)


def _handed_over(accounts: list[AccountStatus]) -> dict[str, date | None]:
    """Login name → the day on which its account was first handed over; None = not yet, and it is to be.

    A privileged ID never is: its password is in our keeping (D6).
    """
    never = {a.login_name: date.min for a in accounts if a.kind is not AccountKind.PERSONAL}
    handed = {a.login_name: day_of(a.handed_over_at) if a.handed_over_at is not None else None for a in accounts}
    return handed | never


def _days_near(day: date) -> list[tuple[str, date]]:
    """Days a reader goes on to from this one: the first day of the fiscal year before and after, and today."""
    begins = day.year if (day.month, day.day) >= (4, 1) else day.year - 1
    years = [(_("前の年度の初日"), date(begins - 1, 4, 1)), (_("次の年度の初日"), date(begins + 1, 4, 1))]
    return [*years, (_("今日"), current.today())]


def _openable(accounts: list[AccountStatus], rights: list[RightRow]) -> frozenset[int]:
    """The accounts that are on their target and whose right is in force: a temporary password can be handed over."""
    systems = {
        row.right.system_id
        for row in rights
        if row.right.kind is EntitlementKind.ACCOUNT and row.right.state is GrantState.IN_FORCE
    }
    daily = (a for a in accounts if a.kind is AccountKind.PERSONAL and a.system_id in systems)
    return frozenset(a.id for a in daily if a.seen is not None and a.seen.present)
