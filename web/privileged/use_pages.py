"""Pages of the use of privileged IDs that several views come back to: the form to ask, and one use (control D6)."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import render_template
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from idm.errors import NotFound, NotPermitted
from idm.models.people import Person
from idm.models.systems import Account
from idm.operations.privileged.use_notices import to_tell_of_emergency
from idm.permissions import Action, may
from idm.privileged_use_state import HOLDING, UNDER_WAY
from idm.queries.organisation.reach import reaches_system
from idm.queries.privileged.kept import kept_accounts
from idm.queries.privileged.use_sheets import UseSheet, earlier_sheets, overlapping_sheets, stoppable_systems, use_sheet
from idm.queries.privileged.uses import reports_to_check, taken_by, usable_ids, uses_to_decide
from idm.vocabulary import UseState
from web import current
from web.privileged.privileged_words import awaits_attendance, due_to_begin
from web.row_ids import row_id

Typed = Mapping[str, str]


@dataclass(frozen=True)
class Offers:
    """What one use's page offers this person; the operations know all the rules."""

    decide: bool
    attend: bool
    stop: bool
    check: bool
    withdraw: bool
    give_back: bool
    report: bool
    show_password: bool
    bring_key: bool


def asking_page(typed: "MultiDict[str, str]", mistakes: Mapping[str, str], *, emergency: bool) -> str:
    """The form to ask for the use of one ID, with what was typed. Raises NotFound where the person may not use it."""
    me, now = current.signed_in().person_id, current.now()
    account_id = typed.get("account", 0, type=row_id)
    with current.look() as session:
        chosen = next((one for one in usable_ids(session, me, now=now) if one.account_id == account_id), None)
        if chosen is None:
            raise NotFound(_("このIDは、いまあなたが利用を申し出られるIDではありません。"))
        account = session.get_one(Account, account_id)
        names_others = not chosen.own and not emergency and reaches_system(
            session, me, Action.USE_REGISTERED_ID, account.system, current.today()
        )  # fmt: skip
        kept = bool(kept_accounts(session, [account_id]))
        told, nobody = _told(session, account) if emergency else ([], "")
    return render_template(
        "privileged_uses/new.html", chosen=chosen, names_others=names_others, kept=kept, told=told,
        nobody=nobody, typed=typed, mistakes=mistakes, emergency=emergency, rules=current.policy().privileged,
        picked=typed.getlist("grants") if "purpose" in typed else [str(grant_id) for grant_id, _name in chosen.rights],
    )  # fmt: skip


def _told(session: Session, account: Account) -> tuple[list[str], str]:
    """Who would be told of an emergency use at once; or why it cannot begin."""
    me = current.signed_in().person_id
    try:
        people = to_tell_of_emergency(session, account.system, me, now=current.now())
    except NotPermitted as refusal:
        return [], refusal.message
    return [session.get_one(Person, person_id).name for person_id in people], ""


def sheet_of(session: Session, use_id: int) -> UseSheet:
    """The use, for whoever of those signed in has to do with it. Raises NotFound."""
    me, now = current.signed_in().person_id, current.now()
    deciding = any(one.id == use_id for one in uses_to_decide(session, me, policy=current.policy(), now=now))
    sees_all = deciding or may(current.roles(), Action.SEE_PRIVILEGED)
    return use_sheet(session, use_id, reader_id=me, sees_all=sees_all)


def use_page(
    use_id: int, *, problem: str = "", typed: Typed | None = None, mistakes: Typed | None = None, has_key: bool = False
) -> str:
    """One use: where it stands, what comes next, and what this person may do about it.

    `has_key`: this browser brought the key that opens its password.
    """
    with current.look() as session:
        sheet = sheet_of(session, use_id)
        offers = _offers(session, sheet, has_key=has_key)
        looks_closer = offers.decide or may(current.roles(), Action.SEE_PRIVILEGED)
        earlier = earlier_sheets(session, sheet) if looks_closer else []
        overlapping = overlapping_sheets(session, sheet, now=current.now()) if offers.decide else []
        kept_waiting = due_to_begin(sheet) and taken_by(session, sheet.account_id, UNDER_WAY) is not None
    return render_template(
        "privileged_uses/show.html", use=sheet, offers=offers, earlier=earlier, overlapping=overlapping,
        kept_waiting=kept_waiting, window=sheet.window(current.now()), former_password=_former_password(sheet),
        own=sheet.person_id == current.signed_in().person_id, problem=problem, typed=typed or {},
        mistakes=mistakes or {}, rules=current.policy().privileged,
    )  # fmt: skip


def _former_password(sheet: UseSheet) -> int | None:
    """For how many minutes the directory may take what was shown after it was changed; None = it does not."""
    counts = current.site().former_password(sheet.connector) if sheet.password_wanted else None
    return int(counts.total_seconds()) // 60 if counts is not None else None


def _offers(session: Session, sheet: UseSheet, *, has_key: bool) -> Offers:
    me, now, state = current.signed_in().person_id, current.now(), sheet.state
    own = sheet.person_id == me
    waits = state in (UseState.ASKED, UseState.APPROVED)
    to_come = own and sheet.password_to_come
    stoppable = not own and (
        me == sheet.attended_by_id or sheet.system_id in stoppable_systems(session, me, current.today())
    )
    return Offers(
        decide=any(one.id == sheet.id for one in uses_to_decide(session, me, policy=current.policy(), now=now)),
        attend=awaits_attendance(sheet) and me == sheet.attended_by_id,
        stop=stoppable and (state is UseState.ASKED or state in HOLDING),
        check=any(one.id == sheet.id for one in reports_to_check(session, me, now=now)),
        withdraw=waits and me in (sheet.person_id, sheet.named_by_id),
        give_back=own and state is UseState.OPEN,
        report=own and sheet.report_missing,
        show_password=to_come and state is UseState.OPEN and sheet.password_ready and has_key,
        bring_key=to_come and not has_key,
    )  # fmt: skip
