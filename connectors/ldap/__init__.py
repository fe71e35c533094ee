"""LDAP directories: one safe adapter, and what differs between directories as data (`dialect`, `dialects`).

`settings` says where and as whom, `connection` opens a verified connection, `encoding` and `decoding` speak the
protocol on it, `pipeline` sends many requests at once, `paging` streams large results. `site` finds entries, and
`surroundings` is what is around them: nothing in OpenLDAP and 389 Directory Server, a domain with administrators of its
own in Active Directory (`active_directory`). The port's verbs are `reading`, `members`, `last_use`, `changes`,
`password_reading`, `password_checks`, `account_writes`, `relocation` and `membership_writes`; `connector` puts them
together. What an answer means is one table, `result_codes`.
"""

from pathlib import Path

SCHEMA_FILE = Path(__file__).with_name("idm.schema")
"""The attributes and the class that mark our accounts, for the directory's administrator to load."""
