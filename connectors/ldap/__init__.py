"""LDAP directories: one safe adapter over ldap3, and what differs between directories as data (`dialect`).

`settings` says where and as whom, `connection` opens a verified connection, `encoding` and `decoding` speak the
protocol on it, `pipeline` sends many requests at once, `paging` streams large results; `reading`, `account_writes` and
`membership_writes` are the port's verbs, `connector` puts them together.
"""

from pathlib import Path

SCHEMA_FILE = Path(__file__).with_name("idm.schema")
"""The attribute and class that mark our accounts, for the directory's administrator to load."""
