"""`idm init`: creates or upgrades the database and, once, makes the first record (control A16)."""

from pathlib import Path

import click

from idm.operations.governance.configuration import ConfigurationText
from idm.organisation_file import effective_text as organisation_text
from idm.organisation_file import load_organisation
from idm.policy_file import effective_text, load_profile
from idm.schema import upgrade
from idm.vocabulary import ConfigurationKind
from jobs import first_links, first_record
from jobs.commands.options import unchecked_installation
from jobs.commands.terminal import say
from jobs.passwords.directory_passwords import require_can_check


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
@click.option("--enrolment-links", is_flag=True, help="最初の記録にある責任者の、サインイン登録のリンクを表示します。")
def init(organisation: Path | None, feeds: tuple[Path, ...], *, enrolment_links: bool) -> None:
    """データベースを作成又は更新し、団体の設定を最初の記録として一度だけ登録します。

    人事データを取り込んだあとで --enrolment-links を付けると、最初の責任者が自分のパスワードと認証アプリを
    登録するためのリンクを、一人に一つ、一度だけ表示します。交付の担当者がサインインできるようになると、
    このコマンドでは発行できません。
    """
    installation = unchecked_installation()
    say(f"データベースの版: {upgrade(installation.database)}")
    if organisation is not None:
        for version in first_record.make(installation, texts_of(organisation, feeds)):
            say(f"登録しました: {version.kind.value} {version.name} sha256 {version.digest}")
    if enrolment_links:
        for link in first_links.issue(installation):
            click.echo(f"{link.titles}\t{link.name}\t{link.address}")
        say("リンクは本人にだけ渡してください。もう一度発行すると、前のリンクは使えなくなります。")


def texts_of(organisation: Path, feeds: tuple[Path, ...]) -> list[ConfigurationText]:
    """The canonical texts of an organisation file, its profile, and feed files. Raises ConfigurationInvalid."""
    text = organisation.read_text(encoding="utf-8")
    described = load_organisation(text, organisation.name)
    require_can_check(described)
    profile = load_profile(described.profile)
    named = [
        ConfigurationText(ConfigurationKind.PROFILE, profile.name, effective_text(profile)),
        ConfigurationText(
            ConfigurationKind.ORGANISATION, organisation.stem, organisation_text(text, organisation.name)
        ),
    ]
    named += [ConfigurationText(ConfigurationKind.FEED, feed.stem, feed.read_text(encoding="utf-8")) for feed in feeds]
    return named
