"""An external service from its approval to a target that reads back as empty (control I3)."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from idm.calendar_days import day_of, start_of
from idm.errors import InvalidInput
from idm.models.external_services import ExternalService
from idm.models.systems import InformationSystem
from idm.operations.external_services import applications, provider_accounts, service_ends
from idm.operations.external_services.applications import WantedService
from idm.vocabulary import ExternalServiceState, ProviderAccountEnd
from jobs import lifecycle, provision
from jobs.sweep import sweep
from tests.cast import NOW, Cast
from tests.jobs.memory_place import Place, open_place

NOTICE = timedelta(days=30)


@pytest.fixture
def place(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """青木 works with a service that is approved."""
    service = WantedService(
        "クラウド会計", "那珂川電算", "会計", "総務課", "会計の記録", confidential=True, place="日本",
        answers=dict.fromkeys(cast.policy.external_services.questions, "確認した"), system_id=1,
    )  # fmt: skip
    with cast.database.writing() as session:
        session.execute(
            update(InformationSystem).where(InformationSystem.code == "ledger").values(external_service=True)
        )
    with cast.acting("security", "external_service.ask") as session:
        service_id = applications.ask(
            session, service, actor=cast.actor("security"), policy=cast.policy, now=NOW
        ).id  # fmt: skip
    with cast.acting("chief", "external_service.answer") as session:
        applications.answer(
            session, service_id, permit=True, note="確認した", administrator_id=cast.people["system"],
            actor=cast.actor("chief"), policy=cast.policy, now=NOW,
        )  # fmt: skip
    return open_place(cast, tmp_path, monkeypatch)


def service(place: Place) -> ExternalService:
    with place.cast.database.reading() as session:
        return session.scalars(select(ExternalService)).one()


def close(place: Place) -> None:
    cast, now = place.cast, place.clock()
    with cast.acting("system", "external_service.close", now) as session:
        service_ends.close(session, 1, actor=cast.actor("system"), policy=cast.policy, now=now)


def test_a_service_ends_on_its_day_and_closes_when_its_target_reads_back_as_empty(place: Place) -> None:
    cast, now = place.cast, place.clock()
    end = day_of(now) + NOTICE
    with cast.acting("system", "external_service.plan_end", now) as session:
        service_ends.plan(
            session, 1, end_on=end, reason="満了", actor=cast.actor("system"), policy=cast.policy, now=now
        )
        account = provider_accounts.name_account(
            session, 1, name="admin", administers=True, actor=cast.actor("system"), policy=cast.policy, now=now
        ).id
        provider_accounts.done(
            session, account, how=ProviderAccountEnd.DELETED, note="確かめた", actor=cast.actor("system"),
            policy=cast.policy, now=now,
        )  # fmt: skip
    with cast.acting("security", "external_service.account_confirm", now) as session:
        provider_accounts.confirm(session, account, actor=cast.actor("security"), policy=cast.policy, now=now)
    stranger = place.by_hand("somebody")
    place.clock.ahead += start_of(end) - place.clock() + timedelta(hours=1)
    lifecycle.run(place.installation)
    assert place.directory.with_login("u100009") is not None
    provision.run_due(place.installation, worker="w1")
    assert place.directory.with_login("u100009") is None
    with pytest.raises(InvalidInput, match="読取り"):
        close(place)
    sweep.sweep(place.installation, system_code="ledger")
    with pytest.raises(InvalidInput, match="点検結果が1件"):
        close(place)
    del place.directory.accounts[stranger.external_id]
    sweep.sweep(place.installation, system_code="ledger")
    close(place)
    assert service(place).state is ExternalServiceState.CLOSED
    sweep.sweep(place.installation, system_code="ledger")
    assert place.found() == set()
