"""Names that people decide: one that HR chooses before an account exists, and those used before the product was."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.models.people import Person
from idm.models.systems import Account, ChosenName, InformationSystem, RetiredName
from idm.names.account_names import limit_of, refusal_of, require_usable
from idm.operations.rights.accounts import lock_names
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.governance.configuration import organisation_in_force
from idm.queries.organisation.officers import roles_of
from idm.queries.rights.login_names import why_barred
from idm.vocabulary import AccountKind

LONGEST_NAME = 64
"""Characters a login name may have in any system."""
MISTAKES_TOLD = 20


@dataclass(frozen=True)
class Retired:
    """What an import of names did: how many were new, and how many were known before."""

    added: int
    known: int


def choose_login_name(
    session: Session, person_id: int, system_id: int, name: str, *, actor: Actor, policy: Policy, now: datetime
) -> ChosenName:
    """Afterwards the person's account in the system will have this name, once an approved application makes it.

    The name obeys what made names obey. Raises NotPermitted (not HR, or for oneself), NotFound, IllegalTransition once
    the account exists, InvalidInput with the reason why the name cannot be given.
    """
    require(roles_of(session, actor.person_id or 0, day_of(now)), Action.SUBMIT_DRAFT)
    person, system = session.get(Person, person_id), session.get(InformationSystem, system_id)
    if person is None or system is None:
        raise NotFound("利用者IDを選ぶ職員又は情報システムが見つかりません。")
    if actor.person_id == person_id:
        raise NotPermitted("自分の利用者IDを自分で選ぶことはできません。ほかの人事担当者が選んでください。")
    rule = organisation_in_force(session, now=now).login_names
    lock_names(session, system_id, rule)
    _require_no_account(session, person, system)
    wanted = name.strip()
    require_usable(wanted, rule, limit_of(system.connector))
    bar = why_barred(session, system_id, person_id, wanted, rule)
    if bar is not None:
        raise refusal_of(wanted, bar, limit_of(system.connector))
    return _write(session, person_id, system_id, wanted, actor=actor, policy=policy, now=now)


def _require_no_account(session: Session, person: Person, system: InformationSystem) -> None:
    existing = session.scalar(
        select(Account.login_name).where(
            Account.system_id == system.id, Account.person_id == person.id, Account.kind == AccountKind.PERSONAL
        )
    )
    if existing is not None:
        raise IllegalTransition(
            f"{person.name} さんには「{system.name}」の利用者ID「{existing}」がすでにあります。"
            "作られた利用者IDの名前は変えられません。"
        )


def _write(
    session: Session, person_id: int, system_id: int, name: str, *, actor: Actor, policy: Policy, now: datetime
) -> ChosenName:
    chosen = session.scalar(
        select(ChosenName).where(ChosenName.system_id == system_id, ChosenName.person_id == person_id)
    )
    before = chosen.login_name if chosen is not None else None
    if chosen is None:
        chosen = ChosenName(system_id=system_id, person_id=person_id)
        session.add(chosen)
    chosen.login_name, chosen.chosen_by_id, chosen.chosen_at = name, actor.person_id or 0, now
    session.flush()
    audit.record(
        session, action="account.name_chosen", actor=actor, obj=("person", person_id), now=now,
        policy_digest=policy.digest, payload={"system": system_id, "name": name, "before": before},
    )  # fmt: skip
    return chosen


def retire_names(
    session: Session, lines: Iterable[str], *, system_code: str | None, note: str, actor: Actor, policy: Policy,
    now: datetime,
) -> Retired:  # fmt: skip
    """Afterwards no name of the list is ever given, in the system of that code or, without one, in any system.

    One name a line; blank lines and lines that begin with # say nothing. Letters count as small. Nothing is kept of a
    list with a mistake. Raises NotFound for the system, InvalidInput with the lines that are no names.
    """
    system = session.scalar(select(InformationSystem).where(InformationSystem.code == system_code))
    if system_code is not None and system is None:
        raise NotFound(f"情報システム「{system_code}」がありません。")
    system_id = system.id if system is not None else None
    names = _names_in(lines)
    here = RetiredName.system_id.is_(None) if system_id is None else RetiredName.system_id == system_id
    known = set(session.scalars(select(RetiredName.login_name).where(here)))
    new = [name for name in names if name not in known]
    session.add_all(RetiredName(system_id=system_id, login_name=name, note=note, recorded_at=now) for name in new)
    session.flush()
    audit.record(
        session, action="account.names_retired", actor=actor, obj=("system", system_code or "*"), now=now,
        policy_digest=policy.digest,
        payload={"added": len(new), "known": len(names) - len(new), "note": note,
                 "sha256": sha256("\n".join(names).encode()).hexdigest()},
    )  # fmt: skip
    return Retired(len(new), len(names) - len(new))


def _names_in(lines: Iterable[str]) -> list[str]:
    names: dict[str, None] = {}
    wrong: list[str] = []
    for number, line in enumerate(lines, start=1):
        name = line.lstrip("\ufeff").strip().lower()
        if not name or name.startswith("#"):
            continue
        if len(name) > LONGEST_NAME or not name.isprintable() or any(sign.isspace() for sign in name):
            wrong.append(f"{number}行目")
        names[name] = None
    if wrong:
        more = f" ほか{len(wrong) - MISTAKES_TOLD}行" if len(wrong) > MISTAKES_TOLD else ""
        raise InvalidInput(
            f"名前として読めない行があります（{'、'.join(wrong[:MISTAKES_TOLD])}{more}）。1行に1つ、空白を入れずに"
            f"{LONGEST_NAME}文字までで書いてください。何も登録していません。"
        )
    return list(names)
