"""The codes and titles in the organisation file's list of successors are ones that the personnel file told."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from idm.errors import ConfigurationInvalid
from idm.models.people import Assignment, OrganisationUnit
from idm.organisation import Organisation, Successor
from idm.toml_values import nearest


def require_known_successors(session: Session, organisation: Organisation) -> None:
    """Afterwards every line names a unit and a post that somebody has or had, and a unit that is known to come after.

    The title that comes after is not looked for: nobody has it before its day. Raises ConfigurationInvalid.
    """
    if not organisation.successors:
        return
    posts: dict[str, set[str]] = defaultdict(set)
    rows = select(OrganisationUnit.code, Assignment.post).outerjoin(
        Assignment, Assignment.unit_id == OrganisationUnit.id
    )
    for code, title in session.execute(rows.distinct()):
        posts[code] |= {title} if title is not None else set()
    coming = {unit.code for unit in organisation.units}
    mistakes = tuple(
        f"successors.{number}.{mistake}"
        for number, line in enumerate(organisation.successors)
        for mistake in _unknown(line, posts, coming)
    )
    if mistakes:
        raise ConfigurationInvalid("組織改正の後継（successors）に、知らない課・職名があります。", mistakes=mistakes)


def _unknown(line: Successor, posts: Mapping[str, set[str]], coming: set[str]) -> Iterator[str]:
    if line.unit not in posts:
        yield f"unit: 課「{line.unit}」は人事データにありません。コードを直すか、行を消してください"
    elif line.post is not None and line.post not in posts[line.unit]:
        near = nearest(line.post, sorted(posts[line.unit]))
        perhaps = f"（「{near}」のことですか）" if near else ""
        yield f"post: 課「{line.unit}」に職名「{line.post}」の人はいません{perhaps}。職名を直すか、行を消してください"
    if line.new_unit not in posts.keys() | coming:
        yield (
            f"new_unit: 課「{line.new_unit}」は知られていません。コードを直すか、"
            "新しい課の入った人事データを先に取り込むか、units に書き足してください"
        )
