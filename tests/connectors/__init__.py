"""Tests of the connectors: one contract for all of them, and what is particular to each."""
