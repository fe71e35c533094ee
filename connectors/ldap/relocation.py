"""Another login name, another place. An entry's own id, its groups and its password stay as they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.ldap.account_writes import unprotected
from connectors.ldap.dialect import replacing
from connectors.ldap.distinguished_names import named_value, names_by, part, same, split
from connectors.ldap.encoding import Change, Operation, modify, modify_dn
from connectors.ldap.entry_decoding import Entry, first
from connectors.ldap.login_names import LoginNames, Owners
from connectors.ldap.outcomes import Verdict, verdict
from connectors.ldap.pipeline import Answer
from connectors.ldap.result_codes import Verb
from connectors.ldap.site import Site
from idm.errors import TargetError, TargetUnavailable
from idm.ports import MoveAccount, Outcome, RenameAccount


@dataclass(frozen=True)
class Renaming:
    """What one account's new name takes: its entry renamed, then what its entry says of it."""

    dn: str
    new_part: str | None
    old_part: str
    changes: list[Change] = field(default_factory=list)

    @property
    def dn_afterwards(self) -> str:
        """The entry's name once it is renamed."""
        return self.dn if self.new_part is None else f"{self.new_part},{split(self.dn)[1]}"


class Relocator:
    """Every method answers each step in order, and raises TargetError only when nothing was sent."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._names = LoginNames(site)

    # --- renaming ----------------------------------------------------------------------------------------------------

    def rename(self, steps: Sequence[RenameAccount]) -> list[Verdict]:
        """The entry's own name follows where it was the login name.

        Where that takes two requests, the entry is renamed first: cut off in between, the same step finds the rest to
        do. If the second is refused, the first is taken back.
        """
        present = self._site.accounts_by_id([step.external_id for step in steps], *self._name_attributes())
        owners = self._names.owners(step.login_name for step in steps)
        protected = self._site.surroundings.protected().accounts
        verdicts: dict[int, Verdict] = {}
        plans: dict[int, Renaming] = {}
        for index, step in enumerate(steps):
            try:
                plan = self._plan(unprotected(step.external_id, present, protected), step, owners)
            except TargetError as error:
                verdicts[index] = error
                continue
            verdicts[index] = Outcome.UNCHANGED
            if plan.new_part is not None or plan.changes:
                plans[index] = plan
        verdicts.update(self._carry_out(plans))
        return [verdicts[index] for index in range(len(steps))]

    def _name_attributes(self) -> Sequence[str]:
        settings, dialect = self._site.settings, self._site.dialect
        return (dialect.naming_attribute(settings), *dialect.names("x", {}, settings))

    def _plan(self, entry: Entry, step: RenameAccount, owners: Owners) -> Renaming:
        settings, dialect = self._site.settings, self._site.dialect
        wanted = dialect.names(step.login_name, entry.values, settings)
        naming = dialect.naming_attribute(settings)
        old_name = (first(entry.values, settings.login_attribute) or b"").decode(errors="replace")
        differs = [name for name, value in wanted.items() if entry.values.get(name.lower()) != [value.encode()]]
        if differs and (refused := self._names.objection(step.login_name, owners, own=self._site.entries.id_of(entry))):
            raise refused
        old_part, _ = split(entry.dn)
        follows = bool(differs) and names_by(entry.dn, naming) and named_value(entry.dn) == old_name
        follows = follows and old_name != step.login_name
        new_part = part(naming, step.login_name) if follows else None
        done_with_it = naming if new_part is not None else None
        changes = [replacing(name, wanted[name].encode()) for name in differs if name != done_with_it]
        return Renaming(entry.dn, new_part, old_part, changes)

    def _carry_out(self, plans: dict[int, Renaming]) -> dict[int, Verdict]:
        moving = [index for index, plan in plans.items() if plan.new_part is not None]
        said = self._ask(
            [modify_dn(plans[index].dn, plans[index].new_part or "") for index in moving], first_asked=True
        )
        verdicts: dict[int, Verdict] = {
            index: verdict(answer, Verb.RENAME) for index, answer in zip(moving, said, strict=True)
        }
        going_on = [
            index
            for index, plan in plans.items()
            if plan.changes and verdicts.get(index, Outcome.CHANGED) is Outcome.CHANGED
        ]
        said = self._ask(
            [modify(plans[index].dn_afterwards, plans[index].changes) for index in going_on], first_asked=not moving
        )
        for index, answer in zip(going_on, said, strict=True):
            verdicts[index] = verdict(answer, Verb.RENAME)
        refused = [index for index in going_on if index in moving and _was_refused(verdicts[index])]
        back = [modify_dn(plans[index].dn_afterwards, plans[index].old_part) for index in refused]
        for index, answer in zip(refused, self._ask(back, first_asked=False), strict=True):
            if not isinstance(verdict(answer, Verb.RENAME), Outcome):
                verdicts[index] = TargetUnavailable("名前の変更が途中で止まりました。読み直して再実行してください。")
        return verdicts

    def _ask(self, operations: Sequence[Operation], *, first_asked: bool) -> list[Answer | TargetUnavailable]:
        """Not to be connected is an answer too, once something was sent."""
        try:
            return self._site.session.exchange(operations)
        except TargetUnavailable as error:
            if first_asked:
                raise
            return [error] * len(operations)

    # --- moving ------------------------------------------------------------------------------------------------------

    def move(self, steps: Sequence[MoveAccount]) -> list[Verdict]:
        """Only within the settings' people bases: elsewhere the account would not be found again."""
        present = self._site.accounts_by_id([step.external_id for step in steps])
        protected = self._site.surroundings.protected().accounts
        refusals = {container: self._refusal_of(container) for container in {step.container for step in steps}}
        verdicts: dict[int, Verdict] = {}
        operations: dict[int, Operation] = {}
        for index, step in enumerate(steps):
            verdicts[index] = refusals[step.container] or Outcome.UNCHANGED
            try:
                entry = unprotected(step.external_id, present, protected)
            except TargetError as error:
                verdicts[index] = error
                continue
            first_part, place = split(entry.dn)
            if refusals[step.container] is None and not same(place, step.container):
                operations[index] = modify_dn(entry.dn, first_part, new_parent=step.container)
        answers = self._site.session.exchange(list(operations.values()))
        for index, answer in zip(operations, answers, strict=True):
            verdicts[index] = verdict(answer, Verb.MOVE)
        return [verdicts[index] for index in range(len(steps))]

    def _refusal_of(self, container: str) -> TargetError | None:
        try:
            self._site.require_container(container)
        except TargetError as error:
            return error
        return None


def _was_refused(said: Verdict) -> bool:
    return isinstance(said, TargetError) and not isinstance(said, TargetUnavailable)
