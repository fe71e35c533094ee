"""A personnel file sent from a browser: kept, looked at, confirmed or discarded in the name of a person (control A7).

What is applied is what was shown: the plan is made anew at the confirmation, and if it is another one than that shown,
nothing is applied. The bytes are kept until then, and for a day at most.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm import audit
from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import ContentChanged, IllegalTransition, InvalidInput, NotFound
from idm.feed.profile import load_feed_profile
from idm.models.feeds import FeedRun, FeedSource, UploadedFeed, UploadState
from idm.models.safety import PlannedBatch, RunKind
from idm.operations.hr import feed_import, planned_batches, pushes
from idm.operations.hr.feed_import import Prepared
from idm.operations.hr.planned_batches import PlannedRun
from idm.operations.hr.pushes import CarryingOut
from idm.permissions import Action, require
from idm.personnel.plan_digest import plan_digest
from idm.policy import Policy
from idm.queries.governance.configuration import feed_text_in_force
from idm.queries.organisation.officers import roles_of
from idm.written_text import written

KEPT_FOR = timedelta(hours=24)
LONGEST_NAME = 200


@dataclass(frozen=True)
class SentFile:
    """What somebody sent: for which feed and day, under which name, and the bytes."""

    feed: str
    as_of: date
    file_name: str
    content: bytes


@dataclass(frozen=True)
class Preview:
    """What an uploaded file would do now; `digest` names just this plan."""

    prepared: Prepared
    digest: str


def receive(session: Session, sent: SentFile, *, actor: Actor, policy: Policy, now: datetime) -> UploadedFeed:
    """Afterwards the file waits to be looked at. Raises NotPermitted, InvalidInput, ConfigurationInvalid."""
    _require_permitted(session, actor, now)
    empty_expired(session, actor=actor, now=now)
    profile = load_feed_profile(feed_text_in_force(session, sent.feed, now=now), sent.feed)
    if not sent.content:
        message = "ファイルが空です。ファイルを選び直してください。"
        raise InvalidInput(message, fields={"file": message})
    if len(sent.content) > profile.limits.max_bytes:
        message = f"ファイルが大きすぎます（上限は {profile.limits.max_bytes:,} バイトです）。"
        raise InvalidInput(message, fields={"file": message})
    name = written(sent.file_name, field="file", empty="ファイルの名前がありません。")[-LONGEST_NAME:]
    upload = UploadedFeed(
        feed=sent.feed, file_name=name, content=sent.content, sha256=sha256(sent.content).hexdigest(),
        as_of=sent.as_of, uploaded_by_id=actor.person_id, uploaded_at=now, expires_at=now + KEPT_FOR,
        state=UploadState.WAITING,
    )  # fmt: skip
    session.add(upload)
    session.flush()
    _record(session, "feed.uploaded", upload, actor=actor, now=now, policy_digest=policy.digest)
    return upload


def find(session: Session, upload_id: int, *, now: datetime, lock: bool = False) -> UploadedFeed:
    """The upload that waits. Raises NotFound, and IllegalTransition when it was used, discarded or is too old."""
    query = select(UploadedFeed).where(UploadedFeed.id == upload_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    upload = session.scalars(query).first()
    if upload is None:
        raise NotFound("アップロードしたファイルが見つかりません。")
    if upload.state is UploadState.APPLIED:
        raise IllegalTransition("このファイルはすでに取り込まれています。")
    if upload.state is UploadState.DISCARDED or upload.expires_at <= now:
        raise IllegalTransition(
            "このファイルは破棄されたか、24時間の期限が過ぎています。ファイルをもう一度アップロードしてください。"
        )
    return upload


def preview(
    session: Session, upload: UploadedFeed, *, match_secret: bytes, policy: Policy, now: datetime
) -> Preview:  # fmt: skip
    """What the file would do at this moment. Changes nothing. Raises FeedRefused, ConfigurationInvalid."""
    content = upload.content or b""
    if sha256(content).hexdigest() != upload.sha256:
        raise ContentChanged("保管していたファイルの内容が、受け取ったときと違います。アップロードし直してください。")
    prepared = feed_import.prepare(
        session, content, feed_name=upload.feed, as_of=upload.as_of, match_secret=match_secret, policy=policy, now=now
    )
    return Preview(prepared, plan_digest(prepared.plan, prepared.touched, file_sha256=upload.sha256))


def confirm(
    session: Session, upload_id: int, *, shown_digest: str, match_secret: bytes, actor: Actor, policy: Policy,
    now: datetime,
) -> FeedRun:  # fmt: skip
    """Afterwards exactly what was shown is applied in the name of the person, and the content is gone.

    Returns the run; the one of before where the records already say what the file says. Raises NotPermitted,
    ContentChanged, FeedRefused, SafetyLimit, IllegalTransition.
    """
    _require_permitted(session, actor, now)
    upload = find(session, upload_id, now=now, lock=True)
    looked = preview(session, upload, match_secret=match_secret, policy=policy, now=now)
    _require_shown(looked, shown_digest)
    applied = feed_import.carry_out(
        session, looked.prepared, source=FeedSource.UPLOAD, match_secret=match_secret, actor=actor, policy=policy,
        now=now,
    )  # fmt: skip
    run = applied.run if applied is not None else looked.prepared.repeated
    if run is None:
        raise IllegalTransition("取り込めませんでした。もう一度確かめてください。")
    _end(upload, UploadState.APPLIED)
    upload.run_id = run.id
    by = CarryingOut(feed=upload.feed, match_secret=match_secret, actor=actor, policy=policy, now=now)
    pushes.settle(session, by=by)
    _record(session, "feed.confirmed", upload, actor=actor, now=now, policy_digest=policy.digest)
    return run


def propose_batch(
    session: Session, upload_id: int, *, shown_digest: str, reason: str, match_secret: bytes, actor: Actor,
    policy: Policy, now: datetime,
) -> PlannedBatch:  # fmt: skip
    """Afterwards a batch for exactly this file, day and list of people waits for its permission.

    Raises ContentChanged where the list is not the one that was shown, and what `planned_batches.propose` raises.
    """
    _require_permitted(session, actor, now)
    upload = find(session, upload_id, now=now, lock=True)
    looked = preview(session, upload, match_secret=match_secret, policy=policy, now=now)
    _require_shown(looked, shown_digest)
    return planned_batches.propose(
        session, PlannedRun(RunKind.FEED, upload.as_of, upload.feed, upload.sha256),
        {(one.action, one.staff_number) for one in looked.prepared.touched}, reason=reason, actor=actor,
        policy=policy, now=now,
    )  # fmt: skip


def discard(session: Session, upload_id: int, *, actor: Actor, policy: Policy, now: datetime) -> None:
    """Afterwards the content is gone and nothing was applied. Raises NotPermitted, NotFound, IllegalTransition."""
    _require_permitted(session, actor, now)
    upload = find(session, upload_id, now=now, lock=True)
    _end(upload, UploadState.DISCARDED)
    _record(session, "feed.discarded", upload, actor=actor, now=now, policy_digest=policy.digest)


def expired(session: Session, *, now: datetime) -> list[int]:
    """The uploads that still have a content although their time is over."""
    return list(
        session.scalars(
            select(UploadedFeed.id).where(UploadedFeed.state == UploadState.WAITING, UploadedFeed.expires_at <= now)
        )
    )


def empty_expired(session: Session, *, actor: Actor, now: datetime) -> int:
    """Afterwards none of them has a content. Returns how many had."""
    uploads = [session.get_one(UploadedFeed, upload_id) for upload_id in expired(session, now=now)]
    for upload in uploads:
        _end(upload, UploadState.DISCARDED)
        _record(session, "feed.expired", upload, actor=actor, now=now, policy_digest=None)
    return len(uploads)


def _require_shown(looked: Preview, shown_digest: str) -> None:
    if looked.digest != shown_digest:
        raise ContentChanged(
            "表示した後に、職員の記録や設定が変わりました。何も取り込んでいません。今の内容を確かめ直してください。"
        )


def _end(upload: UploadedFeed, state: UploadState) -> None:
    upload.state, upload.content = state, None


def _require_permitted(session: Session, actor: Actor, now: datetime) -> None:
    roles = roles_of(session, actor.person_id, day_of(now)) if actor.person_id is not None else frozenset()
    require(roles, Action.UPLOAD_FEED)


def _record(
    session: Session, action: str, upload: UploadedFeed, *, actor: Actor, now: datetime, policy_digest: str | None
) -> None:  # fmt: skip
    audit.record(
        session, action=action, actor=actor, obj=("uploaded_feed", str(upload.id)), now=now,
        policy_digest=policy_digest,
        payload={
            "feed": upload.feed, "sha256": upload.sha256, "as_of": upload.as_of.isoformat(), "run": upload.run_id
        },
    )  # fmt: skip
