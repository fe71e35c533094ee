"""One step as one sentence a clerk can follow and tick, for work that is done by hand (control G2). Pure.

A sentence names the system's own words: the user ID, the person, the group. It never holds a secret: a temporary
password is made by whoever does the work and stands on no order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from idm.calendar_days import day_of, end_to_last_day
from idm.directory.hand_work import CheckAccount, Work
from idm.ports import (
    AddMember,
    AdoptAccount,
    Attributes,
    CreateAccount,
    DeleteAccount,
    ExternalId,
    MoveAccount,
    RemoveMember,
    RenameAccount,
    RequireSmartCard,
    SetEnabled,
    SetPassword,
    SetTemporaryPassword,
    Unlock,
    UpdateAttributes,
)
from idm.wareki import format_wareki


@dataclass(frozen=True)
class About:
    """Whose account in which system. `groups` are the names of rights by the system's name of their group."""

    system_name: str
    login_name: str
    person_name: str | None = None
    person_kana: str | None = None
    groups: Mapping[ExternalId, str] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The account as every sentence names it: ID and person."""
        whose = f"（{self.person_name}）" if self.person_name else ""
        return f"利用者ID「{self.login_name}」{whose}"

    def group(self, group_id: ExternalId) -> str:
        """A group by the name of its right, and by the system's own name where that is another."""
        name = self.groups.get(group_id, group_id)
        return f"「{name}」" if name == group_id else f"「{name}」（グループ名 {group_id}）"


def instruction(work: Work, about: About) -> str:
    """The sentence that asks a person for this step."""
    sentence: str = SENTENCES[type(work)](work, about)
    return sentence


def _create(step: CreateAccount, about: About) -> str:
    return (
        f"「{about.system_name}」に利用者ID「{about.login_name}」を、使えない状態（無効）で新しく登録してください。"
        f"登録する内容：{_entries(step.attributes, about)}。"
    )


def _update(step: UpdateAttributes, about: About) -> str:
    return f"{about.account}の登録内容を次のとおりに直してください：{_entries(step.attributes, about)}。"


def _entries(attributes: Attributes, about: About) -> str:
    """What to type in, each with the name of its field."""
    reading = f"（フリガナ {about.person_kana}）" if about.person_kana else ""
    entries = [f"氏名「{attributes.display_name}」{reading}"]
    entries += [f"職員番号「{attributes.employee_number}」"] if attributes.employee_number else []
    entries += [f"所属「{attributes.unit_name}」"] if attributes.unit_name else []
    return "、".join(entries)


def _set_enabled(step: SetEnabled, about: About) -> str:
    if not step.enabled:
        return f"{about.account}を使えない状態（無効）にしてください。削除はしないでください。"
    return f"{about.account}を使える状態（有効）にし、利用期限を{_end(step.expires_at)}にしてください。"


def _end(expires_at: datetime | None) -> str:
    last_day = end_to_last_day(day_of(expires_at)) if expires_at is not None else None
    return f"{format_wareki(last_day)}まで（この日を含む）" if last_day is not None else "「なし」"


def _add(step: AddMember, about: About) -> str:
    until = f"。期限は{_end(step.until)}にしてください" if step.until is not None else ""
    return f"{about.account}に、権限{about.group(step.group_id)}を付けてください{until}。"


def _remove(step: RemoveMember, about: About) -> str:
    return f"{about.account}から、権限{about.group(step.group_id)}を外してください。"


def _kept_password(_step: SetPassword, about: About) -> str:
    return f"{about.account}に、だれも使っていない長いパスワードを設定し、定めた保管場所に封をしてください。"


def _password(_step: SetTemporaryPassword, about: About) -> str:
    return (
        f"{about.account}に推測されにくい仮パスワードを設定し、最初のサインインで変更を求める設定にして、本人だけに渡して"
        "ください。仮パスワードは、この指示書にも画面にも書かないでください。"
    )


def _delete(_step: DeleteAccount, about: About) -> str:
    return f"{about.account}を「{about.system_name}」から削除してください。"


def _check(_step: CheckAccount, about: About) -> str:
    return (
        f"「{about.system_name}」を開き、{about.account}が、下の「作業のあとの状態」のとおりになっているか確かめて"
        "ください。違うところがあれば直してください。"
    )


def _adopt(_step: AdoptAccount, about: About) -> str:
    return (
        f"「{about.system_name}」に前からある{about.account}が、この職員の使っているものであることを確かめてください。"
        "新しく登録しないでください。"
    )


def _rename(step: RenameAccount, about: About) -> str:
    return f"{about.account}の利用者IDを「{step.login_name}」に変えてください。"


def _move(step: MoveAccount, about: About) -> str:
    return f"{about.account}の登録先を「{step.container}」に移してください。"


def _unlock(_step: Unlock, about: About) -> str:
    return f"{about.account}のロックを解除してください。有効・無効は変えないでください。"


def _smart_card(step: RequireSmartCard, about: About) -> str:
    wanted = "カードがなければ使えない" if step.required else "カードがなくても使える"
    return f"{about.account}を、{wanted}設定にしてください。"


SENTENCES: Mapping[type[Work], Callable[[Any, About], str]] = {
    CreateAccount: _create,
    UpdateAttributes: _update,
    SetEnabled: _set_enabled,
    AddMember: _add,
    RemoveMember: _remove,
    SetTemporaryPassword: _password,
    SetPassword: _kept_password,
    DeleteAccount: _delete,
    CheckAccount: _check,
    AdoptAccount: _adopt,
    RenameAccount: _rename,
    MoveAccount: _move,
    Unlock: _unlock,
    RequireSmartCard: _smart_card,
}
