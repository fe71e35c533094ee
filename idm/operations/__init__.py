"""Verbs: one file per subject. Find, may it move, may this person, change, record. The caller owns the transaction."""
