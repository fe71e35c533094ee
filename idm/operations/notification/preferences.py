"""How somebody wants to be told: at once or once a day, and who has a copy while they are away. Everybody's own."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of, iso
from idm.errors import InvalidInput, NotPermitted
from idm.models.notices import NoticePreference
from idm.models.people import Person
from idm.operations.notification.digests import release
from idm.policy import Policy

LONGEST_AWAY_DAYS = 366


@dataclass(frozen=True)
class Chosen:
    """A choice. Away from the first day until the end (half-open); None and None = here."""

    daily: bool = False
    away_from: date | None = None
    away_until: date | None = None
    told_instead_id: int | None = None


def choose(session: Session, chosen: Chosen, *, actor: Actor, policy: Policy, now: datetime) -> NoticePreference:
    """Afterwards the actor is told as they chose; what waited for a digest they want no more leaves by itself.

    It names nobody a deputy: who decides in somebody's place is the register's matter (代決). Raises InvalidInput.
    """
    if actor.person_id is None:
        raise NotPermitted("通知の設定は、本人だけができます。")
    mistakes = _mistakes(session, chosen, actor.person_id, day_of(now))
    if mistakes:
        raise InvalidInput("入力内容を確認してください。", fields=mistakes)
    preference = session.get(NoticePreference, actor.person_id)
    if preference is None:
        preference = NoticePreference(person_id=actor.person_id)
        session.add(preference)
    preference.daily, preference.changed_at = chosen.daily, now
    preference.away_from, preference.away_until = chosen.away_from, chosen.away_until
    preference.told_instead_id = chosen.told_instead_id
    released = 0 if chosen.daily else release(session, actor.person_id, now=now)
    audit.record(
        session, action="notices.chosen", actor=actor, obj=("person", str(actor.person_id)), now=now,
        policy_digest=policy.digest,
        payload={
            "daily": chosen.daily, "from": iso(chosen.away_from), "until": iso(chosen.away_until),
            "told_instead": chosen.told_instead_id, "released": released,
        },
    )  # fmt: skip
    return preference


def _mistakes(session: Session, chosen: Chosen, own_id: int, day: date) -> dict[str, str]:
    return {**_mistaken_days(chosen, day), **_mistaken_person(session, chosen, own_id, day)}


def _mistaken_days(chosen: Chosen, day: date) -> dict[str, str]:
    if chosen.away_from is None and chosen.away_until is None:
        return {}
    if chosen.away_from is None or chosen.away_until is None:
        missing = "away_from" if chosen.away_from is None else "away_until"
        return {missing: "不在にするときは、始まる日と終わる日の両方を入れてください。"}
    if chosen.away_until <= chosen.away_from:
        return {"away_until": "終わる日は、始まる日以後にしてください。"}
    if chosen.away_until <= day:
        return {"away_until": "終わる日が過ぎています。今日以後の日を入れてください。"}
    if (chosen.away_until - chosen.away_from).days > LONGEST_AWAY_DAYS:
        return {"away_until": "不在の期間は1年までです。長く離れるときは、代決者の指名や人事の手続によってください。"}
    return {}


def _mistaken_person(session: Session, chosen: Chosen, own_id: int, day: date) -> dict[str, str]:
    if chosen.told_instead_id is None:
        return {}
    named = session.get(Person, chosen.told_instead_id)
    wrong = None
    if chosen.away_from is None:
        wrong = "写しを受け取る人を入れるときは、不在の期間も入れてください。"
    elif named is None or not named.employed_on(day):
        wrong = "この人は在職していません。在職している職員の番号を入れてください。"
    elif named.id == own_id:
        wrong = "本人のほかの人を入れてください。"
    elif not named.mail:
        wrong = "この人にはメールアドレスの登録がありません。ほかの人を入れてください。"
    return {"staff_number": wrong} if wrong else {}
