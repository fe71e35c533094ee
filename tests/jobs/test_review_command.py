"""`idm review open|status|close`, and what the nightly run does with access reviews."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from idm.calendar_days import day_of, start_of
from idm.errors import ContentChanged, IllegalTransition, NotFound
from idm.grant_state import GrantState
from idm.models.requests import Grant
from idm.models.reviews import ReviewCampaign, ReviewLine
from idm.operations.reviews import following
from idm.settings import Settings
from idm.vocabulary import ReviewDecision
from jobs import lifecycle
from jobs.command_line import idm as command
from jobs.installation import Installation
from tests.cast import NOW, Cast
from tests.review_office import Reviews


@dataclass
class Office:
    """The cast with rights, and the command at a clock of its own."""

    reviews: Reviews
    installation: Installation
    now: datetime = NOW

    def run(self, *words: str) -> None:
        command.main(["review", *words], standalone_mode=False)

    def campaigns(self) -> int:
        with self.installation.database.reading() as session:
            return session.scalar(select(func.count()).select_from(ReviewCampaign)) or 0

    def live(self) -> int:
        with self.installation.database.reading() as session:
            return session.scalar(select(func.count()).where(Grant.state != GrantState.ENDED)) or 0


@pytest.fixture
def office(cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    settings = Settings(database_url=cast.database.url, secrets_dir=tmp_path / "secrets",
                        checkpoint_file=tmp_path / "checkpoints.jsonl")  # fmt: skip
    office: Office
    installation = Installation(settings, cast.database, lambda: office.now)
    monkeypatch.setattr("jobs.commands.review.installation", lambda: installation)
    office = Office(Reviews.of(cast), installation)
    return office


def test_opening_is_rehearsed_then_done(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.run("open", "--title", "定期", "--all", "--dry-run", "--json")
    said = json.loads(capsys.readouterr().out)
    assert (said["lines"], {one["reviewer"]: one["lines"] for one in said["reviewers"]}) == (
        4, {"香椎　宮子": 3, "百道　浜男": 1},
    )  # fmt: skip
    assert office.campaigns() == 0
    office.run("open", "--title", "定期", "--unit", "0100", "--until", "2026-05-20", "--json")
    said = json.loads(capsys.readouterr().out)
    assert (said["total"], said["answer_until"], office.campaigns()) == (4, "2026-05-20", 1)
    office.run("open", "--title", "会計", "--system", "ledger")
    office.run("open", "--title", "伝票", "--right", "ledger/enter")
    assert office.campaigns() == 3


@pytest.mark.parametrize("words", [(), ("--all", "--system", "ledger")])
def test_exactly_one_scope_is_named(office: Office, words: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        office.run("open", "--title", "定期", *words)


def test_what_is_not_there_is_told(office: Office) -> None:
    for words in (("--system", "nowhere"), ("--right", "ledger/nothing")):
        with pytest.raises(NotFound):
            office.run("open", "--title", "定期", *words)
    with pytest.raises(NotFound):
        office.run("close", "9")


def test_status_tells_who_has_to_answer(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.run("status")
    assert "まだ行われていません" in capsys.readouterr().err
    office.run("open", "--title", "定期", "--all")
    office.reviews.answer("security", {office.reviews.line("staff", "enter"): ReviewDecision.KEEP})
    capsys.readouterr()
    office.run("status", "--json")
    (said,) = json.loads(capsys.readouterr().out)["campaigns"]
    assert (said["answered"], said["waiting"]) == (1, 3)
    assert {one["name"]: (one["waiting"], one["kept"]) for one in said["reviewers"]} == {
        "香椎　宮子": (2, 1), "百道　浜男": (1, 0),
    }  # fmt: skip
    office.run("status")
    assert "香椎　宮子" in capsys.readouterr().out


def test_closing_waits_for_the_last_day_and_the_next_rung(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.run("open", "--title", "定期", "--all")
    with pytest.raises(IllegalTransition):
        office.run("close", "1")
    for days in (31, 50):
        office.now = NOW + timedelta(days=days)
        if days == 31:
            lifecycle.run(office.installation)
    capsys.readouterr()
    office.run("close", "1", "--dry-run", "--json")
    assert json.loads(capsys.readouterr().out)["removed"] == office.live() == 4
    with pytest.raises(IllegalTransition):
        office.run("check", "1")
    office.run("close", "1")
    assert office.live() == 0
    office.run("check", "1")
    assert str(office.reviews.campaign().result_digest) in capsys.readouterr().err
    with office.installation.database.writing() as session:
        session.get_one(ReviewLine, 1).reason = "書換え"
    with pytest.raises(ContentChanged):
        office.run("check", "1")


def test_the_nightly_run_opens_once_a_year_reminds_and_takes_away_what_nobody_answered_for(office: Office) -> None:
    first = date(2027, 4, 1)
    office.now = start_of(first)
    lifecycle.run(office.installation)
    lifecycle.run(office.installation)
    assert office.campaigns() == 1
    assert office.reviews.campaign().answer_until == date(2027, 5, 6), "the first working day after the thirty"
    assert office.live() == 4
    for days in (36, 51):
        office.now = start_of(first + timedelta(days=days))
        lifecycle.run(office.installation)
    assert (office.live(), office.reviews.campaign().closed_at) == (0, office.now)


def test_one_campaign_that_fails_holds_up_no_other_and_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (("--all",), ("--system", "ledger")):
        office.run("open", "--title", "定期", *words)
    follow = following.follow

    def failing(session: Session, campaign_id: int, **rest: Any) -> following.ReviewsFollowed:
        found = follow(session, campaign_id, **rest)
        if campaign_id == 1:
            raise RuntimeError("broken")
        return found

    monkeypatch.setattr(following, "follow", failing)
    office.now = NOW + timedelta(days=31)
    with pytest.raises(RuntimeError, match="broken"):
        lifecycle.run(office.installation)
    assert [office.reviews.campaign(one).escalated_on is not None for one in (1, 2)] == [False, True]
    assert office.reviews.campaign(1).reminded_on == day_of(office.now), "who has yet to answer is told all the same"
