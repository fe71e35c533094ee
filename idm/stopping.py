"""How what is stopped here comes to be stopped in a system: by us, by somebody's hands on our order, or not at all."""

from enum import StrEnum

from idm.vocabulary import BY_HAND, Stage


class Stopping(StrEnum):
    """Who stops somebody's use of a system."""

    BY_US = "by_us"
    BY_HAND = "by_hand"
    NOT_BY_US = "not_by_us"


STOPPED_TITLES = {
    Stopping.BY_US: "この届出で、次の利用を止めました。",
    Stopping.BY_HAND: "次の利用は手作業で止めます。手作業の指示書を出しました。作業が終わるまで、止まっていません。",
    Stopping.NOT_BY_US: (
        "次の利用は止まっていません。観察の段階のため idm は止められません。管理者が手で止めてください。"
    ),
}
"""What was done about what rests on something lost."""


def stopping(stage: Stage, connector: str) -> Stopping:
    """Who stops a use of a system: nothing is written, nor ordered, where a system is only observed (control A18)."""
    if stage is Stage.OBSERVE:
        return Stopping.NOT_BY_US
    return Stopping.BY_HAND if connector == BY_HAND else Stopping.BY_US
