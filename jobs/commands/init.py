"""`idm init`: creates or upgrades the database and, once, makes the first record (control A16)."""

from pathlib import Path

import click

from idm.operations.configuration import ConfigurationText
from idm.organisation_file import effective_text as organisation_text
from idm.organisation_file import load_organisation
from idm.policy_file import effective_text, load_profile
from idm.schema import upgrade
from idm.vocabulary import ConfigurationKind
from jobs import first_record
from jobs.commands.options import unchecked_installation
from jobs.commands.terminal import say


@click.command()
@click.option(
    "--organisation", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="団体の設定ファイル。"
)
@click.option(
    "--feed",
    "feeds",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="人事データの形式ファイル（繰り返せます）。",
)
def init(organisation: Path | None, feeds: tuple[Path, ...]) -> None:
    """データベースを作成又は更新し、団体の設定を最初の記録として一度だけ登録します。"""
    installation = unchecked_installation()
    say(f"データベースの版: {upgrade(installation.database)}")
    if organisation is None:
        return
    for version in first_record.make(installation, texts_of(organisation, feeds)):
        say(f"登録しました: {version.kind.value} {version.name} sha256 {version.digest}")


def texts_of(organisation: Path, feeds: tuple[Path, ...]) -> list[ConfigurationText]:
    """The canonical texts of an organisation file, its profile, and feed files. Raises ConfigurationInvalid."""
    text = organisation.read_text(encoding="utf-8")
    profile = load_profile(load_organisation(text, organisation.name).profile)
    named = [
        ConfigurationText(ConfigurationKind.PROFILE, profile.name, effective_text(profile)),
        ConfigurationText(
            ConfigurationKind.ORGANISATION, organisation.stem, organisation_text(text, organisation.name)
        ),
    ]
    named += [ConfigurationText(ConfigurationKind.FEED, feed.stem, feed.read_text(encoding="utf-8")) for feed in feeds]
    return named
