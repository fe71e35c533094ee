"""Accounts at a provider that no connector looks after: named, deleted or returned, and confirmed by another (I3)."""

from datetime import datetime

from sqlalchemy.orm import Session

from idm.actor import Actor
from idm.calendar_days import day_of
from idm.errors import IllegalTransition, InvalidInput, NotFound, SeparationOfDuties
from idm.models.external_services import ExternalService, ProviderAccount
from idm.operations.external_services.authority import locked, named, require_may_keep
from idm.operations.external_services.service_notices import record, tell
from idm.policy import Policy
from idm.queries.organisation.officers import holders, humans
from idm.registers.external_service_state import IN_USE
from idm.vocabulary import ExternalServiceState, ProviderAccountEnd, Role
from idm.written_text import written


def name_account(
    session: Session, service_id: int, *, name: str, administers: bool, actor: Actor, policy: Policy, now: datetime
) -> ProviderAccount:
    """Afterwards it is on record that the account is there; the service does not close before it has gone.

    Raises NotFound, NotPermitted, InvalidInput, IllegalTransition for a service that is not in use.
    """
    service, person_id = locked(session, service_id), named(actor)
    require_may_keep(session, service, person_id, day=day_of(now))
    if service.state not in IN_USE:
        raise IllegalTransition("利用中、又は終了の手続中の外部サービスだけに書けます。")
    said = written(name, field="account", empty="アカウントの名前（パスワードは書かない）を書いてください。")
    row = ProviderAccount(
        service_id=service.id, name=said, administers=administers, named_by_id=person_id, named_at=now
    )
    session.add(row)
    session.flush()
    record(session, "external_service.account_named", service, actor=actor, policy=policy, now=now, account=said)
    return row


def done(
    session: Session, account_id: int, *, how: ProviderAccountEnd | None, note: str, actor: Actor, policy: Policy,
    now: datetime,
) -> ProviderAccount:  # fmt: skip
    """Afterwards somebody has deleted the account or given it back, and said how its being used again was ruled out.

    Raises NotFound, NotPermitted, InvalidInput, IllegalTransition before the end of the service was planned.
    """
    account, service = _of(session, account_id)
    person_id = named(actor)
    require_may_keep(session, service, person_id, day=day_of(now))
    if service.state is not ExternalServiceState.ENDING or account.confirmed_at is not None:
        raise IllegalTransition("削除・返却を記録できるのは、終了の手続中で、まだ確認されていないアカウントです。")
    if how is None:
        raise InvalidInput("削除か返却かを選んでください。", fields={f"how_{account.id}": "選んでください。"})
    said = written(note, field=f"note_{account.id}",
                   empty="再び使えないことを、どのように確かめたかを書いてください。")  # fmt: skip
    account.done_how, account.done_note, account.done_by_id, account.done_at = how, said, person_id, now
    session.flush()
    record(session, "external_service.account_ended", service, actor=actor, policy=policy, now=now,
           account=account.name, how=how.value)  # fmt: skip
    others = {one for role in (Role.SECURITY, Role.CHIEF) for one in holders(session, role, None, day_of(now))}
    tell(session, others - {person_id}, service, "アカウントの廃棄の確認",
         f"アカウント「{account.name}」の廃棄が記録されました。別の人が確認してください。", now=now)  # fmt: skip
    return account


def confirm(session: Session, account_id: int, *, actor: Actor, policy: Policy, now: datetime) -> ProviderAccount:
    """Afterwards another person has confirmed that the account has gone. Raises NotFound, NotPermitted,
    SeparationOfDuties for whoever did it, IllegalTransition."""
    account, service = _of(session, account_id)
    person_id = named(actor)
    require_may_keep(session, service, person_id, day=day_of(now))
    if account.done_at is None or account.confirmed_at is not None:
        raise IllegalTransition("確認を待っているアカウントではありません。")
    if humans(session, [person_id])[person_id].is_one_of(frozenset({account.done_by_id or 0})):
        raise SeparationOfDuties("自分が行った削除・返却を、自分で確認することはできません。（SOD-1）", code="SOD-1")
    account.confirmed_by_id, account.confirmed_at = person_id, now
    session.flush()
    record(session, "external_service.account_confirmed", service, actor=actor, policy=policy, now=now,
           account=account.name)  # fmt: skip
    return account


def _of(session: Session, account_id: int) -> tuple[ProviderAccount, ExternalService]:
    account = session.get(ProviderAccount, account_id, with_for_update=True, populate_existing=True)
    if account is None:
        raise NotFound("アカウントが見つかりません。")
    return account, locked(session, account.service_id)
