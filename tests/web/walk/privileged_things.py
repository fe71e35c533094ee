"""Privileged IDs and uses of them in every state, for the walk: one account for each use that is live at a time."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy.orm import Session

from idm.models.going_live import FoundAccount
from idm.models.privileged import PrivilegedUse, RegisteredId
from idm.models.systems import Account, InformationSystem
from idm.vocabulary import AccountKind, FoundState, UseEnd, UseState
from tests.cast import NOW, TODAY, Cast

LEDGER = "ledger"
STATES = ("asked", "approved", "to attend", "open", "unreported", "reported", "reported emergency", "refused")
OVER = ("unreported", "reported", "reported emergency")


REGISTERED_STATES = ("proposed", "registered", "ended")


def registered_id(session: Session, cast: Cast, state: str, system: InformationSystem) -> int:
    """The id of a shared ID that the manager of the system proposed for the register, in that state."""
    found = FoundAccount(
        system_id=system.id, external_id=f"walk-{state}", login_name=f"walk-{state}", display_name="共用", enabled=True,
        protected=False, marked=False, groups=[], first_seen_at=NOW, last_seen_at=NOW, candidates=[],
        state=FoundState.NOT_PERSONAL, kind=AccountKind.SHARED,
    )  # fmt: skip
    account = Account(
        uuid=uuid4(), system_id=system.id, person_id=None, kind=AccountKind.SHARED, external_id=f"walk-{state}",
        login_name=f"walk-{state}", created_at=NOW,
    )  # fmt: skip
    session.add_all([found, account] if state != "proposed" else [found])
    session.flush()
    row = RegisteredId(
        system_id=system.id, found_id=found.id, kind=AccountKind.SHARED, purpose="受付", owner_id=cast.people["staff"],
        kept=False, valid_until=TODAY + timedelta(days=90), proposed_by_id=cast.people["system"], proposed_at=NOW,
    )  # fmt: skip
    if state != "proposed":
        row.account_id, row.accepted_at, row.accepted_by_id = account.id, NOW, cast.people["chief"]
    if state == "ended":
        row.ended_at, row.end_reason = NOW, "不要"
    session.add(row)
    session.flush()
    return row.id


def kept_account(session: Session, cast: Cast, who: str, system: InformationSystem) -> int:
    """The id of the person's own privileged ID there, whose password is kept."""
    account = Account(
        uuid=uuid4(), system_id=system.id, person_id=cast.people[who], kind=AccountKind.PRIVILEGED,
        login_name=f"walk-kept-{who}", created_at=NOW,
    )  # fmt: skip
    session.add(account)
    session.flush()
    return account.id


def use_of(session: Session, cast: Cast, state: str, system: InformationSystem) -> tuple[int, dict[str, str]]:
    """The id of a use in that state, and who stands in which relation to it."""
    account = Account(
        uuid=uuid4(), system_id=system.id, person_id=None, kind=AccountKind.SHARED,
        login_name=f"walk-{state.replace(' ', '-')}", created_at=NOW,
    )  # fmt: skip
    session.add(account)
    session.flush()
    attended = state == "to attend"
    persons = {"user": "other"} if not attended else {"user": "contractor", "namer": "system", "attendant": "sponsor"}
    if state not in ("asked", "reported emergency"):
        persons["approver"] = "security"
    row = PrivilegedUse(
        account_id=account.id, system_id=system.id, person_id=cast.people[persons["user"]],
        named_by_id=cast.people["system"] if attended else None, state=_state(state),
        emergency=state == "reported emergency", purpose="保守", hours=2, asked_at=NOW, wanted_from=NOW,
        approval_needed=state != "reported emergency", attendance_needed=attended,
        attended_by_id=cast.people["sponsor"] if attended else None,
    )  # fmt: skip
    if "approver" in persons:
        row.approver_id, row.decided_at, row.decision_comment = cast.people["security"], NOW, "確認"
    if state in (*OVER, "open"):
        row.opens_at, row.opened_at, row.ends_at = NOW - timedelta(hours=1), NOW, NOW + timedelta(hours=1)
    if state == "open":
        row.public_key, row.sealed, row.sealed_at = b"k" * 32, b"-", NOW
    if state in OVER:
        row.ended_at, row.end_reason, row.closed_at = NOW, UseEnd.RETURNED, NOW
        row.report_due_at = NOW + timedelta(hours=48)
    if state.startswith("reported"):
        row.report, row.reported_at = "設定を変更した", NOW
    session.add(row)
    session.flush()
    return row.id, persons


def _state(state: str) -> UseState:
    if state in OVER:
        return UseState.ENDED
    return UseState.APPROVED if state == "to attend" else UseState(state)
