"""Restricted rights, services and overlap days: from the organisation file into the register, and never by post."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from idm.errors import InvalidInput
from idm.models.feeds import FeedRun
from idm.models.requests import Request
from idm.models.systems import InformationSystem
from idm.operations.approval import requests
from idm.operations.governance import configuration
from idm.organisation import Organisation
from idm.organisation_file import organisation_from_text
from idm.queries.governance.configuration import version_in_force
from idm.vocabulary import ConfigurationKind, RequestAction, Service, Zone
from tests.cast import NOW, TODAY, Cast


def registered(cast: Cast, organisation: Organisation) -> dict[str, InformationSystem]:
    with cast.database.writing() as session:
        configuration.register_systems(session, organisation)
        systems = {system.code: system for system in session.scalars(select(InformationSystem))}
        for system in systems.values():
            assert system.entitlements
        return systems


def in_force(cast: Cast, **of_enter: object) -> Organisation:
    """The cast's organisation, in which the ledger's right to enter says more of itself."""
    with cast.database.reading() as session:
        table = json.loads(version_in_force(session, ConfigurationKind.ORGANISATION, now=NOW).content)
    table["post_rights"] = []
    next(right for right in table["systems"][0]["rights"] if right["code"] == "enter").update(of_enter)
    return organisation_from_text(json.dumps(table))


def test_what_the_file_says_of_a_right_is_in_the_register(cast: Cast) -> None:
    systems = registered(cast, in_force(cast, by_name_only=True, service="internet"))
    said = {right.code: (right.by_name_only, right.service) for right in systems["ledger"].entitlements}
    assert said["enter"] == (True, Service.INTERNET)
    assert said["approve"] == (False, None)
    systems = registered(cast, in_force(cast))
    assert {right.by_name_only for right in systems["ledger"].entitlements} == {False}


def test_the_overlap_of_a_system_is_in_the_register_and_always_none_for_mynumber(cast: Cast) -> None:
    organisation = in_force(cast)
    wanted = tuple(replace(system, overlap_days=7) for system in organisation.systems)
    systems = registered(cast, replace(organisation, systems=wanted))
    assert systems["pension"].zone is Zone.MYNUMBER
    assert (systems["ledger"].overlap_days, systems["pension"].overlap_days) == (7, 0)
    assert registered(cast, organisation)["ledger"].overlap_days is None


def test_a_restricted_right_is_asked_for_by_name(cast: Cast) -> None:
    registered(cast, in_force(cast, by_name_only=True))
    cast.file("staff", ("staff", "ledger/account"), ("staff", "ledger/enter"))


def test_a_restricted_right_in_an_older_personnel_draft_is_refused(cast: Cast) -> None:
    with cast.database.writing() as session:
        run = FeedRun(feed="town", sha256="0" * 64, applied_at=NOW, as_of=TODAY, row_count=1, joiners=1, movers=0,
                      leavers=0, held=0)  # fmt: skip
        session.add(run)
        session.flush()
        lines = [cast.line(session, "staff", right) for right in ("ledger/account", "ledger/enter")]
        drafted = requests.draft(
            session, action=RequestAction.REGISTER, lines=lines, reason="採用", feed_run_id=run.id, now=NOW,
            system_id=cast.entitlement(session, "ledger/enter").system_id,
        ).id  # fmt: skip
    registered(cast, in_force(cast, by_name_only=True))
    with pytest.raises(InvalidInput, match="名指しして申請"), cast.acting("hr", "request.submit") as session:
        requests.submit(session, session.get_one(Request, drafted), actor=cast.actor("hr"), policy=cast.policy, now=NOW)
