"""What differs from what was approved, which of it gives more, and how it is told."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given

from idm.directory.drift import MORE, Deviation, Difference, differences, gives_more, in_words, stray_kind
from idm.directory.reconciliation import next_wave
from idm.directory.wanted_account import WantedAccount
from idm.ports import MoveAccount, RequireSmartCard, TargetAccount
from idm.vocabulary import FindingKind, FoundState, Stage
from tests.directory.test_reconciliation import (
    ABSENT,
    ACCOUNT,
    KEPT,
    MANAGED,
    OPEN,
    PLACED,
    SHOWN,
    demanding,
    with_cards,
)

MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)

CAN = (MoveAccount, RequireSmartCard)


def kinds(wanted: WantedAccount, seen: TargetAccount) -> set[Deviation]:
    return {one.kind for one in differences(wanted, seen, MANAGED, can=CAN)}


@pytest.mark.parametrize(
    ("wanted", "seen", "kind"),
    [
        (KEPT, replace(SHOWN, groups=frozenset()), Deviation.OPEN),
        (ABSENT, replace(SHOWN, enabled=False, groups=frozenset()), Deviation.KEPT),
        (replace(OPEN, expires_at=MAY), replace(SHOWN, expires_at=JUNE), Deviation.LATE_EXPIRY),
        (replace(OPEN, expires_at=MAY), SHOWN, Deviation.LATE_EXPIRY),
        (replace(OPEN, expires_at=JUNE), replace(SHOWN, expires_at=MAY), Deviation.EARLY_EXPIRY),
        (OPEN, replace(SHOWN, expires_at=MAY), Deviation.EARLY_EXPIRY),
        (OPEN, replace(SHOWN, groups=frozenset({"a", "b"})), Deviation.EXTRA_GROUP),
        (OPEN, replace(SHOWN, groups=frozenset()), Deviation.MISSING_GROUP),
        (replace(OPEN, card_required=True), replace(SHOWN, card_required=False), Deviation.NO_DEMAND),
        (replace(OPEN, factor_group="m", group_required=True), SHOWN, Deviation.NO_DEMAND),
        (
            replace(OPEN, enabled=False, factor_group="m", group_required=False),
            replace(SHOWN, enabled=False, groups=frozenset({"a", "m"})),
            Deviation.GROUP_KEPT,
        ),
        (
            replace(OPEN, enabled=False, card_required=False),
            replace(SHOWN, enabled=False, card_required=True),
            Deviation.CARD_KEPT,
        ),
        (OPEN, replace(SHOWN, enabled=False), Deviation.CLOSED),
        (replace(OPEN, attributes=replace(OPEN.attributes, unit_name="会計課")), SHOWN, Deviation.ATTRIBUTES),
        (PLACED, replace(SHOWN, container="ou=else,dc=x"), Deviation.CONTAINER),
    ],
)
def test_each_deviation_is_told_alone(wanted: WantedAccount, seen: TargetAccount, kind: Deviation) -> None:
    assert kinds(wanted, seen) == {kind}
    assert gives_more(differences(wanted, seen, MANAGED, can=CAN)) is (kind in MORE)


def test_groups_that_stand_for_no_right_are_left_alone() -> None:
    assert kinds(OPEN, replace(SHOWN, groups=frozenset({"a", "foreign"}))) == set()


@given(demanding, with_cards.filter(lambda seen: seen is not None))
def test_what_reconciliation_would_do_nothing_about_differs_in_nothing(
    wanted: WantedAccount, seen: TargetAccount
) -> None:
    for can in ((), CAN):
        nothing_to_do = next_wave(ACCOUNT, wanted, seen, MANAGED, can=can) == ()
        assert nothing_to_do is (differences(wanted, seen, MANAGED, can=can) == ())


def test_it_is_told_by_the_names_of_rights_with_what_would_be_done() -> None:
    what, repair = in_words((Difference(Deviation.OPEN), Difference(Deviation.EXTRA_GROUP, "b")), {"b": "伝票承認"})
    assert what == "使えないはずのIDが使える状態です。承認のないグループ「伝票承認」に入っています。"
    assert repair == "IDを止める、グループ「伝票承認」から外す"


@pytest.mark.parametrize(
    ("state", "stage", "inventoried", "overdue", "kind"),
    [
        (None, Stage.OBSERVE, False, False, None),
        (None, Stage.OBSERVE, True, False, FindingKind.ORPHAN),
        (None, Stage.ENFORCE, False, False, FindingKind.ORPHAN),
        (FoundState.UNDECIDED, Stage.ADOPT, True, False, None),
        (FoundState.PERSON, Stage.ADOPT, True, True, FindingKind.UNADOPTED),
        (FoundState.UNDECIDED, Stage.ENFORCE, True, False, FindingKind.UNADOPTED),
        (FoundState.FINDING, Stage.OBSERVE, True, False, FindingKind.ORPHAN),
        (FoundState.NOT_PERSONAL, Stage.ENFORCE, True, True, None),
    ],
)
def test_an_account_that_is_not_ours_is_found_as_what_is_known_of_it(
    state: FoundState | None, stage: Stage, inventoried: bool, overdue: bool, kind: FindingKind | None
) -> None:
    assert stray_kind(state, adopted=False, stage=stage, inventoried=inventoried, overdue=overdue, over=False) is kind
    assert stray_kind(state, adopted=True, stage=stage, inventoried=inventoried, overdue=overdue, over=False) is None
    registered = stray_kind(state, adopted=True, stage=stage, inventoried=inventoried, overdue=overdue, over=True)
    assert registered is FindingKind.ORPHAN
