"""The life of an authenticator, from its issue to its destruction (FK 5-4(1), KT 第58).

    issued ──activate──► active ──report_loss──► lost ──recover──► active
      │                    │  └──withdraw──► withdrawn               │
      ├──report_loss──► lost  └──collect──► collected ◄──collect─────┘
      └──collect──► collected               collected ──destroy──► destroyed
                                                 └──report_loss──► lost

Only an active one counts. What somebody enrolled for their own sign-in is withdrawn, as there is nothing to collect.
"""

from enum import StrEnum

from idm.errors import IllegalTransition


class AuthenticatorState(StrEnum):
    """State of an authenticator."""

    ISSUED = "issued"
    ACTIVE = "active"
    LOST = "lost"
    COLLECTED = "collected"
    DESTROYED = "destroyed"
    WITHDRAWN = "withdrawn"


class AuthenticatorEvent(StrEnum):
    """What can happen to it."""

    ACTIVATE = "activate"
    REPORT_LOSS = "report_loss"
    RECOVER = "recover"
    COLLECT = "collect"
    DESTROY = "destroy"
    WITHDRAW = "withdraw"


_S, _E = AuthenticatorState, AuthenticatorEvent
TRANSITIONS: dict[tuple[AuthenticatorState, AuthenticatorEvent], AuthenticatorState] = {
    (_S.ISSUED, _E.ACTIVATE): _S.ACTIVE,
    (_S.ISSUED, _E.REPORT_LOSS): _S.LOST,
    (_S.ISSUED, _E.COLLECT): _S.COLLECTED,
    (_S.ACTIVE, _E.REPORT_LOSS): _S.LOST,
    (_S.ACTIVE, _E.COLLECT): _S.COLLECTED,
    (_S.ACTIVE, _E.WITHDRAW): _S.WITHDRAWN,
    (_S.LOST, _E.RECOVER): _S.ACTIVE,
    (_S.LOST, _E.COLLECT): _S.COLLECTED,
    (_S.LOST, _E.WITHDRAW): _S.WITHDRAWN,
    (_S.COLLECTED, _E.REPORT_LOSS): _S.LOST,
    (_S.COLLECTED, _E.DESTROY): _S.DESTROYED,
}

STATE_TITLES = {
    _S.ISSUED: "交付済み（使用開始前）",
    _S.ACTIVE: "使用中",
    _S.LOST: "紛失",
    _S.COLLECTED: "回収済み",
    _S.DESTROYED: "廃棄済み",
    _S.WITHDRAWN: "登録取消し",
}


def after(state: AuthenticatorState, event: AuthenticatorEvent) -> AuthenticatorState:
    """The state that follows. Raises IllegalTransition when the event may not happen in that state."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise IllegalTransition(f"この認証要素は「{STATE_TITLES[state]}」のため、この操作はできません。")
    return following
