"""Which authenticators what verifies factors in a system can verify at all (FK 3(1)②ア). Pure.

A directory that lets nobody in without a smart card knows smart cards and nothing else. A product that prints who is
enrolled knows the kinds its list has words for. Whatever else asks for a second factor takes any kind but the
directory's own cards. Where nothing verifies, nothing can be seen to work.
"""

from collections.abc import Mapping
from typing import Any

from idm.vocabulary import AuthenticatorKind, VerifiedBy


def verifiable_kinds(verification: Mapping[str, Any] | None) -> frozenset[AuthenticatorKind]:
    """The kinds, by `InformationSystem.verification` (`idm.organisation.Verification` as a mapping)."""
    if not verification:
        return frozenset()
    if verification["by"] == VerifiedBy.SMART_CARD:
        return frozenset({AuthenticatorKind.SMART_CARD})
    listing = verification.get("listing")
    if listing:
        return frozenset(AuthenticatorKind(kind) for kind in listing["words"].values())
    return frozenset(AuthenticatorKind) - {AuthenticatorKind.SMART_CARD}
