"""Telling people: mail, digests, absences, addresses that refuse it."""
