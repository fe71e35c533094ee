"""What HR answers a personnel file: whose a new staff number is, and which character a 外字 stands for (control A7).

An answer changes nobody: it takes effect when a file, the same one or the next, is imported again.
"""

import unicodedata
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import ContentChanged, IllegalTransition, InvalidInput, NotFound, NotPermitted
from idm.feed.gaiji import code_of
from idm.models.feeds import GaijiMapping, MatchQuestion
from idm.models.people import Employment
from idm.names.personal_names import has_private_use
from idm.permissions import Action, require
from idm.policy import Policy
from idm.queries.governance.configuration import feed_text_in_force
from idm.queries.organisation.officers import humans, roles_of
from idm.written_text import written

LONGEST_REPLACEMENT = 8
"""Characters: one written form may need more than one (a variation selector, 々)."""


def find_question(session: Session, question_id: int, *, lock: bool = False) -> MatchQuestion:
    """The question. Raises NotFound."""
    query = select(MatchQuestion).where(MatchQuestion.id == question_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    question = session.scalars(query).first()
    if question is None:
        raise NotFound("照合の問いが見つかりません。")
    return question


def answer_match(
    session: Session, question_id: int, *, person_id: int | None, shown_answer: datetime | None, actor: Actor,
    policy: Policy, now: datetime,
) -> MatchQuestion:  # fmt: skip
    """Afterwards HR has said that the number is this candidate's (`person_id`), or somebody else's (None).

    `shown_answer` is when the answer that the person saw was given. It may be corrected until the number has joined.
    Raises NotPermitted (also about oneself), InvalidInput, IllegalTransition, ContentChanged, NotFound.
    """
    answering = _require_permitted(session, actor, now)
    question = find_question(session, question_id, lock=True)
    candidates = {candidate.person_id for candidate in question.candidates}
    own = humans(session, [answering])[answering].rows
    if own & candidates:
        raise NotPermitted("自分についての照合には、自分では答えられません。ほかの人事担当者が答えてください。")
    if question.answered_at != shown_answer:
        raise ContentChanged("先に別の人が答えました。今の答えを確かめてください。")
    if joined(session, question):
        raise IllegalTransition("この職員番号はすでに登録されているため、答えを変えられません。")
    if person_id is not None and person_id not in candidates:
        message = "候補の人から選んでください。"
        raise InvalidInput(message, fields={"answer": message})
    before = _answer_text(question)
    question.person_id, question.answered_at, question.answered_by_id = person_id, now, answering
    session.flush()
    audit.record(
        session, action="feed.matched", actor=actor, obj=("match_question", str(question.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "feed": question.feed, "staff_number": question.staff_number, "candidates": sorted(candidates),
            "before": before, "answer": _answer_text(question),
        },
    )  # fmt: skip
    return question


def joined(session: Session, question: MatchQuestion) -> bool:
    """Whether the staff number that was asked about is on record by now."""
    known = select(Employment.id).where(Employment.staff_number == question.staff_number)
    return session.scalar(known.limit(1)) is not None


def map_gaiji(
    session: Session, feed: str, character: str, *, replacement: str, note: str, actor: Actor, policy: Policy,
    now: datetime,
) -> GaijiMapping:  # fmt: skip
    """Afterwards the character of this feed is read as the replacement; what it was read as before is kept.

    Raises NotPermitted, InvalidInput, ConfigurationInvalid for an unknown feed.
    """
    decided_by = _require_permitted(session, actor, now)
    feed_text_in_force(session, feed, now=now)
    if len(character) != 1 or not has_private_use(character):
        raise InvalidInput("外字（私用領域の文字）を一文字だけ指定してください。")
    replacement = replacement_of(replacement)
    note = written(note, field="note", empty="何で確かめたかを入力してください（例：辞令の原本）。")
    current = session.scalars(
        select(GaijiMapping)
        .where(
            GaijiMapping.feed == feed, GaijiMapping.character == character, GaijiMapping.replaced_at.is_(None)
        )
        .with_for_update()
    ).first()  # fmt: skip
    if current is not None:
        if current.replacement == replacement:
            message = "すでにこの文字に対応しています。"
            raise InvalidInput(message, fields={"replacement": message})
        current.replaced_at = now
        session.flush()
    mapping = GaijiMapping(
        feed=feed, character=character, replacement=replacement, note=note, decided_by_id=decided_by, decided_at=now
    )
    session.add(mapping)
    session.flush()
    audit.record(
        session, action="feed.gaiji_mapped", actor=actor, obj=("gaiji", str(mapping.id)), now=now,
        policy_digest=policy.digest,
        payload={
            "feed": feed, "character": code_of(character), "replacement": codes_of(replacement),
            "before": codes_of(current.replacement) if current is not None else None, "note": note,
        },
    )  # fmt: skip
    return mapping


def codes_of(text: str) -> str:
    """The codes of a text's characters: U+9AD8 U+E0100."""
    return " ".join(code_of(sign) for sign in text)


def replacement_of(text: str) -> str:
    """The replacement as it is stored: as typed, without outer spaces. Raises InvalidInput."""
    plain = text.strip()
    problem = None
    if not plain:
        problem = "置き換える文字を入力してください。"
    elif len(plain) > LONGEST_REPLACEMENT:
        problem = f"{LONGEST_REPLACEMENT}文字までにしてください。"
    elif has_private_use(plain):
        problem = "外字（私用領域の文字）では置き換えられません。文字コードのある文字を入力してください。"
    elif any(unicodedata.category(sign) in ("Cc", "Cf", "Cn", "Cs", "Zl", "Zp", "Zs") for sign in plain):
        problem = "使えない文字（空白・制御文字など）が含まれています。入力し直してください。"
    elif unicodedata.category(plain[0]).startswith("M"):
        problem = "異体字の指定だけでは文字になりません。元の文字から入力してください。"
    if problem is not None:
        raise InvalidInput(problem, fields={"replacement": problem})
    return plain


def _answer_text(question: MatchQuestion) -> str | int | None:
    """The answer as the audit has it: None = none yet, "other" = somebody else, or the person."""
    if question.answered_at is None:
        return None
    return question.person_id if question.person_id is not None else "other"


def _require_permitted(session: Session, actor: Actor, now: datetime) -> int:
    """Afterwards the actor is a person who may answer; returns who. Raises NotPermitted."""
    roles = roles_of(session, actor.person_id, day_of(now)) if actor.person_id is not None else frozenset()
    require(roles, Action.ANSWER_FEED)
    if actor.person_id is None:
        raise NotPermitted("人事データの照合に答えるのは、人だけです。")
    return actor.person_id
