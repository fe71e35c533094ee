"""The audit record: looked at, and verified against the checkpoints kept elsewhere (controls G1, FK 6-1(4)①②, 6-1(6)③).

Verifying changes and keeps nothing. What this page reads as kept elsewhere is the file of this installation's settings;
an auditor repeats the check with their own copy (`idm audit verify --checkpoints`).
"""

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, render_template, request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from idm import audit
from idm.audit import Verification
from idm.errors import ConfigurationInvalid
from idm.keys.signing import load_public_key
from idm.permissions import Action, may
from idm.queries.logs.audit_record import record_detail
from idm.queries.logs.audit_trail import TrailFilter, TrailPage, audit_trail
from idm.queries.organisation.people import PeopleFilter, PersonRow, people_page
from idm.queries.organisation.person_cards import PersonCard, person_cards
from idm.wareki import parse_date
from web import current
from web.logs import audit_words
from web.row_ids import row_id

blueprint = Blueprint("audit_trail", __name__)
audit_words.offer(blueprint)

PUBLIC_KEY = "audit-signing.pub"


@dataclass(frozen=True)
class Asked:
    """What the address asks for. `candidates` are the people whom a name fits, where it fits more than one."""

    wanted: TrailFilter
    actor: PersonCard | None
    candidates: tuple[PersonCard, ...]
    mistakes: dict[str, str]


@blueprint.get("/audit")
def index() -> str:
    """The records that the filters let through, newest first."""
    with current.look() as session:
        asked = _asked(session)
        nothing = bool(asked.candidates or asked.mistakes)
        page = None if nothing else _trail(session, asked.wanted)
    return render_template(
        "audit/index.html", page=page, asked=asked, typed=request.args, groups=audit_words.GROUPS,
        objects=audit_words.OBJECTS, filters=_without("older"),
    )  # fmt: skip


@blueprint.get("/audit/<int:record_id>")
def show(record_id: int) -> str:
    """One record, with the very text that was hashed."""
    with current.look() as session:
        record = record_detail(session, record_id, reader=current.reader())
    return render_template("audit/show.html", record=record, may_see_people=may(current.roles(), Action.SEE_PEOPLE))


@blueprint.get("/audit/verification")
def verification() -> str:
    """What a verification does, and the button that starts one."""
    return _verification_page()


@blueprint.post("/audit/verification")
def verify() -> str | tuple[str, int]:
    """The whole record was walked again; nothing of it is kept."""
    settings = current.site().settings
    try:
        key = load_public_key(settings.secrets_dir / PUBLIC_KEY)
    except ConfigurationInvalid as problem:
        return _verification_page(problem=problem.message), 409
    with current.look() as session:
        result = audit.verify(
            session, public_key=key, checkpoints_elsewhere=audit.read_checkpoints(settings.checkpoint_file)
        )
    return _verification_page(result, key_id=key.key_id)


def _verification_page(result: Verification | None = None, *, key_id: str = "", problem: str = "") -> str:
    return render_template(
        "audit/verification.html", result=result, key_id=key_id, problem=problem,
        checkpoint_file=current.site().settings.checkpoint_file.absolute(),
    )  # fmt: skip


def _trail(session: Session, wanted: TrailFilter) -> TrailPage:
    return audit_trail(session, wanted, older=request.args.get("older", type=row_id), reader=current.reader())


def _asked(session: Session) -> Asked:
    mistakes: dict[str, str] = {}
    actor, candidates = _actor(session, mistakes)
    wanted = TrailFilter(
        actor_id=actor.person_id if actor is not None else None,
        object_kind=request.args.get("kind") or None,
        object_id=request.args.get("object", "").strip() or None,
        action=request.args.get("action") or None,
        first_day=_day("first_day", mistakes),
        last_day=_day("last_day", mistakes),
        refused_only=request.args.get("refused") == "1",
    )
    return Asked(wanted, actor, candidates, mistakes)


def _actor(session: Session, mistakes: dict[str, str]) -> tuple[PersonCard | None, tuple[PersonCard, ...]]:
    """Whom the address names as the one who acted: by id, by staff number, or by a name that may fit several."""
    day, chosen, text = current.today(), request.args.get("actor", type=row_id), request.args.get("who", "").strip()
    if chosen is not None and not text:
        return person_cards(session, [chosen], day=day, reader=current.reader()).get(chosen), ()
    if not text:
        return None, ()
    found = tuple(row.card for row in _people(session, text))
    exact = tuple(card for card in found if card.staff_number == text)
    if len(exact or found) == 1:
        return (exact or found)[0], ()
    if not found:
        mistakes["who"] = _("「%(text)s」に当たる職員はいません。", text=text)
    return None, found


def _people(session: Session, text: str) -> tuple[PersonRow, ...]:
    return people_page(session, PeopleFilter(text), day=current.today(), reader=current.reader()).rows


def _day(name: str, mistakes: dict[str, str]) -> date | None:
    text = request.args.get(name, "").strip()
    if not text:
        return None
    try:
        return parse_date(text).day
    except ValueError as mistake:
        mistakes[name] = str(mistake)
        return None


def _without(*names: str) -> dict[str, str]:
    """The filters of the address, for a link that changes one of them."""
    return {name: value for name, value in request.args.items() if name not in names and value}
