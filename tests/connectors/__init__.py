"""Tests of the connectors: one contract for all of them, and what is particular to each."""

import pytest

for part in (
    "ability_contracts",
    "account_contract",
    "contract",
    "password_contract",
    "place_contract",
    "reading_contract",
    "target",
):
    pytest.register_assert_rewrite(f"tests.connectors.{part}")
