"""Applying, step by step: for whom, what, which rights, from when to when and why, look at it, submit (control A1).

Every step is a form that carries everything chosen so far. Only the last one changes anything.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound as NoSuchPage
from werkzeug.wrappers import Response

from idm.calendar_days import end_to_last_day
from idm.errors import InvalidInput, NotFound, Refusal
from idm.factors.factor_gate import Verdict
from idm.operations.approval.requests import draft, submit
from idm.queries.approval.choices import Choice, Scope, choices, find_subjects, scope_of, subject_in_scope
from idm.queries.approval.request_sheet import RequestSheet, StepRow
from idm.queries.factors.gate_outlook import Wanted, gate_outlook
from idm.queries.privileged.caps import CapOutlook, cap_outlook
from idm.vocabulary import LineEffect, RequestAction
from idm.wareki import format_wareki
from web import current, refusals
from web.approval import application_entry
from web.approval.application_entry import STEPS, Entry, Facts
from web.approval.requests import correctable, ended_in_vain, visible_sheet

blueprint = Blueprint("application_wizard", __name__)

CHECK = "check"
PEOPLE_SHOWN = 50
MENDED_ON = {
    "subjects": ("who", "subject"),
    "action": ("what", "what"),
    "entitlements": ("rights", "rights"),
    "valid_from": ("period", "first_day"),
    "valid_until": ("period", "last_day"),
    "reason": ("period", "reason"),
}
"""Field of a refusal → the step on which it can be mended, and what the field is called there."""

Page = tuple[str, int]


@dataclass(frozen=True)
class Sitting:
    """One look at the wizard: what was chosen so far, what it is judged by, and what it corrects."""

    entry: Entry
    facts: Facts
    scope: Scope
    old: RequestSheet | None


@blueprint.get("/requests/new")
def start() -> Page:
    """The first step that is still open; `?cites=` begins from an application that ended without effect."""
    with current.look() as session:
        sitting = _sit(session, application_entry.entry_from(request.args))
        wrong = application_entry.first_mistake(sitting.entry, sitting.facts, before=CHECK)
        if sitting.old is not None and wrong is None:
            return _page(session, sitting, "rights")
        return _page(session, sitting, wrong[0] if wrong else CHECK)


@blueprint.get("/requests/new/<step>")
def begin_again(step: str) -> Response:
    """A step has no address of its own: what was chosen travels in the form."""
    if step not in {*STEPS, CHECK, "submit"}:
        raise NoSuchPage
    return redirect(url_for("application_wizard.start"))


@blueprint.post("/requests/new/<step>")
def take_step(step: str) -> Page:
    """The step asked for; where something before it is wrong, the step on which it can be mended, with the mistakes."""
    if step not in {*STEPS, CHECK}:
        raise NoSuchPage
    with current.look() as session:
        sitting = _sit(session, application_entry.entry_from(request.form))
        wrong = application_entry.first_mistake(sitting.entry, sitting.facts, before=step)
        return _page(session, sitting, *wrong) if wrong else _page(session, sitting, step)


@blueprint.post("/requests/new/submit")
def finish() -> Response | Page:
    """Afterwards the application is submitted, or the page says what is wrong."""
    with current.look() as session:
        sitting = _sit(session, application_entry.entry_from(request.form))
        wrong = application_entry.first_mistake(sitting.entry, sitting.facts, before=CHECK)
        if wrong:
            return _page(session, sitting, *wrong)
    entry, action = sitting.entry, sitting.entry.action or RequestAction.REGISTER
    try:
        with current.act("request.submit", ("person", entry.subject_id or 0)) as session:
            drafted = draft(
                session, action=action, system_id=entry.system_id or 0, lines=application_entry.wanted_lines(entry),
                reason=entry.reason, cites_id=entry.cites_id, now=current.now(),
            )  # fmt: skip
            submit(session, drafted, actor=current.actor(), policy=current.policy(), now=current.now())
    except Refusal as refusal:
        with current.look() as session:
            return _refused(session, sitting, refusal)
    return redirect(url_for("requests.received", request_id=drafted.id))


def _refused(session: Session, sitting: Sitting, refusal: Refusal) -> Page:
    """The step on which the refusal can be mended; where it names no field, the last one."""
    fields = refusal.fields if isinstance(refusal, InvalidInput) else {}
    known = {MENDED_ON[name]: message for name, message in fields.items() if name in MENDED_ON}
    step = next(iter(known), (CHECK, ""))[0]
    mistakes = {name: message for (at, name), message in known.items() if at == step}
    page, _status = _page(session, sitting, step, mistakes, refusal)
    return page, refusals.page_of(refusal)[0]


def _sit(session: Session, entry: Entry) -> Sitting:
    me, day = current.signed_in().person_id, current.today()
    scope = scope_of(session, me, current.roles(), policy=current.policy(), day=day)
    old = _cited(session, entry)
    if old is not None and entry.action is None:
        entry = _entry_of(old, entry.subject_id)
    if entry.subject_id is None and scope.only_oneself:
        entry = entry.about(me)
    subject, reader = None, current.reader()
    if entry.subject_id is not None:
        subject = subject_in_scope(session, scope, entry.subject_id, day=day, reader=reader)
    offered = (
        tuple(choices(session, subject.person_id, policy=current.policy(), reader=reader))
        if subject is not None
        else ()
    )
    facts = Facts(subject, offered, day)
    return Sitting(application_entry.fitted(entry, facts), facts, scope, old)


def _cited(session: Session, entry: Entry) -> RequestSheet | None:
    """The application that this one corrects. Raises NotFound when it is not one's own, or had effect."""
    if entry.cites_id is None:
        return None
    sheet = visible_sheet(session, entry.cites_id)
    if not correctable(sheet):
        raise NotFound(_("直して出し直すことのできる申請ではありません。"))
    return sheet


def _entry_of(old: RequestSheet, subject_id: int | None) -> Entry:
    """What the old application asked in vain for the person (the first one unless named), to begin from."""
    people = {card.person_id for card in correctable(old)}
    subject = subject_id if subject_id in people else next(iter(people))
    lines = [line for line in ended_in_vain(old) if line.subject.person_id == subject]

    def of(effect: LineEffect) -> frozenset[int]:
        return frozenset(line.entitlement_id for line in lines if line.effect is effect)

    last = end_to_last_day(lines[0].valid_until)
    return Entry(
        subject_id=subject, action=old.action, system_id=old.system_id, give=of(LineEffect.GRANT),
        take=of(LineEffect.REVOKE), first_day=format_wareki(max(lines[0].valid_from, current.today())),
        last_day=format_wareki(last) if last is not None else "", reason=old.reason, cites_id=old.request_id,
    )  # fmt: skip


def _page(
    session: Session, sitting: Sitting, step: str, mistakes: Mapping[str, str] | None = None,
    refusal: Refusal | None = None,
) -> Page:  # fmt: skip
    entry, facts = sitting.entry, sitting.facts
    if not mistakes:
        entry = application_entry.with_defaults(entry, facts, step)
    query, people = request.values.get("q", ""), []
    if step == "who":
        people = find_subjects(
            session, sitting.scope, query, day=facts.today, limit=PEOPLE_SHOWN, reader=current.reader()
        )
    give = facts.rights(entry.give, entry)
    page = render_template(
        f"requests/wizard/{step}.html", entry=entry, facts=facts, scope=sitting.scope, old=sitting.old,
        system=facts.system(entry), give=give, take=facts.rights(entry.take, entry),
        errors=mistakes or {}, refusal=refusal, comments=_comments(sitting.old), query=query, people=people,
        people_shown=PEOPLE_SHOWN, logic=application_entry, policy=current.policy(),
        gate=_gate(session, facts, give) if step == CHECK else {},
        cap=_cap(session, entry, facts, give) if step in ("rights", CHECK) else None,
    )  # fmt: skip
    return page, 422 if mistakes else 200


def _gate(session: Session, facts: Facts, give: Collection[Choice]) -> dict[Wanted, Verdict]:
    """What the gate of factors would say of the rights that are asked for."""
    if facts.subject is None:
        return {}
    wanted = [(facts.subject.person_id, right.entitlement_id) for right in give]
    return gate_outlook(session, wanted, policy=current.policy(), now=current.now())


def _cap(session: Session, entry: Entry, facts: Facts, give: Collection[Choice]) -> CapOutlook | None:
    """How the privileged IDs of the system stand, where it has a cap; on the last step only if one is asked for."""
    system = facts.system(entry)
    concerned = give if give else system.rights if system is not None else ()
    if system is None or facts.subject is None or not any(right.privileged for right in concerned):
        return None
    found = cap_outlook(session, system.system_id, [facts.subject.person_id])
    return found if found.cap.most is not None else None


def _who_decided(step: StepRow) -> str:
    """The decider, and in whose place they decided (代決)."""
    place = _("（%(name)sの代決）", name=step.acting_for) if step.acting_for else ""
    return f"{step.decider}{place}"


def _comments(old: RequestSheet | None) -> list[str]:
    """What those who did not approve wrote, each once."""
    lines = old.lines if old is not None else ()
    said = [f"{_who_decided(step)}: {step.comment}" for line in lines for step in line.steps if step.comment]
    return list(dict.fromkeys(said))
